"""The scalings: how each moves logits."""

from __future__ import annotations

import numpy as np

from skxent.calibration._base import LogitScaling
from skxent.calibration._objective import TemperatureObjective, Vector, VectorObjective


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
    estimator : classifier, default=None
        A fitted classifier in a :class:`sklearn.frozen.FrozenEstimator` is calibrated
        on the rows that are passed to fit, which should not be those it was fitted to.
        Any other classifier is fitted to these rows, and calibrated on out-of-fold
        logits. None: X holds logits (n, K), or (n,), the log-odds of the second class.
    loss : str or Loss, default="cross_entropy"
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default.
    label_smoothing : float in [0, 1), default=0.0
        Label smoothing of the loss, undone in predict_proba.
    cv : int, splitter, iterable or None, default=5
        How out-of-fold logits are made, as in
        :func:`sklearn.model_selection.cross_val_predict`. Folds whose training rows
        lack a class are left out, with a warning. None: calibrate on the rows that the
        estimator was fitted to.
    ensemble : bool, default=False
        False: out-of-fold logits of all folds calibrate one model, fitted to all rows.
        True: the model of each fold is calibrated on the rows that it was not fitted
        to, and their probabilities are averaged, as scikit-learn does by default. That
        is often more accurate, and predictions take as many times longer.
    floor : float in [0, 1) or None, default=None
        What is added to the probabilities of a model without decision_function, before
        their logarithm is taken. None: 1e-12, as in scikit-learn; but if a probability
        is smaller, such as the zeros of forests, neighbours and naive Bayes, the floor
        that has the least log loss out of fold, after temperature scaling.
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most this: the mean loss, in nats, is then
        about tol² / 2 above its minimum.
    max_iter : int, default=100
    n_jobs : int, default=None
        Threads of the kernels; None is all that OpenMP may use.

    Attributes
    ----------
    temperature_ : float
        T. Above 1 the model was over-confident. With `ensemble`, those in
        `calibrated_classifiers_` have one each.
    classes_ : ndarray of shape (K,)
        Without an estimator: the labels of y, or 0..K-1 if y lacks some of these.
    estimator_ : classifier or None
        Not set with `ensemble`.
    calibrated_classifiers_ : list of TemperatureScaling
        With `ensemble` only: one for each fold.
    floor_ : float or None
        What was added to probabilities; None for logits.
    n_iter_ : int
    trained_loss_ : TrainedLoss
        What the posterior undoes, a named tuple: loss, class_weight (None),
        label_smoothing.
    n_features_in_, feature_names_in_
        Those of the estimator.

    See Also
    --------
    VectorScaling : a scale and a bias for every class
    posterior : undo a known loss, without a fit

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
    estimator, loss, label_smoothing, cv, ensemble, floor, tol, max_iter, n_jobs
        See :class:`TemperatureScaling`.

    Attributes
    ----------
    scale_ : ndarray of shape (K,), or (1,) for two classes
    bias_ : ndarray of shape (K,), or (1,) for two classes
        For K > 2 classes their mean is zero.
    classes_, estimator_, calibrated_classifiers_, floor_, n_iter_, trained_loss_
    n_features_in_, feature_names_in_
        See :class:`TemperatureScaling`.

    See Also
    --------
    TemperatureScaling : one number, which keeps the order of the classes

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
