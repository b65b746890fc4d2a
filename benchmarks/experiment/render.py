"""The tables and the figure of docs/choosing.md, from the stored results."""

import textwrap
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiment import tables
from experiment.questions import compare
from reporting.plots import FAINT, INK, KEPT, MISSED, STYLE

# The linear part of an axis, its ticks and its label.
AXES = {
    "%": (
        10,
        [-50, -20, -10, -5, 0, 5, 10, 20, 50, 100, 300],
        "change of the log loss in percent; left of 0 is better",
    ),
    "points": (
        2,
        [-40, -20, -10, -5, -2, -1, 0, 1, 2, 5, 10],
        "change in points of a hundred; right of 0 is better",
    ),
}
DOCS = Path(__file__).parents[2] / "docs"
TABLE = DOCS / "tables" / "choosing.md"
FIGURE = DOCS / "images" / "choosing.svg"
NARROW = DOCS / "images" / "choosing_narrow.svg"


def change(value, unit):
    """An effect as it is written: percent of the baseline, or points."""
    if unit == "%":
        return f"{100 * np.expm1(value):+.0f} %".replace("-", "−")
    return f"{value:+.1f}".replace("-", "−")


def cell(comparison):
    """Mean, interval, and the tables that are better and worse by themselves."""
    unit = comparison.question.unit
    mean, half, _ = comparison.estimate
    text = change(mean, unit)
    if comparison.survives:
        text = f"**{text}**"
    low, high = (
        change(end, unit).removesuffix(" %") for end in (mean - half, mean + half)
    )
    return f"{text} ({low} to {high}), {comparison.better}:{comparison.worse}"


def page_tables(results):
    """The tables of the page: a column for each question, a row for each method."""
    comparisons = compare(results["scores"])
    lines = [about(results, comparisons)]
    for name in dict.fromkeys(c.question.table for c in comparisons):
        of = [c for c in comparisons if c.question.table == name]
        columns = {}
        for c in of:
            columns.setdefault(heading(c), {})[c.name] = cell(c)
        lines += ["", f"**{name}**", "", f"| | {' | '.join(columns)} |"]
        lines.append("|---|" + "---:|" * len(columns))
        for method in dict.fromkeys(c.name for c in of):
            cells = " | ".join(column.get(method, "") for column in columns.values())
            lines.append(f"| {method} | {cells} |")
    lines += ["", *description(results["about"])]
    return "\n".join(lines) + "\n"


def heading(comparison):
    n_real = sum(not tables.is_toy(name) for name in comparison.effects)
    unit = "" if comparison.question.unit == "%" else ", points"
    return f"{comparison.question.title}{unit} ({n_real} tables)"


def description(facts):
    """The description of the tables."""
    lines = ["**The tables**", "", "| | rows | columns | classes | rarest class |"]
    lines.append("|---|---:|---:|---:|---:|")
    for name, (n, d, k, share) in facts["tables"].items():
        lines.append(f"| {name} | {n} | {d} | {k} | {100 * share:.1f} % |")
    return lines


def about(results, comparisons):
    """Where the numbers come from."""
    facts = results["about"]
    minutes = round(facts["seconds"] / 60)
    return (
        f"Measured on {facts['date']}, in {minutes} minutes on one core: "
        f"{len(comparisons)} comparisons, {facts['splits']} splits, "
        f"skxent {facts['skxent']} ({facts['isa']} kernels), "
        f"scikit-learn {facts['scikit-learn']}."
    )


def summary(results, narrow=False):
    """Every table's effect, their mean and its interval, a row for each comparison.

    On narrow screens the name of a comparison is above its row, not beside it.
    """
    found = compare(results["scores"])
    panels = [[c for c in found if c.question.unit == unit] for unit in ("%", "points")]
    heights = [rows_of(panel)[0] for panel in panels]
    size = (4, 0.28 * sum(heights) + 1.2) if narrow else (8, 0.17 * sum(heights) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(2, 1, height_ratios=heights)
    for ax, panel, unit in zip(axes, panels, ("%", "points"), strict=True):
        draw(ax, panel, unit, narrow)
    return figure


def rows_of(panel):
    """The height of a panel, and each comparison's place and heading."""
    y, places, headings, title = 0, [], [], None
    for comparison in panel:
        question = comparison.question
        if (question.table, question.title) != title:
            title = question.table, question.title
            y += 1 if places else 0
            headings.append((y, f"{question.table}; {question.title}"))
            y += 1
        places.append(y)
        y += 1
    return y, places, headings


def draw(ax, panel, unit, narrow):
    height, places, headings = rows_of(panel)
    scale = (lambda x: 100 * np.expm1(x)) if unit == "%" else (lambda x: x)
    good = -1 if unit == "%" else 1
    for y, c in zip(places, panel, strict=True):
        real = [scale(e) for name, e in c.effects.items() if not tables.is_toy(name)]
        toys = [scale(e) for name, e in c.effects.items() if tables.is_toy(name)]
        ax.plot(real, [y] * len(real), "o", color=INK, alpha=0.35, markersize=3)
        ax.plot(toys, [y] * len(toys), "x", color=INK, alpha=0.5, markersize=3)
        mean, half, _ = c.estimate
        color = INK
        if c.survives:
            color = KEPT if good * mean > 0 else MISSED
        ends = scale(np.array([mean - half, mean + half]))
        ax.plot(ends, [y, y], "-", color=color, linewidth=2)
        ax.plot(scale(mean), y, "D", color=color, markersize=5)
    ax.axvline(0, color=INK, linewidth=1)
    ax.grid(axis="x", color=FAINT)
    ax.set_axisbelow(True)
    ax.set_ylim(height - 0.4, -0.6)
    names = [c.name for c in panel]
    ax.set_yticks(places, [""] * len(names) if narrow else names)
    ax.tick_params(axis="y", length=0)
    place = {"transform": ax.get_yaxis_transform(), "va": "center", "in_layout": False}
    for y, name in zip(places, names if narrow else (), strict=narrow):
        ax.text(0.01, y - 0.45, name, fontsize=7, **place)
    for y, text in headings:
        text = textwrap.fill(text, 48 if narrow else 200)
        ax.text(0.01, y - 0.4 * narrow, text, weight="bold", **place)
    linear, ticks, label = AXES[unit]
    ax.set_xscale("symlog", linthresh=linear, linscale=1.2)
    ax.set_xticks(ticks, [f"{x:+d}" if x else "0" for x in ticks], minor=False)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)


def write(results):
    """Write the page's tables and figure."""
    TABLE.write_text(page_tables(results), encoding="utf-8")
    with mpl.rc_context(STYLE):
        for file, narrow in ((FIGURE, False), (NARROW, True)):
            figure = summary(results, narrow)
            figure.savefig(file, metadata={"Date": None}, transparent=True)
