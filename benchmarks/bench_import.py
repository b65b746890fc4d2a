"""The time of `import skxent` beside that of importing what it needs of other packages.

What it needs are the import statements of other packages at the top of its modules, as
far as `import skxent` loads these. Each import has a fresh interpreter, in turn. It is
the processor's time, so that what else the machine does counts for little.
"""

import ast
import subprocess
import sys
from pathlib import Path
from statistics import median

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


def run(code):
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed():
    """The import statements of numpy, scipy, scikit-learn and what comes with it."""
    statements = []
    for path in map(Path, run(LOADED).split()):
        if path.suffix != ".py":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            module = getattr(node, "module", None) or node.names[0].name
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "skxent":
                statements.append(ast.unparse(node))
    return "\n".join(statements)


def test_import(report, quick):
    calls = {
        "skxent": "import skxent",
        "what it needs": needed(),
        "sklearn.linear_model": "import sklearn.linear_model",
    }
    times = {name: [] for name in calls}
    for _ in range(1 if quick else 11):
        for name, code in calls.items():
            times[name].append(float(run(TIMED.format(code))))
    medians = {name: median(values) for name, values in times.items()}
    ours = medians["skxent"]
    peers = ", ".join(
        f"{ours / medians[name]:.3g}x {name} ({1e3 * medians[name]:.3g} ms)"
        for name in list(calls)[1:]
    )
    if not quick:
        report(f"import skxent: {1e3 * ours:.4g} ms, {peers}")
