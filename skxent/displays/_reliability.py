"""Predicted probability against the observed frequency of what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skxent.displays._display import (
    LEAST_DRAWN,
    PredictionDisplay,
    Scale,
    axis_ends,
    legend_above,
    line_style,
    text_color,
)
from skxent.displays._reliability_rows import (
    Strategy,
    automatic_number,
    check_strategy,
    outcomes_of,
    shares_of,
)
from skxent.inputs.descriptions import documented
from skxent.inputs.labels import is_soft
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import Interval, check_bool, check_count
from skxent.metrics._bins import Bins
from skxent.metrics._calibration_error import (
    calibration_error,
    expected_calibration_error,
)
from skxent.metrics._isotonic import Band, columns_of
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows, column_labels


@documented()
@dataclass(eq=False, repr=False, kw_only=True)
class ReliabilityDisplay(PredictionDisplay):
    """Reliability diagram: predicted probability against observed frequency.

    Create it by `from_predictions` or `from_estimator`. The points of bins have error
    bars of 1.96 standard errors. The curve of strategy="isotonic" has a band around the
    diagonal in which the curve of calibrated predictions is expected. The bars at the
    bottom are the shares of the rows, with their weight. The number in the legend is
    the expected calibration error of the bins that are drawn.

    Parameters
    ----------
    curves : list of Bins
        One, or with `classwise` one a class. Their fields are arrays over the bins that
        hold rows: low, high, weight, confidence, frequency, variance.
    names : list of str
        Their names in the legend.
    error : float
        The expected calibration error, norm "l1".
    bands : list of Band, default=()
        Of isotonic curves, or empty. Their fields are arrays over points: confidence,
        low, high.
    isotonic : bool, default=False
        The bins are those of isotonic regression.
    scale : {"linear", "log", "logit"}, default="linear"
        The scale of both axes.
    event : str, default=""
        What the probabilities are of, for the label of the axis.
    histogram : tuple of ndarray, default=None
        The edges (m + 1,) and shares (m,) of the bars. None: those of the bins.

    Attributes
    ----------
    {attributes}
    lines_ : list of matplotlib ErrorbarContainer
        The points of each curve.
    bars_ : matplotlib BarContainer or None
        The shares of the rows in the bins; None with `classwise`.
    bands_ : list of matplotlib PolyCollection
        The consistency bands, with strategy="isotonic".

    See Also
    --------
    skxent.metrics.expected_calibration_error : The number in the legend.
    skxent.metrics.decompose_loss : What isotonic recalibration saves of a loss.

    References
    ----------
    strategy="isotonic": Dimitriadis, Gneiting, Jordan (2021). Stable reliability
    diagrams for probabilistic classifiers. PNAS 118(8), doi 10.1073/pnas.2016191118.

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
    bands: Sequence[Band] = ()
    isotonic: bool = False
    scale: Scale = "linear"
    event: str = ""
    histogram: tuple[Floats, Floats] | None = None

    @classmethod
    @documented(expected_calibration_error, PredictionDisplay.plot)
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        n_bins: int | Literal["auto"] = "auto",
        strategy: Strategy | None = None,
        classwise: bool = False,
        pos_label: Any = None,
        scale: Scale = "linear",
        band_level: float | None = 0.9,
        n_resamples: int = 200,
        random_state: Any = None,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        from_logits: bool = False,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the diagram of predictions.

        Parameters
        ----------
        {parameters}
        n_bins : int or "auto", default="auto"
            Number of bins. "auto": the cube root of the number of rows, between 5 and
            30; with weights that number is (Σ w)² / Σ w².
        strategy : {"uniform", "quantile", "isotonic"}, default=None
            "uniform" and "quantile": see
            :func:`skxent.metrics.expected_calibration_error`. "isotonic": the bins in
            which isotonic regression of the outcomes is constant, so that the curve
            never falls and no number of bins has to be chosen (CORP). None: "uniform",
            and "quantile" if the scale is not linear.
        classwise : bool, default=False
            Draw a curve for each class, the event being that class.
        pos_label : label, default=None
            Draw the probability of this class, the event being that class. None: for
            two classes the second, for more the one of the largest probability.
        scale : {"linear", "log", "logit"}, default="linear"
            The scale of both axes. "log" gives more room to rare classes, "logit" also
            to probabilities near one. What would be beyond an end is drawn at the end.
        band_level : float in (0, 1) or None, default=0.9
            At each probability, the share of calibrated predictions whose isotonic
            curve is inside the consistency band. The band holds quantiles of the curves
            of labels that are drawn from the predicted probabilities themselves. None:
            no band. Soft labels have none either, for their noise is unknown.
        n_resamples : int, default=200
            How many times labels are drawn for the band.
        random_state : int, RandomState instance or None, default=None
            For these draws.
        name : str, default=None
            The name in the legend. `from_estimator` uses the name of the class.

        Returns
        -------
        ReliabilityDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            As for :func:`skxent.metrics.expected_calibration_error`, or if pos_label is
            not among the labels.
        """
        strategy = check_strategy(strategy, n_bins, scale)
        if band_level is not None:
            Interval(0.0, 1.0, "neither").check("band_level", band_level)
        check_count("n_resamples", n_resamples)
        rng = check_random_state(random_state)
        check_bool("classwise", classwise)
        if classwise and pos_label is not None:
            raise ValueError(
                f"pos_label must be None for classwise=True, got {pos_label!r}."
            )
        rows = ScoredRows(y_true, y_proba, sample_weight)
        options = Options(labels=labels, from_logits=from_logits)
        outcomes, event = outcomes_of(rows, options, classwise, pos_label)
        bands: list[Band] = []
        if strategy == "isotonic":
            columns = columns_of(outcomes)
            curves = [column.bins() for column in columns]
            if band_level is not None and not is_soft(y_true):
                level = float(band_level)
                bands = [column.band(level, n_resamples, rng) for column in columns]
        else:
            number = automatic_number(outcomes) if n_bins == "auto" else n_bins
            curves = outcomes.bins(number, strategy)
        names = column_labels(rows, labels) if classwise else [name or "model"]
        histogram = None
        if strategy == "isotonic" or scale != "linear":
            histogram = shares_of(outcomes, curves[0], scale)
        return cls(
            curves=curves,
            names=list(map(str, names)),
            error=calibration_error(curves, "l1", False),
            bands=bands,
            isotonic=strategy == "isotonic",
            scale=scale,
            event=event,
            histogram=histogram,
        ).plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        shared = len(ax.containers)
        points = [(bins.confidence, bins.frequency) for bins in self.curves]
        low, high = axis_ends(self.scale, *(p for pair in points for p in pair))
        if shared and self.scale != "linear":  # wide enough for all models
            low, high = min(low, ax.get_xlim()[0]), max(high, ax.get_xlim()[1])
        if not shared:
            least = 0.0 if self.scale == "linear" else LEAST_DRAWN
            ends = [least, 1 - least]
            ax.plot(ends, ends, color=text_color(), alpha=0.5, linewidth=1)
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        digits = ".3f" if self.scale == "linear" else ".2g"
        for number, (bins, name) in enumerate(
            zip(self.curves, self.names, strict=True), start=shared // 2
        ):
            if len(self.curves) == 1:
                name = f"{name}: ECE {self.error:{digits}}"
            self.lines_.append(
                ax.errorbar(
                    **self._points(bins, low, high),
                    elinewidth=0.8,
                    label=name,
                    **line_style(number),
                )
            )
        for number, band in enumerate(self.bands, start=shared // 2):
            self.bands_.append(
                ax.fill_between(
                    *(np.clip(values, low, high) for values in band),
                    color=line_style(number)["color"],
                    alpha=0.2,
                    linewidth=0,
                )
            )
        self.bars_: Any = None
        if len(self.curves) == 1:
            self.bars_ = self._draw_shares(ax, shared // 2)
        ax.set(
            xlabel="Predicted probability" + (f" ({self.event})" if self.event else ""),
            ylabel="Observed frequency",
            xscale=self.scale,
            yscale=self.scale,
            xlim=(low, high),
            ylim=(low, high),
            aspect="equal",
        )
        title = f"ECE {self.error:{digits}}" if len(self.curves) > 1 else None
        legend_above(ax, title)

    def _points(self, bins: Bins, low: float, high: float) -> dict[str, Any]:
        """Return the points of a curve, and their error bars."""
        if self.isotonic:  # a step for each block, joined to the next
            return {
                "x": np.clip(np.stack([bins.low, bins.high], 1).ravel(), low, high),
                "y": np.clip(np.repeat(bins.frequency, 2), low, high),
            }
        known = np.isfinite(bins.variance)
        error = np.where(known, 1.96 * np.sqrt(np.where(known, bins.variance, 0)), 0)
        x, y, bars = bins.confidence, bins.frequency, np.stack([error, error])
        if self.scale != "linear":
            ends = np.clip([y - error, y + error], low, high)
            x, y = np.clip(x, low, high), np.clip(y, low, high)
            bars = np.abs(ends - y)
        return {"x": x, "y": y, "yerr": bars, "marker": "o", "markersize": 4}

    def _draw_shares(self, ax: Any, number: int) -> Any:
        style = {"color": line_style(number)["color"], "alpha": 0.35, "align": "edge"}
        if self.histogram is not None:
            edges, share = self.histogram
            height = 0.15 * share / share.max()  # of the axes
            frame = ax.get_xaxis_transform()
            return ax.bar(edges[:-1], height, np.diff(edges), transform=frame, **style)
        bins = self.curves[0]
        share = bins.weight / bins.weight.sum()
        bars = ax.bar(bins.low, share, bins.high - bins.low, **style)
        counts = [
            f"{weight:,.0f}" if weight >= 1000 else f"{weight:.4g}"
            for weight in bins.weight
        ]
        for text in ax.bar_label(bars, counts, fontsize=6, rotation=90):
            text.xyann = (7 * number, 1)  # next to those of other models
        return bars
