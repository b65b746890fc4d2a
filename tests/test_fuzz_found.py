"""Faults that the fuzzers found, each once, so that they do not come back."""

from fractions import Fraction

import numpy as np
import pytest
from hostile import packed, unaligned
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skxent import CrossEntropyClassifier, boosting, calibration, metrics
from skxent.losses import CrossEntropy, Focal
from skxent.scorers import neg_log_loss_scorer
from skxent.targets import distill

RNG = np.random.default_rng(0)
Z, S, W = RNG.normal(size=(40, 3)), RNG.uniform(size=(40, 3)), RNG.uniform(size=40)
Y = RNG.integers(0, 3, 40)
P = RNG.dirichlet(np.ones(3), 40)
Model = CrossEntropyClassifier
dressings = pytest.mark.parametrize("dress", [packed, unaligned])


@dressings
def test_logits_of_a_metric_in_a_record_array(dress):
    # They were read as if they lay in rows of doubles, so foreign memory was scored.
    expected = metrics.cross_entropy(Y, Z, from_logits=True)
    assert metrics.cross_entropy(Y, dress(Z), from_logits=True) == expected


@dressings
def test_answers_and_directions_in_a_record_array(dress):
    expected = CrossEntropy().loss(S, Z, multilabel=True)
    assert_array_equal(CrossEntropy().loss(dress(S), Z, multilabel=True), expected)
    expected = CrossEntropy().hessian_product(P, Z, S)
    assert_array_equal(CrossEntropy().hessian_product(dress(P), Z, dress(S)), expected)
    assert_array_equal(
        CrossEntropy().loss(Y, Z, sample_weight=dress(W)),
        CrossEntropy().loss(Y, Z, sample_weight=W),
    )


@dressings
def test_features_in_a_record_array(dress):
    model, other = CrossEntropyClassifier().fit(Z, Y), CrossEntropyClassifier()
    assert_array_equal(other.fit(dress(Z), Y).coef_, model.coef_)
    assert_allclose(other.predict_proba(dress(Z)), model.predict_proba(Z), rtol=1e-13)


def masked(values):
    return np.ma.masked_array(
        values, mask=np.arange(values.size).reshape(values.shape) == 1
    )


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("raw_prediction", lambda: Focal().loss(Y, masked(Z))),
        ("y", lambda: Focal().loss(masked(Y), Z)),
        ("y", lambda: Focal().loss(masked(P), Z)),
        ("sample_weight", lambda: Focal().loss(Y, Z, sample_weight=masked(W))),
        ("class_weight", lambda: Focal().loss(Y, Z, class_weight=masked(np.ones(3)))),
        ("v", lambda: Focal().hessian_product(Y, Z, masked(Z))),
        ("y", lambda: Focal().best_constant(masked(Y))),
        ("raw_prediction", lambda: Focal().posterior(masked(Z))),
        ("teacher", lambda: distill(masked(P))),
        ("y_true", lambda: metrics.cross_entropy(masked(Y), P)),
        ("y_proba", lambda: metrics.cross_entropy(Y, masked(P))),
        ("y_proba", lambda: metrics.cross_entropy(Y, masked(Z), from_logits=True)),
        ("y_true", lambda: metrics.multilabel_log_loss(masked(S), S)),
        ("y", lambda: calibration.TemperatureScaling().fit(Z, masked(Y))),
        ("X", lambda: calibration.TemperatureScaling().fit(masked(Z), Y)),
        ("y", lambda: boosting.xgboost_objective(Focal()).init_score(masked(Y))),
        ("y", lambda: boosting.xgboost_objective(Focal())(masked(Y), Z)),
        ("X", lambda: Model().fit(masked(Z), Y)),
        ("classes", lambda: Model().partial_fit(Z, Y, masked(np.arange(3)))),
        ("y", lambda: Model().fit(Z, masked(Y))),
        ("X", lambda: Model().fit(Z, Y).predict(masked(Z))),
        ("sample_weight", lambda: Model().fit(Z, Y, sample_weight=masked(W))),
        ("y_true", lambda: neg_log_loss_scorer(Model().fit(Z, Y), Z, masked(Y))),
    ],
)  # fmt: skip
def test_masked_entries_are_refused(name, call):
    with pytest.raises(
        ValueError, match=rf"^{name} must have no masked entries, got 1\.$"
    ):
        call()


@pytest.mark.parametrize("strange", [np.complex128, "M8[s]", "S4"])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sample_weight", lambda t: Focal().loss(Y, Z, sample_weight=t(W))),
        ("class_weight", lambda t: Focal().loss(Y, Z, class_weight=t(np.ones(3)))),
        ("y", lambda t: Focal().loss(t(P), Z)),
        ("v", lambda t: Focal().hessian_product(Y, Z, t(Z))),
        ("y_true", lambda t: metrics.multilabel_log_loss(t(S), S)),
        ("teacher", lambda t: distill(t(P))),
    ],
)
def test_only_real_numbers_are_numbers(name, call, strange):
    with pytest.raises(ValueError, match=f"^{name} must be real numbers, got "):
        call(lambda values: np.round(values).astype(np.int64).astype(strange))


