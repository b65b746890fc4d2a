"""A tile: ROWS rows of logits, transposed, so that inner loops run over rows.

Every array of a tile holds class k of row i at [k * ROWS + i]. What is computed on
tiles: binary.pxd, hard.pxd, soft.pxd, posterior.pxd.
"""

from cython cimport floating
from losses cimport ROWS

cdef extern from "transpose.h" nogil:
    void rows_to_tile_double(const double *, Py_ssize_t, Py_ssize_t, double *)
    void rows_to_tile_float(const float *, Py_ssize_t, Py_ssize_t, float *)
    void tile_to_rows_double(const double *, Py_ssize_t, Py_ssize_t, double *)
    void tile_to_rows_float(const float *, Py_ssize_t, Py_ssize_t, float *)


cdef inline void load(
    const floating[:, :] z, Py_ssize_t row, int rows, Py_ssize_t columns, floating *u
) noexcept nogil:
    # Missing rows of the last tile repeat its first, so that they compute nothing new.
    cdef Py_ssize_t i, k
    cdef Py_ssize_t down = z.strides[0] // <Py_ssize_t> sizeof(floating)
    cdef Py_ssize_t right = z.strides[1] // <Py_ssize_t> sizeof(floating)
    cdef const floating *first = &z[row, 0]
    if rows < ROWS:
        for k in range(columns):
            for i in range(ROWS):
                u[k * ROWS + i] = first[(i if i < rows else 0) * down + k * right]
    elif right == 1 and columns > 1:
        if floating is float:
            rows_to_tile_float(first, down, columns, u)
        else:
            rows_to_tile_double(first, down, columns, u)
    elif down == 1:
        for k in range(columns):
            for i in range(ROWS):
                u[k * ROWS + i] = first[k * right + i]
    else:
        for k in range(columns):
            for i in range(ROWS):
                u[k * ROWS + i] = first[k * right + i * down]


cdef inline void load_binary(
    const floating[:, :] z, Py_ssize_t row, int rows, floating *u
) noexcept nogil:
    # One logit z of class 1 is the pair (0, z).
    load(z, row, rows, 1, u + ROWS)
    cdef int i
    for i in range(ROWS):
        u[i] = 0


cdef inline void store(
    const floating *u, Py_ssize_t row, int rows, Py_ssize_t columns, floating[:, :] out
) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef Py_ssize_t down = out.strides[0] // <Py_ssize_t> sizeof(floating)
    cdef Py_ssize_t right = out.strides[1] // <Py_ssize_t> sizeof(floating)
    cdef floating *first = &out[row, 0]
    if rows == ROWS and right == 1 and columns > 1:
        if floating is float:
            tile_to_rows_float(u, down, columns, first)
        else:
            tile_to_rows_double(u, down, columns, first)
    elif rows == ROWS and down == 1:
        for k in range(columns):
            for i in range(ROWS):
                first[k * right + i] = u[k * ROWS + i]
    else:
        for k in range(columns):
            for i in range(rows):
                first[k * right + i * down] = u[k * ROWS + i]
