"""Two classes from one logit z, with the margins z and -z; or one such problem a column.

    e = exp(-|m|)    p, q = 1/(1 + e) and e/(1 + e), as the sign of m has it
    L = -log p = log1p(e) + max(-m, 0)

    derivatives in z:  ± φ'(±z),  φ''(±z)
"""

from cython cimport floating
from derivatives cimport weigh
from losses cimport ROWS, phi
from targets cimport (
    Request,
    load_codes,
    load_targets,
    load_weights,
    raise_to,
    silence,
    tiles,
)
from tiles cimport load, store
from vecmath cimport exp_down, log1p_unit


cdef inline void logistic(
    const floating *m, floating *p, floating *q, floating *L, floating *M
) noexcept nogil:
    """p, q, -log p and M = -log q at the margins m."""
    cdef int i
    cdef floating size, e, large, small, log_total
    for i in range(ROWS):
        size = -m[i] if m[i] < 0 else m[i]
        e = exp_down(-size)
        log_total = log1p_unit(e, &large)
        small = e * large
        p[i] = small if m[i] < 0 else large
        q[i] = large if m[i] < 0 else small
        L[i] = log_total + size if m[i] < 0 else log_total
        M[i] = log_total if m[i] < 0 else log_total + size


cdef inline void hard_terms(
    Request *request, const Py_ssize_t *c, const floating *t, const floating *z,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    # Work on local arrays: they alias nothing, so that the loops vectorise.
    cdef int i
    cdef floating[ROWS] sign, m, p, q, L, M, g, g1, g2
    for i in range(ROWS):
        sign[i] = 1 if c[i] else -1
    for i in range(ROWS):
        m[i] = sign[i] * z[i]
    logistic(&m[0], &p[0], &q[0], &L[0], &M[0])
    phi(&request.loss, &p[0], &q[0], &L[0], &g[0], &g1[0], &g2[0])
    if request.weighted or request.class_weighted:
        weigh(t, &g[0], &g1[0], &g2[0])
    for i in range(ROWS):
        f[i] = g[i]
        f1[i] = sign[i] * g1[i]
        f2[i] = g2[i]


cdef inline void soft_terms(
    Request *request, const floating *t0, const floating *t1, const floating *z,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    """t1 φ(z) + t0 φ(-z)"""
    cdef int i
    cdef floating[ROWS] m, p, q, L, M, g, g1, g2, h, h1, h2
    for i in range(ROWS):
        m[i] = z[i]
    logistic(&m[0], &p[0], &q[0], &L[0], &M[0])
    phi(&request.loss, &p[0], &q[0], &L[0], &g[0], &g1[0], &g2[0])
    weigh(t1, &g[0], &g1[0], &g2[0])
    phi(&request.loss, &q[0], &p[0], &M[0], &h[0], &h1[0], &h2[0])
    weigh(t0, &h[0], &h1[0], &h2[0])
    for i in range(ROWS):
        f[i] = g[i] + h[i]
        f1[i] = g1[i] - h1[i]
        f2[i] = g2[i] + h2[i]


cdef inline void load_indicators(
    Request *request, const floating[:, :] soft, const double[:] sample_weight,
    const double[:] class_weight, Py_ssize_t row, int rows, floating *t0, floating *t1
) noexcept nogil:
    """Weights of no and of yes in every column: w v [(1 - ε) y + ε/2]."""
    cdef Py_ssize_t k
    cdef int i
    cdef double v, y, half = 0.5 * request.smoothing
    cdef floating[ROWS] w
    load_weights(request, sample_weight, row, rows, &w[0])
    load(soft, row, rows, request.K, t1)
    for k in range(request.K):
        v = class_weight[k] if request.class_weighted else 1
        for i in range(ROWS):
            y = t1[k * ROWS + i]
            t0[k * ROWS + i] = <floating> (
                w[i] * v * ((1 - request.smoothing) * (1 - y) + half)
            )
            t1[k * ROWS + i] = <floating> (
                w[i] * v * ((1 - request.smoothing) * y + half)
            )


cdef inline void binary_rows(
    Request *request, const floating[:, :] z, const Py_ssize_t[::1] codes,
    const floating[:, :] soft, const double[:] sample_weight,
    const double[:] class_weight, const floating[:, :] x,
    floating[:, :] value, floating[:, :] gradient, floating[:, :] hessian,
    floating[:, :] product, Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t columns = z.shape[1], size = columns * ROWS, row, tile, k, at
    cdef int rows, i
    cdef bint one_term = request.hard and request.smoothing == 0 and not request.weigh_target
    cdef floating *u = work
    cdef floating *f1 = work + size
    cdef floating *f2 = work + 2 * size
    cdef floating *v = work + 3 * size
    # A single column has two classes, and so two columns of targets.
    cdef floating *t0 = work + 4 * size
    cdef floating *t1 = t0 + size
    cdef floating[ROWS] f, total
    cdef Py_ssize_t[ROWS] c
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load(z, row, rows, columns, u)
        if request.weighted:
            load_weights(request, sample_weight, row, rows, &f[0])
            silence(columns, &f[0], u)
        if one_term:
            load_codes(request, codes, sample_weight, class_weight, row, rows, &c[0], t1)
            hard_terms(request, &c[0], t1, u, &total[0], f1, f2)
        else:
            if request.multilabel:
                load_indicators(
                    request, soft, sample_weight, class_weight, row, rows, t0, t1
                )
            else:
                load_targets(
                    request, codes, soft, sample_weight, class_weight, row, rows, t0
                )
            for i in range(ROWS):
                total[i] = 0
            for k in range(columns):
                at = k * ROWS
                soft_terms(request, t0 + at, t1 + at, u + at, &f[0], f1 + at, f2 + at)
                for i in range(ROWS):
                    total[i] += f[i]
        if request.value:
            store(&total[0], row, rows, 1, value)
        if request.gradient:
            store(f1, row, rows, columns, gradient)
        if request.product:
            load(x, row, rows, columns, v)
            for k in range(columns):
                for i in range(ROWS):
                    v[k * ROWS + i] *= f2[k * ROWS + i]
            store(v, row, rows, columns, product)
        if request.hessian:
            raise_to(request.floor, size, f2)
            store(f2, row, rows, columns, hessian)
