"""The package: its size, and the time to build and to import it."""

import ast
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median

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
        pytest.skip("only a full run has the minute that a build takes")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    if all(map(find_spec, ("mesonpy", "Cython", "mesonbuild"))):
        command.append("--no-build-isolation")
    begin = time.perf_counter()
    subprocess.run([*command, "-w", tmp_path, ROOT], check=True)
    record("pip wheel", {"skxent": time.perf_counter() - begin}, limit=90.0)


LOADED = """
import sys, skxent
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] == "skxent":
        print(module.__file__)
"""
TIMED = """
import time
before = time.process_time()
{}
print(time.process_time() - before)
"""


def output_of(code):
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed():
    """The statements by which the modules of `import skxent` import other packages."""
    statements = []
    for path in map(Path, output_of(LOADED).split()):
        if path.suffix != ".py":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None) or node.names[0].name
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "skxent":
                    statements.append(ast.unparse(node))
    return "\n".join(statements)


def test_import(record, size):
    """Import in a new process: CPU time"""
    calls = {
        "skxent": "import skxent",
        "dependencies": needed(),
        "sklearn.linear_model": "import sklearn.linear_model",
    }
    times = {name: [] for name in calls}
    for _ in range({"full": 11, "quick": 3, "check": 1}[size]):
        for name, code in calls.items():
            times[name].append(float(output_of(TIMED.format(code))))
    medians = {name: median(values) for name, values in times.items()}
    record("import", medians, at_least={"dependencies": 1 / 1.15})
