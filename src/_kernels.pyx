"""Kernels on rows of logits and of probabilities; compiled once per instruction set.

Rows are worked on in tiles (tiles.pxd) and handed to threads in chunks of fixed size,
so no result depends on the number of threads. Arguments are trusted: shapes, codes and
dtypes are checked by skxent.targets and skxent.losses before they come here.
"""

cimport openmp
from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdlib cimport calloc, free

from derivatives cimport (
    pivot_gradient,
    pivot_hessian,
    pivot_product,
    pivot_terms,
    rest_gradient,
    rest_hessian,
    rest_product,
    rest_terms,
    shift_to_top,
    weigh,
)
from losses cimport ROWS, LossSpec, formula_of, phi
from posterior cimport posterior
from proba cimport Checked, log_loss_rows
from softmax cimport (
    exponentials,
    exponentials_binary,
    find_class,
    find_top,
    log_softmax,
)
from tiles cimport load, load_binary, store
from vecmath cimport exp, expm1, log, log1p, pow

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
    CHUNK = 64 * ROWS  # rows a thread takes at a time


cdef struct Request:
    LossSpec loss
    Py_ssize_t K
    double smoothing
    bint binary, hard, weighted, class_weighted, value, gradient, hessian, product


cdef inline Py_ssize_t tiles(Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    return (stop - start + ROWS - 1) // ROWS


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
    return spec


cdef inline void load_codes(
    Request *request, const Py_ssize_t[::1] codes, const double[:] sample_weight,
    const double[:] class_weight, Py_ssize_t row, int rows, Py_ssize_t *c, floating *t
) noexcept nogil:
    """The class c of every row and its weight t."""
    cdef Py_ssize_t i
    cdef const Py_ssize_t *first = &codes[row]
    if rows == ROWS:
        for i in range(ROWS):
            c[i] = first[i]
            t[i] = 1
    else:
        for i in range(ROWS):
            c[i] = first[i if i < rows else 0]
            t[i] = 1
    if request.weighted:
        for i in range(ROWS):
            t[i] = <floating> sample_weight[row + (i if i < rows else 0)]
    if request.class_weighted:
        for i in range(ROWS):
            t[i] = <floating> (t[i] * class_weight[c[i]])


cdef inline void load_targets(
    Request *request, const Py_ssize_t[::1] codes, const floating[:, :] soft,
    const double[:] sample_weight, const double[:] class_weight,
    Py_ssize_t row, int rows, Py_ssize_t *c, floating *t
) noexcept nogil:
    """The weight t of every class in a row.

    The label is weighted first, then smoothed: t = w[(1 - ε) y∘v + ε/K Σ y∘v], so that
    class weights v act as sample weights v[y] do.
    """
    cdef Py_ssize_t k, source, K = request.K
    cdef int i
    cdef double w, v, total
    if request.hard:
        load_codes(request, codes, sample_weight, class_weight, row, rows, c, t)
    for i in range(ROWS):
        source = row + (i if i < rows else 0)
        if request.hard:
            total = t[i]
        else:
            total = 0
            w = sample_weight[source] if request.weighted else 1
            for k in range(K):
                v = class_weight[k] if request.class_weighted else 1
                total = total + w * v * soft[source, k]
        for k in range(K):
            if request.hard:
                v = total if k == c[i] else 0
            else:
                v = class_weight[k] if request.class_weighted else 1
                v = w * v * soft[source, k]
            t[k * ROWS + i] = <floating> (
                (1 - request.smoothing) * v + request.smoothing / K * total
            )


cdef void evaluate_rows(
    Request *request, const floating[:, :] z, const Py_ssize_t[::1] codes,
    const floating[:, :] soft, const double[:] sample_weight,
    const double[:] class_weight, const floating[:, :] x,
    floating[:, :] value, floating[:, :] gradient, floating[:, :] hessian,
    floating[:, :] product, Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t K = request.K, size = K * ROWS, row, tile
    cdef Py_ssize_t columns = 1 if request.binary else K
    # Of the pair (0, z) only the second entry is a logit of the caller's.
    cdef Py_ssize_t first = ROWS if request.binary else 0
    cdef int rows, i
    cdef bint one_term = request.hard and request.smoothing == 0
    cdef bint curved = request.hessian or request.product
    cdef floating *u = work
    cdef floating *e = work + size
    cdef floating *t = work + 2 * size
    cdef floating *v = work + 3 * size
    cdef floating *s = work + 4 * size
    cdef floating *h = work + 5 * size
    # With one term the gradient, which comes last, may overwrite e.
    cdef floating *out = work + 6 * size
    cdef floating *last = e if one_term else out
    cdef floating[ROWS] top, a, rest, p, q, L, f, f1, f2, inverse, weight
    cdef Py_ssize_t[ROWS] c

    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        if one_term:
            load_codes(
                request, codes, sample_weight, class_weight, row, rows, &c[0], t
            )
        else:
            load_targets(
                request, codes, soft, sample_weight, class_weight, row, rows, &c[0], t
            )
        if request.binary:
            load_binary(z, row, rows, u)
            exponentials_binary(u, &top[0], &a[0], e, &rest[0])
        else:
            load(z, row, rows, K, u)
            find_top(K, u, &top[0])
            if one_term and not curved:
                for i in range(ROWS):
                    a[i] = <floating> c[i]
            else:
                find_class(K, u, &top[0], &a[0])
            exponentials(K, u, &top[0], &a[0], e, &rest[0])
        if one_term:
            for i in range(ROWS):
                weight[i] = t[i]
        else:
            for i in range(ROWS):
                c[i] = <Py_ssize_t> a[i]
                weight[i] = t[c[i] * ROWS + i]
        pivot_terms(
            &c[0], u, &top[0], e, &a[0], &rest[0], &p[0], &q[0], &L[0], &inverse[0]
        )
        phi(&request.loss, &p[0], &q[0], &L[0], &f[0], &f1[0], &f2[0])
        weigh(&weight[0], &f[0], &f1[0], &f2[0])
        if not one_term:
            rest_terms(&request.loss, K, t, u, &top[0], e, &a[0], &rest[0], &f[0], s, h)
        if request.value:
            store(&f[0], row, rows, 1, value)
        if request.hessian:
            pivot_hessian(
                K, &c[0], e, &a[0], &rest[0], &inverse[0], &f1[0], &f2[0], out
            )
            if not one_term:
                rest_hessian(K, s, h, e, &a[0], &rest[0], out)
            store(out + first, row, rows, columns, hessian)
        if request.product:
            if request.binary:
                load_binary(x, row, rows, v)
            else:
                load(x, row, rows, K, v)
            shift_to_top(K, &a[0], v)
            pivot_product(K, &c[0], e, &inverse[0], &f1[0], &f2[0], v, out)
            if not one_term:
                rest_product(K, s, h, e, &rest[0], v, out)
            store(out + first, row, rows, columns, product)
        if request.gradient:
            pivot_gradient(K, &c[0], e, &inverse[0], &f1[0], last)
            if not one_term:
                rest_gradient(K, s, e, &rest[0], last)
            store(last + first, row, rows, columns, gradient)


def evaluate(
    str name, tuple parameters, const floating[:, :] z, bint binary,
    const Py_ssize_t[::1] codes, const floating[:, :] soft,
    const double[:] sample_weight, const double[:] class_weight, double smoothing,
    floating[:, :] value=None, floating[:, :] gradient=None, floating[:, :] hessian=None,
    const floating[:, :] x=None, floating[:, :] product=None, int n_threads=1,
):
    """Weighted loss, gradient, Hessian diagonal and Hessian times x, row by row."""
    cdef Request request
    request.loss = spec_of(name, parameters)
    request.K = 2 if binary else z.shape[1]
    request.smoothing = smoothing
    request.binary = binary
    request.hard = soft is None
    request.weighted = sample_weight is not None
    request.class_weighted = class_weight is not None
    request.value = value is not None
    request.gradient = gradient is not None
    request.hessian = hessian is not None
    request.product = product is not None
    cdef Py_ssize_t n = z.shape[0], chunks = (n + CHUNK - 1) // CHUNK, chunk
    cdef Py_ssize_t size = 7 * request.K * ROWS
    n_threads = max(1, min(n_threads, chunks))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if work == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        evaluate_rows(
            &request, z, codes, soft, sample_weight, class_weight, x,
            value, gradient, hessian, product,
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), work + threadid() * size,
        )
    free(work)


def probabilities(
    str name, tuple parameters, const floating[:, :] z, bint binary, bint implied,
    const double[:] log_weight, double smoothing, bint log_space, floating[:, :] out,
    int n_threads=1,
):
    """softmax, or with `implied` the posterior of a minimiser; or their logarithms."""
    cdef LossSpec loss = spec_of(name, parameters)
    cdef Py_ssize_t n = z.shape[0], chunks = (n + CHUNK - 1) // CHUNK, chunk
    cdef Py_ssize_t K = 2 if binary else z.shape[1], size = 3 * K * ROWS
    n_threads = max(1, min(n_threads, chunks))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if work == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        probability_rows(
            &loss, K, z, binary, implied, log_weight, smoothing, log_space, out,
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), work + threadid() * size,
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
    cdef Py_ssize_t n = proba.shape[0], chunks = (n + CHUNK - 1) // CHUNK, chunk, i
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
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), work + threadid() * size,
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


def vecmath(str function, const floating[:] x, floating[:] out, double exponent=0):
    """exp, expm1, log, log1p or pow(., exponent) of vecmath.h, for the tests of its bounds."""
    cdef Py_ssize_t i
    cdef int which = ["exp", "expm1", "log", "log1p", "pow"].index(function)
    for i in range(x.shape[0]):
        if which == 0:
            out[i] = exp(x[i])
        elif which == 1:
            out[i] = expm1(x[i])
        elif which == 2:
            out[i] = log(x[i])
        elif which == 3:
            out[i] = log1p(x[i])
        else:
            out[i] = pow(x[i], <floating> exponent)
