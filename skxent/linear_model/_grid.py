"""A grid of penalties and loss parameters: its fits on one fold, and their summary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from skxent._validation import warn
from skxent.objective import LinearObjective
from skxent.problem import Weights
from skxent.solvers import solve

Candidate = dict[str, Any]


@dataclass(frozen=True)
class Fold:
    """What the candidates did on one fold, in their order."""

    classes: NDArray[Any]
    scores: NDArray[np.float64]
    fit_times: NDArray[np.float64]
    score_times: NDArray[np.float64]
    n_iter: NDArray[np.int32]
    coef: NDArray[Any]  # of the one that scored best here
    intercept: NDArray[Any]


def fit_fold(
    model: Any,
    varied: str,
    candidates: Sequence[Candidate],
    train: tuple[Any, Any, Any],
    test: tuple[Any, Any],
    scorer: Any,
    score_params: dict[str, Any],
) -> Fold:
    """Fit and score every candidate; `model` is a plain estimator, and is changed.

    For each l1_ratio and value of the varied parameter there is one objective, of which
    C changes the penalty alone. Every fit starts where its neighbours end.
    """
    X, y, weights = train
    model.n_features_in_ = X.shape[1]
    scores, fit_times, score_times = np.full((3, len(candidates)), np.nan)
    n_iter = np.empty(len(candidates), dtype=np.int32)
    best, kept = -np.inf, None
    place = {(c["l1_ratio"], c[varied], c["C"]): i for i, c in enumerate(candidates)}
    before: list[Weights] = []  # the fits at the last value of the varied parameter
    row: list[Weights] = []
    at: tuple[Any, ...] = ()
    for point in sorted(place):
        i = place[point]
        begin = time.perf_counter()
        model.set_params(**candidates[i])
        if point[:2] != at:
            before, row, at = row if point[:1] == at[:1] else [], [], point[:2]
            target = model._target(X, y, weights)
            settings = model.set_params(C=1.0)._settings()
            objective = LinearObjective(X, target, **settings)
            unit = objective.penalty
            model.set_params(**candidates[i])
        objective.penalty = unit / model.C
        solution = solve(
            objective,
            start_from(before, row, objective.shape),
            l1=model.l1_ratio / (model.C * objective.given_weight),
            solver=model.solver,
            tol=float(model.tol),
            max_iter=int(model.max_iter),
            verbose=int(model.verbose),
        )
        row.append(solution.weights)
        model._keep(objective, solution.weights)
        n_iter[i] = solution.n_iter
        fitted = time.perf_counter()
        scores[i] = scorer(model, *test, **score_params)
        fit_times[i] = fitted - begin
        score_times[i] = time.perf_counter() - fitted
        if kept is None or scores[i] > best:
            best, kept = scores[i], (model.coef_, model.intercept_)
    assert kept is not None
    return Fold(model.classes_, scores, fit_times, score_times, n_iter, *kept)


def start_from(
    before: list[Weights], row: list[Weights], shape: tuple[int, int]
) -> Weights:
    """The fourth corner of a parallelogram of neighbours, or the nearest of them.

    `before` are the fits of all C at the last value of the varied parameter, `row`
    those of the smaller C at this one.
    """
    i = len(row)
    if before and row:
        return row[-1] + before[i] - before[i - 1]
    if before:
        return before[0]
    return row[-1] if row else np.zeros(shape)


def summary(candidates: Sequence[Candidate], folds: Sequence[Fold]) -> dict[str, Any]:
    """`cv_results_`, with the keys of scikit-learn's searches."""
    scores = np.array([fold.scores for fold in folds])
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
    for k, split in enumerate(scores):
        results[f"split{k}_test_score"] = split
    mean = scores.mean(axis=0)
    results["mean_test_score"] = mean
    results["std_test_score"] = scores.std(axis=0)
    if not np.isfinite(mean).all():
        warn(f"Some of the test scores are not finite: {mean}.")
    ranked = np.where(np.isnan(mean), -np.inf, mean)
    results["rank_test_score"] = rankdata(-ranked, method="min").astype(np.int32)
    return results
