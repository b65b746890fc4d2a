"""Predictions of a classifier, with columns in the order of its `classes_`.

Classifiers choose that order: CatBoost sorts "9" before "10", `class_names` sets any,
and a user's own classifier may have any. Never assume that the columns are sorted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import by_class, check_classes, positions
from skxent.kernels.arrays import Floats


def classes_of_estimator(estimator: Any, method: str = "predict_proba") -> NDArray[Any]:
    """Return the classes of a fitted classifier, in its own order."""
    for name in (method, "classes_"):
        if not hasattr(estimator, name):
            raise ValueError(
                f"estimator must be a fitted classifier with classes_ and {method}, "
                f"got {estimator!r}."
            )
    return check_classes("classes_ of estimator", np.asarray(estimator.classes_))


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


Method = TypeVar("Method", bound=Callable[..., Any])


def available_if_estimator_has(name: str) -> Callable[[Method], Method]:
    """Return a decorator that hides a method if the wrapped estimator lacks it."""
    return available_if(lambda wrapper: hasattr(wrapper.estimator, name))


class SortedClasses(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier that cross_val_predict can fit to codes instead of labels.

    The wrapped estimator is fitted to the labels themselves; predictions have their
    columns in the order of the codes.
    """

    def __init__(self, estimator: Any, labels: NDArray[Any]) -> None:
        self.estimator = estimator
        self.labels = labels

    def fit(self, X: Any, y: NDArray[np.intp], **params: Any) -> Self:
        """Fit the wrapped estimator to the labels of these codes."""
        self.classes_ = np.unique(y)
        self.estimator_ = clone(self.estimator).fit(X, self.labels[y], **params)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict(self, X: Any) -> NDArray[np.intp]:
        """Return the codes of the predicted labels; cross_val_predict needs this."""
        labels = self.labels.tolist()
        return np.array([labels.index(y) for y in self.estimator_.predict(X).tolist()])

    @available_if_estimator_has("decision_function")
    def decision_function(self, X: Any) -> Floats:
        """Return the wrapped estimator's logits."""
        return self._predict("decision_function", X)

    @available_if_estimator_has("predict_proba")
    def predict_proba(self, X: Any) -> Floats:
        """Return the wrapped estimator's probabilities."""
        return self._predict("predict_proba", X)

    @available_if_estimator_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithms of the wrapped estimator's probabilities."""
        return self._predict("predict_log_proba", X)

    def _predict(self, method: str, X: Any) -> Floats:
        model = self.estimator_
        response = np.asarray(predict_by_class(model, method, X))
        return reorder_classes(response, model.classes_, self.labels[self.classes_])

    def get_metadata_routing(self) -> Any:
        """Return the metadata routing of the wrapped estimator."""
        return self.estimator.get_metadata_routing()

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)
