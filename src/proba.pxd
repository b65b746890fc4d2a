"""The log loss of rows of probabilities, with all that makes them invalid."""

from cython cimport floating
from losses cimport ROWS
from tiles cimport load
from vecmath cimport log_normal

cdef extern from "rowsums.h" nogil:
    const Py_ssize_t ROW_LANES_double
    const Py_ssize_t ROW_LANES_float
    int row_sums_double(const double *, Py_ssize_t, double *)
    int row_sums_float(const float *, Py_ssize_t, float *)


cdef struct Checked:
    double total  # sum of weighted losses
    double drift  # largest |row sum - 1|
    bint outside  # is a probability outside [0, 1], or NaN


cdef inline bint sums_across(
    Py_ssize_t K, const floating *u, const floating *c, floating *sums, floating *picked
) noexcept nogil:
    """Sums of a tile's rows, and the probability of class c; is one outside [0, 1]?"""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, number
    cdef bint outside = False
    cdef floating[ROWS] label, total, own, beyond
    for i in range(ROWS):
        label[i] = c[i]
        total[i] = own[i] = beyond[i] = 0
    for k in range(K):
        number = <floating> k
        for i in range(ROWS):
            x = u[k * ROWS + i]
            total[i] += x
            own[i] = x if label[i] == number else own[i]
            beyond[i] = beyond[i] if x >= 0 and x <= 1 else 1
    for i in range(ROWS):
        sums[i] = total[i]
        picked[i] = own[i]
        outside |= beyond[i] != 0
    return outside


cdef inline void log_loss_rows(
    const floating[:, :] proba, const long long[::1] codes, long long offset,
    const double[:] sample_weight, double eps, Py_ssize_t start, Py_ssize_t stop,
    floating *work, Checked *part
) noexcept nogil:
    cdef Py_ssize_t K = proba.shape[1], row, tile, k, source
    cdef int rows, i
    cdef bint plain = (
        proba.strides[1] == sizeof(floating)
        and proba.strides[0] == K * <Py_ssize_t> sizeof(floating)
    )
    cdef size_t classes = max(K, 2)
    cdef Py_ssize_t lanes = ROW_LANES_float if floating is float else ROW_LANES_double
    cdef const floating *p
    cdef const long long *first
    cdef floating[ROWS] label, picked, sums, drift
    cdef double[ROWS] total, w
    cdef Py_ssize_t[ROWS] c
    cdef floating x, least = <floating> eps, most = 1 - <floating> eps
    part.outside = False
    for i in range(ROWS):
        drift[i] = 0
        total[i] = 0
        w[i] = 1
    for tile in range((stop - start + ROWS - 1) // ROWS):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        first = &codes[row]
        if rows == ROWS:
            for i in range(ROWS):
                c[i] = <Py_ssize_t> (first[i] - offset)
        else:
            for i in range(ROWS):
                c[i] = <Py_ssize_t> (first[i if i < rows else 0] - offset)
                w[i] = 1 if i < rows else 0
        for i in range(ROWS):  # another thread may write to the labels
            c[i] = c[i] if <size_t> c[i] < classes else 0
        if sample_weight is not None:
            for i in range(rows):
                w[i] = sample_weight[row + i]
        if K < lanes:
            for i in range(ROWS):
                label[i] = <floating> c[i]
            load(proba, row, rows, K, work)
            if K == 1:  # of the second class
                for i in range(ROWS):
                    work[ROWS + i] = work[i]
                    work[i] = 1 - work[i]
            part.outside |= sums_across(
                max(K, 2), work, &label[0], &sums[0], &picked[0]
            )
        else:
            p = &proba[row, 0]
            if rows < ROWS or not plain:
                for i in range(ROWS):
                    source = row + (i if i < rows else 0)
                    for k in range(K):
                        work[i * K + k] = proba[source, k]
                p = work
            if floating is float:
                part.outside |= row_sums_float(p, K, &sums[0])
            else:
                part.outside |= row_sums_double(p, K, &sums[0])
            for i in range(ROWS):
                picked[i] = p[i * K + c[i]]
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
