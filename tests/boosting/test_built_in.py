"""Cross-entropy gives the probabilities of the libraries' own classifiers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

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


# In float32 some two of a million splits are equal, and either may be taken.
FEW_SPLITS = {"n_estimators": 50, "max_bin": 16, "n_jobs": 1}


def xgb():
    settings = {**FEW_SPLITS, "max_depth": 2, "enable_categorical": True}
    return xgboost.XGBClassifier(**settings)


def lgbm():
    return lightgbm.LGBMClassifier(**FEW_SPLITS, num_leaves=4, verbosity=-1)


def cat(mixed):
    categories = {"cat_features": ["kind"], "one_hot_max_size": 9} if mixed else {}
    return catboost.CatBoostClassifier(
        iterations=50,
        depth=3,
        leaf_estimation_backtracking="No",  # custom objectives have none
        verbose=0,
        thread_count=1,
        allow_writing_files=False,
        **categories,
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_probabilities_of_fifty_trees(library, n_classes, mixed, weighted):
    """To 1e-5, from the start that the library chooses, by its own parameters."""
    # CatBoost calls Python for every row.
    slow = library == "catboost" and n_classes > 2
    X, y, w = table(n_classes, mixed, n=60 if slow else 400)
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
