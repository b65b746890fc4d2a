"""What all displays do: draw on axes, again if wanted, and ask classifiers."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any, Self

from numpy.typing import NDArray

from skxent.kernels.checks import explain_missing
from skxent.metrics._predictions import classes_of_estimator, predict_by_class


class Display:
    """A picture whose numbers are attributes; subclasses draw it on given axes."""

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
        Self
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
    from_estimator.__doc__ = FROM_ESTIMATOR.format(
        names=", ".join(p.name for p in kept), display=cls.__name__
    )
    from_estimator.__module__ = cls.__module__
    from_estimator.__qualname__ = f"{cls.__name__}.from_estimator"
    return from_estimator


FROM_ESTIMATOR = """Draw the same of the predictions of a fitted classifier.

Parameters
----------
estimator : fitted classifier
    It must have `classes_` and `predict_proba`.
X : {{array-like, sparse matrix}} of shape (n, d)
    What to predict.
y : array-like
    The labels of the rows, as y_true of `from_predictions`.
{names}
    See `from_predictions`.

Returns
-------
{display}

See Also
--------
from_predictions : The same of predicted probabilities.
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
