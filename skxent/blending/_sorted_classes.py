"""A classifier for scikit-learn's stacking, which fits to codes and not to labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skxent.kernels.arrays import Floats
from skxent.metrics._predictions import predict_by_class, reorder_classes

Method = TypeVar("Method", bound=Callable[..., Any])


has_predict_proba: Callable[[Method], Method] = available_if(
    lambda wrapper: hasattr(wrapper.estimator, "predict_proba")
)


class SortedClasses(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier that is fitted to codes, which stand for labels.

    The wrapped estimator is fitted to the labels themselves; probabilities have their
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

    @has_predict_proba
    def predict_proba(self, X: Any) -> Floats:
        """Return the wrapped estimator's probabilities."""
        model = self.estimator_
        proba = np.asarray(predict_by_class(model, "predict_proba", X))
        return reorder_classes(proba, model.classes_, self.labels[self.classes_])

    def get_metadata_routing(self) -> Any:
        """Return the metadata routing of the wrapped estimator."""
        return self.estimator.get_metadata_routing()

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)


def unwrapped(model: Any) -> Any:
    """Return the fitted estimator itself."""
    return model.estimator_ if isinstance(model, SortedClasses) else model
