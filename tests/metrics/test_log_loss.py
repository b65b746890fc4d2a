"""log_loss against scikit-learn's, right or wrong."""

import os
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss as reference

from oracle import DTYPES, LOSS_INSTANCES
from skxent.metrics import log_loss

PROMISE = 8  # units of κ eps
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-6}
all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)


def outcome(function, *args, **keywords):
    """Value, or type and text of the error; and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*args, **keywords)
        except Exception as error:  # noqa: BLE001 - compared with the other's error
            result = type(error), str(error)
    return result, [(w.category, str(w.message)) for w in caught]


def check_same(y, proba, rtol=1e-12, atol=0.0, **keywords):
    """log_loss does what scikit-learn's does; returns what that is."""
    ours, our_warnings = outcome(log_loss, y, proba, **keywords)
    if isinstance(proba, np.ndarray) and proba.dtype in DTYPES and proba.size:
        # skxent accepts, unlike scikit-learn, values that rounding moved out of [0, 1].
        inside = np.clip(proba, 0, 1)
        proba = inside if np.abs(proba - inside).max() <= 1e-6 else proba
    theirs, their_warnings = outcome(reference, y, proba, **keywords)
    assert our_warnings == their_warnings
    if isinstance(theirs, float):
        assert isinstance(ours, float)
        assert_allclose(ours, theirs, rtol=rtol, atol=atol)
    else:
        assert ours == theirs
    return theirs


def table(rng, n, n_classes, dtype=np.float64):
    proba = rng.dirichlet(np.full(n_classes, 0.7), n).astype(dtype)
    proba[: n_classes - 1] = np.eye(n_classes)[1:]  # exactly 0 and 1, right and wrong
    return proba


def codes_of(rng, n, n_classes):
    return rng.permutation(np.arange(n) % n_classes)


NAMES = {
    "int": np.arange,
    "negative": lambda K: np.arange(K) - 3,
    "gaps": lambda K: 7 * np.arange(K) - 20,
    "far apart": lambda K: np.int64(10) ** 17 * (np.arange(K) - K // 2),
    "int8": lambda K: np.arange(128 - K, 128).astype(np.int8),
    "uint64": lambda K: np.arange(K).astype(np.uint64) + np.uint64(2**63),
    "bool": lambda K: np.array([False, True]),
    "str": lambda K: np.array([f"c{k:02}" for k in range(K)]),
    "object": lambda K: np.array([f"c{k:02}" for k in range(K)], object),
    "float": lambda K: np.arange(K) - 1.0,
}
HOLDERS = {"array": np.asarray, "list": list, "series": pd.Series}
HOLDERS["categorical"] = pd.Categorical


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_log_loss_of_all_kinds_of_labels(kind, hold):
    rng = np.random.default_rng(0)
    for n_classes in (2, 3, 20, 70) if kind != "bool" else (2,):
        names = NAMES[kind](n_classes)
        proba, codes = table(rng, 99, n_classes), codes_of(rng, 99, n_classes)
        assert isinstance(check_same(hold(names[codes]), proba), float)
        some = hold(names[np.where(codes == n_classes // 2, 0, codes)])
        for labels in (names, names.tolist(), hold(names)):
            assert isinstance(check_same(some, proba, labels=labels), float)
        check_same(some, proba)


@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind != "float"])
def test_log_loss_of_plain_labels_is_our_own(kind, monkeypatch):
    rng = np.random.default_rng(0)
    n_classes = 2 if kind == "bool" else 4
    names = NAMES[kind](n_classes)
    proba, codes = table(rng, 99, n_classes), codes_of(rng, 99, n_classes)
    y, first = names[codes], np.full(99, names[0])
    calls = [(y, {}), (y.tolist(), {}), (y, {"labels": names})]
    calls += [(first, {"labels": names}), (first.tolist(), {"labels": names.tolist()})]
    expected = [reference(labels, proba, **keywords) for labels, keywords in calls]
    # These must not reach scikit-learn; labels that it sorts, warns of or refuses must.
    monkeypatch.setattr("sklearn.metrics.log_loss", lambda *args, **keywords: np.nan)
    for (labels, keywords), value in zip(calls, expected, strict=True):
        assert_allclose(log_loss(labels, proba, **keywords), value, rtol=1e-12)
    for strange in (names[::-1], names[:1], np.repeat(names, 2), names[:, np.newaxis]):
        assert np.isnan(log_loss(y, proba, labels=strange))
    for strange in (y[1:], y[:, np.newaxis], first):
        assert np.isnan(log_loss(strange, proba))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [1, 2, 3, 7, 20])
def test_log_loss_layouts_and_weights(n_classes, dtype, monkeypatch):
    rng = np.random.default_rng(n_classes)
    n, rtol = 97, TOLERANCE[dtype]
    y, w = codes_of(rng, n, max(n_classes, 2)), rng.uniform(size=n)
    proba = table(rng, n, max(n_classes, 2), dtype)[:, -n_classes:].copy()
    frozen = proba.copy()
    frozen.flags.writeable = False
    tables = [proba, frozen, np.asfortranarray(proba), proba[::-1].copy()[::-1]]
    tables += [np.repeat(proba, 2, axis=0)[::2]] + [proba[:, 0]] * (n_classes == 1)
    labels = [y.tolist(), y.astype(y.dtype.newbyteorder()), np.repeat(y, 2)[::2]]
    pairs = [(y, each) for each in tables] + [(each, proba) for each in labels]
    swapped = proba.astype(proba.dtype.newbyteorder())
    others = [(y, each) for each in (proba.tolist(), pd.DataFrame(proba), swapped)]
    weights = [None, w, w.tolist(), pd.Series(w), w[::-1], w.astype("f4"), -w, 1 + y]
    calls = [{"sample_weight": weight} for weight in weights]
    calls += [call | {"normalize": False} for call in calls]
    for keywords in calls:
        for pair in pairs + others:
            check_same(*pair, rtol, **keywords)
    expected = [reference(y, proba, **keywords) for keywords in calls]
    # Plain arrays must not reach scikit-learn.
    monkeypatch.setattr("sklearn.metrics.log_loss", None)
    for keywords, value in zip(calls, expected, strict=True):
        for pair in pairs:
            assert_allclose(log_loss(*pair, **keywords), value, rtol=rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-290, 1e306])
