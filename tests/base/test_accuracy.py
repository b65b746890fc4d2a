"""The accuracy of classifiers: labels of any type, weights of any size."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from skxent import CrossEntropyClassifier
from skxent.blending import BlendClassifier
from skxent.calibration import TemperatureScaling

X, Y = load_iris(return_X_y=True)
WEIGHTS = np.random.default_rng(0).uniform(size=150)
MODELS = {
    "linear": CrossEntropyClassifier(),
    "scaling": TemperatureScaling(LogisticRegression(max_iter=1000)),
    "blend": BlendClassifier([("a", LogisticRegression(max_iter=1000))], cv=2),
}


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param].fit(X, Y)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1.0, 1e307])
def test_weights_of_any_size(model, size):
    weights = np.ones(150) if size < 1e-320 else WEIGHTS
    expected = accuracy_score(Y, model.predict(X), sample_weight=weights)
    tolerance = 1e-10 if size == 1e-310 else 1e-14
    assert model.score(X, Y, size * weights) == pytest.approx(expected, abs=tolerance)


def test_labels_that_equal_the_classes(model):
    expected = accuracy_score(Y, model.predict(X))
    for y in (Y.astype(object), Y.astype(float), Y[:, np.newaxis][:, 0].tolist()):
        assert model.score(X, y) == expected
    assert model.score(X, np.where(Y, Y, 7)) == accuracy_score(
        np.where(Y, Y, 7), model.predict(X)
    )


@pytest.mark.parametrize(
    ("y", "weights", "message"),
    [
        (Y.astype(str), None, "y has strings, and the classes are integers"),
        (Y[:10], None, "y must have 150 rows as X has, got 10"),
        (np.where(Y, Y, np.nan), None, "y must have no missing labels, got 50"),
        (Y + 0.5, None, "Unknown label type"),
        (Y, np.zeros(150), "sample_weight must have a sum other than zero"),
        (Y, WEIGHTS[:10], "sample_weight must be of shape"),
        (None, None, "score requires y"),
    ],
)
def test_what_is_refused(model, y, weights, message):
    with pytest.raises(ValueError, match=message):
        model.score(X, y, weights)
