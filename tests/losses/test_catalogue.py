"""Losses from papers, as formulas of a user: as exact as those that ship."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import rel_entr
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import brier_score_loss
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from catalogue import CATALOGUE, HALF_THE_RANGE, F, Polynomial, SampleDependentFocal
from oracle import DTYPES
from promise import PROMISE, check_infinite_logits, rows, worst_error
from skxent import CrossEntropyClassifier
from skxent.losses import (
    AlphaLoss,
    GeneralizedCrossEntropy,
    InverseFocal,
    JensenShannon,
    PartiallyHuberized,
    Poly1,
    SquaredError,
    SquaredHinge,
    SymmetricCrossEntropy,
    TaylorCrossEntropy,
)

all_formulas = pytest.mark.parametrize("name", CATALOGUE)
all_dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


def errors(name, dtype):
    """Largest errors of value, gradient and Hessian for hard and soft labels."""
    loss, running = CATALOGUE[name]
    scale, found = dtype(0.5 if name in HALF_THE_RANGE else 1), []
    for n_classes in (2, 3):
        z = scale * rows(n_classes, dtype)
        for y in range(n_classes):
            codes = np.full(len(z), y)
            hot = np.eye(n_classes)[codes]
            found.append(worst_error(loss, codes, hot, z, dtype, running))
    z = scale * rows(5, dtype)
    soft = np.array([[0.5, 0.25, 0.125, 0.125, 0], [1e-6, 0, 1 - 1e-6, 0, 0]], dtype)
    found.append(worst_error(loss, soft, soft, z, dtype, running, label_smoothing=0.1))
    return np.max(found, axis=0)


@all_dtypes
@all_formulas
def test_every_formula_keeps_the_promise(name, dtype):
    assert errors(name, dtype).max() <= PROMISE


@all_dtypes
@all_formulas
def test_infinite_and_nan_logits(name, dtype):
    loss, running = CATALOGUE[name]
    check_infinite_logits(loss, dtype, 4 * np.finfo(dtype).eps if running else 0.0)


@pytest.mark.parametrize(
    ("name", "p"),
    [
        ("truncated", (1 - 0.56) ** (1 / 0.7)),
        ("clipped cross-entropy", 0.01),
        ("squared hinge", 1 / (1 + np.exp(-1))),
        ("hinge", 1 / (1 + np.exp(-1))),
        ("reduced focal", 0.5),
        ("FLSD-53", 0.2),
        ("partially Huberised, 2", 0.5),
    ],
)
def test_a_kink_has_the_limits_of_one_side(name, p):
    loss = CATALOGUE[name][0]
    m = np.log(p / (1 - p)) * np.array([1 - 1e-9, 1, 1 + 1e-9])
    y = np.ones(3, dtype=int)
    for f in (loss.loss(y, m), *loss.gradient_hessian(y, m)):
        assert_allclose(f[1], np.clip(f[1], *np.sort(f[[0, 2]])), rtol=1e-6, atol=1e-6)
        assert min(abs(f[1] - f[0]), abs(f[1] - f[2])) < 1e-6 * max(1, abs(f[1]))


def test_the_gradient_of_focal_loss_with_a_step_is_that_of_fixed_gammas():
    z = np.linspace(-6, 6, 101)
    y, p = np.ones(101, dtype=int), 1 / (1 + np.exp(-z))
    fixed = [F("q**g * L", g=g).gradient(y, z) for g in (5.0, 3.0)]
    expected = np.where(p < 0.2, *fixed)
    assert_allclose(SampleDependentFocal().gradient(y, z), expected, rtol=1e-12)
    # Without the constant the loss would jump up where p passes 0.2.
    with pytest.raises(ValueError, match=r"^phi must not grow with p, got growth at p"):
        F("where(p < 0.2, q**5, q**3) * L")


def test_formulas_are_those_of_the_losses_that_ship():
    z = np.linspace(-20, 20, 101)
    y = np.ones(101, dtype=int)
    for one, two in [
        (F("(1 - p**k) / k", k=0.3), GeneralizedCrossEntropy(0.3)),
        (F("a*L + b*q", a=0.1, b=4.0), SymmetricCrossEntropy(0.1, 1.0)),
        (AlphaLoss(2.0), GeneralizedCrossEntropy(0.5)),
        (TaylorCrossEntropy(1), GeneralizedCrossEntropy(1.0)),
        (PartiallyHuberized(1.0), GeneralizedCrossEntropy(1.0)),
        (InverseFocal(0.0), F("L")),
        (Polynomial((1.5,)), Poly1(1.5)),
        (F("max(0, 1 + L + log(q))**2"), SquaredHinge()),
        (F("2 * q**2"), SquaredError()),
    ]:
        assert_allclose(one.loss(y, z), two.loss(y, z), rtol=1e-13, atol=1e-30)
        assert_allclose(one.gradient(y, z), two.gradient(y, z), rtol=1e-12, atol=1e-30)


def test_two_classes_make_the_squared_error_the_brier_score():
    p = np.linspace(0.01, 0.99, 50)
    z, y = np.log(p / (1 - p)), np.arange(50) % 2
    ours = SquaredError().loss(y, z).mean()
    assert_allclose(ours, 2 * brier_score_loss(y, p), rtol=1e-13)
    assert_allclose(SquaredError().posterior(z)[:, 1], p, rtol=1e-13)
    assert not SquaredError().proper  # of more classes it is not


def test_jensen_shannon_is_the_divergence_of_a_hard_label():
    rng, weight = np.random.default_rng(0), 0.3
    p, y = rng.dirichlet(np.ones(4), 30), np.arange(30) % 4
    label = np.eye(4)[y]
    mixture = weight * label + (1 - weight) * p
    divergence = weight * rel_entr(label, mixture) + (1 - weight) * rel_entr(p, mixture)
    expected = divergence.sum(axis=1) / -((1 - weight) * np.log(1 - weight))
    assert_allclose(JensenShannon(weight).loss(y, np.log(p)), expected, rtol=1e-12)


def test_the_squared_hinge_is_that_of_support_vector_machines():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    theirs = LinearSVC(C=0.1, tol=1e-10, intercept_scaling=1e3, max_iter=10**6)
    ours = CrossEntropyClassifier(SquaredHinge(), C=0.1, tol=1e-9)
    assert_allclose(ours.fit(X, y).coef_, theirs.fit(X, y).coef_, rtol=1e-3, atol=1e-4)
