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

reason = "pip install '.[dask]'"
dask = pytest.importorskip("dask", reason=reason)
da = pytest.importorskip("dask.array", reason=reason)
distributed = pytest.importorskip("distributed", reason=reason)

skd = import_module("skxent.dask")  # which needs them
_own_tasks = import_module("skxent.dask._own_tasks")
_each_block = import_module("skxent.dask._each_block")
_groups = import_module("skxent.dask._groups")
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
    # For rows in memory it is the estimator of skxent.
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
    # If values are known to eps, the minimum is known to the root of eps.
    known = np.sqrt(8 * np.finfo(np.float32).eps) * np.abs(model.coef_).max()
    assert_allclose(model.coef_, expected.fit(single, y).coef_, atol=known)


class SplitFinely(skd.CrossEntropyClassifier):
    """As if all arguments were large, and no worker had room for its rows."""

    _limits = _groups.ClusterLimits(1e-9, 1e-9, broadcast_bytes=100, sums_per_task=2)


def test_wide_sums_travel_once_and_are_added_as_a_tree(cluster):
    X, y, _ = table()
    found = SplitFinely(solver="newton-cg").fit(cut(X), cut(y))
    assert_same(found, skxent.CrossEntropyClassifier(solver="newton-cg").fit(X, y))


def test_rows_stay_where_they_are(cluster):
    def received(dask_worker):
        log = dask_worker.transfer_incoming_log
        return [str(key) for transfer in log for key in transfer["keys"]]

    # There are so many partitions that dask has no reason to merge them.
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


