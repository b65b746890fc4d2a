"""The classifiers in the place of the libraries' own, as notebooks use them."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV

import boosters
from skxent.boosting import (
    CatBoostLossClassifier,
    FocalCatBoostClassifier,
    LGBMLossClassifier,
    XGBLossClassifier,
)
from skxent.losses import CrossEntropy, Focal, FormulaLoss

pd = pytest.importorskip("pandas", reason="pip install pandas")
catboost = pytest.importorskip("catboost", reason="pip install '.[catboost]'")
lightgbm = pytest.importorskip("lightgbm", reason="pip install '.[lightgbm]'")
xgboost = pytest.importorskip("xgboost", reason="pip install '.[xgboost]'")

N = 300


def xgb(n=10, stop=None, **settings):
    settings = {"max_depth": 3, **settings}
    return boosters.xgb(n, early_stopping_rounds=stop, **settings)


def lgbm(n=10, stop=None, **settings):
    return boosters.lgbm(n, early_stopping_round=stop, **settings)


def cat(n=10, stop=None, **settings):
    settings = {"depth": 3, "learning_rate": 0.3, **settings}
    return boosters.cat(n, early_stopping_rounds=stop, **settings)


CLASSES = [
    (XGBLossClassifier, xgb),
    (LGBMLossClassifier, lgbm),
    (CatBoostLossClassifier, cat),
]
# The names of class weights in the libraries.
WEIGHTS_OF_CLASSES = {
    "scale_pos_weight": 5.0,
    "is_unbalance": True,
    "class_weight": "balanced",
    "class_weights": [1, 2],
    "auto_class_weights": "Balanced",
}
each = pytest.mark.parametrize(
    ("cls", "make"),
    CLASSES,
    ids=["xgboost", "lightgbm", "catboost"],
)


def table(n_classes=2, n=N):
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n, 4))
    score = X[:, 0] + X[:, 1] + rng.normal(size=n)
    labels = np.array(["high", "low", "mid"])
    return X, labels[np.digitize(score, [-0.5, 0.8][: n_classes - 1])]


def frame():
    X, y = table()
    rows = pd.DataFrame(X, columns=["age", "dose", "x 1", "y"])
    kinds = np.array(list("uvw"))[np.digitize(X[:, 0], [-0.5, 0.5])]
    rows["kind"] = pd.Categorical(kinds)
    return rows, y


def names(model):
    """The names of the columns in the library's booster."""
    booster = model.booster_
    if hasattr(booster, "feature_name"):
        return booster.feature_name()
    return getattr(booster, "feature_names", None) or booster.feature_names_


