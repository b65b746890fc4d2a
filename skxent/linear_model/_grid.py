"""A grid on one fold: fits that start where their neighbours end, and scores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.exceptions import FitFailedWarning

from skxent.kernels.checks import warn
from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._data import LinearData
from skxent.linear_model._fold_path import GridPoint, Path
from skxent.linear_model._scoring import FoldScorer, check_score

Candidate = dict[str, Any]


class Best(NamedTuple):
    """The candidate that scored best on a fold."""

    candidate: int
    score: float
    classes: NDArray[Any]
    coef: NDArray[Any]
    intercept: NDArray[Any]


class Fold:
    """The scores, times and errors of the candidates on one fold, in their order."""

    def __init__(self, n_candidates: int, metrics: Iterable[str]) -> None:
        self.scores = {name: np.full(n_candidates, np.nan) for name in metrics}
        self.fit_times, self.score_times = np.zeros((2, n_candidates))
        self.n_iter = np.zeros(n_candidates, dtype=np.int32)
        self.errors: dict[str, list[str]] = {"fit": [], "score": []}
        self.best: Best | None = None  # by the first metric

    def offer(self, index: int, score: float, model: CrossEntropyClassifier) -> None:
        """Keep the model if it is the best so far; of equal ones the first wins."""
        best = self.best
        if best is None or (score, -index) > (best.score, -best.candidate):
            self.best = Best(
                index, score, model.classes_, model.coef_, model.intercept_
            )


def fit_fold(
    make: Callable[..., CrossEntropyClassifier],
    loss_parameter: str,
    candidates: Sequence[Candidate],
    train: LinearData,
    scorer: FoldScorer,
    error_score: Any,
    done: Callable[[], None],
) -> Fold:
    """Fit and score every candidate, each a model that `make` returns.

    What cannot be fitted or scored gets `error_score`, or raises if that is "raise".
    `done` is called after each candidate.
    """
    fold = Fold(len(candidates), scorer.scorers)
    groups: dict[GridPoint, list[int]] = {}
    for i, c in enumerate(candidates):
        groups.setdefault((c["l1_ratio"], c[loss_parameter], c["C"]), []).append(i)
    path = Path(train, sorted(groups))
    for point in path.points:
        duplicates = groups[point]
        begin = time.perf_counter()
        model = make(**candidates[duplicates[0]])
        try:
            fold.n_iter[duplicates], attributes = path.fit(model, point)
        except Exception as error:
            if error_score == "raise":
                raise
            fold.errors["fit"] += [message(error)] * len(duplicates)
            for values in fold.scores.values():
                values[duplicates] = error_score
        else:
            fitted = time.perf_counter()
            model.__dict__.update(attributes)
            score(fold, duplicates, scorer, model, error_score)
            fold.score_times[duplicates] = time.perf_counter() - fitted
            begin += fold.score_times[duplicates[0]]
        fold.fit_times[duplicates] = time.perf_counter() - begin
        for _ in duplicates:
            done()
    return fold


def score(
    fold: Fold,
    duplicates: list[int],
    scorer: FoldScorer,
    model: CrossEntropyClassifier,
    error_score: Any,
) -> None:
    """Score the fitted model of equal candidates on its fold."""
    for k, (name, values) in enumerate(fold.scores.items()):
        try:
            value = scorer(name, model)
        except Exception as error:
            if error_score == "raise":
                raise
            fold.errors["score"] += [message(error)] * len(duplicates)
            values[duplicates] = error_score
            continue
        values[duplicates] = value = check_score(value, name)
        if k == 0 and not np.isnan(value):
            fold.offer(duplicates[0], value, model)


def message(error: Exception) -> str:
    """Return an error as one line."""
    return f"{type(error).__name__}: {error}"


def warn_of_failures(folds: Sequence[Fold], error_score: Any) -> None:
    """Warn of fits and scores that failed, as GridSearchCV does.

    Raises
    ------
    ValueError
        If no candidate could be fitted on any fold.
    """
    n_fits = sum(len(fold.n_iter) for fold in folds)
    advice = "error_score='raise' shows where."
    fits = [error for fold in folds for error in fold.errors["fit"]]
    if len(fits) == n_fits:
        raise ValueError(f"All {n_fits} fits failed; {advice}\n{counted(fits)}")
    if fits:
        warn(
            f"{len(fits)} of {n_fits} fits failed, whose scores are {error_score}; "
            f"{advice}\n{counted(fits)}",
            FitFailedWarning,
        )
    scores = [error for fold in folds for error in fold.errors["score"]]
    if scores:
        n_scores = n_fits * len(folds[0].scores)
        warn(
            f"Scoring failed {len(scores)} of {n_scores} times, where the score is "
            f"{error_score}; {advice}\n{counted(scores)}"
        )


def counted(errors: Sequence[str]) -> str:
    """Return a line for each different error, with how often it came."""
    return "\n".join(f"{n} times {error}" for error, n in Counter(errors).items())


def summary(candidates: Sequence[Candidate], folds: Sequence[Fold]) -> dict[str, Any]:
    """Return `cv_results_`, with the keys of scikit-learn's searches."""
    results: dict[str, Any] = {}
    for name, times in (
        ("fit", np.array([fold.fit_times for fold in folds])),
        ("score", np.array([fold.score_times for fold in folds])),
    ):
        results[f"mean_{name}_time"] = times.mean(axis=0)
        results[f"std_{name}_time"] = times.std(axis=0)
    for name in candidates[0]:
        values = [candidate[name] for candidate in candidates]
        results[f"param_{name}"] = np.ma.array(values, dtype=np.float64)
    results["params"] = list(candidates)
    for metric in folds[0].scores:
        scores = np.array([fold.scores[metric] for fold in folds])
        for k, split in enumerate(scores):
            results[f"split{k}_test_{metric}"] = split
        with np.errstate(invalid="ignore"):  # infinite scores: they are warned of here
            mean, std = scores.mean(axis=0), scores.std(axis=0)
        results[f"mean_test_{metric}"] = mean
        results[f"std_test_{metric}"] = std
        results[f"rank_test_{metric}"] = ranks(mean)
        if np.isnan(mean).all():
            warn(
                f"No candidate has a mean_test_{metric}, since each lacks the score of "
                "some fold: all have rank 1, and the first is taken for the best."
            )
        elif not np.isfinite(mean).all():
            warn(f"Some of the test scores are not finite: {mean}.")
    return results


def ranks(mean: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return ranks from 1 for the highest score; NaN is below everything."""
    # nan_to_num makes of -inf the lowest number, which is above -inf.
    ranked = np.nan_to_num(mean, nan=-np.inf)
    return rankdata(-ranked, method="min").astype(np.int32)
