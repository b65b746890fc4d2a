"""Metrics of labels and predicted probabilities, or logits.

`evaluate_loss` makes a metric of any loss; the others are special cases of it, or
follow from cross-entropy. Each is a sum over rows and a last step, so that
`skxent.dask.metrics` are the same functions over blocks of rows.
"""

from skxent.metrics._calibration_error import expected_calibration_error
from skxent.metrics._cross_entropy import (
    cross_entropy,
    multilabel_log_loss,
    smoothed_log_loss,
)
from skxent.metrics._decomposition import decompose_loss
from skxent.metrics._information import entropy, kl_divergence
from skxent.metrics._label_issue_precision import (
    LabelIssuePrecision,
    label_issue_precision,
)
from skxent.metrics._label_issues import LabelIssues, rank_label_issues
from skxent.metrics._log_loss import log_loss
from skxent.metrics._losses import evaluate_loss, focal_loss
from skxent.metrics._set_losses import soft_fbeta_loss, tversky_loss, unified_focal_loss
from skxent.metrics._skill import d2_loss_score

__all__ = [
    "LabelIssuePrecision",
    "LabelIssues",
    "cross_entropy",
    "d2_loss_score",
    "decompose_loss",
    "entropy",
    "evaluate_loss",
    "expected_calibration_error",
    "focal_loss",
    "kl_divergence",
    "label_issue_precision",
    "log_loss",
    "multilabel_log_loss",
    "rank_label_issues",
    "smoothed_log_loss",
    "soft_fbeta_loss",
    "tversky_loss",
    "unified_focal_loss",
]
