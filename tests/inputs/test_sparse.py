"""Sparse matrices that lead outside themselves: an error at every entry point."""

import copy
import pickle
from functools import partial

import damage
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blending import BlendClassifier
from skxent.blocks import ArrayBlocks
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.inputs.sparse import check_sparse
from skxent.scorers import neg_focal_loss_scorer

RNG = np.random.default_rng(0)
X, Y = damage.clean(RNG)
MODEL = CrossEntropyClassifier().fit(X, Y)
FORMATS = ["csr", "csc", "bsr", "coo", "dia", "lil", "dok"]


def damaged(format="csr", name="index huge", seed=0):
    return damage.damaged(format, name, np.random.default_rng(seed))[0]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_a_valid_matrix_passes_as_it_is(format, dtype):
    matrix, _ = damage.clean(RNG, format, dtype)
    assert check_sparse("X", matrix) is matrix
    empty = sp.csr_array((3, 4), dtype=dtype).asformat(format)
    assert check_sparse("X", empty) is empty


def test_what_is_not_sparse_passes_as_it_is():
    for other in (None, [[1.0]], np.eye(2), "text"):
        assert check_sparse("X", other) is other


@pytest.mark.parametrize("case", damage.DAMAGES, ids=": ".join)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_damaged_matrix_is_told(case, seed):
    with pytest.raises(ValueError, match=r"^W must .*, got .*\.$"):
        check_sparse("W", damaged(*case, seed))


@pytest.mark.parametrize("format", ["csr", "csc", "bsr"])
def test_index_arrays_of_any_form_are_read(format):
    """Types that scipy or the kernels do not read, strides, another byte order."""
    matrix, _ = damage.clean(RNG, format)
    expected = CrossEntropyClassifier().fit(matrix, Y).coef_
    for change in (
        lambda a: a.astype(np.uint32),
        lambda a: a.astype(np.uint64),
        lambda a: a.astype(np.int16),
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.repeat(a, 2)[::2],
        lambda a: np.frombuffer(b"0" + a.tobytes(), a.dtype, offset=1),
    ):
        other = copy.copy(matrix)
        other.indices, other.indptr = change(matrix.indices), change(matrix.indptr)
        assert_array_equal(CrossEntropyClassifier().fit(other, Y).coef_, expected)
        assert_array_equal(MODEL.predict_proba(other), MODEL.predict_proba(matrix))
    other = copy.copy(matrix)
    other.data = np.repeat(matrix.data, 2, axis=0)[::2]
    assert_array_equal(CrossEntropyClassifier().fit(other, Y).coef_, expected)


def test_shapes_other_than_a_table():
    if not hasattr(sp, "coo_array") or sp.coo_array(np.eye(2)).ndim != 2:
        pytest.skip("this scipy has no others")
    try:
        row = sp.coo_array(np.ones(3))
    except ValueError:
        pytest.skip("this scipy has no others")
    if row.ndim == 1:
        with pytest.raises(ValueError, match=r"^X must be of shape \(n, d\), got"):
            MODEL.predict(row)


INNER = CrossEntropyClassifier(C=0.5)
OTHER = LogisticRegression().fit(X, Y)
FITS = {
    "fit": CrossEntropyClassifier().fit,
    "L1": CrossEntropyClassifier(l1_ratio=1.0).fit,
    "partial_fit": partial(CrossEntropyClassifier().partial_fit, classes=[0, 1, 2]),
    "focal CV": FocalLogisticRegressionCV(cv=2).fit,
    "smoothed CV": SmoothedSoftmaxClassifierCV(cv=2, refit=False).fit,
    "temperature": TemperatureScaling(INNER).fit,
    "vector": VectorScaling(INNER).fit,
    "blend": BlendClassifier([("a", INNER), ("b", FocalLogisticRegression())]).fit,
    "scorer": lambda X, y: neg_focal_loss_scorer(MODEL, X, y),
    "score": MODEL.score,
    "scorer of another's": lambda X, y: neg_focal_loss_scorer(OTHER, X, y),
}
ANSWERS = {
    f"{name} {method}": (model, method)
    for name, model in {
        "linear": MODEL,
        "CV": FocalLogisticRegressionCV(Cs=[1.0], gammas=[1.0], cv=2).fit(X, Y),
        "temperature": TemperatureScaling(INNER, cv=2).fit(X, Y),
        "temperature of another's": TemperatureScaling(FrozenEstimator(OTHER)).fit(
            X, Y
        ),
        "blend": BlendClassifier([("a", INNER), ("b", MODEL)], cv=2).fit(X, Y),
    }.items()
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function")
    if hasattr(model, method)
}
# The first three ended the process, the fourth gave finite numbers.
WORST = [
    ("csr", "index huge"),
    ("csr", "indptr huge"),
    ("csr", "indptr negative"),
    ("csr", "index three too large"),
    ("csc", "index -1"),
    ("coo", "row huge"),
    ("lil", "more numbers"),
    ("bsr", "indptr falls"),
]
worst = pytest.mark.parametrize("case", WORST, ids=": ".join)


@worst
@pytest.mark.parametrize("name", FITS)
def test_fits(name, case):
    with pytest.raises(ValueError, match=r"^X must have "):
        FITS[name](damaged(*case), Y)


@worst
@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name, case):
    model, method = ANSWERS[name]
    with pytest.raises(ValueError, match=r"^X must have "):
        getattr(model, method)(damaged(*case))


class Source:
    def __init__(self, *blocks):
        self.blocks = blocks

    def row_blocks(self):
        yield from self.blocks


