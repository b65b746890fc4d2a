"""Scorers for scikit-learn, which use the classes of the estimator."""

from skxent.metrics._loss_scorer import LossScorer
from skxent.metrics._metric_scorer import MetricScorer, make_metric_scorer
from skxent.metrics._scorers import (
    get_scorer,
    make_loss_scorer,
    neg_focal_loss_scorer,
    neg_log_loss_scorer,
    neg_smoothed_log_loss_scorer,
)

__all__ = [
    "LossScorer",
    "MetricScorer",
    "get_scorer",
    "make_loss_scorer",
    "make_metric_scorer",
    "neg_focal_loss_scorer",
    "neg_log_loss_scorer",
    "neg_smoothed_log_loss_scorer",
]
