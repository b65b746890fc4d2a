"""Two figures of a report, as SVG that reads on light and on dark pages."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from reporting.machine import ROOT
from reporting.record import OURS, Report
from reporting.render import IN_CHART, in_chart

IMAGES = ROOT / "docs" / "images"
INK, FAINT = "#808080", "#80808055"
KEPT, MISSED = "#3a8fc8", "#e07b20"
STYLE = {
    "svg.hashsalt": "skxent",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
}
MARKERS = {OURS: ("o", KEPT), "floor": ("|", INK)}
PEERS = {
    "scikit-learn": ("s", "#e07b20"),
    "torch": ("^", "#b04a9a"),
    "intelex": ("D", "#2a9d6f"),
    "glum": ("v", "#b59a00"),
    "skglm": ("P", "#8a6fd1"),
}


def rows_figure(labels: list[str], narrow: bool):
    """Return a figure with a row for each label, which a narrow one has above it."""
    n = len(labels)
    size = (4, 1.6 + 0.42 * n) if narrow else (8, 1.1 + 0.24 * n)
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.subplots()
    ax.set_xscale("log")
    ax.grid(axis="x")
    ax.set_axisbelow(True)
    ax.set_ylim(n - 0.4, -0.9 if narrow else -0.6)
    ax.set_yticks(range(n), [""] * n if narrow else labels)
    for y, label in enumerate(labels if narrow else ()):
        text = textwrap.fill(label, 56)
        place = ax.get_yaxis_transform()
        ax.text(0.01, y - 0.2, text, fontsize=7.5, transform=place, in_layout=False)
    return figure, ax


def asked(report: Report, narrow: bool = False) -> Figure:
    """Plot measured / target, a row for each table and peer; right of 1 it is met."""
    rows: dict[str, list[float]] = {}
    for record in report.records:
        for name, wanted, found, _ in record.verdicts():
            less_is_better = name == OURS or name in record.at_most
            label = record.table if name == OURS else f"{record.table}: {name}"
            rows.setdefault(label, []).append(
                wanted / found if less_is_better else found / wanted
            )
    figure, ax = rows_figure(list(rows), narrow)
    for y, ratios in enumerate(rows.values()):
        for x in ratios:
            good = x >= 1
            ax.plot(
                x,
                y,
                marker="o" if good else "X",
                color=KEPT if good else MISSED,
                alpha=0.8,
                linestyle="",
            )
    ax.axvline(1, color=INK, linewidth=1)
    ax.set_xlabel("measured / target; targets are met right of 1")
    return figure


def compared(report: Report, narrow: bool = False) -> Figure:
    """Times of the cases of the chart, by library."""
    records = [r for name in IN_CHART for r in in_chart(report, name)]
    labels = [f"{IN_CHART[r.benchmark][0]} {r.case}" for r in records]
    figure, ax = rows_figure(labels, narrow)
    marks = MARKERS | PEERS
    for y, record in enumerate(records):
        shown = {
            "floor" if name == record.floor else name: value
            for name, value in record.figures.items()
        }
        shown = {name: value for name, value in shown.items() if name in marks}
        ax.hlines(y, min(shown.values()), max(shown.values()), color=FAINT)
        for name, value in shown.items():
            marker, color = marks[name]
            ax.plot(value, y, marker=marker, color=color, linestyle="")
    for name, (marker, color) in marks.items():
        ax.plot([], [], marker=marker, color=color, linestyle="", label=name)
    ax.xaxis.set_major_formatter(EngFormatter("s"))
    ax.set_xlabel("time, on a logarithmic axis: further left is faster")
    columns = 4 if narrow else len(marks)
    figure.legend(
        frameon=False, ncols=columns, loc="outside upper center", columnspacing=1.2
    )
    return figure


def draw(report: Report, folder: Path = IMAGES) -> None:
    """Write both figures, for wide and for narrow screens."""
    with mpl.rc_context(STYLE):
        for name, plot in (("asked", asked), ("times", compared)):
            for narrow, suffix in ((False, ""), (True, "_narrow")):
                plot(report, narrow).savefig(
                    folder / f"benchmarks_{name}{suffix}.svg",
                    transparent=True,
                    metadata={"Date": None, "Creator": None},
                )
