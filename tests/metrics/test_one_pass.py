"""Metrics of probabilities in one pass: containers, memory and the definitions."""

import tracemalloc

import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from numpy.testing import assert_allclose
from scipy.special import rel_entr, xlog1py, xlogy
from sklearn.metrics import log_loss as reference

from oracle import DTYPES, LOSS_INSTANCES
from skxent import metrics
from skxent.inputs.categories import encode_coded

N = 2500
EPS = np.finfo(float).eps
RNG = np.random.default_rng(0)
NAMES = np.array(["ham", "spam", "eggs"])
CODES = RNG.integers(0, 3, N)
P = RNG.dirichlet(np.ones(3), N)
WEIGHTS = RNG.uniform(0, 2, N)
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")

LABELS = {
    "strings": lambda y: NAMES[y],
    "list": lambda y: NAMES[y].tolist(),
    "objects": lambda y: NAMES[y].astype(object),
    "pandas strings": lambda y: pd.Series(NAMES[y]),
    "pandas string[python]": lambda y: pd.Series(NAMES[y], dtype="string"),
    "category": lambda y: pd.Series(
        pd.Categorical(NAMES[y], categories=["spam", "never", "eggs", "ham"])
    ),
    "Categorical": lambda y: pd.Categorical(NAMES[y]),
    "category of integers": lambda y: pd.Series(y * 7 - 3, dtype="category"),
    "polars strings": lambda y: polars.Series(NAMES[y].tolist()),
    "polars Categorical": lambda y: polars.Series(
        NAMES[y].tolist(), dtype=polars.Categorical
    ),
    "polars Enum": lambda y: polars.Series(
        NAMES[y].tolist(), dtype=polars.Enum(["spam", "never", "ham", "eggs"])
    ),
    "arrow dictionary": lambda y: pyarrow.array(NAMES[y].tolist()).dictionary_encode(),
    "int8": lambda y: (y * 100 - 100).astype(np.int8),
    "uint8": lambda y: (y * 100 + 50).astype(np.uint8),
    "uint16": lambda y: (y * 9000).astype(np.uint16),
    "int32": lambda y: (y * 40_000 - 5).astype(np.int32),
    "int64": lambda y: y + 2**60,
    "every other": lambda y: np.repeat(y, 2)[::2],
}
TABLES = {
    "array": lambda p: p,
    "fortran": np.asfortranarray,
    "strided": lambda p: np.repeat(p, 2, axis=1)[:, ::2],
    "DataFrame": pd.DataFrame,
    "DataFrame of columns": lambda p: pd.concat(
        [pd.Series(column) for column in p.T], axis=1
    ),
    "polars": polars.DataFrame,
    "arrow": lambda p: pyarrow.table([pyarrow.array(c) for c in p.T], list("abc")),
}


@pytest.mark.parametrize("labels", LABELS)
def test_log_loss_of_any_labels(labels):
    y = LABELS[labels](CODES)
    order = np.argsort(np.unique(np.asarray(LABELS[labels](np.arange(3)))))
    assert len(order) == 3
    for weights in (None, WEIGHTS):
        expected = reference(y, P, sample_weight=weights)
        found = metrics.log_loss(y, P, sample_weight=weights)
        assert_allclose(found, expected, rtol=1e-12)
    assert_allclose(
        metrics.cross_entropy(y, P), metrics.log_loss(np.asarray(y), P), rtol=1e-12
    )


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_metrics_of_any_table(kind, dtype):
    p = P.astype(dtype)
    table = TABLES[kind](p)
    expected = reference(CODES, p)
    assert_allclose(metrics.log_loss(CODES, table), expected, rtol=1e-6)
    assert_allclose(metrics.log_loss(CODES, table), metrics.log_loss(CODES, p), 1e-15)
    if kind != "arrow":  # Its columns are named.
        for metric in (metrics.cross_entropy, metrics.expected_calibration_error):
            assert_allclose(metric(CODES, table), metric(CODES, p), rtol=1e-14)
    assert_allclose(metrics.entropy(table), metrics.entropy(p), rtol=1e-14)


def test_many_distinct_strings_and_wide_tables():
    n_classes = 300
    y = np.arange(N) % n_classes
    p = RNG.dirichlet(np.ones(n_classes), N)
    for labels in (y.astype("U"), pd.Series(y.astype("U"), dtype="category")):
        for table in (p, np.asfortranarray(p), polars.DataFrame(p)):
            assert_allclose(
                metrics.log_loss(labels, table), reference(labels, p), rtol=1e-12
            )


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series(["a", None, "b"], dtype="string"),
        polars.Series(["a", None, "b"]),
        pyarrow.array(["a", None, "b"]).dictionary_encode(),
    ],
    ids=["category", "string", "polars", "arrow"],
)
def test_missing_labels_are_errors(y):
    with pytest.raises((TypeError, ValueError), match=r"NaN|NA|missing|not supported"):
        metrics.log_loss(y, P[:3, :2])
    with pytest.raises(ValueError, match=r"y_true must have no missing labels, got 1"):
        metrics.cross_entropy(y, P[:3, :2] / P[:3, :2].sum(axis=1, keepdims=True))


@pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
@pytest.mark.parametrize("n_classes", [2, 3, 30])
@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_of_probabilities_are_those_of_their_logarithms(loss, n_classes, dtype):
    """The kernels of logits share nothing with those of probabilities but φ."""
    p = RNG.dirichlet(np.full(n_classes, 0.5), 333).astype(dtype)
    p = np.maximum(p, 1e-6)
    p /= p.sum(axis=1, keepdims=True)
    soft = RNG.dirichlet(np.ones(n_classes), 333)
    hard = np.arange(333) % n_classes
    weights = {
        "sample_weight": WEIGHTS[:333],
        "class_weight": RNG.uniform(1, 2, n_classes),
    }
    rtol = 1e-11 if dtype == np.float64 else 2e-4
    for y in (hard, soft):
        for keywords in ({}, weights, {"label_smoothing": 0.1} | weights):
            for reduction in ("mean", "sum", "none"):
                given = {"reduction": reduction, "labels": np.arange(n_classes)}
                given |= keywords
                found = metrics.evaluate_loss(loss, y, p, **given)
                expected = metrics.evaluate_loss(
                    loss, y, np.log(p.astype(np.float64)), from_logits=True, **given
                )
                assert_allclose(found, expected, rtol=rtol, atol=rtol / 100)


ANSWERS = {
    "bool": lambda t: t > 0.5,
    "int8": lambda t: (t > 0.5).astype(np.int8),
    "int64": lambda t: (t > 0.5).astype(np.int64),
    "float64": lambda t: (t > 0.5).astype(np.float64),
    "float32": lambda t: (t > 0.5).astype(np.float32),
    "fortran": lambda t: np.asfortranarray(t > 0.5),
    "DataFrame": lambda t: pd.DataFrame(t > 0.5),
    "soft": lambda t: t,
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("n_columns", [1, 2, 5, 40])
def test_multilabel_log_loss_is_its_definition(kind, n_columns):
    """Also where nearly all of a row's loss is in one of many tiny terms."""
    t = RNG.uniform(size=(333, n_columns))
    p = np.where(t > 0.5, 1 - 2.0 ** RNG.uniform(-50, -1, t.shape), t / 3)
    p[::3] = RNG.uniform(size=p[::3].shape)
    p[1] = t[1] > 0.5
    y = ANSWERS[kind](t)
    truth, weights, columns = np.asarray(y, float), WEIGHTS[:333], np.arange(n_columns)
    clipped = np.clip(p, EPS, 1 - EPS)
    for smoothing in (0.0, 0.1):
        for v in (np.ones(n_columns), columns + 1.0):
            smooth = (1 - smoothing) * truth + smoothing / 2
            each = -v * (xlogy(smooth, clipped) + xlog1py(1 - smooth, -clipped))
            keywords = {
                "sample_weight": weights,
                "class_weight": v,
                "label_smoothing": smoothing,
            }
            found = metrics.multilabel_log_loss(y, p, reduction="none", **keywords)
            rows = weights * each.mean(axis=1)
            assert_allclose(found, rows, rtol=1e-13, atol=1e-300)
            mean = rows.sum() / (weights.sum() * v.mean())
            found = metrics.multilabel_log_loss(y, p, **keywords)
            assert_allclose(found, mean, rtol=1e-13)


def test_multilabel_answers_are_checked():
    p = np.full((40, 2), 0.5)
    for bad in (np.full((40, 2), 2), np.full((40, 2), np.nan), -np.ones((40, 2))):
        with pytest.raises(ValueError, match="y_true"):
            metrics.multilabel_log_loss(bad, p)
    for bad in (p + 1, np.full((40, 2), np.nan)):
        with pytest.raises(ValueError, match="y_proba"):
            metrics.multilabel_log_loss(p > 0, bad)


def test_entropy_and_divergence():
    soft = RNG.dirichlet(np.full(3, 0.3), N)
    soft[:10] = np.eye(3)[CODES[:10]]
    found = metrics.entropy(P, reduction="none")
    assert_allclose(found, scipy.stats.entropy(P, axis=1), rtol=1e-12)
    found = metrics.kl_divergence(soft, P, sample_weight=WEIGHTS)
    expected = np.average(rel_entr(soft, P).sum(axis=1), weights=WEIGHTS)
    assert_allclose(found, expected, rtol=1e-12)
    certain = np.array([[1.0, 0.0], [1e-9, 1 - 1e-9]])
    exact = [2.220446049250313e-16 * (1 + 36.04365338911715), 2.1723265846353773e-08]
    assert_allclose(metrics.entropy(certain, reduction="none"), exact, rtol=1e-6)
    assert_allclose(metrics.kl_divergence(P, P), 0, atol=1e-15)


def calibration_error(y, p, weights, n_bins, classwise):
    """Return the expected calibration error, row by row."""
    chosen = range(3) if classwise else [None]
    total = 0.0
    for k in chosen:
        top = p.argmax(axis=1) if k is None else np.full(len(p), k)
        bins = {}
        for i, (row, c, w) in enumerate(zip(p, top, weights, strict=True)):
            at = np.sum(row[c] > np.arange(1, n_bins) / n_bins)
            event = y[i, c] if y.ndim == 2 else float(y[i] == c)
            sums = bins.setdefault(at, np.zeros(2))
            sums += w * np.array([row[c], event])
        total += sum(abs(c - t) for c, t in bins.values()) / weights.sum()
    return total / len(chosen)


@pytest.mark.parametrize("classwise", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_calibration_error(classwise, soft):
    y = RNG.dirichlet(np.ones(3), N) if soft else CODES
    # In bins as wide as a step of these, each is at an edge.
    decimal = RNG.multinomial(40, np.ones(3) / 3, N) / 40
    for n_bins in (1, 10, 40, 64, 100):
        for p, weights in ((P, WEIGHTS), (P, None), (decimal, None)):
            keywords = {"n_bins": n_bins, "classwise": classwise}
            found = metrics.expected_calibration_error(
                y, p, sample_weight=weights, **keywords
            )
            w = np.ones(N) if weights is None else weights
            assert_allclose(found, calibration_error(y, p, w, **keywords), rtol=1e-10)


def test_soft_answers_are_exact():
    """Also where one of the two logarithms is tiny, and for rows that end in a tile."""
    p = np.r_[0.5, 1e-9, 1 - 1e-9, 0.3, 1 - 2.0**-52, 2.0**-52, RNG.random(64)]
    y = np.r_[0.5, 1e-9, 1 - 1e-9, 1, 1 - 1e-15, 1e-15, RNG.random(64)]
    exact = [
        float(-a * mpmath.log(x) - (1 - a) * mpmath.log1p(-x))
        for x, a in zip(map(mpmath.mpf, p), map(mpmath.mpf, y), strict=True)
    ]
    table, answers = np.column_stack([p, p[::-1]]), np.column_stack([y, y[::-1]])
    expected = np.add(exact, exact[::-1]) / 2
    found = metrics.multilabel_log_loss(answers, table, reduction="none")
    assert_allclose(found, expected, rtol=1e-14)
    whole = metrics.multilabel_log_loss(answers, table)
    assert_allclose(whole, expected.mean(), rtol=1e-14)
    for rows in (answers > 0.5, (answers > 0.5) * 1.0, (answers > 0.5).astype("f4")):
        each = -np.log(np.where(answers > 0.5, table, 1 - table)).mean()
        assert_allclose(metrics.multilabel_log_loss(rows, table), each, rtol=1e-13)


@pytest.mark.parametrize("kind", ["U", "S"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 40])
def test_strings_of_any_width(kind, width):
    """They may differ in one character, wherever it is."""
    names = np.array([["a"] * width for _ in range(width + 1)], dtype=f"{kind}1")
    names[np.arange(width), np.arange(width)] = "b"
    names = names.view(f"{kind}{width}")[:, 0]
    codes = RNG.integers(0, len(names), 500)
    coded = encode_coded(names[codes])
    classes, found = coded.dense()
    assert (classes == np.unique(names[codes])).all()
    assert (classes[found] == names[codes]).all()


def test_strings_that_share_a_hash(monkeypatch):
    y = polars.Series(NAMES[CODES].tolist())
    clash = polars.Series(np.zeros(N, dtype=np.uint64))
    monkeypatch.setattr(polars.Series, "hash", lambda self: clash)
    assert_allclose(metrics.log_loss(y, P), reference(NAMES[CODES], P), rtol=1e-12)


def test_decimal_probabilities_stay_in_their_bins():
    p = np.arange(1, 21) / 20
    for dtype in DTYPES:
        y = np.arange(20) % 2
        found = metrics.expected_calibration_error(y, p.astype(dtype), n_bins=10)
        pairs = p.reshape(10, 2).mean(axis=1)
        assert_allclose(found, np.abs(pairs - 0.5).mean(), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_metrics_need_little_memory(n_classes):
    n = 100_000
    rng = np.random.default_rng(1)
    p, soft = (rng.dirichlet(np.ones(n_classes), n) for _ in range(2))
    y, weights = rng.integers(0, n_classes, n), np.ones(n)
    for call in (
        lambda: metrics.cross_entropy(y, p),
        lambda: metrics.focal_loss(y, p, sample_weight=weights),
        lambda: metrics.smoothed_log_loss(y, p),
        lambda: metrics.cross_entropy(soft, p),
        lambda: metrics.entropy(p),
        lambda: metrics.kl_divergence(soft, p),
        lambda: metrics.expected_calibration_error(y, p),
        lambda: metrics.log_loss(y, pd.DataFrame(p, copy=False)),
    ):
        call()
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 500_000
