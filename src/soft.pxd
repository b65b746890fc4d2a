"""Any target and any derivative of more than two classes, in tiles.

The likeliest class a is the pivot of soft targets, the label that of hard ones.
"""

from cython cimport floating
from derivatives cimport (
    add_other_gradient, add_other_hessian, add_other_product, apply_weight, other_terms,
    pivot_gradient, pivot_hessian, pivot_product, pivot_terms, shift_to_argmax,
)
from losses cimport ROWS, phi
from passes cimport Pass, one_term, order_of, tiles
from softmax cimport softmax_terms
from targets cimport (
    clamp_codes, clip_below, load_codes, load_targets, load_weights, mask_ignored,
)
from tiles cimport ARGMAX, F, P, TERMS, load, store
from views cimport View


cdef inline void soft_rows(
    const Pass *p, Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t K = p.K, size = K * ROWS, row, tile, column, k
    cdef int rows, i, order = order_of(p)
    cdef bint single = one_term(p)
    cdef floating *u = work
    cdef floating *e = work + size
    cdef floating *t = work + 2 * size
    cdef floating *out = work + 3 * size
    cdef floating *s = work + 4 * size
    cdef floating *h = work + 5 * size
    # The logits are no longer needed when products are asked for.
    cdef floating *x = u
    cdef floating[TERMS] terms
    cdef floating[ROWS] weight
    cdef Py_ssize_t[ROWS] c
    cdef View columns = p.matrix

    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load(&p.z, row, rows, K, u)
        if p.sample_weight.data != NULL:
            load_weights(p, row, rows, &weight[0])
            mask_ignored(K, &weight[0], u)
        softmax_terms(K, u, e, &terms[0])
        if single:
            load_codes(p, row, rows, &c[0], &weight[0])
            clamp_codes(K, &c[0])
        else:
            load_targets(p, row, rows, t)
            for i in range(ROWS):
                c[i] = <Py_ssize_t> terms[ARGMAX + i]
                weight[i] = t[c[i] * ROWS + i]
        pivot_terms(&c[0], u, e, &terms[0])
        phi(&p.loss, order, &c[0], &terms[P], &terms[F])
        apply_weight(order, &weight[0], &terms[F])
        if not single:
            other_terms(p, t, u, e, &terms[0], s, h)
        if p.value.data != NULL:
            store(&terms[F], row, rows, 1, &p.value)
        if p.gradient.data != NULL:
            pivot_gradient(K, &c[0], e, &terms[0], out)
            if not single:
                add_other_gradient(K, s, e, &terms[0], out)
            store(out, row, rows, K, &p.gradient)
        if p.hessian.data != NULL:
            pivot_hessian(K, &c[0], e, &terms[0], out)
            if not single:
                add_other_hessian(K, s, h, e, &terms[0], out)
            clip_below(p.floor, size, out)
            store(out, row, rows, K, &p.hessian)
        if p.product.data != NULL:
            load(&p.x, row, rows, K, x)
            shift_to_argmax(K, &terms[0], x)
            pivot_product(K, &c[0], e, &terms[0], x, out)
            if not single:
                add_other_product(K, s, h, e, &terms[0], x, out)
            store(out, row, rows, K, &p.product)
        # The whole Hessian goes column by column: each is its product with a unit vector.
        for column in range(K if p.matrix.data != NULL else 0):
            for k in range(K):
                for i in range(ROWS):
                    x[k * ROWS + i] = 1 if k == column else 0
            shift_to_argmax(K, &terms[0], x)
            pivot_product(K, &c[0], e, &terms[0], x, out)
            if not single:
                add_other_product(K, s, h, e, &terms[0], x, out)
            columns.data = <floating *> p.matrix.data + column * K * p.matrix.right
            store(out, row, rows, K, &columns)
