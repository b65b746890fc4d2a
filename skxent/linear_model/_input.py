"""X, y and weights as a user has them, to what the objective takes."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skxent._validation import check_option
from skxent.targets import balanced_class_weight, encode_labels


def check_data(
    estimator: Any, X: Any, y: Any, sample_weight: Any, *, reset: bool = True
) -> tuple[Any, NDArray[Any], NDArray[np.float64] | None]:
    """X as floats, y as labels (n,) or soft labels (n, K), weights (n,) or None."""
    shape = np.asarray(y).shape
    soft = len(shape) == 2 and shape[1] > 1
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        multi_output=soft,
        reset=reset,
    )
    if not soft:
        check_classification_targets(y)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], float(sample_weight))
    if sample_weight is not None:
        sample_weight = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=np.float64,
            input_name="sample_weight",
        )
    return X, y, sample_weight


def encode(
    y: NDArray[Any], classes: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Classes, and y as indices into them or as soft labels."""
    if y.ndim == 1:
        classes, codes = encode_labels(y, classes)
    else:
        classes, codes = np.arange(y.shape[1]) if classes is None else classes, y
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least 2 classes, got 1 class: {classes.tolist()}."
        )
    return classes, codes


def class_weights(
    class_weight: Any,
    classes: NDArray[Any],
    codes: NDArray[Any],
    sample_weight: Any,
    *,
    posterior: bool,
) -> Any:
    """Weights in the order of the classes, or None."""
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
    if unknown:
        raise ValueError(
            f"class_weight must have keys in {labels}, got {unknown[0]!r}."
        )
    weights = [class_weight.get(label, 1.0) for label in labels]
    if posterior and not all(weight > 0 for weight in weights):
        raise ValueError(
            f"class_weight must be positive if posterior=True, got {weights}."
        )
    return weights
