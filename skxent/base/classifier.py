"""The classifier of logits: linear models, scalings and boosters alike."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skxent.base.estimator import LossParameters, VersionedPickle, WholeFits
from skxent.inputs.labels import as_labels, check_same_type, refuse_missing
from skxent.inputs.tables import codes_of_logits
from skxent.inputs.weights import (
    Sums,
    check_sample_weight,
    class_weights,
    moderate,
    scale_exponent,
)
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_given
from skxent.losses._loss import Loss
from skxent.losses._probabilities import Probabilities
from skxent.typing import MatrixLike

# The kinds of predictions.
Form = Literal["logit", "probability", "log probability"]


class TrainedLoss(NamedTuple):
    """The loss, weights and smoothing of the training, which the posterior undoes.

    Class weights, None for ones, and the parameters of the loss are in the order of the
    model's classes.
    """

    loss: Loss
    class_weight: Any = None
    label_smoothing: float = 0.0

    def probabilities(
        self,
        raw_prediction: Floats,
        *,
        posterior: bool,
        log: bool = False,
        n_threads: int | None = None,
    ) -> Floats:
        """Return class probabilities (n, K) of logits, or with `log` their logarithms.

        `posterior`: those that a minimiser of the loss implies, with class weights and
        label smoothing undone. Otherwise the softmax.
        """
        if posterior:
            self.loss.warn_without_posterior()
            return self.loss.posterior(
                raw_prediction,
                class_weight=self.class_weight,
                label_smoothing=self.label_smoothing,
                log=log,
                n_threads=n_threads,
            )
        softmax = self.loss.predict_log_proba if log else self.loss.predict_proba
        return softmax(raw_prediction, n_threads=n_threads)

    def compiled(self, n_classes: int, *, posterior: bool) -> Any:
        """Return what the kernels need to turn logits into probabilities.

        Return None for a loss whose class computes them in another way.
        """
        kind = type(self.loss)
        if not posterior:
            methods = kind.predict_proba, kind.predict_log_proba
            own = Probabilities.predict_proba, Probabilities.predict_log_proba
            return (("cross_entropy",), None) if methods == own else None
        if kind.posterior is not Probabilities.posterior:
            return None
        self.loss.warn_without_posterior()
        return self.loss.implied(n_classes, self.class_weight, self.label_smoothing)


def right_predictions(
    model: Any, X: Any, y: Any, sample_weight: Any, **given: Any
) -> Sums:
    """Return the weight of the rows that are predicted correctly, and that of all.

    A label of y that is not a class is a wrong prediction, as for scikit-learn.

    given : further arguments of `predict`
    """
    predicted = model.predict(X, **given)
    y = column_or_1d(as_labels(y))
    if len(y) != len(predicted):
        raise ValueError(f"y must have {len(predicted)} rows as X has, got {len(y)}.")
    if y.dtype.kind == "f":
        refuse_missing(int(np.isnan(y).sum()), "y")
    check_classification_targets(y)
    check_same_type(y[:1], np.asarray(model.classes_), "y")
    right = y == predicted
    weights = check_sample_weight(sample_weight, len(y))
    if weights is None:
        return Sums(float(np.sum(right)), float(len(y)))
    exponent, weights = scale_exponent(weights), moderate(weights)
    return Sums(float(right @ weights), float(weights.sum()), exponent=exponent)


class ScoredByAccuracy:
    """A classifier whose `score` takes all labels and weights that its `fit` takes."""

    def score(self, X: MatrixLike, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows, by weight, predicted correctly.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.
        y : array-like of shape (n,)
            The true labels. One that is not in `classes_` counts as a wrong prediction.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows; None for ones.

        Returns
        -------
        float
            Between 0 and 1; 1 if all labels are predicted.
        """
        check_given(y, "score")
        return right_predictions(self, X, y, sample_weight).mean()


