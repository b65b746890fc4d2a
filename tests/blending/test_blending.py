"""Blends against scipy's SLSQP, the conditions of a minimum, and stacking."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, softmax
from sklearn.datasets import load_wine
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from oracle import LOSS_INSTANCES
from skxent import FocalLogisticRegression
from skxent.blending import BlendClassifier, blend_weights
from skxent.losses import Focal
from skxent.metrics import evaluate_loss, log_loss
from skxent.optimize.simplex import model_minimum
from skxent.scorers import neg_log_loss_scorer

EPS = np.finfo(np.float64).eps
seeds = st.integers(0, 2**32 - 1)
poolings = pytest.mark.parametrize("pooling", ["arithmetic", "log-linear"])


def models(rng, n, n_classes, n_models):
    """Noisy views of the logits that labels are drawn from, as probabilities."""
    z = rng.normal(size=(n, n_classes)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    noise = rng.normal(size=(n_models, n, n_classes))
    return softmax(z + noise * rng.uniform(0.5, 4, (n_models, 1, 1)), axis=2), y


def blend(probas, w, pooling):
    """By definition."""
    if pooling == "arithmetic":
        return np.einsum("m,mnk->nk", w, probas)
    return softmax(np.einsum("m,mnk->nk", w, np.log(probas)), axis=1)


@poolings
@pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
def test_the_optimum_is_that_of_slsqp(loss, pooling):
    rng = np.random.default_rng(0)
    probas, y = models(rng, 300, 3, 5)
    weight = rng.uniform(size=300)

    def mean_loss(w):
        proba = blend(probas, w / w.sum(), pooling)
        return evaluate_loss(loss, y, proba, sample_weight=weight)

    ours = blend_weights(probas, y, loss, pooling=pooling, sample_weight=weight)
    found = minimize(
        mean_loss,
        np.full(5, 0.2),
        method="SLSQP",
        bounds=[(0, 1)] * 5,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    assert ours.min() >= 0
    assert_allclose(ours.sum(), 1, rtol=1e-14)
    assert mean_loss(ours) <= found.fun + 1e-12
    assert_allclose(ours, found.x, atol=1e-5)  # its differences err by 1e-8


@poolings
@settings(max_examples=25)
@given(seeds, st.integers(2, 4), st.integers(1, 8), st.booleans())
def test_no_weight_can_be_moved_with_profit(pooling, seed, n_classes, n_models, soft):
    """Gradients of models in use are equal, those of others no smaller; to 1e-8."""
    rng = np.random.default_rng(seed)
    probas, y = models(rng, 200, n_classes, n_models)
    if soft:
        y = rng.dirichlet(np.ones(n_classes), 200)
    tables = [p[:, 1] for p in probas] if n_classes == 2 and seed % 2 else probas
    w = blend_weights(tables, y, pooling=pooling, labels=range(n_classes))
    mixed = blend(probas, w, pooling)
    t = y if soft else np.eye(n_classes)[y]
    if pooling == "arithmetic":
        gradient = -np.einsum("nk,mnk->m", t / mixed, probas) / 200
    else:
        gradient = np.einsum("nk,mnk->m", mixed - t, np.log(probas)) / 200
    used = w > 0
    level = gradient @ w
    assert_allclose(gradient[used], level, atol=1e-8)
    assert (gradient[~used] >= level - 1e-8).all()


def test_many_rows_and_float32():
    """A start from a sample of the rows; the loss is that of all of them."""
    rng = np.random.default_rng(1)
    probas, y = models(rng, 12_000, 3, 4)
    w = blend_weights(probas, y)
    gradient = -(
        probas[:, np.arange(12_000), y]
        / blend(probas, w, "arithmetic")[np.arange(12_000), y]
    ).mean(axis=1)
    assert_allclose(gradient[w > 0], -1, atol=1e-9)
    single = blend_weights(probas.astype(np.float32), y)
    assert_allclose(single, w, atol=1e-4)
    weight = np.zeros(12_000)
    weight[1::2] = 1
    some = blend_weights(probas, y, sample_weight=weight)
    assert_allclose(some, blend_weights(probas[:, 1::2], y[1::2]), atol=1e-8)


@poolings
def test_odd_models(pooling):
    rng = np.random.default_rng(2)
    probas, y = models(rng, 100, 3, 2)
    assert blend_weights(probas[:1], y, pooling=pooling).tolist() == [1.0]
    # Two equal models share a weight; the blend does not depend on the split.
    twins = np.concatenate([probas, probas[:1]])
    w, plain = (blend_weights(p, y, pooling=pooling) for p in (twins, probas))
    assert_allclose(w[0] + w[2], plain[0], atol=1e-7)
    # Certain and wrong, or certain and right.
    wrong, right = np.eye(3)[(y + 1) % 3], np.eye(3)[y]
    w = blend_weights([*probas, wrong], y, pooling=pooling)
    assert w[2] < 1e-3
    w = blend_weights([*probas, right], y, pooling=pooling)
    assert log_loss(y, blend([*probas, right.clip(1e-16)], w, pooling)) < 1e-6
    # Models that say the same of every row.
    flat = np.full((100, 3), 1 / 3)
    assert_allclose(blend_weights([flat, flat], y, pooling=pooling).sum(), 1)


def test_other_forms_of_the_same():
    rng = np.random.default_rng(3)
    probas, y = models(rng, 200, 3, 3)
    plain = blend_weights(probas, y)
    names = np.array(["a", "b", "c"])
    assert_allclose(blend_weights(list(probas), names[y]), plain, atol=1e-9)
    assert_allclose(blend_weights(probas, np.eye(3)[y]), plain, atol=1e-9)
    heard = blend_weights(
        np.concatenate([probas, probas[:, :5]], axis=1),
        np.r_[y, np.full(5, -1)],
        ignore_index=-1,
    )
    assert_allclose(heard, plain, atol=1e-9)
    v = np.array([0.5, 1, 3])
    assert_allclose(
        blend_weights(probas, y, class_weight=v),
        blend_weights(probas, y, sample_weight=v[y]),
        atol=1e-9,
    )


@given(seeds, st.integers(2, 8))
def test_the_local_model_is_minimised(seed, size):
    """No vertex lies downhill, also of an indefinite matrix, of which sizes count."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    H = root @ root.T
    w = rng.dirichlet(np.ones(size))
    gradient = rng.normal(size=size) * 10.0 ** rng.integers(-6, 3)
    x = model_minimum(H, gradient, w)
    assert x.min() >= 0
    assert_allclose(x.sum(), 1)
    slope = gradient + H @ (x - w)
    tolerance = 1e-7 * (np.abs(gradient).max() + np.abs(H @ (x - w)).max())
    assert slope.min() >= slope @ x - tolerance
    assert_allclose(model_minimum(np.zeros((size, size)), gradient, w), w)


