"""From the output of a model to the class probability that it implies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from skxent.displays._common import (
    answers,
    as_losses,
    get_axes,
    legend_above,
    line_style,
    neutral,
)
from skxent.inputs.tables import align, logits_from
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, check_option
from skxent.losses._shipped import CrossEntropy, Loss
from skxent.metrics._bins import Bins, check_bins, confidence_and_outcome
from skxent.metrics._options import Options
from skxent.metrics._rows import Rows

Scale = Literal["linear", "log", "logit"]

# Dense enough to look smooth on any scale.
LOGITS = np.linspace(-16, 16, 1281)


class PosteriorDisplay:
    """Class probability against the softmax output of a minimiser.

    Make it by `from_losses`, `from_predictions` or `from_estimator`. The points of the
    latter two are how often the second class came true, in bins of the output: of a
    model that reaches the minimum of a loss they lie on the curve of that loss.

    Of more than two classes the outputs are those of the likeliest class, and the
    points how often it came true. What its output implies depends on the outputs of the
    others too: the curves are means over the rows of each bin.

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
        Of both axes.
    likeliest : bool, default=False
        The outputs are those of the likeliest of more than two classes.

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

    ax_: Any  # these are matplotlib's
    figure_: Any
    lines_: list[Any]
    points_: Any

    def __init__(
        self,
        *,
        settings: Sequence[tuple[Loss, float]],
        output: Floats,
        curves: Floats,
        bins: Bins | None = None,
        scale: Scale = "linear",
        likeliest: bool = False,
    ) -> None:
        self.settings = settings
        self.output = output
        self.curves = curves
        self.bins = bins
        self.scale = scale
        self.likeliest = likeliest

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
        label_smoothing : float in [0, 1) or iterable of these, default=0
        scale : {"linear", "log", "logit"}, default="linear"
            Of both axes. "log" shows rare classes, "logit" also sure ones.
        ax : matplotlib Axes, default=None

        Returns
        -------
        PosteriorDisplay
        """
        check_option("scale", scale, get_args(Scale))
        settings = _settings(losses, label_smoothing)
        output, curves = expit(LOGITS), _maps(settings)
        display = cls(settings=settings, output=output, curves=curves, scale=scale)
        return display.plot(ax=ax)

    @classmethod
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
        """Draw the maps, and what came true at the outputs of a model.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, K)
        y_proba : array-like of shape (n, K) or (n,)
            Softmax outputs of the model, as they are.
        losses, label_smoothing, scale, ax
            See `from_losses`. Except on a linear scale, points where none or all came
            true are at the end of the axis.
        n_bins : int, default=10
            Bins of equal weight.
        labels, sample_weight, from_logits
            See :func:`skxent.metrics.expected_calibration_error`.

        Returns
        -------
        PosteriorDisplay
        """
        check_bins(n_bins, "quantile")
        check_option("scale", scale, get_args(Scale))
        settings = _settings(losses, label_smoothing)
        y_true, y_proba = align(y_true, y_proba, labels)
        raw = logits_from(y_proba, from_logits)
        proba = CrossEntropy().predict_proba(raw)
        rows = Rows(y_true, proba, sample_weight)
        outcomes = confidence_and_outcome(rows, Options(labels=labels))
        (bins,) = outcomes.bins(n_bins, "quantile")
        output, curves = expit(LOGITS), _maps(settings)
        likeliest = proba.shape[1] > 2
        if likeliest:
            top = proba.argmax(axis=1)[:, np.newaxis]
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
        scale: Scale = "linear",
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
        losses, label_smoothing, n_bins, scale, sample_weight, ax
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
            scale=scale,
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
        low, high = self._ends()
        ends = [low, high]
        ax.plot(ends, ends, color=neutral(), alpha=0.5, linewidth=1)
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
                np.clip(self.bins.confidence, low, high),
                np.clip(self.bins.frequency, low, high),
                "o",
                color=neutral(),
                label="what came true",
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
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _ends(self) -> tuple[float, float]:
        """Of both axes: beyond all points, as far as there are curves."""
        if self.scale == "linear":
            return 0.0, 1.0
        least = most = 1e-3  # what is left to 0 and to 1
        if self.bins is not None:
            drawn = np.concatenate([self.bins.confidence, self.bins.frequency])
            inside = drawn[(drawn > 0) & (drawn < 1)]
            least = np.min(inside, initial=0.5) / 2
            most = np.min(1 - inside, initial=0.5) / 2
        floor = expit(LOGITS[0])
        high = 1 - max(most, floor) if self.scale == "logit" else 1.0
        return float(max(least, floor)), float(high)


def _settings(losses: Any, label_smoothing: Any) -> list[tuple[Loss, float]]:
    amounts = np.ravel(label_smoothing).tolist()
    for amount in amounts:
        FRACTION.check("label_smoothing", amount)
    return list(product(as_losses(losses), amounts))


def _maps(settings: list[tuple[Loss, float]]) -> Floats:
    """Each loss's map of the second of two classes."""
    curves = [
        loss.posterior(LOGITS, label_smoothing=amount)[:, 1]
        for loss, amount in settings
    ]
    return np.array(curves)
