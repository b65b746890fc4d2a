"""The searches where fits or scores fail, with several scorers, and with metadata."""

import warnings

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import (
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blocks import ArrayBlocks
from skxent.calibration import TemperatureScaling
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

GRID = {"C": [0.1, 1.0], "gamma": [0.0, 1.0], "l1_ratio": [0.0]}
X, Y = load_iris(return_X_y=True)
WEIGHT = np.linspace(0.01, 3, len(Y))
# Sorted by class, the first third alone is of class 0.
SORTED = KFold(3)


def ours(**settings):
    model = FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0, 1.0])
    return model.set_params(**settings)


def theirs(scoring=neg_log_loss_scorer, **settings):
    return GridSearchCV(FocalLogisticRegression(), GRID, scoring=scoring, **settings)


def fitted(search, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    return search, {w.category for w in caught}, [str(w.message) for w in caught]


def fails_for_gamma_1(model, X, y):
    if model.gamma == 1.0:
        raise RuntimeError("no gamma of 1")
    return model.score(X, y)


def nan_on_setosa(model, X, y):
    return np.nan if (y == 0).all() else model.score(X, y)


def always_fails(model, X, y):
    raise RuntimeError("never")


CASES = {
    "a training part of one class": (Y > 0, {"cv": SORTED}),
    "its error_score": (Y > 0, {"cv": SORTED, "error_score": -9.0}),
    "a candidate without scores": (Y, {"cv": 3, "scoring": fails_for_gamma_1}),
    "a fold without scores": (Y, {"cv": SORTED, "scoring": nan_on_setosa}),
    "no scores": (Y, {"cv": 3, "scoring": always_fails}),
    "a metric that is not defined": (Y, {"cv": SORTED, "scoring": "roc_auc_ovr"}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_fitted_or_scored_is_as_in_grid_search(case):
    y, settings = CASES[case]
    y = y.astype(int)
    search, kinds, messages = fitted(ours(**settings), X, y)
    expected, their_kinds, _ = fitted(theirs(**settings), X, y)
    assert kinds == their_kinds
    assert search.best_params_ == expected.best_params_
    assert_allclose(search.best_score_, expected.best_score_, atol=1e-5)
    for key in ("mean_test_score", "split0_test_score", "split1_test_score"):
        theirs_at, ours_at = expected.cv_results_[key], search.cv_results_[key]
        assert_allclose(ours_at, theirs_at, atol=1e-5)
    if "error" not in case:
        assert_array_equal(
            search.cv_results_["rank_test_score"],
            expected.cv_results_["rank_test_score"],
        )
    # The refit is the same as a fit of the plain estimator.
    assert_array_equal(search.coef_, expected.best_estimator_.coef_)
    if FitFailedWarning in kinds:
        assert any("4 of 12 fits failed" in m and "2 classes" in m for m in messages)


def test_errors_are_raised_if_asked_for():
    for y, settings in CASES.values():
        if "roc_auc_ovr" in settings.values() or nan_on_setosa in settings.values():
            continue
        settings = settings | {"error_score": "raise"}
        with pytest.raises(
            (RuntimeError, ValueError), match=r"gamma of 1|never|2 clas"
        ):
            ours(**settings).fit(X, y.astype(int))
    with pytest.raises(ValueError, match=r"^error_score must be .*, got 'ignore'\.$"):
        ours(error_score="ignore").fit(X, Y)


def test_if_nothing_can_be_fitted_an_error_says_why():
    one_class = [(np.arange(50), np.arange(50, 150))]
    with pytest.raises(ValueError, match=r"All 4 fits failed(?s:.)*1 class: \[0\]"):
        ours(cv=one_class).fit(X, Y)
    # An error in all of the data is not counted as the failure of a fold.
    with pytest.raises(ValueError, match=r"^y must have at least 2 classes"):
        ours().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match=r"^class_weight must "):
        ours(class_weight={0: -1.0}).fit(X, Y)
    with pytest.raises(ValueError, match=r"^cv must give at least one split"):
        ours(cv=[]).fit(X, Y)


@pytest.mark.parametrize("error_score", [np.nan, -9.0, 0.5])
def test_without_refit_folds_that_failed_are_left_out(error_score):
    search, _, messages = fitted(
        ours(cv=SORTED, refit=False, error_score=error_score), X, (Y > 0).astype(int)
    )
    assert any("the mean of 2 of 3 folds" in m for m in messages)
    splits = list(SORTED.split(X))[1:]
    plain = [
        FocalLogisticRegression(1.0).fit(X[train], Y[train] > 0) for train, _ in splits
    ]
    assert (search.C_, search.gamma_) == (1.0, 1.0)
    assert_allclose(search.coef_, np.mean([m.coef_ for m in plain], axis=0), rtol=1e-3)
    # Without the scores of one value the other is the best on each fold.
    search, _, _ = fitted(ours(cv=3, refit=False, scoring=fails_for_gamma_1), X, Y)
    assert search.gamma_ == 0.0 and np.isfinite(search.coef_).all()
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(
            ValueError, match=r"^refit must be True where no fold .*False\.$"
        ),
    ):
        ours(cv=3, refit=False, scoring=always_fails).fit(X, Y)


def test_without_refit_the_first_of_equal_candidates_is_the_best():
    """Of the coefficients, too, in whatever order the candidates are fitted."""
    cv = StratifiedKFold(3, shuffle=True, random_state=0)

    def constant(model, X, y):
        return 1.0

    search = ours(Cs=[10.0, 0.001], gammas=[2.0, 0.0], cv=cv, refit=False)
    search.set_params(scoring=constant).fit(X, Y)
    assert (search.C_, search.gamma_) == (10.0, 2.0)
    plain = FocalLogisticRegression(2.0, C=10.0)
    coef = [plain.fit(X[train], Y[train]).coef_ for train, _ in cv.split(X, Y)]
    assert_allclose(search.coef_, np.mean(coef, axis=0), rtol=2e-2, atol=1e-2)


def smallest_C(results):
    return int(np.argmin(results["param_C"]))


@pytest.mark.parametrize("refit", ["loss", "accuracy", smallest_C])
@pytest.mark.parametrize("given", [list, tuple, dict])
def test_several_scorers(given, refit):
    names = ["accuracy", "neg_log_loss"] if given is not dict else ["accuracy", "loss"]
    scoring = dict(zip(names, ["accuracy", neg_log_loss_scorer], strict=True))
    if refit == "loss":
        refit = names[1]
    search = ours(cv=3, refit=refit, scoring=scoring if given is dict else given(names))
    expected = theirs(scoring=scoring, cv=3, refit=refit).fit(X, Y)
    search.fit(X, Y)
    assert list(search.cv_results_) == list(expected.cv_results_)
    for key, values in expected.cv_results_.items():
        if "_test_" in key and "rank" not in key:
            assert_allclose(search.cv_results_[key], values, atol=1e-5)
    assert search.best_params_ == expected.best_params_
    assert set(search.scores_) == set(names)
    assert search.scores_["accuracy"].shape == (3, 1, 2, 2)
    if callable(refit):
        assert not hasattr(search, "best_score_")
        with pytest.raises(ValueError, match=r"^refit must be the name of a scorer"):
            search.score(X, Y)
    else:
        assert_allclose(search.best_score_, expected.best_score_, atol=1e-5)
        scorer = neg_log_loss_scorer if refit == names[1] else get_scorer(refit)
        value = scorer(search, X, Y, sample_weight=WEIGHT)
        assert search.score(X, Y, WEIGHT) == value


def test_a_function_chooses():
    search = ours(cv=3).fit(X, Y)
    assert search.best_score_ < 0
    search.set_params(refit=smallest_C).fit(X, Y)
    assert search.best_params_ == {"C": 0.1, "gamma": 0.0, "l1_ratio": 0.0}
    assert not hasattr(search, "best_score_")  # nor one of the fit before
    for answer in (4, -1, 1.5, None):
        with pytest.raises(
            ValueError, match=rf"^refit must return .*, got {answer}\.$"
        ):
            search.set_params(refit=lambda _, answer=answer: answer).fit(X, Y)


@pytest.mark.parametrize("several", [False, True])
def test_a_metric_is_no_scorer(several):
    scoring = {"a": log_loss} if several else log_loss
    message = "^scoring must be a scorer, which is .* got the function log_loss. Make"
    with pytest.raises(ValueError, match=message):
        ours(scoring=scoring).fit(X, Y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"scoring": ["accuracy", "neg_log_loss"]},
            r"refit must be one of .* got True",
        ),
        (
            {"scoring": ["accuracy"], "refit": False},
            r"refit must be one of \['accuracy'\] .*, got False",
        ),
        ({"scoring": {"a": "accuracy"}, "refit": "b"}, r"refit must be .*, got 'b'"),
        ({"scoring": []}, r"scoring must be .*, got \[\]"),
        ({"scoring": {}}, r"scoring must be .*, got {}"),
        ({"scoring": 3}, r"scoring must be .*, got 3"),
        ({"scoring": {"a": None}}, r"scoring must be .*, got {'a': None}"),
        ({"scoring": [neg_log_loss_scorer]}, r"scoring must be .*, got \["),
        ({"scoring": "accurate"}, r"scoring must be one of .*, got 'accurate'"),
        ({"refit": "accuracy"}, r"refit must be True or False, got 'accuracy'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("search", [ours(), SmoothedSoftmaxClassifierCV()], ids=str)
def test_settings_are_refused_before_any_fit(search, settings, message, monkeypatch):
    def fit(*_):
        raise AssertionError("a fit")

    monkeypatch.setattr("skxent.linear_model._grid.Path.fit", fit)
    with pytest.raises(ValueError, match=f"^{message}"):
        sklearn.clone(search).set_params(**settings, error_score="raise").fit(X, Y)


@pytest.mark.parametrize("part", [[150], np.arange(9.0), np.array([]), ["a"]], ids=str)
def test_folds_are_indices_of_rows(part):
    for cv in ([(np.arange(150), part)], [(part, np.arange(150))]):
        for model in (ours(cv=cv), TemperatureScaling(LogisticRegression(), cv=cv)):
            with pytest.raises(ValueError, match=r"^cv must give indices of the 150"):
                model.fit(X, Y)


def test_a_score_that_is_no_number():
    with pytest.raises(ValueError, match=r"^scoring must be .* number, got {'a': 1}"):
        ours(scoring=lambda *_: {"a": 1}).fit(X, Y)


def without_weights(y_true, y_pred):
    return np.mean(y_true == y_pred)


def takes_weights(model, X, y, sample_weight=None):
    return np.average(model.predict(X) == y, weights=sample_weight)


@pytest.mark.parametrize("refit", [True, False])
def test_weights_reach_the_scorer_or_are_refused(refit):
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    for scoring in ("accuracy", None, takes_weights):
        search = ours(cv=cv, refit=refit, scoring=scoring).fit(X, Y, WEIGHT)
        scorer = get_scorer(scoring) if scoring == "accuracy" else scoring
        scorer = scorer or neg_log_loss_scorer
        expected = scorer(search, X, Y, sample_weight=WEIGHT)
        assert search.score(X, Y, WEIGHT) == expected != search.score(X, Y)
        train, test = next(cv.split(X, Y))
        plain = FocalLogisticRegression(0.0).fit(X[train], Y[train], WEIGHT[train])
        expected = scorer(plain, X[test], Y[test], sample_weight=WEIGHT[test])
        assert_allclose(search.scores_[0, 0, 0, 1], expected, atol=1e-4)
    for scoring in (make_scorer(without_weights), always_fails):
        search.set_params(scoring=scoring)
        with pytest.raises(ValueError, match=r"^sample_weight must be None for "):
            search.score(X, Y, sample_weight=WEIGHT)
        with pytest.warns(UserWarning, match="does not take sample_weight: the fits"):
            search._route("fit", WEIGHT, {})


@pytest.mark.parametrize("request_", [None, True, False, "other"])
def test_weights_under_metadata_routing(request_):
    """As LogisticRegressionCV: to the scorer if it asks for them, else an error."""
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight=request_)
        search = ours(cv=3, scoring=scorer).fit(X, Y)
        expected = get_scorer("accuracy")(search, X, Y, sample_weight=WEIGHT)
        if request_ is None:
            with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
                search.score(X, Y, sample_weight=WEIGHT)
            with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
                search.fit(X, Y, sample_weight=WEIGHT)
            return
        search.fit(X, Y, sample_weight=WEIGHT)
        if request_ is True:
            pipeline = make_pipeline(StandardScaler(), search)
            pipeline[1].set_fit_request(sample_weight=True)
            pipeline[0].set_fit_request(sample_weight=False)
            pipeline.fit(X, Y, sample_weight=WEIGHT)
            value = pipeline.score(X, Y, sample_weight=WEIGHT)
            assert value == takes_weights(pipeline, X, Y, WEIGHT)
            search.fit(X, Y, sample_weight=WEIGHT)
            expected = takes_weights(search, X, Y, WEIGHT)
            assert search.score(X, Y, sample_weight=WEIGHT) == expected
            return
        with pytest.raises(
            TypeError, match=r"unexpected argument\(s\) {'sample_weight'}"
        ):
            search.score(X, Y, sample_weight=WEIGHT)
        if request_ == "other":
            value = search.score(X, Y, other=WEIGHT)
            assert value == takes_weights(search, X, Y, WEIGHT)


