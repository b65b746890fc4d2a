"""Labels and weights in containers that keep no plain dtype, and what they raise."""

import signal
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn.metrics
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegressionCV,
    explain,
)
from skxent.blending import BlendClassifier, blend_weights
from skxent.blocks import ArrayBlocks, ParquetBlocks
from skxent.boosting import FocalXGBClassifier
from skxent.calibration import TemperatureScaling
from skxent.kernels import _labels
from skxent.losses import Focal
from skxent.metrics import (
    cross_entropy,
    entropy,
    kl_divergence,
    log_loss,
    multilabel_log_loss,
)
from skxent.targets import distill

X, CODES = load_iris(return_X_y=True)
P = LogisticRegression(max_iter=1000).fit(X, CODES).predict_proba(X)
LABELS = {
    "integers": CODES.astype(object),
    "bools": (CODES == 1).astype(object),
    "series": pd.Series(CODES).astype(object),
    "bytes": np.array([b"a", b"b", b"c"])[CODES],
    "HDF5": np.array([b"a", b"b", b"c"], object)[CODES],
}
CLASSIFIERS = [
    CrossEntropyClassifier(),
    TemperatureScaling(LogisticRegression(max_iter=1000), cv=2),
    BlendClassifier([("one", LogisticRegression(max_iter=1000))], cv=2),
    FocalLogisticRegressionCV(Cs=[1.0], gammas=[0.0], cv=2, scoring="accuracy"),
]
if find_spec("xgboost"):
    from xgboost import XGBClassifier

    trees = XGBClassifier(n_estimators=3, n_jobs=1)
    CLASSIFIERS.append(FocalXGBClassifier(estimator=trees))


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_what_is_fitted_can_be_scored(model, y):
    plain = np.asarray(y).tolist()
    plain = np.array([v.decode() if isinstance(v, bytes) else v for v in plain])
    expected = model.fit(X, plain).score(X, plain)
    assert model.fit(X, y).score(X, y) == expected > 0.6
    assert_array_equal(model.classes_, np.unique(plain), strict=True)
    if model is CLASSIFIERS[0]:
        blocks = model.fit(ArrayBlocks(X, np.asarray(y), block_rows=60))
        assert blocks.score(X, y) == blocks.score(X, plain) > 0.6


def test_folds_of_object_labels_have_a_score():
    folds = {"cv": StratifiedKFold().split(X, CODES), "error_score": "raise"}
    found = cross_val_score(CrossEntropyClassifier(), X, LABELS["integers"], **folds)
    assert_array_equal(found, cross_val_score(CrossEntropyClassifier(), X, CODES))


@pytest.mark.parametrize("kind", ["integers", "bools", "series"])
def test_log_loss_of_object_labels(kind):
    y = LABELS[kind]
    proba = P[:, 1] if kind == "bools" else P
    plain = np.array(np.asarray(y).tolist())
    assert log_loss(y, proba) == log_loss(plain, proba)
    frame, classes = pd.DataFrame(proba), np.unique(plain)
    expected = sklearn.metrics.log_loss(plain, frame)
    assert_allclose(log_loss(y, frame), expected)
    assert_allclose(log_loss(y, proba, labels=classes.astype(object)), expected)
    assert_allclose(log_loss(plain, proba, labels=classes.astype(object)), expected)
    mixed = np.array([0, "a", 1] * 50, object)
    errors = []
    for metric in (log_loss, sklearn.metrics.log_loss):
        with pytest.raises((TypeError, ValueError)) as error:
            metric(mixed, proba)
        errors.append(str(error.value))
    assert errors[0] == errors[1]


def test_bytes_that_are_no_text():
    with pytest.raises(ValueError, match=r"^y must be strings, or bytes in UTF-8: "):
        CrossEntropyClassifier().fit(X, np.array([b"\xff", b"a", b"b"])[CODES])


