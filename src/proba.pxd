"""The log loss of rows of probabilities, with all that makes them invalid."""

from cython cimport floating
from labels cimport Labels, load_classes
from losses cimport ROWS
from passes cimport tiles
from targets cimport clamp_codes
from tiles cimport load
from vecmath cimport vm_log_quick
from views cimport View, number

cdef extern from "rowsums.h" nogil:
    Py_ssize_t row_lanes(size_t)
    int row_sums(size_t, const void *, Py_ssize_t, void *)


ctypedef void (*table_loader)(
    const void *, Py_ssize_t, int, double *, float *
) noexcept nogil


cdef struct Table:
    table_loader load  # `load_table`, of which a module then has one copy
    View numbers  # of double, or of float if narrow
    bint narrow
    Py_ssize_t width  # a single column is that of the second class
    const void *const *columns  # each an array of its own, or NULL


cdef struct LogLoss:
    Table proba
    Labels labels
    View sample_weight
    double eps


cdef struct Checked:
    double total  # sum of weighted losses
    double weight  # sum of weights, where it is asked for
    double drift  # largest |row sum - 1|
    bint outside  # is a probability outside [0, 1], or NaN


cdef inline void load_numbers(
    const Table *table, Py_ssize_t row, int rows, floating *u
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef const floating *column
    if table.columns == NULL:
        load(&table.numbers, row, rows, table.width, u)
        return
    for k in range(table.width):
        column = <const floating *> table.columns[k] + row
        for i in range(ROWS):
            u[k * ROWS + i] = column[i if i < rows else 0]


cdef inline void load_table(
    const Table *table, Py_ssize_t row, int rows, double *u, float *room
) noexcept nogil:
    """Load a tile of K >= 2 columns, by way of a room for as many floats."""
    cdef Py_ssize_t j
    cdef int i
    cdef double x
    if table.narrow:
        load_numbers(table, row, rows, room)
        for j in range(table.width * ROWS):
            u[j] = room[j]
    else:
        load_numbers(table, row, rows, u)
    for i in range(ROWS if table.width == 1 else 0):
        x = u[i]
        u[ROWS + i] = x
        u[i] = <float> (1 - x) if table.narrow else 1 - x


cdef inline bint sums_across(
    Py_ssize_t K, const double *u, const double *c, double *sums, double *picked
) noexcept nogil:
    """Write the sums of a tile's rows and the probability of class c.

    Return True if a probability is outside [0, 1].
    """
    cdef Py_ssize_t k
    cdef int i
    cdef double x, index
    cdef bint outside = False
    cdef double[ROWS] label, total, own, beyond
    for i in range(ROWS):
        label[i] = c[i]
        total[i] = own[i] = beyond[i] = 0
    for k in range(K):
        index = k
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


cdef inline bint sums_along(
    const floating *proba, Py_ssize_t K, const Py_ssize_t *c, double *sums,
    double *picked
) noexcept nogil:
    """Do the same for rows that lie one after another, and have many columns."""
    cdef int i
    cdef floating[ROWS] total
    cdef bint outside = row_sums(sizeof(floating), proba, K, &total[0])
    for i in range(ROWS):
        sums[i] = total[i]
        picked[i] = proba[i * K + c[i]]
    return outside


cdef inline void log_loss_rows(
    const LogLoss *p, Py_ssize_t start, Py_ssize_t stop, double *work, Checked *part
) noexcept nogil:
    cdef Py_ssize_t K = max(p.proba.width, 2), row, tile
    cdef int rows, i
    cdef size_t size = sizeof(float) if p.proba.narrow else sizeof(double)
    cdef bint along = (
        p.proba.width >= max(2, row_lanes(size)) and p.proba.columns == NULL
        and p.proba.numbers.right == 1 and p.proba.numbers.down == K
    )
    cdef const void *first = p.proba.numbers.data
    cdef double[ROWS] label, picked, sums, drift, total, w
    cdef Py_ssize_t[ROWS] c
    cdef double x, least = p.eps, most = 1 - p.eps
    part.outside = False
    for i in range(ROWS):
        drift[i] = 0
        total[i] = 0
        w[i] = 1
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load_classes(&p.labels, row, rows, ROWS, &c[0])
        clamp_codes(K, &c[0])
        for i in range(rows, ROWS):
            w[i] = 0
        if p.sample_weight.data != NULL:
            for i in range(rows):
                w[i] = number(&p.sample_weight, row + i)
        if not along or rows < ROWS:
            for i in range(ROWS):
                label[i] = c[i]
            p.proba.load(&p.proba, row, rows, work, <float *> (work + K * ROWS))
            part.outside |= sums_across(K, work, &label[0], &sums[0], &picked[0])
        elif p.proba.narrow:
            part.outside |= sums_along(
                <const float *> first + row * K, K, &c[0], &sums[0], &picked[0]
            )
        else:
            part.outside |= sums_along(
                <const double *> first + row * K, K, &c[0], &sums[0], &picked[0]
            )
        for i in range(ROWS):
            x = sums[i] - 1
            x = -x if x < 0 else x
            drift[i] = x if x > drift[i] else drift[i]
            x = picked[i]
            x = least if x < least else x
            x = most if x > most else x
            total[i] -= w[i] * vm_log_quick(x)
    part.drift = part.total = part.weight = 0
    for i in range(ROWS):
        part.total += total[i]
        part.drift = max(part.drift, drift[i])
