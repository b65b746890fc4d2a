"""A pass over rows of logits: the loss, the targets, what is read and what is asked for.

It is built once a call, in _kernels.pyx, and knows no dtype: z, soft, x and all results
are of the one dtype for which a kernel is compiled, weights are double.
"""

from losses cimport ROWS, LossSpec
from views cimport View

cdef enum Coupling:
    SOFTMAX  # the logits of a row share one softmax
    INDEPENDENT  # each is the log-odds of a problem of two classes of its own

cdef struct Pass:
    LossSpec loss
    Coupling coupling
    Py_ssize_t columns  # logits of a row
    Py_ssize_t K  # numbers of a target and class weights; 2 for a single logit

    # Targets. Those of the first row of z are in row `first`.
    const Py_ssize_t *codes  # NULL: soft is given
    View soft  # weights of K classes; with K independent logits, how much each is yes
    View sample_weight
    View class_weight  # NULL: all are one; of independent indicators (K, 2), no and yes
    double smoothing
    bint weight_after_smoothing  # do class weights come after smoothing, not before?
    Py_ssize_t first

    View z
    View x  # what the Hessian is multiplied by

    View value
    bint value_by_column  # (n, K): the loss of each independent indicator, not their sum
    View gradient
    View hessian  # its diagonal
    double floor  # the least that an entry of that may be
    View product
    View matrix


cdef inline bint one_term(const Pass *p) noexcept nogil:
    """Return True if a row's loss is one term φ(m_c), not a sum over classes."""
    return p.codes != NULL and p.smoothing == 0 and not p.weight_after_smoothing


cdef inline int order_of(const Pass *p) noexcept nogil:
    """Return which derivatives of φ are needed: the first, or the second, too."""
    return 1 if (
        p.hessian.data == NULL and p.product.data == NULL and p.matrix.data == NULL
    ) else 2


cdef inline Py_ssize_t tiles(Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    return (stop - start + ROWS - 1) // ROWS
