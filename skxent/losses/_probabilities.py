"""Class probabilities from logits, by the compiled kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.columns import as_raw_prediction
from skxent.inputs.descriptions import documented
from skxent.inputs.weights import check_class_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads
from skxent.losses._compiled import Compiled, spec_for


class Probabilities(Compiled):
    """The methods of a loss that turn logits into class probabilities."""

    def predict_proba(
        self, raw_prediction: ArrayLike, *, n_threads: int | None = None
    ) -> Floats:
        """Return the softmax; for two classes that is the logistic function.

        Parameters
        ----------
        raw_prediction : array-like of shape (n, K), or (n,) for two classes
            Logits.
        n_threads : int, default=None
            None is all that OpenMP may use.

        Returns
        -------
        ndarray of shape (n, K)
            Rows that sum to one.
        """
        return softmax(raw_prediction, n_threads=n_threads)

    @documented(predict_proba)
    def predict_log_proba(
        self, raw_prediction: ArrayLike, *, n_threads: int | None = None
    ) -> Floats:
        """Return the logarithm of the softmax, computed in log space.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        ndarray of shape (n, K)
            Finite wherever the logits are, however small the probability.
        """
        return softmax(raw_prediction, log=True, n_threads=n_threads)

    @documented(predict_proba)
    def posterior(
        self,
        raw_prediction: ArrayLike,
        *,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        log: bool = False,
        n_threads: int | None = None,
    ) -> Floats:
        r"""Return the class probabilities that a minimiser of the loss implies.

        .. math:: \tau_k \propto p_k q_k / |\varphi'(m_k)|, \quad
            \pi_k \propto \tau_k - \epsilon / K, \quad
            \eta_k \propto \pi_k / v_k

        with :math:`p` the softmax, :math:`q = 1 - p`, label smoothing ε and class
        weights v.

        Parameters
        ----------
        class_weight : array-like (K,), dict or Series of code to weight, default=None
            The positive weights v that the model was trained with.
        label_smoothing : float in [0, 1), default=0
            The ε that the model was trained with.
        log : bool, default=False
            Return log η, computed in log space.
        {parameters}

        Returns
        -------
        ndarray of shape (n, K)
            Rows of η that sum to one, or their logarithms.

        Notes
        -----
        The formula needs a model that reaches the minimum and can represent the class
        probabilities: under a wrong model the numbers need not be probabilities of
        anything, and a loss that is not proper (`proper`) tells nothing of how wrong
        they are. Compare :func:`skxent.metrics.log_loss` with and without it, or
        calibrate. For focal loss this is the map of Charoenphakdee et al. (2021,
        arXiv 2011.09172). A minimiser has τ >= ε/K. Where a model has less, π is
        τ / 100 and not zero: in cross-validation of smoothed models on scikit-learn's
        data sets that scored better than clipping.
        """
        FRACTION.check("label_smoothing", label_smoothing)
        z, n_classes = with_classes(raw_prediction)
        spec, implied = self.implied(n_classes, class_weight, label_smoothing)
        return probabilities(spec, z, n_classes, implied, log, n_threads)

    def implied(
        self, n_classes: int, class_weight: Any, label_smoothing: float
    ) -> tuple[tuple[Any, ...], tuple[NDArray[np.float64], float]]:
        """Return the loss, and the weights and smoothing to undo, for the kernels.

        Parameters
        ----------
        n_classes : int
            The number of classes K.
        class_weight : array-like (K,), dict or Series of code to weight, or None
            The positive weights that the model was trained with.
        label_smoothing : float in [0, 1)
            The label smoothing that it was trained with.

        Returns
        -------
        tuple
            The specification of the loss; the logarithms of the weights and the
            label smoothing, as a tuple.
        """
        FRACTION.check("label_smoothing", label_smoothing)
        weights = check_class_weight(class_weight, n_classes)
        if (weights == 0).any():
            raise ValueError(f"class_weight must be positive, got {weights.tolist()}.")
        return spec_for(self, n_classes), (np.log(weights), label_smoothing)


def is_proper(loss: Any, n_classes: int) -> bool:
    """Return True if the true class probabilities have the least mean loss.

    A loss may be proper for two classes, though it is not for more.
    """
    if loss.proper or n_classes > 2 or not loss.has_posterior:
        return bool(loss.proper)
    z = np.linspace(-20, 20, 81)
    return bool(np.allclose(loss.posterior(z), softmax(z), rtol=1e-9, atol=0))


def softmax(
    raw_prediction: ArrayLike, *, log: bool = False, n_threads: int | None = None
) -> Floats:
    """Return the softmax of logits (n, K), or (n,) for two classes: (n, K)."""
    z, n_classes = with_classes(raw_prediction)
    return probabilities(("cross_entropy",), z, n_classes, None, log, n_threads)


def unsmoothed(
    raw_prediction: ArrayLike,
    label_smoothing: float,
    *,
    log: bool = False,
    n_threads: int | None = None,
) -> Floats:
    """Return class probabilities without the smoothing that the softmax still has."""
    FRACTION.check("label_smoothing", label_smoothing)
    z, n_classes = with_classes(raw_prediction)
    implied = np.zeros(n_classes), label_smoothing
    return probabilities(("cross_entropy",), z, n_classes, implied, log, n_threads)


def with_classes(raw_prediction: ArrayLike) -> tuple[Floats, int]:
    """Return logits in the form of the kernels, and K."""
    z, binary = as_raw_prediction(raw_prediction)
    return z, 2 if binary else z.shape[1]


def probabilities(
    spec: tuple[Any, ...],
    z: Floats,
    n_classes: int,
    implied: tuple[NDArray[np.float64], float] | None,
    log: bool,
    n_threads: int | None,
) -> Floats:
    """Return the posterior that weights and smoothing imply; for None the softmax."""
    out: Floats = np.empty((len(z), n_classes), dtype=z.dtype)
    n_threads = effective_n_threads(n_threads, out.size)
    kernels.probabilities(spec, z, out, implied, log, n_threads)
    return out
