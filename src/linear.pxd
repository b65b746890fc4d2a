"""A linear model's loss, gradient or Hessian product, each row of X read once.

Rows are worked on in blocks that fit a cache: centred as they are read and multiplied by
the weights, their loss evaluated, and their gradient multiplied back. Rows of a CSR
matrix are not centred. Segments of blocks are summed by themselves, and these
sums in order, so no result depends on the threads.
"""

from cython cimport floating
from libc.string cimport memset
from losses cimport ROWS
from sizes cimport check_size

cdef extern from "skinny.h" nogil:
    const Py_ssize_t SKINNY_double
    const Py_ssize_t SKINNY_float
    void times_double(
        Py_ssize_t, Py_ssize_t, const double *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
        const double *, const double *, Py_ssize_t, double *, Py_ssize_t
    )
    void times_float(
        Py_ssize_t, Py_ssize_t, const float *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
        const float *, const float *, Py_ssize_t, float *, Py_ssize_t
    )
    void add_double(
        Py_ssize_t, Py_ssize_t, const double *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
        const double *, const double *, Py_ssize_t, double *, Py_ssize_t
    )
    void add_float(
        Py_ssize_t, Py_ssize_t, const float *, Py_ssize_t, Py_ssize_t, Py_ssize_t,
        const float *, const float *, Py_ssize_t, float *, Py_ssize_t
    )

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
    SPARSE_ROWS = 2 * ROWS  # of a block
    SPARSE_LANES = 4  # that outputs are a multiple of
    BLOCK = 1 << 14  # numbers of X that a block holds


cdef struct Shape:
    Py_ssize_t d, m  # features and outputs
    Py_ssize_t d_wide, m_wide  # with what makes them whole vectors
    Py_ssize_t full, tail  # as in skinny.h
    Py_ssize_t rows  # of a block
    bint sparse, copied  # are rows of X copied, to have room for a vector?


