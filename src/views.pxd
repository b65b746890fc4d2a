"""Arrays as the kernels see them: a pointer and two steps, of a size that was checked."""

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cython cimport floating


cdef struct View:
    void *data  # NULL: not given, or not asked for
    Py_ssize_t down, right  # numbers from a row to the next, and from a column


cdef inline int check_size(str name, bint fits) except -1:
    """Nothing is indexed that is smaller than it is taken for: O(1) a call."""
    if not fits:
        raise ValueError(
            f"{name} must be of a shape that fits the other arrays, got another."
        )
    return 0


cdef inline char native_kind(const Py_buffer *buffer) except? -1:
    """Return the letter of a buffer's numbers; 0 if they are swapped or lie across steps.

    numpy puts < or > first if the dtype names the order of the bytes, as those of Zarr
    do, and = if the numbers are not aligned, as those that a Dask worker unpickles.
    """
    cdef const char *format = buffer.format
    cdef short one = 1
    cdef char own = b"<" if (<char *> &one)[0] else b">"
    cdef int axis
    if format == NULL:
        return 0
    if format[0] == own or format[0] == b"=":
        format += 1
        for axis in range(buffer.ndim):
            if buffer.strides[axis] % buffer.itemsize:
                return 0
    return format[0] if format[0] and format[1] == 0 else 0


cdef inline View view_of(
    str name, array, Py_ssize_t rows, Py_ssize_t columns, const floating *like,
    bint written=False
) except *:
    """Check an array (n,) or (n, K), or None, of the dtype of `like`.

    The caller keeps the array while the view is in use. A memoryview would keep it
    instead, but it takes longer to make than a few rows take to read.
    """
    cdef View view
    cdef Py_buffer buffer
    cdef Py_ssize_t size = sizeof(floating)
    cdef char kind = b"f" if sizeof(floating) == sizeof(float) else b"d"
    cdef bint fits, same
    view.data = NULL
    view.down = view.right = 0
    if array is None:
        return view
    PyObject_GetBuffer(
        array, &buffer, PyBUF_FORMAT | PyBUF_STRIDES | (PyBUF_WRITABLE if written else 0)
    )
    fits = buffer.ndim == 2 or buffer.ndim == 1 == columns
    if fits:
        fits = buffer.shape[0] == rows and (
            buffer.ndim == 1 or buffer.shape[1] == columns
        )
        view.down = buffer.strides[0] // size
        view.right = buffer.strides[1] // size if buffer.ndim == 2 else 0
    same = native_kind(&buffer) == kind
    view.data = buffer.buf
    PyBuffer_Release(&buffer)
    check_size(name, fits)
    if not same:
        raise ValueError(f"{name} must have numbers of the type of the other arrays.")
    return view


cdef inline double entry(const View *table, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
    """Return an entry of a table of weights."""
    return (<const double *> table.data)[i * table.down + k * table.right]


cdef inline double number(const View *vector, Py_ssize_t i) noexcept nogil:
    """Return entry i of a vector of weights."""
    return (<const double *> vector.data)[i * vector.down]


cdef inline void *aligned(void *room) noexcept nogil:
    """Return the first address in a room of 64 bytes more at which a cache line begins.

    Vectors of AVX-512 fill a line each; any that lay across two would take twice as long.
    """
    return <void *> ((<size_t> room + 63) & ~<size_t> 63)
