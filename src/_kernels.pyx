"""Kernels on rows of logits and of probabilities; compiled once per instruction set.

Rows are worked on in tiles (tiles.pxd) and handed to threads in chunks whose size
depends on the classes alone, so no result depends on the number of threads. Arguments
are trusted: shapes, codes and dtypes are checked by skxent.targets and skxent.losses.
"""

cimport openmp
from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdlib cimport calloc, free

from binary cimport binary_rows
from hard cimport hard_rows
from losses cimport ROWS, LossSpec, formula_of
from posterior cimport posterior
from proba cimport Checked, log_loss_rows
from soft cimport soft_rows
from softmax cimport log_softmax
from targets cimport Request, tiles
from tiles cimport load, load_binary, store
from vecmath cimport exp, exp_down, expm1, log, log1p, log1p_unit

cdef extern from *:
    """
    #if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    static int cpu_level(void) {
        __builtin_cpu_init();
        int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
        int v4 = v3 && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
        return v4 ? 4 : v3 ? 3 : 1;
    }
    #else
    static int cpu_level(void) { return 1; }
    #endif
    #if defined(__clang__)
    #define COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define COMPILER "gcc " __VERSION__
    #elif defined(_MSC_VER)
    #define COMPILER "msvc"
    #else
    #define COMPILER "unknown"
    #endif
    #ifdef _OPENMP
    #define HAS_OPENMP 1
    #else
    #define HAS_OPENMP 0
    #define omp_get_max_threads() 1
    #endif
    """
    int cpu_level_c "cpu_level"() nogil
    const char *COMPILER
    bint HAS_OPENMP

cdef enum:
    CHUNK = 1 << 15


