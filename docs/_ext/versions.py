"""The list of versions from which the pages switch, as a static file of each version.

A build into a folder that has the version's name, such as `site/0.1.0`, lists all such
folders beside it, and writes the list into each of them. Any other build is alone.
Pages are listed, too, so that switching keeps the page where the other version has it.
"""

import json
import re
from pathlib import Path

FILE = Path("_static", "versions.js")
NAME = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)")


def version_of(folder):
    """Return what a folder with the pages of a version is sorted by, or None."""
    name = NAME.fullmatch(folder.name)
    if not name or not (folder / FILE).parent.is_dir():
        return None
    *numbers, rest = name.groups("0")
    return [int(number) for number in numbers], not rest, rest  # 0.2.dev0 before 0.2


def pages(folder):
    """Return the addresses of all pages, but for those of source."""
    found = (page.relative_to(folder) for page in folder.rglob("*.html"))
    return sorted(page.as_posix() for page in found if page.parts[0][0] != "_")


def write(folder, release):
    """List the versions beside the folder of this release, the newest first."""
    found = {release: folder}
    if folder.name == release:
        others = [other for other in folder.parent.iterdir() if version_of(other)]
        found = {other.name: other for other in sorted(others, key=version_of)}
    listed = {name: pages(other) for name, other in reversed(found.items())}
    for other in found.values():
        text = f"const VERSIONS = {json.dumps(listed)};\n"
        (other / FILE).write_text(text, encoding="utf-8")


def finish(app, error):
    if error is None and app.builder.format == "html":
        write(Path(app.outdir), app.config.release)


def setup(app):
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True}
