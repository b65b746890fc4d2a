"""What is asked of a pass over rows, and what each row of a tile should have been."""

from cython cimport floating
from losses cimport ROWS, LossSpec
from tiles cimport load

cdef struct Request:
    LossSpec loss
    Py_ssize_t K  # classes
    double smoothing
    bint binary  # a logit is that of one of two classes
    bint hard, weighted, class_weighted  # which forms of target are given
    bint multilabel  # one problem of two classes a column
    bint weigh_target  # class weights come after smoothing, not before
    double floor  # the least that a diagonal of the Hessian may be
    bint value, gradient, hessian, product, matrix  # which results are


cdef inline Py_ssize_t tiles(Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    return (stop - start + ROWS - 1) // ROWS


cdef inline void load_weights(
    Request *request, const double[:] sample_weight, Py_ssize_t row, int rows, floating *w
) noexcept nogil:
    cdef int i
    for i in range(ROWS):
        w[i] = 1
    if request.weighted:
        for i in range(ROWS):
            w[i] = <floating> sample_weight[row + (i if i < rows else 0)]


cdef inline void raise_to(double floor, Py_ssize_t size, floating *h) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating least = <floating> floor
    for i in range(size):
        h[i] = least if h[i] < least else h[i]


cdef inline void silence(Py_ssize_t K, const floating *w, floating *u) noexcept nogil:
    """Logits 0 where a row weighs nothing, so that not even a NaN is heard."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating[ROWS] heard
    for i in range(ROWS):
        heard[i] = w[i]
    for k in range(K):
        for i in range(ROWS):
            u[k * ROWS + i] = 0 if heard[i] == 0 else u[k * ROWS + i]


cdef inline void clamp_codes(size_t K, Py_ssize_t *c) noexcept nogil:
    """Let class 0 stand for what is no class.

    Codes were checked, but the array may be the caller's, and another thread may have
    written to it since.
    """
    cdef int i
    for i in range(ROWS):
        c[i] = c[i] if <size_t> c[i] < K else 0


cdef inline void load_codes(
    Request *request, const Py_ssize_t[::1] codes, const double[:] sample_weight,
    const double[:] class_weight, Py_ssize_t row, int rows, Py_ssize_t *c, floating *t
) noexcept nogil:
    """The class c of every row and its weight t; `clamp_codes` before c is an index."""
    cdef Py_ssize_t i
    cdef const Py_ssize_t *first = &codes[row]
    load_weights(request, sample_weight, row, rows, t)
    if rows == ROWS:
        for i in range(ROWS):
            c[i] = first[i]
    else:
        for i in range(ROWS):
            c[i] = first[i if i < rows else 0]
    if request.class_weighted:
        clamp_codes(request.K, c)
        for i in range(ROWS):
            t[i] = <floating> (t[i] * class_weight[c[i]])


cdef inline void load_targets(
    Request *request, const Py_ssize_t[::1] codes, const floating[:, :] soft,
    const double[:] sample_weight, const double[:] class_weight,
    Py_ssize_t row, int rows, floating *t
) noexcept nogil:
    """The weight t of every class in a row.

    t = w [(1 - ε) y∘v + ε/K Σ y∘v]: the label is weighted, then smoothed, so that class
    weights v act as sample weights v[y] do. Or `weigh_target`: t = w v∘[(1 - ε) y + ε/K].
    """
    cdef Py_ssize_t k, K = request.K
    cdef int i
    cdef floating v, number
    cdef double keep = 1 - request.smoothing, share = request.smoothing / K, after
    cdef floating[ROWS] label
    cdef double[ROWS] weight, total
    for i in range(ROWS):
        weight[i] = sample_weight[row + (i if i < rows else 0)] if request.weighted else 1
        total[i] = 0
    if request.hard:
        for i in range(ROWS):
            label[i] = <floating> codes[row + (i if i < rows else 0)]
        for k in range(K):
            number = <floating> k
            for i in range(ROWS):
                t[k * ROWS + i] = 1 if label[i] == number else 0
    else:
        load(soft, row, rows, K, t)
    for k in range(K):
        v = 1
        if request.class_weighted and not request.weigh_target:
            v = <floating> class_weight[k]
        for i in range(ROWS):
            t[k * ROWS + i] *= v
            total[i] += t[k * ROWS + i]
    for k in range(K):
        after = 1
        if request.class_weighted and request.weigh_target:
            after = class_weight[k]
        for i in range(ROWS):
            t[k * ROWS + i] = <floating> (
                after * weight[i] * (keep * t[k * ROWS + i] + share * total[i])
            )
