"""What a row should have been: labels, one-hot rows, soft labels, smoothing, weights.

Every form becomes one `Target`, the only form of y that the kernels know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils import column_or_1d

from skxent import _labels
from skxent._dispatch import kernels
from skxent._validation import (
    FRACTION,
    POSITIVE,
    Interval,
    as_reals,
    check_bool,
    check_option,
    check_unmasked,
)

__all__ = ["distill"]

Floats = NDArray[np.floating[Any]]
ClassWeightOn = Literal["label", "target"]


@dataclass(frozen=True)
class Target:
    """Rows of targets in the form of the kernels.

    Either `codes` (n,), integers in 0..K-1, or `soft` (n, K), rows of class weights.
    A row's loss is w Σ_c t_c φ(m_c) with t = (1 - ε) y∘v + (ε/K) Σ_c y_c v_c, where
    v is `class_weight` (K,) and ε `label_smoothing`: class weights weigh the label
    that was observed, as sample weights v[y] would, and smoothing comes after. With
    `weigh_target` it comes before: t = v∘((1 - ε) y + ε/K).

    With `multilabel`, `soft` holds K independent answers a row, each in [0, 1]: column
    k has t = v_k ((1 - ε) y_k + ε/2) for yes and v_k ((1 - ε) (1 - y_k) + ε/2) for no.
    """

    codes: NDArray[np.intp] | None
    soft: Floats | None
    class_weight: NDArray[np.float64]
    sample_weight: NDArray[np.float64] | None = None
    label_smoothing: float = 0.0
    weigh_target: bool = False
    multilabel: bool = False

    @property
    def n_classes(self) -> int:
        return len(self.class_weight)

    @property
    def n_samples(self) -> int:
        rows = self.codes if self.codes is not None else self.soft
        assert rows is not None
        return len(rows)

    def rows(self, block: slice) -> Target:
        """The targets of a block of rows: views, if it takes every row."""

        def part(values: Any) -> Any:
            return None if values is None else np.ascontiguousarray(values[block])

        return replace(
            self,
            codes=part(self.codes),
            soft=None if self.soft is None else self.soft[block],
            sample_weight=part(self.sample_weight),
        )

    def mass(self) -> NDArray[np.float64]:
        """Σ of the target t over all rows: (K,); multilabel: (K, 2), no and yes."""
        v, eps = self.class_weight, self.label_smoothing
        w = self.sample_weight
        if self.codes is not None:
            y = np.bincount(self.codes, w, self.n_classes).astype(np.float64)
        else:
            assert self.soft is not None
            y = self.soft.sum(axis=0, dtype=np.float64) if w is None else w @ self.soft
        if self.multilabel:
            rows = self.n_samples if w is None else w.sum()
            both = np.column_stack([rows - y, y])
            return v[:, np.newaxis] * ((1 - eps) * both + eps / 2 * rows)
        if self.weigh_target:
            return v * ((1 - eps) * y + eps / self.n_classes * y.sum())
        return (1 - eps) * v * y + eps / self.n_classes * (v @ y)

    def total_weight(self) -> float:
        """Σ of the weights of all rows, class weights included."""
        return float(self.mass().sum())

    def weights_of_classes(self) -> NDArray[np.float64] | None:
        """class_weight; None, which the kernels need not read, if all are one."""
        return self.class_weight if (self.class_weight != 1).any() else None

    def row_weights(self) -> NDArray[np.float64]:
        """The weight of every row, class weights included: (n,)."""
        if self.codes is not None:
            weights = self.class_weight[self.codes]
        else:
            assert self.soft is not None
            weights = self.soft @ self.class_weight
        return weights if self.sample_weight is None else weights * self.sample_weight


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
    weights = as_reals("class_weight", class_weight)
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
    weight = check_sample_weight(sample_weight, len(y))
    if y.ndim == 1:
        mass = np.bincount(y, weight, n_classes)
    else:
        mass = y.sum(axis=0) if weight is None else weight @ y
    present = mass > 0
    weights = np.ones(n_classes)
    weights[present] = mass.sum() / (present.sum() * mass[present])
    return weights


def class_weight_of_labels(
    class_weight: Any,
    classes: NDArray[Any],
    codes: NDArray[Any],
    sample_weight: ArrayLike | None,
    *,
    positive: bool,
) -> Any:
    """An estimator's class_weight, in the order of its classes.

    Must be `positive` where probabilities are to be divided by it.
    """
    if isinstance(class_weight, str):
        check_option("class_weight", class_weight, ("balanced",))
        return balanced_class_weight(codes, len(classes), sample_weight)
    if class_weight is None:
        return None
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            f"class_weight must be a dict, 'balanced' or None, got {class_weight!r}."
        )
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    # As in scikit-learn: where every class has its weight none is misspelt, and the
    # weight of a class that a fold lacks is not used.
    if unknown and not all(label in class_weight for label in labels):
        raise ValueError(
            f"class_weight must have keys in {labels}, got {unknown[0]!r}."
        )
    weights = [class_weight.get(label, 1.0) for label in labels]
    if positive and not all(weight > 0 for weight in weights):
        raise ValueError(
            f"class_weight must be positive if posterior=True, got {weights}."
        )
    return weights


def check_sample_weight(
    sample_weight: ArrayLike | None, n_samples: int
) -> NDArray[np.float64] | None:
    """Weights as the kernels read them."""
    if sample_weight is None:
        return None
    weights = np.ascontiguousarray(as_reals("sample_weight", sample_weight))
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
    class_weight_on: ClassWeightOn = "label",
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    multilabel: bool = False,
    dtype: Any = np.float64,
    name: str = "y",
) -> Target:
    """Check y, codes (n,), soft labels (n, K) or indicators (n, K), and all weights."""
    FRACTION.check("label_smoothing", label_smoothing)
    check_option("class_weight_on", class_weight_on, get_args(ClassWeightOn))
    check_bool("multilabel", multilabel)
    class_weights = check_class_weight(class_weight, n_classes)
    weights = check_sample_weight(sample_weight, n_samples)
    check_unmasked(name, y)
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1 and not multilabel:
        y = y[:, 0]
    if y.ndim not in (1, 2) or (multilabel and y.ndim == 1):
        allowed = "(n, K)" if multilabel else "(n,) or (n, K)"
        raise ValueError(f"{name} must be of shape {allowed}, got {y.shape}.")
    if len(y) != n_samples:
        raise ValueError(f"{name} must have {n_samples} rows, got {len(y)}.")
    if ignore_index is not None:
        y, weights = _silence(y, weights, ignore_index)
    settings: dict[str, Any] = {
        "class_weight": class_weights,
        "sample_weight": weights,
        "label_smoothing": label_smoothing,
        "weigh_target": class_weight_on == "target",
    }
    if multilabel:
        soft = check_indicators(y, n_classes, dtype, name)
        return Target(None, soft, multilabel=True, **settings)
    if y.ndim == 2:
        return Target(None, check_soft_labels(y, n_classes, dtype, name), **settings)
    return Target(check_codes(y, n_classes, name), None, **settings)


def _silence(
    y: NDArray[Any], weights: NDArray[np.float64] | None, ignore_index: int
) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Rows of the label ignore_index weigh nothing."""
    if not isinstance(ignore_index, Integral) or isinstance(ignore_index, bool):
        raise ValueError(
            f"ignore_index must be None or an integer, got {ignore_index!r}."
        )
    if y.ndim != 1:
        raise ValueError(
            f"ignore_index must be None for labels of shape (n, K), got {ignore_index}."
        )
    ignored = y == ignore_index
    weights = np.ones(len(y)) if weights is None else weights
    return np.where(ignored, 0, y), np.where(ignored, 0.0, weights)


