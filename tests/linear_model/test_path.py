"""`cross_entropy_path`: the minimum at every C, as single fits find it."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import stationarity
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skxent import CrossEntropyClassifier, FocalLogisticRegressionCV
from skxent.linear_model import cross_entropy_path
from skxent.losses import LOSSES

n_classes_of = pytest.mark.parametrize("n_classes", [2, 3])
SHIPPED = [cls() for cls in LOSSES.values()]


def data(n_classes=2, n=150, d=40, dtype=np.float64):
    X, y = make_classification(
        n_samples=n,
        n_features=d,
        n_informative=5,
        n_redundant=3,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=0,
    )
    X[np.abs(X) < 0.7] = 0
    return X.astype(dtype), y


def objectives(path, X, y, l1_ratio=1.0, w=None):
    """The estimators' objective at every C, over the sum of C and the weights."""
    w = np.ones(len(y)) if w is None else w
    values = []
    for C, coef, intercept in zip(path.Cs, path.coefs, path.intercepts, strict=True):
        z = X @ coef.T + intercept
        z = np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z
        loss = w @ (logsumexp(z, axis=1) - z[np.arange(len(y)), y]) / w.sum()
        penalty = l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) / 2 * (coef**2).sum()
        values.append(loss + penalty / (C * w.sum()))
    return np.array(values)


def single_fits(path, X, y, w=None, **settings):
    """The same path from tight fits of the estimator."""
    models = [
        CrossEntropyClassifier(C=C, tol=1e-7, max_iter=1000, **settings).fit(X, y, w)
        for C in path.Cs
    ]
    return path._replace(
        coefs=np.array([model.coef_ for model in models]),
        intercepts=np.array([model.intercept_ for model in models]),
    )


