"""Colours, line styles, legends, and where the data are, alike in all displays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skxent.losses._loss import Loss
from skxent.losses._shipped import CrossEntropy, as_loss
from skxent.metrics._losses import evaluate_loss

# These colours of Okabe and Ito stand out on white and on black. The line styles tell
# curves apart without any colour.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808080")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

# An operating range begins, has its middle and ends at these shares of the rows.
RANGE = (0.1, 0.5, 0.9)


def text_color() -> Any:
    """Return the colour of text, which stands out in any style."""
    import matplotlib

    return matplotlib.rcParams["text.color"]


def line_style(number: int) -> dict[str, Any]:
    """Return the colour and style of a line; they repeat after 30 lines."""
    round_, color = divmod(number, len(COLORS))
    return {"color": COLORS[color], "linestyle": STYLES[(color + round_) % len(STYLES)]}


def as_losses(losses: str | Loss | Iterable[str | Loss]) -> list[Loss]:
    """Return the losses that are meant by one or several, or by names."""
    given = [losses] if isinstance(losses, (str, Loss)) else list(losses)
    if not given:
        raise ValueError("losses must be at least one loss, got none.")
    return [as_loss(loss) for loss in given]


def legend_above(ax: Any, title: str | None = None) -> None:
    """Draw a legend above the axes, in as many columns as have room."""
    _, labels = ax.get_legend_handles_labels()
    longest = max(map(len, labels))
    columns = min(len(labels), max(1, 64 // (longest + 8)))
    ax.legend(
        title=title,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=columns,
        fontsize="small",
    )


def check_hard(y_true: ArrayLike) -> None:
    """Raise a ValueError for soft labels."""
    if np.ndim(y_true) != 1:
        raise ValueError(f"y_true must be of shape (n,), got {np.shape(y_true)}.")


def true_class_range(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Any
) -> Sequence[float]:
    """Return quantiles over the rows of the probability given to the true class."""
    check_hard(y_true)
    surprise = evaluate_loss(
        CrossEntropy(), y_true, y_proba, reduction="none", **keywords
    )
    return [float(p) for p in np.quantile(np.exp(-surprise), RANGE)]


def mark_range(ax: Any, low: float, middle: float, high: float) -> None:
    """Shade the range of eight in ten rows, with a line at the median."""
    ax.axvspan(low, high, color=text_color(), alpha=0.12, linewidth=0)
    ax.axvline(middle, color=text_color(), alpha=0.6, linewidth=1)