cdef inline Py_ssize_t chunk_rows(Py_ssize_t columns) noexcept nogil:
    """Rows that a thread takes at a time: whole tiles, of about CHUNK logits."""
    return ROWS * max(1, min(64, CHUNK // (ROWS * columns)))


def build_info():
    """Compiler, whether threads were compiled in, and what the processor can run."""
    return {
        "compiler": COMPILER.decode(),
        "openmp": bool(HAS_OPENMP),
        "cpu_level": cpu_level_c(),
    }


def max_threads():
    """Threads that OpenMP may use now (OMP_NUM_THREADS, threadpoolctl)."""
    return openmp.omp_get_max_threads()


cdef LossSpec spec_of(str name, tuple parameters) except *:
    cdef LossSpec spec
    cdef tuple padded = parameters + (0.0, 0.0)
    spec.formula = formula_of(name)
    spec.a = padded[0]
    spec.b = padded[1]
    spec.psd = False
    return spec


def evaluate(
    str name, tuple parameters, const floating[:, :] z, bint binary,
    const Py_ssize_t[::1] codes, const floating[:, :] soft,
    const double[:] sample_weight, const double[:] class_weight, double smoothing,
    floating[:, :] value=None, floating[:, :] gradient=None, floating[:, :] hessian=None,
    const floating[:, :] x=None, floating[:, :] product=None,
    floating[:, :] matrix=None, bint multilabel=False, bint weigh_target=False,
    bint psd=False, int n_threads=1,
):
    """Weighted loss, gradient, Hessian (diagonal, whole, or times x), row by row."""
    cdef Request request
    request.loss = spec_of(name, parameters)
    request.loss.psd = psd
    request.multilabel = multilabel
    request.K = 2 if binary and not multilabel else z.shape[1]
    request.smoothing = smoothing
    request.weigh_target = weigh_target and class_weight is not None
    request.hard = soft is None
    request.weighted = sample_weight is not None
    request.class_weighted = class_weight is not None
    request.value = value is not None
    request.gradient = gradient is not None
    request.hessian = hessian is not None
    request.product = product is not None
    request.matrix = matrix is not None
    cdef bint fast = not binary and request.hard and smoothing == 0 and not (
        request.weigh_target or request.hessian or request.product or request.matrix
    )
    cdef Py_ssize_t n = z.shape[0], step = chunk_rows(z.shape[1]), chunk, start
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t size = (1 if fast else 6) * request.K * ROWS
    n_threads = max(1, min(n_threads, chunks))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if work == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        start = chunk * step
        if binary:
            binary_rows(
                &request, z, codes, soft, sample_weight, class_weight, x,
                value, gradient, hessian, product,
                start, min(n, start + step), work + threadid() * size,
            )
        elif fast:
            hard_rows(
                &request, z, codes, sample_weight, class_weight, value, gradient,
                start, min(n, start + step), work + threadid() * size,
            )
        else:
            soft_rows(
                &request, z, codes, soft, sample_weight, class_weight, x,
                value, gradient, hessian, product, matrix,
                start, min(n, start + step), work + threadid() * size,
            )
    free(work)


def probabilities(
    str name, tuple parameters, const floating[:, :] z, bint binary, bint implied,
    const double[:] log_weight, double smoothing, bint log_space, floating[:, :] out,
    int n_threads=1,
):
    """softmax, or with `implied` the posterior of a minimiser; or their logarithms."""
    cdef LossSpec loss = spec_of(name, parameters)
    cdef Py_ssize_t n = z.shape[0], step = chunk_rows(z.shape[1]), chunk
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t K = 2 if binary else z.shape[1], size = 3 * K * ROWS
    n_threads = max(1, min(n_threads, chunks))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if work == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        probability_rows(
            &loss, K, z, binary, implied, log_weight, smoothing, log_space, out,
            chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
        )
    free(work)


cdef void probability_rows(
    LossSpec *loss, Py_ssize_t K, const floating[:, :] z, bint binary, bint implied,
    const double[:] log_weight, double smoothing, bint log_space, floating[:, :] out,
    Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t row, tile
    cdef int rows
    cdef floating *u = work
    cdef floating *e = work + K * ROWS
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        if binary:
            load_binary(z, row, rows, u)
        else:
            load(z, row, rows, K, u)
        if implied:
            posterior(loss, K, smoothing, &log_weight[0], u, e, e + K * ROWS)
        else:
            log_softmax(K, u, e)
        store(u if log_space else e, row, rows, K, out)


def log_loss_sum(
    const floating[:, :] proba, const long long[:] codes, long long offset,
    const double[:] sample_weight, double eps, int n_threads=1,
):
    """Σ w (-log p_y), p clipped to [eps, 1 - eps], with all that makes p invalid.

    A single column is the probability of the second class. Returns (sum, least and
    largest probability, largest |row sum - 1|, sum of all probabilities).
    """
    cdef Py_ssize_t n = proba.shape[0], step = chunk_rows(proba.shape[1]), chunk, i
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t size = proba.shape[1] * ROWS
    cdef Checked whole
    n_threads = max(1, min(n_threads, chunks))
    cdef Checked *parts = <Checked *> calloc(chunks + 1, sizeof(Checked))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if parts == NULL or work == NULL:
        free(parts)
        free(work)
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        log_loss_rows(
            proba, codes, offset, sample_weight, eps,
            chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
            &parts[chunk],
        )
    whole = parts[0]
    for i in range(1, chunks):
        whole.total += parts[i].total
        whole.all += parts[i].all
        whole.low = min(whole.low, parts[i].low)
        whole.high = max(whole.high, parts[i].high)
        whole.drift = max(whole.drift, parts[i].drift)
    free(parts)
    free(work)
    return whole.total, whole.low, whole.high, whole.drift, whole.all


def vecmath(str function, const floating[:] x, floating[:] out):
    """A function of vecmath.h, for the tests of its bounds."""
    cdef Py_ssize_t i
    cdef floating reciprocal
    cdef int which = ["exp", "exp_down", "expm1", "log", "log1p", "log1p_unit"].index(function)
    for i in range(x.shape[0]):
        if which == 0:
            out[i] = exp(x[i])
        elif which == 1:
            out[i] = exp_down(x[i])
        elif which == 2:
            out[i] = expm1(x[i])
        elif which == 3:
            out[i] = log(x[i])
        elif which == 4:
            out[i] = log1p(x[i])
        else:
            out[i] = log1p_unit(x[i], &reciprocal)
