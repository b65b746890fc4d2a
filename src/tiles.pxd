"""A tile: ROWS rows of logits, transposed, so that inner loops run over rows.

Every array of a tile holds class k of row i at [k * ROWS + i], and `terms` term T of
row i at [T + i]. What is computed on tiles is in binary.pxd, hard.pxd, soft.pxd and
posterior.pxd.
"""

from cython cimport floating
from losses cimport ROWS
from views cimport View

cdef extern from "transpose.h" nogil:
    void rows_to_tile(size_t, const void *, Py_ssize_t, Py_ssize_t, void *)
    void tile_to_rows(size_t, const void *, Py_ssize_t, Py_ssize_t, void *)

# One array holds all terms of the rows of a tile: the compiler then sees that they do
# not overlap, as it would not see of pointers in a struct.
cdef enum:
    TOP = 0  # max z
    ARGMAX = ROWS  # the first class that has it
    SUM_EXCEPT_ARGMAX = 2 * ROWS  # of e over the other classes
    SHARE = 3 * ROWS  # 1 / (1 + this sum)
    LOG_TOTAL = 4 * ROWS  # log1p of this sum
    P = 5 * ROWS
    Q = 6 * ROWS
    L = 7 * ROWS
    INVERSE = 8 * ROWS  # 1 / Σ_{k≠c} e_k
    F = 9 * ROWS  # t φ, and its derivatives in the margin
    F1 = 10 * ROWS
    F2 = 11 * ROWS
    TERMS = 12 * ROWS  # numbers in all


cdef inline void load(
    const View *z, Py_ssize_t row, int rows, Py_ssize_t columns, floating *u
) noexcept nogil:
    # Missing rows of the last tile repeat its first, so that they compute nothing new.
    cdef Py_ssize_t i, k, down = z.down, right = z.right
    cdef const floating *first = <const floating *> z.data + row * down
    if rows < ROWS:
        for k in range(columns):
            for i in range(ROWS):
                u[k * ROWS + i] = first[(i if i < rows else 0) * down + k * right]
    elif right == 1 and columns > 1:
        rows_to_tile(sizeof(floating), first, down, columns, u)
    elif down == 1:
        for k in range(columns):
            for i in range(ROWS):
                u[k * ROWS + i] = first[k * right + i]
    else:
        for k in range(columns):
            for i in range(ROWS):
                u[k * ROWS + i] = first[k * right + i * down]


cdef inline void load_binary(
    const View *z, Py_ssize_t row, int rows, floating *u
) noexcept nogil:
    # One logit z of class 1 is the pair (0, z).
    load(z, row, rows, 1, u + ROWS)
    cdef int i
    for i in range(ROWS):
        u[i] = 0


cdef inline void store(
    const floating *u, Py_ssize_t row, int rows, Py_ssize_t columns, const View *out
) noexcept nogil:
    cdef Py_ssize_t i, k, down = out.down, right = out.right
    cdef floating *first = <floating *> out.data + row * down
    if rows == ROWS and right == 1 and columns > 1:
        tile_to_rows(sizeof(floating), u, down, columns, first)
    elif rows == ROWS and down == 1:
        for k in range(columns):
            for i in range(ROWS):
                first[k * right + i] = u[k * ROWS + i]
    else:
        for k in range(columns):
            for i in range(rows):
                first[k * right + i * down] = u[k * ROWS + i]
