"""What a row should have been: labels, one-hot rows, soft labels, smoothing, weights.

Every form becomes one `Target`, the only form of y that the kernels know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from skxent.inputs.labels import as_array, mask_ignored
from skxent.inputs.rounding import sum_tolerance, within
from skxent.inputs.weights import check_class_weight, check_sample_weight, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import (
    FRACTION,
    POSITIVE,
    Interval,
    as_reals,
    check_bool,
    check_option,
    check_unmasked,
)
from skxent.kernels.dispatch import kernels

__all__ = ["distill"]

FLOATS = (np.dtype(np.float32).str, np.dtype(np.float64).str)

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

    def rows(self, block: slice | NDArray[np.intp]) -> Target:
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
            # A copy: bincount looks at the range first, and another thread may write to
            # the caller's labels in between.
            K = self.n_classes
            codes = np.minimum(self.codes.view(np.uintp), K).view(np.intp)
            y = np.bincount(codes, w, K + 1)[:K].astype(np.float64)
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

    def moderate(self) -> Target:
        """The same target for means, which no factor of all weights changes.

        Its weights and their sum fit in any dtype.
        """
        class_weight = moderate(self.class_weight)
        sample_weight = moderate(self.sample_weight)
        if class_weight is self.class_weight and sample_weight is self.sample_weight:
            return self
        return replace(self, class_weight=class_weight, sample_weight=sample_weight)

    def with_finite_sum(self) -> Target:
        """The same target, its weights made smaller only if their sum may overflow.

        What is a penalty beside such a sum is none beside the smaller one either.
        """
        largest = self._largest_weight()
        if self.n_samples * largest < np.inf:
            return self
        given = self.sample_weight
        given = np.ones(self.n_samples) if given is None else given
        classes = max(1.0, float(self.class_weight.max()))
        bits = int(np.frexp(2.0 * self.n_samples)[1]) + int(np.frexp(classes)[1])
        return replace(self, sample_weight=np.ldexp(given, -bits))

    def check_range(self, dtype: Any) -> None:
        """Refuse weights that the dtype of the logits does not hold."""
        largest = self._largest_weight()
        most = float(np.finfo(dtype).max)
        if largest > most:
            raise ValueError(
                f"sample_weight times class_weight must be at most {most:.3g} for "
                f"{np.dtype(dtype)} logits, got {largest:.3g}."
            )

    def _largest_weight(self) -> float:
        """A bound of the weights of all rows; it may be infinite."""
        given = self.sample_weight
        largest = 1.0 if given is None else float(given.max(initial=0.0))
        return largest * float(self.class_weight.max())

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
    y = as_array(y)
    if y.ndim == 2 and y.shape[1] == 1 and not multilabel:
        y = y[:, 0]
    if y.ndim not in (1, 2) or (multilabel and y.ndim == 1):
        allowed = "(n, K)" if multilabel else "(n,) or (n, K)"
        raise ValueError(f"{name} must be of shape {allowed}, got {y.shape}.")
    if len(y) != n_samples:
        raise ValueError(f"{name} must have {n_samples} rows, got {len(y)}.")
    if ignore_index is not None:
        if not isinstance(ignore_index, Integral) or isinstance(ignore_index, bool):
            raise ValueError(
                f"ignore_index must be None or an integer, got {ignore_index!r}."
            )
        y, kept = mask_ignored(y, ignore_index, name)
        weights = np.where(kept, 1.0 if weights is None else weights, 0.0)
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


def check_codes(y: NDArray[Any], n_classes: int, name: str = "y") -> NDArray[np.intp]:
    """Integer codes in 0..K-1, as the kernels read them."""
    if y.dtype.str in FLOATS and y.ndim == 1 and y.flags.aligned:  # of boosters
        codes = np.empty(len(y), np.intp)
        if kernels.codes_of_floats(y, n_classes, codes):
            return codes
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
    """Rows of K non-negative numbers that sum to one, up to rounding.

    They are taken as they are: rows are not divided by their sums.
    """
    if y.shape[1] != n_classes:
        raise ValueError(f"{name} must have {n_classes} columns, got {y.shape[1]}.")
    given: Floats = as_reals(name, y, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = given @ np.ones(n_classes, given.dtype)  # not finite if an entry is not
        off = ~(np.abs(sums - 1) <= sum_tolerance(n_classes))
    soft = within(given, 0.0, np.inf)
    if soft is None or not np.isfinite(sums).all():
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
    given: Floats = as_reals(name, y, dtype)
    soft = within(given)
    if soft is None:
        worst = given[~((given >= 0) & (given <= 1))][0]
        raise ValueError(f"{name} must be in [0, 1], got {worst}.")
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
    to t with any loss. Hinton et al. (2015, arXiv 1503.02531) add two losses instead:
    that of the soft labels, in which the student's logits are divided by T as well and
    which is multiplied by T², and that of the hard labels at T = 1. At T = 1 the sum is
    the loss of this mixture; at other temperatures compute the two losses separately,
    with ``raw_prediction / T`` for the first.

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
    if from_logits and np.isnan(z).any():
        raise ValueError("teacher must be logits without NaN, got other values.")
    if not from_logits:
        positive = within(z, 0.0, np.inf)
        if positive is None:
            raise ValueError(
                "teacher must be non-negative, without NaN, got other values."
            )
        z = positive
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
