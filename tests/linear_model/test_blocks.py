"""Fits to blocks of rows are fits to the whole table, whatever the blocks."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from tables import table

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)
from skxent.blocks import ArrayBlocks, ParquetBlocks


class Given:
    """RowBlocks of what a list holds."""

    def __init__(self, *blocks):
        self.blocks = blocks

    def row_blocks(self):
        yield from self.blocks


def cut(*columns, at):
    """Blocks that end at these rows."""
    edges = [0, *at, columns[0].shape[0]]
    return Given(
        *(
            tuple(column[start:stop] for column in columns)
            for start, stop in pairwise(edges)
        )
    )


def assert_same_fit(model, blocks, *data):
    found = model.fit(blocks)
    coef, intercept, n_iter = found.coef_, found.intercept_, found.n_iter_
    expected = model.fit(*data)
    assert_allclose(coef, expected.coef_, rtol=1e-8, atol=1e-8)
    if len(intercept) > 1:  # a shift of all intercepts changes nothing
        intercept = intercept - intercept.mean() + expected.intercept_.mean()
    assert_allclose(intercept, expected.intercept_, rtol=1e-8, atol=1e-8)
    assert_array_equal(n_iter, expected.n_iter_)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        CrossEntropyClassifier(),
        CrossEntropyClassifier(solver="newton-cg", fit_intercept=False),
        CrossEntropyClassifier("generalized_cross_entropy", solver="lbfgs"),
        CrossEntropyClassifier(solver="newton-cholesky", class_weight="balanced"),
        FocalLogisticRegression(class_weight={0: 2.0}, label_smoothing=0.1),
        SmoothedSoftmaxClassifier(l1_ratio=0.7, C=0.01),
    ],
    ids=str,
)
def test_the_fit_is_that_of_the_whole_table(model, weighted, n_classes):
    X, y, weight = table(n_classes)
    data = (X, y, weight) if weighted else (X, y)
    assert_same_fit(model, cut(*data, at=[1, 1200, 8999]), *data)


def test_sparse_soft_and_single_precision_blocks():
    X, y, weight = table()
    rows = sp.random(len(y), 30, density=0.1, format="csr", random_state=0)
    model = FocalLogisticRegression(C=3.0)
    assert_same_fit(model, cut(rows, y, at=[3000]), rows, y)
    dense = cut(rows.toarray(), y, at=[3000]).blocks
    mixed = Given((rows[:3000], y[:3000]), dense[1])
    assert_same_fit(model, mixed, rows, y)
    soft = np.eye(3)[y] * 0.8 + 0.2 / 3
    assert_same_fit(model, cut(X, soft, weight, at=[4000]), X, soft, weight)
    single = X.astype(np.float32)
    found = model.fit(cut(single, y, at=[4000]))
    assert found.coef_.dtype == np.float32
    coef = found.coef_
    # If values are known to eps, the minimum is known to the root of eps.
    known = np.sqrt(8 * np.finfo(np.float32).eps) * np.abs(coef).max()
    assert_allclose(coef, model.fit(single, y).coef_, atol=known)


def test_wide_tables_with_an_l1_penalty_are_fitted_on_working_sets():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 200))
    y = X[:, :5].sum(axis=1) > rng.logistic(size=2000)
    model = CrossEntropyClassifier(C=0.02, l1_ratio=1.0, tol=1e-8)
    expected = model.fit(X, y).coef_
    found = model.fit(cut(X, y, at=[500, 1700])).coef_
    assert 0 < np.count_nonzero(expected) < 100
    assert_allclose(found, expected, atol=1e-8)


def test_blocks_of_one_class_of_no_rows_and_of_no_weight():
    X, y, weight = table()
    order = np.argsort(y, kind="stable")
    X, y, weight = X[order], y[order], weight[order]
    weight[:500] = 0
    names = np.array(["red", "green", "blue"])[y]
    ends = np.flatnonzero(np.diff(y)) + 1
    data = X, names, weight
    blocks = cut(*data, at=[0, 500, 500, *ends])
    assert_same_fit(FocalLogisticRegression(), blocks, *data)


@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize(
    ("size", "class_weight"),
    [(1e306, None), (1e300, {0: 1e6, 1: 2e6, 2: 1e6}), (1e-320, None)],
)
def test_sums_of_weights_may_overflow_or_be_subnormal(C, size, class_weight):
    X, y, _ = table()
    weight = size * (1.0 + np.arange(len(y)) % 3)
    model = CrossEntropyClassifier(C=C, class_weight=class_weight)
    assert_same_fit(model, cut(X, y, weight, at=[1, 4000]), X, y, weight)


def test_blocks_whose_weights_are_next_to_nothing():
    """Beside those of others, and by themselves too small for their mean."""
    X, y, _ = table()
    weight = np.ones(len(y))
    weight[:50] = 0
    weight[20] = 5e-324
    for largest in (1.0, 1e300, 1e308):
        given = np.where(weight == 1, largest, weight)
        blocks = cut(X, y, given, at=[50, 4000])
        assert_same_fit(CrossEntropyClassifier(C=1.0), blocks, X, y, given)


def test_starts_again_where_the_last_fit_ended():
    X, y, _ = table()
    model = CrossEntropyClassifier(warm_start=True, solver="newton-cg")
    assert model.fit(ArrayBlocks(X, y)).n_iter_[0] > 1
    assert model.fit(ArrayBlocks(X, y)).n_iter_[0] == 1


def test_columns_have_names():
    X, y, _ = table()
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    model = CrossEntropyClassifier().fit(Given((frame[:10], y[:10]), (frame, y)))
    assert_array_equal(model.feature_names_in_, list("abcdefg"))
    column = CrossEntropyClassifier().fit(frame.rename(columns={"a": "row_blocks"}), y)
    assert_array_equal(column.coef_, CrossEntropyClassifier().fit(X, y).coef_)
    other = frame.rename(columns={"a": "z"})
    with pytest.raises(ValueError, match=r"same column names.* got \['z'.*in block 1"):
        model.fit(Given((frame, y), (other, y)))
    # A fit that failed left the last one as it was.
    assert_array_equal(model.feature_names_in_, list("abcdefg"))


X, y, weight = table(n=300)
NAN = X.copy()
NAN[7, 2] = np.nan
STRINGS = np.full(X.shape, "a", dtype=object)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ((NAN, y), "block 1: Input X contains NaN"),
        ((X[:, :4], y), "7 columns in every block, as in block 0, got 4 in block 1"),
        ((STRINGS, y), "block 1: could not convert string"),
        ((X, y[:9]), "block 1: Found input variables with inconsistent numbers"),
        ((X, y + 0.5), "block 1: Unknown label type"),
        ((X, np.array(["a"] * 300)), "got strings in block 1 and not in block 0"),
        ((X, np.eye(3)[y]), "got soft labels in block 1"),
        ((X, y, -weight), "block 1: sample_weight must be finite and non-negative"),
        ((X, y, weight, None, y), r"block 1: it must be \(X, y\), .* got 5 values"),
        ((X,), "block 1: it must be .* got 1 values"),
        ({"X": X, "y": y}, "block 1: it must be .* got <class 'dict'>"),
    ],
)
def test_errors_say_which_block(block, message):
    with pytest.raises(ValueError, match=message):
        CrossEntropyClassifier().fit(Given((X, y), block))


@pytest.mark.parametrize("given", [lambda self: 3, 3, [(np.eye(2), [0, 1])]])
def test_row_blocks_must_be_a_method_that_yields_blocks(given):
    source = type("Source", (), {"row_blocks": given})()
    with pytest.raises(ValueError, match="row_blocks must be a method that yields"):
        CrossEntropyClassifier().fit(source)


def test_errors_of_all_blocks_together():
    model = CrossEntropyClassifier()
    with pytest.raises(ValueError, match=r"X must have a block with rows, got none"):
        model.fit(Given())
    with pytest.raises(ValueError, match="y must have at least 2 classes"):
        model.fit(Given((X, np.zeros(300)), (X, np.zeros(300))))
    with pytest.raises(ValueError, match="must come with the blocks of X"):
        model.fit(Given((X, y)), y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(X)
    with pytest.raises(ValueError, match="y must have 3 columns in every block"):
        model.fit(Given((X, np.eye(3)[y]), (X, np.eye(4)[y])))


def test_blocks_must_come_again():
    class Once:
        def __init__(self):
            self.blocks = iter([(X, y)] * 3)

        def row_blocks(self):
            return self.blocks

    with pytest.raises(ValueError, match="the same 3 blocks every time, got another"):
        CrossEntropyClassifier().fit(Once())

    class Shrinking:
        n = 300

        def row_blocks(self):
            self.n -= 1
            yield X[: self.n], y[: self.n]

    with pytest.raises(ValueError, match="the same 1 blocks every time"):
        CrossEntropyClassifier().fit(Shrinking())


def test_array_blocks():
    blocks = ArrayBlocks(X, y, weight, block_rows=70)
    assert [len(block[1]) for block in blocks.row_blocks()] == [70] * 4 + [20]
    assert_same_fit(FocalLogisticRegression(), blocks, X, y, weight)
    with pytest.raises(ValueError, match="y must have 300 rows, got 299"):
        ArrayBlocks(X, y[1:])
    with pytest.raises(ValueError, match="block_rows must be an integer >= 1, got 0"):
        ArrayBlocks(X, y, block_rows=0)


def test_parquet_blocks(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="pip install pyarrow")
    pq = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    labels = np.array(["no", "yes", "maybe"])[y]
    columns = {f"x{j}": X[:, j] for j in range(7)} | {"label": labels, "w": weight}
    whole = pa.table(columns)
    for part in range(3):
        rows = whole.slice(100 * part, 100)
        pq.write_table(rows, tmp_path / f"{part}.parquet", row_group_size=40)
    blocks = ParquetBlocks(tmp_path, y="label", sample_weight="w", block_rows=64)
    model = FocalLogisticRegression()
    frame = whole.to_pandas()
    names = [f"x{j}" for j in range(7)]
    assert_same_fit(model, blocks, frame[names], labels, weight)
    assert_array_equal(model.fit(blocks).feature_names_in_, names)
    some = ParquetBlocks(tmp_path, y="label", columns=["x1", "x3"])
    assert_same_fit(model, some, frame[["x1", "x3"]], labels)
    with pytest.raises(ValueError, match=r"columns must be in \['x0'.*, got 'x9'"):
        ParquetBlocks(tmp_path, y="label", columns=["x9"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"^source must have columns, got files or a"):
        ParquetBlocks(tmp_path / "empty", y="label")


PEAK = """
import sys
import numpy as np
from skxent import FocalLogisticRegression
from skxent.blocks import ArrayBlocks

