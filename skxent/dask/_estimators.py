"""The estimators for rows that dask has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask import delayed
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skxent import linear_model
from skxent.dask._collections import aligned, is_dask, row_blocks
from skxent.dask._workers import Workers, stored
from skxent.linear_model._blocks import (
    block_objective,
    checked,
    make_plan,
    naming,
    parts_of,
    summaries,
)
from skxent.linear_model._partial_fit import only_for_streams
from skxent.objectives.blocks import add
from skxent.objectives.problem import Problem


class DaskClassifier(linear_model.CrossEntropyClassifier):
    """What the estimators of dask's rows do otherwise; in memory they are as ever."""

    def _objective(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Problem, Any, Any, Any]:
        if not is_dask(X):
            return super()._objective(X, y, sample_weight)
        if y is None:
            raise ValueError("fit requires y to be passed, but the target y is None.")
        blocks = aligned(X=X, y=y, sample_weight=sample_weight)
        check = delayed(checked, pure=False)
        given = [
            tuple(column for column in rows if column is not None) for rows in blocks
        ]
        rows = stored([check(i, data, "partition") for i, data in enumerate(given)])
        plan = make_plan(self, rows.sum(summaries), "partition")
        if self.n_jobs is None and isinstance(rows, Workers):
            # There is a task for each thread of a worker already.
            plan.settings["n_threads"] = 1
        objective = block_objective(self, rows.map(parts_of, plan), plan)
        return objective, X, y, sample_weight

    @only_for_streams
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Any:
        """Learn from one more batch, which is in memory: see the class in memory."""
        if is_dask(X) or is_dask(y):
            raise ValueError(
                "X and y must be in memory for partial_fit, got dask's; fit takes them."
            )
        return super().partial_fit(X, y, classes, sample_weight)

    def decision_function(self, X: Any) -> Any:
        """Logits: (n, K), or for two classes (n,), the log-odds of the second.

        A dask array if X is dask's, as are the other predictions.
        """
        check_is_fitted(self)
        if not is_dask(X):
            return super().decision_function(X)
        m = len(self.coef_)
        return self._lazily("decision_function", X, () if m == 1 else (m,))

    def predict(self, X: Any) -> Any:
        """The class of the largest logit, for each row: shape (n,)."""
        check_is_fitted(self)
        if not is_dask(X):
            return super().predict(X)
        return self._lazily("predict", X, (), self.classes_.dtype)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes: shape (n, K)."""
        check_is_fitted(self)
        if not is_dask(X):
            return super().predict_proba(X)
        return self._lazily("predict_proba", X, (len(self.classes_),))

    def predict_log_proba(self, X: Any) -> Any:
        """Their logarithms, computed in log space: shape (n, K)."""
        check_is_fitted(self)
        if not is_dask(X):
            return super().predict_log_proba(X)
        return self._lazily("predict_log_proba", X, (len(self.classes_),))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows, by weight, that are predicted right."""
        check_is_fitted(self)
        if not is_dask(X):
            return super().score(X, y, sample_weight)
        model = delayed(self, pure=False, traverse=False)
        right = delayed(rows_right, pure=False)
        blocks = aligned(X=X, y=y, sample_weight=sample_weight)
        sums = [right(model, i, *rows) for i, rows in enumerate(blocks)]
        right_weight, weight = delayed(add, pure=False)(sums).compute()
        return float(right_weight / weight)

    def _lazily(
        self, method: str, X: Any, rest: tuple[int, ...], dtype: Any = None
    ) -> da.Array:
        """The method's answers for every block, of shape (rows, *rest)."""
        model = delayed(self, pure=False, traverse=False)
        answer = delayed(answer_of, pure=False)
        blocks = row_blocks("X", X)
        lengths: Sequence[float] = [np.nan] * len(blocks)
        given = np.dtype(np.float64)
        if isinstance(X, da.Array):
            lengths = X.chunks[0]
            given = X.dtype if X.dtype == np.float32 else given
        if dtype is None:
            dtype = np.result_type(self.coef_, given)
        answers = [
            da.from_delayed(
                answer(model, method, i, block, rest, dtype), (rows, *rest), dtype
            )
            for i, (block, rows) in enumerate(zip(blocks, lengths, strict=True))
        ]
        return da.concatenate(answers, allow_unknown_chunksizes=True)


def answer_of(
    model: Any, method: str, index: int, X: Any, rest: tuple[int, ...], dtype: Any
) -> NDArray[Any]:
    """A method's answer for one block, which may have no rows."""
    if not X.shape[0]:
        return np.empty((0, *rest), dtype=dtype)
    with naming("partition", index):
        return getattr(model, method)(X).astype(dtype, copy=False)


def rows_right(
    model: Any, index: int, X: Any, y: Any, sample_weight: Any = None
) -> tuple[float, float] | None:
    """The weight of the rows that are predicted right, and of all."""
    if not X.shape[0]:
        return None
    with naming("partition", index):
        right = model.predict(X) == column_or_1d(y)
        weight = np.ones(len(right)) if sample_weight is None else sample_weight
        return float(np.dot(right, weight)), float(np.sum(weight))


class CrossEntropyClassifier(DaskClassifier):
    """:class:`skxent.CrossEntropyClassifier` for rows that dask has.

    Parameters and attributes are the same, and so is what `fit` finds. X is a dask
    array, a dask DataFrame or a list of delayed blocks of rows (arrays, sparse
    matrices, frames); y and sample_weight are dask's with the same blocks. Predictions
    of these are dask arrays; what is in memory is fitted to and predicted as ever.

    Rows stay where they are. Each worker gets the coefficients and answers with sums of
    their size; `n_jobs` is the number of threads in each task (None: one), of which a
    worker gets as many as it has threads.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn.datasets import load_iris
    >>> from skxent.dask import CrossEntropyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    >>> model = CrossEntropyClassifier().fit(X, y)
    >>> model.predict_proba(X)
    dask.array<concatenate, shape=(150, 3), dtype=float64, chunksize=(50, 3), ...>
    """


class FocalLogisticRegression(DaskClassifier, linear_model.FocalLogisticRegression):
    """:class:`skxent.FocalLogisticRegression` for rows that dask has.

    See :class:`skxent.dask.CrossEntropyClassifier`.
    """


class SmoothedSoftmaxClassifier(DaskClassifier, linear_model.SmoothedSoftmaxClassifier):
    """:class:`skxent.SmoothedSoftmaxClassifier` for rows that dask has.

    See :class:`skxent.dask.CrossEntropyClassifier`.
    """