@n_classes_of
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_objectives_of_single_fits(n_classes, l1_ratio, convert, fit_intercept):
    X, y = data(n_classes)
    settings = {"l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    path = cross_entropy_path(convert(X), y, Cs=12, **settings)
    fits = single_fits(path, X, y, **settings)
    excess = objectives(path, X, y, l1_ratio) - objectives(fits, X, y, l1_ratio)
    assert excess.max() <= 1e-8


@pytest.mark.parametrize("shape", [(60, 400), (2000, 15), (300, 300)])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_objectives_of_other_shapes(shape, convert):
    n, d = shape
    X, y = data(n=n, d=d)
    X = X.cumsum(axis=1) / 3  # neighbours are alike
    path = cross_entropy_path(convert(X), y, Cs=15, eps=1e-2)
    fits = single_fits(path, X, y, l1_ratio=1.0)
    assert (objectives(path, X, y) - objectives(fits, X, y)).max() <= 1e-8
    assert np.count_nonzero(path.coefs[-1]) > 3


@pytest.mark.parametrize("loss", SHIPPED, ids=repr)
@n_classes_of
@pytest.mark.parametrize(
    ("l1_ratio", "convert"), [(1.0, np.asarray), (0.5, sp.csr_array)]
)
def test_conditions_of_a_minimum_at_every_point(loss, n_classes, l1_ratio, convert):
    X, y = data(n_classes)
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    weight = {0: 2.0}
    tol = 1e-6
    path = cross_entropy_path(
        convert(X),
        y,
        loss=loss,
        l1_ratio=l1_ratio,
        Cs=8,
        eps=0.02,
        class_weight=weight,
        label_smoothing=0.1,
        sample_weight=w,
        tol=tol,
        max_iter=1000,
    )
    t = stationarity.targets(y, n_classes, w, weight, 0.1)
    padded = stationarity.matrix(X)
    for C, coef, intercept in zip(path.Cs, path.coefs, path.intercepts, strict=True):
        W = np.column_stack([coef, intercept])
        gradient = C * stationarity.sums(loss, padded, t, W)[0]
        slack = 2e-5 * C * t.sum()
        assert_allclose(gradient[:, -1], 0, atol=slack)
        gradient = gradient[:, :-1] + (1 - l1_ratio) * coef
        zero = coef == 0
        assert (np.abs(gradient[zero]) <= l1_ratio + slack).all()
        assert_allclose(gradient[~zero], -l1_ratio * np.sign(coef[~zero]), atol=slack)


@n_classes_of
def test_sparse_is_dense(n_classes):
    X, y = data(n_classes)
    dense, sparse = (
        cross_entropy_path(convert(X), y, Cs=10, eps=0.05, tol=1e-8)
        for convert in (np.asarray, sp.csr_array)
    )
    assert_allclose(dense.coefs, sparse.coefs, atol=1e-6)
    assert_allclose(dense.intercepts, sparse.intercepts, atol=1e-6)


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_weights_are_repeated_rows(convert):
    X, y = data()
    times = np.random.default_rng(0).integers(0, 4, len(y))
    index = np.repeat(np.arange(len(y)), times)
    path = partial(cross_entropy_path, Cs=10, eps=0.05, tol=1e-8)
    weighted = path(convert(X), y, sample_weight=times)
    repeated = path(convert(X[index]), y[index])
    assert_allclose(weighted.Cs, repeated.Cs, rtol=1e-12)
    assert_allclose(weighted.coefs, repeated.coefs, atol=1e-6)


@n_classes_of
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_the_first_coefficient_enters_at_the_first_C(n_classes, l1_ratio, class_weight):
    X, y = data(n_classes)
    settings = {"l1_ratio": l1_ratio, "class_weight": class_weight}
    path = cross_entropy_path(X, y, Cs=7, eps=0.01, **settings)
    assert len(path.Cs) == len(path.coefs) == len(path.n_iters) == 7
    assert_allclose(path.Cs, np.geomspace(path.Cs[0], path.Cs[0] / 0.01, 7))
    assert not path.coefs[0].any()
    fit = CrossEntropyClassifier(tol=1e-8, **settings).set_params
    assert not fit(C=0.999 * path.Cs[0]).fit(X, y).coef_.any()
    assert fit(C=1.001 * path.Cs[0]).fit(X, y).coef_.any()


def test_results_are_in_the_order_of_Cs():
    X, y = data()
    Cs = [0.1, np.inf, 0.01, 1.0, 0.1]
    path = cross_entropy_path(X, y, Cs=Cs, tol=1e-6)
    assert_array_equal(path.Cs, Cs)
    fits = single_fits(path, X, y, l1_ratio=1.0)
    assert_allclose(path.coefs, fits.coefs, atol=1e-3)
    assert_array_equal(path.coefs[0], path.coefs[4])


def test_without_an_l1_norm():
    X, y = data(3)
    path = cross_entropy_path(X, y, Cs=[0.01, 1.0], l1_ratio=0.0, tol=1e-7)
    fits = single_fits(path, X, y)
    assert_allclose(path.coefs, fits.coefs, atol=1e-6)


def test_layouts_dtypes_and_threads():
    X, y = data(n=3000, d=700, dtype=np.float32)
    path = partial(cross_entropy_path, y=y, Cs=6, eps=0.1)
    reference = path(X)
    assert reference.coefs.dtype == np.float32
    wide = path(X.astype(np.float64))
    assert_allclose(wide.coefs, reference.coefs, atol=1e-3)
    for other in (np.asfortranarray(X), pd.DataFrame(X)):
        assert_allclose(path(other).coefs, reference.coefs, atol=1e-3)
    for n_threads in (1, 2):
        assert_array_equal(path(X, n_threads=n_threads).coefs, reference.coefs)


def test_columns_far_from_zero_constant_and_repeated():
    X, y = data()
    X = np.column_stack([X[:, :20] + 1e6, X[:, :20], np.full(len(X), 0.1), X[:, 5:8]])
    path = cross_entropy_path(X, y, Cs=8, eps=0.01)
    fits = single_fits(path, X, y, l1_ratio=1.0)
    assert (objectives(path, X, y) - objectives(fits, X, y)).max() <= 1e-8
    assert not path.coefs[:, :, 40].any()


def test_no_column_tells_anything():
    path = cross_entropy_path(np.ones((6, 2)), [0, 1, 1, 0, 1, 1], Cs=3)
    assert np.isfinite(path.Cs).all()
    assert not path.coefs.any()
    assert_allclose(path.intercepts, np.log(2))


def test_elastic_net_where_one_class_is_rare():
    X, y = make_classification(
        500, 20, n_informative=10, n_classes=7, n_clusters_per_class=1, random_state=0
    )
    y[y == 6] = 5
    y[:5] = 6
    path = cross_entropy_path(
        X, y, l1_ratio=0.5, Cs=[1.0, 1000.0], tol=1e-6, max_iter=300
    )
    fit = CrossEntropyClassifier(l1_ratio=0.5, C=1000.0, tol=1e-6, max_iter=300)
    fit.fit(X, y)
    assert_allclose(path.coefs[1], fit.coef_, atol=0.02)


def test_a_search_scores_the_estimators_of_its_path():
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    settings = {"Cs": [0.01, 0.1, 1.0, 10.0], "cv": 3, "tol": 1e-6}
    search = FocalLogisticRegressionCV(gammas=[0.0], l1_ratios=[1.0], **settings)
    search.fit(X, y)
    path = cross_entropy_path(X, y, Cs=[search.C_], tol=1e-6)
    assert_allclose(search.coef_, path.coefs[0], atol=1e-4)


def test_digits_are_used_sparsely():
    X, y = load_digits(return_X_y=True)
    path = cross_entropy_path(sp.csr_array(X[:300]), y[:300], Cs=20, eps=0.01)
    used = np.count_nonzero(path.coefs, axis=(1, 2))
    assert used[0] == 0
    assert used[-1] > 50
    assert (np.diff(used) >= -5).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Cs": 0}, "Cs must be an integer >= 1, got 0"),
        ({"Cs": []}, "Cs must be an integer or a list of numbers that is not empty"),
        ({"Cs": [[1.0]]}, "Cs must be an integer or a list of numbers"),
        ({"Cs": ["a"]}, "Cs must be an integer or a list of numbers"),
        ({"Cs": [1.0, 0.0]}, r"Cs must be a number in \(0, inf\], got 0.0"),
        ({"Cs": [np.nan]}, r"Cs must be a number in \(0, inf\], got nan"),
        ({"Cs": True}, "Cs must be an integer >= 1, got True"),
        ({"l1_ratio": 0.0}, "Cs must be values of C if l1_ratio is 0"),
        ({"l1_ratio": 1.5}, r"l1_ratio must be a number in \[0, 1\], got 1.5"),
        ({"eps": 1.0}, r"eps must be a number in \(0, 1\), got 1.0"),
        ({"tol": 0.0}, "tol must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"n_threads": 0}, "n_threads must be"),
        ({"loss": "hinge"}, "loss must be"),
    ],
)
def test_bad_arguments(settings, message):
    X, y = data()
    with pytest.raises(ValueError, match=message):
        cross_entropy_path(X, y, **settings)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sp.csr_array])
