"""The fits of a search, as exact as its choice needs them.

A fit that stops at a Newton decrement δ is at a distance δ from its minimum, in the
norm of the Hessian. The error of a smooth score is therefore about s δ. The factor s
depends on the data: it is the dual norm of the score's gradient, times a cosine. It is
estimated from fits that continue to a smaller δ, by the change of their scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
from joblib import Parallel, delayed

from skxent.kernels.threads import blas_threads, processors
from skxent.linear_model._callbacks import SearchTask
from skxent.linear_model._grid import Fold, FoldFits

# s of a mean score near the best, and how much larger than what was seen it is taken to
# be. On twenty tables the choice is then that of tight fits (test_choice.py).
USUAL, CAUTION = 0.1, 5.0


def undecided(folds: Sequence[Fold], tol: float) -> list[int]:
    """Return the candidates to fit to `tol` before the best of all is known.

    They are the one with the best mean score, and all that may be better than it.
    """
    (name, *_) = folds[0].scores
    mean = np.mean([fold.scores[name] for fold in folds], axis=0)
    known = [fold.sensitivity for fold in folds if np.isfinite(fold.sensitivity)]
    s = max(USUAL, CAUTION * float(np.mean(known or [0.0])))
    decrements = np.array([fold.decrements for fold in folds])
    decrements[decrements <= tol] = 0.0  # as in a fit on its own
    error = s * decrements.mean(axis=0)
    if np.isnan(mean).all():
        return []
    best = np.nanargmax(mean)
    with np.errstate(invalid="ignore"):  # of infinite scores
        near = np.flatnonzero(mean + error + error[best] >= mean[best])
    if len(near) == 1:
        return []
    return [int(i) for i in near if any(i in fold.open for fold in folds)]


def fit_folds(
    fits: Callable[[int], FoldFits],
    task: SearchTask,
    n_folds: int,
    jobs: int,
    tols: tuple[float | None, float],
) -> list[Fold]:
    """Fit all candidates to the first of two tolerances, `fits` those of a fold.

    Then to the second, until one of them is known to be the best.
    """
    fold_tol, tol = tols
    # Threads share X and let go of the interpreter in the kernels and in BLAS.
    limit = max(1, processors() // jobs)
    parallel, every = Parallel(n_jobs=jobs, prefer="threads"), range(n_folds)
    with blas_threads(limit) if jobs > 1 else nullcontext():
        folds: list[Fold] = parallel(
            delayed(fits(k).fit_all)(fold_tol, task.fold(k)) for k in every
        )
        while some := undecided(folds, tol):
            folds = parallel(delayed(fits(k).fit_again)(folds[k], some) for k in every)
    return folds