def test_numbers_too_large_for_a_double():
    with pytest.raises(
        ValueError, match=r"^gamma must be a number in \[0, 1e\+06\], got 1000"
    ):
        Focal(10**400)
    with pytest.raises(ValueError, match=r"^class_weight must be real numbers"):
        Focal().loss(Y, Z, class_weight=[1, 1, 10**400])
    with pytest.raises(ValueError, match=r"^v must be real numbers: overflow"):
        Focal().hessian_product(Y, Z.astype(np.float32), np.full((40, 3), 1e300))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (3, r"^y must be of shape \(n,\) or \(n, K\), got \(\)\.$"),
        ([0.0, np.inf], "^y must be codes in"),
        ([0.0, np.nan], "^y must be integer codes"),
        (["a", "b"], "^y must be integer codes"),
        ([], "^y must have rows"),
    ],
)
def test_best_constant_of_no_labels(y, message):
    with pytest.raises(ValueError, match=message), np.errstate(invalid="ignore"):
        Focal().best_constant(y)


@pytest.mark.parametrize("value", [np.array(["sum", "mean"]), ["sum"], {"sum"}])
def test_an_option_is_a_string(value):
    with pytest.raises(ValueError, match=r"^reduction must be one of"):
        metrics.cross_entropy(Y, P, reduction=value)


@pytest.mark.parametrize("value", [np.array([True, False]), "yes", (), None])
def test_a_switch_is_a_bool(value):
    with pytest.raises(ValueError, match=r"^from_logits must be True or False"):
        metrics.cross_entropy(Y, P, from_logits=value)


def test_ignored_labels_and_rows_of_weights():
    with pytest.raises(ValueError, match=r"^y_true must have 40 rows, got 39\.$"):
        metrics.cross_entropy(Y[:-1], P, sample_weight=W, ignore_index=7)
    with pytest.raises(ValueError, match=r"^ignore_index must be None or a label"):
        metrics.cross_entropy(Y, P, ignore_index=[0, 1])


def test_a_product_with_nothing():
    # This crashed.
    with pytest.raises(ValueError, match=r"^v must be of shape \(40, 3\), got \(\)\.$"):
        Focal().hessian_product(Y, Z, None)


def test_numbers_that_numpy_does_not_know():
    third = Fraction(1, 3)
    expected = distill(P, temperature=1 / 3, teacher_weight=1 / 3, y=Y)
    assert_array_equal(
        distill(P, temperature=third, teacher_weight=third, y=Y), expected
    )
    interval = calibration.calibration_error_interval
    plain = interval(Y, P, confidence_level=1 / 3, n_resamples=3, random_state=0)
    assert (
        interval(Y, P, confidence_level=third, n_resamples=3, random_state=0) == plain
    )
    with pytest.raises(ValueError, match="finite largest entry"):
        distill(Z, temperature=1e-320, from_logits=True)


def test_what_a_fit_is_given_besides():
    model = CrossEntropyClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match=r"^sample_weight must be of shape \(40,\)"):
        model.fit(Z, P, W[:-1])
    for classes in (3, [[0, 1]], "abc"):
        with pytest.raises(ValueError, match=r"^classes must be of shape \(K,\)"):
            CrossEntropyClassifier().partial_fit(Z, Y, classes)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_fewer_labels_than_margins(library):
    # This crashed, because codes were read beyond their end.
    z = np.zeros((100_000, 3))
    objective = getattr(boosting, f"{library}_objective")(Focal())
    metric = getattr(boosting, f"{library}_metric")(Focal())
    for call in (objective.derivatives, metric.losses):
        with pytest.raises(ValueError, match=r"^y must have 100000 rows, got 40\.$"):
            call(Y, z, None)


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e200])
def test_calibration_of_rows_of_any_weight(size):
    # Squares of such weights are 0 or infinite.
    plain = calibration.calibration_error_interval(Y, P, random_state=0, n_resamples=9)
    scaled = calibration.calibration_error_interval(
        Y, P, random_state=0, n_resamples=9, sample_weight=np.full(40, size)
    )
    np.testing.assert_allclose(scaled, plain, rtol=1e-12)


@pytest.mark.parametrize(
    "scaling", [calibration.TemperatureScaling, calibration.VectorScaling]
)
def test_logits_whose_squares_overflow(scaling):
    z = Z.copy()
    z[3, 1] = -1e300
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        scaling().fit(z, Y)