class LogitClassifier(
    LossParameters,
    VersionedPickle,
    WholeFits,
    ScoredByAccuracy,
    ClassifierMixin,
    BaseEstimator,
):
    """A classifier that predicts from logits; a subclass computes them.

    `posterior` tells whether `predict_proba` undoes what the loss did or returns the
    softmax.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The labels, in the order of the columns of `predict_proba`.
    trained_loss_ : TrainedLoss
        A named tuple of what `predict_proba` corrects for: loss, with parameters in the
        order of the classes; class_weight (ndarray of shape (K,), or None);
        label_smoothing.
    n_features_in_ : int
        The number of columns of X in `fit`.
    feature_names_in_ : ndarray of shape (d,)
        The names of the columns, if X in `fit` has names that are all strings.
    """

    # predict_log_proba is computed in log space: scorers need not clip it.
    log_proba_is_exact = True

    class_weight: Any
    posterior: bool
    classes_: NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    trained_loss_: TrainedLoss

    def decision_function(self, X: MatrixLike) -> Floats:
        """Return the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n, K), or (n,) for two classes
            For two classes the log-odds of the second.
        """
        check_is_fitted(self)
        z = self._in_one_pass(X, "logit")
        if z is None:
            z = self._logits(self._checked(X))
        return z[:, 0] if z.shape[1:] == (1,) else z

    def predict(self, X: MatrixLike) -> NDArray[Any]:
        """Return the class of the largest logit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n,)
            A label of `classes_` for each row.
        """
        return self._labels_of(self.decision_function(X))

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Return the class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n, K)
            A column for each of `classes_`.
        """
        return self._predicted(X, "probability")

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Return the logarithms of the class probabilities, computed in log space.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.

        Returns
        -------
        ndarray of shape (n, K)
            A column for each of `classes_`.
        """
        return self._predicted(X, "log probability")

    def _predicted(self, X: MatrixLike, form: Form) -> Floats:
        check_is_fitted(self)
        found = self._in_one_pass(X, form)
        if found is not None:
            return found
        return self._probabilities(self.decision_function(X), log=form != "probability")

    def _in_one_pass(self, X: Any, form: Form) -> Floats | None:
        """Return predictions of rows that are not checked, or None to check them.

        A subclass may do this without the logits of all rows in between.
        """
        return None

    def _checked(self, X: Any) -> Any:
        """Return X as `_logits` reads it."""
        return X

    @abstractmethod
    def _logits(self, X: Any) -> Floats:
        """Return the logits of rows that are checked: (n, K), (n, 1) or (n,)."""

    @property
    def _n_threads(self) -> int | None:
        """The threads of the kernels in predictions; None is all."""
        return None

    def _labels_of(self, z: Floats) -> NDArray[Any]:
        return self.classes_[codes_of_logits(z)]

    def _probabilities(self, z: Floats, log: bool) -> Floats:
        return self._trained().probabilities(
            z, posterior=self.posterior, log=log, n_threads=self._n_threads
        )

    def _compiled(self, form: Form) -> Any:
        """Return how the kernels make predictions of logits: see `TrainedLoss`."""
        if form == "logit":
            return ("cross_entropy",), None
        n_classes = len(self.classes_)
        return self._trained().compiled(n_classes, posterior=self.posterior)

    def _trained(self) -> TrainedLoss:
        trained = self.trained_loss_
        if not isinstance(trained, TrainedLoss) or not isinstance(trained.loss, Loss):
            raise ValueError(
                "trained_loss_ must hold a Loss of skxent.losses, got "
                f"{trained!r}. Fit the model again."
            )
        return trained


def training_weights(
    model: Any, classes: NDArray[Any], codes: NDArray[Any], sample_weight: Any
) -> NDArray[np.float64] | None:
    """Return the weights to train with, from the parameter `class_weight`."""
    return class_weights(
        model.class_weight,
        classes,
        codes=codes,
        sample_weight=sample_weight,
        positive=bool(model.posterior),  # which divides by them
        only_by_label=True,
    )
