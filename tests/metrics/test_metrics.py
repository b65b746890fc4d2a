"""The metrics against their definition in mpmath, and their errors."""

import types
import warnings
from functools import cache

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from oracle import DIGITS, DTYPES, LOSS_INSTANCES, definition, kappa, value_of
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import (
    cross_entropy,
    d2_loss_score,
    evaluate_loss,
    expected_calibration_error,
    focal_loss,
    log_loss,
    smoothed_log_loss,
)

PROMISE = 8  # units of κ eps
P = np.array([[0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
Q = np.array([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.4, 0.5, 0.1]])
ABA = np.array(["a", "b", "a"])
all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)


def codes_of(rng, n, n_classes):
    return rng.permutation(np.arange(n) % n_classes)


def exact_table(rng, n, n_classes):
    """Probabilities in 1024ths: rows sum to one without rounding."""
    parts = rng.multinomial(1024 - n_classes, rng.dirichlet(np.ones(n_classes), n))
    return (parts + 1) / 1024


@cache
def exact_phi(loss, probability):
    """φ of p, 1 - p and -log p, as the loss defines it."""
    with mp.workdps(DIGITS):
        p = mp.mpf(probability)
        return float(value_of(loss, p, 1 - p, -mp.log(p)))


def phi_of(loss, proba):
    return np.array([[exact_phi(loss, p) for p in row] for row in proba])


@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 8])
@all_losses
def test_evaluate_loss_against_the_definition(loss, n_classes, soft, label_smoothing):
    rng = np.random.default_rng(2)
    proba, codes = exact_table(rng, 30, n_classes), codes_of(rng, 30, n_classes)
    names = np.array(list("stuvwxyz"))[:n_classes]
    target = exact_table(rng, 30, n_classes) if soft else np.eye(n_classes)[codes]
    y, keys = (target, range(n_classes)) if soft else (names[codes], names.tolist())
    v, w = rng.uniform(0.5, 2, n_classes), rng.uniform(size=30)
    logits = np.log(proba) + rng.normal(size=(30, 1))
    inputs = [(proba, False, 1e-12), (pd.DataFrame(logits), True, 1e-11)]
    inputs += [(proba.astype("f4"), False, 4e-5)]  # 8 κ eps with κ = 6 · 7
    if n_classes == 2:
        inputs += [(proba[:, 1], False, 1e-12), (proba[:, 1:].tolist(), False, 1e-12)]
        inputs += [(logits[:, 1] - logits[:, 0], True, 1e-11)]
    for class_weight, weights in [
        (None, np.ones(n_classes)),
        (v, v),
        (dict(zip(keys, v, strict=True)), v),
        ({keys[1]: 3.0}, 1 + 2 * np.eye(n_classes)[1]),
    ]:
        weighted = target * weights
        smooth = weighted.mean(axis=1, keepdims=True) * label_smoothing
        smooth = smooth + (1 - label_smoothing) * weighted
        rows = w * (smooth * phi_of(loss, proba)).sum(axis=1)
        expected = {"none": rows, "sum": rows.sum()}
        expected["mean"] = rows.sum() / (w @ weighted.sum(axis=1))
        keywords = {"class_weight": class_weight, "label_smoothing": label_smoothing}
        for x, from_logits, rtol in inputs:
            keywords |= {"sample_weight": w, "from_logits": from_logits}
            for reduction, value in expected.items():
                ours = evaluate_loss(loss, y, x, reduction=reduction, **keywords)
                assert_allclose(ours, value, rtol=rtol)


