"""Rows for which workers have no room are read from their source in every pass."""

import sys
import threading
import time
import weakref
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tables import table

import skxent
from skxent.linear_model._blocks import check_block, summary
from skxent.linear_model._plan import make_plan

reason = "pip install '.[dask]'"
distributed = pytest.importorskip("distributed", reason=reason)
dd = pytest.importorskip("dask.dataframe", reason=reason)
pd = pytest.importorskip("pandas", reason="pip install pandas")
pytest.importorskip("pyarrow", reason="pip install pyarrow")

skd = import_module("skxent.dask")  # which needs them
_sources = import_module("skxent.dask._sources")
_groups = import_module("skxent.dask._groups")
_each_block = import_module("skxent.dask._each_block")
_own_tasks = import_module("skxent.dask._own_tasks")

# dask's own use of pandas.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

COLUMNS = list("abcdefg")
PARTITIONS = 10


@pytest.fixture(scope="module")
def client():
    """Two workers in this process, which tests may therefore patch."""
    with distributed.Client(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address=":0",
        silence_logs=50,
    ) as client:
        yield client


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A table, and columns of the Parquet files that it is in."""
    folder = tmp_path_factory.mktemp("parquet")
    X, y, weight = table(n=2000)
    frame = pd.DataFrame(X, columns=COLUMNS).assign(
        label=np.array(["no", "yes", "maybe"])[y], w=weight, unused="text"
    )
    for part, rows in enumerate(np.array_split(np.arange(2000), PARTITIONS)):
        frame.iloc[rows].to_parquet(folder / f"{part}.parquet", index=False)
    lazy = dd.read_parquet(str(folder / "*.parquet"))
    return frame, (lazy[COLUMNS], lazy["label"], lazy["w"])


# The blocks of these tests are hardly larger than the tasks that read them.
LIMITS = _groups.ClusterLimits(recipe=10.0)


class SmallBlocks(skd.CrossEntropyClassifier):
    _limits = LIMITS


@pytest.mark.parametrize(("room_for", "spills"), [(0, False), (4, False), (4, True)])
def test_a_pass_reads_what_workers_have_no_room_for(
    client, data, stores, monkeypatch, room_for, spills
):
    frame, columns = data
    places, reads, releases = iter(range(1000)), [], []
    monkeypatch.setattr(
        _sources, "used_share", lambda worker: float(next(places) >= room_for)
    )
    limits = replace(LIMITS, resident=1e-9 if spills else LIMITS.resident)
    monkeypatch.setattr(SmallBlocks, "_limits", limits)
    monkeypatch.setattr(_sources, "release_memory", lambda: releases.append(1))
    read = _sources.Source.read

    def recorded(source, plan):
        reads.append(source.summary.index)
        return read(source, plan)

    monkeypatch.setattr(_sources.Source, "read", recorded)
    model = SmallBlocks().fit(*columns)
    expected = skxent.CrossEntropyClassifier()
    expected.fit(frame[COLUMNS], frame["label"], frame["w"])
    assert_array_equal(model.classes_, expected.classes_)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-8, atol=1e-10)
    assert_array_equal(model.n_iter_, expected.n_iter_)

    groups = client.gather(stores[0].groups)
    kinds = [[isinstance(b, _sources.Source) for b in blocks] for blocks in groups]
    assert sum(map(sum, kinds)) == PARTITIONS - room_for
    counts = [sum(kind) for kind in kinds[-2:]]
    assert abs(counts[0] - counts[1]) <= 1 and sum(counts) == PARTITIONS - room_for
    assert stores[0].spills == spills and (len(groups) > 2) == spills
    passes, rest = divmod(len(reads), PARTITIONS - room_for)
    assert passes > model.n_iter_ and not rest
    assert set(np.bincount(reads)) <= {0, passes}
    assert len(releases) == PARTITIONS - room_for + 2 * passes


def test_blocks_are_let_go_before_the_next_is_read(client, data, monkeypatch):
    of_thread = threading.local()
    alive = []
    parts_of = _sources.parts_of

    def recorded(blocks, plan):
        before = getattr(of_thread, "blocks", [])
        alive.append(sum(ref() is not None for ref in before))
        parts = parts_of(blocks, plan)
        of_thread.blocks = [*before, *(weakref.ref(part.rows.X) for part in parts)]
        return parts

    monkeypatch.setattr(_sources, "used_share", lambda worker: 1.0)
    monkeypatch.setattr(_sources, "parts_of", recorded)
    SmallBlocks().fit(*data[1])
    assert len(alive) > 5 * PARTITIONS
    # The last block of a pass may live until its task is forgotten.
    assert max(alive) <= 1
    assert sum(alive) < PARTITIONS


def test_reading_is_one_task_with_the_block(data):
    X, y, weight = data[1]
    blocks = _each_block.each_block(id, (), X=X, y=y, sample_weight=weight)
    keys, graph = _own_tasks.with_own_tasks(blocks.keys, blocks.graph)
    assert len(keys) == PARTITIONS
    assert len(graph) == PARTITIONS + 1  # and the function, which all blocks share


@pytest.mark.parametrize("persisted", [False, True])
def test_blocks_that_cannot_be_read_again_are_kept(
    client, data, stores, monkeypatch, persisted
):
    frame, _ = data
    columns = [
        dd.from_pandas(part, npartitions=4)
        for part in (frame[COLUMNS], frame["label"], frame["w"])
    ]
    if persisted:
        columns = [column.persist() for column in columns]
    monkeypatch.setattr(_sources, "used_share", lambda worker: 1.0)
    # Tasks that contain the rows are as large as the blocks.
    skd.CrossEntropyClassifier().fit(*columns)
    blocks = [b for group in client.gather(stores[0].groups) for b in group]
    assert len(blocks) == 4
    assert not any(isinstance(block, _sources.Source) for block in blocks)


def test_a_source_that_changes_is_refused():
    def block(X, y):
        return check_block(3, (X, y), "Model")

    X, y, _ = table(n=50)
    first = summary(block(X, y))
    plan = make_plan(skxent.CrossEntropyClassifier(), [first], "partition")
    for now, text in {
        "no rows in partition 3": None,
        "49 rows instead of 50 in partition 3": block(X[1:], y[1:]),
    }.items():
        assert now and (text is None or text.X.shape == (49, 7))
        task = _sources.DataNode("block", text)
        recipe = distributed.protocol.pickle.dumps((task, {}))
        with pytest.raises(ValueError, match=f"the tasks of X and y .*got {now}"):
            _sources.Source(recipe, first).read(plan)


def test_the_memory_in_use_includes_what_is_spilled():
    def worker(limit, **data):
        return SimpleNamespace(
            memory_manager=SimpleNamespace(memory_limit=limit),
            monitor=SimpleNamespace(get_process_memory=lambda: 30),
            data=SimpleNamespace(**data),
        )

    assert _sources.used_share(worker(200)) == 0.15
    assert _sources.used_share(worker(200, spilled_total=(60, 1))) == 0.45
    assert _sources.used_share(worker(None, spilled_total=(60, 1))) == 0


def test_arrow_returns_memory_that_it_has_freed(monkeypatch):
    calls = []
    pool = SimpleNamespace(release_unused=lambda: calls.append("released"))
    arrow = SimpleNamespace(default_memory_pool=lambda: pool)
    monkeypatch.setitem(sys.modules, "pyarrow", arrow)
    _sources.release_memory()
    assert calls == ["released"]
    monkeypatch.delitem(sys.modules, "pyarrow")
    _sources.release_memory()


@pytest.mark.parametrize(
    ("status", "executing", "stuck"),
    [("paused", 0, True), ("paused", 1, False), ("running", 0, False)],
)
def test_a_worker_that_is_paused_for_long_is_reported(
    client, monkeypatch, recwarn, status, executing, stuck
):
    from skxent.dask._waiting import wait_for

    facts = {
        "status": status,
        "memory_limit": 600_000_000,
        "metrics": {"memory": 500_000_000, "task_counts": {"executing": executing}},
    }
    monkeypatch.setattr(
        client, "scheduler_info", lambda **_: {"workers": {"tcp://one": facts}}
    )
    task = client.submit(time.sleep, 0.5, pure=False)
    wait_for(client, [task], seconds=0.05)
    assert task.status == "finished"
    texts = [str(warning.message) for warning in recwarn]
    assert len(texts) == stuck
    if stuck:
        assert "paused worker tcp://one for 0.15 s: its process uses 476.84" in texts[0]


SHUFFLES = {
    "set_index": lambda frame, other: frame.set_index("w", drop=False),
    "shuffle": lambda frame, other: frame.shuffle("a"),
    "sort_values": lambda frame, other: frame.sort_values("b"),
    "merge": lambda frame, other: frame.merge(other, on="w"),
}


@pytest.mark.parametrize("kind", SHUFFLES)
def test_shuffled_rows(client, data, kind):
    """The scheduler knows the tasks of a shuffle between its workers by their names."""
    frame, _ = data
    frame = frame.assign(w=np.arange(2000) / 1000)
    lazy = dd.from_pandas(frame, npartitions=5)
    rows = SHUFFLES[kind](lazy, lazy[["w"]].assign(more=1.0))
    expected = skxent.CrossEntropyClassifier(tol=1e-8)
    expected.fit(frame[COLUMNS], frame["label"], frame["w"])
    model = skd.CrossEntropyClassifier(tol=1e-8)
    for _ in range(2):
        model.fit(rows[COLUMNS], rows["label"], rows["w"])
        assert_allclose(model.coef_, expected.coef_, atol=1e-10)
    score = expected.score(frame[COLUMNS], frame["label"])
    assert_allclose(model.score(rows[COLUMNS], rows["label"]), score, rtol=1e-12)
    found = np.sort(model.predict_proba(rows[COLUMNS]).compute(), axis=0)
    proba = np.sort(expected.predict_proba(frame[COLUMNS]), axis=0)
    assert_allclose(found, proba, atol=1e-9)