def wine():
    X, y = load_wine(return_X_y=True)
    return X, np.array(["red", "white", "rose"])[y]


@poolings
def test_the_classifier_is_cross_val_predict_and_blend_weights(pooling):
    X, y = wine()
    models = [
        ("bayes", GaussianNB()),
        ("tree", DecisionTreeClassifier(max_depth=2, random_state=0)),
    ]
    for rows in (np.arange(len(y)), np.flatnonzero(y != "rose")):
        classifier = BlendClassifier(models, loss=Focal(1.0), pooling=pooling)
        classifier.fit(X[rows], y[rows])
        out_of_fold = [
            cross_val_predict(model, X[rows], y[rows], method="predict_proba")
            for _, model in models
        ]
        w = blend_weights(out_of_fold, y[rows], Focal(1.0), pooling=pooling)
        assert_allclose(classifier.weights_, w, atol=1e-7)
        each = [m.fit(X[rows], y[rows]).predict_proba(X) for _, m in models]
        if len(classifier.classes_) == 2:  # stacking keeps the second column
            each = [np.column_stack([1 - p[:, 1], p[:, 1]]) for p in each]
        clipped = np.clip(each, EPS, 1 - EPS)
        proba = classifier.predict_proba(X)
        assert_allclose(proba, blend(clipped, w, pooling), atol=1e-6)
        assert_allclose(proba.sum(axis=1), 1)
        assert (
            classifier.classes_[proba.argmax(axis=1)] == classifier.predict(X)
        ).all()


def test_in_a_pipeline_with_a_scorer_and_prefit():
    X, y = wine()
    models = [("focal", FocalLogisticRegression()), ("bayes", GaussianNB())]
    classifier = BlendClassifier([*models, ("none", "drop")], cv=3)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(X, y)
    assert pipeline[-1].weights_.shape == (2,)
    assert neg_log_loss_scorer(pipeline, X, y) > -0.1
    fitted = [(name, model.fit(X[::2], y[::2])) for name, model in models]
    prefit = BlendClassifier(fitted, cv="prefit").fit(X[1::2], y[1::2])
    w = blend_weights([m.predict_proba(X[1::2]) for _, m in fitted], y[1::2])
    assert_allclose(prefit.weights_, w)
    with pytest.raises(ValueError, match=r"^y must have the classes of the fitted"):
        prefit.fit(X[y != "red"], y[y != "red"])


