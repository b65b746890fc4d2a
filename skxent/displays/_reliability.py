"""Confidence against what then happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skxent.displays._common import (
    answers,
    get_axes,
    legend_above,
    line_style,
    neutral,
)
from skxent.inputs.labels import encode_labels, is_soft
from skxent.inputs.tables import column_names
from skxent.kernels.checks import check_bool
from skxent.metrics._bins import (
    Bins,
    Strategy,
    check_bins,
    confidence_and_outcome,
)
from skxent.metrics._calibration_error import calibration_error
from skxent.metrics._options import Options
from skxent.metrics._rows import Rows


class ReliabilityDisplay:
    """Reliability diagram: how often what was foretold came true, bin by bin.

    Make it by `from_predictions` or `from_estimator`. The points have error bars of
    1.96 standard errors; the bars at the foot are the shares of the rows, with their
    weight. The number in the legend is the expected calibration error of these bins.

    Parameters
    ----------
    curves : list of Bins
        One, or with `classwise` one a class. Their fields are arrays over the bins that
        hold rows: low, high, weight, confidence, frequency, variance.
    names : list of str
        What the legend calls them.
    error : float
        Expected calibration error, norm "l1".

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    lines_ : list of matplotlib ErrorbarContainer
    bars_ : matplotlib BarContainer or None
        None with `classwise`.

    Examples
    --------
    >>> from skxent.displays import ReliabilityDisplay
    >>> y, proba = [0, 0, 1, 1, 1], [0.25, 0.25, 0.55, 0.75, 0.75]
    >>> display = ReliabilityDisplay.from_predictions(y, proba, n_bins=2)
    >>> display.curves[0].frequency
    array([0., 1.])
    """

    ax_: Any  # these are matplotlib's
    figure_: Any
    lines_: list[Any]
    bars_: Any

    def __init__(
        self, *, curves: Sequence[Bins], names: Sequence[str], error: float
    ) -> None:
        self.curves = curves
        self.names = names
        self.error = error

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
        y_proba : array-like of shape (n, K) or (n,)
        n_bins, strategy, classwise, labels, sample_weight, from_logits
            See :func:`skxent.metrics.expected_calibration_error`.
        name : str, default=None
            Of the model, for the legend.
        ax : matplotlib Axes, default=None
            None: of a new figure.

        Returns
        -------
        ReliabilityDisplay
        """
        check_bins(n_bins, strategy)
        check_bool("classwise", classwise)
        rows = Rows(y_true, y_proba, sample_weight)
        options = Options(labels=labels, from_logits=from_logits)
        outcomes = confidence_and_outcome(rows, options, classwise=classwise)
        curves = outcomes.bins(n_bins, strategy)
        names = [name or "model"]
        if classwise:
            known: Any = labels
            if labels is None:
                soft = column_names(y_true) or range(len(curves))
                known = soft if is_soft(y_true) else encode_labels(y_true)[0]
            names = [str(label) for label in known]
        error = calibration_error(curves, "l1", False)
        return cls(curves=curves, names=names, error=error).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        n_bins: int = 15,
        strategy: Strategy = "uniform",
        classwise: bool = False,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the diagram of a fitted classifier, by default under its own name.

        Parameters
        ----------
        estimator : fitted classifier
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,)
        n_bins, strategy, classwise, sample_weight, name, ax
            See `from_predictions`.

        Returns
        -------
        ReliabilityDisplay
        """
        proba, classes = answers(estimator, X)
        return cls.from_predictions(
            y,
            proba,
            n_bins=n_bins,
            strategy=strategy,
            classwise=classwise,
            labels=classes,
            sample_weight=sample_weight,
            name=name or type(estimator).__name__,
            ax=ax,
        )

    def plot(self, ax: Any = None) -> Self:
        """Draw it, again if need be, on other axes: several models may share them.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        ReliabilityDisplay
        """
        ax = get_axes(ax)
        shared = len(ax.containers)
        if not shared:
            ax.plot([0, 1], [0, 1], color=neutral(), alpha=0.5, linewidth=1)
        self.lines_ = []
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
        self.bars_ = None
        if len(self.curves) == 1:
            self._draw_shares(ax, self.curves[0], shared // 2)
        ax.set(
            xlabel="confidence",
            ylabel="frequency, share of the rows",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )
        title = f"ECE {self.error:.3f}" if len(self.curves) > 1 else None
        legend_above(ax, title)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_shares(self, ax: Any, bins: Bins, number: int) -> None:
        self.bars_ = ax.bar(
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
        for text in ax.bar_label(self.bars_, counts, fontsize=6, rotation=90):
            text.xyann = (7 * number, 1)  # beside those of other models
