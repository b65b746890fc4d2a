"""Suspicious labels: the order, the flags of confident learning, and what is found."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from skxent.metrics import rank_label_issues


def rows(n_classes=3, n=200, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), n)
    y = (rng.random((n, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return y, proba


def flags_by_definition(y, proba):
    """A row at a time, as in the paper: the confident joint's entries off diagonal."""
    K = proba.shape[1]
    thresholds = [proba[y == k, k].mean() for k in range(K)]
    flags, suggested = [], []
    for label, p in zip(y, proba, strict=True):
        above = [k for k in range(K) if p[k] >= thresholds[k]]
        best = max(above, key=lambda k: p[k]) if above else int(p.argmax())
        flags.append(bool(above) and best != label)
        suggested.append(best)
    return np.array(flags), np.array(suggested)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_the_definition(n_classes):
    y, proba = rows(n_classes)
    found = rank_label_issues(y, proba)
    own = proba[np.arange(len(y)), y]
    assert_array_equal(found.row, np.argsort(own, kind="stable"))
    assert_array_equal(found.self_confidence, own[found.row])
    assert_array_equal(found.label, y[found.row])
    flags, suggested = flags_by_definition(y, proba)
    assert 0 < flags.sum() < len(y)
    assert_array_equal(found.is_issue, flags[found.row])
    assert_array_equal(found.suggested_label, suggested[found.row])


def test_forms_of_the_same():
    y, proba = rows(2)
    expected = rank_label_issues(y, proba)
    odds = np.log(proba[:, 1] / proba[:, 0])
    for given, logits in (
        (proba[:, 1], False),
        (odds, True),
        (np.log(proba) + 2, True),
    ):
        found = rank_label_issues(y, given, from_logits=logits)
        assert_array_equal(found.row, expected.row)
        assert_array_equal(found.is_issue, expected.is_issue)
        assert_allclose(found.self_confidence, expected.self_confidence)


def test_labels_go_by_name():
    y, proba = rows(3)
    names = np.array(["z", "x", "y"])
    expected = rank_label_issues(y, proba)
    for given, keywords in (
        (proba, {"labels": names}),
        (pd.DataFrame(proba, columns=names)[["x", "y", "z"]], {}),
    ):
        found = rank_label_issues(names[y], given, **keywords)
        assert_array_equal(found.row, expected.row)
        assert_array_equal(found.suggested_label, names[expected.suggested_label])
        assert_array_equal(found.label, names[expected.label])
    table = pd.DataFrame(found._asdict())
    assert list(table) == [
        "row",
        "label",
        "self_confidence",
        "suggested_label",
        "is_issue",
    ]


def test_a_class_without_rows_is_not_suggested_with_confidence():
    y, proba = rows(3)
    y = np.minimum(y, 1)
    found = rank_label_issues(y, proba, labels=[0, 1, 2])
    assert not (found.is_issue & (found.suggested_label == 2)).any()


def test_equal_confidence_is_no_issue():
    """The mean of equal numbers may be an ulp above them."""
    y = np.repeat([0, 1], 49)
    proba = np.where(np.eye(2)[y] == 1, 0.7, 0.3)
    found = rank_label_issues(y, proba)
    assert not found.is_issue.any()
    assert_array_equal(found.suggested_label, found.label)
    assert_array_equal(found.row, np.arange(98))  # ties in the order of the rows


@pytest.mark.parametrize("model", [KNeighborsClassifier(20), LogisticRegression(C=0.1)])
def test_labels_that_were_changed_are_found(model):
    X, truth = load_digits(n_class=5, return_X_y=True)
    X = X[:, X.std(axis=0) > 1] / 16
    rng = np.random.default_rng(0)
    wrong = rng.random(len(truth)) < 0.1
    y = np.where(wrong, (truth + rng.integers(1, 5, len(truth))) % 5, truth)
    proba = cross_val_predict(model, X, y, method="predict_proba")
    found = rank_label_issues(y, proba)
    first = found.row[: wrong.sum()]
    assert wrong[first].mean() > 0.8
    assert wrong[found.row[found.is_issue]].mean() > 0.8
    right = found.suggested_label[: wrong.sum()] == truth[first]
    assert right[wrong[first]].mean() > 0.9


@pytest.mark.parametrize(
    ("y", "proba", "message"),
    [
        ([[0.2, 0.8]], [[0.5, 0.5]], r"y_true must be labels of shape \(n,\), got \(1"),
        ([0, 1], [[0.5, 0.5]], "y_true must have 1 rows|y must have 1 rows"),
        ([0, 1, 2], [0.5, 0.5, 0.1], "y_proba must have a column for each of 3"),
        ([0, 1], [0.5, 1.5], r"y_proba must be in \[0, 1\], got 1\.5"),
        ([0, 1], [0.5, np.nan], "Input y_proba contains NaN"),
        ([0, np.nan], [0.5, 0.5], "y_true must have no missing labels, got 1"),
    ],
)
def test_bad_input(y, proba, message):
    with pytest.raises(ValueError, match=message):
        rank_label_issues(y, proba)
    with pytest.raises(ValueError, match=r"sample_weight must be of shape \(2,\)"):
        rank_label_issues([0, 1], [0.5, 0.6], sample_weight=[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_are_rows_repeated(dtype):
    y, proba = rows(3)
    proba = proba.astype(dtype)
    own = proba[np.arange(len(y)), y]
    weight = np.where(own > 0.6, 9, np.arange(len(y)) % 2)
    found = rank_label_issues(y, proba, sample_weight=weight)
    plain = rank_label_issues(y, proba)
    assert_array_equal(found.row, plain.row)
    assert (found.is_issue != plain.is_issue).any()
    again = np.repeat(np.arange(len(y)), weight)
    repeated = rank_label_issues(y[again], proba[again])
    flags = dict(zip(again[repeated.row], repeated.is_issue, strict=True))
    kept = np.flatnonzero(weight[found.row])
    assert_array_equal(found.is_issue[kept], [flags[r] for r in found.row[kept]])
