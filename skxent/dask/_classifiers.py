"""The public classifiers for rows in Dask collections."""

from __future__ import annotations

from skxent import linear_model
from skxent.dask._estimators import DaskClassifier
from skxent.inputs.descriptions import documented


@documented()
class CrossEntropyClassifier(DaskClassifier):
    """Linear classifier for any loss, for rows in Dask collections.

    The fitted model is that of :class:`skxent.CrossEntropyClassifier`. X is a dask
    array, a dask DataFrame or a list of delayed blocks of rows (arrays, sparse
    matrices, frames); y and sample_weight are dask collections with the same blocks.
    Predictions for these are dask arrays. Data in memory are fitted and predicted in
    memory.

    Rows stay on the workers. Each worker receives the coefficients and returns sums of
    the same size.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    skxent.CrossEntropyClassifier : The classifier of rows in memory.
    skxent.blocks.RowBlocks : Rows that are read block by block, without dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_iris
    >>> from skxent.dask import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    >>> model = CrossEntropyClassifier().fit(X, y)
    >>> model.predict_proba(X)
    dask.array<predict_block, shape=(150, 3), dtype=float64, chunksize=(50, 3), ...>
    """


@documented()
class FocalLogisticRegression(DaskClassifier, linear_model.FocalLogisticRegression):
    """Logistic regression with focal loss, for rows in Dask collections.

    It takes the rows that :class:`skxent.dask.CrossEntropyClassifier` takes.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    skxent.FocalLogisticRegression : The classifier of rows in memory.
    CrossEntropyClassifier : Any loss, for rows in Dask collections.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_iris
    >>> from skxent.dask import FocalLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    >>> FocalLogisticRegression(gamma=2.0).fit(X, y).coef_.shape
    (3, 4)
    """


@documented()
class SmoothedSoftmaxClassifier(DaskClassifier, linear_model.SmoothedSoftmaxClassifier):
    """Softmax regression against smoothed labels, for rows in Dask collections.

    It takes the rows that :class:`skxent.dask.CrossEntropyClassifier` takes.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    skxent.SmoothedSoftmaxClassifier : The classifier of rows in memory.
    CrossEntropyClassifier : Any loss, for rows in Dask collections.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_iris
    >>> from skxent.dask import SmoothedSoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    >>> SmoothedSoftmaxClassifier(0.05).fit(X, y).coef_.shape
    (3, 4)
    """
