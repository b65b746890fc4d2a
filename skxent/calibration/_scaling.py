"""Estimators that move the logits of a classifier, and little else."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import MetaEstimatorMixin, clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skxent.base.classifier import LogitClassifier, TrainedLoss, logits_per_row
from skxent.calibration._logits import (
    classes_of,
    given_logits,
    model_logits,
    response_method,
)
from skxent.calibration._metadata import params_of_fit
from skxent.calibration._objective import (
    ScalingObjective,
    TemperatureObjective,
    Vector,
    VectorObjective,
)
from skxent.calibration._out_of_fold import out_of_fold_logits
from skxent.inputs.class_order import classes_of_estimator, reorder_classes
from skxent.inputs.labels import encode_labels
from skxent.inputs.sparse import check_sparse
from skxent.inputs.targets import (
    make_target,
)
from skxent.inputs.weights import check_sample_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, POSITIVE, check_count, check_in_memory
from skxent.kernels.threads import effective_n_threads
from skxent.losses._shipped import Loss, as_loss
from skxent.metrics._evaluate import check_labels
from skxent.optimize.convergence import warn_unless_converged
from skxent.typing import MatrixLike


class _Scaling(MetaEstimatorMixin, LogitClassifier):
    """What the scalings share; they differ in the objective."""

    posterior = True
    _objective: ClassVar[type[ScalingObjective]]
    _parameters: Vector
    estimator_: Any
    n_iter_: int

    def __init__(
        self,
        estimator: Any = None,
        *,
        loss: str | Loss = "cross_entropy",
        label_smoothing: float = 0.0,
        cv: Any = 5,
        tol: float = 1e-4,
        max_iter: int = 100,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.cv = cv
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs

    def fit(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit the estimator if it is neither frozen nor None, then the scaling.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d), or logits (n, K) or (n,)
        y : array-like of shape (n,)
            Labels of any type.
        sample_weight : array-like of shape (n,), default=None
            Also handed to the estimator, if its fit takes it.

        Returns
        -------
        self
        """
        loss = as_loss(self.loss)
        FRACTION.check("label_smoothing", self.label_smoothing)
        POSITIVE.check("tol", self.tol)
        check_count("max_iter", self.max_iter)
        effective_n_threads(self.n_jobs, name="n_jobs")
        check_in_memory(X)
        X, y = check_sparse("X", X), check_labels(y)
        if self.estimator is None:
            model, z, rows = None, given_logits(X), None
            classes = classes_of(y, 2 if z.shape[1] == 1 else z.shape[1])
        else:
            model, z, rows = self._fit_model(X, y, sample_weight)
            classes = classes_of_estimator(model, response_method(model))
        if len(classes) < 2:
            raise ValueError(
                f"y must have at least 2 classes, got 1 class: {classes.tolist()}."
            )
        n_outputs = logits_per_row(len(classes))
        if z.shape[1] != n_outputs:
            raise ValueError(
                f"estimator must answer with logits of its {len(classes)} classes, "
                f"got {z.shape[1]} columns."
            )
        classes, codes = encode_labels(y, classes, "y")
        sample_weight = check_sample_weight(sample_weight, len(y))
        if rows is not None:
            codes = codes[rows]
            sample_weight = None if sample_weight is None else sample_weight[rows]
        target = make_target(
            codes,
            len(z),
            len(classes),
            sample_weight=sample_weight,
            label_smoothing=self.label_smoothing,
        ).moderate()
        if target.total_weight() == 0:
            raise ValueError("sample_weight must have a positive sum, got all zeros.")
        objective = self._objective(z, target, loss, self.n_jobs)
        found = objective.minimise(float(self.tol), int(self.max_iter))
        warn_unless_converged(type(self).__name__, found, float(self.tol))
        self.classes_ = classes
        self.estimator_ = model
        self.n_iter_ = found.n_iter
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        self.trained_loss_ = TrainedLoss(loss, None, self.label_smoothing)
        self._parameters = found.weights
        self._name(found.weights)
        return self

    def _name(self, t: Vector) -> None:
        """Set the attributes that the documentation names, from the parameters."""
        raise NotImplementedError

    def _fit_model(
        self, X: Any, y: NDArray[Any], sample_weight: Any
    ) -> tuple[Any, Floats, NDArray[np.intp] | None]:
        """The fitted estimator, logits, and of which rows: None for all."""
        if not is_classifier(self.estimator):
            raise ValueError(
                f"estimator must be a classifier or None, got {self.estimator!r}."
            )
        if isinstance(self.cv, str):
            raise ValueError(
                "cv must be an int, a splitter, an iterable or None, got "
                f"{self.cv!r}. Put a fitted estimator into a FrozenEstimator."
            )
        if isinstance(self.estimator, FrozenEstimator):
            model = self.estimator.fit(X, y)
            return model, model_logits(model, X), None
        params = params_of_fit(self, self.estimator, sample_weight)
        if self.cv is None:
            model = clone(self.estimator).fit(X, y, **params)
            return model, model_logits(model, X), None
        labels, z, rows = out_of_fold_logits(self.estimator, X, y, self.cv, params)
        model = clone(self.estimator).fit(X, y, **params)
        return model, reorder_classes(z, labels, model.classes_), rows

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
            given_logits(X)
            if self.estimator_ is None
            else model_logits(self.estimator_, X)
        )
        if z.shape[1] != n_outputs:
            raise ValueError(
                f"X must hold logits of {len(self.classes_)} classes, "
                f"got {z.shape[1]} columns."
            )
        return self._objective.move(t.astype(z.dtype), z)

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    def get_metadata_routing(self) -> MetadataRouter:
        """Who gets what metadata: see scikit-learn's user guide."""
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


