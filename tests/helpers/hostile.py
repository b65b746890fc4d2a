"""Arrays that users pass by mistake, or on purpose, for the fuzzers to draw from.

An argument is a dressed table of numbers: a dtype, a layout and a container that it has
no right to, and now and then something else altogether.
"""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import strategies as st

FLOATS = [
    np.nan,
    np.inf,
    -np.inf,
    5e-324,
    1e-40,
    1e300,
    -1e300,
    3e38,
    -0.0,
    710.0,
    -1e5,
]
DTYPES = [
    "f8", "f4", ">f8", ">f4", "f2", "g", "i1", "u1", "i4", "i8", "u8", ">i8", "?", "O",
    "c16", "U8", "S8", "M8[s]", "m8[s]",
]  # fmt: skip
# None of these is an array of the expected shape.
JUNK = [
    None, 3, 2.5, "text", b"bytes", [], [[]], [[], []], {}, {"a": 1}, object(), np.nan,
    [[1, 2], [3]], [None, None], [1, "a"], np.empty(0), np.empty((0, 3)),
    np.empty((4, 0)),
    np.ones((2, 2, 2)), np.array(1.0), sp.csr_array(np.eye(3)), iter([1, 2]), range(6),
    10**400, -(10**30), Fraction(1, 3), True, (), np.ma.masked, pd.NA, slice(None),
    np.zeros(4, dtype=[("a", "f8"), ("b", "i4")]), [[0.5, 0.5]] * 6, lambda: None,
]  # fmt: skip
SCALARS = [
    0, 1, -1, 0.0, 0.5, 1.0, 2, 1e-300, 1e300, -0.5, np.nan, np.inf, -np.inf, 10**400,
    2**63, -(2**63), True, False, np.float32(0.25), np.int64(3), np.bool_(True), "0.5",
    "balanced", "mean", None, [0.5], (), {}, {0: 2.0}, {0: np.nan}, {1: 10**400},
    {"a": 1}, {(): 1}, np.array([0.5]), np.array([1.0, 2.0, 3.0]), np.array(["a"]), 1j,
    object(), "",
    Fraction(1, 3), b"x", np.datetime64("2020-01-01"), [1.0, 2.0, np.nan], [1, -1, 1],
]  # fmt: skip


# The same numbers in every order, stride, alignment and container.
LAYOUTS = [
    lambda a: a,
    lambda a: np.asfortranarray(a),
    lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    lambda a: np.repeat(a, 2, axis=0)[::2],
    lambda a: np.ascontiguousarray(a[::-1])[::-1],
    lambda a: read_only(a),
    lambda a: a if a.dtype.hasobject else unaligned(a),
    lambda a: a if a.dtype.hasobject else packed(a),
    lambda a: np.broadcast_to(a[:1], a.shape),
    lambda a: np.ma.masked_array(a, mask=np.arange(a.size).reshape(a.shape) == 1),
    np.ma.masked_array,
    lambda a: a.tolist(),
    np.asmatrix,
    lambda a: pd.DataFrame(a) if a.ndim == 2 else pd.Series(a),
    lambda a: a if a.dtype.kind in "OUSMmc" else odd_csr(a.reshape(len(a), -1)),
    lambda a: a[..., np.newaxis],
    lambda a: a[:-1],
    np.ravel,
]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array):
    store = np.zeros(array.nbytes + 1, np.uint8)
    view = store[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def packed(array):
    """A field of records whose size is no multiple of its own."""
    records = np.zeros(array.shape, [("number", array.dtype), ("flag", "i1")])
    records["number"] = array
    return records["number"]


def odd_csr(array):
    """CSR with its indices unsorted, a duplicate, and of 64 bits."""
    matrix = sp.csr_array(array.astype(np.float64))
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        matrix.indices[part] = matrix.indices[part][::-1].copy()
        matrix.data[part] = matrix.data[part][::-1].copy()
    if matrix.nnz:
        rows = np.append(matrix.indices, matrix.indices[-1])
        data = np.append(matrix.data, 0.0)
        last = matrix.indptr.copy()
        last[last == matrix.nnz] += 1
        matrix = sp.csr_array((data, rows, last), shape=matrix.shape)
    matrix.indices, matrix.indptr = (
        a.astype(np.int64) for a in (matrix.indices, matrix.indptr)
    )
    return matrix


@st.composite
def dressed(draw, table):
    """A table as somebody might hand it over."""
    fashion = draw(st.integers(0, 9))
    if fashion < 3:
        return table
    if fashion == 9:
        return draw(st.sampled_from(JUNK))
    if fashion > 6 and table.size:
        table = (
            table.astype(np.float64)
            if table.dtype.kind in "fiu"
            else table.astype(object)
        )
        spoilt = draw(st.integers(0, table.size - 1))
        table.flat[spoilt] = draw(st.sampled_from(FLOATS))
    if not table.size:
        return table
    layout = draw(st.sampled_from(LAYOUTS))
    dtype = draw(st.sampled_from(DTYPES)) if fashion % 2 else table.dtype
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return layout(table.astype(dtype))
        except (ValueError, TypeError, OverflowError):  # numpy knows no such conversion
            return table


def maybe(value, draw):
    """As a rule the value that makes sense, else any."""
    return draw(st.sampled_from(SCALARS)) if draw(st.integers(0, 9)) == 9 else value


# Messages of numpy, scipy and Cython: skxent should have noticed these errors first.
UNCLEAR = [
    "truth value", "could not be broadcast", "Buffer", "cannot reshape", "list index",
    "unhashable", "has no attribute", "not subscriptable", "has no len", "unsized",
    "not iterable", "unexpected keyword", "mismatch in its core",
    "ufunc", "cannot convert float", "out of bounds",
]  # fmt: skip


def survives(function, *arguments, excuse=np.isnan, **keywords):
    """Call with any arguments: a result, or an error that tells what was wrong.

    No other error, no warning that numpy gives, no argument changed, no mask ignored,
    and no NaN from arguments of which none has what is an `excuse`.
    """
    given = [*arguments, *keywords.values()]
    before = [frozen(value) for value in given]
    told = result = None
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **keywords)
        except (ValueError, TypeError, OverflowError) as error:
            told = error
    for value, old in zip(given, before, strict=True):
        assert frozen(value) == old, "an argument was changed"
    if told is not None:
        text = str(told)
        assert len(text) > 10, repr(told)
        clear = not any(fragment in text for fragment in UNCLEAR)
        if not clear:
            raise AssertionError(f"unclear: {told!r}") from told
        return None
    for warning in heard:  # those of a call that failed do no harm
        assert issubclass(warning.category, UserWarning), warning
    assert not any(map(np.ma.is_masked, given)), "masked entries were taken for numbers"
    if not any(has(excuse, value) for value in given):
        assert not has(np.isnan, result), "NaN from arguments that have none"
    return result


def frozen(value):
    """All that a call might change of an argument."""
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return value.tobytes(), value.shape, value.dtype, value.flags.writeable
    if sp.issparse(value):
        return value.data.tobytes(), value.indices.tobytes(), value.indptr.tobytes()
    if isinstance(value, pd.DataFrame | pd.Series):
        return frozen(value.to_numpy())
    return repr(value)


def has(what, value):
    """Is such a number, or what may become one, in the value?"""
    if isinstance(value, tuple | list):
        return any(has(what, part) for part in value)
    if sp.issparse(value):
        return has(what, value.data)
    try:
        return bool(what(np.asarray(value, dtype=np.float64)).any())
    except (ValueError, TypeError, OverflowError):
        return pd.isna(np.asarray(value)).any() if hasattr(value, "dtype") else False
