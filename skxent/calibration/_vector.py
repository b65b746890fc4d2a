"""Vector scaling."""

from __future__ import annotations

from skxent.calibration._objective import Vector, VectorObjective
from skxent.calibration._scaling import LogitScaling


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
    estimator, loss, label_smoothing, cv, tol, max_iter, n_jobs
        See :class:`TemperatureScaling`.

    Attributes
    ----------
    scale_ : ndarray of shape (K,), or (1,) for two classes
    bias_ : ndarray of shape (K,), or (1,) for two classes
        For K > 2 classes their mean is zero.
    classes_, estimator_, n_iter_, trained_loss_, n_features_in_, feature_names_in_
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