def test_a_plain_function_is_not_asked_to_take_weights_under_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        search = ours(cv=3, scoring=lambda m, X, y: takes_weights(m, X, y)).fit(X, Y)
        with pytest.raises(TypeError, match="sample_weight"):
            search.score(X, Y, sample_weight=WEIGHT)
        with pytest.warns(
            UserWarning, match="the fits are weighted, its scores are not"
        ):
            search.fit(X, Y, sample_weight=WEIGHT)


def test_groups_go_to_the_splitter_without_metadata_routing_too():
    groups = np.arange(150) % 4
    search = ours(cv=GroupKFold(4)).fit(X, Y, groups=groups)
    expected = theirs(cv=GroupKFold(4)).fit(X, Y, groups=groups)
    assert search.best_params_ == expected.best_params_
    for name in ("mean_test_score", "split0_test_score"):
        assert_allclose(search.cv_results_[name], expected.cv_results_[name], atol=1e-5)
    with pytest.raises(ValueError, match=r"^params must be groups alone .*\['group'\]"):
        search.fit(X, Y, group=groups)


def test_balanced_weights_are_those_of_each_training_part():
    rows = np.r_[:50, 60:80, 100:145]
    cv = KFold(2, shuffle=True, random_state=1)
    search = ours(class_weight="balanced", posterior=False, cv=cv)
    search.fit(X[rows], Y[rows])
    train, test = next(cv.split(rows))
    train, test = rows[train], rows[test]
    share = len(train) / 3 / np.bincount(Y[train])
    plain = FocalLogisticRegression(0.0, posterior=False)
    plain.fit(X[train], Y[train], share[Y[train]])
    expected = neg_log_loss_scorer(plain, X[test], Y[test])
    assert_allclose(search.scores_[0, 0, 0, 1], expected, atol=1e-5)


