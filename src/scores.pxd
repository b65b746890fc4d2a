"""Scores of rows of probabilities, checked and summed in the pass that reads them.

Probabilities u are clipped below at eps and divided by their sum: p_k = u_k / Σ u. With
the likeliest class a and s = Σ_{k≠a} u_k nothing cancels:

    loss         Σ_c t_c φ(m_c), q_c = Σ_{k≠c} p_k, L_c = log1p(Σ_{k≠c} u_k / u_c)
    entropy      -Σ p log p = [u_a L_a + s log Σ u - Σ_{k≠a} u_k log u_k] / Σ u
    divergence   Σ t log(t / p) - t + p, no term of which is negative
    calibration  the sums w, w c, w y, w y² and w² of the rows in each bin of confidence c
    overlap      the sums w p y, w p and w y of each class
"""

from losses cimport ROWS, by_class, phi
from passes cimport Pass, one_term, tiles
from proba cimport Checked, Table
from softmax cimport find_class, find_top
from targets cimport clamp_codes, load_codes, load_labels, weigh_labels
from tiles cimport store
from vecmath cimport log, log_normal, log1p
from views cimport number

cdef enum Score:
    LOSS
    ENTROPY
    DIVERGENCE
    CALIBRATION
    OVERLAP

cdef enum:
    BIN_SUMS = 5
    OVERLAP_SUMS = 3
    LANES = 8  # sums that do not wait for each other


cdef struct Scores:
    Score score
    Pass rows  # targets, weights, and where the score of each row goes
    Table proba
    double eps
    const void *edges  # between bins
    Py_ssize_t bins, curves  # one curve, or one for each class


cdef inline bint check_rows(
    Py_ssize_t K, double most, const double *u, double *drift
) noexcept nogil:
    """Raise the drift to |Σ u - 1|; return True if u is not in [0, most]."""
    cdef Py_ssize_t k
    cdef int i
    cdef double x
    cdef bint outside = False
    cdef double[ROWS] total, beyond
    for i in range(ROWS):
        total[i] = beyond[i] = 0
    for k in range(K):
        for i in range(ROWS):
            x = u[k * ROWS + i]
            total[i] += x
            beyond[i] = beyond[i] if x >= 0 and x <= most else 1
    for i in range(ROWS):
        outside |= beyond[i] != 0
        x = total[i] - 1
        drift[0] = max(drift[0], -x if x < 0 else x)
    return outside


