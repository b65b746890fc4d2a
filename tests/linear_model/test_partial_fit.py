"""Batches: one is the full fit, many approach it."""

import importlib
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches

from problems import limited
from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.losses import LOSSES, CrossEntropy
from skxent.metrics import evaluate_loss

all_losses = pytest.mark.parametrize("loss", LOSSES)
all_classes = pytest.mark.parametrize("n_classes", [2, 3])
whole_and_diagonal = pytest.mark.parametrize("whole", [True, False])


def data(n_classes, n=6000):
    X, y = make_classification(
        n_samples=n,
        n_features=8,
        n_informative=6,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=0,
    )
    return X + 50, y


def streamed(model, X, y, size=200, weights=None):
    classes = np.unique(y)
    for batch in gen_batches(len(y), size):
        w = None if weights is None else weights[batch]
        model.partial_fit(X[batch], y[batch], classes=classes, sample_weight=w)
    return model


@all_losses
@all_classes
@whole_and_diagonal
def test_one_batch_is_the_full_fit(loss, n_classes, whole):
    X, y = data(n_classes, 300)
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    kind = limited(CrossEntropyClassifier, max_coefficients=2000 if whole else 0)
    model = kind(loss, tol=1e-8, C=0.1, class_weight={0: 2.0})
    once = clone(model).partial_fit(X, y, np.unique(y), w)
    full = clone(model).fit(X, y, w)
    assert_allclose(once.coef_, full.coef_, atol=1e-6)
    assert_allclose(once.predict_proba(X), full.predict_proba(X), atol=1e-6)


@all_losses
@all_classes
def test_many_batches_approach_the_full_fit(loss, n_classes):
    X, y = data(n_classes)
    full = CrossEntropyClassifier(loss, label_smoothing=0.05).fit(X, y)
    many = streamed(clone(full), X, y)
    first = clone(full).fit(X[:200], y[:200])

    def value(model):
        z = model.decision_function(X)
        return evaluate_loss(
            LOSSES[loss](), y, z, from_logits=True, label_smoothing=0.05
        )

    excess, at_first = value(many) - value(full), value(first) - value(full)
    if LOSSES[loss]().phi(0.0, 1.0, 1e9) < 1e9:  # bounded, so far from convex
        assert excess < 0.5 * at_first
    else:
        assert excess < 3e-4 and excess < 0.01 * at_first
        assert_allclose(many.predict_proba(X), full.predict_proba(X), atol=0.03)


def test_the_diagonal_approaches_it_too():
    X, y = data(3)
    full = limited(CrossEntropyClassifier, max_coefficients=0)().fit(X, y)
    many = streamed(clone(full), X, y)

    def value(model):
        return evaluate_loss(
            CrossEntropy(), y, model.decision_function(X), from_logits=True
        )

    assert value(many) - value(full) < 5e-3


def test_weights_are_repeats():
    X, y = data(3, 600)
    w = np.random.default_rng(0).integers(1, 4, len(y))
    model = FocalLogisticRegression(1.0, tol=1e-9)
    weighted = streamed(clone(model), X, y, weights=w)
    repeated = clone(model)
    for batch in gen_batches(600, 200):
        rows = np.repeat(np.arange(600)[batch], w[batch])
        repeated.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)


def test_sparse_soft_and_string_batches():
    X, y = data(3, 900)
    X = X - 50
    model = CrossEntropyClassifier(tol=1e-8, fit_intercept=False)
    dense = streamed(clone(model), X, y)
    sparse = streamed(clone(model), sp.csr_array(X), y)
    names = np.array(["a", "b", "c"])
    words = streamed(clone(model), X, names[y])
    soft = clone(model)
    for batch in gen_batches(900, 200):
        soft.partial_fit(X[batch], np.eye(3)[y[batch]], classes=[0, 1, 2])
    for same in (sparse, words, soft):
        assert_allclose(same.coef_, dense.coef_, atol=1e-6)
    assert_array_equal(words.classes_, names)


@all_classes
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_columns_that_a_batch_lacks_change_nothing(n_classes, loss):
    """Batches leave out empty columns of a wide table; each batch uses others."""
    rng = np.random.default_rng(0)
    n, wide, d = 400, 1 << 16, 2100  # More than 2000: the memory is a diagonal.
    place = rng.choice(wide, d, replace=False)
    few = sp.csr_array(sp.random(n, d, density=0.004, random_state=0))
    many = sp.csr_array((few.data, place[few.indices], few.indptr), shape=(n, wide))
    y = rng.integers(0, n_classes, n)
    narrow, stream = (
        streamed(CrossEntropyClassifier(loss, tol=1e-8, C=10.0), X, y)
        for X in (few, many)
    )
    assert_allclose(stream.coef_[:, place], narrow.coef_, atol=1e-6)
    assert np.count_nonzero(stream.coef_) == np.count_nonzero(stream.coef_[:, place])
    assert_allclose(stream.predict_proba(many), narrow.predict_proba(few), atol=1e-6)


