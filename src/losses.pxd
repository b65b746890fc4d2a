"""The formulas: every loss as a function φ of the margin m of one class.

A formula is given p = σ(m), q = σ(-m) and L = -log p, each exact to a few ulp, and
writes φ, φ' and φ'' (derivatives in m). It may use 1 - p as q and log p as -L, and must
not form either anew. `log_slope` is log(-φ'/q), which the posterior divides by: it stays
finite where φ' underflows, given log q.

`phi` and `log_slope` are all that the other files call of a loss, each for a tile. Most
losses are programs, which Python traces from their formula (program.h). Cross-entropy
alone is compiled, for soft targets need none of this for it.
"""

from cython cimport floating
from libc.float cimport DBL_MIN
from libc.string cimport memset
from vecmath cimport log
from views cimport check_size

cdef extern from "program.h" nogil:
    ctypedef struct program:
        const char *code
        Py_ssize_t size
        const double *theta
        Py_ssize_t constants
        Py_ssize_t classes
    Py_ssize_t INSTRUCTION "((Py_ssize_t) sizeof(instruction))"
    const char *program_error(const program *p)
    void run_program(
        size_t size, const program *p, int order, const Py_ssize_t *classes,
        const void *margins, void *f
    )

cdef enum:
    ROWS = 32  # of a tile; as in transpose.h. They are enough to hide the latency of exp

cdef enum Formula:
    CROSS_ENTROPY
    PROGRAM

cdef struct LossSpec:
    Formula formula
    program traced
    program slope  # log(-φ'/q), or none: then it is taken of φ'
    const double *tails  # of each class log(-φ'/q), where φ' underflows:
    # a + b log q far to the right, a - b L far to the left
    bint log_likelihood  # is φ = -log p, whose derivatives in log p are -1 and 0?
    bint psd  # take max(φ'', -p φ') for φ'': no Hessian then has a negative eigenvalue


cdef inline LossSpec spec_of(tuple loss, Py_ssize_t K) except *:
    """Read a loss: "cross_entropy", or bytes: φ, log(-φ'/q), constants and tails.

    The tuple must be kept while the spec is in use.
    """
    cdef LossSpec spec
    cdef bytes code, slope, theta, tails
    cdef const char *error
    memset(&spec, 0, sizeof(LossSpec))
    if len(loss) == 1:
        spec.formula = CROSS_ENTROPY
        spec.log_likelihood = True
        return spec
    code, slope, theta, tails = loss
    spec.formula = PROGRAM
    spec.traced.code = code
    spec.traced.size = len(code) // INSTRUCTION
    # bytes begin at an address that doubles may have.
    spec.traced.theta = <const double *> <const char *> theta
    spec.tails = <const double *> <const char *> tails
    spec.traced.classes = len(tails) // (4 * sizeof(double))
    check_size("tails", spec.traced.classes > 0)
    spec.traced.constants = len(theta) // (spec.traced.classes * sizeof(double))
    check_size("theta", spec.traced.constants == 0 or spec.traced.classes == K)
    spec.slope = spec.traced
    spec.slope.code = slope
    spec.slope.size = len(slope) // INSTRUCTION
    error = program_error(&spec.traced)
    if error == NULL and spec.slope.size > 0:
        error = program_error(&spec.slope)
    if error != NULL or len(code) % INSTRUCTION or len(slope) % INSTRUCTION:
        what = "of whole instructions" if error == NULL else error.decode()
        raise ValueError(f"program must be {what}, got another.")
    return spec


cdef inline bint by_class(const LossSpec *loss) noexcept nogil:
    """Return True if a constant of the loss depends on the class."""
    return loss.traced.constants > 0


# φ = L    φ' = -q    φ'' = p q    log(-φ'/q) = 0
cdef inline void cross_entropy(
    int order, const floating *margins, floating *f
) noexcept nogil:
    cdef floating[ROWS] p, q, L
    cdef int i
    for i in range(ROWS):
        p[i] = margins[i]
        q[i] = margins[ROWS + i]
        L[i] = margins[2 * ROWS + i]
    for i in range(ROWS):
        f[i] = L[i]
        f[ROWS + i] = -q[i]
    for i in range(ROWS if order > 1 else 0):
        f[2 * ROWS + i] = p[i] * q[i]


cdef inline void phi(
    const LossSpec *loss, int order, const Py_ssize_t *classes, const floating *margins,
    floating *f
) noexcept nogil:
    """Write φ of a tile, and the derivatives up to `order` after it: at least φ'.

    margins are p, q and L, one after another. classes are those of the rows, which are
    not read unless the loss is `by_class`.
    """
    cdef floating[ROWS] curvature
    cdef floating floor
    cdef int i
    if loss.formula == CROSS_ENTROPY:
        cross_entropy(order, margins, f)
    else:
        run_program(sizeof(floating), &loss.traced, order, classes, margins, f)
    if order > 1 and loss.psd:
        for i in range(ROWS):
            floor = -margins[i] * f[ROWS + i]
            curvature[i] = f[2 * ROWS + i]
            curvature[i] = floor if curvature[i] < floor else curvature[i]
        for i in range(ROWS):
            f[2 * ROWS + i] = curvature[i]


cdef inline void log_slope(
    const LossSpec *loss, const Py_ssize_t *classes, const floating *margins,
    const floating *log_q, floating *s
) noexcept nogil:
    """Write log(-φ'/q), in double; where p or φ' underflows, what it tends to."""
    cdef double[3 * ROWS] wide, f
    cdef double far
    cdef const double *tails = loss.tails
    cdef int i, tail
    if loss.formula == CROSS_ENTROPY:
        for i in range(ROWS):
            s[i] = 0
        return
    for i in range(3 * ROWS):
        wide[i] = margins[i]
    if loss.slope.size > 0:
        run_program(sizeof(double), &loss.slope, 0, classes, &wide[0], &f[0])
    else:
        run_program(sizeof(double), &loss.traced, 1, classes, &wide[0], &f[0])
        for i in range(ROWS):
            f[i] = -f[ROWS + i]
            f[i] = log(f[i] if f[i] > 1e10 * DBL_MIN else 0.0) - <double> log_q[i]
    for i in range(ROWS):
        if by_class(loss):
            tails = loss.tails + 4 * classes[i]
        tail = 0 if wide[i] > 0.5 else 2
        far = log_q[i] if tail == 0 else -wide[2 * ROWS + i]
        # Zero times infinity is zero.
        far = tails[tail] + (tails[tail + 1] * far if tails[tail + 1] != 0 else 0)
        # An infinite or undefined logarithm is of what underflowed.
        s[i] = <floating> (f[i] if f[i] - f[i] == 0 and wide[ROWS + i] > 0 else far)
