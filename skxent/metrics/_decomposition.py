"""Where a loss comes from: miscalibration, discrimination and uncertainty."""

from __future__ import annotations

from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from skxent.inputs.columns import code_of
from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._probabilities import is_proper
from skxent.losses._shipped import as_loss
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._options import LabelKeywords, Options, takes
from skxent.metrics._recalibration import Predicted, least_loss, share_of
from skxent.metrics._rows import ScoredRows, mean_loss, mean_of, read, weighted_rows


class LossDecomposition(NamedTuple):
    """A mean loss as a sum: loss = miscalibration - discrimination + uncertainty.

    Attributes
    ----------
    loss : float
        The mean loss of the predictions.
    miscalibration : float
        What recalibration saves of it, at least 0.
    discrimination : float
        What the recalibrated predictions save of `uncertainty`.
    uncertainty : float
        The loss of the class frequencies.
    """

    loss: float
    miscalibration: float
    discrimination: float
    uncertainty: float


@takes(LabelKeywords)
def decompose_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    loss: str | Loss = "cross_entropy",
    pos_label: Any = None,
    **keywords: Unpack[LabelKeywords],
) -> LossDecomposition:
    r"""Decompose a mean loss into miscalibration, discrimination and uncertainty.

    .. math:: S = \underbrace{(S - S_C)}_{\text{miscalibration}}
        - \underbrace{(S_R - S_C)}_{\text{discrimination}}
        + \underbrace{S_R}_{\text{uncertainty}}

    with the mean loss S of the predictions, :math:`S_C` of the recalibrated ones and
    :math:`S_R` of the class frequencies. A perfectly calibrated model has a
    miscalibration near 0, and one that tells the classes apart a discrimination near
    the uncertainty.

    For two classes, or one against the rest, predictions are recalibrated by isotonic
    regression, the best of all maps that keep their order (the CORP decomposition).
    Then both terms are at least 0 for every proper loss. For more classes no such map
    is known that would be unique: logits are recalibrated by a scale and a shift for
    each class (vector scaling), which sees less miscalibration.

    Parameters
    ----------
    {y_true}
    {y_proba}
    loss : str or Loss, default="cross_entropy"
        A proper loss: its mean is least for the true class probabilities.
        "squared_error" is twice the Brier score of two classes.
    pos_label : label, default=None
        The class whose probability is judged against that of the rest. None: for two
        classes the second, for more all of them.
    {keywords}

    Returns
    -------
    LossDecomposition
        A named tuple: loss, miscalibration, discrimination, uncertainty, in nats for
        cross-entropy.

    Raises
    ------
    ValueError
        As for :func:`skxent.metrics.evaluate_loss`; if the loss is not proper; if
        pos_label is not among the labels.

    See Also
    --------
    expected_calibration_error : The gap between confidence and frequency.
    skxent.explain : The entropies behind a cross-entropy, and its most surprising rows.
    skxent.calibration.TemperatureScaling : A model whose miscalibration is reduced.

    Notes
    -----
    The recalibration has seen the labels that it is judged by. A perfectly calibrated
    model therefore has a small miscalibration, which falls with the number of rows.

    For more than two classes and more than 100,000 rows the sums are in float32:
    miscalibration and discrimination are exact to about what chance saves.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021). Stable reliability diagrams for probabilistic
    classifiers. PNAS 118(8), doi 10.1073/pnas.2016191118.

    Examples
    --------
    >>> from skxent.metrics import decompose_loss
    >>> y, proba = [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9]
    >>> parts = decompose_loss(y, proba)
    >>> [round(part, 4) for part in parts]
    [0.5108, 0.1643, 0.3466, 0.6931]
    """
    options, scored = Options(**keywords), as_loss(loss)
    rows = ScoredRows(y_true, y_proba, options.sample_weight)
    found = _in_one_pass(scored, rows, options) if pos_label is None else None
    found = _from_logits(scored, rows, options, pos_label) if found is None else found
    scored, target, predicted, total = found
    # No recalibration is one of the maps, but rounding may make `least` exceed `total`.
    least = min(least_loss(scored, target, predicted), total)
    uncertainty = _uncertainty(scored, target)
    return LossDecomposition(total, total - least, uncertainty - least, uncertainty)


# A proper loss, the labels with class weights in those of rows, predictions, the mean.
Scored = tuple[Loss, Target, Predicted, float]


def _in_one_pass(loss: Loss, rows: ScoredRows, options: Options) -> Scored | None:
    quick = one_pass.labelled(rows, options)
    if quick is None:
        return None
    loss = _proper(loss, quick.classes)
    sums = quick.loss(loss, options)
    if sums is None:
        return None
    check_sum(sums.total_weight())
    predicted = Predicted.of_probabilities(quick.table.array)
    total = mean_of(sums.value, sums.total_weight())
    return loss, quick.target.with_row_weights(), predicted, total


def _from_logits(
    loss: Loss, rows: ScoredRows, options: Options, pos_label: Any
) -> Scored:
    raw, target, classes = read(rows, options)
    check_sum(target.total_weight())
    raw, target = weighted_rows(raw, target)
    if pos_label is not None:
        raw, target = _one_against_the_rest(raw, target, code_of(pos_label, classes))
    loss = _proper(loss, classes if pos_label is None else None)
    return loss, target, Predicted.of_logits(raw), mean_loss(loss, target, raw)


def _proper(loss: Loss, classes: Any) -> Loss:
    """Return the loss for the classes, None for one against the rest, if proper."""
    found = loss if classes is None else loss.for_classes(classes)
    if not is_proper(found, 2 if classes is None else len(classes)):
        raise ValueError(
            f"loss must be proper, such as 'cross_entropy' or 'squared_error', got "
            f"{found!r}: its mean is not least for the true class probabilities."
        )
    return found


def _one_against_the_rest(raw: Floats, target: Target, c: int) -> tuple[Floats, Target]:
    """Return the log-odds of class c, and the target of two classes."""
    logits = np.stack([np.zeros_like(raw), raw], axis=1) if raw.ndim == 1 else raw
    with np.errstate(invalid="ignore"):
        margin = logits[:, c] - logsumexp(np.delete(logits, c, axis=1), axis=1)
    t = share_of(target, c)
    y = t.astype(np.intp) if target.codes is not None else np.stack([1 - t, t], axis=1)
    return margin, make_target(y, len(t), 2, sample_weight=target.row_weights())


def _uncertainty(loss: Loss, target: Target) -> float:
    """Return the mean loss if the class frequencies are predicted for every row."""
    mass = target.moderate().mass()
    K = len(mass)
    with np.errstate(divide="ignore"):
        z = np.log(mass / mass.sum())
    z = np.tile(z, (K, 1)) if K > 2 else np.repeat(z[1] - z[0], 2)
    return mean_loss(loss, make_target(np.arange(K), K, K, sample_weight=mass), z)
