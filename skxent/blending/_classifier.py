"""The mix of several models' probabilities that has the least loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import ConvergenceWarning

from skxent.base.pickle import VersionedPickle
from skxent.base.undo import WholeFits
from skxent.blending._objective import OBJECTIVES, pool
from skxent.inputs.class_order import SortedClasses, reorder_classes
from skxent.inputs.labels import check_labels
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import align, by_class, check_proba
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option, warn
from skxent.losses._shipped import Loss, as_loss
from skxent.metrics._options import Options
from skxent.metrics._rows import prepare_target
from skxent.optimize.simplex import minimise_on_simplex
from skxent.typing import MatrixLike

__all__ = ["BlendClassifier", "blend_weights"]

Pooling = Literal["arithmetic", "log-linear"]


def blend_weights(
    probas: Any,
    y_true: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    pooling: Pooling = "arithmetic",
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    ignore_index: Any = None,
) -> Any:
    r"""Weights of models whose blended probabilities have the least loss.

    .. math:: \min_w \sum_i \ell\Big(y_i, \sum_m w_m p_{mi}\Big), \quad
        w_m \ge 0, \quad \sum_m w_m = 1

    or, with log-linear pooling, of :math:`\mathrm{softmax}(\sum_m w_m \log p_{mi})`.
    The probabilities should be out of fold: of rows that the models were not fitted to,
    as :func:`sklearn.model_selection.cross_val_predict` makes them.

    Parameters
    ----------
    probas : sequence or dict of M array-likes of shape (n, K) or (n,)
        Probabilities of each model, a column for each label; (n,): of the second of
        two. Clipped to [eps, 1 - eps] of float64. For two classes also one DataFrame or
        array of shape (n, M), each column the (n,) of a model.
    y_true : array-like of shape (n,) or (n, K)
        Labels of any type, or soft labels: rows of K numbers that sum to one.
    loss : str or Loss, default="cross_entropy"
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default.
    pooling : {"arithmetic", "log-linear"}, default="arithmetic"
        The mean of probabilities, or of their logarithms, normalised.
    labels, sample_weight, class_weight, ignore_index
        See :func:`skxent.metrics.evaluate_loss`.

    Returns
    -------
    ndarray of shape (M,)
        Not negative, with sum one; exactly 0 for models that the blend does without.
        For a dict a dict of the same keys, for a pandas DataFrame a Series by column.

    Raises
    ------
    ValueError
        NaN; probabilities outside [0, 1]; tables of different shapes; unknown labels;
        an option out of its domain.

    Notes
    -----
    The arithmetic blend is a convex problem for every loss of :mod:`skxent.losses`; the
    log-linear one for the convex losses, and else ends in a local minimum.

    "Best" means the least loss among all blends. An arithmetic blend of calibrated
    probabilities that differ is itself not calibrated but under-confident (Ranjan and
    Gneiting 2010). Log-linear pooling can be sharper, and
    :class:`skxent.calibration.TemperatureScaling` of the blend mends most of it.

    References
    ----------
    Ranjan, Gneiting (2010). Combining probability forecasts. Journal of the Royal
    Statistical Society B 72. doi 10.1111/j.1467-9868.2009.00726.x.

    Examples
    --------
    >>> from skxent.blending import blend_weights
    >>> y = [0, 0, 1, 1]
    >>> good, poor = [0.1, 0.4, 0.6, 0.9], [0.5, 0.1, 0.2, 0.8]
    >>> blend_weights([good, poor], y).round(3)
    array([1., 0.])
    """
    check_option("pooling", pooling, get_args(Pooling))
    loss = as_loss(loss)
    names, given = _models(probas, np.asarray(y_true).shape[:1])
    aligned = [align(y_true, proba, labels, ignore_index) for proba in given]
    tables = _tables([proba for _, proba in aligned])
    target = prepare_target(
        aligned[0][0],
        tables[0],
        sample_weight,
        Options(labels=labels, class_weight=class_weight, ignore_index=ignore_index),
        name="probas",
    ).moderate()
    check_sum(target.total_weight())
    objective = OBJECTIVES[pooling](tables, target, loss)
    start = np.full(len(tables), 1 / len(tables))
    sample = objective.subsample()
    if sample is not None:
        start = minimise_on_simplex(sample, start).weights
    found = minimise_on_simplex(objective, start)
    if not found.converged:
        warn(
            f"The blend did not converge in {found.n_iter} iterations: the Newton "
            f"decrement is {found.decrement:.2g}. Its weights are near the best.",
            ConvergenceWarning,
        )
    return found.weights if names is None else names(found.weights)


def _models(
    probas: Any, rows: tuple[int, ...]
) -> tuple[Callable[[NDArray[np.float64]], Any] | None, list[Any]]:
    """The table of each model, and how their weights are named."""
    if isinstance(probas, Mapping):
        keys = list(probas)
        return lambda w: dict(zip(keys, w.tolist(), strict=True)), list(probas.values())
    if hasattr(probas, "columns") and np.ndim(probas) == 2:
        columns, values = probas.columns, np.asarray(probas)
        if hasattr(probas, "iloc"):
            import pandas as pd  # the caller has it

            return lambda w: pd.Series(w, index=columns), list(values.T)
        return lambda w: dict(zip(columns, w.tolist(), strict=True)), list(values.T)
    if isinstance(probas, np.ndarray) and probas.ndim == 2:
        if probas.shape == rows * 2:
            raise ValueError(
                "probas must be a list of arrays where there are as many models as "
                f"rows, got an array of shape {probas.shape}."
            )
        return None, list(probas.T if probas.shape[:1] == rows else probas)
    if isinstance(probas, str) or not hasattr(probas, "__len__"):
        raise ValueError(f"probas must be tables of probabilities, got {probas!r}.")
    return None, list(probas)


def _tables(given: Sequence[Any]) -> list[Floats]:
    if not given:
        raise ValueError("probas must be one table or more, got none.")
    tables = [check_proba(proba, "probas") for proba in given]
    for table in tables:
        if table.shape != tables[0].shape:
            raise ValueError(
                f"probas must be tables of one shape, got {tables[0].shape} and "
                f"{table.shape}."
            )
    return tables


class BlendClassifier(VersionedPickle, WholeFits, StackingClassifier):
    r"""Classifiers whose blended probabilities have the least loss out of fold.

    A :class:`sklearn.ensemble.StackingClassifier` whose final estimator is
    :func:`blend_weights`: as many parameters as models, none below zero.

    Parameters
    ----------
    estimators : list of (str, classifier)
        Each with predict_proba, or "drop".
    loss : str or Loss, default="cross_entropy"
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default.
    pooling : {"arithmetic", "log-linear"}, default="arithmetic"
        The mean of probabilities, or of their logarithms, normalised.
    cv : int, splitter, iterable, "prefit" or None, default=None
        How out-of-fold probabilities are made, as in StackingClassifier. "prefit": the
        estimators are fitted, and X are rows that they were not fitted to.
    n_jobs : int, default=None
        Estimators that are fitted at once.
    verbose : int, default=0

    Attributes
    ----------
    weights_ : ndarray of shape (M,)
        Of the estimators that are not dropped. Not negative, with sum one.
    classes_ : ndarray of shape (K,)
    estimators_ : list of classifier
        Fitted to all rows.
    named_estimators_ : Bunch
    n_features_in_, feature_names_in_
        Those of the first estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skxent.blending import BlendClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=2)
    >>> models = [("bayes", GaussianNB()), ("tree", tree)]
    >>> BlendClassifier(models).fit(X, y).weights_.round(1)
    array([0.9, 0.1])
    """

    stack_method = "predict_proba"
    passthrough = False

    def __init__(
        self,
        estimators: list[tuple[str, Any]],
        *,
        loss: str | Loss = "cross_entropy",
        pooling: Pooling = "arithmetic",
        cv: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimators = estimators
        self.loss = loss
        self.pooling = pooling
        self.cv = cv
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit the weights to out-of-fold probabilities, and the estimators to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,)
            Labels of any type.
        sample_weight : array-like of shape (n,), default=None
            Also handed to the estimators, which must all take it.

        Returns
        -------
        self
        """
        X, y = check_sparse("X", X), check_labels(y)
        if isinstance(self.cv, str) and self.cv == "prefit":
            self._check_classes(np.unique(y))
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        super().fit(X, y, **weights)
        # What cross_val_predict needed is not what users look for in estimators_.
        self.estimators_: list[Any] = [bare(model) for model in self.estimators_]
        for name, model in self.named_estimators_.items():
            self.named_estimators_[name] = bare(model)
        return self

    def transform(self, X: Any) -> Floats:
        """Return the probabilities of all estimators side by side."""
        return super().transform(check_sparse("X", X))

    def _validate_estimators(self) -> Any:
        names, estimators = super()._validate_estimators()
        if isinstance(self.cv, str):
            return names, estimators
        return names, [
            model if isinstance(model, str) else SortedClasses(model, self.classes_)
            for model in estimators
        ]

    def _concatenate_predictions(self, X: Any, predictions: list[Any]) -> Any:
        tables = []
        for model, table in zip(self.estimators_, predictions, strict=True):
            if not isinstance(model, SortedClasses):
                table = by_class(table, model.classes_)
                table = reorder_classes(table, model.classes_, self.classes_)
            tables.append(table)
        return super()._concatenate_predictions(X, tables)

    def _check_classes(self, classes: NDArray[Any]) -> None:
        for _, model in self.estimators:
            known = np.asarray(getattr(model, "classes_", classes))
            if sorted(known.tolist()) != classes.tolist():
                raise ValueError(
                    f"y must have the classes of the fitted estimators, "
                    f"{known.tolist()}, got {classes.tolist()}."
                )

    @property
    def final_estimator(self) -> Any:
        return _Blend(self.loss, self.pooling)

    @property
    def weights_(self) -> NDArray[np.float64]:
        return self.final_estimator_.weights_


