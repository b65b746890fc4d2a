"""Integer labels: from where to where, and how many differ; codes that are floats."""

from cython cimport floating
from libc.stdlib cimport calloc, free


cdef struct LabelRange:
    long long low
    unsigned long long span  # labels from the least to the largest
    Py_ssize_t distinct  # how many of them occur; -1: no memory to tell


cdef inline LabelRange range_of(const long long[::1] y) noexcept nogil:
    """distinct is counted where span is at most 2^16, and else 0."""
    cdef Py_ssize_t n = y.shape[0], i
    cdef long long low = y[0], high = y[0]
    cdef unsigned long long seen = 0, one = 1
    cdef LabelRange found
    # In one pass, what differs modulo 64: that is all if no two are 64 apart.
    for i in range(n):
        low = y[i] if y[i] < low else low
        high = y[i] if y[i] > high else high
        seen |= one << (<unsigned long long> y[i] & 63)
    found.low = low
    # high - low may overflow: subtract as unsigned. So may the 1: 2^64 becomes 0.
    found.span = <unsigned long long> high - <unsigned long long> low + 1
    found.distinct = 0
    if 0 < found.span <= 64:
        while seen:
            seen &= seen - 1
            found.distinct += 1
    elif 0 < found.span <= 65536:
        found.distinct = count(y, low, <Py_ssize_t> found.span)
    return found


cdef inline Py_ssize_t count(
    const long long[::1] y, long long low, Py_ssize_t span
) noexcept nogil:
    cdef Py_ssize_t i, distinct = 0
    cdef unsigned long long place
    cdef char *seen = <char *> calloc(span, 1)
    if seen == NULL:
        return -1
    for i in range(y.shape[0]):
        place = <unsigned long long> y[i] - <unsigned long long> low
        if place < <unsigned long long> span:  # another thread may write to the labels
            seen[place] = 1
    for i in range(span):
        distinct += seen[i]
    free(seen)
    return distinct


cdef inline bint whole_codes(
    const floating[:] y, Py_ssize_t n_classes, Py_ssize_t[::1] codes
) noexcept nogil:
    """Are all of y whole numbers in 0..K-1? Then these are in codes."""
    cdef Py_ssize_t i
    cdef floating x, most = <floating> n_classes
    cdef bint inside, good = True
    for i in range(y.shape[0]):
        x = y[i]
        inside = (x >= 0) & (x < most)
        codes[i] = <Py_ssize_t> (x if inside else 0)
        good &= inside & (<floating> codes[i] == x)
    return good
