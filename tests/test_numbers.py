"""Every number that a page quotes is held to what produced it.

Tables of measurements are written by commands: docs/benchmarks.md and docs/tables, and
the README's between comments. Tests compare them with the stored results. A number in
prose, or in a table by hand, must be one of these:

- it stands in an example on the same page, which test_docs.py runs;
- tests/numbers.toml lists the phrase, with an expression for each number in it. The
  expression is evaluated, and may ask for stored results (see `namespace`);
- tests/numbers.toml says "given": the text sets the number, as an assumption, a
  definition or a version.
"""

import ast
import doctest
import json
import math
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

import accuracy
import interval_coverage
from experiment import measure
from experiment import render as choosing
from experiment.questions import compare
from reporting.record import load, newest
from skxent.losses import Focal

ROOT = Path(__file__).parents[1]
LISTED = tomllib.loads((ROOT / "tests" / "numbers.toml").read_text(encoding="utf-8"))
# Files that a command writes, here and in test_benchmarks.py compared with its results.
WRITTEN = {
    "docs/benchmarks.md",
    "docs/tables/accuracy.md",
    "docs/tables/choosing.md",
    "docs/tables/f1.md",
    "docs/tables/scaling.md",
}
PAGES = [
    page.relative_to(ROOT).as_posix()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if not {"_build", "gallery", "api"} & set(page.parts)
]
PAGES = [page for page in PAGES if page not in WRITTEN]

NAMES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
WORDS = dict(zip(NAMES, range(1, 11), strict=True))
PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "tenth": 10}
UNIT = r"\s?(?:%|percent|nats?|bits?|[mµn]?s|seconds?|minutes?|hours?|[kMGT]B|passes)\b"
UNIT = rf"(?:{UNIT}|\s?%|x\b)"
# In docstrings decimals alone are defaults and domains.
MEASURED = re.compile(
    rf"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?={UNIT}|\stimes\b)"
    rf"|\b(?:{'|'.join(WORDS)})(?=\s(?:times|percent)\b)",
    re.IGNORECASE,
)
NUMBER = re.compile(
    rf"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?={UNIT}|\stimes\b)"
    r"|(?<![\w.,])\d*\.\d+(?:e[+-]?\d+)?(?![\w.]*\w)"
    rf"|\b(?:{'|'.join(WORDS)})(?=\s(?:times|percent)\b)"
    rf"|\b(?:{'|'.join(WORDS)})\s(?:thirds|quarters|fifths|tenths|of ten)\b"
    r"|\btwice\b",
    re.IGNORECASE,
)


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def prose_of(page):
    """The text without what is generated, code, formulas, links and comments."""
    text = docstrings_of(page)[0] if page.endswith(".py") else text_of(page)
    for pattern in (
        r"<!-- benchmarks: .*?<!-- end -->",
        r"^(`{3,}).*?^\1",
        r"\$\$.*?\$\$",
        r"<!--.*?-->",
    ):
        text = re.sub(pattern, "", text, flags=re.S | re.M)
    text = re.sub(
        r"\$[^$\n]*\$|`[^`\n]*`|\]\([^)\n]*\)|\b(arXiv|doi) [\d./]+", "", text
    )
    return " ".join(text.split())


def code_of(page):
    """The examples, whose output test_docs.py and test_package.py compare."""
    if page.endswith(".py"):
        return docstrings_of(page)[1]
    return "\n".join(re.findall(r"^```.*?^```", text_of(page), flags=re.S | re.M))


