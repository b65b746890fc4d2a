"""The pictures that the repository keeps: drawn by the command, and with live links."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[1] / "docs"
COMMITTED = runpy.run_path(str(DOCS / "images" / "committed.py"))


def slugs(page):
    """The anchors of a page's headings, as the documentation makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("name", COMMITTED["TEXTS"])
def test_a_picture_is_what_the_command_draws(name):
    drawn = COMMITTED["TEXTS"][name]()
    assert (DOCS / "images" / name).read_text(encoding="utf-8") == drawn
    ElementTree.fromstring(drawn)


@pytest.mark.parametrize("link", [choice[-1] for choice in COMMITTED["CHOICES"]])
def test_a_box_leads_to_a_section(link):
    name, _, section = link.partition("#")
    page = DOCS / name.replace(".html", ".md")
    assert page.exists()
    assert not section or section in slugs(page)


def test_the_picture_of_probabilities_says_what_was_measured():
    """Text is text in it: the softmax costs more, the class probabilities do not."""
    svg = (DOCS / "images" / "probabilities.svg").read_text(encoding="utf-8")
    losses = [float(x) for x in re.findall(r": (0\.\d{3})</text>", svg)]
    plain, after = losses[:3], losses[3:]
    assert len(after) == 3
    assert min(plain[1:]) > 1.2 * plain[0]
    assert max(after) < 1.005 * plain[0]


PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "![" in page.read_text(encoding="utf-8") and "_build" not in page.parts
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_figure_has_a_caption(page):
    """In italics, right below the figure, or below its version for dark pages."""
    text = page.read_text(encoding="utf-8")
    figures = re.findall(r"(?:^!\[.*\n)+(?:\n(.*))?", text, re.MULTILINE)
    assert figures
    assert not [after for after in figures if not after.startswith("*")]
