"""Names and tables of the libraries, on the classifiers that take their place."""

import copy
import pickle
from functools import partial
from operator import attrgetter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import boosters
from skxent.boosting import (
    CatBoostLossClassifier,
    LGBMLossClassifier,
    XGBLossClassifier,
    lightgbm_metric,
    xgboost_metric,
)

pd = pytest.importorskip("pandas", reason="pip install pandas")
catboost = pytest.importorskip("catboost", reason="pip install '.[catboost]'")
lightgbm = pytest.importorskip("lightgbm", reason="pip install '.[lightgbm]'")
xgboost = pytest.importorskip("xgboost", reason="pip install '.[xgboost]'")

N = 150


xgb = partial(boosters.xgb, 4, max_depth=3)
lgbm = partial(boosters.lgbm, 4)
cat = partial(boosters.cat, 4, depth=3)

CLASSES = [
    (XGBLossClassifier, xgb),
    (LGBMLossClassifier, lgbm),
    (CatBoostLossClassifier, cat),
]
each = pytest.mark.parametrize(
    ("cls", "make"), CLASSES, ids=["xgboost", "lightgbm", "catboost"]
)
each_loss = pytest.mark.parametrize("loss", ["focal", "cross_entropy"])


def table(n_classes=3):
    rng = np.random.default_rng(n_classes)
    X = pd.DataFrame(rng.normal(size=(N, 3)), columns=["age", "dose", "b"])
    score = X["age"] + X["dose"] + rng.normal(size=N) / 2
    labels = np.array(["high", "low", "mid"])
    y = labels[np.digitize(score, [-0.5, 0.8][: n_classes - 1])]
    kinds = np.array(list("uvw"))[np.digitize(X["age"], [-0.5, 0.5])]
    return X.assign(kind=pd.Categorical(kinds)), y, rng.uniform(0.5, 2, N)


NAMES = {
    XGBLossClassifier: ["get_booster", "get_num_boosting_rounds", "save_model"],
    LGBMLossClassifier: ["n_features_", "n_iter_", "n_estimators_", "feature_name_"],
    CatBoostLossClassifier: ["get_all_params", "tree_count_", "random_seed_", "shrink"],
}


