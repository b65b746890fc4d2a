"""The scores of a search along C, one curve for each of the other parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self

import numpy as np

from skxent.displays._display import Display, legend_above, line_style, text_color
from skxent.kernels.arrays import Floats

# More curves than this cannot be told apart, so the others are grey.
MAX_COLORED = 8
# Characters of a curve's name.
MAX_NAME = 60

Path = tuple[Floats, Floats, Floats]


@dataclass(eq=False, repr=False, kw_only=True)
class PathDisplay(Display):
    """Cross-validated score against C, or another parameter of a search.

    Create it by `from_estimator` or `from_cv_results`. The band is one standard error
    of the mean over the folds to either side, and the mark is the best score. Of more
    than 8 curves those with the best scores have colours, bands and names, and the
    others are grey. Infinite values, which C may have, are drawn beyond the others.

    Parameters
    ----------
    parameter : str
        The name of the parameter along the curves.
    settings : list of dict
        The other parameters of each curve.
    paths : list of (ndarray, ndarray, ndarray)
        For each curve, values of the parameter in rising order, mean scores, and their
        standard errors, all of shape (points,).
    metric : str, default="score"
        The name of the score.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    lines_ : list of matplotlib Line2D
    bands_ : list of matplotlib PolyCollection
        Of the curves that are not grey.
    best_ : matplotlib Line2D

    See Also
    --------
    skxent.FocalLogisticRegressionCV : A search along C.

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

    parameter: str
    settings: Sequence[dict[str, Any]]
    paths: Sequence[Path]
    metric: str = "score"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        parameter: str = "C",
        metric: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the search of a fitted CV estimator, or of a GridSearchCV.

        Parameters
        ----------
        estimator : fitted estimator with `cv_results_`
            The search.
        parameter : str, default="C"
            The end of a parameter's name: "C" also means "model__C".
        metric : str, default=None
            Which of several scores. None: the one that the search was refitted by.
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        PathDisplay

        Raises
        ------
        ValueError
            If the estimator is not a fitted search, or has no such parameter or score.
        """
        if not hasattr(estimator, "cv_results_"):
            raise ValueError(
                "estimator must be a fitted search with cv_results_, "
                f"got {estimator!r}."
            )
        if metric is None and getattr(estimator, "multimetric_", False):
            metric = estimator.refit if isinstance(estimator.refit, str) else None
        return cls.from_cv_results(
            estimator.cv_results_, parameter=parameter, metric=metric, ax=ax
        )

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        parameter: str = "C",
        metric: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the table of a search.

        Parameters
        ----------
        cv_results : dict of array-like
            With the keys of GridSearchCV's `cv_results_`.
        parameter, ax
            See `from_estimator`.
        metric : str, default=None
            Which of several scores. None: "score", the only one.

        Returns
        -------
        PathDisplay

        Raises
        ------
        ValueError
            If there is no such parameter or score, or no score is finite.
        """
        metrics = [
            key.removeprefix("mean_test_")
            for key in cv_results
            if key.startswith("mean_test_")
        ]
        chosen = "score" if metric is None else metric
        if chosen not in metrics:
            raise ValueError(f"metric must be one of {metrics}, got {metric!r}.")
        points = list(cv_results["params"])
        known = list(dict.fromkeys(name for point in points for name in point))
        names = [n for n in known if n == parameter or n.endswith(f"__{parameter}")]
        if len(names) != 1:
            raise ValueError(f"parameter must be one of {known}, got {parameter!r}.")
        (name,) = names
        n_folds = sum(
            key.startswith("split") and key.endswith(f"_test_{chosen}")
            for key in cv_results
        )
        mean = np.asarray(cv_results[f"mean_test_{chosen}"], dtype=np.float64)
        if not np.isfinite(mean).any():
            raise ValueError(f"mean_test_{chosen} must have finite scores, got none.")
        error = np.asarray(cv_results[f"std_test_{chosen}"]) / np.sqrt(max(n_folds, 1))
        settings, paths = _paths(points, name, mean, error)
        display = cls(parameter=name, settings=settings, paths=paths, metric=chosen)
        return display.plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        tops = [np.nan_to_num(mean, nan=-np.inf).max() for _, mean, _ in self.paths]
        told = set(np.argsort(tops, kind="stable")[::-1][:MAX_COLORED].tolist())
        grey = {"color": text_color(), "alpha": 0.35, "linewidth": 0.8, "zorder": 1}
        grey["label"] = f"{len(tops) - len(told)} others"
        every = np.concatenate([at for at, _, _ in self.paths])
        infinite = np.isinf(every)
        beyond = 10 * np.max(every, where=~infinite, initial=0.1)
        if infinite.any():
            foot = {"transform": ax.get_xaxis_transform(), "ha": "center"}
            ax.text(beyond, 0.01, "∞", **foot)
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        for number, (setting, (at, mean, error)) in enumerate(
            zip(self.settings, self.paths, strict=True)
        ):
            at = np.where(np.isinf(at), beyond, at)
            if number not in told:
                self.lines_ += ax.plot(at, mean, marker=".", **grey)
                grey["label"] = None
                continue
            style = line_style(len(self.bands_))
            label = _label(setting) or None
            self.lines_ += ax.plot(at, mean, marker=".", label=label, **style)
            band = ax.fill_between(
                at, mean - error, mean + error, color=style["color"], alpha=0.15, lw=0
            )
            self.bands_.append(band)
        at, mean, _ = self.paths[int(np.argmax(tops))]
        best = int(np.nanargmax(mean))
        at = beyond if np.isinf(at[best]) else at[best]
        self.best_: Any = ax.plot(at, mean[best], "o", color=text_color())[0]
        ax.set(
            xlabel=self.parameter,
            ylabel=f"mean test {self.metric}",
            xscale="log" if (every > 0).all() else "linear",
        )
        if any(self.settings):
            legend_above(ax)


def _paths(
    points: list[dict[str, Any]], name: str, mean: Floats, error: Floats
) -> tuple[list[dict[str, Any]], list[Path]]:
    """Return points that differ only in the parameter `name` as curves along it."""
    curves: dict[str, tuple[dict[str, Any], dict[Real, int]]] = {}
    for place, point in enumerate(points):
        if name in point:
            value = point[name]
            if not isinstance(value, Real):
                raise ValueError(
                    "parameter must be one whose values are numbers, "
                    f"got {name}={value!r}."
                )
            others = {key: value for key, value in point.items() if key != name}
            # Successive halving repeats points, with more rows each time.
            curves.setdefault(repr(others), (others, {}))[1][value] = place
    every = [others for others, _ in curves.values()]
    varying = [
        key
        for key in dict.fromkeys(key for others in every for key in others)
        if len({repr(others.get(key)) for others in every}) > 1
    ]
    settings: list[dict[str, Any]] = []
    paths: list[Path] = []
    for others, places in curves.values():
        at = np.array(list(places), dtype=np.float64)
        order = np.argsort(at, kind="stable")
        settings.append({key: others[key] for key in varying if key in others})
        at, rows = at[order], np.array(list(places.values()))[order]
        paths.append((at, mean[rows], error[rows]))
    return settings, paths


def _label(setting: dict[str, Any]) -> str:
    """Return a name of a curve, without the steps of a Pipeline if it is unique."""
    short = [name.rpartition("__")[2] for name in setting]
    names = short if len(set(short)) == len(short) else list(setting)
    text = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in zip(names, setting.values(), strict=True)
    )
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"
