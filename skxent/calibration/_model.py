"""The classifier that is calibrated: its fit, and the logits to fit the scaling to."""

from __future__ import annotations

from inspect import signature
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

from skxent.base.folds import check_folds_of_all_rows
from skxent.inputs.columns import by_class
from skxent.inputs.labels import encode_labels, is_soft
from skxent.inputs.tables import check_logits, like_probabilities, logits_of
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import warn
from skxent.metrics._predictions import (
    classes_of_estimator,
    final_estimator,
    predict_by_class,
    reorder_classes,
)

# Attributes of models whose predict_log_proba is computed in log space: those of
# skxent, and naive Bayes.
IN_LOG_SPACE = ("log_proba_is_exact", "predict_joint_log_proba")


def response_method(estimator: Any) -> str:
    """Return the name of the method that tells a classifier's logits."""
    final = final_estimator(estimator)
    if any(hasattr(final, name) for name in IN_LOG_SPACE):
        return "predict_log_proba"
    if hasattr(estimator, "decision_function"):
        return "decision_function"
    return "predict_proba"


def is_probabilistic(estimator: Any) -> bool:
    """Return True if the logits are logarithms of probabilities, which may be zero."""
    own = hasattr(final_estimator(estimator), "log_proba_is_exact")
    return not own and response_method(estimator) != "decision_function"


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


def classes_in(y: NDArray[Any]) -> NDArray[Any]:
    """Return the labels in y, sorted; the numbers of the columns of soft labels."""
    return np.arange(y.shape[1]) if is_soft(y) else encode_labels(y)[0]


def classes_of(y: NDArray[Any], n_classes: int) -> NDArray[Any]:
    """Return the labels that the columns of logits stand for."""
    labels = classes_in(y)
    if is_soft(y) or len(labels) == n_classes:
        return labels
    codes = np.arange(n_classes)
    if y.dtype.kind in "iu" and np.isin(labels, codes).all():
        return codes
    raise ValueError(
        f"X must have a column of logits for each of {len(labels)} labels, got "
        f"{n_classes} columns. If y lacks labels, pass integers 0..K-1."
    )


class FittedModel(NamedTuple):
    """A fitted classifier, or None for given logits, and its logits of some rows."""

    model: Any
    classes: NDArray[Any]
    logits: Floats
    rows: NDArray[np.intp] | None = None  # None: all of them, in order


class FitParameters(NamedTuple):
    """The metadata for the fit of the estimator, and for the split into folds."""

    fit: dict[str, Any]
    split: dict[str, Any]


def fit_model(
    scaling: Any, X: Any, y: NDArray[Any], params: FitParameters
) -> FittedModel:
    """Fit the estimator of a scaling unless it is None or frozen."""
    estimator, cv = scaling.estimator, scaling.cv
    if estimator is None:
        z = check_logits(X, "X", finite=True)
        classes = classes_of(y, 2 if z.ndim == 1 else z.shape[1])
        return FittedModel(None, classes, given_logits(X, classes))
    if isinstance(estimator, FrozenEstimator):
        return _in_sample(estimator.fit(X, y), X)
    if cv is None:
        return _in_sample(clone(estimator).fit(X, y, **params.fit), X)
    folds = fit_folds(scaling, X, y, params)
    model = clone(estimator).fit(X, y, **params.fit)
    classes = classes_of_estimator(model, response_method(model))
    found = together(folds)
    z = reorder_classes(found.logits, found.classes, classes)
    return FittedModel(model, classes, z, found.rows)


def together(folds: list[FittedModel]) -> FittedModel:
    """Return the out-of-fold logits of all folds, in the order of the rows."""
    rows = np.concatenate([fold.rows for fold in folds if fold.rows is not None])
    logits, order = np.concatenate([fold.logits for fold in folds]), rows.argsort()
    return FittedModel(None, folds[0].classes, logits[order], rows[order])


def _in_sample(model: Any, X: Any) -> FittedModel:
    z = model_logits(model, X)
    return FittedModel(model, classes_of_estimator(model, response_method(model)), z)


def nothing_to_fit(estimator: Any) -> bool:
    """Return True if logits are given, or a model is frozen."""
    return estimator is None or isinstance(estimator, FrozenEstimator)


