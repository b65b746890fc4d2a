"""Classifiers whose `classes_` are not sorted, and tables that name their columns."""

import warnings

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.metrics
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import d2_log_loss_score
from sklearn.naive_bayes import GaussianNB

from skxent import CrossEntropyClassifier, explain
from skxent.blending import BlendClassifier, blend_weights
from skxent.calibration import (
    TemperatureScaling,
    VectorScaling,
    calibration_error_interval,
)
from skxent.metrics import (
    cross_entropy,
    d2_loss_score,
    expected_calibration_error,
    focal_loss,
    kl_divergence,
    log_loss,
    multilabel_log_loss,
)
from skxent.scorers import (
    make_loss_scorer,
    neg_focal_loss_scorer,
    neg_log_loss_scorer,
)

matplotlib.use("Agg")
from skxent.displays import (
    LossByClassDisplay,
    LossCurveDisplay,
    ModulationDisplay,
    PosteriorDisplay,
    ReliabilityDisplay,
)


class Rolled(ClassifierMixin, BaseEstimator):
    """Naive Bayes with its last class first, perhaps in a DataFrame; or a logistic
    regression with logits, by `decision`."""

    def __init__(self, frame=False, decision=False):
        self.frame, self.decision = frame, decision

    def fit(self, X, y, sample_weight=None):
        model = LogisticRegression() if self.decision else GaussianNB()
        self.model_ = model.fit(X, y, sample_weight)
        self.order_ = np.roll(np.arange(len(self.model_.classes_)), 1)
        self.classes_ = self.model_.classes_[self.order_]
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        proba = self.model_.predict_proba(X)[:, self.order_]
        return pd.DataFrame(proba, columns=self.classes_) if self.frame else proba


class RolledLogits(Rolled):
    def decision_function(self, X):
        z = self.model_.decision_function(X)
        return -z if z.ndim == 1 else z[:, self.order_]


LABELS = {
    "text": np.array(["1", "10", "2", "9"]),
    "numbers": np.array([3, 10, 20, 30]),
    "bools": np.array([False, True]),
}
CASES = [("text", 2), ("text", 4), ("numbers", 2), ("numbers", 3), ("bools", 2)]
cases = pytest.mark.parametrize(("kind", "n_classes"), CASES)
frames = pytest.mark.parametrize("frame", [False, True])


def table(kind, n_classes):
    X, codes = make_classification(
        200, 6, n_informative=5, n_redundant=0, n_classes=n_classes,
        flip_y=0.2, random_state=0,
    )  # fmt: skip
    return X, LABELS[kind][codes]


@cases
@frames
def test_scorers(kind, n_classes, frame):
    X, y = table(kind, n_classes)
    rolled, plain = Rolled(frame).fit(X, y), GaussianNB().fit(X, y)
    first, second = plain.classes_[:2].tolist()
    for scorer in (
        neg_log_loss_scorer,
        neg_focal_loss_scorer,
        make_loss_scorer("cross_entropy", class_weight="balanced"),
        make_loss_scorer("focal", label_smoothing=0.1),
        make_loss_scorer("focal", class_weight={first: 3}),
        make_loss_scorer("focal", class_weight=pd.Series([1, 3], [second, first])),
    ):
        assert_allclose(scorer(rolled, X, y), scorer(plain, X, y), rtol=1e-12)
        some = y == first  # a fold that lacks the other classes
        assert_allclose(
            scorer(rolled, X[some], y[some]), scorer(plain, X[some], y[some])
        )
    # Labels that the model was not trained on.
    if kind == "text":
        known = y != "10"
        rolled.fit(X[known], y[known]), plain.fit(X[known], y[known])
        if n_classes > 2:
            with pytest.warns(UserWarning, match="was not trained on"):
                ours = neg_focal_loss_scorer(rolled, X, y)
            with pytest.warns(UserWarning, match="was not trained on"):
                assert_allclose(ours, neg_focal_loss_scorer(plain, X, y))


