"""The scalings: a fit that they share, and how each moves logits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skxent.base.classifier import LogitClassifier, TrainedLoss
from skxent.base.estimator import columns_of
from skxent.calibration._model import fit_model, given_logits, model_logits
from skxent.calibration._objective import (
    ScalingObjective,
    TemperatureObjective,
    Vector,
    VectorObjective,
)
from skxent.inputs.labels import check_labels, check_several, encode_labels
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import check_in_memory, logits_per_row
from skxent.inputs.targets import make_target
from skxent.inputs.weights import check_sample_weight, check_some_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, POSITIVE, check_count
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.optimize.solution import SolverOptions, warn_unless_converged
from skxent.typing import MatrixLike


@dataclass(eq=False, repr=False)
class LogitScaling(MetaEstimatorMixin, LogitClassifier):
    """A classifier whose logits are those of another, moved by a few parameters."""

    estimator: Any = None
    _: KW_ONLY
    loss: str | Loss = "cross_entropy"
    label_smoothing: float = 0.0
    cv: Any = 5
    tol: float = 1e-4
    max_iter: int = 100
    n_jobs: int | None = None

    posterior = True
    _objective: ClassVar[type[ScalingObjective]]

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the estimator if it is neither frozen nor None, then the scaling.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d), or logits (n, K) or (n,)
            The columns of a data frame of logits go by name: their names must be the
            labels, or only count them.
        y : array-like of shape (n,)
            Labels of any type.
        sample_weight : array-like of shape (n,), default=None
            Also handed to the estimator, if its fit takes it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of its domain, y has one class, or X holds no logits
            of the labels in y.
        """
        loss = as_loss(self.loss)
        FRACTION.check("label_smoothing", self.label_smoothing)
        POSITIVE.check("tol", self.tol)
        check_count("max_iter", self.max_iter)
        effective_n_threads(self.n_jobs, name="n_jobs")
        check_in_memory(X)
        X, labels = check_sparse("X", X), check_labels(y)
        model, classes, z, rows = fit_model(self, X, labels, sample_weight)
        check_several(classes)
        if z.shape[1] != logits_per_row(len(classes)):
            raise ValueError(
                f"estimator must answer with logits of its {len(classes)} classes, "
                f"got {z.shape[1]} columns."
            )
        classes, codes = encode_labels(labels, classes, "y")
        loss = loss.for_classes(classes)
        weights = check_sample_weight(sample_weight, len(labels))
        if rows is not None:
            codes = codes[rows]
            weights = None if weights is None else weights[rows]
        target = make_target(
            codes,
            len(z),
            len(classes),
            sample_weight=weights,
            label_smoothing=self.label_smoothing,
        ).moderate()
        check_some_weight(target.total_weight())
        objective = self._objective(z, target, loss, self.n_jobs)
        options = SolverOptions(float(self.tol), int(self.max_iter))
        found = objective.minimise(options)
        warn_unless_converged(type(self).__name__, found, options.tol)
        self.classes_, self.estimator_ = classes, model
        self.n_iter_ = found.n_iter
        self.__dict__.update(columns_of(model))
        self.trained_loss_ = TrainedLoss(loss, None, self.label_smoothing)
        self._parameters = found.weights
        self._name(found.weights)
        return self

    @abstractmethod
    def _name(self, t: Vector) -> None:
        """Set the public attributes from the parameters."""

    def _logits(self, X: Any) -> Floats:
        n_outputs = logits_per_row(len(self.classes_))
        t, expected = self._parameters, self._objective.n_parameters(n_outputs)
        if t.shape != (expected,) or not np.isfinite(t).all():
            raise ValueError(
                f"The fitted scaling must be {expected} finite numbers for "
                f"{len(self.classes_)} classes_, got {t.tolist()}. Fit it again."
            )
        check_in_memory(X)
        z = (
            given_logits(X, self.classes_)
            if self.estimator_ is None
            else model_logits(self.estimator_, X)
        )
        if z.shape[1] != n_outputs:
            raise ValueError(
                f"X must hold logits of {len(self.classes_)} classes, "
                f"got {z.shape[1]} columns."
            )
        return self._objective.transform(t.astype(z.dtype), z)

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata routing: see scikit-learn's user guide."""
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=to_fit)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            inner = get_tags(self.estimator).input_tags
            tags.input_tags.sparse = inner.sparse
            tags.input_tags.allow_nan = inner.allow_nan
        return tags


class TemperatureScaling(LogitScaling):
    r"""Calibration by one number: logits are divided by a temperature T.

    .. math:: \min_{T > 0} \; \sum_i w_i \, \ell(y_i, z_i / T)

    The order of the classes does not change, nor does `predict`. With cross-entropy
    this is ``CalibratedClassifierCV(method="temperature")`` of scikit-learn. With
    another loss, such as that of the model's training, predict_proba applies the map of
    :meth:`skxent.losses.Loss.posterior` to the scaled logits (focal-aware temperature
    scaling), so that the probabilities are right for every loss.

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
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most this: the mean loss, in nats, is then
        about tol² / 2 above its minimum.
    max_iter : int, default=100
    n_jobs : int, default=None
        Threads of the kernels; None is all that OpenMP may use.

    Attributes
    ----------
    temperature_ : float
        T. Above 1 the model was over-confident.
    classes_ : ndarray of shape (K,)
        Without an estimator: the labels of y, or 0..K-1 if y lacks some of these.
    estimator_ : classifier or None
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
    predict_proba, clipped at eps. For skxent's own estimators they are
    predict_log_proba, in which their loss is already undone. For two classes z is the
    log-odds. scikit-learn makes the logits (-z, z) from a decision_function, so that
    its T is twice as large. If logits point the wrong way, T grows until all
    probabilities are equal.

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
    8.2
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
