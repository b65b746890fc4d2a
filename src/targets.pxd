"""What each row of a tile should have been, and what it weighs."""

from cython cimport floating
from losses cimport ROWS
from passes cimport Pass
from tiles cimport load
from views cimport number


cdef inline void load_weights(
    const Pass *p, Py_ssize_t row, int rows, floating *w
) noexcept nogil:
    cdef int i
    for i in range(ROWS):
        w[i] = 1
    if p.sample_weight.data != NULL:
        row += p.first
        for i in range(ROWS):
            w[i] = <floating> number(&p.sample_weight, row + (i if i < rows else 0))


cdef inline void clip_below(double floor, Py_ssize_t size, floating *h) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating least = <floating> floor
    for i in range(size):
        h[i] = least if h[i] < least else h[i]


cdef inline void mask_ignored(
    Py_ssize_t K, const floating *w, floating *u
) noexcept nogil:
    """Set the logits of rows without weight to 0: even a NaN there must not count."""
    cdef Py_ssize_t k
    cdef int i
    cdef bint ignored = False
    cdef floating[ROWS] kept
    for i in range(ROWS):
        kept[i] = w[i]
        ignored |= w[i] == 0
    if not ignored:
        return
    for k in range(K):
        for i in range(ROWS):
            u[k * ROWS + i] = 0 if kept[i] == 0 else u[k * ROWS + i]


cdef inline void clamp_codes(size_t K, Py_ssize_t *c) noexcept nogil:
    """Let class 0 stand for what is no class.

    Codes were checked, but the array may be the caller's, and another thread may have
    written to it since.
    """
    cdef int i
    for i in range(ROWS):
        c[i] = c[i] if <size_t> c[i] < K else 0


cdef inline void load_codes(
    const Pass *p, Py_ssize_t row, int rows, Py_ssize_t *c, floating *t
) noexcept nogil:
    """Load the class c of every row and its weight t.

    Call `clamp_codes` before c is used as an index.
    """
    cdef Py_ssize_t i
    cdef double[ROWS] v
    cdef const double *weights = <const double *> p.class_weight.data
    cdef const Py_ssize_t *codes = p.codes + p.first + row
    load_weights(p, row, rows, t)
    if rows == ROWS:
        for i in range(ROWS):
            c[i] = codes[i]
    else:
        for i in range(ROWS):
            c[i] = codes[i if i < rows else 0]
    if p.class_weight.data != NULL:
        clamp_codes(p.K, c)
        for i in range(ROWS):
            v[i] = weights[c[i] * p.class_weight.down]
        for i in range(ROWS):
            t[i] = <floating> (t[i] * v[i])


cdef inline void load_hard_labels(
    const Pass *p, Py_ssize_t row, int rows, floating *t
) noexcept nogil:
    cdef Py_ssize_t k, first = p.first + row
    cdef int i
    cdef floating index
    cdef floating[ROWS] label
    for i in range(ROWS):
        label[i] = <floating> p.codes[first + (i if i < rows else 0)]
    for k in range(p.K):
        index = <floating> k
        for i in range(ROWS):
            t[k * ROWS + i] = 1 if label[i] == index else 0


cdef inline void weigh_labels(
    const Pass *p, Py_ssize_t row, int rows, floating *t
) noexcept nogil:
    """Make of labels y the weight t of every class in a row.

    t = w [(1 - ε) y∘v + ε/K Σ y∘v]: the label is weighted, then smoothed, so that class
    weights v act as sample weights v[y] do. With `weight_after_smoothing`
    t = w v∘[(1 - ε) y + ε/K].
    """
    cdef Py_ssize_t k, K = p.K, first = p.first + row
    cdef int i
    cdef floating v
    cdef double keep = 1 - p.smoothing, share = p.smoothing / K, after
    cdef bint weighted = p.class_weight.data != NULL
    cdef double[ROWS] weight, total
    for i in range(ROWS):
        weight[i] = 1
        total[i] = 0
    if p.sample_weight.data != NULL:
        for i in range(ROWS):
            weight[i] = number(&p.sample_weight, first + (i if i < rows else 0))
    for k in range(K):
        v = 1
        if weighted and not p.weight_after_smoothing:
            v = <floating> number(&p.class_weight, k)
        for i in range(ROWS):
            t[k * ROWS + i] *= v
            total[i] += t[k * ROWS + i]
    for k in range(K):
        after = 1
        if weighted and p.weight_after_smoothing:
            after = number(&p.class_weight, k)
        for i in range(ROWS):
            t[k * ROWS + i] = <floating> (
                after * weight[i] * (keep * t[k * ROWS + i] + share * total[i])
            )


cdef inline void load_targets(
    const Pass *p, Py_ssize_t row, int rows, floating *t
) noexcept nogil:
    """Load the weight t of every class in a row."""
    if p.codes == NULL:
        load(&p.soft, p.first + row, rows, p.K, t)
    else:
        load_hard_labels(p, row, rows, t)
    weigh_labels(p, row, rows, t)
