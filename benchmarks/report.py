"""The benchmark report: measure, write it down, compare.

    python -P benchmarks/report.py run            all of it, half an hour on two cores
    python -P benchmarks/report.py run --quick    two minutes, on smaller tables
    python -P benchmarks/report.py render         the newest results, as pages
    python -P benchmarks/report.py compare A.json B.json
    python -P benchmarks/report.py commits HEAD~1 HEAD --only kernels

`run` writes results/DATE.json, or DATE-quick.json; `render` writes docs/benchmarks.md,
its figures and the tables of the README from it. What is not installed is left out.
pytest's `--size=check` runs everything and measures nothing.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reporting import changes, record, render, run


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, what):
        return commands.add_parser(name, help=what, description=what)

    runs = command("run", "Measure, and write results/DATE.json.")
    commits = command("commits", "Build two commits and measure them in turn.")
    for one, default in ((runs, []), (commits, ["kernels"])):
        one.add_argument("--only", nargs="+", choices=run.names(), default=default)
        sizes = one.add_mutually_exclusive_group()
        sizes.add_argument("--quick", dest="size", action="store_const", const="quick")
        sizes.add_argument("--full", dest="size", action="store_const", const="full")
        one.set_defaults(size="full")
    runs.add_argument("--gb", type=float, help="size of the table on disk")
    runs.add_argument("--output", type=Path, help="instead of results/DATE.json")
    commits.add_argument("revisions", nargs=2, metavar="REVISION")
    commits.add_argument("--rounds", type=int, default=3)
    renders = command("render", "Write docs/benchmarks.md and the README's tables.")
    renders.add_argument("results", type=Path, nargs="?")
    compares = command("compare", "Say what has changed between two results.")
    compares.add_argument("results", type=Path, nargs=2)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.command == "run":
        extra = [] if given.gb is None else [f"--gb={given.gb}"]
        report = run.run(given.only, given.size, extra)
        path = given.output or record.RESULTS / report.name
        if given.only and given.output is None and path.exists():
            report = record.load(path).updated(report)
        report.save(path)
        print(path)
    elif given.command == "render":
        from reporting import plots

        report = record.load(given.results or record.newest())
        render.PAGE.write_text(render.page(report), encoding="utf-8")
        text = render.README.read_text(encoding="utf-8")
        render.README.write_text(render.readme(report, text), encoding="utf-8")
        plots.draw(report)
    elif given.command == "compare":
        before, after = (record.load(path).records for path in given.results)
        print(changes.compare(before, after))
    else:
        print(changes.commits(given.revisions, given.only, given.size, given.rounds))


if __name__ == "__main__":
    main()