def test_float16_is_coarse():
    P = np.random.default_rng(0).dirichlet(np.ones(3), 150)
    y, t, z = P.argmax(axis=1), P.astype(np.float16), np.log(P)
    assert abs(t.astype(float).sum(axis=1) - 1).max() > 3.5e-4  # as float32 it fails
    close = {"rtol": 1e-3, "atol": 1e-3}
    for found, expected in [
        (cross_entropy(t, P), cross_entropy(P, P)),
        (cross_entropy(y, t), cross_entropy(y, P)),
        (kl_divergence(pd.DataFrame(t), P), 0),
        (Focal().loss(t, z), Focal().loss(P, z)),
        (Focal().best_constant(t), Focal().best_constant(P)),
        (explain(t, P).label_entropy, explain(P, P).label_entropy),
        (blend_weights([P, P[::-1]], t), [1, 0]),
    ]:
        assert_allclose(found, expected, **close)
    expected = CrossEntropyClassifier().fit(X, P).predict_proba(X)
    for model in (
        CrossEntropyClassifier().fit(X, t),
        CrossEntropyClassifier().fit(X.astype(np.float32), t),
        CrossEntropyClassifier().fit(ArrayBlocks(X, t, block_rows=40)),
        CrossEntropyClassifier().partial_fit(X, t, classes=range(3)),
    ):
        assert_allclose(model.predict_proba(X), expected, atol=2e-3)
    with pytest.raises(
        ValueError, match=r"^y must have rows that sum to one, got 1\.2"
    ):
        CrossEntropyClassifier().fit(X, np.full((150, 2), 0.6, np.float16))
    # The same numbers in another dtype say nothing of how they were rounded.
    with pytest.raises(ValueError, match=r"^y must have rows that sum to one"):
        CrossEntropyClassifier().fit(X, t.astype(float))


def test_sparse_labels():
    hot = np.eye(3)[CODES]
    for sparse in (sp.csr_array(hot), sp.csc_matrix(hot), sp.coo_array(hot)):
        for found, expected in [
            (kl_divergence(sparse, P), kl_divergence(hot, P)),
            (cross_entropy(sparse, P), cross_entropy(hot, P)),
            (multilabel_log_loss(sparse, P), multilabel_log_loss(hot, P)),
            (Focal().loss(sparse, P), Focal().loss(hot, P)),
            (distill(sparse), hot),
        ]:
            # Rows in Fortran order may be summed in another order.
            assert_allclose(found, expected, rtol=1e-14)
        fitted = CrossEntropyClassifier().fit(X, sparse)
        assert_array_equal(fitted.coef_, CrossEntropyClassifier().fit(X, hot).coef_)
    damaged = sp.csr_array(hot)
    damaged.indices[0] = 7
    with pytest.raises(ValueError, match=r"^y_true must have indices in 0\.\.2, got 7"):
        kl_divergence(damaged, P)


WORDS = np.array(["a"] * 150, object)


def missing(frame):
    """A nullable frame with an entry that is missing."""
    frame = frame.astype("Float64")
    frame.iloc[3, 1] = pd.NA
    return frame


