"""In the libraries: the built-in objectives, start values, early stopping."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skxent.boosting import (
    catboost_metric,
    catboost_objective,
    hist_gradient_boosting_loss,
    lightgbm_metric,
    lightgbm_objective,
    predict_proba,
    xgboost_metric,
    xgboost_objective,
)
from skxent.losses import LOSSES, CrossEntropy, Focal

each_number = pytest.mark.parametrize("n_classes", [2, 3])
TREES = 50


def library(name):
    return pytest.importorskip(name, reason=f"pip install '.[{name}]'")


def table(n_classes=2, n=1000, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    y = (X[:, 0] + X[:, 1] ** 2 + rng.normal(size=n) > 2).astype(int)
    if n_classes == 3:
        y += X[:, 2] > 1
    return X, y, rng.uniform(0.2, 2.0, n)


def repeat(start, n):
    """The start value for n rows."""
    return np.broadcast_to(start, (n, *np.shape(start))).copy()


def built_in_start(model):
    """XGBoost's own, from the configuration of the trained model, as margins."""
    config = json.loads(model.get_booster().save_config())
    values = json.loads(config["learner"]["learner_model_param"]["base_score"].lower())
    rate = np.atleast_1d(values)
    return rate if len(rate) > 1 else float(np.log(rate[0]) - np.log1p(-rate[0]))


XGB = {"n_estimators": TREES, "max_depth": 4, "n_jobs": 1}
LGBM = {"n_estimators": TREES, "num_leaves": 15, "n_jobs": 1, "verbosity": -1}
CATBOOST = {
    "iterations": TREES,
    "depth": 4,
    "learning_rate": 0.1,
    "bootstrap_type": "No",
    "leaf_estimation_method": "Newton",
    "leaf_estimation_iterations": 1,
    "verbose": 0,
    "thread_count": 1,
    "allow_writing_files": False,
}


def catboost(loss, n_classes, **settings):
    return library("catboost").CatBoostClassifier(
        loss_function=catboost_objective(loss),
        eval_metric=catboost_metric(loss),
        class_names=tuple(range(n_classes)),
        **{**CATBOOST, **settings},
    )


