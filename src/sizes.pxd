"""What a kernel is about to index is as large as it takes for granted: O(1) a call."""

from cython cimport floating


cdef inline int check_size(str name, bint fits) except -1:
    if not fits:
        raise ValueError(
            f"{name} must be of a shape that fits the other arrays, got another."
        )
    return 0


cdef inline bint fits(
    const floating[:, :] table, Py_ssize_t rows, Py_ssize_t columns
) noexcept:
    """Return True if the table is None or of this shape."""
    return table is None or (table.shape[0] == rows and table.shape[1] == columns)


cdef inline int check_targets(
    Py_ssize_t rows, Py_ssize_t n_classes, const Py_ssize_t[::1] codes,
    const floating[:, :] soft, const double[:] sample_weight,
    const double[:] class_weight,
) except -1:
    check_size("codes", soft is not None or (codes is not None and len(codes) == rows))
    check_size("soft", fits(soft, rows, n_classes))
    check_size("sample_weight", sample_weight is None or len(sample_weight) == rows)
    check_size("class_weight", class_weight is None or len(class_weight) == n_classes)
    return 0
