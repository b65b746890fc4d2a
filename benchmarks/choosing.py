"""Which loss for which data? The experiment behind docs/choosing.md.

    python -P benchmarks/choosing.py            # measures: about 10 minutes on one core
    python -P benchmarks/choosing.py --render   # the page's tables and figure
    python -P benchmarks/choosing.py --quick    # few tables and splits, printed

Measuring writes benchmarks/results/choosing.json, rendering reads it. The real tables
need `pip install '.[choosing]'`; the quick run does without them.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from experiment import measure, render

QUICK = ("breast_cancer", "toy, 5% positive")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--render", action="store_true")
    what.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        print(render.page_tables(measure.measure(QUICK, n_splits=2)))
        return
    if not given.render:
        measure.write(measure.measure())
    render.write(measure.read())


if __name__ == "__main__":
    main()
