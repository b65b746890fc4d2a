"""The cross-validated estimators: what GridSearchCV finds, and its table."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, check_cv

from skxent import (
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.scorers import neg_focal_loss_scorer, neg_log_loss_scorer

CS = [0.01, 0.1, 1.0, 10.0]
CASES = {
    "focal": (
        FocalLogisticRegressionCV(Cs=CS, gammas=[0.0, 1.0, 2.0]),
        FocalLogisticRegression(),
        {"gamma": [0.0, 1.0, 2.0]},
    ),
    "smoothed": (
        SmoothedSoftmaxClassifierCV(Cs=CS, label_smoothings=[0.0, 0.1]),
        SmoothedSoftmaxClassifier(),
        {"label_smoothing": [0.0, 0.1]},
    ),
}
all_cases = pytest.mark.parametrize("case", CASES)


def fitted(case, X, y, weight=None, **settings):
    ours, plain, grid = CASES[case]
    shared = {k: v for k, v in settings.items() if k in plain.get_params()}
    ours = sklearn.clone(ours).set_params(**settings).fit(X, y, sample_weight=weight)
    search = GridSearchCV(
        sklearn.clone(plain).set_params(**shared),
        {"C": CS, **grid, "l1_ratio": [0.0]},
        scoring=ours.scoring or neg_log_loss_scorer,
        cv=ours.cv,
    )
    return ours, search.fit(X, y, sample_weight=weight)


@all_cases
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_it_finds_what_grid_search_finds(case, load):
    X, y = load(return_X_y=True)
    ours, search = fitted(case, X, y)
    assert ours.best_params_ == search.best_params_
    assert ours.best_index_ == search.best_index_
    assert {f"{k}_": getattr(ours, f"{k}_") for k in search.best_params_} == {
        f"{k}_": v for k, v in search.best_params_.items()
    }
    assert_allclose(ours.best_score_, search.best_score_, atol=1e-5)
    # The refit equals a fit of the plain estimator to the last bit.
    assert_array_equal(ours.coef_, search.best_estimator_.coef_)
    assert_array_equal(ours.predict_proba(X), search.predict_proba(X))
    assert_allclose(ours.score(X, y), search.score(X, y))


def test_l1_ratios_are_searched_too():
    X, y = load_wine(return_X_y=True)
    ratios = [0.0, 0.5, 1.0]
    plain = FocalLogisticRegression(0.0, tol=1e-6)
    ours = FocalLogisticRegressionCV(Cs=CS, gammas=[0.0], l1_ratios=ratios, tol=1e-6)
    ours.fit(X, y)
    folds = list(check_cv(ours.cv, y, classifier=True).split(X, y))
    for place, ratio in enumerate(ratios):
        for C, scores in zip(CS, ours.scores_[:, place, 0].T, strict=True):
            plain.set_params(C=C, l1_ratio=ratio)
            expected = [
                neg_log_loss_scorer(plain.fit(X[train], y[train]), X[test], y[test])
                for train, test in folds
            ]
            assert_allclose(scores, expected, atol=1e-5)
    assert ours.l1_ratio_ in ratios


@all_cases
def test_the_table_is_grid_search_s(case):
    X, y = load_wine(return_X_y=True)
    ours, search = fitted(case, X, y)
    assert list(ours.cv_results_) == list(search.cv_results_)
    table, theirs = pd.DataFrame(ours.cv_results_), pd.DataFrame(search.cv_results_)
    assert table["params"].tolist() == theirs["params"].tolist()
    for name in table.columns.drop("params"):
        if "time" in name:
            assert (table[name] >= 0).all()
        elif "rank" not in name:
            assert_allclose(table[name], theirs[name].astype(float), atol=1e-4)
    assert_array_equal(table["rank_test_score"].min(), 1)


@all_cases
def test_weights_sparse_X_and_balanced_classes(case):
    X, y = load_breast_cancer(return_X_y=True)
    w = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    if not hasattr(neg_log_loss_scorer, "_accept_sample_weight"):
        w = None  # GridSearchCV of scikit-learn 1.6 scores without weights
    X = sp.csr_array(X / X.std(axis=0))
    settings = {"class_weight": "balanced", "posterior": False, "max_iter": 50}
    ours, search = fitted(case, X, y, w, **settings)
    assert_allclose(
        ours.cv_results_["mean_test_score"],
        search.cv_results_["mean_test_score"],
        atol=1e-5,
    )


@pytest.mark.filterwarnings("ignore:scoring has .* which is not proper")
@pytest.mark.parametrize(
    "scoring",
    ["accuracy", "neg_log_loss", "neg_focal_loss", neg_focal_loss_scorer, None],
    ids=str,
)
def test_any_scorer(scoring):
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=2, gammas=[1.0], cv=3, scoring=scoring)
    value = model.fit(X, y).score(X, y)
    assert 0.9 < value <= 1 if scoring == "accuracy" else value < 0


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_folds_in_parallel(backend):
    X, y = load_wine(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=3, gammas=[0.0, 2.0])
    alone = sklearn.clone(model).fit(X, y)
    with parallel_config(backend):
        together = model.set_params(n_jobs=2).fit(X, y)
    assert_allclose(together.scores_, alone.scores_, rtol=1e-9)


def test_the_axes_of_the_paths():
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=[1.0, 0.01], gammas=[2.0, 0.0, 1.0], cv=4)
    model.fit(X, y)
    assert model.scores_.shape == model.n_iter_.shape == (4, 1, 3, 2)
    table = model.cv_results_
    for i, candidate in enumerate(table["params"]):
        g = model.gammas_.tolist().index(candidate["gamma"])
        c = model.Cs_.tolist().index(candidate["C"])
        splits = [table[f"split{k}_test_score"][i] for k in range(4)]
        assert_array_equal(model.scores_[:, 0, g, c], splits)


def test_without_refit_the_folds_are_averaged():
    X, y = load_iris(return_X_y=True)
    cv = KFold(3, shuffle=True, random_state=0)
    model = FocalLogisticRegressionCV(Cs=CS, gammas=[0.0, 1.0], cv=cv, refit=False)
    model.fit(X, y)
    best = [int(s.argmax()) for s in model.scores_.reshape(3, -1)]
    plain = []
    for (train, _), at in zip(cv.split(X), best, strict=True):
        gamma, C = divmod(at, len(CS))
        plain.append(
            FocalLogisticRegression([0.0, 1.0][gamma], C=CS[C]).fit(X[train], y[train])
        )
    assert_allclose(model.C_, np.mean([m.C for m in plain]))
    assert_allclose(model.coef_, np.mean([m.coef_ for m in plain], axis=0), atol=1e-3)
    assert model.predict_proba(X).shape == (150, 3)


def test_a_fold_without_some_class_has_a_score():
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=[1.0], gammas=[1.0], cv=KFold(3))
    with pytest.warns(UserWarning, match="was not trained on"):
        model.fit(X, y)
    assert np.isfinite(model.scores_).all()
    with (
        pytest.warns(UserWarning, match="was not trained on"),
        pytest.raises(ValueError, match=r"^refit must be True .*, got False\.$"),
    ):
        model.set_params(refit=False).fit(X, y)


def test_metadata_are_routed():
    X, y = load_iris(return_X_y=True)
    groups, w = np.arange(150) % 5, np.linspace(0.5, 2, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = sklearn.clone(neg_log_loss_scorer, safe=False)
        model = FocalLogisticRegressionCV(
            Cs=[1.0],
            gammas=[1.0],
            cv=GroupKFold(5),
            scoring=scorer.set_score_request(sample_weight=True),
        ).set_fit_request(sample_weight=True)
        model.fit(X, y, sample_weight=w, groups=groups)
        score = model.score(X, y, sample_weight=w)
    train, test = groups != 0, groups == 0
    plain = FocalLogisticRegression(1.0).fit(X[train], y[train], w[train])
    expected = neg_log_loss_scorer(plain, X[test], y[test], sample_weight=w[test])
    assert np.abs(model.scores_ - expected).min() < 1e-5
    assert_allclose(score, neg_log_loss_scorer(model, X, y, sample_weight=w))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Cs": 0}, r"^Cs must be an integer >= 1, got 0\.$"),
        ({"Cs": []}, r"^Cs must be a list of numbers that is not empty, got \[\]\.$"),
        ({"Cs": [-1.0]}, r"^C must be a number in \(0, inf\], got -1\.0\.$"),
        ({"gammas": [-1.0]}, r"^gamma must be .*, got -1\.0\.$"),
        ({"gammas": 1.0}, r"^gammas must be a list of numbers .*, got 1\.0\.$"),
        ({"verbose": "much"}, r"^verbose must be .*, got 'much'\.$"),
        ({"refit": "yes"}, r"^refit must be True or False, got 'yes'\.$"),
    ],
    ids=str,
)
def test_bad_parameters(settings, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        FocalLogisticRegressionCV(**settings).fit(X, y)


def test_bad_calls():
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=[1.0], gammas=[0.0])
    with pytest.raises(ValueError, match=r"^params must be empty .*'groups'\]\.$"):
        model.fit(X, y).score(X, y, groups=y)
    with pytest.raises(ValueError, match=r"^params must be groups .*'groop'\]\.$"):
        model.fit(X, y, groop=y)


@all_cases
def test_soft_labels(case):
    X, y = load_iris(return_X_y=True)
    soft = np.random.default_rng(0).dirichlet(np.ones(3), len(y)) * 0.3
    soft += 0.7 * np.eye(3)[y]
    ours, plain, grid = CASES[case]
    ours = sklearn.clone(ours).set_params(tol=1e-7).fit(X, soft)
    ((name, values),) = grid.items()
    folds = list(check_cv(5, soft.argmax(axis=1), classifier=True).split(X, y))
    for i, value in enumerate(values):
        for j, C in enumerate(CS):
            for k, (train, test) in enumerate(folds):
                model = sklearn.clone(plain).set_params(C=C, tol=1e-7, **{name: value})
                log_proba = model.fit(X[train], soft[train]).predict_log_proba(X[test])
                expected = (soft[test] * log_proba).sum(axis=1).mean()
                assert_allclose(ours.scores_[k, 0, i, j], expected, rtol=1e-6)
    assert_array_equal(ours.classes_, [0, 1, 2])
    log_proba = ours.predict_log_proba(X)
    assert_allclose(ours.score(X, soft), (soft * log_proba).sum(axis=1).mean())


def test_a_value_given_twice_scores_twice():
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=[1.0, 1.0, 0.1], gammas=[0.0, 2.0, 0.0])
    scores = model.fit(X, y).scores_
    assert np.isfinite(scores).all()
    assert_array_equal(scores[..., 0], scores[..., 1])
    assert_array_equal(scores[:, :, 0], scores[:, :, 2])


@pytest.mark.parametrize("gammas", [[0.0, 1e-9, 1e-8, 5.0], [0.0, 0.5, 10.0]])
def test_values_that_foretell_nothing(gammas):
    X, y = load_breast_cancer(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=[0.1, np.inf, 1e-3], gammas=gammas, cv=3)
    with warnings.catch_warnings():
        # Without a penalty there is no minimum: some folds' classes are separable.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    for (g, c), score in np.ndenumerate(model.scores_[0, 0][:, [0, 2]]):
        plain = FocalLogisticRegression(gammas[g], C=[0.1, 1e-3][c])
        train, test = next(check_cv(3, y, classifier=True).split(X, y))
        plain.fit(X[train], y[train])
        expected = neg_log_loss_scorer(plain, X[test], y[test])
        assert_allclose(score, expected, atol=1e-4)


class Heard:
    """A callback that keeps what it hears."""

    def __init__(self):
        self.begun, self.ended, self.fitted, self.gone = [], [], None, False

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.gone = True

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.ended.append(context.task_name)
        self.fitted = fitted_estimator


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_hear_of_folds_and_candidates(refit, n_jobs):
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    X, y = load_iris(return_X_y=True)
    model = FocalLogisticRegressionCV(
        Cs=[0.1, 1.0], gammas=[0.0, 1.0, 1.0], cv=3, refit=refit, n_jobs=n_jobs
    )
    silent = sklearn.clone(model).fit(X, y)
    heard = Heard()
    model.set_callbacks(heard).fit(X, y)
    expected = {"fit": 1, "search": 1, "fold": 3, "candidate": 18, "refit": int(refit)}
    for tasks in (heard.begun, heard.ended):
        assert {name: tasks.count(name) for name in expected} == expected
    assert heard.ended[-1] == "fit" and heard.gone
    assert_allclose(heard.fitted.coef_, model.coef_)
    assert_array_equal(model.coef_, silent.coef_)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, y, sample_weight=np.zeros(len(y)))
    assert not hasattr(model, "_callback_fit_ctx")


def test_callbacks_that_propagate_hear_the_refit():
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    X, y = load_iris(return_X_y=True)
    monitor = callback.ScoringMonitor(scoring={"loss": neg_log_loss_scorer})
    model = FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0], cv=3)
    model.set_callbacks(monitor).fit(X, y)
    (root,) = (row for row in monitor.get_logs().data if row["task_name"] == "fit")
    assert_allclose(root["loss"], neg_log_loss_scorer(model, X, y))
