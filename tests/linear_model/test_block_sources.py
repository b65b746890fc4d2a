"""Blocks as they come: from files of other libraries, and when they change."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from tables import table

from skxent import CrossEntropyClassifier
from skxent.blocks import ArrayBlocks, ParquetBlocks
from skxent.linear_model._data import LinearData

X, y, weight = table(n=300)
NAMES = list("abcdefg")
LABELS = np.array(["no", "yes", "maybe"])[y]


def assert_fit(blocks, labels=y, rows=slice(None)):
    found = CrossEntropyClassifier().fit(blocks)
    expected = CrossEntropyClassifier().fit(X[rows], labels[rows], weight[rows])
    assert_array_equal(found.classes_, expected.classes_)
    assert_allclose(found.coef_, expected.coef_, atol=1e-10)
    shift = found.intercept_ - expected.intercept_  # of all classes changes nothing
    assert_allclose(shift - shift.mean(), 0, atol=1e-10)


class Changing:
    """Blocks of which one is another from the second pass on, or from a later one."""

    def __init__(self, later, pass_=1):
        self.later, self.pass_, self.passes = later, pass_, 0

    def row_blocks(self):
        yield X[:100], y[:100]
        yield X[100:100], y[100:100]
        yield (X[100:200], y[100:200]) if self.passes < self.pass_ else self.later
        yield X[200:], y[200:]
        self.passes += 1


ROWS, CODES = X[100:200], y[100:200]
OTHER = CODES.copy()
OTHER[0] = 7
MOVED = CODES.copy()
MOVED[0] = (MOVED[0] + 1) % 3
CHANGES = {
    "narrower": ((ROWS[:, :3], CODES), "3 columns instead of 7 in block 2"),
    "wider": ((np.c_[ROWS, ROWS], CODES), "14 columns instead of 7 in block 2"),
    "shorter": ((ROWS[1:], CODES[1:]), "99 rows instead of 100 in block 2"),
    "empty": ((ROWS[:0], CODES[:0]), "got another after 2"),
    "dtype": ((ROWS.astype("f4"), CODES), "float32 instead of float64 in block 2"),
    "sparse": ((sp.csr_array(ROWS), CODES), "True instead of False in block 2"),
    "soft": ((ROWS, np.eye(3)[CODES]), "labels None instead of .* in block 2"),
    "names": ((pd.DataFrame(ROWS, columns=NAMES), CODES), "names .* in block 2"),
    "unseen": ((ROWS, OTHER), r"labels \[0, 1, 2, 7\] instead of .* in block 2"),
    "moved": ((ROWS, MOVED), "other labels or weights in block 2"),
    "weights": ((ROWS, CODES, weight[:100]), "other labels or weights in block 2"),
    "permuted": ((ROWS, CODES[::-1]), "another order of its rows in block 2"),
    "short y": ((ROWS, CODES[:1]), "block 2: .*y must have 100 rows as X has, got 1"),
    "no y": ((ROWS, CODES[:0]), "block 2: .*y must have 100 rows as X has, got 0"),
}


@pytest.mark.parametrize("pass_", [1, 2, 4])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_only_later_name_their_block(pass_, value):
    later = ROWS.copy()
    later[3, 2] = value
    blocks = Changing((later, CODES), pass_)
    with (
        pytest.raises(ValueError, match=r"^block 2: Input X contains (NaN|infinity)"),
        np.errstate(invalid="ignore"),
    ):
        CrossEntropyClassifier().fit(blocks)


@pytest.mark.parametrize("pass_", [1, 4])
@pytest.mark.parametrize("change", CHANGES)
def test_blocks_that_change_are_refused(change, pass_):
    later, message = CHANGES[change]
    with pytest.raises(ValueError, match=message):
        CrossEntropyClassifier(tol=1e-9).fit(Changing(later, pass_))


class Permuted:
    """One block, whose rows of one column come in another order the second time."""

    def __init__(self, column, *columns):
        self.column, self.columns, self.passes = column, columns, 0

    def row_blocks(self):
        columns = list(self.columns)
        if self.passes:
            columns[self.column] = np.random.default_rng(0).permutation(
                columns[self.column]
            )
        self.passes += 1
        yield tuple(columns)


@pytest.mark.parametrize(
    ("column", "columns"),
    [
        (1, (X, y)),
        (1, (X, LABELS)),
        (1, (X, y, weight)),
        (1, (X, np.eye(3)[y] * 0.8 + 0.2 / 3)),
        (2, (X, y, weight)),
        (2, (X, np.eye(3)[y], weight)),
    ],
)
def test_another_order_within_a_block_is_refused(column, columns):
    with pytest.raises(ValueError, match="in block 0"):
        CrossEntropyClassifier().fit(Permuted(column, *columns))


def objectives_of(blocks, *table):
    """Return the objective of blocks, and of their rows in one table."""
    model = CrossEntropyClassifier(solver="lbfgs")
    return [model._objective(LinearData(*z))[0] for z in ((blocks,), table)]


def test_a_sample_of_blocks_is_chosen_as_of_one_table():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30_000, 50))
    codes = (rows[:, :5].sum(axis=1) > rng.logistic(size=30_000)).astype(int)
    model = CrossEntropyClassifier(solver="lbfgs")
    blocks = ArrayBlocks(rows, codes, block_rows=7000)
    there, here = objectives_of(blocks, rows, codes)
    assert there.rows.subsample.n_samples == here.rows.subsample.n_samples < 10_000
    found = model.fit(blocks).coef_
    assert_allclose(found, model.fit(rows, codes).coef_, atol=1e-10)


@pytest.mark.parametrize("block_rows", [10, 999, 3000])
def test_a_sample_of_a_sample_is_chosen_as_of_one_table(block_rows):
    """L-BFGS starts from samples, and its preconditioner is of a sample of these."""
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(5000, 3)), rng.integers(2, size=5000)
    blocks = ArrayBlocks(rows, codes, block_rows=block_rows)
    there, here = (
        objective.sample(7).sample(5).at(np.ones(objective.shape)).gradient
        for objective in objectives_of(blocks, rows, codes)
    )
    assert_allclose(there, here, rtol=1e-10)


def test_errors_name_the_estimator_and_the_block():
    bad = X.copy()
    bad[7, 2] = np.nan
    with pytest.raises(ValueError, match="block 2: Input X contains NaN") as raised:
        CrossEntropyClassifier().fit(Changing((bad, y), 0))
    assert "CrossEntropyClassifier does not accept" in str(raised.value)
    assert "Checker" not in str(raised.value)


class Failing:
    def __init__(self, error):
        self.error = error

    def row_blocks(self):
        yield X, y
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError("disk gone"), OSError),
        (ValueError("bad page"), ValueError),
        (RuntimeError("no connection"), RuntimeError),
    ],
)
def test_errors_of_a_source_name_the_block(error, kind):
    with pytest.raises(kind, match="block 1"):
        CrossEntropyClassifier().fit(Failing(error))


def test_arrays_of_zarr(tmp_path):
    zarr = pytest.importorskip("zarr", minversion="3", reason="pip install zarr")
    arrays = []
    for place, rows in enumerate((X, y, weight)):
        made = zarr.create_array(
            store=tmp_path / str(place),
            shape=rows.shape,
            chunks=(64, *rows.shape[1:]),
            dtype=rows.dtype,
        )
        made[:] = rows
        arrays.append(made)
    assert_fit(ArrayBlocks(*arrays, block_rows=70))
    with pytest.raises(ValueError, match="y must have 300 rows, got 299"):
        ArrayBlocks(arrays[0], y[1:])


def test_arrays_of_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="pip install h5py")
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        for name, rows in {"X": X, "y": y, "w": weight, "s": LABELS.tolist()}.items():
            file[name] = rows
        assert_fit(ArrayBlocks(file["X"], file["y"], file["w"], block_rows=70))
        strings = file["s"].asstr()
        assert_fit(ArrayBlocks(file["X"], strings, file["w"], block_rows=70), LABELS)


def test_frames_and_sparse_matrices_as_arrays():
    order = np.random.default_rng(0).permutation(300) * 1.5  # labels, not positions
    frame = pd.DataFrame(X, columns=NAMES, index=order)
    labels = pd.Series(y, index=order)
    assert_fit(ArrayBlocks(frame, labels, weight.tolist(), block_rows=70))
    assert_fit(ArrayBlocks(sp.csr_array(X), y, weight, block_rows=300))
    with pytest.raises(ValueError, match=r"X must be an array of shape \(n, d\)"):
        ArrayBlocks(y, y)


@pytest.fixture(scope="module")
def frame():
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    return pd.DataFrame(X, columns=NAMES).assign(label=LABELS, w=weight)


def parquet(source, **settings):
    settings = {"y": "label", "sample_weight": "w", "block_rows": 70} | settings
    return ParquetBlocks(source, **settings)


@pytest.mark.parametrize("index", [None, "id", "label", ["label", "w"]], ids=str)
def test_files_that_pandas_wrote_with_an_index(frame, tmp_path, index):
    path = tmp_path / "rows.parquet"
    if index is None or index == "id":
        frame.set_axis(pd.Index(np.arange(300) * 3, name=index)).to_parquet(path)
    else:
        frame.set_index(index).to_parquet(path)
    assert_fit(parquet(path), LABELS)


def test_data_sets_of_arrow(frame, tmp_path):
    dataset = pytest.importorskip("pyarrow.dataset", reason="pip install pyarrow")
    frame.to_parquet(tmp_path / "0.parquet", row_group_size=7)
    whole = dataset.dataset(tmp_path)
    assert_fit(parquet(whole), LABELS)
    assert_fit(parquet([str(tmp_path / "0.parquet")]), LABELS)
    some = whole.filter(dataset.field("a") > 3)
    assert_fit(parquet(some), LABELS, X[:, 0] > 3)
    with pytest.raises(ValueError, match=r"y must be in \['a', .*, got 'target'"):
        parquet(whole, y="target")
    with pytest.raises(ValueError, match="columns must be a sequence of str, got 'a'"):
        parquet(whole, columns="a")


@pytest.mark.parametrize("format", ["csv", "feather"])
def test_other_formats(frame, tmp_path, format):
    path = tmp_path / f"rows.{format}"
    getattr(frame, f"to_{format}")(path, **{"index": False} if format == "csv" else {})
    assert_fit(parquet(path, format=format), LABELS)


def test_keys_of_hive(frame, tmp_path):
    frame.to_parquet(tmp_path / "label", partition_cols=["label"])
    order = np.argsort(LABELS, kind="stable")
    assert_fit(parquet(tmp_path / "label"), LABELS, order)
    year = frame.assign(year=2000 + np.arange(300) % 2)
    year.to_parquet(tmp_path / "year", partition_cols=["year"])
    model = CrossEntropyClassifier().fit(parquet(tmp_path / "year"))
    assert_array_equal(model.feature_names_in_, [*NAMES, "year"])


@pytest.mark.parametrize("kind", ["category", "Int64", "decimal", "varying"])
def test_types_of_columns(frame, tmp_path, kind):
    pa = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    pq = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    path, labels = tmp_path / "0.parquet", LABELS
    if kind == "category":
        frame.astype({"label": kind}).to_parquet(path, row_group_size=20)
    elif kind == "Int64":
        labels = y
        frame.assign(label=y).astype({"label": kind}).to_parquet(path)
    elif kind == "decimal":
        rows = pa.Table.from_pandas(frame)
        tens = pa.array(np.round(X[:, 6], 2)).cast(pa.decimal128(12, 2))
        pq.write_table(rows.set_column(6, "g", tens), path)
        blocks = parquet(path)
        rounded = np.c_[X[:, :6], np.round(X[:, 6], 2)]
        found = CrossEntropyClassifier().fit(blocks)
        expected = CrossEntropyClassifier().fit(rounded, LABELS, weight)
        assert_allclose(found.coef_, expected.coef_, atol=1e-10)
        return
    else:  # dictionaries that differ from file to file
        for part in range(3):
            some = frame[100 * part : 100 * part + 100].astype({"label": "category"})
            some.to_parquet(tmp_path / f"{part}.parquet")
        path = tmp_path
    assert_fit(parquet(path), labels)


def test_small_row_groups_are_put_together(frame, tmp_path):
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path, row_group_size=2)
    labels = [block[1] for block in parquet(path, block_rows=100).row_blocks()]
    assert [len(block) for block in labels] == [100] * 3
    assert_array_equal(np.concatenate(labels), frame.label)


@pytest.mark.parametrize("partitioned", [False, True])
def test_small_row_groups_are_read_as_a_data_set_is(frame, tmp_path, partitioned):
    arrow = pytest.importorskip("pyarrow.dataset", reason="pip install pyarrow")
    frame = frame.assign(**{"a.b": frame["a"] * 2})
    for part in range(2):
        folder = tmp_path / (f"half={part}" if partitioned else "")
        folder.mkdir(exist_ok=True)
        some = frame[150 * part : 150 * part + 150]
        some.to_parquet(folder / f"{part}.parquet", row_group_size=7)
    scanned = arrow.dataset(tmp_path, format="parquet", partitioning="hive")
    tables = []
    for source in (tmp_path, scanned):
        blocks = list(parquet(source, block_rows=100).row_blocks())
        lengths = [len(block[1]) for block in blocks]
        whole = source is tmp_path and not partitioned
        assert lengths[0] == (100 if whole else 98)  # 98 is 14 groups
        columns = zip(*blocks, strict=True)
        tables.append([pd.concat(column, ignore_index=True) for column in columns])
    for here, there in zip(*tables, strict=True):
        assert here.equals(there)


@pytest.mark.parametrize("damage", ["page", "end", "csv"])
def test_files_that_break_off_are_named(frame, tmp_path, damage):
    for part in range(2):
        some = frame[150 * part : 150 * part + 150]
        some.to_parquet(tmp_path / f"{part}.parquet", row_group_size=50)
    settings, path = {}, tmp_path / "1.parquet"
    content = path.read_bytes()
    if damage == "page":
        path.write_bytes(content[:1000] + bytes(3000) + content[4000:])
    elif damage == "end":
        path.write_bytes(content[: len(content) // 2])
    else:
        for part in range(2):
            (tmp_path / f"{part}.parquet").unlink()
        settings = {"format": "csv"}
        frame.to_csv(tmp_path / "0.csv", index=False)
        (tmp_path / "1.csv").write_text("a,b,c,d,e,f,g,label,w\n1,2\n")
    with pytest.raises(ValueError, match=r"block \d: .*cannot be read: ") as raised:
        CrossEntropyClassifier().fit(parquet(tmp_path, **settings))
    assert str(tmp_path)[:60] in str(raised.value)
