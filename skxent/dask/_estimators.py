"""The base class of the linear models for rows in Dask collections."""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any, Self

import dask.array as da
import numpy as np
from dask.base import normalize_token
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skxent import linear_model
from skxent.base.classifier import right_predictions
from skxent.dask._collections import by_name, is_dask, is_frame
from skxent.dask._each_block import each_block, each_row
from skxent.dask._groups import ClusterLimits
from skxent.dask._sources import block_summaries, planned_parts
from skxent.dask._workers import Workers, outside_of_task, stored
from skxent.inputs.blocks import n_rows
from skxent.inputs.descriptions import documented
from skxent.inputs.weights import Sums
from skxent.kernels.checks import check_given
from skxent.linear_model._blocks import CheckedBlock, check_block
from skxent.linear_model._data import LinearData
from skxent.linear_model._multilabel import refuse_parts
from skxent.linear_model._partial_fit import only_for_streams
from skxent.linear_model._plan import make_plan, rows_of_plan
from skxent.optimize.objective import Objective


class DaskClassifier(linear_model.CrossEntropyClassifier):
    """A classifier that fits and predicts dask's rows, and rows in memory as before.

    Parameters
    ----------
    n_jobs : int, default=None
        Threads of each task; None is one for rows of dask. A worker gets one task for
        each of its threads.
    """

    _limits = ClusterLimits()

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, offset: Any = None
    ) -> Self:
        """Fit the coefficients: see the class in memory.

        Parameters
        ----------
        X : dask array, dask DataFrame, list of delayed blocks, or rows in memory
            The rows. Blocks are arrays, sparse matrices or data frames.
        y : the same of shape (n,) or (n, K)
            Labels, or soft labels, in the blocks of X.
        sample_weight : the same of shape (n,), default=None
            Weights of the rows, at least 0; None for ones.
        offset : the same of shape (n,) or (n, K), default=None
            A fixed term of the logits; None for zeros.

        Returns
        -------
        self
            The fitted estimator, with coefficients in memory.

        Raises
        ------
        ValueError
            If a parameter is out of its domain, or a partition cannot be fitted: the
            message says which.
        """
        with outside_of_task() if is_dask(X) else nullcontext():
            return super().fit(X, y, sample_weight, offset)

    def _objective(self, given: LinearData) -> tuple[Objective, LinearData]:
        X, y = given[:2]
        if not is_dask(X):
            return super()._objective(given)
        refuse_parts(self.multilabel)
        check_given(y)
        kind = type(self).__name__
        # Soft labels are for the classes 0..K-1, which may be the columns' names.
        y = (
            by_name(y, range(len(y.columns)), None)
            if is_frame(y) and y.ndim == 2
            else y
        )
        data = given._replace(y=y)
        blocks = each_block(block_of, (kind,), **data._asdict())
        rows = stored(blocks, self._limits)
        plan = make_plan(self, rows.sum(block_summaries), "partition")
        if self.n_jobs is None and isinstance(rows, Workers):
            # There is a task for each thread of a worker already.
            plan = replace(plan, settings=plan.settings | {"n_threads": 1})
        planned = rows_of_plan(rows.map(planned_parts, plan), plan)
        return self._planned(planned, plan), data

    @only_for_streams
    @documented(linear_model.CrossEntropyClassifier.partial_fit)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        offset: Any = None,
    ) -> Any:
        """Learn from one more batch, which is in memory: see the class in memory.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        self
            The estimator, fitted to this batch and what it remembers of those before.

        Raises
        ------
        ValueError
            If X or y are collections of dask: `fit` takes these.
        """
        if is_dask(X) or is_dask(y):
            raise ValueError(
                "X and y must be in memory for partial_fit, got dask's; fit takes them."
            )
        return super().partial_fit(X, y, classes, sample_weight, offset)

    def decision_function(self, X: Any, offset: Any = None) -> Any:
        """Return the logits.

        Like all predictions, they are those of the model as it is now, even if it is
        fitted again before they are computed.

        Parameters
        ----------
        X : dask array, dask DataFrame, list of delayed blocks, or rows in memory
            The rows to predict.
        offset : the same of shape (n,) or (n, K), default=None
            A fixed term of the logits, as in `fit`; None for zeros.

        Returns
        -------
        array of shape (n, K), or (n,) for two classes
            For two classes the log-odds of the second. A dask array if X is dask's.
        """
        return self._predict("decision_function", X, offset)

    @documented(decision_function)
    def predict(self, X: Any, offset: Any = None) -> Any:
        """Return the class of the largest logit.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        array of shape (n,)
            Labels of `classes_`. A dask array if X is dask's.
        """
        return self._predict("predict", X, offset)

    @documented(decision_function)
    def predict_proba(self, X: Any, offset: Any = None) -> Any:
        """Return the class probabilities.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        array of shape (n, K)
            A column for each of `classes_`. A dask array if X is dask's.
        """
        return self._predict("predict_proba", X, offset)

    @documented(decision_function)
    def predict_log_proba(self, X: Any, offset: Any = None) -> Any:
        """Return the logarithms of the class probabilities, computed in log space.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        array of shape (n, K)
            A column for each of `classes_`. A dask array if X is dask's.
        """
        return self._predict("predict_log_proba", X, offset)

    @documented(decision_function)
    def score(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> float:
        """Return the accuracy: the share of rows, by weight, predicted correctly.

        Parameters
        ----------
        {parameters}
        y : the same of shape (n,)
            The true labels, in the blocks of X.
        sample_weight : the same of shape (n,), default=None
            Weights of the rows; None for ones.

        Returns
        -------
        float
            Between 0 and 1; 1 if all labels are predicted.

        Raises
        ------
        ValueError
            If X has no rows, or y missing values or other blocks than X.
        """
        check_is_fitted(self)
        if not is_dask(X):
            return super().score(X, y, sample_weight, offset)
        refuse_parts(self._many)
        check_given(y, "score")
        offset = by_name(offset, self.classes_, "offset")
        rows = LinearData(X, y, sample_weight, offset)._asdict()
        sums = each_block(block_accuracy, (self._snapshot(),), **rows).sum()
        if sums is None:
            raise ValueError("X must have a partition with rows, got none.")
        return float(sums.mean())

    def _predict(self, method: str, X: Any, offset: Any) -> Any:
        """Return a method's predictions, lazily if X is dask's."""
        check_is_fitted(self)
        if not is_dask(X):
            return getattr(super(), method)(X, offset)
        refuse_parts(self._many)
        single = isinstance(X, da.Array) and X.dtype == np.float32
        dtype = np.result_type(self.coef_.dtype, np.float32 if single else np.float64)
        rest: tuple[int, ...] = (len(self.classes_),)
        if method == "predict":
            rest, dtype = (), self.classes_.dtype
        elif method == "decision_function" and len(self.coef_) == 1:
            rest = ()
        arguments = (self._snapshot(), method, rest, dtype)
        rows = {"X": X, "offset": by_name(offset, self.classes_, "offset")}
        return each_row(predict_block, arguments, rest, dtype, **rows)

    def _snapshot(self) -> Self:
        """Return a copy that does not change when this is fitted again."""
        model = copy(self)
        model._past = None  # Only partial_fit needs it.
        return deepcopy(model)

    def __dask_tokenize__(self) -> Any:
        state = {name: value for name, value in vars(self).items() if name != "_past"}
        return normalize_token(type(self)), normalize_token(state)


def block_of(index: int, rows: dict[str, Any], kind: str) -> CheckedBlock | None:
    """Return the checked rows of a block, or None if it has none."""
    return check_block(index, LinearData(**rows), kind)


def predict_block(
    index: int,
    rows: dict[str, Any],
    model: Any,
    method: str,
    rest: tuple[int, ...],
    dtype: Any,
) -> NDArray[Any]:
    """Return a method's predictions for one block, which may have no rows."""
    if not n_rows(rows["X"]):
        return np.empty((0, *rest), dtype=dtype)
    return getattr(model, method)(**rows).astype(dtype, copy=False)


def block_accuracy(index: int, rows: dict[str, Any], model: Any) -> Sums | None:
    """Return the weight of the correctly predicted rows of a block, and of all."""
    if not n_rows(rows["X"]):
        return None
    return right_predictions(model, **{"sample_weight": None, **rows})
