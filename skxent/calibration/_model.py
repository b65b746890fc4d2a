"""The classifier that is calibrated: its fit, and the logits to fit the scaling to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, has_fit_parameter

from skxent.inputs.columns import by_class
from skxent.inputs.labels import encode_labels
from skxent.inputs.tables import check_logits, like_probabilities, logits_of
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import warn
from skxent.metrics._predictions import (
    classes_of_estimator,
    final_estimator,
    predict_by_class,
    reorder_classes,
)


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


class FittedModel(NamedTuple):
    """A fitted classifier, or None for given logits, and what it says of some rows."""

    model: Any
    classes: NDArray[Any]
    logits: Floats
    rows: NDArray[np.intp] | None = None  # None: all of them, in order


def fit_model(scaling: Any, X: Any, y: NDArray[Any], sample_weight: Any) -> FittedModel:
    """Fit the estimator of a scaling unless it is None or frozen."""
    estimator, cv = scaling.estimator, scaling.cv
    if estimator is None:
        classes = classes_of_logits(X, y)
        return FittedModel(None, classes, given_logits(X, classes))
    if not is_classifier(estimator):
        raise ValueError(f"estimator must be a classifier or None, got {estimator!r}.")
    if isinstance(cv, str):
        raise ValueError(
            f"cv must be an int, a splitter, an iterable or None, got {cv!r}. Put a "
            "fitted estimator into a FrozenEstimator."
        )
    if isinstance(estimator, FrozenEstimator):
        return _in_sample(estimator.fit(X, y), X)
    params = params_of_fit(scaling, sample_weight)
    if cv is None:
        return _in_sample(clone(estimator).fit(X, y, **params), X)
    labels, z, rows = out_of_fold_logits(estimator, X, y, cv, params)
    model = clone(estimator).fit(X, y, **params)
    classes = classes_of_estimator(model, response_method(model))
    return FittedModel(model, classes, reorder_classes(z, labels, classes), rows)


def _in_sample(model: Any, X: Any) -> FittedModel:
    z = model_logits(model, X)
    return FittedModel(model, classes_of_estimator(model, response_method(model)), z)


def params_of_fit(scaling: Any, sample_weight: Any) -> dict[str, Any]:
    """Return what goes on to the estimator's fit, as in CalibratedClassifierCV.

    Weights do if it requests them; without metadata routing, if it takes them.
    """
    if sample_weight is None:
        return {}
    given = {"sample_weight": sample_weight}
    if get_config()["enable_metadata_routing"]:
        return dict(process_routing(scaling, "fit", **given).estimator.fit)
    if has_fit_parameter(scaling.estimator, "sample_weight"):
        return given
    warn(
        f"{type(scaling.estimator).__name__} does not take sample_weight: the "
        "calibration is weighted, its fit is not."
    )
    return {}


def out_of_fold_logits(
    estimator: Any, X: Any, y: NDArray[Any], cv: Any, params: dict[str, Any]
) -> tuple[NDArray[Any], Floats, NDArray[np.intp]]:
    """Return the classes, their logits by models of the other folds, and the rows.

    A model that was trained without a class has no logit of it. scikit-learn fills in
    the smallest number, which would exclude the class with certainty. Such folds are
    left out, since their rows cannot be compared with those of the other folds.
    """
    X, y = indexable(X, y)  # takes lists and sparse formats that have no rows
    folds = list(check_cv(cv, y, classifier=True).split(X, y))
    tests = np.concatenate([test for _, test in folds])
    if not np.array_equal(np.sort(tests), np.arange(len(y))):
        raise ValueError(
            f"cv must have every row in the test of one fold, got {len(tests)} rows in "
            f"{len(folds)} folds for {len(y)} rows of X."
        )
    classes = np.unique(y)
    rows, logits = [], []
    missing: set[Any] = set()
    for train, test in folds:
        lacked = np.setdiff1d(classes, y[train]).tolist()
        missing.update(lacked)
        if lacked:
            continue
        X_train, y_train = _safe_split(estimator, X, y, train)
        X_test, _ = _safe_split(estimator, X, y, test, train)
        fold_params = _check_method_params(X, params, indices=train)
        model = clone(estimator).fit(X_train, y_train, **fold_params)
        rows.append(test)
        z = model_logits(model, X_test)
        logits.append(reorder_classes(z, model.classes_, classes))
    names = [label for label in classes.tolist() if label in missing]
    if not rows:
        raise ValueError(
            "cv must leave rows of every class for training in some fold, got "
            f"{len(folds)} folds whose training rows lack one of {names}. Give cv "
            "stratified folds, or an estimator in a FrozenEstimator."
        )
    kept = np.concatenate(rows)
    if missing:
        warn(
            f"{len(y) - len(kept)} of {len(y)} rows were left out of the calibration: "
            f"the training rows of their folds lack one of the classes {names}. "
            "Stratified folds, fewer of them, or more rows of these classes avoid it."
        )
    order = kept.argsort()
    return classes, np.concatenate(logits)[order], kept[order]
