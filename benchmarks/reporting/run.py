"""Run the benchmarks, each in a process of its own with as many threads as it says."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reporting.machine import ROOT, commit, machine, versions
from reporting.record import Record, Report

FOLDER = ROOT / "benchmarks"
NOTHING_COLLECTED = 5  # by pytest, where a library is not installed
# The modules in the order of the pages; others follow.
FIRST = ["kernels", "log_loss", "scorers", "linear", "l1", "linear_cv", "boosting"]


def names() -> list[str]:
    """Of all benchmarks."""
    found = sorted(p.stem.removeprefix("bench_") for p in FOLDER.glob("bench_*.py"))
    return [*FIRST, *(name for name in found if name not in FIRST)]


def facts(name: str) -> dict[str, Any]:
    """The description of a benchmark: its docstring, and THREADS."""
    source = (FOLDER / f"bench_{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    threads = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "THREADS"
    ]
    return {"about": ast.get_docstring(tree), "threads": threads[0]}


def pytest(
    arguments: Sequence[str], environment: Mapping[str, str], *, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run pytest on benchmarks, in a process of its own."""
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    given = os.environ | environment
    given.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [*command, "-n", "0", *arguments],
        cwd=ROOT,
        env=given,
        capture_output=quiet,
        text=True,
    )


def check_collected(
    names: Sequence[str], environment: Mapping[str, str], package: str = "this package"
) -> None:
    """Exit with what pytest says if benchmarks cannot be collected with a package."""
    files = [f"benchmarks/bench_{name}.py" for name in names]
    done = pytest(["--collect-only", *files], environment, quiet=True)
    if done.returncode not in (0, NOTHING_COLLECTED):
        raise SystemExit(
            f"{done.stdout}{done.stderr}\nThe benchmarks do not run with {package}."
        )


def measure(
    name: str,
    size: str,
    extra: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> list[Record]:
    """The records of one benchmark."""
    threads = str(facts(name)["threads"])
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "records.json"
        arguments = [f"benchmarks/bench_{name}.py", f"--size={size}"]
        limits = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        done = pytest(
            [*arguments, f"--records={found}", *extra],
            limits | dict(environment or {}),
        )
        if done.returncode:
            print(f"bench_{name}: pytest ended with {done.returncode}", file=sys.stderr)
        text = found.read_text(encoding="utf-8") if found.exists() else "[]"
    return [Record(**each) for each in json.loads(text)]


def run(only: Sequence[str], size: str, extra: Sequence[str] = ()) -> Report:
    """Everything, or some benchmarks only."""
    where, libraries, head = machine(), versions(), commit()
    today = datetime.now(UTC).date().isoformat()
    benchmarks, records = {}, []
    check_collected(only or names(), {})
    for name in only or names():
        begin = time.perf_counter()
        records += measure(name, size, extra)
        seconds = time.perf_counter() - begin
        source = {"seconds": round(seconds), "commit": head, "date": today}
        benchmarks[name] = facts(name) | source
        print(f"bench_{name}: {seconds:.0f} s", flush=True)
    return Report(today, head, size, where, libraries, benchmarks, records)
