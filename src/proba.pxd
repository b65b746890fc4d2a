"""The log loss of rows of probabilities, with all that makes them invalid."""

from cython cimport floating
from losses cimport ROWS
from vecmath cimport log

cdef enum:
    LANES = 16  # along a row


cdef struct Checked:
    double total  # sum of weighted losses
    double low, high  # range of the probabilities
    double drift  # largest |row sum - 1|
    double all  # sum of all probabilities: not finite if one of them is not


cdef inline void short_rows(
    const floating *p, Py_ssize_t K, floating *sums, floating *low, floating *high
) noexcept nogil:
    """Sums of ROWS rows of K numbers that lie one after another, and their range."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x
    for i in range(ROWS):
        sums[i] = 0
    # Least and largest do not care for rows: ROWS numbers at a time as they lie.
    for k in range(K):
        for i in range(ROWS):
            x = p[k * ROWS + i]
            low[i] = x if x < low[i] else low[i]
            high[i] = x if x > high[i] else high[i]
    if K == 2:
        for i in range(ROWS):
            sums[i] = p[2 * i] + p[2 * i + 1]
        return
    for k in range(K):
        for i in range(ROWS):
            sums[i] += p[i * K + k]


cdef inline void long_rows(
    const floating *p, Py_ssize_t K, floating *sums, floating *low, floating *high
) noexcept nogil:
    """The same, each row read once."""
    cdef Py_ssize_t k, whole = K // LANES * LANES
    cdef int i, j
    cdef floating x
    cdef floating[LANES] total, least, most
    for j in range(LANES):
        least[j] = low[j]
        most[j] = high[j]
    for i in range(ROWS):
        for j in range(LANES):
            total[j] = 0
        for k in range(K // LANES):
            for j in range(LANES):
                x = p[i * K + k * LANES + j]
                total[j] += x
                least[j] = x if x < least[j] else least[j]
                most[j] = x if x > most[j] else most[j]
        for k in range(whole, K):
            x = p[i * K + k]
            total[0] += x
            least[0] = x if x < least[0] else least[0]
            most[0] = x if x > most[0] else most[0]
        # Halves, not one after another: each addition would wait for the last.
        for j in range(8):
            total[j] += total[j + 8]
        for j in range(4):
            total[j] += total[j + 4]
        sums[i] = (total[0] + total[1]) + (total[2] + total[3])
    for j in range(LANES):
        low[j] = least[j]
        high[j] = most[j]


cdef inline void log_loss_rows(
    const floating[:, :] proba, const long long[:] codes, long long offset,
    const double[:] sample_weight, double eps, Py_ssize_t start, Py_ssize_t stop,
    floating *work, Checked *part
) noexcept nogil:
    cdef Py_ssize_t K = proba.shape[1], row, tile, k, source, code
    cdef int rows, i
    cdef bint plain = (
        proba.strides[1] == sizeof(floating)
        and proba.strides[0] == K * <Py_ssize_t> sizeof(floating)
    )
    cdef const floating *p
    cdef floating[ROWS] picked, sums, low, high, drift
    cdef double[ROWS] total, every, w
    cdef floating x, least = <floating> eps, most = 1 - <floating> eps
    for i in range(ROWS):
        low[i] = 1
        high[i] = 0
        drift[i] = 0
        total[i] = 0
        every[i] = 0
    for tile in range((stop - start + ROWS - 1) // ROWS):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        p = &proba[row, 0]
        if rows < ROWS or not plain:
            for i in range(ROWS):
                source = row + (i if i < rows else 0)
                for k in range(K):
                    work[i * K + k] = proba[source, k]
            p = work
        for i in range(ROWS):
            source = row + (i if i < rows else 0)
            code = <Py_ssize_t> (codes[source] - offset)
            if K > 1:
                picked[i] = p[i * K + code]
            else:
                picked[i] = p[i] if code else 1 - p[i]
            w[i] = sample_weight[source] if sample_weight is not None else 1
            w[i] = w[i] if i < rows else 0
        if K < 2 * LANES:
            short_rows(p, K, &sums[0], &low[0], &high[0])
        else:
            long_rows(p, K, &sums[0], &low[0], &high[0])
        for i in range(ROWS):
            x = sums[i] - 1 if K > 1 else sums[i] - sums[i]
            every[i] += sums[i]
            x = -x if x < 0 else x
            drift[i] = x if x > drift[i] else drift[i]
            x = picked[i]
            x = least if x < least else x
            x = most if x > most else x
            total[i] -= w[i] * log(x)
    part.low = 1
    part.high = part.drift = part.total = part.all = 0
    for i in range(ROWS):
        part.total += total[i]
        part.all += every[i]
        part.low = min(part.low, <double> low[i])
        part.high = max(part.high, <double> high[i])
        part.drift = max(part.drift, <double> drift[i])
