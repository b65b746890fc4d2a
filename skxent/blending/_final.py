"""The final estimator of a stack of classifiers: a blend of their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from skxent.blending._beta import BetaPool, beta_pool
from skxent.blending._objective import pool
from skxent.blending._weights import Pooling, blend_weights
from skxent.inputs.tables import logits_per_row
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss


@dataclass(eq=False, repr=False)
class Blend(ClassifierMixin, BaseEstimator):
    """Blend the probabilities that stand side by side in X."""

    loss: str | Loss = "cross_entropy"
    pooling: Pooling = "arithmetic"
    recalibrate: bool = False

    def fit(self, X: Floats, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Find the weights."""
        self.classes_ = np.unique(y)
        self.tables_ = self._split(X)
        self.beta_pool_ = None
        if self.recalibrate:
            self.beta_pool_ = self._beta_pool(y, sample_weight)
            self.weights_ = self.beta_pool_.weights
            return self
        self.weights_ = blend_weights(
            self.tables_,
            y,
            self.loss,
            pooling=self.pooling,
            sample_weight=sample_weight,
        )
        return self

    def _beta_pool(self, y: Any, sample_weight: Any) -> BetaPool:
        if self.pooling != "arithmetic" or len(self.classes_) != 2:
            raise ValueError(
                "recalibrate must be False unless pooling='arithmetic' and y has two "
                f"classes, got pooling={self.pooling!r} and {len(self.classes_)} "
                "classes. Calibrate such a blend by TemperatureScaling."
            )
        return beta_pool(self.tables_, y, sample_weight=sample_weight)

    def pooled(self, tables: list[Floats]) -> Floats:
        """Return the blended probabilities of tables."""
        if self.beta_pool_ is not None:
            return self.beta_pool_.blend(tables)
        return pool(tables, self.weights_, self.pooling)

    def forget(self) -> None:
        """Drop the tables of the fit."""
        del self.tables_

    def predict_proba(self, X: Floats) -> Floats:
        """Return the blended probabilities."""
        return self.pooled(self._split(X))

    def predict(self, X: Floats) -> NDArray[Any]:
        """Return the class of the largest probability."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _split(self, X: Floats) -> list[Floats]:
        # For two classes stacking keeps the second column alone.
        width = logits_per_row(len(self.classes_))
        X = np.asarray(X)  # a DataFrame under set_config(transform_output="pandas")
        tables = [X[:, k : k + width] for k in range(0, X.shape[1], width)]
        return [table[:, 0] if width == 1 else table for table in tables]


def check_pairs(estimators: Any) -> None:
    """Raise a ValueError if estimators are not a list of names and estimators."""
    given = estimators if isinstance(estimators, list) else [estimators]
    paired = isinstance(estimators, list)
    for one in given:
        if not (paired and isinstance(one, tuple) and len(one) == 2):
            raise ValueError(
                "estimators must be a list of (name, estimator) pairs, such as "
                "[('linear', model), ('forest', RandomForestClassifier())], got "
                f"{one!r}."
            )