def bare(model: Any) -> Any:
    return model.estimator_ if isinstance(model, SortedClasses) else model


class _Blend(ClassifierMixin, BaseEstimator):
    """Blend the probabilities that stand side by side in X."""

    classes_: NDArray[Any]
    weights_: NDArray[np.float64]

    def __init__(
        self, loss: str | Loss = "cross_entropy", pooling: Pooling = "arithmetic"
    ) -> None:
        self.loss = loss
        self.pooling = pooling

    def fit(self, X: Floats, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        self.classes_ = np.unique(y)
        self.weights_ = blend_weights(
            self._split(X),
            y,
            self.loss,
            pooling=self.pooling,
            sample_weight=sample_weight,
        )
        return self

    def predict_proba(self, X: Floats) -> Floats:
        return pool(self._split(X), self.weights_, self.pooling)

    def predict(self, X: Floats) -> NDArray[Any]:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _split(self, X: Floats) -> list[Floats]:
        # Of two classes stacking keeps the second column alone.
        width = 1 if len(self.classes_) == 2 else len(self.classes_)
        X = np.asarray(X)  # a DataFrame under set_config(transform_output="pandas")
        tables = [X[:, k : k + width] for k in range(0, X.shape[1], width)]
        return [table[:, 0] if width == 1 else table for table in tables]
