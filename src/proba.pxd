"""The log loss of rows of probabilities, with all that makes them invalid."""

from cython cimport floating
from losses cimport ROWS
from passes cimport tiles
from targets cimport clamp_codes
from tiles cimport load
from vecmath cimport log_normal
from views cimport View, number

cdef extern from "rowsums.h" nogil:
    Py_ssize_t row_lanes(size_t)
    int row_sums(size_t, const void *, Py_ssize_t, void *)


cdef struct LogLoss:
    View proba  # a single column is that of the second class
    Py_ssize_t columns
    const long long *codes
    long long offset  # of the first class
    View sample_weight
    double eps


cdef struct Checked:
    double total  # sum of weighted losses
    double drift  # largest |row sum - 1|
    bint outside  # is a probability outside [0, 1], or NaN


cdef inline bint sums_across(
    Py_ssize_t K, const floating *u, const floating *c, floating *sums, floating *picked
) noexcept nogil:
    """Write the sums of a tile's rows and the probability of class c.

    Return True if a probability is outside [0, 1].
    """
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, index
    cdef bint outside = False
    cdef floating[ROWS] label, total, own, beyond
    for i in range(ROWS):
        label[i] = c[i]
        total[i] = own[i] = beyond[i] = 0
    for k in range(K):
        index = <floating> k
        for i in range(ROWS):
            x = u[k * ROWS + i]
            total[i] += x
            own[i] = x if label[i] == index else own[i]
            beyond[i] = beyond[i] if x >= 0 and x <= 1 else 1
    for i in range(ROWS):
        sums[i] = total[i]
        picked[i] = own[i]
        outside |= beyond[i] != 0
    return outside


cdef inline void log_loss_rows(
    const LogLoss *p, Py_ssize_t start, Py_ssize_t stop, floating *work, Checked *part
) noexcept nogil:
    cdef Py_ssize_t K = p.columns, row, tile, k, down = p.proba.down
    cdef int rows, i
    cdef bint in_order = p.proba.right == 1 and down == K
    cdef const floating *proba
    cdef const long long *codes
    cdef floating[ROWS] label, picked, sums, drift
    cdef double[ROWS] total, w
    cdef Py_ssize_t[ROWS] c
    cdef floating x, least = <floating> p.eps, most = 1 - <floating> p.eps
    part.outside = False
    for i in range(ROWS):
        drift[i] = 0
        total[i] = 0
        w[i] = 1
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        codes = p.codes + row
        if rows == ROWS:
            for i in range(ROWS):
                c[i] = <Py_ssize_t> (codes[i] - p.offset)
        else:
            for i in range(ROWS):
                c[i] = <Py_ssize_t> (codes[i if i < rows else 0] - p.offset)
                w[i] = 1 if i < rows else 0
        clamp_codes(max(K, 2), &c[0])
        if p.sample_weight.data != NULL:
            for i in range(rows):
                w[i] = number(&p.sample_weight, row + i)
        if K < row_lanes(sizeof(floating)):
            for i in range(ROWS):
                label[i] = <floating> c[i]
            load(&p.proba, row, rows, K, work)
            if K == 1:
                for i in range(ROWS):
                    work[ROWS + i] = work[i]
                    work[i] = 1 - work[i]
            part.outside |= sums_across(
                max(K, 2), work, &label[0], &sums[0], &picked[0]
            )
        else:
            proba = <const floating *> p.proba.data + row * down
            if rows < ROWS or not in_order:
                for i in range(ROWS):
                    for k in range(K):
                        work[i * K + k] = proba[
                            (i if i < rows else 0) * down + k * p.proba.right
                        ]
                proba = work
            part.outside |= row_sums(sizeof(floating), proba, K, &sums[0])
            for i in range(ROWS):
                picked[i] = proba[i * K + c[i]]
        for i in range(ROWS):
            x = sums[i] - 1
            x = -x if x < 0 else x
            drift[i] = x if x > drift[i] else drift[i]
            x = picked[i]
            x = least if x < least else x
            x = most if x > most else x
            total[i] -= w[i] * log_normal(x)
    part.drift = part.total = 0
    for i in range(ROWS):
        part.total += total[i]
        part.drift = max(part.drift, <double> drift[i])
