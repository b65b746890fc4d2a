"""Damaged input: sparse matrices, block sources and fitted state that cannot be right.

What is made here has no valid reading, so that any answer but an error is a fault.
"""

import copy

import numpy as np
import scipy.sparse as sp

ROWS, COLUMNS, CLASSES = 60, 12, 3
BIG = 50_000_000


def clean(rng, format="csr", dtype=np.float64):
    """A valid matrix of some format, and labels."""
    dense = rng.normal(size=(ROWS, COLUMNS)) * (rng.random((ROWS, COLUMNS)) < 0.4)
    dense[0, 0] = dense[-1, -1] = 1.0  # no format has an empty array
    kind = sp.csr_array if rng.random() < 0.5 else sp.csr_matrix
    X = kind(np.rint(3 * dense) if np.dtype(dtype).kind == "i" else dense, dtype=dtype)
    y = np.arange(ROWS) % CLASSES
    return (X.tobsr((2, 2)) if format == "bsr" else X.asformat(format)), y


def put(name, where, value):
    """Write one entry of an array of X, whatever its type can hold."""

    def damage(X, rng):
        array = getattr(X, name).copy()
        at = (rng.integers(len(array)) if where is None else where) % len(array)
        number = value(X) if callable(value) else value
        info = np.iinfo(array.dtype)
        array[at] = min(max(number, info.min), info.max)
        setattr(X, name, array)

    return damage


def change(name, function):
    """Replace an array of X by what the function makes of it."""

    def damage(X, rng):
        setattr(X, name, function(getattr(X, name)))

    return damage


def reshape(rows, columns):
    def damage(X, rng):
        X._shape = (X.shape[0] + rows, X.shape[1] + columns)

    return damage


def falling(X, rng):
    pointers = X.indptr.copy()
    pointers[1] = pointers[-1]
    X.indptr = pointers


def beyond(X):
    return X.shape[1] if X.format != "csc" else X.shape[0]


COMPRESSED = {
    "index one too large": put("indices", None, beyond),
    "index three too large": put("indices", 5, lambda X: beyond(X) + 3),
    "index huge": put("indices", None, BIG),
    "index largest": put("indices", 0, 2**62),
    "index -1": put("indices", None, -1),
    "index least": put("indices", -1, -(2**62)),
    "indices short": change("indices", lambda a: a[:-3]),
    "indices long": change("indices", lambda a: np.append(a, a[:5])),
    "indices floats": change("indices", lambda a: a.astype(np.float64)),
    "indices of objects": change("indices", lambda a: a.astype(object)),
    "indices two-dimensional": change("indices", lambda a: a[:, np.newaxis]),
    "indices unsigned and huge": change("indices", lambda a: (a - 1).astype(np.uint64)),
    "data short": change("data", lambda a: a[:-3]),
    "data long": change("data", lambda a: np.concatenate([a, a[:4]])),
    "data none": change("data", lambda a: a[:0]),
    "indptr starts late": put("indptr", 0, 2),
    "indptr starts negative": put("indptr", 0, -4),
    "indptr huge": put("indptr", 3, BIG),
    "indptr negative": put("indptr", 4, -BIG),
    "indptr falls": falling,
    "indptr ends early": put("indptr", -1, lambda X: len(X.indices) - 4),
    "indptr ends late": put("indptr", -1, lambda X: len(X.indices) + 4),
    "indptr ends far away": put("indptr", -1, 2**62),
    "indptr short": change("indptr", lambda a: a[:-1]),
    "indptr long": change("indptr", lambda a: np.append(a, a[-1])),
    "indptr empty": change("indptr", lambda a: a[:0]),
    "indptr floats": change("indptr", lambda a: a + 0.5),
    "fewer columns": reshape(0, -4),
    "more rows": reshape(2, 0),
    "negative shape": reshape(-2 * ROWS, 0),
}
ONLY_CSR = {"fewer columns", "more rows"}  # of CSC they may make sense
COORDINATES = {
    f"{name} {what}": put(name, None, value)
    for name, length in (("row", ROWS), ("col", COLUMNS))
    for what, value in (
        ("one too large", length),
        ("huge", BIG),
        ("-1", -1),
        ("least", -(2**62)),
    )
} | {
    "data short": change("data", lambda a: a[:-3]),
    "fewer columns": reshape(0, -4),
    "fewer rows": reshape(-9, 0),
}
DIAGONALS = {
    "offset huge": put("offsets", 0, BIG),
    "offset least": put("offsets", -1, -(2**62)),
    "offsets twice": put("offsets", 0, lambda X: X.offsets[-1]),
    "offsets short": change("offsets", lambda a: a[:-2]),
    "data short": change("data", lambda a: a[:-2]),
    "offsets floats": change("offsets", lambda a: a + 0.5),
}


def row_of_lists(name, function):
    def damage(X, rng):
        rows = getattr(X, name)
        rows[0] = function(list(rows[0]))

    return damage


