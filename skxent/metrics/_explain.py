"""Explain the cross-entropy of labels and probabilities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from skxent.inputs.labels import encode_labels, refuse_missing
from skxent.inputs.tables import codes_of_logits
from skxent.inputs.targets import Target
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_count
from skxent.losses._probabilities import softmax
from skxent.losses._shipped import CrossEntropy
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._explained_rows import LossShare, SurprisingRow
from skxent.metrics._explanation import Explanation
from skxent.metrics._options import LabelKeywords, Options, takes
from skxent.metrics._recalibration import Predicted, saving
from skxent.metrics._rows import ScoredRows, column_labels, read, weighted_rows

PARTS = 64  # of rows, for each of the largest that are looked for


@takes(LabelKeywords)
def explain(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_rows: int = 10,
    groups: ArrayLike | None = None,
    **keywords: Unpack[LabelKeywords],
) -> Explanation:
    r"""Explain a cross-entropy: its parts, baselines, and rows with the largest loss.

    .. math:: -\sum_k t_k \log p_k = H(t) + \mathrm{KL}(t \,\|\, p)

    The entropy H(t) of soft labels is the floor, and the divergence is what the
    predictions waste. Hard labels have H(t) = 0: their divergence contains the noise of
    the labels as well, so that even the true class probabilities have one.

    What recalibration saves of the divergence (:func:`decompose_loss`) is wasted for
    certain. Some of that is chance, for the recalibration is fitted to the same labels:
    what it saves on average of calibrated predictions is subtracted. For two classes
    that is found by labels drawn from the predictions, for more it is half a parameter
    for each row. The rest of the divergence is noise, or what the model does not know.

    The entropy of the predictions is the loss that they expect of themselves: if it is
    below the cross-entropy by more than chance, they are over-confident. Numbers after
    ± are standard errors.

    Parameters
    ----------
    {y_true}
    {y_proba}
    n_rows : int, default=10
        How many rows to list, those of the largest divergence. Rows of weight 0 are not
        listed.
    groups : array-like of shape (n,), default=None
        A column of any labels. The explanation says how much of the loss comes from the
        rows of each of them, as it does for each class.
    class_weight : dict, Series, array-like of shape (K,) or "balanced", default=None
        Weights of the labels: all numbers are then those of rows with these weights, in
        which even calibrated predictions waste something.
    {keywords}

    Returns
    -------
    Explanation
        Its numbers are attributes; print it to read them.

    Raises
    ------
    ValueError
        As for :func:`skxent.metrics.evaluate_loss`, if n_rows is not an integer of at
        least 0, or if groups are missing or of another length.

    See Also
    --------
    skxent.metrics.cross_entropy : The cross-entropy alone.
    skxent.metrics.decompose_loss : The same parts of any proper loss.
    skxent.metrics.d2_loss_score : The skill score of any loss.

    Examples
    --------
    >>> from skxent import explain
    >>> y = ["ham", "spam", "ham", "ham"]
    >>> print(explain(y, [0.1, 0.8, 0.3, 0.9], n_rows=2))
    4 rows of 2 classes              nats      bits
    cross-entropy                  0.7469    1.0776
    = entropy of the labels        0.0000    0.0000  the floor
    + KL divergence                0.7469    1.0776
      = wasted, miscalibrated      0.0404    0.0582  recalibration saves it, ± 0.63 bits
      + noise, or not known        0.7066    1.0194
    entropy of the predictions     0.4404    0.6353  over-confident by 0.4423 ± 0.8 bits
    class frequencies              0.5623    0.8113  skill -32.8%
    uniform, log K                 0.6931    1.0000
    class                         of rows   of loss      bits
    ham                             75.0%     92.5%    1.3295  ± 1
    spam                            25.0%      7.5%    0.3219
    row       label         predicted     p(label)      bits
    3         ham           spam               0.1     3.322
    2         ham           ham                0.7    0.5146
    """
    check_count("n_rows", n_rows, low=0)
    options = Options(**keywords)
    rows = ScoredRows(y_true, y_proba, options.sample_weight)
    given = _read(rows, options)
    target, names, loss = given.target, given.names, given.loss
    weight, mass = target.row_weights(), target.mass()
    check_sum(weight.max())
    saved = saving(target, given.predicted)
    if not weight.all():  # The loss of rows without weight may be infinite.
        loss[weight == 0] = saved.left[weight == 0] = 0
    saved_each = loss - saved.left
    if target.codes is not None:
        codes, surprise, floor = target.codes, loss, 0.0
        classwise = codes, weight, loss
    else:
        assert target.soft is not None
        codes, each_floor = codes_of_logits(target.soft), entr(target.soft).sum(axis=1)
        surprise, floor = loss - each_floor, float(weight @ each_floor / weight.sum())
        places = np.tile(np.arange(len(names)), len(loss))
        shares = target.soft * weight[:, np.newaxis]
        classwise = places, shares.ravel(), given.loss_of_classes.ravel()
    share = weight / weight.sum()
    order = _largest(surprise, weight, n_rows)
    proba, index = given.proba_of(order), _index_of(y_true, y_proba, groups)
    predicted = codes_of_logits(proba)
    found = Explanation(
        n_samples=int(np.count_nonzero(weight)),
        n_classes=target.n_classes,
        cross_entropy=float(share @ loss),
        label_entropy=floor,
        predicted_entropy=float(share @ given.expected),
        frequency_entropy=float(entr(mass / mass.sum()).sum()),
        gap_standard_error=_standard_error(loss - given.expected, share),
        miscalibration=float(share @ saved_each),
        chance_miscalibration=saved.chance,
        waste_standard_error=_standard_error(saved_each, share),
        rows=tuple(
            SurprisingRow(
                row=int(i),
                label=names[codes[i]],
                predicted=names[predicted[at]],
                proba=float(proba[at, codes[i]]),
                nats=float(surprise[i]),
                index=int(i) if index is None else index[i],
            )
            for at, i in enumerate(order)
        ),
        classes=_shares(names, *classwise),
    )
    if groups is None:
        return found
    if np.ndim(groups) != 1:
        shape = np.shape(groups)
        raise ValueError(f"groups must be of shape ({len(loss)},), got {shape}.")
    values, members = encode_labels(groups, name="groups")
    if values.dtype.kind == "f":
        refuse_missing(int(np.isnan(values[members]).sum()), "groups")
    if len(members) != len(loss):
        raise ValueError(f"groups must have {len(loss)} rows, got {len(members)}.")
    return replace(found, groups=_shares(values, members, weight, loss))


class _Given(NamedTuple):
    """Labels, predictions and losses of rows; class weights are in the row weights.

    loss, expected : ndarray of shape (n,)
        The cross-entropy of each row, and the entropy of its prediction.
    table : ndarray of shape (n, K) or (n, 1)
        The probabilities, or their logarithms.
    loss_of_classes : ndarray of shape (n, K)
        The loss of each class for soft labels, else None.
    """

    predicted: Predicted
    target: Target
    names: NDArray[Any]
    loss: Floats
    expected: Floats
    table: Floats
    loss_of_classes: Any = None

    def proba_of(self, rows: NDArray[np.intp]) -> Floats:
        """Return the probabilities (rows, K) of some rows."""
        table = self.table[rows]
        if self.predicted.in_logs:
            return np.exp(table)
        return np.column_stack([1 - table, table]) if table.shape[1] == 1 else table


def _read(rows: ScoredRows, options: Options) -> _Given:
    quick = one_pass.labelled(rows, options)
    if quick is not None and quick.target.codes is not None:
        target = quick.target.with_row_weights()
        each = replace(options, reduction="none")
        plain = quick._replace(target=replace(target, sample_weight=None))
        loss, entropy = plain.loss(CrossEntropy(), each), plain.losses("entropy", each)
        if loss is not None and entropy is not None:
            table = quick.table.array
            predicted = Predicted.of_probabilities(table)
            values = loss.value, entropy.value
            return _Given(predicted, target, quick.classes, *values, table)
    raw, target, names = read(rows, options)
    raw, target = weighted_rows(raw, target.moderate())
    table = softmax(raw, log=True)
    predicted, entropies = Predicted.of_logits(raw), entr(np.exp(table)).sum(axis=1)
    if target.codes is not None:
        value = -table[np.arange(len(table)), target.codes]
        return _Given(predicted, target, names, value, entropies, table)
    assert target.soft is not None
    labels, losses = column_labels(rows, options.labels), -table
    losses[target.soft == 0] = 0
    value = (target.soft * losses).sum(axis=1)
    return _Given(predicted, target, labels, value, entropies, table, losses)


def _largest(
    values: Floats, weight: NDArray[np.float64], count: int
) -> NDArray[np.intp]:
    """Return the indices of the largest values with weight, the largest first."""
    kept = np.arange(len(values)) if weight.all() else np.flatnonzero(weight)
    count = min(count, len(kept))
    if 0 < count < len(kept):
        some = values if len(kept) == len(values) else values[kept]
        # The largest of parts are few, and as many of all values are not below these.
        part = len(some) // (PARTS * count)
        if part > 1:
            tops = np.maximum.reduceat(some, np.arange(0, len(some), part))
            kept = kept[some >= np.partition(tops, -count)[-count]]
            some = values[kept]
        kept = kept[some >= np.partition(some, -count)[-count]]
    order = np.argsort(-values[kept], kind="stable")
    return kept[order[:count]]


def _index_of(*tables: Any) -> Any:
    """Return the index of the first pandas table, or None."""
    return next((table.index for table in tables if hasattr(table, "iloc")), None)


def _shares(
    names: NDArray[Any],
    codes: NDArray[np.intp],
    weight: NDArray[Any],
    value: NDArray[Any],
) -> tuple[LossShare, ...]:
    """Return the share of each name in a loss; those without weight are left out."""
    n = len(names)
    if not weight.all():
        kept = weight > 0
        codes, weight, value = codes[kept], weight[kept], value[kept]
    mass = np.bincount(codes, weight, n)
    loss = np.bincount(codes, weight * value, n)
    count = np.bincount(codes, minlength=n)
    # An infinite loss has no error; one row has none either.
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, row_share, loss_share = loss / mass, mass / mass.sum(), loss / loss.sum()
        deviation = value - mean.take(codes)
        deviation *= weight
        deviation /= mass.take(codes)
        deviation *= deviation
        square = np.bincount(codes, deviation, n) * count / (count - 1)
    error = np.sqrt(np.where(count > 1, square, np.nan))
    return tuple(
        LossShare(names[k], *map(float, numbers))
        for k, numbers in enumerate(
            zip(row_share, loss_share, mean, error, strict=True)
        )
        if mass[k] > 0
    )


def _standard_error(values: Floats, share: Floats) -> float:
    """Return the standard error of the mean with weights `share`, which sum to one."""
    n = np.count_nonzero(share)
    if n < 2:
        return float("nan")
    with np.errstate(invalid="ignore"):  # The loss of a certain error is infinite.
        deviation = values - share @ values
        deviation *= share
        return float(np.sqrt(deviation @ deviation * n / (n - 1)))
