"""Scores of the rows of a tile of probabilities.

Probabilities u are clipped below at eps and divided by their sum: p_k = u_k / Σ u. With
the likeliest class a and s = Σ_{k≠a} u_k nothing cancels:

    loss         Σ_c t_c φ(m_c), q_c = Σ_{k≠c} p_k, L_c = log((u_c + Σ_{k≠c} u_k) / u_c)
    smoothed     (1 - ε) L_c + ε / K (K log Σ u - log Π u)
    entropy      -Σ p log p = [u_a L_a + s log Σ u - Σ_{k≠a} u_k log u_k] / Σ u
    divergence   Σ t log(t / p) - t + p, whose terms are all non-negative
    indicators   Σ_k -log x_k + (1 - y_k) log(x_k / (1 - x_k)), with p_k for x_k if y_k > 1/2,
                 else 1 - p_k and 1 - y_k. Σ -log x is log((P + Q) / P): P = Π x and
                 Q = 1 - P are sums of positive terms
"""

from losses cimport ROWS, by_class, phi
from passes cimport Pass
from targets cimport clamp_codes, load_codes
from vecmath cimport vm_log_quick, vm_log_ratios, vm_logs
from views cimport View, number

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
    cdef double index, x, less, other
    cdef double[ROWS] a, top, rest, own, others, sums, share, total, mass
    cdef double[3 * ROWS] margins, f
    cdef Py_ssize_t[ROWS] c
    for i in range(ROWS):
        top[i] = clipped(u[i], eps)
        a[i] = rest[i] = total[i] = mass[i] = 0
    for k in range(1, p.K):
        index = k
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            less = top[i] if x > top[i] else x
            a[i] = index if x > top[i] else a[i]
            top[i] = x if x > top[i] else top[i]
            rest[i] += less
    for i in range(ROWS):
        share[i] = 1 / (top[i] + rest[i])
    for k in range(p.K):
        index = k
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            other = rest[i] if a[i] == index else (rest[i] - x) + top[i]
            own[i] = x
            others[i] = other
            margins[i] = x * share[i]
            margins[ROWS + i] = other * share[i]
        negative_logs(&own[0], &others[0], &sums[0], &margins[2 * ROWS])
        for i in range(ROWS if by_class(&p.loss) else 0):
            c[i] = k
        phi(&p.loss, 0, &c[0], &margins[0], &f[0])
        for i in range(ROWS):
            x = t[k * ROWS + i]
            mass[i] += x
            total[i] += x * f[i] if x != 0 else 0
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


cdef inline void suggest(
    const Pass *p, const View *thresholds, Py_ssize_t row, int rows, const double *u,
    int *suggested, double *confidence, double *weight
) noexcept nogil:
    """Write the probability of the label, and of the classes that reach their threshold
    the most probable, or of all if none does: k, but -1 - k for an issue.
    """
    cdef Py_ssize_t k
    cdef int i
    cdef double x, index, threshold
    cdef double[ROWS] best, at
    cdef Py_ssize_t[ROWS] c
    load_codes(p, row, rows, &c[0], weight)
    clamp_codes(p.K, &c[0])
    for i in range(ROWS):
        at[i] = 0
        best[i] = -1
    for k in range(p.K):
        index = k
        threshold = number(thresholds, k)
        for i in range(ROWS):
            x = u[k * ROWS + i]
            # Probabilities that reach their threshold are above all others.
            x += 2.0 if x >= threshold else 0.0
            at[i] = index if x > best[i] else at[i]
            best[i] = x if x > best[i] else best[i]
    for i in range(ROWS):
        index = c[i]
        x = at[i] if at[i] == index else -1 - at[i]
        at[i] = x if best[i] >= 2 else at[i]
    for i in range(rows):
        confidence[i] = u[c[i] * ROWS + i]
        suggested[i] = <int> at[i]


cdef inline void indicator_scores(
    const Pass *p, double eps, const double *u, const double *t, double *value
) noexcept nogil:
    """Score indicators from 0 to 1; weights are those of the columns."""
    cdef Py_ssize_t k, K = p.K
    cdef int i
    cdef bint weighted = p.class_weight.data != NULL, partly = p.smoothing > 0
    cdef double x, y, v = 1, keep = 1 - p.smoothing, half = p.smoothing / 2
    cdef double[ROWS] own, others, sums, logs, total, between, likelier, less, excess, rest
    for i in range(ROWS):
        between[i] = total[i] = others[i] = 0
        own[i] = 1
    for k in range(K):
        for i in range(ROWS):
            between[i] += t[k * ROWS + i] * (1 - t[k * ROWS + i])
    for i in range(ROWS):
        partly |= between[i] != 0
    for k in range(K):
        if weighted:
            v = number(&p.class_weight, k)
        for i in range(ROWS):
            x = clipped(u[k * ROWS + i], eps)
            x = x if x < 1 - eps else 1 - eps
            y = keep * t[k * ROWS + i] + half
            likelier[i] = x if y > 0.5 else 1 - x
            less[i] = 1 - x if y > 0.5 else x
            excess[i] = likelier[i] - less[i]
            rest[i] = v * (1 - y if y > 0.5 else y)
            others[i] += own[i] * less[i]
            own[i] *= likelier[i]
        if partly:
            vm_log_ratios(&likelier[0], &less[0], &excess[0], &logs[0])
            for i in range(ROWS):
                total[i] += rest[i] * logs[i]
        if weighted or k % FACTORS == FACTORS - 1 or k == K - 1:
            negative_logs(&own[0], &others[0], &sums[0], &logs[0])
            for i in range(ROWS):
                total[i] += v * logs[i]
                own[i] = 1
                others[i] = 0
    for i in range(ROWS):
        value[i] = total[i]
