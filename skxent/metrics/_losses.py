"""Any loss as a metric of labels and predictions."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack, overload

from numpy.typing import ArrayLike

from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import Focal, as_loss
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._options import (
    EachSmoothedLossKeywords,
    Options,
    SmoothedLossKeywords,
    proper,
    takes,
)
from skxent.metrics._rows import (
    RowLosses,
    ScoredRows,
    loss_of_rows,
    moderated,
    read,
    reduce_rows,
)


@overload
def evaluate_loss(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    **keywords: Unpack[EachSmoothedLossKeywords],
) -> Floats: ...
@overload
def evaluate_loss(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    **keywords: Unpack[SmoothedLossKeywords],
) -> float: ...
@proper(None)
@takes(SmoothedLossKeywords)
def evaluate_loss(
    loss: str | Loss, y_true: ArrayLike, y_proba: ArrayLike, **keywords: Any
) -> Any:
    r"""Return any loss of :mod:`skxent.losses` as a metric.

    .. math:: \frac{\sum_i w_i v_{y_i}\, \ell(y_i, p_i)}{\sum_i w_i v_{y_i}}

    with the weights w of the rows and v of the classes, and with the loss
    :math:`\ell(y, p) = \sum_k t_k\, \varphi_k(p)` of a row against its label, soft
    label or smoothed label t. It is a proper score if the loss is (``loss.proper``) and
    there are neither class weights nor smoothing.

    Parameters
    ----------
    loss : str or Loss
        A Loss, or a name in :data:`skxent.losses.LOSSES` for that loss with its default
        parameters. Parameters may be dicts of label to number, or K numbers in the
        order of the labels.
    {y_true}
    {y_proba}
    {keywords}

    {results}

    See Also
    --------
    log_loss : The drop-in replacement for scikit-learn's log loss.
    d2_loss_score : The share of the loss of a constant prediction that is saved.
    skxent.scorers.make_loss_scorer : The same loss as a scorer.

    Examples
    --------
    >>> from skxent.losses import Focal
    >>> from skxent.metrics import evaluate_loss
    >>> round(evaluate_loss(Focal(2.0), [0, 1, 1], [0.2, 0.7, 0.4]), 6)
    0.12363
    """
    losses = partial(losses_of, as_loss(loss))
    return reduce_rows(losses, y_true, y_proba, Options(**keywords))


def losses_of(loss: Loss, rows: ScoredRows, options: Options) -> RowLosses:
    """Return the loss of every row of a block."""
    quick = one_pass.losses(loss, rows, options)
    if quick is not None:
        return quick
    raw, target, classes = read(rows, options)
    target, exponent = moderated(target, options.reduction)
    target.check_range(raw.dtype)
    value = loss_of_rows(loss.for_classes(classes), target, raw)
    return RowLosses(value, target.total_weight, exponent)


@overload
def focal_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    gamma: float = 2.0,
    **keywords: Unpack[EachSmoothedLossKeywords],
) -> Floats: ...
@overload
def focal_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    gamma: float = 2.0,
    **keywords: Unpack[SmoothedLossKeywords],
) -> float: ...
@proper(False)
@takes(SmoothedLossKeywords)
def focal_loss(
    y_true: ArrayLike, y_proba: ArrayLike, *, gamma: float = 2.0, **keywords: Any
) -> Any:
    r"""Return the focal loss.

    .. math:: (1 - p_y)^\gamma (-\log p_y)

    for a row, averaged over the rows. It is not a proper score for gamma > 0:
    predictions other than the class probabilities may have a lower expected loss. For
    the class probabilities of a model trained with focal loss see
    :meth:`skxent.losses.Loss.posterior`.

    Parameters
    ----------
    {y_true}
    {y_proba}
    gamma : float in [0, 1e6], default=2.0
        The focusing parameter. gamma=0 is the log loss.
    {keywords}

    {results}

    See Also
    --------
    evaluate_loss : Any other loss as a metric.
    skxent.losses.Focal : The loss itself.

    Examples
    --------
    >>> from skxent.metrics import focal_loss
    >>> round(focal_loss([0, 1, 1], [0.2, 0.7, 0.4], gamma=2.0), 6)
    0.12363
    """
    losses = partial(losses_of, Focal(gamma))
    return reduce_rows(losses, y_true, y_proba, Options(**keywords))
