"""Kernels on rows of logits and of probabilities; compiled once per instruction set.

Rows are worked on in tiles (tiles.pxd) and handed to threads in chunks whose size
depends on the classes alone, so no result depends on the number of threads. A single
chunk is worked on at once: a team of threads, even of one, costs as much as some hundred
rows. What a pass reads and writes is in one struct (passes.pxd), built here. That labels
are codes and that numbers are in their domains is checked by skxent.inputs and
skxent.losses.
"""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.float cimport DBL_EPSILON, DBL_MAX, FLT_EPSILON, FLT_MAX
from libc.math cimport INFINITY
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from binary cimport binary_rows, logistic, two_probabilities
from hard cimport hard_rows
from labels cimport labels_of, range_and_occurring, whole_codes
from linear cimport (
    TILE_COLUMNS, Block, LinearPass, Shape, accumulate, accumulate_outer, add_offset,
    apart, column_of, copy_rows, entries_of, evaluate_numbers, is_first_copy,
    kind_of_numbers, multiply, multiply_tile, pad_origin, padded_weights, predict_logits,
    read_block, reduce_segment, shape_of, skinny_lanes,
)
from losses cimport ROWS, spec_of
from passes cimport INDEPENDENT, SOFTMAX, Pass, one_term, tiles
from posterior cimport posterior
from proba cimport Checked, LogLoss, Table, load_table, log_loss_rows
from scores cimport (
    INDICATORS, BIN_SUMS, CALIBRATION, DIVERGENCE, ISSUES, LANES, LOSS, OVERLAP,
    OVERLAP_SUMS, Score, Scores, number_width, score_rows,
)
from signals cimport Watch, check_stopped, stopped, watch_of
from soft cimport soft_rows
from softmax cimport log_softmax, plain_softmax
from tiles cimport load, load_binary, store
from vecmath cimport exp, exp_down, expm1, log, log1p, log1p_unit
from views cimport View, aligned, check_size, view_of

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
    CHUNK_LOGITS = 1 << 15
    LINE = 64  # bytes of a cache line

cdef enum:  # the forms of `linear_predictions`
    PROBABILITY
    LOG
    LOGITS

cdef set ARRAYS = {
    "value", "values", "gradient", "hessian", "x", "product", "matrix", "psd", "floor"
}


