"""Confidence against the frequency of what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skxent.displays._display import (
    PredictionDisplay,
    legend_above,
    line_style,
    text_color,
)
from skxent.kernels.checks import check_bool
from skxent.metrics._bins import Bins, Strategy, check_bins, confidence_and_outcome
from skxent.metrics._calibration_error import calibration_error
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows, column_labels


@dataclass(eq=False, repr=False, kw_only=True)
class ReliabilityDisplay(PredictionDisplay):
    """Reliability diagram: confidence against frequency, bin by bin.

    Create it by `from_predictions` or `from_estimator`. The points have error bars of
    1.96 standard errors. The bars at the bottom are the shares of the rows, with their
    weight. The number in the legend is the expected calibration error of these bins.

    Parameters
    ----------
    curves : list of Bins
        One, or with `classwise` one a class. Their fields are arrays over the bins that
        hold rows: low, high, weight, confidence, frequency, variance.
    names : list of str
        Their names in the legend.
    error : float
        The expected calibration error, norm "l1".

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    lines_ : list of matplotlib ErrorbarContainer
    bars_ : matplotlib BarContainer or None
        None with `classwise`.

    See Also
    --------
    skxent.metrics.expected_calibration_error : The number in the legend.

    Examples
    --------
    >>> from skxent.displays import ReliabilityDisplay
    >>> y, proba = [0, 0, 1, 1, 1], [0.25, 0.25, 0.55, 0.75, 0.75]
    >>> display = ReliabilityDisplay.from_predictions(y, proba, n_bins=2)
    >>> display.curves[0].frequency
    array([0., 1.])
    """

    curves: Sequence[Bins]
    names: Sequence[str]
    error: float

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        n_bins: int = 15,
        strategy: Strategy = "uniform",
        classwise: bool = False,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        from_logits: bool = False,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the diagram of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,) or (n, K)
            Labels, or soft labels.
        y_proba : array-like of shape (n, K) or (n,)
            Probabilities, or logits.
        n_bins, strategy, classwise, labels, sample_weight, from_logits
            See :func:`skxent.metrics.expected_calibration_error`.
        name : str, default=None
            The name in the legend. `from_estimator` uses the name of the class.
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            As for :func:`skxent.metrics.expected_calibration_error`.
        """
        check_bins(n_bins, strategy)
        check_bool("classwise", classwise)
        rows = ScoredRows(y_true, y_proba, sample_weight)
        options = Options(labels=labels, from_logits=from_logits)
        outcomes = confidence_and_outcome(rows, options, classwise=classwise)
        curves = outcomes.bins(n_bins, strategy)
        names = [name or "model"]
        if classwise:
            names = [str(label) for label in column_labels(rows, labels)]
        error = calibration_error(curves, "l1", False)
        return cls(curves=curves, names=names, error=error).plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        shared = len(ax.containers)
        if not shared:
            ax.plot([0, 1], [0, 1], color=text_color(), alpha=0.5, linewidth=1)
        self.lines_: list[Any] = []
        for number, (bins, name) in enumerate(
            zip(self.curves, self.names, strict=True), start=shared // 2
        ):
            known = np.isfinite(bins.variance)
            bars = np.where(known, 1.96 * np.sqrt(np.where(known, bins.variance, 0)), 0)
            if len(self.curves) == 1:
                name = f"{name}: ECE {self.error:.3f}"
            self.lines_.append(
                ax.errorbar(
                    bins.confidence,
                    bins.frequency,
                    yerr=bars,
                    marker="o",
                    markersize=4,
                    elinewidth=0.8,
                    label=name,
                    **line_style(number),
                )
            )
        self.bars_: Any = None
        if len(self.curves) == 1:
            self.bars_ = self._draw_shares(ax, self.curves[0], shared // 2)
        ax.set(
            xlabel="confidence",
            ylabel="frequency, share of the rows",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )
        title = f"ECE {self.error:.3f}" if len(self.curves) > 1 else None
        legend_above(ax, title)

    def _draw_shares(self, ax: Any, bins: Bins, number: int) -> Any:
        bars = ax.bar(
            bins.low,
            bins.weight / bins.weight.sum(),
            width=bins.high - bins.low,
            align="edge",
            color=line_style(number)["color"],
            alpha=0.35,
        )
        counts = [
            f"{weight:,.0f}" if weight >= 1000 else f"{weight:.4g}"
            for weight in bins.weight
        ]
        for text in ax.bar_label(bars, counts, fontsize=6, rotation=90):
            text.xyann = (7 * number, 1)  # next to those of other models
        return bars