TIMES = {
    "array": X.astype("M8[D]"),
    "durations": X.astype("m8[h]"),
    "frame": pd.DataFrame({"a": X[:, 0], "b": pd.date_range("2020", periods=150)}),
    "zone": pd.DataFrame({"a": pd.date_range("2020", periods=150, tz="UTC")}),
}


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("times", TIMES)
def test_times_are_no_numbers(model, times):
    """scikit-learn's check would make days or microseconds of them."""
    with pytest.raises((ValueError, TypeError)):
        clone(model).fit(TIMES[times], CODES)
    if times == "array":
        with pytest.raises((ValueError, TypeError)):
            clone(model).fit(X, CODES).predict(TIMES[times])


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_tables_without_rows_or_without_columns(model):
    for table, message in (
        (pl.LazyFrame(X), "LazyFrame, whose rows are not computed|got .*LazyFrame"),
        (pd.Series(X[:, 0]), "2-dimensional container|2D array"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            clone(model).fit(table, CODES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: blend_weights(np.full((300, 3), 0.5), CODES[:5]),
            r"probas must have 5 rows as y_true has, got an array of shape \(300, 3\)",
        ),
        (
            lambda: CrossEntropyClassifier().fit(X, CODES, WORDS),
            "sample_weight must be real numbers: could not convert string to float",
        ),
        (
            lambda: cross_entropy(CODES, P, class_weight=WORDS[:3]),
            "class_weight must be real numbers: could not convert string to float",
        ),
        (
            lambda: ArrayBlocks(X, CODES, 2.0),
            r"sample_weight must be an array of 150 rows, got 2\.0",
        ),
        (
            lambda: CrossEntropyClassifier().fit(X, CODES.astype([("y", "i4")])),
            r"y must be an array of labels, got \[\('y'",
        ),
        (
            lambda: cross_entropy(CODES, np.rec.fromarrays(P.T, names="a,b,c")),
            "y_proba must be probabilities or logits, which are numbers: Cannot cast",
        ),
        (
            lambda: cross_entropy(CODES, P, sample_weight=[2.0]),
            r"sample_weight must be of shape \(150,\), got \(1,\)",
        ),
        (
            lambda: cross_entropy(CODES, 0.5),
            r"y_proba must be probabilities or logits, got 0\.5\.$",
        ),
        (
            lambda: blend_weights([np.array(0.5), P], CODES),
            "probas must be",
        ),
        (
            lambda: cross_entropy(CODES, {0: P}),
            r"y_proba must be probabilities or logits, which are numbers: float\(\)",
        ),
        (
            lambda: blend_weights([[*P.tolist()[:-1], [1.0]]], CODES),
            "probas must be probabilities or logits, which are numbers: setting an",
        ),
        (
            lambda: cross_entropy(CODES, missing(pd.DataFrame(P))),
            "Input y_proba contains NaN",
        ),
        (
            lambda: CrossEntropyClassifier().fit(X, missing(pd.DataFrame(P))),
            "Input y contains NaN",
        ),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_tables_of_arrow_as_blocks(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "y": CODES})
    parquet.write_table(table, tmp_path / "rows.parquet")
    models = [
        CrossEntropyClassifier().fit(ParquetBlocks(source, y="y"))
        for source in (table, tmp_path / "rows.parquet")
    ]
    assert_array_equal(models[0].coef_, models[1].coef_)
    with pytest.raises(
        ValueError, match=r"^columns must be one of .* or more, got non"
    ):
        ParquetBlocks(table, y="y", columns=[])
    with pytest.raises(ValueError, match=r"^source must be a path, .*, got DataFrame"):
        ParquetBlocks(pd.DataFrame(X), y="y")


def test_a_scorer_that_gives_a_dict():
    search = FocalLogisticRegressionCV(
        Cs=[1.0], gammas=[0.0], scoring=lambda e, X, y: {"a": 1.0}, error_score="raise"
    )
    with pytest.raises(ValueError, match=r"^refit must be True.*got 'a'. Several"):
        search.set_params(refit="a").fit(X, CODES)
    with pytest.raises(ValueError, match=r"^scoring must be .* pass a list of names"):
        search.set_params(refit=True).fit(X, CODES)


def test_strings_are_not_sorted_to_be_checked(monkeypatch):
    """numpy's sort of many strings cannot be interrupted."""
    y = np.array(["a", "b", "c"], object)[CODES]
    expected = CrossEntropyClassifier().fit(X, CODES).coef_
    monkeypatch.setattr("sklearn.utils.multiclass.type_of_target", None)
    assert cross_entropy(y, P) == cross_entropy(CODES, P)
    assert_array_equal(CrossEntropyClassifier().fit(X, y).coef_, expected)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timers")
@pytest.mark.parametrize("kind", [object, "S3"])
def test_many_strings_can_be_interrupted(kind):
    y = np.array(["abc", "b", "c"])[np.arange(3_000_000) % 3].astype(kind)
    codes = np.full(len(y), 255, dtype=np.intp if kind is object else np.uint8)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            if kind is object:
                values = y.tolist()
                signal.setitimer(signal.ITIMER_REAL, 0.002)
                _labels.encode_strings(values, codes)
            else:
                rows = y.view(np.uint8).reshape(len(y), -1)
                signal.setitimer(signal.ITIMER_REAL, 0.002)
                _labels.encode_bytes(rows, codes)
            signal.pause()  # for a timer that is later than the last row
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert codes[-1] == 255


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int16, np.uint16, ">i8"])
def test_labels_at_any_address(dtype):
    y = np.array([0, 1, 1, 0, 2, 1], dtype=dtype)
    room = np.zeros(y.nbytes + 1, dtype=np.uint8)
    moved = room[1:].view(dtype)
    moved[:] = y
    assert not moved.flags.aligned
    proba = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
    assert cross_entropy(moved, proba) == cross_entropy(y, proba)
    assert log_loss(moved, proba) == log_loss(y, proba)


