"""The range of integer labels, how many differ, and codes that came as floats."""

from cython cimport floating
from libc.stdlib cimport calloc, free


cdef struct LabelRange:
    long long low
    unsigned long long span  # how many integers from the least to the largest
    Py_ssize_t distinct  # how many of them occur; -1 if there was no memory to count


cdef inline LabelRange range_of(const long long[::1] y) noexcept nogil:
    """Find the range, and count distinct labels if span is at most 2^16; else 0."""
    cdef Py_ssize_t n = y.shape[0], i
    cdef long long low = y[0], high = y[0]
    cdef unsigned long long seen = 0, one = 1
    cdef LabelRange found
    # The same pass notes which labels occur modulo 64: no two are one if span <= 64.
    for i in range(n):
        low = y[i] if y[i] < low else low
        high = y[i] if y[i] > high else high
        seen |= one << (<unsigned long long> y[i] & 63)
    found.low = low
    # high - low may overflow, so it is unsigned; and so may + 1, which makes 2^64 a 0.
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
        # Another thread may have written to the labels since.
        if place < <unsigned long long> span:
            seen[place] = 1
    for i in range(span):
        distinct += seen[i]
    free(seen)
    return distinct


cdef inline bint whole_codes(
    const floating[:] y, Py_ssize_t n_classes, Py_ssize_t[::1] codes
) noexcept nogil:
    """Write y as codes, and return True if all are whole numbers in 0..K-1."""
    cdef Py_ssize_t i
    cdef floating x, most = <floating> n_classes
    cdef bint inside, good = True
    for i in range(y.shape[0]):
        x = y[i]
        inside = (x >= 0) & (x < most)
        codes[i] = <Py_ssize_t> (x if inside else 0)
        good &= inside & (<floating> codes[i] == x)
    return good
