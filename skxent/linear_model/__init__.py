"""Linear classifiers that minimise a loss of :mod:`skxent.losses`."""

from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._cv import (
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifierCV,
)
from skxent.linear_model._named import (
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "FocalLogisticRegressionCV",
    "SmoothedSoftmaxClassifier",
    "SmoothedSoftmaxClassifierCV",
]