@all_losses
def test_balanced_is_the_mean_of_the_class_means(loss):
    rng = np.random.default_rng(3)
    proba, soft = exact_table(rng, 30, 4), exact_table(rng, 30, 4)
    codes = rng.choice(3, 30, p=[0.7, 0.2, 0.1])  # the last class is absent
    keywords = {"labels": range(4), "class_weight": "balanced"}
    for y, target in [(codes, np.eye(4)[codes]), (soft, soft)]:
        for weight in (None, rng.uniform(size=30)):
            w = np.ones(30) if weight is None else weight
            total, mass = w @ (target * phi_of(loss, proba)), w @ target
            mean = np.mean(total[mass > 0] / mass[mass > 0])
            for reduction, value in [("mean", mean), ("sum", w.sum() * mean)]:
                keywords |= {"sample_weight": weight, "reduction": reduction}
                ours = evaluate_loss(loss, y, proba, **keywords)
                assert_allclose(ours, value, rtol=1e-12)


def test_focal_and_smoothed_log_loss_written_out():
    rng = np.random.default_rng(4)
    y, p = rng.integers(0, 4, 50), rng.dirichlet(np.ones(5), 50)
    labels = {"labels": range(5)}  # the last of which y lacks
    log_p = np.log(p[np.arange(50), y])
    value = log_loss(y, p, **labels)
    assert_allclose(focal_loss(y, p, gamma=0, **labels), value, rtol=1e-12)
    assert focal_loss(y, p, **labels) == focal_loss(y, p, gamma=2, **labels)
    for gamma in (0.5, 2.0, 3):
        value = np.mean((1 - np.exp(log_p)) ** gamma * -log_p)
        assert_allclose(focal_loss(y, p, gamma=gamma, **labels), value, rtol=1e-12)
    value = -np.mean(0.9 * log_p + 0.1 * np.log(p).mean(axis=1))
    assert_allclose(smoothed_log_loss(y, p, **labels), value, rtol=1e-12)
    for base in (2, 10.0, np.float32(2), np.int64(2)):
        ours = smoothed_log_loss(y, p, base=base, **labels)
        assert_allclose(ours, value / np.log(base), rtol=1e-12)
    keywords = labels | {"sample_weight": p[:, 0], "label_smoothing": 0.3, "base": 2}
    keywords |= {"class_weight": "balanced", "from_logits": True, "reduction": "none"}
    keywords |= {"ignore_index": 2}
    for ours, loss in [
        (focal_loss(y, 9 * p, gamma=1.5, **keywords), Focal(1.5)),
        (smoothed_log_loss(y, 9 * p, **keywords), CrossEntropy()),
    ]:
        assert_allclose(ours, evaluate_loss(loss, y, 9 * p, **keywords))
    del keywords["label_smoothing"]
    ours = cross_entropy(y, 9 * p, **keywords)
    assert_allclose(ours, evaluate_loss(CrossEntropy(), y, 9 * p, **keywords))


@pytest.mark.parametrize("dtype", DTYPES)
@all_losses
def test_probabilities_of_zero_and_one_are_clipped(loss, dtype):
    eps = float(np.finfo(dtype).eps)
    rtol = PROMISE * kappa(loss, [np.log(eps), 0]) * eps
    with mp.workdps(DIGITS):
        row = [mp.mpf(eps) / (1 + mp.mpf(eps)), 1 / (1 + mp.mpf(eps))]
    for x, exact in [([[0, 1]] * 2, row), ([1, 1], [eps, 1 - eps])]:
        x = np.array(x, dtype)
        ours = evaluate_loss(loss, [0, 1], x, reduction="none")
        assert ours.dtype == dtype
        assert_allclose(ours, phi_of(loss, [exact])[0], rtol=rtol)


@all_losses
def test_logits_of_size_800_are_exact(loss):
    z = [[800, -800, 0], [800, 799, -800], [-800, 0, 800], [0, 800, 800.0]]
    for y in ([0, 1, 2, 0], [1, 2, 0, 1], [2, 0, 1, 2]):
        with mp.workdps(1000):
            pairs = zip(np.eye(3)[y], z, strict=True)
            exact = [float(definition(loss, hot, *row)) for hot, row in pairs]
        ours = evaluate_loss(loss, y, z, from_logits=True, reduction="none")
        # A hinge is zero at its kink, where the difference of two ones remains.
        assert_allclose(ours, exact, rtol=1e-13, atol=1e-30)
        assert_allclose(evaluate_loss(loss, y, z, from_logits=True), np.mean(exact))


