"""Forms of target: weights of both meanings, ignored rows, many labels, teachers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, softmax

from oracle import LOSS_INSTANCES
from skxent.losses import CrossEntropy, Focal, GeneralizedCrossEntropy
from skxent.targets import distill

all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_two_meanings_of_class_weights(rng):
    z, y, v = rng.normal(size=(30, 4)), rng.integers(0, 4, 30), np.array([1, 2, 0.5, 3])
    eps = 0.2
    logp, onehot = log_softmax(z, axis=1), np.eye(4)[y]
    keywords = {"class_weight": v, "label_smoothing": eps}
    label = v[y][:, None] * ((1 - eps) * onehot + eps / 4)
    target = v * ((1 - eps) * onehot + eps / 4)
    for name, t in (("label", label), ("target", target)):
        value, gradient = CrossEntropy().loss_gradient(
            y, z, class_weight_on=name, **keywords
        )
        assert_allclose(value, -(t * logp).sum(axis=1))
        assert_allclose(gradient, t.sum(axis=1)[:, None] * softmax(z, axis=1) - t)
        soft = CrossEntropy().loss(onehot, z, class_weight_on=name, **keywords)
        assert_allclose(soft, value)
    one = rng.normal(size=9), rng.integers(0, 2, 9)
    pair = np.column_stack([np.zeros(9), one[0]])
    keywords = {"class_weight": v[:2], "label_smoothing": eps}
    for loss in LOSS_INSTANCES:
        assert_allclose(
            loss.loss(one[1], one[0], class_weight_on="target", **keywords),
            loss.loss(one[1], pair, class_weight_on="target", **keywords),
        )


@all_losses
def test_ignored_rows_have_no_part(loss, rng):
    z, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    ignored = rng.random(40) < 0.3
    z[ignored] = np.nan
    labels = np.where(ignored, -100, y)
    value, gradient = loss.loss_gradient(labels, z, ignore_index=-100)
    assert not value[ignored].any() and not gradient[ignored].any()
    assert_array_equal(value[~ignored], loss.loss(y[~ignored], z[~ignored]))
    assert not loss.hessian(labels, z, ignore_index=-100)[ignored].any()
    weights = rng.random(40)
    both = loss.loss(labels, z, ignore_index=-100, sample_weight=weights)
    assert_allclose(both, np.where(ignored, 0, weights * value))


@all_losses
def test_multilabel_is_a_binary_problem_a_column(loss, rng):
    z, y = rng.normal(size=(37, 5)), rng.random((37, 5))
    w, v = rng.random(37), rng.random(5) + 0.5
    keywords = {"multilabel": True, "label_smoothing": 0.1}
    value, gradient = loss.loss_gradient(
        y, z, sample_weight=w, class_weight=v, **keywords
    )
    hessian = loss.gradient_hessian(y, z, sample_weight=w, class_weight=v, **keywords)[
        1
    ]
    total = 0
    for k in range(5):
        soft = np.column_stack([1 - y[:, k], y[:, k]])
        column = {"sample_weight": w * v[k], "label_smoothing": 0.1}
        part, slope = loss.loss_gradient(soft, z[:, k], **column)
        total += part
        assert_allclose(gradient[:, k], slope, rtol=1e-12, atol=1e-15)
        curvature = loss.gradient_hessian(soft, z[:, k], **column)[1]
        assert_allclose(hessian[:, k], curvature, rtol=1e-10, atol=1e-15)
    assert_allclose(value, total)
    x = rng.normal(size=z.shape)
    product = loss.hessian_product(y, z, x, multilabel=True)
    matrix = loss.hessian(y, z, multilabel=True)
    assert_allclose(product, np.einsum("ijk,ik->ij", matrix, x), rtol=1e-12)
    column = loss.loss((y[:, :1] > 0.5).astype(int), z[:, :1], multilabel=True)
    assert_allclose(column, loss.loss((y[:, 0] > 0.5).astype(int), z[:, 0]))


@all_losses
def test_whole_hessian_of_two_classes(loss, rng):
    z, y = rng.normal(size=20), rng.integers(0, 2, 20)
    matrix = loss.hessian(y, z)
    assert matrix.shape == (20, 1, 1)
    assert_array_equal(matrix[:, 0, 0], loss.gradient_hessian(y, z)[1])
    z = rng.normal(size=(20, 3))
    plain = loss.hessian(y, z)
    assert_allclose(plain, plain.transpose(0, 2, 1), rtol=1e-9, atol=1e-14)
    for out in (np.empty((3, 3, 20)).T, np.empty((20, 5, 4))[:, :3, 1:]):
        assert loss.hessian(y, z, out=out) is out
        assert_array_equal(out, plain)


@all_losses
@pytest.mark.parametrize("n_classes", [2, 4])
def test_best_constant_has_no_slope(loss, n_classes, rng):
    y, w = rng.choice(n_classes, 200, p=None), rng.random(200)
    keywords = {
        "sample_weight": w,
        "class_weight": np.arange(1.0, n_classes + 1),
        "label_smoothing": 0.05,
    }
    best = loss.best_constant(y, **keywords)
    z = np.tile(best, (200, 1) if n_classes > 2 else 200)
    value, gradient = loss.loss_gradient(y, z, **keywords)
    assert_allclose(gradient.sum(axis=0), 0, atol=1e-8 * value.sum())
    for _ in range(20):
        shifted = z + rng.normal(scale=0.3, size=np.shape(best))
        assert loss.loss(y, shifted, **keywords).sum() > value.sum()


def test_best_constants_in_closed_form(rng):
    y = np.repeat([0, 1, 2], [70, 20, 10])
    expected = np.log([0.7, 0.2, 0.1])
    found = CrossEntropy().best_constant(y)
    assert_allclose(found, expected - expected.mean())
    # p ∝ τ^(1 / (1 - q))
    found = GeneralizedCrossEntropy(q=0.5).best_constant(y)
    assert_allclose(found, 2 * (expected - expected.mean()), rtol=1e-6)
    assert CrossEntropy().best_constant([0, 0, 0, 1]) == pytest.approx(np.log(1 / 3))
    assert_allclose(CrossEntropy().best_constant([0, 0], 3)[1:], -12.014, atol=1e-3)
    indicator = np.array([[1, 0], [1, 1], [0, 0], [1, 0]])
    found = Focal().best_constant(indicator, multilabel=True)
    assert_allclose(found, [Focal().best_constant(column) for column in indicator.T])


@all_losses
def test_best_constants_of_other_forms(loss, rng):
    y, w = rng.choice(3, 50, p=[0.6, 0.3, 0.1]), rng.random(50)
    best = loss.best_constant(y, sample_weight=w)
    for same, weight in [(np.eye(3)[y], w), (y, 1e-6 * w), (y.astype(float), w)]:
        found = loss.best_constant(same, sample_weight=weight, n_threads=1)
        # Bounded losses are flat there: in logits they have no digits to compare.
        assert_allclose(softmax(found), softmax(best), atol=1e-9)
    assert_allclose(best.sum(), 0, atol=1e-12)


@all_losses
def test_soft_labels_take_the_dtype_of_the_logits(loss, rng):
    z, soft = rng.normal(size=(9, 3)), rng.dirichlet(np.ones(3), 9)
    value = loss.loss(soft, z.astype(np.float32))
    assert value.dtype == np.float32
    assert_allclose(value, loss.loss(soft, z), rtol=1e-5)
    many = loss.loss(soft, z.astype(np.float32), multilabel=True)
    assert_allclose(many, loss.loss(soft, z, multilabel=True), rtol=1e-5)


@given(st.floats(0.1, 10), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_distilled_labels(temperature, weight, seed):
    rng = np.random.default_rng(seed)
    z, y = 5 * rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
    soft = softmax(z / temperature, axis=1)
    assert_allclose(distill(z, temperature=temperature, from_logits=True), soft)
    proba = softmax(z, axis=1)
    assert_allclose(distill(proba, temperature=temperature), soft, atol=1e-12)
    assert_allclose(distill(proba), proba)
    assert_allclose(distill(proba, y=y), proba)
    mixed = distill(proba, temperature=temperature, y=y, teacher_weight=weight)
    assert_allclose(mixed, weight * soft + (1 - weight) * np.eye(3)[y], atol=1e-12)
    assert np.isfinite(CrossEntropy().loss(mixed, z)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distill([0.1]), r"^teacher must be of shape \(n, K\), got \(1,\)\.$"),
        (lambda: distill([[-0.1, 1]]), r"^teacher must be non-negative, without NaN"),
        (lambda: distill([[]]), r"^teacher must be of shape \(n, K\), got \(1, 0\)\.$"),
        (
            lambda: distill([[np.nan, 1]]),
            r"^teacher must be non-negative, without NaN, ",
        ),
        (
            lambda: distill([[np.nan, 1]], from_logits=True),
            r"^teacher must be logits without NaN, got other values\.$",
        ),
        (lambda: distill([[1, 0]], from_logits=1.5), "^from_logits must be True or F"),
        (lambda: distill([[0, 0]]), r"^teacher must have a finite largest entry"),
        (lambda: distill([[1, 0]], temperature=0), r"^temperature must be a number in"),
        (
            lambda: distill([[1, 0]], y=[1], teacher_weight=1.5),
            r"^teacher_weight must be a number in \[0, 1\], got 1\.5\.$",
        ),
        (
            lambda: distill([[1, 0]], y=np.ma.array([1], mask=[1])),
            r"^y must have no masked entries, got 1\.$",
        ),
        (
            lambda: distill([[1, 0]], y=[1, 0]),
            r"^y must be of shape \(1,\), got \(2,\)\.$",
        ),
        (
            lambda: distill([[1, 0]], teacher_weight=0.5),
            r"^teacher_weight must be 1 without y, got 0\.5\.$",
        ),
        (
            lambda: distill([[1, 0]], y=[2], teacher_weight=0.5),
            r"^y must be codes in 0\.\.1, got 2\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], class_weight_on="both"),
            r"^class_weight_on must be one of 'label', 'target', got 'both'\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], ignore_index=0.5),
            r"^ignore_index must be None or an integer, got 0\.5\.$",
        ),
        (
            lambda: Focal().loss([[1, 0]], [[1.0, 0]], ignore_index=1),
            r"^ignore_index must be None for labels of shape \(n, K\), got 1\.$",
        ),
        (
            lambda: Focal().loss([0], [[1.0]], multilabel=True),
            r"^y must be of shape \(n, K\), got \(1,\)\.$",
        ),
        (
            lambda: Focal().loss([[0, 2]], [[1.0, 2.0]], multilabel=True),
            r"^y must be in \[0, 1\], got 2\.0\.$",
        ),
        (
            lambda: Focal().loss([[0, 1, 1]], [[1.0, 2.0]], multilabel=True),
            r"^y must have 2 columns, got 3\.$",
        ),
        (
            lambda: Focal().best_constant([], sample_weight=[]),
            r"^y must have rows of positive weight, got 0 rows\.$",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
