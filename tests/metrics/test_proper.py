"""Which metrics and scorers are proper, by definition, and the warning of searches."""

import inspect
import warnings
from functools import partial

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_iris

from skxent import FocalLogisticRegressionCV, metrics
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import evaluate_loss, focal_loss, log_loss
from skxent.scorers import get_scorer, make_loss_scorer, make_metric_scorer

RNG = np.random.default_rng(0)
LOGITS = 1.5 * RNG.normal(size=(4000, 3))
LABELS = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(axis=1)
ONE_HOT = np.eye(3)[LABELS]
DECISIONS = np.clip(np.eye(3)[LOGITS.argmax(axis=1)], 1e-3, 1 - 2e-3)

# The class probabilities, and other predictions of the same rows.
TRUTH = softmax(LOGITS, axis=1)
OTHERS = [softmax(c * LOGITS, axis=1) for c in (0.4, 0.8, 0.9, 1.1, 1.25, 2.5)]
OTHERS += [0.9 * TRUTH + 0.1 / 3, DECISIONS, np.tile(ONE_HOT.mean(axis=0), (4000, 1))]

# Metrics that are not called with labels of three classes.
CALLS = {
    "multilabel_log_loss": partial(metrics.multilabel_log_loss, ONE_HOT),
    "kl_divergence": partial(metrics.kl_divergence, TRUTH),
    "evaluate_loss": partial(evaluate_loss, CrossEntropy(), LABELS),
    "d2_loss_score": lambda p: -metrics.d2_loss_score(CrossEntropy(), LABELS, p),
}
SCORES = [name for name in metrics.__all__ if hasattr(getattr(metrics, name), "proper")]


@pytest.mark.parametrize("name", SCORES)
def test_no_predictions_score_better_than_the_truth_by_a_proper_metric(name):
    metric = getattr(metrics, name)
    call = CALLS.get(name, partial(metric, LABELS))
    gain = call(TRUTH) - np.array([call(p) for p in OTHERS])
    if metric.proper is not False:
        assert gain.max() < 0
    else:
        assert gain.max() > 0.002
    assert "proper" in inspect.getdoc(metric)


def test_all_metrics_of_labels_say_whether_they_are_proper():
    others = {"decompose_loss", "entropy", "rank_label_issues", "LabelIssues"}
    others |= {"label_issue_precision", "LabelIssuePrecision"}
    assert set(SCORES) == set(metrics.__all__) - others
    assert metrics.d2_loss_score.proper is evaluate_loss.proper is None


def test_metrics_of_dask_s_rows_say_it_too():
    pytest.importorskip("dask", reason="pip install '.[dask]'")
    from skxent.dask import metrics as of_dask

    for name in set(SCORES) - {"log_loss"}:
        there = getattr(of_dask, name)
        assert there.proper == getattr(metrics, name).proper


def brier(y_true, y_proba, *, labels, sample_weight=None):
    return ((y_proba - (np.asarray(y_true)[:, None] == labels)) ** 2).sum(axis=1).mean()


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (make_metric_scorer(log_loss), True),
        (make_metric_scorer(focal_loss), False),
        (make_metric_scorer(metrics.cross_entropy), True),
        (make_metric_scorer(metrics.cross_entropy, class_weight="balanced"), False),
        (make_metric_scorer(metrics.multilabel_log_loss, label_smoothing=0.1), False),
        (make_metric_scorer(brier), None),
        (make_metric_scorer(brier, proper=True), True),
        (make_metric_scorer(focal_loss, proper=True, gamma=0), True),
        (make_loss_scorer("focal"), False),
        (make_loss_scorer("cross_entropy"), True),
    ],
)
def test_scorers_say_so_too(scorer, expected):
    assert scorer.proper is expected


def test_proper_must_be_a_truth_value():
    with pytest.raises(ValueError, match=r"^proper must be True or False, got 'yes'"):
        make_metric_scorer(brier, proper="yes")


X, Y = load_iris(return_X_y=True)
ECE = "neg_expected_calibration_error"


@pytest.mark.parametrize(
    ("keywords", "warned"),
    [
        ({}, False),
        ({"scoring": "neg_focal_loss"}, True),
        ({"scoring": "neg_balanced_log_loss", "refit": False}, True),
        ({"scoring": get_scorer(ECE)}, True),
        ({"scoring": ["neg_log_loss", ECE], "refit": "neg_log_loss"}, False),
        ({"scoring": ["neg_log_loss", ECE], "refit": ECE}, True),
        ({"scoring": "d2_loss"}, False),
        ({"scoring": "accuracy"}, False),  # who asks for it has another aim
        ({"scoring": make_metric_scorer(brier)}, False),
        ({"scoring": make_loss_scorer("squared_error")}, True),
        ({"scoring": make_loss_scorer("squared_error"), "two": True}, False),
    ],
)
def test_a_search_warns_if_it_chooses_by_another_score(keywords, warned):
    rows = slice(None, 100) if keywords.pop("two", False) else slice(None)
    search = FocalLogisticRegressionCV(Cs=[0.01, 0.1], gammas=[0], cv=2, **keywords)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X[rows], Y[rows])
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == warned
    if warned:
        assert "which is not proper" in messages[0]
        assert caught[0].filename == __file__


def test_the_gamma_of_focal_loss():
    assert evaluate_loss(Focal(0.0), LABELS, TRUTH) == pytest.approx(
        log_loss(LABELS, TRUTH)
    )
