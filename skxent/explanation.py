"""A cross-entropy in the terms that people ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from skxent._encoding import encode_labels
from skxent._evaluate import prepare_target
from skxent._tables import align, column_names, logits_from
from skxent._validation import check_count
from skxent._weights import check_sum
from skxent.losses import CrossEntropy

__all__ = ["Explanation", "SurprisingRow", "explain"]

BIT = float(np.log(2))  # in nats


class SurprisingRow(NamedTuple):
    """A row that the prediction did not expect; `nats` is its KL divergence."""

    row: int
    label: Any
    predicted: Any
    proba: float
    nats: float


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` found; made to be printed. Entropies are in nats a row."""

    n_samples: int
    n_classes: int
    cross_entropy: float
    label_entropy: float
    predicted_entropy: float
    frequency_entropy: float
    rows: tuple[SurprisingRow, ...]
    confidence_error: float = float("nan")
    """Standard error of the cross-entropy less the entropy of the predictions."""

    @property
    def kl_divergence(self) -> float:
        """Cross-entropy less the entropy of the labels.

        Hard labels have an entropy of 0, so that of these it holds the noise of the
        labels too, which no prediction avoids.
        """
        return self.cross_entropy - self.label_entropy

    @property
    def uniform_entropy(self) -> float:
        """log K: what it costs to know nothing."""
        return float(np.log(self.n_classes))

    @property
    def skill(self) -> float | None:
        """Share of the divergence of the class frequencies that is saved.

        1 is perfect; None if the frequencies have no divergence.
        """
        most = self.frequency_entropy - self.label_entropy
        return 1 - self.kl_divergence / most if most > 0 else None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What notebooks show."""
        printer.text(str(self))

    def __str__(self) -> str:
        gap = (self.cross_entropy - self.predicted_entropy) / BIT
        confidence = (
            f"{'over' if gap > 0 else 'under'}-confident by {abs(gap):.4f} bits"
            f" ±{self.confidence_error / BIT:.2f}"
        )
        skill = "no skill score" if self.skill is None else f"skill {self.skill:.1%}"
        title = f"{self.n_samples} rows of {self.n_classes} classes"
        lines = [f"{title:<28}{'nats':>9}{'bits':>10}"]
        for name, nats, remark in (
            ("cross-entropy", self.cross_entropy, ""),
            ("= entropy of the labels", self.label_entropy, "the floor"),
            ("+ KL divergence", self.kl_divergence, "above the floor"),
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


def explain(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_rows: int = 10,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    from_logits: bool = False,
) -> Explanation:
    r"""Take a cross-entropy apart: baselines, skill, the most surprising rows.

    .. math:: -\sum_k t_k \log p_k = H(t) + \mathrm{KL}(t \,\|\, p)

    The entropy H(t) of the labels is the floor: 0 for hard labels, whose noise is then
    part of the divergence, also of the true probabilities. The entropy of the
    predictions is the loss that they expect of themselves: below the cross-entropy they
    are over-confident, if the difference is large beside its standard error (±).

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, K)
        Labels of any type, or soft labels: rows of K numbers that sum to one.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities, a column for each label; (n,): of the second. A DataFrame whose
        columns are named by the labels goes by name. Clipped from below at eps of the
        dtype.
    n_rows : int, default=10
        How many rows to list, those of the largest divergence.
    labels : array-like of shape (K,), default=None
        All labels, in the order of the columns of y_proba; an estimator's `classes_`,
        say. None: those of y_true, sorted.
    sample_weight : array-like of shape (n,), default=None
        Rows of weight 0 are not listed.
    from_logits : bool, default=False
        y_proba holds logits; (n,): log-odds of the second class.

    Returns
    -------
    Explanation
        Its numbers are attributes: print it to read them.

    Raises
    ------
    ValueError
        As :func:`skxent.metrics.evaluate_loss`; n_rows is no integer >= 0.

    Examples
    --------
    >>> from skxent import explain
    >>> y = ["ham", "spam", "ham", "ham"]
    >>> print(explain(y, [0.1, 0.8, 0.3, 0.9], n_rows=2))
    4 rows of 2 classes              nats      bits
    cross-entropy                  0.7469    1.0776
    = entropy of the labels        0.0000    0.0000  the floor
    + KL divergence                0.7469    1.0776  above the floor
    entropy of the predictions     0.4404    0.6353  over-confident by 0.4423 bits ±0.70
    class frequencies              0.5623    0.8113  skill -32.8%
    uniform, log K                 0.6931    1.0000
    row       label         predicted     p(label)      bits
    3         ham           spam               0.1     3.322
    2         ham           ham                0.7    0.5146
    """
    check_count("n_rows", n_rows, low=0)
    names: Any = column_names(y_true)
    y_true, y_proba = align(y_true, y_proba, labels)
    raw = logits_from(y_proba, from_logits)
    target = prepare_target(y_true, raw, labels=labels, sample_weight=sample_weight)
    weight = target.moderate().row_weights()
    check_sum(weight.max())
    share = weight / weight.sum()
    log_proba = CrossEntropy().predict_log_proba(raw.astype(np.float64, copy=False))
    rows = np.arange(len(raw))
    if labels is not None:
        names = np.asarray(labels)
    if target.codes is None:
        assert target.soft is not None
        codes = target.soft.argmax(axis=1)
        names = np.arange(target.n_classes) if names is None else names
        floor = entr(target.soft).sum(axis=1)
        seen = np.where(target.soft > 0, log_proba, 0)
        loss = -(target.soft * seen).sum(axis=1)
    else:
        codes = target.codes
        names = encode_labels(y_true)[0] if labels is None else names
        floor, loss = np.zeros(len(raw)), -log_proba[rows, target.codes]
    frequency = np.bincount(codes, share, target.n_classes)
    if target.soft is not None:
        frequency = share @ target.soft
    expected = entr(np.exp(log_proba)).sum(axis=1)
    gap = loss - expected
    with np.errstate(invalid="ignore"):  # the loss of a certain error is infinite
        gap_variance = share**2 @ (gap - share @ gap) ** 2
    surprise = np.where(weight > 0, loss - floor, -np.inf)
    order = np.argsort(-surprise, kind="stable")[:n_rows]
    predicted = log_proba.argmax(axis=1)
    return Explanation(
        n_samples=int(np.count_nonzero(weight)),
        n_classes=target.n_classes,
        cross_entropy=float(share @ loss),
        label_entropy=float(share @ floor),
        predicted_entropy=float(share @ expected),
        frequency_entropy=float(entr(frequency).sum()),
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
        confidence_error=float(np.sqrt(gap_variance)),
    )
