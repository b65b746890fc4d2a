"""Targets: labels, soft labels or many labels, with smoothing and weights.

Every form becomes one `Target`, the only form of y that the kernels know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.columns import by_code
from skxent.inputs.labels import as_array, check_codes, mask_ignored
from skxent.inputs.soft_labels import check_indicators, check_soft_labels
from skxent.inputs.tables import logits_per_row
from skxent.inputs.weights import check_class_weight, check_sample_weight, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import (
    FRACTION,
    check_bool,
    check_is_data,
    check_option,
    has_itemsize_strides,
)

BLOCK = 1 << 15  # rows that are counted at once

ClassWeightOn = Literal["label", "target"]


@dataclass(frozen=True, eq=False, repr=False)
class Target:
    """Rows of targets in the form of the kernels.

    Either `codes` (n,), integers in 0..K-1, or `soft` (n, K), rows of class weights.
    A row's loss is w Σ_c t_c φ(m_c) with t = (1 - ε) y∘v + (ε/K) Σ_c y_c v_c, where
    v is `class_weight` (K,) and ε `label_smoothing`: class weights weigh the label
    that was observed, as sample weights v[y] would, and smoothing comes after. With
    `weight_after_smoothing` it comes before: t = v∘((1 - ε) y + ε/K).

    With `multilabel`, `soft` holds K independent labels a row, each in [0, 1]: column
    k is a problem of the two classes no and yes, with y = (1 - y_k, y_k) and weights
    v_k, as `class_weight` is (K, 2).
    """

    codes: NDArray[np.intp] | None
    soft: Floats | None
    class_weight: NDArray[np.float64]
    sample_weight: NDArray[np.float64] | None = None
    label_smoothing: float = 0.0
    weight_after_smoothing: bool = False
    multilabel: bool = False

    @property
    def n_classes(self) -> int:
        """Return K."""
        return len(self.class_weight)

    @property
    def n_outputs(self) -> int:
        """Return the logits of a row."""
        return self.n_classes if self.multilabel else logits_per_row(self.n_classes)

    @property
    def n_samples(self) -> int:
        """Return n."""
        rows = self.codes if self.codes is not None else self.soft
        assert rows is not None
        return len(rows)

    def rows(self, block: slice | NDArray[np.intp]) -> Target:
        """Return the targets of some rows: views if `block` is a slice of step 1."""

        def part(values: Any) -> Any:
            return None if values is None else np.ascontiguousarray(values[block])

        return replace(
            self,
            codes=part(self.codes),
            soft=None if self.soft is None else self.soft[block],
            sample_weight=part(self.sample_weight),
        )

    def mass(self) -> NDArray[np.float64]:
        """Return Σ of t over all rows: (K,), or (K, 2) for no and yes if multilabel."""
        v, eps = self.class_weight, self.label_smoothing
        w = self.sample_weight
        if self.codes is not None:
            y = np.zeros(self.n_classes)
            for start in range(0, len(self.codes), BLOCK):
                part = slice(start, start + BLOCK)
                y += self._count(self.codes[part], None if w is None else w[part])
        else:
            assert self.soft is not None
            y = self.soft.sum(axis=0, dtype=np.float64) if w is None else w @ self.soft
        if self.multilabel:
            rows = self.n_samples if w is None else w.sum()
            both = np.column_stack([rows - y, y])
            if self.weight_after_smoothing:
                return v * ((1 - eps) * both + eps / 2 * rows)
            weighted = v * both
            return (1 - eps) * weighted + eps / 2 * weighted.sum(axis=1, keepdims=True)
        if self.weight_after_smoothing:
            return v * ((1 - eps) * y + eps / self.n_classes * y.sum())
        return (1 - eps) * v * y + eps / self.n_classes * (v @ y)

    def _count(
        self, codes: NDArray[np.intp], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        # This makes a copy: bincount checks the range first, and another thread may
        # write to the caller's labels before it counts.
        K = self.n_classes
        codes = np.minimum(codes.view(np.uintp), K).view(np.intp)
        return np.bincount(codes, weight, K + 1)[:K].astype(np.float64)

    def total_weight(self) -> float:
        """Return Σ of the weights of all rows, class weights included."""
        return float(self.mass().sum())

    def mean_weight(self) -> float:
        """Return what sums over rows are divided by: that sum, for one label."""
        total = self.total_weight()
        return total / self.n_classes if self.multilabel else total

    def label(self, k: int) -> Target:
        """Return the targets of column k of `multilabel`, of the classes no and yes."""
        assert self.soft is not None
        y = self.soft[:, k]
        whole: Any = {"codes": y.astype(np.intp), "soft": None}
        if (whole["codes"] != y).any():
            whole = {"soft": np.column_stack([1 - y, y])}
        weights = self.class_weight[k]
        return replace(self, **whole, class_weight=weights, multilabel=False)

    def labels(self, index: NDArray[np.intp]) -> Target:
        """Return the targets of some columns of `multilabel`."""
        assert self.soft is not None
        soft, weights = self.soft[:, index], self.class_weight[index]
        return replace(self, soft=np.ascontiguousarray(soft), class_weight=weights)

    def moderate(self) -> Target:
        """Return this target with weights whose sum fits in any dtype.

        Use it for means: they do not change if all weights have a common factor.
        """
        class_weight = moderate(self.class_weight)
        sample_weight = moderate(self.sample_weight)
        if class_weight is self.class_weight and sample_weight is self.sample_weight:
            return self
        return replace(self, class_weight=class_weight, sample_weight=sample_weight)

    def with_finite_sum(self) -> Target:
        """Return this target, with smaller weights if their sum may overflow.

        The penalty is negligible compared with either sum.
        """
        # With `multilabel` a row counts once for each label.
        terms = self.n_samples * (self.n_classes if self.multilabel else 1)
        if terms * self._largest_weight() < np.inf:
            return self
        given = self.sample_weight
        given = np.ones(self.n_samples) if given is None else given
        classes = max(1.0, float(self.class_weight.max()))
        bits = int(np.frexp(2.0 * terms)[1]) + int(np.frexp(classes)[1])
        return replace(self, sample_weight=np.ldexp(given, -bits))

    def check_range(self, dtype: Any) -> None:
        """Raise a ValueError if the dtype of the logits cannot hold the weights."""
        largest = self._largest_weight()
        limit = float(np.finfo(dtype).max)
        if largest > limit:
            raise ValueError(
                f"sample_weight times class_weight must be at most {limit:.3g} for "
                f"{np.dtype(dtype)} logits, got {largest:.3g}."
            )

    def _largest_weight(self) -> float:
        """Return an upper bound of the weights of all rows; it may be infinite."""
        given = self.sample_weight
        largest = 1.0 if given is None else float(given.max(initial=0.0))
        return largest * float(self.class_weight.max())

    def with_row_weights(self) -> Target:
        """Return this target with its class weights in those of the rows."""
        if (self.class_weight == 1).all():
            return self
        weights, soft = self.row_weights(), self.soft
        if soft is not None:
            shares = soft * self.class_weight
            total = shares.sum(axis=1, keepdims=True)
            soft = np.divide(shares, total, out=soft.copy(), where=total > 0)
        ones = np.ones_like(self.class_weight)
        return replace(self, soft=soft, class_weight=ones, sample_weight=weights)

    def row_weights(self) -> NDArray[np.float64]:
        """Return the weight of every row, class weights included: (n,)."""
        if self.codes is not None and (self.class_weight == 1).all():
            weights = np.ones(len(self.codes))
        elif self.codes is not None:
            weights = self.class_weight[self.codes]
        else:
            assert self.soft is not None
            weights = self.soft @ self.class_weight
        return weights if self.sample_weight is None else weights * self.sample_weight


@dataclass(frozen=True, eq=False, repr=False)
class TargetOptions:
    """The options of `make_target`; the methods of a loss take the same."""

    sample_weight: ArrayLike | None = None
    class_weight: Any = None
    class_weight_on: ClassWeightOn = "label"
    label_smoothing: float = 0.0
    ignore_index: int | None = None
    multilabel: bool = False

    def check(self) -> None:
        """Raise a ValueError for an option that is not allowed."""
        FRACTION.check("label_smoothing", self.label_smoothing)
        check_option("class_weight_on", self.class_weight_on, get_args(ClassWeightOn))
        check_bool("multilabel", self.multilabel)
        index = self.ignore_index
        if index is not None and (
            not isinstance(index, Integral) or isinstance(index, bool)
        ):
            raise ValueError(f"ignore_index must be None or an integer, got {index!r}.")


def make_target(
    y: ArrayLike,
    n_samples: int,
    n_classes: int,
    *,
    dtype: Any = np.float64,
    name: str = "y",
    rows_checked: bool = True,
    **keywords: Any,
) -> Target:
    """Return checked targets.

    y : codes (n,), soft labels (n, K), or with multilabel indicators (n, K)
    dtype : dtype of the logits, which soft labels get as well
    name : what the caller calls y, for errors
    rows_checked : False leaves the check of rows of soft labels to the caller
    **keywords : as in `TargetOptions`
    """
    options = TargetOptions(**keywords)
    options.check()
    multilabel = options.multilabel
    class_weights = check_class_weight(options.class_weight, n_classes)
    weights = check_sample_weight(options.sample_weight, n_samples)
    check_is_data(name, y)
    y = as_array(by_code(y), name)
    if y.ndim == 2 and y.shape[1] == 1 and not multilabel:
        y = y[:, 0]
    if y.ndim not in (1, 2) or (multilabel and y.ndim == 1):
        allowed = "(n, K)" if multilabel else "(n,) or (n, K)"
        raise ValueError(f"{name} must be of shape {allowed}, got {y.shape}.")
    if len(y) != n_samples:
        raise ValueError(f"{name} must have {n_samples} rows, got {len(y)}.")
    if options.ignore_index is not None:
        y, kept = mask_ignored(y, options.ignore_index, name)
        weights = np.where(kept, 1.0 if weights is None else weights, 0.0)
    codes = soft = None
    if multilabel:
        soft = check_indicators(y, n_classes, dtype, name)
        class_weights = np.column_stack([class_weights, class_weights])
    elif y.ndim == 2 and not rows_checked and is_exactly(y, n_classes, dtype):
        soft = y
    elif y.ndim == 2:
        soft = check_soft_labels(y, n_classes, dtype, name)
    else:
        codes = check_codes(y, n_classes, name)
    return Target(
        codes,
        soft,
        class_weights,
        weights,
        label_smoothing=options.label_smoothing,
        weight_after_smoothing=options.class_weight_on == "target",
        multilabel=multilabel,
    )


def is_exactly(y: NDArray[Any], n_classes: int, dtype: Any) -> bool:
    """Return True for rows of K numbers that the kernels read as they are."""
    return y.dtype == dtype and y.shape[1] == n_classes and has_itemsize_strides(y)
