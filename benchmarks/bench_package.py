"""The package itself: how large, how long to build and to import."""

import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

import skxent

THREADS = 2
ROOT = Path(__file__).parents[1]


def test_size(record):
    """Extension modules together"""
    files = Path(skxent.__file__).parent.rglob("*.so")
    total = sum(file.stat().st_size for file in files) / 1e6
    record("all instruction sets", {"skxent": total}, unit="MB", limit=2.0)


def test_build(record, size, tmp_path):
    """A clean build of the wheel"""
    if size != "full":
        pytest.skip("takes too long: in full only")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    if all(map(find_spec, ("mesonpy", "Cython", "mesonbuild"))):
        command.append("--no-build-isolation")
    begin = time.perf_counter()
    subprocess.run([*command, "-w", tmp_path, ROOT], check=True)
    record("pip wheel", {"skxent": time.perf_counter() - begin}, limit=90.0)


def test_import(compare, size):
    """Import, in a new process"""
    if size != "full":
        pytest.skip("takes too long: in full only")

    def importing(module):
        return lambda: subprocess.run(
            [sys.executable, "-P", "-c", f"import {module}"], check=True
        )

    compare(
        "import",
        {
            "skxent": importing("skxent"),
            "scikit-learn": importing("sklearn.linear_model"),
        },
        rounds=3,
    )