@worst
def test_blocks(case):
    source = Source((X, Y), (damaged(*case), Y))
    with pytest.raises(ValueError, match=r"^block 1: X must have "):
        CrossEntropyClassifier().fit(source)


@pytest.mark.parametrize("format", FORMATS)
def test_blocks_of_a_sparse_array(format):
    matrix, _ = damage.clean(np.random.default_rng(1), format)
    ours = CrossEntropyClassifier(tol=1e-8).fit(ArrayBlocks(matrix, Y, block_rows=17))
    expected = CrossEntropyClassifier(tol=1e-8).fit(matrix, Y)
    assert_allclose(ours.coef_, expected.coef_, atol=1e-7)


@worst
def test_blocks_of_a_damaged_array(case):
    with pytest.raises(ValueError, match=r"^X must have "):
        ArrayBlocks(damaged(*case), Y)
    source = ArrayBlocks(X.copy(), Y)
    source.X.indices[3] = damage.BIG
    with pytest.raises(ValueError, match=r"X must have indices in 0"):
        CrossEntropyClassifier().fit(source)


@worst
def test_partitions(case):
    dask = pytest.importorskip("dask")
    from skxent.dask import CrossEntropyClassifier as Dask

    bad, good, y = (dask.delayed(a) for a in (damaged(*case), X, Y))
    with dask.config.set(scheduler="synchronous"):
        with pytest.raises(ValueError, match="partition 1: X must have "):
            Dask().fit([good, bad], [y, y])
        lazy = Dask().fit([good], [y]).predict([good, bad])
        with pytest.raises(ValueError, match="partition 1: X must have "):
            lazy.compute()


@worst
def test_boosters(case):
    pytest.importorskip("xgboost")
    from skxent.boosting import FocalXGBClassifier, predict_proba

    model = FocalXGBClassifier().fit(X, Y)
    for call in (lambda bad: FocalXGBClassifier().fit(bad, Y), model.predict):
        with pytest.raises(ValueError, match=r"^X must have "):
            call(damaged(*case))
    with pytest.raises(ValueError, match=r"^X must have "):
        predict_proba(model.estimator_, damaged(*case))


@pytest.mark.parametrize("first", [2, 3, 4])
@pytest.mark.parametrize("name", ["index huge", "index too large", "index -1"])
def test_blocks_damaged_in_a_later_pass(name, first):
    parts = [(X[k : k + 20], Y[k : k + 20]) for k in (0, 20, 40)]
    source = damage.Changing(parts, damage.BLOCKS[name], first, 1)
    with pytest.raises(ValueError, match="block 1: X must have indices in 0"):
        CrossEntropyClassifier(tol=1e-8).fit(source)


@pytest.mark.parametrize("name", damage.COMPRESSED)
def test_a_sparse_coef_is_checked(name):
    model = CrossEntropyClassifier().fit(X, Y).sparsify()
    damage.DAMAGES["csr", name](model.coef_, RNG)
    model = pickle.loads(pickle.dumps(model))
    for call in (model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match=r"^coef_ must "):
            call(X)
    with pytest.raises(ValueError, match=r"^coef_ must "):
        model.densify()
    with pytest.raises(ValueError, match=r"^coef_ must "):
        model.set_params(warm_start=True).fit(X, Y)


@pytest.mark.parametrize(
    ("attribute", "change", "told"),
    [
        ("coef_", lambda a: a[:, :-1], "coef_"),
        ("coef_", lambda a: np.vstack([a, a]), "coef_"),
        ("coef_", lambda a: a[:1], "coef_"),
        ("coef_", np.ravel, "coef_"),
        ("coef_", lambda a: a.astype(object), "coef_"),
        ("coef_", lambda a: a * np.nan, "coef_"),
        ("coef_", lambda a: None, "coef_"),
        ("intercept_", lambda a: a[:1], "intercept_"),
        ("intercept_", lambda a: a[:, np.newaxis], "intercept_"),
        ("intercept_", lambda a: a * np.inf, "intercept_"),
        ("classes_", lambda a: a[:2], "coef_"),
        ("classes_", lambda a: np.append(a, 7), "coef_"),
    ],
)
@pytest.mark.parametrize("rows", [slice(1), slice(None)], ids=["one row", "many"])
def test_fitted_state_that_does_not_fit(attribute, change, told, rows):
    model = copy.deepcopy(MODEL)
    vars(model)[attribute] = change(vars(model)[attribute])
    model = pickle.loads(pickle.dumps(model))
    for method in ("predict", "predict_proba", "predict_log_proba"):
        with pytest.raises(ValueError, match=f"^{told} must .* Fit the model again.$"):
            getattr(model, method)(X[rows])


def test_scalings_that_do_not_fit_their_classes():
    for scaling in (TemperatureScaling(MODEL, cv=2), VectorScaling(MODEL, cv=2)):
        model = scaling.fit(X, Y)
        weights = model._parameters
        for bad in (weights[:-1], np.append(weights, weights), weights * np.nan):
            model._parameters = bad
            with pytest.raises(ValueError, match="Fit it again"):
                model.predict_proba(X)


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_index_arrays_of_two_types(format):
    matrix, y = damage.clean(RNG, format)
    expected = CrossEntropyClassifier().fit(matrix, y)
    matrix.indices = matrix.indices.astype(np.int64)
    assert matrix.indptr.dtype == np.int32
    model = CrossEntropyClassifier().fit(matrix, y)
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.predict(matrix), expected.predict(matrix))
