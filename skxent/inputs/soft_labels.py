"""Soft labels: rows of class probabilities, and those that another model predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from skxent.inputs.columns import by_code
from skxent.inputs.labels import as_array, check_codes
from skxent.inputs.rounding import is_half, sum_tolerance, within
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import (
    POSITIVE,
    Interval,
    as_reals,
    check_bool,
    check_is_data,
)

SEVERAL_LABELS = (
    " If a row may have several labels, pass multilabel=True to linear models and "
    "losses, score with multilabel_log_loss, and wrap others in MultiOutputClassifier."
)


def check_soft_labels(
    y: NDArray[Any], n_classes: int, dtype: Any, name: str = "y"
) -> Floats:
    """Return rows of K non-negative numbers that sum to one, up to rounding.

    Rows are not divided by their sums, but for those of float16, which are far off.
    """
    if y.shape[1] != n_classes:
        raise ValueError(f"{name} must have {n_classes} columns, got {y.shape[1]}.")
    given: Floats = as_reals(name, y, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = given @ np.ones(n_classes, given.dtype)  # not finite if an entry is not
        off = ~(np.abs(sums - 1) <= sum_tolerance(n_classes, y.dtype))
    soft = within(given, 0.0, np.inf)
    if soft is None or not np.isfinite(sums).all():
        raise ValueError(f"{name} must be finite and non-negative, got other values.")
    if off.any():
        indicators = not (soft % 1).any() and soft.max() == 1
        raise ValueError(
            f"{name} must have rows that sum to one, got {sums[off][0]:.6g}."
            + (SEVERAL_LABELS if indicators else "")
        )
    return soft / sums[:, np.newaxis] if is_half(y.dtype) else soft


def check_indicators(y: NDArray[Any], n_columns: int, dtype: Any, name: str) -> Floats:
    """Return rows of K numbers in [0, 1], for K independent labels."""
    if y.shape[1] != n_columns:
        raise ValueError(f"{name} must have {n_columns} columns, got {y.shape[1]}.")
    given: Floats = as_reals(name, y, dtype)
    soft = within(given)
    if soft is None:
        worst = given[~((given >= 0) & (given <= 1))][0]
        raise ValueError(f"{name} must be in [0, 1], got {worst}.")
    return soft


def distill(
    teacher: ArrayLike,
    *,
    temperature: float = 1.0,
    from_logits: bool = False,
    y: ArrayLike | None = None,
    teacher_weight: float = 1.0,
) -> NDArray[np.float64]:
    r"""Return soft labels from the predictions of another model.

    .. math:: t = (1 - \lambda)\, e_y + \lambda\, \mathrm{softmax}(z / T)

    with z the teacher's logits, or the logarithms of its probabilities. Fit the student
    to t with any loss. Hinton et al. (2015, arXiv 1503.02531) add two losses instead:
    that of the soft labels, in which the student's logits are divided by T as well and
    which is multiplied by T², and that of the hard labels at T = 1. At T = 1 the sum is
    the loss of this mixture; at other temperatures compute the two losses separately,
    with ``raw_prediction / T`` for the first.

    Parameters
    ----------
    teacher : array-like of shape (n, K)
        Probabilities, or logits with `from_logits`. Columns of a data frame that are
        named 0..K-1 are put into this order, others are taken in theirs.
    temperature : float in (0, inf), default=1.0
        The temperature T: above 1 it softens, below 1 it sharpens.
    from_logits : bool, default=False
        Whether teacher holds logits.
    y : array-like of shape (n,), default=None
        Codes in 0..K-1, to mix with the teacher.
    teacher_weight : float in [0, 1], default=1.0
        The share λ of the teacher. Below 1 it needs y.

    Returns
    -------
    ndarray of shape (n, K)
        Rows that sum to one.

    Raises
    ------
    ValueError
        If probabilities are outside [0, 1], y is needed and not given, or a number is
        outside its domain.

    See Also
    --------
    skxent.CrossEntropyClassifier : A student that is fitted to soft labels.
    skxent.torch.LossModule : The loss of a student that is a network.

    Examples
    --------
    >>> from skxent.targets import distill
    >>> distill([[0.9, 0.1]], temperature=2.0).round(2)
    array([[0.75, 0.25]])
    """
    POSITIVE.check("temperature", temperature)
    Interval(0.0, 1.0, "both").check("teacher_weight", teacher_weight)
    check_bool("from_logits", from_logits)
    check_is_data("teacher", teacher)
    z = as_reals("teacher", as_array(by_code(teacher), "teacher"))
    if z.ndim != 2 or not z.shape[1]:
        raise ValueError(f"teacher must be of shape (n, K), got {z.shape}.")
    if from_logits and np.isnan(z).any():
        raise ValueError("teacher must be logits without NaN, got other values.")
    if not from_logits:
        positive = within(z, 0.0, np.inf)
        if positive is None:
            raise ValueError(
                "teacher must be non-negative, without NaN, got other values."
            )
        z = positive
        with np.errstate(divide="ignore"):
            z = np.log(z)
    with np.errstate(invalid="ignore", over="ignore"):
        soft: NDArray[np.float64] = softmax(z / float(temperature), axis=1)
    if np.isnan(soft).any():
        raise ValueError("teacher must have a finite largest entry in every row.")
    if y is None:
        if teacher_weight != 1:
            raise ValueError(
                f"teacher_weight must be 1 without y, got {teacher_weight}."
            )
        return soft
    check_is_data("y", y)
    codes = check_codes(np.asarray(y), soft.shape[1])
    if codes.shape != (len(soft),):
        raise ValueError(f"y must be of shape ({len(soft)},), got {codes.shape}.")
    soft *= float(teacher_weight)
    soft[np.arange(len(soft)), codes] += 1 - float(teacher_weight)
    return soft
