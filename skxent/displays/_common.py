"""What the displays share: axes, colours, and where the data are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.class_order import classes_of_estimator, predict_by_class
from skxent.kernels.optional import say_if_missing
from skxent.losses._shipped import CrossEntropy, Loss, as_loss
from skxent.metrics._losses import evaluate_loss

# Of the palette of Okabe and Ito those that stand out on white and on black; the line
# styles tell curves apart without any colour.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808080")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

# The shares of the rows at which an operating range begins, has its middle and ends.
RANGE = (0.1, 0.5, 0.9)


def get_axes(ax: Any) -> Any:
    """The given axes, or those of a new figure."""
    if ax is not None:
        return ax
    message = "Displays need matplotlib: pip install matplotlib."
    with say_if_missing("matplotlib", message):
        from matplotlib import pyplot as plt
    return plt.subplots(layout="constrained")[1]


def neutral() -> Any:
    """The colour of text, which the style in use has made to stand out."""
    import matplotlib

    return matplotlib.rcParams["text.color"]


def line_style(number: int) -> dict[str, Any]:
    """As many different ones as there are colours times styles."""
    round_, color = divmod(number, len(COLORS))
    return {"color": COLORS[color], "linestyle": STYLES[(color + round_) % len(STYLES)]}


def as_losses(losses: str | Loss | Iterable[str | Loss]) -> list[Loss]:
    given = [losses] if isinstance(losses, (str, Loss)) else list(losses)
    if not given:
        raise ValueError("losses must be at least one loss, got none.")
    return [as_loss(loss) for loss in given]


def answers(estimator: Any, X: Any) -> tuple[Any, NDArray[Any]]:
    """Probabilities and classes of a fitted classifier, in its own order."""
    classes = classes_of_estimator(estimator)
    return predict_by_class(estimator, "predict_proba", X), classes


def legend_above(ax: Any, title: str | None = None) -> None:
    """A legend where it covers nothing, in as many columns as have room."""
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


def true_class_range(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Any
) -> Sequence[float]:
    """Quantiles over the rows of the probability given to the true class."""
    if np.ndim(y_true) != 1:
        raise ValueError(f"y_true must be of shape (n,), got {np.shape(y_true)}.")
    surprise = evaluate_loss(
        CrossEntropy(), y_true, y_proba, reduction="none", **keywords
    )
    return [float(p) for p in np.quantile(np.exp(-surprise), RANGE)]


def mark_range(ax: Any, low: float, middle: float, high: float) -> None:
    """Shade where eight of ten rows are, with a line at the median."""
    ax.axvspan(low, high, color=neutral(), alpha=0.12, linewidth=0)
    ax.axvline(middle, color=neutral(), alpha=0.6, linewidth=1)