def check_codes(y: NDArray[Any], n_classes: int, name: str = "y") -> NDArray[np.intp]:
    """Integer codes in 0..K-1, as the kernels read them."""
    if y.dtype.kind not in "iub" and not (
        y.dtype.kind == "f" and np.array_equal(y, np.trunc(y))
    ):
        raise ValueError(
            f"{name} must be integer codes or soft labels, got {y.dtype} values."
        )
    codes = np.ascontiguousarray(y, dtype=np.intp)
    # Read without a sign, what is negative is too large: one pass finds both.
    if codes.size and codes.view(np.uintp).max() >= n_classes:
        worst = y.min() if y.min() < 0 else y.max()
        raise ValueError(f"{name} must be codes in 0..{n_classes - 1}, got {worst}.")
    return codes


def check_soft_labels(
    y: NDArray[Any], n_classes: int, dtype: Any, name: str = "y"
) -> Floats:
    """Rows of K non-negative numbers that sum to one."""
    if y.shape[1] != n_classes:
        raise ValueError(f"{name} must have {n_classes} columns, got {y.shape[1]}.")
    soft: Floats = as_reals(name, y, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = soft @ np.ones(n_classes, soft.dtype)  # what is not finite makes it so
        off = ~(np.abs(sums - 1) <= np.sqrt(np.finfo(soft.dtype).eps))
    if (soft.size and not soft.min() >= 0) or not np.isfinite(sums).all():
        raise ValueError(f"{name} must be finite and non-negative, got other values.")
    if off.any():
        raise ValueError(
            f"{name} must have rows that sum to one, got {sums[off][0]:.6g}."
        )
    return soft


def check_indicators(y: NDArray[Any], n_columns: int, dtype: Any, name: str) -> Floats:
    """Rows of K answers, each from 0, no, to 1, yes."""
    if y.shape[1] != n_columns:
        raise ValueError(f"{name} must have {n_columns} columns, got {y.shape[1]}.")
    soft: Floats = as_reals(name, y, dtype)
    bad = ~((soft >= 0) & (soft <= 1))
    if bad.any():
        raise ValueError(f"{name} must be in [0, 1], got {soft[bad][0]}.")
    return soft


def distill(
    teacher: ArrayLike,
    *,
    temperature: float = 1.0,
    from_logits: bool = False,
    y: ArrayLike | None = None,
    teacher_weight: float = 1.0,
) -> NDArray[np.float64]:
    r"""Soft labels from the predictions of another model.

    .. math:: t = (1 - \lambda)\, e_y + \lambda\, \mathrm{softmax}(z / T)

    with z the teacher's logits, or the logarithms of its probabilities. Fit the student
    to t with any loss. To let the student's logits be divided by T as well, pass
    ``raw_prediction / T`` and multiply the loss by T² (Hinton et al. 2015,
    arXiv 1503.02531).

    Parameters
    ----------
    teacher : array-like of shape (n, K)
        Probabilities, or logits with `from_logits`.
    temperature : float in (0, inf), default=1.0
        T > 1 softens, T < 1 sharpens.
    from_logits : bool, default=False
    y : array-like of shape (n,), default=None
        Codes in 0..K-1, to mix with the teacher.
    teacher_weight : float in [0, 1], default=1.0
        λ. Below 1 it needs y.

    Returns
    -------
    ndarray of shape (n, K)
        Rows that sum to one.

    Examples
    --------
    >>> from skxent.targets import distill
    >>> distill([[0.9, 0.1]], temperature=2.0).round(2)
    array([[0.75, 0.25]])
    """
    POSITIVE.check("temperature", temperature)
    Interval(0.0, 1.0, "both").check("teacher_weight", teacher_weight)
    check_bool("from_logits", from_logits)
    z = as_reals("teacher", teacher)
    if z.ndim != 2 or not z.shape[1]:
        raise ValueError(f"teacher must be of shape (n, K), got {z.shape}.")
    if np.isnan(z).any() or (not from_logits and (z < 0).any()):
        allowed = "logits without NaN" if from_logits else "non-negative, without NaN"
        raise ValueError(f"teacher must be {allowed}, got other values.")
    if not from_logits:
        with np.errstate(divide="ignore"):
            z = np.log(z)
    with np.errstate(invalid="ignore", over="ignore"):
        soft: NDArray[np.float64] = softmax(z / float(temperature), axis=1)
    if np.isnan(soft).any():
        raise ValueError("teacher must have a finite largest entry in every row.")
    if y is None:
        if teacher_weight != 1:
            raise ValueError(
                f"teacher_weight must be 1 without y, got {teacher_weight}."
            )
        return soft
    check_unmasked("y", y)
    codes = check_codes(np.asarray(y), soft.shape[1])
    if codes.shape != (len(soft),):
        raise ValueError(f"y must be of shape ({len(soft)},), got {codes.shape}.")
    soft *= float(teacher_weight)
    soft[np.arange(len(soft)), codes] += 1 - float(teacher_weight)
    return soft


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
    if y.dtype.kind in "iu" and y.dtype.itemsize <= 8 and y.dtype != np.uint64:
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