def anonymous(line="RssAnon"):
    with open("/proc/self/status") as status:
        return next(int(row.split()[1]) for row in status if row.startswith(line))

X = np.load(sys.argv[1], mmap_mode="r")
y = np.load(sys.argv[2], mmap_mode="r")
FocalLogisticRegression().fit(X[:5000], y[:5000])
peak = before = anonymous()

class Watched(ArrayBlocks):
    def row_blocks(self):
        global peak
        for block in super().row_blocks():
            yield block
            peak = max(peak, anonymous())

FocalLogisticRegression().fit(Watched(X, y))
print(peak - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to tell the memory used"
)
def test_memory_is_that_of_a_block(tmp_path):
    rng = np.random.default_rng(0)
    n, d = 1_000_000, 25  # 200 MB
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float64, (n, d))
    for rows in np.array_split(np.arange(n), 10):
        X[rows] = rng.normal(size=(len(rows), d))
    np.save(tmp_path / "y.npy", X[:, 0] > rng.normal(size=n))
    X.flush()
    arguments = [str(tmp_path / "X.npy"), str(tmp_path / "y.npy")]
    found = subprocess.run(
        [sys.executable, "-P", "-c", PEAK, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < 60_000  # kB


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("size", [1e-310, 1e300, 1e307])
def test_weights_of_any_size(size, C, soft):
    X, y, weight = table(n=300)
    y = np.eye(3)[y] * 0.8 + 0.2 / 3 if soft else y
    weight = (1 + weight / weight.max()) * size
    weight[:100] = 0
    model = CrossEntropyClassifier(C=C, tol=1e-9)
    proba = model.fit(X, y, weight).predict_proba(X)
    blocks = cut(X, y, weight, at=[100, 180])
    assert_allclose(model.fit(blocks).predict_proba(X), proba, atol=1e-8)


def test_weights_of_several_sizes():
    X, y, weight = table(n=300)
    weight = np.r_[weight[:150] * 1e300, weight[150:] * 1e-300, 0.0][:300]
    weight[0] = 5e-324
    model = CrossEntropyClassifier(tol=1e-9)
    proba = model.fit(X, y, weight).predict_proba(X)
    blocks = cut(X, y, weight, at=[150, 299])
    assert_allclose(model.fit(blocks).predict_proba(X), proba, atol=1e-8)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky"])
def test_a_penalty_too_strong_for_float64(solver, l1_ratio):
    X, y, _ = table(n=300)
    settings = {} if l1_ratio else {"solver": solver}
    model = CrossEntropyClassifier(l1_ratio=l1_ratio, **settings)
    model.fit(X, y, np.full(300, 1e-320))
    assert_allclose(model.coef_, 0, atol=1e-90)
    assert_allclose(model.predict_proba(X)[0], np.bincount(y) / 300, atol=1e-4)