def docstrings_of(module):
    """The text of all docstrings of a module, and their examples."""
    text, examples = [], []
    for node in ast.walk(ast.parse(text_of(module))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for part in doctest.DocTestParser().parse(ast.get_docstring(node) or ""):
                if isinstance(part, str):
                    text.append(part)
                else:
                    examples += [part.source, part.want]
    return "\n".join(text), "\n".join(examples)


def number_of(text):
    """The value of a number in prose, and half a unit of its last digit."""
    text = text.lower().replace(",", "")
    if text == "twice":
        return 2.0, 0.5
    word, _, part = text.partition(" ")
    if word in WORDS:
        divisor = PARTS.get(part.removesuffix("s"), 10) if part else 1
        return WORDS[word] / divisor, 0.5 / divisor
    digits, _, exponent = text.partition("e")
    scale = 10.0 ** int(exponent or 0)
    whole, _, decimals = digits.partition(".")
    zeros = len(whole) - len(whole.rstrip("0")) if not decimals else -len(decimals)
    return float(text), 0.5000001 * scale * 10.0**zeros


def namespace():
    """The names that an expression in numbers.toml may use."""
    report = load(newest())

    def record(benchmark, table, case):
        (found,) = [
            r
            for r in report.records
            if (r.benchmark, r.table, r.case) == (benchmark, table, case)
        ]
        return found

    def ratio(benchmark, table, case, name):
        """How many times our figure that of a participant is."""
        return record(benchmark, table, case).ratio(name)

    def ratios(benchmark, table, name):
        return [
            r.ratio(name)
            for r in report.records
            if (r.benchmark, r.table) == (benchmark, table) and name in r.figures
        ]

    comparisons = compare(measure.read()["scores"])

    def of(table):
        return [c for c in comparisons if c.question.table == table]

    def mean(comparison):
        """A mean effect, in percent or in points."""
        value = comparison.estimate.mean
        return 100 * math.expm1(value) if comparison.question.unit == "%" else value

    def change(table, title, name):
        (one,) = [c for c in of(table) if (c.question.title, c.name) == (title, name)]
        return mean(one)

    def weak(name):
        (one,) = [
            c for c in of("A penalty that is too weak: log loss") if c.name == name
        ]
        return mean(one)

    def version(name):
        return float(".".join(report.versions[name].split(".")[:2]))

    def bound(file, number):
        """A number that a test holds."""
        assert number in (ROOT / file).read_text(encoding="utf-8")
        return float(number)

    def focal_slope(gamma, p):
        return -float(Focal(gamma).gradient([1], [math.log(p / (1 - p))])[0])

    def focal_inflection(gamma):
        """The probability of the true class below which focal loss is concave."""
        z = np.linspace(-8, 0, 8001)
        curvature = Focal(gamma).hessian(np.ones(len(z), dtype=int), z).ravel()
        return float(expit(z[np.argmax(curvature > 0)]))

    intervals = json.loads(
        interval_coverage.RESULTS.read_text(encoding="utf-8")
    ).values()
    return {
        "coverage": {
            kind: [one[kind] for one in intervals] for kind in ("debiased", "plain")
        },
        "Focal": Focal,
        "math": math,
        "np": np,
        "record": record,
        "ratio": ratio,
        "ratios": ratios,
        "version": version,
        "bound": bound,
        "focal_slope": focal_slope,
        "focal_inflection": focal_inflection,
        "of": of,
        "mean": mean,
        "change": change,
        "weak": weak,
    }


@pytest.fixture(scope="module")
def known():
    return namespace()


def loose_numbers(page, pattern):
    """The numbers that neither stand in an example nor are listed."""
    prose, code = prose_of(page), code_of(page)
    listed = [
        match.span()
        for phrase in LISTED.get(page, {})
        for match in re.finditer(re.escape(phrase), prose)
    ]
    return [
        prose[max(match.start() - 40, 0) : match.end() + 30]
        for match in pattern.finditer(prose)
        if not any(a <= match.start() and match.end() <= b for a, b in listed)
        and not re.search(rf"(?<![\d.]){re.escape(match[0])}(?!\d)", code)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_number_of_a_page_has_a_source(page):
    assert not loose_numbers(page, NUMBER), (
        "put these into an example, or list them in tests/numbers.toml"
    )


def test_every_measured_number_of_a_docstring_has_a_source():
    modules = [path.relative_to(ROOT) for path in (ROOT / "skxent").rglob("*.py")]
    loose = {str(m): loose_numbers(str(m), MEASURED) for m in sorted(modules)}
    assert not {module: numbers for module, numbers in loose.items() if numbers}


@pytest.mark.parametrize("page", LISTED)
def test_listed_numbers_are_what_was_measured(page, known):
    prose = prose_of(page)
    for phrase, expressions in LISTED[page].items():
        assert phrase in prose, f"{page} no longer says {phrase!r}"
        if expressions == "given":
            continue
        numbers = [match[0] for match in NUMBER.finditer(phrase)]
        assert len(numbers) == len(expressions), f"{phrase!r} has {numbers}"
        for number, expression in zip(numbers, expressions, strict=True):
            value, error = number_of(number)
            exact = eval(expression, known)
            assert abs(abs(exact) - value) <= error, f"{phrase!r}: {number} is {exact}"


def test_the_tables_of_choosing_are_what_was_measured():
    assert choosing.TABLE.read_text(encoding="utf-8") == choosing.page_tables(
        measure.read()
    )


def test_the_table_of_the_accuracy_has_a_row_for_each_loss():
    text = accuracy.TABLE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| (.*) \|$", text, flags=re.M)
    assert [name for name, _ in rows] == [repr(one) for one in accuracy.LOSS_INSTANCES]
    # The promise is 8.
    assert all(float(cell) < 8 for _, cells in rows for cell in cells.split(" | "))


@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ("2.9", 2.9, 0.05),
        ("530", 530, 5),
        ("28", 28, 0.5),
        ("1e4", 1e4, 5e3),
        ("five", 5, 0.5),
        ("two thirds", 2 / 3, 1 / 6),
        ("Twice", 2, 0.5),
    ],
)
def test_what_a_number_in_prose_says(text, value, error):
    assert number_of(text) == pytest.approx((value, error), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("it takes 2.9 GB/s, five times as much", ["2.9", "five"]),
        ("94 to 100 % of 300 rows and 12 passes", ["100", "12"]),
        ("two thirds of it, in 1.5 ms; twice", ["two thirds", "1.5", "twice"]),
        ("version 1.2.3, 4 columns", []),
    ],
)
def test_which_numbers_are_looked_at(text, numbers):
    assert [match[0] for match in NUMBER.finditer(text)] == numbers
