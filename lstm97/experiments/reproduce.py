"""What `lstm97 reproduce` runs: every experiment, in full or as far as a few minutes go."""

from dataclasses import replace

import numpy as np

QUICK_TRIALS = 2
QUICK_STEPS = 12_000_000  # time steps that a quick trial may train on
QUICK_NOTE = (
    f"A quick run: {QUICK_TRIALS} trials of each setting, with {QUICK_STEPS:,} time steps of "
    "training at the most. Long tasks are not solved within that; only the full run has figures "
    "that count."
)


def full(settings):
    """Return all settings with the paper's numbers of trials.

    Parameters
    ----------
    settings : dict of str to Setting

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`.
    """
    return {name: (setting, setting.trials) for name, setting in settings.items()}


def quick(settings):
    """Return all settings with few trials and low limits, whatever the lengths of sequences.

    Parameters
    ----------
    settings : dict of str to Setting

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`. The limits make these other settings than the full ones: their records
        are not mixed.
    """
    return {name: (_shortened(setting), QUICK_TRIALS) for name, setting in settings.items()}


def _shortened(setting):
    rng = np.random.default_rng(0)
    task = setting.make_task()
    task.prepare(rng)
    X, _ = task.draw(100, rng)
    limit = QUICK_STEPS * len(X) // X.n_steps
    return replace(setting, limit=min(setting.limit, max(1000, limit // 1000 * 1000)))
