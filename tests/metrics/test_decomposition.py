import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

from skxent.calibration import VectorScaling
from skxent.losses import CrossEntropy, FormulaLoss
from skxent.metrics import decompose_loss

PROPER = ["cross_entropy", "squared_error"]
of_probabilities = {
    "cross_entropy": log_loss,
    "squared_error": lambda y, p, **k: 2 * brier_score_loss(y, p, **k),
}


def recalibrated(y, p, w):
    """The best probabilities in the order of p, by the max-min formula."""
    values, place = np.unique(p, return_inverse=True)
    mass = np.bincount(place, w)
    hits = np.bincount(place, w * y)
    n = len(values)
    mean = [
        [hits[i : j + 1].sum() / mass[i : j + 1].sum() for j in range(i, n)]
        for i in range(n)
    ]
    best = [
        max(min(mean[i][j - i] for j in range(k, n)) for i in range(k + 1))
        for k in range(n)
    ]
    return np.array(best)[place]


def table(seed, n=60):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.7, 0.7, n).round(2).clip(0.01, 0.99)
    return (rng.random(n) < p**1.5).astype(int), p, rng.integers(1, 4, n)


@pytest.mark.parametrize("loss", PROPER)
@pytest.mark.parametrize("seed", range(5))
def test_the_parts_are_those_of_the_definition(loss, seed):
    y, p, w = table(seed)
    mean = of_probabilities[loss]
    best, share = recalibrated(y, p, w), np.full(len(y), np.average(y, weights=w))
    S, S_C, S_R = (mean(y, q, sample_weight=w) for q in (p, best, share))
    found = decompose_loss(y, p, loss=loss, sample_weight=w)
    assert_allclose(found, [S, S - S_C, S_R - S_C, S_R], rtol=1e-10, atol=1e-12)
    repeated = decompose_loss(np.repeat(y, w), np.repeat(p, w), loss=loss)
    assert_allclose(repeated, found, rtol=1e-10, atol=1e-12)


def test_it_is_that_of_a_peer():
    scoring = pytest.importorskip(
        "model_diagnostics.scoring", reason="pip install model-diagnostics"
    )
    y, p, w = table(7, 500)
    for loss, peer in [
        ("cross_entropy", scoring.LogLoss()),
        ("squared_error", scoring.SquaredError()),
    ]:
        theirs = scoring.decompose(
            y_obs=y, y_pred=p, weights=w, scoring_function=peer
        ).row(0, named=True)
        names = ["score", "miscalibration", "discrimination", "uncertainty"]
        factor = 2 if loss == "squared_error" else 1
        expected = [factor * theirs[name] for name in names]
        assert_allclose(
            decompose_loss(y, p, loss=loss, sample_weight=w), expected, atol=1e-10
        )


@given(st.integers(0, 2**32 - 1), st.sampled_from(PROPER))
def test_parts_add_and_have_their_signs(seed, loss):
    y, p, _ = table(seed, 30)
    if y.min() == y.max():
        return
    S, miscalibration, discrimination, uncertainty = decompose_loss(y, p, loss=loss)
    assert_allclose(miscalibration - discrimination + uncertainty, S)
    assert miscalibration >= -1e-15
    assert discrimination >= -1e-15
    # A map that keeps the order changes only the miscalibration.
    other = decompose_loss(y, p**3, loss=loss)
    assert_allclose(other[2:], [discrimination, uncertainty])


def test_frequencies_of_groups_are_calibrated():
    group = np.repeat([0, 1, 2], [5, 10, 15])
    y = np.concatenate([np.arange(5) < 1, np.arange(10) < 4, np.arange(15) < 12])
    p = np.array([0.2, 0.4, 0.8])[group]
    assert_allclose(decompose_loss(y, p).miscalibration, 0, atol=1e-15)
    assert decompose_loss(y, 1 - p).discrimination == pytest.approx(0, abs=1e-15)


