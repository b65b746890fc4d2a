"""Weights of rows and of classes, as the kernels read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent._validation import as_reals, check_option


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
