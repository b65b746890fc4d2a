"""The methods that a subclass gets if it only computes logits."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if

import skxent
from skxent.base.classifier import LogitClassifier, TrainedLoss
from skxent.base.estimator import WholeFits, all_or_nothing
from skxent.losses import CrossEntropy, Focal


class Margins(LogitClassifier):
    """X holds the logits; y names the classes."""

    posterior = True

    def __init__(self, weight=None):
        self.weight = weight

    def fit(self, X, y):
        """Fit to nothing."""
        self.classes_ = np.unique(y)
        self.trained_loss_ = TrainedLoss(Focal(2.0), self.weight, 0.1)
        if np.shape(X)[1] != len(self.classes_):
            raise ValueError("X must have a column for each class.")
        return self

    def _logits(self, X):
        return np.asarray(X)


Z = np.array([[0.0, 2.0, 2.0], [1.0, 0.0, 0.5]])
NAMES = ["a", "b", "c"]


def test_a_subclass_only_computes_logits():
    weight = np.array([1.0, 2.0, 3.0])
    model = Margins(weight).fit(Z, ["c", "b", "a"])
    assert_array_equal(model.predict(Z), ["b", "a"])  # of equal logits the first wins
    expected = Focal(2.0).posterior(Z, class_weight=weight, label_smoothing=0.1)
    assert_array_equal(model.predict_proba(Z), expected)
    assert_allclose(model.predict_log_proba(Z), np.log(expected))
    model.posterior = False
    assert_array_equal(model.predict_proba(Z), CrossEntropy().predict_proba(Z))
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(Z), model.predict_proba(Z))
    assert again.trained_loss_.label_smoothing == 0.1


def test_two_classes_have_one_logit():
    model = Margins()
    model.classes_, model.trained_loss_ = np.array([3, 7]), TrainedLoss(CrossEntropy())
    for z in (np.array([[-1.0], [2.0], [0.0]]), np.array([-1.0, 2.0, 0.0])):
        assert model.decision_function(z).shape == (3,)
        assert_array_equal(model.predict(z), [3, 7, 3])
        assert model.predict_proba(z).shape == (3, 2)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_an_unfitted_model_says_so(method):
    with pytest.raises(NotFittedError):
        getattr(Margins(), method)(Z)


@pytest.mark.parametrize("bad", [None, (Focal(), None, 0.0), TrainedLoss("focal")])
def test_a_damaged_trained_loss_says_so(bad):
    model = Margins().fit(Z, NAMES)
    model.trained_loss_ = bad
    with pytest.raises(ValueError, match=r"^trained_loss_ must .* Fit the model again"):
        model.predict_proba(Z)


def test_a_fit_that_fails_leaves_the_last_one():
    model = Margins().fit(Z, NAMES)
    model.only_some_fits_ = 1
    before = dict(vars(model))
    with pytest.raises(ValueError, match="X must"):
        model.fit(Z, ["a", "b", "a"])
    assert vars(model) == before
    assert "only_some_fits_" not in vars(model.fit(Z, NAMES))


class Stream(WholeFits):
    """Fits of all kinds that fail half-way."""

    fit_starts_afresh = False

    def fit(self, X):
        """Fit."""
        self.seen_ = X
        raise ValueError(X)

    def partial_fit(self, X):
        """Fit to more."""
        return self.fit(X)


class Available(WholeFits):
    """A method behind a descriptor wraps itself."""

    @available_if(lambda self: True)
    @all_or_nothing
    def partial_fit(self, X):
        """Fit to more."""
        self.seen_ = X
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "cls, method",
    [(Stream, "fit"), (Stream, "partial_fit"), (Available, "partial_fit")],
)
def test_every_fit_is_whole(cls, method):
    model = cls()
    model.kept_ = 1
    with pytest.raises((ValueError, KeyboardInterrupt)):
        getattr(model, method)(2)
    assert vars(model) == {"kept_": 1}


@pytest.mark.parametrize("room", ["linear_model", "dask"])
def test_the_public_fits_are_whole(room):
    """A fit of the package that is not wrapped would leave half of a failed one."""
    pytest.importorskip("dask.dataframe" if room == "dask" else "skxent")
    from skxent.blending import BlendClassifier
    from skxent.boosting import FocalLGBMClassifier, FocalXGBClassifier
    from skxent.calibration import TemperatureScaling, VectorScaling

    classes = [BlendClassifier, TemperatureScaling, VectorScaling]
    classes += [FocalLGBMClassifier, FocalXGBClassifier]
    module = getattr(skxent, room)
    estimators = map(vars(module).get, module.__all__)
    classes += [item for item in estimators if hasattr(item, "fit")]
    assert len(classes) >= 8
    for cls in classes:
        owner = next(base for base in cls.__mro__ if "fit" in vars(base))
        assert hasattr(vars(owner)["fit"], "__wrapped__"), cls
        assert issubclass(cls, WholeFits)