def test_numbers_that_are_not_finite(value, convert):
    X, y = data()
    X[3, 2] = value
    with pytest.raises(ValueError, match="X"):
        cross_entropy_path(convert(X), y)


def test_weights_without_a_finite_C():
    X, y = data()
    with pytest.raises(ValueError, match=r"^sample_weight must have a sum that leaves"):
        cross_entropy_path(X, y, sample_weight=np.full(len(y), 5e-324))


def test_one_class():
    X, _ = data()
    with pytest.raises(ValueError, match="class"):
        cross_entropy_path(X, np.zeros(len(X)))


FACTOR = np.r_[0.0, 0.0, 3.0, np.ones(36), 0.5]


def offset_for(y, n_classes):
    rng = np.random.default_rng(1)
    return (
        rng.normal(size=(len(y), n_classes))
        if n_classes > 2
        else rng.normal(size=len(y))
    )


@pytest.mark.parametrize("convert", [np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("given", ["offset", "both"])
@n_classes_of
def test_offsets_and_factors_as_in_single_fits(n_classes, given, l1_ratio, convert):
    X, y = data(n_classes)
    X, settings = convert(X), {"l1_ratio": l1_ratio}
    offset = offset_for(y, n_classes)
    if given == "both":
        settings["penalty_factor"] = FACTOR
    Cs = [0.05, 0.3, 2.0]
    path = cross_entropy_path(X, y, Cs=Cs, offset=offset, tol=1e-7, **settings)
    for C, coef, intercept in zip(Cs, path.coefs, path.intercepts, strict=True):
        model = CrossEntropyClassifier(C=C, tol=1e-7, max_iter=1000, **settings)
        model.fit(X, y, offset=offset)
        assert_allclose(coef, model.coef_, atol=1e-5)
        assert_allclose(intercept, model.intercept_, atol=1e-5)


@n_classes_of
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_penalised_coefficients_enter_at_the_first_C(n_classes, l1_ratio):
    X, y = data(n_classes)
    settings = {"penalty_factor": FACTOR, "offset": offset_for(y, n_classes)}
    path = cross_entropy_path(X, y, l1_ratio=l1_ratio, Cs=30, tol=1e-8, **settings)
    assert path.coefs[0, :, :2].any()
    assert not path.coefs[0, :, 2:].any()
    assert path.coefs[1, :, 2:].any()


def test_factors_by_name():
    X, y = data()
    frame = pd.DataFrame(X).add_prefix("x")
    expected = cross_entropy_path(X, y, Cs=5, penalty_factor=FACTOR)
    factor = {"x0": 0, "x1": 0, "x2": 3, "x39": 0.5}
    named = cross_entropy_path(frame, y, Cs=5, penalty_factor=factor)
    assert_allclose(named.coefs, expected.coefs, atol=1e-12)


def test_signs_as_in_single_fits():
    X, y = data()
    signs = np.tile([1, -1, 0, 1], 10)
    path = cross_entropy_path(X, y, Cs=6, eps=0.02, monotonic_cst=signs, tol=1e-8)
    assert (path.coefs[:, 0] * signs >= 0).all()
    assert path.coefs[1].any() and not path.coefs[0].any()
    for C, coef in zip(path.Cs, path.coefs, strict=True):
        model = CrossEntropyClassifier(C=C, l1_ratio=1.0, monotonic_cst=signs, tol=1e-8)
        assert_allclose(coef, model.fit(X, y).coef_, atol=1e-6)


def test_free_columns_that_separate_the_classes_are_told():
    X, y = data()
    X[:, 0] = y + 0.1 * X[:, 0]
    factor = np.r_[0.0, np.ones(39)]
    with pytest.warns(ConvergenceWarning, match="the coefficients keep growing"):
        cross_entropy_path(X, y, Cs=[0.1, 1.0], penalty_factor=factor)
