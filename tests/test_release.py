"""The metadata of a release: version, links, licences."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import skxent

ROOT = Path(__file__).parents[1]
ADDRESS, TAG = "https://example.org/owner/skxent", "v9.9"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links():
    return LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def published(folder):
    """Run what the release workflow runs on a copy; return README and metadata."""
    (folder / ".ci").mkdir()
    for name in ("README.md", "pyproject.toml", ".ci/address"):
        shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, folder / ".ci" / "address", ADDRESS, TAG]
    subprocess.run(command, check=True)
    project = (folder / "pyproject.toml").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    return readme, tomllib.loads(project)["project"]


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall("^## (\\S+)", text, re.MULTILINE)[0] == skxent.__version__


def test_every_link_of_the_readme_leads_somewhere():
    relative = [link.split("#")[0] for link in links() if "://" not in link]
    assert len(relative) > 5
    assert not [link for link in relative if link and not (ROOT / link).exists()]


def test_what_is_published_has_absolute_links(tmp_path):
    readme, project = published(tmp_path)
    found = LINK.findall(readme)
    assert len(found) == len(links())
    assert not [link for link in found if not re.match("https?://|#", link)]
    assert f"]({ADDRESS}/raw/{TAG}/docs/images/" in readme
    assert f"]({ADDRESS}/blob/{TAG}/CHANGELOG.md)" in readme
    assert set(project["urls"]) >= {"Homepage", "Documentation", "Source", "Changelog"}
    assert all(url.startswith(ADDRESS) for url in project["urls"].values())


def test_addresses_are_written_once(tmp_path):
    first = published(tmp_path)
    subprocess.run([sys.executable, tmp_path / ".ci/address", ADDRESS, TAG], check=True)
    again = (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    assert again.count("[project.urls]") == 1
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == first[0]


def test_the_workflow_writes_addresses_before_it_builds():
    jobs = (ROOT / ".github/workflows/wheels.yml").read_text(encoding="utf-8")
    steps = re.findall(r"\.ci/address|cibuildwheel --output|build --sdist", jobs)
    assert steps == [
        ".ci/address",
        "cibuildwheel --output",
        ".ci/address",
        "build --sdist",
    ]


def versions_of(folder):
    """Return the list from which the pages in a folder switch, the newest first."""
    text = (folder / "_static" / "versions.js").read_text(encoding="utf-8")
    found = json.loads(text.removeprefix("const VERSIONS = ").rstrip("\n;"))
    return list(found.items())


def test_pages_switch_between_versions(tmp_path):
    """Those of a version are in a folder of its name; other builds are alone."""
    write = runpy.run_path(str(ROOT / "docs" / "_ext" / "versions.py"))["write"]
    for name in ("0.9", "0.10.0.dev0", "0.10.0", "html", "images"):
        (tmp_path / name / "_static").mkdir(parents=True)
        if name != "images":
            (tmp_path / name / "index.html").touch()
    (tmp_path / "0.9" / "old.html").touch()
    write(tmp_path / "html", "0.10.0")
    assert versions_of(tmp_path / "html") == [("0.10.0", ["index.html"])]
    write(tmp_path / "0.10.0", "0.10.0")
    expected = ["0.10.0", "0.10.0.dev0", "0.9"]
    for name in expected:
        found = versions_of(tmp_path / name)
        assert [version for version, _ in found] == expected
        assert found[-1][1] == ["index.html", "old.html"]
    assert len(versions_of(tmp_path / "html")) == 1


def test_the_minimal_tests_need_no_other_file():
    source = (ROOT / "tests" / "test_minimal.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    assert imported <= {"pickle", "numpy", "pytest", "scipy", "sklearn", "skxent"}
    assert "__file__" not in source
