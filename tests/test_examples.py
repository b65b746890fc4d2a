"""Every script of the gallery: it runs, prints, draws, and warns of nothing."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.rglob("*.py"))
LIBRARIES = ("catboost", "dask", "lightgbm", "torch", "xgboost")

# None in sys.modules is enough, except for torch, which scipy looks up there.
RUN_WITHOUT_LIBRARIES = f"""
import runpy, sys
class Hidden:
    def find_spec(name, path=None, target=None):
        if name in {LIBRARIES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden)
for script in sys.argv[1:]:
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        print("stopped:", stop)
"""


def needs(script):
    """The optional libraries that a script imports."""
    found = re.findall(r"^\s*(?:import|from) (\w+)", script.read_text(), re.MULTILINE)
    return sorted({*found} & {*LIBRARIES})


@pytest.fixture
def figures():
    """The numbers of the figures that a script leaves; none is shown."""
    plt.switch_backend("Agg")
    plt.close("all")
    yield plt.get_fignums
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_runs_prints_and_draws(script, figures, capsys):
    for name in needs(script):
        pytest.importorskip(name, reason=f"pip install '.[{name}]'")
    with plt.rc_context():
        runpy.run_path(str(script), run_name="__main__")
    assert len(capsys.readouterr().out.split()) > 10
    assert figures()
    for number in figures():
        figure = plt.figure(number)
        figure.canvas.draw()
        assert figure.axes
        assert all(ax.has_data() for ax in figure.axes)


def test_without_its_library_a_script_says_what_to_install():
    scripts = [script for script in SCRIPTS if needs(script)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUN_WITHOUT_LIBRARIES, *map(str, scripts)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"^stopped: .*pip install '?(\w+)\b.*\.$", done.stdout, re.M)
    assert said == [name for script in scripts for name in needs(script)]
