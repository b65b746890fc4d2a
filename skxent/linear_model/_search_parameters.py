"""The parameters that all searches have, and the grid that some of them are."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from skxent.kernels.checks import POSITIVE, check_count
from skxent.kernels.threads import effective_n_threads


@dataclass(eq=False, repr=False, kw_only=True)
class SearchParameters:
    """The parameters and the attributes of all searches.

    Parameters
    ----------
    Cs : int or array-like, default=10
        Values of C in (0, inf]; an int is that many from 1e-4 to 1e4 on a log scale.
    l1_ratios : array-like, default=(0.0,)
        Values of the share of the L1 penalty, in [0, 1].
    class_weight : dict of label to weight or "balanced", default=None
        "balanced" weights are computed from the rows of each fit: the training rows of
        a fold, or all rows for the refit.
    cv : int, splitter or iterable of (train, test), default=None
        None: 5 stratified folds.
    scoring : str, callable, list or tuple of str, or dict, default=None
        A name of :func:`skxent.scorers.get_scorer` or scikit-learn, or a scorer. None:
        skxent's ``neg_log_loss``. A list of names or a dict that maps names to scorers:
        `cv_results_` has the scores of all of them.
    refit : bool, str or callable, default=True
        True: fit the best parameters to all of the data. If `scoring` has several
        scorers, the name of the one that decides. A function takes `cv_results_` and
        returns the index of the best candidate; there is then no `best_score_`.
        False, with one scorer: coefficients and parameters are the means of the best of
        each fold. Folds without a score, or without all classes in training, are left
        out with a warning.
    fold_tol : float in (0, inf) or None, default=0.001
        The tolerance of the first fits in the folds by L-BFGS and Newton-CG, if it is
        larger than `tol`. The best candidate and all that may be better are then fitted
        to `tol`, and the best of these is chosen. The scores of the other candidates
        are less exact. It has an effect only if `refit` is True and `scoring` is a
        single scorer of a loss, as by default. None: fit all candidates to `tol`.
    error_score : float or "raise", default=np.nan
        The score of a fit or scoring that raised an error, with a warning that counts
        and shows the errors. "raise": raise the error. If no fit succeeds, an error is
        raised in any case.
    n_jobs : int, default=None
        Number of folds that are fitted at the same time, as in joblib; they share the
        threads of the kernels. None: one after the other, each with all threads.
    verbose : int, default=0
        Print a line for every iteration of every fit.

    Attributes
    ----------
    C_ : float
        The chosen C.
    l1_ratio_ : float
        The chosen share of the L1 penalty.
    Cs_ : ndarray of shape (n_Cs,)
        The values of C that were tried.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
        The values of l1_ratio that were tried.
    best_params_ : dict of str to float
        The best candidate. Not with ``refit=False``. If every candidate lacks the score
        of some fold, all have rank 1 and the first is the best, with a warning.
    best_index_ : int
        Its row in `cv_results_`. Not with ``refit=False``.
    best_score_ : float
        Its mean score. Not with ``refit=False`` or a function as `refit`.
    cv_results_ : dict of ndarray
        As in GridSearchCV; ``pandas.DataFrame(cv_results_)`` is a table of it.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_values, n_Cs)
        The scores on the test part of each fold, where n_values counts the values of
        the loss's parameter; if `scoring` has several scorers, a dict of them by name.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_values, n_Cs)
        Iterations of each fit; 0 for one that failed.
    n_splits_ : int
        The number of folds.
    penalty : {"l1", "l2", "elasticnet"} or None
        The kind of penalty that the chosen l1_ratio and C mean.
    """

    Cs: Any = 10
    l1_ratios: Any = (0.0,)
    penalty_factor: Any = None
    monotonic_cst: Any = None
    fit_intercept: bool = True
    class_weight: Any = None
    posterior: bool = True
    cv: Any = None
    scoring: Any = None
    solver: str = "auto"
    tol: float = 1e-4
    fold_tol: float | None = 1e-3
    max_iter: int = 100
    multilabel: bool = False
    refit: Any = True
    error_score: Any = np.nan
    n_jobs: int | None = None
    verbose: int = 0

    loss_parameter: ClassVar[str]

    def _check_fits(self) -> None:
        if self.error_score != "raise" and not isinstance(self.error_score, Real):
            raise ValueError(
                f"error_score must be 'raise' or a number, got {self.error_score!r}."
            )
        effective_n_threads(self.n_jobs, name="n_jobs")
        if self.fold_tol is not None:
            POSITIVE.check("fold_tol", self.fold_tol)

    def _grid(self) -> dict[str, list[Any]]:
        if isinstance(self.Cs, (int, np.integer)):
            check_count("Cs", self.Cs)
            Cs = np.logspace(-4, 4, self.Cs).tolist()
        else:
            Cs = self.Cs
        values = getattr(self, f"{self.loss_parameter}s")
        grid = {"C": Cs, self.loss_parameter: values, "l1_ratio": self.l1_ratios}
        for name, values in grid.items():
            numbers = np.ndim(values) == 1 and all(isinstance(x, Real) for x in values)
            if not numbers or not len(values):
                raise ValueError(
                    f"{name}s must be a list of numbers that is not empty, "
                    f"got {values!r}."
                )
        return {name: list(values) for name, values in grid.items()}
