"""A cross-entropy explained: its parts, baselines and most surprising rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from skxent.inputs.tables import codes_of_logits
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_count
from skxent.losses._probabilities import softmax
from skxent.metrics._options import NameKeywords, Options, takes
from skxent.metrics._rows import ScoredRows, column_labels, read

BIT = float(np.log(2))  # in nats


class SurprisingRow(NamedTuple):
    """A row whose label was predicted with a low probability.

    Attributes
    ----------
    row : int
        Its place among the rows.
    label, predicted : label
        The label, and the label of the largest probability. Of soft labels, the one of
        the largest share.
    proba : float
        The predicted probability of the label.
    nats : float
        The KL divergence of the prediction from the label.
    """

    row: int
    label: Any
    predicted: Any
    proba: float
    nats: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """The parts of a cross-entropy; print it to read them. See :func:`explain`.

    Attributes
    ----------
    n_samples, n_classes : int
        The number of rows of positive weight, and of classes.
    cross_entropy, label_entropy, predicted_entropy, frequency_entropy : float
        In nats a row: the loss, and the entropies of the labels, of the predictions
        and of the class frequencies.
    gap_standard_error : float
        The standard error of ``cross_entropy - predicted_entropy``, the confidence gap;
        NaN for a single row.
    rows : tuple of SurprisingRow
        The rows of the largest divergence.
    """

    n_samples: int
    n_classes: int
    cross_entropy: float
    label_entropy: float
    predicted_entropy: float
    frequency_entropy: float
    gap_standard_error: float
    rows: tuple[SurprisingRow, ...]

    @property
    def kl_divergence(self) -> float:
        """Cross-entropy less the entropy of the labels.

        For soft labels, that hold the true class probabilities, this is what the
        predictions waste. Hard labels have no entropy, so it also contains the noise of
        the labels, which no prediction can save.
        """
        return self.cross_entropy - self.label_entropy

    @property
    def uniform_entropy(self) -> float:
        """Entropy of equal probabilities, log K."""
        return float(np.log(self.n_classes))

    @property
    def skill(self) -> float | None:
        """Share of the divergence of the class frequencies that is saved.

        1 is perfect. None if the class frequencies have no divergence.
        """
        largest = self.frequency_entropy - self.label_entropy
        return 1 - self.kl_divergence / largest if largest > 0 else None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print itself where a notebook shows it."""
        printer.text(str(self))

    def __str__(self) -> str:
        gap = (self.cross_entropy - self.predicted_entropy) / BIT
        error = ""
        if not np.isnan(self.gap_standard_error):
            error = f" ± {self.gap_standard_error / BIT:.2g}"
        confidence = (
            f"{'over' if gap > 0 else 'under'}-confident by {abs(gap):.4f}{error} bits"
        )
        skill = "no skill score" if self.skill is None else f"skill {self.skill:.1%}"
        waste = "wasted" if self.label_entropy > 0 else "noise and waste"
        title = f"{self.n_samples} rows of {self.n_classes} classes"
        lines = [f"{title:<28}{'nats':>9}{'bits':>10}"]
        for name, nats, remark in (
            ("cross-entropy", self.cross_entropy, ""),
            ("= entropy of the labels", self.label_entropy, "the floor"),
            ("+ KL divergence", self.kl_divergence, waste),
            ("entropy of the predictions", self.predicted_entropy, confidence),
            ("class frequencies", self.frequency_entropy, skill),
            ("uniform, log K", self.uniform_entropy, ""),
        ):
            line = f"{name:<28}{nats:>9.4f}{nats / BIT:>10.4f}  {remark}"
            lines.append(line.rstrip())
        if self.rows:
            lines.append(f"{'row':<10}{'label':<14}{'predicted':<14}p(label)      bits")
        for row, label, predicted, proba, nats in self.rows:
            name = f"{row:<10}{label!s:<14}{predicted!s:<14}"
            lines.append(f"{name}{proba:>8.3g}{nats / BIT:>10.4g}")
        return "\n".join(lines)


