"""Cross-entropy gives the probabilities of the libraries' own classifiers."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import boosters
from skxent.boosting import (
    CatBoostLossClassifier,
    FocalCatBoostClassifier,
    FocalLGBMClassifier,
    FocalXGBClassifier,
    LGBMLossClassifier,
    XGBLossClassifier,
)

pd = pytest.importorskip("pandas", reason="pip install pandas")
catboost = pytest.importorskip("catboost", reason="pip install '.[catboost]'")
lightgbm = pytest.importorskip("lightgbm", reason="pip install '.[lightgbm]'")
xgboost = pytest.importorskip("xgboost", reason="pip install '.[xgboost]'")


def table(n_classes, mixed, n=400):
    """Numbers and, if mixed, missing values and a column of categories."""
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(n, 5))
    score = X[:, 0] + X[:, 1] ** 2 / 2 + rng.normal(size=n)
    borders = np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1] ** 1.3)
    frame = pd.DataFrame(X, columns=list("abcde"))
    if mixed:
        frame.loc[rng.random(n) < 0.15, "a"] = np.nan
        codes = np.digitize(X[:, 1] + rng.normal(size=n), [-1, 0, 1])
        frame["kind"] = pd.Categorical(np.array(list("uvwx"))[codes])
    return frame, np.digitize(score, borders), rng.uniform(0.2, 2, n)


xgb = partial(boosters.xgb, 50, enable_categorical=True)
lgbm = partial(boosters.lgbm, 50)


def cat(mixed):
    categories = {"cat_features": ["kind"], "one_hot_max_size": 9} if mixed else {}
    return boosters.cat(50, depth=3, **categories)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_probabilities_of_fifty_trees(library, n_classes, mixed, weighted):
    """To 1e-5, from the start that the library chooses, by its own parameters."""
    X, y, w = table(n_classes, mixed)
    w = w if weighted else None
    ours, theirs = {
        "xgboost": lambda: (XGBLossClassifier, xgb()),
        "lightgbm": lambda: (LGBMLossClassifier, lgbm()),
        "catboost": lambda: (CatBoostLossClassifier, cat(mixed)),
    }[library]()
    model = ours(estimator=theirs).fit(X, y, sample_weight=w)
    expected = theirs.fit(X, y, sample_weight=w).predict_proba(X)
    assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-5)
    assert_array_equal(model.predict(X), np.ravel(theirs.predict(X)))
    assert_allclose(
        expected.mean(axis=0),
        np.bincount(y, w) / np.sum(np.ones(len(y)) if w is None else w),
        atol=0.05,
    )
    # The estimator has been fitted now, and is taken as it was.
    again = ours(estimator=theirs).fit(X, y, sample_weight=w)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


EACH = pytest.mark.parametrize(
    ("ours", "make", "few", "raw"),
    [
        (
            XGBLossClassifier,
            xgb,
            {"iteration_range": (0, 5)},
            {"output_margin": True},
        ),
        (LGBMLossClassifier, lgbm, {"num_iteration": 5}, {"raw_score": True}),
        (
            CatBoostLossClassifier,
            lambda: cat(False),
            {"ntree_end": 5},
            {"prediction_type": "RawFormulaVal"},
        ),
    ],
)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
@EACH
@pytest.mark.parametrize("n_classes", [2, 3])
def test_what_the_library_tells_and_takes(ours, make, few, raw, n_classes):
    """Metrics of the sets under their names, and the options of predictions."""
    X, y, _ = table(n_classes, mixed=False)
    A, a, B, b = X[:300], y[:300], X[300:], y[300:]
    sets = [(A, a), (B, b)]
    model, theirs = ours(estimator=make()), make()
    model.fit(A, a, eval_set=sets)
    theirs.fit(A, a, eval_set=sets)
    told = theirs.evals_result_
    assert model.evals_result_ == (told() if callable(told) else told)
    assert model.n_classes_ == n_classes
    expected = theirs.predict_proba(B, **few)
    assert_allclose(model.predict_proba(B, **few), expected, rtol=1e-5, atol=1e-7)
    assert_array_equal(model.predict(B, **few), np.ravel(theirs.predict(B, **few)))
    margins = theirs.predict(B, **raw)
    assert_array_equal(model.predict(B, **raw), margins)
    assert_array_equal(model.decision_function(B), margins)
    if ours is not CatBoostLossClassifier:
        none = dict.fromkeys(raw, False)
        assert_array_equal(model.predict(B, **none), model.predict(B))
        assert_array_equal(model.predict_proba(B, **none), model.predict_proba(B))
        assert_array_equal(model.predict_proba(B, **raw), margins)
    if ours is not LGBMLossClassifier:  # which takes any parameter
        with pytest.raises(TypeError, match="n_trees"):
            model.predict(B, n_trees=5)


@EACH
def test_options_of_predictions_with_another_loss(ours, make, few, raw):
    X, y, _ = table(3, mixed=False)
    size = "iterations" if "ntree_end" in few else "n_estimators"
    short = ours("poly1", estimator=make().set_params(**{size: 5})).fit(X, y)
    model = ours("poly1", estimator=make()).fit(X, y)
    proba = model.predict_proba(X, **few)
    assert_allclose(proba, short.predict_proba(X), rtol=1e-5)
    assert_allclose(model.predict(X, **raw), model.decision_function(X))


@pytest.mark.parametrize(
    ("focal", "loss", "make"),
    [
        (FocalXGBClassifier, XGBLossClassifier, xgb),
        (FocalLGBMClassifier, LGBMLossClassifier, lgbm),
        (FocalCatBoostClassifier, CatBoostLossClassifier, lambda: cat(False)),
    ],
)
def test_focal_classifiers_are_the_same_with_gamma(focal, loss, make):
    X, y, _ = table(2, mixed=False)
    one = focal(1.5, estimator=make(), label_smoothing=0.1).fit(X, y)
    other = loss("focal", estimator=make(), label_smoothing=0.1)
    other.set_params(loss__gamma=1.5).fit(X, y)
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert "loss" not in one.get_params() and one.get_params()["gamma"] == 1.5
