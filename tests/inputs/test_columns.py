"""Tables whose columns are classes are read by name, everywhere."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skxent import CrossEntropyClassifier, explain
from skxent.blending import blend_weights
from skxent.blocks import ArrayBlocks
from skxent.boosting import xgboost_objective
from skxent.calibration import TemperatureScaling, VectorScaling, posterior
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import (
    cross_entropy,
    expected_calibration_error,
    kl_divergence,
    multilabel_log_loss,
)
from skxent.scorers import make_loss_scorer, neg_log_loss_scorer
from skxent.targets import distill

X, CODES = load_iris(return_X_y=True)
NAMES = np.array(["a", "b", "c"])
TEXT = NAMES[CODES]
MODEL = LogisticRegression(max_iter=1000).fit(X, TEXT)
P, Z = MODEL.predict_proba(X), MODEL.decision_function(X)
SOFT = np.eye(3)[CODES] * 0.8 + 0.2 * P
ORDER = [2, 0, 1]


def frames(values, names):
    """Return the table with its columns in another order, by each library."""
    frame = pd.DataFrame(values, columns=names)[[names[k] for k in ORDER]]
    tables = [frame, pl.DataFrame({str(name): frame[name] for name in frame})]
    pa = pytest.importorskip("pyarrow")
    return [*tables, pa.table({str(name): frame[name] for name in frame})]


@pytest.mark.parametrize("library", range(3))
@pytest.mark.parametrize("names", [[0, 1, 2], [*"abc"]], ids=str)
def test_predictions_go_by_name(names, library):
    y = np.array(names)[CODES]
    proba, raw = frames(P, names)[library], frames(Z, names)[library]
    for metric in (cross_entropy, expected_calibration_error):
        assert_allclose(metric(y, proba), metric(CODES, P))
        assert_allclose(metric(y, proba, labels=names[::-1]), metric(CODES, P))
    assert explain(y, proba).rows[0].label == names[explain(CODES, P).rows[0].label]
    assert_allclose(cross_entropy(y, raw, from_logits=True), cross_entropy(CODES, P))
    other = P[::-1] / 2 + P / 2
    expected = blend_weights([P, other], CODES)
    for pair in ([proba, other], [proba, frames(other, names)[library]]):
        assert_allclose(blend_weights(pair, y), expected)
    for scaling in (TemperatureScaling, VectorScaling):
        ours, theirs = scaling().fit(raw, y), scaling().fit(Z, CODES)
        assert_allclose(ours.predict_proba(Z), theirs.predict_proba(Z))
        assert_allclose(ours.predict_proba(raw), theirs.predict_proba(Z))


@pytest.mark.parametrize("library", range(3))
def test_soft_labels_go_by_name(library):
    t = frames(SOFT, [0, 1, 2])[library]
    expected = CrossEntropyClassifier().fit(X, SOFT)
    for model in (
        CrossEntropyClassifier().fit(X, t),
        CrossEntropyClassifier().partial_fit(X, t, classes=[0, 1, 2]),
        *([] if library else [CrossEntropyClassifier().fit(ArrayBlocks(X, t))]),
    ):
        assert_allclose(model.coef_, expected.coef_, atol=1e-4)
    for found, wanted in [
        (kl_divergence(t, SOFT), 0),
        (kl_divergence(SOFT, t), 0),
        (kl_divergence(t, pd.DataFrame(SOFT)), 0),
        (kl_divergence(pd.DataFrame(SOFT), t), 0),
        (multilabel_log_loss(t, P), multilabel_log_loss(SOFT, P)),
        (explain(t, P).skill, explain(SOFT, P).skill),
        (blend_weights([P, t], SOFT), [0, 1]),
        (Focal().loss(t, Z), Focal().loss(SOFT, Z)),
        (Focal().best_constant(t), Focal().best_constant(SOFT)),
        (distill(t, y=CODES, teacher_weight=0.5), (SOFT + np.eye(3)[CODES]) / 2),
        (posterior("focal", t), posterior("focal", SOFT)),
        (xgboost_objective(Focal(), soft_labels=t).soft_labels, SOFT),
        (neg_log_loss_scorer(expected, X, t), neg_log_loss_scorer(expected, X, SOFT)),
    ]:
        assert_allclose(found, wanted, atol=1e-9)


def test_soft_labels_of_named_classes():
    named, other = frames(SOFT, [*"abc"])[0], frames(SOFT, [*"abz"])[0]
    # Without labels the classes are 0..K-1, in the order of the columns.
    model = CrossEntropyClassifier().fit(X, named)
    assert_allclose(model.coef_, CrossEntropyClassifier().fit(X, SOFT[:, ORDER]).coef_)
    scorer = make_loss_scorer("focal")
    assert_allclose(scorer(model, X, named), scorer(model, X, SOFT[:, ORDER]))
    # Classes that are known have names.
    known = CrossEntropyClassifier().partial_fit(X, named, classes=NAMES)
    expected = CrossEntropyClassifier().partial_fit(X, SOFT, classes=NAMES)
    assert_allclose(known.coef_, expected.coef_)
    assert_allclose(scorer(MODEL, X, named), scorer(MODEL, X, SOFT))
    for call in (
        lambda: CrossEntropyClassifier().partial_fit(X, other, classes=NAMES),
        lambda: known.partial_fit(X, other),
        lambda: scorer(MODEL, X, other),
        lambda: cross_entropy(other, P, labels=NAMES),
        lambda: kl_divergence(named, other),
    ):
        with pytest.raises(ValueError, match=r"must have its columns named by the cla"):
            call()


def test_names_that_are_not_the_classes():
    """They raise where some of them are classes, and mean nothing otherwise."""
    for made_up in (
        pd.DataFrame(P),
        pl.DataFrame(P),
        pd.DataFrame(P).rename(columns=str),
        pd.DataFrame(P, columns=["model 1", "model 2", "model 3"]),
    ):
        for labels in (None, NAMES):
            assert_allclose(
                cross_entropy(TEXT, made_up, labels=labels), cross_entropy(TEXT, P)
            )
    frame = pd.DataFrame(P)
    by_name = cross_entropy(CODES, frame, labels=ORDER)
    assert_allclose(by_name, cross_entropy(CODES, P))
    logits = pd.DataFrame(Z, columns=[*"xbc"])
    scaling = TemperatureScaling().fit(Z, TEXT)
    for call, name in [
        (lambda: cross_entropy(TEXT, frame[ORDER]), "y_proba"),
        (lambda: cross_entropy(CODES, pd.DataFrame(P, columns=[1, 2, 3])), "y_proba"),
        (lambda: blend_weights([P, logits], TEXT), "probas"),
        (lambda: TemperatureScaling().fit(logits, TEXT), "X"),
        (lambda: scaling.predict_proba(logits), "X"),
    ]:
        said = rf"^{name} must have its columns named by the classes .*Rename them, or"
        with pytest.raises(ValueError, match=said):
            call()
    # Derivatives would be in another order than the logits.
    with pytest.raises(ValueError, match=r"^raw_prediction must have its columns in"):
        CrossEntropy().gradient(CODES, pd.DataFrame(Z)[ORDER])


def test_ignored_labels_have_no_column():
    y = np.r_[TEXT, ["?"]]
    frame = frames(np.r_[P, P[:1]], [*"abc"])[0]
    value = cross_entropy(y, frame, labels=[*"?abc"], ignore_index="?")
    assert_allclose(value, cross_entropy(TEXT, P))


def test_classes_of_a_stream():
    for classes, message in [
        ([0, 1, 2, np.nan], "have no missing labels, got 1"),
        ([0, 1, None], "have no missing labels, got 1"),
        ([0, 1, "2"], "have labels of one type, got integers and strings"),
        ([[0, 1]], r"be of shape \(K,\), got \(1, 2\)"),
    ]:
        with pytest.raises(ValueError, match=f"^classes must {message}"):
            CrossEntropyClassifier().partial_fit(X, CODES, classes)
    model = CrossEntropyClassifier().partial_fit(X, CODES, [2, 0, 1, 1])
    assert_array_equal(model.classes_, [0, 1, 2])
