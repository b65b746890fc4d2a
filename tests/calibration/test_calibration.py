"""Scalings against scikit-learn, scipy and the losses' own posterior."""

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits

from oracle import LOSS_INSTANCES
from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.blending import BlendClassifier
from skxent.blocks import ArrayBlocks
from skxent.calibration import (
    TemperatureScaling,
    VectorScaling,
    posterior,
)
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
SCALINGS = [TemperatureScaling, VectorScaling]
all_scalings = pytest.mark.parametrize("cls", SCALINGS, ids=lambda c: c.__name__)


def overconfident(rng, n, n_classes, scale=2.0):
    """Logits `scale` times those that the labels are drawn from."""
    z = rng.normal(size=(n, n_classes)) * 1.5
    y = (log_softmax(z, axis=1) + rng.gumbel(size=z.shape)).argmax(axis=1)
    return scale * z, y


def floor_of(model):
    """Return the keyword of the floor, for models that have no logits."""
    return {} if hasattr(model, "decision_function") else {"floor": 1e-12}


def halves(n_classes, seed=0):
    X, y = make_classification(
        1200,
        12,
        n_informative=6,
        n_classes=n_classes,
        class_sep=0.7,
        random_state=seed,
    )
    return train_test_split(X, y, test_size=0.5, random_state=seed)


@pytest.mark.skipif(
    not hasattr(sklearn.calibration, "_TemperatureScaling"),
    reason="scikit-learn has method='temperature' from 1.8 on",
)
@pytest.mark.filterwarnings("ignore:Since FrozenEstimator does not appear")
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC(), GaussianNB()])
def test_the_temperature_is_scikit_learn_s(model, n_classes):
    X, X_val, y, y_val = halves(n_classes)
    weight = np.random.default_rng(0).uniform(size=len(y_val))
    frozen = FrozenEstimator(model.fit(X, y))
    theirs = CalibratedClassifierCV(frozen, method="temperature")
    theirs.fit(X_val, y_val, sample_weight=weight)
    ours = TemperatureScaling(frozen, **floor_of(model))
    ours.fit(X_val, y_val, sample_weight=weight)
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    # scikit-learn turns a binary decision z into the logits (-z, z).
    factor = 2 if n_classes == 2 and hasattr(model, "decision_function") else 1
    assert_allclose(1 / ours.temperature_, factor * beta, rtol=1e-4)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
    assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X))
    # The same holds for out-of-fold logits.
    for ensemble in (False, True):
        theirs = CalibratedClassifierCV(model, method="temperature", ensemble=ensemble)
        theirs.fit(X_val, y_val)
        ours = TemperatureScaling(model, ensemble=ensemble, **floor_of(model))
        ours.fit(X_val, y_val)
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
        assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@all_losses
