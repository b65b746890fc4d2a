"""The ONNX graphs of the boosting classifiers predict as the models do."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB

import boosters
from skxent import CrossEntropyClassifier
from skxent.boosting import (
    CatBoostLossClassifier,
    FocalLGBMClassifier,
    LGBMLossClassifier,
    XGBLossClassifier,
)
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.onnx import register_converters

pd = pytest.importorskip("pandas", reason="pip install pandas")
catboost = pytest.importorskip("catboost", reason="pip install '.[catboost]'")
lightgbm = pytest.importorskip("lightgbm", reason="pip install '.[lightgbm]'")
xgboost = pytest.importorskip("xgboost", reason="pip install '.[xgboost]'")
skl2onnx = pytest.importorskip("skl2onnx", reason="pip install '.[onnx]'")
runtime = pytest.importorskip("onnxruntime", reason="pip install '.[onnx]'")
pytest.importorskip("onnxmltools", reason="pip install '.[onnx]'")


xgb, lgbm, cat = (partial(f, 20) for f in (boosters.xgb, boosters.lgbm, boosters.cat))


def table(n_classes, missing):
    X, y = make_classification(
        500, 8, n_informative=6, n_classes=n_classes, random_state=0
    )
    X = X.astype(np.float32)
    if missing:
        X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    return X, np.array(list("abc"))[y]


def run(model, X, opset=None, **options):
    register_converters()
    options = {id(model): {"zipmap": False, **options}}
    graph = skl2onnx.to_onnx(model, X[:1], options=options, target_opset=opset)
    session = runtime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        XGBLossClassifier(estimator=xgb()),
        XGBLossClassifier("poly1", estimator=xgb(early_stopping_rounds=3)),
        LGBMLossClassifier(estimator=lgbm()),
        FocalLGBMClassifier(
            estimator=lgbm(early_stopping_round=3), class_weight="balanced"
        ),
        CatBoostLossClassifier(estimator=cat()),
        CatBoostLossClassifier(
            "focal", estimator=cat(boost_from_average=True), label_smoothing=0.1
        ),
    ],
)
def test_the_graph_predicts_as_the_model(model, n_classes, missing):
    X, y = table(n_classes, missing)
    rows = X
    if not missing:
        rows = pd.DataFrame(X, columns=[f"column {i}" for i in range(X.shape[1])])
    model.fit(rows[:400], y[:400], eval_set=(rows[400:], y[400:]))
    margins = model.decision_function(rows)
    if n_classes == 2:
        margins = np.column_stack([-margins, margins])
    for opset, dtype in ((9, np.float32), (15, np.float64), (None, np.float32)):
        labels, proba = run(model, X.astype(dtype), opset)
        assert_array_equal(labels, model.predict(rows))
        assert_allclose(proba, model.predict_proba(rows), atol=1e-5)
        assert proba.dtype == dtype
        _, scores = run(model, X.astype(dtype), opset, raw_scores=True)
        assert_allclose(scores, margins, atol=1e-5)


def test_a_model_without_a_column_to_split():
    X, y = table(2, missing=False)
    few = LGBMLossClassifier("poly1", estimator=lgbm()).fit(X[:9], y[:9])
    assert few.estimator_ is None
    labels, proba = run(few, X)
    assert_array_equal(labels, few.predict(X))
    assert_allclose(proba, few.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (XGBLossClassifier(estimator=xgb(booster="dart")), "booster of estimator"),
        (XGBLossClassifier(estimator=xgb(missing=-9)), "missing of estimator"),
        (LGBMLossClassifier(estimator=lgbm(linear_tree=True)), "linear_tree of est"),
        (LGBMLossClassifier(estimator=lgbm()), "X must have"),
        (CatBoostLossClassifier(estimator=cat(cat_features=[0])), "X must have"),
        (
            XGBLossClassifier(
                estimator=xgb(feature_types=["c", *"qqqqqqq"], enable_categorical=True)
            ),
            "X must have",
        ),
    ],
)
def test_what_has_no_graph(model, message):
    X, y = table(2, missing=False)
    X[:, 0] = np.arange(len(X)) % 3
    rows = X.astype(object) if isinstance(model, CatBoostLossClassifier) else X
    if rows is not X:
        rows[:, 0] = X[:, 0].astype(int)
    options = {"categorical_feature": [0]} if message == "X must have" else {}
    options = options if isinstance(model, LGBMLossClassifier) else {}
    model.fit(rows, y, **options)
    with pytest.raises(ValueError, match=f"^{message}.* for ONNX, got"):
        run(model, X)


@pytest.mark.parametrize("ensemble", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_calibrated_booster(n_classes, ensemble):
    X, y = table(n_classes, missing=False)
    model = LGBMLossClassifier("focal", estimator=lgbm())
    model = CalibratedClassifierCV(model, cv=2, ensemble=ensemble).fit(X, y)
    labels, proba = run(model, X)
    assert_array_equal(labels, model.predict(X))
    assert_allclose(proba, model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("opset", [9, None])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scaling", [TemperatureScaling, VectorScaling])
def test_scaled_models(scaling, n_classes, opset):
    X, y = table(n_classes, missing=False)
    trees = LGBMLossClassifier("focal", estimator=lgbm(), class_weight="balanced")
    linear = CrossEntropyClassifier("focal")
    frozen = FrozenEstimator(linear.fit(X, y))
    for model in (trees, linear, frozen):
        model = scaling(model, loss="poly1").fit(X, y)
        labels, proba = run(model, X, opset)
        assert_array_equal(labels, model.predict(X))
        assert_allclose(proba, model.predict_proba(X), atol=2e-5)
    z = linear.decision_function(X)
    model = scaling().fit(z, y)
    z = np.column_stack([-z / 2, z / 2]) if n_classes == 2 else z
    labels, proba = run(model, z.astype(np.float32), opset)
    assert_array_equal(labels, model.predict(z))
    assert_allclose(proba, model.predict_proba(z), atol=2e-5)


def test_scalings_without_a_graph():
    X, y = table(2, missing=False)
    forest = TemperatureScaling(GaussianNB()).fit(X, y)
    with pytest.raises(ValueError, match=r"^estimator must be None or a classifier"):
        run(forest, X)
    several = TemperatureScaling(CrossEntropyClassifier(), ensemble=True).fit(X, y)
    with pytest.raises(ValueError, match=r"^ensemble must be False for ONNX"):
        run(several, X)
