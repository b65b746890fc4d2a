"""Sample weights and class weights, checked, and weighted sums over rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.labels import is_ignored
from skxent.kernels.checks import as_reals, check_option

# Sums of weights fit in any dtype if the largest weight is within these bounds: float32
# has exponents to 2^127, which leaves room for 2^64 rows.
MODERATE = 2.0**-60, 2.0**60


def class_weights(
    class_weight: Any,
    classes: Sequence[Any] | NDArray[Any],
    *,
    codes: NDArray[Any] | None = None,
    sample_weight: ArrayLike | None = None,
    ignored: Any = None,
    positive: bool = False,
    only_by_label: bool = False,
) -> NDArray[np.float64] | None:
    """Return weights in the order of the classes, or None for None.

    A dict, or a pandas Series by its index, is read by label, an array by position, and
    "balanced" by the weight of each class in `codes` (codes or soft labels). A label
    that a dict leaves out has weight 1. A label that is not a class is an error, unless
    every class has a weight or it is the `ignored` label.

    positive : require positive weights, since the posterior divides by them
    only_by_label : refuse arrays, as scikit-learn's estimators do, because the order of
        the classes is unknown before fit
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        check_option("class_weight", class_weight, ("balanced",))
        if codes is None:
            raise ValueError(
                "class_weight must be a dict, a Series or an array without labels to "
                "balance, got 'balanced'."
            )
        return balanced_class_weight(codes, len(classes), sample_weight)
    given = by_label(class_weight)
    if isinstance(given, Mapping):
        given = {k: w for k, w in given.items() if not is_ignored(k, ignored)}
        given = in_class_order("class_weight", given, classes, 1.0)
    elif only_by_label:
        raise ValueError(
            f"class_weight must be a dict, 'balanced' or None, got {class_weight!r}."
        )
    weights = as_reals("class_weight", given)
    if weights.shape != (len(classes),):
        raise ValueError(
            f"class_weight must be of shape ({len(classes)},), got {weights.shape}."
        )
    low = weights <= 0 if positive else weights < 0
    if low.any() or not np.isfinite(weights).all() or not weights.any():
        finite = "finite, non-negative and not all zero"
        finite = "finite, and positive if posterior=True" if positive else finite
        raise ValueError(f"class_weight must be {finite}, got {weights.tolist()}.")
    return weights


def in_class_order(
    name: str,
    given: Mapping[Any, Any],
    classes: Sequence[Any] | NDArray[Any],
    default: float | None = None,
) -> list[Any]:
    """Return the numbers of a dict by label, in the order of the classes.

    A label that is left out has the default; without one that is an error. A label that
    is not a class is an error, unless every class has a number.
    """
    # np.asarray would take tuples, which a loss may have for labels, apart.
    labels = classes.tolist() if isinstance(classes, np.ndarray) else list(classes)
    missing = [label for label in labels if label not in given]
    unknown = [label for label in given if label not in labels]
    allowed = f"0..{len(classes) - 1}" if isinstance(classes, range) else labels
    if unknown and missing:
        raise ValueError(f"{name} must have keys in {allowed}, got {unknown[0]!r}.")
    if missing and default is None:
        raise ValueError(
            f"{name} must have a number for each of {allowed}, got none for "
            f"{missing[0]!r}."
        )
    return [given.get(label, default) for label in labels]


def by_label(given: Any, name: str = "class_weight") -> Any:
    """Return a pandas Series as a dict, and anything else as given."""
    if hasattr(given, "to_dict") and hasattr(given, "index"):
        if not given.index.is_unique:
            raise ValueError(
                f"{name} must have each label once, got an index with repeats."
            )
        return given.to_dict()
    return given


def check_class_weight(class_weight: Any, n_classes: int) -> NDArray[np.float64]:
    """Return weights (K,) from None, a dict of codes, or an array."""
    weights = class_weights(class_weight, range(n_classes))
    return np.ones(n_classes) if weights is None else weights


