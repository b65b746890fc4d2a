"""Where the loss comes from."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.displays._common import COLORS, answers, get_axes, neutral
from skxent.inputs.labels import encode_labels
from skxent.inputs.tables import check_classes
from skxent.inputs.weights import check_sample_weight, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import Interval
from skxent.losses._shipped import Loss, as_loss
from skxent.metrics._losses import evaluate_loss

# More bars than this cannot be read: those of the largest shares are drawn.
MOST = 25


class LossByClassDisplay:
    """The share of every class in the loss, beside its share of the rows.

    Make it by `from_predictions` or `from_estimator`. The dark part of a bar is what
    the hardest rows contribute, a tenth of all by default; the mark is the share of the
    rows. At most 25 classes are drawn, those of the largest shares of the loss.

    Parameters
    ----------
    loss : Loss
    classes : ndarray of shape (K,)
    loss_share, hardest_share, row_share : ndarray of shape (K,)
        hardest_share is a part of loss_share.
    hardest : float
        The share of the rows that are called hardest.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    bars_, hardest_bars_ : matplotlib BarContainer
    marks_ : matplotlib Line2D

    Examples
    --------
    >>> from skxent.displays import LossByClassDisplay
    >>> y, proba = ["a", "a", "b", "b"], [0.5, 0.5, 0.5, 0.125]
    >>> LossByClassDisplay.from_predictions(y, proba).loss_share.round(3)
    array([0.333, 0.667])
    """

    ax_: Any  # these are matplotlib's
    figure_: Any
    bars_: Any
    hardest_bars_: Any
    marks_: Any

    def __init__(
        self,
        *,
        loss: Loss,
        classes: NDArray[Any],
        loss_share: Floats,
        hardest_share: Floats,
        row_share: Floats,
        hardest: float,
    ) -> None:
        self.loss = loss
        self.classes = classes
        self.loss_share = loss_share
        self.hardest_share = hardest_share
        self.row_share = row_share
        self.hardest = hardest

    @classmethod
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
        y_proba : array-like of shape (n, K) or (n,)
        loss : Loss or str, default="cross_entropy"
        hardest : float in [0, 1], default=0.1
            The share of the rows, those of the largest loss, to tell apart.
        labels, sample_weight, from_logits
            See :func:`skxent.metrics.evaluate_loss`.
        ax : matplotlib Axes, default=None
            None: of a new figure.

        Returns
        -------
        LossByClassDisplay
        """
        loss = as_loss(loss)
        Interval(0.0, 1.0, "both").check("hardest", hardest)
        if np.ndim(y_true) != 1:
            raise ValueError(f"y_true must be of shape (n,), got {np.shape(y_true)}.")
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
        # Ranked by the loss alone, whatever the rows weigh.
        each = np.divide(value, row, out=np.zeros(len(value)), where=row > 0)
        last = np.argsort(-each, kind="stable")[round(hardest * len(value)) :]
        hard = value.copy()
        hard[last] = 0

        def share(values: Any, whole: float) -> Floats:
            return np.bincount(codes, values, len(classes)) / whole

        display = cls(
            loss=loss,
            classes=classes,
            loss_share=share(value, total),
            hardest_share=share(hard, total),
            row_share=share(row, float(row.sum())),
            hardest=hardest,
        )
        return display.plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        loss: str | Loss = "cross_entropy",
        *,
        hardest: float = 0.1,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the shares of a fitted classifier's predictions.

        Parameters
        ----------
        estimator : fitted classifier
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,)
        loss, hardest, sample_weight, ax
            See `from_predictions`.

        Returns
        -------
        LossByClassDisplay
        """
        proba, classes = answers(estimator, X)
        return cls.from_predictions(
            y,
            proba,
            loss,
            hardest=hardest,
            labels=classes,
            sample_weight=sample_weight,
            ax=ax,
        )

    def plot(self, ax: Any = None) -> Self:
        """Draw it, again if need be, on other axes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        LossByClassDisplay
        """
        ax = get_axes(ax)
        drawn = np.argsort(-self.loss_share, kind="stable")[:MOST]
        drawn.sort()
        place = np.arange(len(drawn))
        color = COLORS[0]
        self.bars_ = ax.barh(
            place, self.loss_share[drawn], color=color, alpha=0.45, label="loss"
        )
        self.hardest_bars_ = ax.barh(
            place,
            self.hardest_share[drawn],
            color=color,
            label=f"of it, hardest {self.hardest:.0%} of rows",
        )
        (self.marks_,) = ax.plot(
            self.row_share[drawn],
            place,
            "D",
            color=neutral(),
            markersize=5,
            label="rows",
        )
        ax.set_yticks(place, [str(label) for label in self.classes[drawn]])
        ax.invert_yaxis()
        ax.set(xlabel=f"share of {self.loss!r}, of the rows", ylabel="class")
        # No corner is sure to be free of bars.
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize="small"
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self
