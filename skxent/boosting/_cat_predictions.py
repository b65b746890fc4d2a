"""Predictions that only CatBoost makes: for Pools, and after each number of trees."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skxent.boosting._delegated import DelegatedNames
from skxent.boosting._pools import unpack
from skxent.boosting._predictions import BoosterPredictions
from skxent.kernels.arrays import Floats
from skxent.typing import MatrixLike

ANEW = "Fit {cls} anew: "


class CatBoostPredictions(DelegatedNames, BoosterPredictions):
    """Predictions of rows and Pools, also after each number of trees."""

    outputs = ()
    of_rows = (
        "calc_leaf_indexes",
        "iterate_leaf_indexes",
        "virtual_ensembles_predict",
        "staged_virtual_ensembles_predict",
    )
    withheld: ClassVar[dict[str, str]] = {
        "load_model": "Such a file does not hold the loss: load it into a "
        "CatBoostClassifier, or pickle the {cls} instead.",
        "grid_search": ANEW + "use sklearn.model_selection.GridSearchCV.",
        "randomized_search": ANEW + "use sklearn.model_selection.RandomizedSearchCV.",
        "select_features": ANEW + "use sklearn.feature_selection.RFE.",
        "set_probability_threshold": "Use "
        "sklearn.model_selection.FixedThresholdClassifier.",
        "get_probability_threshold": "The class is that of the largest logit.",
    }
    of_softmax: ClassVar[dict[str, str]] = {
        "calc_feature_statistics": "CatBoost would average the softmax of the logits. "
        "Use booster_.calc_feature_statistics if this is what you need."
    }

    def predict(self, X: MatrixLike, **options: Any) -> NDArray[Any]:
        """Return the class of the largest logit.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, Pool} of shape (n, d)
            The rows to predict.
        **options
            Arguments of CatBoost's `predict`. With prediction_type "Probability" or
            "LogProbability" the class probabilities of the loss are returned, with
            another one CatBoost's predictions.

        Returns
        -------
        ndarray of shape (n,)
            A label of `classes_` for each row.
        """
        kind = options.pop("prediction_type", "Class")
        if kind in ("Class", "Probability", "LogProbability"):
            return self._predictions_of(self.decision_function(X, **options), kind)
        check_is_fitted(self)
        rows = self._checked(X)
        return np.asarray(
            self.estimator_.predict(rows, prediction_type=kind, **options)
        )

    def staged_predict(self, X: MatrixLike, **options: Any) -> Iterator[NDArray[Any]]:
        """Yield the predictions of growing numbers of trees.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, Pool} of shape (n, d)
            The rows to predict.
        **options
            Arguments of CatBoost's `staged_predict`, such as ``eval_period=10``.

        Yields
        ------
        ndarray of shape (n,)
            A label of `classes_` for each row; with prediction_type "Probability",
            "LogProbability" or "RawFormulaVal" what these name.
        """
        kind = options.pop("prediction_type", "Class")
        for z in self._staged_logits(X, **options):
            yield self._predictions_of(z, kind)

    def staged_predict_proba(self, X: MatrixLike, **options: Any) -> Iterator[Floats]:
        """Yield the class probabilities of growing numbers of trees.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, Pool} of shape (n, d)
            The rows to predict.
        **options
            Arguments of CatBoost's `staged_predict_proba`.

        Returns
        -------
        iterator of ndarray of shape (n, K)
            A column for each of `classes_`.
        """
        return self.staged_predict(X, prediction_type="Probability", **options)

    def staged_predict_log_proba(
        self, X: MatrixLike, **options: Any
    ) -> Iterator[Floats]:
        """Yield the logarithms of the class probabilities of growing numbers of trees.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, Pool} of shape (n, d)
            The rows to predict.
        **options
            Arguments of CatBoost's `staged_predict_log_proba`.

        Returns
        -------
        iterator of ndarray of shape (n, K)
            A column for each of `classes_`.
        """
        return self.staged_predict(X, prediction_type="LogProbability", **options)

    def score(self, X: MatrixLike, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows, by weight, predicted correctly.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, Pool} of shape (n, d)
            The rows to predict.
        y : array-like of shape (n,), default=None
            The true labels. None for a Pool, which has its own.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows; None for ones, and for a Pool.

        Returns
        -------
        float
            Between 0 and 1; 1 if all labels are predicted.
        """
        return super().score(X, *unpack(X, y, sample_weight))

    def copy(self) -> Self:
        """Return a copy of the classifier with its trees.

        Returns
        -------
        CatBoostLossClassifier
            An independent classifier, fitted if this one is.
        """
        return deepcopy(self)

    def is_fitted(self) -> bool:
        """Return True after `fit`.

        Returns
        -------
        bool
            Whether the model has been trained.
        """
        return "estimator_" in vars(self)

    def _validate_pool(self, pool: Any, **fit: Any) -> Any:
        """Return a Pool with the columns of the fit; in fit, with y=y, return both."""
        n_columns = pool.num_col()
        if not fit:
            if n_columns != self.n_features_in_:
                raise ValueError(
                    f"X must have {self.n_features_in_} columns as in fit, got a Pool "
                    f"of {n_columns}."
                )
            return pool
        self.n_features_in_ = n_columns
        names = pool.get_feature_names()
        if all(names):
            self.feature_names_in_ = np.asarray(names, dtype=object)
        return pool, fit["y"]

    def _staged_logits(self, X: Any, **options: Any) -> Iterator[Floats]:
        check_is_fitted(self)
        options["prediction_type"] = "RawFormulaVal"
        yield from self.estimator_.staged_predict(self._checked(X), **options)

    def _predictions_of(self, z: Floats, kind: str) -> NDArray[Any]:
        """Return predictions of one of CatBoost's types."""
        if kind == "RawFormulaVal":
            return z
        if kind == "Class":
            return self._labels_of(z)
        if kind in ("Probability", "LogProbability"):
            return self._probabilities(z, log=kind == "LogProbability")
        raise ValueError(
            "prediction_type must be 'Class', 'Probability', 'LogProbability' or "
            f"'RawFormulaVal', got {kind!r}."
        )