def test_the_temperature_minimises_the_loss(loss, n_classes):
    rng = np.random.default_rng(0)
    z, y = overconfident(rng, 500, n_classes)
    logits = z[:, 1] - z[:, 0] if n_classes == 2 else z
    weight = rng.uniform(size=500)
    keywords = {"sample_weight": weight, "label_smoothing": 0.1}
    found = minimize_scalar(
        lambda s: loss.loss(y, np.exp(s) * logits, **keywords).sum(),
        bounds=(-3, 3),
        options={"xatol": 1e-9},
    )
    model = TemperatureScaling(loss=loss, label_smoothing=0.1)
    model.fit(logits, y, sample_weight=weight)
    assert_allclose(model.temperature_, np.exp(-found.x), rtol=1e-5)
    expected = loss.posterior(logits / model.temperature_, label_smoothing=0.1)
    assert_allclose(model.predict_proba(logits), expected, rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_vector_scaling_minimises_the_loss(loss, n_classes):
    rng = np.random.default_rng(1)
    z, y = overconfident(rng, 400, n_classes)
    z += rng.normal(size=n_classes)
    logits = z[:, 1] - z[:, 0] if n_classes == 2 else z
    m = 1 if n_classes == 2 else n_classes

    def mean_loss(t):
        moved = t[:m] * logits.reshape(400, -1) + t[m:]
        return loss.loss(y, moved[:, 0] if m == 1 else moved).mean()

    start = np.r_[np.full(m, 0.5), np.zeros(m)]
    found = minimize(mean_loss, start, method="BFGS", options={"gtol": 1e-8})
    model = VectorScaling(loss=loss).fit(logits, y)
    ours = np.r_[model.scale_, model.bias_]
    assert mean_loss(ours) <= found.fun + 1e-12
    assert_allclose(model.scale_, found.x[:m], rtol=1e-3)
    if m > 1:
        assert_allclose(model.bias_.mean(), 0, atol=1e-12)
    moved = model.scale_ * logits.reshape(400, -1) + model.bias_
    expected = loss.posterior(moved[:, 0] if m == 1 else moved)
    assert_allclose(model.predict_proba(logits), expected, rtol=1e-9)


def test_binary_vector_scaling_is_platt_s():
    rng = np.random.default_rng(2)
    z, y = overconfident(rng, 300, 2)
    z = z[:, 1] - z[:, 0]
    platt = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, np.newaxis], y)
    ours = VectorScaling().fit(z, y)
    assert_allclose(ours.scale_, platt.coef_[0], rtol=1e-5)
    assert_allclose(ours.bias_, platt.intercept_, atol=1e-5)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-4, 0.1, 30.0, 1e5]))
def test_a_temperature_is_found_at_any_scale(seed, scale):
    """Also where the logits saturate, and no curvature is left to start from."""
    z, y = overconfident(np.random.default_rng(seed), 300, 3)
    plain = TemperatureScaling().fit(z, y).temperature_
    assert_allclose(
        TemperatureScaling().fit(scale * z, y).temperature_, scale * plain, rtol=1e-4
    )
    a = VectorScaling().fit(z, y).scale_
    assert_allclose(scale * VectorScaling().fit(scale * z, y).scale_, a, rtol=1e-3)


@all_scalings
@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_logits_that_are_all_right(cls, loss):
    """No gradient, no curvature; or less and less of both."""
    y = np.arange(30) % 3
    for scale in (1e5, 1.0):
        z = scale * (np.eye(3) - 0.5)
        proba = cls(loss=loss).fit(z[y], y).predict_proba(z)
        assert np.isfinite(proba).all()
        assert (np.diagonal(proba) > 0.999).all()


def test_many_rows_start_from_a_sample():
    z, y = overconfident(np.random.default_rng(3), 40_000, 3)
    order = np.argsort(y, kind="stable")
    for rows in (np.arange(len(y)), order):
        model = TemperatureScaling().fit(z[rows], y[rows])
        found = minimize_scalar(
            lambda s: CrossEntropy().loss(y, np.exp(s) * z).sum(), bounds=(-3, 3)
        )
        assert_allclose(model.temperature_, np.exp(-found.x), rtol=1e-4)
    weight = np.zeros(len(y))
    weight[1:6] = 1  # none of them in the sample
    few = TemperatureScaling().fit(z[1:6], y[1:6]).temperature_
    model = TemperatureScaling().fit(z, y, sample_weight=weight)
    assert_allclose(model.temperature_, few, rtol=1e-4)


def test_logits_that_point_the_wrong_way_become_uniform():
    z, y = overconfident(np.random.default_rng(4), 300, 3)
    model = TemperatureScaling().fit(-z, y)
    assert np.isfinite(model.temperature_)
    assert_allclose(model.predict_proba(z), 1 / 3, atol=1e-3)


@all_scalings
def test_forms_of_the_same_logits(cls):
    rng = np.random.default_rng(5)
    z, y = overconfident(rng, 200, 2)
    odds = z[:, 1] - z[:, 0]
    expected = cls().fit(odds, y).predict_proba(odds)
    for X in (z, odds[:, np.newaxis], odds.tolist()):
        model = cls().fit(X, np.array(["no", "yes"])[y])
        assert_allclose(model.predict_proba(X), expected, rtol=1e-10)
        assert model.decision_function(X).shape == (200,)
        assert model.predict(X).tolist() == np.where(
            odds > 0, "yes", "no"
        ).tolist() or (cls is VectorScaling)
    single = cls().fit(odds.astype(np.float32), y).predict_proba(odds.astype("f4"))
    assert single.dtype == np.float32
    assert_allclose(single, expected, rtol=1e-4)


