"""Any target and any derivative of more than two classes, in tiles.

The likeliest class a is the pivot of soft targets, the label that of hard ones.
"""

from cython cimport floating
from derivatives cimport (
    pivot_gradient,
    pivot_hessian,
    pivot_product,
    pivot_terms,
    rest_gradient,
    rest_hessian,
    rest_product,
    rest_terms,
    shift_to_top,
    weigh,
)
from losses cimport ROWS, phi
from softmax cimport exponentials, find_class, find_top
from targets cimport (
    Request,
    clamp_codes,
    load_codes,
    load_targets,
    load_weights,
    raise_to,
    silence,
    tiles,
)
from tiles cimport load, store


cdef inline void hessian_columns(
    Request *request, const Py_ssize_t *c, const floating *e, const floating *a,
    const floating *rest, const floating *inverse, const floating *f1,
    const floating *f2, const floating *s, const floating *h, bint one_term,
    Py_ssize_t row, int rows, floating *v, floating *out, floating[:, :] matrix
) noexcept nogil:
    """The whole Hessian of every row, a column at a time: that times a unit vector."""
    cdef Py_ssize_t K = request.K, column, k
    cdef int i
    for column in range(K):
        for k in range(K):
            for i in range(ROWS):
                v[k * ROWS + i] = 1 if k == column else 0
        shift_to_top(K, a, v)
        pivot_product(K, c, e, inverse, f1, f2, v, out)
        if not one_term:
            rest_product(K, s, h, e, rest, v, out)
        store(out, row, rows, K, matrix[:, column * K : (column + 1) * K])


cdef inline void soft_rows(
    Request *request, const floating[:, :] z, const Py_ssize_t[::1] codes,
    const floating[:, :] soft, const double[:] sample_weight,
    const double[:] class_weight, const floating[:, :] x,
    floating[:, :] value, floating[:, :] gradient, floating[:, :] hessian,
    floating[:, :] product, floating[:, :] matrix,
    Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t K = request.K, size = K * ROWS, row, tile
    cdef int rows, i
    cdef bint one_term = (
        request.hard and request.smoothing == 0 and not request.weigh_target
    )
    cdef bint curved = request.hessian or request.product or request.matrix
    cdef floating *u = work
    cdef floating *e = work + size
    cdef floating *t = work + 2 * size
    cdef floating *out = work + 3 * size
    cdef floating *s = work + 4 * size
    cdef floating *h = work + 5 * size
    # The logits are no longer needed when the product is asked for.
    cdef floating *v = u
    cdef floating[ROWS] top, a, rest, p, q, L, f, f1, f2, inverse, weight
    cdef Py_ssize_t[ROWS] c

    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load(z, row, rows, K, u)
        if request.weighted:
            load_weights(request, sample_weight, row, rows, &weight[0])
            silence(K, &weight[0], u)
        find_top(K, u, &top[0])
        find_class(K, u, &top[0], &a[0])
        exponentials(K, u, &top[0], &a[0], e, &rest[0])
        if one_term:
            load_codes(
                request, codes, sample_weight, class_weight, row, rows,
                &c[0], &weight[0],
            )
            clamp_codes(K, &c[0])
        else:
            load_targets(
                request, codes, soft, sample_weight, class_weight, row, rows, t
            )
            for i in range(ROWS):
                c[i] = <Py_ssize_t> a[i]
                weight[i] = t[c[i] * ROWS + i]
        pivot_terms(
            &c[0], u, &top[0], e, &a[0], &rest[0], &p[0], &q[0], &L[0], &inverse[0]
        )
        phi(&request.loss, &p[0], &q[0], &L[0], &f[0], &f1[0], &f2[0])
        weigh(&weight[0], &f[0], &f1[0], &f2[0])
        if not one_term:
            rest_terms(
                &request.loss, K, t, u, &top[0], e, &a[0], &rest[0], curved, &f[0], s, h
            )
        if request.value:
            store(&f[0], row, rows, 1, value)
        if request.gradient:
            pivot_gradient(K, &c[0], e, &inverse[0], &f1[0], out)
            if not one_term:
                rest_gradient(K, s, e, &rest[0], out)
            store(out, row, rows, K, gradient)
        if request.hessian:
            pivot_hessian(
                K, &c[0], e, &a[0], &rest[0], &inverse[0], &f1[0], &f2[0], out
            )
            if not one_term:
                rest_hessian(K, s, h, e, &a[0], &rest[0], out)
            raise_to(request.floor, size, out)
            store(out, row, rows, K, hessian)
        if request.product:
            load(x, row, rows, K, v)
            shift_to_top(K, &a[0], v)
            pivot_product(K, &c[0], e, &inverse[0], &f1[0], &f2[0], v, out)
            if not one_term:
                rest_product(K, s, h, e, &rest[0], v, out)
            store(out, row, rows, K, product)
        if request.matrix:
            hessian_columns(
                request, &c[0], e, &a[0], &rest[0], &inverse[0], &f1[0], &f2[0], s, h,
                one_term, row, rows, v, out, matrix,
            )
