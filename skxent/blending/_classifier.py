"""Stacking whose final estimator blends the probabilities of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.ensemble import StackingClassifier
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from skxent.base.classifier import ScoredByAccuracy
from skxent.base.estimator import (
    LossParameters,
    VersionedPickle,
    WholeFits,
    column_attributes,
)
from skxent.base.folds import check_folds_of_all_rows
from skxent.blending._final import Blend, check_pairs
from skxent.blending._weights import Pooling, blend_weights
from skxent.inputs.columns import by_class
from skxent.inputs.descriptions import documented
from skxent.inputs.labels import check_labels, is_soft
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import two_columns
from skxent.inputs.weights import check_fit_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_bool
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._losses import evaluate_loss
from skxent.metrics._predictions import predict_by_class, reorder_classes
from skxent.typing import MatrixLike

Method = TypeVar("Method", bound=Callable[..., Any])

has_predict_proba: Callable[[Method], Method] = available_if(
    lambda wrapper: hasattr(wrapper.estimator, "predict_proba")
)


class SortedClasses(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier that is fitted to codes, which stand for labels.

    The wrapped estimator is fitted to the labels themselves; probabilities have their
    columns in the order of the codes.
    """

    def __init__(self, estimator: Any, labels: NDArray[Any]) -> None:
        self.estimator = estimator
        self.labels = labels

    def fit(self, X: Any, y: NDArray[np.intp], **params: Any) -> Self:
        """Fit the wrapped estimator to the labels of these codes."""
        self.classes_ = np.unique(y)
        self.estimator_ = clone(self.estimator).fit(X, self.labels[y], **params)
        self.__dict__.update(column_attributes(self.estimator_))
        return self

    def predict(self, X: Any) -> NDArray[np.intp]:
        """Return the codes of the predicted labels; cross_val_predict needs this."""
        labels = self.labels.tolist()
        return np.array([labels.index(y) for y in self.estimator_.predict(X).tolist()])

    @has_predict_proba
    def predict_proba(self, X: Any) -> Floats:
        """Return the wrapped estimator's probabilities."""
        model = self.estimator_
        proba = np.asarray(predict_by_class(model, "predict_proba", X))
        return reorder_classes(proba, model.classes_, self.labels[self.classes_])

    def get_metadata_routing(self) -> Any:
        """Return the metadata routing of the wrapped estimator."""
        return self.estimator.get_metadata_routing()

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)


def unwrapped(model: Any) -> Any:
    """Return the fitted estimator itself."""
    return model.estimator_ if isinstance(model, SortedClasses) else model


