"""The estimators that have a name of their own: focal loss and label smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.losses._shipped import CrossEntropy, Focal


@dataclass(eq=False, repr=False)
class FocalLogisticRegression(CrossEntropyClassifier):
    r"""Logistic regression with focal loss.

    .. math:: \min_W \; C \sum_i w_i (1 - p_{i, y_i})^\gamma (-\log p_{i, y_i})
        + \tfrac12 \|W\|^2

    gamma=0 is :class:`sklearn.linear_model.LogisticRegression`. All but gamma is as in
    :class:`CrossEntropyClassifier`.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well. A dict or Series of
        label to number, or numbers in the order of `classes_`: for each class its own.
    C, l1_ratio, penalty_factor, monotonic_cst, fit_intercept, class_weight
    label_smoothing, posterior, solver, tol, max_iter, warm_start, n_jobs, verbose
        See :class:`CrossEntropyClassifier`.

    Attributes
    ----------
    classes_, coef_, intercept_, n_iter_, trained_loss_
    n_features_in_, feature_names_in_, penalty
        See :class:`CrossEntropyClassifier`.

    See Also
    --------
    FocalLogisticRegressionCV : C and gamma chosen by cross-validation
    skxent.boosting.FocalXGBClassifier : focal loss for boosted trees

    References
    ----------
    Lin et al. (2017), arXiv 1708.02002. The probabilities: Charoenphakdee et al.
    (2021), arXiv 2011.09172.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skxent import FocalLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(FocalLogisticRegression(gamma=2.0).fit(X, y).score(X, y), 2)
    0.96
    """

    gamma: Any = 2.0
    # It takes the place of the field of this name, and mypy allows no class variable
    # there.
    loss: ClassVar[Any] = property(lambda self: Focal(self.gamma))  # type: ignore[misc]


@dataclass(eq=False, repr=False)
class SmoothedSoftmaxClassifier(CrossEntropyClassifier):
    r"""Softmax regression against smoothed labels.

    .. math:: \min_W \; C \sum_i w_i \sum_k \left((1 - \epsilon)\, y_{ik} + \epsilon / K
        \right) (-\log p_{ik}) + \tfrac12 \|W\|^2

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.1
        How much of a label is spread evenly over all classes.
    C, l1_ratio, penalty_factor, monotonic_cst, fit_intercept, class_weight, posterior
    solver, tol, max_iter, warm_start, n_jobs, verbose
        See :class:`CrossEntropyClassifier`.

    Attributes
    ----------
    classes_, coef_, intercept_, n_iter_, trained_loss_
    n_features_in_, feature_names_in_, penalty
        See :class:`CrossEntropyClassifier`.

    See Also
    --------
    SmoothedSoftmaxClassifierCV : C and label smoothing chosen by cross-validation

    References
    ----------
    Szegedy et al. (2016), Rethinking the Inception Architecture, arXiv 1512.00567.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skxent import SmoothedSoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> round(SmoothedSoftmaxClassifier(0.05).fit(X, y).score(X, y), 2)
    0.97
    """

    label_smoothing: float = 0.1
    # As above, for a loss without parameters.
    loss: ClassVar[Any] = CrossEntropy()  # type: ignore[misc]