def test_labels_name_the_columns_of_soft_labels():
    weights = {"labels": ["a", "b"], "class_weight": {"b": 3.0}}
    expected = cross_entropy(P[::-1], P, class_weight=[1, 3])
    assert cross_entropy(P[::-1], P, **weights) == expected


def test_sums_of_float32_keep_their_digits():
    p = np.random.default_rng(6).uniform(size=100_000).astype(np.float32)
    y = (p > 0.3).astype(int)
    rows = -np.log(np.where(y == 1, p, 1 - p.astype(float)))
    for reduction, of in [("mean", np.mean), ("sum", np.sum)]:
        ours = cross_entropy(y, p, reduction=reduction)
        assert_allclose(ours, of(rows), rtol=1e-12)


def test_class_weight_may_be_any_mapping():
    weights = types.MappingProxyType({1: 5.0})
    y, proba = [1, 2, 2], [0.2, 0.7, 0.4]
    assert focal_loss(y, proba, class_weight=weights) == focal_loss(
        y, proba, class_weight={1: 5.0}
    )
    top = np.array([2**63 - 1, 2**63 - 2, 2**63 - 1])
    assert focal_loss(top, proba) == focal_loss([1, 0, 1], proba)


@pytest.mark.parametrize("metric", [focal_loss, cross_entropy, smoothed_log_loss])
def test_probabilities_called_logits_warn(metric):
    rng = np.random.default_rng(5)
    y, p = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50)
    for proba in (p, p[:, 1], p.astype(np.float32)):
        labels = y if proba.ndim == 2 else y % 2
        with pytest.warns(UserWarning, match="looks like probabilities") as caught:
            metric(labels, proba, from_logits=True)
        assert caught[0].filename == __file__  # it is the caller who is told
    # Logits that must not be mistaken for probabilities, and typical first tries.
    for raw in (np.log(p), 3 * p, p[:9, 1], np.eye(3)[y]):
        metric(y[: len(raw)] % (3 if raw.ndim == 2 else 2), raw, from_logits=True)


LIKELY, FULL = [0.0, 1.0, 0.5] + 7 * [0.25], np.tile([0.3, 0.7], (5, 1))


@pytest.mark.parametrize(
    ("raw", "alike"),
    [
        (LIKELY, True),
        (LIKELY[1:], False),
        ([*LIKELY, 1.01], False),
        ([*LIKELY, -0.01], False),
        (FULL, True),
        (FULL + np.array([9e-4, 0]), True),
        (FULL - np.array([9e-4, 0]), True),
        (FULL + np.outer(np.arange(5) == 2, [2e-3, 0]), False),
        (FULL - np.outer(np.arange(5) == 2, [2e-3, 0]), False),
        (np.eye(2), False),
        (np.vstack([np.eye(2), FULL[:1]]), True),
        (np.array([[1.3, -0.3], [0.5, 0.5]]), False),
    ],
)
def test_what_looks_like_probabilities(raw, alike):
    y = np.arange(len(raw)) % 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_entropy(y, raw, from_logits=True)
    assert [str(w.message) for w in caught] == alike * [
        "y_proba looks like probabilities, but from_logits=True. "
        "Pass from_logits=False for probabilities."
    ]


@pytest.mark.parametrize(
    "metric", [log_loss, cross_entropy, expected_calibration_error]
)
def test_labels_called_probabilities_warn(metric):
    """Labels as predictions, and y_true and y_proba in each other's place."""
    labels, proba = np.arange(10) % 2, np.full((10, 2), 0.5)
    swapped = [(proba, labels)] if metric is cross_entropy else []
    for first, second in [(labels, labels), (labels, labels.tolist()), *swapped]:
        with pytest.warns(
            UserWarning, match=r"as the second argument\. If these"
        ) as caught:
            metric(first, second)
        assert caught[0].filename == __file__
    for fine in (labels.astype(float), labels[:9]):
        metric(labels[: len(fine)], fine)


