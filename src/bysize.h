/* Cython writes one body for double and float, and C has no overloads: a function that
 * exists for both is picked by the size of its numbers, which is a constant where it is
 * called, so that the choice costs nothing. */
#ifndef SKXENT_BYSIZE_H
#define SKXENT_BYSIZE_H

#define BY_SIZE(size, name, ...)                                                       \
    ((size) == sizeof(double) ? name##_double(__VA_ARGS__) : name##_float(__VA_ARGS__))

/* A function that is inlined in every call, and so compiled for constant arguments. */
#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define ALWAYS_INLINE static __forceinline
#else
#define ALWAYS_INLINE static inline
#endif

#endif