def test_the_size_of_weights_does_not_matter(size, dtype):
    rng = np.random.default_rng(4)
    y, proba = codes_of(rng, 200, 3), rng.dirichlet(np.ones(3), 200).astype(dtype)
    w = 2.0 ** rng.integers(0, 4, 200)
    expected = log_loss(y, proba, sample_weight=w)
    assert_allclose(log_loss(y, proba, sample_weight=w * size), expected, rtol=1e-12)


def test_log_loss_needs_no_memory():
    rng = np.random.default_rng(3)
    y, proba = codes_of(rng, 100_000, 10), rng.dirichlet(np.ones(10), 100_000)
    tracemalloc.start()
    log_loss(y, proba)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("bad", [None, np.nan, np.inf, -0.1, 1.5, 0.9])
def test_log_loss_sees_the_last_of_many_rows(bad):
    rng = np.random.default_rng(1)
    proba = rng.dirichlet(np.ones(3), 40_000)
    proba[-3, 1] = proba[-3, 1] if bad is None else bad
    check_same(rng.integers(0, 3, len(proba)), proba)
    check_same(rng.integers(0, 2, len(proba)), proba[:, 1].copy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_loss_warns_of_the_same_row_sums(dtype):
    for off in (1e-9, 7e-9, 1.4e-8, 1.6e-8, 1e-5, 1.6e-4, 3.4e-4, 3.6e-4, 0.1):
        for sign in (1, -1):
            proba = np.array([[0.25, 0.75], [0.5 + sign * off, 0.5]], dtype)
            check_same([1, 0], proba, TOLERANCE[dtype])


POOLS = [[0, 1, 2, 3], [-4, 0, 9, 10**9], list("abcd"), [False, True], [0.0, 1.0, 2.0]]


@st.composite
def log_loss_calls(draw):
    """Arguments of which any may be wrong, most are right."""

    def mostly(right, *wrong):
        return draw(st.sampled_from([right] * 20 + list(wrong)))

    def some(values, n):
        return draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))

    n, columns = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    pool = draw(st.sampled_from(POOLS))[: max(columns, 2)]
    proba = np.array(some(range(6), n * columns), dtype=np.float64).reshape(n, columns)
    proba += 1e-300  # no row sums to zero
    proba /= proba.sum(axis=1, keepdims=True) if columns > 1 else 5
    # scikit-learn warns of row sums from 1.5e-8 off one, in float32 from 3.5e-4
    proba *= 1 - mostly(0, 1e-15, 5e-9, 1.4e-8, 1.6e-8, 1e-4, 3.6e-4, 0.1)
    cell = draw(st.integers(0, proba.size - 1))
    wrong = [np.nan, np.inf, -np.inf, -0.1, -1e-18, 1.1, 1 + 1e-15]
    proba.flat[cell] = mostly(proba.flat[cell], *wrong)
    proba = proba.astype(draw(st.sampled_from(DTYPES)))
    proba = proba[:, 0] if columns == 1 and draw(st.booleans()) else proba
    y = some(mostly(pool, pool[:1], pool[:-1]), mostly(n, n - 1, n + 1))
    labels = draw(st.sampled_from([None, pool, np.array(pool)]))
    labels = mostly(labels, pool[::-1], pool[:1], pool[:-1], [], pool + pool)
    weight = some([0, 0.5, 1, 2, 2.5], mostly(n, n - 1, n + 1))
    weight[:1] = [mostly(*weight[:1], np.nan, np.inf, -1.0)] if weight else []
    keywords = {
        "labels": labels,
        "sample_weight": draw(st.sampled_from([None, weight])),
    }
    return y, proba, keywords | {"normalize": draw(st.booleans())}