@all_scalings
def test_what_an_estimator_says_is_scaled(cls):
    """decision_function, or log-probabilities, or the exact ones of skxent's own."""
    X, X_val, y, y_val = halves(3)
    for model, logits in [
        (LogisticRegression(), lambda m: m.decision_function(X_val)),
        (GaussianNB(), lambda m: np.log(m.predict_proba(X_val) + 1e-12)),
        (FocalLogisticRegression(), lambda m: m.predict_log_proba(X_val)),
        (
            make_pipeline(StandardScaler(), FocalLogisticRegression()),
            lambda m: m.predict_log_proba(X_val),
        ),
    ]:
        model.fit(X, y)
        frozen = cls(FrozenEstimator(model), **floor_of(model)).fit(X_val, y_val)
        direct = cls().fit(logits(model), y_val)
        z = logits(model)
        assert_allclose(frozen.predict_proba(X_val), direct.predict_proba(z), rtol=1e-9)
        assert frozen.n_features_in_ == 12
        # The fit is the same as to out-of-fold logits that are made by hand.
        crossed = cls(model, cv=3, **floor_of(model)).fit(X, y)
        method = (
            "predict_log_proba"
            if "Focal" in repr(model)
            else "decision_function"
            if hasattr(model, "decision_function")
            else "predict_proba"
        )
        z = cross_val_predict(clone(model), X, y, cv=3, method=method)
        z = np.log(z + 1e-12) if method == "predict_proba" else z
        direct = cls().fit(z, y)
        z = logits(crossed.estimator_)
        assert_allclose(
            crossed.predict_proba(X_val), direct.predict_proba(z), rtol=1e-9
        )


def test_sample_weight_reaches_the_estimator():
    X, X_val, y, _ = halves(3)
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    heard = np.repeat(np.arange(len(y)), weight)
    model = GaussianNB()
    weighted = TemperatureScaling(model, cv=None).fit(X, y, sample_weight=weight)
    repeated = TemperatureScaling(model, cv=None).fit(X[heard], y[heard])
    assert_allclose(
        weighted.predict_proba(X_val), repeated.predict_proba(X_val), rtol=1e-6
    )


def test_metadata_routing():
    X, X_val, y, _ = halves(3)
    weight = np.random.default_rng(0).uniform(size=len(y))
    plain = TemperatureScaling(GaussianNB(), cv=2).fit(X, y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        model = GaussianNB().set_fit_request(sample_weight=True)
        routed = TemperatureScaling(model, cv=2).fit(X, y, sample_weight=weight)
    assert_allclose(routed.predict_proba(X_val), plain.predict_proba(X_val))


@all_scalings
def test_it_is_one_of_scikit_learn_s(cls):
    """A search, a scorer, and CalibratedClassifierCV inside and around it."""
    X, X_val, y, y_val = halves(3)
    search = GridSearchCV(
        cls(LogisticRegression()),
        {"estimator__C": [1e-6, 1.0]},
        scoring=neg_log_loss_scorer,
        cv=2,
    ).fit(X, y)
    assert search.best_params_ == {"estimator__C": 1.0}
    scored = neg_log_loss_scorer(search, X_val, y_val)
    assert_allclose(scored, -log_loss(y_val, search.predict_proba(X_val)))
    inside = CalibratedClassifierCV(GaussianNB(), cv=2, method="sigmoid").fit(X, y)
    scaled = cls(FrozenEstimator(inside)).fit(X_val, y_val)
    before = log_loss(y_val, inside.predict_proba(X_val))
    assert log_loss(y_val, scaled.predict_proba(X_val)) < before
    around = CalibratedClassifierCV(FrozenEstimator(scaled), method="isotonic")
    proba = around.fit(X_val, y_val).predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)


