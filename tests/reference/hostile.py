"""Inputs of every kind, right and wrong, as strategies of hypothesis.

Sequences, targets and weights begin right; then something may be done to them. An error in a single
place passes more checks than an error everywhere.
"""

import array
import datetime
from collections import UserList, deque
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions

from lstm97.data.sequences import Sequences

try:
    import polars as pl
    import pyarrow as pa
except ImportError:  # they have no wheels for some platforms
    pl = pa = None

SPECIAL = [np.nan, np.inf, -np.inf, 1e308, -1e308, 1e160, 1e20, 5e-324, -0.0]
# Dtypes that hold the numbers 0, 1 and 2 ...
NUMBERS = ["f8", "f4", "f2", "g", "i1", "i8", "u8", ">f8", ">i2", ">f4", "O"]
# ... and dtypes that may not.
OTHERS = ["c16", "M8[s]", "m8[D]", "S4", "U4", "V8", "?"]


def objects(parts):
    """Make an array of objects, one for each part."""
    array = np.empty(len(parts), dtype=object)
    for i, part in enumerate(parts):  # NumPy would look into a single part
        array[i] = part
    return array


def endless():
    """Make a list that holds itself."""
    parts = []
    parts.append(parts)
    return parts


def deep(depth=2000):
    """Make a list in a list in a list..."""
    parts = [1.0]
    for _ in range(depth):
        parts = [parts]
    return parts


def csr(data, indices, indptr, shape=(2, 2)):
    """Make a CSR matrix without any check."""
    matrix = sparse.csr_array(np.eye(*shape))
    matrix.data, matrix.indices, matrix.indptr = map(np.array, (data, indices, indptr))
    return matrix


BROKEN_CSR = [
    lambda: csr([1.0, 1.0], [0, 5], [0, 1, 2]),
    lambda: csr([1.0, 1.0], [0, -1], [0, 1, 2]),
    lambda: csr([1.0, 1.0], [0, 1], [0, 9, 2]),
    lambda: csr([1.0, 1.0], [0, 1], [0, 2, 1]),
    lambda: csr([1.0, 1.0], [0, 1], [1, 1, 2]),
    lambda: csr([1.0, 1.0], [0, 1], [0, 1]),
    lambda: csr([1.0], [0, 1], [0, 1, 2]),
    lambda: csr([1.0, 1.0], [0.0, 1.0], [0, 1, 2]),
    lambda: csr([1.0, 1.0], [1, 1], [0, 2, 2]),
    lambda: csr([1.0, 1.0], [1, 0], [0, 2, 2]),
    lambda: csr([1.0, np.nan], [1, 0], [0, 2, 2]),
    lambda: csr(["a", "b"], [0, 1], [0, 1, 2]),
    lambda: csr([None, 1.0], [0, 1], [0, 1, 2]),
]

