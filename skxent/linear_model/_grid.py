"""A grid on one fold: fits that start where their neighbours end, and scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    """The scores, times and errors of the candidates on one fold, in their order.

    decrements : the Newton decrements of fits that may continue, 0 for other fits.
    sensitivity : the largest change of a score by a second fit, per unit of the
    decrement before it; NaN if no fit was continued.
    open : the models whose fits may continue, by the index of the candidate.
    """

    def __init__(self, n_candidates: int, metrics: Iterable[str]) -> None:
        self.scores = {name: np.full(n_candidates, np.nan) for name in metrics}
        self.fit_times, self.score_times = np.zeros((2, n_candidates))
        self.n_iter = np.zeros(n_candidates, dtype=np.int32)
        self.decrements = np.zeros(n_candidates)
        self.sensitivity = np.nan
        self.open: dict[int, CrossEntropyClassifier] = {}
        self.errors: dict[str, list[str]] = {"fit": [], "score": []}
        self.best: Best | None = None  # by the first metric

    def note_change(self, change: float) -> None:
        """Note the change of a score per unit of the decrement before it."""
        self.sensitivity = float(np.fmax(self.sensitivity, change))

    def offer(self, index: int, score: float, model: CrossEntropyClassifier) -> None:
        """Keep the model if it is the best so far; of equal ones the first wins."""
        best = self.best
        if best is None or (score, -index) > (best.score, -best.candidate):
            self.best = Best(
                index, score, model.classes_, model.coef_, model.intercept_
            )


@dataclass(frozen=True, eq=False)
class FoldFits:
    """Fits and scores the candidates on one fold.

    `groups` are the indices of equal candidates, by their point of the grid. `make`
    returns the model of a candidate. What cannot be fitted or scored gets
    `error_score`, or raises if that is "raise".
    """

    make: Callable[..., CrossEntropyClassifier]
    candidates: Sequence[Candidate]
    groups: dict[GridPoint, list[int]]
    train: LinearData
    scorer: FoldScorer
    error_score: Any

    def fit_all(self, fold_tol: float | None, done: Callable[[], None]) -> Fold:
        """Fit every candidate to `fold_tol`, and call `done` after each.

        None: to the model's own tolerance.
        """
        fold = Fold(len(self.candidates), self.scorer.scorers)
        path = Path(self.train, sorted(self.groups), fold_tol)
        for point in path.points:
            duplicates = self.groups[point]
            model = self.make(**self.candidates[duplicates[0]])
            self._attempt(fold, duplicates, model, partial(path.fit, point))
            # A fit that reached max_iter has a larger decrement, and is not continued.
            if model.tol < fold.decrements[duplicates[0]] <= (fold_tol or 0.0):
                fold.open[duplicates[0]] = model
            else:
                fold.decrements[duplicates] = 0.0
            for _ in duplicates:
                done()
        return fold

    def fit_again(self, fold: Fold, indices: Sequence[int]) -> Fold:
        """Continue the fits of some candidates to the model's own tolerance.

        The fold is returned because this may run in another process.
        """
        (scores, *_) = fold.scores.values()
        for duplicates in self.groups.values():
            first = duplicates[0]
            if first in indices and first in fold.open:
                before, decrement = scores[first], fold.decrements[first]
                model = fold.open.pop(first).set_params(warm_start=True)
                self._attempt(fold, duplicates, model, self._continue_fit)
                fold.note_change(abs(scores[first] - before) / decrement)
        return fold

    def _continue_fit(self, model: CrossEntropyClassifier) -> tuple[int, float]:
        model.fit(*self.train)
        return int(model.n_iter_[0]), 0.0

    def _attempt(
        self,
        fold: Fold,
        duplicates: list[int],
        model: CrossEntropyClassifier,
        fit: Callable[[CrossEntropyClassifier], tuple[int, float]],
    ) -> None:
        """Fit and score the model of equal candidates; note times and errors."""
        begin = time.perf_counter()
        try:
            n_iter, fold.decrements[duplicates] = fit(model)
        except Exception as error:
            if self.error_score == "raise":
                raise
            fold.errors["fit"] += [message(error)] * len(duplicates)
            for values in fold.scores.values():
                values[duplicates] = self.error_score
        else:
            fold.n_iter[duplicates] += n_iter
            fitted = time.perf_counter()
            self._score(fold, duplicates, model)
            fold.score_times[duplicates] += time.perf_counter() - fitted
            begin += time.perf_counter() - fitted
        fold.fit_times[duplicates] += time.perf_counter() - begin

    def _score(
        self, fold: Fold, duplicates: list[int], model: CrossEntropyClassifier
    ) -> None:
        for k, (name, values) in enumerate(fold.scores.items()):
            try:
                value = self.scorer(name, model)
            except Exception as error:
                if self.error_score == "raise":
                    raise
                fold.errors["score"] += [message(error)] * len(duplicates)
                values[duplicates] = self.error_score
                continue
            values[duplicates] = value = check_score(value, name)
            if k == 0 and not np.isnan(value):
                fold.offer(duplicates[0], value, model)


def grouped(
    candidates: Sequence[Candidate], loss_parameter: str
) -> dict[GridPoint, list[int]]:
    """Return the indices of the candidates at each point of the grid."""
    groups: dict[GridPoint, list[int]] = {}
    for i, c in enumerate(candidates):
        groups.setdefault((c["l1_ratio"], c[loss_parameter], c["C"]), []).append(i)
    return groups


def message(error: Exception) -> str:
    """Return an error as one line."""
    return f"{type(error).__name__}: {error}"
