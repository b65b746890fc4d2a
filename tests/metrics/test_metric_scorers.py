import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import d2_log_loss_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skxent.metrics import expected_calibration_error
from skxent.scorers import get_scorer, make_metric_scorer

X, Y = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
NAMES = np.array(["b", "a", "c"])
W = np.random.default_rng(0).integers(1, 4, len(Y))
ANSWERS_X, ANSWERS = make_multilabel_classification(150, n_labels=2, random_state=0)


def brier(y_true, y_proba, *, labels, sample_weight=None):
    right = np.asarray(y_true)[:, np.newaxis] == labels
    return np.average(((y_proba - right) ** 2).sum(axis=1), weights=sample_weight)


@pytest.mark.parametrize(
    "y", [Y, NAMES[Y], (Y > 0).astype(int)], ids=["3", "text", "2"]
)
def test_scores_are_the_metrics_of_predictions(y):
    model = GaussianNB().fit(X, y)
    proba = model.predict_proba(X)
    known = {"labels": model.classes_, "sample_weight": W}
    for name, expected in {
        "d2_loss": d2_log_loss_score(y, proba, sample_weight=W),
        "neg_expected_calibration_error": -expected_calibration_error(
            y, proba, **known
        ),
    }.items():
        found = get_scorer(name)(model, X, y, sample_weight=W)
        assert found == pytest.approx(expected, rel=1e-12)
    scorer = make_metric_scorer(brier)
    assert scorer(model, X, y) == -brier(y, proba, labels=model.classes_)
    assert pickle.loads(pickle.dumps(scorer))(model, X, y) == scorer(model, X, y)
    assert not scorer.proper


def test_the_balanced_loss_is_the_mean_of_the_classes():
    y = np.where(Y == 2, 1, Y)
    model = GaussianNB().fit(X, y)
    proba = model.predict_proba(X)
    each = [log_loss(y[y == c], proba[y == c], labels=[0, 1]) for c in (0, 1)]
    found = get_scorer("neg_balanced_log_loss")(model, X, y)
    assert found == pytest.approx(-np.mean(each))


def test_folds_may_lack_a_class():
    model = GaussianNB().fit(X, Y)
    two = Y < 2
    expected = brier(Y[two], model.predict_proba(X[two]), labels=[0, 1, 2])
    assert make_metric_scorer(brier)(model, X[two], Y[two]) == -expected
    # A label that training lacked is never predicted.
    small = GaussianNB().fit(X[two], Y[two])
    proba = np.hstack([small.predict_proba(X), np.zeros((len(X), 1))])
    expected = brier(Y, proba, labels=[0, 1, 2])
    assert make_metric_scorer(brier)(small, X, Y) == -expected
    found = get_scorer("neg_expected_calibration_error")(small, X, Y)
    assert found == -expected_calibration_error(Y, proba)


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputClassifier(LogisticRegression()),
        RandomForestClassifier(5, random_state=0),
        KNeighborsClassifier(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_many_labels(model):
    model = clone(model).fit(ANSWERS_X, ANSWERS)
    proba = np.stack([table[:, 1] for table in model.predict_proba(ANSWERS_X)], axis=1)
    expected = np.mean(
        [log_loss(*pair) for pair in zip(ANSWERS.T, proba.T, strict=True)]
    )
    found = get_scorer("neg_multilabel_log_loss")(model, ANSWERS_X, ANSWERS)
    assert found == pytest.approx(-expected)


def test_a_label_that_training_never_has():
    y = ANSWERS.copy()
    y[:, 1] = 0
    model = RandomForestClassifier(5, random_state=0).fit(ANSWERS_X, y)
    found = get_scorer("neg_multilabel_log_loss")(model, ANSWERS_X, ANSWERS)
    tables = [
        t[:, -1] if t.shape[1] > 1 else 0 * t[:, 0]
        for t in model.predict_proba(ANSWERS_X)
    ]
    pairs = zip(ANSWERS.T, tables, strict=True)
    expected = np.mean([log_loss(y, p, labels=[0, 1]) for y, p in pairs])
    assert found == pytest.approx(-expected)


def test_in_searches_and_beside_others():
    scoring = {
        name: get_scorer(name) for name in ("d2_loss", "neg_expected_calibration_error")
    }
    scoring["log"] = "neg_log_loss"
    found = cross_validate(GaussianNB(), X, Y, scoring=scoring, error_score="raise")
    assert (found["test_d2_loss"] < 1).all()
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("d2_loss").set_score_request(sample_weight=True)
        model = GaussianNB().set_fit_request(sample_weight=True)
        grid = {"var_smoothing": [1e-9, 1.0]}
        search = GridSearchCV(model, grid, scoring=scorer, error_score="raise")
        search.fit(X, Y, sample_weight=W)
        plain = clone(search).fit(X, Y, sample_weight=np.ones(len(Y)))
    assert not np.allclose(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert_allclose(search.best_score_, search.cv_results_["mean_test_score"].max())


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (GaussianNB(), "estimator must be a fitted classifier"),
        (object(), "estimator must be a fitted classifier"),
    ],
)
def test_what_cannot_be_scored(estimator, message):
    with pytest.raises(ValueError, match=message):
        get_scorer("d2_loss")(estimator, X, Y)


@pytest.mark.parametrize("name", ["d2_loss", "neg_expected_calibration_error"])
def test_one_class_alone_has_no_score(name):
    model = DummyClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match=r"^estimator must have at least 2 classes"):
        get_scorer(name)(model, X, np.zeros(len(X)))


def test_a_metric_is_a_function():
    with pytest.raises(ValueError, match=r"^metric must be a function, got 3\.$"):
        make_metric_scorer(3)


@pytest.mark.parametrize("name", ["labels", "sample_weight"])
def test_what_the_scorer_passes_is_no_keyword(name):
    with pytest.raises(ValueError, match=rf"^{name} must not be given to make_metric"):
        make_metric_scorer(brier, **{name: [0, 1]})
