"""What a row should have been: labels, one-hot rows, soft labels, smoothing, weights.

Every form becomes one `Target`, the only form of y that the kernels know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from skxent import _labels
from skxent._validation import FRACTION

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Target:
    """Rows of targets in the form of the kernels.

    Either `codes` (n,), integers in 0..K-1, or `soft` (n, K), rows of class weights.
    A row's loss is w Σ_c t_c φ(m_c) with t = (1 - ε) y∘v + (ε/K) Σ_c y_c v_c, where
    v is `class_weight` (K,) and ε `label_smoothing`: class weights weigh the label
    that was observed, as sample weights v[y] would, and smoothing comes after.
    """

    codes: NDArray[np.intp] | None
    soft: Floats | None
    class_weight: NDArray[np.float64]
    sample_weight: NDArray[np.float64] | None = None
    label_smoothing: float = 0.0

    @property
    def n_classes(self) -> int:
        return len(self.class_weight)

    @property
    def n_samples(self) -> int:
        rows = self.codes if self.codes is not None else self.soft
        assert rows is not None
        return len(rows)

    def rows(self, block: slice) -> Target:
        """The targets of a block of rows; views, not copies."""
        return replace(
            self,
            codes=None if self.codes is None else self.codes[block],
            soft=None if self.soft is None else self.soft[block],
            sample_weight=(
                None if self.sample_weight is None else self.sample_weight[block]
            ),
        )

    def total_weight(self) -> float:
        """Σ of the weights of all rows, class weights included."""
        w = self.sample_weight
        if self.codes is not None:
            return float(np.bincount(self.codes, w, self.n_classes) @ self.class_weight)
        assert self.soft is not None
        row = self.soft @ self.class_weight
        return float(row.sum() if w is None else row @ w)


def check_class_weight(class_weight: Any, n_classes: int) -> NDArray[np.float64]:
    """Weights in the order of the classes, from None, a dict of codes, or an array."""
    if class_weight is None:
        return np.ones(n_classes)
    if isinstance(class_weight, Mapping):
        unknown = set(class_weight) - set(range(n_classes))
        if unknown:
            raise ValueError(
                f"class_weight must have keys in 0..{n_classes - 1}, "
                f"got {sorted(unknown, key=str)[0]!r}."
            )
        class_weight = [class_weight.get(code, 1.0) for code in range(n_classes)]
    weights = np.array(class_weight, dtype=np.float64)
    if weights.shape != (n_classes,):
        raise ValueError(
            f"class_weight must be of shape ({n_classes},), got {weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(
            "class_weight must be finite, non-negative and not all zero, "
            f"got {weights.tolist()}."
        )
    return weights


def balanced_class_weight(
    y: NDArray[Any], n_classes: int, sample_weight: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Weights under which all classes of y (codes or soft labels) count the same.

    Σw / (K Σ_{i in c} w_i), where K counts the classes that y has.
    """
    if y.ndim == 1:
        mass = np.bincount(y, sample_weight, n_classes)
    else:
        mass = y.sum(axis=0) if sample_weight is None else np.asarray(sample_weight) @ y
    present = mass > 0
    weights = np.ones(n_classes)
    weights[present] = mass.sum() / (present.sum() * mass[present])
    return weights


def check_sample_weight(
    sample_weight: ArrayLike | None, n_samples: int
) -> NDArray[np.float64] | None:
    """Weights as the kernels read them."""
    if sample_weight is None:
        return None
    weights = np.ascontiguousarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must be of shape ({n_samples},), got {weights.shape}."
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise ValueError(
            f"sample_weight must be finite and non-negative, got {weights[bad][0]}."
        )
    return weights


def make_target(
    y: ArrayLike,
    n_samples: int,
    n_classes: int,
    *,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    dtype: Any = np.float64,
    name: str = "y",
) -> Target:
    """Check y, codes (n,) or soft labels (n, K), and weights of all kinds."""
    FRACTION.check("label_smoothing", label_smoothing)
    class_weights = check_class_weight(class_weight, n_classes)
    weights = check_sample_weight(sample_weight, n_samples)
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise ValueError(f"{name} must be of shape (n,) or (n, K), got {y.shape}.")
    if len(y) != n_samples:
        raise ValueError(f"{name} must have {n_samples} rows, got {len(y)}.")
    if y.ndim == 2:
        soft = check_soft_labels(y, n_classes, dtype, name)
        return Target(None, soft, class_weights, weights, label_smoothing)
    codes = check_codes(y, n_classes, name)
    return Target(codes, None, class_weights, weights, label_smoothing)


def check_codes(y: NDArray[Any], n_classes: int, name: str = "y") -> NDArray[np.intp]:
    """Integer codes in 0..K-1, as the kernels read them."""
    if y.dtype.kind not in "iub" and not (
        y.dtype.kind == "f" and np.array_equal(y, np.trunc(y))
    ):
        raise ValueError(
            f"{name} must be integer codes or soft labels, got {y.dtype} values."
        )
    if y.size and (y.min() < 0 or y.max() >= n_classes):
        worst = y.min() if y.min() < 0 else y.max()
        raise ValueError(f"{name} must be codes in 0..{n_classes - 1}, got {worst}.")
    return np.ascontiguousarray(y, dtype=np.intp)


def check_soft_labels(
    y: NDArray[Any], n_classes: int, dtype: Any, name: str = "y"
) -> Floats:
    """Rows of K non-negative numbers that sum to one."""
    if y.shape[1] != n_classes:
        raise ValueError(f"{name} must have {n_classes} columns, got {y.shape[1]}.")
    soft: Floats = np.asarray(y, dtype=dtype)
    if not np.isfinite(soft).all() or (soft.size and soft.min() < 0):
        raise ValueError(f"{name} must be finite and non-negative, got other values.")
    sums = soft.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1) > np.sqrt(np.finfo(soft.dtype).eps)
    if off.any():
        raise ValueError(
            f"{name} must have rows that sum to one, got {sums[off][0]:.6g}."
        )
    return soft


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
    if y.dtype.kind in "iu" and y.dtype.itemsize <= 8 and y.dtype != np.uint64:
        wide = np.ascontiguousarray(y, dtype=np.int64)
        known = _labels.label_range(wide)
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
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes.reshape(y.shape).astype(np.intp, copy=False)


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
