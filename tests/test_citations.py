"""Every paper that is cited by its number is cited with its authors and year."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The first author and the year of the cited version, looked up for each citation.
PAPERS = {
    "1011.2234": ("Tibshirani", 2012),
    "1304.2331": ("Brümmer", 2013),
    "1402.1892": ("Lipton", 2014),
    "1408.2923": ("Toulis", 2017),
    "1503.02531": ("Hinton", 2015),
    "1512.00567": ("Szegedy", 2016),
    "1606.04797": ("Milletari", 2016),
    "1609.03683": ("Patrini", 2017),
    "1706.04599": ("Guo", 2017),
    "1706.05721": ("Salehi", 2017),
    "1708.02002": ("Lin", 2017),
    "1712.09482": ("Ghosh", 2017),
    "1805.07836": ("Zhang", 2018),
    "1904.01685": ("Nixon", 2019),
    "1906.02314": ("Sypherd", 2019),
    "1906.02629": ("Müller", 2019),
    "1906.07413": ("Cao", 2019),
    "1908.06112": ("Wang", 2019),
    "1909.10155": ("Kumar", 2019),
    "1910.12656": ("Kull", 2019),
    "1911.00068": ("Northcutt", 2021),
    "2002.09437": ("Mukhoti", 2020),
    "2007.07314": ("Menon", 2021),
    "2009.14119": ("Ridnik", 2021),
    "2011.09172": ("Charoenphakdee", 2021),
    "2102.04525": ("Yeung", 2022),
    "2103.14026": ("Li", 2022),
    "2104.13026": ("Larsson", 2022),
    "2105.04522": ("Englesson", 2021),
    "2202.09101": ("van den Goorbergh", 2022),
    "2204.12511": ("Leng", 2022),
    "2408.08998": ("Sun, Chaudhari, Barnett", 2024),
    "2408.11598": ("Komisarenko", 2024),
}
SUFFIXES = {".md", ".py", ".pyx", ".pxd", ".h"}
FOLDERS = ("skxent", "src", "docs", "examples", "benchmarks")
GENERATED = {"_build", "gallery", "api"}


def sources():
    """The README and whatever is written in the folders."""
    yield ROOT / "README.md"
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            inside = set(path.relative_to(ROOT).parts)
            if path.suffix in SUFFIXES and not GENERATED & inside:
                yield path


def citations():
    """Each number, with the words before it."""
    for path in sources():
        text = " ".join(re.sub(r"\n\s*#?", " ", path.read_text("utf-8")).split())
        for match in re.finditer(r"arXiv \[?(\d{4}\.\d{4,5})|abs/(\d{4}\.\d+)", text):
            number = match[1] or match[2]
            before = text[max(match.start() - 260, 0) : match.start()]
            yield pytest.param(number, before, id=f"{path.name}-{number}")


@pytest.mark.parametrize(("number", "before"), list(citations()))
def test_a_number_stands_with_its_author_and_year(number, before):
    author, year = PAPERS[number]
    assert author in before.replace(" and Dobriban", "").replace(" and ", ", ")
    assert str(year) in before


def test_no_paper_is_listed_that_is_not_cited():
    assert {one.values[0] for one in citations()} == set(PAPERS)
