"""Predictions of any classifier, with columns in the order of its `classes_`.

Classifiers choose that order: CatBoost sorts "9" before "10", `class_names` sets any,
and a user's own classifier may have any. Never assume that the columns are sorted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from skxent.inputs.columns import by_class, positions
from skxent.inputs.labels import check_classes
from skxent.inputs.sparse import check_sparse


def classes_of_estimator(estimator: Any, method: str = "predict_proba") -> NDArray[Any]:
    """Return the classes of a fitted classifier, in its own order."""
    for name in (method, "classes_"):
        if not hasattr(estimator, name):
            raise ValueError(
                f"estimator must be a fitted classifier with classes_ and {method}, "
                f"got {estimator!r}."
            )
    if np.ndim(estimator.classes_) == 2:
        raise ValueError(
            "estimator must predict one label a row, got one of "
            f"{len(estimator.classes_)} labels. 'neg_multilabel_log_loss' scores it."
        )
    return check_classes("classes_ of estimator", np.asarray(estimator.classes_))


def check_has_proba(estimator: Any) -> None:
    """Raise a ValueError unless the estimator has `predict_proba`."""
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"estimator must be a classifier with predict_proba, got {estimator!r}."
        )


def predict_by_class(estimator: Any, method: str, X: Any) -> Any:
    """Return a method's predictions, as an array with a column for each class."""
    response = getattr(estimator, method)(check_sparse("X", X))
    return by_class(response, estimator.classes_)


def reorder_classes(response: Any, given: Any, wanted: Any) -> Any:
    """Return predictions for the classes `given` in the order `wanted`.

    For two classes they may be (n,) or (n, 1), the log-odds of the second.
    """
    order = positions(np.asarray(given).tolist(), np.asarray(wanted).tolist())
    if order is None:
        raise ValueError(
            f"estimator must have the classes {np.asarray(wanted).tolist()}, got "
            f"{np.asarray(given).tolist()}."
        )
    if np.array_equal(order, np.arange(len(order))):
        return response
    if response.ndim == 1 or response.shape[1] == 1:
        return -response
    return response[:, order]


# Estimators of scikit-learn whose decision_function is known to hold logits.
LOGIT_MODELS: tuple[Any, ...] = (LogisticRegression, LogisticRegressionCV)


def has_logits(model: Any) -> bool:
    """Return True if predict_proba is known to be the softmax of decision_function.

    One against the rest, which scikit-learn had before 1.8, is not.
    """
    return (
        isinstance(model, LOGIT_MODELS)
        and type(model).predict_proba is LogisticRegression.predict_proba
        and getattr(model, "multi_class", "auto") in ("auto", "deprecated")
        and (model.solver != "liblinear" or len(model.classes_) == 2)
    )


def final_estimator(estimator: Any) -> Any:
    """Return the estimator that predicts in a Pipeline, search or FrozenEstimator."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        elif type(estimator).__name__ == "FrozenEstimator":
            estimator = estimator.estimator
        else:
            return estimator
