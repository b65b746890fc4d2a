"""The shared docstring of the classifiers of all boosting libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skxent.kernels.arrays import Floats


class DescribedBooster:
    """A classifier around the classifier of a boosting library.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A Loss, for example a :class:`~skxent.losses.FormulaLoss`, or a name in
        :data:`skxent.losses.LOSSES`. Its parameters can be set and searched over as
        ``loss__gamma``.
    class_weight : dict of label to weight or "balanced", default=None
        The weight of each class, 1 for a class that is left out. "balanced" gives every
        class the same total weight. Weights move the decisions and, with
        ``posterior=True``, not the probabilities.
    label_smoothing : float in [0, 1), default=0.0
        Train against the labels ``(1 - eps) y + eps / K``, where eps is this value.
    hessian : {"clip", "exact", "psd"}, default="clip"
        Treatment of negative second derivatives, which losses that are not convex have:
        see the objective of the library, such as :func:`xgboost_objective`.
    posterior : bool, default=True
        Whether `predict_proba` returns the class probabilities that a minimiser of the
        loss implies, with the loss, label smoothing and class weights undone. False:
        the softmax of the margins.

    Attributes
    ----------
    objective_ : callable
        The loss in the library's form, which trained the trees.
    n_classes_ : int
        The number of classes.
    feature_importances_ : ndarray of shape (d,)
        The importance of each column, as `estimator_` defines it.
    """

    estimator_: Any
    n_features_in_: int

    @property
    def feature_importances_(self) -> Floats:
        """The importances of the library's classifier: ndarray of shape (d,)."""
        check_is_fitted(self)
        if self.estimator_ is None:
            return np.zeros(self.n_features_in_)
        return np.asarray(self.estimator_.feature_importances_)
