"""The package as a whole: what is installed, its threads, its instruction sets."""

import ast
import doctest
import importlib
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution, files
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, cpu_count, delayed
from threadpoolctl import threadpool_limits

import skxent
from skxent.kernels.checks import explain_missing
from skxent.kernels.dispatch import available
from skxent.kernels.threads import effective_n_threads
from skxent.losses import Focal

PACKAGE = Path(skxent.__file__).parent
BOOSTERS = ("_cat_classifier", "_focal", "_lgbm_classifier", "_xgb_classifier")
# Modules with examples, but those that have tests of their own or need other libraries.
MODULES = [
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
    and path.relative_to(PACKAGE).parts[0] not in ("dask", "displays", "onnx", "torch")
    and not (path.parts[-2] == "boosting" and path.stem in BOOSTERS)
    and not (path.stem == "parquet" and find_spec("pyarrow") is None)
]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_installed_package_is_tested():
    source = Path(__file__).parents[1] / "skxent"
    assert Path(skxent.__file__).parent != source
    assert skxent.__version__ == skxent.show_config("dicts")["version"]


def test_source_that_is_not_built_says_so(tmp_path):
    source = Path(__file__).parents[1] / "skxent"
    shutil.copytree(source, tmp_path / "skxent", ignore=lambda *_: ["__pycache__"])
    error = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import skxent")
    assert error.stderr.splitlines()[-1].startswith("ImportError: ")
    assert "is source that is not built" in error.stderr


def test_the_citation_is_of_this_version():
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text()
    assert f'version: "{skxent.__version__}"' in citation
    assert re.search(r"^date-released: 20\d\d-\d\d-\d\d$", citation, re.MULTILINE)


def test_what_is_missing_is_named():
    code = """if True:
        import sys
        class Hidden:
            def find_spec(name, path=None, target=None):
                if name == "scipy.optimize":
                    raise ModuleNotFoundError("gone astray", name=name)
        sys.meta_path.insert(0, Hidden)
        import skxent
    """
    assert run(code).stderr.splitlines()[-1] == "ModuleNotFoundError: gone astray"


def test_a_library_is_not_blamed_for_what_it_lacks():
    message = "this needs that"
    for name in ("that", "that.part", "other"):
        with pytest.raises(ImportError) as raised, explain_missing("that", message):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        assert (str(raised.value) == message) == (name == "that")
    with pytest.raises(OSError), explain_missing("that", message):
        raise OSError("libthat.so: cannot open shared object file")


