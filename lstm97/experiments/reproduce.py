"""What `lstm97 reproduce` runs: every experiment, in full or as far as a few minutes go."""

from dataclasses import replace

import numpy as np

QUICK_TRIALS = 2
# Time steps that a quick trial may train on; those of the other methods cost more.
QUICK_STEPS = 10_000_000
QUICK_STEPS_OF_OTHERS = 1_000_000
QUICK_NOTE = (
    f"A quick run: {QUICK_TRIALS} trials of each setting, with {QUICK_STEPS:,} time steps of "
    f"training at the most, {QUICK_STEPS_OF_OTHERS:,} for methods other than LSTM. Long tasks are "
    "not solved within that; only the full run has figures that count."
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
    n_steps = QUICK_STEPS if setting.method == "lstm" else QUICK_STEPS_OF_OTHERS
    limit = n_steps * len(X) // X.n_steps
    return replace(setting, limit=min(setting.limit, max(1000, limit // 1000 * 1000)))
