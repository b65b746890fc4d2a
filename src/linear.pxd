"""A linear model's loss, gradient or Hessian product, each row of X read once.

Rows are worked on in blocks that fit a cache: centred as they are read, multiplied by the
weights, their loss evaluated, and their gradient multiplied back. Rows of a CSR matrix
are neither copied nor centred. Segments of blocks are summed by themselves, and these
sums in order, so no result depends on the threads.
"""

from cython cimport floating
from libc.string cimport memset
from losses cimport ROWS

cdef extern from "skinny.h" nogil:
    const Py_ssize_t SKINNY_double
    const Py_ssize_t SKINNY_float
    void centred_double(
        Py_ssize_t, Py_ssize_t, const double *, Py_ssize_t, const double *, double *, Py_ssize_t
    )
    void centred_float(
        Py_ssize_t, Py_ssize_t, const float *, Py_ssize_t, const float *, float *, Py_ssize_t
    )
    void times_double(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, const double *, double *)
    void times_float(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float *, const float *, float *)
    void add_double(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, const double *, double *)
    void add_float(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float *, const float *, float *)
    void times_one_double(Py_ssize_t, Py_ssize_t, const double *, const double *, double *)
    void times_one_float(Py_ssize_t, Py_ssize_t, const float *, const float *, float *)
    void add_one_double(Py_ssize_t, Py_ssize_t, const double *, const double *, double *)
    void add_one_float(Py_ssize_t, Py_ssize_t, const float *, const float *, float *)

cdef extern from "sparse.h" nogil:
    ctypedef struct Entries "entries":
        const void *data
        const void *column
        const void *first
        int wide
        Py_ssize_t last
    void gather_double(
        const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, double *
    )
    void gather_float(
        const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const float *, float *
    )
    void scatter_double(
        const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, double *
    )
    void scatter_float(
        const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const float *, double *
    )

cdef enum:
    SPARSE_ROWS = 4 * ROWS  # of a block
    SPARSE_LANES = 4  # that outputs are a multiple of
    BLOCK = 1 << 14  # numbers of X that a block holds


cdef struct Shape:
    Py_ssize_t d, m  # features and outputs
    Py_ssize_t d_wide, m_wide  # in whole vectors; one output stays one
    Py_ssize_t rows  # of a block
    bint sparse


