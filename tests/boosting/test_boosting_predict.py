"""boosting.predict_proba: whatever the libraries predict from, and start values."""

from importlib.util import find_spec

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skxent.boosting import (
    catboost_metric,
    catboost_objective,
    lightgbm_objective,
    predict_proba,
    xgboost_objective,
)
from skxent.losses import Focal

each_number = pytest.mark.parametrize("n_classes", [2, 3])
LOSS = Focal(2.0)
N, N_FEATURES = 150, 4


def library(name):
    return pytest.importorskip(name, reason=f"pip install '.[{name}]'")


def table(n_classes, n=N):
    """Numbers that float32 holds: some containers go through it."""
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n, N_FEATURES)).astype(np.float32).astype(np.float64)
    X[rng.random(X.shape) < 0.1] = 0
    return X, np.digitize(X[:, 0] + rng.normal(size=n) / 2, [0, 0.7][: n_classes - 1])


def starts(n_classes):
    """Start values of each form, and the same for each row."""
    rows = np.random.default_rng(0).normal(size=(N, 1 if n_classes == 2 else 3))
    rows = rows[:, 0] if n_classes == 2 else rows
    forms = [0.3, [0.3]] if n_classes == 2 else [0.3, [0.1, -0.4, 0.3]]
    each = [(form, np.broadcast_to(form, rows.shape)) for form in forms]
    return [(None, np.zeros(rows.shape)), *each, (rows, rows), (rows.tolist(), rows)]


def containers(X):
    found = {"array": X, "F-order": np.asfortranarray(X), "list": X.tolist()}
    found |= {"float32": X.astype(np.float32)}
    for kind in (sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array):
        found[kind.__name__] = kind(X)
    # XGBoost reads polars by way of pyarrow.
    for name in ("pandas", "polars") if find_spec("pyarrow") else ("pandas",):
        found[name] = pytest.importorskip(name).DataFrame(
            {f"f{k}": column for k, column in enumerate(X.T)}
        )
    return found


def train_xgboost(X, y, n_classes, start=None, missing=np.nan, **settings):
    xgboost = library("xgboost")
    data = xgboost.DMatrix(X, y, base_margin=start, missing=missing)
    params = {"nthread": 1, **settings}
    params |= {"num_class": n_classes} if n_classes > 2 else {}
    return xgboost.train(params, data, 5, obj=xgboost_objective(LOSS, n_threads=1))


def posterior(raw):
    return LOSS.posterior(raw)


@each_number
def test_xgboost_from_every_container(n_classes):
    xgboost = library("xgboost")
    X, y = table(n_classes)
    objective = xgboost_objective(LOSS)
    booster = train_xgboost(X, y, n_classes)
    estimator = xgboost.XGBClassifier(objective=objective, n_estimators=5, n_jobs=1)
    estimator.fit(X, y)
    models = [(booster, booster), (estimator, estimator.get_booster())]
    for start, rows in starts(n_classes):
        for model, native in models:
            margin = None if start is None else rows
            data = xgboost.DMatrix(X, base_margin=margin)
            expected = posterior(native.predict(data, output_margin=True))
            given = {"objective": objective, "init_score": start}
            data = [xgboost.DMatrix(X), xgboost.QuantileDMatrix(X, ref=None)]
            for rows_given in [*containers(X).values(), *data]:
                if sp.issparse(rows_given):
                    continue  # XGBoost takes its zeros for missing values
                proba = predict_proba(model, rows_given, **given)
                assert_allclose(proba, expected, atol=1e-6)
            assert all(not d.get_base_margin().size for d in data)


@each_number
def test_xgboost_from_sparse_rows(n_classes):
    xgboost = library("xgboost")
    X, y = table(n_classes)
    booster = train_xgboost(sp.csr_matrix(X), y, n_classes)
    data = xgboost.DMatrix(sp.csr_matrix(X))
    expected = posterior(booster.predict(data, output_margin=True))
    for name, rows in containers(X).items():
        if sp.issparse(rows):
            proba = predict_proba(booster, rows, objective=xgboost_objective(LOSS))
            assert_allclose(proba, expected, atol=1e-6, err_msg=name)


@each_number
@pytest.mark.parametrize("missing", [-999.0, 0.0, np.nan])
def test_what_stands_for_a_missing_value(n_classes, missing):
    """A native Booster does not record it; estimators and a DMatrix do."""
    xgboost = library("xgboost")
    X, y = table(n_classes)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = missing
    objective = xgboost_objective(LOSS)
    booster = train_xgboost(X, y, n_classes, missing=missing)
    data = xgboost.DMatrix(X, missing=missing)
    expected = posterior(booster.predict(data, output_margin=True))
    given = {"objective": objective}
    assert_allclose(predict_proba(booster, data, **given), expected, atol=1e-6)
    for rows in (X, X.tolist(), library("pandas").DataFrame(X)):
        proba = predict_proba(booster, rows, missing=missing, **given)
        assert_allclose(proba, expected, atol=1e-6)
    if missing == -999:
        assert np.abs(predict_proba(booster, X, **given) - expected).max() > 0.01
    model = xgboost.XGBClassifier(
        objective=objective, n_estimators=5, n_jobs=1, missing=missing
    ).fit(X, y)
    expected = posterior(model.get_booster().predict(data, output_margin=True))
    for rows in (X, data):
        assert_allclose(predict_proba(model, rows), expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"^missing must be None for a fitted XGBC"):
        predict_proba(model, X, missing=missing)