P, Y = models(np.random.default_rng(0), 30, 3, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"probas": []},
            "probas must be one table or more, got none",
        ),
        (
            {"probas": {}},
            "probas must be one table or more, got none",
        ),
        ({"probas": 0.5}, r"probas must be tables of probabilities, got 0\.5"),
        ({"probas": "p"}, "probas must be tables of probabilities, got 'p'"),
        (
            {"probas": [("a", P[0]), ("b", P[1])]},
            r"probas must be tables of probabilities, got a tuple that begins with 'a'",
        ),
        (
            {"probas": [DummyClassifier()]},
            "probas must be tables of probabilities, got DummyClassifier. Pass",
        ),
        (
            {"probas": {"a": DummyClassifier()}},
            "probas must be tables of probabilities, got DummyClassifier. Pass",
        ),
        ({"probas": Y, "y_true": {"a": P[0]}}, "y_true must be labels, got a dict"),
        ({"probas": [P[0], P[1, :5]]}, r"probas must be tables of one shape, got"),
        ({"probas": [0.2, 0.8]}, "probas must be .*, got the number"),
        ({"probas": np.full((30, 2, 3), 1 / 2)}, r"probas must be of shape \(M, 30, K"),
        ({"probas": P + 1}, r"probas must be in \[0, 1\], got \S+$"),
        ({"probas": np.where(P > 0.9, np.nan, P)}, "Input probas contains NaN"),
        (
            {"y_true": Y[:3]},
            "y_true must have 30 rows|probas must have a column",
        ),
        ({"loss": "hinge"}, "loss must be one of 'cross_entropy', .*, got 'hinge'"),
        ({"pooling": "mean"}, "pooling must be one of 'arithmetic', 'log-linear', got"),
        ({"sample_weight": np.zeros(30)}, "sample_weight must have a sum other than"),
        ({"labels": [0, 1]}, "y_true must have labels in|probas must have a column"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=f"^({message})"):
        blend_weights(**{"probas": P, "y_true": Y} | change)


@poolings
def test_models_that_are_sure_of_what_is_wrong(pooling):
    """Probabilities down to 1e-300: curvatures of thirty orders of magnitude."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        probas = rng.dirichlet(np.full(3, 10.0 ** rng.uniform(-3, 0)), (6, 20))
        probas /= probas.sum(axis=2, keepdims=True)
        y = rng.integers(0, 3, 20)
        w = blend_weights(probas, y, pooling=pooling, labels=range(3))
        clipped = np.clip(probas, EPS, 1 - EPS)
        value = log_loss(y, blend(clipped, w, pooling), labels=range(3))
        for vertex in np.eye(6):
            mixed = blend(clipped, 0.999 * w + 0.001 * vertex, pooling)
            assert value <= log_loss(y, mixed, labels=range(3)) + 1e-6


@poolings
def test_bits_do_not_depend_on_threads_of_blas(pooling):
    rng = np.random.default_rng(2)
    y = np.arange(40_000) % 2
    probas = [expit(rng.normal(size=len(y)) + s * y) for s in (0.5, 1.0, 2.0)]
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"):
            found.append(blend_weights(probas, y, pooling=pooling))
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


def test_tables_of_named_models():
    """Columns of probabilities, or a table a name: the weights keep the names."""
    rng = np.random.default_rng(2)
    a, b = rng.uniform(size=(2, 80))
    y = (rng.uniform(size=80) < 0.7 * a + 0.3 * b).astype(int)
    expected = blend_weights([a, b], y)
    assert expected.min() > 0.01
    for columns in (np.c_[a, b], np.array([a, b]), (pd.Series(a), pl.Series(b))):
        assert_allclose(blend_weights(columns, y), expected)
    two = {"a": pd.DataFrame(np.c_[1 - a, a]), "b": np.c_[1 - b, b]}
    for named in ({"a": a, "b": b}, two, pl.DataFrame({"a": a, "b": b})):
        w = blend_weights(named, y)
        assert list(w) == ["a", "b"]
        assert_allclose(list(w.values()), expected)
    w = blend_weights(pd.DataFrame({"a": a, "b": b}, index=range(80, 0, -1)), y)
    assert w.index.tolist() == ["a", "b"]
    assert_allclose(w, expected)
    for wrong, message in [
        (np.ones((80, 80)), "probas must be a list of arrays where there are as many"),
        (pd.DataFrame({"a": a + 1, "b": b}), r"probas must be in \[0, 1\], got \S+$"),
        ([np.c_[a, a, a] / 3] * 2, "probas must have a column for each of 2 labels"),
    ]:
        with (
            pytest.raises(ValueError, match=f"^{message}"),
            warnings.catch_warnings(action="ignore"),
        ):
            blend_weights(wrong, y)
