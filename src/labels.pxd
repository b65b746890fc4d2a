"""The range of integer labels, which of them occur, and codes that came as floats."""

from cpython.buffer cimport (
    PyBUF_ANY_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer,
)
from cython cimport floating
from views cimport check_size, native_kind

cdef extern from "labels.h" nogil:
    ctypedef struct Labels "labels":
        const void *data
        int width
        long long offset
        const Py_ssize_t *class_at
        Py_ssize_t places
    void range_of_labels(
        const Labels *, Py_ssize_t, long long *, long long *, unsigned long long *
    )
    void mark_labels(
        const Labels *, Py_ssize_t, long long, unsigned long long, char *
    )
    void load_classes(const Labels *, Py_ssize_t, int, int, Py_ssize_t *)


cdef inline Labels labels_of(y, Py_ssize_t n) except *:
    """Read integers (n,) of 1, 2, 4 or 8 bytes; keep the array while this is in use."""
    cdef Labels labels
    cdef Py_buffer buffer
    cdef char kind
    PyObject_GetBuffer(y, &buffer, PyBUF_FORMAT | PyBUF_ANY_CONTIGUOUS)
    kind = native_kind(&buffer)
    labels.data, labels.width = buffer.buf, <int> buffer.itemsize
    fits = buffer.ndim == 1 and buffer.len == n * buffer.itemsize and n > 0
    PyBuffer_Release(&buffer)
    if kind in (b"?", b"B"):
        labels.width = -1
    check_size("codes", fits and kind in (b"?", b"B", b"b", b"h", b"i", b"l", b"q"))
    labels.offset = labels.places = 0
    labels.class_at = NULL
    return labels


cdef inline tuple range_and_occurring(Labels y, Py_ssize_t n):
    """Return the least label, how many differ, their span, and which occur, as bytes.

    The last is None if all do. Return None for a span over 2^16.
    """
    cdef long long low = 0, high = 0
    cdef unsigned long long seen = 0, span, one = 1, j
    cdef Py_ssize_t distinct = 0
    cdef bytearray marks
    cdef char *mark
    with nogil:
        range_of_labels(&y, n, &low, &high, &seen)
    # high - low may overflow, so it is unsigned; and so may + 1, which makes 2^64 a 0.
    span = <unsigned long long> high - <unsigned long long> low + 1
    if not 0 < span <= 65536:
        return None
    marks = bytearray(span)
    mark = marks
    if span <= 64:
        for j in range(span):
            mark[j] = (seen >> ((<unsigned long long> low + j) & 63)) & one
    else:
        with nogil:
            mark_labels(&y, n, low, span, mark)
    for j in range(span):
        distinct += mark[j]
    return low, distinct, span, None if <unsigned long long> distinct == span else marks


cdef inline bint whole_codes(
    const floating *y, Py_ssize_t step, Py_ssize_t n_classes, Py_ssize_t[::1] codes
) noexcept nogil:
    """Write y as codes, and return True if all are whole numbers in 0..K-1."""
    cdef Py_ssize_t i
    cdef floating x, most = <floating> n_classes
    cdef bint inside, good = True
    for i in range(codes.shape[0]):
        x = y[i * step]
        inside = (x >= 0) & (x < most)
        codes[i] = <Py_ssize_t> (x if inside else 0)
        good &= inside & (<floating> codes[i] == x)
    return good
