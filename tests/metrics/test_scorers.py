"""Scorers against a computation by hand from what the estimator predicts."""

import pickle
from functools import cache

import mpmath as mp
import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
)
from sklearn.metrics import brier_score_loss, make_scorer
from sklearn.metrics import get_scorer as get_theirs
from sklearn.metrics._scorer import _BaseScorer
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version
from sklearn.utils.metadata_routing import get_routing_for_object

import skxent
from oracle import LOSS_INSTANCES, definition
from skxent.losses import CrossEntropy, Focal
from skxent.metrics._scorers import (
    SCORERS,
    LossScorer,
    get_scorer,
    make_loss_scorer,
    neg_log_loss_scorer,
)

EPS, TINY = np.finfo(np.float64).eps, np.finfo(np.float64).tiny
CV = StratifiedKFold(3)
OURS = [
    skxent.CrossEntropyClassifier(),
    skxent.FocalLogisticRegression(),
    skxent.SmoothedSoftmaxClassifier(),
]
LINEAR = [LogisticRegression(), *OURS]
OTHERS = [GaussianNB(var_smoothing=0.1)]
OTHERS += [DecisionTreeClassifier(max_depth=2, random_state=0)]
PIPELINE = make_pipeline(StandardScaler(), LogisticRegression())
GRID = {"logisticregression__C": [0.01, 1.0]}

# The scorers that are plain losses, without class weights.
NAMES = ("neg_log_loss", "neg_focal_loss", "neg_smoothed_log_loss")
LOSS_SCORERS = {name: SCORERS[name] for name in NAMES}

all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
all_scorers = pytest.mark.parametrize("scorer", LOSS_SCORERS.values(), ids=LOSS_SCORERS)
all_names = pytest.mark.parametrize("names", [[0, 1, 2], ["x", "yy", "z"]], ids=str)
both_counts = pytest.mark.parametrize("n_classes", [2, 3])

# Older scikit-learn forwards no weights to scorers without routing, and before 1.9 does
# not complain, with routing, of weights that a scorer has not asked for.
KNOWS_WEIGHTS = hasattr(_BaseScorer, "_accept_sample_weight")
TELLS_OF_WEIGHTS = parse_version(sklearn.__version__) >= parse_version("1.9")


def data(n_classes, names=(0, 1, 2)):
    X, codes = make_classification(
        90, 6, n_informative=4, n_classes=n_classes, class_sep=0.7, random_state=0
    )
    return X, np.array(names)[codes]


def by_hand(scorer, model, X, y, weight=None, unseen=EPS):
    """Minus the mean loss of probabilities, row by row and class by class."""
    known = model.classes_.tolist()
    new = sorted(set(y.tolist()) - set(known))
    rows = []
    for label, chances in zip(y.tolist(), model.predict_proba(X), strict=True):
        chances = np.clip(chances, EPS, 1 - EPS) * (1 - len(new) * unseen)
        chance = dict(zip(known, chances, strict=True)) | dict.fromkeys(new, unseen)
        row = 0.0
        for each, p in chance.items():
            t = (1 - scorer.label_smoothing) * (each == label)
            t += scorer.label_smoothing / len(chance)
            row += t * scorer.loss.phi(p, 1 - p, -np.log(p))
        rows.append(row)
    return -np.average(rows, weights=weight)


def folds_by_hand(scorer, model, X, y, cv=CV, **keywords):
    exact = []
    for train, test in cv.split(X, y):
        fitted = clone(model).fit(X[train], y[train])
        exact.append(by_hand(scorer, fitted, X[test], y[test], **keywords))
    return exact


@cache
def fitted_models(n_classes):
    """Models of every kind, fitted to two thirds of the rows, and the other rows."""
    X, y = data(n_classes)
    train, test = next(CV.split(X, y))
    models = [clone(m).fit(X[train], y[train]) for m in (*LINEAR, *OTHERS)]
    return models, X[test], y[test]


def scores(model, X, y, scorer, cv=CV):
    return cross_val_score(model, X, y, cv=cv, scoring=scorer, error_score="raise")


