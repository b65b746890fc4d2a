"""The cross-validated estimators: C with gamma, C with label smoothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.linear_model._named import (
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)
from skxent.linear_model._search import GridCV


@dataclass(eq=False, repr=False, kw_only=True)
class FocalLogisticRegressionCV(GridCV):
    """Focal logistic regression with C and gamma chosen by cross-validation.

    Tries the same candidates on the same folds as
    ``GridSearchCV(FocalLogisticRegression(), ...)``, and is faster: each fit starts
    where those of the neighbouring C and gamma ended. Scores agree up to `tol`, so that
    candidates whose scores are closer than that may swap ranks; a loss that is not
    convex (gamma > 0) may end in another local minimum.

    Parameters
    ----------
    Cs : int or array-like, default=10
        Values of C in (0, inf]; an int is that many from 1e-4 to 1e4 on a log scale.
    gammas : array-like, default=(0.0, 0.5, 1.0, 2.0, 5.0)
        Values in [0, 1e6].
    l1_ratios : array-like, default=(0.0,)
    class_weight : dict of label to weight or "balanced", default=None
        "balanced" weights are computed from the rows of each fit: the training rows of
        a fold, or all rows for the refit.
    penalty_factor, monotonic_cst, fit_intercept, label_smoothing, posterior
    solver, tol, max_iter
        See :class:`CrossEntropyClassifier`.
    cv : int, splitter or iterable of (train, test), default=None
        None: 5 stratified folds.
    scoring : str, callable, list or tuple of str, or dict, default=None
        A name that :func:`skxent.scorers.get_scorer` or scikit-learn knows, or a
        scorer. None: our ``neg_log_loss``. Several, in a list of names or a dict of
        name to scorer, are all in `cv_results_`.
    refit : bool, str or callable, default=True
        True: fit the best parameters to all of the data. If `scoring` has several
        scorers, the name of the one that decides. A function takes `cv_results_` and
        returns the index of the best candidate; there is then no `best_score_`.
        False, with one scorer: coefficients and parameters are the means of the best of
        each fold. Folds without a score, or without all classes in training, are left
        out with a warning.
    error_score : float or "raise", default=np.nan
        The score of a fit or scoring that raised an error, with a warning that counts
        and shows the errors. "raise": raise the error. If no fit succeeds, an error is
        raised in any case.
    n_jobs : int, default=None
        Folds that are fitted at a time, as in joblib; they share the threads of the
        kernels. None: one after the other, each with all threads.
    verbose : int, default=0
        Print a line for every iteration of every fit.

    Attributes
    ----------
    C_, gamma_, l1_ratio_ : float
        What was chosen.
    best_params_, best_index_, best_score_
        As in GridSearchCV, not with refit=False. If every candidate lacks the score of
        some fold, all have rank 1 and the first is the best, with a warning.
    cv_results_ : dict of ndarray
        As in GridSearchCV; ``pandas.DataFrame(cv_results_)`` is a table of it.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_gammas, n_Cs)
        The scores on the test part of each fold; if `scoring` has several scorers, a
        dict of them by name.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_gammas, n_Cs)
        Iterations of each fit; 0 for one that failed.
    Cs_, gammas_, l1_ratios_ : ndarray
        The grid.
    n_splits_ : int
    classes_, coef_, intercept_, trained_loss_, n_features_in_, feature_names_in_
        See :class:`CrossEntropyClassifier`.

    See Also
    --------
    FocalLogisticRegression : the estimator that is fitted
    SmoothedSoftmaxClassifierCV : label smoothing in place of gamma

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent import FocalLogisticRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = FocalLogisticRegressionCV(Cs=[0.01, 0.1, 1], gammas=[0, 1]).fit(X, y)
    >>> sorted(model.best_params_)
    ['C', 'gamma', 'l1_ratio']
    """

    estimator_class = FocalLogisticRegression
    loss_parameter = "gamma"
    gamma_: float = field(init=False)
    gammas_: NDArray[np.float64] = field(init=False)
    gammas: Any = (0.0, 0.5, 1.0, 2.0, 5.0)
    label_smoothing: float = 0.0


@dataclass(eq=False, repr=False, kw_only=True)
class SmoothedSoftmaxClassifierCV(GridCV):
    """Softmax regression with C and label smoothing chosen by cross-validation.

    Parameters
    ----------
    label_smoothings : array-like, default=(0.0, 0.05, 0.1, 0.2)
        Values in [0, 1).
    Cs, l1_ratios, penalty_factor, monotonic_cst, fit_intercept, class_weight
    posterior, cv, scoring, solver, tol, max_iter, refit, error_score, n_jobs, verbose
        See :class:`FocalLogisticRegressionCV`.

    Attributes
    ----------
    label_smoothing_, label_smoothings_
        What was chosen, and the values that were tried. All others are those of
        :class:`FocalLogisticRegressionCV`, which has `gamma_` and `gammas_` instead.

    See Also
    --------
    SmoothedSoftmaxClassifier : the estimator that is fitted

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skxent import SmoothedSoftmaxClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SmoothedSoftmaxClassifierCV(Cs=[0.1, 1], label_smoothings=[0, 0.1])
    >>> round(model.fit(X, y).C_, 1)
    1.0
    """

    estimator_class = SmoothedSoftmaxClassifier
    loss_parameter = "label_smoothing"
    label_smoothing_: float = field(init=False)
    label_smoothings_: NDArray[np.float64] = field(init=False)
    label_smoothings: Any = (0.0, 0.05, 0.1, 0.2)
