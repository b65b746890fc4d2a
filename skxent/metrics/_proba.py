"""Probabilities as they are, for metrics that take no logarithm of them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from skxent.inputs.tables import (
    check_proba,
    checked_proba,
    logits_from,
    logits_of_checked,
    two_columns,
)
from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.losses._probabilities import softmax
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows, by_name, prepare_target


def read_proba(
    rows: ScoredRows, options: Options
) -> tuple[Floats, Target, NDArray[Any]]:
    """Return the probabilities (n, K), targets and classes of a block.

    Only values that rounding moved out of [0, 1] are clipped: a zero stays zero.
    """
    y_true, y_proba = by_name(rows, options)
    if options.from_logits:
        proba = softmax(logits_from(y_proba, True))
    else:
        proba = two_columns(check_proba(y_proba))
    return proba, *prepare_target(y_true, proba, rows.sample_weight, options)


def read_both(
    rows: ScoredRows, options: Options
) -> tuple[Floats, Floats, Target, NDArray[Any]]:
    """Return the logits as well, (n, K) or (n,); the rows are checked once."""
    y_true, y_proba = by_name(rows, options)
    if options.from_logits:
        raw = logits_from(y_proba, True)
        proba = softmax(raw)
    else:
        checked = checked_proba(y_proba)
        proba, raw = two_columns(checked[0]), logits_of_checked(*checked)
    return raw, proba, *prepare_target(y_true, proba, rows.sample_weight, options)
