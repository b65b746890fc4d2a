"""Fits of a search that stop early, unless its choice depends on them.

A fit that stops at a Newton decrement δ is at a distance δ from its minimum, in the
norm of the Hessian. The error of a smooth score is therefore about s δ. The sensitivity
s is the dual norm of the score's gradient, times a cosine. It is estimated from fits
that continue to a smaller δ, by the change of their scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
from joblib import Parallel, delayed

from skxent.kernels.threads import blas_threads, processors
from skxent.linear_model._callbacks import SearchTask
from skxent.linear_model._grid import Fold, FoldFits

# The sensitivity counts as SAFETY times its estimate, and at least MIN_SENSITIVITY. On
# the twenty tables of test_choice.py the choice is then that of tight fits.
MIN_SENSITIVITY, SAFETY = 0.1, 5.0


def undecided(folds: Sequence[Fold], tol: float) -> list[int]:
    """Return the candidates to fit to `tol`, none if the best one is known.

    They are the one with the best mean score and all that may be better than it.
    """
    (name, *_) = folds[0].scores
    mean = np.mean([fold.scores[name] for fold in folds], axis=0)
    known = [fold.sensitivity for fold in folds if np.isfinite(fold.sensitivity)]
    s = max(MIN_SENSITIVITY, SAFETY * float(np.mean(known or [0.0])))
    decrements = np.array([fold.decrements for fold in folds])
    decrements[decrements <= tol] = 0.0  # A fit on its own is no more exact.
    error = s * decrements.mean(axis=0)
    if np.isnan(mean).all():
        return []
    best = np.nanargmax(mean)
    with np.errstate(invalid="ignore"):  # infinite scores
        near = np.flatnonzero(mean + error + error[best] >= mean[best])
    if len(near) == 1:
        return []
    return [int(i) for i in near if any(i in fold.open for fold in folds)]


def fit_folds(
    fits: Callable[[int], FoldFits],
    task: SearchTask,
    n_folds: int,
    jobs: int,
    fold_tol: float | None,
    tol: float,
) -> list[Fold]:
    """Fit all candidates to `fold_tol`, and to `tol` until the best one is known.

    `fits` returns the fits of a fold by its number.
    """
    # Threads share X, and the kernels and BLAS release the interpreter's lock.
    limit = max(1, processors() // jobs)
    parallel, every = Parallel(n_jobs=jobs, prefer="threads"), range(n_folds)
    with blas_threads(limit) if jobs > 1 else nullcontext():
        folds: list[Fold] = parallel(
            delayed(fits(k).fit_all)(fold_tol, task.fold(k)) for k in every
        )
        while open_ := undecided(folds, tol):
            folds = parallel(delayed(fits(k).fit_again)(folds[k], open_) for k in every)
    return folds
