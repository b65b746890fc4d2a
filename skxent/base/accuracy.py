"""The accuracy, which is what a classifier's `score` returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skxent.inputs.labels import as_labels, check_same_type, refuse_missing
from skxent.inputs.weights import check_sample_weight, moderate, scale_exponent
from skxent.metrics._sums import Sums
from skxent.typing import MatrixLike


def right_predictions(model: Any, X: Any, y: Any, sample_weight: Any) -> Sums:
    """Return the weight of the rows that are predicted correctly, and that of all.

    A label of y that is not a class is a wrong prediction, as for scikit-learn.
    """
    predicted = model.predict(X)
    y = column_or_1d(as_labels(y))
    if len(y) != len(predicted):
        raise ValueError(f"y must have {len(predicted)} rows as X has, got {len(y)}.")
    if y.dtype.kind == "f":
        refuse_missing(int(np.isnan(y).sum()), "y")
    check_classification_targets(y)
    check_same_type(y[:1], np.asarray(model.classes_), "y")
    right = y == predicted
    weights = check_sample_weight(sample_weight, len(y))
    if weights is None:
        return Sums(float(np.sum(right)), float(len(y)))
    exponent, weights = scale_exponent(weights), moderate(weights)
    return Sums(float(right @ weights), float(weights.sum()), exponent=exponent)


class ScoredByAccuracy:
    """A classifier whose `score` takes all labels and weights that its `fit` takes."""

    def score(self, X: MatrixLike, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows, by weight, predicted correctly.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
        """
        if y is None:
            raise ValueError("score requires y to be passed, but the target y is None.")
        return right_predictions(self, X, y, sample_weight).mean()