def test_sums_of_rows_may_be_off_by_the_root_of_eps():
    root = np.finfo(np.float32).eps ** 0.5
    for sign in (1, -1):
        for off, told in [(0.9, []), (1.2, [1])]:
            rows = np.float32([[0.5, 0.5], [0.25, 0.75 + sign * off * root]])
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                cross_entropy([0, 1], rows)
            assert [str(w.message) for w in caught] == len(told) * [
                "The y_proba values do not sum to one. Make sure to pass "
                "probabilities, or from_logits=True for logits."
            ]


def test_labels_of_other_dtypes():
    expected = cross_entropy([0, 1, 0], P)
    for y in ([0.0, 1.0, 0.0], ABA.astype(object)):
        assert cross_entropy(y, P) == expected


def test_one_column_is_a_row_each():
    for x, from_logits in [(P[:, 1], False), (9 * P[:, 1] - 5, True)]:
        expected = cross_entropy([0, 1, 0], x, from_logits=from_logits)
        column = cross_entropy([0, 1, 0], x[:, np.newaxis], from_logits=from_logits)
        assert column == expected


def test_probabilities_of_other_dtypes():
    sure, half = np.eye(2), np.full((2, 2), 0.5)
    for table in (sure.astype(int), sure.astype(bool), sure.astype(np.float16)):
        expected = cross_entropy([0, 1], sure)
        assert cross_entropy([0, 1], table) == pytest.approx(expected, rel=1e-15)
    assert cross_entropy([0, 1], half.astype(np.float16)) == np.log(2)


def test_logits_of_other_dtypes():
    raw = np.array([[3, -2], [1, 0]])
    expected = cross_entropy([0, 1], raw.astype(float), from_logits=True)
    for table in (raw, raw.tolist(), raw.astype("f2"), raw.astype(object)):
        ours = cross_entropy([0, 1], table, from_logits=True)
        assert_allclose(ours, expected, rtol=1e-14)


def test_logits_called_probabilities_say_so():
    raw = np.array([[0.3, 0.2], [0.9, 0.4]])
    with pytest.warns(UserWarning, match="or from_logits=True for logits") as caught:
        focal_loss([0, 1], raw)
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match="Pass from_logits=True for logits"):
        focal_loss([0, 1], raw - 1)


