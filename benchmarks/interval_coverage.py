"""How often do 95% intervals of calibration errors hold the truth?

    python -P benchmarks/interval_coverage.py            # writes its results
    python -P benchmarks/interval_coverage.py --quick    # few simulations, printed

Predictions of two classes, calibrated or over-confident, of few or many rows. The truth
is the binned error of a very large sample. The interval of the package is of the
debiased root mean square error; beside it is the bootstrap interval of the plain ECE.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.special import expit

from skxent.calibration import calibration_error_interval
from skxent.metrics import expected_calibration_error

RESULTS = Path(__file__).parent / "results" / "interval_coverage" / "results.json"
TRUTHS = {"calibrated": 1.0, "over-confident": 0.5}
N_RESAMPLES = 200


def sample(n, slope, rng):
    """Predicted probabilities, and outcomes whose log-odds are `slope` times theirs."""
    z = 2 * rng.normal(size=n)
    return rng.random(n) < expit(slope * z), expit(z)


def plain_interval(y, proba, strategy, rng):
    """Quantiles of the ECE of resampled rows."""
    resampled = []
    for _ in range(N_RESAMPLES):
        rows = rng.integers(0, len(y), len(y))
        resampled.append(
            expected_calibration_error(
                y[rows], proba[rows], strategy=strategy, labels=[False, True]
            )
        )
    return np.quantile(resampled, [0.025, 0.975])


def coverage(n, slope, strategy, n_simulations):
    """The shares of intervals that hold the truth: debiased, and plain."""
    rng = np.random.default_rng(0)
    y, proba = sample(1_000_000, slope, rng)
    settings = {"strategy": strategy, "labels": [False, True]}
    true_l2 = expected_calibration_error(y, proba, norm="l2", debias=True, **settings)
    true_plain = expected_calibration_error(y, proba, **settings)
    held = np.zeros((n_simulations, 2))
    for one in held:
        y, proba = sample(n, slope, rng)
        _, low, high = calibration_error_interval(
            y,
            proba,
            n_resamples=N_RESAMPLES,
            random_state=int(rng.integers(2**31)),
            **settings,
        )
        one[0] = low <= true_l2 <= high
        low, high = plain_interval(y, proba, strategy, rng)
        one[1] = low <= true_plain <= high
    return held.mean(axis=0)


def measure(sizes, n_simulations):
    found = {}
    for n in sizes:
        for name, slope in TRUTHS.items():
            for strategy in ("uniform", "quantile"):
                debiased, plain = coverage(n, slope, strategy, n_simulations)
                found[f"{n} rows, {name}, {strategy}"] = {
                    "debiased": round(float(debiased), 4),
                    "plain": round(float(plain), 4),
                }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    if parser.parse_args().quick:
        print(json.dumps(measure([300], 4), indent=1))
        return
    RESULTS.parent.mkdir(exist_ok=True, parents=True)
    text = json.dumps(measure([300, 2000], 100), indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
