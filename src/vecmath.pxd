"""The functions of vecmath.h, each under one name for both dtypes."""

from cython cimport floating

cdef extern from "vecmath.h" nogil:
    double vm_exp(double x)
    float vm_expf(float x)
    double vm_exp_down(double x)
    float vm_exp_downf(float x)
    double vm_expm1(double x)
    float vm_expm1f(float x)
    double vm_log(double x)
    float vm_logf(float x)
    double vm_log_quick(double x)
    # For each row of a tile: log(a / b) given a - b, and log(x).
    void vm_log_ratios(
        const double *a, const double *b, const double *excess, double *out
    )
    void vm_logs(const double *x, double *out)
    double vm_log1p(double x)
    float vm_log1pf(float x)
    double vm_log1p_unit(double x, double *reciprocal)
    float vm_log1p_unitf(float x, float *reciprocal)


cdef inline floating exp(floating x) noexcept nogil:
    return vm_expf(x) if floating is float else vm_exp(x)


cdef inline floating exp_down(floating x) noexcept nogil:
    """Return exp(x) for x <= 0."""
    return vm_exp_downf(x) if floating is float else vm_exp_down(x)


cdef inline floating expm1(floating x) noexcept nogil:
    return vm_expm1f(x) if floating is float else vm_expm1(x)


cdef inline floating log(floating x) noexcept nogil:
    return vm_logf(x) if floating is float else vm_log(x)


cdef inline floating log1p(floating x) noexcept nogil:
    return vm_log1pf(x) if floating is float else vm_log1p(x)


cdef inline floating log1p_unit(floating x, floating *reciprocal) noexcept nogil:
    """Return log1p(x) for 0 <= x <= 1, and write 1 / (1 + x)."""
    if floating is float:
        return vm_log1p_unitf(x, reciprocal)
    else:
        return vm_log1p_unit(x, reciprocal)
