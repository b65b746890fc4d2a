"""Labels of any type to sorted classes and codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from skxent import _labels
from skxent._dispatch import kernels
from skxent._validation import check_unmasked


def is_soft(y: Any) -> bool:
    """Is y soft labels (n, K), and not labels (n,) or (n, 1)?"""
    shape = np.asarray(y).shape  # np.shape asks what is not an array
    return len(shape) == 2 and shape[1] > 1


# So many different strings at most are told apart by comparing each to all.
FEW = 64


def encode_labels(
    y: Any, classes: NDArray[Any] | None = None, name: str = "y"
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Sorted classes, and y as indices into them.

    Raises
    ------
    ValueError
        If `classes` is given and lacks a label of y.
    """
    check_unmasked(name, y)
    if not isinstance(y, np.ndarray) or y.ndim != 1:
        y = column_or_1d(y)
    if classes is None:
        return _unique(y)
    found, codes = _unique(y)
    place = {label: code for code, label in enumerate(classes.tolist())}
    for label in found.tolist():
        if label not in place:
            raise ValueError(
                f"{name} must have labels in {classes.tolist()}, got {label!r}."
            )
    order = np.array([place[label] for label in found.tolist()], dtype=np.intp)
    return classes, order[codes]


def _unique(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    if y.dtype.kind in "iu" and y.dtype != np.uint64:
        wide = np.ascontiguousarray(y, dtype=np.int64)
        known = kernels.label_range(wide)
        if known is not None and known[1] == known[2]:
            low, distinct, _ = known
            return (np.arange(distinct) + low).astype(y.dtype), wide - low
    first, codes = _in_order_of_appearance(y)
    if first is not None:
        found = y[first]
        order = np.argsort(found)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return found[order], rank[codes]
    return np.unique(y, return_inverse=True)


def _in_order_of_appearance(
    y: NDArray[Any],
) -> tuple[list[int] | None, NDArray[np.intp]]:
    """Where each different string first stands, and y as indices into that.

    None for what is not strings, or has too many different ones.
    """
    codes = np.empty(len(y), dtype=np.intp)
    if y.dtype == object:
        return _labels.encode_strings(y.tolist(), codes), codes
    if y.dtype.kind in "US" and y.size and y.itemsize:
        rows = np.ascontiguousarray(y).view(np.uint8).reshape(len(y), y.itemsize)
        return _labels.encode_bytes(rows, codes, FEW), codes
    return None, codes
