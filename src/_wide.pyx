"""Products of a wide sparse matrix with few columns, read by its columns; and sums.

And copies of dense X in Fortran order.

Rows of the products' CSR arrays are columns of X. Where X has more columns than rows
this reads and writes the larger side once and in order, and the smaller stays in a
cache.
"""

from cython.parallel cimport prange, threadid

from cython cimport floating
from libc.string cimport memcpy, memset
from linear cimport (
    TILE_AHEAD, Entries, entries_of, fetch_tile, gather, scatter, tile_to_rows,
)
from losses cimport ROWS
from signals cimport Watch, check_stopped, stopped, watch_of
from views cimport check_size

cdef extern from "strict.h":
    pass

cdef extern from "sparse.h" nogil:
    void scatter_squares(
        const Entries *, Py_ssize_t, Py_ssize_t, const double *, double *
    )

ctypedef long long int64
ctypedef fused index:
    int
    int64

cdef enum:
    PIECE = 256  # rows after which a pass looks whether to stop
    PARTS = 64  # of the columns of X that threads share
    COPIED_COLUMNS = 64  # of a tile, which fits the nearest cache
    COPIED_ROWS = 1 << 10  # that a thread copies at once


cdef bint spans_inside(
    const index[::1] column, const index[::1] first, Py_ssize_t columns
) noexcept nogil:
    cdef Py_ssize_t n = first.shape[0] - 1, nnz = column.shape[0], i
    # A column below 0 or above the last sets the sign bit of `outside`, which takes half
    # the time of comparisons.
    cdef index outside = 0, last, largest = <index> 0x7fffffff
    if sizeof(index) > 4:
        largest = <index> 0x7fffffffffffffff
    last = <index> (columns - 1 if columns <= largest else largest)
    cdef bint falls = False
    if n < 0 or first[0] != 0 or first[n] != nnz:
        return False
    for i in range(n):
        falls |= first[i + 1] < first[i]
    for i in range(nnz):
        outside |= column[i] | (last - (column[i] & largest))
    return not falls and outside >= 0


def is_inside(column, first, Py_ssize_t columns):
    """Return True if all entries of a compressed matrix are in it.

    Columns are in 0..columns-1, and first rises from 0 to the number of entries. Both
    are contiguous, of int32 or both of int64.
    """
    if column.itemsize == 4:
        return bool(spans_inside[int](column, first, columns))
    return bool(spans_inside[int64](column, first, columns))