@settings(max_examples=800, deadline=None)
@given(log_loss_calls())
def test_log_loss_is_scikit_learns_right_or_wrong(call):
    y, proba, keywords = call
    rtol = TOLERANCE[proba.dtype.type]
    # Weights of both signs cancel; their sums are exact.
    atol = rtol if min(keywords["sample_weight"] or [0]) < 0 else 0
    check_same(y, proba, rtol, atol, **keywords)


def test_log_loss_takes_the_old_name_as_scikit_learn_does():
    ours, theirs = (
        [
            outcome(metric, [0, 1, 1], y_pred=[0.2, 0.7, 0.4]),
            outcome(metric, [0, 1, 1], y_pred=[0.2, 0.7]),
        ]
        for metric in (log_loss, reference)
    )
    assert ours == theirs
    for metric in (log_loss, reference):
        with pytest.raises((ValueError, TypeError), match=r"Cannot use both|multiple"):
            metric([0, 1], [0.2, 0.7], y_pred=[0.2, 0.7])


@pytest.mark.parametrize("dispatch", [False, True])
@pytest.mark.parametrize("library", ["polars", "torch", "array_api_strict"])
def test_log_loss_of_other_libraries_arrays(library, dispatch):
    other = pytest.importorskip(library, reason=f"{library} is not installed")
    if dispatch and not os.environ.get("SCIPY_ARRAY_API"):
        pytest.skip("scikit-learn dispatches if SCIPY_ARRAY_API is set")
    rng = np.random.default_rng(2)
    y, proba, w = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50), rng.random(50)
    if library == "polars":
        y, proba, w = other.Series(y), other.DataFrame(proba), other.Series(w)
    else:
        y, proba, w = (other.asarray(each) for each in (y, proba, w))
    with sklearn.config_context(array_api_dispatch=dispatch):
        check_same(y, proba)
        check_same(y, proba, sample_weight=w)
        check_same(y, proba * -1)


P = np.array([[0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
Q = np.array([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.4, 0.5, 0.1]])
ABA = np.array(["a", "b", "a"])


@pytest.mark.parametrize(
    ("y", "proba", "keywords"),
    [
        (ABA.astype("S"), P, {}),
        (ABA.astype("S"), P, {"labels": [b"a", b"b"]}),
        (np.array(["a", None, "a"], object), P, {}),
        ([0, "a", 0], P, {}),
        ([0, 1, 0], Q, {"labels": [0, 0.5, 1]}),
        ([0, 1, 0], np.matrix(P), {}),
        ([0, 1, 0], P, {"sample_weight": np.ma.array([1.0, 2, 3], mask=[0, 1, 0])}),
        ([0, 1, 0], P, {"sample_weight": [[1], [2], [3]], "normalize": "yes"}),
        ([0, 1, 0], P, {"normalize": "yes"}),
        ([0, 1, 0], P, {"normalize": np.False_}),
        ([0, 1, 0], P, {"y_pred": "P"}),
        ([0, 1, 0], P, {"sample_weight": [1, 2]}),
        ([0, 1, 0], P, {"sample_weight": ["1", "2", "3"]}),
        ([0, 1, 0], P, {"sample_weight": [1, np.nan, 1]}),
        ([0, 1, 0], P, {"sample_weight": [0, 0, 0]}),
        ([0, 1, 0], P, {"sample_weight": [1, 0, -1]}),
        ([0, 2, 1], Q, {"labels": [0, 2, 1]}),
        ([0, 1, 0], Q, {"labels": [0, 0, 1]}),
        (np.ma.array([0, 1, 0], mask=[0, 1, 0]), P, {}),
        (np.ma.array([0, 1, 2], mask=[0, 0, 1]), P, {}),
        ([0, 1, 0], Q, {"labels": np.ma.array([0, 1, 2], mask=[0, 1, 0])}),
        ([0, 1, 0], np.frombuffer(b"." + P.tobytes(), offset=1).reshape(3, 2), {}),
        ([[0], [0, 1], [1]], P, {}),
        ([0, 1, np.nan], P, {}),
        ([], np.empty((0, 2)), {}),
        ([0, 1, 0], np.empty((3, 0)), {}),
    ],
)
def test_log_loss_hands_over_what_is_unusual(y, proba, keywords):
    check_same(y, proba, **keywords)
