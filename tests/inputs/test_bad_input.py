"""Bad input to the estimators: an error that names argument and value."""

import numpy as np
import pytest
import scipy.sparse as sp

from problems import limited
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    explain,
)
from skxent.blocks import ArrayBlocks
from skxent.metrics import cross_entropy, decompose_loss, rank_label_issues

ESTIMATORS = [
    CrossEntropyClassifier,
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
]
all_estimators = pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda c: c.__name__)

X = np.arange(12.0).reshape(6, 2) % 5
Y = np.array([0, 1, 0, 1, 1, 0])


@all_estimators
@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("C", 0.0, r"a number in \(0, inf\], got 0\.0"),
        ("C", -1, r"a number in \(0, inf\], got -1"),
        ("C", np.nan, r"a number in \(0, inf\], got nan"),
        ("C", "1", r"a number in \(0, inf\], got '1'"),
        ("l1_ratio", 1.5, r"a number in \[0, 1\], got 1\.5"),
        ("l1_ratio", -0.1, r"a number in \[0, 1\], got -0\.1"),
        ("tol", 0.0, r"a number in \(0, inf\), got 0\.0"),
        ("max_iter", 0, r"an integer >= 1, got 0"),
        ("max_iter", 1.5, r"an integer >= 1, got 1\.5"),
        ("label_smoothing", 1.0, r"a number in \[0, 1\), got 1\.0"),
        ("label_smoothing", -0.1, r"a number in \[0, 1\), got -0\.1"),
        ("solver", "lbgfs", r"one of 'auto', .*, got 'lbgfs'"),
        ("class_weight", "equal", r"one of 'balanced', got 'equal'"),
        ("class_weight", {2: 1.0}, r"keys in \[0, 1\], got 2"),
        ("class_weight", {0: -1.0}, r".*positive.*got \[-1\.0, 1\.0\]"),
        ("class_weight", [1, 2], r"a dict, 'balanced' or None, got \[1, 2\]"),
        ("fit_intercept", "yes", r"True or False, got 'yes'"),
        ("posterior", None, r"True or False, got None"),
        ("warm_start", 2, r"True or False, got 2"),
        ("n_jobs", 0, r"None or an integer other than 0, got 0"),
        ("n_jobs", 1.5, r"None or an integer other than 0, got 1\.5"),
        ("verbose", "much", r"a non-negative integer or bool, got 'much'"),
    ],
)
def test_parameters(cls, argument, value, allowed):
    with pytest.raises(ValueError, match=f"^{argument} must (be|have) {allowed}.$"):
        cls(**{argument: value}).fit(X, Y)


def test_parameters_of_one_estimator():
    with pytest.raises(
        ValueError, match=r"^gamma must be a number in \[0, 1e\+06\], got -1"
    ):
        FocalLogisticRegression(gamma=-1.0).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"^loss must be one of 'cross_entropy', 'focal"
    ):
        CrossEntropyClassifier("hinge").fit(X, Y)


@all_estimators
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array], ids=["dense", "csr"])
def test_nan_and_infinity_in_X(cls, bad, convert):
    spoilt = X.copy()
    spoilt[2, 1] = bad
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        cls().fit(convert(spoilt), Y)
    model = cls().fit(X, Y)
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        model.predict_proba(convert(spoilt))


@all_estimators
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1, np.nan, 1, 1, 1], r"^sample_weight must be finite and .*, got nan\.$"),
        ([1, 1, np.inf, 1, 1, 1], r"^sample_weight must be finite and .*, got inf\.$"),
        ([1, 1, -2.0, 1, 1, 1], r"^sample_weight must be .*non-negative, got -2\.0\.$"),
        (-2.0, r"^sample_weight must be finite and non-negative, got -2\.0\.$"),
        (0, r"^sample_weight must have a positive sum, got all zeros\.$"),
        ([0] * 6, r"^sample_weight must have a positive sum, got all zeros\.$"),
        ([1, 1], r"^sample_weight must be of shape \(6,\), got \(2,\)\.$"),
        ([[1]] * 6, r"^sample_weight must be of shape \(6,\), got \(6, 1\)\.$"),
    ],
)
def test_sample_weight(cls, weights, message):
    with pytest.raises(ValueError, match=message):
        cls().fit(X, Y, sample_weight=weights)


