"""A linear model's loss, gradient or Hessian product, each row of X read once.

Rows are worked on in blocks that fit a cache: centred as they are read and multiplied by
the weights, their loss evaluated, and their gradient multiplied back. Rows of a CSR
matrix are not centred. Segments of blocks are summed by themselves, and these
sums in order, so no result depends on the threads.
"""

from cython cimport floating
from libc.string cimport memcpy, memset
from losses cimport ROWS
from passes cimport Pass
from views cimport View, check_size

cdef extern from "skinny.h" nogil:
    ctypedef struct Shape "shape":
        Py_ssize_t d, m
        Py_ssize_t d_padded, m_padded
        Py_ssize_t full, tail
        Py_ssize_t rows
        bint sparse, copied
    ctypedef struct Block "block":
        const void *X
        const void *origin
        Py_ssize_t rows, step
    Py_ssize_t skinny_lanes(size_t)
    void matmul_rows(size_t, const Shape *, const Block *, const void *, void *)
    void matmul_plain(size_t, const Shape *, const Block *, const double *, double *)
    void accumulate_outer(size_t, const Shape *, const Block *, const void *, void *)
    void matmul_tile(
        size_t, const Shape *, Py_ssize_t, Py_ssize_t, const void *, const void *, void *
    )
    void fetch_tile(const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t)

cdef extern from "numbers.h" nogil:
    const Py_ssize_t *number_width
    void convert_rows(
        int, const char *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
        double *
    )
    void convert_tile(
        int, const char *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, double *
    )

cdef extern from "transpose.h" nogil:
    void tile_to_rows(size_t, const void *, Py_ssize_t, Py_ssize_t, void *)

cdef extern from "sparse.h" nogil:
    ctypedef struct Entries "entries":
        const void *data
        const void *column
        const void *first
        int wide
        Py_ssize_t last
    void gather(
        size_t, const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const void *, void *
    )
    void scatter(
        size_t, const Entries *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const void *, double *
    )

cdef enum:
    SPARSE_ROWS = 2 * ROWS  # of a block
    SPARSE_LANES = 4  # that outputs are a multiple of
    TILE_COLUMNS = 256  # of X that a tile holds at most
    TILE_AHEAD = 4 * ROWS  # rows from what is read to what is fetched
    BLOCK_NUMBERS = 1 << 14  # of X that a block holds at most, but ROWS rows


cdef struct LinearPass:
    Pass rows  # the loss of a block's rows
    Shape shape
    View X  # or of a CSR matrix
    View offset  # (n, m), added to X W, or NULL
    bint tiled  # are rows read by tiles, to predict?
    int kind  # 0, or of numbers of another type: steps of X are in bytes then
    Entries entries
    # Padded, of the dtype of X. The intercepts follow W and V.
    const void *origin
    const void *W
    const void *V  # NULL: the gradient is asked for, not the Hessian times V
    void *logits  # (n, m), or NULL
    bint logits_known  # are they read, not written?
    double *totals  # sums of each segment: (d + 2) rows of m_total numbers
    Py_ssize_t m_total


