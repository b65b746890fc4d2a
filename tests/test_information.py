"""Cross-entropy, entropy, divergence, skill and many labels against definitions."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import softmax

from oracle import LOSS_INSTANCES
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import (
    cross_entropy,
    d2_loss_score,
    entropy,
    evaluate_loss,
    focal_loss,
    kl_divergence,
    log_loss,
    multilabel_log_loss,
)

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(2, 5), st.sampled_from([None, 2, 10]))
def test_entropies_are_scipy_s(seed, n_classes, base):
    rng = np.random.default_rng(seed)
    t, p = rng.dirichlet(np.ones(n_classes), (2, 7))
    w = rng.random(7) + 0.1
    rows = [scipy.stats.entropy(row, base=base) for row in p]
    assert_allclose(entropy(p, reduction="none", base=base), rows, rtol=1e-10)
    assert_allclose(entropy(p, sample_weight=w, base=base), np.average(rows, weights=w))
    rows = [scipy.stats.entropy(*pair, base=base) for pair in zip(t, p, strict=True)]
    found = kl_divergence(t, p, reduction="none", base=base)
    assert_allclose(found, rows, rtol=1e-9, atol=1e-13)
    total = cross_entropy(t, p, sample_weight=w, base=base)
    parts = entropy(t, sample_weight=w, base=base)
    parts += kl_divergence(t, p, sample_weight=w, base=base)
    assert_allclose(total, parts, rtol=1e-12)


def test_logits_and_certainty():
    z = np.array([[0.0, 800.0], [3.0, 3.0]])
    assert_allclose(entropy(z, from_logits=True, reduction="none"), [0, np.log(2)])
    assert entropy([1.0, 0.0], reduction="sum") == pytest.approx(0, abs=1e-13)
    certain = [[1.0, 0.0]]
    assert kl_divergence(certain, z[:1], from_logits=True) == 800
    assert kl_divergence([[0.0, 1.0]], z[:1], from_logits=True) == 0
    near = np.array([[0.5 + 1e-9, 0.5 - 1e-9]])
    assert 0 <= kl_divergence([[0.5, 0.5]], near) < 1e-15


@given(seeds, st.integers(2, 4))
def test_skill_is_scikit_learn_s(seed, n_classes):
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(n_classes), rng.integers(0, n_classes, 30)]
    p = rng.dirichlet(np.ones(n_classes), len(y))
    w = rng.random(len(y)) + 0.1
    assert_allclose(
        d2_loss_score(CrossEntropy(), y, p, sample_weight=w),
        sklearn.metrics.d2_log_loss_score(y, p, sample_weight=w),
        rtol=1e-10,
        atol=1e-12,
    )


@pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
def test_skill_of_constants_is_not_positive(loss):
    rng = np.random.default_rng(0)
    y = rng.choice(3, 100, p=[0.6, 0.3, 0.1])
    best = loss.best_constant(y)
    at_best = d2_loss_score(loss, y, np.tile(best, (100, 1)), from_logits=True)
    assert_allclose(at_best, 0, atol=1e-9)
    for _ in range(10):
        other = best + rng.normal(scale=0.5, size=3)
        score = d2_loss_score(loss, y, np.tile(other, (100, 1)), from_logits=True)
        assert score < 1e-12


def test_many_labels_are_the_mean_of_columns():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, (50, 4)), rng.random((50, 4))
    w, v = rng.random(50), np.array([1.0, 2.0, 0.5, 1.0])
    columns = [log_loss(y[:, k], p[:, k], sample_weight=w) for k in range(4)]
    assert_allclose(multilabel_log_loss(y, p, sample_weight=w), np.mean(columns))
    weighted = multilabel_log_loss(y, p, sample_weight=w, class_weight=v)
    assert_allclose(weighted, np.average(columns, weights=v))
    z = np.log(p / (1 - p))
    rows = multilabel_log_loss(y, z, from_logits=True, reduction="none")
    assert_allclose(rows, -np.log(np.where(y == 1, p, 1 - p)).mean(axis=1))


@pytest.mark.parametrize("missing", [-100, "?"])
def test_ignored_labels(missing):
    rng = np.random.default_rng(0)
    names = np.array([0, 1, 2]) if missing == -100 else np.array(["a", "b", "c"])
    y = names[np.r_[0, 1, 2, rng.integers(0, 3, 40)]]
    z = rng.normal(size=(43, 3))
    ignored = np.arange(43) % 5 == 4
    marked = y.astype(object if missing == "?" else int)
    marked[ignored] = missing
    marked = marked.astype(str) if missing == "?" else marked
    for weight in (None, "balanced"):
        keywords = {"from_logits": True, "class_weight": weight}
        assert_allclose(
            focal_loss(marked, z, ignore_index=missing, **keywords),
            focal_loss(y[~ignored], z[~ignored], **keywords),
        )
    rows = evaluate_loss(
        Focal(), marked, softmax(z, axis=1), ignore_index=missing, reduction="none"
    )
    assert not rows[ignored].any() and rows[~ignored].all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: kl_divergence([0, 1], [[0.5, 0.5]] * 2),
            r"^y_true must be of shape \(2, 2\), got \(2,\)\.$",
        ),
        (lambda: kl_divergence([[2, -1]], [[0.5, 0.5]]), r"^y_true must be finite and"),
        (lambda: entropy([[0.5, 0.5]], base=1), r"^base must be None or a finite num"),
        (lambda: entropy([[0.5, 0.5]], reduction="all"), r"^reduction must be one of"),
        (
            lambda: multilabel_log_loss([0], [0.5]),
            r"^y_proba must be of shape \(n, K\), got \(1,\)\.$",
        ),
        (
            lambda: multilabel_log_loss([[0, 1]], [[0.5, 1.5]]),
            r"^y_proba must be in \[0, 1\], got 1\.5",
        ),
        (
            lambda: evaluate_loss(Focal(), [7], [0.5], ignore_index=7),
            r"^y_true must have labels other than ignore_index, got only 7\.$",
        ),
        (
            lambda: evaluate_loss(Focal(), [[0.5, 0.5]], [[0.5, 0.5]], ignore_index=7),
            r"^ignore_index must be None for labels of shape \(n, K\), got 7\.$",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
