"""Arrays as the kernels read and write them: two-dimensional, native, aligned."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.kernels import _labels
from skxent.kernels.checks import has_itemsize_strides

Floats = NDArray[np.floating[Any]]


def copy_if_overlapping(array: Any, outputs: dict[str, Floats]) -> Any:
    """Return the array, or a copy if an output lies across it.

    An output in the very place of the array is harmless: each row is read before it is
    written.
    """

    def across(out: Floats) -> bool:
        if not np.may_share_memory(array, out):
            return False
        begin, first = (a.__array_interface__["data"][0] for a in (array, out))
        same = array.size == out.size and array.strides[: out.ndim] == out.strides
        return begin != first or not same

    touched = array is not None and any(across(out) for out in outputs.values())
    return array.copy() if touched else array


def check_no_overlap(outputs: dict[str, Floats]) -> None:
    """Raise a ValueError if two outputs share memory."""
    for (name, one), (other_name, other) in combinations(outputs.items(), 2):
        if np.shares_memory(one, other):
            raise ValueError(
                f"{name} and {other_name} must not share memory, got arrays that do."
            )


def output(
    name: str, out: Floats | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Floats:
    """Return `out` after a check, or a new array if it is None."""
    if out is None:
        return np.empty(shape, dtype=dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
        got = f"{getattr(out, 'dtype', type(out))} of shape {np.shape(out)}"
        raise ValueError(f"{name} must be {dtype} of shape {shape}, got {got}.")
    distinct = are_distinct(out.strides, shape)
    if not out.flags.writeable or not has_itemsize_strides(out) or not distinct:
        raise ValueError(
            f"{name} must be a writeable array of distinct, aligned elements, "
            f"got strides {out.strides}, writeable={out.flags.writeable}."
        )
    return out


def are_distinct(strides: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Return True if no two elements can share memory.

    That is if a step along each axis is longer than all axes of shorter steps together.
    """
    reach = 0
    for stride, n in sorted(zip(map(abs, strides), shape, strict=True)):
        if n > 1 and stride <= reach:
            return False
        reach += stride * (n - 1)
    return True


def stable_order(values: Floats) -> NDArray[np.intp]:
    """Return ``np.argsort(values, kind="stable")`` of numbers (n,) without NaN."""
    x = np.ascontiguousarray(values, dtype=np.float64)
    if not 0 < len(x) < 1 << 32:
        return np.argsort(x, kind="stable")
    words = np.empty(2 * len(x), dtype=np.uint64)
    _labels.stable_order(x, words)
    return words[: len(x)].view(np.int64).astype(np.intp, copy=False)
