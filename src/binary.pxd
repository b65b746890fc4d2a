"""Two classes from one logit z, with the margins z and -z; or one such problem a column.

    e = exp(-|m|)    p, q = 1/(1 + e) and e/(1 + e), as the sign of m has it
    L = -log p = log1p(e) + max(-m, 0)

    derivatives in z:  ± φ'(±z),  φ''(±z)
"""

from cython cimport floating
from derivatives cimport apply_weight
from losses cimport ROWS, by_class, phi
from passes cimport Pass, one_term, order_of, tiles
from targets cimport (
    clip_below, load_codes, load_targets, load_weights, mask_ignored,
)
from tiles cimport load, store
from vecmath cimport exp_down, log1p_unit
from views cimport entry


cdef inline void logistic(
    const floating *m, floating *margins, floating *opposite
) noexcept nogil:
    """Write p, q and -log p at the margins m, and at the opposite ones, -m."""
    cdef int i
    cdef floating size, e, large, small, log_total
    for i in range(ROWS):
        size = -m[i] if m[i] < 0 else m[i]
        e = exp_down(-size)
        log_total = log1p_unit(e, &large)
        small = e * large
        margins[i] = small if m[i] < 0 else large
        margins[ROWS + i] = large if m[i] < 0 else small
        margins[2 * ROWS + i] = log_total + size if m[i] < 0 else log_total
        opposite[i] = large if m[i] < 0 else small
        opposite[ROWS + i] = small if m[i] < 0 else large
        opposite[2 * ROWS + i] = log_total if m[i] < 0 else log_total + size


cdef inline void two_probabilities(const floating *m, floating *e) noexcept nogil:
    """Write q and then p at the margins m, without logarithms."""
    cdef int i
    cdef floating small, large
    for i in range(ROWS):
        small = exp_down(m[i] if m[i] < 0 else -m[i])
        large = 1 / (1 + small)
        small *= large
        e[i] = large if m[i] < 0 else small
        e[ROWS + i] = small if m[i] < 0 else large


cdef inline void hard_terms(
    const Pass *p, const Py_ssize_t *c, const floating *t, const floating *z,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    # Work on local arrays: they alias nothing, so that the loops vectorise.
    cdef int i, order = order_of(p)
    cdef floating[ROWS] sign, m
    cdef floating[3 * ROWS] margins, opposite, g
    for i in range(ROWS):
        sign[i] = 1 if c[i] else -1
    for i in range(ROWS):
        m[i] = sign[i] * z[i]
    logistic(&m[0], &margins[0], &opposite[0])
    phi(&p.loss, order, c, &margins[0], &g[0])
    if p.sample_weight.data != NULL or p.class_weight.data != NULL:
        apply_weight(order, t, &g[0])
    for i in range(ROWS):
        f[i] = g[i]
        f1[i] = sign[i] * g[ROWS + i]
    for i in range(ROWS if order > 1 else 0):
        f2[i] = g[2 * ROWS + i]


cdef inline void soft_terms(
    const Pass *p, const floating *t0, const floating *t1, const floating *z,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    """Write t1 φ(z) + t0 φ(-z) and its derivatives in z."""
    cdef int i, order = order_of(p)
    cdef floating[ROWS] m
    cdef floating[3 * ROWS] margins, opposite, g, h
    cdef Py_ssize_t[ROWS] no, yes
    for i in range(ROWS):
        m[i] = z[i]
    for i in range(ROWS if by_class(&p.loss) else 0):
        no[i], yes[i] = 0, 1
    logistic(&m[0], &margins[0], &opposite[0])
    phi(&p.loss, order, &yes[0], &margins[0], &g[0])
    apply_weight(order, t1, &g[0])
    phi(&p.loss, order, &no[0], &opposite[0], &h[0])
    apply_weight(order, t0, &h[0])
    for i in range(ROWS):
        f[i] = g[i] + h[i]
        f1[i] = g[ROWS + i] - h[ROWS + i]
    for i in range(ROWS if order > 1 else 0):
        f2[i] = g[2 * ROWS + i] + h[2 * ROWS + i]


cdef inline void load_indicators(
    const Pass *p, Py_ssize_t row, int rows, floating *t0, floating *t1
) noexcept nogil:
    """Load the weights of no and of yes in every column.

    w [(1 - ε) v y + (ε/2) Σ v y], or w v [(1 - ε) y + ε/2] if weights come after smoothing.
    """
    cdef Py_ssize_t k
    cdef int i
    cdef double no, yes, y, keep = 1 - p.smoothing, half = 0.5 * p.smoothing
    cdef double before = half, after = 0, a, b
    cdef floating[ROWS] w
    load_weights(p, row, rows, &w[0])
    load(&p.soft, p.first + row, rows, p.K, t1)
    if p.weight_after_smoothing:
        before, after = 0, half
    for k in range(p.K):
        no = yes = 1
        if p.class_weight.data != NULL:
            no, yes = entry(&p.class_weight, k, 0), entry(&p.class_weight, k, 1)
        for i in range(ROWS):
            y = t1[k * ROWS + i]
            a, b = no * (1 - y), yes * y
            t0[k * ROWS + i] = <floating> (w[i] * (keep * a + before * (a + b) + after * no))
            t1[k * ROWS + i] = <floating> (w[i] * (keep * b + before * (a + b) + after * yes))


cdef inline void binary_rows(
    const Pass *p, Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t columns = p.columns, size = columns * ROWS, row, tile, k, at
    cdef int rows, i
    cdef bint single = one_term(p), indicators = p.K == columns
    cdef floating *u = work
    cdef floating *f1 = work + size
    cdef floating *f2 = work + 2 * size
    cdef floating *x = work + 3 * size
    # A single column has two classes, and so two columns of targets.
    cdef floating *t0 = work + 4 * size
    cdef floating *t1 = t0 + size
    cdef floating[ROWS] f, total
    cdef Py_ssize_t[ROWS] c
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load(&p.z, row, rows, columns, u)
        if p.sample_weight.data != NULL:
            load_weights(p, row, rows, &f[0])
            mask_ignored(columns, &f[0], u)
        if single:
            load_codes(p, row, rows, &c[0], t1)
            hard_terms(p, &c[0], t1, u, &total[0], f1, f2)
        else:
            if indicators:
                load_indicators(p, row, rows, t0, t1)
            else:
                load_targets(p, row, rows, t0)
            for i in range(ROWS):
                total[i] = 0
            for k in range(columns):
                at = k * ROWS
                soft_terms(p, t0 + at, t1 + at, u + at, &f[0], f1 + at, f2 + at)
                for i in range(ROWS):
                    total[i] += f[i]
                    t0[at + i] = f[i]
        if p.value_by_column:
            store(t0, row, rows, columns, &p.value)
        elif p.value.data != NULL:
            store(&total[0], row, rows, 1, &p.value)
        if p.gradient.data != NULL:
            store(f1, row, rows, columns, &p.gradient)
        if p.product.data != NULL:
            load(&p.x, row, rows, columns, x)
            for k in range(columns):
                for i in range(ROWS):
                    x[k * ROWS + i] *= f2[k * ROWS + i]
            store(x, row, rows, columns, &p.product)
        if p.hessian.data != NULL:
            clip_below(p.floor, size, f2)
            store(f2, row, rows, columns, &p.hessian)
