"""A loss over cross-entropy, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from skxent.displays._display import PredictionDisplay, true_class_range
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._losses import evaluate_loss


@documented()
@dataclass(eq=False, repr=False, kw_only=True)
class ModulationDisplay(PredictionDisplay):
    r"""Loss divided by cross-entropy, for every probability and a range of a parameter.

    For focal loss this is the modulating factor :math:`(1 - p)^\gamma`. Create it by
    `from_loss`, `from_predictions` or `from_estimator`. The lines mark where eight in
    ten rows of the data are, and their median.

    Parameters
    ----------
    loss : str or Loss
        A loss with parameters, or its name.
    parameter : str
        The name of the parameter.
    values : ndarray of shape (values,)
        Values of the parameter.
    proba : ndarray of shape (points,)
        Probabilities of the true class.
    factor : ndarray of shape (values, points)
        The loss over cross-entropy.
    operating_range : sequence of 3 floats or None
        Where the data are: the quantiles 0.1, 0.5 and 0.9 of the probability.

    Attributes
    ----------
    {attributes}
    mesh_ : matplotlib QuadMesh
        The heat map.
    contours_ : matplotlib QuadContourSet
        The lines of equal factor.

    See Also
    --------
    LossCurveDisplay : Losses as curves.

    Examples
    --------
    >>> from skxent.displays import ModulationDisplay
    >>> display = ModulationDisplay.from_loss("focal")
    >>> display.factor.shape == (len(display.values), len(display.proba))
    True
    """

    loss: str | Loss
    parameter: str
    values: Floats
    proba: Floats
    factor: Floats
    operating_range: Sequence[float] | None = None

    @classmethod
    def from_loss(
        cls,
        loss: str | Loss = "focal",
        *,
        parameter: str | None = None,
        values: ArrayLike | None = None,
        operating_range: Sequence[float] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the factor of a loss.

        Parameters
        ----------
        loss : str or Loss, default="focal"
            A loss with parameters, or the name of one in :data:`skxent.losses.LOSSES`.
        parameter : str, default=None
            The name of a parameter. None: its first one. The others are those of loss.
        values : array-like of shape (values,), default=None
            Increasing values of the parameter. None: those of 51 from 0 to 5 that the
            loss can take.
        operating_range : sequence of 3 floats, default=None
            Probabilities to mark.
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        ModulationDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            If an argument is outside its domain.
        """
        base = as_loss(loss)
        names = list(base.parameters())
        if not names:
            raise ValueError(f"loss must have a parameter, got {loss!r}.")
        parameter = names[0] if parameter is None else parameter
        check_option("parameter", parameter, names)
        if values is None:
            values = [v for v in np.linspace(0, 5, 51) if takes(base, parameter, v)]
        given = np.asarray(values, dtype=np.float64)
        if given.ndim != 1 or len(given) < 2 or np.any(np.diff(given) <= 0):
            raise ValueError(f"values must be two or more and increase, got {given}.")
        proba = np.linspace(0.002, 0.998, 250)
        codes, margin = np.ones(len(proba), dtype=np.intp), logit(proba)
        varied = [base.with_parameters(**{parameter: float(x)}) for x in given]
        if any(one.by_class for one in varied):
            raise ValueError(
                f"loss must depend on the class in {parameter} at most, got {base!r}."
            )
        factor = [one.loss(codes, margin) / -np.log(proba) for one in varied]
        return cls(
            loss=loss,
            parameter=parameter,
            values=given,
            proba=proba,
            factor=np.array(factor),
            operating_range=operating_range,
        ).plot(ax=ax)

    @classmethod
    @documented(from_loss, evaluate_loss)
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        loss: str | Loss = "focal",
        *,
        labels: ArrayLike | None = None,
        from_logits: bool = False,
        parameter: str | None = None,
        values: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the factor of a loss, and mark where predictions are.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.
        y_proba : array-like of shape (n, K) or (n,)
            Probabilities, or logits.
        {parameters}

        Returns
        -------
        ModulationDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            As for :func:`skxent.metrics.evaluate_loss`, and for soft labels.
        """
        where = true_class_range(
            y_true, y_proba, labels=labels, from_logits=from_logits
        )
        return cls.from_loss(
            loss, parameter=parameter, values=values, operating_range=where, ax=ax
        )

    def _draw(self, ax: Any) -> None:
        from matplotlib.patheffects import withStroke

        self.mesh_: Any = ax.pcolormesh(
            self.proba, self.values, self.factor, cmap="cividis", shading="nearest"
        )
        self.contours_: Any = ax.contour(
            self.proba, self.values, self.factor, colors="white", linewidths=0.8
        )
        # White would not be seen on yellow.
        outline = [withStroke(linewidth=2, foreground="black")]
        self.contours_.set(path_effects=outline)
        for label in ax.clabel(self.contours_, fontsize="small"):
            label.set(path_effects=outline)
        if self.operating_range is not None:
            low, middle, high = self.operating_range
            for x, style in ((low, ":"), (middle, "-"), (high, ":")):
                ax.axvline(x, color="white", linestyle=style, path_effects=outline)
        ax.figure.colorbar(self.mesh_, ax=ax, label=f"{self.loss} / cross-entropy")
        ax.set(xlabel="probability of the true class", ylabel=self.parameter)


def takes(loss: Loss, parameter: str, value: float) -> bool:
    """Return True if a parameter of a loss can have this value."""
    try:
        loss.with_parameters(**{parameter: value})
    except ValueError:
        return False
    return True
