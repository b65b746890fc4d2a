"""Curves along C: the scores of a search, or the coefficients of a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skxent.displays._curves import Curve, curves_along, label_of
from skxent.displays._display import Display, legend_above, line_style, text_color
from skxent.inputs.descriptions import documented

# More curves than this cannot be told apart, so the others are grey.
MAX_COLORED = 8


@documented()
@dataclass(eq=False, repr=False, kw_only=True)
class PathDisplay(Display):
    """Cross-validated score against C, or another parameter of a search.

    Create it by `from_estimator` or `from_cv_results`; or by `from_path`, which shows
    coefficients along C, without bands and marks. The band is one standard error
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
    scored : bool, default=True
        False: the curves are coefficients, and those that become largest have colours.

    Attributes
    ----------
    {attributes}
    lines_ : list of matplotlib Line2D
        The curves.
    bands_ : list of matplotlib PolyCollection
        The bands of the curves that are not grey.
    best_ : matplotlib Line2D or None
        The mark of the best score; None for coefficients.

    See Also
    --------
    skxent.cross_entropy_path : Coefficients along C.
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
    paths: Sequence[Curve]
    metric: str = "score"
    scored: bool = True

    @classmethod
    def from_path(
        cls, path: Any, *, feature_names: Sequence[str] | None = None, ax: Any = None
    ) -> Self:
        """Draw the coefficients of a path against C.

        Columns that are not in use at any C are left out.

        Parameters
        ----------
        path : CrossEntropyPath
            The result of :func:`skxent.cross_entropy_path`.
        feature_names : list of str of length d, default=None
            Names of the columns. None: their numbers.
        ax : matplotlib Axes, default=None
            The axes to draw on. None: those of a new figure.

        Returns
        -------
        PathDisplay
            The picture, drawn.

        Raises
        ------
        ValueError
            If there is not one name for each column, or no column is in use.
        """
        Cs, coefs = np.asarray(path.Cs), np.asarray(path.coefs)
        _, m, d = coefs.shape
        names = list(range(d)) if feature_names is None else list(feature_names)
        if len(names) != d:
            raise ValueError(
                f"feature_names must have {d} names, as many as columns of X, "
                f"got {len(names)}."
            )
        used = np.argwhere(coefs.any(axis=0))
        if not len(used):
            raise ValueError(
                "path must have a coefficient that is not zero, got none. "
                "Larger values of C let coefficients enter."
            )
        order = np.argsort(Cs, kind="stable")
        zero = np.zeros(len(Cs))
        settings = [
            ({"class": int(k)} if m > 1 else {}) | {"column": names[j]} for k, j in used
        ]
        paths = [(Cs[order], coefs[order, k, j], zero) for k, j in used]
        display = cls(
            parameter="C",
            settings=settings,
            paths=paths,
            metric="coefficient",
            scored=False,
        )
        return display.plot(ax=ax)

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
            The picture, drawn.

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
    @documented(from_estimator)
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
        metric : str, default=None
            Which of several scores. None: "score", the only one.
        {parameters}

        Returns
        -------
        PathDisplay
            The picture, drawn.

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
        settings, paths = curves_along(points, name, mean, error)
        display = cls(parameter=name, settings=settings, paths=paths, metric=chosen)
        return display.plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        heights = [mean if self.scored else np.abs(mean) for _, mean, _ in self.paths]
        tops = [np.nan_to_num(height, nan=-np.inf).max() for height in heights]
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
        colored = 0
        for number, (setting, (at, mean, error)) in enumerate(
            zip(self.settings, self.paths, strict=True)
        ):
            at = np.where(np.isinf(at), beyond, at)
            marker = "." if self.scored else None
            if number not in told:
                self.lines_ += ax.plot(at, mean, marker=marker, **grey)
                grey["label"] = None
                continue
            style = line_style(colored)
            colored += 1
            label = label_of(setting) or None
            self.lines_ += ax.plot(at, mean, marker=marker, label=label, **style)
            if not self.scored:
                continue
            band = ax.fill_between(
                at, mean - error, mean + error, color=style["color"], alpha=0.15, lw=0
            )
            self.bands_.append(band)
        self.best_: Any = None
        if self.scored:
            at, mean, _ = self.paths[int(np.argmax(tops))]
            best = int(np.nanargmax(mean))
            at = beyond if np.isinf(at[best]) else at[best]
            self.best_ = ax.plot(at, mean[best], "o", color=text_color())[0]
        ax.set(
            xlabel=self.parameter,
            ylabel=f"mean test {self.metric}" if self.scored else self.metric,
            xscale="log" if (every > 0).all() else "linear",
        )
        if any(self.settings):
            legend_above(ax)
