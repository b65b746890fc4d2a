"""Losses as numbers: from labels and probabilities, or logits, to a score.

`evaluate_loss` makes a metric of any loss; the others are it with a loss, and what
follows from cross-entropy.
"""

from skxent.metrics._metrics import (
    cross_entropy,
    d2_loss_score,
    entropy,
    evaluate_loss,
    expected_calibration_error,
    focal_loss,
    kl_divergence,
    log_loss,
    multilabel_log_loss,
    smoothed_log_loss,
)

__all__ = [
    "cross_entropy",
    "d2_loss_score",
    "entropy",
    "evaluate_loss",
    "expected_calibration_error",
    "focal_loss",
    "kl_divergence",
    "log_loss",
    "multilabel_log_loss",
    "smoothed_log_loss",
]
