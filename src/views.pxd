"""Arrays as the kernels see them: a pointer and two steps, of a size that was checked."""


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
