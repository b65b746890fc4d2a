"""The cross-entropy family of losses for scikit-learn."""

from importlib.metadata import version as _version

from skxent._config import show_config
from skxent.explanation import explain
from skxent.linear_model import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)

__version__ = _version("skxent")

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "FocalLogisticRegressionCV",
    "SmoothedSoftmaxClassifier",
    "SmoothedSoftmaxClassifierCV",
    "explain",
    "show_config",
]
