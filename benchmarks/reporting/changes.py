"""Two reports, or two commits, case by case."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from math import exp, fsum, log
from pathlib import Path
from statistics import median, pstdev

from reporting.machine import ROOT
from reporting.record import OURS, Record
from reporting.run import measure

LEAST = 0.05  # changes below are never told from noise

# Whose code no commit of ours changes: other libraries, and floors.
FOREIGN = {"scikit-learn", "intelex", "torch", "glum", "skglm", "celer", "liblinear"}
FOREIGN |= {"saga", "statsmodels", "numpy", "imbalance-xgboost", "built-in"}
FOREIGN |= {"copy", "p.sum()", "X.sum()", "predict_proba", "plain read"}


def change(before: Record, after: Record) -> tuple[float, float, float]:
    """How many times as long: ours, that by which the others' times went, and noise.

    The others' code is the same in both, so their times tell what the machine did.
    """
    both = [n for n in before.figures if n in after.figures and n in FOREIGN]
    drifts = [log(after.figures[n] / before.figures[n]) for n in both]
    drift = fsum(drifts) / len(drifts) if drifts else 0.0
    spread = pstdev(drifts) if len(drifts) > 1 else abs(drift)
    errors = [r.noise.get(OURS, 0.0) for r in (before, after)]
    noise = max(LEAST, 3 * fsum(e * e for e in (*errors, spread / 3)) ** 0.5)
    return after.figures[OURS] / before.figures[OURS], exp(drift), noise


def compare(before: Iterable[Record], after: Iterable[Record]) -> str:
    """A line for each case that both have; those beyond noise are marked."""
    old = {r.key: r for r in before}
    lines = [f"{'ours':>7} {'others':>7} {'noise':>6}   case (times: after / before)"]
    for new in after:
        if new.key not in old:
            continue
        if not all(OURS in r.figures for r in (old[new.key], new)):
            continue
        ours, others, noise = change(old[new.key], new)
        moved = log(ours / others)
        mark = " " if abs(moved) <= noise else "-" if moved > 0 else "+"
        lines.append(
            f"{ours:6.3f}x {others:6.3f}x {noise:5.0%}  {mark} "
            f"{new.benchmark}: {new.table}, {new.case}"
        )
    lines.append("+ quicker, - slower, beyond what the others' times and ours scatter.")
    return "\n".join(lines)


def build(revision: str, folder: Path) -> Path:
    """The package of a commit, installed into a folder of its own."""
    tree, target = folder / "tree", folder / "installed"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", tree, revision], check=True)
    try:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        if all(map(find_spec, ("mesonpy", "Cython", "mesonbuild"))):
            command.append("--no-build-isolation")
        subprocess.run([*command, "--target", target, tree], check=True)
    finally:
        subprocess.run([*git, "remove", "--force", tree], check=True)
    return target


def pooled(rounds: Sequence[Sequence[Record]]) -> list[Record]:
    """Of several runs the medians, and how they scatter as their noise."""
    by_key: dict[tuple[str, str, str], list[Record]] = {}
    for records in rounds:
        for record in records:
            by_key.setdefault(record.key, []).append(record)
    return [pool(same) for same in by_key.values()]


def pool(same: Sequence[Record]) -> Record:
    figures, noise = {}, {}
    for name in same[0].figures:
        found = [r.figures[name] for r in same if name in r.figures]
        figures[name] = median(found)
        scatter = pstdev(found) / figures[name] / max(1, len(found) - 1) ** 0.5
        noise[name] = max(scatter, min(r.noise.get(name, 0.0) for r in same))
    return replace(same[0], figures=figures, noise=noise)


def commits(
    revisions: Sequence[str], only: Sequence[str], size: str, rounds: int
) -> str:
    """Both commits' packages under the benchmarks of this checkout, in turn."""
    found: list[list[list[Record]]] = [[], []]
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for number, revision in enumerate(revisions):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            folders.append(build(revision, folder))
        for _ in range(rounds):
            for folder, into in zip(folders, found, strict=True):
                path = os.pathsep.join(
                    filter(None, [str(folder), os.environ.get("PYTHONPATH")])
                )
                records = []
                for name in only:
                    records += measure(name, size, environment={"PYTHONPATH": path})
                into.append(records)
    return compare(*map(pooled, found))
