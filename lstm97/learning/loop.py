"""The one training loop, and the history that it returns."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What training did.

    Attributes
    ----------
    n_sequences : int
        Sequences trained on.
    losses : list of float
        Mean loss per sequence of each block.
    reason : str
        "limit" when the blocks ran out, "diverged", "callback", or the stop rule's.
    """

    n_sequences: int = 0
    losses: list = field(default_factory=list)
    reason: str = "limit"


def train(learner, blocks, rule, on_block=None):
    """Train until a rule stops it or the blocks run out.

    The result is that of looking at the rule after every sequence: where it stops within a block,
    the learner goes back to the block's start and learns up to that sequence again. So it does
    before a sequence whose loss, or whose weights, are no longer finite.

    Parameters
    ----------
    learner : Learner
    blocks : iterable of (Sequences, Targets)
    rule : StopRule
    on_block : callable, default=None
        Called with the history after every block; training ends where it returns true.

    Returns
    -------
    History
    """
    return run_alone(training_steps(learner, blocks, rule, on_block))


def run_alone(steps):
    """Let a generator's learners learn what it asks for, and return its result."""
    try:
        learner, X, y = next(steps)
        while True:
            learner, X, y = steps.send(learner.learn(X, y))
    except StopIteration as end:
        return end.value


def training_steps(learner, blocks, rule, on_block=None):
    """Do as `train`, but ask for each block's results: several trainings can go side by side.

    Yields
    ------
    learner, X, y
        What is to be learned; `Learner.learn` gives the results to send back.

    Returns
    -------
    History
    """
    history = History()
    for X, y in blocks:
        start = learner.snapshot()
        results = yield learner, X, y
        n = len(results.loss)
        is_due = n == len(X) or (n and not rule.needs_whole_blocks)
        stop = rule.look(results) if is_due else None
        if stop is not None:
            n, history.reason = stop
        elif n < len(X):
            history.reason = "diverged"
        if n < len(X):
            _replay(learner, X, y, start, n)
        if not learner.is_finite():
            n, history.reason = _last_finite(learner, X, y, start, n), "diverged"
        if history.reason == "diverged" and not learner.is_online:
            n = 0  # nothing was learned from this batch
        history.n_sequences += n
        if n:
            history.losses.append(float(results.loss[:n].mean()))
        if not _goes_on(learner, results, history, on_block):
            break
    return history


def _goes_on(learner, results, history, on_block):
    """Let learner and caller act between two blocks; tell whether there is to be another."""
    if history.reason == "limit":
        learner.end_epoch(results)
    if on_block is not None and on_block(history) and history.reason == "limit":
        history.reason = "callback"
    return history.reason == "limit"


def _replay(learner, X, y, start, n):
    """Go back to the block's start and learn its first n sequences, if that can be done."""
    learner.restore(start)
    if n and learner.is_online:
        learner.learn(X[:n], y[:n])


def _last_finite(learner, X, y, start, n):
    """Go back to the last sequence, before the n-th, after which all weights were finite.

    Weights that are not finite stay so: the place is found by halving.
    """
    low = 0
    while learner.is_online and n - low > 1:
        middle = (low + n) // 2
        _replay(learner, X, y, start, middle)
        low, n = (middle, n) if learner.is_finite() else (low, middle)
    _replay(learner, X, y, start, low)
    return low
