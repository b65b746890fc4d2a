"""The estimators that have a name of their own: focal loss and label smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from skxent.base.estimator import WithGamma
from skxent.inputs.descriptions import documented
from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.losses._shipped import CrossEntropy


@documented()
@dataclass(eq=False, repr=False)
class FocalLogisticRegression(WithGamma, CrossEntropyClassifier):
    r"""Logistic regression with focal loss.

    .. math:: \min_W \; C \sum_i w_i (1 - p_{i, y_i})^\gamma (-\log p_{i, y_i})
        + \tfrac12 \|W\|^2

    gamma=0 is :class:`sklearn.linear_model.LogisticRegression`. This is
    :class:`CrossEntropyClassifier` with ``Focal(gamma)`` as its loss.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    CrossEntropyClassifier : Any loss, focal loss included.
    FocalLogisticRegressionCV : C and gamma chosen by cross-validation.
    skxent.boosting.FocalXGBClassifier : Focal loss for boosted trees.

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


@dataclass(eq=False, repr=False)
class WithCrossEntropy:
    """A classifier whose loss is always cross-entropy."""

    # A class variable, so that it is no field.
    loss: ClassVar[Any] = CrossEntropy()


@documented()
@dataclass(eq=False, repr=False)
class SmoothedSoftmaxClassifier(WithCrossEntropy, CrossEntropyClassifier):
    r"""Softmax regression against smoothed labels.

    .. math:: \min_W \; C \sum_i w_i \sum_k \left((1 - \epsilon)\, y_{ik} + \epsilon / K
        \right) (-\log p_{ik}) + \tfrac12 \|W\|^2

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.1
        How much of a label is spread evenly over all classes.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    CrossEntropyClassifier : Any loss, with label smoothing as well.
    SmoothedSoftmaxClassifierCV : C and label smoothing chosen by cross-validation.

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