def rare():
    """Rows of three classes, of which the folds' first training rows lack the last."""
    rng = np.random.default_rng(6)
    y = np.r_[np.arange(58) % 2, 2, 2, np.arange(30) % 3]
    X = rng.normal(size=(90, 2)) + y[:, np.newaxis]
    thirds = np.split(np.arange(90), [40, 60])
    others = [np.setdiff1d(np.arange(90), rows) for rows in thirds]
    return X, y, list(zip(others, thirds, strict=True)), thirds


MODELS = [LinearSVC(), LogisticRegression(), GaussianNB(), FocalLogisticRegression()]


@all_scalings
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("labels", [np.arange(3), np.array(["x", "y", "z"])])
def test_a_class_that_a_fold_lacks(cls, model, labels):
    """The rows of the other folds alone, as if their logits had been given."""
    X, y, folds, (early, middle, late) = rare()
    y = labels[y]
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    folds[0] = (middle[:18], early)  # two classes
    message = rf"40 of 90 rows .* the classes \[{labels.tolist()[2]!r}\]"
    with pytest.warns(UserWarning, match=message):
        scaled = cls(model, cv=folds, **floor_of(model))
        scaled.fit(X, y, sample_weight=weight)
    kept = np.r_[middle, late]
    z = np.empty((90, 3))
    for train, test in folds[1:]:
        fold = clone(model).fit(X[train], y[train], sample_weight=weight[train])
        z[test] = raw_logits(fold, X[test])
    direct = cls().fit(z[kept], y[kept], sample_weight=weight[kept])
    whole = raw_logits(clone(model).fit(X, y, sample_weight=weight), X)
    assert_allclose(scaled.predict_proba(X), direct.predict_proba(whole), rtol=1e-9)


def raw_logits(model, X):
    if isinstance(model, FocalLogisticRegression):
        return model.predict_log_proba(X)
    if hasattr(model, "decision_function"):
        return model.decision_function(X)
    return np.log(model.predict_proba(X) + 1e-12)


@all_scalings
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_a_class_that_all_folds_lack(cls, model):
    """One class a group, and the groups kept together; or two classes in all."""
    X, y, _, _ = rare()
    for labels in (y, y > 0):
        rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        cv = [(np.setdiff1d(np.arange(90), test), test) for test in rows]
        expected = r"^cv must leave rows of every class .* lack one of \["
        with pytest.raises(ValueError, match=expected):
            cls(model, cv=cv).fit(X, labels)


def test_folds_that_are_no_partition():
    X, y, folds, _ = rare()
    for cv in ([], folds[1:]):
        for model in (
            TemperatureScaling(GaussianNB(), cv=cv),
            TemperatureScaling(GaussianNB(), cv=cv, ensemble=True),
            BlendClassifier([("bayes", GaussianNB())], cv=cv),
        ):
            with pytest.raises(ValueError, match=r"^cv must have every row in the tes"):
                model.fit(X, y)
            assert model.cv is cv


@all_scalings
@pytest.mark.parametrize("n_outputs", [1, 3, 120])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bits_do_not_depend_on_threads_of_blas(cls, n_outputs):
    rng = np.random.default_rng(3)
    y = np.arange(12_000 if n_outputs < 9 else 600) % max(n_outputs, 2)
    z = rng.normal(size=(len(y), n_outputs))
    z[np.arange(len(y)), y if n_outputs > 1 else 0] += y + 1.0
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"):
            found.append(cls(max_iter=2).fit(z, y).decision_function(z))
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


def test_probabilities_are_no_logits():
    z, y = overconfident(np.random.default_rng(8), 300, 3)
    with pytest.warns(UserWarning, match=r"looks like probabilities. Pass np.log"):
        TemperatureScaling().fit(softmax(z, axis=1), y)
    model = TemperatureScaling().fit(log_softmax(z, axis=1), y)
    assert_allclose(model.temperature_, TemperatureScaling().fit(z, y).temperature_)