cdef inline void sums_of_others(
    Py_ssize_t K, const double *u, const double *label, double *own,
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
            x = u[k * ROWS + i]
            mine[i] = x if c[i] == index else mine[i]
            rest[i] += 0 if c[i] == index else x
    for i in range(ROWS):
        own[i] = mine[i]
        others[i] = rest[i]


cdef inline void margins_of(
    const double *own, const double *others, double *margins
) noexcept nogil:
    """Write p, q and L of a class in every row."""
    cdef int i
    cdef double share
    for i in range(ROWS):
        share = 1 / (own[i] + others[i])
        margins[i] = own[i] * share
        margins[ROWS + i] = others[i] * share
        margins[2 * ROWS + i] = log1p(others[i] / own[i])


cdef inline void hard_scores(
    const Pass *p, Py_ssize_t row, int rows, const double *u, double *value,
    double *weight
) noexcept nogil:
    cdef int i
    cdef double[ROWS] label, own, others
    cdef double[3 * ROWS] margins, f
    cdef Py_ssize_t[ROWS] c
    load_codes(p, row, rows, &c[0], weight)
    clamp_codes(p.K, &c[0])
    for i in range(ROWS):
        label[i] = c[i]
    sums_of_others(p.K, u, &label[0], &own[0], &others[0])
    margins_of(&own[0], &others[0], &margins[0])
    phi(&p.loss, 0, &c[0], &margins[0], &f[0])
    for i in range(ROWS):
        value[i] = weight[i] * f[i] if weight[i] != 0 else 0


cdef inline void soft_scores(
    const Pass *p, const double *u, const double *a, const double *t,
    double *value, double *weight
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double index
    cdef double[ROWS] top, rest, own, others, total, mass, log_sum
    cdef double[3 * ROWS] margins, f
    cdef Py_ssize_t[ROWS] c
    sums_of_others(p.K, u, a, &top[0], &rest[0])
    for i in range(ROWS):
        log_sum[i] = log_normal(top[i] + rest[i])
        total[i] = mass[i] = 0
    for k in range(p.K):
        index = k
        if p.loss.log_likelihood:
            for i in range(ROWS):
                f[i] = log_sum[i] - log_normal(u[k * ROWS + i])
                f[i] = 0 if a[i] == index else f[i]
                own[i] = t[k * ROWS + i] if a[i] == index else own[i]
        else:
            for i in range(ROWS):
                c[i] = k
                own[i] = u[k * ROWS + i]
                others[i] = rest[i] if a[i] == index else (rest[i] - own[i]) + top[i]
            margins_of(&own[0], &others[0], &margins[0])
            phi(&p.loss, 0, &c[0], &margins[0], &f[0])
        for i in range(ROWS):
            mass[i] += t[k * ROWS + i]
            total[i] += t[k * ROWS + i] * f[i] if t[k * ROWS + i] != 0 else 0
    if p.loss.log_likelihood:
        for i in range(ROWS):
            total[i] += own[i] * log1p(rest[i] / top[i])
    for i in range(ROWS):
        value[i] = total[i]
        weight[i] = mass[i]


cdef inline void entropies(
    Py_ssize_t K, const double *u, const double *a, double *value
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double x
    cdef double index
    cdef double[ROWS] c
    cdef double[ROWS] top, rest, total
    for i in range(ROWS):
        c[i] = a[i]
        top[i] = rest[i] = total[i] = 0
    for k in range(K):
        index = k
        for i in range(ROWS):
            x = u[k * ROWS + i]
            top[i] = x if c[i] == index else top[i]
            x = 0 if c[i] == index else x
            rest[i] += x
            total[i] -= x * log_normal(x if x > 0 else 1)
    for i in range(ROWS):
        x = top[i] + rest[i]
        total[i] += top[i] * log1p(rest[i] / top[i]) + rest[i] * log_normal(x)
        value[i] = total[i] / x


cdef inline void divergences(
    Py_ssize_t K, const double *u, const double *t, double *value
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i
    cdef double p, y
    cdef double[ROWS] share, total
    for i in range(ROWS):
        share[i] = total[i] = 0
    for k in range(K):
        for i in range(ROWS):
            share[i] += u[k * ROWS + i]
    for i in range(ROWS):
        share[i] = 1 / share[i]
    for k in range(K):
        for i in range(ROWS):
            p = u[k * ROWS + i] * share[i]
            y = t[k * ROWS + i]
            total[i] += y * log(y / p if y > 0 else 1.0) - y + p
    for i in range(ROWS):
        value[i] = total[i] if total[i] > 0 else 0


cdef inline void add_to_bins(
    const Scores *s, int rows, const double *confidence, const double *outcome,
    const double *weight, double *sums
) noexcept nogil:
    cdef const double *edges = <const double *> s.edges
    cdef Py_ssize_t j
    cdef int i
    cdef double w, y
    cdef double *bin_sums
    cdef double edge
    cdef double[ROWS] at, c
    for i in range(ROWS):
        c[i] = confidence[i]
        at[i] = 0
    for j in range(s.bins - 1):
        edge = edges[j]
        for i in range(ROWS):
            at[i] += 1 if c[i] > edge else 0
    for i in range(rows):
        bin_sums = sums + BIN_SUMS * <Py_ssize_t> at[i]
        w = weight[i]
        y = outcome[i]
        bin_sums[0] += w
        bin_sums[1] += w * c[i]
        bin_sums[2] += w * y
        bin_sums[3] += w * y * y
        bin_sums[4] += w * w


cdef inline void calibrate(
    const Scores *s, int rows, const double *u, const double *a, const double *t,
    double *sums
) noexcept nogil:
    cdef Py_ssize_t k, K = s.rows.K, curve
    cdef int i
    cdef double index
    cdef double[ROWS] confidence, outcome, weight
    for i in range(ROWS):
        weight[i] = confidence[i] = outcome[i] = 0
    for k in range(K):
        index = k
        for i in range(ROWS):
            weight[i] += t[k * ROWS + i]
            confidence[i] = u[k * ROWS + i] if a[i] == index else confidence[i]
            outcome[i] = t[k * ROWS + i] if a[i] == index else outcome[i]
    for curve in range(s.curves):
        for i in range(ROWS if s.curves > 1 else 0):
            confidence[i] = u[curve * ROWS + i]
            outcome[i] = t[curve * ROWS + i]
        for i in range(ROWS):
            outcome[i] /= weight[i] if weight[i] > 0 else 1
        add_to_bins(
            s, rows, &confidence[0], &outcome[0], &weight[0],
            sums + curve * s.bins * BIN_SUMS,
        )


cdef inline double sum_of_lanes(double *lane) noexcept nogil:
    cdef int i
    for i in range(4):
        lane[i] += lane[i + 4]
    return (lane[0] + lane[2]) + (lane[1] + lane[3])


cdef inline void add_overlap(
    Py_ssize_t K, int rows, const double *u, double *t, double *sums
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int i, j, lane
    cdef const double *p
    cdef const double *y
    cdef double[ROWS] weight
    cdef double[LANES] both, predicted, observed
    for i in range(ROWS):
        weight[i] = 0
    for k in range(K):
        for i in range(rows, ROWS):
            t[k * ROWS + i] = 0
        for i in range(ROWS):
            weight[i] += t[k * ROWS + i]
    for k in range(K):
        p = u + k * ROWS
        y = t + k * ROWS
        for lane in range(LANES):
            both[lane] = predicted[lane] = observed[lane] = 0
        for j in range(ROWS // LANES):
            for lane in range(LANES):
                i = j * LANES + lane
                both[lane] += p[i] * y[i]
                predicted[lane] += p[i] * weight[i]
                observed[lane] += y[i]
        sums[OVERLAP_SUMS * k] += sum_of_lanes(&both[0])
        sums[OVERLAP_SUMS * k + 1] += sum_of_lanes(&predicted[0])
        sums[OVERLAP_SUMS * k + 2] += sum_of_lanes(&observed[0])


cdef inline void score_rows(
    const Scores *s, Py_ssize_t start, Py_ssize_t stop, double *work, Checked *part,
    double *sums
) noexcept nogil:
    cdef const Pass *p = &s.rows
    cdef Py_ssize_t K = p.K, row, tile, k
    cdef int rows, i
    cdef bint hard = s.score == LOSS and one_term(p)
    cdef double *u = work
    cdef double *t = work + K * ROWS
    cdef bint as_given = s.score == CALIBRATION or s.score == OVERLAP
    cdef double x, least = 0 if as_given else s.eps
    cdef double[ROWS] value, weight, a, total, mass
    part.drift = part.total = part.weight = 0
    part.outside = False
    for i in range(ROWS):
        total[i] = mass[i] = 0
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        s.proba.load(&s.proba, row, rows, u, <float *> t)
        part.outside |= check_rows(K, 1, u, &part.drift)
        for k in range(K * ROWS):
            u[k] = least if u[k] < least else u[k]
        for i in range(ROWS if s.proba.width == 1 else 0):
            x = u[ROWS + i]
            u[ROWS + i] = 1 - least if x > 1 - least else x
            u[i] = 1 - u[ROWS + i]
        if hard:
            hard_scores(p, row, rows, u, &value[0], &weight[0])
        else:
            if s.score != OVERLAP:
                find_top(K, u, &value[0])
                find_class(K, u, &value[0], &a[0])
            if s.score != ENTROPY:
                load_labels(p, row, rows, t)
            if p.soft.data != NULL:
                part.outside |= check_rows(K, 2, t, &part.drift)
        if as_given or (s.score == LOSS and not hard):
            weigh_labels(p, row, rows, t)
        if s.score == OVERLAP:
            add_overlap(K, rows, u, t, sums)
            continue
        if s.score == CALIBRATION:
            for i in range(ROWS if s.curves == 1 and K == 2 else 0):
                a[i] = 1
            calibrate(s, rows, u, &a[0], t, sums)
            continue
        if s.score == LOSS:
            if not hard:
                soft_scores(p, u, &a[0], t, &value[0], &weight[0])
        else:
            if s.score == ENTROPY:
                entropies(K, u, &a[0], &value[0])
            else:
                divergences(K, u, t, &value[0])
            for i in range(ROWS):
                weight[i] = 1
            for i in range(rows if p.sample_weight.data != NULL else 0):
                weight[i] = number(&p.sample_weight, row + i)
                value[i] *= weight[i]
        for i in range(rows, ROWS):
            value[i] = weight[i] = 0
        for i in range(ROWS):
            total[i] += value[i]
            mass[i] += weight[i]
        if p.value.data != NULL:
            store(&value[0], row, rows, 1, &p.value)
    for i in range(ROWS):
        part.total += total[i]
        part.weight += mass[i]
