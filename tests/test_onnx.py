"""The ONNX graphs of the linear models answer as they do."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.losses import LOSSES
from skxent.onnx import LOG_SLOPES, register_converters

MODELS = [
    *(CrossEntropyClassifier(n) for n in LOSSES if LOSSES[n].formula in LOG_SLOPES),
    CrossEntropyClassifier("focal", posterior=False),
    FocalLogisticRegression(0.0),
    FocalLogisticRegression(1.7, class_weight="balanced"),
    FocalLogisticRegression(5.0, label_smoothing=0.1, C=100.0),
    SmoothedSoftmaxClassifier(0.2, C=np.inf),
    SmoothedSoftmaxClassifier(0.1, fit_intercept=False),
    FocalLogisticRegressionCV(Cs=[1.0], gammas=[2.0], cv=2),
    SmoothedSoftmaxClassifierCV(Cs=[1.0], label_smoothings=[0.1], cv=2),
]


def run(model, X):
    """Labels and probabilities of the graph of a fitted model."""
    skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    register_converters()
    graph = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    session = runtime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


def test_a_loss_whose_posterior_has_no_graph_is_refused(monkeypatch):
    monkeypatch.delitem(LOG_SLOPES, "poly1")
    X, y = load_iris(return_X_y=True)
    model = CrossEntropyClassifier("poly1").fit(X, y)
    with pytest.raises(ValueError, match=r"^loss must be .*, got 'poly1'\.$"):
        run(model, X)
    model.set_params(posterior=False)
    _, proba = run(model, X)
    assert_allclose(proba, model.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_graph_answers_as_the_model(model, load, dtype):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    model = model.fit(X, y)
    labels, proba = run(model, X)
    tolerance = 64 * np.finfo(dtype).eps * max(1, np.abs(model.coef_).max())
    assert_allclose(proba, model.predict_proba(X), atol=tolerance)
    assert proba.dtype == dtype
    assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("posterior", [True, False])
def test_strings_pipelines_and_sparse_coefficients(posterior):
    X, y = load_wine(return_X_y=True)
    y = np.array(["a", "b", "c"])[y]
    linear = FocalLogisticRegression(2.0, posterior=posterior)
    model = make_pipeline(StandardScaler(), linear).fit(X, y)
    linear.sparsify()
    labels, proba = run(model, X.astype(np.float32))
    assert_array_equal(labels, model.predict(X))
    assert_allclose(proba, model.predict_proba(X), atol=1e-5)


def test_rows_far_from_the_boundary_keep_small_probabilities():
    X = np.linspace(-60, 60, 41)[:, np.newaxis].astype(np.float32)
    model = FocalLogisticRegression(2.0).fit(X, X[:, 0] + 3 * np.sin(X[:, 0]) > 0)
    _, proba = run(model, X)
    expected = model.predict_proba(X)
    assert expected.min() < 1e-6
    assert_allclose(proba, expected, rtol=1e-3, atol=1e-30)
