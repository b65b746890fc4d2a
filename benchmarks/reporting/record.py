"""A record for each case of a benchmark, and the report that holds them all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

OURS = "skxent"
RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Record:
    """The times of each participant in one case, and our target.

    Attributes
    ----------
    benchmark, table, case : str
        Module, heading within it, and row under that.
    threads : int
        OMP_NUM_THREADS.
    figures : dict
        Median of each participant, ours first, under "skxent".
    unit : str
        Of the figures; "s" are times of calls in turn.
    at_least, at_most : dict
        How many times our figure a participant's is asked to be.
    limit : float
        What our figure is asked not to exceed, in the unit.
    floor : str
        The participant that nobody can beat, such as a copy of the data.
    notes : dict
        A word about a participant's figure, or why it has none.
    values : dict
        Whatever else was measured, such as passes over X.
    noise : dict
        Relative standard errors of the medians.
    """

    benchmark: str
    table: str
    case: str
    threads: int
    figures: Mapping[str, float]
    unit: str = "s"
    at_least: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[str, float] = field(default_factory=dict)
    limit: float | None = None
    floor: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    noise: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.benchmark, self.table, self.case

    @property
    def peers(self) -> list[str]:
        """Whoever is measured, or should have been, beside us and the floor."""
        asked = [*self.at_least, *self.at_most]
        names = dict.fromkeys([*self.figures, *asked, *self.notes])
        return [name for name in names if name not in (OURS, self.floor)]

    def ratio(self, name: str) -> float:
        """How many times our figure that of a participant is."""
        return self.figures[name] / self.figures[OURS]

    def verdicts(self) -> list[tuple[str, float, float, bool]]:
        """Of all that was asked and measured: of whom, asked, found, is it kept?"""
        if OURS not in self.figures:
            return []
        found = [
            (name, asked, self.ratio(name), self.ratio(name) >= asked)
            for name, asked in self.at_least.items()
            if name in self.figures
        ]
        found += [
            (name, asked, self.ratio(name), self.ratio(name) <= asked)
            for name, asked in self.at_most.items()
            if name in self.figures
        ]
        if self.limit is not None:
            ours = self.figures[OURS]
            found.append((OURS, self.limit, ours, ours <= self.limit))
        return found


@dataclass(frozen=True)
class Report:
    """Everything that one run found, and where: the content of a file in results/."""

    date: str
    commit: str
    size: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str | None]
    benchmarks: Mapping[str, Mapping[str, Any]]
    records: list[Record]

    def of(self, benchmark: str) -> dict[str, list[Record]]:
        """Records of a benchmark by their tables."""
        tables: dict[str, list[Record]] = {}
        for record in self.records:
            if record.benchmark == benchmark:
                tables.setdefault(record.table, []).append(record)
        return tables

    @property
    def name(self) -> str:
        """Of its file in results/."""
        return f"{self.date}{'' if self.size == 'full' else '-' + self.size}.json"

    def updated(self, other: Report) -> Report:
        """With what another run, of the same size, found of some benchmarks.

        What was not installed for it has the version that the kept figures were of.
        """
        kept = [r for r in self.records if r.benchmark not in other.benchmarks]
        installed = {name: v for name, v in other.versions.items() if v}
        return replace(
            other,
            versions={**other.versions, **self.versions, **installed},
            benchmarks={**self.benchmarks, **other.benchmarks},
            records=kept + other.records,
        )

    def save(self, path: Path) -> None:
        text = json.dumps(rounded(asdict(self)), indent=1, ensure_ascii=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """Numbers to four digits, since more are noise. Empty entries are left out."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        kept = {k: rounded(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v != {} and v is not None}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def load(path: Path) -> Report:
    found = json.loads(path.read_text(encoding="utf-8"))
    found["records"] = [Record(**each) for each in found["records"]]
    return Report(**found)


def newest(folder: Path = RESULTS) -> Path:
    """Return the newest results; those of quick runs only if there are no others."""
    files = sorted(folder.glob("*.json"), key=lambda f: ("quick" not in f.stem, f))
    if not files:
        raise SystemExit("No results: run `python -P benchmarks/report.py run` first.")
    return files[-1]


def shape(*numbers: int) -> str:
    """100000, 3 → "1e5 x 3"."""
    short = [f"{n:.1e}" if n >= 1000 else str(n) for n in numbers]
    return " x ".join(short).replace(".0e", "e").replace("e+0", "e")
