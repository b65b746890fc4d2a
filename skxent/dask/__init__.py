"""The linear models and metrics for dask arrays, data frames and delayed blocks.

Rows stay on the workers; coefficients go there and sums come back. Needs dask
(``pip install 'dask[array,dataframe,distributed]'``); nothing else in skxent imports
it.
"""

from skxent.kernels.checks import say_if_missing

with say_if_missing(
    "dask", "skxent.dask needs dask: pip install 'dask[array,dataframe,distributed]'"
):
    import dask  # noqa: F401  # says now what is missing, not later

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
