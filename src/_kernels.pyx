"""Kernels on rows of logits and of probabilities; compiled once per instruction set.

Rows are worked on in tiles (tiles.pxd) and handed to threads in chunks whose size
depends on the classes alone, so no result depends on the number of threads. Arguments
are trusted: shapes, codes and dtypes are checked by skxent.targets and skxent.losses.
"""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from binary cimport binary_rows
from hard cimport hard_rows
from labels cimport LabelRange, range_of, whole_codes
from linear cimport (
    Entries, SKINNY_double, SKINNY_float, Shape, add_product, add_sums, entries_of,
    read_block, shape_of, sparse_shape_of, times, wide_weights, widen_origin, workspace,
)
from losses cimport ROWS, LossSpec, formula_of
from posterior cimport posterior
from proba cimport Checked, log_loss_rows
from sizes cimport check_size, check_targets, fits
from signals cimport Watch, check_stopped, stopped, watch_of
from soft cimport soft_rows
from softmax cimport log_softmax
from targets cimport Request, tiles
from tiles cimport load, load_binary, store
from vecmath cimport exp, exp_down, expm1, log, log1p, log1p_unit

import numpy as np

cdef extern from "strict.h":
    pass

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
    #include <omp.h>
    #define HAS_OPENMP 1
    #else
    #define HAS_OPENMP 0
    #define omp_get_max_threads() 1
    #endif
    """
    int cpu_level_c "cpu_level"() nogil
    const char *COMPILER
    bint HAS_OPENMP
    int omp_get_max_threads() nogil

cdef enum:
    CHUNK = 1 << 15

cdef set ARRAYS = {
    "value", "gradient", "hessian", "x", "product", "matrix", "psd", "floor"
}


cdef inline Py_ssize_t chunk_rows(Py_ssize_t columns) noexcept nogil:
    """Rows that a thread takes at a time: whole tiles, of about CHUNK logits."""
    return ROWS * max(1, min(64, CHUNK // (ROWS * max(1, columns))))


def build_info():
    """Compiler, whether threads were compiled in, and what the processor can run."""
    return {
        "compiler": COMPILER.decode(),
        "openmp": bool(HAS_OPENMP),
        "cpu_level": cpu_level_c(),
    }


def max_threads():
    """Threads that OpenMP may use now (OMP_NUM_THREADS, threadpoolctl)."""
    return omp_get_max_threads()


cdef LossSpec spec_of(str name, tuple parameters) except *:
    cdef LossSpec spec
    cdef tuple padded = parameters + (0.0, 0.0)
    spec.formula = formula_of(name)
    spec.a = padded[0]
    spec.b = padded[1]
    spec.psd = False
    return spec


cdef Request request_of(
    str name, tuple parameters, Py_ssize_t columns, bint binary, bint hard,
    bint weighted, bint class_weighted, double smoothing, bint multilabel,
    bint weigh_target,
) except *:
    cdef Request request
    request.loss = spec_of(name, parameters)
    request.K = 2 if binary and not multilabel else columns
    request.smoothing = smoothing
    request.binary = binary
    request.hard = hard
    request.weighted = weighted
    request.class_weighted = class_weighted
    request.multilabel = multilabel
    request.weigh_target = weigh_target and class_weighted
    request.floor = -INFINITY
    request.value = request.gradient = request.hessian = False
    request.product = request.matrix = False
    return request


# Not inline, and so but once in the module.
cdef void evaluate_rows(
    Request *request, const floating[:, :] z, const Py_ssize_t[::1] codes,
    const floating[:, :] soft, const double[:] sample_weight,
    const double[:] class_weight, const floating[:, :] x,
    floating[:, :] value, floating[:, :] gradient, floating[:, :] hessian,
    floating[:, :] product, floating[:, :] matrix,
    Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    if request.binary:
        binary_rows(
            request, z, codes, soft, sample_weight, class_weight, x,
            value, gradient, hessian, product, start, stop, work,
        )
    elif request.hard and request.smoothing == 0 and not (
        request.weigh_target or request.hessian or request.product or request.matrix
    ):
        hard_rows(
            request, z, codes, sample_weight, class_weight, value, gradient,
            start, stop, work,
        )
    else:
        soft_rows(
            request, z, codes, soft, sample_weight, class_weight, x,
            value, gradient, hessian, product, matrix, start, stop, work,
        )


def evaluate(
    tuple loss, target, const floating[:, :] z, dict arrays, int n_threads=1
):
    """Weighted loss, gradient, Hessian (diagonal, whole, or times x), row by row."""
    if not arrays.keys() <= ARRAYS:
        raise TypeError(f"arrays must be of {sorted(ARRAYS)}, got {sorted(arrays)}.")
    cdef const Py_ssize_t[::1] codes = target.codes
    cdef const floating[:, :] soft = target.soft
    cdef const double[:] sample_weight = target.sample_weight
    cdef const double[:] class_weight = target.weights_of_classes()
    cdef floating[:, :] value = arrays.get("value")
    cdef floating[:, :] gradient = arrays.get("gradient")
    cdef floating[:, :] hessian = arrays.get("hessian")
    cdef const floating[:, :] x = arrays.get("x")
    cdef floating[:, :] product = arrays.get("product")
    cdef floating[:, :] matrix = arrays.get("matrix")
    cdef bint multilabel = target.multilabel
    cdef Request request = request_of(
        loss[0], loss[1], z.shape[1], multilabel or z.shape[1] == 1, soft is None,
        sample_weight is not None, class_weight is not None, target.label_smoothing,
        multilabel, target.weight_after_smoothing,
    )
    request.loss.psd = arrays.get("psd", False)
    request.floor = arrays.get("floor", -INFINITY)
    request.value = value is not None
    request.gradient = gradient is not None
    request.hessian = hessian is not None
    request.product = product is not None
    request.matrix = matrix is not None
    cdef Py_ssize_t n = z.shape[0], chunk
    cdef Py_ssize_t step = chunk_rows(z.shape[1])
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t size = 6 * request.K * ROWS
    cdef Watch watch = watch_of(<double> n * z.shape[1])
    check_targets(n, request.K, codes, soft, sample_weight, class_weight)
    check_size("value", fits(value, n, 1))
    check_size("gradient", fits(gradient, n, z.shape[1]))
    check_size("hessian", fits(hessian, n, z.shape[1]))
    check_size("x", fits(x, n, z.shape[1]) and (product is None or x is not None))
    check_size("product", fits(product, n, z.shape[1]))
    check_size("matrix", fits(matrix, n, request.K * request.K))
    n_threads = max(1, min(n_threads, chunks))
    cdef floating *work = <floating *> malloc(n_threads * size * sizeof(floating))
    if work == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        if not stopped(&watch, threadid() == 0):
            evaluate_rows(
                &request, z, codes, soft, sample_weight, class_weight, x,
                value, gradient, hessian, product, matrix,
                chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
            )
    free(work)
    check_stopped(&watch)


cdef void sum_rows(
    Request *request, Shape *shape, const floating[:, :] X, const Entries *entries,
    const floating *origin, const floating *W, const floating *V,
    const Py_ssize_t[::1] codes, const floating[:, :] soft,
    const double[:] sample_weight, const double[:] class_weight, floating[:, ::1] logits,
    bint known, floating[:, ::1] z, floating[:, ::1] x, floating[:, ::1] r, floating[:, ::1] value,
    floating *work, double *sums, Py_ssize_t start, Py_ssize_t stop,
    double[:, ::1] total, Watch *watch, bint is_caller
) noexcept nogil:
    """Gradient, or Hessian times V, of rows start to stop; and their loss."""
    cdef Py_ssize_t at, row, rows, end, i, step = shape.d_wide
    cdef Py_ssize_t wide = shape.d_wide * shape.m_wide
    cdef floating *block = work
    cdef floating *part = work
    cdef floating *rest = work
    cdef const floating *first = block
    cdef const Py_ssize_t[::1] c = codes
    cdef const floating[:, :] t = soft
    cdef const double[:] w = sample_weight
    cdef const floating[:, :] all_z = z[:, : shape.m], v = x[:, : shape.m]
    cdef floating[:, :] out = r[:, : shape.m], losses = value
    if shape.copied:
        part += shape.rows * shape.d_wide
        memset(block, 0, shape.rows * shape.d_wide * sizeof(floating))
    if not shape.sparse:
        rest = part + wide
        memset(sums, 0, wide * sizeof(double))
        if not shape.copied:
            step = X.strides[0] // <Py_ssize_t> sizeof(floating)
    memset(&total[0, 0], 0, total.shape[0] * total.shape[1] * sizeof(double))
    memset(&r[0, 0], 0, shape.rows * shape.m_wide * sizeof(floating))
    for at in range((stop - start + shape.rows - 1) // shape.rows):
        if stopped(watch, is_caller):
            return
        row = start + at * shape.rows
        rows = min(shape.rows, stop - row)
        end = row + rows
        if shape.copied:
            read_block(shape, X, row, rows, block)
        elif not shape.sparse:
            first = &X[row, 0]
        if known:
            for i in range(rows):
                memcpy(&z[i, 0], &logits[row + i, 0], shape.m * sizeof(floating))
        else:
            times(
                shape, first, step, origin, entries, row, rows, W, W + wide, &z[0, 0]
            )
            if logits.shape[0] > 0:
                for i in range(rows):
                    memcpy(&logits[row + i, 0], &z[i, 0], shape.m * sizeof(floating))
        if request.product:
            times(
                shape, first, step, origin, entries, row, rows, V, V + wide, &x[0, 0]
            )
        if request.hard:
            c = codes[row:end]
        else:
            t = soft[row:end]
        if request.weighted:
            w = sample_weight[row:end]
        evaluate_rows(
            request, all_z, c, t, w, class_weight, v, losses, out, out, out, out,
            0, rows, rest,
        )
        if request.value:
            for i in range(rows):
                total[shape.d + 1, 0] += value[i, 0]
        add_product(
            shape, first, step, origin, entries, row, &r[0, 0], rows, part, sums, total
        )
    if not shape.sparse:
        add_sums(shape, sums, total)


def linear_sums(
    tuple loss, target, tuple rows, tuple weights, floating[:, ::1] logits, bint known,
    double[:, :, ::1] totals, int n_threads=1,
):
    """Gradient in W, or with V the Hessian times V, of the loss of (X - origin) W.

    rows: (origin, X). weights: (W, V), V None for the gradient.

    totals, of shape (segments, d + 2, m), gets the sums of each segment of rows: those
    of the d features, of the intercepts, and in the first entry of the last row the
    loss (with V zero). W and V have d rows, or one more for intercepts. logits, empty
    or (n, m), gets X W, or gives it if it is known. X is an array, or the
    data, indices and indptr of a CSR matrix; it is not centred then, and the last axis
    of totals has as many entries more as make it a multiple of SPARSE_LANES.
    """
    cdef const floating[::1] origin = rows[0]
    X = rows[1]
    cdef const double[:, :] W = weights[0], V = weights[1]
    cdef const Py_ssize_t[::1] codes = target.codes
    cdef const floating[:, :] soft = target.soft
    cdef const double[:] sample_weight = target.sample_weight
    cdef const double[:] class_weight = target.weights_of_classes()
    cdef Py_ssize_t n, segments = totals.shape[0], m = W.shape[1], segment
    cdef Py_ssize_t lanes = SKINNY_double if floating is double else SKINNY_float
    cdef Shape shape
    cdef Entries entries
    cdef const floating[:, :] dense = None
    if isinstance(X, tuple):
        entries = entries_of(X[0], X[1], X[2])
        n = len(X[2]) - 1
        shape = sparse_shape_of(origin.shape[0], m)
    else:
        dense = X
        n = dense.shape[0]
        shape = shape_of(
            origin.shape[0], m, lanes, dense.strides[1] == sizeof(floating)
        )
    cdef Request request = request_of(
        loss[0], loss[1], m, m == 1, soft is None, sample_weight is not None,
        class_weight is not None, target.label_smoothing, False,
        target.weight_after_smoothing,
    )
    request.product = V is not None
    request.value = request.gradient = V is None
    check_targets(n, request.K, codes, soft, sample_weight, class_weight)
    check_size("X", dense is None or dense.shape[1] == shape.d)
    check_size("W", fits(W, shape.d, m) or fits(W, shape.d + 1, m))
    check_size("V", fits(V, shape.d, m) or fits(V, shape.d + 1, m))
    cdef bint kept = logits.shape[0] == n and logits.shape[1] == m
    check_size("logits", kept or (logits.shape[0] == 0 and not known))
    cdef Py_ssize_t width = shape.m_wide if shape.sparse else m
    check_size("totals", totals.shape[1] == shape.d + 2 and totals.shape[2] == width)
    cdef Py_ssize_t size = workspace(&shape, request.K)
    cdef Py_ssize_t step = (n + segments - 1) // segments
    step = (step + shape.rows - 1) // shape.rows * shape.rows
    dtype = np.float64 if floating is double else np.float32
    n_threads = max(1, min(n_threads, segments))
    cdef floating[:, ::1] wide = np.empty(
        (1 + request.product, (shape.d_wide + 1) * shape.m_wide), dtype
    )
    cdef floating[::1] wide_origin = np.zeros(shape.d_wide, dtype)
    cdef double[:, ::1] sums = np.empty(
        (n_threads, 1 if shape.sparse else shape.d_wide * shape.m), np.float64
    )
    cdef double numbers = len(X[0]) if shape.sparse else <double> n * shape.d
    cdef Watch watch = watch_of(numbers * m + <double> n * request.K)
    cdef const floating *W_wide = NULL
    cdef const floating *V_wide = NULL
    cdef floating[:, ::1] work = np.empty((n_threads, size), dtype)
    cdef floating[:, :, ::1] z = np.empty((n_threads, shape.rows, shape.m_wide), dtype)
    cdef floating[:, :, ::1] x = np.empty_like(z)
    cdef floating[:, :, ::1] r = np.empty_like(z)
    cdef floating[:, :, ::1] value = np.empty((n_threads, shape.rows, 1), dtype)
    if not shape.sparse:
        widen_origin(&shape, origin, &wide_origin[0])
    if not known:
        W_wide = wide_weights(&shape, W, wide[0])
    if V is not None:
        V_wide = wide_weights(&shape, V, wide[1])
    for segment in prange(
        segments, nogil=True, schedule="static", chunksize=1, num_threads=n_threads
    ):
        sum_rows(
            &request, &shape, dense, &entries, &wide_origin[0], W_wide, V_wide,
            codes, soft,
            sample_weight, class_weight, logits, known, z[threadid()], x[threadid()],
            r[threadid()], value[threadid()], &work[threadid(), 0], &sums[threadid(), 0],
            min(n, segment * step), min(n, (segment + 1) * step), totals[segment],
            &watch, threadid() == 0,
        )
    check_stopped(&watch)


def probabilities(
    tuple loss, const floating[:, :] z, floating[:, :] out, tuple implied=None,
    bint log_space=False, int n_threads=1,
):
    """Write the softmax, or the posterior of a minimiser, or their logarithms to out.

    The posterior is asked for with implied = (log_weight, smoothing).
    """
    cdef LossSpec spec = spec_of(loss[0], loss[1])
    cdef bint binary = z.shape[1] == 1
    cdef const double[:] log_weight = implied[0] if implied else None
    cdef double smoothing = implied[1] if implied else 0.0
    cdef Py_ssize_t n = z.shape[0], step = chunk_rows(z.shape[1]), chunk
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t K = 2 if binary else z.shape[1], size = 3 * K * ROWS
    cdef Watch watch = watch_of(<double> n * z.shape[1])
    check_size("log_weight", log_weight is None or len(log_weight) == K)
    check_size("out", out is not None and fits(out, n, K))
    n_threads = max(1, min(n_threads, chunks))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if work == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        if not stopped(&watch, threadid() == 0):
            probability_rows(
                &spec, K, z, binary, log_weight is not None, log_weight, smoothing,
                log_space, out,
                chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
            )
    free(work)
    check_stopped(&watch)


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
    const floating[:, :] proba, const long long[::1] codes, long long offset,
    const double[:] sample_weight, double eps, int n_threads=1,
):
    """Σ w (-log p_y), p clipped to [eps, 1 - eps], with all that makes p invalid.

    A single column is the probability of the second class. Returns (sum, largest
    |row sum - 1|, whether a probability is outside [0, 1], NaN or -0).
    """
    cdef Py_ssize_t n = proba.shape[0], step = chunk_rows(proba.shape[1]), chunk, i
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t size = max(proba.shape[1], 2) * ROWS
    cdef Checked whole
    cdef Watch watch = watch_of(<double> n * proba.shape[1])
    check_size("codes", len(codes) == n)
    check_size("sample_weight", sample_weight is None or len(sample_weight) == n)
    n_threads = max(1, min(n_threads, chunks))
    cdef Checked *parts = <Checked *> calloc(chunks + 1, sizeof(Checked))
    cdef floating *work = <floating *> calloc(n_threads * size, sizeof(floating))
    if parts == NULL or work == NULL:
        free(parts)
        free(work)
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        if not stopped(&watch, threadid() == 0):
            log_loss_rows(
                proba, codes, offset, sample_weight, eps,
                chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
                &parts[chunk],
            )
    whole = parts[0]
    for i in range(1, chunks):
        whole.total += parts[i].total
        whole.drift = max(whole.drift, parts[i].drift)
        whole.outside |= parts[i].outside
    free(parts)
    free(work)
    check_stopped(&watch)
    return whole.total, whole.drift, bool(whole.outside)


def label_range(const long long[::1] y):
    """(least label, how many differ, span), or None where the span is over 2^16."""
    if y.shape[0] == 0:
        return None
    cdef LabelRange found
    with nogil:
        found = range_of(y)
    if found.distinct < 0:
        raise MemoryError()
    return (found.low, found.distinct, found.span) if found.distinct else None


def codes_of_floats(const floating[:] y, Py_ssize_t n_classes, Py_ssize_t[::1] codes):
    """Write y as codes; False if one is not a whole number in 0..K-1."""
    with nogil:
        good = whole_codes(y, n_classes, codes)
    return bool(good)


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
