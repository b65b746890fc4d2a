"""The cross-validated estimators: C with gamma, C with label smoothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.descriptions import documented
from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._named import (
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)
from skxent.linear_model._search import GridCV


@documented(CrossEntropyClassifier)
@dataclass(eq=False, repr=False, kw_only=True)
class FocalLogisticRegressionCV(GridCV):
    """Focal logistic regression with C and gamma chosen by cross-validation.

    It compares the same candidates on the same folds as
    ``GridSearchCV(FocalLogisticRegression(), ...)``, but is faster, because each fit
    starts from the solution for a neighbouring C and gamma. Scores agree up to `tol`,
    so candidates with nearly equal scores may have other ranks. If the loss is not
    convex (gamma > 0), a fit may converge to another local minimum.

    Parameters
    ----------
    gammas : array-like, default=(0.0, 0.5, 1.0, 2.0, 5.0)
        Values of the focusing parameter, in [0, 1e6].
    {parameters}

    Attributes
    ----------
    gamma_ : float
        The chosen gamma.
    gammas_ : ndarray of shape (n_gammas,)
        The values of gamma that were tried.
    {attributes}

    See Also
    --------
    FocalLogisticRegression : The estimator that is fitted.
    SmoothedSoftmaxClassifierCV : Label smoothing in place of gamma.
    skxent.scorers.get_scorer : The scorers that `scoring` may name.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent import FocalLogisticRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = FocalLogisticRegressionCV(Cs=[0.01, 0.1, 1], gammas=[0, 1]).fit(X, y)
    >>> sorted(model.best_params_)
    ['C', 'gamma', 'l1_ratio']
    """

    estimator_class = FocalLogisticRegression
    loss_parameter = "gamma"
    gamma_: float = field(init=False)
    gammas_: NDArray[np.float64] = field(init=False)
    gammas: Any = (0.0, 0.5, 1.0, 2.0, 5.0)
    label_smoothing: float = 0.0


@documented(CrossEntropyClassifier)
@dataclass(eq=False, repr=False, kw_only=True)
class SmoothedSoftmaxClassifierCV(GridCV):
    """Softmax regression with C and label smoothing chosen by cross-validation.

    Parameters
    ----------
    label_smoothings : array-like, default=(0.0, 0.05, 0.1, 0.2)
        Values of the label smoothing, in [0, 1).
    {parameters}

    Attributes
    ----------
    label_smoothing_ : float
        The chosen label smoothing.
    label_smoothings_ : ndarray of shape (n_label_smoothings,)
        The values of label smoothing that were tried.
    {attributes}

    See Also
    --------
    SmoothedSoftmaxClassifier : The estimator that is fitted.
    FocalLogisticRegressionCV : The gamma of focal loss in place of label smoothing.
    skxent.scorers.get_scorer : The scorers that `scoring` may name.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skxent import SmoothedSoftmaxClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SmoothedSoftmaxClassifierCV(Cs=[0.1, 1], label_smoothings=[0, 0.1])
    >>> round(model.fit(X, y).C_, 1)
    1.0
    """

    estimator_class = SmoothedSoftmaxClassifier
    loss_parameter = "label_smoothing"
    label_smoothing_: float = field(init=False)
    label_smoothings_: NDArray[np.float64] = field(init=False)
    label_smoothings: Any = (0.0, 0.05, 0.1, 0.2)
