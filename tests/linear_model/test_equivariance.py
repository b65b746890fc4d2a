"""Equivariance: another form of the same data gives the same predictions.

Labels are renamed and reordered, columns and rows permuted, containers and dtypes
changed, constant columns added, weights replaced by repeated rows, and so on.
"""

import warnings
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit
from sklearn.utils import _safe_indexing
from sklearn.utils.fixes import parse_version

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
    metrics,
)
from skxent.blending import BlendClassifier, blend_weights
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.losses import LOSSES

N, D = 72, 4
ROWS = np.random.default_rng(0).permutation(N)


@dataclass(frozen=True)
class Table:
    """Rows to fit to, rows to predict, and the form that they have."""

    X: Any
    y: Any
    weight: Any
    query: Any
    names: Any  # the label of each class of the table in its first form
    fold: Any
    scale: float = 1.0  # what the weights were multiplied by
    rtol: float = 1.0


def table(n_classes: int) -> Table:
    rng = np.random.default_rng(n_classes)
    y = rng.permutation(np.arange(N) % n_classes)
    # Small integers: exact in float32, as are their sums with 3.
    X = np.round(4 * rng.normal(size=(N, D)) + 2 * np.eye(3, D)[y])
    query = np.round(4 * rng.normal(size=(9, D)))
    weight = rng.integers(1, 4, N).astype(float)
    return Table(X, y, weight, query, np.arange(n_classes), np.arange(N) % 3)


def of_both(t: Table, change: Any, **other: Any) -> Table:
    return replace(t, X=change(t.X), query=change(t.query), **other)


def renamed(t: Table, *names: Any) -> Table:
    new = np.array(names[: len(t.names)])
    return replace(t, y=new[t.y], names=new)


def of_rows(t: Table, rows: Any, weight: Any = None) -> Table:
    weight = t.weight[rows] if weight is None else weight
    return replace(t, X=t.X[rows], y=t.y[rows], weight=weight, fold=t.fold[rows])


def names_of(X: Any) -> list[str]:
    return list("abcd")[: X.shape[1]]


COLUMNS = [2, 0, 3, 1]
CHANGES = {
    "reordered labels": lambda t: renamed(t, 7, -3, 5),
    "names": lambda t: renamed(t, "no", "yes", "maybe"),
    "numbers as names": lambda t: renamed(t, "10", "9", "1"),
    "floats": lambda t: renamed(t, 2.0, 1.0, 0.0),
    "objects": lambda t: replace(t, y=t.y.astype(object)),
    "shuffled indices": lambda t: replace(
        t, y=pd.Series(t.y, ROWS), weight=pd.Series(t.weight, ROWS[::-1])
    ),
    "pandas categories": lambda t: replace(
        t,
        y=pd.Categorical.from_codes(t.y, ["c", "a", "b"][: len(t.names)]),
        names=np.array(["c", "a", "b"][: len(t.names)]),
    ),
    "permuted columns": lambda t: of_both(t, lambda X: X[:, COLUMNS]),
    "permuted rows": lambda t: of_rows(t, ROWS),
    "float32": lambda t: of_both(t, lambda X: X.astype(np.float32), rtol=1e4),
    "F-ordered": lambda t: of_both(t, np.asfortranarray),
    "strided": lambda t: of_both(t, lambda X: np.repeat(X, 2, axis=1)[:, ::2]),
    "integers": lambda t: of_both(t, lambda X: X.astype(int)),
    "a list": lambda t: of_both(t, np.ndarray.tolist),
    "pandas": lambda t: of_both(t, lambda X: pd.DataFrame(X, columns=names_of(X))),
    "polars": lambda t: of_both(t, lambda X: pl.DataFrame(X, schema=names_of(X))),
    "sparse rows": lambda t: of_both(t, sp.csr_array),
    "sparse columns": lambda t: of_both(t, sp.csc_matrix),
    "shifted columns": lambda t: of_both(t, lambda X: X - [3.0, -50.0, 0.0, 1.0]),
    "mirrored columns": lambda t: of_both(t, lambda X: X * [1.0, -1.0, -1.0, 1.0]),
    "a constant column": lambda t: of_both(t, lambda X: np.c_[X, np.full(len(X), 0.1)]),
    "a column of zeros": lambda t: of_both(t, lambda X: np.c_[X[:, :1] * 0, X]),
    "repeated rows": lambda t: of_rows(
        t, (rows := np.repeat(np.arange(N), t.weight.astype(int))), np.ones(len(rows))
    ),
    "halved weights": lambda t: of_rows(
        t, np.tile(np.arange(N), 2), np.tile(t.weight / 2, 2)
    ),
    "rows of weight zero": lambda t: of_rows(
        t, np.r_[:N, ROWS[:9]], np.r_[t.weight, np.zeros(9)]
    ),
    "scaled weights": lambda t: replace(t, weight=5 * t.weight, scale=5.0),
}


