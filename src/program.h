/* Formulas as programs: what a φ does to p, q and L, as a list of instructions on
 * registers. A register holds, for the ROWS rows of a tile, a function of the margin and
 * its first two derivatives, so that the derivatives of the result are exact and are
 * written by nobody (forward mode).
 *
 * Python traces and rewrites the formula (skxent/losses/_expression.py) and passes bytes.
 * `program_error` checks them: no instruction reads what was not written, and no number
 * of theirs is an address. */
#ifndef SKXENT_PROGRAM_H
#define SKXENT_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "bysize.h"
#include "transpose.h"
#include "vecmath.h"

enum { REGISTERS = 16, MOST_INSTRUCTIONS = 255, SMALL_POWER = 4 };

/* The numbers of OPERATIONS in skxent/losses/_program.py, in this order. */
enum operation {
    MARGIN_SHIFT,  /* first of all: p, q, L at the margin less θ_a */
    INPUT_P,
    INPUT_Q,
    INPUT_L,
    LOG_Q,
    MONOMIAL,      /* p^k q^l */
    MODULATED_L,   /* p^k q^l L */
    COMPLEMENT_P,  /* 1 - p^k */
    COMPLEMENT_Q,  /* 1 - q^k */
    CONSTANT,      /* k */
    CLASS_CONSTANT, /* θ_a of the row's class */
    AFFINE,        /* k a + l */
    COMBINE,       /* k a + l b */
    MULTIPLY,
    DIVIDE,
    POWER,         /* a^k */
    EXP,
    EXPM1,
    LOG,
    LOG1P,
    MAXIMUM,
    LESS,          /* 1 where a < b, else 0 */
    SELECT,        /* a where c, else b */
    OPERATIONS
};

typedef struct {
    uint8_t operation, to, a, b, c, unused[3];
    double k, l;
} instruction;

typedef struct {
    const char *code; /* instructions; the last writes the result */
    ptrdiff_t size;   /* how many */
    const double *theta; /* constants x classes */
    ptrdiff_t constants, classes;
} program;

/* Which registers an instruction reads: bits for a, b and c. */
static inline int reads(int operation) {
    if (operation == SELECT)
        return 7;
    if (operation < AFFINE)
        return 0;
    return operation == COMBINE || operation == MULTIPLY || operation == DIVIDE
            || (operation >= MAXIMUM && operation < SELECT)
        ? 3 : 1;
}

static inline instruction instruction_at(const program *p, ptrdiff_t i) {
    instruction x;
    memcpy(&x, p->code + i * (ptrdiff_t)sizeof x, sizeof x);
    return x;
}

/* Return what is wrong with a program, or NULL. */
static inline const char *program_error(const program *p) {
    uint32_t written = 0;
    if (p->size < 1 || p->size > MOST_INSTRUCTIONS)
        return "1 to 255 instructions";
    for (ptrdiff_t i = 0; i < p->size; i++) {
        instruction x = instruction_at(p, i);
        if (x.operation >= OPERATIONS || (x.operation == MARGIN_SHIFT && i > 0))
            return "of known operations";
        if (x.to >= REGISTERS || x.a >= (x.operation < AFFINE ? 255 : REGISTERS)
            || x.b >= REGISTERS || x.c >= REGISTERS)
            return "of known registers";
        if ((x.operation == MARGIN_SHIFT || x.operation == CLASS_CONSTANT)
            && x.a >= p->constants)
            return "of known constants";
        int r = reads(x.operation);
        uint32_t need = (r & 1 ? 1u << x.a : 0) | (r & 2 ? 1u << x.b : 0)
            | (r & 4 ? 1u << x.c : 0);
        if (need & ~written)
            return "of registers that were written";
        if (x.operation != MARGIN_SHIFT)
            written |= 1u << x.to;
    }
    return written ? NULL : "with a result";
}

static inline double theta_of(const program *p, int j, const ptrdiff_t *classes, int i) {
    /* Codes are read again where another thread may have changed them. */
    ptrdiff_t c = classes ? classes[i] : 0;
    c = c < 0 ? 0 : c >= p->classes ? p->classes - 1 : c;
    return p->theta[j * p->classes + c];
}

#if defined(__clang__)
#define EACH_ROW                                                                       \
    _Pragma("clang loop vectorize(assume_safety)") for (int i = 0; i < ROWS; i++)
#elif defined(__GNUC__)
#define EACH_ROW _Pragma("GCC ivdep") for (int i = 0; i < ROWS; i++)
#elif defined(_MSC_VER)
#define EACH_ROW __pragma(loop(ivdep)) for (int i = 0; i < ROWS; i++)
#else
#define EACH_ROW for (int i = 0; i < ROWS; i++)
#endif

#if defined(__GNUC__) || defined(__clang__)
#define OUT_OF_LINE static __attribute__((noinline, noclone))
#else
#define OUT_OF_LINE static
#endif

#define REAL double
#define REAL_NAME(name) name##_double
#define VM(name) vm_##name
#define STANDS_FOR_INFINITY 1e150
#define LARGEST_DERIVATIVE 1e305
#define TINY 1e-303 /* p q at a margin of 697 */
#include "interpreter.h"
#undef REAL
#undef REAL_NAME
#undef VM
#undef STANDS_FOR_INFINITY
#undef LARGEST_DERIVATIVE
#undef TINY
#define REAL float
#define REAL_NAME(name) name##_float
#define VM(name) vm_##name##f
#define STANDS_FOR_INFINITY 1e15f
#define LARGEST_DERIVATIVE 1e35f
#define TINY 1e-34f /* p q at a margin of 78 */
#include "interpreter.h"

/* Run a program on the margins of a tile, given by ROWS each of p, q and L, and write f,
 * and for order 1 and 2 its derivatives. */
static inline void run_program(
    size_t size, const program *p, int order, const ptrdiff_t *classes,
    const void *margins, void *f
) {
    BY_SIZE(size, run, p, order, classes, margins, f);
}
#endif
