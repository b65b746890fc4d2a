"""What a classifier answers, with columns in the order of its `classes_`.

That order is the classifier's own: CatBoost sorts "9" before "10", and `class_names` or
a classifier of one's own may have any. No column may be read by the sorted order.
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
from skxent.inputs.tables import by_class, check_classes, places
from skxent.kernels.arrays import Floats


def classes_of_estimator(estimator: Any, method: str = "predict_proba") -> NDArray[Any]:
    """Classes of a fitted classifier, in its own order."""
    for name in (method, "classes_"):
        if not hasattr(estimator, name):
            raise ValueError(
                f"estimator must be a fitted classifier with classes_ and {method}, "
                f"got {estimator!r}."
            )
    return check_classes("classes_ of estimator", np.asarray(estimator.classes_))


def answer(estimator: Any, method: str, X: Any) -> Any:
    """What a method answers, as an array with a column for each of `classes_`."""
    response = getattr(estimator, method)(check_sparse("X", X))
    return by_class(response, estimator.classes_)


def reordered(response: Any, given: Any, wanted: Any) -> Any:
    """A response for the classes `given`, for the same classes in another order.

    Of two classes it may be (n,) or (n, 1), the log-odds of the second.
    """
    order = places(np.asarray(given).tolist(), np.asarray(wanted).tolist())
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


def has(name: str) -> Callable[[Method], Method]:
    """The method is there if the estimator has it."""
    return available_if(lambda wrapper: hasattr(wrapper.estimator, name))


class SortedClasses(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier for cross_val_predict, which numbers the labels that it is given.

    It is fitted to the labels themselves, and answers in the order of the numbers.
    """

    def __init__(self, estimator: Any, labels: NDArray[Any]) -> None:
        self.estimator = estimator
        self.labels = labels

    def fit(self, X: Any, y: NDArray[np.intp], **params: Any) -> Self:
        self.classes_ = np.unique(y)
        self.estimator_ = clone(self.estimator).fit(X, self.labels[y], **params)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict(self, X: Any) -> NDArray[np.intp]:
        """Only there because cross_val_predict asks for it."""
        labels = self.labels.tolist()
        return np.array([labels.index(y) for y in self.estimator_.predict(X).tolist()])

    @has("decision_function")
    def decision_function(self, X: Any) -> Floats:
        return self._answer("decision_function", X)

    @has("predict_proba")
    def predict_proba(self, X: Any) -> Floats:
        return self._answer("predict_proba", X)

    @has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Floats:
        return self._answer("predict_log_proba", X)

    def _answer(self, method: str, X: Any) -> Floats:
        model = self.estimator_
        response = np.asarray(answer(model, method, X))
        return reordered(response, model.classes_, self.labels[self.classes_])

    def get_metadata_routing(self) -> Any:
        return self.estimator.get_metadata_routing()

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)