def check(
    model: Any, n_classes: int, change: str, tolerance: float
) -> tuple[Any, Any, Table]:
    """Fit to both tables; the probabilities must be the same, by name of the class."""
    first, one = as_it_is(model, n_classes)
    second = CHANGES[change](first)
    other = fit(model, second)
    places = [second.names.tolist().index(label) for label in other.classes_.tolist()]
    expected = one.predict_proba(first.query)[:, places]
    limit = tolerance * second.rtol
    assert_allclose(other.predict_proba(second.query), expected, rtol=limit, atol=limit)
    labels = second.names[one.predict(first.query)]
    sure = np.ptp(np.sort(expected, axis=1)[:, -2:], axis=1) > limit
    assert other.predict(second.query)[sure].tolist() == labels[sure].tolist()
    return one, other, second


@cache
def as_it_is(model: Any, n_classes: int) -> tuple[Table, Any]:
    first = table(n_classes)
    return first, fit(model, first)


def fit(model: Any, t: Table) -> Any:
    model, params = clone(model), model.get_params()
    for name in params:
        if name.split("__")[-1] in ("C", "Cs"):
            model.set_params(**{name: np.divide(params[name], t.scale)})
    if "cv" in params:
        model.set_params(cv=PredefinedSplit(t.fold))
    if isinstance(params.get("class_weight"), dict):
        weights = params["class_weight"].values()
        model.set_params(
            class_weight=dict(zip(t.names.tolist(), weights, strict=False))
        )
    if isinstance(model, Stream):
        model.fold = t.fold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(t.X, t.y, sample_weight=t.weight)


changes = pytest.mark.parametrize("change", CHANGES)
LINEAR = {
    **{name: CrossEntropyClassifier(name, tol=1e-9) for name in LOSSES},
    "l1": CrossEntropyClassifier(C=0.5, l1_ratio=1.0, tol=1e-8),
    "elastic net": FocalLogisticRegression(1.0, C=2.0, l1_ratio=0.5, tol=1e-8),
    "no penalty": SmoothedSoftmaxClassifier(C=np.inf, tol=1e-9),
    "balanced": CrossEntropyClassifier(class_weight="balanced", C=5.0, tol=1e-9),
    "class weights": FocalLogisticRegression(
        class_weight={0: 0.5, 1: 2.0, 2: 1.0}, posterior=False, tol=1e-9
    ),
    "lbfgs": CrossEntropyClassifier(solver="lbfgs", tol=1e-9, max_iter=500),
}


SEARCHES = [
    FocalLogisticRegressionCV(Cs=[0.01, 0.1], gammas=[0.0, 2.0], tol=1e-8),
    SmoothedSoftmaxClassifierCV(
        Cs=[0.01, 1.0], label_smoothings=[0.1], l1_ratios=[0.0, 1.0], tol=1e-8
    ),
    FocalLogisticRegressionCV(Cs=[0.1], gammas=[0.0, 1.0], refit=False, tol=1e-8),
]


@changes
@pytest.mark.parametrize("name", LINEAR)
def test_linear_models(name, change):
    check(LINEAR[name], 3, change, 2e-6)


