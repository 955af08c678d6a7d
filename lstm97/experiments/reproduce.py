"""The trials that `lstm97 reproduce` runs: in full, or in a quick version of a few minutes."""

from dataclasses import replace

import numpy as np

QUICK_TRIALS = 2
# Time steps of training in a quick trial. Methods other than LSTM get fewer, as they are slower.
QUICK_STEPS = 10_000_000
QUICK_STEPS_OF_OTHERS = 1_000_000
QUICK_STREAMS = 1000
QUICK_NOTE = (
    f"A quick run: {QUICK_TRIALS} trials of each setting, with at most {QUICK_STEPS:,} time steps "
    f"of training, or {QUICK_STEPS_OF_OTHERS:,} for methods other than LSTM. That is not enough "
    "for long tasks; only the figures of a full run are comparable with the paper's."
)


def full(settings):
    """Return all settings with the paper's numbers of trials.

    Parameters
    ----------
    settings : dict of str to Setting
        Settings by id.

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`.
    """
    return {name: (setting, setting.trials) for name, setting in settings.items()}


def quick(settings):
    """Return all settings with few trials, and with limits that bound the time steps.

    Parameters
    ----------
    settings : dict of str to Setting
        Settings by id.

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`. With another limit a setting has another digest, so records of quick and
        full runs are never mixed.
    """
    return {name: (_shortened(setting), QUICK_TRIALS) for name, setting in settings.items()}


def _shortened(setting):
    """Return a setting with a limit that the time steps of a quick trial allow."""
    if setting.is_stream:
        return replace(setting, limit=min(setting.limit, QUICK_STREAMS))
    rng = np.random.default_rng(0)
    task = setting.make_task()
    task.prepare(rng)
    X, _ = task.draw(100, rng)
    n_steps = QUICK_STEPS if setting.method == "lstm" else QUICK_STEPS_OF_OTHERS
    limit = n_steps * len(X) // X.n_steps
    return replace(setting, limit=min(setting.limit, max(1000, limit // 1000 * 1000)))
