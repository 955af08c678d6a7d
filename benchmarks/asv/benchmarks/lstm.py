"""Training and prediction of LSTM."""

from lstm97 import LSTMRegressor
from lstm97.experiments.settings import load_settings
from lstm97.tasks import make_adding, make_embedded_reber, make_long_lag


class OnLine:
    """The adding problem, by form of the gradient and number of blocks of two cells."""

    params = (["step", "sequence", "full"], [2, 8, 32])
    param_names = ("gradient", "n_blocks")

    def setup(self, gradient, n_blocks):
        self.X, self.y = make_adding(400 // n_blocks, T=100, rng=0)
        options = {"gradient": "full"} if gradient == "full" else {"update": gradient}
        self.model = LSTMRegressor.as_published(
            n_blocks, learning_rate=0.01, random_state=0, **options
        )
        self.model.partial_fit(self.X, self.y)

    def time_partial_fit(self, gradient, n_blocks):
        self.model.partial_fit(self.X, self.y)


class SparseInput:
    """The long lag problem: time should not grow with the number of symbols."""

    params = (50, 1000)
    param_names = ("p",)

    def setup(self, p):
        self.X, self.y = make_long_lag(50, q=1000, p=p, rng=0)
        self.model = load_settings()[f"exp2c-1000-{p}"].make_estimator()
        self.model.partial_fit(self.X, self.y, classes=[0, 1])

    def time_partial_fit(self, p):
        self.model.partial_fit(self.X, self.y)


class EveryStep:
    """The embedded Reber grammar, with a target at every step."""

    def setup(self):
        self.X, self.y = make_embedded_reber(1000, rng=0)
        self.model = load_settings()["exp1-lstm-3x2-0.5"].make_estimator()
        self.model.partial_fit(self.X, self.y, classes=range(7))

    def time_partial_fit(self):
        self.model.partial_fit(self.X, self.y)

    def time_predict(self):
        self.model.predict(self.X)


class Predict:
    """Outputs at last steps, by number of blocks of two cells."""

    params = (2, 8, 32)
    param_names = ("n_blocks",)

    def setup(self, n_blocks):
        self.X, y = make_adding(2000 // n_blocks, T=100, rng=0)
        self.model = LSTMRegressor.as_published(n_blocks, random_state=0).partial_fit(
            self.X[:10], y[:10]
        )

    def time_predict(self, n_blocks):
        self.model.predict(self.X)