def test_forms_of_the_same_table():
    y, p, _ = table(3)
    found = decompose_loss(y, p)
    for other in [
        decompose_loss(y, np.stack([1 - p, p], axis=1)),
        decompose_loss(np.array(["no", "yes"])[y], p),
        decompose_loss(np.eye(2)[y], p),
        decompose_loss(y, np.log(p / (1 - p)), from_logits=True),
        decompose_loss(y, p, pos_label=1),
        decompose_loss(y, p, loss=FormulaLoss("-log(p)")),
        decompose_loss(y, p, loss=FormulaLoss("k * L", k={0: 1.0, 1: 1.0})),
    ]:
        assert_allclose(other, found, rtol=1e-9)
    # Tiny probabilities keep their order.
    z = np.array([-90.0, -80.0, -70.0, 3.0])
    assert decompose_loss([0, 0, 1, 1], z, from_logits=True).discrimination > 0.69


def test_several_classes():
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < 0.3, rng.permutation(y), y)
    proba = LogisticRegression(C=0.01).fit(X, y).predict_proba(X)
    found = decompose_loss(y, proba)
    assert found.loss == pytest.approx(log_loss(y, proba))
    share = np.bincount(y) / len(y)
    assert found.uncertainty == pytest.approx(-share @ np.log(share))
    scaled = VectorScaling().fit(np.log(proba), y).predict_proba(np.log(proba))
    assert found.loss - found.miscalibration == pytest.approx(
        log_loss(y, scaled), rel=1e-6
    )
    for c in range(3):
        rest = decompose_loss(y, proba, pos_label=c)
        assert_allclose(rest, decompose_loss(y == c, proba[:, c]), rtol=1e-9)


@pytest.mark.parametrize(
    ("n", "dtype", "precision"),
    [(21_000, "float64", 1e-9), (21_000, "float32", 1e-9), (110_000, "float64", 5e-6)],
)
def test_many_rows_of_several_classes(n, dtype, precision):
    """A sample finds where to begin; the minimum is that over all rows."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 3)) * 2
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    w = rng.integers(1, 4, len(z)) * 1.0
    # Scales and shifts of the logits that the labels are not drawn from
    p = softmax(z * [1.5, 1, 0.7] + [0.5, 0, -1], axis=1).astype(dtype)
    found = decompose_loss(y, p, sample_weight=w)
    t = np.log(p.astype(float))

    def mean(x):
        z = t * x[:3] + x[3:]
        value, gradient = CrossEntropy().loss_gradient(y, z, sample_weight=w)
        slope = np.r_[(gradient * t).sum(axis=0), gradient.sum(axis=0)]
        return value.sum() / w.sum(), slope / w.sum()

    x0, options = np.r_[1.0, 1, 1, 0, 0, 0], {"gtol": 1e-10, "ftol": 1e-15}
    best = minimize(mean, x0, jac=True, method="L-BFGS-B", options=options)
    assert found.loss == pytest.approx(
        mean(x0)[0], rel=1e-9 if dtype == "float64" else 1e-6
    )
    least = found.loss - found.miscalibration
    assert least == pytest.approx(best.fun, abs=precision)
    assert found.miscalibration > 0.01
    # Samples are of rows with weight.
    w[: n - 500] = 0
    few = decompose_loss(y[-500:], p[-500:], sample_weight=w[-500:])
    assert_allclose(decompose_loss(y, p, sample_weight=w), few, atol=1e-5)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"loss": "focal"}, "loss must be proper, such as 'cross_entropy' or 'squa"),
        ({"loss": "hinge"}, "loss must be one of "),
        ({"pos_label": 2}, r"pos_label must be one of \[0, 1\], got 2\."),
        ({"sample_weight": [1.0]}, "sample_weight must "),
        ({"labels": [0]}, "labels|y_proba must "),
    ],
)
def test_bad_input(keywords, message):
    with pytest.raises(ValueError, match=message):
        decompose_loss([0, 1, 1], [0.2, 0.4, 0.5], **keywords)


@pytest.mark.parametrize("pos_label", [None, 1])
def test_some_row_needs_a_weight(pos_label):
    with pytest.raises(ValueError, match=r"^sample_weight must have a sum other than"):
        decompose_loss(
            [0, 1], [0.2, 0.7], pos_label=pos_label, sample_weight=[0.0, 0.0]
        )
