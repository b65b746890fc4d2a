"""A tile: ROWS rows of logits, transposed, so that inner loops run over rows.

Every array of a tile holds class k of row i at [k * ROWS + i]. Notation, a row:

    d_k = z_k - max z    e_k = exp(d_k)    a = argmax z    rest = Σ_{k≠a} e_k
    p_k = e_k / (1 + rest)    L_k = -log p_k = log1p(rest) - d_k
    q_k = 1 - p_k = rest / (1 + rest) for k = a, (rest - e_k + 1) / (1 + rest) otherwise

Nothing here cancels: rest leaves out the one term that is 1, and for k ≠ a,
rest - e_k + 1 is at least 1.

Derivatives of t φ(m_c), where r_k = e_k / Σ_{j≠c} e_j and r_c = 0 (`pivot_*`):

    gradient     t φ' (e_c - r)
    Hessian x    t [φ'' (x_c - r·x) (e_c - r) - φ' (r∘x - r (r·x))]

Soft targets Σ_c t_c φ(m_c) take the likeliest class a as pivot. The others have
q >= 1/2, so their derivatives in u = log p are safe, f' = φ'/q and
f'' = (φ'' + p φ')/q²; with s = t f', h = t f'', S = Σ s, H = Σ h (`rest_*`):

    gradient     s - S p
    Hessian x    h∘(x - P) - p (h·x - H P) - S p∘(x - P),  P = p·x
"""

from cython cimport floating
from libc.math cimport INFINITY
from losses cimport LossSpec, ROWS, log_slope, phi
from vecmath cimport exp, log, log1p


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


cdef inline void load_binary(
    const floating[:, :] z, Py_ssize_t row, int rows, floating *u
) noexcept nogil:
    # One logit z of class 1 is the pair (0, z).
    load(z, row, rows, 1, u + ROWS)
    cdef int i
    for i in range(ROWS):
        u[i] = 0


cdef inline void find_top(
    Py_ssize_t K, const floating *z, floating *top
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] best
    for i in range(ROWS):
        best[i] = z[i]
    for k in range(1, K):
        for i in range(ROWS):
            best[i] = z[k * ROWS + i] if z[k * ROWS + i] > best[i] else best[i]
    for i in range(ROWS):
        top[i] = best[i]


cdef inline void find_class(
    Py_ssize_t K, const floating *z, const floating *top, floating *a
) noexcept nogil:
    """The first class that has the largest logit."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating number
    cdef floating[ROWS] first
    for i in range(ROWS):
        first[i] = 0
    for k in range(K - 1, -1, -1):
        number = <floating> k
        for i in range(ROWS):
            first[i] = number if z[k * ROWS + i] == top[i] else first[i]
    for i in range(ROWS):
        a[i] = first[i]


cdef inline floating below(floating z, floating top) noexcept nogil:
    # d = z - max z; equal infinities are level
    return 0 if z == top else z - top


cdef inline void exponentials(
    Py_ssize_t K, const floating *z, const floating *top, const floating *skip,
    floating *e, floating *rest
) noexcept nogil:
    """e, and its sum over all classes but skip[i]."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, number
    cdef floating[ROWS] total
    for i in range(ROWS):
        total[i] = 0
    for k in range(K):
        number = <floating> k
        for i in range(ROWS):
            x = exp(below(z[k * ROWS + i], top[i]))
            e[k * ROWS + i] = x
            total[i] += 0 if skip[i] == number else x
    for i in range(ROWS):
        rest[i] = total[i]


cdef inline void exponentials_binary(
    const floating *z, floating *top, floating *a, floating *e, floating *rest
) noexcept nogil:
    """All of the above for the pair (0, z), with one exp."""
    cdef int i
    cdef floating x, small
    for i in range(ROWS):
        x = z[ROWS + i]
        small = exp(-x if x > 0 else x)
        top[i] = x if x > 0 else 0
        a[i] = 1 if x > 0 else 0
        e[i] = small if x > 0 else 1
        e[ROWS + i] = 1 if x > 0 else small
        rest[i] = small


