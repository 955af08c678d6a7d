"""Parts of the estimators' docstrings that are the same for all methods."""

# Parameters of fitting by epochs, which end the list of every iterative estimator.
FITTING = """    max_iter : int, default=200
        Epochs of `fit`.
    tol : float or None, default=1e-4
        `fit` ends when the mean loss per sequence did not fall by this much for
        `n_iter_no_change` epochs; None: after `max_iter` epochs.
    n_iter_no_change : int, default=10
        Epochs without progress after which `fit` ends.
    early_stopping : bool, default=False
        Hold sequences out, and judge by the score on them instead of the loss: `fit` ends when it
        did not rise by `tol` for `n_iter_no_change` epochs, and keeps the weights of the best one.
    validation_fraction : float, default=0.1
        The part of all sequences that is held out; of each class as large a part, where a class
        belongs to a whole sequence.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit or `partial_fit`, with the net as it is: parameters
        of its size and its initial weights do not count any more, others of the net must be the
        same. Where the last fit ended at its last epoch, by a callback or by Ctrl-C, with the same
        sequences and parameters, the two do together what one would have done, to the last bit.
    n_channels : int or None, default=None
        For a 2-D X, whose rows are sequences: the features per step, a row being time-major.
        None takes each row as a single step, and warns; 1 as a univariate series.
    n_jobs : int or None, default=None
        Threads that predict; None means 1 (unless joblib's `parallel_config` says more), -1 one
        per processor. Learning has one thread.
    random_state : int, RandomState instance or None, default=None
        Source of initial weights and of the order of sequences.
    verbose : bool, default=False
        Print the loss, and with early stopping the score, after each epoch.
{class_weight}"""

# The parameter that classifiers have beside those of their family.
CLASS_WEIGHT = """    class_weight : dict, "balanced" or None, default=None
        What each class counts: the loss of a target of it is multiplied by this, besides the sample
        weight. A dict has numbers by labels, 1 for those that it leaves out; with "balanced", all
        classes that occur count the same in total.
"""

# Of every estimator; {attributes} are those of its own.
ATTRIBUTES = """
    Attributes
    ----------
{attributes}
    weights_ : ndarray of shape (n_weights,)
        All weights; ``topology_.views(weights_)`` names them.
    topology_ : Topology
        The net's sizes and switches.
    n_features_in_ : int
        Columns of a 2-D X; otherwise the same as `n_step_features_in_`.
    n_step_features_in_ : int
        Features per step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X was a data frame, or sequences were.
    x_is_table_ : bool
        Whether X was 2-D, one sequence per row.
    target_steps_ : {{"last", "every"}}
        Whether targets stand at last steps or at every step.
    n_iter_ : int
        Epochs of `fit`, or calls of `partial_fit`.
    loss_curve_ : list of float
        Mean loss per sequence of each epoch or call; with weights, those of the weighted losses.
    validation_scores_ : list of float
        With early stopping: the score after each epoch; NaN for those of fits without it.
    best_validation_score_ : float
        With early stopping: the highest of them, that of `weights_`.
    validation_seed_ : int
        With early stopping: what the sequences held out were drawn by, for `warm_start`.
    stop_reason_ : {{"converged", "limit", "diverged", "callback", "interrupted"}}
        What ended the last fit: its stop rule, `max_iter`, numbers that were no longer finite, a
        callback, or Ctrl-C. A loss that only rises ends a fit as one that stagnates does, and a
        warning tells.
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