def test_a_table_of_one_column_is_labels():
    pa = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    words = np.array(["a", "b", "c"])[CODES]
    batch = pa.RecordBatch.from_arrays([pa.array(words.tolist())], names=["y"])
    for table in (pa.table({"y": words}), batch):
        for metric in (log_loss, cross_entropy):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataConversionWarning)
                assert_allclose(metric(table, P), metric(words, P), rtol=1e-14)


def test_record_batches():
    pa = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    proba = np.random.default_rng(0).dirichlet(np.ones(3), 30)
    y = np.arange(30) % 3
    batch = pa.RecordBatch.from_arrays(
        [pa.array(column) for column in proba.T], names=["0", "1", "2"]
    )
    assert log_loss(y, batch) == pytest.approx(log_loss(y, proba), rel=1e-13)
    assert entropy(batch) == pytest.approx(entropy(proba), rel=1e-13)


def ordered(order):
    return lambda a: a.astype(a.dtype.newbyteorder(order))


def off_by_a_byte(a):
    moved = np.empty(a.nbytes + 1, np.uint8)[1:].view(ordered("<")(a).dtype)
    moved = moved.reshape(a.shape)
    moved[...] = a
    return moved


# scikit-learn's warning about float32 in the other byte order.
@pytest.mark.filterwarnings("ignore:The y_.* values do not sum to one")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    "change",
    [ordered("<"), ordered(">"), off_by_a_byte],
    ids=["little", "big", "unaligned"],
)
def test_numbers_may_name_their_byte_order(change, dtype):
    """As arrays read with Zarr do; their dtypes are equal, and their buffers differ."""
    rows, proba = X.astype(dtype), P.astype(dtype)
    weight = np.random.default_rng(0).uniform(size=len(X)).astype(dtype)
    tol = 1e-5 if dtype == "f4" else 1e-12
    results = []
    for given in (lambda a: a, change):
        A, y, w, p = map(given, (rows, CODES, weight, proba))
        model = CrossEntropyClassifier(tol=1e-8).fit(A, y, w)
        soft = CrossEntropyClassifier(tol=1e-8).fit(A, p, offset=p)
        blocks = ArrayBlocks(A, y, w, block_rows=60)
        z = given(np.log(proba))
        results.append(
            [
                model.coef_,
                model.predict_proba(A),
                model.score(A, y, w),
                soft.coef_,
                CrossEntropyClassifier(tol=1e-8).fit(blocks).coef_,
                CrossEntropyClassifier().partial_fit(A, y, classes=[0, 1, 2]).coef_,
                TemperatureScaling().fit(z, y).predict_proba(z),
                log_loss(y, p, sample_weight=w),
                cross_entropy(p, p, sample_weight=w),
                multilabel_log_loss(given((P > 0.3).astype(int)), p),
                Focal(2.0).gradient(y, z),
            ]
        )
    for expected, found in zip(*results, strict=True):
        assert_allclose(found, expected, rtol=tol, atol=tol)