@all_names
@both_counts
@all_scorers
def test_ready_scorers_in_a_search(scorer, n_classes, names):
    X, y = data(n_classes, names)
    search = GridSearchCV(PIPELINE, GRID, scoring=scorer, cv=CV, error_score="raise")
    search.fit(X, y)
    for i, C in enumerate(GRID["logisticregression__C"]):
        model = clone(PIPELINE).set_params(logisticregression__C=C)
        exact = folds_by_hand(scorer, model, X, y)
        ours = [search.cv_results_[f"split{k}_test_score"][i] for k in range(3)]
        assert_allclose(ours, exact, rtol=1e-9)
        assert_allclose(scores(model, X, y, scorer), exact, rtol=1e-9)


@both_counts
@all_losses
def test_every_loss_of_every_kind_of_model(loss, n_classes):
    models, X, y = fitted_models(n_classes)
    for label_smoothing in (0.0, 0.2):
        scorer = make_loss_scorer(loss, label_smoothing=label_smoothing)
        for model in models:
            exact = by_hand(scorer, model, X, y)
            assert_allclose(scorer(model, X, y), exact, rtol=1e-9)


@all_names
@both_counts
def test_log_loss_scores_are_scikit_learns(n_classes, names):
    X, y = data(n_classes, names)
    forest = RandomForestClassifier(5, random_state=0)
    for model in (forest, GaussianNB(), KNeighborsClassifier(3)):
        theirs = scores(model, X, y, "neg_log_loss")
        assert_allclose(scores(model, X, y, neg_log_loss_scorer), theirs, rtol=1e-12)


@pytest.mark.parametrize("unseen_proba", [None, 0.1])
@all_names
@both_counts
@all_scorers
def test_folds_that_lack_a_class(scorer, n_classes, names, unseen_proba):
    keywords = {"label_smoothing": scorer.label_smoothing, "unseen_proba": unseen_proba}
    scorer = make_loss_scorer(scorer.loss, **keywords)
    X, y = data(n_classes, names)
    for lost in (names[0], names[n_classes - 1]):
        # The training part of fold 0 lacks that class; so does the test part of fold 1.
        cv = PredefinedSplit(((y != lost) & (np.arange(len(y)) % 2 == 1)).astype(int))
        for model in [*OTHERS, *([*LINEAR, PIPELINE] if n_classes == 3 else [])]:
            with pytest.warns(UserWarning, match=rf"not trained on \[{lost!r}\]"):
                ours = scores(model, X, y, scorer, cv)
            exact = folds_by_hand(scorer, model, X, y, cv, unseen=unseen_proba or EPS)
            assert np.isfinite(exact).all()
            assert_allclose(ours, exact, rtol=1e-9)
    for label in names[:n_classes]:
        for model in (*LINEAR, *OTHERS):
            model, some = clone(model).fit(X, y), y == label
            exact = by_hand(scorer, model, X[some], y[some])
            assert_allclose(scorer(model, X[some], y[some]), exact, rtol=1e-9)


@all_names
@all_scorers
def test_two_classes_unseen_and_none(scorer, names):
    X, y = data(3, names)
    first = y == names[0]
    for model in OTHERS:
        model = clone(model).fit(X[first], y[first])
        with pytest.warns(UserWarning, match="not trained on"):
            ours = scorer(model, X, y)
        assert_allclose(ours, by_hand(scorer, model, X, y), rtol=1e-9)
        assert abs(scorer(model, X[first], y[first])) < 1e-12
        greedy = make_loss_scorer(scorer.loss, unseen_proba=0.5)
        message = r"^unseen_proba must be a number in \(0, 0\.5\) for 2 unseen labels, "
        with pytest.raises(ValueError, match=message + r"got 0\.5\.$"):
            greedy(model, X, y)
        half = make_loss_scorer(scorer.loss, unseen_proba=0.49)
        with pytest.warns(UserWarning, match="not trained on"):
            ours = half(model, X, y)
        assert_allclose(ours, by_hand(half, model, X, y, unseen=0.49), rtol=1e-9)


def test_an_unseen_label_has_the_probability_given():
    X, y = data(3)
    X, new, y = X[y < 2], X[y == 2], y[y < 2]
    for model in (LogisticRegression(), skxent.FocalLogisticRegression(), GaussianNB()):
        model.fit(X, y)
        for p in (1e-3, 0.3):
            scorer = make_loss_scorer(CrossEntropy(), unseen_proba=p)
            with pytest.warns(UserWarning, match=rf"to be {p:.3g} \(unseen_proba\)"):
                ours = scorer(model, new, np.full(len(new), 2))
            assert_allclose(ours, np.log(p), rtol=1e-12)


