"""skxent.dask on two worker processes finds what skxent finds in memory."""

import doctest
import os
import pickle
import signal
from importlib import import_module
from itertools import pairwise

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from tables import table

import skxent
from skxent import metrics
from skxent.losses import Focal, GeneralizedCrossEntropy

reason = "pip install 'skxent[dask]'"
dask = pytest.importorskip("dask", reason=reason)
da = pytest.importorskip("dask.array", reason=reason)
distributed = pytest.importorskip("distributed", reason=reason)

skd = import_module("skxent.dask")  # which needs them
_workers = import_module("skxent.dask._workers")


def cluster_of(n_workers):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs=50,
    )


@pytest.fixture(scope="module")
def cluster():
    with cluster_of(2) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(params=["cluster", "threads", "synchronous"])
def scheduler(request):
    """A cluster, or a local scheduler."""
    if request.param == "cluster":
        yield request.getfixturevalue("cluster")
    else:
        with dask.config.set(scheduler=request.param):
            yield None


def cut(array, rows=1500):
    return da.from_array(array, chunks=(rows, *array.shape[1:]))


def pieces(array, at=(1500, 4000)):
    """Delayed blocks."""
    edges = [0, *at, array.shape[0]]
    return [
        dask.delayed(array[start:stop], pure=False) for start, stop in pairwise(edges)
    ]


def assert_same(found, expected, tol=1e-8):
    assert_allclose(found.coef_, expected.coef_, rtol=tol, atol=tol)
    shift = 0.0
    if len(found.intercept_) > 1:  # a shift of all intercepts changes nothing
        shift = expected.intercept_.mean() - found.intercept_.mean()
    intercept = found.intercept_ + shift
    assert_allclose(intercept, expected.intercept_, rtol=tol, atol=tol)
    assert_array_equal(found.classes_, expected.classes_)


FITS = {
    "cross-entropy": ("CrossEntropyClassifier", {}),
    "focal": ("FocalLogisticRegression", {"gamma": 1.5, "class_weight": "balanced"}),
    "smoothed": ("SmoothedSoftmaxClassifier", {"solver": "newton-cg"}),
    "lbfgs": ("CrossEntropyClassifier", {"loss": Focal(2.0), "solver": "lbfgs"}),
    "cholesky": ("CrossEntropyClassifier", {"solver": "newton-cholesky"}),
    "L1": ("SmoothedSoftmaxClassifier", {"l1_ratio": 0.7, "C": 0.01}),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit", FITS)
def test_the_coefficients_are_those_in_memory(cluster, fit, n_classes, weighted):
    name, settings = FITS[fit]
    data = table(n_classes)[: 3 if weighted else 2]
    found = getattr(skd, name)(**settings).fit(*map(cut, data))
    expected = getattr(skxent, name)(**settings).fit(*data)
    assert_same(found, expected)
    assert_array_equal(found.n_iter_, expected.n_iter_)
    assert found.n_features_in_ == 7


def test_local_schedulers_and_estimators_of_sklearn(scheduler):
    X, y, weight = table()
    model = clone(skd.FocalLogisticRegression(gamma=1.0, C=2.0))
    assert model.get_params() == skxent.FocalLogisticRegression(1.0, C=2.0).get_params()
    model.fit(cut(X), cut(y), cut(weight))
    expected = skxent.FocalLogisticRegression(1.0, C=2.0).fit(X, y, weight)
    assert_same(model, expected)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), expected.predict(X))
    # In memory it is the estimator that it is a copy of.
    assert_array_equal(clone(model).fit(X, y, weight).coef_, expected.coef_)
    with pytest.raises(ValueError, match="must be in memory for partial_fit"):
        model.partial_fit(cut(X), cut(y))


def test_sparse_blocks_soft_labels_and_single_precision(cluster):
    X, y, weight = table()
    rows = sp.random(len(y), 30, density=0.1, format="csr", random_state=0)
    model = skd.FocalLogisticRegression()
    expected = skxent.FocalLogisticRegression()
    found = model.fit(pieces(rows), pieces(y), pieces(weight))
    assert_same(found, expected.fit(rows, y, weight))
    proba = model.predict_proba(pieces(rows)).compute()
    assert_allclose(proba, expected.predict_proba(rows), rtol=1e-9)
    soft = np.eye(3)[y] * 0.8 + 0.2 / 3
    assert_same(model.fit(cut(X), cut(soft)), expected.fit(X, soft))
    single = X.astype(np.float32)
    assert model.fit(cut(single), cut(y)).coef_.dtype == np.float32
    assert model.predict_proba(cut(single)).dtype == np.float32
    # What is known to eps has its minimum known to the root of that.
    known = np.sqrt(8 * np.finfo(np.float32).eps) * np.abs(model.coef_).max()
    assert_allclose(model.coef_, expected.fit(single, y).coef_, atol=known)