def test_labels_that_y_lacks():
    z, y = overconfident(np.random.default_rng(7), 300, 5)
    y[y == 3] = 2
    model = TemperatureScaling().fit(z, y)
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]
    X, _, y, _ = halves(3)
    frozen = FrozenEstimator(LogisticRegression().fit(X, y))
    model = TemperatureScaling(frozen).fit(X[y < 2], y[y < 2])
    assert model.predict_proba(X).shape == (600, 3)


@all_losses
def test_scaling_and_posterior_recover_the_truth(loss):
    """Labels drawn from the posterior of logits, of which a model says the double."""
    rng = np.random.default_rng(9)
    z = rng.normal(size=(20_000, 3))
    truth = loss.posterior(z)
    with np.errstate(divide="ignore"):
        y = (np.log(truth) + rng.gumbel(size=z.shape)).argmax(axis=1)
    model = TemperatureScaling(loss=loss).fit(2 * z, y)
    assert_allclose(model.temperature_, 2, rtol=0.05)
    best, ours = log_loss(y, truth), log_loss(y, model.predict_proba(2 * z))
    assert ours < best + 1e-3
    assert ours < log_loss(y, posterior(loss, 2 * z, from_logits=True))
    assert ours <= log_loss(y, softmax(2 * z, axis=1))


@all_losses
def test_posterior_of_probabilities(loss):
    rng = np.random.default_rng(8)
    z, v = rng.normal(size=(20, 4)), rng.uniform(0.5, 2, 4)
    keywords = {"class_weight": v, "label_smoothing": 0.2}
    expected = loss.posterior(z, **keywords)
    ours = posterior(loss, softmax(z, axis=1), **keywords)
    assert_allclose(ours, expected, rtol=1e-11)
    assert_allclose(posterior(loss, z, from_logits=True, **keywords), expected)
    odds = z[:, 1] - z[:, 0]
    expected = loss.posterior(odds)
    assert_allclose(posterior(loss, 1 / (1 + np.exp(-odds))), expected, rtol=1e-11)
    # Certainty stays certain.
    assert_allclose(posterior(loss, [1.0, 0.0]), [[0, 1], [1, 0]])
    assert_allclose(posterior(loss, np.eye(3)), np.eye(3))


@pytest.mark.parametrize("on", ["label", "target"])
@all_losses
def test_posterior_of_what_weights_weighed(loss, on):
    """It gives back the shares of which the output has the least weighted loss."""
    keywords = {"class_weight": [1.0, 2.0, 0.5], "label_smoothing": 0.2}
    keywords["class_weight_on"] = on
    # For other shares the minimum of a bounded loss may be at infinity.
    share = posterior(loss, [[0.3, 0.4, 0.1]], from_logits=True, **keywords)
    found = minimize(
        lambda z: loss.loss(share, z[np.newaxis], **keywords)[0],
        np.log(share[0]),
        jac=lambda z: loss.gradient(share, z[np.newaxis], **keywords)[0],
        hess=lambda z: loss.hessian(share, z[np.newaxis], **keywords)[0],
        method="trust-ncg",
        options={"gtol": 1e-9},
    )
    proba = softmax(found.x)[np.newaxis]
    assert_allclose(posterior(loss, proba, **keywords), share, rtol=1e-6)
    z = found.x.astype(np.float32)[np.newaxis]
    single = posterior(loss, z, from_logits=True, **keywords)
    assert single.dtype == np.float32
    assert_allclose(single, share, rtol=1e-4)


def test_posterior_by_name():
    # h(v) / Σ h with h(v) = v / ((1 - v)² - 2 (1 - v) v log v), Charoenphakdee et al.
    high = 0.9 / (0.01 - 0.18 * np.log(0.9))
    low = 0.1 / (0.81 - 0.18 * np.log(0.1))
    assert_allclose(posterior("focal", [0.9]), [[low, high]] / np.add(low, high))
    smoothed = posterior("cross_entropy", [[0.8, 0.1, 0.1]], label_smoothing=0.15)
    assert_allclose(smoothed, [[0.75 / 0.85, 0.05 / 0.85, 0.05 / 0.85]])


Z, Y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 3