cdef void scatter_rows(
    const Entries *X, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t m, const double *W,
    double *out, Watch *watch, bint is_caller
) noexcept nogil:
    cdef Py_ssize_t piece, row
    for piece in range((stop - start + PIECE - 1) // PIECE):
        row = start + piece * PIECE
        if stopped(watch, is_caller):
            return
        scatter(sizeof(double), X, row, min(PIECE, stop - row), m, W + row * m, out)


cdef void gather_rows(
    const Entries *X, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t m, const double *R,
    double *out, Watch *watch, bint is_caller
) noexcept nogil:
    cdef Py_ssize_t piece, row
    for piece in range((stop - start + PIECE - 1) // PIECE):
        row = start + piece * PIECE
        if stopped(watch, is_caller):
            return
        gather(sizeof(double), X, row, min(PIECE, stop - row), m, R, out + row * m)


def matmul(
    data, column, first, const double[:, ::1] W, double[:, :, ::1] parts, int n_threads=1
):
    """Write X W as parts to be summed: one for each range of columns of X.

    So the result does not depend on the threads.
    """
    cdef Entries X = entries_of(data, column, first)
    cdef Py_ssize_t d = W.shape[0], m = W.shape[1], segments = parts.shape[0], part
    cdef Py_ssize_t step = (d + segments - 1) // segments
    cdef Watch watch = watch_of(<double> len(data) * m)
    check_size("first", len(first) == d + 1)
    check_size("parts", parts.shape[2] == m)
    parts[...] = 0
    for part in prange(
        segments, nogil=True, schedule="static", chunksize=1, num_threads=n_threads
    ):
        scatter_rows(
            &X, min(d, part * step), min(d, (part + 1) * step), m, &W[0, 0],
            &parts[part, 0, 0], &watch, threadid() == 0,
        )
    check_stopped(&watch)


def matmul_transposed(
    data, column, first, const double[:, ::1] R, double[:, ::1] out, int n_threads=1
):
    """Write X' R."""
    cdef Entries X = entries_of(data, column, first)
    cdef Py_ssize_t d = out.shape[0], m = R.shape[1], part, step = (d + PARTS - 1) // PARTS
    cdef Watch watch = watch_of(<double> len(data) * m)
    check_size("first", len(first) == d + 1)
    out[...] = 0
    for part in prange(PARTS, nogil=True, schedule="static", num_threads=n_threads):
        gather_rows(
            &X, min(d, part * step), min(d, (part + 1) * step), m, &R[0, 0], &out[0, 0],
            &watch, threadid() == 0,
        )
    check_stopped(&watch)


def add_column_sums(data, column, first, const double[:, ::1] h, double[:, ::1] out):
    """Add to the row of out of each column Σ h x² and then Σ h x over its entries.

    data, column and first are those of a CSR matrix of doubles, h (n, m) of its rows.
    """
    cdef Entries X = entries_of(data, column, first)
    cdef Py_ssize_t m = h.shape[1]
    check_size("data", data.itemsize == sizeof(double))
    check_size("h", h.shape[0] == len(first) - 1 and out.shape[1] == 2 * m)
    if X.last < 0 or m == 0:
        return
    with nogil:
        scatter_squares(&X, h.shape[0], m, &h[0, 0], &out[0, 0])


cdef bint copy_rows(
    const floating *X, Py_ssize_t n, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t d,
    floating *out
) noexcept nogil:
    """Copy rows of X, whose columns are contiguous; return True if all are finite."""
    cdef floating[COPIED_COLUMNS * ROWS] tile
    cdef floating[ROWS] lost
    cdef Py_ssize_t at, row, part, first, columns, rows, i, j, width = sizeof(floating)
    cdef const floating *source
    cdef double total = 0
    memset(&lost[0], 0, sizeof(lost))
    memset(&tile[0], 0, sizeof(tile))
    for at in range((stop - start + ROWS - 1) // ROWS):
        row = start + at * ROWS
        rows = min(ROWS, stop - row)
        for part in range((d + COPIED_COLUMNS - 1) // COPIED_COLUMNS):
            first = part * COPIED_COLUMNS
            columns = min(COPIED_COLUMNS, d - first)
            source = X + row + first * n
            for j in range(columns):
                # Fetch the rows that are read later, and those that are written next.
                fetch_tile(source + j * n + TILE_AHEAD, width, 0, 1, width)
                fetch_tile(out + (row + ROWS) * d + (first + j) * ROWS, width, 0, 1, width)
                if rows == ROWS:  # a constant size, which needs no call
                    memcpy(&tile[j * ROWS], source + j * n, ROWS * sizeof(floating))
                else:
                    memcpy(&tile[j * ROWS], source + j * n, rows * width)
                for i in range(ROWS):
                    lost[i] += 0 * tile[j * ROWS + i]
            if rows == ROWS:
                tile_to_rows(sizeof(floating), &tile[0], d, columns, out + row * d + first)
                continue
            for i in range(rows):
                for j in range(columns):
                    out[(row + i) * d + first + j] = tile[j * ROWS + i]
    for i in range(ROWS):
        total += lost[i]
    return total == 0


def rows_of_columns(
    const unsigned char[::1] X, unsigned char[::1] out, Py_ssize_t d, bint doubles,
    int n_threads=1,
):
    """Copy a table of d columns in Fortran order to out, in C order.

    Both are the bytes of doubles or floats. Return True if all numbers are finite.
    """
    cdef Py_ssize_t row = max(1, d) * (sizeof(double) if doubles else sizeof(float))
    cdef Py_ssize_t n = X.shape[0] // row, begin, end
    cdef Py_ssize_t chunk, chunks = (n + COPIED_ROWS - 1) // COPIED_ROWS
    cdef int lost = 0
    cdef Watch watch = watch_of(<double> n * d)
    check_size("X", n * row == X.shape[0] and d > 0)
    check_size("out", n * row == out.shape[0])
    n_threads = max(1, min(n_threads, chunks))
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        # Backwards: the rows that a fit reads first are still in a cache then.
        begin = (chunks - 1 - chunk) * COPIED_ROWS
        end = min(n, begin + COPIED_ROWS)
        if stopped(&watch, threadid() == 0):
            pass
        elif doubles:
            lost += not copy_rows(<const double *> &X[0], n, begin, end, d, <double *> &out[0])
        else:
            lost += not copy_rows(<const float *> &X[0], n, begin, end, d, <float *> &out[0])
    check_stopped(&watch)
    return lost == 0