def test_wide_sums_travel_once_and_are_added_as_a_tree(cluster, monkeypatch):
    monkeypatch.setattr(_workers, "LARGE", 100)
    monkeypatch.setattr(_workers, "FAN", 2)
    X, y, _ = table()
    grouped = _workers.Workers.of.__func__

    def one_group_a_block(cls, client, blocks):
        groups = [grouped(cls, client, [block]).groups[0] for block in blocks]
        return cls(client, groups)

    monkeypatch.setattr(_workers.Workers, "of", classmethod(one_group_a_block))
    found = skd.CrossEntropyClassifier(solver="newton-cg").fit(cut(X), cut(y))
    assert_same(found, skxent.CrossEntropyClassifier(solver="newton-cg").fit(X, y))


def test_rows_stay_where_they_are(cluster):
    def received(dask_worker):
        log = dask_worker.transfer_incoming_log
        return [str(key) for transfer in log for key in transfer["keys"]]

    # So many that dask has no reason to even them out.
    X = da.random.default_rng(0).normal(size=(200_000, 20), chunks=(20_000, 20))
    data = [column.persist() for column in (X, (X[:, 0] > 0.1).astype(int))]
    model = skd.CrossEntropyClassifier(C=1e-5)
    before = {at: len(keys) for at, keys in cluster.run(received).items()}
    for _ in range(3):  # dask learns from earlier passes and fits
        model.fit(*data)
    moved = [
        key for at, keys in cluster.run(received).items() for key in keys[before[at] :]
    ]
    assert not [key for key in moved if "parts_of" in key]


def test_data_frames_and_unknown_sizes(cluster):
    dd = pytest.importorskip("dask.dataframe", reason="pip install 'dask[dataframe]'")
    pd = pytest.importorskip("pandas", reason="pip install pandas")
    X, y, _ = table()
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    labels = pd.Series(np.array(["no", "yes", "maybe"])[y], name="label")
    lazy = dd.from_pandas(frame.assign(label=labels, code=y), npartitions=4)
    model = skd.FocalLogisticRegression().fit(lazy[list("abcdefg")], lazy["label"])
    expected = skxent.FocalLogisticRegression().fit(frame, labels)
    assert_same(model, expected)
    assert_array_equal(model.feature_names_in_, list("abcdefg"))
    predicted = model.predict(lazy[list("abcdefg")])
    assert_array_equal(predicted.compute(), expected.predict(frame))
    assert model.score(lazy[list("abcdefg")], lazy["label"]) == pytest.approx(
        expected.score(frame, labels), abs=1e-14
    )
    # Partitions without rows, of sizes that dask does not know.
    some = lazy[lazy["a"] > frame["a"][:5000].median()]
    known = frame[frame["a"] > frame["a"][:5000].median()]
    arrays = some[list("abcdefg")].to_dask_array(), some["code"].to_dask_array()
    assert np.isnan(arrays[0].shape[0])
    assert_same(
        skd.FocalLogisticRegression().fit(*arrays),
        skxent.FocalLogisticRegression().fit(known.to_numpy(), y[known.index]),
    )
    proba = model.set_params(posterior=False).predict_proba(lazy[list("abcdefg")])
    assert proba.compute().shape == (9000, 3)


def test_partitions_of_one_class_or_no_rows_and_other_chunks(cluster):
    X, y, weight = table()
    order = np.argsort(y, kind="stable")
    X, y, weight = X[order], y[order], weight[order]
    at = (0, 2000, 2000, *np.flatnonzero(np.diff(y)) + 1)
    model = skd.FocalLogisticRegression()
    expected = skxent.FocalLogisticRegression().fit(X, y, weight)
    blocks = (pieces(column, at) for column in (X, y, weight))
    assert_same(model.fit(*blocks), expected)
    # Columns in several chunks, labels in others than the rows.
    square = da.from_array(X, chunks=(1000, 3))
    assert_same(model.fit(square, cut(y, 700), cut(weight, 9000)), expected)
    empty = da.concatenate([cut(X)[:0], cut(X)])
    assert model.predict(empty).compute().shape == (9000,)