def check_folds(scaling: Any, params: dict[str, Any]) -> None:
    """Check that the estimator is a classifier, and what there is to be fitted."""
    estimator, cv = scaling.estimator, scaling.cv
    is_given = estimator is not None
    # The tags of a frozen model are a deep copy, which takes longer than the scaling.
    model = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    if is_given and not (hasattr(model, "fit") and is_classifier(model)):
        raise ValueError(f"estimator must be a classifier or None, got {estimator!r}.")
    if is_given and isinstance(cv, str):
        raise ValueError(
            f"cv must be an int, a splitter, an iterable or None, got {cv!r}. Put a "
            "fitted estimator into a FrozenEstimator."
        )
    fixed = nothing_to_fit(estimator)
    method = None if fixed else getattr(estimator, response_method(estimator), None)
    takes_offset = method is not None and "offset" in signature(method).parameters
    if takes_offset and params.get("offset") is not None:
        raise ValueError(
            "offset must be None: a calibrated model predicts without one, got "
            f"{type(params['offset'])}. Add it to the logits, and calibrate these."
        )
    for name, value in params.items():
        if value is not None and (fixed or (cv is None and name == "groups")):
            raise ValueError(
                f"{name} must be None where nothing is "
                f"{'fitted' if fixed else 'split into folds'}, got {type(value)}."
            )
    if scaling.ensemble and (fixed or cv is None):
        raise ValueError(
            "ensemble must be False without folds, as for logits, a FrozenEstimator or "
            "cv=None, got True."
        )


def params_of_fit(
    scaling: Any, sample_weight: Any, params: dict[str, Any]
) -> FitParameters:
    """Return the metadata for the estimator and the splitter, as scikit-learn does.

    Weights go to the estimator if it requests them; without metadata routing, if it
    takes them. `groups` then goes to the splitter and all else to the estimator.
    """
    given = {name: value for name, value in params.items() if value is not None}
    if sample_weight is not None and not nothing_to_fit(scaling.estimator):
        given["sample_weight"] = sample_weight
    if not given:
        return FitParameters({}, {})
    if get_config()["enable_metadata_routing"]:
        routed = process_routing(scaling, "fit", **given)
        return FitParameters(dict(routed.estimator.fit), dict(routed.splitter.split))
    groups = given.pop("groups", None)
    split = {} if groups is None else {"groups": groups}
    if "sample_weight" in given and not has_fit_parameter(
        scaling.estimator, "sample_weight"
    ):
        del given["sample_weight"]
        warn(
            f"{type(scaling.estimator).__name__} does not take sample_weight: the "
            "calibration is weighted, its fit is not."
        )
    return FitParameters(given, split)


def fit_folds(
    scaling: Any, X: Any, y: NDArray[Any], params: FitParameters
) -> list[FittedModel]:
    """Return the models that are fitted to all folds but one, with logits of that one.

    A model that was trained without a class has no logit of it. scikit-learn fills in
    the smallest number, which would exclude the class with certainty. Such folds are
    left out, since their rows cannot be compared with those of the other folds.
    """
    estimator, classes = scaling.estimator, classes_in(y)
    X, y = indexable(X, y)  # takes lists and sparse formats that have no rows
    # Stratified by the most likely class.
    strata = y.argmax(axis=1) if is_soft(y) else y
    splitter = check_cv(scaling.cv, strata, classifier=True)
    splits = list(splitter.split(X, strata, **params.split))
    check_folds_of_all_rows(splits, len(y))
    folds: list[FittedModel] = []
    missing: set[Any] = set()
    for train, test in splits:
        lacked = _lacked(y[train], classes)
        missing.update(lacked)
        if lacked:
            continue
        X_train, y_train = _safe_split(estimator, X, y, train)
        X_test, _ = _safe_split(estimator, X, y, test, train)
        fold_params = _check_method_params(X, params.fit, indices=train)
        model = clone(estimator).fit(X_train, y_train, **fold_params)
        own = classes_of_estimator(model, response_method(model))
        z = reorder_classes(model_logits(model, X_test), own, classes)
        kept = model if scaling.ensemble else None
        folds.append(FittedModel(kept, classes, z, test))
    names = [label for label in classes.tolist() if label in missing]
    if not folds:
        raise ValueError(
            "cv must leave rows of every class for training in some fold, got "
            f"{len(splits)} folds whose training rows lack one of {names}. Give cv "
            "stratified folds, or an estimator in a FrozenEstimator."
        )
    if missing:
        n_kept = sum(len(fold.logits) for fold in folds)
        warn(
            f"{len(y) - n_kept} of {len(y)} rows were left out of the calibration: "
            f"the training rows of their folds lack one of the classes {names}. "
            "Stratified folds, fewer of them, or more rows of these classes avoid it."
        )
    return folds


def _lacked(y: NDArray[Any], classes: NDArray[Any]) -> list[Any]:
    """Return the classes that no row has, neither as a label nor as a share of one."""
    if is_soft(y):
        return list(classes[~(y > 0).any(axis=0)].tolist())
    return list(np.setdiff1d(classes, y).tolist())
