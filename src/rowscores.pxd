"""Scores of the rows of a tile of probabilities.

Probabilities u are clipped below at eps and divided by their sum: p_k = u_k / Σ u. With
the likeliest class a and s = Σ_{k≠a} u_k nothing cancels:

    loss         Σ_c t_c φ(m_c), q_c = Σ_{k≠c} p_k, L_c = log((u_c + Σ_{k≠c} u_k) / u_c)
    smoothed     (1 - ε) L_c + ε / K (K log Σ u - log Π u)
    entropy      -Σ p log p = [u_a L_a + s log Σ u - Σ_{k≠a} u_k log u_k] / Σ u
    divergence   Σ t log(t / p) - t + p, no term of which is negative
    answers      -Σ_k log x_k, x_k = p_k or 1 - p_k, as log((P + Q) / P): P = Π x and
                 Q = 1 - P are sums of positive terms
"""

from losses cimport ROWS, phi
from passes cimport Pass
from softmax cimport find_class, find_top
from targets cimport clamp_codes, load_codes
from vecmath cimport vm_log_quick, vm_log_ratios, vm_logs
from views cimport number

cdef enum:
    FACTORS = 16  # of at least 2^-52 each: their product is a normal number


cdef inline double clipped(double x, double eps) noexcept nogil:
    return eps if x < eps else x


cdef inline void sums_of_others(
    Py_ssize_t K, double eps, const double *u, const double *label, double *own,
    double *others
) noexcept nogil:
    """Write u of the class label[i] of every row, and the sum over the others."""
    cdef Py_ssize_t k
    cdef int i
    cdef double x, index
    cdef double[ROWS] c, mine, rest
    for i in range(ROWS):
        c[i] = label[i]
        mine[i] = rest[i] = 0
    for k in range(K):
        index = k
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            # Sums, for a store on a condition would be a branch.
            mine[i] += x if c[i] == index else 0
            rest[i] += 0 if c[i] == index else x
    for i in range(ROWS):
        own[i] = mine[i]
        others[i] = rest[i]


cdef inline void negative_logs(
    const double *own, const double *others, double *total, double *L
) noexcept nogil:
    """Write own + others and -log p = log((own + others) / own), which may be tiny."""
    cdef int i
    for i in range(ROWS):
        total[i] = own[i] + others[i]
    vm_log_ratios(total, own, others, L)


cdef inline void margins_of(
    const double *own, const double *others, double *margins
) noexcept nogil:
    """Write p, q and L of a class in every row."""
    cdef int i
    cdef double share
    cdef double[ROWS] total, mine, rest
    negative_logs(own, others, &total[0], margins + 2 * ROWS)
    for i in range(ROWS):
        mine[i] = own[i]
        rest[i] = others[i]
    for i in range(ROWS):
        share = 1 / total[i]
        margins[i] = mine[i] * share
        margins[ROWS + i] = rest[i] * share


cdef inline void hard_scores(
    const Pass *p, double eps, Py_ssize_t row, int rows, const double *u,
    double *value, double *weight
) noexcept nogil:
    cdef Py_ssize_t k, K = p.K
    cdef int i
    cdef double smoothing = p.smoothing
    cdef double[ROWS] label, own, others, product, logs, total
    cdef double[3 * ROWS] margins, f
    cdef Py_ssize_t[ROWS] c
    load_codes(p, row, rows, &c[0], weight)
    clamp_codes(K, &c[0])
    for i in range(ROWS):
        label[i] = c[i]
    sums_of_others(K, eps, u, &label[0], &own[0], &others[0])
    margins_of(&own[0], &others[0], &margins[0])
    phi(&p.loss, 0, &c[0], &margins[0], &f[0])
    if smoothing > 0:
        for i in range(ROWS):
            product[i] = own[i] + others[i]
        vm_logs(&product[0], &logs[0])
        for i in range(ROWS):
            total[i] = K * logs[i]
            product[i] = 1
        for k in range(K):
            for i in range(ROWS):
                product[i] *= clipped(u[k * ROWS + i], eps)
            if k % FACTORS == FACTORS - 1 or k == K - 1:
                vm_logs(&product[0], &logs[0])
                for i in range(ROWS):
                    total[i] -= logs[i]
                    product[i] = 1
        for i in range(ROWS):
            f[i] = (1 - smoothing) * f[i] + smoothing / K * total[i]
    for i in range(ROWS):
        value[i] = weight[i] * f[i] if weight[i] != 0 else 0


cdef inline void soft_likelihoods(
    Py_ssize_t K, double eps, const double *u, const double *t, double *value,
    double *weight
) noexcept nogil:
    """Score -Σ t log p: of two probabilities the less likely one is not the likeliest."""
    cdef Py_ssize_t k
    cdef int i
    cdef double x, y, less, less_t
    cdef double[ROWS] top, top_t, more_t, logs, rest, mass, total
    for i in range(ROWS):
        top[i] = clipped(u[i], eps)
        top_t[i] = t[i]
        rest[i] = mass[i] = total[i] = 0
    for k in range(1, K):
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            y = t[k * ROWS + i]
            less = top[i] if x > top[i] else x
            less_t = top_t[i] if x > top[i] else y
            # Into another array, for a store on a condition would be a branch.
            more_t[i] = y if x > top[i] else top_t[i]
            top[i] = x if x > top[i] else top[i]
            rest[i] += less
            mass[i] += less_t
            total[i] -= less_t * vm_log_quick(less)
        for i in range(ROWS):
            top_t[i] = more_t[i]
    negative_logs(&top[0], &rest[0], &more_t[0], &logs[0])
    for i in range(ROWS):
        total[i] += top_t[i] * logs[i]
    vm_logs(&more_t[0], &logs[0])
    for i in range(ROWS):
        value[i] = total[i] + mass[i] * logs[i]
        weight[i] = mass[i] + top_t[i]


