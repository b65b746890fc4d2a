"""FocalXGBClassifier and FocalLGBMClassifier: scikit-learn's checks, and their own."""

import doctest
import pickle
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import boosters
from skxent.boosting import (
    CatBoostLossClassifier,
    FocalCatBoostClassifier,
    FocalLGBMClassifier,
    FocalXGBClassifier,
    LGBMLossClassifier,
    XGBLossClassifier,
    _cat_classifier,
    _focal,
    _lgbm_classifier,
    _xgb_classifier,
)
from skxent.losses import Focal
from skxent.metrics import focal_loss
from skxent.scorers import neg_log_loss_scorer

catboost = pytest.importorskip("catboost", reason="pip install '.[catboost]'")
xgboost = pytest.importorskip("xgboost", reason="pip install '.[xgboost]'")
lightgbm = pytest.importorskip("lightgbm", reason="pip install '.[lightgbm]'")


def is_older(module, *version):
    return tuple(map(int, module.__version__.split(".")[:2])) < version


xgb = partial(boosters.xgb, 30)
lgbm = partial(boosters.lgbm, 30)
cat = partial(boosters.cat, 1, bootstrap_type="No")

# LightGBM counts rows in its limits on leaves and bins, whatever their weights.
UNLIMITED = {"min_child_samples": 0, "min_data_in_bin": 1}
# CatBoost multiplies its penalty by the mean weight, and chooses the rate by the rows.
EVEN = {"l2_leaf_reg": 0, "random_strength": 0, "learning_rate": 1.0}
EVEN |= {"leaf_estimation_method": "Gradient", "boost_from_average": True}
CHECKED = [
    XGBLossClassifier("poly1", estimator=xgb()),
    # XGBoost's own gradients of weighted rows are rounded: later trees may differ.
    XGBLossClassifier(estimator=xgb(n_estimators=1)),
    LGBMLossClassifier(estimator=lgbm(**UNLIMITED)),
    CatBoostLossClassifier(estimator=cat(**EVEN)),
    CatBoostLossClassifier("poly1", estimator=cat(**EVEN)),
    FocalCatBoostClassifier(estimator=cat(**EVEN)),
    FocalXGBClassifier(),
    FocalXGBClassifier(0.0, estimator=xgb(), posterior=False, hessian="psd"),
    FocalLGBMClassifier(),
    FocalLGBMClassifier(1.0, estimator=lgbm(**UNLIMITED), label_smoothing=0.1),
]
each = pytest.mark.parametrize(
    ("cls", "make"), [(FocalXGBClassifier, xgb), (FocalLGBMClassifier, lgbm)]
)


def rounded_weights(estimator):
    """Libraries that round their own gradients of weighted rows, even for one tree."""
    rounds = LGBMLossClassifier
    if is_older(xgboost, 3, 2):
        rounds = LGBMLossClassifier, XGBLossClassifier
    own = isinstance(estimator, rounds) and estimator.loss == "cross_entropy"
    names = "dense", "sparse"
    reason = "the margins of the library's classifier fail it, too"
    checks = [f"check_sample_weight_equivalence_on_{name}_data" for name in names]
    return dict.fromkeys(checks, reason) if own else {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(CHECKED, expected_failed_checks=rounded_weights)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def table(n_classes=2, n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    codes = (X[:, 0] + X[:, 1] ** 2 + rng.normal(size=n) > 2).astype(int)
    if n_classes == 3:
        codes += X[:, 2] > 1
    return X, np.array(["no", "so", "yes"])[codes]


def imbalanced(n, seed):
    """One row in a hundred is positive; the log-odds are smooth, none is certain."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    z = 2 * X[:, 0] + 1.5 * X[:, 1] * X[:, 2] + 1.5 * np.abs(X[:, 3]) + X[:, 4] - 7.3
    return X, (rng.random(n) < expit(z)).astype(int)


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gamma_zero_is_the_librarys_classifier(cls, make, n_classes):
    X, y = table(n_classes)
    codes = np.unique(y, return_inverse=True)[1]
    model = cls(gamma=0.0, estimator=make()).fit(X, y)
    settings = {}
    if n_classes == 3 and make is xgb and is_older(xgboost, 3, 2):
        # XGBoost starts at the class frequencies, not at their logarithms.
        settings["base_score"] = model.init_score_.tolist()
    expected = make(**settings).fit(X, codes).predict_proba(X)
    # Even derivatives have 22 bits, which may decide between equal splits.
    gap = np.abs(model.predict_proba(X) - expected).max(axis=1)
    assert np.median(gap) < 1e-3
    assert_array_equal(model.classes_, np.unique(y))
    assert model.score(X, y) > 0.9


@each
def test_probabilities_of_a_rare_class(cls, make):
    """Posterior: within 2% of the built-in objective; the sigmoid is far off."""
    X, y = imbalanced(26_000, seed=0)
    X_test, y_test = imbalanced(60_000, seed=1)
    train, rest = slice(0, 20_000), slice(20_000, None)
    shape = {"max_depth": 3} if make is xgb else {"num_leaves": 8}
    settings = {"n_estimators": 400, "learning_rate": 0.08, **shape}
    settings["early_stopping_rounds" if make is xgb else "early_stopping_round"] = 25

    def fitted(gamma):
        model = cls(gamma=gamma, estimator=make(**settings))
        return model.fit(X[train], y[train], eval_set=[(X[rest], y[rest])])

    built_in = log_loss(y_test, fitted(0.0).predict_proba(X_test)[:, 1])
    model = fitted(2.0)
    posterior = log_loss(y_test, model.predict_proba(X_test)[:, 1])
    sigmoid = log_loss(y_test, expit(model.decision_function(X_test)))
    assert posterior < 1.02 * built_in
    assert sigmoid > 1.5 * built_in


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_early_stopping_goes_by_the_focal_loss(cls, make, n_classes):
    X, y = table(n_classes)
    w = np.random.default_rng(0).uniform(0.5, 2, 300)
    name = "early_stopping_rounds" if make is xgb else "early_stopping_round"
    model = cls(gamma=1.0, estimator=make(n_estimators=300, **{name: 5}))
    model.fit(X[:300], y[:300], eval_set=[(X[300:], y[300:])], eval_sample_weight=[w])
    if make is xgb:
        history = model.estimator_.evals_result()["validation_0"]["focal"]
    else:
        history = model.estimator_.evals_result_["valid_0"]["focal"]
    assert len(history) < 290
    value = focal_loss(
        y[300:],
        model.decision_function(X[300:]),
        gamma=1.0,
        sample_weight=w,
        from_logits=True,
    )
    assert_allclose(value, min(history), rtol=1e-5)


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_answers_follow_from_the_margins(cls, make, n_classes):
    X, y = table(n_classes)
    weight = {"no": 1.0, "so": 3.0}
    model = cls(estimator=make(), class_weight=weight, label_smoothing=0.05).fit(X, y)
    z = model.decision_function(X)
    v = [1.0, 3.0, 1.0][:n_classes]
    expected = Focal(2.0).posterior(z, class_weight=v, label_smoothing=0.05)
    assert_allclose(model.predict_proba(X), expected)
    assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-4, atol=1e-6)
    model.set_params(posterior=False)
    assert_allclose(model.predict_proba(X), Focal(2.0).predict_proba(z))
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


# LightGBM's margins keep float64's last bits: three classes soon split elsewhere.
@pytest.mark.parametrize(
    ("cls", "estimator", "n_classes"),
    [
        (FocalXGBClassifier, xgb(), 2),
        (FocalXGBClassifier, xgb(), 3),
        (FocalLGBMClassifier, lgbm(**UNLIMITED), 2),
    ],
)
def test_a_weight_is_a_number_of_rows(cls, estimator, n_classes):
    """In whatever order: the libraries' sums of the derivatives are the same."""
    X, y = table(n_classes, n=200)
    w = np.random.default_rng(0).integers(0, 5, len(X))
    model = cls(estimator=estimator)
    weighted = clone(model).fit(X, y, sample_weight=w).predict_proba(X)
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(len(X)), w))
    repeated = clone(model).fit(X[rows], y[rows]).predict_proba(X)
    assert_allclose(repeated, weighted, rtol=1e-12)


