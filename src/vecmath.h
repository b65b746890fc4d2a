/* exp, expm1, log and log1p without branches or calls, so that a loop over rows
 * vectorises on any instruction set. One body a function, in double and in float.
 *
 *   exp    x = n ln 2 + r, |r| <= ln(2)/2;  exp(x) = 2^n (1 + r + r^2 P(r))
 *   log    x = 2^k m, m in [1/sqrt 2, sqrt 2);  f = m - 1, s = f / (2 + f);
 *          log(1+f) = f - (f^2/2 - s (f^2/2 + R(s^2)))       (the fdlibm scheme)
 *   log1p  u = fl(1 + x);  log1p(x) = log(u) + (what u lost) / u,  for x >= 0
 *   expm1  (2^n - 1) + 2^n (exp(r) - 1)
 *
 * P and R are Chebyshev fits of this project; their error is below 0.15 ulp. All stay
 * within 1.5 ulp, which tests/kernels/test_vecmath.py asserts. exp flushes results that are not
 * normal numbers to zero.
 */
#ifndef SKXENT_VECMATH_H
#define SKXENT_VECMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "bysize.h"

/* A call left standing would keep the loop around it from vectorising. */
#define VM_INLINE ALWAYS_INLINE

static inline uint64_t vm_bits(double x) { uint64_t b; memcpy(&b, &x, 8); return b; }
VM_INLINE double vm_real(uint64_t b) { double x; memcpy(&x, &b, 8); return x; }
static inline uint32_t vm_bitsf(float x) { uint32_t b; memcpy(&b, &x, 4); return b; }
VM_INLINE float vm_realf(uint32_t b) { float x; memcpy(&x, &b, 4); return x; }

/* exp(x) = 2^n (1 + r + tail), for x up to 709 or 88; 2^n is good for |x| < 700 only. */
VM_INLINE double vm_exp_parts(double x, double *power, double *r_out, double *tail) {
    const double shift = 0x1.8p52; /* adding it leaves round(.) in the low bits */
    double t = x * 1.4426950408889634 + shift;
    double n = t - shift;
    double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
    /* even and odd halves of P: half the latency of one Horner chain */
    double w = r * r;
    double even = 0x1.289185613a3d6p-22, odd = 0x1.af38a9b0ec855p-26;
    even = even * w + 0x1.a019b90d2ae7ap-16;
    odd = odd * w + 0x1.71de0dae63bb3p-19;
    even = even * w + 0x1.6c16c1788bd90p-10;
    odd = odd * w + 0x1.a01a01a7c41d5p-13;
    even = even * w + 0x1.5555555553d63p-5;
    odd = odd * w + 0x1.11111111109b3p-7;
    even = even * w + 0x1.0000000000001p-1;
    odd = odd * w + 0x1.5555555555556p-3;
    *r_out = r;
    *tail = w * (even + r * odd);
    *power = vm_real(vm_bits(1.0) + (vm_bits(t) << 52));
    double y = vm_real(vm_bits(1.0 + (r + *tail)) + (vm_bits(t) << 52));
    double small = 0.0 > x ? 0.0 : x; /* NaN stays NaN */
    return x >= -708.0 ? y : small;
}

VM_INLINE float vm_expf_parts(float x, float *power, float *r_out, float *tail) {
    const float shift = 0x1.8p23f;
    float t = x * 1.44269504f + shift;
    float n = t - shift;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float w = r * r;
    float even = 1.39261835877e-3f, odd = 8.36317905272e-3f;
    even = even * w + 4.16665546172e-2f;
    odd = odd * w + 1.66665769897e-1f;
    even = even * w + 0.5f;
    *r_out = r;
    *tail = w * (even + r * odd);
    *power = vm_realf(vm_bitsf(1.0f) + (vm_bitsf(t) << 23));
    float y = vm_realf(vm_bitsf(1.0f + (r + *tail)) + (vm_bitsf(t) << 23));
    float small = 0.0f > x ? 0.0f : x;
    return x >= -87.0f ? y : small;
}

VM_INLINE double vm_exp_down(double x) {
    double power, r, tail;
    return vm_exp_parts(x, &power, &r, &tail);
}

VM_INLINE float vm_exp_downf(float x) {
    float power, r, tail;
    return vm_expf_parts(x, &power, &r, &tail);
}

VM_INLINE double vm_exp(double x) {
    return x > 709.782712893384 ? (double)INFINITY : vm_exp_down(x);
}

VM_INLINE float vm_expf(float x) {
    return x > 88.7228394f ? (float)INFINITY : vm_exp_downf(x);
}

VM_INLINE double vm_sqrt(double x) { return sqrt(x); }
VM_INLINE float vm_sqrtf(float x) { return sqrtf(x); }