class TemperatureScaling(_Scaling):
    r"""Calibration by one number: logits are divided by a temperature T.

    .. math:: \min_{T > 0} \; \sum_i w_i \, \ell(y_i, z_i / T)

    The order of the classes stays, and with it `predict`. With cross-entropy it is
    ``CalibratedClassifierCV(method="temperature")`` of scikit-learn. With another loss,
    that of the model's training, say, predict_proba applies the map of
    :meth:`skxent.losses.Loss.posterior` to the scaled logits (focal-aware temperature
    scaling), so that the probabilities are right for every loss.

    Parameters
    ----------
    estimator : classifier, default=None
        A fitted classifier in a :class:`sklearn.frozen.FrozenEstimator` is calibrated
        on the rows that fit is given, which it should not have been fitted to. Any
        other is fitted to them, and calibrated on out-of-fold logits. None: X holds
        logits (n, K), or (n,), the log-odds of the second class.
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
        Without an estimator: the labels of y, or 0..K-1 where y lacks some of these.
    estimator_ : classifier or None
    n_iter_ : int
    n_features_in_, feature_names_in_
        Those of the estimator.

    Notes
    -----
    Logits are the decision_function of the estimator, else the logarithms of its
    predict_proba, clipped at eps. Of skxent's own estimators they are
    predict_log_proba, in which their loss is undone already. For two classes z is the
    log-odds; from a decision_function scikit-learn makes the logits (-z, z), so that
    its T is twice that of here. Logits that point the wrong way have T grow until the
    probabilities are all alike.

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


class VectorScaling(_Scaling):
    r"""Calibration by a scale and a bias for every class.

    .. math:: \min_{a, b} \; \sum_i w_i \, \ell(y_i, a \circ z_i + b)

    For two classes z is the log-odds, and this is Platt's scaling. Needs more rows than
    :class:`TemperatureScaling`, but also corrects how often each class is predicted.
    Unless all scales are equal, the result depends on a constant that is added to all
    logits of a row, so pass logits of one kind, such as log-probabilities, to `fit` and
    to the predictions. All else is as in :class:`TemperatureScaling`.

    Parameters
    ----------
    estimator, loss, label_smoothing, cv, tol, max_iter, n_jobs
        See :class:`TemperatureScaling`.

    Attributes
    ----------
    scale_ : ndarray of shape (K,), or (1,) for two classes
    bias_ : ndarray of shape (K,), or (1,) for two classes
        Of K > 2 biases the mean is zero.
    classes_, estimator_, n_iter_, n_features_in_, feature_names_in_
        See :class:`TemperatureScaling`.

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