def test_errors_name_the_class_that_the_user_called():
    blocks = ArrayBlocks(X, Y)
    with pytest.raises(ValueError, match=r"^X must be an array.*got row blocks"):
        FocalLogisticRegressionCV().fit(blocks)
    with pytest.raises(
        ValueError, match=r"^This FocalLogisticRegressionCV .*requires y"
    ):
        FocalLogisticRegressionCV().fit(np.eye(4))


@pytest.mark.parametrize("n_jobs", ["a", 0, 1.5])
def test_n_jobs_is_checked_before_any_fit(n_jobs):
    model = FocalLogisticRegressionCV(Cs=1, gammas=[0.0], n_jobs=n_jobs)
    with pytest.raises(ValueError, match=r"^n_jobs must be None or an integer other"):
        model.fit(X, Y)


def test_a_scoring_function_may_call_score():
    X, y = load_iris(return_X_y=True)
    search = FocalLogisticRegressionCV(
        Cs=[1.0], gammas=[1.0], scoring=lambda model, X, y: model.score(X, y)
    )
    search.fit(X, y)
    assert search.score(X, y) == (search.predict(X) == y).mean()


@pytest.mark.parametrize("weights", [{"a": 2.0}, {"b": 3.0, "c": 0.5}])
def test_a_fold_may_lack_a_class_that_has_a_weight(weights):
    X, codes = load_iris(return_X_y=True)
    y = np.array(list("abc"))[codes]
    search = FocalLogisticRegressionCV(
        Cs=[1.0], gammas=[1.0], class_weight=weights, cv=KFold(3), scoring="accuracy"
    )
    search.fit(X, y)
    assert_array_equal(search.scores_, np.zeros((3, 1, 1, 1)))
    model = FocalLogisticRegression(1.0, class_weight=weights).fit(X, y)
    assert_array_equal(search.coef_, model.coef_)
    assert_array_equal(search.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match=r"^class_weight must have keys in .*'d'\.$"):
        search.set_params(class_weight={"d": 1.0}).fit(X, y)
