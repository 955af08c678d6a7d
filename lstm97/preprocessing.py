"""`StepwiseTransformer`, which applies a scikit-learn transformer to every step."""

import copy
from collections.abc import Callable
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from lstm97.data.checks import as_steps, holds_strings, naming, refuse_masked, repeated
from lstm97.data.containers import as_array, is_missing, stated_ndim, unpack
from lstm97.data.input import check_step_names, check_table, check_width
from lstm97.data.sequences import Sequences, SequencesLike, as_sequences, is_ragged
from lstm97.data.targets import TargetsLike, as_labels, flatten_steps, has_steps


def _wraps(method: str) -> Callable[[Any], bool]:
    """Return a condition for `available_if`: the wrapped transformer has this method."""

    def check(self: Any) -> bool:
        getattr(getattr(self, "transformer_", self.transformer), method)
        return True

    return check


class StepwiseTransformer(TransformerMixin, BaseEstimator):
    """Transformer that applies a scikit-learn transformer to every step of sequences.

    The wrapped transformer sees a table with one row per step, and knows nothing of sequences. It
    is fitted on the steps of all sequences together, and must turn each row into one row of
    numbers, which is the step of the transformed sequence.

    Parameters
    ----------
    transformer : object
        The transformer to wrap: StandardScaler, PCA, SimpleImputer, KBinsDiscretizer, a pipeline
        of these, and so on. It is cloned before it is fitted.
    n_channels : int, default=None
        Number of features per step if X is 2-D. Each row is then a sequence: all features of the
        first step, then those of the second, and so on. None means that each row is a single step,
        so that the result is that of the wrapped transformer alone.

    Attributes
    ----------
    transformer_ : object
        The fitted transformer.
    n_features_in_ : int
        Number of columns if X was 2-D; otherwise equal to `n_step_features_in_`.
    n_step_features_in_ : int
        Number of features per step.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns if X was a DataFrame with names, or held such DataFrames.

    Notes
    -----
    The result has the form of X. A 2-D X gives a 2-D array, or a CSR array if the wrapped
    transformer returns one. A 3-D X gives a 3-D array, or `Sequences` if the steps become sparse.
    Lists and all other forms give `Sequences`. Steps are float64, and the wrapped transformer sees
    them without names. If sequences hold strings, which OneHotEncoder takes, it sees objects
    instead, with NaN for all that is missing.

    X may hold NaN, but not infinity, if the wrapped transformer accepts it. `Sequences` cannot hold
    NaN, so an imputer has to come first, or in one pipeline with the other transformers, which is
    then wrapped as a whole.

    If y has one target per sequence, the wrapped transformer sees it at each step of that sequence.
    `fit_transform` is `fit` followed by `transform`, so TargetEncoder loses the cross-fitting of
    its own `fit_transform`.

    In a grid search over a pipeline with a step named "stepwise", parameters of the wrapped
    transformer have names like `stepwise__transformer__with_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from lstm97 import StepwiseTransformer
    >>> X = [np.array([[1.0, 30.0], [np.nan, 10.0]]), np.array([[5.0, 20.0]])]
    >>> scaler = StepwiseTransformer(make_pipeline(SimpleImputer(), StandardScaler()))
    >>> scaled = scaler.fit_transform(X)
    >>> scaled
    <Sequences: 2 sequences, 1 to 2 steps, 2 features>
    >>> scaled[0].round(2)
    array([[-1.22,  1.22],
           [ 0.  , -1.22]])
    """

    _parameter_constraints = {
        "transformer": [HasMethods(["fit", "transform"])],
        "n_channels": [None, Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, transformer: Any, *, n_channels: int | None = None) -> None:
        self.transformer = transformer
        self.n_channels = n_channels

    # -- public methods --------------------------------------------------------------------------

    def fit(self, X: SequencesLike, y: TargetsLike | None = None) -> Self:
        """Fit the transformer to the steps of all sequences.

        Parameters
        ----------
        X : array-like
            Sequences, in any form that the estimators take. They may hold NaN, see Notes.
        y : array-like, default=None
            One target per sequence, or one array per sequence with a target for each step.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X has infinite values, or NaN where the wrapped transformer refuses it; if X and y do
            not match; or if the wrapped transformer refuses them. The transformer is unchanged.
        """
        return self._fit("fit", X, y, reset=True)

    @available_if(_wraps("partial_fit"))
    def partial_fit(self, X: SequencesLike, y: TargetsLike | None = None) -> Self:
        """Fit the transformer to more sequences.

        This method exists only if the wrapped transformer has a `partial_fit`.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like, default=None
            As for `fit`.

        Returns
        -------
        self : object
            The fitted transformer. It is unchanged if the input is invalid.
        """
        return self._fit("partial_fit", X, y, reset=not hasattr(self, "transformer_"))

    def transform(self, X: SequencesLike) -> Any:
        """Transform every step.

        Parameters
        ----------
        X : array-like
            As for `fit`.

        Returns
        -------
        X_new : Sequences, ndarray or CSR array
            Transformed steps in the form of X, see Notes.

        Raises
        ------
        ValueError
            If the wrapped transformer does not return one row for each step; if the result would be
            `Sequences` with NaN or infinity; or if `set_output` asks for a DataFrame, and X is not
            2-D with as many columns as in `fit`.
        """
        check_is_fitted(self)
        model = copy.copy(self)  # another thread may fit the original meanwhile
        with naming("X"):
            X = unpack(X)
        steps = model._check_X(X, reset=False)
        has_names = not is_ragged(X) and steps.lengths[0] == model._steps_per_row()
        if model._makes_tables() and not has_names:
            raise ValueError(
                "set_output, or transform_output of set_config: only a 2-D X with as many steps in "
                "a row as in fit can become a DataFrame; for sequences, call "
                'StepwiseTransformer.set_output(transform="default")'
            )
        return model._apply("transform", steps, X)

    def fit_transform(self, X: SequencesLike, y: TargetsLike | None = None) -> Any:
        """Fit, and transform the same sequences; if that fails, the transformer is unchanged.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        y : array-like, default=None
            As for `fit`.

        Returns
        -------
        X_new : Sequences, ndarray or CSR array
            As from `transform`.
        """
        work = copy.copy(self)
        transformed = work.fit(X, y).transform(X)
        self.__dict__ = work.__dict__
        return transformed

    @available_if(_wraps("inverse_transform"))
    def inverse_transform(self, X: SequencesLike) -> Any:
        """Transform every step back.

        This method exists only if the wrapped transformer has an `inverse_transform`.

        Parameters
        ----------
        X : array-like
            Result of `transform`. Rows of a 2-D X have as many steps as rows in `fit`, or one step
            if `fit` had no 2-D X.

        Returns
        -------
        X_original : Sequences, ndarray or CSR array
            Steps before `transform`, in the form of X, see Notes.
        """
        check_is_fitted(self)
        model = copy.copy(self)  # as in transform
        with naming("X"):
            X = unpack(X)
        return model._apply("inverse_transform", model._check_transformed(X), X)

    @available_if(_wraps("get_feature_names_out"))
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of transformed features.

        This method exists only if the wrapped transformer has a `get_feature_names_out`.

        Parameters
        ----------
        input_features : array-like of str of shape (`n_features_in_`,), default=None
            Names of the features of X. None means `feature_names_in_` if it is there, and x0, x1,
            ... otherwise.

        Returns
        -------
        names : ndarray of str
            Names of the features of a step. If `fit` had a 2-D X with several steps in a row, names
            of all columns, with `step0__`, `step1__`, ... in front.
        """
        check_is_fitted(self)
        model = copy.copy(self)  # as in transform
        names = _check_feature_names_in(model, input_features)
        steps = np.split(names, model._steps_per_row())
        steps = [model.transformer_.get_feature_names_out(step) for step in steps]
        if len(steps) == 1:
            return steps[0]
        return np.array(
            [f"step{i}__{name}" for i, step in enumerate(steps) for name in step], dtype=object
        )

    # -- input -----------------------------------------------------------------------------------

    def _fit(self, method: str, X: Any, y: Any, reset: bool) -> Self:
        """Fit a copy, and take over its attributes at the end, so that an error changes nothing."""
        self._validate_params()
        work = copy.copy(self)
        steps = work._check_X(X, reset)
        y = _at_steps(y, steps.lengths)
        with naming("transformer"):
            work.transformer_ = (
                clone(self.transformer) if reset else copy.deepcopy(self.transformer_)
            )
        work._call(method, steps, y)
        self.__dict__ = work.__dict__
        return self

    def _check_X(self, X: Any, reset: bool) -> Sequences:
        """Convert X to sequences that may hold NaN."""
        with naming("X"):
            X = unpack(X)
        if is_ragged(X):
            steps = _collect(X)
            if reset:
                self.n_features_in_ = self.n_step_features_in_ = steps.n_features
            check_width(self, steps)
            check_step_names(self, X, reset)
            return steps
        X = check_table(self, X, reset)
        steps = _Steps.from_rows(X, self.n_channels or X.shape[1])
        if reset:
            self.n_step_features_in_ = steps.n_features
        check_width(self, steps)
        return steps

    def _check_transformed(self, X: Any) -> Sequences:
        """Convert transformed X to sequences; the wrapped transformer checks their width."""
        if is_ragged(X):
            return _collect(X)
        X, n_steps = as_steps(X, "X"), self._steps_per_row()
        if X.shape[1] % n_steps:
            raise ValueError(
                f"X has {X.shape[1]} columns, which cannot be divided into {n_steps} steps"
            )
        flat = X.reshape(X.shape[0] * n_steps, -1)
        return _Steps.from_lengths(flat, np.full(X.shape[0], n_steps))

    def _steps_per_row(self) -> int:
        """Return the number of steps in a row of the 2-D X in `fit`; 1 if X was not 2-D."""
        return self.n_features_in_ // self.n_step_features_in_

    # -- output ----------------------------------------------------------------------------------

    def _call(self, method: str, steps: Sequences, *args: Any) -> Any:
        """Call the wrapped transformer; if it refuses NaN, report where the first one is."""
        try:
            with (
                naming(type(self.transformer_).__name__),
                config_context(transform_output="default"),  # an array, even after set_config
            ):
                return getattr(self.transformer_, method)(steps.flat, *args)
        except ValueError as error:
            if "X contains NaN" in str(error) and steps.flat.dtype.kind == "f":
                Sequences.check_finite(steps)
            raise

    def _apply(self, method: str, steps: Sequences, X: Any) -> Any:
        """Call a method of the wrapped transformer, and give its result the form of X."""
        rows = self._call(method, steps)
        name = f"the output of {type(self.transformer_).__name__}.{method}"
        if np.shape(rows)[:1] != (steps.n_steps,):
            raise ValueError(
                f"{name} has shape {np.shape(rows)}, but it must have one row for each of the "
                f"{steps.n_steps} steps"
            )
        flat = as_steps(rows, name)
        if not is_ragged(X):
            return flat.reshape(len(steps), -1)
        if stated_ndim(X) == 3 and not sparse.issparse(flat):
            return flat.reshape(*X.shape[:2], -1)
        return Sequences.from_lengths(flat, steps.lengths, name)

    def _makes_tables(self) -> bool:
        """Tell whether scikit-learn will turn the result of `transform` into a DataFrame."""
        config = _get_output_config("transform", self)
        return hasattr(self, "set_output") and config["dense"] != "default"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        if not isinstance(self.transformer, BaseEstimator):
            return tags  # fit refuses it later
        wrapped = get_tags(self.transformer)
        tags.input_tags.allow_nan = wrapped.input_tags.allow_nan or wrapped.no_validation
        tags.input_tags.positive_only = wrapped.input_tags.positive_only
        tags.target_tags.required = wrapped.target_tags.required
        return tags


class _Steps(Sequences):
    """Sequences that may hold NaN; the wrapped transformer decides whether that is allowed."""

    __slots__ = ()

    def check_finite(self, name: str = "X", allow_nan: bool = True) -> None:
        """Raise a ValueError that names the first step with an infinity."""
        super().check_finite(name, allow_nan)


def _collect(X: Any) -> Sequences:
    """Convert X, which is ragged, to sequences whose flat array holds no other steps."""
    if isinstance(X, Sequences):
        return as_sequences(X).without_gaps()
    is_array = stated_ndim(X) == 3
    if is_array and as_array(X).dtype.kind in "biuf":
        return _Steps.from_padded(X, pad=None)
    parts = list(as_array(X) if is_array else X)
    for i, part in enumerate(parts):
        if sparse.issparse(part) or (type(part) is np.ndarray and part.dtype.kind in "biuf"):
            continue
        refuse_masked(part, f"X[{i}]")
        with naming(f"X[{i}]"):
            parts[i] = as_array(part)
    if any(not sparse.issparse(part) and holds_strings(part) for part in parts):
        return _collect_objects(parts)
    return _Steps.from_list(parts)


def _collect_objects(parts: list[Any]) -> Sequences:
    """Join sequences with strings; their steps become objects, and missing values NaN."""
    # Zeros in place of strings show all that can be wrong with shapes.
    zeros = [part if sparse.issparse(part) else np.zeros(part.shape) for part in parts]
    places = Sequences.from_list(zeros)
    flat = np.concatenate([part.astype(object) for part in parts])
    flat[is_missing(flat)] = np.nan
    return _Steps._trusted(flat, places.starts, places.lengths)


def _at_steps(y: Any, lengths: np.ndarray) -> np.ndarray | None:
    """Return one target per step: the step's own, or that of its sequence."""
    if y is None:
        return None
    with naming("y"):
        y = unpack(y)
    if has_steps(y):
        return flatten_steps(y, lengths)
    y = np.atleast_1d(as_labels(y, "y"))
    if len(y) != len(lengths):
        raise ValueError(f"X has {len(lengths)} sequences, but y has {len(y)} targets")
    return repeated(y, lengths)
