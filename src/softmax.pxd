"""softmax of a tile, and p, q = 1 - p and L = -log p of a class. In a row:

    d_k = z_k - max z    e_k = exp(d_k)    a = argmax z    rest = Σ_{k≠a} e_k
    p_k = e_k / (1 + rest)    L_k = -log p_k = log1p(rest) - d_k
    q_k = 1 - p_k = rest / (1 + rest) for k = a, (rest - e_k + 1) / (1 + rest) otherwise

Nothing here cancels: rest leaves out the one term that is 1, and for k ≠ a,
rest - e_k + 1 is at least 1.
"""

from cython cimport floating
from losses cimport ROWS
from vecmath cimport exp_down, log1p

cdef enum:
    BLOCK = 128  # terms that are summed before they are added to the total


cdef inline floating below(floating z, floating top) noexcept nogil:
    # d = z - max z; equal infinities are level
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


cdef inline void exponentials(
    Py_ssize_t K, const floating *z, const floating *top, const floating *skip,
    floating *e, floating *rest
) noexcept nogil:
    """e, and its sum over all classes but skip[i]."""
    cdef Py_ssize_t k, block
    cdef int i
    cdef floating x, number
    cdef floating[ROWS] total, part
    for i in range(ROWS):
        total[i] = 0
    for block in range((K + BLOCK - 1) // BLOCK):
        for i in range(ROWS):
            part[i] = 0
        for k in range(block * BLOCK, min(K, (block + 1) * BLOCK)):
            number = <floating> k
            for i in range(ROWS):
                x = exp_down(below(z[k * ROWS + i], top[i]))
                e[k * ROWS + i] = x
                part[i] += 0 if skip[i] == number else x
        for i in range(ROWS):
            total[i] += part[i]
    for i in range(ROWS):
        rest[i] = total[i]


cdef inline void margin_terms(
    const floating *e_c, const floating *d_c, const floating *others,
    floating *p, floating *q, floating *L, floating *inverse
) noexcept nogil:
    """p, q, L of a class c in every row, and 1 / others, or 0 where that is 0.

    others = Σ_{k≠c} e_k. The sum that leaves out the likeliest, which L needs, is
    others if c is as likely, else others - 1 + e_c.
    """
    cdef int i
    cdef floating total, known, both
    for i in range(ROWS):
        total = others[i] + e_c[i]
        L[i] = log1p(
            others[i] if d_c[i] == 0 else (others[i] - 1) + e_c[i]
        ) - d_c[i]
        # One division for two reciprocals.
        known = others[i] if others[i] > 0 else 1
        both = 1 / (known * total)
        p[i] = e_c[i] * (both * known)
        q[i] = others[i] * (both * known)
        inverse[i] = both * total if others[i] > 0 else 0


cdef inline void class_terms(
    Py_ssize_t k, const floating *z, const floating *top, const floating *e,
    const floating *a, const floating *rest, const floating *share,
    const floating *log_total, floating *p, floating *q, floating *L
) noexcept nogil:
    """p, q, L of class k in every row; rest leaves out class a, share is 1 / (1 + rest)."""
    cdef int i
    cdef floating others
    for i in range(ROWS):
        others = rest[i] if a[i] == <floating> k else (rest[i] - e[k * ROWS + i]) + 1
        p[i] = e[k * ROWS + i] * share[i]
        q[i] = others * share[i]
        L[i] = log_total[i] - below(z[k * ROWS + i], top[i])


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
