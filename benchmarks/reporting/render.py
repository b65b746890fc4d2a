"""A report as Markdown: the page docs/benchmarks.md, and the table of the README."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from reporting.machine import ROOT
from reporting.record import OURS, Record, Report

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
TEMPLATE = Path(__file__).parent / "page.md"

# The chart's groups of bars: the label, the table of results and its cases.
IN_CHART = {
    "kernels": (
        "loss, gradient",
        "Loss and gradient of cross-entropy",
        [
            "1e5 x 3, float64",
            "1e5 x 10, float64",
            "1e5 x 10, float32",
            "1e4 x 100, float64",
            "1e6 x 1, float64",
        ],
    ),
    "log_loss": (
        "log_loss",
        "log_loss, from the table and labels to the number",
        [
            "1e3 x 2, integers",
            "1e6 x 2, strings",
            "1e6 x 10, integers",
            "1e5 x 100, integers",
        ],
    ),
    "linear": (
        "fit",
        "Time to a relative suboptimality of 1e-8, gamma = 0",
        [
            "1e6 x 30, 2 classes, float64",
            "1e5 x 50, 10 classes, float64",
            "1e5 x 50, dependent columns, 10 classes",
            "2e4 x 500, 5 classes, float64",
            "2e4 x 1e5 sparse, 2 classes, float64",
            "2e4 x 1e5 sparse, 20 classes, float64",
        ],
    ),
}

# The cases that the table in the README shows.
IN_README = {
    "kernels": ["1e5 x 10, float64"],
    "log_loss": ["1e6 x 10, integers"],
    "linear": [
        "1e6 x 30, 2 classes, float64",
        "2e4 x 1e5 sparse, 2 classes, float64",
    ],
}

ASKED_FIGURE = (
    "![Measurements relative to their targets, for each table and peer]"
    "(images/benchmarks_asked.svg){.dark-light .wide}\n"
    "![The same for a narrow screen]"
    "(images/benchmarks_asked_narrow.svg){.dark-light .narrow}\n\n"
    "*A row for each table and peer. Right of the line the target is met.*"
)
SIZES = {
    "full": "All runs were full.",
    "quick": "All runs were quick, with smaller tables and few rounds, and have no "
    "targets.",
}


SECONDS = ((1, "s"), (1e3, "ms"), (1e6, "µs"))


def number(value: float) -> str:
    """Three digits, without an exponent unless there must be one."""
    if abs(value) >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.3g}"


def quantity(value: float, unit: str) -> str:
    if unit != "s":
        return f"{number(value)} {unit}"
    scale, name = next(
        (pair for pair in SECONDS if value * pair[0] >= 0.9995), SECONDS[-1]
    )
    return f"{number(value * scale)} {name}"


def times(ratio: float) -> str:
    """Two digits, of a ratio."""
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:#.2g}x"


def cell(record: Record, name: str) -> str:
    """Return a measurement, its ratio to ours in brackets, and a note about it."""
    note = record.notes.get(name, "")
    if name not in record.figures:
        return note
    text = quantity(record.figures[name], record.unit)
    if name != OURS and OURS in record.figures:
        text += f" ({times(record.ratio(name))})"
    return f"{text}, {note}" if note else text


def asked(record: Record) -> str:
    """Return the targets of a case; missed ones are bold."""
    missed = {(name, value) for name, value, _, kept in record.verdicts() if not kept}
    parts = []
    for name, value in record.at_least.items():
        text = f"{name} ≥ {value:.3g}x" if value >= 1 else f"≤ {1 / value:.3g}x {name}"
        parts.append(f"**{text}**" if (name, value) in missed else text)
    for name, value in record.at_most.items():
        text = f"{name} ≤ {value:.3g}x"
        parts.append(f"**{text}**" if (name, value) in missed else text)
    if record.limit is not None:
        text = f"≤ {quantity(record.limit, record.unit)}"
        parts.append(f"**{text}**" if (OURS, record.limit) in missed else text)
    return ", ".join(parts)


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def table(records: Sequence[Record]) -> str:
    """Rows of records that share a heading."""
    floors = unique(r.floor for r in records if r.floor)
    peers = unique(p for r in records for p in r.peers if p not in floors)
    names = [OURS, *peers]
    heads = [*names, *(f"floor: {floor}" for floor in floors)]
    values = unique(value for r in records for value in r.values)
    rows = [[cell(r, name) for name in [*names, *floors]] for r in records]
    targets = [asked(r) for r in records]
    if any(targets):
        heads.append("target")
        rows = [[*row, text] for row, text in zip(rows, targets, strict=True)]
    heads += values
    for row, record in zip(rows, records, strict=True):
        row += [number(record.values[v]) if v in record.values else "" for v in values]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    lines += [
        f"| {record.case} | {' | '.join(row)} |"
        for record, row in zip(records, rows, strict=True)
    ]
    return "\n".join(lines)


def verdicts(report: Report) -> list[tuple[Record, tuple[str, float, float, bool]]]:
    return [(record, v) for record in report.records for v in record.verdicts()]


def what_was_asked(report: Report) -> str:
    """Return how many targets were met, and a line for each that was missed."""
    lines = []
    for record, (name, wanted, found, kept) in verdicts(report):
        if kept:
            continue
        if name == OURS:
            text = f"{quantity(found, record.unit)}, target at most " + quantity(
                wanted, record.unit
            )
        elif name in record.at_most:
            text = f"{name} {found:.3g}x, target at most {wanted:.3g}x"
        elif wanted < 1:
            text = f"{1 / found:.3g}x {name}, target at most {1 / wanted:.3g}x"
        else:
            text = f"{found:.3g}x {name}, target {wanted:.3g}x"
        lines.append(f"- {record.table}, {record.case}: {text}.")
    total = len(verdicts(report))
    if not total:
        return ""
    text = f"{total - len(lines)} of {total} targets were met."
    if lines:
        text += " These were missed:\n\n" + "\n".join(lines)
    return f"## Targets\n\n{text}\n\n{ASKED_FIGURE}"


def machine(report: Report) -> str:
    m = report.machine
    versions = ", ".join(f"{k} {v}" for k, v in report.versions.items() if v)
    return (
        f"**Machine.** {m['processor']}, {m['cores']} cores, {m['memory']}, "
        f"{m['system']}, load {m['load']} before; {m['compiler']}, {m['isa']} kernels, "
        f"Python {m['python']}; {versions}. Commit {report.commit}, {report.date}; "
        "sections measured at other times say so."
    )


def missing(report: Report) -> str:
    absent = [name for name, version in report.versions.items() if not version]
    if not absent:
        return "All peers were installed."
    return f"Not installed and therefore left out: {', '.join(absent)}."


def section(report: Report, name: str) -> str:
    facts = report.benchmarks[name]
    title, _, about = facts["about"].partition("\n")
    about = " ".join(about.split())
    threads = f"{facts['threads']} thread{'s' if facts['threads'] > 1 else ''}"
    parts = [f"## {title.rstrip('.')}"]
    source = f"`benchmarks/bench_{name}.py`, {threads}, {facts['seconds']} s"
    if (facts["commit"], facts["date"]) != (report.commit, report.date):
        source += f", commit {facts['commit']}, {facts['date']}"
    parts += [about] if about else []
    parts.append(source + ".")
    for heading, records in report.of(name).items():
        parts += [f"**{heading}**", table(records)]
    return "\n\n".join(parts)


def page(report: Report) -> str:
    """The whole of docs/benchmarks.md."""
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=report.name,
        size=SIZES[report.size],
        machine=machine(report),
        missing=missing(report),
        asked=what_was_asked(report),
        sections="\n\n".join(
            section(report, name) for name in report.benchmarks if report.of(name)
        ),
    )
    return re.sub("\n{3,}", "\n\n", text)


def in_chart(report: Report, name: str) -> list[Record]:
    """The records of a benchmark that the chart of times has."""
    _, heading, cases = IN_CHART[name]
    found = report.of(name).get(heading, [])
    return found if report.size != "full" else [r for r in found if r.case in cases]


def in_readme(report: Report, name: str) -> list[Record]:
    """The records of a benchmark that the README has."""
    found = in_chart(report, name)
    if report.size != "full":
        return found
    return [r for r in found if r.case in IN_README[name]]


def readme_row(record: Record) -> str:
    """Ours, scikit-learn's, the best other peer's, and the floor."""
    others = {p: record.figures[p] for p in record.peers if p in record.figures}
    for name in ("scikit-learn", record.floor):
        others.pop(name, None)
    best = min(others, key=others.__getitem__, default="")
    cells = [
        f"{IN_CHART[record.benchmark][0]}, {record.case.removesuffix(', float64')}",
        cell(record, OURS),
        cell(record, "scikit-learn"),
        f"{best} {cell(record, best)}" if best else "",
        cell(record, record.floor),
    ]
    return f"| {' | '.join(cells)} |"


def when(report: Report) -> str:
    """Return the date of the README's rows, and which of them have another."""
    dates = {n: facts["date"] for n, facts in report.benchmarks.items()}
    others = [
        f', "{IN_CHART[name][0]}" rows on {dates[name]}'
        for name in IN_README
        if dates.get(name, report.date) != report.date
    ]
    return f"Measured on {report.date}" + "".join(others)


def readme(report: Report, text: str) -> str:
    """The README with its table as measured, between two comments."""
    rows = [readme_row(r) for name in IN_README for r in in_readme(report, name)]
    heads = ["| | skxent | scikit-learn | best other peer | floor |"]
    blocks = {"times": "\n".join([*heads, "|---|---:|---:|---:|---:|", *rows])}
    m, v = report.machine, report.versions
    peers = ", ".join(
        f"{name} {v[name]}" for name in ("scikit-learn", "torch") if v[name]
    )
    blocks["where"] = (
        f"Medians; the ratio to skxent is in brackets. {m['processor']}, "
        f"{m['cores']} cores, {m['isa']} kernels, {peers}, Python {m['python']}. "
        f"{when(report)}{'' if report.size == 'full' else ', in a quick run'}."
    )
    for name, block in blocks.items():
        pattern = rf"(<!-- benchmarks: {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            pattern, lambda m, b=block: f"{m[1]}\n{b}\n\n{m[2]}", text, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"README.md must have one place for {name}, got {count}.")
    return text