COLUMNS = list("abcdefg")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A table, and how dask reads the Parquet and CSV files that pandas made of it."""
    dd = pytest.importorskip("dask.dataframe", reason="pip install 'dask[dataframe]'")
    pd = pytest.importorskip("pandas", reason="pip install pandas")
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    folder = tmp_path_factory.mktemp("files")
    X, y, weight = table(n=1000)
    frame = pd.DataFrame(X, columns=COLUMNS).assign(label=y, w=weight)
    for part in range(10):
        # Files of several lengths.
        rows = frame[100 * part - 5 * (part > 3) : 100 * part + 100 - 5 * (part > 2)]
        if part == 9:
            rows = frame[895:]
        rows.to_parquet(folder / f"{part}.parquet", index=False)
        rows.to_csv(folder / f"{part}.csv", index=False)
    return {
        "frame": frame,
        "parquet": lambda: dd.read_parquet(str(folder / "*.parquet")),
        "csv": lambda: dd.read_csv(str(folder / "*.csv"), blocksize=20_000),
    }


def columns_of(lazy):
    return lazy[COLUMNS], lazy["label"], lazy["w"]


def arrays_of(lazy):
    return tuple(column.values for column in columns_of(lazy))


FORMS = {
    "columns": ("parquet", columns_of),
    "values": ("parquet", arrays_of),
    "frame and array": ("parquet", lambda z: (*columns_of(z)[:2], arrays_of(z)[2])),
    "array and frame": ("parquet", lambda z: (*arrays_of(z)[:1], *columns_of(z)[1:])),
    "fewer": ("parquet", lambda z: columns_of(z.repartition(npartitions=4))),
    "fewer values": ("parquet", lambda z: arrays_of(z.repartition(npartitions=4))),
    "fewer, one an array": (
        "parquet",
        lambda z: (
            z.repartition(npartitions=4)[COLUMNS].values,
            *columns_of(z.repartition(npartitions=4))[1:],
        ),
    ),
    "one y": (
        "parquet",
        lambda z: (z[COLUMNS], z["label"].repartition(npartitions=1), z["w"]),
    ),
    "csv": ("csv", columns_of),
    "csv values": ("csv", arrays_of),
}


# dask's own use of pandas.
PANDAS = pytest.mark.filterwarnings("ignore:The inplace keyword")


@PANDAS
@pytest.mark.parametrize("form", FORMS)
def test_columns_of_one_collection(files, form):
    source, columns = FORMS[form]
    X, y, weight = columns(files[source]())
    frame = files["frame"]
    known = frame[COLUMNS].to_numpy(), frame["label"], frame["w"]
    with dask.config.set(scheduler="synchronous"):
        model = skd.FocalLogisticRegression().fit(X, y, weight)
        expected = skxent.FocalLogisticRegression().fit(*known)
        assert_same(model, expected, tol=1e-10)
        score = expected.score(*known)
        assert model.score(X, y, weight) == pytest.approx(score, abs=1e-12)
        proba = model.predict_proba(X)
        loss = skd.metrics.focal_loss(y, proba, sample_weight=weight)
        assert_allclose(proba, expected.predict_proba(known[0]), rtol=1e-9)
    expected = expected.predict_proba(known[0])
    expected = metrics.focal_loss(known[1], expected, sample_weight=known[2])
    assert loss == pytest.approx(expected, rel=1e-10)


@PANDAS
@pytest.mark.parametrize("kind", ["index", "Hive keys"])
def test_files_that_pandas_wrote(files, tmp_path, kind):
    dd = pytest.importorskip("dask.dataframe", reason="pip install 'dask[dataframe]'")
    frame = files["frame"]
    if kind == "index":
        indexed = frame.set_axis(frame.index * 3, axis=0)
        indexed.to_parquet(tmp_path / "0.parquet", row_group_size=70)
    else:
        frame.to_parquet(tmp_path, partition_cols=["label"])
    lazy = dd.read_parquet(str(tmp_path), split_row_groups=True)
    with dask.config.set(scheduler="synchronous"):
        found = skd.CrossEntropyClassifier(tol=1e-9).fit(*columns_of(lazy))
        score = found.score(lazy[COLUMNS], lazy["label"])
    expected = skxent.CrossEntropyClassifier(tol=1e-9)
    expected.fit(frame[COLUMNS], frame["label"], frame["w"])
    assert_allclose(found.coef_, expected.coef_, atol=1e-10)
    assert_array_equal(found.classes_, expected.classes_)
    assert score == pytest.approx(expected.score(frame[COLUMNS], frame["label"]))


@PANDAS
def test_predictions_are_columns_of_their_frame(files):
    lazy = files["parquet"]()
    with dask.config.set(scheduler="synchronous"):
        model = skd.CrossEntropyClassifier().fit(lazy[COLUMNS], lazy["label"])
        # One column of labels may be a frame, without a warning for each partition.
        again = skd.CrossEntropyClassifier().fit(lazy[COLUMNS], lazy[["label"]])
        assert_array_equal(again.coef_, model.coef_)
        model.sparsify()
        found = lazy.assign(predicted=model.predict(lazy[COLUMNS])).compute()
        assert_array_equal(found.predicted, model.predict(found[COLUMNS]))


def test_lazy_predictions_are_of_the_model_as_it_was(scheduler):
    X, y, _ = table(2, n=600)
    rows, labels = cut(X, 200), cut(y, 200)
    model = skd.FocalLogisticRegression(gamma=0.0).fit(rows, labels)
    first = model.predict_proba(rows), model.predict(rows)
    assert model.predict_proba(rows).name == first[0].name
    known = model.predict_proba(X), model.predict(X)
    model.set_params(gamma=5.0, posterior=False, C=1e-4).fit(rows, 1 - labels)
    second = model.predict_proba(rows)
    assert second.name != first[0].name
    model.coef_[:] = 0
    *found, last = dask.compute(*first, second)
    assert_allclose(found[0], known[0], rtol=1e-12)
    assert_array_equal(found[1], known[1])
    assert np.abs(found[0] - last).max() > 0.1


def outcomes(tasks):
    """Return the results of the tasks; no fit may wait for ever."""
    client = _workers.current_client()
    if client is None:
        return dask.compute(*tasks)
    return client.gather([f.result(timeout=60) for f in client.compute(tasks)])


@pytest.mark.parametrize("kind", ["numpy", "dask"])
def test_fits_inside_tasks(scheduler, kind):
    def fit(C):  # workers cannot import this file, and get a local function whole
        if kind == "numpy":
            X = np.random.default_rng(0).normal(size=(600, 3))
            X, y = (da.from_array(z, chunks=200) for z in (X, X[:, 0] > 0.3))
        else:
            X = da.random.default_rng(0).normal(size=(600, 3), chunks=(200, 3))
            y = (X[:, 0] > 0.3).astype(int)
        model = skd.CrossEntropyClassifier(C=C).fit(X, y)
        return model.coef_, model.score(X, y), X.compute(), y.compute()

    # Two fits to the same rows run at once.
    penalties = [0.1, 1.0]
    tasks = [dask.delayed(fit, pure=False)(C) for C in penalties]
    for C, (coef, score, X, y) in zip(penalties, outcomes(tasks), strict=True):
        expected = skxent.CrossEntropyClassifier(C=C).fit(X, y)
        assert_allclose(coef, expected.coef_, rtol=1e-10)
        assert score == expected.score(X, y)
    if scheduler is not None:
        logs = scheduler.get_scheduler_logs()
        assert not [text for _, text in logs if "different `run_spec`" in text]


def test_a_block_is_one_task_of_a_key_that_no_other_graph_has():
    @dask.delayed(pure=True)
    def load(place):
        return place

    @dask.delayed(pure=True)
    def both(*values):
        return sum(values)

    shared = load(100)
    blocks = [
        both(both(rows), both(rows, 0), both(shared, i))  # uses its rows twice
        for i, rows in enumerate(map(load, range(5)))
    ]
    keys = [block.key for block in blocks]
    graph = {key: task for block in blocks for key, task in block.dask.items()}
    found, own = _own_tasks.with_own_tasks(keys, graph)
    assert len(own) == len(keys) + 1  # and what they share
    assert not set(own) & set(graph)
    assert list(dask.get(own, found)) == [100 + 3 * i for i in range(5)]


def test_rows_that_do_not_match_are_refused(scheduler):
    X, y, weight = table(2, n=900)
    X, short = pieces(X, [400, 900]), pieces(y[:401], [400, 401])
    model = skd.CrossEntropyClassifier().fit(cut(table(2, n=900)[0]), cut(y))
    message = "partition 1: .*{} must have 500 rows as {} has, got {}"
    proba = pieces(np.full((900, 2), 0.5), [400, 900])
    gap = pieces(np.full((400, 2), 0.5), [400, 400])
    for name, call in {
        "fit": lambda: model.fit(X, short),
        "score": lambda: model.score(X, short),
    }.items():
        with pytest.raises(ValueError, match=message.format("y", "X", 1)):
            call()
        assert name
    with pytest.raises(ValueError, match=message.format("sample_weight", "X", 1)):
        model.score(X, pieces(y, [400, 900]), pieces(weight[:401], [400, 401]))
    with pytest.raises(ValueError, match=message.format("y_true", "y_proba", 1)):
        skd.metrics.log_loss(short, proba, labels=[0, 1])
    with pytest.raises(ValueError, match=r"partition 1: .*y_true must have 0 rows"):
        skd.metrics.focal_loss(pieces(y, [400, 900]), gap, labels=[0, 1])


def test_small_partitions_are_put_together(cluster, monkeypatch):
    X, y, weight = table(n=900)
    data = [cut(column, 9) for column in (X, y, weight)]
    parts = []
    submit = _workers.Workers._submit

    def counted(self, function, args):
        parts.append(len(self.groups))
        return submit(self, function, args)

    monkeypatch.setattr(_workers.Workers, "_submit", counted)
    model = skd.FocalLogisticRegression().fit(*data)
    assert set(parts) == {2}  # tasks of a pass, whatever the partitions
    assert_same(model, skxent.FocalLogisticRegression().fit(X, y, weight), tol=1e-10)


@pytest.mark.parametrize(
    ("limits", "n_tasks"),
    [({}, 8), ({"small_bytes": 100}, 90), ({"resident": 1e-9}, 90)],
)
def test_small_partitions_are_computed_in_groups(cluster, limits, n_tasks):
    X, y, _ = table(n=900)
    nbytes = _each_block.largest_block([cut(X, 10), cut(y, 10)])
    assert nbytes == 10 * (X[0].nbytes + y[0].nbytes)
    keys = [f"key {place}" for place in range(90)]
    limits = _groups.ClusterLimits(**limits)
    groups = _groups.groups_of_small(cluster, keys, nbytes, limits)
    assert [key for group in groups for key in group] == keys[: 90 * bool(groups)]
    assert (len(groups) or 90) == n_tasks


def test_errors_in_a_group_name_the_partition(cluster):
    X, y, _ = table(n=900)
    X[615, 1] = np.nan
    with pytest.raises(ValueError, match=r"partition 61: .*NaN"):
        skd.FocalLogisticRegression().fit(cut(X, 10), cut(y, 10))


@pytest.mark.parametrize("persisted", [False, True])
def test_rows_without_room_are_kept_apart(cluster, stores, persisted):
    X, y, weight = table(n=9000)
    data = [cut(column, 500) for column in (X, y, weight)]
    data = dask.persist(*data) if persisted else data
    model = SplitFinely().fit(*data)
    assert len(stores[0].groups) > 4 and stores[0].spills
    rows = _workers.spillable([X], lambda blocks: blocks)
    assert dask.sizeof.sizeof(rows) == 2 * dask.sizeof.sizeof(X)
    expected = skxent.CrossEntropyClassifier().fit(X, y, weight)
    assert_same(model, expected, tol=1e-10)


@pytest.mark.parametrize("lazy", ["none", "y", "X and y"])
def test_small_persisted_partitions_share_a_task(cluster, stores, lazy):
    """A task costs the scheduler more than the rows of a small partition do."""
    X, y, _ = table(n=3000)
    rows, labels = cut(X, 10), cut(y, 10)
    if lazy != "X and y":
        rows = rows.persist()
    if lazy == "none":
        labels = labels.persist()
    distributed.wait([rows, labels])
    model = skd.CrossEntropyClassifier().fit(rows, labels)
    assert_same(model, skxent.CrossEntropyClassifier().fit(X, y), tol=1e-10)
    (store,) = stores
    prefix = "present" if lazy == "X and y" else "blocks"
    assert len(store.groups) == 2
    assert all(future.key[0].startswith(prefix) for future in store.groups)


def test_every_fit_uses_all_workers(cluster, stores):
    """Their blocks depend on no group that grows, however many fits are kept."""
    X, y, _ = table(n=3000)
    for _ in range(6):
        skd.CrossEntropyClassifier().fit(cut(X, 10), cut(y, 10))
    assert [len(store.groups) for store in stores] == [2] * 6


def test_a_persisted_partition_that_is_refused_is_named(cluster):
    X, y, _ = table(n=3000)
    X[1234, 2] = np.nan
    rows, labels = dask.persist(cut(X, 10), cut(y, 10))
    with pytest.raises(ValueError, match="partition 123: Input X contains NaN"):
        skd.CrossEntropyClassifier().fit(rows, labels)


def test_persisted_data_that_cannot_be_computed_raise_their_error(cluster):
    X, y, _ = table(n=3000)

    def fails_at_500(block, block_info=None):
        if block_info[0]["chunk-location"][0] == 5:
            raise OverflowError("on purpose")
        return block

    rows = cut(X, 100).map_blocks(fails_at_500, dtype=X.dtype).persist()
    with pytest.raises(OverflowError, match="on purpose"):
        skd.CrossEntropyClassifier().fit(rows, cut(y, 100))


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
        (cut(X[:, np.newaxis]), cut(y), "X must be .*, of at most two dimensions, got"),
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


@pytest.mark.parametrize("name", ["_classifiers", "metrics"])
def test_examples_in_docstrings_run(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(import_module(f"skxent.dask.{name}"), optionflags=flags)
    assert found.attempted
    assert not found.failed


def test_score_takes_labels_and_weights_as_in_memory():
    X, y, weight = table(3, n=600)
    weight[:200] = 0
    here = skxent.CrossEntropyClassifier().fit(X, y)
    model = skd.CrossEntropyClassifier().fit(cut(X, 200), cut(y, 200))
    for size in (5e-324, 1e307):
        w = np.where(weight, size, 0)
        expected = here.score(X, y, w > 0)
        found = model.score(cut(X, 200), cut(y, 200), cut(w, 200))
        assert found == pytest.approx(expected, abs=1e-12)
    texts = y.astype(str).astype(object)
    with pytest.raises(
        ValueError, match=r"partition \d: .*y has strings, and the class"
    ):
        model.score(cut(X, 200), cut(texts, 200))
