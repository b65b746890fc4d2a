"""Losses as scikit-learn scorers that know the classes of what they score."""

from skxent.metrics._loss_scorer import LossScorer
from skxent.metrics._scorers import (
    get_scorer,
    make_loss_scorer,
    neg_focal_loss_scorer,
    neg_log_loss_scorer,
    neg_smoothed_log_loss_scorer,
)

__all__ = [
    "LossScorer",
    "get_scorer",
    "make_loss_scorer",
    "neg_focal_loss_scorer",
    "neg_log_loss_scorer",
    "neg_smoothed_log_loss_scorer",
]
