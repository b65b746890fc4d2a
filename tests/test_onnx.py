"""The ONNX graphs of the linear models predict as the models do."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from oracle import LOSS_INSTANCES
from readers import exact_posterior
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.losses import (
    LOSSES,
    CrossEntropy,
    Focal,
    FormulaLoss,
    GeneralizedCrossEntropy,
    Loss,
    Poly1,
)
from skxent.onnx import MIN_OPSET, register_converters

MODELS = [
    *map(CrossEntropyClassifier, LOSSES),
    CrossEntropyClassifier("focal", posterior=False),
    FocalLogisticRegression(0.0),
    FocalLogisticRegression(1.7, class_weight="balanced"),
    FocalLogisticRegression(5.0, label_smoothing=0.1, C=100.0),
    CrossEntropyClassifier(Poly1(-1.0), C=10.0),
    CrossEntropyClassifier(Poly1(-0.9), C=10.0),
    SmoothedSoftmaxClassifier(0.2, C=np.inf),
    SmoothedSoftmaxClassifier(0.1, fit_intercept=False),
    FocalLogisticRegressionCV(Cs=[1.0], gammas=[2.0], cv=2),
    SmoothedSoftmaxClassifierCV(Cs=[1.0], label_smoothings=[0.1], cv=2),
]


@dataclass(frozen=True)
class ShiftedFocal(Loss):
    """Focal loss of margins that are shifted by class."""

    gamma: float = 2.0
    margin_shift: tuple[float, ...] = (0.5, 1.0, 3.0)

    def phi(self, p, q, L):
        return q**self.gamma * L


# Every operation of a graph, constants of classes, sums and shifts.
FORMULAS = [
    0.7 * CrossEntropy() + 0.3 * Focal(2.0),
    Poly1(-1.0),
    Focal(gamma=(0.5, 2.0, 30.0)),
    Focal(40.0),
    GeneralizedCrossEntropy(q=(0.2, 0.7, 0.9)),
    ShiftedFocal(),
    ShiftedFocal(gamma=(0.0, 1.0, 7.0)),
    FormulaLoss("4 * q**2"),
    FormulaLoss("(1 - p**2)**2"),
    FormulaLoss("(q * g)**1.5 / (1 + p)", g=(1.0, 2.0, 3.0)),
    FormulaLoss("(1 + L + L**2)**1.5 - 1"),
    FormulaLoss("expm1(q**2) + log1p(q**2)"),
    FormulaLoss("1 - exp(-(L**2))"),
    FormulaLoss("1 - (1 - q**3)**2 + log(p + 2 * q)"),
    FormulaLoss("where(p < 0.25, log(4) + 1 - 4 * p, L)"),
    FormulaLoss("0.1 * L + square(maximum(0, 1 + L + log(q)))"),
    FormulaLoss("q + ((1 - q / 2) * log1p(-q / 2) + p * L / 2) / (0.5 * log(0.5))"),
]
# Opsets at which an operator of the graphs changes its form, and the newest one.
OPSETS = [9, 11, 13, 18, None]


def session(model, X, opset=None, **options):
    skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    register_converters()
    options = {id(model): {"zipmap": False, **options}}
    graph = skl2onnx.to_onnx(model, X[:1], options=options, target_opset=opset)
    providers = ["CPUExecutionProvider"]
    return runtime.InferenceSession(graph.SerializeToString(), providers=providers)


def run(model, X, opset=None, **options):
    """Labels and probabilities of the graph of a fitted model."""
    return session(model, X, opset, **options).run(None, {"X": X})


def check(model, X, labels, proba):
    tolerance = 64 * np.finfo(X.dtype).eps * max(1, np.abs(model.coef_).max())
    assert_allclose(proba, model.predict_proba(X), atol=tolerance)
    assert proba.dtype == X.dtype
    assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_graph_predicts_as_the_model(model, load, dtype):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    model = model.fit(X, y)
    check(model, X, *run(model, X))


@pytest.mark.parametrize(
    ("name", "opset"),
    # The graphs of all losses have the same operators, which change at some opsets.
    [(x, o) for x in LOSSES for o in OPSETS if o in (9, None) or x == "focal"],
)
def test_the_graph_is_of_any_opset(name, opset):
    for load, dtype in ((load_breast_cancer, np.float32), (load_iris, np.float64)):
        X, y = load(return_X_y=True)
        X = StandardScaler().fit_transform(X[:, :4]).astype(dtype)
        model = CrossEntropyClassifier(
            name, C=10.0, label_smoothing=0.05, class_weight={0: 2.0}
        ).fit(X, y)
        check(model, X, *run(model, X, opset))


def session_of_logits(loss, dtype, opset=None):
    """The graph of a model of three classes whose logits are X."""
    X, y = load_iris(return_X_y=True)
    model = CrossEntropyClassifier().fit(X[:, :3], y)
    model.coef_, model.intercept_ = np.eye(3), np.zeros(3)
    model.trained_loss_ = model.trained_loss_._replace(loss=loss)
    return session(model, X[:, :3].astype(dtype), opset)


@cache
def exact_rows(loss):
    """Logits of three sizes, which both types hold, and their posterior by mpmath."""
    rng = np.random.default_rng(0)
    sizes = [rng.normal(size=(6, 3)).astype(np.float32) * s for s in (1, 10, 300)]
    return [(logits, exact_posterior(loss, logits)) for logits in sizes]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "loss",
    # A hinge is flat beyond 1, where no formula gives the posterior.
    [x for x in (*LOSS_INSTANCES, *FORMULAS) if x.name != "squared_hinge"],
    ids=repr,
)
def test_the_posterior_of_any_loss_is_exact(loss, dtype):
    """Also of probabilities that are tiny, and where φ' underflows."""
    if not loss.has_posterior:
        pytest.skip("all classes would be as likely")
    graph = session_of_logits(loss, dtype)
    eps = np.finfo(dtype).eps
    for logits, expected in exact_rows(loss):
        _, proba = graph.run(None, {"X": logits.astype(dtype)})
        spread = np.ptp(logits, axis=1, keepdims=True)
        kappa = (1 + np.max(getattr(loss, "gamma", 0.0))) * (1 + spread)
        seen = expected > 1e-30
        error = np.abs(np.log(proba[seen] / expected[seen]))
        assert (error <= 16 * eps * np.broadcast_to(kappa, seen.shape)[seen]).all()
        assert (proba[~seen] < 2e-30).all()