@cases
@frames
def test_metrics_take_the_order_of_classes(kind, n_classes, frame):
    X, y = table(kind, n_classes)
    rolled, plain = Rolled(frame).fit(X, y), GaussianNB().fit(X, y)
    given, expected = rolled.predict_proba(X), plain.predict_proba(X)
    for metric in (
        cross_entropy,
        focal_loss,
        expected_calibration_error,
        lambda y, p, **k: expected_calibration_error(y, p, classwise=True, **k),
        lambda y, p, **k: d2_loss_score("focal", y, p, **k),
        lambda y, p, **k: explain(y, p, **k).skill,
        lambda y, p, **k: calibration_error_interval(
            y, p, n_resamples=5, random_state=0, **k
        ),
        lambda y, p, **k: blend_weights([p, np.full_like(p, 1 / n_classes)], y, **k),
    ):
        value = metric(y, expected)
        assert_allclose(metric(y, given, labels=rolled.classes_), value, atol=1e-12)
        if frame:  # the columns tell
            assert_allclose(metric(y, given), value, atol=1e-12)
            assert_allclose(metric(y, given, labels=plain.classes_), value, atol=1e-12)
    rows = explain(y, given, labels=rolled.classes_).rows
    assert [row[:3] for row in rows] == [row[:3] for row in explain(y, expected).rows]
    if kind != "bools":
        by_weight = cross_entropy(
            y, np.asarray(given), labels=rolled.classes_,
            class_weight=np.arange(1.0, n_classes + 1),
        )  # fmt: skip
        weights = dict(
            zip(rolled.classes_.tolist(), range(1, n_classes + 1), strict=True)
        )
        assert_allclose(by_weight, cross_entropy(y, expected, class_weight=weights))


def test_skill_is_scikit_learn_s_where_labels_are_sorted():
    X, y = table("numbers", 3)
    proba = GaussianNB().fit(X, y).predict_proba(X)
    theirs = d2_log_loss_score(y, proba, labels=[3, 10, 20])
    assert_allclose(
        d2_loss_score("cross_entropy", y, proba, labels=[3, 10, 20]), theirs
    )
    ours = d2_loss_score("cross_entropy", y, proba[:, ::-1], labels=[20, 10, 3])
    assert_allclose(ours, theirs)
    # The drop-in goes by the sorted order, as scikit-learn does, and warns if it does.
    told = []
    for metric in (log_loss, sklearn.metrics.log_loss):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = metric(y, proba, labels=[20, 10, 3])
        assert_allclose(value, log_loss(y, proba))
        told.append([str(warning.message) for warning in caught])
    assert told[0] == told[1]


@cases
@frames
@pytest.mark.parametrize("cls", [TemperatureScaling, VectorScaling])
def test_scaling(kind, n_classes, frame, cls):
    X, y = table(kind, n_classes)
    for theirs, ours in (
        (GaussianNB(), Rolled(frame)),
        (LogisticRegression(), RolledLogits(frame, decision=True)),
    ):
        for freeze in (False, True):
            if freeze:
                ours, theirs = (FrozenEstimator(m.fit(X, y)) for m in (ours, theirs))
            rolled, plain = (cls(m, cv=3).fit(X, y) for m in (ours, theirs))
            order = [rolled.classes_.tolist().index(c) for c in plain.classes_.tolist()]
            assert_allclose(
                rolled.predict_proba(X)[:, order], plain.predict_proba(X), atol=1e-5
            )
            assert_array_equal(rolled.predict(X), plain.predict(X))


@cases
@frames
@pytest.mark.parametrize("cv", [3, "prefit"])
def test_blends(kind, n_classes, frame, cv):
    X, y = table(kind, n_classes)
    other = ("logistic", LogisticRegression().fit(X, y))
    rolled, plain = (
        BlendClassifier([("m", model.fit(X, y)), other], cv=cv).fit(X, y)
        for model in (Rolled(frame), GaussianNB())
    )
    assert_allclose(rolled.weights_, plain.weights_, atol=1e-8)
    assert_allclose(rolled.predict_proba(X), plain.predict_proba(X), atol=1e-8)
    assert_array_equal(rolled.predict(X), plain.predict(X))
    assert type(rolled.estimators_[0]) is Rolled
    assert rolled.named_estimators_["m"] is rolled.estimators_[0]


