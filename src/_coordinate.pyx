"""Coordinate descent on a quadratic model with an L1 penalty.

    min_w  sᵀ(w - w₀) + ½ (w - w₀)ᵀ H (w - w₀) + Σ_j λ_j |w_j|

A coordinate's minimiser is w_j <- S(w_j - s_j / H_jj, λ_j / H_jj), where s is the slope
of the smooth part at w and S(x, t) = sign(x) max(|x| - t, 0). λ_j may be another number
above zero than below; where it is infinite, w_j cannot have that sign. Both functions
work in place, stop when a sweep's Σ_j H_jj (change of w_j)² is at most `tolerance`, and
return it.
"""

from signals cimport Watch, check_stopped, stopped, watch_of
from views cimport check_size

cdef extern from "strict.h":
    pass


cdef inline double change_of(
    double w, double slope, double curvature, double above, double below
) noexcept nogil:
    cdef double x = w - slope / curvature, t
    if x > 0:
        t = above / curvature
        return (x - t if x > t else 0) - w
    t = below / curvature
    return (0 if x >= -t else x + t) - w


def sweep_matrix(
    const double[:, ::1] H, double[::1] slope, double[::1] w, const double[:, ::1] l1,
    int sweeps, double tolerance,
):
    """Sweep all coordinates of H (p, p); slope (p,) is kept up to date.

    l1 (2, p) has λ above zero, and below.
    """
    cdef Py_ssize_t p = H.shape[0], i, j
    cdef double last = 0, change
    cdef int _
    cdef Watch watch = watch_of(<double> sweeps * p * p)
    check_size("H", H.shape[1] == p)
    check_size("slope", len(slope) == p and len(w) == p)
    check_size("l1", l1.shape[0] == 2 and l1.shape[1] == p)
    with nogil:
        for _ in range(sweeps):
            last = 0
            for j in range(p):
                if H[j, j] <= 0:
                    continue
                change = change_of(w[j], slope[j], H[j, j], l1[0, j], l1[1, j])
                if change != 0:
                    w[j] += change
                    for i in range(p):
                        slope[i] += change * H[j, i]
                    last += H[j, j] * change * change
            if last <= tolerance or stopped(&watch, True):
                break
    check_stopped(&watch)
    return last


cdef inline double times_slope(
    Py_ssize_t n, const int *rows, const double *x, const double *slope, Py_ssize_t m
) noexcept nogil:
    """Return a column of X times the slope of an output of the rows."""
    cdef double even = 0, odd = 0  # one sum would wait for itself
    cdef Py_ssize_t entry
    for entry in range(0, n - 1, 2):
        even += x[entry] * slope[rows[entry] * m]
        odd += x[entry + 1] * slope[rows[entry + 1] * m]
    if n % 2:
        even += x[n - 1] * slope[rows[n - 1] * m]
    return even + odd


cdef inline void move_slope(
    Py_ssize_t n, const int *rows, const double *x, double change,
    const double *H, double *slope, Py_ssize_t m,
) noexcept nogil:
    """Add change times H̃ x to the slope; H starts at a row of each H̃."""
    cdef Py_ssize_t entry, other
    if m == 1:
        for entry in range(n):
            slope[rows[entry]] += change * x[entry] * H[rows[entry]]
        return
    for entry in range(n):
        for other in range(m):
            slope[rows[entry] * m + other] += (
                change * x[entry] * H[rows[entry] * m * m + other]
            )


def sweep_columns(
    tuple X, tuple model, double[:, ::1] w, tuple penalties,
    const Py_ssize_t[::1] order, int sweeps, double tolerance,
):
    """Sweep some columns where H = XᵀH̃X + diag(l2), H̃ an m x m matrix for each row.

    X (n, p) is (first entry of each column, row of each entry, entries), model is (H̃, slope,
    curvature), penalties are (l1, l2), l1 (2, p) as above. slope (n, m) is that of the
    rows, kept up to date; w and curvature, the diagonal of H, are (p, m), H̃ is (n, m m).
    Only the columns in `order` are swept.
    """
    cdef const Py_ssize_t[::1] start = X[0]
    cdef const int[::1] rows = X[1]
    cdef const double[::1] x = X[2]
    cdef const double[:, ::1] H = model[0], curvature = model[2]
    cdef double[:, ::1] slope = model[1]
    cdef const double[:, ::1] l1 = penalties[0]
    cdef const double[::1] l2 = penalties[1]
    cdef Py_ssize_t m = w.shape[1], j, k, first, size, position
    cdef double last = 0, change, s
    cdef int _
    cdef Watch watch = watch_of(<double> sweeps * len(x) * m)
    check_size("rows", len(rows) == len(x) and start[len(start) - 1] == len(x))
    check_size("H", len(H) == len(slope) and H.shape[1] == m * m)
    check_size("l1", l1.shape[0] == 2 and l1.shape[1] == len(w))
    with nogil:
        for _ in range(sweeps):
            last = 0
            for position in range(order.shape[0]):
                j = order[position]
                first, size = start[j], start[j + 1] - start[j]
                if stopped(&watch, True):
                    break
                for k in range(m):
                    if curvature[j, k] <= 0:
                        continue
                    s = l2[j] * w[j, k] + times_slope(
                        size, &rows[first], &x[first], &slope[0, k], m
                    )
                    change = change_of(w[j, k], s, curvature[j, k], l1[0, j], l1[1, j])
                    if change == 0:
                        continue
                    w[j, k] += change
                    move_slope(
                        size, &rows[first], &x[first], change, &H[0, k * m],
                        &slope[0, 0], m,
                    )
                    last += curvature[j, k] * change * change
            if last <= tolerance or stopped(&watch, False):
                break
    check_stopped(&watch)
    return last
