"""The base classes of displays: axes, a style, and the predictions of classifiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import Parameter, signature
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from skxent.inputs.descriptions import documented
from skxent.kernels.checks import explain_missing
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._cross_entropy import cross_entropy
from skxent.metrics._predictions import classes_of_estimator, predict_by_class

Scale = Literal["linear", "log", "logit"]

# Probabilities are drawn no nearer to 0 and 1 than this, except on a linear scale.
LEAST_DRAWN = float(expit(-16))


class Display:
    """A picture whose numbers are attributes; subclasses draw it on given axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes that it was drawn on last.
    figure_ : matplotlib Figure
        The figure of these axes.
    """

    ax_: Any  # matplotlib has no types.
    figure_: Any

    def plot(self, ax: Any = None) -> Self:
        """Draw the numbers again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        self
            The same picture, drawn on these axes.
        """
        ax = get_axes(ax)
        self._draw(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax: Any) -> None:
        raise NotImplementedError


class PredictionDisplay(Display):
    """A picture of predictions: `from_predictions` also makes `from_estimator`."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # mypy does not follow methods that are made for each subclass.
        cls.from_estimator = classmethod(_from_estimator(cls))  # type: ignore[assignment, method-assign]

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *args: Any, **keywords: Any
    ) -> Self:
        """Draw the picture of a classifier's predictions."""
        raise NotImplementedError

    @classmethod
    def from_predictions(
        cls, y_true: Any, y_proba: Any, *args: Any, **keywords: Any
    ) -> Self:
        """Draw the picture of predictions."""
        raise NotImplementedError


def _from_estimator(cls: type[PredictionDisplay]) -> Any:
    """Return the function `from_estimator` of a class, from its `from_predictions`."""
    given = signature(cls.from_predictions).parameters
    asked = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
        for name, kind in (("estimator", "Any"), ("X", "Any"), ("y", "ArrayLike"))
    ]
    left_out = ("y_true", "y_proba", "labels", "from_logits")
    kept = [p for name, p in given.items() if name not in left_out]
    called = signature(cls.from_predictions).replace(parameters=[*asked, *kept])

    def from_estimator(
        cls: type[PredictionDisplay], *args: Any, **keywords: Any
    ) -> Any:
        arguments = called.bind(*args, **keywords).arguments
        estimator, X, y = (arguments.pop(p.name) for p in asked)
        proba, classes = predict(estimator, X)
        if "labels" in given:
            arguments["labels"] = classes
        if "name" in given:
            arguments["name"] = arguments.get("name") or type(estimator).__name__
        return cls.from_predictions(y, proba, **arguments)

    owner = Parameter("cls", Parameter.POSITIONAL_OR_KEYWORD)
    vars(from_estimator)["__signature__"] = called.replace(
        parameters=[owner, *asked, *kept]
    )
    from_estimator.__doc__ = FROM_ESTIMATOR.replace("Display", cls.__name__)
    from_estimator.__module__ = cls.__module__
    from_estimator.__qualname__ = f"{cls.__name__}.from_estimator"
    return documented(cls.from_predictions)(from_estimator)


FROM_ESTIMATOR = """Plot the predictions of a fitted classifier.

Parameters
----------
estimator : fitted classifier
    It must have `classes_` and `predict_proba`.
X : {array-like, sparse matrix} of shape (n, d)
    The rows to predict.
y : array-like of shape (n,)
    The labels of the rows, as y_true of `from_predictions`.
{parameters}

Returns
-------
Display
    The picture, drawn.

See Also
--------
from_predictions : The same picture from probabilities or logits.
"""


def get_axes(ax: Any) -> Any:
    """Return the given axes, or those of a new figure."""
    if ax is not None:
        return ax
    message = "Displays need matplotlib: pip install matplotlib."
    with explain_missing("matplotlib", message):
        from matplotlib import pyplot as plt
    return plt.subplots(layout="constrained")[1]


def predict(estimator: Any, X: Any) -> tuple[Any, NDArray[Any]]:
    """Return the probabilities and classes of a fitted classifier, in its own order."""
    classes = classes_of_estimator(estimator)
    return predict_by_class(estimator, "predict_proba", X), classes


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


def axis_ends(scale: Scale, *drawn: Any) -> tuple[float, float]:
    """Return the ends of an axis of probabilities: beyond all that are drawn."""
    if scale == "linear":
        return 0.0, 1.0
    lower = upper = 1e-3  # distances from 0 and from 1
    if drawn:
        values = np.concatenate(drawn)
        inside = values[(values > 0) & (values < 1)]
        lower = np.min(inside, initial=0.5) / 2
        upper = np.min(1 - inside, initial=0.5) / 2
    high = 1 - max(upper, LEAST_DRAWN) if scale == "logit" else 1.0
    return float(max(lower, LEAST_DRAWN)), float(high)


def as_losses(losses: str | Loss | Iterable[str | Loss]) -> list[Loss]:
    """Return the losses that are meant by one or several, or by names."""
    if isinstance(losses, str) or not isinstance(losses, Iterable):
        return [as_loss(losses)]
    given = list(losses)
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
    surprise = cross_entropy(y_true, y_proba, reduction="none", **keywords)
    return [float(p) for p in np.quantile(np.exp(-surprise), RANGE)]


def mark_range(ax: Any, low: float, middle: float, high: float) -> None:
    """Shade the range of eight in ten rows, with a line at the median."""
    ax.axvspan(low, high, color=text_color(), alpha=0.12, linewidth=0)
    ax.axvline(middle, color=text_color(), alpha=0.6, linewidth=1)
