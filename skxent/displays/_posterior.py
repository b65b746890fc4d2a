"""The class probability that the output of a model implies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from skxent.displays._display import (
    PredictionDisplay,
    Scale,
    as_losses,
    axis_ends,
    legend_above,
    line_style,
    text_color,
)
from skxent.inputs.columns import align
from skxent.inputs.descriptions import documented
from skxent.inputs.tables import codes_of_logits, logits_from
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, check_option
from skxent.losses._loss import Loss
from skxent.losses._probabilities import softmax
from skxent.metrics._bins import Bins, check_bins, confidence_and_outcome
from skxent.metrics._calibration_error import expected_calibration_error
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows, column_labels

# These are dense enough for curves that look smooth on any scale.
LOGITS = np.linspace(-16, 16, 1281)


@documented()
@dataclass(eq=False, repr=False, kw_only=True)
class PosteriorDisplay(PredictionDisplay):
    """Class probability against the softmax output of a minimiser.

    Create it by `from_losses`, `from_predictions` or `from_estimator`. The latter two
    draw points as well: the frequency of the second class in bins of the output. The
    points of a model that reaches the minimum of a loss lie on the curve of that loss.

    For more than two classes the outputs are those of the likeliest class, and the
    points are its frequency. The probability that its output implies also depends on
    the outputs of the other classes, so the curves are means over the rows of each bin.

    The outputs of skxent's own estimators with ``posterior=True`` are class
    probabilities already, and their points are near the diagonal.

    Parameters
    ----------
    settings : list of (Loss, float)
        Losses with their label smoothing.
    output : ndarray of shape (points,)
        Softmax outputs.
    curves : ndarray of shape (settings, points)
        Class probabilities.
    bins : Bins or None
        The points.
    scale : {"linear", "log", "logit"}, default="linear"
        The scale of both axes.
    likeliest : bool, default=False
        The outputs are those of the likeliest of more than two classes.

    Attributes
    ----------
    {attributes}
    lines_ : list of matplotlib Line2D
        The curve of each loss.
    points_ : matplotlib Line2D or None
        The frequencies in bins of the output; None without predictions.

    See Also
    --------
    skxent.losses.Loss.posterior : The numbers of the curves.

    Examples
    --------
    >>> from skxent.displays import PosteriorDisplay
    >>> from skxent.losses import CrossEntropy, Focal
    >>> display = PosteriorDisplay.from_losses([Focal(1.0), Focal(2.0)])
    >>> display.curves.shape[0]
    2
    """

    settings: Sequence[tuple[Loss, float]]
    output: Floats
    curves: Floats
    bins: Bins | None = None
    scale: Scale = "linear"
    likeliest: bool = False

    @classmethod
    def from_losses(
        cls,
        losses: str | Loss | Iterable[str | Loss],
        *,
        label_smoothing: float | Iterable[float] = 0.0,
        scale: Scale = "linear",
        ax: Any = None,
    ) -> Self:
        """Draw the map of each loss with each label smoothing, for two classes.

        Parameters
        ----------
        losses : Loss, str or iterable of these
            Losses, or names in :data:`skxent.losses.LOSSES`. Dicts among their
            parameters are of code, 0 or 1, to number.
        label_smoothing : float in [0, 1) or iterable of these, default=0
            The label smoothing that the model was trained with.
        scale : {"linear", "log", "logit"}, default="linear"
            The scale of both axes. "log" shows rare classes, "logit" also certain ones.
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        PosteriorDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            If an argument is outside its domain.
        """
        check_option("scale", scale, get_args(Scale))
        settings = _settings(losses, label_smoothing)
        output, curves = expit(LOGITS), _maps(settings)
        display = cls(settings=settings, output=output, curves=curves, scale=scale)
        return display.plot(ax=ax)

    @classmethod
    @documented(from_losses, expected_calibration_error)
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        losses: str | Loss | Iterable[str | Loss] = ("cross_entropy", "focal"),
        *,
        label_smoothing: float | Iterable[float] = 0.0,
        n_bins: int = 10,
        scale: Scale = "linear",
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        from_logits: bool = False,
        ax: Any = None,
    ) -> Self:
        """Draw the maps, and the frequencies at the outputs of a model.

        Except on a linear scale, points of frequency 0 or 1 are at the end of the axis.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, K)
            Labels, or soft labels.
        y_proba : array-like of shape (n, K) or (n,)
            Softmax outputs of the model, or its logits.
        n_bins : int, default=10
            Number of bins, which have equal weight.
        {parameters}

        Returns
        -------
        PosteriorDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            As for :func:`skxent.metrics.evaluate_loss`.
        """
        check_bins(n_bins, "quantile")
        check_option("scale", scale, get_args(Scale))
        settings = _settings(losses, label_smoothing)
        classes = column_labels(ScoredRows(y_true, y_proba), labels)
        settings = [(loss.for_classes(classes), eps) for loss, eps in settings]
        y_true, y_proba = align(y_true, y_proba, labels=labels)
        raw = logits_from(y_proba, from_logits)
        proba = softmax(raw)
        rows = ScoredRows(y_true, proba, sample_weight)
        outcomes = confidence_and_outcome(rows, Options(labels=labels))
        (bins,) = outcomes.bins(n_bins, "quantile")
        likeliest = proba.shape[1] > 2
        if not likeliest:
            output, curves = expit(LOGITS), _maps(settings)
        else:
            top = codes_of_logits(proba)[:, np.newaxis]
            means = []
            for loss, amount in settings:
                implied = loss.posterior(raw, label_smoothing=amount)
                implied = np.take_along_axis(implied, top, axis=1)
                same = replace(outcomes, outcome=implied).bins(n_bins, "quantile")
                means.append(same[0].frequency)
            output, curves = bins.confidence, np.array(means)
        display = cls(
            settings=settings,
            output=output,
            curves=curves,
            bins=bins,
            scale=scale,
            likeliest=likeliest,
        )
        return display.plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        bins = self.bins
        drawn = () if bins is None else (bins.confidence, bins.frequency)
        low, high = axis_ends(self.scale, *drawn)
        ends = [low, high]
        ax.plot(ends, ends, color=text_color(), alpha=0.5, linewidth=1)
        self.lines_: list[Any] = []
        for number, ((loss, amount), curve) in enumerate(
            zip(self.settings, self.curves, strict=True)
        ):
            label = f"{loss!r}, smoothing {amount:g}" if amount else repr(loss)
            self.lines_ += ax.plot(
                self.output, curve, label=label, **line_style(number)
            )
        self.points_: Any = None
        if bins is not None:
            (self.points_,) = ax.plot(
                np.clip(bins.confidence, low, high),
                np.clip(bins.frequency, low, high),
                "o",
                color=text_color(),
                label="frequency",
                clip_on=False,
            )
        whose = " of the likeliest class" if self.likeliest else ""
        ax.set(
            xlabel=f"softmax output{whose}",
            ylabel="its probability" if self.likeliest else "class probability",
            xscale=self.scale,
            yscale=self.scale,
            xlim=ends,
            ylim=ends,
            aspect="equal",
        )
        legend_above(ax)


def _settings(losses: Any, label_smoothing: Any) -> list[tuple[Loss, float]]:
    amounts = np.ravel(label_smoothing).tolist()
    for amount in amounts:
        FRACTION.check("label_smoothing", amount)
    return list(product(as_losses(losses), amounts))


def _maps(settings: list[tuple[Loss, float]]) -> Floats:
    """Return the map of the second of two classes for each loss."""
    curves = [
        loss.posterior(LOGITS, label_smoothing=amount)[:, 1]
        for loss, amount in settings
    ]
    return np.array(curves)
