"""The estimators: LogisticRegression's coefficients, and what it does not have."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from problems import limited, objective_of
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)
from skxent.inputs.targets import make_target
from skxent.losses import CrossEntropy, Focal
from skxent.optimize.solve import SOLVERS

ESTIMATORS = [
    CrossEntropyClassifier(),
    FocalLogisticRegression(),
    SmoothedSoftmaxClassifier(),
]
# L-BFGS is for many rows; its tests are below.
newton_solvers = pytest.mark.parametrize("solver", sorted(set(SOLVERS) - {"lbfgs"}))
all_estimators = pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=lambda e: type(e).__name__
)


def data(n_classes, dtype=np.float64, n=300):
    X, y = make_classification(
        n_samples=n,
        n_features=6,
        n_informative=4,
        n_redundant=0,
        n_classes=n_classes,
        weights=[0.7] + [0.3 / (n_classes - 1)] * (n_classes - 1),
        flip_y=0.2,
        random_state=0,
    )
    return X.astype(dtype), y


@newton_solvers
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"C": 0.01},
        {"C": np.inf},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
        {"class_weight": {0: 0.5, 1: 3.0}},
    ],
    ids=str,
)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_gamma_zero_is_logistic_regression(
    solver, n_classes, settings, sparse, weighted
):
    X, y = data(n_classes)
    X = sp.csr_array(X) if sparse else X
    w = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else None
    peer_settings = dict(settings)
    if settings.get("class_weight") == "balanced" and weighted:
        # Older scikit-learn ignores sample weights when it balances.
        mass = np.bincount(y, w)
        peer_settings["class_weight"] = dict(enumerate(w.sum() / n_classes / mass))
    ours = FocalLogisticRegression(gamma=0.0, solver=solver, tol=1e-10, **settings)
    ours.fit(X, y, sample_weight=w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LogisticRegression(
            solver="newton-cg", tol=1e-10, max_iter=10_000, **peer_settings
        ).fit(X, y, sample_weight=w)
    scale = np.abs(theirs.coef_).max()
    assert_allclose(centred(ours.coef_), centred(theirs.coef_), atol=1e-6 * scale)
    assert_allclose(
        centred(ours.intercept_), centred(theirs.intercept_), atol=1e-6 * scale
    )


def centred(coefficients):
    """Without a penalty, softmax coefficients are known up to a common shift."""
    return coefficients - coefficients.mean(axis=0) * (len(coefficients) > 1)


@newton_solvers
@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scale_and_origin_of_the_columns_do_not_matter(gamma, n_classes, solver):
    """Without a penalty the fit is equivariant: W / scale, whatever the shift."""
    X, y = data(n_classes)
    scale, shift = 10.0 ** np.linspace(-6, 6, X.shape[1]), 1e5
    model = FocalLogisticRegression(gamma, C=np.inf, solver=solver, tol=1e-8)
    plain = clone(model).fit(X, y)
    moved = clone(model).fit((X + shift) * scale, y)
    assert_allclose(
        centred(moved.coef_ * scale), centred(plain.coef_), rtol=1e-5, atol=1e-6
    )


@newton_solvers
@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_data_need_no_scaling(load, gamma, solver):
    """No warning at default settings, and the minimum is found."""
    X, y = load(return_X_y=True)
    X = X * 10.0 ** np.linspace(-6, 6, X.shape[1])
    model = FocalLogisticRegression(gamma, solver=solver).fit(X, y)
    assert model.n_iter_[0] <= 40
    exact = FocalLogisticRegression(gamma, tol=1e-9).fit(X, y)
    target = make_target(y, len(y), len(model.classes_))
    objective = objective_of(X, target, Focal(gamma), C=1.0, fit_intercept=True)
    values = [
        objective.value_gradient(
            objective.rows.without_origin(np.vstack([m.coef_.T, m.intercept_]))
        )[0]
        for m in (model, exact)
    ]
    assert abs(values[0] - values[1]) < 1e-7


@newton_solvers
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_columns_far_from_zero(n_classes, dtype, solver):
    """Time stamps, say: their spread is 1e-7 of their size, in float32 1e-4."""
    X, y = data(n_classes)
    X = (X + 1e7 if dtype == np.float64 else X + 1e4).astype(dtype)
    centred_X = X.astype(np.float64) - X.astype(np.float64).mean(axis=0)
    model = FocalLogisticRegression(0.0, solver=solver).fit(X, y)
    expected = LogisticRegression(tol=1e-10, max_iter=1000).fit(centred_X, y)
    assert model.n_iter_[0] < 15
    assert_allclose(
        model.coef_, expected.coef_, atol=1e-5 if dtype is np.float64 else 1e-3
    )
    assert abs(model.score(X, y) - expected.score(centred_X, y)) < 0.03


@pytest.mark.parametrize("weight", [1e-50, 1e50])
def test_weights_of_any_size(weight):
    X, y = data(3, np.float32)
    model = FocalLogisticRegression(C=np.inf)
    heavy = clone(model).fit(X, y, sample_weight=np.full(len(y), weight))
    assert_allclose(heavy.coef_, model.fit(X, y, 1.0).coef_, atol=1e-3)


@pytest.mark.parametrize("settings", [{}, {"l1_ratio": 0.5}])
def test_subnormal_weights_are_nothing_beside_a_penalty(settings):
    X, y = data(3)
    weight = np.full(len(y), 1e-320)
    model = CrossEntropyClassifier(C=1.0, **settings).fit(X, y, weight)
    assert np.abs(model.coef_).max() < 1e-200
    shares = np.bincount(y) / len(y)
    assert_allclose(model.predict_proba(X), np.tile(shares, (len(y), 1)), atol=1e-6)
    if not settings:
        stream = clone(model).partial_fit(X, y, [0, 1, 2], weight)
        assert np.abs(stream.coef_).max() < 1e-200
    small = CrossEntropyClassifier(C=1e-200, **settings).fit(X, y, weight)
    assert np.abs(small.coef_).max() < 1e-200


@pytest.mark.parametrize("solver", SOLVERS)
def test_coefficients_beyond_single_precision_are_told(solver):
    """The minimum has coefficients of 1e42."""
    X, y = data(2)
    X = (X * 1e-42).astype(np.float32)
    model = CrossEntropyClassifier(C=np.inf, solver=solver)
    # Steps are cut until they end at the largest number.
    with pytest.raises(ConvergenceWarning, match="no step lowers the objective"):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


def test_sums_of_a_column_may_be_beyond_single_precision():
    """Its mean is the origin."""
    X, y = data(2, np.float32)
    model = CrossEntropyClassifier(C=np.inf, tol=1e-6)
    expected = model.fit(X, y).predict_proba(X)
    far = X * np.float32(1e35 / np.abs(X).max()) + np.float32(2e36)
    assert_allclose(model.fit(far, y).predict_proba(far), expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_undefined_logits_are_told(n_classes):
    X, y = data(n_classes, np.float32)
    model = CrossEntropyClassifier().fit(X, y)
    model.coef_ = np.float32(1e10) * np.sign(model.coef_)
    far = np.float32(3e38) * np.sign(X)
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match=r"^X must be of a size whose products"):
            method(far)


@newton_solvers
@pytest.mark.parametrize("n_classes", [2, 4])
def test_focal_ends_in_a_minimum_below_its_start(n_classes, solver):
    X, y = data(n_classes)
    model = FocalLogisticRegression(2.0, C=10.0, solver=solver, tol=1e-8).fit(X, y)
    start = CrossEntropyClassifier(C=10.0).fit(X, y)
    target = make_target(y, len(y), n_classes)
    objective = objective_of(X, target, Focal(2.0), C=10.0, fit_intercept=True)
    found = objective.rows.without_origin(np.vstack([model.coef_.T, model.intercept_]))
    value, gradient = objective.value_gradient(found)
    assert np.abs(gradient).max() < 1e-7
    assert np.linalg.eigvalsh(objective.hessian(found)).min() > -1e-10
    initial = objective.rows.without_origin(
        np.vstack([start.coef_.T, start.intercept_])
    )
    assert value < objective.value_gradient(initial)[0]


def test_focal_leaves_a_saddle_to_the_lower_side():
    """formulas: two minima, f = 65.24618 the lower one, at w = -8.975."""
    X = np.array([[1.0], [-0.01]])
    model = FocalLogisticRegression(
        2.0, C=np.inf, fit_intercept=False, tol=1e-10, posterior=False
    )
    with pytest.warns(ConvergenceWarning, match="linearly separable. Lower C"):
        model.fit(X, [1, 0], sample_weight=[1.0, 380.0])
    assert model.coef_[0, 0] > 0
    margins = np.array([1.0, 0.01]) * model.coef_[0, 0]
    total = Focal(2.0).loss([1, 1], margins, sample_weight=[1.0, 380.0]).sum()
    assert total < 65.262


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_posterior_recovers_a_logistic_model(gamma):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 3))
    logits = X @ [1.0, -2.0, 0.5] - 0.5
    y = rng.uniform(size=len(X)) < 1 / (1 + np.exp(-logits))
    truth = CrossEntropy().predict_proba(logits)
    model = FocalLogisticRegression(gamma, class_weight={False: 2.0}).fit(X, y)
    gap = np.abs(model.predict_proba(X) - truth).mean()
    softmax = model.set_params(posterior=False).predict_proba(X)
    # Posterior and truth are not in the same family but for gamma=0: close, not equal.
    assert gap < 0.02 < np.abs(softmax - truth).mean()


@newton_solvers
def test_soft_labels_are_weighted_repeats(solver):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 4))
    soft = rng.dirichlet(np.ones(3), 60)
    w = rng.uniform(size=60)
    for model in (
        CrossEntropyClassifier(Focal(1.0), solver=solver, tol=1e-10),
        SmoothedSoftmaxClassifier(0.1, class_weight={0: 2.0}, solver=solver, tol=1e-10),
    ):
        one = clone(model).fit(X, soft, sample_weight=w)
        many = clone(model).fit(
            np.repeat(X, 3, axis=0),
            np.tile([0, 1, 2], 60),
            sample_weight=(w[:, np.newaxis] * soft).ravel(),
        )
        assert_allclose(one.coef_, many.coef_, atol=1e-8)
        assert_array_equal(one.classes_, [0, 1, 2])


@all_estimators
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dtype_layout_and_format(estimator, dtype):
    X, y = data(3, dtype)
    X[np.abs(X) < 0.5] = 0
    expected = clone(estimator).fit(X, y)
    assert expected.coef_.dtype == expected.predict_proba(X).dtype == dtype
    tolerance = 1e-10 if dtype == np.float64 else 2e-3
    wide = sp.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype("i8"), wide.indptr.astype("i8")
    frozen = X.copy()
    frozen.flags.writeable = False
    for same in (np.asfortranarray(X), X.tolist(), sp.csr_matrix(X), wide, frozen):
        model = clone(estimator).fit(same, y)
        assert_allclose(model.coef_, expected.coef_, atol=tolerance)
        assert_allclose(
            model.predict_proba(same), expected.predict_proba(X), atol=tolerance
        )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("targets", ["labels", "soft"])
def test_columns_in_fortran_order_are_those_in_c_order(targets, dtype):
    X, y = data(3, dtype)
    y = y if targets == "labels" else np.eye(3)[y]
    expected = CrossEntropyClassifier().fit(X, y)
    by_columns = np.asfortranarray(X)
    frame = pd.DataFrame(by_columns, columns=[f"x{j}" for j in range(X.shape[1])])
    for same in (by_columns, frame):
        model = CrossEntropyClassifier().fit(same, y)
        assert_array_equal(model.coef_, expected.coef_)
        assert hasattr(model, "feature_names_in_") == (same is frame)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.fit(same, y[:-1])
    assert_array_equal(model.feature_names_in_, frame.columns)
    model.partial_fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(frame.rename(columns={"x1": "other"}), y)
    model = CrossEntropyClassifier().partial_fit(by_columns, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=f"is expecting {X.shape[1]} features"):
        model.partial_fit(by_columns[:, :-1], y)


@pytest.mark.parametrize("kind", [np.asfortranarray, pd.DataFrame])
@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_bad_numbers_in_fortran_order_are_told_as_in_c_order(bad, kind):
    X, y = data(2)
    X[7, 1] = bad
    messages = []
    for given in (X, kind(np.asfortranarray(X))):
        with pytest.raises(ValueError, match="Input X contains") as error:
            CrossEntropyClassifier().fit(given, y)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@all_estimators
@pytest.mark.parametrize(
    "labels",
    [
        np.array(["ham", "spam", "eggs"]),
        np.array(["b", "a", "c"], dtype=object),
        np.array([-5, 7, 100]),
        np.array([0.0, 2.0, 1.0]),
        np.array([True, False]),
    ],
    ids=lambda labels: labels.dtype.name,
)
def test_labels_of_any_type(estimator, labels):
    X, codes = data(len(labels))
    y = labels[codes]
    model = clone(estimator).fit(X, y)
    assert_array_equal(model.classes_, np.unique(labels))
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.6
    ranks = clone(estimator).fit(X, np.searchsorted(np.unique(labels), y))
    assert_array_equal(ranks.coef_, model.coef_)


@all_estimators
def test_log_proba_far_out(estimator):
    X, y = data(2)
    model = clone(estimator).fit(X, y)
    log_proba = model.predict_log_proba(X * 1e4)
    assert np.isfinite(log_proba).all() and log_proba.min() < -1000
    assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))


@all_estimators
def test_warm_start_needs_fewer_steps(estimator):
    X, y = data(3)
    model = clone(estimator).set_params(warm_start=True).fit(X, y)
    first = model.n_iter_[0]
    assert model.fit(X, y).n_iter_[0] < first
    proba = model.predict_proba(X)
    model.coef_, model.intercept_ = model.coef_.tolist(), model.intercept_.tolist()
    assert_allclose(model.predict_proba(X), proba)
    assert model.fit(X, y).n_iter_[0] < first


@pytest.mark.parametrize("bad", [np.nan, -np.inf, None, "a"])
def test_a_warm_start_from_no_numbers_says_how_to_begin_anew(bad):
    X, y = data(3)
    model = CrossEntropyClassifier(warm_start=True).fit(X, y)
    model.coef_ = np.full(model.coef_.shape, bad)
    with pytest.raises(
        ValueError, match=r"^coef_ must be .*, with warm_start=False\.$"
    ):
        model.fit(X, y)
    model.set_params(warm_start=False).fit(X, y)


def test_two_classes_of_softmax_agree_with_one_logit():
    X, y = data(2)
    soft = np.eye(2)[y]
    assert_allclose(
        FocalLogisticRegression().fit(X, y).coef_,
        FocalLogisticRegression().fit(X, soft).coef_,
    )


def suboptimality(model, X, y, loss, sample_weight=None):
    """How far the objective is from its minimum, relative to that."""
    X, soft = X.astype(np.float64), y.ndim == 2
    exact = clone(model).set_params(solver="newton-cg", tol=1e-8)
    n_classes = y.shape[1] if soft else int(y.max()) + 1
    objective = objective_of(
        X,
        make_target(y, X.shape[0], n_classes, sample_weight=sample_weight),
        loss,
        C=model.C,
        fit_intercept=True,
    )
    value, best = (
        objective.value_gradient(
            objective.rows.without_origin(
                np.vstack([m.coef_.T, m.intercept_]).astype(float)
            )
        )[0]
        for m in (model, exact.fit(X, y, sample_weight=sample_weight))
    )
    return (value - best) / best


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("kind", ["dense", "float32", "sparse", "weighted", "soft"])
@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_lbfgs_finds_newtons_minimum(loss, kind, n_classes):
    rng = np.random.default_rng(n_classes)
    X, y = data(n_classes, n=9000)
    X *= 10.0 ** np.linspace(-4, 4, X.shape[1])
    w = rng.uniform(0, 3, len(y)) if kind == "weighted" else None
    if kind == "soft":
        y = 0.8 * np.eye(n_classes)[y] + 0.2 * rng.dirichlet(np.ones(n_classes), len(y))
    if kind == "sparse":
        X = sp.csr_array(X * (rng.random(X.shape) < 0.7))
    X = X.astype(np.float32) if kind == "float32" else X
    model = CrossEntropyClassifier(loss, solver="lbfgs", tol=1e-5)
    model.fit(X, y, sample_weight=w)
    assert model.n_iter_[0] <= 40
    limit = 1e-8 if kind != "float32" else 1e-6
    assert abs(suboptimality(model, X, y, loss, w)) < limit


def test_auto_goes_on_where_lbfgs_is_slow():
    X, y = data(4, n=9000)
    kind = limited(CrossEntropyClassifier, few_operations=0, patience=3)
    with pytest.warns(ConvergenceWarning, match="lbfgs did not converge"):
        kind(solver="lbfgs", max_iter=3).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="newton-cg did not converge"):
        kind(max_iter=4).fit(X, y)
    model = kind().fit(X, y)
    assert 3 < model.n_iter_[0] < 15
    assert suboptimality(model, X, y, CrossEntropy()) < 1e-8


def test_wide_sparse_data_take_the_diagonal_preconditioner():
    X = sp.csr_array(sp.random(200, 3000, density=0.01, random_state=0))
    y = np.asarray(X.sum(axis=1) > np.median(X.sum(axis=1))).ravel()
    model = CrossEntropyClassifier(solver="newton-cg", tol=1e-8).fit(X, y)
    assert model.n_iter_[0] < 20
    dense = clone(model).fit(X.toarray(), y)
    assert_allclose(dense.coef_, model.coef_, atol=1e-7)


def test_digits_converge_by_default():
    X, y = load_digits(return_X_y=True)
    assert SmoothedSoftmaxClassifier().fit(X, y).score(X, y) > 0.98


def test_stopping_early_warns_and_keeps_the_fit():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="converge in 2 iterations: the New"):
        model = FocalLogisticRegression(gamma=0.0, max_iter=2).fit(X, y)
    assert model.n_iter_[0] == 2 and model.score(X, y) > 0.8


def test_verbose_prints_a_line_an_iteration(capsys):
    X, y = data(2)
    model = CrossEntropyClassifier(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_[0] and "decrement" in lines[0]


@all_estimators
def test_pickle_and_clone(estimator):
    X, y = data(3)
    model = clone(estimator).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == estimator.get_params()
