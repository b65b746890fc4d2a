"""Ensembles of folds, groups, soft labels, and probabilities that are zero."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.metrics import log_loss

all_scalings = pytest.mark.parametrize("cls", [TemperatureScaling, VectorScaling])


def rows(n_classes=3, n=400, seed=0):
    return make_classification(
        n, 8, n_informative=5, n_classes=n_classes, flip_y=0.1, random_state=seed
    )


def log_odds(z):
    return z[:, 1] - z[:, 0] if z.shape[1] == 2 else z


@all_scalings
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_an_ensemble_is_the_mean_of_its_folds(cls, n_classes, loss):
    X, y = rows(n_classes)
    names = np.array(["c", "a", "b"])[y]
    weight = np.random.default_rng(0).uniform(size=len(y))
    model = LogisticRegression()
    cv = StratifiedKFold(4)
    ours = cls(model, cv=cv, ensemble=True, loss=loss, label_smoothing=0.05)
    ours.fit(X, names, sample_weight=weight)
    proba = 0
    for train, test in cv.split(X, names):
        fold = clone(model).fit(X[train], names[train], sample_weight=weight[train])
        scaled = cls(FrozenEstimator(fold), loss=loss, label_smoothing=0.05)
        scaled.fit(X[test], names[test], sample_weight=weight[test])
        proba = proba + scaled.predict_proba(X) / 4
    assert_allclose(ours.predict_proba(X), proba, rtol=1e-10)
    assert_allclose(ours.predict_log_proba(X), np.log(proba), rtol=1e-9, atol=1e-12)
    assert_array_equal(ours.predict(X), ours.classes_[proba.argmax(axis=1)])
    assert_array_equal(ours.classes_, np.unique(names))
    assert len(ours.calibrated_classifiers_) == 4
    assert ours.n_features_in_ == 8
    assert not hasattr(ours, "estimator_")
    # A refit without an ensemble removes the attributes of the ensemble.
    ours.set_params(ensemble=False).fit(X, names)
    assert not hasattr(ours, "calibrated_classifiers_")
    assert ours.predict_proba(X).shape == proba.shape


def test_an_ensemble_of_a_classifier_with_unsorted_classes():
    class Backwards(LogisticRegression):
        def fit(self, X, y):
            super().fit(X, y)
            self.order = np.argsort(self.classes_)[::-1]
            self.classes_ = self.classes_[self.order]
            return self

        def decision_function(self, X):
            return (X @ self.coef_.T + self.intercept_)[:, self.order]

    X, y = rows()
    plain = TemperatureScaling(LogisticRegression(), ensemble=True).fit(X, y)
    turned = TemperatureScaling(Backwards(), ensemble=True).fit(X, y)
    assert_array_equal(turned.classes_, [0, 1, 2])
    assert_allclose(turned.predict_proba(X), plain.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("ensemble", [False, True])
def test_groups_go_to_the_splitter(ensemble):
    X, y = rows()
    groups = np.arange(len(y)) // 7
    splits = list(GroupKFold(3).split(X, y, groups))
    expected = TemperatureScaling(GaussianNB(), cv=splits, ensemble=ensemble).fit(X, y)
    model = TemperatureScaling(GaussianNB(), cv=GroupKFold(3), ensemble=ensemble)
    found = model.fit(X, y, groups=groups)
    assert_allclose(found.predict_proba(X), expected.predict_proba(X))
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(model).fit(X, y, groups=groups)
    assert_allclose(routed.predict_proba(X), expected.predict_proba(X))
    with pytest.raises(ValueError, match="groups"):
        model.fit(X, y)


class Offset(LogisticRegression):
    """It takes one more argument, a number for every row."""

    def fit(self, X, y, offset=None):
        assert len(offset) == len(y)
        self.seen_ = offset
        return super().fit(X, y)


def test_other_metadata_go_to_the_estimator():
    X, y = rows()
    offset = np.arange(len(y))
    model = TemperatureScaling(Offset(), cv=3, ensemble=True)
    model.fit(X, y, offset=offset)
    for member, (train, _) in zip(
        model.calibrated_classifiers_, StratifiedKFold(3).split(X, y), strict=True
    ):
        assert_array_equal(member.estimator_.seen_, offset[train])
    with sklearn.config_context(enable_metadata_routing=True):
        asked = TemperatureScaling(Offset().set_fit_request(offset=True), cv=3)
        assert_array_equal(asked.fit(X, y, offset=offset).estimator_.seen_, offset)
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
            clone(model).fit(X, y, offset=offset)


@all_scalings
@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels_are_repeated_rows(cls, n_classes):
    """Each row once for every class, weighted by its share."""
    rng = np.random.default_rng(0)
    z = 2 * rng.normal(size=(200, n_classes))
    soft = rng.dirichlet(np.exp(z[0]), 200)
    codes = np.tile(np.arange(n_classes), 200)
    weight = rng.uniform(size=200)
    logits = log_odds(z)
    many = np.repeat(logits, n_classes, axis=0)
    hard = cls().fit(many, codes, np.repeat(weight, n_classes) * soft.ravel())
    ours = cls().fit(logits, soft, weight)
    assert_allclose(ours.predict_proba(logits), hard.predict_proba(logits), rtol=1e-5)
    assert_array_equal(ours.classes_, np.arange(n_classes))


@pytest.mark.parametrize("ensemble", [False, True])
def test_soft_labels_of_an_estimator_that_takes_them(ensemble):
    X, y = rows()
    soft = np.eye(3)[y]
    model = CrossEntropyClassifier()
    hard = TemperatureScaling(model, ensemble=ensemble).fit(X, y)
    ours = TemperatureScaling(model, ensemble=ensemble).fit(X, soft)
    assert_allclose(ours.predict_proba(X), hard.predict_proba(X), rtol=1e-6)
    with pytest.raises(ValueError, match="1d array"):
        TemperatureScaling(LogisticRegression()).fit(X, soft)


def test_soft_labels_of_a_frozen_model_go_by_name():
    X, y = rows()
    names = np.array(["c", "a", "b"])[y]
    frozen = FrozenEstimator(LogisticRegression().fit(X, names))
    soft = 0.9 * pd.get_dummies(names)[["b", "c", "a"]] + 0.1 / 3
    by_name = TemperatureScaling(frozen).fit(X, soft)
    in_order = TemperatureScaling(frozen).fit(X, soft[["a", "b", "c"]].to_numpy())
    assert by_name.temperature_ == in_order.temperature_
    assert by_name.temperature_ > TemperatureScaling(frozen).fit(X, names).temperature_


@pytest.mark.parametrize("bad", [[[1.0, 1.0, 1.0]], [[-1.0, 1.0, 1.0]]])
def test_soft_labels_that_are_none(bad):
    with pytest.raises(ValueError, match=r"^y must"):
        TemperatureScaling().fit(np.eye(3)[[0] * 5], bad * 5)


def scaled_loss(p, y, floor):
    """The least log loss of p + floor over all temperatures, by scipy."""
    z = np.log(p + floor)
    found = minimize_scalar(
        lambda s: -log_softmax(np.exp(s) * z, axis=1)[np.arange(len(y)), y].mean(),
        bounds=(-8, 4),
        method="bounded",
    )
    return found.fun, np.exp(-found.x)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [KNeighborsClassifier(5), DecisionTreeClassifier(max_depth=5, random_state=0)],
    ids=repr,
)
def test_the_floor_has_the_least_loss(n_classes, model):
    X, y = rows(n_classes)
    ours = TemperatureScaling(model).fit(X, y)
    p = cross_val_predict(model, X, y, method="predict_proba", cv=5)
    assert (p == 0).any()
    loss, temperature = scaled_loss(p, y, ours.floor_)
    assert_allclose(ours.temperature_, temperature, rtol=1e-3)
    floors = 10.0 ** -np.arange(1, 13, 0.25)
    best = min(scaled_loss(p, y, floor)[0] for floor in floors)
    # The prior, half a row with a loss of some nats, keeps it above the minimum.
    assert loss <= best + 2.0 / len(y)
    assert loss < scaled_loss(p, y, 1e-12)[0] - 0.01
    z = np.log(model.fit(X, y).predict_proba(X) + ours.floor_)
    expected = log_softmax(z / ours.temperature_, axis=1)
    assert_allclose(ours.predict_log_proba(X), expected, rtol=1e-9, atol=1e-12)


def test_a_zero_that_never_was_the_truth_has_a_floor():
    """Without the prior the best floor would be zero, which one new row may refute."""
    p = np.repeat([[0.8, 0.2, 0.0], [0.0, 0.3, 0.7]], 100, axis=0)
    y = np.tile([0, 0, 0, 0, 1], 20).tolist() + np.tile([2] * 7 + [1] * 3, 10).tolist()

    class Known(LogisticRegression):
        def __sklearn_is_fitted__(self):
            return True

        @property
        def decision_function(self):
            raise AttributeError

        def predict_proba(self, X):
            return X

    model = Known()
    model.classes_ = np.arange(3)
    scaled = TemperatureScaling(FrozenEstimator(model)).fit(p, y)
    smallest = scaled.predict_proba(p).min()
    assert 1e-4 < smallest < 1e-2


def test_weights_are_repeated_rows_for_the_floor_too():
    X, y = rows()
    weight = np.random.default_rng(0).integers(1, 4, len(y))
    again = np.repeat(np.arange(len(y)), weight)
    frozen = FrozenEstimator(KNeighborsClassifier(5).fit(X[::2], y[::2]))
    weighted = TemperatureScaling(frozen).fit(X, y, sample_weight=weight)
    repeated = TemperatureScaling(frozen).fit(X[again], y[again])
    assert_allclose(weighted.floor_, repeated.floor_, rtol=1e-6)
    small = TemperatureScaling(frozen).fit(X, y, sample_weight=weight / weight.sum())
    assert_allclose(small.temperature_, weighted.temperature_, rtol=0.2)


def test_a_floor_is_chosen_only_if_probabilities_are_tiny():
    X, y = rows()
    smooth = RandomForestClassifier(10, min_samples_leaf=20, random_state=0)
    model = TemperatureScaling(smooth, cv=3).fit(X, y)
    assert cross_val_predict(smooth, X, y, method="predict_proba", cv=3).min() > 0
    assert model.floor_ == 1e-12
    for logits in (LogisticRegression(), FocalLogisticRegression()):
        assert TemperatureScaling(logits, cv=3).fit(X, y).floor_ is None
    assert TemperatureScaling(GaussianNB(), floor=0.01).fit(X, y).floor_ == 0.01


def test_naive_bayes_does_not_underflow():
    """Its predict_proba is zero where its logarithm is not minus infinity."""
    X, y = load_digits(return_X_y=True)
    model = GaussianNB(var_smoothing=1e-6).fit(X[::2], y[::2])
    frozen = FrozenEstimator(make_pipeline(model))
    assert (model.predict_proba(X) == 0).any()
    scaled = TemperatureScaling(frozen, floor=0.0).fit(X, y)
    direct = TemperatureScaling().fit(model.predict_log_proba(X), y)
    assert_allclose(scaled.temperature_, direct.temperature_, rtol=1e-9)
    chosen = TemperatureScaling(frozen).fit(X, y)
    ours = log_loss(y, chosen.predict_proba(X))
    assert ours <= log_loss(y, scaled.predict_proba(X)) + 0.01
    assert_array_equal(chosen.predict(X), model.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_certainty_and_no_warning(dtype):
    X, y = rows(2)
    X = (X > 0).astype(dtype)
    for model in (BernoulliNB(), DecisionTreeClassifier(), KNeighborsClassifier(1)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            proba = TemperatureScaling(model).fit(X, y).predict_proba(X)
        assert 0 < proba.min() < proba.max() < 1


@pytest.mark.parametrize(
    ("settings", "keywords", "message"),
    [
        ({"ensemble": 1.5}, {}, "ensemble must be True or False, got 1.5"),
        ({"ensemble": True, "cv": None}, {}, "ensemble must be False without folds"),
        ({"floor": 1.0}, {}, r"floor must be a number in \[0, 1\), got 1\.0"),
        ({"floor": "auto"}, {}, r"floor must be a number in \[0, 1\), got 'auto'"),
        ({"cv": None}, {"groups": [0] * 400}, "groups must be None where nothing"),
    ],
)
def test_bad_parameters(settings, keywords, message):
    X, y = rows()
    with pytest.raises(ValueError, match=f"^{message}"):
        TemperatureScaling(GaussianNB(), **settings).fit(X, y, **keywords)


def test_logits_and_frozen_models_have_no_folds():
    X, y = rows()
    frozen = FrozenEstimator(GaussianNB().fit(X, y))
    for estimator, data in ((frozen, X), (None, X[:, :3])):
        with pytest.raises(ValueError, match=r"^ensemble must be False without folds"):
            TemperatureScaling(estimator, ensemble=True).fit(data, y)
        with pytest.raises(ValueError, match=r"^groups must be None where nothing"):
            TemperatureScaling(estimator).fit(data, y, groups=y)


def test_offsets_and_folds_without_weight_are_refused():
    X, y = rows()
    offset = np.zeros((len(y), 3))
    with pytest.raises(ValueError, match=r"^offset must be None: a calibrated model"):
        TemperatureScaling(CrossEntropyClassifier()).fit(X, y, offset=offset)
    # Half of the rows, all in the test of the first fold, have no weight.
    weight = np.where(np.arange(len(y)) < len(y) // 2, 0.0, 1.0)
    half = np.array_split(np.arange(len(y)), 2)
    cv = [(np.arange(len(y)), test) for test in half]
    scaling = TemperatureScaling(CrossEntropyClassifier(), cv=cv)
    scaling.fit(X, y, weight)
    scaling.set_params(ensemble=True)
    with pytest.raises(ValueError, match=r"^sample_weight must be positive in some"):
        scaling.fit(X, y, weight)
