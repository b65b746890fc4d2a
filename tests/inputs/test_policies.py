"""One policy everywhere for labels, weights and probabilities."""

import itertools
from importlib.util import find_spec

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from oracle import LOSS_INSTANCES
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    explain,
)
from skxent.blending import BlendClassifier, blend_gain, blend_weights
from skxent.boosting import xgboost_objective
from skxent.calibration import TemperatureScaling, posterior
from skxent.losses import (
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    Poly1,
    SymmetricCrossEntropy,
)
from skxent.metrics import (
    cross_entropy,
    d2_loss_score,
    entropy,
    evaluate_loss,
    expected_calibration_error,
    focal_loss,
    kl_divergence,
    log_loss,
    multilabel_log_loss,
    smoothed_log_loss,
)
from skxent.metrics._scorers import (
    SCORERS,
    make_loss_scorer,
    neg_focal_loss_scorer,
    neg_log_loss_scorer,
)
from skxent.targets import distill

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 3))
CODES = np.arange(N) % 3
P = RNG.dirichlet(np.ones(3), N)
TWO = np.arange(N) % 2
P2 = RNG.uniform(size=N)

# Labels

NUMBERS = {
    "Int64": pd.Series(CODES, dtype="Int64"),
    "objects": pd.Series(CODES).astype(object),
    "category": pd.Series(CODES).astype("category"),
    "polars": pl.Series(CODES),
    "list": CODES.tolist(),
}
if find_spec("pyarrow"):
    import pyarrow as pa

    NUMBERS["arrow"] = pd.Series(CODES, dtype="int64[pyarrow]")
    NUMBERS["chunked"] = pa.chunked_array([CODES[:20], CODES[20:]])


@pytest.mark.parametrize("y", NUMBERS.values(), ids=NUMBERS)
def test_numbers_in_any_container(y):
    assert_array_equal(CrossEntropyClassifier().fit(X, y).classes_, [0, 1, 2])
    model = CrossEntropyClassifier().partial_fit(X, y, classes=[0, 1, 2])
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_array_equal(TemperatureScaling().fit(np.log(P), y).classes_, [0, 1, 2])
    blend = BlendClassifier([("bayes", GaussianNB())], cv=2).fit(X, y)
    assert_array_equal(blend.classes_, [0, 1, 2])
    for metric in (cross_entropy, focal_loss, expected_calibration_error):
        assert metric(y, P) == metric(CODES, P)
    assert [row.label for row in explain(y, P).rows] == CODES[
        [row.row for row in explain(CODES, P).rows]
    ].tolist()
    for model in (LogisticRegression(), GaussianNB()):
        model.fit(X, CODES)
        for scorer in (neg_log_loss_scorer, neg_focal_loss_scorer):
            assert scorer(model, X, y) == scorer(model, X, CODES)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(TWO == 1, dtype="boolean"),
        pd.Series(TWO == 1).astype(object),
        pl.Series(TWO == 1),
    ],
    ids=["boolean", "objects", "polars"],
)
def test_bools_in_any_container(y):
    assert CrossEntropyClassifier().fit(X, y).classes_.tolist() == [False, True]
    assert cross_entropy(y, P2) == cross_entropy(TWO, P2)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, "a", 2, 1], "{} must have labels of one type, got integers and strings"),
        (np.array([True, 2, 1, 2], object), "{} must have .* got bools and integers"),
        (np.array([{}, {}, 1, 2], object), "{} must have .* got dict and integers"),
        (
            np.array([2**70, 1] * 2, object),
            "{} must be strings, integers of at most 64",
        ),
        (pd.Series(["a", None, "b", "a"]), "{} must have no missing labels, got 1"),
        (pd.Series([True, None] * 2, dtype="boolean"), "{} must have no missing .* 2"),
        (pl.Series([1, None, 2, 1]), "Input y contains NaN|{} must have no missing"),
        (
            pd.Series([1, None, 2, 1], dtype="Int64"),
            "Input y contains NaN|{} must have",
        ),
        (
            np.array([0.5, 1.5, 1, 2], object),
            "Unknown label type: continuous|{} must be labels, got continuous",
        ),
    ],
)
def test_what_is_no_label(y, message):
    with pytest.raises(ValueError, match=f"^({message.format('y', 'y')})"):
        CrossEntropyClassifier().fit(X[:4], y)
    name = message.format("y_true", "y_true")
    with pytest.raises(ValueError, match=f"^({name})"):
        cross_entropy(y, P2[:4])
    with pytest.raises(ValueError, match=r"labels|NaN|label type|integers"):
        BlendClassifier([("bayes", GaussianNB())], cv=2).fit(X[:4], y)