def far_data(n_classes):
    """Rows that a model tells apart, and rows so far out that clipping would show."""
    angle = 2 * np.pi * np.arange(n_classes) / n_classes
    y = np.repeat(np.arange(n_classes), 5)
    X = np.column_stack([np.cos(angle), np.sin(angle)])[y]
    return X, 50 * X, y


@cache
def fitted_to_far_data(n_classes):
    """Models of logits: a loss changes how they are scored alone."""
    logistic, (X, _, y) = LogisticRegression(C=1e4), far_data(n_classes)
    models = (
        logistic,
        LogisticRegressionCV(Cs=[1e4], cv=2),
        make_pipeline(StandardScaler(), logistic),
        GridSearchCV(logistic, {"C": [1e4]}, cv=2),
        GridSearchCV(make_pipeline(logistic), {"logisticregression__C": [1e4]}, cv=2),
        make_pipeline(StandardScaler(), GridSearchCV(logistic, {"C": [1e4]}, cv=2)),
        FrozenEstimator(clone(logistic).fit(X, y)),
    )
    return [clone(model).fit(X, y) for model in models]


@pytest.mark.filterwarnings("ignore:The .*:FutureWarning")  # LogisticRegressionCV
@both_counts
@all_losses
def test_logits_are_scored_where_known(loss, n_classes):
    scorer, logistic = make_loss_scorer(loss), LogisticRegression(C=1e4)
    X, far, y = far_data(n_classes)
    for model in fitted_to_far_data(n_classes):
        # The rows of a class are the same: one stands for all.
        z = model.decision_function(far[::5])
        z = np.column_stack([np.zeros_like(z), z]) if z.ndim == 1 else z
        for labels in (y, (y + 1) % n_classes):
            with mp.workdps(700):
                pairs = zip(np.eye(n_classes)[labels[::5]], z, strict=True)
                exact = mp.fsum(definition(loss, t, *row) for t, row in pairs) / len(z)
            ours = scorer(model, far, labels)
            assert_allclose(ours, -float(exact), rtol=1e-12, atol=TINY)
        assert -EPS < scorer(model, far, y) <= 0
    X, y = np.vstack([X, far]), np.concatenate([y, y])
    cv = [np.arange(len(y)).reshape(2, -1)]
    for model in (logistic, make_pipeline(StandardScaler(), logistic)):
        (ours,) = scores(model, X, y, scorer, cv)
        assert -EPS < ours <= 0
        search = GridSearchCV(model, {}, scoring=scorer, cv=cv).fit(X, y)
        assert search.best_score_ == ours


@both_counts
@pytest.mark.parametrize("model", OURS, ids=lambda model: type(model).__name__)
def test_our_estimators_are_scored_by_predict_log_proba(model, n_classes):
    X, far, y = far_data(n_classes)
    wrong = (y + 1) % n_classes
    pipeline = make_pipeline(StandardScaler(), model)
    for each in (model, pipeline, GridSearchCV(model, {})):
        each = clone(each).fit(X, y)
        log_proba = each.predict_log_proba(20 * far)
        ours = neg_log_loss_scorer(each, 20 * far, wrong)
        assert_allclose(ours, log_proba[np.arange(len(y)), wrong].mean(), rtol=1e-14)
        assert np.isfinite(ours) and ours < -37


