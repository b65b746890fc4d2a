"""Every script of the gallery: it runs, prints, draws, and warns of nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.rglob("*.py"))
LIBRARIES = ("catboost", "dask", "lightgbm", "torch", "xgboost")

# Run a script as `python script.py` does, then ask matplotlib what it drew.
RUN = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
pyplot = sys.modules["matplotlib.pyplot"]
for number in pyplot.get_fignums():
    figure = pyplot.figure(number)
    figure.canvas.draw()
    drawn = sum(ax.has_data() for ax in figure.axes)
    print(f"figure {number}: {drawn} of {len(figure.axes)} axes drawn")
"""

# None in sys.modules would do for all but torch, which scipy looks for there.
HIDE = f"""
import sys
class Hidden:
    def find_spec(name, path=None, target=None):
        if name in {LIBRARIES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden)
"""


def needs(script):
    """The optional libraries that a script imports."""
    found = re.findall(r"^\s*(?:import|from) (\w+)", script.read_text(), re.MULTILINE)
    return sorted({*found} & {*LIBRARIES})


def run(*arguments):
    clean = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env={**clean, **one},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_runs_prints_and_draws(script):
    for name in needs(script):
        pytest.importorskip(name, reason=f"pip install '.[{name}]'")
    done = run("-W", "error", "-c", RUN, str(script))
    assert done.returncode == 0, done.stderr
    text, _, figures = done.stdout.partition("figure 1: ")
    assert len(text.split()) > 10
    drawn = re.findall(r"(\d+) of (\d+) axes drawn", figures)
    assert drawn
    assert all(count == axes != "0" for count, axes in drawn)


@pytest.mark.parametrize(
    "script", [s for s in SCRIPTS if needs(s)], ids=lambda script: script.stem
)
def test_without_its_library_it_says_what_to_install(script):
    done = run("-c", HIDE + RUN, str(script))
    (name,) = needs(script)
    assert done.returncode == 1
    assert re.search(rf"pip install '?{name}\b.*\.\n$", done.stderr)
