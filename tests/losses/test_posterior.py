"""The posterior of traced formulas, for logits to ±3000, against mpmath."""

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from catalogue import CATALOGUE, F
from oracle import LOSS_INSTANCES, phi
from skxent.losses import Focal, JensenShannon, Poly1

LOGITS = np.array(
    [-3000.0, -1400.0, -700.0, -40.0, -3.0, 0.0, 0.7, 12.0, 350.0, 800.0, 3000.0]
)
# The same function, written so that rewriting makes one power of it, or not.
FOCAL = [
    ("q**{g} * L", True),
    ("q**({g} - 0.5) * 1.0 * q**0.5 * -log(p)", True),
    ("sqrt(q)**(2 * {g}) * L * 1.0", True),
    ("q**{g} * where(q >= 0, L, L)", True),
    ("q**{g} * where(q >= 0, L, 2 * L)", False),
    ("where(p < 2, q**{g}, q) * L", False),
    ("0.5 * q**{g} * L + 0.5 * q**{g} * max(L, 0)", False),
]


def exact_log_odds(gamma, z):
    """log of η_1 / η_0 for focal loss: γz + log(p + γ q L_q) - log(q + γ p L_p)."""
    e = mp.exp(-mp.mpf(z))
    p, q = 1 / (1 + e), e / (1 + e)
    loss_p, loss_q = mp.log1p(e), mp.log1p(1 / e)
    odds = gamma * mp.mpf(z) + mp.log(p + gamma * q * loss_q)
    return odds - mp.log(q + gamma * p * loss_p)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize(("formula", "recognised"), FOCAL)
def test_focal_loss_however_it_is_written(formula, recognised, gamma):
    loss = F(formula.format(g=gamma))
    assert (len(loss.spec[0]) == 24) == recognised
    log_eta = loss.posterior(LOGITS, log=True)
    assert_allclose(log_eta, Focal(gamma).posterior(LOGITS, log=True), rtol=1e-12)
    with mp.workdps(60):
        for z, row in zip(LOGITS, log_eta, strict=True):
            odds = exact_log_odds(gamma, z)
            assert mp.almosteq(mp.mpf(row[1]), -mp.log1p(mp.exp(-odds)), 1e-12)
            assert mp.almosteq(mp.mpf(row[0]), -mp.log1p(mp.exp(odds)), 1e-12)


@pytest.mark.parametrize(
    "loss", [F("L"), F("2 * L"), F("-log(p)"), F("-log(1 - q)"), 0.3 * F("L")], ids=repr
)
def test_proper_losses_have_the_softmax(loss):
    assert loss.proper
    z = np.random.default_rng(0).normal(size=(300, 4))
    z *= 10.0 ** np.random.default_rng(1).uniform(-2, 3, (300, 1))
    expected = loss.predict_log_proba(z)
    assert_allclose(loss.posterior(z, log=True), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "loss", [*LOSS_INSTANCES, *(loss for loss, _ in CATALOGUE.values())], ids=repr
)
def test_no_posterior_is_nan(loss):
    """Truncated losses and hinges, too: where they are flat it is a limit."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 3)) * 10.0 ** rng.uniform(-3, 3.4, (200, 1))
    z[:3] = [[3000, -3000, 0], [np.inf, 0, 1], [-np.inf, -np.inf, 0]]
    for dtype in (np.float32, np.float64):
        eta = loss.posterior(z.astype(dtype))
        assert_allclose(eta.sum(axis=1), 1, rtol=1e-5)
        assert (eta >= 0).all()
        assert not np.isnan(loss.posterior(z.astype(dtype), log=True)).any()
    assert loss.proper <= loss.has_posterior


@pytest.mark.parametrize("name", ["truncated", "truncated, by where", "ramp"])
def test_flat_for_small_p_is_no_posterior(name):
    assert not CATALOGUE[name][0].has_posterior
    assert CATALOGUE["squared hinge"][0].has_posterior
    assert not F("q").has_posterior


@pytest.mark.parametrize(
    ("loss", "z"),
    [
        (Poly1(-1.0), -34.0),  # φ' is a difference, of 4e-15 beside 1
        (Poly1(-1.0), -300.0),
        (JensenShannon(0.5), -3000.0),  # log(-φ'/q) is no line
        (F("1 - exp(-L**2)"), -20.0),  # φ' underflows
    ],
)
def test_log_slopes_are_those_of_the_formula_not_of_numbers(loss, z):
    with mp.workdps(4000):
        slopes = [
            mp.log(-phi(loss, mp.mpf(m))[1] * (1 + mp.exp(mp.mpf(m)))) for m in (z, -z)
        ]
        odds = mp.mpf(z) - slopes[0] + slopes[1]
        exact = -mp.log1p(mp.exp(-odds)), -mp.log1p(mp.exp(odds))
        expected = [float(exact[1]), float(exact[0])]
    assert_allclose(loss.posterior([z], log=True)[0], expected, rtol=1e-12)
