"""Temperature scaling compared with scikit-learn's; blending; calibration errors.

One thread. Both libraries' temperatures agree to 1e-4.
"""

import numpy as np
import pytest
import sklearn.calibration
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from reporting.record import shape
from skxent.blending import blend_weights
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.metrics import expected_calibration_error

THREADS = 1
N, K, MODELS = 100_000, 10, 20


class Logits(ClassifierMixin, BaseEstimator):
    """A classifier that has been trained elsewhere: X holds its logits."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


@pytest.fixture(scope="module")
def rows():
    """Logits twice those that the labels are drawn from."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, K)) * 1.5
    return 2 * z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.skipif(
    not hasattr(sklearn.calibration, "_TemperatureScaling"),
    reason="scikit-learn has method='temperature' from 1.8 on",
)
def test_temperature(compare, rows):
    """A temperature for logits"""
    z, y = rows
    frozen = FrozenEstimator(Logits().fit(z, y))
    ours = TemperatureScaling(frozen)
    theirs = CalibratedClassifierCV(frozen, method="temperature")
    beta = theirs.fit(z, y).calibrated_classifiers_[0].calibrators[0].beta_
    assert np.isclose(ours.fit(z, y).temperature_, 1 / beta, rtol=1e-4)
    calls = {
        "skxent": lambda: ours.fit(z, y),
        "scikit-learn": lambda: theirs.fit(z, y),
    }
    compare(shape(N, K), calls, at_least={"scikit-learn": 5.0})


def test_vector(compare, rows):
    """A vector and intercepts for logits"""
    z, y = rows
    model = VectorScaling()
    compare(shape(N, K), {"skxent": lambda: model.fit(z, y)}, rounds=3)


@pytest.mark.parametrize("pooling", ["arithmetic", "log-linear"])
def test_blend(compare, rows, size, pooling):
    """The best blend of twenty models"""
    z, y = rows
    if size != "full":
        z, y = z[::10], y[::10]
    rng = np.random.default_rng(1)
    probas = [
        softmax(z / 2 + rng.normal(size=z.shape) * rng.uniform(0.5, 4))
        for _ in range(MODELS)
    ]
    compare(
        f"{shape(*z.shape, MODELS)}, {pooling}",
        {"skxent": lambda: blend_weights(probas, y, pooling=pooling)},
        rounds=3,
        limit=2.0,
    )


@pytest.mark.parametrize("classwise", [False, True])
@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_error(compare, rows, strategy, classwise):
    """expected_calibration_error"""
    z, y = rows
    keywords = {"strategy": strategy, "classwise": classwise}
    proba = softmax(z)
    compare(
        f"{shape(N, K)}, {strategy}{', classwise' if classwise else ''}",
        {"skxent": lambda: expected_calibration_error(y, proba, **keywords)},
    )