cdef inline Shape shape_of(
    Py_ssize_t d, Py_ssize_t m, Py_ssize_t lanes, bint in_order, bint sparse
) noexcept nogil:
    cdef Shape shape
    shape.d, shape.m = d, m
    shape.full = d // lanes * lanes
    shape.d_padded = shape.full + (lanes if d > shape.full else 0)
    shape.sparse = sparse
    shape.copied = not sparse and (not in_order or d < lanes)
    shape.tail = -1
    if d > shape.full:
        shape.tail = shape.full if shape.copied else d - lanes
    shape.m_padded = m
    # Working sets may have no column.
    shape.rows = ROWS * max(1, min(16, BLOCK_NUMBERS // (ROWS * max(1, shape.d_padded))))
    if sparse:
        shape.rows = SPARSE_ROWS
        if m > 1:
            shape.m_padded = (m + SPARSE_LANES - 1) // SPARSE_LANES * SPARSE_LANES
    return shape


cdef inline const void *address(numbers, bint double_width) except? NULL:
    """Return where integers of 4 or 8 bytes begin."""
    cdef const int[::1] narrow
    cdef const long long[::1] wide
    if double_width:
        wide = numbers
        return &wide[0]
    narrow = numbers
    return &narrow[0]


cdef inline Entries entries_of(data, column, first) except *:
    """Read a CSR matrix; keep the arrays while the result is in use."""
    cdef Entries X
    cdef const double[::1] doubles
    cdef const float[::1] floats
    X.wide = column.itemsize == 8
    X.last = len(column) - 1
    X.data = X.column = NULL
    check_size("data", len(data) == len(column))
    cdef Py_ssize_t n = len(first) - 1
    check_size("first", n >= 0 and first[0] == 0 and first[n] == len(column))
    X.first = address(first, X.wide)
    if X.last < 0:
        return X
    X.column = address(column, X.wide)
    if data.itemsize == 8:
        doubles = data
        X.data = &doubles[0]
    else:
        floats = data
        X.data = &floats[0]
    return X


cdef inline Py_ssize_t column_of(const Shape *shape, Py_ssize_t j) noexcept nogil:
    return j if j < shape.full else shape.tail + j - shape.full


cdef inline bint is_first_copy(const Shape *shape, Py_ssize_t j) noexcept nogil:
    """Return True if place j of d_padded is a column that no place before it has."""
    return j < shape.full or shape.full <= column_of(shape, j) < shape.d


cdef inline void pad(
    const Shape *shape, const double[:, :] W, floating *padded
) noexcept nogil:
    """Lay out W by outputs, or by columns if X is sparse, and then its intercepts.

    Row d of W is that of the intercepts.
    """
    cdef Py_ssize_t j, k, size = shape.d_padded * shape.m_padded
    memset(padded, 0, (size + shape.m_padded) * sizeof(floating))
    for k in range(shape.m):
        if shape.sparse:
            for j in range(shape.d):
                padded[j * shape.m_padded + k] = <floating> W[j, k]
        else:
            for j in range(shape.d_padded):
                if is_first_copy(shape, j):
                    padded[k * shape.d_padded + j] = <floating> W[column_of(shape, j), k]
        if W.shape[0] > shape.d:
            padded[size + k] = <floating> W[shape.d, k]


cdef inline const void *padded_weights(
    const Shape *shape, const double[:, :] W, floating *room
) noexcept nogil:
    """Return W and the intercepts as products read them: W itself, or a copy in room."""
    if (
        sizeof(floating) == sizeof(double)
        and shape.sparse and shape.m_padded == shape.m and W.shape[0] > shape.d
        and W.strides[1] == sizeof(double)
        and W.strides[0] == shape.m * <Py_ssize_t> sizeof(double)
    ):
        return &W[0, 0]
    pad(shape, W, room)
    return room


cdef inline void pad_origin(
    const Shape *shape, const floating[::1] origin, floating *padded
) noexcept nogil:
    cdef Py_ssize_t j, column
    for j in range(shape.d_padded):
        column = column_of(shape, j)
        padded[j] = origin[column] if column < shape.d else 0


cdef inline int kind_of_numbers(str dtype) except -1:
    """Return the kind of numbers that `read_block` converts to doubles, or 0 for these."""
    kinds = ["f8", "f4", "i1", "u1", "i8"]
    swapped = dtype[0] == ">"
    dtype = "u1" if dtype[1:] == "b1" else dtype[1:]
    check_size("X", dtype in kinds and not swapped)
    return kinds.index(dtype)


cdef inline void read_block(
    const LinearPass *p, Py_ssize_t start, Py_ssize_t rows, floating *block,
    floating *tile
) noexcept nogil:
    """Copy rows of X; the rest of the block is zero already."""
    cdef Py_ssize_t i, j, first = 0, d = p.shape.d, step = p.shape.d_padded
    cdef Py_ssize_t down = p.X.down, right = p.X.right
    cdef const floating *X
    if p.kind != 0:
        convert_rows(
            p.kind, <const char *> p.X.data + start * down, down, right, rows, d, step,
            <double *> block,
        )
        return
    X = <const floating *> p.X.data + start * down
    # In Fortran order a column of some rows is a line of cache: they are transposed.
    while down == 1 and d > 1 and first + ROWS <= rows:
        for j in range(d):
            memcpy(tile + j * ROWS, X + first + j * right, ROWS * sizeof(floating))
        tile_to_rows(sizeof(floating), tile, step, d, block + first * step)
        first += ROWS
    for i in range(first, rows):
        for j in range(d):
            block[i * step + j] = X[i * down + j * right]


cdef inline void multiply_tile(
    const LinearPass *p, Py_ssize_t row, int rows, double *tile, double *u
) noexcept nogil:
    """Write the logits of a tile of rows, (m, ROWS), in passes over a few columns."""
    cdef const double *W = <const double *> p.W
    cdef const double *intercepts = W + p.shape.d_padded * p.shape.m_padded
    cdef Py_ssize_t part, first, columns, width = number_width[p.kind], k
    # Steps of X are in numbers, or else in bytes.
    cdef Py_ssize_t unit = width if p.kind == 0 else 1
    cdef Py_ssize_t down = p.X.down * unit, right = p.X.right * unit
    cdef const char *address
    cdef const double *source
    cdef Py_ssize_t step
    cdef int i
    for k in range(p.shape.m):
        for i in range(ROWS):
            u[k * ROWS + i] = intercepts[k]
    for part in range((p.shape.d + TILE_COLUMNS - 1) // TILE_COLUMNS):
        first = part * TILE_COLUMNS
        columns = min(TILE_COLUMNS, p.shape.d - first)
        address = <const char *> p.X.data + row * down + first * right
        source, step = tile, ROWS
        fetch_tile(address + TILE_AHEAD * down, down, right, columns, width)
        if rows == ROWS and p.kind == 0 and down == width:
            source, step = <const double *> address, p.X.right
        else:
            convert_tile(p.kind, address, down, right, rows, columns, tile)
        matmul_tile(sizeof(double), &p.shape, columns, step, source, W + first, u)


cdef inline void copy_rows(
    Py_ssize_t rows, Py_ssize_t m, const floating *source, Py_ssize_t source_step,
    floating *out, Py_ssize_t out_step
) noexcept nogil:
    cdef Py_ssize_t i
    if source_step == m == out_step:
        memcpy(out, source, rows * m * sizeof(floating))
        return
    for i in range(rows):
        memcpy(out + i * out_step, source + i * source_step, m * sizeof(floating))


cdef inline void begin_with_intercepts(
    const Shape *shape, const floating *W, floating *z
) noexcept nogil:
    """Write the intercepts to all rows of a block: each copy doubles how many are there."""
    cdef Py_ssize_t filled = shape.m_padded, numbers = shape.rows * shape.m_padded
    memcpy(z, W + shape.d_padded * shape.m_padded, filled * sizeof(floating))
    while filled < numbers:
        memcpy(z + filled, z, min(filled, numbers - filled) * sizeof(floating))
        filled *= 2


cdef inline void multiply(
    const LinearPass *p, const Block *block, Py_ssize_t start, const void *weights,
    floating *z
) noexcept nogil:
    """Write the products of a block's rows, which begin at row `start`, with weights."""
    cdef const Shape *shape = &p.shape
    cdef const floating *W = <const floating *> weights
    begin_with_intercepts(shape, W, z)
    if shape.sparse:
        gather(sizeof(floating), &p.entries, start, block.rows, shape.m_padded, W, z)
    else:
        matmul_rows(sizeof(floating), shape, block, W, z)


cdef inline void predict_logits(
    const LinearPass *p, const Block *block, Py_ssize_t start, double *z
) noexcept nogil:
    """Write the logits of a block's rows, from which no origin is subtracted."""
    cdef const Shape *shape = &p.shape
    cdef const double *W = <const double *> p.W
    begin_with_intercepts(shape, W, z)
    if shape.sparse:
        gather(sizeof(double), &p.entries, start, block.rows, shape.m_padded, W, z)
    else:
        matmul_plain(number_width[p.kind if not shape.copied else 0], shape, block, W, z)


cdef inline void add_offset(
    const LinearPass *p, Py_ssize_t start, Py_ssize_t rows, floating *z
) noexcept nogil:
    """Add the offset of a block's rows to their logits."""
    cdef const floating *offset = <const floating *> p.offset.data + start * p.offset.down
    cdef Py_ssize_t i, k
    for i in range(rows):
        for k in range(p.shape.m):
            z[i * p.shape.m_padded + k] += offset[i * p.offset.down + k * p.offset.right]


cdef inline void accumulate(
    const LinearPass *p, const Block *block, Py_ssize_t start, const floating *r,
    floating *part, double *sums, double *total
) noexcept nogil:
    """Add X' r to sums, or if X is sparse to total; and to total the sums of r."""
    cdef const Shape *shape = &p.shape
    cdef Py_ssize_t i, j, k
    for i in range(block.rows):
        for k in range(shape.m):
            total[shape.d * p.m_total + k] += r[i * shape.m_padded + k]
    if shape.sparse:
        scatter(sizeof(floating), &p.entries, start, block.rows, shape.m_padded, r, total)
        return
    memset(part, 0, shape.d_padded * shape.m * sizeof(floating))
    accumulate_outer(sizeof(floating), shape, block, r, part)
    for j in range(shape.d_padded * shape.m):
        sums[j] += part[j]


cdef inline void reduce_segment(
    const LinearPass *p, const double *sums, double *total
) noexcept nogil:
    cdef Py_ssize_t j, k
    for k in range(p.shape.m):
        for j in range(p.shape.d_padded):
            if is_first_copy(&p.shape, j):
                total[column_of(&p.shape, j) * p.m_total + k] += (
                    sums[k * p.shape.d_padded + j]
                )


cdef inline Py_ssize_t evaluate_numbers(Py_ssize_t K) noexcept nogil:
    """Numbers that the evaluation of rows works on."""
    return 6 * K * ROWS


cdef inline Py_ssize_t apart(Py_ssize_t numbers) noexcept nogil:
    """Round up to cache lines, and one more.

    Arrays of 4096 bytes one behind another would share the low bits of their addresses,
    by which a processor guesses whether a load waits for a store.
    """
    return (numbers + 31) // 16 * 16
