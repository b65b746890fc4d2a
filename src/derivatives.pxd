"""From φ, φ', φ'' of the margin to the derivatives in the logits of a tile.

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
from losses cimport LossSpec, ROWS, log_likelihood, phi
from softmax cimport below, class_terms, margin_terms
from vecmath cimport log1p


cdef inline void pivot_terms(
    const Py_ssize_t *c, const floating *z, const floating *top, const floating *e,
    const floating *a, const floating *rest,
    floating *p, floating *q, floating *L, floating *inverse
) noexcept nogil:
    """p, q, L of class c[i] in row i, and 1 / Σ_{k≠c} e_k; rest leaves out class a[i]."""
    cdef int i
    cdef floating[ROWS] e_c, z_c, d_c, others
    for i in range(ROWS):
        e_c[i] = e[c[i] * ROWS + i]
        z_c[i] = z[c[i] * ROWS + i]
    for i in range(ROWS):
        d_c[i] = below(z_c[i], top[i])
        others[i] = rest[i] if a[i] == <floating> c[i] else (rest[i] - e_c[i]) + 1
    margin_terms(&e_c[0], &d_c[0], &others[0], p, q, L, inverse)


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
    cdef double[ROWS] mean
    cdef floating[ROWS] excess
    for i in range(ROWS):
        mean[i] = 0
    for k in range(K):
        for i in range(ROWS):
            r = 0 if <Py_ssize_t> k == c[i] else e[k * ROWS + i] * inverse[i]
            mean[i] += r * x[k * ROWS + i]
    for i in range(ROWS):
        excess[i] = <floating> (f2[i] * (x[c[i] * ROWS + i] - mean[i]))
    for k in range(K):
        for i in range(ROWS):
            r = e[k * ROWS + i] * inverse[i]
            out[k * ROWS + i] = -r * (
                excess[i] + f1[i] * <floating> (x[k * ROWS + i] - mean[i])
            )
    for i in range(ROWS):
        out[c[i] * ROWS + i] = excess[i]


cdef inline void rest_terms(
    LossSpec *loss, Py_ssize_t K, const floating *t, const floating *z,
    const floating *top, const floating *e, const floating *a, const floating *rest,
    bint curved, floating *value, floating *s, floating *h
) noexcept nogil:
    """Add Σ_{k≠a} t_k φ_k to value; s = t f' and if `curved` h = t f'' for k ≠ a, else 0."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] p, q, L, f, f1, f2, w, share, log_total, inverse
    cdef double[ROWS] total
    for i in range(ROWS):
        log_total[i] = log1p(rest[i])
        share[i] = 1 / (1 + rest[i])
        total[i] = value[i]
    for k in range(K if log_likelihood(loss) else 0):
        for i in range(ROWS):
            w[i] = 0 if a[i] == <floating> k else t[k * ROWS + i]
            L[i] = log_total[i] - below(z[k * ROWS + i], top[i])
            total[i] += w[i] * L[i] if w[i] != 0 else 0
            s[k * ROWS + i] = -w[i]
            h[k * ROWS + i] = 0
    for k in range(0 if log_likelihood(loss) else K):
        class_terms(
            k, z, top, e, a, rest, &share[0], &log_total[0], &p[0], &q[0], &L[0]
        )
        for i in range(ROWS):
            w[i] = 0 if a[i] == <floating> k else t[k * ROWS + i]
            q[i] = 1 if a[i] == <floating> k else q[i]
        phi(loss, &p[0], &q[0], &L[0], &f[0], &f1[0], &f2[0])
        weigh(&w[0], &f[0], &f1[0], &f2[0])
        for i in range(ROWS):
            inverse[i] = 1 / q[i]
            total[i] += f[i]
            s[k * ROWS + i] = f1[i] * inverse[i]
        for i in range(ROWS if curved else 0):
            h[k * ROWS + i] = (f2[i] + p[i] * f1[i]) * (inverse[i] * inverse[i])
    for i in range(ROWS):
        value[i] = <floating> total[i]


cdef inline void rest_gradient(
    Py_ssize_t K, const floating *s, const floating *e, const floating *rest,
    floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double[ROWS] total
    cdef floating[ROWS] scale
    for i in range(ROWS):
        total[i] = 0
    for k in range(K):
        for i in range(ROWS):
            total[i] += s[k * ROWS + i]
    for i in range(ROWS):
        scale[i] = <floating> (total[i] / (1 + rest[i]))
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
    cdef double[ROWS] S, H
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
            out[k * ROWS + i] += <floating> (
                h[k * ROWS + i] * q * q + p * p * (H[i] - h[k * ROWS + i]) - S[i] * p * q
            )


cdef inline void rest_product(
    Py_ssize_t K, const floating *s, const floating *h, const floating *e,
    const floating *rest, const floating *x, floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating p
    cdef double[ROWS] S, mean, spread
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
            out[k * ROWS + i] += <floating> (
                (h[k * ROWS + i] - S[i] * p) * (x[k * ROWS + i] - mean[i])
                - p * spread[i]
            )
