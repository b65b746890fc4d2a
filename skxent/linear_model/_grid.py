"""A grid of penalties and loss parameters: its fits on one fold, and their summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from skxent._validation import warn
from skxent.objectives.linear import LinearObjective
from skxent.objectives.problem import Weights
from skxent.scorers import LossScorer
from skxent.solvers.solve import solve

Candidate = dict[str, Any]

# Extrapolate with weights of such a sum of sizes: it amplifies errors as much.
MOST_AMPLIFIED = 15.0


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
    done: Callable[[], None],
) -> Fold:
    """Fit and score every candidate; `model` is a plain estimator, and is changed.

    For each l1_ratio and value of the varied parameter there is one objective, of which
    C changes the penalty alone. Every fit starts where its neighbours end. `done` hears
    of each.
    """
    X, y, weights = train
    model.n_features_in_ = X.shape[1]
    scores, fit_times, score_times = np.full((3, len(candidates)), np.nan)
    n_iter = np.empty(len(candidates), dtype=np.int32)
    best, kept = -np.inf, None
    place: dict[tuple[float, ...], list[int]] = {}
    for i, c in enumerate(candidates):
        place.setdefault((c["l1_ratio"], c[varied], c["C"]), []).append(i)
    rows: dict[float, list[Weights]] = {}  # of each value of the varied parameter
    at: tuple[Any, ...] = ()
    score = None
    for point in sorted(place):
        same = place[point]
        begin = time.perf_counter()
        # Candidates are checked already: set_params would look at signatures again.
        vars(model).update(candidates[same[0]])
        if point[:2] != at:
            rows, at = rows if point[:1] == at[:1] else {}, point[:2]
            target = model._target(X, y, weights)
            model.C = 1.0
            objective = LinearObjective(X, target, **model._settings())
            objective.on_path = True
            unit, model.C = objective.penalty, point[2]
            surface = Surface(rows, point[1], objective.shape)
            row = rows[point[1]] = []
        objective.penalty = unit / model.C
        solution = solve(
            objective,
            surface.start(row),
            l1=model.l1_ratio / (model.C * objective.given_weight),
            solver=model.solver,
            tol=float(model.tol),
            max_iter=int(model.max_iter),
            verbose=int(model.verbose),
        )
        row.append(solution.weights)
        model._keep(objective, solution.weights)
        n_iter[same] = solution.n_iter
        fitted = time.perf_counter()
        score = score or scoring(scorer, model, *test, score_params)
        value = scores[same] = score(model)
        fit_times[same] = fitted - begin
        score_times[same] = time.perf_counter() - fitted
        if kept is None or value > best:
            best, kept = value, (model.coef_, model.intercept_)
        for _ in same:
            done()
    assert kept is not None
    return Fold(model.classes_, scores, fit_times, score_times, n_iter, *kept)


def scoring(
    scorer: Any, model: Any, X: Any, y: Any, params: dict[str, Any]
) -> Callable[[Any], float]:
    """The score of models with the classes of this one; X is checked."""
    if isinstance(scorer, LossScorer):
        score = scorer.scoring_of(y, model.classes_, **params)
        if score is not None:
            return lambda m: score(m._probabilities(m._logits(X), log=True))
    return lambda m: scorer(m, X, y, **params)


class Surface:
    """Where the fits at a new value of the varied parameter are expected to end.

    At each C the polynomial in log(1 + value) through the fits at the last three
    values; the path along C keeps the distance to it that it has so far.
    """

    def __init__(
        self, rows: dict[float, list[Weights]], value: float, shape: tuple[int, int]
    ) -> None:
        self.expected: list[Weights] = []
        self.zero = np.zeros(shape)
        for order in range(min(3, len(rows)), 0, -1):
            known = list(rows)[-order:]
            share = extrapolation(np.log1p(known), np.log1p(value))
            # Values close to each other tell nothing of one far away.
            if np.abs(share).sum() <= MOST_AMPLIFIED:
                paths = zip(*(rows[v] for v in known), strict=True)
                self.expected = [np.tensordot(share, path, 1) for path in paths]
                return

    def start(self, row: list[Weights]) -> Weights:
        """For the fit after those of `row`."""
        i = len(row)
        if not self.expected:
            return row[-1] if row else self.zero
        if not row:
            return self.expected[0]
        return row[-1] + self.expected[i] - self.expected[i - 1]


def extrapolation(known: NDArray[np.float64], x: float) -> NDArray[np.float64]:
    """Lagrange's weights of the values at `known` in the polynomial's value at x."""
    others = known[:, np.newaxis] != known
    ratio = np.ones_like(others, dtype=np.float64)
    gap = known[:, np.newaxis] - known
    np.divide(x - known, gap, out=ratio, where=others)
    return ratio.prod(axis=1)


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
