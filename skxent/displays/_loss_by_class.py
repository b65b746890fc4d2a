"""The loss by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.displays._display import COLORS, PredictionDisplay, check_hard, text_color
from skxent.inputs.descriptions import documented
from skxent.inputs.labels import check_classes, encode_labels
from skxent.inputs.weights import check_sample_weight, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import Interval
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._losses import evaluate_loss

# More bars than this cannot be read.
MAX_BARS = 25


@documented()
@dataclass(eq=False, repr=False, kw_only=True)
class LossByClassDisplay(PredictionDisplay):
    """The share of every class in the loss, compared with its share of the rows.

    Create it by `from_predictions` or `from_estimator`. The dark part of a bar is the
    contribution of the hardest rows, a tenth of all by default. The mark is the share
    of the rows. At most 25 classes are drawn, those of the largest shares of the loss.

    Parameters
    ----------
    loss : Loss
        The loss that is shared out.
    classes : ndarray of shape (K,)
        The labels.
    loss_share, hardest_share, row_share : ndarray of shape (K,)
        The shares of each class in the loss, in the loss that the hardest rows have of
        it, and in the rows.
    hardest : float
        The share of the rows that are called hardest.

    Attributes
    ----------
    {attributes}
    bars_ : matplotlib BarContainer
        The shares of the classes in the loss.
    hardest_bars_ : matplotlib BarContainer
        The parts of them that the hardest rows have.
    marks_ : matplotlib Line2D
        The shares of the classes in the rows.

    See Also
    --------
    skxent.metrics.evaluate_loss : The loss of all classes together.

    Examples
    --------
    >>> from skxent.displays import LossByClassDisplay
    >>> y, proba = ["a", "a", "b", "b"], [0.5, 0.5, 0.5, 0.125]
    >>> LossByClassDisplay.from_predictions(y, proba).loss_share.round(3)
    array([0.333, 0.667])
    """

    loss: Loss
    classes: NDArray[Any]
    loss_share: Floats
    hardest_share: Floats
    row_share: Floats
    hardest: float

    @classmethod
    @documented(evaluate_loss, PredictionDisplay.plot)
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        loss: str | Loss = "cross_entropy",
        *,
        hardest: float = 0.1,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        from_logits: bool = False,
        ax: Any = None,
    ) -> Self:
        """Draw the shares of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.
        y_proba : array-like of shape (n, K) or (n,)
            Probabilities, or logits.
        loss : Loss or str, default="cross_entropy"
            The loss, or its name.
        hardest : float in [0, 1], default=0.1
            The share of the rows of the largest loss that are told apart.
        {parameters}

        Returns
        -------
        LossByClassDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            As for :func:`skxent.metrics.evaluate_loss`, and for soft labels, or if the
            loss of all rows together is zero or infinite.
        """
        loss = as_loss(loss)
        Interval(0.0, 1.0, "both").check("hardest", hardest)
        check_hard(y_true)
        given = None if labels is None else check_classes("labels", labels)
        weight = moderate(check_sample_weight(sample_weight, len(np.asarray(y_true))))
        value = evaluate_loss(
            loss,
            y_true,
            y_proba,
            labels=given,
            sample_weight=weight,
            from_logits=from_logits,
            reduction="none",
        )
        classes, codes = encode_labels(y_true, given, "y_true")
        total = float(value.sum())
        if not 0 < total < np.inf:
            raise ValueError(f"y_true must have a positive, finite loss, got {total}.")
        row = np.ones(len(value)) if weight is None else weight
        # The hardest rows are those of the largest loss, whatever their weight is.
        each = np.divide(value, row, out=np.zeros(len(value)), where=row > 0)
        last = np.argsort(-each, kind="stable")[round(hardest * len(value)) :]
        hard = value.copy()
        hard[last] = 0

        def share(values: Any, whole: float) -> Floats:
            return np.bincount(codes, values, len(classes)) / whole

        return cls(
            loss=loss,
            classes=classes,
            loss_share=share(value, total),
            hardest_share=share(hard, total),
            row_share=share(row, float(row.sum())),
            hardest=hardest,
        ).plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        drawn = np.argsort(-self.loss_share, kind="stable")[:MAX_BARS]
        drawn.sort()
        place = np.arange(len(drawn))
        color = COLORS[0]
        self.bars_: Any = ax.barh(
            place, self.loss_share[drawn], color=color, alpha=0.45, label="loss"
        )
        self.hardest_bars_: Any = ax.barh(
            place,
            self.hardest_share[drawn],
            color=color,
            label=f"of it, hardest {self.hardest:.0%} of rows",
        )
        self.marks_: Any = ax.plot(
            self.row_share[drawn],
            place,
            "D",
            color=text_color(),
            markersize=5,
            label="rows",
        )[0]
        ax.set_yticks(place, [str(label) for label in self.classes[drawn]])
        ax.invert_yaxis()
        ax.set(xlabel=f"share of {self.loss!r}, of the rows", ylabel="class")
        # A legend inside the axes could cover bars.
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize="small"
        )