X, y, weight = table(n=900)
NAN = X.copy()
NAN[650, 2] = np.nan


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (cut(NAN, 200), cut(y, 200), "partition 3: Input X contains NaN"),
        (
            [*pieces(X, [300]), dask.delayed(X[:, :3])],
            pieces(np.r_[y, y], [300, 900]),
            "X must have 7 columns in every partition, as in partition 0, got 3 in "
            "partition 2",
        ),
        (
            [*pieces(X, [300]), dask.delayed(np.full(X.shape, "a", dtype=object))],
            pieces(np.r_[y, y], [300, 900]),
            "partition 2: could not convert string",
        ),
        (pieces(X, [300]), pieces(y, [301]), "partition .: Found input variables"),
        (pieces(X, [300]), pieces(y, [300, 600]), "y must have 2 blocks of rows"),
        (cut(X), cut(y[:800]), "y must have 900 rows as X has, got 800"),
        (cut(X), y, "y must be a dask array, .* got ndarray"),
        (cut(X), None, "requires y to be passed"),
        (cut(X), da.zeros(900, chunks=1500), "y must have at least 2 classes"),
        (cut(X)[:0], cut(y)[:0], "X must have a partition with rows, got none"),
        (cut(X), cut(y + 0.5), "partition 0: Unknown label type"),
    ],
)
def test_errors_say_which_partition(scheduler, X, y, message):
    with pytest.raises(ValueError, match=message):
        skd.CrossEntropyClassifier().fit(X, y)


def test_predictions_are_lazy(scheduler):
    X, y, _ = table(2)
    model = skd.FocalLogisticRegression().fit(cut(X), cut(y))
    here = skxent.FocalLogisticRegression().fit(X, y)
    for name in (
        "decision_function",
        "predict",
        "predict_proba",
        "predict_log_proba",
    ):
        lazy, known = getattr(model, name)(cut(X)), getattr(here, name)(X)
        assert isinstance(lazy, da.Array)
        assert (lazy.shape, lazy.dtype) == (known.shape, known.dtype)
        assert lazy.numblocks[0] == 6
        assert_allclose(lazy.compute(), known, rtol=1e-9, atol=1e-12)
    assert model.score(cut(X), cut(y)) == pytest.approx(here.score(X, y), abs=1e-14)
    with pytest.raises(ValueError, match="partition 3: Input X contains NaN"):
        model.predict(cut(NAN, 200)).compute()


