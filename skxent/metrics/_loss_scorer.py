"""A loss as a scorer of scikit-learn that knows the classes of what it scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.columns import soft_by_class
from skxent.inputs.labels import as_labels, check_same_type, encode_labels, is_soft
from skxent.inputs.rounding import within
from skxent.inputs.tables import check_logits, is_sorted, logits_of
from skxent.inputs.targets import Target
from skxent.inputs.weights import by_label, check_sample_weight, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, Interval, warn
from skxent.losses._loss import Loss
from skxent.losses._probabilities import is_proper, softmax
from skxent.losses._shipped import as_loss
from skxent.metrics._log_loss import log_loss
from skxent.metrics._options import Options
from skxent.metrics._predictions import (
    classes_of_estimator,
    final_estimator,
    has_logits,
    predict_by_class,
)
from skxent.metrics._rows import mean_loss, prepare_target
from skxent.metrics._scorer import ProbabilityScorer


class LossScorer(ProbabilityScorer):
    """A scorer that returns minus a loss: see :func:`make_loss_scorer`.

    Parameters
    ----------
    loss : str or Loss
        A Loss, or a name in :data:`skxent.losses.LOSSES` for that loss with its default
        parameters. Dicts among its parameters are of label to number.
    label_smoothing : float in [0, 1), default=0
        Smooth the labels that are scored against.
    class_weight : dict or Series of label to weight, or "balanced", default=None
        Weights of the classes, on top of those of the rows, 1 for those that a dict
        leaves out. "balanced" gives every class that y has the same total weight: the
        class-balanced log loss. Weights of classes that a fold has neither in training
        nor in y are not used there; if others have none, a misspelt label may be the
        reason, and a warning is given.
    unseen_proba : float in (0, 1), default=None
        The probability of labels that the estimator was never trained on. None: eps of
        float64, which is what scikit-learn's clipping makes of zero. A row of such a
        label then costs 36 nats, which can dominate the mean over the folds: choose a
        larger value, or folds that have all labels, where that matters.

    Attributes
    ----------
    proper : bool
        Whether the true class probabilities have the best expected score.

    See Also
    --------
    make_loss_scorer : The function that makes one, and says how it scores.
    MetricScorer : A scorer of a metric of probabilities.

    Examples
    --------
    >>> from skxent.scorers import LossScorer
    >>> LossScorer("cross_entropy").proper, LossScorer("focal").proper
    (True, False)
    """

    loss: Loss

    def __init__(
        self,
        loss: str | Loss,
        *,
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        unseen_proba: float | None = None,
    ) -> None:
        FRACTION.check("label_smoothing", label_smoothing)
        if unseen_proba is not None:
            Interval(0.0, 1.0, "neither").check("unseen_proba", unseen_proba)
        super().__init__(-1)
        self.loss = as_loss(loss)
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.unseen_proba = unseen_proba

    @property
    def proper(self) -> bool:
        """Return True if the class probabilities have the best expected score."""
        return self.loss.proper and self._is_plain

    def is_proper_for(self, n_classes: int) -> bool:
        # `proper`, or whether it is so for this number of classes alone.
        return is_proper(self.loss, n_classes) and self._is_plain

    @property
    def _is_plain(self) -> bool:
        return self.class_weight is None and not self.label_smoothing

    def __repr__(self) -> str:
        settings = [repr(self.loss)]
        if self.label_smoothing:
            settings.append(f"label_smoothing={self.label_smoothing}")
        if self.class_weight is not None:
            settings.append(f"class_weight={self.class_weight!r}")
        if self.unseen_proba is not None:
            settings.append(f"unseen_proba={self.unseen_proba}")
        return f"make_loss_scorer({', '.join(settings)})"

    def _score(
        self,
        method_caller: Any,
        estimator: Any,
        X: Any,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        classes = classes_of_estimator(estimator)
        y_true = as_labels(soft_by_class(y_true, classes, "y_true"), "y_true")
        labels, unseen = labels_and_unseen(y_true, classes)
        # Not through method_caller: scikit-learn's cache of a multimetric scorer holds
        # the column, or the sign, that the first scorer asked for.
        model = final_estimator(estimator)
        if hasattr(model, "log_proba_is_exact"):
            raw = predict_by_class(estimator, "predict_log_proba", X)
        elif has_logits(model):
            raw = predict_by_class(estimator, "decision_function", X)
        else:
            proba = predict_by_class(estimator, "predict_proba", X)
            plain = not unseen.any() and len(classes) > 1 and not self.label_smoothing
            plain = plain and not is_soft(y_true) and self.class_weight is None
            if plain and self.loss.is_log_loss:
                return -_log_loss_of(y_true, labels, proba, classes, sample_weight)
            raw = logits_of(proba) if len(classes) > 1 else np.zeros(proba.shape)
        if unseen.any():
            raw, classes = self._extend(raw, classes, labels[unseen])
        elif len(classes) == 1:
            return 0.0
        raw = check_logits(raw)
        target = self._target(y_true, raw, classes, sample_weight)
        return -mean_loss(self.loss.for_classes(classes), target, raw)

    def scoring_of(
        self,
        y_true: ArrayLike,
        classes: NDArray[Any],
        sample_weight: ArrayLike | None = None,
    ) -> Callable[[Floats], float] | None:
        """Return a function from log-probabilities of these rows to their score.

        A search scores many models of the same rows with it.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, K)
            Labels, or soft labels.
        classes : ndarray of shape (K,)
            The labels of the columns of the log-probabilities.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows; None for ones.

        Returns
        -------
        callable or None
            None if y_true has labels that `classes` lack.
        """
        if labels_and_unseen(y_true, classes)[1].any():
            return None
        targets: dict[Any, Target] = {}
        loss = self.loss.for_classes(classes)

        def score(raw: Floats) -> float:
            raw = check_logits(raw)
            if raw.dtype not in targets:
                target = self._target(y_true, raw, classes, sample_weight)
                targets[raw.dtype] = target
            return -mean_loss(loss, targets[raw.dtype], raw)

        return score

    def _target(
        self, y_true: Any, raw: Floats, classes: NDArray[Any], sample_weight: Any
    ) -> Target:
        options = Options(
            self.label_smoothing,
            labels=classes,
            class_weight=self._known_weights(y_true, classes),
        )
        return prepare_target(y_true, raw, sample_weight, options)[0]

    def _known_weights(self, y_true: Any, classes: NDArray[Any]) -> Any:
        """Return class_weight without classes that neither training nor y_true has."""
        given, labels = by_label(self.class_weight), classes.tolist()
        if not isinstance(given, Mapping) or is_soft(y_true):
            return given
        unknown = [label for label in given if label not in labels]
        text = {isinstance(label, str) for label in labels}
        if any(isinstance(label, str) not in text for label in unknown):
            return given  # no label of these data, so an error
        known = {label: given[label] for label in labels if label in given}
        # If every class has a weight, no label is misspelt.
        if unknown and len(known) < len(labels):
            warn(
                f"class_weight has {unknown}, which neither the estimator nor y_true "
                "has: not used here."
            )
        return known

    def _extend(
        self, raw: Floats, classes: NDArray[Any], unseen: NDArray[Any]
    ) -> tuple[Floats, NDArray[Any]]:
        """Return logits with a column for each label that training did not have."""
        if raw.ndim == 1:
            raw = np.column_stack([np.zeros_like(raw), raw])
        proba = self.unseen_proba or float(np.finfo(np.float64).eps)
        if len(unseen) * proba >= 1:
            raise ValueError(
                f"unseen_proba must be a number in (0, {1 / len(unseen):g}) for "
                f"{len(unseen)} unseen labels, got {proba}."
            )
        warn(
            f"The estimator was not trained on {unseen.tolist()}, which y_true has. "
            f"Their probability is taken to be {proba:.3g} (unseen_proba)."
        )
        if len(classes) > 1:
            raw = softmax(raw, log=True)
        log_proba = raw + np.log1p(-len(unseen) * proba)
        extra = np.full((len(raw), len(unseen)), np.log(proba))
        return np.hstack([log_proba, extra]), np.concatenate([classes, unseen])


def labels_and_unseen(
    y_true: Any, classes: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the labels of y_true, and which of them `classes` lack."""
    if is_soft(y_true):
        return classes, np.zeros(len(classes), bool)
    labels, _ = encode_labels(y_true, name="y_true")
    check_same_type(labels, classes, "y_true")
    if np.array_equal(labels, classes):  # the usual case, and quicker than isin
        return labels, np.zeros(len(labels), bool)
    return labels, ~np.isin(labels, classes)


def _log_loss_of(
    y_true: Any,
    labels: NDArray[Any],
    proba: Floats,
    classes: NDArray[Any],
    sample_weight: Any,
) -> float:
    """Return the drop-in log loss, which takes columns to be in sorted order."""
    if not is_sorted(classes):
        order = np.argsort(classes)
        proba, classes = proba[:, order], classes[order]
    clipped = within(proba)
    proba = proba if clipped is None else clipped  # log_loss raises for the others
    return log_loss(
        y_true,
        proba[:, 1] if len(classes) == 2 else proba,
        sample_weight=moderate(check_sample_weight(sample_weight, len(proba))),
        labels=None if len(labels) == len(classes) else classes,
    )
