"""The documentation: the code on its pages, and the numbers of the interactive one."""

import doctest
import re
from pathlib import Path

import pytest

import skxent

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if not {"_build", "gallery", "api"} & set(page.parts)
)
# Libraries that pages may need beyond the requirements of the tests.
NEEDED = {
    "boosters": ["pandas", "xgboost", "lightgbm", "catboost"],
    "dask": ["dask"],
    "torch": ["torch"],
}


def code_of(page):
    """Fences become blank lines, which end what an example is expected to print."""
    return re.sub("^```.*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page):
    for library in NEEDED.get(page.stem, []):
        pytest.importorskip(library, reason=f"pip install '.[{library}]'")
    test = doctest.DocTestParser().get_doctest(
        code_of(page), {"__name__": "__main__"}, page.name, str(page), 0
    )
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert not doctest.DocTestRunner(optionflags=flags).run(test).failed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_python_of_a_page_is_left_out(page):
    assert "```python" not in page.read_text(encoding="utf-8")


def test_the_reference_lists_every_public_module():
    package = Path(skxent.__file__).parent
    public, private = {"skxent"}, {"base", "inputs", "kernels", "optimize"}
    for source in package.rglob("*.py"):
        parts = source.relative_to(package).with_suffix("").parts
        names = [part for part in parts if part != "__init__"]
        exports = "\n__all__ = [" in source.read_text(encoding="utf-8")
        hidden = any(name.startswith("_") or name in private for name in names)
        if exports and not hidden:
            public.add(".".join(["skxent", *names]))
    listed = re.findall(r"^   (skxent\S*)$", code_of(ROOT / "docs" / "api.md"), re.M)
    # Its names are those of skxent.
    assert public - {"skxent.linear_model"} == set(listed)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("loss", "skxent/losses/_shipped.py"),
        ("penalty", "tests/optimize/test_penalties.py"),
    ],
)
def test_a_worked_example_is_the_source(kind, path):
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.split(f"## Adding a {kind}")[1].split("\n## ")[0]
    example = [line.strip() for line in section.splitlines() if line[:4] == "    "]
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    source = {line.strip() for line in lines}
    assert example
    assert not [line for line in example if "..." not in line and line not in source]


def test_the_map_of_the_source_names_files_that_exist():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    prose = "\n".join(line for line in guide.splitlines() if line[:4] != "    ")
    names = set(re.findall(r"`([\w./]+(?:\.(?:py|pyx|pxd|h)|/))`", prose))
    folders = [ROOT, ROOT / "src", ROOT / "skxent"]
    folders += [path for path in (ROOT / "skxent").iterdir() if path.is_dir()]
    assert len(names) > 30
    assert not [n for n in names if not any((f / n).exists() for f in folders)]


def test_the_map_of_the_source_has_every_room():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "skxent").glob("*/__init__.py")}
    assert not [room for room in rooms if f"{room}/`" not in guide]
