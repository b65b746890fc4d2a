"""Products of a wide sparse matrix with few columns, by way of its columns; and sums.

Rows of the products' CSR arrays are columns of X. Where X has more columns than rows
this reads and writes the larger side once and in order, and the smaller stays in a
cache.
"""

from cython cimport floating
from cython.parallel cimport prange

from linear cimport Entries, entries_of

cdef extern from "sparse.h" nogil:
    void gather_double(
        const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, double *
    )
    void scatter_double(
        const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, double *
    )

ctypedef fused index:
    int
    long long


def times(
    data, column, first, const double[:, ::1] W, double[:, :, ::1] parts, int n_threads=1
):
    """X W, as a sum of parts: one for each range of columns, whatever the threads."""
    cdef Entries X = entries_of(data, column, first)
    cdef Py_ssize_t d = W.shape[0], m = W.shape[1], segments = parts.shape[0], part
    cdef Py_ssize_t step = (d + segments - 1) // segments
    parts[...] = 0
    for part in prange(
        segments, nogil=True, schedule="static", chunksize=1, num_threads=n_threads
    ):
        scatter_double(
            &X, min(d, part * step), max(0, min(step, d - part * step)), m,
            &W[min(d - 1, part * step), 0], &parts[part, 0, 0],
        )


def transposed_times(
    data, column, first, const double[:, ::1] R, double[:, ::1] out, int n_threads=1
):
    """X' R."""
    cdef Entries X = entries_of(data, column, first)
    cdef Py_ssize_t d = out.shape[0], m = R.shape[1], part, step = (d + 63) // 64
    out[...] = 0
    for part in prange(64, nogil=True, schedule="static", num_threads=n_threads):
        if part * step < d:
            gather_double(
                &X, part * step, min(step, d - part * step), m, &R[0, 0],
                &out[part * step, 0],
            )


def add_column_sums(
    const floating[::1] data, const index[::1] column, const index[::1] first,
    const double[:] weight, const floating[:, :] h, double[:, ::1] out,
):
    """Add to each column's row of out, over its entries, Σ w, Σ w x and Σ h x².

    data, column and first are those of a CSR matrix, weight and h of its rows.
    """
    cdef Py_ssize_t i, p, k
    cdef double x, w = 1
    cdef double *sums
    with nogil:
        for i in range(first.shape[0] - 1):
            if weight is not None:
                w = weight[i]
            for p in range(first[i], first[i + 1]):
                x = data[p]
                sums = &out[column[p], 0]
                sums[0] += w
                sums[1] += w * x
                for k in range(h.shape[1]):
                    sums[2 + k] += h[i, k] * x * x
