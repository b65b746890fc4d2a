"""Fits to a memory-mapped table: peak memory and reading speed.

Focal loss, two threads; `--gb 8` sets the size of the table. The floor is a sequential
read of the same file, from the disk cache if the file fits. Memory is RssAnon, which
excludes pages of the file.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reporting.record import shape

THREADS = 2
COLUMNS = 100

SCRIPT = """
import json, sys, threading, time
import numpy as np
from skxent import FocalLogisticRegression
from skxent.blocks import ArrayBlocks
from skxent.optimize.rows.blocks import BlockRows
from skxent.optimize.rows.table import TableRows

folder, way = sys.argv[1:]

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(r.split()[1]) for r in status if r.startswith("RssAnon")) / 1e3

def read():
    buffer = bytearray(8 << 20)
    begin = time.perf_counter()
    with open(f"{folder}/X.npy", "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - begin

passes = []
for kind in (TableRows, BlockRows):
    def counted(self, *arguments, inner=kind.value_gradient):
        begin = time.perf_counter()
        result = inner(self, *arguments)
        passes.append(time.perf_counter() - begin)
        return result
    if way == ("blocks" if kind is BlockRows else "array"):
        kind.value_gradient = counted

X = np.load(f"{folder}/X.npy", mmap_mode="r")
y = np.load(f"{folder}/y.npy", mmap_mode="r")
read()
reads = [read()]
peak, done = 0, False
def watch():
    global peak
    while not done:
        peak = max(peak, anonymous())
        time.sleep(0.005)
watcher = threading.Thread(target=watch)
watcher.start()
begin = time.perf_counter()
model = FocalLogisticRegression()
model.fit(X, y) if way == "array" else model.fit(ArrayBlocks(X, y))
seconds = time.perf_counter() - begin
done = True
watcher.join()
reads.append(read())
print(json.dumps({
    "seconds": seconds, "peak": peak, "read": sum(reads) / 2,
    "pass": np.median(passes), "passes": len(passes), "bytes": X.nbytes,
}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """A table of so many gigabytes, removed in the end."""
    path = tmp_path_factory.mktemp("mapped")
    least = {"full": 2.0, "quick": 0.1, "check": 0.01}
    gigabytes = request.config.getoption("--gb")
    if gigabytes is None:
        gigabytes = least[request.config.getoption("--size")]
    n = int(gigabytes * 1e9 / 8 / COLUMNS)
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(path / "X.npy", "w+", np.float64, (n, COLUMNS))
    y = np.lib.format.open_memmap(path / "y.npy", "w+", np.int64, (n,))
    w = np.linspace(-1, 1, COLUMNS)
    for start in range(0, n, 100_000):
        block = rng.normal(size=(min(100_000, n - start), COLUMNS))
        X[start : start + len(block)] = block
        y[start : start + len(block)] = block @ w > rng.logistic(size=len(block))
    X.flush()
    y.flush()
    yield path
    (path / "X.npy").unlink()
    (path / "y.npy").unlink()


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to tell the memory used"
)
@pytest.mark.parametrize("way", ["array", "blocks"])
def test_mapped(folder, way, record):
    """A pass over a mapped table"""
    found = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, str(folder), way],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    figures = json.loads(found.stdout)
    size = figures["bytes"]
    case = f"{shape(size // 8 // COLUMNS, COLUMNS)}, {way}"
    record(
        case,
        {"skxent": figures["pass"], "plain read": figures["read"]},
        floor="plain read",
        at_least={"plain read": 0.5},
        values={
            "passes": figures["passes"],
            "s a fit": figures["seconds"],
            "GB/s": size / 1e9 / figures["pass"],
        },
    )
    record(
        case,
        {"skxent": figures["peak"], "the table": size / 1e6},
        table="Peak anonymous memory of such a fit",
        unit="MB",
        limit=500.0,
    )
