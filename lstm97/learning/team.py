"""Several learners trained at once; where it is faster, their nets form a team in vector lanes."""

from scipy import sparse

from lstm97._kernels.team import N_LANES, N_NETS, TeamNetwork, supports
from lstm97.learning.learner import Results
from lstm97.learning.network import NetworkLearner

# A step of the nets in one register takes about as long as half as many single steps.
FEWEST = max(2, N_LANES // 2 + 1)


class TeamTrainer:
    """Trainer of several learners, whose results are exactly those of `Learner.learn`."""

    def __init__(self):
        self._team = self._topology = None

    def size_for(self, request):
        """Return how many requests like this one should be made together."""
        return N_NETS if fits(*request, request[0]) else 1

    def learn(self, requests):
        """Train each learner on its own sequences; a team does not stop for Ctrl-C.

        Parameters
        ----------
        requests : list of (Learner, Sequences, Targets)

        Returns
        -------
        results : list of Results
        """
        first = requests[0][0]
        if len(requests) < FEWEST or not all(fits(*request, first) for request in requests):
            return [learner.learn(X, y) for learner, X, y in requests]
        n_last = len(requests) % N_LANES  # in the last register, if it is not full
        n_alone = n_last if n_last < FEWEST else 0
        results = [learner.learn(X, y) for learner, X, y in requests[:n_alone]]
        if self._topology != first.topology:
            self._topology, self._team = first.topology, TeamNetwork(first.topology)
        jobs = [(learner.weights, X, y) for learner, X, y in requests[n_alone:]]
        rows = self._team.learn(jobs, first.learning_rate)
        return results + [Results(*each.T) for each in rows]


def fits(learner, X, y, other):
    """Tell whether a net can be in a team with another."""
    return (
        type(learner) is NetworkLearner
        and learner.form == "truncated-forward"
        and learner.update == "step"
        and learner.state is None
        and supports(learner.topology)
        and learner.topology == other.topology
        and learner.learning_rate == other.learning_rate
        and not sparse.issparse(X.flat)
        and y.weight is None
    )
