"""Sparse matrices, checked before anything follows their indices.

Neither scipy nor the kernels check that an index is inside the matrix: an index outside
reads or writes the memory of another object.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.kernels import _wide

INDEX = np.dtype(np.int32), np.dtype(np.int64)
Indices = NDArray[np.integer[Any]]


def check_sparse(name: str, X: Any) -> Any:
    """Return a sparse X whose indices are safe to follow, and any other X as it is.

    Call this before scipy or scikit-learn do anything with X: they convert, sort and
    slice by its indices. It takes one pass over the indices. The format stays the same,
    and the result is a view of X unless its index arrays are strided or of a type that
    the kernels do not read.
    """
    if not sp.issparse(X):
        return X
    if X.ndim != 2 or min(X.shape) < 0:
        raise ValueError(f"{name} must be of shape (n, d), got {X.shape}.")
    check = CHECKS.get(X.format)
    if check is None:
        raise ValueError(f"{name} must be in a format of scipy, got {X.format!r}.")
    return check(name, X)


def _compressed(name: str, X: Any) -> Any:
    """Check CSR, CSC or BSR."""
    majors, minors = X.shape if X.format != "csc" else X.shape[::-1]
    if X.format != "bsr" and _is_sound(X, majors, minors):
        return X
    data = np.asarray(X.data)
    if X.format == "bsr":
        size = data.shape[1:]
        if data.ndim != 3 or 0 in size or majors % size[0] or minors % size[1]:
            raise ValueError(
                f"{name} must have blocks that divide its shape {X.shape}, "
                f"got data of shape {data.shape}."
            )
        majors, minors = majors // size[0], minors // size[1]
    elif data.ndim != 1:
        raise ValueError(f"{name} must have data of shape (nnz,), got {data.shape}.")
    indices = _integers(name, "indices", X.indices)
    pointers = _integers(name, "indptr", X.indptr)
    _check_length(name, "indices", indices, len(data))
    _check_length(name, "indptr", pointers, majors + 1)
    if pointers[0] != 0 or pointers[-1] != len(indices):
        raise ValueError(
            f"{name} must have an indptr from 0 to {len(indices)}, the number of its "
            f"indices, got one from {pointers[0]} to {pointers[-1]}."
        )
    falls = pointers[1:] < pointers[:-1]
    if falls.any():
        first = int(falls.argmax())
        raise ValueError(
            f"{name} must have an indptr that never decreases, "
            f"got {pointers[first]} before {pointers[first + 1]}."
        )
    _check_range(name, "indices", indices, minors)
    known = indices.dtype == pointers.dtype and indices.dtype in INDEX
    if known and all(map(_is_plain, (indices, pointers, data))):
        return X
    largest = max(len(data), *X.shape)
    index = np.int64 if largest > np.iinfo(np.int32).max else np.int32
    arrays = (
        np.require(data, data.dtype.newbyteorder("="), ["C", "A"]),
        np.require(indices, index, ["C", "A"]),
        np.require(pointers, index, ["C", "A"]),
    )
    return type(X)(arrays, shape=X.shape)


def _is_sound(X: Any, majors: int, minors: int) -> bool:
    """Return True if a CSR or CSC matrix is sound, after one compiled pass.

    False means that it is not, or that only the slower checks can tell.
    """
    arrays = data, indices, pointers = X.data, X.indices, X.indptr
    return (
        all(_is_plain(array) and array.ndim == 1 for array in arrays)
        and indices.dtype == pointers.dtype
        and indices.dtype in INDEX
        and len(pointers) == majors + 1
        and len(data) == len(indices)
        and _wide.is_inside(indices, pointers, minors)
    )


def _coordinates(name: str, X: Any) -> Any:
    """Check COO."""
    data = np.asarray(X.data)
    for what, length in zip(("row", "col"), X.shape, strict=True):
        indices = _integers(name, what, getattr(X, what))
        _check_length(name, what, indices, data.size)
        _check_range(name, what, indices, length)
    return X


def _diagonals(name: str, X: Any) -> Any:
    """Check DIA."""
    offsets, data = _integers(name, "offsets", X.offsets), np.asarray(X.data)
    if data.ndim != 2 or data.shape[0] != len(offsets):
        raise ValueError(
            f"{name} must have a row of data for each of {len(offsets)} offsets, "
            f"got data of shape {data.shape}."
        )
    n, d = X.shape
    if len(np.unique(offsets)) != len(offsets):
        raise ValueError(f"{name} must have distinct offsets, got {offsets.tolist()}.")
    if offsets.size and not -n < offsets.min() <= offsets.max() < d:
        raise ValueError(
            f"{name} must have offsets in {1 - n}..{d - 1}, got {offsets.tolist()}."
        )
    return X


def _lists(name: str, X: Any) -> Any:
    """Check LIL."""
    for what in ("rows", "data"):
        _check_length(name, what, getattr(X, what), X.shape[0])
    lengths = list(map(len, X.rows))
    if lengths != list(map(len, X.data)):
        raise ValueError(
            f"{name} must have as many numbers as indices in each row, got others."
        )
    indices = np.array(list(chain.from_iterable(X.rows)) or np.empty(0, np.intp))
    _check_range(name, "rows", _integers(name, "rows", indices), X.shape[1])
    return X


def _keys(name: str, X: Any) -> Any:
    """Check DOK."""
    keys = np.array(list(X.keys()) or np.empty((0, 2), np.intp))
    if keys.ndim != 2 or keys.shape[1] != 2:
        raise ValueError(f"{name} must have pairs as keys, got others.")
    for column, length in zip(keys.T, X.shape, strict=True):
        _check_range(name, "keys", _integers(name, "keys", column), length)
    return X


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "csr": _compressed,
    "csc": _compressed,
    "bsr": _compressed,
    "coo": _coordinates,
    "dia": _diagonals,
    "lil": _lists,
    "dok": _keys,
}


def _integers(name: str, what: str, values: Any) -> Indices:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        got = f"{array.dtype} of shape {array.shape}"
        raise ValueError(f"{name} must have {what} that are integers, got {got}.")
    return array


def _check_length(name: str, what: str, values: Any, length: int) -> None:
    if len(values) != length:
        raise ValueError(
            f"{name} must have {what} of length {length}, got {len(values)}."
        )


def _check_range(name: str, what: str, indices: Indices, stop: int) -> None:
    # As an unsigned number a negative index is too large: one pass finds both.
    unsigned = indices.view(indices.dtype.str.replace("i", "u"))
    if indices.size and unsigned.max() >= stop:
        worst = indices.min() if indices.min() < 0 else indices.max()
        raise ValueError(f"{name} must have {what} in 0..{stop - 1}, got {worst}.")


def _is_plain(array: Any) -> bool:
    """Return True if the kernels can read the array where it lies."""
    if not isinstance(array, np.ndarray):
        return False
    flags = array.flags
    return array.dtype.isnative and flags.c_contiguous and flags.aligned