cdef inline void entropies(
    Py_ssize_t K, double eps, const double *u, double *value
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double x, less
    cdef double[ROWS] top, sums, logs, rest, total
    for i in range(ROWS):
        top[i] = clipped(u[i], eps)
        rest[i] = total[i] = 0
    for k in range(1, K):
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            less = top[i] if x > top[i] else x
            top[i] = x if x > top[i] else top[i]
            rest[i] += less
            total[i] -= less * vm_log_quick(less)
    negative_logs(&top[0], &rest[0], &sums[0], &logs[0])
    for i in range(ROWS):
        total[i] += top[i] * logs[i]
    vm_logs(&sums[0], &logs[0])
    for i in range(ROWS):
        value[i] = (total[i] + rest[i] * logs[i]) / sums[i]


cdef inline void soft_scores(
    const Pass *p, double eps, const double *u, const double *t, double *value,
    double *weight
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double index
    cdef double[ROWS] a, top, rest, own, others, total, mass
    cdef double[3 * ROWS] margins, f
    cdef Py_ssize_t[ROWS] c
    find_top(p.K, u, &top[0])
    find_class(p.K, u, &top[0], &a[0])
    sums_of_others(p.K, eps, u, &a[0], &top[0], &rest[0])
    for i in range(ROWS):
        total[i] = mass[i] = 0
    for k in range(p.K):
        index = k
        for i in range(ROWS):
            c[i] = k
            own[i] = clipped(u[k * ROWS + i], eps)
            others[i] = rest[i] if a[i] == index else (rest[i] - own[i]) + top[i]
        margins_of(&own[0], &others[0], &margins[0])
        phi(&p.loss, 0, &c[0], &margins[0], &f[0])
        for i in range(ROWS):
            mass[i] += t[k * ROWS + i]
            total[i] += t[k * ROWS + i] * f[i] if t[k * ROWS + i] != 0 else 0
    for i in range(ROWS):
        value[i] = total[i]
        weight[i] = mass[i]


cdef inline void divergences(
    Py_ssize_t K, double eps, const double *u, const double *t, double *value
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double x, y
    cdef double[ROWS] share, total, p, q, gap, logs
    for i in range(ROWS):
        share[i] = total[i] = 0
    for k in range(K):
        for i in range(ROWS):
            share[i] += clipped(u[k * ROWS + i], eps)
    for i in range(ROWS):
        share[i] = 1 / share[i]
    for k in range(K):
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps) * share[i]
            y = t[k * ROWS + i]
            p[i] = x
            # Below 1e-290 it is nothing beside p, which is at least eps.
            q[i] = y if y > 1e-290 else x
            gap[i] = q[i] - x
        vm_log_ratios(&q[0], &p[0], &gap[0], &logs[0])
        for i in range(ROWS):
            y = t[k * ROWS + i]
            total[i] += y * logs[i] - y + p[i]
    for i in range(ROWS):
        value[i] = total[i] if total[i] > 0 else 0


cdef inline void answer_scores(
    const Pass *p, double eps, const double *u, const double *t, double *value
) noexcept nogil:
    """Score answers from 0 to 1; weights are those of the columns."""
    cdef Py_ssize_t k, K = p.K
    cdef int i
    cdef bint plain = p.class_weight.data == NULL and p.smoothing == 0
    cdef double x, y, v, keep = 1 - p.smoothing, half = p.smoothing / 2
    cdef double[ROWS] own, others, sums, logs, opposite, total, partly
    for i in range(ROWS):
        partly[i] = total[i] = others[i] = 0
        own[i] = 1
    for k in range(K if plain else 0):
        for i in range(ROWS):
            partly[i] += t[k * ROWS + i] * (1 - t[k * ROWS + i])
    for i in range(ROWS):
        plain &= partly[i] == 0
    for k in range(K):
        v = 1
        if p.class_weight.data != NULL:
            v = number(&p.class_weight, k)
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            x = x if x < 1 - eps else 1 - eps
            y = 1 - x
            sums[i] = x if not plain or t[k * ROWS + i] != 0 else y
            opposite[i] = y if not plain or t[k * ROWS + i] != 0 else x
        if plain:
            for i in range(ROWS):
                others[i] += own[i] * opposite[i]
                own[i] *= sums[i]
            if k % FACTORS == FACTORS - 1 or k == K - 1:
                negative_logs(&own[0], &others[0], &sums[0], &logs[0])
                for i in range(ROWS):
                    total[i] += logs[i]
                    own[i] = 1
                    others[i] = 0
        else:
            for i in range(ROWS):
                own[i] = sums[i]
            negative_logs(&own[0], &opposite[0], &sums[0], &logs[0])
            for i in range(ROWS):
                total[i] += v * (keep * t[k * ROWS + i] + half) * logs[i]
            negative_logs(&opposite[0], &own[0], &sums[0], &logs[0])
            for i in range(ROWS):
                y = 1 - (keep * t[k * ROWS + i] + half)
                total[i] += v * y * logs[i]
    for i in range(ROWS):
        value[i] = total[i]
