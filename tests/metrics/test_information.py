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


METRICS = {
    "entropy": lambda y, p, **keywords: entropy(p, **keywords),
    "kl_divergence": kl_divergence,
    "cross_entropy": cross_entropy,
    "multilabel_log_loss": multilabel_log_loss,
}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_reductions_of_rows(metric):
    rng = np.random.default_rng(0)
    y, p, w = rng.dirichlet(np.ones(3), 9), rng.dirichlet(np.ones(3), 9), rng.random(9)
    rows = metric(y, p, reduction="none")
    for weight, v in [(None, np.ones(9)), (w, w), (w.tolist(), w)]:
        weighted = {"none": v * rows, "sum": v @ rows, "mean": v @ rows / v.sum()}
        for reduction, value in weighted.items():
            for base, unit in [(None, 1.0), (2, np.log(2))]:
                keywords = {"sample_weight": weight, "base": base}
                ours = metric(y, p, reduction=reduction, **keywords)
                assert_allclose(ours, value / unit, rtol=1e-12)
    for name, value, message in [
        ("sample_weight", w[1:], r"of shape \(9,\), got \(8,\)"),
        ("sample_weight", -w, r"finite and non-negative, got -0\.\d+"),
        ("base", 1, "None or a finite number above 1, got 1"),
        ("reduction", "avg", "one of 'mean', 'sum', 'none', got 'avg'"),
        ("from_logits", "no", "True or False, got 'no'"),
    ]:
        with pytest.raises(ValueError, match=rf"^{name} must be {message}\.$"):
            metric(y, p, **{name: value})


def test_logits_and_certainty():
    z = np.array([[0.0, 800.0], [3.0, 3.0]])
    assert_allclose(entropy(z, from_logits=True, reduction="none"), [0, np.log(2)])
    assert entropy([1.0, 0.0], reduction="sum") == pytest.approx(0, abs=1e-13)
    certain = [[1.0, 0.0]]
    assert kl_divergence(certain, z[:1], from_logits=True) == 800
    assert kl_divergence([[0.0, 1.0]], z[:1], from_logits=True) == 0
    z = np.array([[0.0, -np.inf]])
    assert entropy(z, from_logits=True) == 0
    assert kl_divergence(certain, z, from_logits=True) == 0
    assert kl_divergence([[0.5, 0.5]], z, from_logits=True) == np.inf
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


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
def test_skill_is_the_share_of_the_loss_that_is_saved(loss, n_classes):
    rng = np.random.default_rng(1)
    names, codes = np.array(["a", "b", "c"])[:n_classes], rng.integers(0, 2, 40)
    codes[:2], w, z = [0, 1], rng.random(40), rng.normal(size=(40, n_classes))
    v, eps = np.arange(1.0, n_classes + 1), 0.1
    best = loss.best_constant(
        codes, n_classes, sample_weight=w, class_weight=v, label_smoothing=eps
    )
    best = np.array([0.0, best]) if n_classes == 2 else best
    ours, theirs = (
        w * v[codes] @ loss.loss(codes, x, label_smoothing=eps)
        for x in (z, np.tile(best, (40, 1)))
    )
    y = np.concatenate([names[codes], ["?", "?"]])
    keywords = {
        "label_smoothing": eps,
        "labels": names,
        "sample_weight": np.concatenate([w, [3, 4]]),
        "class_weight": dict(zip(names, v, strict=True)),
        "from_logits": True,
        "ignore_index": "?",
    }
    tables = [np.concatenate([z, 9 + z[:2]])]
    if n_classes == 2:
        tables += [np.diff(tables[0])[:, 0], np.diff(tables[0])]
    for table in tables:
        found = d2_loss_score(loss, y, table, **keywords)
        assert isinstance(found, float)
        assert_allclose(found, 1 - ours / theirs, rtol=1e-9, atol=1e-12)
        single = d2_loss_score(loss, y, table.astype("f4"), **keywords)
        assert_allclose(single, found, rtol=1e-4, atol=1e-5)


def test_no_skill_is_known_where_nothing_can_be_lost():
    with pytest.raises(ValueError, match=r"^y_true must have rows of two classes"):
        d2_loss_score(Focal(5.0), [0, 0], np.float32([[0.5, 0.5]] * 2), labels=[0, 1])


def test_many_labels_are_the_mean_of_columns():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, (50, 4)), rng.random((50, 4))
    w, v = rng.random(50), np.array([1.0, 2.0, 0.5, 1.0])
    columns = [log_loss(y[:, k], p[:, k], sample_weight=w) for k in range(4)]
    assert_allclose(multilabel_log_loss(y, p, sample_weight=w), np.mean(columns))
    weighted = multilabel_log_loss(y, p, sample_weight=w, class_weight=v)
    assert_allclose(weighted, np.average(columns, weights=v))
    z = np.log(p / (1 - p))
    exact = -np.log(np.where(y == 1, p, 1 - p))
    rows = multilabel_log_loss(y, z, from_logits=True, reduction="none")
    assert_allclose(rows, exact.mean(axis=1))
    smooth = multilabel_log_loss(y, p, label_smoothing=0.2)
    other = -np.log(np.where(y == 1, 1 - p, p))
    assert_allclose(smooth, np.mean(0.9 * exact + 0.1 * other))
    single = multilabel_log_loss(y, p.astype("f4"), reduction="none")
    assert single.dtype == np.float32
    assert_allclose(single, exact.mean(axis=1), rtol=1e-5)


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


def test_ignored_labels_of_any_kind():
    y, p = np.array([1, 0, 1]), [0.2, 0.7, 0.4]
    plain = focal_loss(y, p)
    assert focal_loss(y, p, ignore_index="?") == plain  # which no number equals
    assert focal_loss(y[:, np.newaxis], p, ignore_index=7) == plain
    only = focal_loss([1, 7, 7], p, ignore_index=7, labels=[0, 1])
    assert_allclose(only, focal_loss([1], p[:1], labels=[0, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: kl_divergence([0, 1], [[0.5, 0.5]] * 2),
            r"^y_true must be of shape \(2, 2\), got \(2,\)\.$",
        ),
        (lambda: kl_divergence([[2, -1]], [[0.5, 0.5]]), r"^y_true must be finite and"),
        (
            lambda: kl_divergence(None, [[0.5, 0.5]]),
            r"^y_true must be of shape \(1, 2\)",
        ),
        (lambda: entropy([[0.5, 0.5]], base=1), r"^base must be None or a finite num"),
        (lambda: entropy([[0.5, 0.5]], reduction="all"), r"^reduction must be one of"),
        (
            lambda: multilabel_log_loss([0], [0.5]),
            r"^y_proba must be of shape \(n, K\), got \(1,\)\. Of tables with",
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
