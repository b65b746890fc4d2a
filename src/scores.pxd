"""Scores of rows of probabilities, checked and summed in the pass that reads them.

Probabilities u are clipped below at eps and divided by their sum: p_k = u_k / Σ u. With
the likeliest class a and s = Σ_{k≠a} u_k nothing cancels:

    loss         Σ_c t_c φ(m_c), q_c = Σ_{k≠c} p_k, L_c = log((u_c + Σ_{k≠c} u_k) / u_c)
    smoothed     (1 - ε) L_c + ε / K (K log Σ u - log Π u)
    entropy      -Σ p log p = [u_a L_a + s log Σ u - Σ_{k≠a} u_k log u_k] / Σ u
    divergence   Σ t log(t / p) - t + p, no term of which is negative
    calibration  the sums w, w c, w y, w y² and w² of the rows in each bin of confidence c
    overlap      the sums w p y, w p, w y and, if asked for, w y φ of each class
    answers      -Σ_k log x_k, x_k = p_k or 1 - p_k, as log((P + Q) / P): P = Π x and
                 Q = 1 - P are sums of positive terms
"""

from libc.string cimport memset

from losses cimport ROWS, by_class, phi
from passes cimport Pass, one_term, tiles
from proba cimport Checked, Table
from softmax cimport find_class, find_top
from targets cimport clamp_codes, load_codes, load_hard_labels, weigh_labels
from tiles cimport load, store
from vecmath cimport vm_log_quick, vm_log_ratios, vm_logs
from views cimport View, number

cdef extern from "numbers.h" nogil:
    void convert_rows(
        int, const char *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
        double *
    )
    void convert_tile(
        int, const char *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, double *
    )
    const Py_ssize_t *number_width

cdef extern from "transpose.h" nogil:
    void rows_to_tile(size_t, const void *, Py_ssize_t, Py_ssize_t, void *)

cdef enum Score:
    LOSS
    ENTROPY
    DIVERGENCE
    CALIBRATION
    OVERLAP
    ANSWERS

cdef enum:
    BIN_SUMS = 5
    OVERLAP_SUMS = 4
    LANES = 16  # sums that do not wait for each other; loops over 8 would not vectorise
    FACTORS = 16  # of at least 2^-52 each: their product is a normal number


cdef struct Numbers:
    const char *data
    int kind  # as in numbers.h
    Py_ssize_t down, right  # bytes


cdef struct Scores:
    Score score
    Pass rows  # targets, weights, and where the score of each row goes
    Table proba
    Numbers answers
    double eps
    View edges  # between bins
    Py_ssize_t bins, curves  # one curve, or one for each class
    bint losses  # of each class, beside its overlap


cdef inline double clipped(double x, double eps) noexcept nogil:
    return eps if x < eps else x


cdef struct Range:  # of the rows in each place of all tiles
    double[ROWS] drift, low, high
    double[ROWS] undefined  # is NaN if a number was


cdef inline void check_rows(
    Py_ssize_t K, const double *u, Range *found
) noexcept nogil:
    """Note the sums and the range of rows."""
    cdef Py_ssize_t k
    cdef int i
    cdef double x
    cdef double[ROWS] total, low, high
    for i in range(ROWS):
        total[i] = 0
        low[i] = found.low[i]
        high[i] = found.high[i]
    for k in range(K):
        for i in range(ROWS):
            x = u[k * ROWS + i]
            total[i] += x
            low[i] = x if x < low[i] else low[i]
            high[i] = x if x > high[i] else high[i]
    for i in range(ROWS):
        x = total[i] - 1
        x = -x if x < 0 else x
        found.low[i] = low[i]
        found.high[i] = high[i]
        found.undefined[i] += 0 * x
        found.drift[i] = x if x > found.drift[i] else found.drift[i]

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