def test_a_model_knows_its_labels_out_of_fold():
    """cross_val_predict numbers the labels, of which class weights know nothing."""
    X, y = table("text", 4)
    weighted = CrossEntropyClassifier(class_weight={"1": 5.0})
    plain = LogisticRegression()
    scaled = TemperatureScaling(weighted, cv=3).fit(X, y)
    assert_array_equal(scaled.classes_, np.unique(y))
    blend = BlendClassifier([("w", weighted), ("p", plain)], cv=3).fit(X, y)
    assert_array_equal(blend.estimators_[0].classes_, np.unique(y))


@pytest.mark.parametrize(("n_classes", "frame"), [(2, True), (3, False)])
def test_displays(n_classes, frame):
    X, y = table("numbers", n_classes)
    rolled, plain = Rolled(frame).fit(X, y), GaussianNB().fit(X, y)
    shares = [
        dict(zip(shown.classes.tolist(), shown.loss_share, strict=True))
        for shown in (
            LossByClassDisplay.from_estimator(m, X, y) for m in (rolled, plain)
        )
    ]
    for label, share in shares[1].items():
        assert_allclose(shares[0][label], share)
    for display in (LossCurveDisplay, ModulationDisplay):
        ours, theirs = (display.from_estimator(m, X, y) for m in (rolled, plain))
        assert_allclose(ours.operating_range, theirs.operating_range)
    ours, theirs = (
        ReliabilityDisplay.from_estimator(m, X, y, classwise=True)
        for m in (rolled, plain)
    )
    assert_allclose(ours.error, theirs.error)
    assert ours.names == [str(label) for label in rolled.classes_]
    ours, theirs = (PosteriorDisplay.from_estimator(m, X, y) for m in (rolled, plain))
    assert_allclose(ours.bins.weight.sum(), theirs.bins.weight.sum())
    matplotlib.pyplot.close("all")


def test_tables_that_name_their_columns():
    X, y = table("numbers", 3)
    p = GaussianNB().fit(X, y).predict_proba(X)
    expected = cross_entropy(y, p)
    names = [20, 3, 10]
    for frame in (
        pd.DataFrame(p[:, [2, 0, 1]], columns=names),
        pd.DataFrame(p[:, [2, 0, 1]], columns=[str(name) for name in names]),
        pl.DataFrame(p[:, [2, 0, 1]], schema=[str(name) for name in names]),
        pd.DataFrame(p),  # columns that only count are no names
        pl.DataFrame(p),
    ):
        assert_allclose(cross_entropy(y, frame), expected)
        assert_allclose(cross_entropy(pd.Series(y), frame), expected)
    raw = pd.DataFrame(np.log(p)[:, [2, 0, 1]], columns=names)
    assert_allclose(cross_entropy(y, raw, from_logits=True), expected)
    # Soft labels and answers by column.
    t = pd.DataFrame(np.eye(3)[np.searchsorted([3, 10, 20], y)], columns=[3, 10, 20])
    frame = pd.DataFrame(p[:, [2, 0, 1]], columns=names)
    assert_allclose(cross_entropy(t, frame), expected)
    assert_allclose(cross_entropy(t, frame, labels=[10, 3, 20]), expected)
    assert_allclose(kl_divergence(t, frame), expected)
    value = multilabel_log_loss(t, frame, class_weight=pd.Series([1, 2], [20, 3]))
    assert_allclose(value, multilabel_log_loss(t.values, p, class_weight=[2, 1, 1]))
    # Rows of another label need no column.
    some = np.r_[y, -1]
    frame = pd.concat([frame, frame[:1]])
    assert_allclose(cross_entropy(some, frame, ignore_index=-1), expected)