JUNK = [
    lambda: None,
    lambda: ...,
    lambda: NotImplemented,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 1.5,
    lambda: np.nan,
    lambda: 1j,
    lambda: 2**70,
    lambda: 10**400,
    lambda: Decimal("1.5"),
    lambda: Fraction(1, 3),
    lambda: "text",
    lambda: "",
    lambda: b"bytes",
    lambda: bytearray(b"ab"),
    lambda: memoryview(b"ab"),
    lambda: memoryview(np.ones((2, 2))),
    lambda: array.array("d", [1.0, 2.0]),
    lambda: datetime.date(1997, 11, 15),
    lambda: np.datetime64("1997-11-15"),
    lambda: pd.Timestamp("1997-11-15"),
    lambda: pd.NaT,
    lambda: pd.NA,
    lambda: slice(None),
    lambda: object(),
    lambda: int,
    lambda: len,
    lambda: [],
    lambda: (),
    dict,
    set,
    lambda: {1, 2},
    lambda: {"a": [1.0, 2.0]},
    lambda: range(2),
    lambda: iter([1.0, 2.0]),
    lambda: (np.ones((2, 2)) for _ in range(2)),
    lambda: [iter([1.0])],
    lambda: UserList([1.0, 2.0]),
    endless,
    deep,
    lambda: [[]],
    lambda: [[[]]],
    lambda: [[[]], [[]]],
    lambda: [[], [1.0]],
    lambda: [None],
    lambda: [None, None],
    lambda: [[None]],
    lambda: [[[None]]],
    lambda: ["a", 1],
    lambda: ["1", "2"],
    lambda: [b"a", b"b"],
    lambda: [[["1.0"]]],
    lambda: [1.0, [2.0]],
    lambda: [[1.0], 2.0],
    lambda: [[[1.0]], 2.0],
    lambda: [[1.0], [2.0, 3.0]],
    lambda: [[[1.0], [2.0, 3.0]]],
    lambda: [[[10**400]]],
    lambda: [{1: 2}],
    lambda: [{1}, {2}],
    lambda: [pd.NA, 1],
    lambda: [True, None],
    lambda: [2**70, 1],
    lambda: [Decimal(1), Decimal("NaN")],
    lambda: [datetime.date(1997, 11, 15)] * 2,
    lambda: np.array(3.0),
    lambda: np.array(None),
    lambda: np.array("a"),
    lambda: np.float64(1.0),
    lambda: np.int8(1),
    lambda: np.zeros(0),
    lambda: np.zeros((0, 2)),
    lambda: np.zeros((2, 0)),
    lambda: np.zeros((0, 2, 2)),
    lambda: np.zeros((2, 0, 2)),
    lambda: np.zeros((2, 2, 0)),
    lambda: np.zeros((2, 2, 2, 2)),
    lambda: np.ones((2,) * 20),
    lambda: np.ones(2),
    lambda: np.ones((2, 2)),
    lambda: np.array([1, 2], dtype="u8"),
    lambda: np.array([True, False]),
    lambda: np.array(["a", "b"]),
    lambda: np.array([b"a", b"b"]),
    lambda: np.array(["NaT", "1997-11-15"], dtype="M8[D]"),
    lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    lambda: np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    lambda: np.ma.masked_array([[1.0, 2.0]], [[True, False]]),
    lambda: np.ma.masked,
    lambda: objects([np.ones((2, 2)), None]),
    lambda: objects([None, np.ones((2, 2))]),
    lambda: objects([np.ones(2), "a"]),
    lambda: np.array([[None, None], [None, None]]),
    lambda: np.array([[[1], [2, 3]], [[4], [5]]], dtype=object),
    lambda: pd.Series([1.0, 2.0]),
    lambda: pd.Series([1.0, None]),
    lambda: pd.Series(["a", "b"]),
    lambda: pd.Series([], dtype=float),
    lambda: pd.Series([1, None], dtype="Int64"),
    lambda: pd.Categorical(["a", "b"]),
    lambda: pd.Index([1, 2]),
    lambda: pd.DataFrame(),
    lambda: pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}),
    lambda: pd.DataFrame({"a": [1.0, None]}),
    lambda: pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}),
    lambda: pd.DataFrame({"a": pd.date_range("1997", periods=2)}),
    lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    lambda: pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
    lambda: pd.DataFrame([[1.0, 2.0]], columns=["a", 1]),
    lambda: pd.DataFrame({("a", 1): [1.0], ("b", 2): [2.0]}),
    lambda: sparse.csr_array((0, 2)),
    lambda: sparse.csr_array((2, 0)),
    lambda: sparse.csr_array((2, 2)),
    lambda: sparse.csr_matrix(np.eye(2)),
    lambda: sparse.coo_array(np.ones(3)),
    lambda: sparse.coo_array(np.ones((2, 2, 2))),
    lambda: sparse.csr_array(np.eye(2, dtype=complex)),
    lambda: sparse.csr_array((1, 2**40)),
    lambda: [sparse.csr_array(np.eye(2)), np.eye(2)],
    lambda: [np.eye(2), sparse.csr_array(np.eye(2))],
    lambda: Sequences.from_list([np.eye(2), np.ones((1, 2))]),
    lambda: Sequences.from_list([np.eye(2)])[:0],
    lambda: [Sequences.from_list([np.eye(2)])],
    *BROKEN_CSR,
    lambda: [BROKEN_CSR[0]()],
]
LABELS = [
    np.array([0, 1, 2]),
    np.array([False, True, True]),
    np.array(["a", "b", "cc"]),
    np.array(["a", "b", "cc"], dtype=object),
    np.array([-1.0, 0.0, 2.0]),
    np.array([3, 1, 2], dtype=np.uint8),
    np.array([2**62, -(2**62), 0]),
]


def one_of(values):
    """Choose by index: unlike with `sampled_from`, values may be of any kind."""
    return st.integers(0, len(values) - 1).map(values.__getitem__)


def junk():
    """Anything at all."""
    return one_of(JUNK).map(lambda make: make())


# ---- what can be done to an array ---------------------------------------------------------------


def put(value):
    """Return a function that puts a value at a random place of an array."""

    def change(rng, a):
        is_number = isinstance(value, float) and np.asarray(a).dtype.kind in "biuf"
        a = np.array(a, dtype=float if is_number else object)
        if a.size:
            a.reshape(-1)[rng.integers(a.size)] = value
        return a

    return change