def test_labels_of_another_type_than_the_classes():
    text = CODES.astype(str)
    said = r"^y_true must have labels in \[0, 1, 2\], got '0': y_true has strings, and"
    for model in (LogisticRegression().fit(X, CODES), GaussianNB().fit(X, CODES)):
        for scorer in (
            *(s for name, s in SCORERS.items() if "multilabel" not in name),
            make_loss_scorer("focal", class_weight={0: 2}),
        ):
            with pytest.raises(ValueError, match=said):
                scorer(model, X, text)
    with pytest.raises(ValueError, match=said):
        cross_entropy(text, P, labels=[0, 1, 2])
    with pytest.raises(ValueError, match="got 0: y has integers, and the classes"):
        CrossEntropyClassifier().partial_fit(X, CODES, classes=["0", "1", "2"])


# Class weights

WEIGHTS = {"dict": {1: 1.0, 0: 3.0}, "series": pd.Series([1.0, 3.0], index=[1, 0])}


@pytest.mark.parametrize("w", WEIGHTS.values(), ids=WEIGHTS)
def test_class_weights_go_by_label(w):
    sample_weight = np.where(TWO == 1, 1.0, 3.0)
    for metric in (cross_entropy, focal_loss, expected_calibration_error, log_loss):
        expected = metric(TWO, P2, sample_weight=sample_weight)
        if metric is not log_loss:
            assert_allclose(metric(TWO, P2, class_weight=w), expected)
            assert_allclose(metric(TWO, P2, class_weight=[3, 1]), expected)
    model = GaussianNB().fit(X, TWO)
    assert_allclose(
        make_loss_scorer("focal", class_weight=w)(model, X, TWO),
        neg_focal_loss_scorer(model, X, TWO, sample_weight=sample_weight),
    )
    loss = Focal().loss(TWO, P2, class_weight=w)
    assert_allclose(loss, Focal().loss(TWO, P2, class_weight=[3, 1]))
    assert_allclose(
        posterior("focal", P2, class_weight=w),
        posterior("focal", P2, class_weight=[3, 1]),
    )
    assert_allclose(
        blend_weights([P2, P2[::-1]], TWO, class_weight=w),
        blend_weights([P2, P2[::-1]], TWO, sample_weight=sample_weight),
    )
    kept = {"posterior": False}
    expected = CrossEntropyClassifier(**kept).fit(X, TWO, sample_weight)
    for cls in (CrossEntropyClassifier, FocalLogisticRegression):
        expected = cls(**kept).fit(X, TWO, sample_weight).predict_proba(X)
        ours = cls(class_weight=w, **kept).fit(X, TWO)
        assert_allclose(ours.predict_proba(X), expected, atol=1e-6)
    keywords = {"Cs": [1.0], "gammas": [1.0], "cv": 2, **kept}
    ours = FocalLogisticRegressionCV(class_weight=w, **keywords).fit(X, TWO)
    theirs = FocalLogisticRegressionCV(**keywords).fit(X, TWO, sample_weight)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_keys_of_class_weights():
    """Missing ones weigh 1; surplus ones are misspelt, or every class has its own."""
    text = np.array(["a", "b"])[TWO]
    half = cross_entropy(text, P2, class_weight={"a": 2})
    assert_allclose(half, cross_entropy(text, P2, class_weight=[2, 1]))
    full = cross_entropy(text, P2, class_weight={"a": 2, "b": 1, "c": 0})
    assert_allclose(full, half)
    assert_allclose(Focal().loss([0, 1], [0.0, 0.0], class_weight={0: 1, 1: 1, 2: 9}),
                    Focal().loss([0, 1], [0.0, 0.0]))  # fmt: skip
    for wrong in ({"a": 2, "c": 1}, pd.Series([1.0, 2.0])):
        for call in (
            lambda w: cross_entropy(text, P2, class_weight=w),
            lambda w: expected_calibration_error(text, P2, class_weight=w),
            lambda w: CrossEntropyClassifier(class_weight=w).fit(X, text),
        ):
            with pytest.raises(ValueError, match=r"^class_weight must have keys in"):
                call(wrong)
    with pytest.raises(ValueError, match=r"^class_weight must have each label once"):
        cross_entropy(TWO, P2, class_weight=pd.Series([1, 2, 3], index=[0, 1, 1]))