cdef inline void add_to_bins(
    const Scores *s, int rows, const double *confidence, const double *outcome,
    const double *weight, double *sums
) noexcept nogil:
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
        edge = number(&s.edges, j)
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
    const Scores *s, int rows, const double *u, const double *t, double *sums
) noexcept nogil:
    cdef Py_ssize_t k, K = s.rows.K, curve
    cdef int i
    cdef double x, y
    cdef double[ROWS] confidence, outcome, likelier, weight
    for i in range(ROWS):
        confidence[i] = u[i]
        outcome[i] = weight[i] = t[i]
    for k in range(1, K):
        for i in range(ROWS):
            x = u[k * ROWS + i]
            y = t[k * ROWS + i]
            weight[i] += y
            likelier[i] = y if x > confidence[i] else outcome[i]
            confidence[i] = x if x > confidence[i] else confidence[i]
        for i in range(ROWS):
            outcome[i] = likelier[i]
    for curve in range(s.curves):
        k = 1 if s.curves == 1 else curve
        for i in range(ROWS if s.curves > 1 or K == 2 else 0):
            confidence[i] = u[k * ROWS + i]
            outcome[i] = t[k * ROWS + i]
        for i in range(ROWS):
            outcome[i] /= weight[i] if weight[i] > 0 else 1
        add_to_bins(
            s, rows, &confidence[0], &outcome[0], &weight[0],
            sums + curve * s.bins * BIN_SUMS,
        )


cdef inline void add_overlap(
    Py_ssize_t K, const double *u, const double *t, const double *value, double *lanes
) noexcept nogil:
    """Add the sums of a tile to LANES of them for each class.

    value is the weighted loss of the label of each row, or NULL.
    """
    cdef Py_ssize_t k
    cdef int i, j
    cdef double y
    cdef double *sums
    cdef double[ROWS] weight, loss
    cdef double[OVERLAP_SUMS * ROWS] part
    for i in range(ROWS):
        weight[i] = loss[i] = 0
    for k in range(K):
        for i in range(ROWS):
            weight[i] += t[k * ROWS + i]
    for i in range(ROWS if value != NULL else 0):
        loss[i] = value[i]
    for k in range(K):
        sums = lanes + k * OVERLAP_SUMS * LANES
        for i in range(ROWS):
            y = t[k * ROWS + i]
            part[i] = u[k * ROWS + i] * y
            part[ROWS + i] = u[k * ROWS + i] * weight[i]
            part[2 * ROWS + i] = y
            part[3 * ROWS + i] = loss[i] if y != 0 else 0
        for j in range(OVERLAP_SUMS):
            for i in range(LANES):
                sums[j * LANES + i] += part[j * ROWS + i] + part[j * ROWS + LANES + i]


cdef inline void sum_lanes(
    Py_ssize_t numbers, double *lanes, double *sums
) noexcept nogil:
    cdef Py_ssize_t j
    cdef int i, half
    cdef double *lane
    for j in range(numbers):
        lane = lanes + j * LANES
        half = LANES // 2
        while half > 0:
            for i in range(half):
                lane[i] += lane[i + half]
            half //= 2
        sums[j] = lane[0]


cdef inline void load_answers(
    const Numbers *y, Py_ssize_t row, int rows, Py_ssize_t K, double *t, double *room
) noexcept nogil:
    cdef const char *first = y.data + row * y.down
    cdef Py_ssize_t width = number_width[y.kind]
    if rows < ROWS or y.right != width or y.down != K * width or K == 1:
        convert_tile(y.kind, first, y.down, y.right, rows, K, t)
        return
    if y.kind > 0:
        convert_rows(y.kind, first, 0, width, 1, K * ROWS, 0, room)
        first = <const char *> room
    rows_to_tile(sizeof(double), first, K, K, t)


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


cdef inline void begin(Range *found) noexcept nogil:
    cdef int i
    for i in range(ROWS):
        found.drift[i] = found.low[i] = found.high[i] = found.undefined[i] = 0


cdef inline bint is_outside(const Range *found, double most) noexcept nogil:
    cdef int i
    cdef bint outside = False
    for i in range(ROWS):
        outside |= found.low[i] < 0 or not found.high[i] <= most
        outside |= found.undefined[i] != 0
    return outside


