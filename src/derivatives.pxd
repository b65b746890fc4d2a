"""From φ, φ', φ'' of the margin to the derivatives in the logits of a tile.

Derivatives of t φ(m_c), where r_k = e_k / Σ_{j≠c} e_j and r_c = 0 (`pivot_*`):

    gradient     t φ' (e_c - r)
    Hessian x    t [φ'' (x_c - r·x) (e_c - r) - φ' (r∘x - r (r·x))]

Soft targets Σ_c t_c φ(m_c) take the likeliest class a as pivot. The others have
q >= 1/2, so their derivatives in u = log p are safe, f' = φ'/q and
f'' = (φ'' + p φ')/q²; with s = t f', h = t f'', S = Σ s, H = Σ h (`other_*`):

    gradient     s - S p
    Hessian x    h∘(x - P) - p (h·x - H P) - S p∘(x - P),  P = p·x
"""

from cython cimport floating
from losses cimport ROWS, by_class, phi
from passes cimport Pass, order_of
from softmax cimport class_terms, margin_terms, shifted, total_terms
from tiles cimport (
    ARGMAX, F, F1, F2, INVERSE, LOG_TOTAL, P, Q, SUM_EXCEPT_ARGMAX, TOP,
)


cdef inline void pivot_terms(
    const Py_ssize_t *c, const floating *z, const floating *e, floating *terms
) noexcept nogil:
    """Write P, Q and L of class c[i] in row i, and INVERSE."""
    cdef int i
    cdef const floating *a = terms + ARGMAX
    cdef const floating *sum_except_argmax = terms + SUM_EXCEPT_ARGMAX
    cdef floating[ROWS] e_c, z_c, d_c, others
    for i in range(ROWS):
        e_c[i] = e[c[i] * ROWS + i]
        z_c[i] = z[c[i] * ROWS + i]
    for i in range(ROWS):
        d_c[i] = shifted(z_c[i], terms[TOP + i])
        others[i] = (sum_except_argmax[i] - e_c[i]) + 1
        others[i] = sum_except_argmax[i] if a[i] == <floating> c[i] else others[i]
    margin_terms(&e_c[0], &d_c[0], &others[0], terms + P, terms + INVERSE)


cdef inline void apply_weight(
    int order, const floating *t, floating *f
) noexcept nogil:
    """Multiply φ and its derivatives; a weight of zero makes even infinity zero."""
    cdef int i
    for i in range(ROWS):
        f[i] = t[i] * f[i] if t[i] != 0 else 0
        f[ROWS + i] = t[i] * f[ROWS + i] if t[i] != 0 else 0
    for i in range(ROWS if order > 1 else 0):
        f[2 * ROWS + i] = t[i] * f[2 * ROWS + i] if t[i] != 0 else 0


cdef inline void pivot_gradient(
    Py_ssize_t K, const Py_ssize_t *c, const floating *e, const floating *terms,
    floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] scale
    for i in range(ROWS):
        scale[i] = -terms[F1 + i] * terms[INVERSE + i]
    for k in range(K):
        for i in range(ROWS):
            out[k * ROWS + i] = scale[i] * e[k * ROWS + i]
    for i in range(ROWS):
        out[c[i] * ROWS + i] = terms[F1 + i]


cdef inline void pivot_hessian(
    Py_ssize_t K, const Py_ssize_t *c, const floating *e, const floating *terms,
    floating *out
) noexcept nogil:
    """Write the diagonal: t φ'' at c, t [φ'' r² - φ' r (1 - r)] elsewhere.

    Far on the wrong side φ' is near -1 while φ'' is tiny and r_a near 1: 1 - r_a is
    summed, not subtracted.
    """
    cdef Py_ssize_t k
    cdef int i
    cdef floating r, gap
    cdef const floating *a = terms + ARGMAX
    cdef const floating *inverse = terms + INVERSE
    cdef const floating *f1 = terms + F1
    cdef const floating *f2 = terms + F2
    cdef floating[ROWS] others, others_of_top
    for i in range(ROWS):
        gap = terms[SUM_EXCEPT_ARGMAX + i] - e[c[i] * ROWS + i]
        others_of_top[i] = gap
        others[i] = gap + 1
        others[i] = terms[SUM_EXCEPT_ARGMAX + i] if a[i] == <floating> c[i] else others[i]
    for k in range(K):
        for i in range(ROWS):
            r = e[k * ROWS + i] * inverse[i]
            gap = others[i] - e[k * ROWS + i]
            gap = others_of_top[i] if a[i] == <floating> k else gap
            out[k * ROWS + i] = r * (f2[i] * r - f1[i] * gap * inverse[i])
    for i in range(ROWS):
        out[c[i] * ROWS + i] = f2[i]


