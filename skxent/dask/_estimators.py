"""The estimators for rows that dask has."""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy, deepcopy
from typing import Any, Self

import dask.array as da
import numpy as np
from dask.base import normalize_token
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skxent import linear_model
from skxent.dask._collections import is_dask
from skxent.dask._each_block import each_block, each_row
from skxent.dask._workers import ClusterLimits, Workers, outside_of_task, stored
from skxent.inputs.blocks import n_rows
from skxent.linear_model._blocks import Block, check_block, summaries
from skxent.linear_model._partial_fit import only_for_streams
from skxent.linear_model._plan import make_plan, parts_of, rows_of_plan
from skxent.optimize.objective import Objective


class DaskClassifier(linear_model.CrossEntropyClassifier):
    """A classifier that fits and predicts dask's rows, and rows in memory as before."""

    _limits = ClusterLimits()

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the coefficients: see the class in memory."""
        with outside_of_task() if is_dask(X) else nullcontext():
            return super().fit(X, y, sample_weight)

    def _objective(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Objective, Any, Any, Any]:
        if not is_dask(X):
            return super()._objective(X, y, sample_weight)
        if y is None:
            raise ValueError("fit requires y to be passed, but the target y is None.")
        kind = type(self).__name__
        blocks = each_block(block_of, (kind,), X=X, y=y, sample_weight=sample_weight)
        rows = stored(blocks, self._limits)
        plan = make_plan(self, rows.sum(summaries), "partition")
        if self.n_jobs is None and isinstance(rows, Workers):
            # There is a task for each thread of a worker already.
            plan.settings["n_threads"] = 1
        objective = self._penalised(rows_of_plan(rows.map(parts_of, plan), plan))
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

        A dask array if X is dask's, as are the other predictions. It is of the model as
        it is now, whatever is fitted before it is computed.
        """
        check_is_fitted(self)
        if not is_dask(X):
            return super().decision_function(X)
        m = self.coef_.shape[0]
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
        if y is None:
            raise ValueError("score requires y to be passed, but the target y is None.")
        rows = {"X": X, "y": y, "sample_weight": sample_weight}
        sums = each_block(rows_right, (self._snapshot(),), **rows).sum()
        if sums is None:
            raise ValueError("X must have a partition with rows, got none.")
        right_weight, weight = sums
        if not weight:
            raise ValueError("sample_weight must have a sum other than zero, got 0.0.")
        return float(right_weight / weight)

    def _lazily(
        self, method: str, X: Any, rest: tuple[int, ...], dtype: Any = None
    ) -> da.Array:
        """The method's answers for every block, of shape (rows, *rest)."""
        if dtype is None:
            single = isinstance(X, da.Array) and X.dtype == np.float32
            dtype = np.result_type(
                self.coef_.dtype, np.float32 if single else np.float64
            )
        arguments = (self._snapshot(), method, rest, dtype)
        return each_row(answer_of, arguments, rest, dtype, X=X)

    def _snapshot(self) -> Self:
        """Return a copy that does not change when this is fitted again."""
        model = copy(self)
        model._past = None  # of partial_fit, which predictions do not need
        return deepcopy(model)

    def __dask_tokenize__(self) -> Any:
        state = {name: value for name, value in vars(self).items() if name != "_past"}
        return normalize_token(type(self)), normalize_token(state)


def block_of(index: int, rows: dict[str, Any], kind: str) -> Block | None:
    return check_block(index, tuple(rows.values()), kind)


def answer_of(
    index: int,
    rows: dict[str, Any],
    model: Any,
    method: str,
    rest: tuple[int, ...],
    dtype: Any,
) -> NDArray[Any]:
    """A method's answer for one block, which may have no rows."""
    if not n_rows(rows["X"]):
        return np.empty((0, *rest), dtype=dtype)
    return getattr(model, method)(rows["X"]).astype(dtype, copy=False)


def rows_right(
    index: int, rows: dict[str, Any], model: Any
) -> tuple[float, float] | None:
    """The weight of the rows that are predicted right, and of all."""
    if not n_rows(rows["X"]):
        return None
    right = model.predict(rows["X"]) == column_or_1d(rows["y"])
    weight = rows.get("sample_weight")
    weight = np.ones(len(right)) if weight is None else np.asarray(weight)
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
    dask.array<answer_of, shape=(150, 3), dtype=float64, chunksize=(50, 3), ...>
    """


class FocalLogisticRegression(DaskClassifier, linear_model.FocalLogisticRegression):
    """:class:`skxent.FocalLogisticRegression` for rows that dask has.

    See :class:`skxent.dask.CrossEntropyClassifier`.
    """


class SmoothedSoftmaxClassifier(DaskClassifier, linear_model.SmoothedSoftmaxClassifier):
    """:class:`skxent.SmoothedSoftmaxClassifier` for rows that dask has.

    See :class:`skxent.dask.CrossEntropyClassifier`.
    """
