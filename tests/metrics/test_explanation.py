"""The account of a cross-entropy, against the metrics and scipy."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import softmax

from skxent import explain
from skxent.losses import CrossEntropy
from skxent.metrics import cross_entropy, d2_loss_score, entropy, kl_divergence


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.booleans())
def test_the_numbers_are_those_of_the_metrics(seed, n_classes, soft):
    rng = np.random.default_rng(seed)
    z, w = rng.normal(size=(30, n_classes)), rng.uniform(0.1, 1, 30)
    codes = np.r_[:n_classes, rng.integers(0, n_classes, 30 - n_classes)]
    y = rng.dirichlet(np.ones(n_classes), 30) if soft else codes
    t = y if soft else np.eye(n_classes)[codes]
    p = softmax(z, axis=1)
    for X, from_logits in ((p, False), (z, True)):
        found = explain(y, X, sample_weight=w, from_logits=from_logits)
        assert_allclose(found.cross_entropy, cross_entropy(y, p, sample_weight=w))
        assert_allclose(found.kl_divergence, kl_divergence(t, p, sample_weight=w))
        assert_allclose(found.predicted_entropy, entropy(p, sample_weight=w))
        assert_allclose(found.frequency_entropy, scipy.stats.entropy(w @ t))
        assert_allclose(found.uniform_entropy, np.log(n_classes))
        if not soft:
            skill = d2_loss_score(CrossEntropy(), y, p, sample_weight=w)
            assert_allclose(found.skill, skill, atol=1e-10)
        waste = kl_divergence(t, p, reduction="none")
        order = np.argsort(-waste)[:10]
        assert [row.row for row in found.rows] == order.tolist()
        assert_allclose([row.nats for row in found.rows], waste[order], atol=1e-12)
        shown = [row.proba for row in found.rows]
        assert_allclose(shown, p[order, t[order].argmax(axis=1)], rtol=1e-9)


def test_by_hand():
    """-log2 of 1/2, 1/4, 1/8 and 1/2: two bits and a quarter of one a row."""
    y = ["b", "a", "b", "a"]
    found = explain(y, [1 / 2, 3 / 4, 1 / 8, 1 / 2], n_rows=2)
    assert_allclose(found.cross_entropy / np.log(2), 7 / 4)
    assert found.label_entropy == 0
    assert_allclose(found.skill, 1 - 7 / 4)
    assert [(row.row, row.label, row.predicted) for row in found.rows] == [
        (2, "b", "a"),
        (1, "a", "b"),
    ]
    text = str(found)
    for words in (
        "4 rows of 2 classes",
        "1.7500",
        "skill -75.0%",
        "over-confident by 0.9113 ± 0.59 bits",
        "2         b             a                0.125         3",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 88


def test_notebooks_show_the_table():
    found, shown = explain([0, 1], [0.2, 0.9]), []
    found._repr_pretty_(SimpleNamespace(text=shown.append), False)
    assert shown == [str(found)]


def test_the_ends():
    found = explain([0, 0], [0.25, 0.5], labels=[0, 1], n_rows=0)
    assert found.skill is None and found.rows == ()
    assert "no skill score" in str(found)
    # All that soft labels leave to know is known.
    soft = np.array([[0.25, 0.75], [0.5, 0.5]])
    found = explain(soft, soft)
    assert_allclose([found.kl_divergence, found.skill], [0, 1], atol=1e-12)
    # Rows of weight 0 are not there.
    found = explain([0, 1, 0], [0.9, 0.5, 0.4], sample_weight=[0, 1, 1])
    assert [row.row for row in found.rows] == [1, 2] and found.n_samples == 2
    # Certainty from logits.
    found = explain([[1, 0.0]], [[np.inf, 0]], from_logits=True)
    assert found.cross_entropy == 0
    assert (
        explain([1], [[np.inf, 0]], from_logits=True, labels=[0, 1]).rows[0].proba == 0
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_rows": -1}, "n_rows must be an integer >= 0, got -1"),
        ({"y_proba": [0.5, 1.5]}, r"y_proba must be in \[0, 1\], got 1\.5"),
        ({"y_proba": [0.5]}, "y_true must have 1 rows, got 2"),
        ({"labels": [1, 1]}, r"labels must be distinct, got \[1, 1\]"),
        ({"sample_weight": [0, 0]}, "sample_weight must have a sum other than zero"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        explain(**{"y_true": [0, 1], "y_proba": [0.5, 0.5]} | change)


def test_the_standard_error_is_that_of_the_confidence_gap():
    """Over many samples the gap of the true probabilities has this spread."""
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, size=400)
    found = [explain(rng.random(400) < p, p, n_rows=0) for _ in range(200)]
    gaps = np.array([f.cross_entropy - f.predicted_entropy for f in found])
    errors = np.array([f.gap_standard_error for f in found])
    assert_allclose(errors.mean(), gaps.std(), rtol=0.15)
    assert abs(gaps.mean()) < 3 * errors.mean() / np.sqrt(len(gaps))


def test_a_single_row_has_no_standard_error():
    found = explain([1], [0.3], labels=[0, 1])
    assert np.isnan(found.gap_standard_error)
    assert "±" not in str(found)