@takes(NameKeywords)
def explain(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_rows: int = 10,
    **keywords: Unpack[NameKeywords],
) -> Explanation:
    r"""Explain a cross-entropy: baselines, skill, confidence, most surprising rows.

    .. math:: -\sum_k t_k \log p_k = H(t) + \mathrm{KL}(t \,\|\, p)

    The entropy H(t) of soft labels is the floor, and the divergence is what the
    predictions waste. Hard labels have H(t) = 0: their divergence contains the noise of
    the labels as well, so that even the true class probabilities have one. The entropy
    of the predictions is the loss that they expect of themselves: if it is below the
    cross-entropy by more than chance, they are over-confident. The number after ± is
    the standard error of that difference.

    Parameters
    ----------
    {y_true}
    {y_proba}
    n_rows : int, default=10
        How many rows to list, those of the largest divergence. Rows of weight 0 are not
        listed.
    {keywords}

    Returns
    -------
    Explanation
        Its numbers are attributes; print it to read them.

    Raises
    ------
    ValueError
        As for :func:`skxent.metrics.evaluate_loss`, and if n_rows is not an integer of
        at least 0.

    See Also
    --------
    skxent.metrics.cross_entropy : The cross-entropy alone.
    skxent.metrics.d2_loss_score : The skill score of any loss.

    Examples
    --------
    >>> from skxent import explain
    >>> y = ["ham", "spam", "ham", "ham"]
    >>> print(explain(y, [0.1, 0.8, 0.3, 0.9], n_rows=2))
    4 rows of 2 classes              nats      bits
    cross-entropy                  0.7469    1.0776
    = entropy of the labels        0.0000    0.0000  the floor
    + KL divergence                0.7469    1.0776  noise and waste
    entropy of the predictions     0.4404    0.6353  over-confident by 0.4423 ± 0.8 bits
    class frequencies              0.5623    0.8113  skill -32.8%
    uniform, log K                 0.6931    1.0000
    row       label         predicted     p(label)      bits
    3         ham           spam               0.1     3.322
    2         ham           ham                0.7    0.5146
    """
    check_count("n_rows", n_rows, low=0)
    options = Options(**keywords)
    rows = ScoredRows(y_true, y_proba, options.sample_weight)
    raw, target, _ = read(rows, options)
    target = target.moderate()
    weight, mass = target.row_weights(), target.mass()
    check_sum(weight.max())
    log_proba = softmax(raw.astype(np.float64, copy=False), log=True)
    if target.codes is not None:
        codes, floor = target.codes, np.zeros(len(raw))
        loss = -log_proba[np.arange(len(raw)), codes]
    else:
        assert target.soft is not None
        codes, floor = codes_of_logits(target.soft), entr(target.soft).sum(axis=1)
        loss = -(target.soft * np.where(target.soft > 0, log_proba, 0)).sum(axis=1)
    expected = entr(np.exp(log_proba)).sum(axis=1)
    share, surprise = weight / weight.sum(), loss - floor
    order = np.argsort(np.where(weight > 0, -surprise, np.inf), kind="stable")[:n_rows]
    names, predicted = column_labels(rows, options.labels), codes_of_logits(log_proba)
    return Explanation(
        n_samples=int(np.count_nonzero(weight)),
        n_classes=target.n_classes,
        cross_entropy=float(share @ loss),
        label_entropy=float(share @ floor),
        predicted_entropy=float(share @ expected),
        frequency_entropy=float(entr(mass / mass.sum()).sum()),
        gap_standard_error=_standard_error(loss - expected, share),
        rows=tuple(
            SurprisingRow(
                row=int(i),
                label=names[codes[i]],
                predicted=names[predicted[i]],
                proba=float(np.exp(log_proba[i, codes[i]])),
                nats=float(surprise[i]),
            )
            for i in order
            if weight[i] > 0
        ),
    )


def _standard_error(values: Floats, share: Floats) -> float:
    """Return the standard error of the mean with weights `share`, which sum to one."""
    n = np.count_nonzero(share)
    if n < 2:
        return float("nan")
    with np.errstate(invalid="ignore"):  # The loss of a certain error is infinite.
        deviation = share * (values - share @ values)
        return float(np.sqrt(deviation @ deviation * n / (n - 1)))
