"""Scorers of losses for cross-validation and searches."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from skxent.inputs.descriptions import documented
from skxent.kernels.checks import check_option
from skxent.losses._loss import Loss
from skxent.losses._shipped import CrossEntropy, Focal
from skxent.metrics._calibration_error import expected_calibration_error
from skxent.metrics._cross_entropy import multilabel_log_loss
from skxent.metrics._loss_scorer import LossScorer
from skxent.metrics._metric_scorer import MetricScorer, make_metric_scorer
from skxent.metrics._options import proper
from skxent.metrics._skill import d2_loss_score


@documented(LossScorer)
def make_loss_scorer(
    loss: str | Loss,
    *,
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    unseen_proba: float | None = None,
) -> LossScorer:
    """Return a scorer for cross_val_score, GridSearchCV and so on: minus the mean loss.

    It reads ``estimator.classes_``, so a fold whose test part lacks a class is scored
    over all classes. Where y has a label that the estimator was never trained on, that
    label gets the probability `unseen_proba` and a warning is given.

    Logits are scored where they are known to be logits, so that nothing is clipped: of
    skxent's own estimators (their predict_log_proba) and of scikit-learn's
    LogisticRegression and LogisticRegressionCV, also inside Pipelines, searches and
    FrozenEstimator. Any other classifier is scored by predict_proba, clipped as
    scikit-learn's log_loss clips.

    Only the log loss, without class weights and label smoothing, is a proper score: the
    true class probabilities have the best expected value of it. Focal, smoothed and
    class-weighted scores prefer other probabilities, and so may choose a model whose
    probabilities are worse; take them to follow a training loss, not to compare
    forecasts. ``scorer.proper`` tells which one is.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    LossScorer
        Higher is better: the score is minus the mean loss, in nats.

    Raises
    ------
    ValueError
        If an argument is outside its domain.

    See Also
    --------
    get_scorer : The ready scorers by name.
    skxent.metrics.evaluate_loss : The loss of predictions.

    Notes
    -----
    Where several metrics are scored at once, a scorer of skxent calls the prediction
    method of the estimator itself and does not share the predictions of the others.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skxent.losses import Focal
    >>> from skxent.scorers import make_loss_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = make_loss_scorer(Focal(gamma=1.0))
    >>> model = LogisticRegression(max_iter=1000)
    >>> bool((cross_val_score(model, X, y, scoring=scorer) < 0).all())
    True
    """
    return LossScorer(
        loss,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
        unseen_proba=unseen_proba,
    )


neg_log_loss_scorer: LossScorer = make_loss_scorer(CrossEntropy())
neg_focal_loss_scorer: LossScorer = make_loss_scorer(Focal(gamma=2.0))
neg_smoothed_log_loss_scorer: LossScorer = make_loss_scorer(
    CrossEntropy(), label_smoothing=0.1
)


@proper(True)
def d2_log_loss(y_true: Any, y_proba: Any, **keywords: Any) -> float:
    """Return the skill score of cross-entropy."""
    return d2_loss_score(CrossEntropy(), y_true, y_proba, **keywords)


SCORERS: dict[str, LossScorer | MetricScorer] = {
    "neg_log_loss": neg_log_loss_scorer,
    "neg_focal_loss": neg_focal_loss_scorer,
    "neg_smoothed_log_loss": neg_smoothed_log_loss_scorer,
    "neg_balanced_log_loss": make_loss_scorer(CrossEntropy(), class_weight="balanced"),
    "d2_loss": make_metric_scorer(d2_log_loss, greater_is_better=True),
    "neg_expected_calibration_error": make_metric_scorer(expected_calibration_error),
    "neg_multilabel_log_loss": make_metric_scorer(multilabel_log_loss, multilabel=True),
}


def get_scorer(name: str) -> LossScorer | MetricScorer:
    """Return a copy of the scorer of that name.

    Parameters
    ----------
    name : str
        "neg_log_loss", "neg_focal_loss" (γ = 2), "neg_smoothed_log_loss" (ε = 0.1),
        "neg_balanced_log_loss" (classes of the same total weight), "d2_loss" (the skill
        score of cross-entropy), "neg_expected_calibration_error" (15 bins of equal
        width) or "neg_multilabel_log_loss" (K indicators a row). "neg_log_loss",
        "d2_loss" and "neg_multilabel_log_loss" are proper, the others are not.

    Returns
    -------
    LossScorer or MetricScorer
        A scorer for ``scoring``, whose higher values are better.

    Raises
    ------
    ValueError
        If there is no scorer of that name.

    See Also
    --------
    make_loss_scorer : A scorer of any loss.
    make_metric_scorer : A scorer of any metric of probabilities.

    Examples
    --------
    >>> from skxent.scorers import get_scorer
    >>> get_scorer("neg_focal_loss")
    make_loss_scorer(Focal(gamma=2.0))
    """
    check_option("name", name, SCORERS)
    return deepcopy(SCORERS[name])