METRICS = [
    ("log_loss", {}),
    ("log_loss", {"normalize": False, "labels": [0, 1, 2]}),
    ("focal_loss", {"gamma": 1.5, "class_weight": "balanced"}),
    ("smoothed_log_loss", {"class_weight": {0: 3.0}, "base": 2}),
    ("cross_entropy", {"reduction": "sum", "labels": [0, 1, 2]}),
    ("cross_entropy", {"ignore_index": 1, "labels": [0, 1, 2]}),
    ("entropy", {"base": 2}),
    ("expected_calibration_error", {"n_bins": 7}),
    ("expected_calibration_error", {"classwise": True, "norm": "l2", "debias": True}),
    ("expected_calibration_error", {"ignore_index": 1, "labels": [0, 1, 2]}),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(("name", "settings"), METRICS)
def test_the_metrics_are_those_in_memory(scheduler, name, settings, weighted):
    rng = np.random.default_rng(1)
    proba, y = rng.dirichlet(np.ones(3), size=2000), rng.integers(3, size=2000)
    y[:300] = 1  # a block that lacks classes
    weight = rng.uniform(size=2000) if weighted else None
    rows = (proba,) if name == "entropy" else (y, proba)
    expected = getattr(metrics, name)(*rows, sample_weight=weight, **settings)
    lazy = [cut(column, 300) for column in rows]
    w = cut(weight, 300) if weighted else None
    found = getattr(skd.metrics, name)(*lazy, sample_weight=w, **settings)
    assert isinstance(found, float)
    assert found == pytest.approx(expected, rel=1e-12)


def test_metrics_of_other_targets(cluster):
    rng = np.random.default_rng(1)
    proba, soft = rng.dirichlet(np.ones(3), size=(2, 2000))
    y, weight = rng.integers(2, size=2000), rng.uniform(size=2000)
    logits, answers = rng.normal(size=2000), rng.uniform(size=(2000, 3))
    focal = Focal(2.0)
    for name, rows, settings in [
        ("kl_divergence", (soft, proba), {}),
        ("cross_entropy", (soft, proba), {"class_weight": "balanced"}),
        ("multilabel_log_loss", (answers, proba), {"class_weight": [1.0, 2.0, 5.0]}),
        ("multilabel_log_loss", (answers, proba), {"reduction": "sum"}),
    ]:
        expected = getattr(metrics, name)(*rows, sample_weight=weight, **settings)
        lazy = [cut(column, 300) for column in (*rows, weight)]
        found = getattr(skd.metrics, name)(*lazy[:2], sample_weight=lazy[2], **settings)
        assert found == pytest.approx(expected, rel=1e-12)
    lazy = cut(y, 300), cut(logits, 300)
    for loss in (focal, GeneralizedCrossEntropy()):
        for name in ("evaluate_loss", "d2_loss_score"):
            expected = getattr(metrics, name)(loss, y, logits, from_logits=True)
            found = getattr(skd.metrics, name)(loss, *lazy, from_logits=True)
            assert found == pytest.approx(expected, rel=1e-12)
    rows = skd.metrics.focal_loss(*lazy, from_logits=True, reduction="none")
    expected = metrics.focal_loss(y, logits, from_logits=True, reduction="none")
    assert isinstance(rows, da.Array)
    assert rows.shape == (2000,)
    assert_allclose(rows.compute(), expected, rtol=1e-14)


def test_metrics_say_what_is_wrong(scheduler):
    proba, y = np.full((900, 2), 0.5), np.arange(900) % 2
    bad = proba.copy()
    bad[700] = np.nan
    with pytest.raises(ValueError, match="partition 3: Input y_proba contains NaN"):
        skd.metrics.focal_loss(cut(y, 200), cut(bad, 200))
    with pytest.raises(ValueError, match="y_proba must have a column for each of 1"):
        skd.metrics.focal_loss(cut(0 * y), cut(proba))
    with pytest.raises(ValueError, match="strategy must be one of 'uniform', got"):
        skd.metrics.expected_calibration_error(cut(y), cut(proba), strategy="quantile")
    with pytest.raises(TypeError, match="unexpected keyword argument 'gamma'"):
        skd.metrics.cross_entropy(cut(y), cut(proba), gamma=1.0)
    with pytest.raises(ValueError, match="at least one row, got none"):
        skd.metrics.focal_loss(cut(y)[:0], cut(proba)[:0], labels=[0, 1])


@pytest.fixture
def own_cluster():
    """A cluster of which workers may be lost."""
    with cluster_of(2) as cluster, distributed.Client(cluster) as client:
        yield cluster, client


def test_a_worker_is_killed_in_mid_fit_and_another_joins(own_cluster, monkeypatch):
    cluster, client = own_cluster
    X, y, weight = table()
    data = [cut(column) for column in (X, y, weight)]
    submit, calls = _workers.Workers._submit, []

    def submit_and_kill(self, function, args):
        answers = submit(self, function, args)
        calls.append(function)
        if len(calls) == 8:
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        if len(calls) == 10:
            cluster.scale(3)
        return answers

    monkeypatch.setattr(_workers.Workers, "_submit", submit_and_kill)
    model = skd.FocalLogisticRegression(solver="newton-cg").fit(*data)
    assert len(calls) > 20
    monkeypatch.undo()
    expected = skxent.FocalLogisticRegression(solver="newton-cg").fit(X, y, weight)
    assert_same(model, expected)
    client.wait_for_workers(3)
    assert_same(model.fit(*data), expected)


def test_searches_on_the_workers(cluster):
    from sklearn.model_selection import GridSearchCV

    X, y, _ = table(n=600)
    grid = {"gamma": [0.0, 2.0], "C": [0.1, 1.0]}
    search = GridSearchCV(skxent.FocalLogisticRegression(), grid, cv=3)
    own = skxent.FocalLogisticRegressionCV(gammas=[0.0, 2.0], Cs=[0.1, 1.0], cv=3)
    expected = clone(search).fit(X, y), clone(own).fit(X, y)
    with joblib.parallel_config("dask", scatter=[X, y]):
        search.fit(X, y)
        own.set_params(n_jobs=-1).fit(X, y)
    assert search.best_params_ == expected[0].best_params_
    scores = "mean_test_score"
    assert_array_equal(search.cv_results_[scores], expected[0].cv_results_[scores])
    assert_array_equal(own.cv_results_[scores], expected[1].cv_results_[scores])
    assert_array_equal(own.coef_, expected[1].coef_)


@pytest.mark.parametrize("name", ["_estimators", "metrics"])
def test_examples_in_docstrings_run(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(import_module(f"skxent.dask.{name}"), optionflags=flags)
    assert found.attempted
    assert not found.failed