def test_rows_that_do_not_sum_to_one_warn():
    for metric in (focal_loss, smoothed_log_loss):
        with pytest.warns(UserWarning, match="y_proba values do not sum to one"):
            assert np.isfinite(metric([0, 1, 0], 0.9 * P))
        # Sums of float32 numbers and of printed numbers are off by about as much.
        metric([0, 1, 0], (1 - 1e-6) * P)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("y_proba", P + 0.5, r"be in \[0, 1\], got 1\.3"),
        ("y_proba", [[0, 1.3]] * 3, r"be in \[0, 1\], got 1\.3"),
        ("y_proba", -P, r"be in \[0, 1\], got -0\.8"),
        ("y_proba", Q, "have a column for each of 2 labels, got 3 columns"),
        ("y_true", [0, 1], "have 3 rows, got 2"),
        ("y_true", 2 * P, "have rows that sum to one, got 2"),
        ("y_true", np.eye(3), "have 2 columns, got 3"),
        ("y_true", [0, 2, 0], r"have labels in \[0, 1\], got .*2.*"),
        ("y_true", ABA, r"have labels in \[0, 1\], got .*'a'.*"),
        ("labels", [0, 0], r"be distinct, got \[0, 0\]"),
        ("labels", [], r"be .*, got .*"),
        ("labels", [[0, 1]], r"be .*, got .*"),
        ("sample_weight", [1, np.nan, 1], "be finite and non-negative, got nan"),
        ("sample_weight", [1, np.inf, 1], "be finite and non-negative, got inf"),
        ("sample_weight", [1, -1, 1], "be finite and non-negative, got -1.0"),
        ("sample_weight", [0, 0, 0], "have a sum other than zero, got 0.0"),
        ("sample_weight", [1, 1], r"be of shape \(3,\), got \(2,\)"),
        ("class_weight", {0: 1, 7: 2}, r"have keys in \[0, 1\], got .*7.*"),
        ("class_weight", [1, -2], r"be .*non-negative.*, got \[1.0, -2.0\]"),
        ("class_weight", [1, 2, 3], r"be of shape \(2,\), got \(3,\)"),
        ("class_weight", "even", "be .*'balanced', got 'even'"),
        ("label_smoothing", 1.0, r"be a number in \[0, 1\), got 1.0"),
        ("label_smoothing", -0.1, r"be a number in \[0, 1\), got -0.1"),
        ("reduction", "avg", "be one of 'mean', 'sum', 'none', got 'avg'"),
        ("from_logits", "yes", "be True or False, got 'yes'"),
        ("base", 1, "be None or a finite number above 1, got 1"),
        ("base", 0.5, "be None or a finite number above 1, got 0.5"),
        ("base", np.inf, "be None or a finite number above 1, got inf"),
        ("gamma", -1, r"be a number in \[0, 1e\+06\], got -1"),
    ],
)
def test_bad_arguments(argument, value, message):
    call = {"y_true": [0, 1, 0], "y_proba": P, "labels": [0, 1], argument: value}
    with pytest.raises(ValueError, match=rf"^{argument} must {message}\.( |$)"):
        focal_loss(**call)
    if argument == "sample_weight" and np.any(value):
        with pytest.raises(ValueError, match=rf"^{argument} must {message}\.$"):
            focal_loss(**call, class_weight="balanced")


@pytest.mark.parametrize("metric", [evaluate_loss, d2_loss_score])
def test_losses_have_names(metric):
    assert metric("focal", [0, 1, 0], P) == metric(Focal(), [0, 1, 0], P)


def test_bad_tables_and_losses():
    y, nan = [0, 1, 0], [[np.nan, 1.0]] * 3
    for args, keywords, message in [
        ((Focal(), y, nan), {}, "Input y_proba contains NaN"),
        ((Focal(), y, [[np.inf, 0]] * 3), {}, "Input y_proba contains infinity"),
        (
            (Focal(), ["a", "b", "a"], ["b", "b", "a"]),
            {},
            "y_proba must be probabilities or logits, .*: could .*'b'. Pass the result",
        ),
        (
            (Focal(), y, nan),
            {"from_logits": True},
            "y_proba must not contain NaN, got 3",
        ),
        ((Focal(), [0.5, 1.5, 0.5], P), {}, "y_true must be labels, got continuous"),
        ((Focal(), [], P[:0]), {}, r"Found array with 0 sample\(s\)"),
        (
            (Focal(), [], P[:0]),
            {"from_logits": True},
            r"Found array with 0 sample\(s\)",
        ),
        ((Focal(), y, P[:, :, None]), {}, "Found array with dim 3"),
        ((Focal(), y, P[:, :, None]), {"from_logits": True}, "Found array with dim 3"),
        (
            (Focal(), [1, 1, 1], P),
            {},
            "y_proba must have a column for each of 1 labels",
        ),
        (("hinge", y, P), {}, r"loss must be .*, got 'hinge'\.$"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            evaluate_loss(*args, **keywords)
    with pytest.raises(TypeError, match=r"^Sparse data .* y_proba, "):
        evaluate_loss(Focal(), y, csr_array(P), from_logits=True)
