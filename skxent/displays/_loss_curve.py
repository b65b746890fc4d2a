"""Losses and their slopes as curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from skxent.displays._display import (
    PredictionDisplay,
    as_losses,
    line_style,
    mark_range,
    true_class_range,
)
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option
from skxent.losses._loss import Loss
from skxent.metrics._losses import evaluate_loss

Quantity = Literal["loss", "gradient"]
Against = Literal["probability", "margin"]


@documented()
@dataclass(eq=False, repr=False, kw_only=True)
class LossCurveDisplay(PredictionDisplay):
    """Losses against the probability, or the margin, of the true class.

    Create it by `from_losses`, `from_predictions` or `from_estimator`. The shade is
    where eight in ten rows of the data are, and the line in it is their median.

    Parameters
    ----------
    losses : list of Loss
        A curve for each.
    x : ndarray of shape (points,)
        Probabilities or margins of the true class.
    curves : ndarray of shape (losses, points)
        Losses in nats, or slopes: minus their derivatives in the margin.
    quantity : {"loss", "gradient"}
        What the curves are.
    against : {"probability", "margin"}
        What x is.
    operating_range : sequence of 3 floats or None
        Where the data are: the quantiles 0.1, 0.5 and 0.9, in units of x.

    Attributes
    ----------
    {attributes}
    lines_ : list of matplotlib Line2D
        The curve of each loss.

    See Also
    --------
    ModulationDisplay : A loss for a range of its parameter.

    Examples
    --------
    >>> from skxent.displays import LossCurveDisplay
    >>> from skxent.losses import CrossEntropy, Focal
    >>> display = LossCurveDisplay.from_losses([CrossEntropy(), Focal(2.0)])
    >>> len(display.lines_)
    2
    """

    losses: Sequence[Loss]
    x: Floats
    curves: Floats
    quantity: Quantity
    against: Against
    operating_range: Sequence[float] | None = None

    @classmethod
    def from_losses(
        cls,
        losses: str | Loss | Iterable[str | Loss],
        *,
        quantity: Quantity = "loss",
        against: Against = "probability",
        operating_range: Sequence[float] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw losses.

        Parameters
        ----------
        losses : Loss, str or iterable of these
            Losses, or names in :data:`skxent.losses.LOSSES`. A loss that depends on the
            class has a curve for each class.
        quantity : {"loss", "gradient"}, default="loss"
            "gradient": minus the derivative in the margin, the pull of a row.
        against : {"probability", "margin"}, default="probability"
            What to draw the losses against.
        operating_range : sequence of 3 floats, default=None
            Shade the range between the outer two, and mark the middle one.
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        LossCurveDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            If an argument is outside its domain.
        """
        check_option("quantity", quantity, get_args(Quantity))
        check_option("against", against, get_args(Against))
        if operating_range is not None and np.shape(operating_range) != (3,):
            raise ValueError(
                f"operating_range must be None or 3 numbers, got {operating_range!r}."
            )
        given = [one for loss in as_losses(losses) for one in loss.each_class()]
        margin = logit(np.linspace(0.002, 0.998, 499))
        x = expit(margin)
        if against == "margin":
            x = margin = np.linspace(-6, 6, 481)
        one = np.ones(len(margin), dtype=np.intp)
        curves = [
            loss.loss(one, margin)
            if quantity == "loss"
            else -loss.gradient(one, margin)
            for loss in given
        ]
        return cls(
            losses=given,
            x=x,
            curves=np.array(curves),
            quantity=quantity,
            against=against,
            operating_range=operating_range,
        ).plot(ax=ax)

    @classmethod
    @documented(from_losses, evaluate_loss)
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        losses: str | Loss | Iterable[str | Loss] = ("cross_entropy", "focal"),
        *,
        labels: ArrayLike | None = None,
        from_logits: bool = False,
        quantity: Quantity = "loss",
        against: Against = "probability",
        ax: Any = None,
    ) -> Self:
        """Draw losses, and mark where predictions are on them.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.
        y_proba : array-like of shape (n, K) or (n,)
            Probabilities, or logits.
        losses : Loss, str or iterable of these
            Losses, or names in :data:`skxent.losses.LOSSES`.
        {parameters}

        Returns
        -------
        LossCurveDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            As for :func:`skxent.metrics.evaluate_loss`, and for soft labels.
        """
        where = true_class_range(
            y_true, y_proba, labels=labels, from_logits=from_logits
        )
        return cls.from_losses(
            losses,
            quantity=quantity,
            against=against,
            operating_range=list(logit(where)) if against == "margin" else where,
            ax=ax,
        )

    def _draw(self, ax: Any) -> None:
        if self.operating_range is not None:
            mark_range(ax, *self.operating_range)
        self.lines_: list[Any] = [
            ax.plot(self.x, curve, label=repr(loss), **line_style(number))[0]
            for number, (loss, curve) in enumerate(
                zip(self.losses, self.curves, strict=True)
            )
        ]
        what = "loss (nats)" if self.quantity == "loss" else "minus slope in the margin"
        ax.set(
            xlabel=f"{self.against} of the true class",
            ylabel=what,
            xlim=(self.x[0], self.x[-1]),
            ylim=(0, min(4.0, 1.05 * self.curves.max())),
        )
        ax.legend()