@all_estimators
@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1] * 6, r"^y must have at least 2 classes, got 1 class: \[1\]\.$"),
        (np.linspace(0, 0.7, 6), "Unknown label type: continuous"),
        ([0, 1, np.nan, 1, 0, 1], "Input y contains NaN"),
        ([0, 1], "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
        (np.full((6, 2), 0.6), r"^y must have rows that sum to one, got 1\.2\.$"),
        (np.tile([1.5, -0.5], (6, 1)), r"^y must be finite and non-negative"),
    ],
)
def test_y(cls, y, message):
    with pytest.raises(ValueError, match=message):
        cls().fit(X, y)


@all_estimators
def test_empty_and_object_X(cls):
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        cls().fit(np.empty((0, 2)), [])
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        cls().fit(np.empty((6, 0)), Y)
    with pytest.raises(ValueError, match="could not convert string to float"):
        cls().fit(np.array([["a", 1]] * 6, dtype=object), Y)
    with pytest.raises(ValueError, match="X has 3 features, but"):
        cls().fit(X, Y).predict(np.ones((1, 3)))


@all_estimators
def test_a_failed_fit_loses_nothing(cls):
    model = cls().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="at least 2 classes"):
        model.fit(X, [1] * 6)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    np.testing.assert_array_equal(model.classes_, [0, 1])
    with pytest.raises(ValueError, match="sample_weight must be of shape"):
        model.fit(X[:, :1], Y, sample_weight=[1.0])
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_parameters_set_after_fit_wait_for_the_next():
    model = FocalLogisticRegression(gamma=2.0).fit(X, Y)
    before = model.predict_proba(X)
    model.set_params(gamma=0.0, label_smoothing=0.1, class_weight={0: 3.0})
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize("spoil", [1e160, 1e300, 4e307])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_overflow_is_told(spoil, l1_ratio, sparse):
    table = sp.csr_array(X * spoil) if sparse else X * spoil
    with pytest.raises(ValueError, match="must be of a size whose products are finite"):
        CrossEntropyClassifier(l1_ratio=l1_ratio).fit(table, Y)


@pytest.mark.parametrize("solver", ["newton-cholesky", "newton-cg", "lbfgs"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("d", "n_classes"), [(3, 2), (3, 4), (150, 2)])
def test_overflow_is_told_by_all_solvers(d, n_classes, solver, sparse):
    table = np.random.default_rng(0).normal(size=(60, d)) * 1e160
    with pytest.raises(ValueError, match="must be of a size whose products are finite"):
        CrossEntropyClassifier(solver=solver).fit(
            sp.csr_array(table) if sparse else table, np.arange(60) % n_classes
        )


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_overflow_is_told_where_columns_are_swept(loss):
    kind = limited(CrossEntropyClassifier, max_hessian=0)
    with pytest.raises(ValueError, match="must be of a size whose products are finite"):
        kind(loss, l1_ratio=1.0).fit(X * 1e160, Y)


@pytest.mark.parametrize(
    "call",
    [
        lambda model, blocks: model.predict(blocks),
        lambda model, blocks: model.predict_proba(blocks),
        lambda model, blocks: model.score(blocks, Y),
        lambda model, blocks: model.partial_fit(blocks, Y),
        lambda model, blocks: FocalLogisticRegressionCV().fit(blocks, Y),
    ],
)
def test_row_blocks_are_told_where_they_are_not_read(call):
    model, blocks = CrossEntropyClassifier().fit(X, Y), ArrayBlocks(X, Y)
    with pytest.raises(ValueError, match=r"X must be an array.*got row blocks"):
        call(model, blocks)


def test_a_model_is_no_array():
    model = CrossEntropyClassifier().fit(X, Y)
    told = r"^y_proba must be an array, got CrossEntropyClassifier\. Pass what it"
    for metric in (explain, cross_entropy, rank_label_issues, decompose_loss):
        with pytest.raises(ValueError, match=told):
            metric(Y, model)
    with pytest.raises(ValueError, match=r"^sample_weight must be an array, got"):
        model.fit(X, Y, model)
