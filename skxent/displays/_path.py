"""The scores of a search along C, one curve for each of the other parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from skxent.displays._common import get_axes, line_style, neutral
from skxent.targets import Floats


class PathDisplay:
    """Cross-validated score against C, or another parameter of a search.

    Make it by `from_estimator` or `from_cv_results`. The band is one standard error of
    the mean over the folds to either side; the mark is the best score.

    Parameters
    ----------
    parameter : str
        The name of the parameter along the curves.
    settings : list of dict
        What the other parameters are on each curve.
    paths : list of (ndarray, ndarray, ndarray)
        For each curve values of the parameter in rising order, mean scores, and their
        standard errors, all of shape (points,).

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    lines_ : list of matplotlib Line2D
    bands_ : list of matplotlib PolyCollection
    best_ : matplotlib Line2D

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent import FocalLogisticRegressionCV
    >>> from skxent.displays import PathDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> model = FocalLogisticRegressionCV(Cs=[0.01, 0.1, 1], gammas=[0, 1]).fit(X, y)
    >>> PathDisplay.from_estimator(model).settings
    [{'gamma': 0}, {'gamma': 1}]
    """

    def __init__(
        self,
        *,
        parameter: str,
        settings: Sequence[dict[str, Any]],
        paths: Sequence[tuple[Floats, Floats, Floats]],
    ) -> None:
        self.parameter = parameter
        self.settings = settings
        self.paths = paths

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, parameter: str = "C", ax: Any = None
    ) -> Self:
        """Draw the search of a fitted CV estimator, or of a GridSearchCV.

        Parameters
        ----------
        estimator : fitted estimator with `cv_results_`
        parameter : str, default="C"
            The end of a parameter's name: "C" is also that of "model__C".
        ax : matplotlib Axes, default=None

        Returns
        -------
        PathDisplay
        """
        if not hasattr(estimator, "cv_results_"):
            raise ValueError(
                "estimator must be a fitted search with cv_results_, "
                f"got {estimator!r}."
            )
        return cls.from_cv_results(estimator.cv_results_, parameter=parameter, ax=ax)

    @classmethod
    def from_cv_results(
        cls, cv_results: Mapping[str, Any], *, parameter: str = "C", ax: Any = None
    ) -> Self:
        """Draw the table of a search.

        Parameters
        ----------
        cv_results : dict of array-like
            With the keys of GridSearchCV's `cv_results_`.
        parameter, ax
            See `from_estimator`.

        Returns
        -------
        PathDisplay
        """
        points = list(cv_results["params"])
        names = [n for n in points[0] if n == parameter or n.endswith(f"__{parameter}")]
        if len(names) != 1:
            raise ValueError(
                f"parameter must be one of {list(points[0])}, got {parameter!r}."
            )
        (name,) = names
        n_folds = sum(
            key.startswith("split") and key.endswith("_test_score")
            for key in cv_results
        )
        mean = np.asarray(cv_results["mean_test_score"])
        error = np.asarray(cv_results["std_test_score"]) / np.sqrt(max(n_folds, 1))
        curves: dict[str, tuple[dict[str, Any], list[int]]] = {}
        for place, point in enumerate(points):
            others = {key: value for key, value in point.items() if key != name}
            curves.setdefault(repr(others), (others, []))[1].append(place)
        varying = [
            key
            for key in points[0]
            if key != name and len({repr(point[key]) for point in points}) > 1
        ]
        settings, paths = [], []
        for others, places in curves.values():
            at = np.array([points[place][name] for place in places], dtype=np.float64)
            order = np.array(places)[np.argsort(at)]
            settings.append({key: others[key] for key in varying})
            paths.append((np.sort(at), mean[order], error[order]))
        display = cls(parameter=name, settings=settings, paths=paths)
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it, again if need be, on other axes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        PathDisplay
        """
        ax = get_axes(ax)
        self.lines_, self.bands_ = [], []
        for number, (setting, (at, mean, error)) in enumerate(
            zip(self.settings, self.paths, strict=True)
        ):
            label = ", ".join(f"{key}={value}" for key, value in setting.items())
            style = line_style(number)
            self.lines_ += ax.plot(at, mean, label=label or None, **style)
            band = ax.fill_between(
                at, mean - error, mean + error, color=style["color"], alpha=0.15, lw=0
            )
            self.bands_.append(band)
        at, mean, _ = max(self.paths, key=lambda path: np.nanmax(path[1]))
        best = int(np.nanargmax(mean))
        (self.best_,) = ax.plot(at[best], mean[best], "o", color=neutral())
        positive = all((at > 0).all() for at, _, _ in self.paths)
        ax.set(
            xlabel=self.parameter,
            ylabel="mean test score",
            xscale="log" if positive else "linear",
        )
        if any(self.settings):
            ax.legend(fontsize="x-small")
        self.ax_, self.figure_ = ax, ax.figure
        return self
