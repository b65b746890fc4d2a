"""Scores of probabilities (rowscores.pxd), or their sums over rows, in one pass.

Rows are checked in the pass that reads them. Two scores are sums alone:

    calibration  the sums w, w c, w y, w y² and w² of the rows in each bin of confidence c
    overlap      the sums w p y, w p, w y and, if asked for, w y φ of each class
"""

from libc.float cimport DBL_EPSILON
from libc.string cimport memcpy, memset

from losses cimport ROWS
from passes cimport Pass, tiles
from proba cimport Checked, Table
from rowscores cimport (
    indicator_scores, divergences, entropies, hard_scores, soft_likelihoods, soft_scores,
    suggest,
)
from targets cimport clamp_codes, load_hard_labels, weigh_labels
from tiles cimport load, store
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
    INDICATORS
    ISSUES

cdef enum:
    BIN_SUMS = 5
    OVERLAP_SUMS = 4
    LANES = 16  # sums that do not wait for each other; loops over 8 would not vectorise


cdef struct Numbers:
    const char *data
    int kind  # as in numbers.h
    Py_ssize_t down, right  # bytes


cdef struct Scores:
    Score score
    Pass rows  # targets, weights, and where the score of each row goes
    Table proba
    Numbers indicators
    double eps
    bint flat  # may rows of a tile change places?
    View edges  # between bins; of issues the thresholds of classes
    int *suggested
    Py_ssize_t bins, curves  # one curve, or one for each class
    bint each_once  # curves for each class, of labels without weights
    bint losses  # of each class, beside its overlap


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


cdef inline void add_to_curves(
    const Scores *s, Py_ssize_t row, int rows, const double *u, int *at, double *sums
) noexcept nogil:
    """Add rows of one label and of weight 1 to the bins of all classes: w, w c and w y.

    Bins have equal widths, so the bin of a probability is computed. Rounding may give a
    probability near an edge the next bin: such rows are compared with the edges. Classes
    come one after another, so that a sum seldom waits for the one before.
    """
    cdef Py_ssize_t k, j, K = s.rows.K, step = s.bins * BIN_SUMS
    cdef int i
    cdef double c, place, edge, bins = s.bins, per_unit = bins * (1 + 4 * DBL_EPSILON)
    cdef bint narrow = s.proba.narrow, at_edge = False
    cdef double[ROWS] above
    cdef double *bin_sums
    cdef Py_ssize_t[ROWS] label
    for i in range(ROWS):
        label[i] = s.rows.codes[s.rows.first + row + (i if i < rows else 0)]
    clamp_codes(K, &label[0])
    for i in range(ROWS):
        above[i] = 1
    for k in range(K):
        for i in range(ROWS):
            c = u[k * ROWS + i] * per_unit
            place = <int> c
            above[i] = c - place if c - place < above[i] else above[i]
            at[k * ROWS + i] = <int> (k * step + BIN_SUMS * place)
    for i in range(ROWS):
        at_edge |= above[i] < 8 * bins * s.eps
    for j in range(K * ROWS if at_edge else 0):
        c = u[j]
        place = <int> (c * per_unit)
        edge = place / bins
        edge = <float> edge if narrow else edge
        place = 1 if place > 0 and c <= edge else 0
        at[j] -= <int> (BIN_SUMS * place)
    for i in range(rows):
        for k in range(K):
            bin_sums = sums + at[k * ROWS + i]
            bin_sums[0] += 1
            bin_sums[1] += u[k * ROWS + i]
        sums[at[label[i] * ROWS + i] + 2] += 1


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


cdef inline void read_indicators(
    const Numbers *y, Py_ssize_t row, int rows, Py_ssize_t K, bint flat, double *t,
    double *room
) noexcept nogil:
    cdef const char *first = y.data + row * y.down
    cdef Py_ssize_t width = number_width[y.kind]
    if rows < ROWS or y.right != width or y.down != K * width or K == 1:
        convert_tile(y.kind, first, y.down, y.right, rows, K, t)
        return
    if y.kind > 0:
        convert_rows(y.kind, first, 0, width, 1, K * ROWS, 0, t if flat else room)
        first = <const char *> room
    if flat:
        if y.kind == 0:
            memcpy(t, first, K * ROWS * sizeof(double))
        return
    rows_to_tile(sizeof(double), first, K, K, t)


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
    if s.score == ISSUES:
        suggest(p, &s.edges, row, rows, u, s.suggested + row, value, weight)
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
            indicator_scores(p, s.eps, u, t, value)
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
    cdef Py_ssize_t K = p.K, row, tile, at, lanes = OVERLAP_SUMS * K * LANES
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
        if s.flat and rows == ROWS:
            memcpy(
                u, <const double *> s.proba.numbers.data + row * K,
                K * ROWS * sizeof(double),
            )
        else:
            s.proba.load(&s.proba, row, rows, u, <float *> t)
        check_rows(K, u, &found)
        # A single column is loaded as that of the second of two classes.
        for i in range(ROWS if s.proba.width == 1 else 0):
            u[i] = u[ROWS + i] if s.score == INDICATORS else 1 - u[ROWS + i]
        if s.score == INDICATORS:
            read_indicators(&s.indicators, row, rows, K, s.flat, t, t + K * ROWS)
            check_rows(K, t, &targets)
        elif p.soft.data != NULL:
            load(&p.soft, row, rows, K, t)
            check_rows(K, t, &targets)
        if not s.each_once:
            score_tile(s, row, rows, work, sums, &value[0], &weight[0])
        elif not is_outside(&found, 1):  # A value outside has no bin, and no result.
            add_to_curves(s, row, rows, u, <int *> t, sums)
        if as_given:
            continue
        for i in range(rows, ROWS):
            value[i] = weight[i] = 0
        for i in range(ROWS):
            total[i] += value[i]
            mass[i] += weight[i]
        if p.value.data != NULL:
            store(&value[0], row, rows, 1, &p.value)
    for at in range(s.curves * s.bins if s.each_once else 0):
        sums[BIN_SUMS * at + 3] = sums[BIN_SUMS * at + 2]
        sums[BIN_SUMS * at + 4] = sums[BIN_SUMS * at]
    if s.score == OVERLAP:
        sum_lanes(OVERLAP_SUMS * K, t + 2 * K * ROWS, sums)
    part.outside = is_outside(&found, 1)
    part.outside |= is_outside(&targets, 1 if s.score == INDICATORS else 2)
    part.drift = part.total = part.weight = 0
    for i in range(ROWS):
        part.total += total[i]
        part.weight += mass[i]
        if s.score != INDICATORS:
            part.drift = max(part.drift, max(found.drift[i], targets.drift[i]))