# Soft labels and probabilities

T = RNG.dirichlet(np.ones(3), N)
ROUNDED = {
    "float32": T.astype(np.float32),
    "float32, widened": T.astype(np.float32).astype(float),
    "six decimals": np.round(T, 6),
    "six digits": np.array([[float(f"{x:.6g}") for x in row] for row in T]),
    "DataFrame": pd.DataFrame(np.round(T, 6)),
    "polars": pl.DataFrame(np.round(T, 6)),
    "below zero": np.c_[-np.full(N, 1e-9), T[:, 0], 1 - T[:, 0]],
}


@pytest.mark.parametrize("soft", ROUNDED.values(), ids=ROUNDED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounded_soft_labels(soft, dtype):
    z, p = np.log(P).astype(dtype), P.astype(dtype)
    T = np.maximum(np.asarray(soft, dtype=float), 0)
    T /= T.sum(axis=1, keepdims=True)
    for value, expected in [
        (Focal().loss(soft, z), Focal().loss(T, z)),
        (Focal().best_constant(soft), Focal().best_constant(T)),
        (cross_entropy(soft, p), cross_entropy(T, p)),
        (kl_divergence(soft, p), kl_divergence(T, p)),
        (d2_loss_score("focal", soft, p), d2_loss_score("focal", T, p)),
        (expected_calibration_error(soft, p), expected_calibration_error(T, p)),
        (blend_weights([p, p[::-1]], soft), blend_weights([p, p[::-1]], T)),
        (explain(soft, p).skill, explain(T, p).skill),
        (multilabel_log_loss(soft, p), multilabel_log_loss(T, p)),
        (distill(soft), distill(T)),
    ]:
        assert_allclose(value, expected, rtol=1e-3, atol=1e-4)
    table = X.astype(dtype)
    fitted = CrossEntropyClassifier().fit(table, soft).predict_proba(table)
    expected = CrossEntropyClassifier().fit(table, T).predict_proba(table)
    assert_allclose(fitted, expected, atol=1e-3)
    CrossEntropyClassifier().partial_fit(table, soft, classes=range(3))
    xgboost_objective(Focal(), soft_labels=soft)


def test_rows_of_many_rounded_digits():
    """Three thousand classes of six digits miss one by a thousandth at most."""
    many = np.full((2, 3000), 1 / 3000).round(6)
    assert_allclose(
        Focal(0.0).loss(many, np.zeros((2, 3000))), many.sum(1) * np.log(3000)
    )
    for wrong in (many * 1.01, many * 0.99):
        with pytest.raises(ValueError, match=r"^y must have rows that sum to one, got"):
            Focal().loss(wrong, np.zeros((2, 3000)))
    with pytest.raises(ValueError, match=r"^y must have rows .*, got 1\.001\.$"):
        Focal().loss([[0.5, 0.501]], [[0.0, 0.0]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_ulp_beyond_the_ends(dtype):
    ulp = np.finfo(dtype).eps
    inside = np.array([[1, 0], [0.25, 0.75], [0, 1]], dtype)
    beyond = inside + np.array([[ulp, -ulp], [0, 0], [-ulp / 2, 2 * ulp]], dtype)
    assert beyond.max() > 1 and beyond.min() < 0
    y = [0, 1, 1]
    for call in (
        lambda p: log_loss(y, p),
        lambda p: log_loss(y, p[:, 1]),
        lambda p: cross_entropy(y, p),
        lambda p: cross_entropy(y, p[:, 1]),
        lambda p: entropy(p),
        lambda p: expected_calibration_error(y, p),
        lambda p: multilabel_log_loss(p, p),
        lambda p: kl_divergence(p, p),
        lambda p: posterior("focal", p),
        lambda p: distill(p),
        lambda p: explain(y, p).cross_entropy,
        lambda p: blend_weights([p, p], y),
    ):
        assert_allclose(call(beyond), call(inside), atol=1e-5)

    class Model:
        classes_ = np.array([0, 1])

        def predict_proba(self, X):
            return X

    assert neg_log_loss_scorer(Model(), beyond, y) == neg_log_loss_scorer(
        Model(), inside, y
    )
    with pytest.raises(ValueError, match=r"^y_proba must be in \[0, 1\], got 1\.1"):
        cross_entropy(y, inside * dtype(1.1))


def test_blends_stay_in_the_unit_interval():
    rng = np.random.default_rng(0)
    sure = rng.permuted(np.tile([1.0, 0, 0], (300, 1)), axis=1)
    y = sure.argmax(axis=1)
    from skxent.blending._objective import pool

    for weights in (rng.dirichlet(np.ones(7)) for _ in range(100)):
        mixed = pool([sure] * 7, weights, "arithmetic")
        assert mixed.min() >= 0 and mixed.max() <= 1
    assert log_loss(y, mixed) < 1e-12


def test_rows_of_zeros_are_no_probabilities():
    table = np.array([[0.2, 0.3, 0.5], [0, 0, 0]])
    for call in (
        lambda: cross_entropy([0, 1], table, labels=range(3)),
        lambda: focal_loss([0, 1], table, labels=range(3)),
        lambda: expected_calibration_error([0, 1], table, labels=range(3)),
        lambda: entropy(table),
        lambda: posterior("focal", table),
        lambda: blend_weights([table, table], [0, 1], labels=range(3)),
    ):
        with pytest.raises(ValueError, match=r"must have rows with a positive sum"):
            call()
    # Rows are divided by their sum, however small it is, if that is possible.
    with pytest.warns(UserWarning, match="do not sum to one"):
        tiny = cross_entropy([0, 1], [[1e-20, 3e-20], [0.5, 0.5]])
    assert_allclose(tiny, np.log(8) / 2)


def test_probabilities_are_no_logits_in_any_shape():
    flat = np.r_[0, P2[1:]]
    for given, advice in [
        (flat, "scipy.special.logit"),
        (flat[:, np.newaxis], "scipy.special.logit"),
        (np.c_[1 - flat, flat], "np.log"),
    ]:
        with pytest.warns(
            UserWarning, match=f"looks like probabilities. Pass {advice}"
        ):
            TemperatureScaling().fit(given, TWO)
        with pytest.warns(UserWarning, match="Pass ") as caught:
            TemperatureScaling().fit(given, TWO)
        text = str(caught[0].message).split("Pass ")[1].rstrip(".")
        better = eval(text, {"scipy": scipy, "np": np, "X": given})
        assert np.isfinite(better).all()
        TemperatureScaling().fit(better, TWO)


# Ignored labels


def test_ignored_codes():
    for ignored in (-100, 255):
        y = [0, 1, 1, ignored]
        expected = Focal().best_constant([0, 1, 1])
        assert Focal().best_constant(y, ignore_index=ignored) == expected
        three = Focal().best_constant([0, 1, 2, ignored, 2], ignore_index=ignored)
        assert_allclose(three, Focal().best_constant([0, 1, 2, 2]))
        assert Focal().loss(y, np.zeros(4), ignore_index=ignored)[3] == 0


@pytest.mark.parametrize(
    ("y", "ignored"),
    [
        (["a", "b", "b", "u"], "u"),
        (np.array(["a", "b", "b", "u"], object), "u"),
        (pd.Series(["a", "b", "b", None]), np.nan),
        (pl.Series(["a", "b", "b", None]), np.nan),
        ([0, 1, 1, -1], -1),
        ([0, 1, 1, "u"], "u"),
        (pd.Series([0, 1, 1, None], dtype="Int64"), np.nan),
    ],
)
def test_ignored_labels(y, ignored):
    p, expected = P2[:4], cross_entropy([0, 1, 1], P2[:3])
    assert_allclose(cross_entropy(y, p, ignore_index=ignored), expected)
    first = np.asarray(y, dtype=object)[0]
    weighted = cross_entropy([0, 1, 1], P2[:3], class_weight={0: 2})
    weights = {first: 2, ignored: 0}
    found = cross_entropy(y, p, ignore_index=ignored, class_weight=weights)
    assert_allclose(found, weighted)
    last = np.asarray(y, dtype=object)[2]
    for labels in ([first, last], [first, last, ignored]):
        found = cross_entropy(y, p, ignore_index=ignored, labels=labels[:2])
        assert_allclose(found, expected)
    if isinstance(ignored, str) and isinstance(first, str):
        every = [first, last, ignored]
        found = cross_entropy(y, p, ignore_index=ignored, labels=every)
        assert_allclose(found, expected)
        found = expected_calibration_error(y, p, ignore_index=ignored, labels=every)
        assert_allclose(found, expected_calibration_error([0, 1, 1], P2[:3]))


# A number as the weight of every row


@pytest.mark.parametrize("weight", [2, 2.0, np.float32(2), np.array(2.0)], ids=repr)
def test_a_number_weighs_every_row(weight):
    """As in scikit-learn's estimators: also in what a search hands to its scorer."""
    all_rows, z = np.full(N, 2.0), np.log(P)
    base = LogisticRegression()
    models = [
        CrossEntropyClassifier(),
        FocalLogisticRegression(l1_ratio=0.5),
        CrossEntropyClassifier(multilabel=True),
        FocalLogisticRegressionCV(cv=2, Cs=2, gammas=[0]),
        TemperatureScaling(base, cv=2),
        TemperatureScaling(base, cv=2, ensemble=True),
        BlendClassifier([("a", base), ("b", GaussianNB())], cv=2),
    ]
    for model in models:
        y = np.eye(3, dtype=int)[CODES] if hasattr(model, "l1_ratio") else CODES
        y = y if getattr(model, "multilabel", False) else CODES
        found, expected = (
            clone(model).fit(X, y, sample_weight=w) for w in (weight, all_rows)
        )
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
        assert found.score(X, y, sample_weight=weight) == pytest.approx(
            found.score(X, y, sample_weight=all_rows)
        )
    for metric in (
        lambda w: cross_entropy(CODES, P, sample_weight=w),
        lambda w: evaluate_loss("focal", CODES, P, sample_weight=w, reduction="sum"),
        lambda w: expected_calibration_error(CODES, P, sample_weight=w),
        lambda w: entropy(P, sample_weight=w, reduction="sum"),
        lambda w: multilabel_log_loss(np.eye(3)[CODES], P, sample_weight=w),
        lambda w: explain(CODES, P, sample_weight=w).cross_entropy,
        lambda w: blend_weights([P, P[:, ::-1]], CODES, sample_weight=w),
        lambda w: Focal(2.0).loss(CODES, z, sample_weight=w).sum(),
        lambda w: SCORERS["neg_log_loss"](
            CrossEntropyClassifier().fit(X, CODES), X, CODES, sample_weight=w
        ),
    ):
        assert_array_equal(metric(weight), metric(all_rows))


@pytest.mark.parametrize(
    "model",
    [
        TemperatureScaling(LogisticRegression(), cv=2),
        BlendClassifier([("a", LogisticRegression()), ("b", GaussianNB())], cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (0, "have a positive sum, got all zeros"),
        (np.zeros(N), "have a positive sum, got all zeros"),
        (np.nan, "be finite and non-negative, got nan"),
        ("balanced", "be real numbers, got <U8"),
        (np.ones((N, 1)), r"be of shape \(60,\), got \(60, 1\)"),
        (np.ones(N - 1), r"be of shape \(60,\), got \(59,\)"),
        (np.ones(N) + 0j, "be real numbers, got complex128"),
    ],
)
def test_weights_are_checked_before_other_estimators_see_them(model, weight, message):
    with pytest.raises(ValueError, match=rf"^sample_weight must {message}\.$"):
        model.fit(X, CODES, sample_weight=weight)


# Sums of weights


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1e306, 1e-310])
def test_weights_of_any_size(size, dtype):
    w, p = np.full(N, size), P.astype(dtype)
    model = GaussianNB().fit(X, CODES)
    for call in (
        lambda **k: cross_entropy(CODES, p, **k),
        lambda **k: cross_entropy(T, p, **k),
        lambda **k: focal_loss(CODES, p, class_weight="balanced", **k),
        lambda **k: smoothed_log_loss(CODES, p, ignore_index=1, labels=range(3), **k),
        lambda **k: log_loss(CODES, p, **k),
        lambda **k: expected_calibration_error(CODES, p, **k),
        lambda **k: d2_loss_score("focal", CODES, p, **k),
        lambda **k: entropy(p, **k),
        lambda **k: kl_divergence(T, p, **k),
        lambda **k: multilabel_log_loss(np.eye(3)[CODES], p, **k),
        lambda **k: explain(CODES, p, **k).skill,
        lambda **k: blend_weights([p, p[::-1]], CODES, **k),
        lambda **k: blend_gain([p, p[::-1]], CODES, random_state=0, n_resamples=2, **k),
        lambda **k: TemperatureScaling().fit(np.log(p), CODES, **k).temperature_,
        lambda **k: Focal().best_constant(CODES, **k),
        lambda **k: neg_log_loss_scorer(model, X, CODES, **k),
        lambda **k: neg_focal_loss_scorer(model, X, CODES, **k),
        lambda **k: evaluate_loss("focal", CODES, p, class_weight=[1e300] * 3, **k),
    ):
        assert_allclose(call(sample_weight=w), call(), rtol=1e-5)
    # The sum of these weights is finite, but the sum of the weighted losses is not.
    w = np.full(N, 1.5e308 / N)
    assert_allclose(log_loss(CODES, p, sample_weight=w), log_loss(CODES, p))


def test_fits_with_weights_whose_sum_overflows():
    """No penalty is seen beside them."""
    expected = CrossEntropyClassifier(C=np.inf, tol=1e-6).fit(X, CODES)
    for solver in ("newton-cholesky", "lbfgs"):
        model = CrossEntropyClassifier(solver=solver, tol=1e-6)
        assert_allclose(
            model.fit(X, CODES, np.full(N, 1e307)).coef_, expected.coef_, atol=1e-4
        )
    # One label alone would stay below the largest number.
    many = CrossEntropyClassifier(multilabel=True, C=np.inf, tol=1e-6)
    expected = many.fit(X, np.eye(3)[CODES]).coef_
    for size in (1.7e308 / N, 1e307):
        found = many.set_params(C=1.0).fit(X, np.eye(3)[CODES], np.full(N, size))
        assert_allclose(found.coef_, expected, atol=1e-4)
    with pytest.raises(ValueError, match=r"^sample_weight times class_weight must"):
        Focal().loss(CODES, np.log(P).astype("f4"), class_weight=[1e300, 1, 1])


# The limits of the domains


def test_skill_of_one_row_or_one_class():
    for y, p in (([0], [[0.5, 0.5]]), ([[0.2, 0.8]], [[0.5, 0.5]])):
        with pytest.warns(UndefinedMetricWarning, match="less than two samples"):
            assert np.isnan(d2_loss_score("focal", y, p, labels=[0, 1]))
    with pytest.raises(ValueError, match=r"^y_true must have rows of two classes"):
        d2_loss_score("cross_entropy", [0, 0], [0.5, 0.4], labels=[0, 1])


EDGES = [
    Focal(0.0),
    Focal(1e6),
    GeneralizedCrossEntropy(1e-6),
    GeneralizedCrossEntropy(1.0),
    *itertools.starmap(
        SymmetricCrossEntropy,
        [(1e-6, 1e6, -1e6), (1e-6, 0, -1), (1e6, 1e6, -1e6), (1e-6, 1e6, -5e-324)],
    ),
    Poly1(-1.0),
    Poly1(1e6),
]


@pytest.mark.parametrize("loss", [*EDGES, *LOSS_INSTANCES], ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_parameters_at_their_ends_give_numbers(loss, dtype):
    ends = [-1e30, -700, -30, -1, 0, 1e-30, 1, 30, 700, 1e30]
    z = np.array(ends, dtype)
    rows = np.array(list(itertools.product(ends[::2], repeat=3)), dtype)
    for raw, classes in ((z, 2), (rows, 3)):
        for code in range(classes):
            y = np.full(len(raw), code)
            for found in (
                loss.loss(y, raw),
                *loss.gradient_hessian(y, raw),
                loss.hessian(y, raw),
                loss.hessian_product(y, raw, np.ones_like(raw)),
                loss.posterior(raw),
            ):
                assert not np.isnan(found).any()


def test_a_loss_without_posterior_says_so():
    model = CrossEntropyClassifier(GeneralizedCrossEntropy(1.0)).fit(X, TWO)
    with pytest.warns(UserWarning, match=r"\(q=1\.0\) has no posterior"):
        assert_allclose(model.predict_proba(X), 0.5)
    with pytest.warns(UserWarning, match="has no posterior"):
        posterior(GeneralizedCrossEntropy(1.0), P)
    assert not np.allclose(model.set_params(posterior=False).predict_proba(X), 0.5)


def test_which_scorers_are_proper():
    proper = {name: scorer.proper for name, scorer in SCORERS.items()}
    yes = {"neg_log_loss", "d2_loss", "neg_multilabel_log_loss"}
    assert proper == {name: name in yes for name in SCORERS}
    assert make_loss_scorer(CrossEntropy()).proper
    assert not make_loss_scorer(CrossEntropy(), class_weight="balanced").proper
