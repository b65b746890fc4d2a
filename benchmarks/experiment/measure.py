"""Measure: every condition on every table, on the same splits for all methods."""

import json
import re
import time
from datetime import date
from pathlib import Path

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedShuffleSplit

from experiment.conditions import CONDITIONS
from experiment.methods import features
from experiment.tables import RARE, SEVERAL_CLASSES, TWO_CLASSES, load
from skxent import show_config

RESULTS = Path(__file__).parents[1] / "results" / "choosing" / "results.json"
N_SPLITS = 6
TEST_SIZE = 1 / 3


def tables_of(condition):
    """The tables on which a condition is measured."""
    if condition in ("rare", "boosted"):
        return list(RARE)
    if condition.startswith("next"):
        # For two classes the next class is the other one: the same as random labels.
        return list(SEVERAL_CLASSES)
    return [*SEVERAL_CLASSES, *TWO_CLASSES]


def split(table, condition, seed):
    """Columns and labels of training and test rows."""
    both = StratifiedShuffleSplit(1, test_size=TEST_SIZE, random_state=seed)
    train, test = next(both.split(table.X, table.y))
    X, X_test = table.X[train], table.X[test]
    if condition != "boosted":
        transformer = features(X.shape[1], seed).fit(X)
        X, X_test = transformer.transform(X), transformer.transform(X_test)
    return X, table.y[train], X_test, table.y[test]


def cell(condition, name, n_splits=N_SPLITS):
    """The scores of a table under a condition: a list over the splits for each."""
    table = load(name)
    found = [
        CONDITIONS[condition](*split(table, condition, seed), seed)
        for seed in range(n_splits)
    ]
    return {key: [float(f"{scores[key]:.5g}") for scores in found] for key in found[0]}


def describe(name):
    """The rows, columns and classes of a table, and the share of its rarest class."""
    X, y = load(name)
    share = np.bincount(y).min() / len(y)
    return [*X.shape, int(y.max()) + 1, round(float(share), 4)]


def measure(tables=None, n_splits=N_SPLITS, conditions=tuple(CONDITIONS)):
    """Return all scores, by condition, table and name, and where they come from."""
    start, found = time.process_time(), {}
    for condition in conditions:
        for name in tables_of(condition):
            if tables is None or name in tables:
                scores = cell(condition, name, n_splits)
                found.setdefault(condition, {})[name] = scores
                seconds = time.process_time() - start
                print(f"{seconds:5.0f} s  {condition}: {name}", flush=True)
    config = show_config("dicts")
    about = {
        "date": str(date.today()),
        "seconds": round(time.process_time() - start),
        "splits": n_splits,
        "skxent": config["version"],
        "isa": config["isa"],
        "scikit-learn": sklearn.__version__,
        "tables": {
            name: describe(name)
            for name in [*SEVERAL_CLASSES, *TWO_CLASSES, *RARE]
            if tables is None or name in tables
        },
    }
    return {"about": about, "scores": found}


def write(results):
    """One line a score."""
    text = re.sub(
        r"\[[^\]]*\]",
        lambda numbers: " ".join(numbers[0].split()),
        json.dumps(results, indent=1, ensure_ascii=False),
    )
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def read():
    return json.loads(RESULTS.read_text(encoding="utf-8"))