def balanced_class_weight(
    y: NDArray[Any], n_classes: int, sample_weight: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return weights that give each class of y (codes or soft labels) the same sum.

    Σw / (K Σ_{i in c} w_i), where K counts the classes that occur in y.
    """
    weight = moderate(check_sample_weight(sample_weight, len(y)))
    if y.ndim == 1:
        mass = np.bincount(y, weight, n_classes)
    else:
        mass = y.sum(axis=0) if weight is None else weight @ y
    present = mass > 0
    weights = np.ones(n_classes)
    weights[present] = mass.sum() / (present.sum() * mass[present])
    return weights


def check_sample_weight(
    sample_weight: ArrayLike | None, n_samples: int
) -> NDArray[np.float64] | None:
    """Return finite, non-negative weights (n,), or None for None.

    A number is the weight of every row, as in scikit-learn's estimators.
    """
    if sample_weight is None:
        return None
    given = as_reals("sample_weight", sample_weight)
    if not given.ndim:
        given = np.full(n_samples, given)
    if given.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must be of shape ({n_samples},), got {given.shape}."
        )
    weights = np.ascontiguousarray(given)
    with np.errstate(invalid="ignore"):  # NaN is neither.
        good = not weights.size or (weights.min() >= 0 and weights.max() < np.inf)
    if not good:
        bad = ~(np.isfinite(weights) & (weights >= 0))
        raise ValueError(
            f"sample_weight must be finite and non-negative, got {weights[bad][0]}."
        )
    return weights


def check_fit_weight(sample_weight: Any, n_samples: int) -> Any:
    """Return the weights of `check_sample_weight`, which must not all be zero."""
    weights = check_sample_weight(sample_weight, n_samples)
    if weights is not None:
        check_some_weight(weights.max())
    return weights


def moderate(weights: Any) -> Any:
    """Return weights scaled so that their sum neither overflows nor vanishes.

    The factor is a power of two, so means and shares keep all their digits.
    """
    exponent = scale_exponent(weights)
    return weights if exponent == 0 else np.ldexp(weights, -exponent)


def scale_exponent(weights: NDArray[Any] | None) -> int:
    """Return the e of the factor 2**-e by which `moderate` multiplies weights."""
    if weights is None:
        return 0
    largest = float(weights.max(initial=0.0))
    if largest == 0 or MODERATE[0] <= largest <= MODERATE[1]:
        return 0
    return int(np.frexp(largest)[1])


def common_exponent(sums: Iterable[Any]) -> int:
    """Return the largest `exponent` of sums with `weight`: others have no scale."""
    return max((s.exponent for s in sums if np.any(s.weight)), default=0)


def check_sum(total: float) -> None:
    """Raise a ValueError unless the sum of weights is finite and not zero."""
    if total == 0:
        raise ValueError("sample_weight must have a sum other than zero, got 0.0.")
    if not total < np.inf:
        raise ValueError(f"sample_weight must have a finite sum, got {total}.")


def check_some_weight(total: float) -> None:
    """Raise a ValueError if no row that an estimator is fitted to has a weight."""
    if total == 0:
        raise ValueError("sample_weight must have a positive sum, got all zeros.")


@dataclass(frozen=True)
class Sums:
    """Sums over rows of a weighted loss and of the weights, both over 2**exponent.

    The exponent keeps sums of very large or very small weights within the range of
    float64. `weight` is a number, or that of each class (K,); `n_weighted` counts the
    rows of positive weight, where a metric needs that.
    """

    loss: float
    weight: Any = 0.0
    n_weighted: int = 0
    exponent: int = 0

    def __add__(self, other: Sums) -> Self:
        exponent = common_exponent((self, other))
        a, b = self.over(exponent), other.over(exponent)
        rows = self.n_weighted + other.n_weighted
        sums = {"loss": a.loss + b.loss, "weight": a.weight + b.weight}
        return replace(a, **sums, n_weighted=rows)

    def over(self, exponent: int) -> Self:
        """Return the same sums with another exponent."""
        if exponent == self.exponent:
            return self
        bits = self.exponent - exponent
        loss, weight = float(np.ldexp(self.loss, bits)), np.ldexp(self.weight, bits)
        return replace(self, loss=loss, weight=weight, exponent=exponent)

    def mean(self) -> float:
        """Return the loss over the weight."""
        check_sum(self.weight)
        return float(self.loss / self.weight)
