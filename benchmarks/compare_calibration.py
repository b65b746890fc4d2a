"""Temperature scaling beside scikit-learn's: log loss of calibrated models on tables.

    python -P benchmarks/compare_calibration.py            # ten tables, ten minutes
    python -P benchmarks/compare_calibration.py --quick    # two of them

Half of the rows fit and calibrate a model in the same folds for both libraries, with
one model and with the ensemble of the folds; the others are scored. Needs
'.[choosing]' and scikit-learn 1.8.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent.calibration import TemperatureScaling
from skxent.metrics import log_loss

sys.path.insert(0, str(Path(__file__).parent))

from experiment.tables import load

TABLES = (
    "segment",
    "satimage",
    "vowel",
    "car",
    "contraceptive",
    "vehicle",
    "led7digit",
    "breast_cancer",
    "mammographic",
    "page-blocks0",
)
MODELS = {
    "forest": RandomForestClassifier(100, random_state=0),
    "naive Bayes": GaussianNB(),
    "ten neighbours": KNeighborsClassifier(10),
    "logistic regression": make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
}


def losses(name, model, ensemble, seed):
    """The log loss of scikit-learn's calibration on a table, and that of ours."""
    X, y = load(name)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    settings = {"cv": list(StratifiedKFold(5).split(X, y)), "ensemble": ensemble}
    both = (
        CalibratedClassifierCV(model, method="temperature", **settings),
        TemperatureScaling(model, **settings),
    )
    return [log_loss(y_test, m.fit(X, y).predict_proba(X_test)) for m in both]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    tables, seeds = (TABLES[:2], [0]) if quick else (TABLES, [0, 1])
    print(f"{'log loss':32} {'scikit-learn':>12} {'skxent':>8} {'difference':>20}")
    for title, model in MODELS.items():
        for ensemble in (False, True):
            found = np.array(
                [
                    np.mean([losses(t, model, ensemble, s) for s in seeds], axis=0)
                    for t in tables
                ]
            )
            change = found[:, 1] - found[:, 0]
            error = change.std(ddof=1) / np.sqrt(len(change))
            theirs, ours = found.mean(axis=0)
            name = title + ", ensemble" * ensemble
            text = f"{change.mean():+.4f} ± {error:.4f}"
            print(f"{name:32} {theirs:12.4f} {ours:8.4f} {text:>20}", flush=True)


if __name__ == "__main__":
    with warnings.catch_warnings(action="ignore"):
        main()
