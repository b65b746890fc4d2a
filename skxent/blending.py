"""The mix of several models' probabilities that has the least loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import ConvergenceWarning

from skxent._blend_objective import OBJECTIVES, pool
from skxent._evaluate import check_labels, check_proba, prepare_target
from skxent._pickle import VersionedPickle
from skxent._sparse import check_sparse
from skxent._undo import new_fit
from skxent._validation import check_option, warn
from skxent.losses import Loss, as_loss
from skxent.solvers.simplex import minimise_on_simplex
from skxent.targets import Floats

__all__ = ["BlendClassifier", "blend_weights"]

Pooling = Literal["arithmetic", "log-linear"]


def blend_weights(
    probas: Sequence[ArrayLike],
    y_true: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    pooling: Pooling = "arithmetic",
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    ignore_index: Any = None,
) -> NDArray[np.float64]:
    r"""Weights of models whose blended probabilities have the least loss.

    .. math:: \min_w \sum_i \ell\Big(y_i, \sum_m w_m p_{mi}\Big), \quad
        w_m \ge 0, \quad \sum_m w_m = 1

    or, with log-linear pooling, of :math:`\mathrm{softmax}(\sum_m w_m \log p_{mi})`.
    The probabilities should be out of fold: of rows that the models were not fitted to,
    as :func:`sklearn.model_selection.cross_val_predict` makes them.

    Parameters
    ----------
    probas : sequence of M array-likes of shape (n, K) or (n,)
        Probabilities of each model, columns in the sorted order of the labels; (n,): of
        the second. Clipped to [eps, 1 - eps] of float64.
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
    tables = _tables(probas)
    target = prepare_target(
        y_true,
        tables[0],
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        ignore_index=ignore_index,
    )
    if target.total_weight() == 0:
        raise ValueError("sample_weight must have a sum other than zero, got 0.0.")
    objective = OBJECTIVES[pooling](tables, target, loss)
    start = np.full(len(tables), 1 / len(tables))
    sample = objective.sample()
    if sample is not None:
        start = minimise_on_simplex(sample, start).weights
    found = minimise_on_simplex(objective, start)
    if not found.converged:
        warn(
            f"The blend did not converge: {found.reason} ({found.n_iter}). "
            f"The decrement is {found.decrement:.2g}.",
            ConvergenceWarning,
        )
    return found.weights


def _tables(probas: Any) -> list[Floats]:
    if isinstance(probas, Mapping):
        raise ValueError("probas must be a sequence of tables, got a dict.")
    if isinstance(probas, str) or not hasattr(probas, "__len__") or not len(probas):
        raise ValueError(f"probas must be tables of probabilities, got {probas!r}.")
    tables = [check_proba(proba) for proba in probas]
    for table in tables:
        if table.shape != tables[0].shape:
            raise ValueError(
                f"probas must be tables of one shape, got {tables[0].shape} and "
                f"{table.shape}."
            )
    return tables


class BlendClassifier(VersionedPickle, StackingClassifier):
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

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
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
        with new_fit(self):
            super().fit(X, y, **weights)
        return self

    def transform(self, X: Any) -> Floats:
        """Return the probabilities of all estimators side by side."""
        return super().transform(check_sparse("X", X))

    def _check_classes(self, classes: NDArray[Any]) -> None:
        for _, model in self.estimators:
            known = getattr(model, "classes_", classes)
            if not np.array_equal(known, classes):
                raise ValueError(
                    f"y must have the classes of the fitted estimators, "
                    f"{known.tolist()}, got {classes.tolist()}."
                )

    @property
    def final_estimator(self) -> _Blend:
        return _Blend(self.loss, self.pooling)

    @property
    def weights_(self) -> NDArray[np.float64]:
        return self.final_estimator_.weights_


class _Blend(ClassifierMixin, BaseEstimator):
    """Blend the probabilities that stand side by side in X."""

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
        tables = [X[:, k : k + width] for k in range(0, X.shape[1], width)]
        return [table[:, 0] if width == 1 else table for table in tables]
