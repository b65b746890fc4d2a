"""The precision at k of suspicious labels, by labels that are changed on purpose."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from skxent.metrics import label_issue_precision

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["b", "a", "c"])[Y]


class Oracle(ClassifierMixin, BaseEstimator):
    """It predicts the true label, which is in the first column of X."""

    def __init__(self, share=1.0):
        self.share = share

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        right = np.eye(len(self.classes_))[X[:, 0].astype(int)]
        known = (X[:, 1] < self.share)[:, np.newaxis]
        return np.where(known, 0.9 * right + 0.1 / right.shape[1], 1 / right.shape[1])


def rows(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return np.column_stack([y, rng.random(n)]), y


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_who_knows_the_labels_finds_all(noise):
    X, y = rows()
    found = label_issue_precision(Oracle(), X, y, noise=noise)
    assert found == (1.0, 0.0, round(noise * len(y)))


def test_who_knows_half_of_them_finds_half():
    """The others are changed as often among the first as everywhere."""
    X, y = rows(4000)
    found = label_issue_precision(
        Oracle(0.5), X, y, noise=0.1, n_repeats=8, random_state=0
    )
    # About 200 of the 400 are known to be wrong. Rows without information follow, of
    # which a tenth are wrong.
    assert abs(found.precision - (0.5 + 0.5 * 0.1)) < 4 * found.standard_error
    assert 0.003 < found.standard_error < 0.02


def test_k_and_repeats():
    model = LogisticRegression(max_iter=500)
    keywords = {"random_state": 0, "noise": 0.2}
    all_found = label_issue_precision(model, X, NAMES, **keywords)
    few = label_issue_precision(model, X, NAMES, k=10, **keywords)
    assert all_found.k == 30 and few.k == 10
    assert few.precision >= all_found.precision > 0.7
    assert label_issue_precision(model, X, NAMES, **keywords) == all_found
    once = label_issue_precision(model, X, NAMES, n_repeats=1, **keywords)
    assert np.isnan(once.standard_error)


def test_groups_stay_together():
    groups = np.arange(len(Y)) // 5
    seen = []

    class Watched(Oracle):
        def fit(self, X, y):
            seen.append(set((X[:, 2] // 5).tolist()))
            return super().fit(X, y)

        def predict_proba(self, X):
            assert not seen[-1] & set((X[:, 2] // 5).tolist())
            return super().predict_proba(X)

    table = np.column_stack([Y, np.zeros(len(Y)), np.arange(len(Y))])
    found = label_issue_precision(
        Watched(), table, Y, cv=GroupKFold(3), groups=groups, n_repeats=1
    )
    assert_allclose(found.precision, 1)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"estimator": LinearSVC()},
            r"estimator must be a classifier with predict_proba, got LinearSVC\(\)",
        ),
        ({"noise": 0}, r"noise must be a number in \(0, 1\), got 0"),
        ({"k": 0}, "k must be an integer >= 1, got 0"),
        ({"k": 151}, "k must be at most 150, the number of rows, got 151"),
        ({"n_repeats": 0}, "n_repeats must be an integer >= 1, got 0"),
        ({"y": np.zeros(150)}, r"y must have at least 2 labels, got \[0\.0\]"),
    ],
)
def test_bad_arguments(change, message):
    given = {"estimator": LogisticRegression(), "X": X, "y": Y} | change
    with pytest.raises(ValueError, match=f"^{message}"):
        label_issue_precision(**given)