LISTS = {
    "index huge": row_of_lists("rows", lambda row: [*row[:-1], BIG]),
    "index -1": row_of_lists("rows", lambda row: [-1, *row[1:]]),
    "index float": row_of_lists("rows", lambda row: [0.5, *row[1:]]),
    "more indices": row_of_lists("rows", lambda row: [*row, 0, 0, 0]),
    "more numbers": row_of_lists("data", lambda row: [*row, *[1.0] * 500]),
    "rows short": change("rows", lambda a: a[:-1]),
    "fewer columns": reshape(0, -4),
}


def key(row, column):
    def damage(X, rng):
        # scipy before 1.12 has the numbers in the matrix, which is a dict itself.
        dict.__setitem__(getattr(X, "_dict", X), (row, column), 1.0)

    return damage


KEYS = {
    "row huge": key(BIG, 0),
    "column huge": key(0, BIG),
    "row -1": key(-1, 0),
    "column -1": key(0, -1),
    "column float": key(0, 0.5),
    "fewer columns": reshape(0, -4),
}

DAMAGES = {
    (format, name): damage
    for format, damages in {
        "csr": COMPRESSED,
        "csc": {k: v for k, v in COMPRESSED.items() if k not in ONLY_CSR},
        "bsr": {k: v for k, v in COMPRESSED.items() if k not in {"fewer columns"}},
        "coo": COORDINATES,
        "dia": DIAGONALS,
        "lil": LISTS,
        "dok": KEYS,
    }.items()
    for name, damage in damages.items()
}


def damaged(format, name, rng):
    """(X, y) with X damaged so."""
    dtype = rng.choice([np.float64, np.float32, np.int64])
    X, y = clean(rng, format, dtype)
    if format in ("csr", "csc") and rng.random() < 0.3:
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    DAMAGES[format, name](X, rng)
    return X, y


class Changing:
    """Blocks that are damaged from a pass on: (X, y) and what becomes of them."""

    def __init__(self, blocks, damage, first, at):
        self.blocks, self.damage, self.first, self.at = blocks, damage, first, at
        self.passes = 0

    def row_blocks(self):
        self.passes += 1
        blocks = list(self.blocks)
        if self.passes >= self.first:
            blocks[self.at : self.at + 1] = self.damage(*blocks[self.at])
        yield from map(copy.copy, blocks)


def rows_of(X, count):
    """So many rows, the first ones repeated if need be."""
    return X[np.arange(count) % X.shape[0]]


def with_index(X, value):
    X = sp.csr_array(X)
    X.indices = X.indices.copy()
    X.indices[3] = value
    return X


BLOCKS = {
    "narrower": lambda X, y: [(X[:, :-1], y)],
    "one column": lambda X, y: [(X[:, :1], y)],
    "fewer rows": lambda X, y: [(X[:-2], y[:-2])],
    "more rows": lambda X, y: [(rows_of(X, 90), rows_of(y, 90))],
    "far more rows": lambda X, y: [(rows_of(X, 9000), rows_of(y, 9000))],
    "rows of X alone": lambda X, y: [(X[:-3], y)],
    "no rows": lambda X, y: [(X[:0], y[:0])],
    "missing": lambda X, y: [],
    "twice": lambda X, y: [(X, y), (X, y)],
    "unknown label": lambda X, y: [(X, np.where(y == 1, 77, y))],
    "negative label": lambda X, y: [(X, np.where(y == 1, -1, y))],
    "labels of text": lambda X, y: [(X, y.astype(str))],
    "soft labels": lambda X, y: [(X, np.eye(CLASSES)[y])],
    "soft labels, wider": lambda X, y: [(X, np.eye(CLASSES + 5)[y])],
    "index huge": lambda X, y: [(with_index(X, BIG), y)],
    "index too large": lambda X, y: [(with_index(X, COLUMNS), y)],
    "index -1": lambda X, y: [(with_index(X, -1), y)],
    "NaN": lambda X, y: [(X * np.nan, y)],
    "complex": lambda X, y: [(X * 1j, y)],
    "text": lambda X, y: [(np.full(X.shape, "a"), y)],
    "NaN weights": lambda X, y: [(X, y, np.full(len(y), np.nan))],
    "negative weights": lambda X, y: [(X, y, -np.ones(len(y)))],
    "short weights": lambda X, y: [(X, y, np.ones(3))],
    "one-dimensional": lambda X, y: [(np.ones(len(y)), y)],
    "nothing": lambda X, y: [None],
    "one value": lambda X, y: [(X,)],
}  # fmt: skip


def wider(X, y):
    if sp.issparse(X):
        return [(sp.csr_array(sp.hstack([X, X])), y)]
    return [(np.hstack([X, X]), y)]


def far_wider(X, y):
    if not sp.issparse(X):
        return [(np.ones((X.shape[0], 5000)), y)]
    wide = sp.csr_array((X.data, X.indices * 10_000, X.indptr), (X.shape[0], 10**6))
    return [(wide, y)]


BLOCKS |= {"wider": wider, "far wider": far_wider}


def changing(name, rng):
    """A block source whose blocks change so in a later pass."""
    X, y = clean(rng)
    X = sp.csr_array(X) if rng.random() < 0.5 else X.toarray()
    blocks = [(X[k : k + 20], y[k : k + 20]) for k in range(0, ROWS, 20)]
    return Changing(blocks, BLOCKS[name], rng.integers(2, 6), rng.integers(3))
