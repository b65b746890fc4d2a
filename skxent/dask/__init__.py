"""The linear models and metrics for dask arrays, data frames and delayed blocks.

Rows stay on the workers, which receive the coefficients and return sums. This needs
dask: ``pip install 'dask[array,dataframe,distributed]'``.
"""

from skxent.kernels.checks import explain_missing

with explain_missing(
    "dask", "skxent.dask needs dask: pip install 'dask[array,dataframe,distributed]'"
):
    from skxent.dask import metrics

from skxent.dask._classifiers import (
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
