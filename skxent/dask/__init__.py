"""The linear models and metrics for dask arrays, data frames and delayed blocks.

Rows stay on the workers; coefficients go there and sums come back. Needs dask
(``pip install 'dask[array,dataframe,distributed]'``); nothing else in skxent imports
it.
"""

from importlib import import_module

try:
    import_module("dask.array")  # says now what is missing, not later
except ImportError as error:
    message = "skxent.dask needs dask: pip install 'dask[array,dataframe,distributed]'"
    raise ImportError(message) from error

from skxent.dask import metrics
from skxent.dask._estimators import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "SmoothedSoftmaxClassifier",
    "metrics",
]