/* (2^n - 1) + 2^n r + 2^n tail, with what the first sum rounds off */
VM_INLINE double vm_expm1(double x) {
    double power, r, tail, y = vm_exp_parts(x, &power, &r, &tail);
    double whole = power - 1.0, sum = whole + power * r;
    double lost = whole == 0.0 ? 0.0 : power * r - (sum - whole);
    y = x > 709.782712893384 ? (double)INFINITY : y;
    return fabs(x) < 40.0 ? sum + (lost + power * tail) : y - 1.0;
}

VM_INLINE float vm_expm1f(float x) {
    float power, r, tail, y = vm_expf_parts(x, &power, &r, &tail);
    float whole = power - 1.0f, sum = whole + power * r;
    float lost = whole == 0.0f ? 0.0f : power * r - (sum - whole);
    y = x > 88.7228394f ? (float)INFINITY : y;
    return fabsf(x) < 40.0f ? sum + (lost + power * tail) : y - 1.0f;
}

/* k ln 2 + log(1 + f) + rest, f in [1/sqrt 2 - 1, sqrt 2 - 1], s = f / (2 + f), rest
 * below an ulp of it. */
VM_INLINE double vm_log_parts(double k, double f, double s, double rest) {
    double z = s * s, h = 0.5 * f * f;
    double w = z * z;
    double even = 0x1.2b5900de53b32p-3, odd = 0x1.39fe51a7c18f9p-3;
    even = even * w + 0x1.7462b51cb66b1p-3;
    odd = odd * w + 0x1.c71c62e3f11e6p-3;
    even = even * w + 0x1.2492492df281ap-2;
    odd = odd * w + 0x1.99999999952d7p-2;
    even = even * w + 0x1.5555555555558p-1;
    double y = s * (h + z * (even + z * odd)) + (k * 0x1.a39ef35793c76p-33 + rest);
    return k * 0x1.62e42feep-1 - ((h - y) - f);
}

VM_INLINE float vm_logf_parts(float k, float f, float s, float rest) {
    float z = s * s, h = 0.5f * f * f;
    float p = 0.233305819382f;
    p = p * z + 0.285508165997f;
    p = p * z + 0.40000121877f;
    p = p * z + 0.666666665545f;
    float y = s * (h + z * p) + (k * -2.12194440e-4f + rest);
    return k * 0.693359375f - ((h - y) - f);
}

