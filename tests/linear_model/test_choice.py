"""Long fits of a search stop early, unless its choice depends on them."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits, make_classification

from skxent import FocalLogisticRegressionCV, SmoothedSoftmaxClassifierCV
from skxent.linear_model._choice import undecided
from skxent.linear_model._grid import Fold
from skxent.scorers import make_loss_scorer

CS = np.logspace(-3, 2, 10).tolist()
TOL, LOOSE = 1e-4, 1e-2  # ten times the default


def categories(seed, n=3000, columns=6, levels=12):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, levels, (n, columns)) + levels * np.arange(columns)
    effects = rng.normal(scale=0.5, size=levels * columns)
    y = effects[codes].sum(axis=1) > rng.logistic(size=n)
    indptr = np.arange(n + 1) * columns
    return sp.csr_array((np.ones(n * columns), codes.ravel(), indptr)), y


def numbers(seed, n, d, n_classes):
    return make_classification(
        n,
        d,
        n_informative=d // 4,
        n_classes=n_classes,
        flip_y=0.1,
        random_state=seed,
    )


def digits():
    X, y = load_digits(return_X_y=True)
    return X[::3], y[::3]


TABLES = {
    **{f"categories {s}": (categories, s) for s in range(8)},
    **{f"1500 x 60 {s}": (numbers, s, 1500, 60, 4) for s in range(4)},
    **{f"200 x 100 {s}": (numbers, s, 200, 100, 3) for s in range(4)},
    **{f"6000 x 40 {s}": (numbers, s, 6000, 40, 2) for s in range(3)},
    "digits": (digits,),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_choice_is_that_of_tight_fits(name):
    make, *arguments = TABLES[name]
    X, y = make(*arguments)
    model = FocalLogisticRegressionCV(
        Cs=CS, gammas=[0.0], solver="lbfgs", cv=3, fold_tol=LOOSE
    )
    tight = sklearn.clone(model).set_params(fold_tol=None).fit(X, y)
    model.fit(X, y)
    assert model.best_params_ == tight.best_params_
    assert_allclose(model.best_score_, tight.best_score_, rtol=2e-3)
    assert model.n_iter_.sum() < tight.n_iter_.sum()
    assert_array_equal(model.coef_, tight.coef_)


TIGHT = {
    "whole Hessians": {"solver": "newton-cholesky"},
    "an L1 penalty": {"l1_ratios": [0.5], "solver": "auto"},
    "the mean of folds": {"refit": False},
    "a function that chooses": {"refit": lambda results: 0},
    "accuracy": {"scoring": "accuracy"},
    "scorers": {"scoring": ["neg_log_loss", "accuracy"], "refit": "neg_log_loss"},
    "loose already": {"tol": LOOSE},
}


@pytest.mark.parametrize("case", TIGHT)
def test_fits_stop_early_only_where_that_is_safe(case):
    settings, (X, y) = TIGHT[case], categories(0, 600)
    model = FocalLogisticRegressionCV(
        **{"Cs": CS[::3], "gammas": [0.0], "cv": 2, "solver": "lbfgs", **settings}
    )
    tight = sklearn.clone(model).set_params(fold_tol=None).fit(X, y)
    assert_array_equal(model.fit(X, y).n_iter_, tight.n_iter_)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_candidates_close_to_each_other_are_told_apart(backend):
    X, y = categories(0, 600)
    model = FocalLogisticRegressionCV(
        Cs=[0.1, 0.1001, 0.1002], gammas=[0.0], solver="lbfgs", tol=1e-7, max_iter=1000
    )
    tight = sklearn.clone(model).set_params(fold_tol=None).fit(X, y)
    with parallel_config(backend):  # what another process has found comes back
        assert model.set_params(n_jobs=2).fit(X, y).C_ == tight.C_
    assert_allclose(model.scores_, tight.scores_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:scoring has .* which is not proper")
def test_another_loss_as_scorer():
    X, y = numbers(0, 600, 30, 3)
    model = SmoothedSoftmaxClassifierCV(
        Cs=CS[::2],
        label_smoothings=[0.0, 0.2],
        solver="lbfgs",
        scoring=make_loss_scorer("poly1"),
        class_weight="balanced",
    )
    tight = sklearn.clone(model).set_params(fold_tol=None).fit(X, y)
    assert model.fit(X, y).best_params_ == tight.best_params_


def folds_of(scores, decrements, unfitted=(), sensitivity=np.nan):
    found = []
    for score, decrement in zip(scores, decrements, strict=True):
        fold = Fold(len(score), ["score"])
        fold.scores["score"][:], fold.decrements[:] = score, decrement
        fold.open = dict.fromkeys(set(range(len(score))) - set(unfitted))
        fold.sensitivity = sensitivity
        found.append(fold)
    return found


@pytest.mark.filterwarnings("ignore:.* did not converge")
@pytest.mark.parametrize("fold_tol", [None, LOOSE])
@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy"])
def test_no_fit_takes_more_than_max_iter(scoring, fold_tol):
    X, y = categories(0, 600)
    model = FocalLogisticRegressionCV(
        Cs=[1.0, 1.01, 1.02],
        gammas=[0.0],
        solver="lbfgs",
        max_iter=2,
        scoring=scoring,
        fold_tol=fold_tol,
    )
    assert model.fit(X, y).n_iter_.max() <= 2


def test_undecided():
    far, near = [-0.9, -0.5, -0.6], [-0.9, -0.5, -0.5001]
    loose = [LOOSE] * 3
    assert undecided(folds_of([far] * 2, [loose] * 2), TOL) == []
    assert undecided(folds_of([near] * 2, [loose] * 2), TOL) == [1, 2]
    assert undecided(folds_of([near] * 2, [[TOL] * 3] * 2), TOL) == []
    # Candidates that were fitted to tol are not fitted again.
    assert undecided(folds_of([near], [[LOOSE, 0, LOOSE]], unfitted=[1]), TOL) == [2]
    assert undecided(folds_of([near], [[LOOSE, 0, 0]], unfitted=[1, 2]), TOL) == []
    # Scores that change much are not as exact.
    assert undecided(folds_of([far], [loose], sensitivity=2.0), TOL) == [1, 2]
    # A fold without a score decides nothing.
    assert undecided(folds_of([[np.nan] * 3], [loose]), TOL) == []
    assert undecided(folds_of([[np.nan, -0.5, -0.51]], [loose]), TOL) == []
    assert undecided(folds_of([[-np.inf, -0.5, -0.51]], [[np.inf, 0, 0]]), TOL) == []


@pytest.mark.parametrize("value", [0, -1.0, np.inf, np.nan, "loose", True])
def test_fold_tol_is_checked(value):
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.raises((TypeError, ValueError), match="fold_tol must be"):
        FocalLogisticRegressionCV(fold_tol=value).fit(X, y)
