"""The trials that `lstm97 reproduce` runs: all of them, or ten of each setting that is fast."""

from lstm97.experiments.statistics import MIN_TRIALS

# Settings whose ten trials take less than 17 seconds of one core, about three minutes in all.
QUICK = {
    "exp1-lstm-4x1-0.1-hidden",
    "exp1-lstm-4x1-0.1-shortcut",
    "exp1-lstm-4x1-0.5-hidden",
    "exp1-lstm-4x1-0.5-shortcut",
    "exp1-lstm-3x2-0.1",
    "exp1-lstm-3x2-0.1-hidden",
    "exp1-lstm-3x2-0.1-shortcut",
    "exp1-lstm-3x2-0.2",
    "exp1-lstm-3x2-0.2-hidden",
    "exp1-lstm-3x2-0.5-hidden",
    "exp1-lstm-3x2-0.5-shortcut",
    "exp2a-lstm-100-end",
    "exp2a-rtrl-4-4-fast",
    "exp2c-100-100-unfed",
    "exp3a-100-1",
    "exp3b-100-1",
    "exp3b-100-3",
    "exp4-100",
    "exp6a",
    "cerg-1997",
}
QUICK_NOTE = (
    f"A quick run: {MIN_TRIALS} trials of each setting that is fast. The aim needs as many trials "
    "as the paper, and the other settings a full run."
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
    """Return the settings that are fast, with as many trials as a verdict needs.

    Parameters
    ----------
    settings : dict of str to Setting
        Settings by id.

    Returns
    -------
    wanted : dict of str to (Setting, int)
        See `run_missing`. A full run goes on from these trials.
    """
    return {name: (s, MIN_TRIALS) for name, s in settings.items() if name in QUICK}
