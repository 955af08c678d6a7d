"""`Sequences`: conversions, subsets, and messages that name the place of an error."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import KFold, train_test_split

from lstm97.data.checks import naming
from lstm97.data.sequences import Sequences, as_sequences, is_ragged
from lstm97.data.targets import flatten_steps

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def parts(lengths, n_features=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(1, 2, (n, n_features)) for n in lengths]


def same(sequences, expected):
    return len(sequences) == len(expected) and all(
        np.array_equal(a.toarray() if sparse.issparse(a) else a, b)
        for a, b in zip(sequences, expected, strict=True)
    )


@given(LENGTHS, st.booleans())
def test_every_way_in_holds_the_same(lengths, is_sparse):
    arrays = parts(lengths)
    given = [sparse.csr_array(a) for a in arrays] if is_sparse else arrays
    objects = np.empty(len(given), dtype=object)
    objects[:] = given
    flat = np.concatenate(arrays)
    for X in (
        Sequences.from_list(given),
        Sequences.from_lengths(sparse.csr_array(flat) if is_sparse else flat, lengths),
        as_sequences(given),
        as_sequences(tuple(given)),
        as_sequences(objects),
    ):
        assert same(X, arrays)
        assert X.n_steps == sum(lengths)
        assert sparse.issparse(X.flat) == is_sparse
    assert same(Sequences.from_channels_first([a.T for a in arrays]), arrays)
    padded = Sequences.from_list(given).to_padded()
    assert padded.shape == (len(lengths), max(lengths), 2)
    assert same(Sequences.from_padded(padded), arrays)
    assert same(Sequences.from_list(given).to_list(), arrays)


@given(LENGTHS, st.data())
def test_subsets_are_those_of_a_list(lengths, data):
    arrays = parts(lengths)
    X, n = Sequences.from_list(arrays), len(lengths)
    indices = data.draw(st.lists(st.integers(-n, n - 1)))
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    start, stop, step = data.draw(st.slices(n).map(lambda s: (s.start, s.stop, s.step)))
    assert same(X[start:stop:step], arrays[start:stop:step])
    assert same(X[indices], [arrays[i] for i in indices])
    assert same(X.take(indices), [arrays[i] for i in indices])
    assert same(X[mask], [a for a, keep in zip(arrays, mask, strict=True) if keep])
    assert same(X.iloc[mask][:], [a for a, keep in zip(arrays, mask, strict=True) if keep])
    assert np.array_equal(X[n - 1], arrays[-1])


def test_a_subset_of_a_subset_copies_no_steps():
    X = Sequences.from_list(parts([3, 1, 4, 2]))
    part = X[[3, 1, 0]][1:]
    assert part.flat is X.flat
    assert same(part, [X[1], X[0]])
    assert same(pickle.loads(pickle.dumps(part)), part.to_list())


def test_symbols_become_one_hot_rows():
    X = Sequences.from_symbols([[0, 2], [1, 1, 0]], n_symbols=4)
    assert same(X, [np.eye(4)[[0, 2]], np.eye(4)[[1, 1, 0]]])
    assert Sequences.from_symbols([[0, 2]]).n_features == 3
    assert repr(X) == "<Sequences: 2 sequences, 2 to 3 steps, 4 features>"
    one = Sequences.from_list([np.ones((1, 1))])
    assert repr(one) == "<Sequences: 1 sequence, 1 step, 1 feature>"


def test_scikit_learn_splits_it():
    X = Sequences.from_list(parts([3, 1, 4, 2, 5]))
    first, second = train_test_split(X, random_state=0)
    assert isinstance(first, Sequences)
    assert len(first) + len(second) == 5
    assert [len(X[test]) for _, test in KFold(5).split(X)] == [1] * 5


def test_a_table_is_not_a_list_of_sequences():
    assert not is_ragged([[1.0, 2.0], [3.0, 4.0]])
    assert not is_ragged(np.zeros((3, 2)))
    assert is_ragged([[[1.0], [2.0]], [[3.0]]])
    assert is_ragged([np.zeros((2, 1))])
    assert is_ragged(np.zeros((3, 2, 1)))


def broken(step=17, value=np.nan):
    arrays = parts([20, 18, 30, 25, 20])
    arrays[3][step, 1] = value
    return arrays


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (broken(), ValueError, "X contains NaN in sequence 3, step 17"),
        (broken(value=np.inf), ValueError, "X contains infinity in sequence 3, step 17"),
        ([sparse.csr_array(a) for a in broken()], ValueError, "NaN in sequence 3, step 17"),
        ([np.ones((2, 1)), np.ones((0, 1))], ValueError, r"X\[1\] is empty"),
        (
            [np.ones((2, 1)), np.ones((2, 3))],
            ValueError,
            r"X\[1\] has 3 features, but X\[0\] has 1",
        ),
        ([np.ones((2, 1)), np.ones(2)], ValueError, r"X\[1\] must be 2-D"),
        ([np.ones((2, 1)), [["a"], ["b"]]], TypeError, r"X\[1\] must hold numbers"),
        ([np.ones((2, 1)), [[1.0], [None]]], ValueError, "NaN in sequence 1, step 1"),
        ([np.ones((2, 1)), [[1.0], [2.0, 3.0]]], ValueError, r"X\[1\] is not a rectangular array"),
        ([np.ones((2, 1)) * 1j], ValueError, r"X\[0\]: complex data"),
        ([np.ones((2, 1)), sparse.csr_array(np.ones((2, 1)))], ValueError, "one is sparse"),
        ([np.ones((2, 0))], ValueError, "no features"),
        (np.ones((0, 2, 1)), ValueError, "at least one sequence"),
        (Sequences.from_list(parts([2]))[:0], ValueError, "no sequence"),
    ],
)
def test_messages_name_the_culprit(X, error, message):
    with pytest.raises(error, match=message):
        as_sequences(X)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_check_finite_can_allow_nan(form):
    X = Sequences.from_list([form(a) for a in parts([3, 4])])
    values = X.flat.data if sparse.issparse(X.flat) else X.flat.ravel()
    values[1] = np.nan
    X.check_finite(allow_nan=True)
    values[9] = np.inf
    with pytest.raises(ValueError, match=r"^Y contains infinity in sequence 1, step 1$"):
        X.check_finite("Y", allow_nan=True)
    with pytest.raises(ValueError, match=r"^X contains NaN in sequence 0, step 0; fill in"):
        X.check_finite()


def test_other_ways_in_are_checked():
    with pytest.raises(ValueError, match="lengths sum to 3"):
        Sequences.from_lengths(np.ones((4, 1)), [1, 2])
    with pytest.raises(ValueError, match=r"X\[1\] is empty"):
        Sequences.from_lengths(np.ones((4, 1)), [4, 0])
    with pytest.raises(TypeError, match="integers"):
        Sequences.from_lengths(np.ones((4, 1)), [2.0, 2.0])
    with pytest.raises(ValueError, match="symbol 5 in sequence 1, step 2"):
        Sequences.from_symbols([[0, 1], [1, 1, 5]], n_symbols=5)
    with pytest.raises(TypeError, match=r"X\[0\]"):
        Sequences.from_symbols([[0.5]])
    with pytest.raises(ValueError, match="2-D"):
        Sequences.from_padded(np.ones((2, 2)))
    with pytest.raises(ValueError, match="n_channels=2"):
        Sequences.from_rows(np.ones((2, 3)), n_channels=2)
    with pytest.raises(ValueError, match="no sequence"):
        Sequences.from_list([])
    with pytest.raises(ValueError, match="axis"):
        Sequences.from_list(parts([2])).take([0], axis=1)


def test_duplicate_entries_of_a_sparse_row_add_up():
    doubled = sparse.csr_array((np.ones(3), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    assert same(Sequences.from_list([doubled]), [np.array([[0.0, 2.0], [1.0, 0.0]])])


def csr(data, indices, indptr, shape):
    return sparse.csr_array((np.array(data), np.array(indices), np.array(indptr)), shape=shape)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (csr([1.0], [10**8], [0, 1], (1, 2)), r"X\[0\] is not a valid CSR matrix"),
        (csr([1.0], [-1], [0, 1], (1, 2)), r"X\[0\] is not a valid CSR matrix"),
        (csr([1.0], [2], [0, 1], (1, 2)), r"X\[0\] is not a valid CSR matrix"),
        (csr([1.0, 1.0], [0, 1], [0, 2, 1, 2], (3, 2)), r"X\[0\] is not a valid CSR matrix"),
        (csr([1.0 + 1j], [0], [0, 1], (1, 2)), r"X\[0\]: complex data not supported"),
        (csr([1.0], [2**32 + 1], [0, 1], (1, 2**33)), r"X\[0\] has shape .* too large"),
    ],
)
def test_sparse_matrices_are_checked(matrix, message):
    with pytest.raises(ValueError, match=message):
        Sequences.from_list([matrix])


FLAT = np.ones((6, 2))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((FLAT, [0, 3], [3]), ValueError, "starts has 2 numbers, but lengths has 1"),
        ((FLAT, [0, 3], [3, 4]), ValueError, "sequence 1 starts at 3 and has length 4"),
        ((FLAT, [0, -1], [3, 1]), ValueError, "sequence 1 starts at -1"),
        ((FLAT, [1] * 2, [2**63 - 1] * 2), ValueError, "sequence 0 starts at 1"),
        ((FLAT, [2**63 - 1], [1]), ValueError, "sequence 0"),
        ((FLAT, [0], [0]), ValueError, "length 0"),
        ((FLAT, [0.0], [1]), TypeError, "starts must be"),
        ((FLAT[:, 0], [0], [1]), ValueError, "flat must be 2-D"),
        ((FLAT * np.nan, [0], [1]), ValueError, "NaN in sequence 0, step 0"),
    ],
)
def test_the_constructor_checks_its_parts(arguments, error, message):
    with pytest.raises(error, match=message):
        Sequences(*arguments)


def test_the_constructor_takes_what_can_be_converted():
    flat = np.arange(12.0).reshape(6, 2)
    for form in (flat.astype(np.float32), np.asfortranarray(flat), flat.tolist(),
                 sparse.csc_array(flat)):  # fmt: skip
        assert same(Sequences(form, [0, 4], [2, 2]), [flat[:2], flat[4:]])


def test_more_properties_of_the_container():
    X = Sequences.from_list([np.full((2, 1), 0.7), np.full((3, 1), 0.2)])
    assert X.to_padded(0).dtype == np.float64
    assert X.to_padded(0)[0, 0, 0] == 0.7
    for key in (np.True_, [[0, 1]], np.array(1)):
        with pytest.raises(IndexError, match="1-D array of integers"):
            X[key]
    assert X[::-1].starts.flags.c_contiguous
    with pytest.raises(ValueError, match="lengths sum to"):
        Sequences.from_lengths(FLAT, [2**63 - 1, 2**63 - 1, 8])
    with pytest.raises(ValueError, match="row 6, which belongs to no sequence"):
        Sequences(np.r_[FLAT, [[np.nan, 0.0]]], [0, 3], [3, 3])
    with pytest.raises(ValueError, match="masked"):
        Sequences.from_list([np.ma.masked_array(np.ones((2, 1)), [[True], [False]])])


def tampered(form, **parts):
    """Return a sparse matrix whose parts were changed after SciPy had checked them."""
    matrix = form(np.eye(2))
    for name, part in parts.items():
        setattr(matrix, name, np.asarray(part))
    return matrix


BROKEN = [
    tampered(sparse.csr_array, indices=[0, 5]),
    tampered(sparse.csr_array, indices=[0.0, 1.0]),
    tampered(sparse.csr_array, indptr=[0, 9, 2]),
    tampered(sparse.csr_array, indptr=[0, 2]),
    tampered(sparse.csr_array, indptr=[0, 2, 0]),
    tampered(sparse.csr_array, indptr=np.array([0, 2**31 - 1, -2], np.int32)),
    tampered(sparse.csc_array, indices=[0, 10**6]),
    tampered(sparse.csc_matrix, indptr=[0, 2, 1]),
    tampered(sparse.csc_array, indptr=[0, 2, 0]),
    tampered(sparse.bsr_array, indices=[7]),
    tampered(sparse.coo_array, row=[0, -3]),
    tampered(sparse.coo_matrix, col=[10**6, 0]),
]


@pytest.mark.parametrize("matrix", BROKEN)
def test_broken_matrices_of_every_format_are_refused_before_scipy_reads_them(matrix):
    """SciPy would read, and write, beyond its arrays."""
    message = f"is not a valid {matrix.format.upper()} matrix"
    with pytest.raises(ValueError, match=rf"X\[0\] {message}"):
        Sequences.from_list([matrix])
    with pytest.raises(ValueError, match=rf"y\[1\] {message}"):
        flatten_steps([np.ones(2), matrix], np.array([2, 2]))


def test_matrices_without_numbers_are_refused():
    with pytest.raises(TypeError, match=r"X\[0\] must hold numbers, but its dtype is object"):
        Sequences.from_list([tampered(sparse.csr_array, data=np.array([None, 1.0]))])
    with pytest.raises(ValueError, match=r"y\[0\] has shape .* too large"):
        flatten_steps([sparse.csr_array((1, 2**40))], np.array([1]))


def test_a_matrix_stays_as_it_was():
    spare = tampered(sparse.csr_array, data=[1.0, 1.0, 9.0], indices=[1, 0, 0])
    assert same(Sequences.from_list([spare]), [np.eye(2)[::-1]])
    assert (len(spare.data), len(spare.indices)) == (3, 3)


def nested(depth):
    part = [1.0]
    for _ in range(depth):
        part = [part]
    return part


def test_tables_are_distinguished_from_lists_of_sequences():
    assert not is_ragged([[1.0, [2.0]]])
    assert not is_ragged([[1.0, 2.0], [3.0, [4.0]]])
    assert is_ragged([[1.0, [2.0]], [1.0]])
    assert is_ragged([[1.0], sparse.coo_array(np.ones(3))])


def test_lists_without_an_end_are_refused():
    endless = []
    endless.append(endless)
    for X in (endless, nested(2000)):
        assert is_ragged(X)
        with pytest.raises(ValueError, match=r"X\[0\] is not a rectangular array"):
            as_sequences(X)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Sequences.from_list(5), TypeError, "X: 'int' object is not iterable"),
        (lambda: Sequences.from_channels_first(None), TypeError, "X: 'NoneType' object"),
        (lambda: Sequences.from_channels_first([np.ma.masked_array([[1.0]], [[True]])]),
         ValueError, r"X\[0\] holds masked values"),
        (lambda: Sequences.from_symbols([np.ma.masked_array([1, 0], [True, False])]),
         ValueError, r"X\[0\] holds masked values"),
        (lambda: Sequences.from_symbols([[0, 1]], "2"), TypeError, "n_symbols must be an integer"),
        (lambda: Sequences.from_padded(np.ones((2, 2, 1)), "0"), TypeError, "pad must be a number"),
        (lambda: Sequences.from_padded(np.ones((2, 2, 1)), 10**400), ValueError, "pad: int too"),
        (lambda: Sequences.from_padded(np.ones((2, 0, 1))), ValueError, "at least one sequence"),
        (lambda: Sequences.from_rows(np.ones((2, 0)), 2**70), ValueError, "X has 0 columns"),
        (lambda: Sequences.from_lengths(np.ones((2, 1)), [[1], [1, 2]]), ValueError, "lengths: "),
        (lambda: Sequences.from_list([[np.ma.masked_array([1.0], [True])]]), ValueError, "masked"),
    ],
)  # fmt: skip
def test_refusals_name_the_argument(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_n_channels_may_be_true():
    assert same(Sequences.from_rows(FLAT, True), [np.ones((2, 1))] * 6)


def test_an_error_of_another_library_gets_the_name_in_front():
    with pytest.raises(ValueError, match=r"^X: axis 0 of X is bad"), naming("X"):
        raise ValueError("axis 0 of X is bad")
    with pytest.raises(ValueError, match=r"^X: too large"), naming("X"):
        raise OverflowError("too large")
    with pytest.raises(TypeError, match=r"^X: not yet"), naming("X"):
        raise NotImplementedError("not yet")


def test_our_own_messages_have_the_name_once():
    with pytest.raises(ValueError, match=r"^X\[0\] must be 2-D"):
        Sequences.from_list([np.ones(3)])
    with pytest.raises(TypeError, match=r"^X: 'int' object is not iterable"):
        Sequences.from_list(3)