def test_a_subclass_with_its_own_probabilities_is_scored_by_them():
    class Sceptic(LogisticRegression):
        def predict_proba(self, X):
            return 0.5 * super().predict_proba(X) + 0.25

    X, y = data(2)
    model = Sceptic().fit(X, y)
    ours = neg_log_loss_scorer(model, X, y)
    assert_allclose(ours, by_hand(neg_log_loss_scorer, model, X, y), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@both_counts
@all_scorers
def test_many_models_of_the_same_rows(scorer, n_classes, dtype):
    X, y = data(n_classes)
    w = np.random.default_rng(0).exponential(size=len(y))
    keywords = {"label_smoothing": scorer.label_smoothing, "class_weight": {1: 2.0}}
    scorer = make_loss_scorer(scorer.loss, **keywords)
    for weight in (None, w):
        score = scorer.scoring_of(y, np.arange(n_classes), weight)
        for C in (0.01, 1.0):
            model = skxent.CrossEntropyClassifier(C=C).fit(X, y)
            ours = score(model.predict_log_proba(X).astype(dtype))
            rtol = 1e-12 if dtype == np.float64 else 1e-5
            theirs = scorer(model, X, y, sample_weight=weight)
            assert_allclose(ours, theirs, rtol=rtol)
    assert scorer.scoring_of(y, np.arange(1, n_classes)) is None
    some = y < n_classes - 1
    score = scorer.scoring_of(y[some], np.arange(n_classes))
    ours = score(model.predict_log_proba(X[some]))
    assert_allclose(ours, scorer(model, X[some], y[some]), rtol=1e-12)
    score = scorer.scoring_of(y, np.arange(n_classes), w)
    soft = scorer.scoring_of(np.eye(n_classes)[y], np.arange(n_classes), w)
    assert_allclose(soft(model.predict_log_proba(X)), score(model.predict_log_proba(X)))


def test_logistic_regressions_of_other_kinds_are_scored_by_probabilities():
    """One against the rest, as scikit-learn had it, answers with no softmax."""
    X, far, y = far_data(3)
    plain = LogisticRegression(C=1e4).fit(X, y)
    for name, value in [("multi_class", "ovr"), ("solver", "liblinear")]:
        model = LogisticRegression(C=1e4).fit(X, y)
        setattr(model, name, value)
        ours = neg_log_loss_scorer(model, far, (y + 1) % 3)
        assert_allclose(ours, np.log(EPS), rtol=1e-6)  # clipped
        assert neg_log_loss_scorer(plain, far, (y + 1) % 3) < 10 * ours
    plain.multi_class = "deprecated"  # scikit-learn 1.6 and 1.7 have it so
    assert neg_log_loss_scorer(plain, far, (y + 1) % 3) < 10 * ours
    X, far, y = far_data(2)
    model = LogisticRegression(C=1e4, solver="liblinear").fit(X, y)
    assert neg_log_loss_scorer(model, far, 1 - y) < 10 * np.log(EPS)


@all_names
def test_several_metrics_at_once(names):
    X, y = data(2, names)
    # scikit-learn's scorers share one predict_proba, whatever column they asked for.
    keywords = {"response_method": "predict_proba", "pos_label": names[0]}
    brier = make_scorer(brier_score_loss, **keywords)
    for model in (GaussianNB(), LogisticRegression(), skxent.FocalLogisticRegression()):
        for others in ({}, {"auc": "roc_auc"}, {"brier": brier}):
            results = cross_validate(model, X, y, scoring=others | LOSS_SCORERS, cv=CV)
            for name, scorer in LOSS_SCORERS.items():
                expected = scores(model, X, y, scorer)
                assert_allclose(results[f"test_{name}"], expected, rtol=1e-12)


@pytest.mark.parametrize("model", [*LINEAR, OTHERS[0]], ids=repr)
@all_scorers
def test_weights_by_routing(scorer, model):
    scorer = make_loss_scorer(scorer.loss, label_smoothing=scorer.label_smoothing)
    X, y = data(3)
    w = np.random.default_rng(0).exponential(size=len(y))
    plain, heavy = [], []
    for train, test in CV.split(X, y):
        fitted = clone(model).fit(X[train], y[train], sample_weight=w[train])
        plain.append(by_hand(scorer, fitted, X[test], y[test]))
        heavy.append(by_hand(scorer, fitted, X[test], y[test], weight=w[test]))
    with config_context(enable_metadata_routing=True):
        model = clone(model).set_fit_request(sample_weight=True)
        asks, declines, silent = (pickle.loads(pickle.dumps(scorer)) for _ in range(3))
        asks.set_score_request(sample_weight=True)
        declines.set_score_request(sample_weight=False)
        scoring, params = {"yes": asks, "no": declines}, {"sample_weight": w}
        results = cross_validate(model, X, y, scoring=scoring, cv=CV, params=params)
        assert_allclose(results["test_yes"], heavy, rtol=1e-9)
        assert_allclose(results["test_no"], plain, rtol=1e-9)
        search = GridSearchCV(model, {}, scoring=asks, cv=CV).fit(X, y, sample_weight=w)
        assert_allclose(search.best_score_, np.mean(heavy), rtol=1e-9)
        assert asks(search, X, y, sample_weight=w) == search.score(X, y, **params)
        if TELLS_OF_WEIGHTS:
            with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
                cross_validate(model, X, y, scoring=silent, cv=CV, params=params)
    results = cross_validate(model, X, y, scoring=scorer, cv=CV, params=params)
    assert_allclose(results["test_score"], plain, rtol=1e-9)
    search = GridSearchCV(model, {}, scoring=scorer, cv=CV).fit(X, y, sample_weight=w)
    exact = heavy if KNOWS_WEIGHTS else plain
    assert_allclose(search.best_score_, np.mean(exact), rtol=1e-9)


@both_counts
@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5}])
def test_classes_may_have_weights(class_weight, n_classes):
    X, y = data(n_classes)
    y = np.where(np.arange(len(y)) % 3 == 0, 0, y)  # not balanced
    model = GaussianNB().fit(X, y)
    v = np.ones(n_classes)
    if class_weight == "balanced":
        v = len(y) / (n_classes * np.bincount(y))
    else:
        v[:2] = 2.0, 0.5
    scorer = make_loss_scorer(CrossEntropy(), class_weight=class_weight)
    p = model.predict_proba(X)[np.arange(len(y)), y]
    p = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    expected = np.average(np.log(p), weights=v[y])
    assert_allclose(scorer(model, X, y), expected, rtol=1e-9)
    with pytest.raises(ValueError, match="class_weight must"):
        make_loss_scorer(CrossEntropy(), class_weight="even")(model, X, y)