@each_number
def test_xgboost_kinds_of_boosters_and_best_iterations(n_classes):
    xgboost = library("xgboost")
    X, y = table(n_classes)
    given = {"objective": xgboost_objective(LOSS)}
    for settings in (
        {"booster": "gblinear"},
        {"booster": "dart", "rate_drop": 0.5},
        {"base_score": 0.2},
    ):
        booster = train_xgboost(X, y, n_classes, **settings)
        raw = booster.predict(xgboost.DMatrix(X), output_margin=True)
        for rows in (X, xgboost.DMatrix(X)):
            proba = predict_proba(booster, rows, **given)
            assert_allclose(proba, posterior(raw), atol=1e-6)
    booster = train_xgboost(X, y, n_classes)
    booster.best_iteration = 2
    raw = booster.predict(
        xgboost.DMatrix(X), output_margin=True, iteration_range=(0, 3)
    )
    for rows in (X, xgboost.DMatrix(X)):
        proba = predict_proba(booster, rows, **given)
        assert_allclose(proba, posterior(raw), atol=1e-6)
    assert_array_equal(predict_proba(booster, X[:0], **given).shape, (0, n_classes))


@each_number
def test_a_dmatrix_and_a_pool_may_hold_the_start_values(n_classes):
    xgboost, catboost = library("xgboost"), library("catboost")
    X, y = table(n_classes)
    start, rows = starts(n_classes)[3]
    booster = train_xgboost(X, y, n_classes, rows)
    data = xgboost.DMatrix(X, base_margin=rows)
    given = {"objective": xgboost_objective(LOSS)}
    expected = posterior(booster.predict(data, output_margin=True))
    assert_allclose(predict_proba(booster, data, **given), expected)
    proba = predict_proba(booster, X, init_score=start, **given)
    assert_allclose(proba, expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"^init_score must be None for a DMatrix"):
        predict_proba(booster, data, init_score=start, **given)
    model = train_catboost(X, y, n_classes, rows)
    pool = catboost.Pool(X, baseline=rows)
    proba = predict_proba(model, X, init_score=start)
    assert_allclose(predict_proba(model, pool), proba, atol=1e-6)
    with pytest.raises(ValueError, match=r"^init_score must be None for a Pool"):
        predict_proba(model, pool, init_score=start)


@each_number
@pytest.mark.parametrize("linear_tree", [False, True])
def test_lightgbm_from_every_container(n_classes, linear_tree):
    lightgbm = library("lightgbm")
    X, y = table(n_classes)
    objective = lightgbm_objective(LOSS, n_threads=1)
    params = {"objective": objective, "verbosity": -1, "num_threads": 1}
    params |= {"linear_tree": linear_tree}
    params |= {"num_class": n_classes} if n_classes > 2 else {}
    booster = lightgbm.train(params, lightgbm.Dataset(X, y), 5)
    for best in (None, 2):
        if best:
            booster.best_iteration = best
        raw = booster.predict(X, raw_score=True, num_iteration=best)
        for start, rows in starts(n_classes):
            for given in containers(X).values():
                proba = predict_proba(
                    booster, given, objective=objective, init_score=start
                )
                assert_allclose(proba, posterior(raw + rows), atol=1e-6)


def train_catboost(X, y, n_classes, start=None, **settings):
    catboost = library("catboost")
    model = catboost.CatBoostClassifier(
        loss_function=catboost_objective(LOSS, n_threads=1),
        eval_metric=catboost_metric(LOSS, n_threads=1),
        class_names=tuple(range(n_classes)),
        iterations=4,
        depth=3,
        verbose=0,
        thread_count=1,
        allow_writing_files=False,
    )
    return model.fit(catboost.Pool(X, y, baseline=start, **settings))


@each_number
def test_catboost_from_every_container(n_classes):
    catboost = library("catboost")
    X, y = table(n_classes)
    model = train_catboost(X, y, n_classes)
    raw = model.predict(X, prediction_type="RawFormulaVal")
    for start, rows in starts(n_classes):
        for given in [*containers(X).values(), catboost.Pool(X)]:
            proba = predict_proba(model, given, init_score=start)
            assert_allclose(proba, posterior(raw + rows), atol=1e-6)


