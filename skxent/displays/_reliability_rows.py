"""The rows of a reliability diagram: the event, and the bars of their shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast, get_args

import numpy as np
from scipy.special import expit, logit

from skxent.displays._display import Scale, axis_ends
from skxent.inputs.columns import code_of
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_count, check_option
from skxent.metrics._bins import Bins, Outcomes, confidence_and_outcome
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows, column_labels

Strategy = Literal["uniform", "quantile", "isotonic"]

BARS = 30
SPACINGS: dict[str, Any] = {
    "linear": (np.asarray, np.asarray),
    "log": (np.log, np.exp),
    "logit": (logit, expit),
}


def check_strategy(strategy: Any, n_bins: Any, scale: Any) -> Strategy:
    """Return the strategy, which depends on the scale if it is None."""
    check_option("scale", scale, get_args(Scale))
    if strategy is None:
        strategy = "uniform" if scale == "linear" else "quantile"
    check_option("strategy", strategy, get_args(Strategy))
    automatic = isinstance(n_bins, str) and n_bins == "auto"
    if strategy == "isotonic" and not automatic:
        raise ValueError(
            f"n_bins must be 'auto' for strategy='isotonic', got {n_bins!r}."
        )
    if isinstance(n_bins, str) and not automatic:
        raise ValueError(f"n_bins must be an integer >= 1 or 'auto', got {n_bins!r}.")
    if not automatic:
        check_count("n_bins", n_bins)
    return cast(Strategy, strategy)


def outcomes_of(
    rows: ScoredRows, options: Options, classwise: bool, pos_label: Any
) -> tuple[Outcomes, str]:
    """Return the outcomes of one event or of every class, and what the event is."""
    every = classwise or pos_label is not None
    outcomes = confidence_and_outcome(rows, options, classwise=every)
    if classwise:
        return outcomes, ""
    classes = np.asarray(column_labels(rows, options.labels))
    if pos_label is None:
        two = len(classes) == 2
        return outcomes, f"class {classes[1]}" if two else "likeliest class"
    place = [code_of(pos_label, classes)]
    outcomes = replace(
        outcomes,
        confidence=outcomes.confidence[:, place],
        outcome=outcomes.outcome[:, place],
    )
    return outcomes, f"class {pos_label}"


def automatic_number(outcomes: Outcomes) -> int:
    """Return the number of bins that n_bins="auto" means.

    The cube root of the number of rows balances the width of bins and their noise.
    """
    check_sum(outcomes.weight.max(initial=0.0))
    weight = outcomes.weight / outcomes.weight.max()
    n_rows = weight.sum() ** 2 / (weight @ weight)
    return int(np.clip(round(n_rows ** (1 / 3)), 5, 30))


def shares_of(outcomes: Outcomes, bins: Bins, scale: Scale) -> tuple[Floats, Floats]:
    """Return edges that are evenly spaced on a scale, and the shares of the rows."""
    low, high = axis_ends(scale, bins.confidence, bins.frequency)
    there, back = SPACINGS[scale]
    edges = back(np.linspace(there(low), there(high), BARS + 1))
    edges[0], edges[-1] = low, high
    inside = np.clip(outcomes.confidence[:, 0], low, high)
    share, _ = np.histogram(inside, edges, weights=outcomes.weight)
    return edges, share / share.sum()
