"""Labels that carry codes of their own: categories, dictionaries, columns of strings.

pandas, polars and pyarrow keep such labels as small integers, or make these faster than
their strings become objects of Python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.kernels import _labels
from skxent.kernels.dispatch import kernels


class Coded(NamedTuple):
    """Labels as codes: ``labels[i]`` has the code ``places[i]``, if it occurs."""

    labels: NDArray[Any]
    places: NDArray[np.intp]
    codes: NDArray[Any]


class Encoded(NamedTuple):
    """Codes of sorted classes: the class is ``class_at[code - low]``.

    `class_at` is None where that is code - low. Integers that follow each other are a
    range of classes.
    """

    classes: NDArray[Any] | range
    codes: NDArray[Any]
    low: int
    class_at: NDArray[np.intp] | None

    def dense(self) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return the classes as an array, and the class of every row: (n,)."""
        classes, codes = self.classes, self.codes
        if isinstance(classes, range):
            classes = np.array(classes, dtype=codes.dtype)
        if self.low != 0:
            codes = np.subtract(codes, self.low, dtype=np.intp)
        if self.class_at is not None:
            return classes, self.class_at[codes]
        return classes, codes.astype(np.intp, copy=False)


def encode_coded(y: Any) -> Encoded | None:
    """Return the classes that occur, sorted, and the codes of y.

    Return None if y is not integers, bools or labels with codes, if these span too
    much, or if a label is missing.
    """
    if isinstance(y, np.ndarray):
        if y.ndim != 1 or np.ma.isMaskedArray(y):
            return None
        kind = y.dtype.kind
        if kind in "iub":
            return _of_integers(y)
        coded = _of_characters(y) if kind in "US" else None
        return None if coded is None else _in_order(coded, 0, len(coded.labels))
    coded = coded_labels(y)
    if coded is None or not len(coded.codes):
        return None
    known = kernels.label_range(coded.codes)
    # pandas has the code -1 for what is missing.
    if known is None or known[0] < 0:
        return None
    labels, places, codes = coded
    low, distinct, span, marks = known
    inside = (places >= low) & (places < low + span)
    labels, places = labels[inside], places[inside] - low
    if marks is not None:
        occurring = np.frombuffer(marks, dtype=bool)[places]
        labels, places = labels[occurring], places[occurring]
    if len(labels) != distinct:
        return None
    return _in_order(Coded(labels, places, codes), low, span)


def _in_order(coded: Coded, low: int, span: int) -> Encoded:
    """Return labels that all occur sorted, with a class for `span` codes from `low`."""
    labels, places, codes = coded
    order = np.argsort(labels)
    class_at = np.zeros(span, dtype=np.intp)
    class_at[places[order]] = np.arange(len(labels))
    in_order = len(labels) == span and bool((class_at == np.arange(span)).all())
    return Encoded(labels[order], codes, low, None if in_order else class_at)


def coded_labels(y: Any) -> Coded | None:
    """Return labels with codes of their own; None for others, or with missing ones."""
    read = READERS.get(type(y).__module__.partition(".")[0])
    coded = None if read is None else read(y)
    if coded is None:
        return None
    kind = coded.labels.dtype.kind
    if kind == "O" and set(map(type, coded.labels.tolist())) <= {str}:
        return coded
    return coded if kind in "iub" else None


def _of_integers(y: NDArray[Any]) -> Encoded | None:
    dtype, flags = y.dtype, y.flags
    size = dtype.itemsize
    if size == 8 and dtype.kind == "u":
        return None
    readable = size == 1 or (dtype.kind == "i" and dtype.isnative)
    codes = y
    # Arrays that came over a network may be unaligned.
    if not (readable and flags.c_contiguous and flags.aligned):
        codes = np.require(y, None if readable else np.int64, ["C", "A"])
    known = kernels.label_range(codes)
    if known is None:
        return None
    low, distinct, _, marks = known
    if marks is None and readable:
        return Encoded(range(low, low + distinct), codes, low, None)
    if marks is None:
        classes = np.arange(low, low + distinct).astype(dtype)
        return Encoded(classes, codes, low, None)
    occurring = np.frombuffer(marks, dtype=bool)
    classes = (np.flatnonzero(occurring) + low).astype(dtype)
    return Encoded(classes, codes, low, np.cumsum(occurring) - 1)