cdef inline Shape shape_of(
    Py_ssize_t d, Py_ssize_t m, Py_ssize_t lanes, bint in_order
) noexcept nogil:
    cdef Shape shape
    shape.d, shape.m = d, m
    shape.m_wide = m
    shape.full = d // lanes * lanes
    shape.d_wide = shape.full + (lanes if d > shape.full else 0)
    shape.copied = not in_order or d < lanes
    shape.tail = -1
    if d > shape.full:
        shape.tail = shape.full if shape.copied else d - lanes
    shape.rows = ROWS * max(1, min(16, BLOCK // (ROWS * shape.d_wide)))
    shape.sparse = False
    return shape


cdef inline Shape sparse_shape_of(Py_ssize_t d, Py_ssize_t m) noexcept nogil:
    cdef Shape shape
    shape.d = shape.d_wide = shape.full = d
    shape.m = m
    shape.m_wide = SPARSE_LANES * ((m + SPARSE_LANES - 1) // SPARSE_LANES) if m > 1 else 1
    shape.tail = -1
    shape.rows = SPARSE_ROWS
    shape.sparse = True
    shape.copied = False
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
    check_size("data", len(data) == len(column))
    cdef Py_ssize_t n = len(first) - 1
    check_size("first", n >= 0 and first[0] == 0 and first[n] == len(column))
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


cdef inline Py_ssize_t column_of(Shape *shape, Py_ssize_t j) noexcept nogil:
    return j if j < shape.full else shape.tail + j - shape.full


cdef inline bint is_own(Shape *shape, Py_ssize_t j) noexcept nogil:
    """Is place j of d_wide a column that no place before it has?"""
    return j < shape.full or shape.full <= column_of(shape, j) < shape.d


cdef inline void widen(
    Shape *shape, const double[:, :] W, floating *wide, floating *bias
) noexcept nogil:
    """W, whose row d is that of the intercepts: by outputs, or if X is sparse by rows."""
    cdef Py_ssize_t j, k
    memset(wide, 0, shape.d_wide * shape.m_wide * sizeof(floating))
    memset(bias, 0, shape.m_wide * sizeof(floating))
    for k in range(shape.m):
        if shape.sparse:
            for j in range(shape.d):
                wide[j * shape.m_wide + k] = <floating> W[j, k]
        else:
            for j in range(shape.d_wide):
                if is_own(shape, j):
                    wide[k * shape.d_wide + j] = <floating> W[column_of(shape, j), k]
        if W.shape[0] > shape.d:
            bias[k] = <floating> W[shape.d, k]


cdef inline const floating *wide_weights(
    Shape *shape, const double[:, :] W, floating[::1] room
) noexcept nogil:
    """W and the intercepts as the products read them: W itself, or a copy in room."""
    if floating is double:
        if (
            shape.sparse and shape.m_wide == shape.m and W.shape[0] > shape.d
            and W.strides[1] == sizeof(double)
            and W.strides[0] == shape.m * <Py_ssize_t> sizeof(double)
        ):
            return &W[0, 0]
    widen(shape, W, &room[0], &room[shape.d_wide * shape.m_wide])
    return &room[0]


cdef inline void widen_origin(
    Shape *shape, const floating[::1] origin, floating *wide
) noexcept nogil:
    cdef Py_ssize_t j, column
    for j in range(shape.d_wide):
        column = column_of(shape, j)
        wide[j] = origin[column] if column < shape.d else 0


cdef inline void read_block(
    Shape *shape, const floating[:, :] X, Py_ssize_t start, Py_ssize_t rows,
    floating *block
) noexcept nogil:
    """Rows of X; the rest of the block is zero already."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(shape.d):
            block[i * shape.d_wide + j] = X[start + i, j]


cdef inline void times(
    Shape *shape, const floating *X, Py_ssize_t step, const floating *origin,
    const Entries *entries, Py_ssize_t start, Py_ssize_t rows, const floating *W,
    const floating *bias, floating *z
) noexcept nogil:
    """Logits of a block; of a CSR matrix, of rows from start."""
    cdef Py_ssize_t i, k
    for i in range(shape.rows):
        for k in range(shape.m_wide):
            z[i * shape.m_wide + k] = bias[k]
    if shape.sparse:
        if floating is double:
            gather_double(entries, start, rows, shape.m_wide, W, z)
        else:
            gather_float(entries, start, rows, shape.m_wide, W, z)
    elif floating is double:
        times_double(
            rows, shape.m, X, step, shape.full, shape.tail, origin, W, shape.d_wide,
            z, shape.m_wide,
        )
    else:
        times_float(
            rows, shape.m, X, step, shape.full, shape.tail, origin, W, shape.d_wide,
            z, shape.m_wide,
        )


cdef inline void add_product(
    Shape *shape, const floating *X, Py_ssize_t step, const floating *origin,
    const Entries *entries, Py_ssize_t start, const floating *r, Py_ssize_t rows,
    floating *part, double *sums, double[:, ::1] total
) noexcept nogil:
    """Add X' r to sums, or if X is sparse to total; and to total the sums of r."""
    cdef Py_ssize_t i, j, k
    for i in range(rows):
        for k in range(shape.m):
            total[shape.d, k] += r[i * shape.m_wide + k]
    if shape.sparse:
        if floating is double:
            scatter_double(entries, start, rows, shape.m_wide, r, &total[0, 0])
        else:
            scatter_float(entries, start, rows, shape.m_wide, r, &total[0, 0])
        return
    memset(part, 0, shape.d_wide * shape.m * sizeof(floating))
    if floating is double:
        add_double(
            rows, shape.m, X, step, shape.full, shape.tail, origin, r, shape.m_wide,
            part, shape.d_wide,
        )
    else:
        add_float(
            rows, shape.m, X, step, shape.full, shape.tail, origin, r, shape.m_wide,
            part, shape.d_wide,
        )
    for j in range(shape.d_wide * shape.m):
        sums[j] += part[j]


cdef inline void add_sums(
    Shape *shape, const double *sums, double[:, ::1] total
) noexcept nogil:
    cdef Py_ssize_t j, k
    for k in range(shape.m):
        for j in range(shape.d_wide):
            if is_own(shape, j):
                total[column_of(shape, j), k] += sums[k * shape.d_wide + j]


cdef inline Py_ssize_t workspace(Shape *shape, Py_ssize_t K) noexcept nogil:
    """Numbers that `sum_rows` works on."""
    cdef Py_ssize_t block = 0
    if not shape.sparse:
        block = shape.d_wide * shape.m
    if shape.copied:
        block += shape.rows * shape.d_wide
    return block + 6 * K * ROWS