cdef inline void class_terms(
    Py_ssize_t k, const floating *z, const floating *top, const floating *e,
    const floating *a, const floating *rest, const floating *log_total,
    floating *p, floating *q, floating *L
) noexcept nogil:
    """p, q, L of class k in every row; rest leaves out class a."""
    cdef int i
    cdef floating share, others
    for i in range(ROWS):
        share = 1 / (1 + rest[i])
        others = rest[i] if a[i] == <floating> k else (rest[i] - e[k * ROWS + i]) + 1
        p[i] = e[k * ROWS + i] * share
        q[i] = others * share
        L[i] = log_total[i] - below(z[k * ROWS + i], top[i])


cdef inline void pivot_terms(
    const Py_ssize_t *c, const floating *z, const floating *top, const floating *e,
    const floating *skip, const floating *rest,
    floating *p, floating *q, floating *L, floating *inverse
) noexcept nogil:
    """p, q, L of class c[i] in row i, and 1 / Σ_{k≠c} e_k, or 0 where that is 0.

    rest leaves out class skip[i], which is c[i] or the likeliest. The sum that leaves
    out the likeliest is Σ_{k≠c} e_k if c is as likely, else that - 1 + e_c.
    """
    cdef int i
    cdef floating d, share, others, excess
    cdef floating[ROWS] e_c, z_c, number, pp, qq, LL, reciprocal
    for i in range(ROWS):
        e_c[i] = e[c[i] * ROWS + i]
        z_c[i] = z[c[i] * ROWS + i]
        number[i] = <floating> c[i]
    for i in range(ROWS):
        others = rest[i] if skip[i] == number[i] else (rest[i] - e_c[i]) + 1
        d = below(z_c[i], top[i])
        excess = others if d == 0 else (others - 1) + e_c[i]
        LL[i] = log1p(excess) - d
        share = 1 / (others + e_c[i])
        pp[i] = e_c[i] * share
        qq[i] = others * share
        reciprocal[i] = 1 / others if others > 0 else 0
    for i in range(ROWS):
        p[i] = pp[i]
        q[i] = qq[i]
        L[i] = LL[i]
        inverse[i] = reciprocal[i]


cdef inline void weigh(
    const floating *t, floating *f, floating *f1, floating *f2
) noexcept nogil:
    # A weight of zero silences even an infinite loss.
    cdef int i
    for i in range(ROWS):
        f[i] = t[i] * f[i] if t[i] != 0 else 0
        f1[i] = t[i] * f1[i] if t[i] != 0 else 0
        f2[i] = t[i] * f2[i] if t[i] != 0 else 0


