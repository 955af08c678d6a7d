"""Long data frames, with one row per step, to sequences and back."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np

from lstm97.data.checks import as_numbers, brief, holds_strings, naming, warn_user
from lstm97.data.containers import as_array, depth, is_missing
from lstm97.data.sequences import Sequences


def from_frame(
    frame: Any,
    *,
    id: str,
    time: str | None = None,
    features: Sequence[str] | None = None,
    target: str | None = None,
    per_step: bool = False,
    return_ids: bool = False,
) -> Any:
    """Make sequences, and targets, from a long data frame with one row per step.

    Parameters
    ----------
    frame : data frame of pandas, polars, pyarrow, or any other library that narwhals reads
        Rows may be in any order.
    id : str
        Column that says to which sequence a row belongs. Sequences are in order of first
        appearance.
    time : str, default=None
        Column of numbers or dates, by which the steps of a sequence are ordered. None means that
        rows are in their order already.
    features : list of str, default=None
        Columns of the features. None means all columns but those of id, time and target.
    target : str, default=None
        Column of the targets. If None, only the sequences are returned.
    per_step : bool, default=False
        Whether each row has a target of its own. Otherwise the target must be the same in all rows
        of a sequence.
    return_ids : bool, default=False
        Whether to return the id of each sequence, for instance for folds by group.

    Returns
    -------
    X : Sequences or list of ndarray
        A list if features are missing, which an imputer then has to fill in:
        ``StepwiseTransformer(SimpleImputer())``.
    y : ndarray of shape (n_sequences,) or list of ndarray
        One target per sequence, or an array of targets for each. Only if `target` is given.
    ids : ndarray of shape (n_sequences,)
        Only if `return_ids` is true.

    Raises
    ------
    ValueError
        If a column is not there, an id or a time is missing, a time is infinite or occurs twice in
        a sequence, or a target changes within a sequence.
    TypeError
        If `frame` is not a data frame, an id is not hashable, or times are neither numbers nor
        dates.

    Warns
    -----
    UserWarning
        If more than half of the steps in time are equally long and some are longer.

    See Also
    --------
    to_rows : Put predictions back to the rows of the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> from lstm97 import from_frame
    >>> frame = pd.DataFrame({
    ...     "id": ["b", "a", "b", "a", "b"],
    ...     "time": [2, 1, 1, 2, 3],
    ...     "u": [0.2, 0.4, 0.1, 0.5, 0.3],
    ...     "label": ["up", "down", "up", "down", "up"],
    ... })
    >>> X, y = from_frame(frame, id="id", time="time", target="label")
    >>> X
    <Sequences: 2 sequences, 2 to 3 steps, 1 feature>
    >>> X[0].ravel().tolist(), y.tolist()
    ([0.1, 0.2, 0.3], ['up', 'down'])
    """
    table = _Table(frame, id, time)
    if features is None:
        features = [name for name in table.names if name not in (id, time, target)]
    made = [table.sequences(features)]
    if target is not None:
        made.append(table.targets(target, per_step))
    if return_ids:
        made.append(table.ids)
    return tuple(made) if len(made) > 1 else made[0]


def to_rows(predictions: Any, frame: Any, *, id: str, time: str | None = None) -> np.ndarray:
    """Put predictions back to the rows of the data frame that the sequences came from.

    Parameters
    ----------
    predictions : array-like
        Predictions for the X of `from_frame`. An array has one prediction, or row of outputs, per
        sequence, and every row of the sequence gets it. A list has one array per sequence, with a
        prediction for each step.
    frame : data frame
        As for `from_frame`.
    id : str
        As for `from_frame`.
    time : str, default=None
        As for `from_frame`.

    Returns
    -------
    column : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The prediction for each row, in the order of the frame's rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from lstm97 import to_rows
    >>> frame = pd.DataFrame({"id": ["b", "a", "b"], "time": [2, 1, 1]})
    >>> frame["predicted"] = to_rows([[0.1, 0.2], [0.3]], frame, id="id", time="time")
    >>> frame["predicted"].tolist()
    [0.2, 0.3, 0.1]
    """
    table = _Table(frame, id, time)
    if len(predictions) != len(table.lengths):
        raise ValueError(
            f"predictions has {len(predictions)} sequences, but frame has {len(table.lengths)}"
        )
    with naming("predictions"):
        is_array = isinstance(predictions, np.ndarray) and predictions.dtype.kind != "O"
        if is_array or depth(predictions[0]) == 0:
            rows = np.repeat(as_array(predictions), table.lengths, axis=0)
        else:
            parts = [as_array(part) for part in predictions]
            if [*map(len, parts)] != table.lengths.tolist():
                raise ValueError("predictions and the sequences of frame differ in length")
            rows = np.concatenate(parts)
    if len(rows) != len(table):
        raise ValueError(f"predictions has {len(rows)} steps, but frame has {len(table)} rows")
    if table.order is None:
        return rows
    column = np.empty_like(rows)
    column[table.order] = rows
    return column


class _Table:
    """A long frame, with the order of its rows by sequence and time.

    Attributes
    ----------
    order : ndarray of int of shape (n_rows,) or None
        Rows in the order of steps; None if they are in this order already.
    lengths : ndarray of int of shape (n_sequences,)
    ids : ndarray of shape (n_sequences,)
    """

    def __init__(self, frame: Any, id: str, time: str | None) -> None:
        with naming("frame"):
            self.frame: Any = nw.from_native(frame)
            if isinstance(self.frame, nw.LazyFrame):
                raise TypeError("it is lazy, collect it first")
            self.names = self.frame.columns
        for argument, column in (("id", id), ("time", time)):
            if isinstance(column, list) or (isinstance(column, tuple) and column not in self.names):
                raise TypeError(
                    f"{argument} must be the name of one column, got {brief(column)}: make one "
                    "column of several first"
                )
        ids = self._column(id)
        if len(ids) == 0:
            raise ValueError("frame has no rows")
        try:
            codes, self.ids = _factorize(ids)
        except (TypeError, ValueError) as error:  # cells that are lists or dicts, for instance
            raise TypeError(
                f"column {id!r} must hold one number, string or other hashable value in each row"
            ) from error
        self.lengths = np.bincount(codes)
        times = None if time is None else self._times(time)
        self.order: Any = None
        if not _in_order(codes, times):
            # In small integers, which NumPy sorts much faster.
            small = codes.astype(np.min_scalar_type(len(self.ids)))
            by_time: Any = slice(None) if times is None else np.argsort(times, kind="stable")
            by_id = np.argsort(small[by_time], kind="stable")
            self.order = by_id if times is None else by_time[by_id]
        if times is not None:
            self._check_times(codes, times, time)

    def __len__(self) -> int:
        return len(self.frame)

    def sequences(self, features: Sequence[str]) -> Any:
        """Return the features of all steps as sequences; a list of arrays if some are missing."""
        if isinstance(features, str) or not hasattr(features, "__len__") or not len(features):
            raise ValueError("features must be a list of one column or more")
        flat = np.empty((len(self), len(features)))
        for k, name in enumerate(features):
            column = self._column(name, may_miss=True)
            if holds_strings(column):
                raise TypeError(
                    f"column {name!r} of frame must hold numbers, but it holds strings: convert "
                    "it, or leave it out of features"
                )
            values = as_numbers(column, f"column {name!r} of frame")
            flat[:, k] = values if self.order is None else values[self.order]
        if np.isnan(flat).any():
            return np.split(flat, np.cumsum(self.lengths)[:-1])
        return Sequences.from_lengths(flat, self.lengths)

    def targets(self, name: str, per_step: bool) -> Any:
        """Return one target per sequence, or one array of targets."""
        values = self._column(name, may_miss=True)
        values = values if self.order is None else values[self.order]
        ends = np.cumsum(self.lengths)
        if per_step:
            return np.split(values, ends[:-1])
        first = np.repeat(values[ends - self.lengths], self.lengths)
        differ = (values != first) & ~(is_missing(values) & is_missing(first))
        if differ.any():
            i = np.searchsorted(ends, np.argmax(differ), side="right")
            raise ValueError(
                f"target {name!r} changes within id {self._name(i)}: set per_step=True for a "
                "target at each step"
            )
        return values[ends - self.lengths]

    def _name(self, sequence: Any) -> str:
        """Return the id of a sequence as Python writes it."""
        return repr(self.ids[[sequence]].tolist()[0])

    def _column(self, name: str, may_miss: bool = False) -> np.ndarray:
        """Return a column as an array."""
        if name not in self.names:
            raise ValueError(f"frame has no column {name!r}; its columns are {self.names}")
        series = self.frame.get_column(name)
        values = series.to_numpy()
        is_float = values.dtype.kind == "f"
        if not may_miss and (series.null_count() or (is_float and np.isnan(values).any())):
            raise ValueError(f"column {name!r} of frame has missing values")
        return values

    def _times(self, name: str) -> np.ndarray:
        """Return the column of times, which numbers or dates must be."""
        times = self._column(name)
        if times.dtype.kind not in "iufmM":
            raise TypeError(
                f"column {name!r} must hold numbers or dates, by which steps are ordered; it has "
                f"dtype {self.frame.get_column(name).dtype}. Convert it first, for example by "
                "pandas.to_datetime"
            )
        if times.dtype.kind == "f" and np.isinf(times).any():
            raise ValueError(f"column {name!r} of frame holds infinite times")
        return times

    def _check_times(self, codes: np.ndarray, times: np.ndarray, name: str | None) -> None:
        """Refuse times that occur twice in a sequence, and warn of gaps."""
        if self.order is not None:
            codes, times = codes[self.order], times[self.order]
        within = codes[1:] == codes[:-1]
        if not within.any():
            return
        repeats = within & (times[1:] == times[:-1])
        if repeats.any():
            row = np.argmax(repeats)
            raise ValueError(
                f"time {times[row]} occurs twice in column {name!r} for id {self._name(codes[row])}"
            )
        if times.dtype.kind in "iuf":  # differences of small integers may overflow
            times = times.astype(np.promote_types(times.dtype, np.int64), copy=False)
        steps, rows = times[1:][within] - times[:-1][within], np.flatnonzero(within)
        shortest = steps.min()
        longer = steps > shortest
        if longer.any() and longer.sum() < len(steps) / 2:
            row = rows[np.argmax(longer)]
            warn_user(
                f"column {name!r} has {longer.sum()} gaps: in id {self._name(codes[row])}, "
                f"{times[row + 1]} follows {times[row]}, but most steps are {shortest} apart"
            )


def _factorize(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each id's sequence, and the ids, in order of first appearance."""
    # One number for each run of equal ids: there are far fewer of them if rows are grouped.
    begins = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    runs, counts = ids[begins], np.diff(begins, append=len(ids))
    if ids.dtype.kind == "O":
        known: dict[Any, int] = {}
        codes = np.array([known.setdefault(each, len(known)) for each in runs.tolist()])
        names = np.empty(len(known), dtype=object)
        names[:] = list(known)
        return np.repeat(codes, counts), names
    unique, first, inverse = np.unique(runs, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(unique), dtype=np.int64)
    rank[order] = np.arange(len(unique))
    return np.repeat(rank[inverse], counts), unique[order]


def _in_order(codes: np.ndarray, times: np.ndarray | None) -> bool:
    """Tell whether rows are grouped by sequence, and in order of time within each."""
    if (codes[1:] < codes[:-1]).any():
        return False
    return times is None or not ((times[1:] < times[:-1]) & (codes[1:] == codes[:-1])).any()