@all_scalings
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss must be one of 'cross_entropy', .*, got 'hinge'"),
        ({"label_smoothing": 1}, r"label_smoothing must be a number in \[0, 1\), got"),
        ({"tol": 0.0}, r"tol must be a number in \(0, inf\), got 0\.0"),
        ({"max_iter": 0}, "max_iter must be an integer >= 1, got 0"),
        ({"n_jobs": 0}, "n_jobs must be None or an integer other than 0, got 0"),
    ],
)
def test_bad_parameters(cls, settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        cls(**settings).fit(Z, Y)


@all_scalings
def test_bad_data(cls):
    for X, y, message in [
        (Z[:, :2], Y, "X must have a column of logits for each of 3 labels, got 2"),
        (Z, Y + 1.5, "Unknown label type: continuous"),
        (Z, None, "requires y to be passed, but the target y is None"),
        (Z, Y[:5], "y must have 30 rows, got 5"),
        (np.where(Z > 2, np.nan, Z), Y, "Input X contains NaN"),
        (Z[:, :, np.newaxis], Y, "Found array with dim 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            cls().fit(X, y)
    for weight, message in [
        (np.zeros(30), "sample_weight must have a positive sum, got all zeros"),
        (-np.ones(30), "sample_weight must be finite and non-negative, got -1.0"),
        (np.ones(3), r"sample_weight must be of shape \(30,\), got \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            cls().fit(Z, Y, sample_weight=weight)
    with pytest.raises(ValueError, match=r"^cv must be .*'prefit'.* FrozenEstimator"):
        cls(GaussianNB(), cv="prefit").fit(Z, Y)
    y_four = np.arange(60) % 4
    for estimator, message in [
        (DummyClassifier().fit(Z, np.zeros(30)), "y must have at least 2 classes"),
        (LinearRegression(), r"estimator must be a classifier or None, got Linear"),
        ("logistic", r"estimator must be a classifier or None, got 'logistic'"),
        (
            SVC(decision_function_shape="ovo"),
            "estimator must return logits of its 4 classes, got 6 columns",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            y = np.zeros(60) if isinstance(estimator, DummyClassifier) else y_four
            cls(estimator).fit(np.tile(Z, (2, 1)), y)
    model = cls().fit(Z, Y)
    with pytest.raises(ValueError, match="X must hold logits of 3 classes, got 4 col"):
        model.predict_proba(np.ones((2, 4)))
    with pytest.warns(
        sklearn.exceptions.ConvergenceWarning,
        match=r"Scaling did not converge in 1 iteration: .* Increase max_iter or tol",
    ):
        cls(max_iter=1, tol=1e-12).fit(Z, Y)


def test_bad_arguments_of_the_posterior():
    for args, keywords, message in [
        (("hinge", [0.5]), {}, "loss must be one of"),
        (("focal", [1.5]), {}, r"y_proba must be in \[0, 1\], got 1\.5"),
        (("focal", [np.nan]), {}, "Input y_proba contains NaN"),
        (("focal", [0.5]), {"label_smoothing": 1}, "label_smoothing must be"),
        (("focal", [0.5]), {"class_weight": [0, 1]}, "class_weight must be positive"),
        (("focal", [0.5]), {"from_logits": 1.5}, "from_logits must be True or False"),
        (("focal", [0.5]), {"class_weight_on": 1}, "class_weight_on must be one of"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            posterior(*args, **keywords)


@pytest.mark.parametrize("cls", [TemperatureScaling, VectorScaling])
def test_row_blocks_are_refused_by_name(cls):
    scaling = cls(CrossEntropyClassifier(), cv=2)
    blocks = ArrayBlocks(np.eye(6), np.arange(6) % 2)
    with pytest.raises(ValueError, match=r"^X must be an array.* got row blocks.*fit"):
        scaling.fit(blocks, np.arange(6) % 2)
    scaling.fit(np.eye(6), np.arange(6) % 2)
    with pytest.raises(ValueError, match=r"^X must be an array.* got row blocks"):
        scaling.predict(blocks)