@each
def test_columns_keep_their_names(cls, make):
    rows, y = frame()
    numbers = rows.drop(columns=["kind"]).rename(columns={"x 1": "x"})
    model = cls("focal", estimator=make()).fit(numbers, y)
    assert names(model) == list(model.feature_names_in_) == list(numbers.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(numbers[numbers.columns[::-1]])
    assert_allclose(
        model.predict_proba(numbers.astype(np.float32).astype(float)),
        model.predict_proba(numbers),
        atol=0.2,
    )


@pytest.mark.parametrize(
    ("cls", "make"), [(XGBLossClassifier, xgb), (CatBoostLossClassifier, cat)]
)
def test_constraints_by_name(cls, make):
    rows, y = frame()
    rows = rows[["age", "dose"]]
    model = cls(estimator=make(monotone_constraints={"age": 1})).fit(rows, y == "low")
    grid = pd.DataFrame({"age": np.linspace(-3, 3, 50), "dose": 0.0})
    assert (np.diff(model.decision_function(grid)) >= 0).all()
    model = cls(estimator=make(monotone_constraints={"age": -1})).fit(rows, y == "low")
    assert (np.diff(model.decision_function(grid)) <= 0).all()


def test_interaction_and_monotone_constraints_of_the_others():
    rows, y = frame()
    rows = rows[["age", "dose", "y"]]
    groups = [["age", "dose"], ["y"]]
    model = XGBLossClassifier(estimator=xgb(interaction_constraints=groups))
    model.fit(rows, y)
    together = model.booster_.trees_to_dataframe().groupby("Tree")["Feature"].agg(set)
    assert not any({"age", "y"} <= found for found in together)
    settings = {
        "interaction_constraints": [[0, 1], [2]],
        "monotone_constraints": [1, 0, 0],
    }
    model = LGBMLossClassifier(estimator=lgbm(**settings)).fit(rows, y == "low")
    grid = pd.DataFrame({"age": np.linspace(-3, 3, 50), "dose": 0.0, "y": 0.0})
    assert (np.diff(model.decision_function(grid)) >= 0).all()


def containers():
    """The same rows in data frames of every kind, with missing values."""
    rows, _ = frame()
    rows["whole"] = (rows["dose"] * 10).round()
    rows["yes"] = (rows["y"] > 0).astype(float)
    holes = np.arange(N) % 7 == 0
    rows.loc[holes, ["whole", "yes", "kind"]] = np.nan
    yield "pandas", rows
    nullable = rows.copy()
    nullable["whole"] = nullable["whole"].astype("Int64")
    nullable["yes"] = nullable["yes"].astype("boolean")
    nullable["age"] = nullable["age"].astype("Float64")
    yield "nullable", nullable
    objects = rows.copy()
    objects["yes"] = [None if v != v else v for v in rows["yes"]]
    objects["age"] = objects["age"].astype(object)
    yield "objects", objects
    pa = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    arrow = rows.copy()
    for column in ("age", "whole"):
        arrow[column] = arrow[column].astype(pd.ArrowDtype(pa.float64()))
    yield "arrow columns", arrow
    sparse = rows.copy()
    sparse["dose"] = pd.arrays.SparseArray(rows["dose"], fill_value=0.0)
    yield "sparse columns", sparse
    yield "arrow", pa.Table.from_pandas(rows, preserve_index=False)
    pl = pytest.importorskip("polars", reason="pip install polars")
    polars = pl.from_pandas(rows)
    yield "polars", polars.with_columns(pl.col("kind").cast(pl.Categorical))
    enum = pl.Enum(["u", "v", "w"])
    yield "polars Enum", polars.with_columns(pl.col("kind").cast(pl.String).cast(enum))


@each
def test_every_data_frame(cls, make):
    """Names, categories and missing values come through, from any container."""
    _, y = frame()
    rows = dict(containers())
    expected = cls("focal", estimator=make()).fit(rows["pandas"], y)
    proba = expected.predict_proba(rows["pandas"])
    assert (expected.predict(rows["pandas"]) == y).mean() > 0.75
    for name, container in rows.items():
        model = cls("focal", estimator=make()).fit(container, y)
        assert names(model) == names(expected), name
        assert_allclose(model.predict_proba(container), proba, atol=1e-6, err_msg=name)
        # Others have the categories in another order, or only some of them.
        part = rows["pandas"][rows["pandas"]["kind"] != "u"].copy()
        part["kind"] = part["kind"].cat.remove_unused_categories()
        part = part[::-1]
        assert_allclose(model.predict_proba(part), proba[part.index], atol=1e-6)


@each
def test_tables_that_are_refused(cls, make):
    rows, y = frame()
    with pytest.raises(ValueError, match=r"^X must be finite or NaN, got inf.*'age'"):
        cls(estimator=make()).fit(rows.replace({"age": {rows["age"][3]: np.inf}}), y)
    times = rows.assign(day=pd.date_range("2020", periods=N))
    with pytest.raises(ValueError, match=r"^X must have columns of numbers, .* 'day'"):
        cls(estimator=make()).fit(times, y)
    texts = rows.assign(kind=rows["kind"].astype(str))
    with pytest.raises(ValueError, match=r"use X\['kind'\]\.astype\('category'\)"):
        cls(estimator=make()).fit(texts, y)


def test_catboost_reads_texts_and_objects_that_are_declared():
    rows, y = frame()
    texts = rows.assign(kind=rows["kind"].astype(str))
    model = CatBoostLossClassifier(estimator=cat(cat_features=["kind"])).fit(texts, y)
    expected = CatBoostLossClassifier(estimator=cat()).fit(rows, y)
    assert_allclose(model.predict_proba(texts), expected.predict_proba(rows))
    model = CatBoostLossClassifier(estimator=cat())
    model.fit(rows.to_numpy(), y, cat_features=[4])
    assert_allclose(model.predict_proba(rows.to_numpy()), expected.predict_proba(rows))


@each
def test_evaluation_sets_in_every_form(cls, make):
    X, y = table()
    w = np.random.default_rng(0).uniform(0.5, 2, 100)
    A, a, B, b = X[:200], y[:200], X[200:], y[200:]
    forms = [
        {"eval_set": (B, b), "eval_sample_weight": w},
        {"eval_set": [(B, b)], "eval_sample_weight": [w]},
        {"eval_set": [[B, b]], "eval_sample_weight": [w]},
        {"eval_set": ((B, b),), "eval_sample_weight": [w]},
        {"eval_set": (B.tolist(), b.tolist()), "eval_sample_weight": w.tolist()},
        {"eval_X": B, "eval_y": b, "eval_sample_weight": w},
        {"eval_X": (B,), "eval_y": (b,), "eval_sample_weight": (w,)},
    ]
    models = [cls("focal", estimator=make()).fit(A, a, **form) for form in forms]
    for model in models:
        history = list(model.evals_result_.values())[-1]
        history = history.get("focal", history.get("CatBoostMetric"))
        metric = model.metric_class(model.trained_loss_.loss)
        value = metric.mean_loss(
            np.searchsorted(model.classes_, b), model.decision_function(B), w
        )
        assert_allclose(history[-1], value, rtol=1e-5)
    both = cls(estimator=make()).fit(A, a, eval_set=[(A, a), (B, b)])
    assert len(both.evals_result_) >= 2
    for wrong, message in [
        ({"eval_set": [B, b]}, "^eval_set must be .X, y. or a list of such pairs"),
        ({"eval_set": (B, b), "eval_X": B}, "^eval_set must be None where eval_X"),
        ({"eval_X": B}, "^eval_y must be given with the other"),
        ({"eval_X": (B, B), "eval_y": (b,)}, "^eval_y must have 2 entries"),
        (
            {"eval_set": (B, b), "eval_sample_weight": [w, w]},
            "^eval_sample_weight must",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            cls(estimator=make()).fit(A, a, **wrong)


def best(model):
    """The number of trees up to the best iteration."""
    return model.best_iteration_ + (not isinstance(model, LGBMLossClassifier))


@each
@pytest.mark.parametrize("loss", ["focal", "cross_entropy"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_early_stopping_by_auc_or_by_the_loss(cls, make, n_classes, loss):
    X, y = table(n_classes)
    A, a, B, b = X[:200], y[:200], X[200:], y[200:]
    auc = "auc_mu" if cls is LGBMLossClassifier and n_classes == 3 else "auc"
    auc = "AUC" if cls is CatBoostLossClassifier else auc

    def fitted(**metric):
        model = cls(loss, estimator=make(150, stop=8))
        return model.fit(A, a, eval_set=(B, b), **metric)

    by_loss, by_auc = fitted(), fitted(eval_metric=auc)
    held = clone(by_loss)
    name = "metric" if cls is LGBMLossClassifier else "eval_metric"
    held.estimator.set_params(**{name: auc})
    assert_array_equal(
        held.fit(A, a, eval_set=(B, b)).predict_proba(B), by_auc.predict_proba(B)
    )
    for model, metric in ((by_loss, "loss"), (by_auc, "auc")):
        recorded = list(model.evals_result_.values())[-1]
        keys = {"auc" if "AU" in k.upper() else "loss": k for k in recorded}
        history = np.array(recorded[keys[metric]])
        target = np.argmin(history) if metric == "loss" else np.argmax(history)
        assert best(model) == target + 1 < 140
        if cls is not CatBoostLossClassifier:
            assert ("loss" in keys) and (("auc" in keys) == (metric == "auc"))
    if n_classes == 2:
        history = list(by_auc.evals_result_.values())[-1]
        history = next(v for k, v in history.items() if k.upper() == "AUC")
        assert_allclose(
            roc_auc_score(b, by_auc.decision_function(B)), max(history), rtol=1e-5
        )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_lightgbm_log_loss_and_error_are_of_the_probabilities(n_classes):
    X, y = table(n_classes)
    A, a, B, b = X[:200], y[:200], X[200:], y[200:]
    kind = "binary" if n_classes == 2 else "multi"
    asked = [f"{kind}_logloss", f"{kind}_error"]
    model = LGBMLossClassifier("focal", estimator=lgbm(150, stop=8))
    model.fit(A, a, eval_set=(B, b), eval_metric=asked)
    history = model.evals_result_["valid_0"]
    assert history.keys() == {*asked, "focal"} == model.best_score_["valid_0"].keys()
    proba = model.predict_proba(B)
    i = model.best_iteration_ - 1
    assert_allclose(log_loss(b, proba), history[asked[0]][i])
    assert_allclose(1 - model.score(B, b), history[asked[1]][i])
    with pytest.raises(ValueError, match=r"^eval_metric must be a callable or one of"):
        model.fit(A, a, eval_set=(B, b), eval_metric="l2")
    model = LGBMLossClassifier(estimator=lgbm())
    model.fit(A, a, eval_set=(B, b), eval_metric="error")
    history = model.evals_result_["valid_0"]
    assert_allclose(1 - model.score(B, b), history[f"{kind}_error"][-1])
    assert_allclose(log_loss(b, model.predict_proba(B)), history[f"{kind}_logloss"][-1])


def test_a_callable_metric_gets_class_probabilities():
    X, y = table()
    A, a, B, b = X[:200], y[:200], X[200:], y[200:]
    seen = []

    def brier(y_true, y_pred, sample_weight=None):
        seen.append(np.array(y_pred))
        return float(np.mean((y_pred - y_true) ** 2))

    def brier_too(y_true, y_pred):
        return "brier", brier(y_true, y_pred), False

    for model, metric in [
        (XGBLossClassifier("focal", estimator=xgb(1)), brier),
        (LGBMLossClassifier("focal", estimator=lgbm(1)), brier_too),
    ]:
        model.fit(A, a, eval_set=(B, b), eval_metric=metric)
        assert_allclose(seen[-1], model.predict_proba(B)[:, 1], atol=1e-6)
        assert "brier" in next(iter(model.evals_result_.values()))


def test_callbacks_are_the_callers_own():
    X, y = table()
    seen = []

    class Watch(xgboost.callback.TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            seen.append("xgboost")
            return False

    class Progress:
        def after_iteration(self, info):
            seen.append("catboost")
            return info.iteration < 3

    XGBLossClassifier(estimator=xgb(2, callbacks=[Watch()])).fit(X, y)
    XGBLossClassifier(estimator=xgb(2)).fit(X, y, callbacks=[Watch()])
    LGBMLossClassifier(estimator=lgbm(2)).fit(
        X, y, callbacks=[lambda env: seen.append("lightgbm")]
    )
    model = CatBoostLossClassifier(estimator=cat(10)).fit(X, y, callbacks=[Progress()])
    assert seen == ["xgboost"] * 4 + ["lightgbm"] * 2 + ["catboost"] * 3
    assert model.tree_count_ == 3
    stop = lightgbm.early_stopping(5, verbose=False)
    model = LGBMLossClassifier("focal", estimator=lgbm(300))
    model.fit(
        X[:200],
        y[:200],
        eval_set=(X[200:], y[200:]),
        callbacks=[stop],
        eval_metric="auc",
    )
    assert model.best_iteration_ == 1 + np.argmax(model.evals_result_["valid_0"]["auc"])


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_training_goes_on(cls, make, n_classes):
    """Ten trees and ten more are twenty, also from a model that was saved."""
    X, y = table(n_classes)
    start = {"boost_from_average": True} if cls is CatBoostLossClassifier else {}
    start |= {"bootstrap_type": "No", "random_strength": 0} if start else {}
    first = cls("focal", estimator=make(10, **start)).fit(X, y)
    assert np.any(first.init_score_)
    more = cls("focal", estimator=make(10, **start)).fit(X, y, init_model=first)
    once = cls("focal", estimator=make(20, **start)).fit(X, y)
    assert_allclose(more.decision_function(X), once.decision_function(X), atol=1e-5)
    if cls is CatBoostLossClassifier and n_classes == 3:
        return  # CatBoost continues such a model once
    raw = first.booster_ if cls is not CatBoostLossClassifier else first.estimator_
    more = cls("focal", estimator=make(10, **start)).fit(X, y, init_model=raw)
    assert_allclose(more.decision_function(X), once.decision_function(X), atol=1e-5)
    if cls is XGBLossClassifier:
        more = cls("focal", estimator=make(10)).fit(X, y, xgb_model=raw)
        assert_allclose(more.decision_function(X), once.decision_function(X), atol=1e-5)
    with pytest.raises(ValueError, match=r"^init_model must be a fitted model of .* 5"):
        cls(estimator=make()).fit(X, y, init_model=5)
    with pytest.raises(ValueError, match=r"^init_model must have the classes"):
        cls(estimator=make()).fit(X, np.where(y == "high", "a", "b"), init_model=first)


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_contributions_add_up_to_the_margins(cls, make, n_classes):
    """The booster has the start value, so that SHAP values need no correction."""
    X, y = table(n_classes)
    start = {"boost_from_average": True} if cls is CatBoostLossClassifier else {}
    model = cls("focal", estimator=make(**start)).fit(X, y)
    if cls is XGBLossClassifier:
        parts = model.booster_.predict(xgboost.DMatrix(X), pred_contribs=True)
    elif cls is LGBMLossClassifier:
        parts = model.booster_.predict(X, pred_contrib=True)
        parts = parts if n_classes == 2 else parts.reshape(N, n_classes, -1)
    else:
        pool = catboost.Pool(X)
        parts = model.get_feature_importance(pool, type="ShapValues")
    assert_allclose(parts.sum(axis=-1), model.decision_function(X), atol=1e-5)
    shap = pytest.importorskip("shap", reason="pip install shap")
    found = shap.TreeExplainer(model.booster_)(X)
    total = found.values.sum(axis=1) + found.base_values
    assert_allclose(total, model.decision_function(X), atol=1e-5)


@each
def test_importances_and_plots(cls, make):
    plt = pytest.importorskip("matplotlib.pyplot", reason="pip install matplotlib")
    rows, y = frame()
    model = cls("focal", estimator=make()).fit(rows[["age", "dose"]], y)
    assert_array_equal(
        model.feature_importances_, model.estimator_.feature_importances_
    )
    if cls is not CatBoostLossClassifier:
        library = xgboost if cls is XGBLossClassifier else lightgbm
        drawn = library.plot_importance(model.booster_)
        assert {t.get_text() for t in drawn.get_yticklabels()} == {"age", "dose"}
        plt.close("all")


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels_are_weighted_rows(cls, make, n_classes):
    X, _ = table(n_classes)
    slow = cls is CatBoostLossClassifier and n_classes == 3
    X = X[:100] if slow else X
    n = len(X)
    soft = softmax(X[:, :n_classes] * 2, axis=1)
    w = np.random.default_rng(0).uniform(0.5, 2, n)
    model = cls("focal", estimator=make(40)).fit(X, soft, sample_weight=w)
    assert_array_equal(model.classes_, np.arange(n_classes))
    gap = np.abs(model.predict_proba(X) - soft).mean()
    assert gap < 0.5 * np.abs(soft - soft.mean(axis=0)).mean()
    hard = np.eye(n_classes)[soft.argmax(axis=1)]
    one = cls("focal", estimator=make()).fit(X, hard).predict_proba(X)
    other = cls("focal", estimator=make()).fit(X, soft.argmax(axis=1))
    assert_allclose(one, other.predict_proba(X), atol=1e-6)
    with pytest.raises(ValueError, match=r"^y must have rows that sum to one"):
        cls(estimator=make()).fit(X, soft * 2)
    with pytest.raises(ValueError, match=r"^y must have positive soft labels of every"):
        cls(estimator=make()).fit(X, np.c_[soft, np.zeros(n)])


@pytest.mark.parametrize(
    ("cls", "make", "name"),
    [
        (cls, make, name)
        for cls, make in CLASSES
        for name in sorted(WEIGHTS_OF_CLASSES.keys() & cls.refused.keys())
    ],
)
def test_weights_of_the_library_point_to_class_weight(cls, make, name):
    settings = {name: WEIGHTS_OF_CLASSES[name]}
    message = (
        rf"^{name} of estimator must be None, .* Use class_weight.* of {cls.__name__}"
    )
    with pytest.raises(ValueError, match=message):
        cls(estimator=make(**settings)).fit(*table())


@pytest.mark.parametrize(("cls", "make"), CLASSES)
def test_weights_that_float32_does_not_hold(cls, make):
    """The libraries would train on infinite gradients, or on none."""
    X, y = table()
    for size in (1e-300, 1e300):
        with pytest.raises(ValueError, match=r"^sample_weight must have its largest"):
            cls(estimator=make()).fit(X, y, sample_weight=np.full(len(y), size))
    model = cls("focal", estimator=make(), class_weight={np.unique(y)[0]: 1e300})
    with pytest.raises(ValueError, match=r"^sample_weight times class_weight must be"):
        model.fit(X, y)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
@pytest.mark.parametrize(
    "labels",
    [
        [2**24, 2**24 + 1, 2**24 + 2],
        [2**40, 2**40 + 1],
        [-(2**63), 0],
        [-(2**24) - 1, -(2**24), 0],
    ],
    ids=str,
)
def test_labels_that_float32_does_not_tell_apart(labels, loss):
    """CatBoost would merge them, without a word if two classes are left."""
    X = table()[0]
    codes = np.digitize(X[:, 0], [-0.5, 0.5]) % len(labels)
    named = CatBoostLossClassifier(loss, estimator=cat()).fit(X, np.take(labels, codes))
    plain = CatBoostLossClassifier(loss, estimator=cat()).fit(X, codes)
    assert named.classes_.tolist() == sorted(labels)
    assert_array_equal(named.predict_proba(X), plain.predict_proba(X))


@each
def test_what_the_loss_replaces(cls, make):
    X, y = table()
    name = cls.objective_names[0]
    for objective in cls.built_in:
        cls(estimator=make(1, **{name: objective})).fit(X, y)
    other = {"xgboost": "reg:squarederror", "lightgbm": "l2"}.get(
        cls.objective_class.made_for, "MultiClassOneVsAll"
    )
    with pytest.raises(
        ValueError, match=rf"^{name} of estimator must be .* {cls.__name__}"
    ):
        cls(estimator=make(1, **{name: other})).fit(X, y)
    start = next(iter(cls.refused_in_fit))
    with pytest.raises(ValueError, match=rf"^{start} must not be given to fit\."):
        cls(estimator=make(1)).fit(X, y, **{start: np.zeros(N)})
    with pytest.raises(TypeError, match=rf"^{cls.__name__}.fit\(\) got an unexpected"):
        cls(estimator=make(1)).fit(X, y, colour="red")


@each
def test_parameters_of_other_devices_reach_the_library(cls, make, monkeypatch):
    given = {
        XGBLossClassifier: {"device": "cuda:0", "tree_method": "hist"},
        LGBMLossClassifier: {"device_type": "gpu", "gpu_use_dp": True},
        CatBoostLossClassifier: {"task_type": "GPU", "devices": "0"},
    }[cls]
    seen = {}
    library = type(make())

    def fit(self, X, y=None, **options):
        seen.update(self.get_params())
        raise InterruptedError

    monkeypatch.setattr(library, "fit", fit)
    with pytest.raises(InterruptedError):
        cls(estimator=make(1, **given)).fit(*table())
    assert {name: seen[name] for name in given} == given


@each
@pytest.mark.parametrize(
    "loss",
    [
        "poly1",
        FormulaLoss("q**gamma * L", gamma=2.0),
        0.5 * CrossEntropy() + Focal(1.0),
    ],
    ids=str,
)
def test_copies_of_any_loss(cls, make, loss):
    X, y = table(3)
    model = cls(
        loss, estimator=make(5), class_weight={"low": 2.0}, label_smoothing=0.05
    )
    for twin in (clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(twin.get_params()["loss"]) == repr(loss)
        assert twin.set_params(label_smoothing=0.1).label_smoothing == 0.1
    proba = model.fit(X, y).predict_proba(X)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_array_equal(twin.predict_proba(X), proba)
    assert_array_equal(clone(model).fit(X, y).predict_proba(X), proba)
    z = model.decision_function(X)
    expected = model.trained_loss_.loss.posterior(
        z, class_weight=[1, 2, 1], label_smoothing=0.05
    )
    assert_allclose(proba, expected)


@each
def test_grids_reach_the_loss_and_the_trees(cls, make):
    X, y = table()
    depth = {"xgboost": "max_depth", "lightgbm": "max_depth", "catboost": "depth"}
    grid = {
        "loss__gamma": [0.5, 3.0],
        f"estimator__{depth[cls.objective_class.made_for]}": [1, 3],
    }
    search = GridSearchCV(
        cls("focal", estimator=make(5)), grid, cv=2, scoring="neg_log_loss"
    )
    search.fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    assert search.best_estimator_.trained_loss_.loss.gamma in (0.5, 3.0)


def test_a_failed_refit_changes_nothing():
    X, y = table()
    model = FocalCatBoostClassifier(estimator=cat(3)).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"^eval_set must have labels"):
        model.fit(X[:, :2], y, eval_set=(X[:, :2], np.full(N, "other")))
    assert_array_equal(model.predict_proba(X), before)
    assert expit(model.decision_function(X)).shape == (N,)


def test_numbers_for_each_class_are_refused_with_advice():
    X, y = table()
    for model in (
        CatBoostLossClassifier(estimator=cat(class_weights=np.array([1.0, 2.0]))),
        XGBLossClassifier(estimator=xgb(base_score=np.array([0.5, 0.5]))),
    ):
        with pytest.raises(ValueError, match=r"^(class_weights|base_score) of estim"):
            model.fit(X, y)


@each
def test_soft_labels_in_other_places(cls, make):
    X, y = table()
    soft = np.eye(2)[(y == "low").astype(int)] * 0.8 + 0.1
    dense = cls(estimator=make()).fit(X, soft).predict_proba(X)
    sparse = cls(estimator=make()).fit(X, csr_matrix(soft)).predict_proba(X)
    assert_allclose(sparse, dense)
    with pytest.raises(ValueError, match=r"^eval_set must have labels of shape \(n,\)"):
        cls(estimator=make()).fit(X, soft, eval_set=[(X, soft)])


def test_names_of_xgboost_that_are_none():
    X, y = table()
    first = XGBLossClassifier(estimator=xgb(5)).fit(X, y)
    more = XGBLossClassifier(estimator=xgb(5))
    more.fit(X, y, init_model=first, xgb_model=None)
    assert more.booster_.num_boosted_rounds() == 10
    with pytest.raises(ValueError, match=r"^xgb_model must be None where init_model"):
        more.fit(X, y, init_model=first, xgb_model=first)