def cast(dtype):
    """Return a function that gives an array another dtype, if it can."""

    def change(rng, a):
        try:
            return np.asarray(a).astype(dtype)
        except (TypeError, ValueError):
            return a

    return change


def spread(rng, a):
    """Put an array at every second place of a larger one."""
    wide = np.repeat(a, 2, axis=-1)
    return wide[..., ::2]


def read_only(rng, a):
    a = np.array(a)
    a.flags.writeable = False
    return a


def masked(rng, a):
    a = np.ma.masked_array(a)
    if a.size:
        a[(0,) * a.ndim] = np.ma.masked
    return a


# These do not change the values of an array.
HARMLESS = [
    lambda rng, a: a,
    lambda rng, a: np.asfortranarray(a),
    lambda rng, a: a[::-1].copy()[::-1],
    lambda rng, a: np.ma.masked_array(a),
    spread,
    read_only,
]
# These may change them.
HARMFUL = [
    *map(put, [*SPECIAL, None, "a", b"b", 1j, 10**400, pd.NA, (1, 2), [1], {}]),
    *map(cast, OTHERS),
    masked,
    lambda rng, a: a[:0],
    lambda rng, a: a[1:],
    lambda rng, a: a[..., :0],
    lambda rng, a: a[..., 1:],
    lambda rng, a: a[..., None],
    lambda rng, a: a[None],
    lambda rng, a: a[0] if len(a) else a,
    lambda rng, a: a.ravel(),
    lambda rng, a: a.T,
    lambda rng, a: np.concatenate([a, a]),
    lambda rng, a: np.concatenate([a, a], axis=-1),
    lambda rng, a: a - 1,
    lambda rng, a: list(a),
    lambda rng, a: iter(a),
    lambda rng, a: set(np.ravel(a).tolist()),
    lambda rng, a: pd.DataFrame(a),
    lambda rng, a: sparse.coo_array(a),
    lambda rng, a: pd.Series(list(a)),
]


@st.composite
def spoiled(draw, a, rng):
    """Draw an array after a change that may make it invalid."""
    try:
        return draw(one_of(HARMFUL))(rng, a)
    except (TypeError, ValueError, IndexError):
        return draw(junk())


# ---- sequences, targets, weights -----------------------------------------------------------------

# Ways to put the parts together; all give the same sequences.
FORMS = [
    list,
    tuple,
    objects,
    Sequences.from_list,
    lambda parts: Sequences.from_list([*parts, *parts])[: len(parts)],
    lambda parts: Sequences.from_list(parts[::-1])[::-1],
    lambda parts: [np.asarray(part).tolist() for part in parts],
    lambda parts: [pd.DataFrame(np.asarray(part)) for part in parts],
    lambda parts: [sparse.csr_array(np.asarray(part, dtype=float)) for part in parts],
    lambda parts: [sparse.coo_matrix(np.asarray(part, dtype=float)) for part in parts],
    lambda parts: Sequences.from_list([sparse.csc_array(np.asarray(p, float)) for p in parts]),
    lambda parts: np.stack(parts) if len({len(part) for part in parts}) == 1 else parts,
    lambda parts: [memoryview(np.array(part, dtype=float)) for part in parts],
    lambda parts: deque(deque(row) for row in map(np.asarray, parts)),
]
# The same for one number, or label, per sequence.
FLAT_FORMS = [
    np.asarray, list, tuple, pd.Series, lambda a: a.tolist(), lambda a: a.astype(object), deque,
    lambda a: memoryview(a.copy()) if a.dtype.kind in "if" else a,
    lambda a: array.array("d", a) if a.dtype.kind == "f" else a,
]  # fmt: skip
if pl:
    FORMS += [
        lambda parts: [pl.DataFrame(np.asarray(part, dtype=float)) for part in parts],
        lambda parts: [pl.DataFrame(np.asarray(part, dtype=float)).to_arrow() for part in parts],
    ]
    FLAT_FORMS += [lambda a: pl.Series(a.tolist()), lambda a: pa.array(a.tolist())]


class Problem(NamedTuple):
    X: object
    y: object
    sample_weight: object


