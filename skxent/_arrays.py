"""Arrays as the kernels read and write them: two-dimensional, native, aligned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skxent._validation import as_whole, check_unmasked, whole_strides
from skxent.targets import Floats


def as_raw_prediction(raw_prediction: ArrayLike) -> tuple[Floats, bool]:
    """Logits as (n, K), and whether the one column is that of class 1 of two."""
    check_unmasked("raw_prediction", raw_prediction)
    z = np.asarray(raw_prediction)
    if z.dtype.kind not in "fiub":
        raise ValueError(f"raw_prediction must be real numbers, got {z.dtype}.")
    z = z.astype(np.float32 if z.dtype.str[1:] == "f4" else np.float64, copy=False)
    if z.ndim not in (1, 2) or (z.ndim == 2 and z.shape[1] == 0):
        raise ValueError(
            f"raw_prediction must be of shape (n,) or (n, K), got {z.shape}."
        )
    z = columns(as_whole(z))
    return z, z.shape[1] == 1


def columns(array: Any) -> Any:
    return array[:, np.newaxis] if array is not None and array.ndim == 1 else array


def output(
    name: str, out: Floats | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Floats:
    if out is None:
        return np.empty(shape, dtype=dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
        got = f"{getattr(out, 'dtype', type(out))} of shape {np.shape(out)}"
        raise ValueError(f"{name} must be {dtype} of shape {shape}, got {got}.")
    distinct = all(s or n < 2 for s, n in zip(out.strides, shape, strict=True))
    if not out.flags.writeable or not whole_strides(out) or not distinct:
        raise ValueError(
            f"{name} must be a writeable array of distinct, aligned elements, "
            f"got strides {out.strides}, writeable={out.flags.writeable}."
        )
    return out
