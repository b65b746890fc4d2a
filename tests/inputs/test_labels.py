"""Labels: their codes, weights, sums and blocks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_class_weight

from skxent.inputs.labels import (
    as_labels,
    check_codes,
    check_labels,
    encode_labels,
    is_soft,
)
from skxent.inputs.targets import make_target
from skxent.inputs.weights import balanced_class_weight, class_weights

FORMS = {
    "codes": lambda rng, n, K: rng.integers(0, K, n),
    "soft": lambda rng, n, K: rng.dirichlet(np.ones(K), n),
    "multilabel": lambda rng, n, K: rng.random((n, K)),
}


@pytest.mark.parametrize("class_weight_on", ["label", "target"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_sums_and_blocks(form, weighted, class_weight_on):
    rng = np.random.default_rng(0)
    n, K, eps = 12, 4, 0.3
    y, v = FORMS[form](rng, n, K), np.array([1.0, 0.0, 2.0, 0.25])
    w = rng.random(n) if weighted else np.ones(n)
    target = make_target(
        y,
        n,
        K,
        sample_weight=w if weighted else None,
        class_weight=v,
        class_weight_on=class_weight_on,
        label_smoothing=eps,
        multilabel=form == "multilabel",
    )
    hot = np.eye(K)[y] if form == "codes" else y
    if form == "multilabel":
        t = v[:, np.newaxis] * ((1 - eps) * np.stack([1 - hot, hot], -1) + eps / 2)
    elif class_weight_on == "target":
        t = v * ((1 - eps) * hot + eps / K)
    else:
        t = (1 - eps) * hot * v + eps / K * (hot @ v)[:, np.newaxis]
    some = slice(3, 9)
    for part, rows in [(target, slice(None)), (target.rows(some), some)]:
        mass = np.tensordot(w[rows], t[rows], 1)
        assert_allclose(part.mass(), mass)
        assert_allclose(part.total_weight(), mass.sum())
        assert (part.n_samples, part.n_classes) == (len(w[rows]), K)
        if form != "multilabel":
            assert_allclose(part.row_weights(), w[rows] * (hot[rows] @ v))
    every = target.rows(slice(None))
    for name in ("codes", "soft", "sample_weight"):
        ours, theirs = getattr(every, name), getattr(target, name)
        assert (ours is theirs is None) or np.shares_memory(ours, theirs)


@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_weights_are_scikit_learn_s(weighted):
    y, w = np.repeat([0, 1, 2], [7, 2, 1]), np.arange(10) if weighted else None
    repeated = np.repeat(y, w) if weighted else y
    expected = compute_class_weight("balanced", classes=np.arange(3), y=repeated)
    for labels in (y, np.eye(3)[y]):
        assert_allclose(balanced_class_weight(labels, 3, w), expected)
    # A class that y lacks has no share in the sum, and has the weight 1.
    assert_allclose(balanced_class_weight(y, 4, w), [*expected, 1])


def test_an_estimator_s_class_weight_is_by_label():
    names, codes = np.array(["a", "b", "c"]), np.repeat([0, 1, 2], [5, 3, 2])
    w = np.arange(10.0)

    def weights(given, positive=True):
        return class_weights(
            given,
            names,
            codes=codes,
            sample_weight=w,
            positive=positive,
            only_by_label=True,
        )

    assert weights(None) is None
    assert_array_equal(weights({"c": 2, "a": 0.5}), [0.5, 1, 2])
    assert_array_equal(weights({"c": 0}, positive=False), [1, 1, 0])
    assert_array_equal(weights("balanced"), balanced_class_weight(codes, 3, w))
    for given, message in [
        ("even", "one of 'balanced', got 'even'"),
        ([1, 2, 3], r"a dict, 'balanced' or None, got \[1, 2, 3\]"),
        ({"c": 0}, r"finite, and positive if posterior=True, got \[1.0, 1.0, 0.0\]"),
        ({"c": np.nan}, r"finite, and positive if .*, got \[1.0, 1.0, nan\]"),
    ]:
        with pytest.raises(ValueError, match=rf"^class_weight must be {message}\.$"):
            weights(given)
    with pytest.raises(ValueError, match=r"^class_weight must have keys in .*'d'\.$"):
        weights({"d": 1})


def test_labels_that_an_estimator_is_fitted_to():
    for y in ([2, 1, 2], ["b", "a", "b"], [True, False], np.array([1, 0], "i1")):
        assert_array_equal(check_labels(y), np.asarray(y), strict=True)
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        assert_array_equal(check_labels([[1], [0]]), [1, 0])
    for y, message in [
        (None, r"fit requires y to be passed, but the target y is None\.$"),
        ([0.5, 1.5], "Unknown label type: continuous"),
        ([0, np.nan], r"Input y contains NaN\."),
        (np.ma.array([0, 1], mask=[0, 1]), "y must have no masked entries, got 1"),
        (np.array([0, 1j]), "y must be an array of labels, got complex128. Comp"),
        (1, r"y must be an array of labels, got 1\.$"),
        ("spam", r"y must be an array of labels, got 'spam'\.$"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            check_labels(y)


LABELS = {
    "int": [3, 1, 2, 3, 1],
    "gaps": [30, -1, 2, 30],
    "one": [5, 5],
    "far apart": [2**62, -(2**62), 0, 2**62],
    "int8": np.array([-128, 127, 0, 1], "i1"),
    "all of int8": np.arange(-128, 128).astype("i1")[::-1],
    "uint64": np.array([2**64 - 1, 2**63, 2**64 - 1], "u8"),
    "swapped": np.array([2, 1, 2], ">i4"),
    "strided": np.arange(12)[::-3],
    "bool": [True, False, True],
    "float": [0.0, 2.0, 1.0, 2.0],
    "both zeros": [0.0, -0.0, 1.0],
    "strings": ["b", "a", "", "b", "ab"],
    "bytes": np.array([b"b", b"a", b"b"]),
    "objects": np.array(["b", "a", "b"], object),
    "as many strings": [f"{k:02}" for k in range(64)][::-1],
    "many strings": [f"{k:03}" for k in range(130)][::-1],
    "many objects": np.array([f"{k:03}" for k in range(130)][::-1], object),
    "empty strings": np.array(["", ""]),
    "none": np.array([], int),
    "no strings": np.array([], "U3"),
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels_to_codes_as_numpy_does(y):
    y = np.asarray(y)
    classes, codes = np.unique(y, return_inverse=True)
    found, ours = encode_labels(y)
    assert_array_equal(found, classes, strict=True)
    assert_array_equal(ours, codes)
    assert ours.dtype == np.intp and ours.shape == y.shape
    known, ours = encode_labels(y, classes)
    assert known is classes and ours.dtype == np.intp
    assert_array_equal(ours, codes)
    if len(classes) > 1:
        message = rf"^labels must have labels in .*, got {classes.tolist()[0]!r}\.$"
        with pytest.raises(ValueError, match=message):
            encode_labels(y, classes[1:], "labels")
        with pytest.raises(ValueError, match=r"^y must have labels in .*, got "):
            encode_labels(y, classes[1:])


def test_common_labels_need_no_sort(monkeypatch):
    """Consecutive integers and few strings are told apart in one pass."""
    common = [LABELS[name] for name in ("int", "strings", "bytes", "objects")]
    common += [np.array([4, 3, 4], kind) for kind in ("i1", "u2", ">i4", "i8")]
    expected = [np.unique(y, return_inverse=True) for y in common]
    monkeypatch.setattr(np, "unique", None)
    for y, (classes, codes) in zip(common, expected, strict=True):
        found, ours = encode_labels(y)
        assert_array_equal(found, classes)
        assert_array_equal(ours, codes)


def test_one_column_of_labels_is_labels():
    for column in ([["b"], ["a"]], np.array([["b"], ["a"]])):
        assert_array_equal(encode_labels(column)[1], [1, 0])
    with pytest.raises(ValueError, match=r"^labels must have no masked entries, got 1"):
        encode_labels(np.ma.array([0, 1], mask=[0, 1]), name="labels")
    assert_array_equal(make_target([[1], [0]], 2, 2).codes, [1, 0])
    assert not is_soft([[1], [0]]) and not is_soft([1, 0]) and is_soft([[0, 1]])
    assert not is_soft(np.zeros((2, 2, 2)))


def test_sums_over_many_rows_keep_their_digits():
    soft = np.tile(np.array([0.1, 0.9], np.float32), (100_000, 1))
    mass = make_target(soft, 100_000, 2, dtype=np.float32).mass()
    assert_allclose(mass, 1e5 * soft[0].astype(float), rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "keywords", "message"),
    [
        ([0, 3], {}, r"t must be codes in 0\.\.2, got 3"),
        ([1, 3], {}, r"t must be codes in 0\.\.2, got 3"),
        ([3, -1], {}, r"t must be codes in 0\.\.2, got -1"),
        (np.eye(2), {}, "t must have 3 columns, got 2"),
        (
            [[np.inf, 0, 0]] * 2,
            {},
            "t must be finite and non-negative, got other value",
        ),
        ([[2, -1, 0]] * 2, {}, "t must be finite and non-negative, got other values"),
        ([0, 1, 2], {}, "t must have 2 rows, got 3"),
        (0, {}, r"t must be of shape \(n,\) or \(n, K\), got \(\)"),
        (
            [0, 1],
            {"class_weight": {5: 1, 7: 2}},
            r"class_weight must have keys .*, got 5",
        ),
        (
            [0, 1],
            {"class_weight": [0, 0, 0]},
            r"class_weight must be .*\[0\.0, 0\.0, 0\.0",
        ),
        ([0, 1], {"multilabel": True}, r"t must be of shape \(n, K\), got \(2,\)"),
        ([0, 1], {"multilabel": "no"}, "multilabel must be True or False, got 'no'"),
        ([0, 1], {"sample_weight": [1, np.inf]}, "sample_weight must .*, got inf"),
        ([0, 1], {"sample_weight": [-1, 1]}, r"sample_weight must .*, got -1\.0"),
        ([0, 1], {"class_weight": [1, 2]}, r"class_weight must .*\(3,\), got \(2,\)"),
        ([0, 1], {"class_weight": [1j, 1, 1]}, "class_weight must be real .* complex"),
        ([0, 1], {"sample_weight": [1j, 1]}, "sample_weight must be real .* complex"),
        (
            [0, 1],
            {"class_weight": [1, -1, 0]},
            "class_weight must .* not all zero, got",
        ),
        ([0, 1], {"class_weight": [1, np.nan, 1]}, "class_weight must .* zero, got"),
        ([0, 1], {"class_weight": {"a": 1, 5: 2}}, r"class_weight .* 0\.\.2, got 'a'"),
        ([0, 1], {"label_smoothing": 1}, r"label_smoothing must be .*\[0, 1\), got 1"),
        (np.eye(2), {"multilabel": True}, "t must have 3 columns, got 2"),
    ],
)
def test_targets_that_are_none(y, keywords, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make_target(y, 2, 3, name="t", **keywords)


@pytest.mark.parametrize("dtype", [*"bBhHiIqQ", "f2", "f4", "f8", ">f4", ">f8"])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_codes_of_any_dtype(dtype, step):
    expected = np.random.default_rng(0).integers(0, 7, 301)
    y = np.zeros(301 * abs(step), dtype)[::step]
    y[:] = expected
    assert_array_equal(check_codes(y, 7), expected)
    with pytest.raises(ValueError, match=r"^y must be codes in 0\.\.5, got 6"):
        check_codes(y, 6)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bad", [-1.0, 0.5, 3.0, 2.0**40, np.nan, -1e-30])
@pytest.mark.parametrize("place", [0, 8, 100])
def test_floats_that_are_no_codes(dtype, bad, place):
    y = np.ones(101, dtype)
    y[place] = bad
    with pytest.raises(ValueError, match=r"^y must be (codes in 0\.\.2|integer codes)"):
        check_codes(y, 3)


def test_missing_dates_and_strings_of_numpy_2():
    days = np.array(["2026-01-01", "2026-01-02"], "M8[D]")
    assert_array_equal(check_labels(days), days)
    missing = r"^y must have no missing labels, got 1\."
    for dtype in ("M8[D]", "m8[s]"):
        with pytest.raises(ValueError, match=missing):
            check_labels(np.array([1, 2, "NaT"], dtype))
    with pytest.raises(ValueError, match=r"^y must be an array of labels, got None\.$"):
        as_labels(None)
    strings = getattr(getattr(np, "dtypes", None), "StringDType", None)
    if strings is not None:  # since numpy 2
        assert_array_equal(check_labels(np.array(["b", "a"], strings())), ["b", "a"])


@pytest.mark.parametrize("width", [*range(1, 18), 31, 32, 33, 63, 84, 100])
@pytest.mark.parametrize("differ", ["first", "last", "any"])
def test_strings_of_any_width_are_numbered(width, differ):
    """Labels that differ in a single byte, wherever it is."""
    rng = np.random.default_rng(width)
    labels = np.full((200, width), ord("a"), np.uint8)
    at = {"first": 0, "last": width - 1, "any": rng.integers(0, width, 200)}[differ]
    labels[np.arange(200), at] = np.arange(1, 201)
    y = labels.view(f"S{width}").ravel()[rng.integers(0, 200, 2000)]
    expected, inverse = np.unique(y, return_inverse=True)
    classes, codes = encode_labels(y)
    assert_array_equal(classes, expected)
    assert_array_equal(codes, inverse)


def test_more_labels_than_codes_of_a_byte():
    y = np.random.default_rng(0).permutation(np.arange(300)).astype("U")
    assert_array_equal(encode_labels(y)[1], np.unique(y, return_inverse=True)[1])