@each
def test_names_of_the_library_are_there_after_fit(cls, make):
    X, y, _ = table()
    model = cls("focal", estimator=make())
    for name in [*NAMES[cls], "booster_", "feature_importances_"]:
        assert not hasattr(model, name)
        with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance"):
            getattr(model, name)
    model.fit(X[["age", "dose"]], y)
    theirs = model.estimator_
    for name in NAMES[cls]:
        found, expected = getattr(model, name), getattr(theirs, name)
        assert callable(found) or np.all(found == expected)
        assert name in dir(model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert hasattr(twin, NAMES[cls][0])
    assert not hasattr(clone(model), NAMES[cls][0])
    assert not hasattr(cls(estimator=make()).fit(X.to_numpy()[:, :3], y), "transform")
    with pytest.raises(AttributeError, match=r"'random_state'\. Use estimator\.get"):
        attrgetter("random_state")(cls(estimator=make(random_state=0)).fit(X, y))


def test_methods_of_rows_read_every_table():
    X, y, _ = table()
    pl = pytest.importorskip("polars", reason="pip install polars")
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    polars = pl.from_pandas(X.astype({"kind": str})).with_columns(
        pl.col("kind").cast(pl.Categorical)
    )
    model = XGBLossClassifier("focal", estimator=xgb()).fit(X, y)
    assert_array_equal(model.apply(polars), model.estimator_.apply(X))
    model = CatBoostLossClassifier("focal", estimator=cat()).fit(X, y)
    leaves = model.estimator_.calc_leaf_indexes(X)
    assert_array_equal(model.calc_leaf_indexes(polars), leaves)


@each
def test_names_that_would_mislead_say_what_to_use(cls, make):
    X, y, _ = table()
    model = cls("focal", estimator=make()).fit(X, y)
    for name in cls.withheld:
        assert not hasattr(model, name) and name not in dir(model)
        with pytest.raises(AttributeError, match=f"no attribute '{name}'. [A-Z]"):
            getattr(model, name)
    for name in cls.of_softmax:
        assert hasattr(cls(estimator=make()).fit(X, y), name)
        with pytest.raises(AttributeError, match=f"{name}' with this loss. CatBoost"):
            getattr(model, name)


@each_loss
def test_staged_predictions_of_catboost(loss):
    X, y, _ = table()
    model = CatBoostLossClassifier(loss, estimator=cat()).fit(X, y)
    stages = {
        "staged_predict": model.predict,
        "staged_predict_proba": model.predict_proba,
        "staged_predict_log_proba": model.predict_log_proba,
    }
    for name, predict in stages.items():
        found = list(getattr(model, name)(X))
        for trees, stage in enumerate(found, 1):
            if name != "staged_predict_log_proba":
                assert_array_equal(stage, predict(X, ntree_end=trees))
        assert len(found) == 4
        assert_allclose(found[-1], predict(X)) if "proba" in name else None
    every_other = list(model.staged_predict(X, eval_period=2))
    assert len(every_other) == 2
    kinds = {
        "Class": model.predict(X),
        "Probability": model.predict_proba(X),
        "LogProbability": model.predict_log_proba(X),
        "RawFormulaVal": model.decision_function(X),
    }
    for kind, expected in kinds.items():
        found = model.predict(X, prediction_type=kind)
        assert_array_equal(found, expected)
        *_, last = model.staged_predict(X, prediction_type=kind)
        assert_array_equal(last, expected)
    assert_array_equal(model.copy().predict(X), model.predict(X))
    with pytest.raises(ValueError, match=r"^prediction_type must be 'Class', 'Prob"):
        next(model.staged_predict(X, prediction_type="Odds"))


@each_loss
@pytest.mark.parametrize("n_classes", [2, 3])
def test_pools_of_catboost(loss, n_classes):
    """As arrays and data frames, with the labels and weights that they hold."""
    X, y, w = table(n_classes)
    A, B = slice(0, 100), slice(100, N)
    cut = catboost.Pool(X[A], y[A], cat_features=["kind"], weight=w[A])
    rest = catboost.Pool(X[B], y[B], cat_features=["kind"])
    start = {"boost_from_average": True}
    model = CatBoostLossClassifier(loss, estimator=cat(**start)).fit(cut, eval_set=rest)
    other = CatBoostLossClassifier(loss, estimator=cat(**start))
    other.fit(X[A], y[A], sample_weight=w[A], eval_set=(X[B], y[B]))
    # Pools keep weights in float32.
    assert_allclose(model.init_score_, other.init_score_, rtol=1e-5)
    assert not np.size(cut.get_baseline())
    assert model.evals_result_.keys() == other.evals_result_.keys()
    assert_array_equal(model.feature_names_in_, X.columns)
    for rows in (rest, X[B], X[B].astype({"kind": str})):
        proba = model.predict_proba(rows)
        assert_allclose(proba, other.predict_proba(X[B]), rtol=1e-5)
    assert model.score(rest) == other.score(X[B], y[B])
    assert_array_equal(model.estimator_.classes_, model.classes_)
    both = CatBoostLossClassifier(loss, estimator=cat(learning_rate=0.3))
    both.fit(cut, eval_set=[rest, cut])
    assert set(both.evals_result_) == {"learn", "validation_0", "validation_1"}
    some = catboost.Pool(X[A], y[A], cat_features=["kind"], weight=w[A] * (w[A] > 1))
    half = CatBoostLossClassifier(loss, estimator=cat()).fit(some).predict_proba(rest)
    kept = X[A][w[A] > 1], y[A][w[A] > 1], w[A][w[A] > 1]
    expected = CatBoostLossClassifier(loss, estimator=cat()).fit(*kept)
    assert_allclose(half, expected.predict_proba(rest), rtol=1e-5)


def test_pools_that_are_refused():
    X, y, w = table()
    X = X[["age", "dose"]]
    pool = catboost.Pool(X, y)
    model = CatBoostLossClassifier(estimator=cat()).fit(pool)
    moved = catboost.Pool(X, y, baseline=np.zeros((N, 3)))
    for fit, message in [
        (lambda: model.fit(pool, y), "^y must be None for a Pool"),
        (lambda: model.fit(pool, None, w), "^sample_weight must be None for a Pool"),
        (lambda: model.fit(catboost.Pool(X)), "^X must be a Pool with labels"),
        (lambda: model.fit(moved), "^X must be a Pool without baseline"),
        (
            lambda: model.fit(X, y, eval_set=pool, eval_sample_weight=w),
            "^eval_sample_weight must be None for a Pool",
        ),
        (
            lambda: model.predict(catboost.Pool(X[["age"]])),
            "^X must have 2 columns as in fit, got a Pool of 1",
        ),
        (
            lambda: XGBLossClassifier().fit(pool),
            "^X must be an array, a sparse matrix or a data frame, got a Pool",
        ),
        (
            lambda: LGBMLossClassifier().fit(xgboost.DMatrix(X), y),
            "^X must be an array, a sparse matrix or a data frame, got a DMatrix",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            fit()


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (np.array(["9", "10"]), ["10", "9"]),
        (np.array([-3, 10**12]), [-3, 10**12]),
        (np.array([1.0, 2.0]), [1, 2]),
        (np.array([False, True]), [0, 1]),
        (np.array([2**60, 2**60 + 1]), [0, 1]),
    ],
)
def test_labels_that_a_saved_model_of_catboost_knows(y, names, tmp_path):
    X, _, _ = table()
    codes = (X["age"] > 0).to_numpy().astype(int)
    model = CatBoostLossClassifier("focal", estimator=cat())
    model.fit(X[["age"]], y[codes]).save_model(tmp_path / "model")
    loaded = catboost.CatBoostClassifier().load_model(tmp_path / "model")
    assert loaded.classes_.tolist() == names
    expected = dict(zip(np.unique(y).tolist(), names, strict=True))
    found = np.ravel(loaded.predict(X[["age"]])).tolist()
    assert found == [expected[v] for v in model.predict(X[["age"]]).tolist()]


@each
def test_the_number_of_classes_may_be_given(cls, make):
    for n_classes in (2, 3):
        X, y, _ = table(n_classes)
        for name in cls.count_names:
            model = cls("focal", estimator=make(**{name: n_classes})).fit(X, y)
            assert model.n_classes_ == n_classes
            with pytest.raises(ValueError, match=rf"^{name} of estimator must be None"):
                cls("focal", estimator=make(**{name: 4})).fit(X, y)
    names = {"class_names": ("high", "low", "mid")}
    if cls is CatBoostLossClassifier:
        assert cls(estimator=cat(**names)).fit(X, y).n_classes_ == 3
        names = {"class_names": ["low", "high", "mid"]}
        with pytest.raises(ValueError, match=r"^class_names of estimator must be None"):
            cls(estimator=cat(**names)).fit(X, y)


@pytest.mark.parametrize(
    ("cls", "make", "metric"),
    [
        (XGBLossClassifier, xgb, xgboost_metric),
        (LGBMLossClassifier, lgbm, lightgbm_metric),
    ],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_metrics_of_skxent_beside_cross_entropy(cls, make, metric, n_classes):
    """They read margins, where the libraries would pass probabilities."""
    X, y, _ = table(n_classes)
    focal = metric("focal")
    model = cls(estimator=make()).fit(X, y, eval_set=(X, y), eval_metric=focal)
    history = next(iter(model.evals_result_.values()))["focal"]
    codes = np.searchsorted(model.classes_, y)
    expected = focal.mean_loss(codes, model.decision_function(X), None)
    assert_allclose(history[-1], expected, rtol=1e-4)


@each
def test_models_and_callbacks_that_cannot_be_used(cls, make):
    X, y, _ = table()
    others = [make_ for cls_, make_ in CLASSES if cls_ is not cls]
    codes = np.searchsorted(np.unique(y), y)
    X = X[["age", "dose"]]
    for wrong in (cls(estimator=make()), others[0]().fit(X, codes)):
        with pytest.raises(ValueError, match=r"^init_model must be a fitted model of "):
            cls(estimator=make()).fit(X, y, init_model=wrong)
    narrow = cls(estimator=make()).fit(X[["age"]], y)
    with pytest.raises(ValueError, match=r"^init_model must have 2 columns as X has,"):
        cls(estimator=make()).fit(X, y, init_model=narrow)
    with pytest.raises(ValueError, match=r"^callbacks must be a list or None, got"):
        cls(estimator=make()).fit(X, y, callbacks=print)
    for metric in (3, ["auc", 3], {"auc": 1}):
        with pytest.raises(ValueError, match=r"^eval_metric must be names or call"):
            cls(estimator=make()).fit(X, y, eval_set=(X, y), eval_metric=metric)


@each
def test_errors_about_evaluation_sets_and_columns(cls, make):
    X, y, w = table()
    model = cls(estimator=make())
    for options, message in [
        (
            {"eval_set": (X, y[:9])},
            "^eval_set: Found input variables",
        ),
        ({"eval_set": (X[["age"]], y)}, "^eval_set: The feature names should match"),
        (
            {"eval_set": (X, y), "eval_sample_weight": w[:9]},
            "^eval_sample_weight must be of shape",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, **options)
    with pytest.raises(ValueError, match=r"^X must have no masked entries, got"):
        cls(estimator=make()).fit(np.ma.masked_greater(X[["age"]].to_numpy(), 1), y)
    twice = pd.concat([X[["age"]], X[["age"]]], axis=1)
    with pytest.raises(ValueError, match=r"of distinct names, got 'age' twice"):
        model.fit(twice, y)


def test_tables_and_features_that_catboost_would_misread():
    X, y, _ = table()
    X = X.astype({"kind": str})
    model = CatBoostLossClassifier(estimator=cat(cat_features=["kind"])).fit(X, y)
    with pytest.raises(ValueError, match=r"^X must be of shape .*row is \[row\]"):
        model.predict(X.to_numpy()[0])
    with pytest.raises(ValueError, match=r"^cat_features must be that of estimator, "):
        model.fit(X, y, cat_features=["kind", "age"])
    data = catboost.FeaturesData(num_feature_data=np.ones((N, 2), dtype=np.float32))
    with pytest.raises(ValueError, match=r"^X must be an array, .* a FeaturesData"):
        CatBoostLossClassifier(estimator=cat()).fit(data, y)


def test_lightgbm_predicts_by_the_parameters_of_the_estimator():
    X, y, _ = table()
    early = {"pred_early_stop": True, "pred_early_stop_margin": 0.01}
    early["pred_early_stop_freq"] = 1
    model = LGBMLossClassifier(estimator=lgbm(**early)).fit(X, y)
    proba = model.predict_proba(X)
    assert_array_equal(model.decision_function(X), model.predict(X, raw_score=True))
    late = LGBMLossClassifier(estimator=lgbm()).fit(X, y)
    assert_array_equal(late.predict_proba(X, **early), proba)
    assert np.abs(late.predict_proba(X) - proba).max() > 0.01


def test_what_lightgbm_does_not_train_or_measure():
    X, y, _ = table()
    forest = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    with pytest.raises(ValueError, match=r"^boosting_type of estimator must be 'gbdt'"):
        LGBMLossClassifier("focal", estimator=lgbm(**forest)).fit(X, y)
    assert LGBMLossClassifier(estimator=lgbm(**forest)).fit(X, y).score(X, y) > 0.5
    for loss in ("focal", "cross_entropy"):
        model = LGBMLossClassifier(loss, estimator=lgbm())
        with pytest.raises(ValueError, match=r"^eval_metric .* 3 classes, got 'auc'"):
            model.fit(X, y, eval_set=(X, y), eval_metric="auc")
        with pytest.raises(ValueError, match=r"^eval_metric .* 2 classes, got"):
            model.fit(X, y == "low", eval_set=(X, y == "low"), eval_metric="auc_mu")