cdef inline void score_tile(
    const Scores *s, Py_ssize_t row, int rows, double *work, double *sums,
    double *value, double *weight
) noexcept nogil:
    """Score the rows of a tile, or add them to sums."""
    cdef const Pass *p = &s.rows
    cdef Py_ssize_t K = p.K, k
    cdef int i
    cdef bint single = p.codes != NULL and not p.weight_after_smoothing
    cdef bint plain = (
        p.class_weight.data == NULL and p.sample_weight.data == NULL
        and p.smoothing == 0
    )
    cdef double *u = work
    cdef double *t = work + K * ROWS
    if s.losses or (
        s.score == LOSS and single and (p.smoothing == 0 or p.loss.log_likelihood)
    ):
        hard_scores(p, s.eps, row, rows, u, value, weight)
        if not s.losses:
            return
    if p.codes != NULL:
        load_hard_labels(p, row, rows, t)
    if s.score == LOSS or s.score == CALIBRATION or s.score == OVERLAP:
        if not plain:
            weigh_labels(p, row, rows, t)
    if s.score == OVERLAP:
        for k in range(K):
            for i in range(rows, ROWS):
                t[k * ROWS + i] = 0
        add_overlap(K, u, t, value if s.losses else NULL, work + 3 * K * ROWS)
    elif s.score == CALIBRATION:
        calibrate(s, rows, u, t, sums)
    elif s.score == LOSS:
        if p.loss.log_likelihood:
            soft_likelihoods(K, s.eps, u, t, value, weight)
        else:
            soft_scores(p, s.eps, u, t, value, weight)
    else:
        if s.score == ENTROPY:
            entropies(K, s.eps, u, value)
        elif s.score == DIVERGENCE:
            divergences(K, s.eps, u, t, value)
        else:
            answer_scores(p, s.eps, u, t, value)
        for i in range(ROWS):
            weight[i] = 1
        for i in range(rows if p.sample_weight.data != NULL else 0):
            weight[i] = number(&p.sample_weight, row + i)
            value[i] *= weight[i]


cdef inline void score_rows(
    const Scores *s, Py_ssize_t start, Py_ssize_t stop, double *work, Checked *part,
    double *sums
) noexcept nogil:
    cdef const Pass *p = &s.rows
    cdef Py_ssize_t K = p.K, row, tile, lanes = OVERLAP_SUMS * K * LANES
    cdef int rows, i
    cdef double *u = work
    cdef double *t = work + K * ROWS
    cdef bint as_given = s.score == CALIBRATION or s.score == OVERLAP
    cdef double[ROWS] value, weight, total, mass
    cdef Range found, targets
    begin(&found)
    begin(&targets)
    for i in range(ROWS):
        total[i] = mass[i] = 0
    memset(t + 2 * K * ROWS, 0, (lanes if s.score == OVERLAP else 0) * sizeof(double))
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        s.proba.load(&s.proba, row, rows, u, <float *> t)
        check_rows(K, u, &found)
        # A single column is loaded as that of the second of two classes.
        for i in range(ROWS if s.proba.width == 1 else 0):
            u[i] = u[ROWS + i] if s.score == ANSWERS else 1 - u[ROWS + i]
        if s.score == ANSWERS:
            load_answers(&s.answers, row, rows, K, t, t + K * ROWS)
            check_rows(K, t, &targets)
        elif p.soft.data != NULL:
            load(&p.soft, row, rows, K, t)
            check_rows(K, t, &targets)
        score_tile(s, row, rows, work, sums, &value[0], &weight[0])
        if as_given:
            continue
        for i in range(rows, ROWS):
            value[i] = weight[i] = 0
        for i in range(ROWS):
            total[i] += value[i]
            mass[i] += weight[i]
        if p.value.data != NULL:
            store(&value[0], row, rows, 1, &p.value)
    if s.score == OVERLAP:
        sum_lanes(OVERLAP_SUMS * K, t + 2 * K * ROWS, sums)
    part.outside = is_outside(&found, 1)
    part.outside |= is_outside(&targets, 1 if s.score == ANSWERS else 2)
    part.drift = part.total = part.weight = 0
    for i in range(ROWS):
        part.total += total[i]
        part.weight += mass[i]
        if s.score != ANSWERS:
            part.drift = max(part.drift, max(found.drift[i], targets.drift[i]))