cdef inline Shape shape_of(Py_ssize_t d, Py_ssize_t m, Py_ssize_t lanes) noexcept nogil:
    cdef Shape shape
    shape.d, shape.m = d, m
    shape.d_wide = max(8, lanes) * ((d + max(8, lanes) - 1) // max(8, lanes))
    shape.m_wide = lanes * ((m + lanes - 1) // lanes) if m > 1 else 1
    shape.rows = ROWS * max(1, min(16, BLOCK // (ROWS * shape.d_wide)))
    shape.sparse = False
    return shape


cdef inline Shape sparse_shape_of(Py_ssize_t d, Py_ssize_t m) noexcept nogil:
    cdef Shape shape
    shape.d = shape.d_wide = d
    shape.m = m
    shape.m_wide = SPARSE_LANES * ((m + SPARSE_LANES - 1) // SPARSE_LANES) if m > 1 else 1
    shape.rows = SPARSE_ROWS
    shape.sparse = True
    return shape


cdef inline Entries entries_of(data, column, first) except *:
    """Of a CSR matrix; keep the arrays while it is in use."""
    cdef Entries X
    cdef const int[::1] narrow
    cdef const long long[::1] wide
    cdef const double[::1] doubles
    cdef const float[::1] floats
    X.wide = column.itemsize == 8
    X.last = len(column) - 1
    X.data = X.column = NULL
    if X.wide:
        wide = first
        X.first = &wide[0]
    else:
        narrow = first
        X.first = &narrow[0]
    if X.last < 0:
        return X
    if X.wide:
        wide = column
        X.column = &wide[0]
    else:
        narrow = column
        X.column = &narrow[0]
    if data.itemsize == 8:
        doubles = data
        X.data = &doubles[0]
    else:
        floats = data
        X.data = &floats[0]
    return X


cdef inline void widen(
    Shape *shape, const double[:, :] W, floating *wide, floating *bias
) noexcept nogil:
    """W, whose row d is that of the intercepts, in whole vectors."""
    cdef Py_ssize_t j, k
    memset(wide, 0, shape.d_wide * shape.m_wide * sizeof(floating))
    memset(bias, 0, shape.m_wide * sizeof(floating))
    for j in range(shape.d):
        for k in range(shape.m):
            wide[j * shape.m_wide + k] = <floating> W[j, k]
    for k in range(shape.m):
        if W.shape[0] > shape.d:
            bias[k] = <floating> W[shape.d, k]


cdef inline void read_block(
    Shape *shape, const floating[:, :] X, const floating[::1] origin,
    Py_ssize_t start, Py_ssize_t rows, floating *block
) noexcept nogil:
    """Rows of X less the origin; the rest of the block is zero already."""
    cdef Py_ssize_t i, j
    cdef Py_ssize_t step = X.strides[0] // <Py_ssize_t> sizeof(floating)
    if X.strides[1] != sizeof(floating):
        for i in range(rows):
            for j in range(shape.d):
                block[i * shape.d_wide + j] = X[start + i, j] - origin[j]
    elif floating is double:
        centred_double(
            rows, shape.d, &X[start, 0], step, &origin[0], block, shape.d_wide
        )
    else:
        centred_float(
            rows, shape.d, &X[start, 0], step, &origin[0], block, shape.d_wide
        )
    memset(
        block + rows * shape.d_wide, 0,
        (shape.rows - rows) * shape.d_wide * sizeof(floating),
    )


cdef inline void times(
    Shape *shape, const floating *block, const Entries *X, Py_ssize_t start,
    Py_ssize_t rows, const floating *W, const floating *bias, floating *z
) noexcept nogil:
    """Logits of a block; of a CSR matrix, of rows from start."""
    cdef Py_ssize_t i, k
    for i in range(shape.rows):
        for k in range(shape.m_wide):
            z[i * shape.m_wide + k] = bias[k]
    if shape.sparse:
        if floating is double:
            gather_double(X, start, rows, shape.m_wide, W, z)
        else:
            gather_float(X, start, rows, shape.m_wide, W, z)
    elif floating is double:
        if shape.m == 1:
            times_one_double(shape.rows, shape.d_wide, block, W, z)
        else:
            times_double(shape.rows, shape.d_wide, shape.m_wide, block, W, z)
    else:
        if shape.m == 1:
            times_one_float(shape.rows, shape.d_wide, block, W, z)
        else:
            times_float(shape.rows, shape.d_wide, shape.m_wide, block, W, z)


cdef inline void add_product(
    Shape *shape, const floating *block, const Entries *X, Py_ssize_t start,
    const floating *r, Py_ssize_t rows, floating *part, double[:, ::1] total
) noexcept nogil:
    """Add X' r to the first rows of total, and the sums of r to the next."""
    cdef Py_ssize_t i, j, k
    for i in range(rows):
        for k in range(shape.m):
            total[shape.d, k] += r[i * shape.m_wide + k]
    if shape.sparse:
        if floating is double:
            scatter_double(X, start, rows, shape.m_wide, r, &total[0, 0])
        else:
            scatter_float(X, start, rows, shape.m_wide, r, &total[0, 0])
        return
    memset(part, 0, shape.d_wide * shape.m_wide * sizeof(floating))
    if floating is double:
        if shape.m == 1:
            add_one_double(shape.rows, shape.d_wide, block, r, part)
        else:
            add_double(shape.rows, shape.d_wide, shape.m_wide, block, r, part)
    else:
        if shape.m == 1:
            add_one_float(shape.rows, shape.d_wide, block, r, part)
        else:
            add_float(shape.rows, shape.d_wide, shape.m_wide, block, r, part)
    for j in range(shape.d):
        for k in range(shape.m):
            total[j, k] += part[j * shape.m_wide + k]


cdef inline Py_ssize_t workspace(Shape *shape, Py_ssize_t K) noexcept nogil:
    """Numbers that `sum_rows` works on."""
    cdef Py_ssize_t block = 0
    if not shape.sparse:
        block = shape.rows * shape.d_wide + shape.d_wide * shape.m_wide
    return block + 6 * K * ROWS
