"""Boosted trees with focal loss where one row in a hundred is positive.

    python -P benchmarks/rare_class.py            # writes docs/tables/rare_class.md
    python -P benchmarks/rare_class.py --quick    # small, to standard output

The rows come from a known model, so that the least log loss is known too. Trees stop
early on the loss they are trained with.
"""

import argparse
from pathlib import Path

import numpy as np
from lightgbm import LGBMClassifier
from scipy.special import expit
from xgboost import XGBClassifier

from skxent.boosting import FocalLGBMClassifier, FocalXGBClassifier
from skxent.metrics import log_loss

TABLE = Path(__file__).parents[1] / "docs" / "tables" / "rare_class.md"
GAMMAS = (1.0, 2.0)
TREES = {"n_estimators": 1000, "learning_rate": 0.1, "n_jobs": 2}
XGBOOST = XGBClassifier(max_depth=4, early_stopping_rounds=30, **TREES)
LIGHTGBM = LGBMClassifier(num_leaves=15, early_stopping_round=30, verbosity=-1, **TREES)
FOCAL = {
    "XGBoost": FocalXGBClassifier(estimator=XGBOOST),
    "LightGBM": FocalLGBMClassifier(estimator=LIGHTGBM),
}


def builtin(name, X, y, X_stop, y_stop):
    """The library's own logistic loss."""
    if name == "XGBoost":
        model = XGBClassifier(**XGBOOST.get_params()).set_params(eval_metric="logloss")
        return model.fit(X, y, eval_set=[(X_stop, y_stop)], verbose=False)
    return LGBMClassifier(**LIGHTGBM.get_params()).fit(
        X, y, eval_X=X_stop, eval_y=y_stop
    )


def rows(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    signal = 1.2 * X[:, 0] + X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3])
    p = expit(signal + 0.7 * np.abs(X[:, 4]) - 6.75)
    return X, (rng.uniform(size=n) < p).astype(int), p


def measure(n):
    X, y, _ = rows(n, 0)
    evaluation = rows(n // 2, 1)[:2]
    X_test, y_test, p_test = rows(2 * n, 2)
    least = log_loss(y_test, p_test)
    constant = log_loss(y_test, np.full(len(y_test), y.mean()))
    yield f"Positives {100 * y.mean():.2f} %; log loss of the truth {least:.5f},"
    yield f"of the share of positives {constant:.5f}.\n"
    yield "| library | built-in | gamma | posterior | beside built-in | softmax |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, model in FOCAL.items():
        plain = builtin(name, X, y, *evaluation)
        known = log_loss(y_test, plain.predict_proba(X_test))
        for gamma in GAMMAS:
            model.set_params(gamma=gamma, posterior=True)
            model.fit(X, y, eval_set=[evaluation])
            ours = log_loss(y_test, model.predict_proba(X_test))
            model.posterior = False
            softmax = log_loss(y_test, model.predict_proba(X_test))
            yield (
                f"| {name} | {known:.5f} | {gamma:g} | {ours:.5f} "
                f"| {100 * (ours / known - 1):+.2f} % | {softmax:.5f} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small, not written")
    quick = parser.parse_args().quick
    table = "\n".join(measure(4_000 if quick else 100_000)) + "\n"
    print(table)
    if not quick:
        TABLE.write_text(table)


if __name__ == "__main__":
    main()
