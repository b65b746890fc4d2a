"""From the output of a model to the class probability that it implies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from skxent._calibration_error import Bins, bin_columns, check_bins, outcomes
from skxent._validation import FRACTION
from skxent.displays._common import answers, as_losses, get_axes, line_style, neutral
from skxent.losses import Loss
from skxent.targets import Floats


class PosteriorDisplay:
    """Class probability against the softmax output of a minimiser, for two classes.

    Make it by `from_losses`, `from_predictions` or `from_estimator`. The points of the
    latter two are how often the second class came true, in bins of the output: of a
    model that reaches the minimum of a loss they lie on the curve of that loss.

    Parameters
    ----------
    settings : list of (Loss, float)
        Losses with their label smoothing.
    output : ndarray of shape (points,)
        Softmax outputs for the second class.
    curves : ndarray of shape (settings, points)
        Class probabilities.
    bins : Bins or None
        The points.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    lines_ : list of matplotlib Line2D
    points_ : matplotlib Line2D or None

    Examples
    --------
    >>> from skxent.displays import PosteriorDisplay
    >>> from skxent.losses import CrossEntropy, Focal
    >>> display = PosteriorDisplay.from_losses([Focal(1.0), Focal(2.0)])
    >>> display.curves.shape[0]
    2
    """

    def __init__(
        self,
        *,
        settings: Sequence[tuple[Loss, float]],
        output: Floats,
        curves: Floats,
        bins: Bins | None = None,
    ) -> None:
        self.settings = settings
        self.output = output
        self.curves = curves
        self.bins = bins

    @classmethod
    def from_losses(
        cls,
        losses: str | Loss | Iterable[str | Loss],
        *,
        label_smoothing: float | Iterable[float] = 0.0,
        ax: Any = None,
    ) -> Self:
        """Draw the map of each loss with each label smoothing.

        Parameters
        ----------
        losses : Loss, str or iterable of these
        label_smoothing : float in [0, 1) or iterable of these, default=0
        ax : matplotlib Axes, default=None

        Returns
        -------
        PosteriorDisplay
        """
        return cls._of(losses, label_smoothing, None).plot(ax=ax)

    @classmethod
    def _of(cls, losses: Any, label_smoothing: Any, bins: Bins | None) -> Self:
        amounts = np.ravel(label_smoothing).tolist()
        for amount in amounts:
            FRACTION.check("label_smoothing", amount)
        settings = list(product(as_losses(losses), amounts))
        output = np.linspace(0.002, 0.998, 499)
        curves = [
            loss.posterior(logit(output), label_smoothing=amount)[:, 1]
            for loss, amount in settings
        ]
        return cls(settings=settings, output=output, curves=np.array(curves), bins=bins)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        losses: str | Loss | Iterable[str | Loss] = ("cross_entropy", "focal"),
        *,
        label_smoothing: float | Iterable[float] = 0.0,
        n_bins: int = 10,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        from_logits: bool = False,
        ax: Any = None,
    ) -> Self:
        """Draw the maps, and what came true at the outputs of a model.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, 2)
        y_proba : array-like of shape (n,) or (n, 2)
            Softmax outputs of the model, as they are.
        losses, label_smoothing, ax
            See `from_losses`.
        n_bins : int, default=10
            Bins of equal weight.
        labels, sample_weight, from_logits
            See :func:`skxent.metrics.expected_calibration_error`.

        Returns
        -------
        PosteriorDisplay
        """
        check_bins(n_bins, "quantile")
        shape = np.shape(y_proba)
        if len(shape) == 2 and shape[1] > 2:
            raise ValueError(f"y_proba must be of two classes, got {shape[1]} columns.")
        rows = outcomes(
            y_true,
            y_proba,
            classwise=False,
            labels=labels,
            sample_weight=sample_weight,
            class_weight=None,
            from_logits=from_logits,
            ignore_index=None,
        )
        (bins,) = bin_columns(*rows, n_bins, "quantile")
        return cls._of(losses, label_smoothing, bins).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        losses: str | Loss | Iterable[str | Loss] = ("cross_entropy", "focal"),
        *,
        label_smoothing: float | Iterable[float] = 0.0,
        n_bins: int = 10,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the maps, and what came true at the outputs of a fitted classifier.

        Of skxent's own estimators with ``posterior=True`` the outputs are class
        probabilities already, and the points are near the diagonal.

        Parameters
        ----------
        estimator : fitted classifier
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,)
        losses, label_smoothing, n_bins, sample_weight, ax
            See `from_predictions`.

        Returns
        -------
        PosteriorDisplay
        """
        proba, classes = answers(estimator, X)
        return cls.from_predictions(
            y,
            proba,
            losses,
            label_smoothing=label_smoothing,
            n_bins=n_bins,
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
        PosteriorDisplay
        """
        ax = get_axes(ax)
        ax.plot([0, 1], [0, 1], color=neutral(), alpha=0.5, linewidth=1)
        self.lines_ = []
        for number, ((loss, amount), curve) in enumerate(
            zip(self.settings, self.curves, strict=True)
        ):
            label = f"{loss!r}, smoothing {amount:g}" if amount else repr(loss)
            self.lines_ += ax.plot(
                self.output, curve, label=label, **line_style(number)
            )
        self.points_ = None
        if self.bins is not None:
            (self.points_,) = ax.plot(
                self.bins.confidence,
                self.bins.frequency,
                "o",
                color=neutral(),
                label="what came true",
            )
        ax.set(
            xlabel="softmax output",
            ylabel="class probability",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )
        # Curves and points may be anywhere inside.
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="x-small"
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self