@pytest.mark.parametrize("weighted", [False, True])
@each_number
def test_xgboost_built_in(n_classes, weighted):
    """From the start that XGBoost finds by a Newton step, right to six digits."""
    xgboost = library("xgboost")
    X, y, w = table(n_classes)
    w = w if weighted else None
    built_in = xgboost.XGBClassifier(**XGB).fit(X, y, sample_weight=w)
    objective = xgboost_objective(CrossEntropy())
    start = built_in_start(built_in)
    best = objective.init_score(y, w)
    # XGBoost 3.1 starts several classes at their frequencies, not at the logarithms.
    if n_classes == 2 or not xgboost.__version__.startswith("3.1."):
        assert_allclose(start, best, rtol=1e-4, atol=1e-4)
    ours = xgboost.XGBClassifier(objective=objective, **XGB)
    ours.fit(X, y, sample_weight=w, base_margin=repeat(start, len(y)))
    expected = built_in.predict_proba(X)
    assert_allclose(predict_proba(ours, X, init_score=start), expected, atol=1e-5)
    if n_classes == 2:
        ours = xgboost.XGBClassifier(objective=objective, base_score=expit(best), **XGB)
        ours.fit(X, y, sample_weight=w)
        assert_allclose(predict_proba(ours, X), expected, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@each_number
def test_lightgbm_built_in(n_classes, weighted):
    lightgbm = library("lightgbm")
    X, y, w = table(n_classes)
    w = w if weighted else None
    built_in = lightgbm.LGBMClassifier(**LGBM).fit(X, y, sample_weight=w)
    objective = lightgbm_objective(CrossEntropy())
    start = objective.init_score(y, w)
    ours = lightgbm.LGBMClassifier(objective=objective, **LGBM)
    ours.fit(X, y, sample_weight=w, init_score=repeat(start, len(y)))
    proba = predict_proba(ours, X, init_score=start)
    assert_allclose(proba, built_in.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@each_number
def test_catboost_built_in(n_classes, weighted):
    X, y, w = table(n_classes, n=300 if n_classes == 3 else 1000)
    w = w if weighted else None
    name = "Logloss" if n_classes == 2 else "MultiClass"
    built_in = library("catboost").CatBoostClassifier(loss_function=name, **CATBOOST)
    built_in.fit(X, y, sample_weight=w)
    ours = catboost(CrossEntropy(), n_classes).fit(X, y, sample_weight=w)
    assert_allclose(predict_proba(ours, X), built_in.predict_proba(X), atol=1e-5)
    assert_array_equal(ours.predict(X), built_in.predict(X))


def test_catboost_from_a_start_value():
    """From the best constant a model without trees has the class frequencies."""
    pool = library("catboost").Pool
    X, y, _ = table()
    start = catboost_objective(Focal(2.0)).init_score(y)
    data = pool(X, y, baseline=repeat(start, len(y)))
    model = catboost(Focal(2.0), 2, learning_rate=1e-3, iterations=1).fit(data)
    proba = predict_proba(model, X, init_score=start)
    assert_allclose(proba[:, 1], y.mean(), rtol=0.02)
    model = catboost(Focal(2.0), 2).fit(data)
    proba = predict_proba(model, X, init_score=start)
    assert log_loss(y, proba) < 0.7 * log_loss(y, np.full(len(y), y.mean()))


@pytest.mark.parametrize("weighted", [False, True])
@each_number
def test_hist_gradient_boosting_built_in(n_classes, weighted):
    X, y, w = table(n_classes)
    w = w if weighted else None
    built_in = HistGradientBoostingClassifier(max_iter=TREES).fit(X, y, w)
    loss = hist_gradient_boosting_loss(CrossEntropy(), n_classes)
    ours = clone(HistGradientBoostingClassifier(max_iter=TREES, loss=loss)).fit(X, y, w)
    assert_allclose(ours.predict_proba(X), built_in.predict_proba(X), atol=1e-6)
    assert_array_equal(ours.predict(X), built_in.predict(X))


@pytest.mark.parametrize("name", LOSSES)
@each_number
def test_hist_gradient_boosting_of_every_loss(name, n_classes):
    X, y, _ = table(n_classes)
    loss = hist_gradient_boosting_loss(LOSSES[name](), n_classes)
    model = HistGradientBoostingClassifier(
        loss=loss, early_stopping=True, max_iter=TREES, random_state=0
    ).fit(X[:700], np.array(["a", "b", "c"])[y[:700]])
    assert model.train_score_[-1] > model.train_score_[0]
    constant = np.bincount(y[:700]) / 700
    reference = log_loss(y[700:], np.tile(constant, (300, 1)))
    # The posterior of a hinge may be 0.
    proba = np.clip(model.predict_proba(X[700:]), 0.02, None)
    proba /= proba.sum(axis=1, keepdims=True)
    assert log_loss(y[700:], proba) < 0.9 * reference


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("n_classes", "found"),
    [(2, 1), (3, 2), (3, 1), (5, 3), (None, 1), (None, 2), (None, 3)],
)
def test_hist_gradient_boosting_where_y_lacks_classes(n_classes, found, early_stopping):
    """As the built-in loss, which is made for the classes that y has."""
    X, _, w = table(n=120)
    y = np.array(["a", "b", "c"])[np.arange(120) % found]
    settings = {"max_iter": 5, "early_stopping": early_stopping, "random_state": 0}
    built_in = HistGradientBoostingClassifier(**settings).fit(X, y, w)
    loss = hist_gradient_boosting_loss(CrossEntropy(), n_classes)
    ours = HistGradientBoostingClassifier(loss=loss, **settings).fit(X, y, w)
    assert_allclose(ours.predict_proba(X), built_in.predict_proba(X), atol=1e-6)
    assert_array_equal(ours.predict(X), built_in.predict(X))


def test_hist_gradient_boosting_in_folds_that_lack_a_class():
    X, _, _ = table(n=90)
    y = np.repeat(["a", "b", "c"], 30)
    losses = [hist_gradient_boosting_loss(Focal(g), n_threads=1) for g in (0, 2)]
    model = HistGradientBoostingClassifier(max_iter=3)
    search = GridSearchCV(model, {"loss": losses}, cv=KFold(3), error_score="raise")
    assert_array_equal(search.fit(X, y).cv_results_["mean_test_score"], 0)
    # One loss may be shared by several models, and a warm start returns to the first.
    first = HistGradientBoostingClassifier(loss=losses[1], max_iter=3, warm_start=True)
    first.fit(X, y)
    HistGradientBoostingClassifier(loss=losses[1], max_iter=3).fit(X[:60], y[:60])
    longer = first.set_params(max_iter=6).fit(X, y).predict_proba(X)
    once = HistGradientBoostingClassifier(loss=losses[1], max_iter=6).fit(X, y)
    assert_allclose(longer, once.predict_proba(X), atol=1e-6)


def test_hist_gradient_boosting_refuses_classes_that_it_cannot_know():
    X, y, _ = table(3)
    model = HistGradientBoostingClassifier(loss=hist_gradient_boosting_loss(Focal(), 2))
    with pytest.raises(
        ValueError, match=r"^n_classes must be at least 3, .*, got 2\.$"
    ):
        model.fit(X, y)
    loss = hist_gradient_boosting_loss(Focal(), 3, class_weight=[1, 2, 3])
    model = HistGradientBoostingClassifier(loss=loss)
    with pytest.raises(ValueError, match=r"^class_weight must be None for a y of 2 of"):
        model.fit(X[y != 1], y[y != 1])


@pytest.mark.parametrize("name", LOSSES)
@each_number
def test_native_and_estimator_are_one(name, n_classes):
    """xgboost.train and lightgbm.train, from the same start as the estimators."""
    xgboost, lightgbm = library("xgboost"), library("lightgbm")
    loss, (X, y, w) = LOSSES[name](), table(n_classes, n=500)
    objective = xgboost_objective(loss)
    start = objective.init_score(y, w)
    margin = repeat(start, len(y))
    model = xgboost.XGBClassifier(objective=objective, **{**XGB, "n_estimators": 5})
    model.fit(X, y, sample_weight=w, base_margin=margin)
    data = xgboost.DMatrix(X, y, weight=w, base_margin=margin)
    params = {"max_depth": 4, "nthread": 1}
    params |= {"num_class": 3} if n_classes == 3 else {}
    found = {}
    booster = xgboost.train(
        params,
        data,
        5,
        obj=objective,
        custom_metric=xgboost_metric(loss),
        evals=[(data, "train")],
        evals_result=found,
        verbose_eval=False,
    )
    proba = predict_proba(booster, X, objective=objective, init_score=start)
    assert_allclose(proba, predict_proba(model, X, init_score=start), atol=1e-6)
    history = found["train"][loss.name]
    assert history == sorted(history, reverse=True)
    with pytest.raises(ValueError, match=r"^objective must be given for a model"):
        predict_proba(booster, X)

    objective = lightgbm_objective(loss)
    model = lightgbm.LGBMClassifier(objective=objective, **{**LGBM, "n_estimators": 5})
    model.fit(X, y, sample_weight=w, init_score=margin)
    data = lightgbm.Dataset(X, y, weight=w, init_score=margin.ravel(order="F"))
    params = {"objective": objective, "num_leaves": 15, "verbosity": -1}
    params |= {"num_class": 3} if n_classes == 3 else {}
    found = {}
    booster = lightgbm.train(
        {**params, "num_threads": 1},
        data,
        5,
        feval=lightgbm_metric(loss),
        valid_sets=[data],
        callbacks=[lightgbm.record_evaluation(found)],
    )
    proba = predict_proba(booster, X, objective=objective, init_score=start)
    assert_allclose(proba, predict_proba(model, X, init_score=start), atol=1e-6)
    history = found["training"][loss.name]
    assert history == sorted(history, reverse=True)


def test_what_train_is_given_wrongly():
    xgboost, lightgbm = library("xgboost"), library("lightgbm")
    X, y, _ = table(n=100)
    ours = {
        "xgboost": xgboost_objective("focal"),
        "lightgbm": lightgbm_objective("focal"),
    }

    def train(name, X, y, objective):
        if name == "xgboost":
            return xgboost.train({}, xgboost.DMatrix(X, y), 1, obj=objective)
        params = {"objective": objective, "verbosity": -1}
        return lightgbm.train(params, lightgbm.Dataset(X, y), 1)

    for name, other in (("xgboost", "lightgbm"), ("lightgbm", "xgboost")):
        message = rf"^objectives and metrics must be those of skxent.boosting.{name}_\*"
        with pytest.raises(ValueError, match=message):
            train(name, X, y, ours[other])
        with pytest.raises(ValueError, match=r"^y must be codes .* set num_class\.$"):
            train(name, X, np.arange(100) % 3, ours[name])
        with pytest.raises(ValueError, match=r"^y must be integer codes, got .* Soft"):
            train(name, X, X[:, 0], ours[name])
    with pytest.raises(ValueError, match=r"^DMatrix must have labels, got one without"):
        train("xgboost", X, None, ours["xgboost"])


def test_early_stopping_by_the_metric():
    xgboost, lightgbm = library("xgboost"), library("lightgbm")
    X, y, _ = table()
    loss, train, rest = Focal(2.0), slice(0, 500), slice(500, None)
    objective = xgboost_objective(loss)
    base_score = expit(objective.init_score(y[train]))
    settings = {**XGB, "n_estimators": 300, "early_stopping_rounds": 5}
    model = xgboost.XGBClassifier(
        objective=objective,
        eval_metric=xgboost_metric(loss),
        base_score=base_score,
        **settings,
    )
    model.fit(X[train], y[train], eval_set=[(X[rest], y[rest])], verbose=False)
    history = model.evals_result()["validation_0"]["focal"]
    assert model.best_iteration == np.argmin(history) < 290
    raw = model.predict(X[rest], output_margin=True)
    assert_allclose(xgboost_metric(loss)(y[rest], raw), min(history), rtol=1e-5)
    booster = model.get_booster()
    assert_allclose(
        predict_proba(booster, X[rest], objective=objective),
        predict_proba(model, X[rest]),
    )

    data = lightgbm.Dataset(X[train], y[train], free_raw_data=False)
    params = {"objective": lightgbm_objective(loss), "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(
        params,
        data,
        300,
        feval=lightgbm_metric(loss),
        valid_sets=[lightgbm.Dataset(X[rest], y[rest], reference=data)],
        callbacks=[lightgbm.early_stopping(5, verbose=False)],
    )
    assert booster.best_iteration < 290
    best = booster.best_score["valid_0"]["focal"]
    raw = booster.predict(X[rest], raw_score=True)
    assert_allclose(lightgbm_metric(loss)(y[rest], raw)[1], best)


@each_number
def test_soft_labels(n_classes):
    """Rows numbered in place of labels; the two halves of a row do what it does."""
    xgboost, lightgbm = library("xgboost"), library("lightgbm")
    X, _, _ = table(n_classes, n=400)
    soft = np.random.default_rng(0).dirichlet(np.ones(n_classes), len(X))
    soft[:, 0] += X[:, 0] > 0
    soft /= soft.sum(axis=1, keepdims=True)
    rows, settings = np.arange(len(X)), {"n_estimators": 20, "n_jobs": 1}
    settings |= {"num_class": 3} if n_classes == 3 else {}
    constant = -(soft * np.log(soft.mean(axis=0))).sum(axis=1).mean()

    def score(proba):
        return -(soft * np.log(proba)).sum(axis=1).mean() / constant

    models = [
        xgboost.XGBRegressor(
            objective=xgboost_objective(Focal(1.0), soft_labels=soft), **settings
        ),
        lightgbm.LGBMRegressor(
            objective=lightgbm_objective(Focal(1.0), soft_labels=soft),
            metric="none",
            verbosity=-1,
            **settings,
        ),
    ]
    if n_classes == 2:
        models.append(
            library("catboost").CatBoostRegressor(
                loss_function=catboost_objective(Focal(1.0), soft_labels=soft),
                eval_metric=catboost_metric(Focal(1.0), soft_labels=soft),
                **CATBOOST,
            )
        )
    for model in models:
        assert score(predict_proba(model.fit(X, rows), X)) < 0.95


CLASSIFIERS = ["xgboost", "lightgbm", "catboost"]


def classifier(name, n_classes, gamma=2.0, **settings):
    """A library's own classifier with our objective, unfitted."""
    loss = Focal(gamma)
    if name == "catboost":
        return catboost(loss, n_classes, **{"iterations": 5, **settings})
    if name == "xgboost":
        objective = xgboost_objective(loss, n_threads=1)
        settings = {**XGB, "n_estimators": 5, "objective": objective, **settings}
        return library(name).XGBClassifier(**settings)
    objective = lightgbm_objective(loss, n_threads=1)
    settings = {**LGBM, "n_estimators": 5, "objective": objective, **settings}
    return library(name).LGBMClassifier(**settings)


def posterior_score(model, X, y):
    return -log_loss(y, predict_proba(model, X))


@pytest.mark.parametrize("name", CLASSIFIERS)
@each_number
def test_the_libraries_classifiers_are_copied_and_searched(name, n_classes):
    X, y, _ = table(n_classes, n=120)
    model = classifier(name, n_classes)
    fitted = clone(model).fit(X, y)
    expected = predict_proba(fitted, X)
    for again in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert_array_equal(predict_proba(again, X), expected)
        assert_array_equal(predict_proba(clone(again).fit(X, y), X), expected)
    again = pickle.loads(pickle.dumps(model)).fit(X, y)
    assert_array_equal(predict_proba(again, X), expected)
    scores = cross_val_score(
        model, X, y, cv=2, scoring=posterior_score, error_score="raise"
    )
    assert (scores > -1.2).all()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_grid_search_in_two_processes(name):
    X, y, _ = table(n=300)

    def score(model, X, y):  # workers cannot import this module
        return -log_loss(y, predict_proba(model, X))

    parameter = "loss_function" if name == "catboost" else "objective"
    grid = [classifier(name, 2, gamma).get_params()[parameter] for gamma in (0, 2)]
    search = GridSearchCV(
        classifier(name, 2),
        {parameter: grid},
        scoring=score,
        cv=2,
        error_score="raise",
    )
    scores = search.fit(X, y).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and scores[0] != scores[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a worker that took long
        search.set_params(n_jobs=2, refit=False).fit(X, y)
    assert_allclose(search.cv_results_["mean_test_score"], scores)