def test_programs_that_freeze_find_every_compiled_module():
    """They follow statements in Python: a name in a string they do not see."""
    imported = set()
    for path in Path(skxent.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            if isinstance(node, ast.ImportFrom):
                imported |= {
                    node.module,
                    *(f"{node.module}.{n.name}" for n in node.names),
                }
            if isinstance(node, ast.Name):
                assert node.id != "import_module", (path, node.lineno)
    for file in files("skxent"):
        if file.parts[0] == "skxent" and file.suffix in (".so", ".pyd"):
            assert f"skxent.kernels.{file.name.partition('.')[0]}" in imported


def test_modules_and_searches_are_imported_when_they_are_asked_for():
    code = """if True:
        import sys, skxent
        loaded = {name for name in sys.modules if name.startswith("skxent.")}
        assert not loaded & {"skxent.metrics", "skxent.linear_model._search"}, loaded
        assert "torch" not in sys.modules
        for name in skxent.__all__:
            assert getattr(skxent, name).__name__ == name
            assert name in dir(skxent)
        for name in skxent.linear_model.__all__:
            assert getattr(skxent.linear_model, name) is getattr(skxent, name)
            assert name in dir(skxent.linear_model)
        assert skxent.metrics.log_loss and "scorers" in dir(skxent)
    """
    assert run(code).stderr == ""
    for module in (skxent, skxent.linear_model):
        with pytest.raises(AttributeError, match="has no attribute 'gone'"):
            attrgetter("gone")(module)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    found = doctest.testmod(
        importlib.import_module(f"skxent.{module}"),
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert found.attempted and not found.failed


@pytest.mark.parametrize(
    ("library", "install"),
    [("dask", "'dask[array,dataframe,distributed]'"), ("torch", "torch")],
)
def test_a_library_of_a_module_is_optional(library, install):
    code = f"""if True:
        import sys
        class Hidden:  # as if it were not installed
            def find_spec(name, path=None, target=None):
                if name == {library!r}:
                    raise ModuleNotFoundError(f"No module {{name}}", name=name)
        sys.meta_path.insert(0, Hidden)
        import skxent, skxent.blocks
        try:
            skxent.{library}
        except ImportError as error:
            print(error)
    """
    found = run(code)
    assert found.returncode == 0, found.stderr
    needs = f"skxent.{library} needs {library}: pip install {install}\n"
    assert found.stdout == needs


def test_nothing_is_installed_but_the_package():
    for file in files("skxent"):
        top, *rest = file.parts
        if top.endswith(".dist-info"):
            known = ("METADATA", "WHEEL", "RECORD", "INSTALLER", "REQUESTED", "LICENSE")
            # auditwheel tells of the OpenMP library that it brings along
            assert rest[-1] in (*known, "direct_url.json", "auditwheel.cdx.json"), file
        elif top == "skxent.libs" or rest[0] == ".dylibs":
            assert "omp" in file.name, file
            license = distribution("skxent").read_text("licenses/LICENSE")
            name = "GCC RUNTIME LIBRARY" if "gomp" in file.name else "LLVM"
            assert name in license
        else:
            suffixes = (".py", ".pyc", ".pyi", ".so", ".pyd", ".typed")
            assert top == "skxent" and file.suffix in suffixes, file


def test_the_source_runs_and_opens_nothing():
    """The claims of SECURITY.md: no code from text, no program, connection or file."""
    names = {"eval", "exec", "compile", "open", "__import__", "breakpoint", "input"}
    modules = {"subprocess", "socket", "urllib", "http", "tempfile", "pickle", "shutil"}
    attributes = {"system", "popen", "spawnv", "execv", "remove", "unlink", "tofile"}
    for path in Path(skxent.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in names, (path, node.lineno)
            if isinstance(node, ast.Import):
                found = {name.name.partition(".")[0] for name in node.names}
                assert not found & modules, (path, node.lineno)
            if isinstance(node, ast.ImportFrom):
                found = (node.module or "").partition(".")[0]
                # CatBoost exports to ONNX in a file only.
                exempt = found == "tempfile" and path.match("onnx/_trees.py")
                assert exempt or found not in modules, path
            if isinstance(node, ast.Attribute):
                assert node.attr not in attributes, (path, node.lineno)


def test_show_config(capsys):
    assert skxent.show_config() is None
    printed = capsys.readouterr().out
    for word in ("compiler: ", "isa: ", "threads: "):
        assert word in printed
    with pytest.raises(ValueError, match=r"^mode must be one of .*, got 'json'\.$"):
        skxent.show_config("json")


@pytest.mark.parametrize("isa", available())
def test_an_instruction_set_can_be_forced(isa):
    code = "import skxent; print(skxent.show_config('dicts')['isa'])"
    assert run(code, SKXENT_ISA=isa).stdout.strip() == isa


def test_an_unknown_instruction_set_is_refused():
    outcome = run("import skxent", SKXENT_ISA="v9")
    assert "SKXENT_ISA must be one of base" in outcome.stderr


def test_threads_follow_limits():
    with threadpool_limits(1):
        assert effective_n_threads() == 1
    assert effective_n_threads(3) == 3
    assert effective_n_threads(3, work=10) == 1
    assert effective_n_threads(-1) >= 1
    code = "from skxent.kernels.threads import effective_n_threads as n; print(n())"
    assert run(code, OMP_NUM_THREADS="1").stdout.strip() == "1"


def test_workers_of_joblib_share_the_processors():
    """Two workers get no more threads between them than there are processors."""
    workers = Parallel(n_jobs=2, backend="loky")(
        delayed(effective_n_threads)() for _ in range(4)
    )
    assert max(workers) <= max(1, cpu_count() // 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_after_threads_does_not_hang():
    code = """
import os, warnings
import numpy as np
from skxent.losses import Focal
warnings.simplefilter("ignore")
z, y = np.zeros((50_000, 3)), np.zeros(50_000, int)
Focal().loss(y, z, n_threads=2)
pid = os.fork()
if pid == 0:
    Focal().loss(y, z, n_threads=2)
    os._exit(0)
print(os.waitpid(pid, 0)[1])
"""
    assert run(code).stdout.strip() == "0"


def test_many_python_threads_share_a_loss():
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(5000, 3)), rng.integers(0, 3, 5000)
    expected = Focal().gradient(y, z)
    with ThreadPoolExecutor(4) as pool:
        for gradient in pool.map(lambda _: Focal().gradient(y, z), range(20)):
            np.testing.assert_array_equal(gradient, expected)