def test_categories():
    pd = library("pandas")
    X, y = table(2)
    frame = pd.DataFrame({"number": X[:, 1]})
    frame["kind"] = pd.cut(X[:, 0], 4, labels=list("dbca"))
    lightgbm, xgboost, catboost = map(library, ("lightgbm", "xgboost", "catboost"))
    shuffled = frame.iloc[::-1]
    objective = lightgbm_objective(LOSS, n_threads=1)
    params = {"objective": objective, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(frame, y), 5)
    proba = predict_proba(booster, shuffled, objective=objective, init_score=0.1)
    raw = booster.predict(shuffled, raw_score=True)
    assert_allclose(proba, posterior(raw + 0.1))

    objective = xgboost_objective(LOSS, n_threads=1)
    data = xgboost.DMatrix(frame, y, enable_categorical=True)
    booster = xgboost.train({"nthread": 1}, data, 5, obj=objective)
    data = xgboost.DMatrix(shuffled, enable_categorical=True)
    raw = booster.predict(data, output_margin=True)
    for rows in (shuffled, data):
        proba = predict_proba(booster, rows, objective=objective)
        assert_allclose(proba, posterior(raw), atol=1e-6)

    model = train_catboost(frame, y, 2, cat_features=["kind"])
    raw = model.predict(shuffled, prediction_type="RawFormulaVal")
    rows = shuffled.astype({"kind": str}).to_numpy().tolist()
    pool = catboost.Pool(shuffled, cat_features=["kind"])
    for given in (shuffled, rows, pool):
        assert_allclose(
            predict_proba(model, given, init_score=0.1), posterior(raw + 0.1)
        )


@pytest.mark.parametrize("names", [("1", "2", "9", "10"), ("b", "a"), ("c", "a", "b")])
def test_columns_are_in_the_order_of_catboosts_classes(names):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, len(names), 200)
    X = np.column_stack([codes + rng.normal(scale=0.2, size=200), rng.normal(size=200)])
    for class_names in (names, tuple(sorted(names))):
        model = (
            library("catboost")
            .CatBoostClassifier(
                loss_function=catboost_objective(LOSS, n_threads=1),
                eval_metric=catboost_metric(LOSS, n_threads=1),
                class_names=class_names,
                iterations=10,
                verbose=0,
                thread_count=1,
                allow_writing_files=False,
            )
            .fit(X, np.array(names)[codes])
        )
        assert tuple(model.classes_) == class_names
        chosen = model.classes_[predict_proba(model, X).argmax(axis=1)]
        assert np.mean(chosen == np.array(names)[codes]) > 0.9


@each_number
def test_a_dataset_of_lightgbm(n_classes):
    lightgbm = library("lightgbm")
    X, y = table(n_classes)
    objective = lightgbm_objective(LOSS, n_threads=1)
    params = {"objective": objective, "verbosity": -1, "num_threads": 1}
    params |= {"num_class": n_classes} if n_classes > 2 else {}
    data = lightgbm.Dataset(X, y, free_raw_data=False)
    booster = lightgbm.train(params, data, 2)
    proba = predict_proba(booster, data, objective=objective)
    assert_array_equal(proba, predict_proba(booster, X, objective=objective))
    freed = lightgbm.Dataset(X, y, free_raw_data=True).construct()
    with pytest.raises(ValueError, match=r"^X must be a Dataset that has kept its row"):
        predict_proba(booster, freed, objective=objective)


@each_number
def test_what_cannot_be_predicted_from(n_classes):
    xgboost, lightgbm, catboost = map(library, ("xgboost", "lightgbm", "catboost"))
    X, y = table(n_classes)
    booster = train_xgboost(X, y, n_classes)
    objective = lightgbm_objective(LOSS, n_threads=1)
    params = {"objective": objective, "verbosity": -1, "num_threads": 1}
    params |= {"num_class": n_classes} if n_classes > 2 else {}
    models = {
        "xgboost": booster,
        "lightgbm": lightgbm.train(params, lightgbm.Dataset(X, y), 2),
        "catboost": train_catboost(X, y, n_classes),
    }
    data = [xgboost.DMatrix(X), lightgbm.Dataset(X), catboost.Pool(X)]
    for k, (name, model) in enumerate(models.items()):

        def refused(message, X=X, model=model, **settings):
            with pytest.raises(ValueError, match=message):
                predict_proba(model, X, objective=objective, **settings)

        for i, other in enumerate(data):
            if i != k:
                refused(rf"^X must be rows that {name} predicts from, .*", other)
        for row in (X[0], X[0].tolist()):
            refused(r"^X must be of shape \(n, d\), got one dimension", row)
        for nothing in (None, 2.0, "rows"):
            refused(rf"^X must be rows that {name} predicts from, .* builtins", nothing)
        assert predict_proba(model, X[:0], objective=objective).shape == (0, n_classes)
        refused(r"^init_score must be a number or of shape", init_score=[0.1, 0.2])
        refused(r"^init_score must be finite", init_score=np.nan)
        refused(r"^init_score must be real numbers", init_score="a")
        if name != "xgboost":
            refused(rf"^missing must be None for {name}, got 0\.", missing=0.0)
    with pytest.raises(ValueError, match=r"^missing must be real numbers, got <U1"):
        predict_proba(booster, X, objective=objective, missing="a")
    with pytest.raises(ValueError, match=r"^missing must be None for a DMatrix"):
        predict_proba(booster, data[0], objective=objective, missing=0.0)
