"""The scalings: how each moves logits."""

from __future__ import annotations

import numpy as np

from skxent.calibration._base import LogitScaling
from skxent.calibration._objective import TemperatureObjective, Vector, VectorObjective
from skxent.inputs.descriptions import documented


@documented()
class TemperatureScaling(LogitScaling):
    r"""Calibration by one number: logits are divided by a temperature T.

    .. math:: \min_{T > 0} \; \sum_i w_i \, \ell(y_i, z_i / T)

    The order of the classes does not change, nor, without `ensemble`, does `predict`.
    With cross-entropy this is ``CalibratedClassifierCV(method="temperature")`` of
    scikit-learn, with the same `ensemble`, but for probabilities below 1e-12: see
    `floor`. With another loss, such as that of the model's training, predict_proba
    applies the map of :meth:`skxent.losses.Loss.posterior` to the scaled logits
    (focal-aware temperature scaling), so that the probabilities are right for every
    loss.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    temperature_ : float
        T. Above 1 the model was over-confident. With `ensemble` each classifier in
        `calibrated_classifiers_` has its own.
    {attributes}

    See Also
    --------
    VectorScaling : A scale and a bias for every class.
    posterior : Undo a known loss, without a fit.

    Notes
    -----
    Logits are the decision_function of the estimator, or else the logarithms of its
    predict_proba. For skxent's own estimators, in which their loss is already undone,
    and for naive Bayes they are predict_log_proba, which does not underflow. For two
    classes z is the log-odds. scikit-learn makes the logits (-z, z) from a
    decision_function, so that its T is twice as large. If logits point the wrong way, T
    grows until all probabilities are equal.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017). On Calibration of Modern Neural Networks.
    arXiv 1706.04599. Komisarenko, Kull (2024). Improving Calibration by Relating Focal
    Loss, Temperature Scaling, and Properness. arXiv 2408.11598.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skxent.calibration import TemperatureScaling
    >>> X, y = load_digits(return_X_y=True)
    >>> model = TemperatureScaling(GaussianNB()).fit(X, y)
    >>> round(model.temperature_, 1)
    13.0
    """

    _objective = TemperatureObjective
    temperature_: float

    def _name(self, t: Vector) -> None:
        self.temperature_ = float(np.exp(-t[0]))


@documented()
class VectorScaling(LogitScaling):
    r"""Calibration by a scale and a bias for every class.

    .. math:: \min_{a, b} \; \sum_i w_i \, \ell(y_i, a \circ z_i + b)

    For two classes z is the log-odds, and this is Platt scaling. It needs more rows
    than :class:`TemperatureScaling`, but also corrects how often each class is
    predicted. Unless all scales are equal, the result changes if a constant is added to
    all logits of a row, so pass logits of one kind, such as log-probabilities, to `fit`
    and to the predictions. All else is as in :class:`TemperatureScaling`.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    scale_ : ndarray of shape (K,), or (1,) for two classes
        The factors a of the logits.
    bias_ : ndarray of shape (K,), or (1,) for two classes
        The biases b. For K > 2 classes their mean is zero.
    {attributes}

    See Also
    --------
    TemperatureScaling : One number, which keeps the order of the classes.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017). On Calibration of Modern Neural Networks.
    arXiv 1706.04599. Platt (1999). Probabilistic outputs for support vector machines.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skxent.calibration import VectorScaling
    >>> X, y = load_digits(return_X_y=True)
    >>> VectorScaling(GaussianNB()).fit(X, y).scale_.shape
    (10,)
    """

    _objective = VectorObjective
    scale_: Vector
    bias_: Vector

    def _name(self, t: Vector) -> None:
        self.scale_, self.bias_ = t.reshape(2, -1).copy()