def _of_characters(y: NDArray[Any]) -> Coded | None:
    """Return fixed-width strings or bytes as codes; None for too many distinct ones."""
    if not y.size or not y.itemsize:
        return None
    first, codes = _codes_of_items(y)
    return None if first is None else Coded(y[first], np.arange(len(first)), codes)


def _codes_of_items(y: NDArray[Any]) -> tuple[list[int] | None, NDArray[np.uint8]]:
    """Return where each distinct item first appears, None for too many; and codes."""
    codes = np.empty(len(y), dtype=np.uint8)
    rows = np.ascontiguousarray(y).view(np.uint8).reshape(len(y), y.itemsize)
    return _labels.encode_bytes(rows, codes), codes


def _of_pandas(y: Any) -> Coded | None:
    if getattr(y, "ndim", 0) != 1:
        return None
    values = getattr(y, "array", y)
    name = getattr(values.dtype, "name", "")
    if name == "category":
        labels, codes = np.asarray(values.categories), values.codes
    elif name in ("str", "string"):
        codes, found = values.factorize()
        labels = np.asarray(found, dtype=object)
    else:
        return None
    return Coded(labels, np.arange(len(labels)), np.ascontiguousarray(codes))


def _of_polars(y: Any) -> Coded | None:
    if type(y).__name__ != "Series" or y.null_count():
        return None
    kind = str(y.dtype).partition("(")[0]
    if kind in ("String", "Utf8"):
        hashed = _of_hashes(y)
        if hashed is not None:
            return hashed
        y = y.cast(sys.modules["polars"].Categorical)
    elif kind not in ("Categorical", "Enum"):
        return None
    present = y.unique()
    labels = np.array(present.to_list(), dtype=object)
    codes = _signed(y.to_physical().to_numpy())
    return Coded(labels, present.to_physical().to_numpy().astype(np.intp), codes)


def _of_hashes(y: Any) -> Coded | None:
    """Encode polars' strings by their hashes; None if two labels have the same hash."""
    hashes = y.hash().to_numpy()
    if not len(y) or hashes.dtype != np.uint64:
        return None
    first, codes = _codes_of_items(hashes)
    if first is None:
        return None
    labels = y.gather(first)
    if not (labels.gather(codes) == y).all():
        return None
    known = np.array(labels.to_list(), dtype=object)
    return Coded(known, np.arange(len(first)), codes)


def _of_arrow(y: Any) -> Coded | None:
    chunks = getattr(y, "chunks", [y])
    # A table has no null_count.
    if len(chunks) != 1 or getattr(y, "null_count", True) or not len(y):
        return None
    array = chunks[0]
    if str(array.type) in ("string", "large_string", "string_view"):
        array = array.dictionary_encode()
    if not hasattr(array, "dictionary"):
        return None
    labels = np.array(array.dictionary.to_pylist(), dtype=object)
    if {*map(type, labels.tolist())} == {int}:
        labels = labels.astype(np.int64)
    codes = _signed(array.indices.to_numpy(zero_copy_only=False))
    return Coded(labels, np.arange(len(labels)), codes)


def _signed(codes: NDArray[Any]) -> NDArray[Any]:
    """Return codes of a type that the kernels read: unsigned only if of one byte."""
    codes = np.ascontiguousarray(codes)
    if codes.dtype.kind == "u" and codes.itemsize > 1:
        return codes.view(f"i{codes.itemsize}")
    return codes


READERS: dict[str, Callable[[Any], Coded | None]] = {
    "pandas": _of_pandas,
    "polars": _of_polars,
    "pyarrow": _of_arrow,
}
