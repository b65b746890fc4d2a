"""Logits of rows that the model was not fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from skxent.calibration._logits import model_logits
from skxent.inputs.class_order import reorder_classes
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import warn


def out_of_fold_logits(
    estimator: Any, X: Any, y: NDArray[Any], cv: Any, params: dict[str, Any]
) -> tuple[NDArray[Any], Floats, NDArray[np.intp]]:
    """The classes, logits of them by models of the other folds, and of which rows.

    A model that has not seen a class has no logit of it, whatever number stands in for
    that: scikit-learn's least would be a certainty, and tell of the number alone. Such
    folds are left out, as no row of theirs can be compared with those of the rest.
    """
    X, y = indexable(X, y)  # also what is no array, and sparse formats without rows
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
