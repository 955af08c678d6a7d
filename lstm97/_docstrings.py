"""Parts of the estimators' docstrings that are the same for all methods."""

# Parameters of fitting by epochs, which end the list of every iterative estimator.
FITTING = """    max_iter : int, default=200
        Epochs of `fit`.
    tol : float or None, default=1e-4
        `fit` ends when the mean loss per sequence did not fall by this much for
        `n_iter_no_change` epochs; None: after `max_iter` epochs.
    n_iter_no_change : int, default=10
    n_channels : int or None, default=None
        For a 2-D X, whose rows are sequences: the features per step, a row being time-major.
        None takes each row as a single step, and warns; 1 as a univariate series.
    n_jobs : int or None, default=None
        Threads that predict; None means 1 (unless joblib's `parallel_config` says more), -1 one
        per processor. Learning has one thread.
    random_state : int, RandomState instance or None, default=None
        Source of initial weights and of the order of sequences.
    verbose : bool, default=False
        Print the loss after each epoch.
"""

# Of every estimator; {attributes} are those of its own.
ATTRIBUTES = """    Attributes
    ----------
{attributes}
    weights_ : ndarray of shape (n_weights,)
        All weights; ``topology_.views(weights_)`` names them.
    topology_ : Topology
        The net's sizes and switches.
    n_features_in_ : int
        Features per step, or columns of a 2-D X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, if X was a data frame.
    target_steps_ : {{"last", "every"}}
        Whether targets stand at last steps or at every step.
    n_iter_ : int
        Epochs of `fit`, or calls of `partial_fit`.
    loss_curve_ : list of float
        Mean loss per sequence of each epoch or call.
    stop_reason_ : {{"converged", "limit", "diverged"}}
"""

# Of a classifier and of a regressor.
CLASSIFIER_ATTRIBUTES = """    classes_ : ndarray of shape (n_classes,)
        Class labels, in the order of the outputs."""
REGRESSOR_ATTRIBUTES = """    n_outputs_ : int
        Numbers per target.
    target_ndim_ : int
        1, if targets came without an axis of outputs, else 2."""

# Notes on targets.
CLASSIFIER_NOTES = """
    Notes
    -----
    With targets per step, a label that is None or NaN means no target at this step.
"""
REGRESSOR_NOTES = """
    Notes
    -----
    With targets per step, NaN means no target at this step. Targets far from the range of about
    [-1, 1] learn better when scaled to it, for instance by
    :class:`~sklearn.compose.TransformedTargetRegressor`.
"""