@documented(blend_weights)
@dataclass(eq=False, repr=False)
class BlendClassifier(
    LossParameters, VersionedPickle, WholeFits, ScoredByAccuracy, StackingClassifier
):
    r"""A blend of classifiers that minimises the out-of-fold loss.

    A :class:`sklearn.ensemble.StackingClassifier` whose final estimator is
    :func:`blend_weights`: as many parameters as models, none below zero.

    Parameters
    ----------
    estimators : list of (str, classifier)
        Each with predict_proba, or "drop".
    {parameters}
    recalibrate : bool, default=False
        Fit a :func:`beta_pool`, which restores the calibration that a mean of
        calibrated models loses. It requires two classes and pooling="arithmetic".
    cv : int, splitter, iterable, "prefit" or None, default=None
        How out-of-fold probabilities are made, as in StackingClassifier. "prefit": the
        estimators are fitted, and X are rows that they were not fitted to.
    n_jobs : int, default=None
        Estimators that are fitted at once.
    verbose : int, default=0
        Joblib's verbosity: how much is printed of the fits.

    Attributes
    ----------
    weights_ : ndarray of shape (M,)
        Weights of the estimators that are not dropped: non-negative, with sum one.
    oof_proba_ : ndarray of shape (M, n, K)
        The out-of-fold probabilities of the estimators that are not dropped, as
        :func:`blend_weights` and :func:`blend_gain` take them.
    oof_loss_ : dict of str to float
        The mean out-of-fold loss of each estimator and, under "blend", of the blend,
        whose weights were fitted to the same rows.
    classes_ : ndarray of shape (K,)
        The labels, in the order of the columns of `predict_proba`.
    estimators_ : list of classifier
        Fitted to all rows.
    named_estimators_ : Bunch
        The same by their names; "drop" for one that is dropped.
    n_features_in_ : int
        The number of columns of X, as the first estimator knows it.
    feature_names_in_ : ndarray of shape (d,)
        The names of the columns, if the first estimator knows them.

    See Also
    --------
    blend_weights : The weights alone, from probabilities that are at hand.

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

    estimators: list[tuple[str, Any]]
    _: KW_ONLY
    loss: str | Loss = "cross_entropy"
    pooling: Pooling = "arithmetic"
    recalibrate: bool = False
    cv: Any = None
    n_jobs: int | None = None
    verbose: int = 0

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the weights to out-of-fold probabilities, and the estimators to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,)
            Labels of any type.
        sample_weight : array-like of shape (n,), default=None
            Also handed to the estimators, which must all take it.
        groups : array-like of shape (n,), default=None
            Groups of rows, for a splitter that keeps them together.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If an option is out of its domain, y has NaN or one class, or estimators
            that are "prefit" have other classes than y.
        """
        check_pairs(self.estimators)
        if is_soft(y):
            raise ValueError(
                f"y must be labels of shape (n,), got {np.shape(y)}. blend_weights "
                "takes soft labels, with out-of-fold probabilities."
            )
        X, y = check_sparse("X", X), check_labels(y)
        if isinstance(self.cv, str) and self.cv == "prefit":
            self._check_classes(np.unique(y))
        check_bool("recalibrate", self.recalibrate)
        sample_weight = check_fit_weight(sample_weight, len(y))
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        given = self.cv
        if groups is not None:
            if isinstance(given, str):
                raise ValueError(
                    f"groups must be None for cv={given!r}, got {type(groups)}."
                )
            if np.shape(groups) != y.shape:
                raise ValueError(
                    f"groups must be of shape {y.shape}, got {np.shape(groups)}."
                )
        if not isinstance(given, str):
            splits = list(check_cv(given, y, classifier=True).split(X, y, groups))
            self.cv = check_folds_of_all_rows(splits, len(y))  # Stacking has no groups.
        try:
            super().fit(X, y, **weights)
        finally:
            self.cv = given
        self._describe_out_of_fold(y, sample_weight)
        # Restore the estimators that users expect in estimators_.
        self.estimators_: list[Any] = [unwrapped(model) for model in self.estimators_]
        for name, model in self.named_estimators_.items():
            self.named_estimators_[name] = unwrapped(model)
        return self

    def _describe_out_of_fold(self, y: NDArray[Any], sample_weight: Any) -> None:
        final: Blend = self.final_estimator_
        tables = [two_columns(table) for table in final.tables_]
        self.oof_proba_ = np.array(tables)
        kept = [name for name, model in self.estimators if not isinstance(model, str)]
        blended = final.pooled(final.tables_)
        given = {"labels": self.classes_, "sample_weight": sample_weight}
        self.oof_loss_ = {
            name: evaluate_loss(self.loss, y, table, **given)
            for name, table in [*zip(kept, tables, strict=True), ("blend", blended)]
        }
        final.forget()

    def transform(self, X: MatrixLike) -> Floats:
        """Return the probabilities of all estimators side by side.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n, M K), or (n, M) for two classes
            The probabilities of each model; for two classes those of the second.
        """
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
        """The blend, which stacking fits to the probabilities of the estimators."""
        loss = self.loss
        if hasattr(self, "classes_"):  # stacking gives it codes of these
            loss = as_loss(loss).for_classes(self.classes_)
        return Blend(loss, self.pooling, self.recalibrate)

    @property
    def weights_(self) -> NDArray[np.float64]:
        """The weights of the estimators that are not dropped."""
        return self.final_estimator_.weights_