@both_counts
@all_losses
def test_soft_labels(loss, n_classes):
    X, y = data(n_classes)
    soft = np.random.default_rng(0).dirichlet(np.ones(n_classes), len(y))
    model = OTHERS[0].fit(X, y)
    p = model.predict_proba(X)
    rows = (soft * loss.phi(p, 1 - p, -np.log(p))).sum(axis=1)
    assert_allclose(make_loss_scorer(loss)(model, X, soft), -rows.mean(), rtol=1e-9)


@all_names
def test_weights_of_classes_that_a_fold_lacks(names):
    """As in a time series, where the last class comes late."""
    X, y = data(3, names)
    order = np.argsort(y == names[2], kind="stable")
    X, y = X[order], y[order]
    cv = TimeSeriesSplit(4)
    train, test = next(cv.split(X))
    assert names[2] not in y[train] and names[2] not in y[test]
    weights = dict(zip(names, (2.0, 0.5, 7.0), strict=True))
    two = {name: weights[name] for name in names[:2]}
    for model in (LogisticRegression(), skxent.FocalLogisticRegression(), GaussianNB()):
        model.fit(X[train], y[train])
        ours, expected = (
            make_loss_scorer(Focal(), class_weight=v)(model, X[test], y[test])
            for v in (weights, two)
        )
        assert ours == expected
        # A class of weight 1 may be one that was misspelt.
        late = make_loss_scorer(Focal(), class_weight={names[2]: 7.0})
        message = rf"^class_weight has \[{names[2]!r}\], which neither the estimator "
        message += r"nor y_true has: not used here\.$"
        with pytest.warns(UserWarning, match=message):
            ours = late(model, X[test], y[test])
        assert ours == make_loss_scorer(Focal())(model, X[test], y[test])
    every, model = make_loss_scorer(Focal(), class_weight=weights), GaussianNB()
    with pytest.warns(UserWarning, match="not trained on"):
        found = scores(model, X, y, every, cv)
    for score, (train, test) in zip(found, cv.split(X), strict=True):
        model.fit(X[train], y[train])
        w = [weights[label] for label in y[test].tolist()]
        expected = by_hand(every, model, X[test], y[test], weight=w)
        assert_allclose(score, expected, rtol=1e-9)


@all_names
def test_weights_of_what_is_no_class(names):
    X, y = data(3, names)
    model = GaussianNB().fit(X, y)
    other = 0 if isinstance(names[0], str) else str(names[0])
    scorer = make_loss_scorer(Focal(), class_weight={other: 2.0})
    with pytest.raises(ValueError, match=rf"^class_weight must .*, got .*{other!r}"):
        scorer(model, X, y)
    # Soft labels have every class, so none is merely absent.
    late = make_loss_scorer(Focal(), class_weight={names[0]: 2.0, names[2] * 2: 2.0})
    with pytest.raises(ValueError, match=r"^class_weight must have keys in .*, got "):
        late(model, X, np.eye(3)[np.arange(len(X)) % 3])


