"""The skill score of a loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import UndefinedMetricWarning

from skxent.inputs.targets import Target
from skxent.inputs.weights import Sums
from skxent.kernels.checks import warn
from skxent.losses._compiled import spec_for
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._options import Options, SkillKeywords, proper, takes
from skxent.metrics._rows import (
    ScoredRows,
    loss_of_rows,
    moderated,
    read,
    rows_of,
    total,
)


@proper(None)
@takes(SkillKeywords)
def d2_loss_score(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    **keywords: Unpack[SkillKeywords],
) -> float:
    r"""Return the share of the loss of the best constant that predictions save (D²).

    .. math:: D^2 = 1 - \frac{\sum_i w_i \ell(y_i, p_i)}{\min_c \sum_i w_i \ell(y_i, c)}

    1 is perfect, and 0 no better than to predict the class frequencies for every row.

    Parameters
    ----------
    loss : str or Loss
        A Loss, or a name in :data:`skxent.losses.LOSSES` for that loss with its default
        parameters. Dicts among its parameters are of label to number.
    {y_true}
    {y_proba}
    {keywords}

    Returns
    -------
    float
        At most 1. NaN, with a warning, for fewer than two rows of positive weight.

    Raises
    ------
    ValueError
        As for :func:`evaluate_loss`, and if all rows have the same label.

    See Also
    --------
    sklearn.metrics.d2_log_loss_score : The score of cross-entropy.
    evaluate_loss : The loss itself.

    Notes
    -----
    On given rows models are ranked as by the loss. In this sense the score is proper if
    the loss is (``loss.proper``).

    As in all metrics of this module but :func:`log_loss`, `labels` give the order of
    the columns of y_proba. :func:`sklearn.metrics.d2_log_loss_score` takes the columns
    to be in sorted order whatever the order of `labels`, so it differs for labels that
    are not sorted. For sorted labels the two are the same for cross-entropy.

    Examples
    --------
    >>> from skxent.losses import CrossEntropy
    >>> from skxent.metrics import d2_loss_score
    >>> round(d2_loss_score(CrossEntropy(), [0, 1, 1], [0.2, 0.7, 0.6]), 6)
    0.428845
    """
    given = as_loss(loss)
    options = Options(**keywords)
    sums = rows_of(y_true, y_proba, options).sum(partial(_sums_of, given), options)
    if sums.n_weighted < 2:
        warn(
            "D^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
        )
        return float("nan")
    mass = sums.weight
    if np.count_nonzero(mass) < 2:
        raise ValueError(
            "y_true must have rows of two classes or more, got one: its frequency has "
            "no loss that predictions could save."
        )
    # A loss is linear in its target, so the target of all rows has their mean loss.
    share, weights = (mass / mass.sum())[np.newaxis], np.ones(len(mass))
    all_rows = Target(None, share, weights)
    resolved = given.for_classes(sums.classes)
    constant = resolved.best_constant_of(all_rows)
    raw = constant if len(mass) == 2 else constant[np.newaxis]
    best = mass.sum() * loss_of_rows(resolved, all_rows, raw)[0]
    return float(1 - sums.loss / best)


@dataclass(frozen=True)
class ClassSums(Sums):
    """Sums with the labels of the classes, which all blocks of rows have alike."""

    classes: Any = ()


def _sums_of(loss: Loss, rows: ScoredRows, options: Options) -> ClassSums:
    found = None
    scored = one_pass.labelled(rows, options)
    if scored is not None:
        _, target, classes, exponent = scored
        found = scored.score("loss", spec_for(loss.for_classes(classes), len(classes)))
    if found is None:
        raw, target, classes = read(rows, options)
        target, exponent = moderated(target)
        found = total(loss_of_rows(loss.for_classes(classes), target, raw)), 0.0
    n_weighted = _count_weighted(target)
    return ClassSums(float(found[0]), target.mass(), n_weighted, exponent, classes)


def _count_weighted(target: Target) -> int:
    """Return the number of rows of positive weight."""
    if not (target.class_weight > 0).all():
        return int(np.count_nonzero(target.row_weights()))
    weight = target.sample_weight
    return target.n_samples if weight is None else int(np.count_nonzero(weight))
