"""The logits of a classifier, or those that a user passes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.columns import by_class
from skxent.inputs.labels import encode_labels
from skxent.inputs.tables import check_logits, like_probabilities, logits_of
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import warn
from skxent.metrics._predictions import final_estimator, predict_by_class


def response_method(estimator: Any) -> str:
    """Return the name of the method that tells a classifier's logits."""
    if hasattr(final_estimator(estimator), "log_proba_is_exact"):
        return "predict_log_proba"
    if hasattr(estimator, "decision_function"):
        return "decision_function"
    return "predict_proba"


def model_logits(model: Any, X: Any) -> Floats:
    """Return the logits of a fitted classifier: (n, K), or (n, 1) for two classes."""
    method = response_method(model)
    return as_logits(method, predict_by_class(model, method, X))


def as_logits(method: str, response: Any) -> Floats:
    """Return logits (n, K), or (n, 1) for two classes, from a method's predictions."""
    if method == "predict_proba":
        return _differences(logits_of(response))
    if method == "predict_log_proba":
        # Probabilities are at least eps, as in logits_of.
        info = np.finfo(response.dtype)
        response = np.where(response <= info.min / 2, np.log(info.eps), response)
    return _differences(check_logits(response, "logits", finite=True))


def classes_of_logits(X: Any, y: NDArray[Any]) -> NDArray[Any]:
    """Return the labels that the columns of logits of a user stand for."""
    z = check_logits(X, "X", finite=True)
    return classes_of(y, 2 if z.ndim == 1 else z.shape[1])


def given_logits(X: Any, classes: NDArray[Any]) -> Floats:
    """Return logits that a user passes; warn if they look like probabilities."""
    given = check_logits(by_class(X, classes, "X"), "X", finite=True)
    if like_probabilities(given):
        advice = (
            "scipy.special.logit(np.clip(X, 1e-15, 1 - 1e-15))"
            if given.ndim == 1
            else "np.log(np.clip(X, 1e-15, 1))"
        )
        warn(f"X should hold logits, and looks like probabilities. Pass {advice}.")
    return _differences(given)


def _differences(z: Floats) -> Floats:
    """Return logits (n, K), for two classes the log-odds of the second: (n, 1)."""
    if z.ndim == 1:
        return z[:, np.newaxis]
    return z[:, 1:] - z[:, :1] if z.shape[1] == 2 else z


def classes_of(y: NDArray[Any], n_classes: int) -> NDArray[Any]:
    """Return the labels that the columns of logits stand for."""
    labels = encode_labels(y)[0]
    if len(labels) == n_classes:
        return labels
    codes = np.arange(n_classes)
    if y.dtype.kind in "iu" and np.isin(labels, codes).all():
        return codes
    raise ValueError(
        f"X must have a column of logits for each of {len(labels)} labels, got "
        f"{n_classes} columns. If y lacks labels, pass integers 0..K-1."
    )
