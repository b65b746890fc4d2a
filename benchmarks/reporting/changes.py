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
from reporting.run import check_collected, measure

LEAST = 0.05  # changes below are never told from noise

# Code that our commits do not change: other libraries, and floors. X.sum() is not
# included, since it is taken as many times as our fit passes over X.
FOREIGN = {"scikit-learn", "intelex", "torch", "glum", "skglm", "celer", "liblinear"}
FOREIGN |= {"saga", "statsmodels", "numpy", "imbalance-xgboost", "built-in"}
FOREIGN |= {"copy", "p.sum()", "predict_proba", "plain read"}


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
    """A line for each case; those beyond noise are marked, those of one side named."""
    old, found = ({r.key: r for r in side} for side in (before, after))
    lines = [f"{'ours':>7} {'others':>7} {'noise':>6}   case (times: after / before)"]
    for key, new in found.items():
        if key not in old or not all(OURS in r.figures for r in (old[key], new)):
            continue
        ours, others, noise = change(old[key], new)
        moved = log(ours / others)
        mark = " " if abs(moved) <= noise else "-" if moved > 0 else "+"
        lines.append(
            f"{ours:6.3f}x {others:6.3f}x {noise:5.0%}  {mark} "
            f"{new.benchmark}: {new.table}, {new.case}"
        )
    lines.append("+ quicker, - slower, beyond what the others' times and ours scatter.")
    for side, here, there in (("before", old, found), ("after", found, old)):
        lines += [f"Only {side}: {': '.join(key)}" for key in here if key not in there]
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
    """Both commits' packages under the benchmarks of this checkout, in turn.

    Raises SystemExit if these benchmarks cannot be collected with one of them.
    """
    found: list[list[list[Record]]] = [[], []]
    with tempfile.TemporaryDirectory() as scratch:
        environments = []
        for number, revision in enumerate(revisions):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            paths = [str(build(revision, folder)), os.environ.get("PYTHONPATH")]
            environment = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
            check_collected(only, environment, revision)
            environments.append(environment)
        for _ in range(rounds):
            for environment, into in zip(environments, found, strict=True):
                records = []
                for name in only:
                    records += measure(name, size, environment=environment)
                into.append(records)
    return compare(*map(pooled, found))
