"""vecmath.h under one name a function, for both dtypes."""

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
    double vm_log_normal(double x)
    float vm_log_normalf(float x)
    double vm_log1p(double x)
    float vm_log1pf(float x)
    double vm_log1p_unit(double x, double *reciprocal)
    float vm_log1p_unitf(float x, float *reciprocal)


cdef inline floating exp(floating x) noexcept nogil:
    if floating is float:
        return vm_expf(x)
    else:
        return vm_exp(x)


cdef inline floating exp_down(floating x) noexcept nogil:
    """exp for x <= 0."""
    if floating is float:
        return vm_exp_downf(x)
    else:
        return vm_exp_down(x)


cdef inline floating expm1(floating x) noexcept nogil:
    if floating is float:
        return vm_expm1f(x)
    else:
        return vm_expm1(x)


cdef inline floating log(floating x) noexcept nogil:
    if floating is float:
        return vm_logf(x)
    else:
        return vm_log(x)


cdef inline floating log_normal(floating x) noexcept nogil:
    """log for normal numbers."""
    if floating is float:
        return vm_log_normalf(x)
    else:
        return vm_log_normal(x)


cdef inline floating log1p(floating x) noexcept nogil:
    if floating is float:
        return vm_log1pf(x)
    else:
        return vm_log1p(x)


cdef inline floating log1p_unit(floating x, floating *reciprocal) noexcept nogil:
    """log1p for 0 <= x <= 1, and 1 / (1 + x)."""
    if floating is float:
        return vm_log1p_unitf(x, reciprocal)
    else:
        return vm_log1p_unit(x, reciprocal)