@changes
@pytest.mark.parametrize("name", ["focal", "elastic net", "no penalty", "balanced"])
def test_two_classes(name, change):
    check(LINEAR[name], 2, change, 2e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels_of_zeros_and_ones_are_labels(n_classes, dtype):
    t = table(n_classes)
    soft = replace(t, y=np.eye(n_classes, dtype=dtype)[t.y])
    for model in (*LINEAR.values(), *SEARCHES):
        if getattr(model, "class_weight", None) is None:
            expected = as_it_is(model, n_classes)[1].predict_proba(t.query)
            found = fit(model, soft).predict_proba(t.query)
            assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_without_a_penalty_columns_may_be_mixed_and_scaled():
    model, t = LINEAR["no penalty"], table(3)
    A = np.random.default_rng(1).normal(size=(D, D)) * [1e-3, 1.0, 1e4, 50.0]
    other = fit(model, of_both(t, lambda X: X @ A + 7))
    expected = fit(model, t).predict_proba(t.query)
    assert_allclose(other.predict_proba(t.query @ A + 7), expected, rtol=1e-5)


@changes
def test_searches(change):
    for search in SEARCHES:
        one, other, t = check(search, 3, change, 1e-5)
        limit = 1e-6 * t.rtol
        assert_allclose(other.scores_, one.scores_, rtol=limit, atol=limit)
        for name, value in vars(one).items():
            if name in ("C_", "gamma_", "label_smoothing_", "l1_ratio_"):
                scale = t.scale if name == "C_" else 1.0
                assert_allclose(scale * getattr(other, name), value)


class Stream(CrossEntropyClassifier):
    """A model that is fitted in batches."""

    def fit(self, X, y, sample_weight):
        fold = self.fold
        for k in range(3):
            rows = np.flatnonzero(fold == k)
            self.partial_fit(
                _safe_indexing(X, rows),
                _safe_indexing(y, rows),
                classes=np.unique(y),
                sample_weight=_safe_indexing(sample_weight, rows),
            )
        return self


ANOTHER = LogisticRegression(C=0.01, solver="newton-cholesky", tol=1e-10)
STREAM = Stream(tol=1e-8)
WRAPPERS = {
    "temperature": TemperatureScaling(CrossEntropyClassifier(C=0.1, tol=1e-9)),
    "temperature of another": TemperatureScaling(ANOTHER, loss="focal"),
    "vector": VectorScaling(FocalLogisticRegression(C=0.1, tol=1e-9)),
    "blend": BlendClassifier(
        [("cross", CrossEntropyClassifier(C=0.1, tol=1e-9)), ("another", ANOTHER)]
    ),
}


@changes
@pytest.mark.parametrize("name", WRAPPERS)
def test_calibration_and_blending(name, change, request):
    old = parse_version(sklearn.__version__) < parse_version("1.7")
    if old and name != "vector" and "float32" in request.node.name:
        pytest.skip("newton-cholesky of scikit-learn 1.6 fails on float32 and weights")
    check(WRAPPERS[name], 2 if name == "blend" else 3, change, 1e-5)


@changes
def test_streams(change):
    check(STREAM, 3, change, 1e-5)


def squared(p: Any) -> Any:
    square = np.square(np.asarray(p))
    return square / square.sum(axis=1, keepdims=True)


SCORES = {
    **{name: partial(metrics.evaluate_loss, name) for name in LOSSES},
    "log_loss": metrics.log_loss,
    "smoothed_log_loss": metrics.smoothed_log_loss,
    "logits": lambda y, p, **kw: metrics.focal_loss(
        y, np.log(p), from_logits=True, **kw
    ),
    "d2_loss_score": partial(metrics.d2_loss_score, "focal"),
    "expected_calibration_error": metrics.expected_calibration_error,
    "blend_weights": lambda y, p, **kw: blend_weights([p, squared(p)], y, **kw),
}
OF_TABLES = [
    "reordered labels", "names", "numbers as names", "floats", "permuted rows",
    "float32", "F-ordered", "strided", "a list", "pandas", "polars", "repeated rows",
    "halved weights", "rows of weight zero", "scaled weights",
]  # fmt: skip


@pytest.mark.parametrize("change", OF_TABLES)
def test_metrics(change):
    for n_classes in (2, 3):
        first = table(n_classes)
        proba = np.random.default_rng(0).dirichlet(np.ones(n_classes), N) + 0.01
        proba /= proba.sum(axis=1, keepdims=True)
        # The columns are in the sorted order of the labels.
        order = np.argsort(CHANGES[change](first).names)
        second = CHANGES[change](replace(first, X=proba[:, order]))
        rtol = 1e-5 if change == "float32" else 1e-10
        for name, score in SCORES.items():
            for class_weight in (None, "balanced", [0.5, 2.0, 1.0]):
                if class_weight and "log_loss" in name:
                    continue  # they take none
                value = of_table(score, first, proba, class_weight)
                other = of_table(score, second, second.X, class_weight)
                assert_allclose(other, value, rtol=rtol, atol=rtol, err_msg=name)


def of_table(score: Any, t: Table, proba: Any, class_weight: Any) -> Any:
    if isinstance(class_weight, list):
        class_weight = dict(zip(t.names.tolist(), class_weight, strict=False))
    given = {"class_weight": class_weight} if class_weight else {}
    return score(t.y, proba, sample_weight=t.weight, **given)