cdef inline Py_ssize_t chunk_rows(Py_ssize_t columns) noexcept nogil:
    """Return how many rows a thread takes at a time: whole tiles, of some logits."""
    return ROWS * max(1, min(64, CHUNK_LOGITS // (ROWS * max(1, columns))))


def build_info():
    """Return the compiler, whether it had OpenMP, and what the processor can run."""
    return {
        "compiler": COMPILER.decode(),
        "openmp": bool(HAS_OPENMP),
        "cpu_level": cpu_level_c(),
    }


def max_threads():
    """Return how many threads OpenMP may use now (OMP_NUM_THREADS, threadpoolctl)."""
    return omp_get_max_threads()


cdef View as_view(const floating[:, :] table) noexcept:
    cdef View view
    view.data = <void *> &table[0, 0]
    view.down = table.strides[0] // <Py_ssize_t> sizeof(floating)
    view.right = table.strides[1] // <Py_ssize_t> sizeof(floating)
    return view


cdef Pass pass_of(
    tuple loss, target, Py_ssize_t rows, Py_ssize_t columns, const floating *like
) except *:
    """Read a loss and a target; keep the arrays while the pass is in use."""
    cdef Pass p
    cdef const Py_ssize_t[::1] codes = target.codes
    cdef bint multilabel = target.multilabel, weighted
    cdef const double *kind = NULL
    memset(&p, 0, sizeof(Pass))
    p.coupling = INDEPENDENT if multilabel or columns == 1 else SOFTMAX
    p.columns = columns
    p.K = 2 if columns == 1 and not multilabel else columns
    # If columns are independent indicators, each has the classes no and yes.
    p.loss = spec_of(loss, 2 if multilabel else p.K)
    p.smoothing = target.label_smoothing
    p.floor = -INFINITY
    p.soft = view_of("soft", target.soft, rows, p.K, like)
    if p.soft.data == NULL:
        check_size("codes", codes is not None and len(codes) == rows)
        p.codes = &codes[0]
    p.sample_weight = view_of("sample_weight", target.sample_weight, rows, 1, kind)
    check_size("class_weight", len(target.class_weight) == p.K)
    weighted = (target.class_weight != 1).any()
    if weighted:
        p.class_weight = view_of(
            "class_weight", target.class_weight, p.K, 2 if multilabel else 1, kind
        )
    p.weight_after_smoothing = weighted and target.weight_after_smoothing
    return p


# This is not inline, so that a module has it once: it is most of its size.
cdef void evaluate_rows(
    const Pass *p, Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    if p.coupling == INDEPENDENT:
        binary_rows(p, start, stop, work)
    elif (
        one_term(p) and p.hessian.data == NULL and p.product.data == NULL
        and p.matrix.data == NULL
    ):
        hard_rows(p, start, stop, work)
    else:
        soft_rows(p, start, stop, work)


def evaluate(
    tuple loss, target, const floating[:, :] z, dict arrays, int n_threads=1
):
    """Fill arrays with the loss, the gradient, the Hessian or a part of it of each row.

    arrays has some of value (n,), gradient and hessian (n, K), matrix (n, K K), product
    (n, K) with x (n, K); values (n, K), the loss of each independent indicator, in place of
    value; and psd and floor, which say how Hessians are bent.
    """
    if not arrays.keys() <= ARRAYS:
        raise TypeError(f"arrays must be of {sorted(ARRAYS)}, got {sorted(arrays)}.")
    cdef Py_ssize_t n = z.shape[0], columns = z.shape[1], chunk
    cdef const floating *like = &z[0, 0]
    cdef Pass p = pass_of(loss, target, n, columns, like)
    p.loss.psd = arrays.get("psd", False)
    p.floor = arrays.get("floor", -INFINITY)
    p.z = as_view(z)
    p.x = view_of("x", arrays.get("x"), n, columns, like)
    p.value = view_of("value", arrays.get("value"), n, 1, like, True)
    if arrays.get("values") is not None:
        p.value = view_of("values", arrays["values"], n, columns, like, True)
        p.value_by_column = target.multilabel
        check_size("values", p.value_by_column)
    p.gradient = view_of("gradient", arrays.get("gradient"), n, columns, like, True)
    p.hessian = view_of("hessian", arrays.get("hessian"), n, columns, like, True)
    p.product = view_of("product", arrays.get("product"), n, columns, like, True)
    p.matrix = view_of("matrix", arrays.get("matrix"), n, p.K * p.K, like, True)
    check_size("x", p.product.data == NULL or p.x.data != NULL)
    cdef Py_ssize_t step = chunk_rows(columns), chunks = (n + step - 1) // step
    cdef Py_ssize_t size = evaluate_numbers(p.K)
    cdef Watch watch = watch_of(<double> n * columns)
    n_threads = max(1, min(n_threads, chunks))
    cdef void *room = malloc(n_threads * size * sizeof(floating) + LINE)
    cdef floating *work = <floating *> aligned(room)
    if room == NULL:
        raise MemoryError()
    cdef bint single = chunks == 1
    if single:
        evaluate_rows(&p, 0, n, work)
    for chunk in prange(
        0 if single else chunks, nogil=True, schedule="static", num_threads=n_threads
    ):
        if not stopped(&watch, threadid() == 0):
            evaluate_rows(
                &p, chunk * step, min(n, (chunk + 1) * step), work + threadid() * size
            )
    free(room)
    check_stopped(&watch)


cdef Py_ssize_t sum_numbers(const LinearPass *p) noexcept nogil:
    """Return how many numbers `sum_rows` works on."""
    cdef Py_ssize_t rows = p.shape.rows, size = evaluate_numbers(p.rows.K)
    size += 4 * apart(rows * p.shape.m_padded)
    if not p.shape.sparse:
        size += apart(p.shape.d_padded * p.shape.m)
    if p.shape.copied:
        size += apart(rows * p.shape.d_padded) + apart(ROWS * p.shape.d)
    return size


cdef void sum_rows(
    const LinearPass *p, Py_ssize_t start, Py_ssize_t stop, floating *work,
    double *sums, double *total, Watch *watch, bint is_caller
) noexcept nogil:
    """Sum over rows start to stop the gradient, or the Hessian times V; and the loss."""
    cdef const Shape *shape = &p.shape
    cdef Py_ssize_t at, row, i, k, step = 1, m = shape.m
    cdef Py_ssize_t block_size = shape.rows * shape.m_padded
    cdef floating *z = work + evaluate_numbers(p.rows.K)
    cdef floating *x = z + apart(block_size)
    cdef floating *r = x + apart(block_size)
    cdef floating *value = r + apart(block_size)
    cdef floating *part = value + apart(block_size)
    cdef floating *copies = part + apart(shape.d_padded * m)
    cdef floating *logits = <floating *> p.logits
    cdef Block block
    cdef Pass rows = p.rows
    block.origin = p.origin
    block.X = copies
    block.step = shape.d_padded
    if shape.copied:
        memset(copies, 0, shape.rows * shape.d_padded * sizeof(floating))
    elif not shape.sparse:
        block.step = p.X.down
    if not shape.sparse:
        memset(sums, 0, shape.d_padded * m * sizeof(double))
    memset(total, 0, (shape.d + 2) * p.m_total * sizeof(double))
    memset(r, 0, block_size * sizeof(floating))
    rows.z.data, rows.z.down, rows.z.right = z, shape.m_padded, 1
    rows.gradient = rows.product = rows.z
    if p.V == NULL:
        rows.gradient.data, rows.product.data = r, NULL
        rows.value_by_column = rows.coupling == INDEPENDENT and m > 1
        step = shape.m_padded if rows.value_by_column else 1
        rows.value.data, rows.value.down, rows.value.right = value, step, 1
    else:
        rows.gradient.data, rows.product.data = NULL, r
        rows.x = rows.z
        rows.x.data = x
    for at in range((stop - start + shape.rows - 1) // shape.rows):
        if stopped(watch, is_caller):
            return
        row = start + at * shape.rows
        block.rows = min(shape.rows, stop - row)
        if shape.copied:
            read_block(
                p, row, block.rows, copies,
                copies + apart(shape.rows * shape.d_padded),
            )
        elif not shape.sparse:
            block.X = <const floating *> p.X.data + row * p.X.down
        if p.logits_known:
            copy_rows(block.rows, m, logits + row * m, m, z, shape.m_padded)
        else:
            multiply(p, &block, row, p.W, z)
            if p.offset.data != NULL:
                add_offset(p, row, block.rows, z)
            if logits != NULL:
                copy_rows(block.rows, m, z, shape.m_padded, logits + row * m, m)
        if p.V != NULL:
            multiply(p, &block, row, p.V, x)
        rows.first = row
        evaluate_rows(&rows, 0, block.rows, work)
        if p.V == NULL:
            for i in range(block.rows):
                for k in range(m if rows.value_by_column else 1):
                    total[(shape.d + 1) * p.m_total + k] += value[i * step + k]
        accumulate(p, &block, row, r, part, sums, total)
    if not shape.sparse:
        reduce_segment(p, sums, total)


def linear_sums(
    tuple loss, target, tuple rows, tuple weights, floating[:, ::1] logits, bint known,
    double[:, :, ::1] totals, int n_threads=1,
):
    """Sum the gradient in W, or the Hessian times V, of the loss of (X - origin) W + offset.

    rows is (origin, X, offset), the offset (n, m) or None, and weights (W, V), V None for
    the gradient. totals, of shape (segments, d + 2, m), gets the sums of each segment of
    rows: those of the d features, of the intercepts, and in the first entry of the last
    row the loss (with V zero), or in all entries those of independent indicators. W and V
    have d rows, or one more for intercepts. logits, empty or (n, m), gets the logits, or
    gives them if they are known. X is an array, or the data, indices and indptr of a CSR
    matrix; it is not centred then, and the last axis of totals has as many entries more
    as make it a multiple of SPARSE_LANES.
    """
    cdef const floating[::1] origin = rows[0]
    cdef const double[:, :] W = weights[0], V = weights[1]
    cdef const floating *like = NULL
    cdef Py_ssize_t n, m = W.shape[1], d = origin.shape[0]
    cdef Py_ssize_t segments = totals.shape[0], segment, step
    cdef double numbers
    cdef LinearPass p
    memset(&p, 0, sizeof(LinearPass))
    X = rows[1]
    if isinstance(X, tuple):
        p.entries = entries_of(X[0], X[1], X[2])
        p.shape = shape_of(d, m, 1, True, True)
        n, numbers = len(X[2]) - 1, len(X[0])
    else:
        n = len(X)
        numbers = <double> n * d
        p.X = view_of("X", X, n, d, like)
        p.shape = shape_of(d, m, skinny_lanes(sizeof(floating)), p.X.right == 1, False)
    p.rows = pass_of(loss, target, n, m, like)
    p.offset = view_of("offset", rows[2], n, m, like)
    p.m_total = p.shape.m_padded
    p.totals = &totals[0, 0, 0]
    p.logits = &logits[0, 0] if logits.shape[0] > 0 else NULL
    p.logits_known = known
    check_size("W", W.shape[0] in (d, d + 1))
    check_size("V", V is None or (V.shape[0] in (d, d + 1) and V.shape[1] == m))
    check_size("logits", p.logits != NULL or not known)
    check_size("logits", p.logits == NULL or logits.shape[0] == n)
    check_size("logits", p.logits == NULL or logits.shape[1] == m)
    check_size("totals", totals.shape[1] == d + 2 and totals.shape[2] == p.m_total)
    cdef Watch watch = watch_of(numbers * m + <double> n * p.rows.K)
    step = (n + segments - 1) // segments
    step = (step + p.shape.rows - 1) // p.shape.rows * p.shape.rows
    n_threads = max(1, min(n_threads, segments))
    # Threads share W, V and the origin as products read them; each has work and sums.
    cdef Py_ssize_t padded = apart((p.shape.d_padded + 1) * p.shape.m_padded)
    cdef Py_ssize_t shared = 2 * padded + apart(p.shape.d_padded)
    cdef Py_ssize_t work_size = apart(sum_numbers(&p)), sums_size = 0
    if not p.shape.sparse:
        sums_size = apart(p.shape.d_padded * m)
    cdef size_t size = (shared + n_threads * work_size) * sizeof(floating)
    cdef void *room = malloc(size + n_threads * sums_size * sizeof(double) + LINE)
    cdef floating *work = <floating *> aligned(room)
    cdef double *sums = <double *> (<char *> work + size)
    if room == NULL:
        raise MemoryError()
    if not known:
        p.W = padded_weights(&p.shape, W, work)
    if V is not None:
        p.V = padded_weights(&p.shape, V, work + padded)
    p.origin = work + 2 * padded
    if not p.shape.sparse:
        pad_origin(&p.shape, origin, work + 2 * padded)
    work += shared
    for segment in prange(
        segments, nogil=True, schedule="static", chunksize=1, num_threads=n_threads
    ):
        sum_rows(
            &p, min(n, segment * step), min(n, (segment + 1) * step),
            work + threadid() * work_size, sums + threadid() * sums_size,
            p.totals + segment * (d + 2) * p.m_total, &watch, threadid() == 0,
        )
    free(room)
    check_stopped(&watch)


cdef enum:
    SUM_COLUMNS = 2048  # of X that are summed together: their sums stay in a cache
    SUM_ROWS = 8  # that are added to the sums at once
    SUM_BLOCKS = 64  # of rows, whose sums are of the dtype of X


cdef void sum_columns(
    const View *X, const Shape *shape, Py_ssize_t first, const floating *slopes,
    Py_ssize_t rows, floating *part, double *out, Py_ssize_t d
) noexcept nogil:
    """Add slopes' X to out for the columns from `first`; part is zeros, also after."""
    cdef Py_ssize_t at, j, k, blocks = (rows + SUM_ROWS - 1) // SUM_ROWS
    cdef Py_ssize_t numbers = shape.d_padded * shape.m
    cdef Block block
    block.origin, block.step = part + numbers, X.down
    for at in range(blocks):
        block.X = <const floating *> X.data + at * SUM_ROWS * X.down + first
        block.rows = min(SUM_ROWS, rows - at * SUM_ROWS)
        accumulate_outer(
            sizeof(floating), shape, &block, slopes + at * SUM_ROWS * shape.m, part
        )
        if at % SUM_BLOCKS < SUM_BLOCKS - 1 and at < blocks - 1:
            continue
        for k in range(shape.m):
            for j in range(shape.d_padded):
                if is_first_copy(shape, j):
                    out[k * d + first + column_of(shape, j)] += part[k * shape.d_padded + j]
        memset(part, 0, numbers * sizeof(floating))


def column_sums(X, slopes, double[:, ::1] out, int n_threads=1):
    """Add slopes' X (s, d) to out, where s is small and rows of X lie in order.

    X is read once, as it lies. BLAS packs it, which takes longer than that.
    """
    cdef Py_ssize_t n = len(X), s = out.shape[0], d = out.shape[1], width = X.itemsize
    cdef Py_ssize_t lanes = skinny_lanes(width), size = apart(2 * SUM_COLUMNS) * (s + 1)
    cdef Py_ssize_t chunk, chunks = max(1, d // SUM_COLUMNS)
    cdef Py_ssize_t last = (chunks - 1) * SUM_COLUMNS
    cdef View view, given
    cdef Shape[2] shapes
    cdef Watch watch = watch_of(<double> n * d * s)
    cdef const double *double_like = NULL
    cdef const float *float_like = NULL
    if width == sizeof(double):
        view = view_of("X", X, n, d, double_like)
        given = view_of("slopes", slopes, n, s, double_like)
    else:
        view = view_of("X", X, n, d, float_like)
        given = view_of("slopes", slopes, n, s, float_like)
    check_size("X", d >= lanes and view.right == 1)
    check_size("slopes", s > 0 and given.right == 1 and given.down == s)
    shapes[0] = shape_of(SUM_COLUMNS, s, lanes, True, False)
    shapes[1] = shape_of(d - last, s, lanes, True, False)
    n_threads = max(1, min(n_threads, chunks))
    cdef void *room = calloc(n_threads * size * width + LINE, 1)
    cdef char *work = <char *> aligned(room)
    if room == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        if stopped(&watch, threadid() == 0):
            pass
        elif width == sizeof(double):
            sum_columns(
                &view, &shapes[chunk == chunks - 1], chunk * SUM_COLUMNS,
                <const double *> given.data, n,
                <double *> (work + threadid() * size * width), &out[0, 0], d,
            )
        else:
            sum_columns(
                &view, &shapes[chunk == chunks - 1], chunk * SUM_COLUMNS,
                <const float *> given.data, n,
                <float *> (work + threadid() * size * width), &out[0, 0], d,
            )
    free(room)
    check_stopped(&watch)


def probabilities(
    tuple loss, const floating[:, :] z, floating[:, :] out, tuple implied=None,
    bint log_space=False, int n_threads=1,
):
    """Write the softmax, or the posterior of a minimiser, or their logarithms to out.

    The posterior is asked for with implied = (log_weight, smoothing).
    """
    cdef Py_ssize_t n = z.shape[0], columns = z.shape[1], chunk
    cdef Py_ssize_t K = 2 if columns == 1 else columns
    cdef const double[::1] log_weight = implied[0] if implied else None
    cdef const double *weights = NULL
    cdef Pass p
    memset(&p, 0, sizeof(Pass))
    p.loss = spec_of(loss, K)
    p.columns, p.K = columns, K
    p.smoothing = implied[1] if implied else 0.0
    p.z = as_view(z)
    check_size("out", out.shape[0] == n and out.shape[1] == K)
    p.value = as_view(out)
    if implied:
        check_size("log_weight", len(log_weight) == K)
        weights = &log_weight[0]
    cdef Py_ssize_t step = chunk_rows(columns), chunks = (n + step - 1) // step
    cdef Py_ssize_t size = 3 * K * ROWS
    cdef Watch watch = watch_of(<double> n * columns)
    n_threads = max(1, min(n_threads, chunks))
    cdef void *room = calloc(n_threads * size * sizeof(floating) + LINE, 1)
    cdef floating *work = <floating *> aligned(room)
    if room == NULL:
        raise MemoryError()
    for chunk in prange(chunks, nogil=True, schedule="static", num_threads=n_threads):
        if not stopped(&watch, threadid() == 0):
            probability_rows(
                &p, weights, log_space, chunk * step, min(n, (chunk + 1) * step),
                work + threadid() * size,
            )
    free(room)
    check_stopped(&watch)


cdef void probability_rows(
    const Pass *p, const double *log_weight, bint log_space, Py_ssize_t start,
    Py_ssize_t stop, floating *work
) noexcept nogil:
    """Write softmax, or with weights the posterior, to the value of the pass.

    That of a log-likelihood without smoothing is the softmax of z - log w.
    """
    cdef Py_ssize_t row, tile, k
    cdef int rows, i
    cdef bint weighted = log_weight != NULL
    cdef bint plain = p.loss.log_likelihood and p.smoothing == 0
    cdef floating *u = work
    cdef floating *e = work + p.K * ROWS
    cdef floating shift = 0
    cdef floating[3 * ROWS] margins, opposite
    plain |= not weighted
    if weighted and p.columns == 1:
        shift = <floating> (log_weight[1] - log_weight[0])
    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        if plain and p.columns == 1:
            load(&p.z, row, rows, 1, u)
            for i in range(ROWS):
                u[i] -= shift
            if not log_space:
                two_probabilities(u, e)
            else:
                logistic(u, &margins[0], &opposite[0])
                for i in range(ROWS):
                    u[i] = -opposite[2 * ROWS + i]
                    u[ROWS + i] = -margins[2 * ROWS + i]
        else:
            if p.columns == 1:
                load_binary(&p.z, row, rows, u)
            else:
                load(&p.z, row, rows, p.K, u)
            for k in range(p.K if plain and weighted else 0):
                for i in range(ROWS):
                    u[k * ROWS + i] -= <floating> log_weight[k]
            if not plain:
                posterior(p, log_weight, u, e, e + p.K * ROWS)
            elif log_space:
                log_softmax(p.K, u, e)
            else:
                plain_softmax(p.K, u, e)
        store(u if log_space else e, row, rows, p.K, &p.value)


cdef inline void add_to_lost(
    double reach, Py_ssize_t numbers, const double *z, double *lost
) noexcept nogil:
    """Add zero to (ROWS,) lost for what is finite in the dtype of out, NaN for others."""
    cdef Py_ssize_t i, j
    for i in range(numbers // ROWS):
        for j in range(ROWS):
            lost[j] += 0 * (reach * z[i * ROWS + j])
    for i in range(numbers // ROWS * ROWS, numbers):
        lost[0] += 0 * (reach * z[i])


cdef int predict_rows(
    const LinearPass *p, const double *log_weight, int form, Py_ssize_t start,
    Py_ssize_t stop, double *work
) noexcept nogil:
    """Write what the logits of rows say of the classes; return 1 if one is not finite.

    X in Fortran order is read by tiles, as it lies.
    """
    cdef const Shape *shape = &p.shape
    cdef bint tiled = p.tiled
    cdef Py_ssize_t at, row, i, j, K = p.rows.K
    cdef Py_ssize_t m = shape.m if form == LOGITS else K
    cdef Py_ssize_t size = ROWS if tiled else shape.rows
    cdef double *z = work + 3 * apart(K * ROWS)
    cdef double *result = z + apart(size * shape.m_padded)
    cdef double *copies = result + apart(size * K)
    cdef double *tile = copies + (0 if tiled else apart(size * shape.d_padded))
    cdef float *narrow = <float *> p.logits
    cdef double reach = 1 if narrow == NULL else DBL_MAX / FLT_MAX
    cdef double[ROWS] lost
    cdef Py_ssize_t width = number_width[p.kind]
    cdef Py_ssize_t down = p.X.down * (width if p.kind == 0 else 1)  # in bytes
    cdef Block block
    cdef Pass rows = p.rows
    block.X = copies
    block.step = shape.d_padded
    for j in range(ROWS):
        lost[j] = 0
    if tiled:
        rows.z.data, rows.z.down, rows.z.right = z, 1, ROWS
    else:
        rows.z.data, rows.z.down, rows.z.right = z, shape.m_padded, 1
        if shape.copied:
            memset(copies, 0, size * shape.d_padded * sizeof(double))
        elif not shape.sparse:
            block.step = down // width
    for at in range((stop - start + size - 1) // size):
        row = start + at * size
        block.rows = min(size, stop - row)
        if tiled:
            multiply_tile(p, row, <int> block.rows, tile, z)
            add_to_lost(reach, ROWS * shape.m, z, &lost[0])
        else:
            if shape.copied:
                read_block(p, row, block.rows, copies, tile)
            elif not shape.sparse:
                block.X = <const char *> p.X.data + row * down
            predict_logits(p, &block, row, z)
            add_to_lost(reach, block.rows * shape.m_padded, z, &lost[0])
        if narrow == NULL:
            result = <double *> p.rows.value.data + row * m
        rows.value.data = result
        if form != LOGITS:
            probability_rows(&rows, log_weight, form == LOG, 0, block.rows, work)
        elif tiled:
            store(z, 0, <int> block.rows, m, &rows.value)
        else:
            copy_rows(block.rows, m, z, shape.m_padded, result, m)
        for i in range(block.rows * m if narrow != NULL else 0):
            narrow[row * m + i] = <float> result[i]
    for j in range(1, ROWS):
        lost[0] += lost[j]
    return lost[0] != 0


def linear_predictions(
    tuple loss, X, const double[:, :] W, out, tuple implied=None,
    str form="probability", int n_threads=1,
):
    """Write the predictions of a linear model to out, each row of X read once.

    form is "logit", "probability" or "log probability"; implied as in `probabilities`.
    X is an array of numbers, or the data, indices and indptr of a CSR matrix of doubles;
    it need not be finite. W has a row for each column, and one of intercepts. out is of
    double or float. Return False if a logit is not finite: then out must not be used.
    """
    cdef Py_ssize_t n, m = W.shape[1], d = W.shape[0] - 1, chunk
    cdef const double[::1] log_weight = implied[0] if implied else None
    cdef const double *weights = NULL
    cdef const double *like = NULL
    cdef double[:, ::1] wide
    cdef float[:, ::1] narrow
    cdef int which = ["probability", "log probability", "logit"].index(form)
    cdef LinearPass p
    memset(&p, 0, sizeof(LinearPass))
    p.rows.columns = m
    p.rows.K = 2 if m == 1 else m
    p.rows.loss = spec_of(loss, p.rows.K)
    if implied:
        p.rows.smoothing = implied[1]
        check_size("log_weight", len(log_weight) == p.rows.K)
        weights = &log_weight[0]
    cdef double numbers
    cdef bint in_order
    if isinstance(X, tuple):
        check_size("data", X[0].itemsize == sizeof(double))
        p.entries = entries_of(X[0], X[1], X[2])
        p.shape = shape_of(d, m, 1, True, True)
        n, numbers = len(X[2]) - 1, len(X[0])
    else:
        n = len(X)
        numbers = <double> n * d
        check_size("X", X.ndim == 2 and X.shape[1] == d)
        p.kind = kind_of_numbers(X.dtype.str)
        if p.kind == 0:
            p.X = view_of("X", X, n, d, like)
        else:
            p.X.data = <void *> <size_t> X.__array_interface__["data"][0]
            p.X.down, p.X.right = X.strides
        p.tiled = 0 < p.X.down < p.X.right
        in_order = p.X.right == (1 if p.kind == 0 else sizeof(float)) and p.kind < 2
        p.shape = shape_of(d, m, skinny_lanes(sizeof(double)), in_order, False)
        if p.shape.copied or m > 4:  # A block that is read again stays in the L1 cache.
            p.shape.rows = ROWS
    cdef Py_ssize_t columns = m if which == LOGITS else p.rows.K
    check_size("out", n > 0 and out.shape == (n, columns))
    p.rows.value.down, p.rows.value.right = columns, 1
    if out.itemsize == sizeof(double):
        wide = out
        p.rows.value.data = &wide[0, 0]
    else:
        narrow = out
        p.logits = &narrow[0, 0]
    cdef Py_ssize_t step = p.shape.rows * max(1, 2048 // p.shape.rows)
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t shared = apart((p.shape.d_padded + 1) * p.shape.m_padded)
    cdef Py_ssize_t size = 3 * apart(p.rows.K * ROWS) + apart(p.shape.rows * p.rows.K)
    size += apart(p.shape.rows * p.shape.m_padded)
    if p.tiled:
        size += apart(ROWS * TILE_COLUMNS)
    elif p.shape.copied:
        size += apart(p.shape.rows * p.shape.d_padded) + apart(ROWS * d)
    cdef Watch watch = watch_of(numbers * m + <double> n * p.rows.K)
    n_threads = max(1, min(n_threads, chunks))
    cdef void *room = calloc((shared + n_threads * size) * sizeof(double) + LINE, 1)
    cdef double *work = <double *> aligned(room)
    cdef int lost = 0
    if room == NULL:
        raise MemoryError()
    p.W = padded_weights(&p.shape, W, work)
    work += shared
    cdef bint single = chunks == 1
    if single:
        lost = predict_rows(&p, weights, which, 0, n, work)
    for chunk in prange(
        0 if single else chunks, nogil=True, schedule="static", num_threads=n_threads
    ):
        if not stopped(&watch, threadid() == 0):
            lost += predict_rows(
                &p, weights, which, chunk * step, min(n, (chunk + 1) * step),
                work + threadid() * size,
            )
    free(room)
    check_stopped(&watch)
    return lost == 0


cdef void load_tile(
    const void *table, Py_ssize_t row, int rows, double *u, float *room
) noexcept nogil:
    load_table(<const Table *> table, row, rows, u, room)


cdef Table table_of(proba, list columns, bytearray addresses) except *:
    """Read a table, or columns that are arrays of their own; keep addresses in use."""
    cdef Table table
    cdef const float *floats = NULL
    cdef const double *doubles = NULL
    cdef const void **address
    cdef View column
    cdef Py_ssize_t n = len(proba), k
    table.load = load_tile
    table.narrow = proba.itemsize == sizeof(float)
    table.width = proba.shape[1] if columns is None else len(columns)
    table.columns = NULL
    check_size("proba", n > 0 and table.width > 0)
    if columns is not None:
        addresses.extend(bytes(table.width * sizeof(void *)))
        address = <const void **> <char *> addresses
        for k in range(table.width):
            if table.narrow:
                column = view_of("columns", columns[k], n, 1, floats)
            else:
                column = view_of("columns", columns[k], n, 1, doubles)
            check_size("columns", column.down == 1)
            address[k] = column.data
        table.columns = address
    elif table.narrow:
        table.numbers = view_of("proba", proba, n, table.width, floats)
    else:
        table.numbers = view_of("proba", proba, n, table.width, doubles)
    return table


def log_loss_sum(
    proba, codes, long long offset, sample_weight, double eps,
    int n_threads=1, const Py_ssize_t[::1] class_at=None, list columns=None,
):
    """Sum w (-log p_y), p clipped to [eps, 1 - eps], and look for what makes p invalid.

    A single column is the probability of the second class; columns are arrays of their
    own, of which proba is the first. Labels are integers of any size: the class is
    label - offset, or class_at[label - offset]. Return the sum, the largest |row sum -
    1|, and whether a probability is outside [0, 1], NaN or -0.
    """
    cdef LogLoss p
    cdef Checked whole
    cdef bytearray addresses = bytearray()
    p.proba = table_of(proba, columns, addresses)
    cdef Py_ssize_t n = len(proba), K = max(p.proba.width, 2), chunk
    cdef Py_ssize_t step = chunk_rows(p.proba.width), chunks = (n + step - 1) // step
    cdef Py_ssize_t size = 2 * K * ROWS
    cdef const double *kind = NULL
    cdef Watch watch = watch_of(<double> n * K)
    p.labels = labels_of(codes, n)
    p.labels.offset = offset
    if class_at is not None:
        check_size("class_at", len(class_at) > 0)
        p.labels.class_at, p.labels.places = &class_at[0], len(class_at)
    p.sample_weight = view_of("sample_weight", sample_weight, n, 1, kind)
    p.eps = eps
    n_threads = max(1, min(n_threads, chunks))
    cdef Checked *parts = <Checked *> calloc(chunks + 1, sizeof(Checked))
    cdef void *room = calloc(n_threads * size * sizeof(double) + LINE, 1)
    cdef double *work = <double *> aligned(room)
    if parts == NULL or room == NULL:
        free(parts)
        free(room)
        raise MemoryError()
    cdef bint single = chunks == 1
    if single:
        log_loss_rows(&p, 0, n, work, parts)
    for chunk in prange(
        0 if single else chunks, nogil=True, schedule="static", num_threads=n_threads
    ):
        if not stopped(&watch, threadid() == 0):
            log_loss_rows(
                &p, chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
                &parts[chunk],
            )
    whole = sum_parts(parts, chunks)
    free(parts)
    free(room)
    check_stopped(&watch)
    return whole.total, whole.drift, bool(whole.outside)


cdef Checked sum_parts(const Checked *parts, Py_ssize_t chunks) noexcept nogil:
    cdef Checked whole = parts[0]
    cdef Py_ssize_t i
    for i in range(1, chunks):
        whole.total += parts[i].total
        whole.weight += parts[i].weight
        whole.drift = max(whole.drift, parts[i].drift)
        whole.outside |= parts[i].outside
    return whole


# The scores that `score` computes, in the order of the enum.
KINDS = "loss", "entropy", "divergence", "calibration", "overlap", "indicators", "issues"


def score(str what, tuple loss, target, proba, dict arrays, int n_threads=1):
    """Sum the scores of rows of probabilities, and look for what makes these invalid.

    what is "loss", "entropy", "divergence", "calibration", "overlap", "indicators" or
    "issues". A single column is the probability of the second class, but for
    indicators, which are K independent ones. arrays may have `columns` as in
    `log_loss_sum`, and value (n,), which gets the weighted score of each row; for a
    calibration edges (bins - 1,), and sums (curves bins, 5), which get those of the
    bins; for an overlap sums (K, 4), the last of the losses of codes, if `losses` is
    True; for indicators these, (n, K), of any numbers, and the weights of columns and
    smoothing are the target's; for issues the thresholds of classes, value, which gets
    the probabilities of the labels, and suggested (n,) of int32: see `suggest`. All but
    the probabilities and indicators is of doubles. Return the sum, the weights, the
    largest |row sum - 1|, also of soft labels, and whether a number is outside [0, 1],
    below zero or NaN.
    """
    cdef Scores s
    memset(&s, 0, sizeof(Scores))
    s.score = <Score> <int> KINDS.index(what)
    cdef bytearray addresses = bytearray()
    s.proba = table_of(proba, arrays.get("columns"), addresses)
    cdef Py_ssize_t n = len(proba), K = s.proba.width
    cdef const double *kind = NULL
    cdef View sums
    cdef Py_ssize_t numbers = 0, segments = 64, chunk, i
    cdef bint binned = s.score == CALIBRATION or s.score == OVERLAP
    if s.score != INDICATORS:
        K = max(K, 2)
    if s.score == LOSS or s.score == ISSUES or binned:
        s.rows = pass_of(loss, target, n, K, kind)
    else:
        s.rows.K = K
        s.rows.sample_weight = view_of(
            "sample_weight", target.sample_weight, n, 1, kind
        )
    if s.score == DIVERGENCE:
        s.rows.soft = view_of("soft", target.soft, n, K, kind)
        check_size("soft", s.rows.soft.data != NULL)
    if s.score == INDICATORS:
        s.rows.smoothing = target.label_smoothing
        if (target.class_weight != 1).any():
            s.rows.class_weight = view_of(
                "class_weight", target.class_weight, K, 1, kind
            )
        indicators = arrays["indicators"]
        check_size("indicators", indicators.shape == (n, K))
        s.indicators.kind = kind_of_numbers(indicators.dtype.str)
        s.indicators.data = <char *> <size_t> indicators.__array_interface__["data"][0]
        s.indicators.down, s.indicators.right = indicators.strides
        # No weights, and only the sum over all indicators: their order does not matter.
        s.flat = (
            not s.proba.narrow and s.proba.columns == NULL and K > 1
            and s.proba.numbers.right == 1 and s.proba.numbers.down == K
            and s.indicators.right == number_width[s.indicators.kind]
            and s.indicators.down == K * s.indicators.right
            and s.rows.sample_weight.data == NULL
            and s.rows.class_weight.data == NULL and arrays.get("value") is None
        )
    if s.score == ISSUES:
        s.edges = view_of("thresholds", arrays["thresholds"], K, 1, kind)
        suggested = arrays["suggested"]
        check_size("suggested", suggested.shape == (n,) and suggested.itemsize == 4)
        check_size("codes", s.rows.codes != NULL)
        s.suggested = <int *> <size_t> suggested.__array_interface__["data"][0]
    s.rows.value = view_of("value", arrays.get("value"), n, 1, kind, True)
    s.eps = FLT_EPSILON if s.proba.narrow else DBL_EPSILON
    if binned:
        s.bins, i = 1, OVERLAP_SUMS
        s.curves = len(arrays["sums"])
        if s.score == CALIBRATION:
            s.bins, i = len(arrays["edges"]) + 1, BIN_SUMS
            s.edges = view_of("edges", arrays["edges"], s.bins - 1, 1, kind)
            s.curves //= s.bins
        check_size("sums", s.curves in (1, K) and s.curves * s.bins == len(arrays["sums"]))
        sums = view_of("sums", arrays["sums"], s.curves * s.bins, i, kind, True)
        check_size("sums", sums.right == 1 and sums.down == i)
        s.each_once = (
            s.score == CALIBRATION and s.curves > 1 and s.rows.codes != NULL
            and s.rows.class_weight.data == NULL and s.rows.sample_weight.data == NULL
            and s.rows.smoothing == 0
        )
        s.losses = arrays.get("losses", False)
        check_size("codes", s.rows.codes != NULL or not s.losses)
        check_size("sums", s.score == CALIBRATION or s.curves == K)
        numbers = s.curves * s.bins * i
        segments = max(1, min(64, (1 << 16) // numbers))
    cdef Py_ssize_t step = max(chunk_rows(K), (n + segments - 1) // segments)
    step = (step + ROWS - 1) // ROWS * ROWS
    cdef Py_ssize_t chunks = (n + step - 1) // step
    cdef Py_ssize_t size = (3 * ROWS + OVERLAP_SUMS * LANES) * K
    cdef Watch watch = watch_of(<double> n * K)
    n_threads = max(1, min(n_threads, chunks))
    cdef Checked whole
    cdef Checked *parts = <Checked *> calloc(chunks + 1, sizeof(Checked))
    cdef double *bins = <double *> calloc(chunks * numbers + 1, sizeof(double))
    cdef void *room = calloc(n_threads * size * sizeof(double) + LINE, 1)
    cdef double *work = <double *> aligned(room)
    if parts == NULL or bins == NULL or room == NULL:
        free(parts)
        free(bins)
        free(room)
        raise MemoryError()
    cdef bint single = chunks == 1
    if single:
        score_rows(&s, 0, n, work, parts, bins)
    for chunk in prange(
        0 if single else chunks, nogil=True, schedule="static", num_threads=n_threads
    ):
        if not stopped(&watch, threadid() == 0):
            score_rows(
                &s, chunk * step, min(n, (chunk + 1) * step), work + threadid() * size,
                &parts[chunk], bins + chunk * numbers,
            )
    whole = sum_parts(parts, chunks)
    for i in range(chunks * numbers):
        (<double *> sums.data)[i % numbers] += bins[i]
    free(parts)
    free(bins)
    free(room)
    check_stopped(&watch)
    return whole.total, whole.weight, whole.drift, bool(whole.outside)


def label_range(y):
    """Return the least label, how many differ, their span, and which occur.

    y has integers of 1, 2, 4 or 8 bytes. The last is None if all in the span occur.
    Return None for no labels, and for a span over 2^16.
    """
    return range_and_occurring(labels_of(y, len(y)), len(y)) if len(y) else None


def codes_of_floats(y, Py_ssize_t n_classes, Py_ssize_t[::1] codes):
    """Write y as codes, and return False if one is not a whole number in 0..K-1."""
    cdef const double *doubles = NULL
    cdef const float *floats = NULL
    cdef View view
    cdef bint good
    check_size("codes", len(codes) == len(y))
    if y.itemsize == sizeof(double):
        view = view_of("y", y, len(y), 1, doubles)
        with nogil:
            good = whole_codes(<const double *> view.data, view.down, n_classes, codes)
    else:
        view = view_of("y", y, len(y), 1, floats)
        with nogil:
            good = whole_codes(<const float *> view.data, view.down, n_classes, codes)
    return bool(good)


def vecmath(str function, x, out):
    """Apply a function of vecmath.h, for the tests of its bounds."""
    cdef const double *doubles = NULL
    cdef const float *floats = NULL
    cdef int which = ["exp", "exp_down", "expm1", "log", "log1p", "log1p_unit"].index(function)
    cdef View read, write
    if x.itemsize == sizeof(double):
        read = view_of("x", x, len(x), 1, doubles)
        write = view_of("out", out, len(x), 1, doubles, True)
        apply(which, len(x), &read, &write, doubles)
    else:
        read = view_of("x", x, len(x), 1, floats)
        write = view_of("out", out, len(x), 1, floats, True)
        apply(which, len(x), &read, &write, floats)


cdef void apply(
    int which, Py_ssize_t n, const View *read, const View *write, const floating *like
) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating reciprocal, x
    for i in range(n):
        x = (<const floating *> read.data)[i * read.down]
        (<floating *> write.data)[i * write.down] = (
            exp(x) if which == 0 else exp_down(x) if which == 1
            else expm1(x) if which == 2 else log(x) if which == 3
            else log1p(x) if which == 4 else log1p_unit(x, &reciprocal)
        )