/* u = 2^k (1 + f), f as below, and 2^-k; u finite and normal. */
VM_INLINE double vm_log_split(double u, double *f, double *inverse) {
    const uint64_t half_root = UINT64_C(0x3fe6a09e667f3bcd); /* sqrt(1/2) */
    uint64_t b = vm_bits(u) + (UINT64_C(0x3ff0000000000000) - half_root);
    uint64_t exponent = b >> 52;
    *f = vm_real((b & UINT64_C(0x000fffffffffffff)) + half_root) - 1.0;
    *inverse = vm_real((UINT64_C(2046) - exponent) << 52);
    /* 2^52 + exponent, read as a double: there is no vector int64 -> double in AVX2 */
    return vm_real(exponent | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
}

VM_INLINE float vm_log_splitf(float u, float *f, float *inverse) {
    const uint32_t half_root = UINT32_C(0x3f3504f3);
    uint32_t b = vm_bitsf(u) + (UINT32_C(0x3f800000) - half_root);
    uint32_t exponent = b >> 23;
    *f = vm_realf((b & UINT32_C(0x007fffff)) + half_root) - 1.0f;
    *inverse = vm_realf((UINT32_C(254) - exponent) << 23);
    return (float)((int32_t)exponent - 127);
}

/* log(a / b) = k ln 2 + 2 atanh(s), s = (a' - b) / (a' + b), with a' = 2^-k a from 2/3 to
 * 3/2 of b: one division, and within 3 ulp. a - b is given, for it may have digits that a
 * lacks. All are normal numbers, and the ratio is between 2^-1000 and 2^1000. */
VM_INLINE double vm_log_of_shares(double k, double s) {
    double z = s * s, w = z * z;
    double even = 0x1.35a069e7c6170p-3, odd = 0x1.39029fee4388ep-3;
    even = even * w + 0x1.746bbab7de053p-3;
    odd = odd * w + 0x1.c71c3cd5b95f1p-3;
    even = even * w + 0x1.2492495208437p-2;
    odd = odd * w + 0x1.999999997c60ap-2;
    even = even * w + 0x1.555555555556ep-1;
    return k * 0x1.62e42fefa39efp-1 + s * (2.0 + z * (even + z * odd));
}
VM_INLINE double vm_log_ratio(double a, double b, double excess) {
    const uint64_t bias = UINT64_C(1024) << 52, half = UINT64_C(1) << 51;
    uint64_t bits = (vm_bits(a) - vm_bits(b)) + (bias + half);
    double k = vm_real((bits >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1024.0);
    double near = vm_real(vm_bits(a) - (bits & UINT64_C(0xfff0000000000000)) + bias);
    return vm_log_of_shares(k, (k == 0.0 ? excess : near - b) / (near + b));
}
/* The same of b = 1, near which no digits of x - 1 are lost. */
VM_INLINE double vm_log_quick(double x) {
    const uint64_t half = UINT64_C(1) << 51;
    uint64_t exponent = (vm_bits(x) + half) & UINT64_C(0xfff0000000000000);
    double k = vm_real((exponent >> 52) | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023.0);
    double near = vm_real(vm_bits(x) - exponent + (UINT64_C(1023) << 52));
    return vm_log_of_shares(k, (near - 1.0) / (near + 1.0));
}

/* Both logarithms for each row of a tile (losses.pxd). */
enum { VM_ROWS = 32 };
VM_INLINE void vm_log_ratios(
    const double *restrict a, const double *restrict b, const double *restrict excess,
    double *restrict out) {
    for (int i = 0; i < VM_ROWS; i++)
        out[i] = vm_log_ratio(a[i], b[i], excess[i]);
}
VM_INLINE void vm_logs(const double *restrict x, double *restrict out) {
    for (int i = 0; i < VM_ROWS; i++)
        out[i] = vm_log_quick(x[i]);
}

/* log of what is finite and normal */
VM_INLINE double vm_log_normal(double x) {
    double f, inverse, k = vm_log_split(x, &f, &inverse);
    return vm_log_parts(k, f, f / (2.0 + f), 0.0);
}

VM_INLINE float vm_log_normalf(float x) {
    float f, inverse, k = vm_log_splitf(x, &f, &inverse);
    return vm_logf_parts(k, f, f / (2.0f + f), 0.0f);
}

VM_INLINE double vm_log(double x) {
    int tiny = x < 0x1p-1022;
    double y = vm_log_normal(tiny ? x * 0x1p54 : x);
    y = tiny ? y - 37.429947750237048 : y; /* 54 ln 2 */
    y = x == 0.0 ? -(double)INFINITY : y;
    y = x < 0.0 ? (double)NAN : y;
    return x < (double)INFINITY ? y : x; /* inf and NaN are their own logarithms */
}

VM_INLINE float vm_logf(float x) {
    int tiny = x < 0x1p-126f;
    float y = vm_log_normalf(tiny ? x * 0x1p25f : x);
    y = tiny ? y - 17.3286795f : y; /* 25 ln 2 */
    y = x == 0.0f ? -(float)INFINITY : y;
    y = x < 0.0f ? (float)NAN : y;
    return x < (float)INFINITY ? y : x;
}

/* log(u + lost), |lost| below an ulp of u: lost / u needs few digits, 1/m will do as
 * 1 - f + f^2 - f^3. */
VM_INLINE double vm_log_sum(double u, double lost) {
    double f, inverse, k = vm_log_split(u, &f, &inverse);
    double rest = lost * inverse * (1.0 - f * (1.0 - f * (1.0 - f)));
    return vm_log_parts(k, f, f / (2.0 + f), rest);
}

VM_INLINE float vm_logf_sum(float u, float lost) {
    float f, inverse, k = vm_log_splitf(u, &f, &inverse);
    float rest = lost * inverse * (1.0f - f * (1.0f - f * (1.0f - f)));
    return vm_logf_parts(k, f, f / (2.0f + f), rest);
}

VM_INLINE double vm_log1p(double x) {
    double u = 1.0 + x;
    double y = vm_log_sum(u, x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x));
    return u < (double)INFINITY ? y : u;
}

VM_INLINE float vm_log1pf(float x) {
    float u = 1.0f + x;
    float y = vm_logf_sum(u, x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x));
    return u < (float)INFINITY ? y : u;
}

/* log1p of a share, 0 <= x <= 1, and 1 / (1 + x), with one division for both. It has
 * 1 + x = 2^k (1 + f) without taking bits apart. */
VM_INLINE double vm_log1p_unit(double x, double *reciprocal) {
    int upper = x > 0.41421356237309503;
    double k = upper ? 1.0 : 0.0, f = upper ? 0.5 * x - 0.5 : x;
    double u = 1.0 + x, v = 2.0 + f, both = 1.0 / (u * v);
    *reciprocal = both * v;
    return vm_log_parts(k, f, f * (both * u), 0.0);
}

VM_INLINE float vm_log1p_unitf(float x, float *reciprocal) {
    int upper = x > 0.414213562f;
    float k = upper ? 1.0f : 0.0f, f = upper ? 0.5f * x - 0.5f : x;
    float u = 1.0f + x, v = 2.0f + f, both = 1.0f / (u * v);
    *reciprocal = both * v;
    return vm_logf_parts(k, f, f * (both * u), 0.0f);
}

#endif