@all_losses
def test_scorers_are_values(loss):
    X, y = data(2)
    model = LogisticRegression().fit(X, y)
    for keywords in (
        {},
        {"label_smoothing": 0.1, "unseen_proba": 0.01},
        {"class_weight": {0: 2.0}},
    ):
        scorer = make_loss_scorer(loss, **keywords)
        again = pickle.loads(pickle.dumps(scorer))
        settings = "".join(f", {name}={value}" for name, value in keywords.items())
        assert repr(scorer) == repr(again) == f"make_loss_scorer({loss!r}{settings})"
        assert scorer(model, X, y) == again(model, X, y)
        search = clone(GridSearchCV(model, {}, scoring=scorer))
        assert repr(search.scoring) == repr(scorer)


def test_scikit_learn_reads_of_ours_what_it_reads_of_its_own():
    ours, theirs = make_loss_scorer(CrossEntropy()), get_theirs("neg_log_loss")
    for name in ("_sign", "_response_method", "_kwargs"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_a_scorer_knows_losses_by_name():
    assert repr(make_loss_scorer("focal")) == repr(make_loss_scorer(Focal()))


def test_warnings_name_the_line_of_the_caller():
    X, y = data(3)
    model = GaussianNB().fit(X[y < 2], y[y < 2])
    with pytest.warns(UserWarning, match="not trained on") as caught:
        neg_log_loss_scorer(model, X, y)
    assert caught[0].filename == __file__
    cv = [(np.flatnonzero(y < 2), np.arange(len(y)))]
    with pytest.warns(UserWarning, match="not trained on") as caught:
        cross_val_score(GaussianNB(), X, y, cv=cv, scoring=neg_log_loss_scorer)
    assert caught[0].filename == __file__
    with pytest.warns(ConvergenceWarning) as caught:
        skxent.CrossEntropyClassifier(max_iter=1, tol=1e-12).fit(X, y)
    assert caught[0].filename == __file__


def test_the_ready_scorers():
    smoothed = "make_loss_scorer(CrossEntropy(), label_smoothing=0.1)"
    assert {name: repr(get_scorer(name)) for name in SCORERS} == {
        "neg_log_loss": "make_loss_scorer(CrossEntropy())",
        "neg_focal_loss": "make_loss_scorer(Focal(gamma=2.0))",
        "neg_smoothed_log_loss": smoothed,
        "neg_balanced_log_loss": (
            "make_loss_scorer(CrossEntropy(), class_weight='balanced')"
        ),
        "d2_loss": "make_metric_scorer(d2_log_loss, greater_is_better=True)",
        "neg_expected_calibration_error": (
            "make_metric_scorer(expected_calibration_error)"
        ),
        "neg_multilabel_log_loss": "make_metric_scorer(multilabel_log_loss)",
    }
    assert repr(LossScorer(Focal(1.0))) == "make_loss_scorer(Focal(gamma=1.0))"
    for name, scorer in SCORERS.items():
        named = getattr(skxent.scorers, f"{name}_scorer", scorer)
        assert scorer is named
        with config_context(enable_metadata_routing=True):
            get_scorer(name).set_score_request(sample_weight=True)
            # The request is made for the copy, as with scikit-learn's get_scorer.
            assert (
                get_routing_for_object(scorer).score.requests.get("sample_weight")
                is None
            )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: get_scorer("neg_focal"), r"name must be one of .*, got 'neg_focal'"),
        (lambda: get_scorer(None), r"name must be one of .*, got None"),
        (lambda: make_loss_scorer("hinge"), r"loss must be one of .*, got 'hinge'"),
        (
            lambda: make_loss_scorer(Focal),
            r"loss must be .*, got <class .*Write Focal\(\)",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=rf"^{message}\.$"):
        call()


@pytest.mark.parametrize(
    ("argument", "value"),
    [("label_smoothing", value) for value in (1.0, -0.1, np.nan, "0.1", None)]
    + [("unseen_proba", value) for value in (0.0, 1.0, -0.1, np.nan, "0.1")],
)
def test_bad_numbers(argument, value):
    message = rf"^{argument} must be a number in .0, 1\), got {value!r}\.$"
    with pytest.raises(ValueError, match=message):
        make_loss_scorer(CrossEntropy(), **{argument: value})


def test_estimators_that_cannot_be_scored():
    X, y = data(2)
    margins = LinearSVC().fit(X, y)
    for model in (LinearRegression().fit(X, y), LogisticRegression(), margins):
        message = rf"^estimator must be .*, got {type(model).__name__}\(\)\.$"
        with pytest.raises(ValueError, match=message):
            neg_log_loss_scorer(model, X, y)
