"""The class probabilities that a minimiser of a loss implies, for a tile of logits.

With v_c = e_c - r the gradient of φ(m_c) is φ'_c v_c (derivatives.pxd). Where a model
minimises the expected loss Σ_c τ_c φ(m_c) over targets τ, its gradient is zero, and so
Σ_c τ_c φ'_c v_c = 0. With r_k = p_k / q_c its entry k reads

    τ_k φ'_k = p_k Σ_{c≠k} τ_c φ'_c / q_c

With s_c = τ_c φ'_c / q_c and S = Σ s_c that is s_k q_k = p_k (S - s_k), so s_k = p_k S, and

    τ_k ∝ p_k q_k / |φ'_k|        log τ = log p - log(-φ'/q), up to a constant

Label smoothing and class weights are undone after it: τ = (1 - ε) π + ε/K, η ∝ π / w.
"""

from cython cimport floating
from libc.math cimport INFINITY
from losses cimport ROWS, by_class, log_slope
from passes cimport Pass
from softmax cimport class_terms, log_softmax, shifted, softmax_terms, total_terms
from tiles cimport ARGMAX, L, LOG_TOTAL, P, Q, TERMS, TOP
from vecmath cimport exp_down, log


cdef inline void posterior(
    const Pass *p, const double *log_weight, floating *u, floating *e, floating *l
) noexcept nogil:
    """Turn logits u into log η, and write η to e; l is work space.

    A minimiser has τ >= ε/K, but a model may go below: there π is τ/100, not 0, for a
    zero would make the log loss of one wrong row infinite.
    """
    cdef Py_ssize_t k, K = p.K
    cdef int i
    cdef floating x, bound, kept
    cdef floating floor = <floating> 0.01, log_floor = log(floor)
    cdef floating[TERMS] terms
    cdef floating[ROWS] second, log_others, log_q, s
    cdef Py_ssize_t[ROWS] c
    cdef const floating *top = &terms[TOP]
    cdef const floating *a = &terms[ARGMAX]
    softmax_terms(K, u, e, &terms[0])
    total_terms(&terms[0])
    # log of the sum without a through its own maximum: the sum may underflow where
    # log τ does not.
    for i in range(ROWS):
        second[i] = -INFINITY
        log_others[i] = 0
    for k in range(K):
        for i in range(ROWS):
            x = -INFINITY if a[i] == <floating> k else u[k * ROWS + i]
            second[i] = x if x > second[i] else second[i]
    for k in range(K):
        for i in range(ROWS):
            x = exp_down(shifted(u[k * ROWS + i], second[i]))
            log_others[i] += 0 if a[i] == <floating> k else x
    for i in range(ROWS):
        x = shifted(second[i], top[i])
        log_others[i] = x + log(log_others[i]) - terms[LOG_TOTAL + i]
    for k in range(K):
        class_terms(k, u, e, &terms[0])
        for i in range(ROWS):
            log_q[i] = log_others[i] if a[i] == <floating> k else log(terms[Q + i])
        for i in range(ROWS if by_class(&p.loss) else 0):
            c[i] = k
        log_slope(&p.loss, &c[0], &terms[P], &log_q[0], &s[0])
        for i in range(ROWS):
            # No slope brings back a class of probability zero.
            x = terms[L + i]
            l[k * ROWS + i] = -x - s[i] if x < INFINITY else -x
    if p.smoothing > 0:
        log_softmax(K, l, e)
        for k in range(K):
            for i in range(ROWS):
                x = e[k * ROWS + i] - <floating> (p.smoothing / K)
                bound = floor * e[k * ROWS + i]
                kept = l[k * ROWS + i] + log_floor
                l[k * ROWS + i] = log(x) if x > bound else kept
    for k in range(K):
        for i in range(ROWS):
            u[k * ROWS + i] = l[k * ROWS + i] - <floating> log_weight[k]
    log_softmax(K, u, e)
