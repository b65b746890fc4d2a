"""The class probabilities that a minimiser of a loss implies, for a tile of logits."""

from cython cimport floating
from libc.math cimport INFINITY
from losses cimport LossSpec, ROWS, log_slope
from softmax cimport (
    below,
    class_terms,
    exponentials,
    find_class,
    find_top,
    log_softmax,
)
from vecmath cimport exp_down, log, log1p


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
    cdef floating[ROWS] top, second, a, rest, share, log_total, log_rest, p, q, L, log_q, s
    find_top(K, u, &top[0])
    find_class(K, u, &top[0], &a[0])
    exponentials(K, u, &top[0], &a[0], e, &rest[0])
    # log rest through its own maximum, for rest may underflow where log τ does not
    for i in range(ROWS):
        log_total[i] = log1p(rest[i])
        share[i] = 1 / (1 + rest[i])
        second[i] = -INFINITY
        log_rest[i] = 0
    for k in range(K):
        for i in range(ROWS):
            x = -INFINITY if a[i] == <floating> k else u[k * ROWS + i]
            second[i] = x if x > second[i] else second[i]
    for k in range(K):
        for i in range(ROWS):
            x = exp_down(below(u[k * ROWS + i], second[i]))
            log_rest[i] += 0 if a[i] == <floating> k else x
    for i in range(ROWS):
        x = below(second[i], top[i])
        log_rest[i] = x + log(log_rest[i]) - log_total[i]
    for k in range(K):
        class_terms(
            k, u, &top[0], e, &a[0], &rest[0], &share[0], &log_total[0],
            &p[0], &q[0], &L[0],
        )
        for i in range(ROWS):
            log_q[i] = log_rest[i] if a[i] == <floating> k else log(q[i])
        log_slope(loss, &p[0], &q[0], &L[0], &log_q[0], &s[0])
        for i in range(ROWS):
            # No slope brings back a class of probability zero.
            l[k * ROWS + i] = -L[i] - s[i] if L[i] < INFINITY else -L[i]
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
