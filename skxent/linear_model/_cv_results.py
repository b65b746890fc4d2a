"""The `cv_results_` of a search, and warnings about fits that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.exceptions import FitFailedWarning

from skxent.kernels.checks import warn
from skxent.linear_model._grid import Candidate, Fold


def warn_of_failures(folds: Sequence[Fold], error_score: Any) -> None:
    """Warn of fits and scores that failed, as GridSearchCV does; raise if all did."""
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
    """Return a line for each different error, with its number of occurrences."""
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
        with np.errstate(invalid="ignore"):  # infinite scores, warned about below
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
    # nan_to_num also replaces -inf, by the lowest finite number, which ranks above NaN.
    ranked = np.nan_to_num(mean, nan=-np.inf)
    return rankdata(-ranked, method="min").astype(np.int32)