def test_a_batch_may_lack_classes_and_a_stream_be_pickled():
    X, y = data(3, 900)
    order = np.argsort(y, kind="stable")  # the worst order: class by class
    X, y = X[order], y[order]
    whole = streamed(CrossEntropyClassifier(), X, y, size=100)
    first = CrossEntropyClassifier().partial_fit(X[:100], y[:100], [0, 1, 2])
    again = pickle.loads(pickle.dumps(first))
    for batch in list(gen_batches(900, 100))[1:]:
        again.partial_fit(X[batch], y[batch])
    assert_array_equal(again.coef_, whole.coef_)
    assert whole.coef_.shape == (3, 8)


def test_after_fit_its_coefficients_are_what_the_penalty_draws_to():
    X, y = data(2, 600)
    model = CrossEntropyClassifier(C=1e-9).fit(X[:300], y[:300])
    model.set_params(C=1e-12)
    before = model.coef_.copy()
    model.partial_fit(X[300:], y[300:])
    assert_allclose(model.coef_, before, atol=1e-6)
    model.set_params(C=1.0).fit(X, y)
    assert_allclose(model.coef_, CrossEntropyClassifier().fit(X, y).coef_)


def test_bad_calls():
    X, y = data(3, 60)
    model = CrossEntropyClassifier()
    with pytest.raises(ValueError, match=r"^classes must be given in the first call"):
        model.partial_fit(X, y)
    assert not hasattr(model, "n_features_in_")
    model.partial_fit(X, y, classes=[0, 1, 2])
    before = model.coef_.copy()
    with pytest.raises(ValueError, match=r"^classes must be \[0, 1, 2\], as in"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"^y must have labels in \[0, 1, 2\], got 3"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :3], y)
    assert_array_equal(model.coef_, before)
    balanced = CrossEntropyClassifier(class_weight="balanced")
    assert not hasattr(balanced, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        balanced.partial_fit(X, y, classes=[0, 1, 2])
    assert "class_weight must be a dict or None" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"l1_ratio": 0.5}, r"l1_ratio must be 0 for partial_fit, got 0\.5\."),
        ({"l1_ratio": 1}, r"l1_ratio must be 0 for partial_fit, got 1\."),
        ({"class_weight": "balanced"}, r"class_weight must be .*, got 'balanced'\."),
    ],
    ids=str,
)
@pytest.mark.parametrize("module", ["skxent", "skxent.dask"])
def test_it_is_there_only_where_it_can_be_used(module, setting, reason):
    if module == "skxent.dask":
        pytest.importorskip("dask.dataframe", reason="pip install '.[dask]'")
    package = importlib.import_module(module)
    for name in ("CrossEntropyClassifier", "FocalLogisticRegression"):
        model = getattr(package, name)()
        assert hasattr(model, "partial_fit")
        model.set_params(**setting)
        assert not hasattr(model, "partial_fit")
        message = rf"^This '{name}' has no attribute 'partial_fit': {reason}$"
        with pytest.raises(AttributeError, match=message):
            model.partial_fit([[0.0], [1.0]], [0, 1], [0, 1])


@pytest.mark.parametrize("limit", [0, 2000])
@pytest.mark.parametrize("first", [True, False])
def test_the_intercept_stays_as_in_the_first_call(limit, first):
    X, y = data(2, 400)
    model = limited(CrossEntropyClassifier, limit)(fit_intercept=first)
    model.partial_fit(X, y, classes=[0, 1]).set_params(fit_intercept=not first)
    with pytest.raises(ValueError, match=r"^fit_intercept must stay as in the"):
        model.partial_fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_stream_without_a_minimum(n_classes):
    """Sparse columns without a penalty, which separate the classes of their batch."""
    rng = np.random.default_rng(0)
    model = limited(CrossEntropyClassifier, 0)(C=np.inf)
    for first, last in ((0, 20), (15, 60), (50, 300), (0, 300)):
        cells = np.repeat(np.arange(60), 10), rng.integers(first, last, 600)
        X = sp.csr_array((rng.normal(size=600), cells), shape=(60, 300))
        y = rng.integers(n_classes, size=60)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.partial_fit(X, y, classes=range(n_classes))
        assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1
