"""Strings to codes, in one pass; numbers to their order and isotonic regression."""

from cpython.exc cimport PyErr_CheckSignals

cdef extern from "strict.h":
    pass

cdef extern from "order.h" nogil:
    void order_of(const double *, Py_ssize_t, unsigned long long *)
    ctypedef struct points:
        long long *end
        double *mass
        double *hits
    Py_ssize_t pool_rows(
        const double *, const double *, const double *, const long long *, Py_ssize_t,
        points
    )

cdef extern from "strings.h" nogil:
    ctypedef struct label_table:
        Py_ssize_t *first
        int known
    void begin_labels(label_table *)
    Py_ssize_t encode_rows(
        const unsigned char *, Py_ssize_t, Py_ssize_t, Py_ssize_t, label_table *,
        unsigned char *
    )

cdef enum:
    ROWS_PER_CHECK = 1 << 16  # until Ctrl-C is looked for: some milliseconds


def encode_bytes(const unsigned char[:, ::1] y, unsigned char[::1] codes):
    """Number rows of bytes in order of appearance, and return where each first appears.

    Return None if more than 256 rows differ.
    """
    cdef Py_ssize_t n = y.shape[0], width = y.shape[1], start, stop
    cdef label_table table
    if codes.shape[0] != n:
        raise ValueError(f"codes must have {n} rows, got {codes.shape[0]}.")
    begin_labels(&table)
    for start in range(0, n, ROWS_PER_CHECK):
        PyErr_CheckSignals()
        stop = min(n, start + ROWS_PER_CHECK)
        if encode_rows(&y[0, 0], start, stop, width, &table, &codes[0]) < stop:
            return None
    return [table.first[start] for start in range(table.known)]


def encode_strings(list y, Py_ssize_t[::1] codes):
    """Do the same for a list of str; return None if another type is among them."""
    cdef Py_ssize_t i
    cdef dict known = {}
    cdef list first = []
    cdef object label, code
    for i in range(len(y)):
        if i % ROWS_PER_CHECK == 0:
            PyErr_CheckSignals()
        label = y[i]
        if type(label) is not str:
            return None
        code = known.get(label)
        if code is None:
            code = known[label] = len(first)
            first.append(i)
        codes[i] = code
    return first


def stable_order(const double[::1] x, unsigned long long[::1] words):
    """Write the stable order of x (n,), without NaN, to the first n of 2n words.

    n is below 2^32.
    """
    cdef Py_ssize_t n = x.shape[0]
    if not 0 < n < 1 << 32 or words.shape[0] != 2 * n:
        raise ValueError("words must be twice as many as x, and at most 2^33.")
    with nogil:
        order_of(&x[0], n, &words[0])


def pool_adjacent(
    const double[::1] x, const double[::1] y, const double[::1] weight,
    const long long[::1] order, long long[::1] end, double[:, ::1] sums,
):
    """Pool rows in the order of x into blocks of rising means; return how many these are.

    All have n rows; weight may be None. The number of rows up to the end of each block
    goes to `end`, and Σ w and Σ w y of these rows to the rows of sums (2, n).
    """
    cdef Py_ssize_t n = x.shape[0], i
    cdef const double *w = NULL
    cdef points blocks
    cdef bint fits = 0 < n == y.shape[0] == order.shape[0] == end.shape[0]
    fits &= sums.shape[0] == 2 and sums.shape[1] == n
    if weight is not None:
        fits &= weight.shape[0] == n
    for i in range(n if fits else 0):
        fits &= 0 <= order[i] < n
    if not fits:
        raise ValueError("All arrays must have as many rows as x, and order its places.")
    if weight is not None:
        w = &weight[0]
    blocks.end, blocks.mass, blocks.hits = &end[0], &sums[0, 0], &sums[1, 0]
    with nogil:
        i = pool_rows(&x[0], &y[0], w, &order[0], n, blocks)
    return i
