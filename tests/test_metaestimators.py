"""scikit-learn's metaestimators around ours: what they look for is there."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import (
    RFE,
    RFECV,
    SelectFromModel,
    SequentialFeatureSelector,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    HalvingGridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    learning_curve,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blending import BlendClassifier
from skxent.calibration import TemperatureScaling, VectorScaling

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)[::3]
Y = Y[::3]
TWO = (Y > 1).astype(int)
WEIGHT = np.linspace(0.5, 2, len(Y))

L1 = {"C": 0.1, "l1_ratio": 1.0}
L1S = {"Cs": [0.1], "l1_ratios": [1.0], "cv": 3}
FEW = {"Cs": [0.1, 1.0], "cv": 3}


@pytest.mark.parametrize(
    ("model", "penalty"),
    [
        (CrossEntropyClassifier(**L1), "l1"),
        (CrossEntropyClassifier("focal", **L1), "l1"),
        (FocalLogisticRegression(**L1), "l1"),
        (SmoothedSoftmaxClassifier(C=0.1, l1_ratio=1), "l1"),
        (FocalLogisticRegressionCV(gammas=[1.0], **L1S), "l1"),
        (FocalLogisticRegressionCV(gammas=[1.0], refit=False, **L1S), "l1"),
        (SmoothedSoftmaxClassifierCV(label_smoothings=[0.1], **L1S), "l1"),
        (CrossEntropyClassifier(C=0.1, l1_ratio=0.5), "elasticnet"),
        (CrossEntropyClassifier(), "l2"),
        (CrossEntropyClassifier(C=np.inf, max_iter=3), None),
        (FocalLogisticRegressionCV(gammas=[0.0], Cs=[1.0], cv=3), "l2"),
        (FocalLogisticRegressionCV(gammas=[0.0], l1_ratios=[0.5], **FEW), "elasticnet"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_selection_keeps_all_that_an_l1_penalty_keeps(model, penalty):
    """scikit-learn selects above the mean unless `penalty` is "l1"."""
    rng = np.random.default_rng(0)
    wide = np.hstack([X, X @ rng.normal(size=(4, 4)), rng.normal(size=(len(X), 4))])
    for y in (TWO, Y):
        selection = SelectFromModel(model).fit(wide, y)
        size = np.abs(selection.estimator_.coef_).sum(axis=0)
        assert selection.estimator_.penalty == penalty
        kept = size > 1e-5 if penalty == "l1" else size >= size.mean()
        assert 0 < kept.sum() < len(kept)
        assert_array_equal(selection.get_support(), kept)
        prefit = SelectFromModel(selection.estimator_, prefit=True)
        assert_array_equal(prefit.transform(wide), wide[:, kept])
    assert "penalty" not in model.get_params()
    if hasattr(model, "Cs"):
        assert not hasattr(model, "penalty")  # it is not chosen yet
    with pytest.raises(ValueError, match="Invalid parameter 'penalty'"):
        clone(model).set_params(penalty="l2")
    with pytest.raises(AttributeError):
        model.penalty = "l2"


MODELS = [
    CrossEntropyClassifier("focal", C=10.0, l1_ratio=0.5),
    FocalLogisticRegressionCV(Cs=[1.0], gammas=[0.0, 1.0], cv=2, refit=False),
    TemperatureScaling(CrossEntropyClassifier(), cv=2),
]
models = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)

# Each as (metaestimator, y).
AROUND = {
    "calibration": (lambda m: CalibratedClassifierCV(m, cv=2), Y),
    "bagging": (lambda m: BaggingClassifier(m, n_estimators=2, max_features=3), Y),
    "AdaBoost": (lambda m: AdaBoostClassifier(m, n_estimators=2), Y),
    "voting": (lambda m: VotingClassifier([("a", m)], voting="soft"), Y),
    "stacking": (lambda m: StackingClassifier([("a", m)], clone(m), cv=2), Y),
    "one against the rest": (OneVsRestClassifier, Y),
    "one against one": (OneVsOneClassifier, Y),
    "output codes": (lambda m: OutputCodeClassifier(m, code_size=4, random_state=0), Y),
    "several outputs": (MultiOutputClassifier, np.c_[Y, TWO]),
    "a chain": (lambda m: ClassifierChain(m, cv=2), np.c_[TWO, Y == 0].astype(int)),
    "a tuned threshold": (lambda m: TunedThresholdClassifierCV(m, cv=2), TWO),
    "a fixed threshold": (lambda m: FixedThresholdClassifier(m, threshold=0.3), TWO),
    "half of the labels": (SelfTrainingClassifier, np.where(np.arange(50) % 2, Y, -1)),
    "sequential selection": (lambda m: make_pipeline(one_column(m), clone(m)), Y),
}
WEIGHTED = ("calibration", "bagging", "AdaBoost", "several outputs")


def one_column(model):
    return SequentialFeatureSelector(model, n_features_to_select=1, cv=2)


@models
@pytest.mark.parametrize("name", AROUND)
def test_metaestimators(name, model):
    wrap, y = AROUND[name]
    around = wrap(clone(model))
    weight = {"sample_weight": WEIGHT} if name in WEIGHTED else {}
    around.fit(X, y, **weight)
    assert around.predict(X).shape == y.shape
    if name != "AdaBoost":  # its weights sum to one, so that the penalty rules
        truth = Y if (y == -1).any() else y
        assert (around.predict(X) == truth).mean() > 0.6


@models
def test_selection_by_coefficients(model):
    if not hasattr(model, "sparsify"):
        pytest.skip("it has no coef_")
    selected = RFE(clone(model), n_features_to_select=2).fit(X, Y)
    assert selected.support_[2:].all()  # petals tell
    assert RFECV(clone(model), cv=2).fit(X, Y).n_features_ >= 1


@models
def test_predictions_and_curves(model):
    for method in ("predict", "predict_proba", "predict_log_proba"):
        assert len(cross_val_predict(clone(model), X, Y, cv=2, method=method)) == 50
    sizes = {"cv": 2, "train_sizes": [0.5, 1.0], "shuffle": True, "random_state": 0}
    assert np.isfinite(learning_curve(clone(model), X, Y, **sizes)[2]).all()
    frozen = FrozenEstimator(clone(model).fit(X, Y))
    calibrated = CalibratedClassifierCV(frozen).fit(X, Y)
    assert calibrated.score(X, Y) > 0.9


def test_halving():
    grid = {"C": [0.01, 0.1, 1.0], "l1_ratio": [0.0, 1.0]}
    search = HalvingGridSearchCV(
        CrossEntropyClassifier(), grid, cv=2, min_resources=20, random_state=0
    )
    assert search.fit(X, Y).best_params_["C"] in grid["C"]


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_frames_between_the_steps(output):
    models = [("a", MODELS[0]), ("b", MODELS[1])]
    pipeline = make_pipeline(StandardScaler(), BlendClassifier(models, cv=2))
    expected = clone(pipeline).fit(X, Y).predict_proba(X)
    with sklearn.config_context(transform_output=output):
        assert_allclose(pipeline.fit(X, Y).predict_proba(X), expected)


@pytest.mark.parametrize("calibration", [TemperatureScaling, VectorScaling])
def test_weights_reach_what_a_calibration_fits_or_a_warning_is_given(calibration):
    def answer(estimator, weight=WEIGHT):
        model = calibration(estimator, cv=2).fit(X, Y, sample_weight=weight)
        return model.predict_proba(X), model.estimator_.predict_proba(X)

    model = CrossEntropyClassifier()
    pipeline = make_pipeline(StandardScaler(), model)
    weighted, inner = answer(model)
    assert_array_equal(inner, clone(model).fit(X, Y, WEIGHT).predict_proba(X))
    with pytest.warns(UserWarning, match=r"^Pipeline does not take sample_weight: the"):
        half, inner = answer(pipeline)
    assert_array_equal(inner, clone(pipeline).fit(X, Y).predict_proba(X))
    assert np.abs(half - answer(pipeline, None)[0]).max() > 1e-3
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError, match="CrossEntropyClassifier"):
            answer(model)
        model.set_fit_request(sample_weight=False)
        found, inner = answer(model)
        assert_array_equal(inner, clone(model).fit(X, Y).predict_proba(X))
        assert np.abs(found - weighted).max() > 1e-3
        model.set_fit_request(sample_weight=True)
        pipeline[0].set_fit_request(sample_weight=False)
        for estimator in (model, pipeline):
            expected = clone(estimator).fit(X, Y, sample_weight=WEIGHT)
            assert_array_equal(answer(estimator)[1], expected.predict_proba(X))
        assert_array_equal(answer(model)[0], weighted)