cdef inline void shift_to_argmax(
    Py_ssize_t K, const floating *terms, floating *x
) noexcept nogil:
    """Subtract x_a: a Hessian ignores the shift, and x - p·x then cancels nothing."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] origin
    for i in range(ROWS):
        origin[i] = x[<Py_ssize_t> terms[ARGMAX + i] * ROWS + i]
    for k in range(K):
        for i in range(ROWS):
            x[k * ROWS + i] -= origin[i]


cdef inline void pivot_product(
    Py_ssize_t K, const Py_ssize_t *c, const floating *e, const floating *terms,
    const floating *x, floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating r
    cdef const floating *inverse = terms + INVERSE
    cdef const floating *f1 = terms + F1
    cdef double[ROWS] mean
    cdef floating[ROWS] excess
    for i in range(ROWS):
        mean[i] = 0
    for k in range(K):
        for i in range(ROWS):
            r = 0 if <Py_ssize_t> k == c[i] else e[k * ROWS + i] * inverse[i]
            mean[i] += r * x[k * ROWS + i]
    for i in range(ROWS):
        excess[i] = <floating> (terms[F2 + i] * (x[c[i] * ROWS + i] - mean[i]))
    for k in range(K):
        for i in range(ROWS):
            r = e[k * ROWS + i] * inverse[i]
            out[k * ROWS + i] = -r * (
                excess[i] + f1[i] * <floating> (x[k * ROWS + i] - mean[i])
            )
    for i in range(ROWS):
        out[c[i] * ROWS + i] = excess[i]


cdef inline void other_terms(
    const Pass *p, const floating *t, const floating *z, const floating *e,
    floating *terms, floating *s, floating *h
) noexcept nogil:
    """Add Σ_{k≠a} t_k φ_k to F, and write s = t f' and h = t f'' for k ≠ a, else 0.

    P, Q and L are written over, and h only if second derivatives are asked for.
    """
    cdef Py_ssize_t k, K = p.K
    cdef int i
    cdef bint log_likelihood = p.loss.log_likelihood
    cdef int order = order_of(p)
    cdef const floating *a = terms + ARGMAX
    cdef floating[ROWS] w, inverse, minus_log
    cdef floating[3 * ROWS] f
    cdef Py_ssize_t[ROWS] c
    cdef double[ROWS] total
    total_terms(terms)
    for i in range(ROWS):
        total[i] = terms[F + i]
    for k in range(K if log_likelihood else 0):
        for i in range(ROWS):
            w[i] = 0 if a[i] == <floating> k else t[k * ROWS + i]
            minus_log[i] = terms[LOG_TOTAL + i] - shifted(z[k * ROWS + i], terms[TOP + i])
            total[i] += w[i] * minus_log[i] if w[i] != 0 else 0
            s[k * ROWS + i] = -w[i]
            h[k * ROWS + i] = 0
    for k in range(0 if log_likelihood else K):
        class_terms(k, z, e, terms)
        for i in range(ROWS):
            w[i] = 0 if a[i] == <floating> k else t[k * ROWS + i]
            terms[Q + i] = 1 if a[i] == <floating> k else terms[Q + i]
        for i in range(ROWS if by_class(&p.loss) else 0):
            c[i] = k
        phi(&p.loss, order, &c[0], terms + P, &f[0])
        apply_weight(order, &w[0], &f[0])
        for i in range(ROWS):
            inverse[i] = 1 / terms[Q + i]
            total[i] += f[i]
            s[k * ROWS + i] = f[ROWS + i] * inverse[i]
        for i in range(ROWS if order > 1 else 0):
            h[k * ROWS + i] = (f[2 * ROWS + i] + terms[P + i] * f[ROWS + i]) * (
                inverse[i] * inverse[i]
            )
    for i in range(ROWS):
        terms[F + i] = <floating> total[i]


cdef inline void add_other_gradient(
    Py_ssize_t K, const floating *s, const floating *e, const floating *terms,
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
        scale[i] = <floating> (total[i] / (1 + terms[SUM_EXCEPT_ARGMAX + i]))
    for k in range(K):
        for i in range(ROWS):
            out[k * ROWS + i] += s[k * ROWS + i] - scale[i] * e[k * ROWS + i]


cdef inline void add_other_hessian(
    Py_ssize_t K, const floating *s, const floating *h, const floating *e,
    const floating *terms, floating *out
) noexcept nogil:
    """Add the diagonal: h q² + p² (H - h) - S p q."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating p, q, total
    cdef const floating *a = terms + ARGMAX
    cdef const floating *sum_except_argmax = terms + SUM_EXCEPT_ARGMAX
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
            total = 1 + sum_except_argmax[i]
            p = e[k * ROWS + i] / total
            q = (sum_except_argmax[i] - e[k * ROWS + i]) + 1
            q = sum_except_argmax[i] if a[i] == <floating> k else q
            q /= total
            out[k * ROWS + i] += <floating> (
                h[k * ROWS + i] * q * q + p * p * (H[i] - h[k * ROWS + i]) - S[i] * p * q
            )


cdef inline void add_other_product(
    Py_ssize_t K, const floating *s, const floating *h, const floating *e,
    const floating *terms, const floating *x, floating *out
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef floating p
    cdef const floating *sum_except_argmax = terms + SUM_EXCEPT_ARGMAX
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
        mean[i] /= 1 + sum_except_argmax[i]
    for k in range(K):
        for i in range(ROWS):
            spread[i] += h[k * ROWS + i] * (x[k * ROWS + i] - mean[i])
    for k in range(K):
        for i in range(ROWS):
            p = e[k * ROWS + i] / (1 + sum_except_argmax[i])
            out[k * ROWS + i] += <floating> (
                (h[k * ROWS + i] - S[i] * p) * (x[k * ROWS + i] - mean[i])
                - p * spread[i]
            )
