"""Losses of a set of rows as a whole: ratios of sums over all rows, not means."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, Unpack, get_args

from numpy.typing import ArrayLike

from skxent.inputs.descriptions import documented
from skxent.inputs.weights import check_sum
from skxent.kernels.checks import FRACTION, Interval, check_option
from skxent.metrics._options import LabelKeywords, Options, proper, takes
from skxent.metrics._overlap import overlap_and_focal, overlap_of, positive_code
from skxent.metrics._rows import rows_of

Average = Literal["binary", "macro", "none"]
FINITE, SHARE = Interval(0.0, 1e6, "both"), Interval(0.0, 1.0, "both")
# The domains of their parameters.
DOMAINS = {
    "soft_fbeta": {"beta": FINITE},
    "tversky": {"alpha": FINITE, "beta": FINITE},
    "unified_focal": {"delta": SHARE, "gamma": FRACTION, "focal_weight": SHARE},
}


def check_set_loss(loss: str, **parameters: float) -> None:
    """Raise a ValueError for parameters of a loss that are not allowed."""
    for name, value in parameters.items():
        DOMAINS[loss][name].check(name, value)
    if loss == "tversky" and not any(parameters.values()):
        raise ValueError("alpha and beta must not both be 0, got 0 and 0.")


@proper(False)
@takes(LabelKeywords)
def soft_fbeta_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    beta: float = 1.0,
    average: Average | None = None,
    pos_label: Any = None,
    **keywords: Unpack[LabelKeywords],
) -> Any:
    r"""Return one minus the F-beta score in which probabilities stand for predictions.

    .. math:: 1 - \frac{(1 + \beta^2) \sum_i w_i p_i y_i}
        {\sum_i w_i p_i + \beta^2 \sum_i w_i y_i}

    with the probability p of a class and y = 1 where it is the label, else 0. With
    beta=1 it is the soft Dice loss. For probabilities of 0 and 1 it is one minus
    :func:`sklearn.metrics.fbeta_score`.

    Parameters
    ----------
    {y_true}
    {y_proba}
    beta : float in [0, 1e6], default=1.0
        How many times as important recall is as precision.
    average : {"binary", "macro", "none"}, default=None
        "binary": the loss of `pos_label` among two classes. "macro": the mean of the
        losses of all classes, each counting the same. "none": the loss of each class.
        None: "binary" for two classes, "macro" for more.
    pos_label : label, default=None
        With "binary" the class whose loss is meant. None: the second.
    {keywords}

    Returns
    -------
    float, or ndarray of shape (K,) for average="none"
        Between 0 and 1. A class that has neither labels nor probability has loss 0.

    Raises
    ------
    ValueError
        If a value is NaN, probabilities are outside [0, 1], the number of columns is
        not that of the labels, a label is unknown, or an option is outside its domain.

    See Also
    --------
    tversky_loss : The same with weights of false positives and of false negatives.
    unified_focal_loss : A mixture with focal loss.

    Notes
    -----
    It is no proper score: it is least if every probability is 0 or 1. It is not a mean
    over rows either, so the mean over batches or folds is not the loss of all rows; nor
    is the loss of soft labels zero at p = y.

    References
    ----------
    Milletari, Navab, Ahmadi (2016). V-Net. arXiv 1606.04797.

    Examples
    --------
    >>> from skxent.metrics import soft_fbeta_loss
    >>> round(soft_fbeta_loss([0, 1, 1], [0.2, 0.7, 0.4]), 6)
    0.333333
    >>> round(soft_fbeta_loss([0, 1, 1], [0.2, 0.7, 0.4], beta=2.0), 6)
    0.408602
    """
    check_set_loss("soft_fbeta", beta=beta)
    square = float(beta) ** 2
    weights = 1 / (1 + square), square / (1 + square)
    return _tversky(y_true, y_proba, weights, (average, pos_label), Options(**keywords))


@proper(False)
@documented(soft_fbeta_loss)
@takes(LabelKeywords)
def tversky_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    average: Average | None = None,
    pos_label: Any = None,
    **keywords: Unpack[LabelKeywords],
) -> Any:
    r"""Return one minus the Tversky index of probabilities and labels.

    .. math:: 1 - \frac{\sum_i w_i p_i y_i}{\sum_i w_i p_i y_i
        + \alpha \sum_i w_i p_i (1 - y_i) + \beta \sum_i w_i (1 - p_i) y_i}

    with the probability p of a class and y = 1 where it is the label, else 0. alpha =
    beta = 1/2 is the soft Dice loss, alpha = beta = 1 the soft Jaccard loss.

    Parameters
    ----------
    {y_true}
    {y_proba}
    alpha : float in [0, 1e6], default=0.5
        The weight of false positives.
    beta : float in [0, 1e6], default=0.5
        The weight of false negatives.
    {parameters}
    {keywords}

    Returns
    -------
    float, or ndarray of shape (K,) for average="none"
        Between 0 and 1. A class whose denominator is zero has loss 0.

    Raises
    ------
    ValueError
        As for :func:`soft_fbeta_loss`, and if alpha and beta are both 0.

    See Also
    --------
    soft_fbeta_loss : The same for alpha = 1 / (1 + β²) and beta = β² / (1 + β²).

    Notes
    -----
    It is no proper score, nor a mean over rows: see :func:`soft_fbeta_loss`.

    References
    ----------
    Salehi, Erdogmus, Gholipour (2017). Tversky loss function for image segmentation
    using 3D fully convolutional deep networks. arXiv 1706.05721.

    Examples
    --------
    >>> from skxent.metrics import tversky_loss
    >>> round(tversky_loss([0, 1, 1], [0.2, 0.7, 0.4], alpha=1.0, beta=1.0), 6)
    0.5
    """
    check_set_loss("tversky", alpha=alpha, beta=beta)
    weights = float(alpha), float(beta)
    return _tversky(y_true, y_proba, weights, (average, pos_label), Options(**keywords))


@proper(False)
@takes(LabelKeywords)
def unified_focal_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    delta: float = 0.6,
    gamma: float = 0.5,
    focal_weight: float = 0.5,
    pos_label: Any = None,
    **keywords: Unpack[LabelKeywords],
) -> float:
    r"""Return the symmetric unified focal loss: focal loss and focal Tversky loss.

    .. math:: \lambda \frac{\sum_i w_i \delta_{y_i} (1 - p_{i y_i})^\gamma
        (-\log p_{i y_i})}{\sum_i w_i} + (1 - \lambda) \frac{1}{K} \sum_k
        (1 - T_k)^{1 - \gamma}

    with the Tversky index :math:`T_k` of class k, in which false negatives have the
    weight delta and false positives 1 - delta. Of two classes :math:`\delta_y` is delta
    for `pos_label` and 1 - delta for the other; with more classes it is 1/2.

    Parameters
    ----------
    {y_true}
    {y_proba}
    delta : float in [0, 1], default=0.6
        The weight of false negatives.
    gamma : float in [0, 1), default=0.5
        Above 0 easy rows count less, and classes that are nearly right count more.
    focal_weight : float in [0, 1], default=0.5
        The share λ of the focal loss.
    pos_label : label, default=None
        The rare one of two classes. None: the second.
    {keywords}

    Returns
    -------
    float
        At least 0; only the first part is in nats.

    Raises
    ------
    ValueError
        As for :func:`soft_fbeta_loss`.

    See Also
    --------
    focal_loss : The first part alone, without delta.
    tversky_loss : The second part alone, for gamma=0.

    Notes
    -----
    The exponents and weights are those of the authors' code. In the paper the exponents
    are written 1 - γ in the first part and γ in the second, which is the same for the
    default of both. The logarithm is clipped as in :func:`focal_loss`. The loss is no
    proper score.

    References
    ----------
    Yeung, Sala, Schönlieb, Rundo (2022). Unified Focal loss. Computerized Medical
    Imaging and Graphics 95. arXiv 2102.04525.

    Examples
    --------
    >>> from skxent.metrics import unified_focal_loss
    >>> round(unified_focal_loss([0, 1, 1], [0.2, 0.7, 0.4]), 6)
    0.400354
    """
    given = {"delta": delta, "gamma": gamma, "focal_weight": focal_weight}
    check_set_loss("unified_focal", **given)
    options = Options(**keywords)
    function = partial(overlap_and_focal, float(gamma), float(delta), pos_label)
    sums = rows_of(y_true, y_proba, options).sum(function, options)
    check_sum(sums.weight)
    index_loss = sums.tversky(1 - float(delta), float(delta))
    ratio = float((index_loss ** (1 - float(gamma))).mean())
    share = float(focal_weight)
    return share * sums.focal / sums.weight + (1 - share) * ratio


def _tversky(
    y_true: Any,
    y_proba: Any,
    weights: tuple[float, float],
    reported: tuple[Average | None, Any],
    options: Options,
) -> Any:
    """Return the Tversky loss for weights of false positives and negatives."""
    average, pos_label = reported
    if average is not None:
        check_option("average", average, get_args(Average))
    sums = rows_of(y_true, y_proba, options).sum(overlap_of, options)
    check_sum(sums.weight)
    losses = sums.tversky(*weights)
    if average is None:
        average = "binary" if len(losses) == 2 else "macro"
    if average == "binary":
        return float(losses[positive_code(sums.classes, pos_label)])
    if pos_label is not None:
        raise ValueError(
            f"pos_label must be None for average={average!r}, got {pos_label!r}."
        )
    return float(losses.mean()) if average == "macro" else losses