@st.composite
def problems(draw, is_classifier, width=None, every=None):
    """Draw valid sequences, targets and weights, in one of all forms."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    width = draw(st.integers(1, 3)) if width is None else width
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    every = draw(st.booleans()) if every is None else every
    parts = [rng.integers(0, 3, (length, width)).astype(float) for length in lengths]
    if is_classifier:
        labels = draw(one_of(LABELS))
        y = [labels[rng.integers(3, size=length)] for length in lengths]
    else:
        y = [rng.uniform(-1, 1, length) for length in lengths]
    weight = [rng.uniform(0.5, 2, length) for length in lengths]
    if not every:
        y, weight = np.array([t[-1] for t in y]), np.array([w[-1] for w in weight])
    return Problem(parts, y, draw(st.sampled_from([None, weight])))


@st.composite
def in_any_form(draw, problem):
    """Draw the same problem in another form."""
    rng = np.random.default_rng(0)
    dtype, change = draw(one_of(NUMBERS)), draw(one_of(HARMLESS))
    X = draw(one_of(FORMS))([change(rng, part.astype(dtype)) for part in problem.X])
    inner = draw(one_of(FLAT_FORMS))

    def nested(parts):
        return [inner(part) for part in parts]

    flat = st.sampled_from([list, tuple, objects, nested]), one_of(FLAT_FORMS)
    y = draw(flat[isinstance(problem.y, np.ndarray)])(problem.y)
    weight = problem.sample_weight
    if weight is not None:
        weight = draw(flat[isinstance(weight, np.ndarray)])(weight)
    return Problem(X, y, weight)


@st.composite
def harmed(draw, value):
    """One of the arguments, changed as a whole or in one place."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    how = draw(st.integers(0, 5))
    if how == 0 or value is None:
        return draw(junk())
    if isinstance(value, np.ndarray):
        return draw(spoiled(value, rng))
    parts, i = list(value), int(rng.integers(len(value)))
    if how == 1:
        parts[i] = draw(junk())
    elif how == 2:
        del parts[i]
    elif how == 3:
        return np.stack(parts[:1] * 2)
    else:
        parts[i] = draw(spoiled(parts[i], rng))
    return draw(st.sampled_from([list, tuple, objects]))(parts)


@st.composite
def hostile(draw, problem):
    """A problem with some changes, usually a single one."""
    at = draw(st.integers(0, 6))
    changes = {}
    if at in (0, 1, 2):
        changes["X"] = draw(harmed(problem.X))
    if at in (2, 3, 4):
        changes["y"] = draw(harmed(problem.y))
    if at == 5:
        changes["sample_weight"] = draw(harmed(problem.sample_weight))
    return problem._replace(**changes)


# ---- parameters ----------------------------------------------------------------------------------

# Parameters whose size costs time or memory.
COUNTS = ("max_iter", "n_blocks", "block_size", "n_hidden", "n_candidates", "max_hidden")
SMALL = {"max_iter": 1, "tol": None, "n_blocks": 1, "block_size": 1, "n_hidden": 1,
         "max_hidden": 1, "n_candidates": 2, "max_phase_iter": 2, "patience": 1}  # fmt: skip
RIGHT = [0, 1, 2, -1, np.int16(2), 0.25, 1.0, 1e-300, 1e100, np.float32(0.5)]
WILD = [None, True, False, 0, 1, 2, -1, 0.0, 0.5, 1.5, -0.5, np.nan, np.inf, 1e308, 5e-324, "auto",
        "balanced", "random", "text", b"bytes", 1j, (), [], [1.0], [-1.0, np.nan], ["a"], [[1.0]],
        {}, {"a": 1.0}, {0: -1.0}, {0: 0.5, 1: 2.0}, np.int8(2), np.float32(0.5), np.True_,
        np.array(1), np.array([1.0, 2.0]), np.array(["a"]), int]  # fmt: skip
HUGE = [2**70, 10**400]


def small(Estimator):
    """Return parameters of a net that fits within a millisecond."""
    return {name: value for name, value in SMALL.items() if name in known(Estimator)}


def known(Estimator):
    """Return names and constraints of the parameters, except for one that would print."""
    return {k: v for k, v in Estimator._parameter_constraints.items() if k != "verbose"}


def allowed(constraints):
    """Yield values that a parameter's constraints allow."""
    for one in constraints:
        if isinstance(one, StrOptions):
            yield from sorted(one.options)
        elif isinstance(one, Interval):
            yield from filter(one.is_satisfied_by, RIGHT)
        elif one == "boolean":
            yield from (True, False, np.True_)
        elif one == "array-like":
            yield from ([-1.0], [-1.0, -2.0], np.array(-3))
        elif one is dict:
            yield from ({}, {0: 2.0}, {"a": 0.5})
        elif one == "random_state":
            yield 0
        elif one is None:
            yield None


@st.composite
def parameters(draw, Estimator, wild=True):
    """Parameters of a small net with a few changes."""
    chosen, constraints = small(Estimator), known(Estimator)
    for name in draw(st.lists(st.sampled_from(sorted(constraints)), max_size=5, unique=True)):
        values = list(allowed(constraints[name]))
        if wild and draw(st.integers(0, 4)) == 0:
            values = WILD if name in COUNTS else WILD + HUGE
        chosen[name] = draw(one_of(values))
    return chosen
