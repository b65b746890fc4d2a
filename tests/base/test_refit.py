"""A fit that fails leaves the last one whole; one that succeeds, nothing of it."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

import skxent
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blending import BlendClassifier
from skxent.blocks import ArrayBlocks
from skxent.calibration import TemperatureScaling, VectorScaling

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = (X[:, :3] + RNG.normal(size=(90, 3))).argmax(axis=1)
OTHER_X = pd.DataFrame(RNG.normal(size=(60, 3)), columns=list("abc"))
OTHER_Y = np.array(["u", "v", "w"])[np.arange(60) % 3]
FROZEN = FrozenEstimator(GaussianNB().fit(X, Y))


def fitted(*models):
    """Frozen, for a clone of another would not be fitted."""
    frozen = [FrozenEstimator(model.fit(X, Y)) for model in models]
    return list(zip("ab", frozen, strict=True))


MODELS = {
    "linear": CrossEntropyClassifier(),
    "warm": FocalLogisticRegression(warm_start=True),
    "l1": SmoothedSoftmaxClassifier(l1_ratio=1.0, C=0.5),
    "search": FocalLogisticRegressionCV(Cs=2, gammas=[0.0, 1.0], cv=2),
    "mean of folds": SmoothedSoftmaxClassifierCV(Cs=2, cv=2, refit=False),
    "temperature": TemperatureScaling(LinearSVC(), cv=2),
    "vector": VectorScaling(CrossEntropyClassifier(), cv=None),
    "frozen": VectorScaling(FROZEN),
    "logits": TemperatureScaling(),
    "blend": BlendClassifier([("a", GaussianNB()), ("b", LogisticRegression())], cv=2),
    "prefit": BlendClassifier(
        fitted(GaussianNB(), CrossEntropyClassifier()), cv="prefit"
    ),
}


def booster(name):
    library = pytest.importorskip(name)
    from skxent import boosting

    if name == "xgboost":
        trees = library.XGBClassifier(n_estimators=2, n_jobs=1)
        return boosting.FocalXGBClassifier(estimator=trees)
    trees = library.LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1)
    return boosting.FocalLGBMClassifier(estimator=trees)


def model_of(name):
    if name in ("xgboost", "lightgbm"):
        return booster(name)
    if name == "dask":
        pytest.importorskip("dask.dataframe", reason="pip install '.[dask]'")
        from skxent.dask import CrossEntropyClassifier as DaskClassifier

        return DaskClassifier()
    return clone(MODELS[name])


all_models = pytest.mark.parametrize("name", [*MODELS, "xgboost", "lightgbm", "dask"])


class Unchanged:
    """The state and the predictions of a model, to be looked at again."""

    def __init__(self, model, X):
        self.model, self.X = model, X
        self.proba = model.predict_proba(X)  # stacking sets an attribute here
        self.before, self.bytes = dict(vars(model)), pickle.dumps(vars(model))

    def check(self):
        now = vars(self.model)
        assert now.keys() == self.before.keys()
        for name, value in now.items():
            assert value is self.before[name], name
        assert pickle.dumps(now) == self.bytes  # nor was any of them changed in place
        assert_array_equal(self.model.predict_proba(self.X), self.proba)
        self.before = dict(vars(self.model))


def spoilt(kind):
    """X, y and weights that no estimator takes."""
    X, y, w = OTHER_X.copy(), OTHER_Y.copy(), np.ones(60)
    if kind == "one class":
        y[:] = "u"
    elif kind == "measurements":
        y = RNG.normal(size=60)
    elif kind == "infinite":
        X.iloc[7, 1] = np.inf
    elif kind == "rows":
        y = y[:-1]
    elif kind == "weights":
        w[3] = -1
    elif kind == "no weights":
        w[:] = 0
    return X, y, w


KINDS = ["one class", "measurements", "infinite", "rows", "weights", "no weights"]


@pytest.mark.filterwarnings("ignore:X has feature names")  # of GaussianNB
@all_models
def test_bad_input(name):
    model = model_of(name).fit(X, Y)
    state = Unchanged(model, X)
    for kind in KINDS:
        other_X, y, weights = spoilt(kind)
        with pytest.raises((ValueError, TypeError)):
            model.fit(other_X, y, sample_weight=weights)
        state.check()


def calls_of(function, *arguments, interrupt_at=None):
    """How many functions of skxent are called; the given one of them is interrupted."""
    home, count = str(Path(skxent.__file__).parent), 0

    def profile(frame, event, argument):
        nonlocal count
        code = frame.f_code
        # Python ignores errors that a destructor raises.
        counts = code.co_filename.startswith(home) and code.co_name != "__del__"
        if event == "call" and counts:
            count += 1
            if count == interrupt_at:
                raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


def other_data(model):
    if isinstance(model, TemperatureScaling) and model.estimator is None:
        return OTHER_X, OTHER_Y
    fixed = "FrozenEstimator" in repr(model)
    return (X[::2], Y[::2]) if fixed else (OTHER_X, OTHER_Y)


@all_models
def test_interrupts_in_any_place(name):
    model = model_of(name).fit(X, Y)
    data = other_data(model)
    # The first fit fills caches, and so makes more calls than those after it.
    total = min(calls_of(clone(model).fit, *data) for _ in range(2))
    state = Unchanged(model, X)
    for place in {1, 2, 3, total - 2, *np.linspace(4, total - 3, 12).astype(int)}:
        with pytest.raises(KeyboardInterrupt):
            calls_of(model.fit, *data, interrupt_at=place)
        state.check()


def test_interrupts_of_partial_fit_and_of_blocks():
    model = CrossEntropyClassifier().partial_fit(X, Y, classes=[0, 1, 2])
    blocks = ArrayBlocks(X[:, :3], Y, block_rows=30)
    state = Unchanged(model, X)
    for refit in (lambda m: m.partial_fit(X[:40], Y[:40]), lambda m: m.fit(blocks)):
        total = calls_of(refit, copy.deepcopy(model))
        for place in np.linspace(1, total - 2, 12).astype(int):
            with pytest.raises(KeyboardInterrupt):
                calls_of(refit, model, interrupt_at=place)
            state.check()


@pytest.mark.parametrize("name", ["linear", "search"])
def test_callbacks_that_raise(name):
    pytest.importorskip("sklearn.callback")

    class Raises:
        def setup(self, *args, **keywords): ...
        def teardown(self, *args, **keywords): ...
        def on_fit_task_begin(self, *args, **keywords): ...
        def on_fit_task_end(self, *args, **keywords):
            raise OSError("disk full")

    model = model_of(name).fit(X, Y)
    model.set_callbacks(Raises())
    before, proba = dict(vars(model)), model.predict_proba(X)
    with pytest.raises(OSError, match="disk full"):
        model.fit(OTHER_X, OTHER_Y)
    assert all(vars(model)[key] is value for key, value in before.items())
    assert_array_equal(model.predict_proba(X), proba)


@all_models
def test_nothing_of_the_last_fit_is_left(name):
    """From a DataFrame to an array and back: the attributes of a first fit."""
    model = model_of(name)
    data = other_data(model)
    for rows, y in (data, (X, Y), data):
        model.fit(rows, y)
        if name == "warm":
            model.warm_start = False
        first = clone(model).fit(rows, y)
        assert vars(model).keys() == vars(first).keys()
        assert_array_equal(model.predict_proba(rows), first.predict_proba(rows))


@pytest.mark.parametrize("cls", [TemperatureScaling, VectorScaling])
def test_logits_after_a_model(cls):
    model = cls(GaussianNB(), cv=2).fit(OTHER_X, OTHER_Y)
    assert list(model.feature_names_in_) == list("abc")
    model.set_params(estimator=None).fit(X[:, :3], Y)
    assert not hasattr(model, "n_features_in_")
    assert not hasattr(model, "feature_names_in_")


def test_a_mean_of_folds_has_no_best_parameters():
    model = FocalLogisticRegressionCV(Cs=2, gammas=[0.0], cv=2).fit(X, Y)
    assert hasattr(model, "best_score_")
    model.set_params(refit=False).fit(X, Y)
    assert not [name for name in vars(model) if name.startswith("best_")]