@each
def test_missing_values_categories_and_sparse(cls, make):
    pd = pytest.importorskip("pandas", reason="pip install pandas")
    X, y = table()
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    assert cls(estimator=make()).fit(holes, y).score(holes, y) > 0.85
    assert cls(estimator=make()).fit(sp.csr_array(X), y).score(X, y) > 0.85
    frame = pd.DataFrame({"number": X[:, 1], "kind": pd.cut(X[:, 0], 5, labels=False)})
    frame["kind"] = frame["kind"].map(dict(enumerate("edcba"))).astype("category")
    settings = {"enable_categorical": True} if make is xgb else {}
    model = cls(estimator=make(**settings)).fit(frame, y)
    assert_array_equal(model.feature_names_in_, ["number", "kind"])
    assert model.score(frame, y) > 0.85


@each
def test_importances_are_the_librarys(cls, make):
    X, y = table()
    assert not hasattr(cls(), "feature_importances_")
    model = cls(estimator=make()).fit(X, y)
    theirs = model.estimator_.feature_importances_
    assert_array_equal(model.feature_importances_, theirs)
    few = SelectFromModel(model, prefit=True, max_features=2, threshold=-np.inf)
    assert set(np.flatnonzero(few.get_support())) == set(np.argsort(-theirs)[:2])


@each
def test_scorers_read_exact_log_probabilities(cls, make):
    X, y = table()
    scores = cross_val_score(
        cls(estimator=make()), X, y, scoring=neg_log_loss_scorer, cv=2
    )
    assert (scores > -0.6).all()


@each
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"estimator": 3}, r"^estimator must be None or a (XGB|LGBM)Classifier, got 3"),
        ({"gamma": -1.0}, r"^gamma must be a number in \[0, 1e\+06\], got -1\.0\.$"),
        ({"hessian": "abs"}, r"^hessian must be one of 'clip', 'exact', 'psd', got"),
        ({"posterior": 3}, r"^posterior must be True or False, got 3\.$"),
        ({"class_weight": {"maybe": 1}}, r"^class_weight must have keys in .*'maybe'"),
    ],
)
def test_bad_parameters(cls, make, settings, message):
    with pytest.raises(ValueError, match=message):
        cls(**settings).fit(*table())


@each
def test_bad_evaluation_sets(cls, make):
    X, y = table()
    with pytest.raises(ValueError, match=r"^eval_set must have labels .*'maybe'"):
        cls().fit(X, y, eval_set=[(X[:1], ["maybe"])])
    with pytest.raises(ValueError, match=r"^eval_sample_weight must have 0 entries"):
        cls().fit(X, y, eval_sample_weight=[np.ones(3)])


@pytest.mark.parametrize(
    "module", [_cat_classifier, _focal, _lgbm_classifier, _xgb_classifier]
)
def test_examples_in_docstrings_run(module):
    if module in (_focal, _lgbm_classifier) and is_older(lightgbm, 4, 5):
        pytest.skip("LightGBM prints messages about custom objectives")
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


@each
def test_what_has_no_effect_is_refused(cls, make):
    model = cls(estimator=make(scale_pos_weight=5.0))
    with pytest.raises(
        ValueError, match=r"^scale_pos_weight of estimator must be None"
    ):
        model.fit(*table())
