"""softmax of a tile, and p, q = 1 - p and L = -log p of a class. In a row:

    d_k = z_k - max z    e_k = exp(d_k)    a = argmax z    s = Σ_{k≠a} e_k
    p_k = e_k / (1 + s)    L_k = -log p_k = log1p(s) - d_k
    q_k = 1 - p_k = s / (1 + s) for k = a, (s - e_k + 1) / (1 + s) otherwise

Nothing here cancels: s, which the code calls sum_except_argmax, leaves out the one term
that is 1, and for k ≠ a, s - e_k + 1 is at least 1.
"""

from cython cimport floating
from losses cimport ROWS
from tiles cimport ARGMAX, L, LOG_TOTAL, P, Q, SHARE, SUM_EXCEPT_ARGMAX, TERMS, TOP
from vecmath cimport exp_down, log1p

cdef enum:
    SUMMED_TERMS = 128  # before they are added to the total


cdef inline floating shifted(floating z, floating top) noexcept nogil:
    # d = z - max z, which is 0 for equal infinities too.
    return 0 if z == top else z - top


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
    """Find the first class that has the largest logit."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating index
    cdef floating[ROWS] first
    for i in range(ROWS):
        first[i] = 0
    for k in range(K - 1, -1, -1):
        index = <floating> k
        for i in range(ROWS):
            first[i] = index if z[k * ROWS + i] == top[i] else first[i]
    for i in range(ROWS):
        a[i] = first[i]


cdef inline void exponentials(
    Py_ssize_t K, const floating *z, const floating *top, const floating *skip,
    floating *e, floating *sum_except
) noexcept nogil:
    """Write e, and its sum over all classes but skip[i]."""
    cdef Py_ssize_t k, block
    cdef int i
    cdef floating x, index
    cdef floating[ROWS] total, part
    for i in range(ROWS):
        total[i] = 0
    for block in range((K + SUMMED_TERMS - 1) // SUMMED_TERMS):
        for i in range(ROWS):
            part[i] = 0
        for k in range(block * SUMMED_TERMS, min(K, (block + 1) * SUMMED_TERMS)):
            index = <floating> k
            for i in range(ROWS):
                x = exp_down(shifted(z[k * ROWS + i], top[i]))
                e[k * ROWS + i] = x
                part[i] += 0 if skip[i] == index else x
        for i in range(ROWS):
            total[i] += part[i]
    for i in range(ROWS):
        sum_except[i] = total[i]


cdef inline void softmax_terms(
    Py_ssize_t K, const floating *z, floating *e, floating *terms
) noexcept nogil:
    """Write e, and of every row TOP, ARGMAX and SUM_EXCEPT_ARGMAX."""
    find_top(K, z, terms + TOP)
    find_class(K, z, terms + TOP, terms + ARGMAX)
    exponentials(K, z, terms + TOP, terms + ARGMAX, e, terms + SUM_EXCEPT_ARGMAX)


cdef inline void total_terms(floating *terms) noexcept nogil:
    """Write SHARE and LOG_TOTAL."""
    cdef int i
    for i in range(ROWS):
        terms[LOG_TOTAL + i] = log1p(terms[SUM_EXCEPT_ARGMAX + i])
        terms[SHARE + i] = 1 / (1 + terms[SUM_EXCEPT_ARGMAX + i])


cdef inline void margin_terms(
    const floating *e_c, const floating *d_c, const floating *others,
    floating *margins, floating *inverse
) noexcept nogil:
    """Write p, q, L of a class c in every row, and 1 / others, or 0 where that is 0.

    others = Σ_{k≠c} e_k. The sum that leaves out the likeliest, which L needs, is
    others if c is as likely, else others - 1 + e_c.
    """
    cdef int i
    cdef floating total, known, both
    for i in range(ROWS):
        total = others[i] + e_c[i]
        margins[2 * ROWS + i] = log1p(
            others[i] if d_c[i] == 0 else (others[i] - 1) + e_c[i]
        ) - d_c[i]
        # One division for two reciprocals.
        known = others[i] if others[i] > 0 else 1
        both = 1 / (known * total)
        margins[i] = e_c[i] * (both * known)
        margins[ROWS + i] = others[i] * (both * known)
        inverse[i] = both * total if others[i] > 0 else 0


cdef inline void class_terms(
    Py_ssize_t k, const floating *z, const floating *e, floating *terms
) noexcept nogil:
    """Write P, Q and L of class k in every row."""
    cdef int i
    cdef floating others
    cdef const floating *top = terms + TOP
    cdef const floating *a = terms + ARGMAX
    cdef const floating *sum_except_argmax = terms + SUM_EXCEPT_ARGMAX
    for i in range(ROWS):
        others = (sum_except_argmax[i] - e[k * ROWS + i]) + 1
        others = sum_except_argmax[i] if a[i] == <floating> k else others
        terms[P + i] = e[k * ROWS + i] * terms[SHARE + i]
        terms[Q + i] = others * terms[SHARE + i]
        terms[L + i] = terms[LOG_TOTAL + i] - shifted(z[k * ROWS + i], top[i])


cdef inline void log_softmax(Py_ssize_t K, floating *u, floating *e) noexcept nogil:
    """Turn logits u into log-probabilities, and write probabilities to e."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[TERMS] terms
    cdef const floating *top = &terms[TOP]
    softmax_terms(K, u, e, &terms[0])
    for i in range(ROWS):
        terms[LOG_TOTAL + i] = log1p(terms[SUM_EXCEPT_ARGMAX + i])
    for k in range(K):
        for i in range(ROWS):
            u[k * ROWS + i] = shifted(u[k * ROWS + i], top[i]) - terms[LOG_TOTAL + i]
            e[k * ROWS + i] /= 1 + terms[SUM_EXCEPT_ARGMAX + i]


cdef inline void plain_softmax(Py_ssize_t K, const floating *u, floating *e) noexcept nogil:
    """Write the probabilities of logits u alone, which need no class set apart."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] top, none, total
    find_top(K, u, &top[0])
    for i in range(ROWS):
        none[i] = -1
    exponentials(K, u, &top[0], &none[0], e, &total[0])
    for i in range(ROWS):
        total[i] = 1 / total[i]
    for k in range(K):
        for i in range(ROWS):
            e[k * ROWS + i] *= total[i]