cdef inline void pivot_gradient(
    Py_ssize_t K, const Py_ssize_t *c, const floating *e, const floating *inverse,
    const floating *f1, floating *out
) noexcept nogil:
    """out may be e."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] scale
    for i in range(ROWS):
        scale[i] = -f1[i] * inverse[i]
    for k in range(K):
        for i in range(ROWS):
            out[k * ROWS + i] = scale[i] * e[k * ROWS + i]
    for i in range(ROWS):
        out[c[i] * ROWS + i] = f1[i]


cdef inline void pivot_hessian(
    Py_ssize_t K, const Py_ssize_t *c, const floating *e, const floating *a,
    const floating *rest, const floating *inverse,
    const floating *f1, const floating *f2, floating *out
) noexcept nogil:
    """The diagonal: t φ'' at c, t [φ'' r² - φ' r (1 - r)] elsewhere.

    Far on the wrong side φ' is near -1 while φ'' is tiny and r_a near 1: 1 - r_a is
    summed, not subtracted.
    """
    cdef Py_ssize_t k
    cdef int i
    cdef floating r, gap
    cdef floating[ROWS] others, others_of_top
    for i in range(ROWS):
        gap = rest[i] - e[c[i] * ROWS + i]
        others_of_top[i] = gap
        others[i] = rest[i] if a[i] == <floating> c[i] else gap + 1
    for k in range(K):
        for i in range(ROWS):
            r = e[k * ROWS + i] * inverse[i]
            gap = others[i] - e[k * ROWS + i]
            gap = others_of_top[i] if a[i] == <floating> k else gap
            out[k * ROWS + i] = r * (f2[i] * r - f1[i] * gap * inverse[i])
    for i in range(ROWS):
        out[c[i] * ROWS + i] = f2[i]


cdef inline void shift_to_top(
    Py_ssize_t K, const floating *a, floating *x
) noexcept nogil:
    """x - x_a: a Hessian ignores the shift, and x - p·x then cancels nothing."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] origin
    for i in range(ROWS):
        origin[i] = x[<Py_ssize_t> a[i] * ROWS + i]
    for k in range(K):
        for i in range(ROWS):
            x[k * ROWS + i] -= origin[i]


cdef inline void pivot_product(
    Py_ssize_t K, const Py_ssize_t *c, const floating *e, const floating *inverse,
    const floating *f1, const floating *f2, const floating *x, floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating r
    cdef floating[ROWS] mean, excess
    for i in range(ROWS):
        mean[i] = 0
    for k in range(K):
        for i in range(ROWS):
            r = 0 if <Py_ssize_t> k == c[i] else e[k * ROWS + i] * inverse[i]
            mean[i] += r * x[k * ROWS + i]
    for i in range(ROWS):
        excess[i] = f2[i] * (x[c[i] * ROWS + i] - mean[i])
    for k in range(K):
        for i in range(ROWS):
            r = e[k * ROWS + i] * inverse[i]
            out[k * ROWS + i] = -r * (
                excess[i] + f1[i] * (x[k * ROWS + i] - mean[i])
            )
    for i in range(ROWS):
        out[c[i] * ROWS + i] = excess[i]


cdef inline void rest_terms(
    LossSpec *loss, Py_ssize_t K, const floating *t, const floating *z,
    const floating *top, const floating *e, const floating *a, const floating *rest,
    floating *value, floating *s, floating *h
) noexcept nogil:
    """Add Σ_{k≠a} t_k φ_k to value; s = t f' and h = t f'' for k ≠ a, else 0."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] p, q, L, f, f1, f2, w, log_total
    for i in range(ROWS):
        log_total[i] = log1p(rest[i])
    for k in range(K):
        class_terms(k, z, top, e, a, rest, &log_total[0], &p[0], &q[0], &L[0])
        for i in range(ROWS):
            w[i] = 0 if a[i] == <floating> k else t[k * ROWS + i]
            q[i] = 1 if a[i] == <floating> k else q[i]
        phi(loss, &p[0], &q[0], &L[0], &f[0], &f1[0], &f2[0])
        weigh(&w[0], &f[0], &f1[0], &f2[0])
        for i in range(ROWS):
            value[i] += f[i]
            s[k * ROWS + i] = f1[i] / q[i]
            h[k * ROWS + i] = (f2[i] + p[i] * f1[i]) / (q[i] * q[i])


cdef inline void rest_gradient(
    Py_ssize_t K, const floating *s, const floating *e, const floating *rest,
    floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] scale
    for i in range(ROWS):
        scale[i] = 0
    for k in range(K):
        for i in range(ROWS):
            scale[i] += s[k * ROWS + i]
    for i in range(ROWS):
        scale[i] /= 1 + rest[i]
    for k in range(K):
        for i in range(ROWS):
            out[k * ROWS + i] += s[k * ROWS + i] - scale[i] * e[k * ROWS + i]


cdef inline void rest_hessian(
    Py_ssize_t K, const floating *s, const floating *h, const floating *e,
    const floating *a, const floating *rest, floating *out
) noexcept nogil:
    """The diagonal: h q² + p² (H - h) - S p q."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating p, q, total
    cdef floating[ROWS] S, H
    for i in range(ROWS):
        S[i] = 0
        H[i] = 0
    for k in range(K):
        for i in range(ROWS):
            S[i] += s[k * ROWS + i]
            H[i] += h[k * ROWS + i]
    for k in range(K):
        for i in range(ROWS):
            total = 1 + rest[i]
            p = e[k * ROWS + i] / total
            q = rest[i] if a[i] == <floating> k else (rest[i] - e[k * ROWS + i]) + 1
            q /= total
            out[k * ROWS + i] += (
                h[k * ROWS + i] * q * q + p * p * (H[i] - h[k * ROWS + i]) - S[i] * p * q
            )


cdef inline void rest_product(
    Py_ssize_t K, const floating *s, const floating *h, const floating *e,
    const floating *rest, const floating *x, floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating p
    cdef floating[ROWS] S, mean, spread
    for i in range(ROWS):
        S[i] = 0
        mean[i] = 0
        spread[i] = 0
    for k in range(K):
        for i in range(ROWS):
            S[i] += s[k * ROWS + i]
            mean[i] += e[k * ROWS + i] * x[k * ROWS + i]
    for i in range(ROWS):
        mean[i] /= 1 + rest[i]
    for k in range(K):
        for i in range(ROWS):
            spread[i] += h[k * ROWS + i] * (x[k * ROWS + i] - mean[i])
    for k in range(K):
        for i in range(ROWS):
            p = e[k * ROWS + i] / (1 + rest[i])
            out[k * ROWS + i] += (
                (h[k * ROWS + i] - S[i] * p) * (x[k * ROWS + i] - mean[i])
                - p * spread[i]
            )


cdef inline void log_softmax(Py_ssize_t K, floating *u, floating *e) noexcept nogil:
    """u: logits in, log-probabilities out; e: probabilities out."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] top, a, rest, log_total
    find_top(K, u, &top[0])
    find_class(K, u, &top[0], &a[0])
    exponentials(K, u, &top[0], &a[0], e, &rest[0])
    for i in range(ROWS):
        log_total[i] = log1p(rest[i])
    for k in range(K):
        for i in range(ROWS):
            u[k * ROWS + i] = below(u[k * ROWS + i], top[i]) - log_total[i]
            e[k * ROWS + i] /= 1 + rest[i]


cdef inline void posterior(
    LossSpec *loss, Py_ssize_t K, double smoothing, const double *log_weight,
    floating *u, floating *e, floating *l
) noexcept nogil:
    """Class probabilities that a minimiser of the loss implies.

    log τ = log p - log_slope, up to a constant; τ = (1 - ε) π + ε/K; η ∝ π / w. A minimiser
    has τ >= ε/K, but a model may go below: there π is τ/100, not 0, for a zero would
    make the log loss of one wrong row infinite.
    u: logits in, log η out; e: η out; l: work space.
    """
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, bound, kept
    cdef floating floor = <floating> 0.01, log_floor = log(floor)
    cdef floating[ROWS] top, second, a, rest, log_total, log_rest, p, q, L, log_q, s
    find_top(K, u, &top[0])
    find_class(K, u, &top[0], &a[0])
    exponentials(K, u, &top[0], &a[0], e, &rest[0])
    # log rest through its own maximum, for rest may underflow where log τ does not
    for i in range(ROWS):
        log_total[i] = log1p(rest[i])
        second[i] = -INFINITY
        log_rest[i] = 0
    for k in range(K):
        for i in range(ROWS):
            x = -INFINITY if a[i] == <floating> k else u[k * ROWS + i]
            second[i] = x if x > second[i] else second[i]
    for k in range(K):
        for i in range(ROWS):
            x = exp(below(u[k * ROWS + i], second[i]))
            log_rest[i] += 0 if a[i] == <floating> k else x
    for i in range(ROWS):
        x = below(second[i], top[i])
        log_rest[i] = x + log(log_rest[i]) - log_total[i]
    for k in range(K):
        class_terms(
            k, u, &top[0], e, &a[0], &rest[0], &log_total[0], &p[0], &q[0], &L[0]
        )
        for i in range(ROWS):
            log_q[i] = log_rest[i] if a[i] == <floating> k else log(q[i])
        log_slope(loss, &p[0], &q[0], &L[0], &log_q[0], &s[0])
        for i in range(ROWS):
            l[k * ROWS + i] = -L[i] - s[i]
    if smoothing > 0:
        log_softmax(K, l, e)
        for k in range(K):
            for i in range(ROWS):
                x = e[k * ROWS + i] - <floating> (smoothing / K)
                bound = floor * e[k * ROWS + i]
                kept = l[k * ROWS + i] + log_floor
                l[k * ROWS + i] = log(x) if x > bound else kept
    for k in range(K):
        for i in range(ROWS):
            u[k * ROWS + i] = l[k * ROWS + i] - <floating> log_weight[k]
    log_softmax(K, u, e)
