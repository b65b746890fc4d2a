"""Weights that are applied, recalibrated pools, gains, and out-of-fold figures."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, ndtr, softmax
from scipy.stats import beta as beta_distribution
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, ShuffleSplit, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skxent.blending import (
    BetaPool,
    BlendClassifier,
    beta_pool,
    blend,
    blend_gain,
    blend_weights,
)
from skxent.metrics import evaluate_loss, expected_calibration_error, log_loss


def tables(n_classes=3, n=40, n_models=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_classes), (n_models, n))


def test_a_blend_by_definition():
    p = tables()
    w = [0.3, 0.7]
    assert_allclose(blend(p, w), 0.3 * p[0] + 0.7 * p[1])
    expected = softmax(0.3 * np.log(p[0]) + 0.7 * np.log(p[1]), axis=1)
    assert_allclose(blend(list(p), w, "log-linear"), expected)
    assert_allclose(blend(p, w, pooling="log-linear"), expected)


def test_forms_of_the_same_blend():
    a, b = tables(2)[:, :, 1]
    second = 0.3 * a + 0.7 * b
    expected = np.column_stack([1 - second, second])
    frame = pd.DataFrame({"a": a, "b": b})
    series = pd.Series({"b": 0.7, "a": 0.3})
    for probas, w in [
        ([a, b], [0.3, 0.7]),
        (np.c_[a, b], (0.3, 0.7)),
        (np.array([a, b]), np.array([0.3, 0.7])),
        ({"a": a, "b": b}, {"b": 0.7, "a": 0.3}),
        (frame, series),
        (frame, {"b": 0.7, "a": 0.3}),
        (pl.DataFrame(frame), {"b": 0.7, "a": 0.3}),
        ({"a": np.c_[1 - a, a], "b": np.c_[1 - b, b]}, series),
    ]:
        assert_allclose(blend(probas, w), expected)
    named = [
        pd.DataFrame(np.c_[1 - a, a], columns=["no", "yes"]),
        pd.DataFrame(np.c_[b, 1 - b], columns=["yes", "no"]),
    ]
    assert_allclose(blend(named, [0.3, 0.7]), expected)
    turned = blend(named, [0.3, 0.7], labels=["yes", "no"])
    assert_allclose(turned, expected[:, ::-1])


def test_what_blend_weights_returns_is_taken():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 80))
    y = (rng.uniform(size=80) < 0.7 * a + 0.3 * b).astype(int)
    best = log_loss(y, blend([a, b], blend_weights([a, b], y)))
    for probas in ({"a": a, "b": b}, pd.DataFrame({"a": a, "b": b})):
        w = blend_weights(probas, y)
        assert_allclose(log_loss(y, blend(probas, w)), best)


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, "1"])
def test_parameters_of_the_beta_pool_are_positive(name, value):
    with pytest.raises(
        ValueError, match=rf"^{name} must be a number in \(0, inf\), got"
    ):
        BetaPool([0.5, 0.5], **{name: value}).blend([[0.6], [0.8]])


@pytest.mark.parametrize(
    ("probas", "weights", "message"),
    [
        (tables(), [0.5, 0.6], "weights must be non-negative, with sum one, got"),
        (tables(), [1.5, -0.5], "weights must be non-negative, with sum one, got"),
        (tables(), [np.nan, 1], "weights must be non-negative, with sum one, got"),
        (tables(), ["a", "b"], "weights must be real numbers, got <U1"),
        (tables(), [0.2, 0.3, 0.5], r"weights must be of shape \(2,\), one for each"),
        (tables(), 1.0, r"weights must be one number for each model, got 1\.0"),
        ({"a": [0.5]}, {"b": 1.0}, r"weights must have the names \['a'\] of probas"),
        ([[0.5], [1.5]], [0.5, 0.5], r"probas must be in \[0, 1\], got 1\.5"),
        ([[0.5], [0.5, 0.5]], [0.5, 0.5], "probas must be tables of one shape"),
        (np.ones((3, 4)), [0.5, 0.5], "probas must have a table for each of 2 weights"),
        (np.ones((2, 2)), [0.5, 0.5], "probas must be a list of arrays where there"),
        ([], [], "probas must be one table or more, got none"),
    ],
)
def test_bad_blends(probas, weights, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        blend(probas, weights)
    with pytest.raises(ValueError, match=r"^pooling must be one of 'arithmetic'"):
        blend(tables(), [0.5, 0.5], "mean")


def forecasts(n, seed=0):
    """Two calibrated forecasts, each of which knows a part that the other does not."""
    a, b, c = np.random.default_rng(seed).normal(size=(3, n))
    y = (a + b + c > 0).astype(int)
    return [ndtr(a / 2**0.5), ndtr(b / 2**0.5)], y


def test_the_beta_pool_is_the_best_by_scipy():
    probas, y = forecasts(1500)
    weight = np.random.default_rng(1).uniform(size=1500)
    found = beta_pool(probas, y, sample_weight=weight)

    def mean_loss(t):
        w = expit(t[0])
        p = beta_distribution.cdf(w * probas[0] + (1 - w) * probas[1], *np.exp(t[1:]))
        return log_loss(y, p, sample_weight=weight)

    best = minimize(mean_loss, np.zeros(3), method="Nelder-Mead", tol=1e-9)
    ours = log_loss(y, found.blend(probas), sample_weight=weight)
    assert ours <= best.fun + 1e-9
    assert_allclose(found.weights.sum(), 1)
    assert_allclose([found.alpha, found.beta], np.exp(best.x[1:]), rtol=1e-2)
    assert_allclose(found.blend(probas).sum(axis=1), 1)


def test_the_beta_pool_is_calibrated_and_sharper():
    """Ranjan and Gneiting: the arithmetic blend of calibrated forecasts is not."""
    probas, y = forecasts(4000)
    found = beta_pool(dict(zip("ab", probas, strict=True)), y)
    assert found.alpha > 1.2 < found.beta
    assert list(found.weights) == ["a", "b"]
    fresh, y_new = forecasts(4000, seed=1)
    fresh = dict(zip("ab", fresh, strict=True))
    linear = blend(fresh, blend_weights(dict(zip("ab", probas, strict=True)), y))
    ours = found.blend(fresh)
    settings = {"norm": "l2", "debias": True}
    error = expected_calibration_error(y_new, ours, **settings)
    assert error < 0.03 < expected_calibration_error(y_new, linear, **settings)
    assert log_loss(y_new, ours) < log_loss(y_new, linear) - 0.01


def test_soft_labels_of_the_beta_pool_are_repeated_rows():
    probas, _ = forecasts(200)
    soft = np.random.default_rng(0).dirichlet([1, 1], 200)
    ours = beta_pool(probas, soft)
    many = [np.repeat(p, 2) for p in probas]
    hard = beta_pool(many, np.tile([0, 1], 200), sample_weight=soft.ravel())
    assert_allclose(ours.blend(probas), hard.blend(probas), atol=1e-4)


def test_the_beta_pool_of_odd_models():
    probas, y = forecasts(200)
    one = beta_pool(probas[:1], y)
    assert_allclose(one.weights, [1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = beta_pool([y * 1.0, probas[0]], y)
        assert log_loss(y, right.blend([y * 1.0, probas[0]])) < 1e-3
    with pytest.raises(ValueError, match=r"^y_true must have two classes, got 3"):
        beta_pool(tables(), np.arange(40) % 3)


def test_a_blend_that_pays_and_one_that_does_not():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1500))
    y = (rng.uniform(size=1500) < expit(2 * a + 2 * b)).astype(int)
    found = blend_gain({"a": expit(a), "b": expit(b)}, y, random_state=0)
    assert 0 < found.low < found.gain < found.high
    assert found.best_model in ("a", "b")
    # A perfect model, and a worse version of it.
    best, noisy = expit(2 * a + 2 * b), expit(2 * a + 2 * b + rng.normal(size=1500))
    found = blend_gain(pd.DataFrame({"noisy": noisy, "best": best}), y, random_state=0)
    assert found.low < 0 < found.high + 0.002
    assert found.best_model == "best"
    assert abs(found.gain) < 0.01


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_gain_by_definition(loss, n_classes):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(300, n_classes))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    probas = softmax(z + rng.normal(size=(3, 300, n_classes)), axis=2)
    weight = rng.uniform(size=300)
    folds = [np.arange(300) % 4 == k for k in range(4)]
    cv = [(np.flatnonzero(~test), np.flatnonzero(test)) for test in folds]
    names = np.array(["c", "a", "b"][:n_classes])
    labels = {"labels": names}
    found = blend_gain(
        probas, names[y], loss, sample_weight=weight, cv=cv, random_state=0, **labels
    )
    total = 0
    for train, test in cv:
        keywords = {"sample_weight": weight[train]}
        w = blend_weights(probas[:, train], y[train], loss, **keywords)
        losses = [evaluate_loss(loss, y[train], p[train], **keywords) for p in probas]
        keywords = {"sample_weight": weight[test], "reduction": "sum"}
        keywords["labels"] = range(n_classes)
        single = probas[np.argmin(losses)][test]
        total += evaluate_loss(loss, y[test], single, **keywords)
        total -= evaluate_loss(loss, y[test], blend(probas[:, test], w), **keywords)
    assert_allclose(found.gain, total / weight.sum(), atol=1e-10)
    again = blend_gain(
        probas, names[y], loss, sample_weight=weight, cv=cv, random_state=0, **labels
    )
    assert found == again


def test_bad_gains():
    probas, y = forecasts(60)
    for keywords, message in [
        ({"confidence_level": 1.0}, r"confidence_level must be a number in \(0, 1\)"),
        ({"n_resamples": 0}, "n_resamples must be an integer >= 1, got 0"),
        ({"pooling": "mean"}, "pooling must be one of"),
        ({"sample_weight": np.zeros(60)}, "sample_weight must have a sum other than"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            blend_gain(probas, y, **keywords)
    with pytest.raises(ValueError, match=r"^y_true must have 60 rows, got 5"):
        blend_gain(probas, y[:5])


MODELS = [
    ("bayes", GaussianNB()),
    ("tree", DecisionTreeClassifier(max_depth=2, random_state=0)),
]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_out_of_fold_figures(n_classes):
    X, y = load_wine(return_X_y=True)
    kept = y < n_classes
    X, y = X[kept], np.array(["red", "white", "rose"])[y[kept]]
    weight = np.random.default_rng(0).uniform(0.5, 1, len(y))
    model = BlendClassifier([MODELS[0], ("none", "drop"), MODELS[1]])
    model.fit(X, y, sample_weight=weight)
    out_of_fold = [
        cross_val_predict(
            m, X, y, method="predict_proba", params={"sample_weight": weight}
        )
        for _, m in MODELS
    ]
    assert_allclose(model.oof_proba_, out_of_fold, atol=1e-12)
    assert list(model.oof_loss_) == ["bayes", "tree", "blend"]
    for name, p in zip(model.oof_loss_, out_of_fold, strict=False):
        expected = log_loss(y, p, sample_weight=weight)
        assert_allclose(model.oof_loss_[name], expected, rtol=1e-6)
    blended = blend(out_of_fold, model.weights_)
    expected = log_loss(y, blended, sample_weight=weight)
    assert_allclose(model.oof_loss_["blend"], expected, rtol=1e-6)
    assert model.oof_loss_["blend"] <= min(model.oof_loss_.values())
    again = blend_weights(model.oof_proba_, y, sample_weight=weight)
    assert_allclose(model.weights_, again, atol=1e-7)
    assert not hasattr(model.final_estimator_, "tables_")


def test_groups_are_kept_together():
    X, y = load_wine(return_X_y=True)
    groups = np.arange(len(y)) // 5
    splitter = GroupKFold(4)
    model = BlendClassifier(MODELS, cv=splitter).fit(X, y, groups=groups)
    assert model.cv is splitter
    folds = list(splitter.split(X, y, groups))
    expected = BlendClassifier(MODELS, cv=folds).fit(X, y)
    assert_array_equal(model.oof_proba_, expected.oof_proba_)
    with pytest.raises(ValueError, match="groups"):
        model.fit(X, y)
    assert model.cv is splitter
    broken = clone(model).set_params(estimators=[("a", DummyClassifier(strategy="no"))])
    with pytest.raises(ValueError, match="strategy"):
        broken.fit(X, y, groups=groups)
    assert isinstance(broken.cv, type(splitter))  # as before, also after an error
    with pytest.raises(ValueError, match=r"^groups must be None for cv='prefit', got"):
        BlendClassifier(MODELS, cv="prefit").fit(X, y, groups=groups)
    with pytest.raises(
        ValueError, match=rf"^groups must be of shape \({len(y)},\), got"
    ):
        BlendClassifier(MODELS).fit(X, y, groups=groups[:3])


def test_a_classifier_takes_no_soft_labels():
    soft = np.full((4, 2), 0.5)
    with pytest.raises(ValueError, match=r"^y must be labels of shape \(n,\), got \(4"):
        BlendClassifier(MODELS).fit(soft, soft)


@pytest.mark.parametrize(
    "estimators",
    [[GaussianNB()], ["a", "b"], {"a": GaussianNB()}, [("a", None, 1)], None],
)
def test_estimators_have_names(estimators):
    with pytest.raises(ValueError, match=r"^estimators must be a list of \(name, est"):
        BlendClassifier(estimators).fit(np.zeros((4, 1)), [0, 1, 0, 1])


def test_a_classifier_that_is_recalibrated():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    models = [("tree", MODELS[1][1]), ("linear", LogisticRegression(C=1e-4))]
    plain = BlendClassifier(models).fit(X, y)
    model = BlendClassifier(models, recalibrate=True).fit(X, y)
    expected = beta_pool(plain.oof_proba_, y)
    assert_allclose(model.weights_, expected.weights, atol=1e-4)
    each = [m.predict_proba(X) for m in model.estimators_]
    assert_allclose(model.predict_proba(X), expected.blend(each), atol=1e-3)
    assert model.oof_loss_["blend"] < plain.oof_loss_["blend"]
    for settings in ({"pooling": "log-linear"}, {}):
        X, y = load_wine(return_X_y=True)
        classifier = BlendClassifier(MODELS, recalibrate=True, **settings)
        with pytest.raises(ValueError, match=r"^recalibrate must be False unless"):
            classifier.fit(X, y)


def test_named_soft_labels_go_by_name():
    rng = np.random.default_rng(0)
    share = rng.uniform(size=400)
    proba = [
        pd.DataFrame({"a": 1 - p, "b": p})
        for p in (share, rng.uniform(0.4, 0.6, size=400))
    ]
    y = pd.DataFrame({"a": 1 - share, "b": share})
    pools = [beta_pool(proba, labels) for labels in (y, y[["b", "a"]])]
    assert repr(pools[0]) == repr(pools[1])
    gain = blend_gain(proba, y, random_state=0)
    assert blend_gain(proba, y[["b", "a"]], random_state=0) == gain


def test_every_row_is_tested_once():
    p = np.linspace(0.1, 0.9, 40)
    y = (np.arange(40) > 20).astype(int)
    for cv in (ShuffleSplit(1, test_size=0.1), ShuffleSplit(3, random_state=0)):
        with pytest.raises(ValueError, match=r"^cv must have every row in the test of"):
            blend_gain([p, 1 - p], y, cv=cv)