@pytest.mark.parametrize("opset", [MIN_OPSET, None])
@pytest.mark.parametrize("loss", FORMULAS, ids=repr)
def test_the_graph_of_a_formula_is_of_any_opset(loss, opset):
    logits = np.random.default_rng(0).normal(size=(50, 3))
    for dtype in (np.float32, np.float64):
        graph = session_of_logits(loss, dtype, opset)
        _, proba = graph.run(None, {"X": logits.astype(dtype)})
        expected = loss.posterior(logits.astype(dtype).astype(np.float64))
        assert_allclose(proba, expected, atol=256 * np.finfo(dtype).eps)


def test_an_opset_without_the_operators_is_refused():
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"^target_opset must be >= 9, got 8\.$"):
        run(model, X, MIN_OPSET - 1)


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


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_finite_row_overflows(loss, n_classes):
    """Not even where the sum of a row's products would: then as far along the row."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    y = np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5][: n_classes - 1])
    model = CrossEntropyClassifier(loss, C=100.0).fit(X, y)
    for dtype in (np.float32, np.float64):
        largest = np.finfo(dtype).max
        rows = np.sign(X[:50]) * 10.0 ** rng.uniform(-2, 0, size=(50, 5))
        huge = (rows / np.abs(rows).max() * largest).astype(dtype)
        small = (huge / dtype(largest / 1e6)).astype(dtype)
        for opset in (9, None):
            labels, proba = run(model, huge, opset)
            assert np.isfinite(proba).all()
            assert_array_equal(labels, model.predict(small))
            assert_allclose(proba, model.predict_proba(small), atol=1e-4)
        _, proba = run(model, np.array([[np.nan, 0, 0, 0, 0]], dtype))
        assert np.isnan(proba).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("opset", [9, None])
def test_no_rows(n_classes, opset):
    X, y = load_iris(return_X_y=True)
    X = X.astype(np.float32)
    for names in (np.arange(3), np.array(["a", "b", "c"])):
        model = FocalLogisticRegression().fit(X[y < n_classes], names[y[y < n_classes]])
        graph = session(model, X, opset)
        labels, proba = graph.run(None, {"X": X[:0]})
        assert labels.shape == (0,) and proba.shape == (0, n_classes)


LABELS = {
    "bool": np.array([False, True]),
    "small": np.array([3, 200], dtype=np.uint8),
    "largest": np.array([-(2**63), 2**63 - 1]),
    "unsigned": np.array([0, 2**63 - 1], dtype=np.uint64),
    "whole": np.array([-1.0, 1.0]),
    "strings": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], dtype=object),
}


@pytest.mark.parametrize("names", LABELS.values(), ids=LABELS)
def test_labels_are_those_of_predict(names):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    model = CrossEntropyClassifier().fit(X, names[y])
    labels, _ = run(model, X)
    assert_array_equal(labels, model.predict(X))
    assert labels.dtype.kind == {"f": "i", "u": "i", "U": "O"}.get(
        names.dtype.kind, names.dtype.kind
    )
    positions, _ = run(model, X, nocl=True)
    assert_array_equal(model.classes_[positions], model.predict(X))
    # skl2onnx returns dictionaries whose keys are integers or strings, too.
    labels, proba = run(model, X[:5], zipmap=True)
    assert_array_equal(labels, model.predict(X[:5]))
    expected = model.predict_proba(X[:5])
    for row, given in zip(proba, expected, strict=True):
        assert_array_equal(list(row), model.classes_)
        assert_allclose(list(row.values()), given, rtol=1e-4, atol=1e-6)


def test_labels_that_onnx_has_no_type_for():
    X, y = load_breast_cancer(return_X_y=True)
    model = CrossEntropyClassifier().fit(X, y)
    for names, message in [
        (np.array([0, 2**63], np.uint64), r"integers of 64 bits for ONNX, got 9223372"),
        (np.array([0, 2**70], object), r"integers of 64 bits for ONNX, got 118059162"),
        (np.array([0.0, 1e300]), r"integers of 64 bits for ONNX, got 1e\+300\."),
        (np.array([0.5, 1.0]), r"all integers, all strings or all .*, got 0\.5\. With"),
        (
            np.array([0, "a"], object),
            r"all integers, all strings or .*, got 'a'\. With",
        ),
        (np.array([b"a", b"b"]), r"all integers, all strings or .*, got b'a'\. With"),
        (np.array([0, 1], "M8[s]"), r"all integers, all strings or all booleans"),
    ]:
        model.classes_ = names
        with pytest.raises(ValueError, match=f"^classes_ must be {message}"):
            run(model, X)
        positions, _ = run(model, X, nocl=True)
        assert_array_equal(positions, model.decision_function(X) > 0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_raw_scores_are_logits(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    model = FocalLogisticRegression().fit(X, y)
    z = model.decision_function(X)
    expected = np.column_stack([-z, z]) if n_classes == 2 else z
    for opset in (9, None):
        labels, scores = run(model, X, opset, raw_scores=True)
        assert_allclose(scores, expected, rtol=1e-12)
        assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("names", [np.arange(3), np.array(["a", "b", "c"])], ids=str)
def test_calibrated_models(n_classes, names):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes].astype(np.float32), y[y < n_classes]
    X[:, 2:] = np.random.default_rng(0).normal(size=(len(X), 2))
    for ensemble in (True, False):
        model = CalibratedClassifierCV(FocalLogisticRegression(), ensemble=ensemble)
        model.fit(X, names[y])
        labels, proba = run(model, X)
        assert_array_equal(labels, model.predict(X))
        assert_allclose(proba, model.predict_proba(X), atol=1e-5)


def test_models_of_dask():
    dask = pytest.importorskip("dask", reason="pip install dask")
    pytest.importorskip("skl2onnx", reason="needs skl2onnx")
    import dask.array as da

    from skxent import dask as estimators

    X, y = load_iris(return_X_y=True)
    rows = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    for cls in (
        estimators.CrossEntropyClassifier,
        estimators.FocalLogisticRegression,
        estimators.SmoothedSoftmaxClassifier,
    ):
        with dask.config.set(scheduler="synchronous"):
            model = cls().fit(*rows)
        check(model, X, *run(model, X))


def test_large_numbers_of_classes_need_no_table_of_pairs():
    """No tensor of the graph has more than two axes."""
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    y = np.arange(300) % 60
    model = CrossEntropyClassifier(Focal(2.0)).fit(X, y)
    check(model, X, *run(model, X))
    graph = pytest.importorskip("skl2onnx").to_onnx(model, X[:1])
    inferred = onnx.shape_inference.infer_shapes(graph)
    for value in inferred.graph.value_info:
        assert len(value.type.tensor_type.shape.dim) <= 2
