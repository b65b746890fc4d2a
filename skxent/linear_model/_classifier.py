"""The general classifier: any loss, by name or as an object."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.blocks import RowBlocks
from skxent.inputs.descriptions import documented
from skxent.inputs.tables import is_row_blocks
from skxent.linear_model._callbacks import CallbackSupportMixin, FitTask, with_callbacks
from skxent.linear_model._data import LinearData
from skxent.linear_model._input import check_data, check_parameters
from skxent.linear_model._multilabel import refuse_parts
from skxent.linear_model._partial_fit import PartialFitMixin
from skxent.linear_model._plan import Plan, read_rows
from skxent.linear_model._predictor import LinearPredictor
from skxent.linear_model._training import (
    encode_target,
    fitted_attributes,
    objective_of,
    options_of,
    penalty_of,
    table_of,
)
from skxent.losses._loss import Loss
from skxent.optimize.objective import Objective
from skxent.optimize.rows.base import Rows
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import SolverOptions
from skxent.optimize.solve import solve
from skxent.typing import MatrixLike


@documented()
@dataclass(eq=False, repr=False)
class CrossEntropyClassifier(CallbackSupportMixin, PartialFitMixin, LinearPredictor):
    r"""Linear classifier for any loss of :mod:`skxent.losses`.

    .. math:: \min_W \; C \sum_i w_i \, \ell(y_i, x_i W + b)
        + \sum_j \psi_j \left(\rho \|W_j\|_1 + \tfrac{1 - \rho}{2} \|W_j\|^2\right)

    With cross-entropy and no label smoothing this is the objective of
    :class:`sklearn.linear_model.LogisticRegression`. X need not be scaled for
    convergence, because the solvers find the scale of the problem themselves. The
    penalty still depends on the units of the columns, so scaling changes the model.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A loss, or a name in :data:`skxent.losses.LOSSES` for that loss with its default
        parameters. A parameter may also be a dict that maps labels to numbers, or K
        numbers in the order of `classes_`. Grids and `set_params` reach it as
        ``loss__gamma``.
    C : float in (0, inf], default=1.0
        Inverse of the strength of the penalty; ``np.inf`` means no penalty.
    l1_ratio : float in [0, 1], default=0.0
        The share ρ of the L1 penalty: 0.0 is L2, 1.0 is L1, and values between are
        elastic net. Above 0, coefficients may be exactly zero, more of them for smaller
        C, and the solver is the proximal Newton method.
    penalty_factor : array-like of shape (d,), dict or Series, default=None
        Factors ψ_j >= 0 of the penalty of column j. None: all are 1. A column with the
        factor 0 is not penalised. A dict or Series maps columns, by name or position,
        to factors; columns that are left out have 1. Unlike in glmnet, factors are not
        rescaled to a mean of 1.
    monotonic_cst : array-like of shape (d,), dict or Series, default=None
        Signs of the coefficients for two classes, by name or position as in
        `penalty_factor`: 1 for at least zero, so that the probability of the second
        class does not decrease as the column increases, -1 for at most zero, 0 for any
        sign. The solver is then the proximal Newton method.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    class_weight : dict or Series of label to weight, or "balanced", default=None
        Weights of the classes; a class that is left out has 1. "balanced" gives all
        classes the same total weight. Weights change the decisions but, with
        ``posterior=True``, not the probabilities.
    label_smoothing : float in [0, 1), default=0.0
        Train with the labels ``(1 - eps) y + eps / K``, where eps is this value.
    posterior : bool, default=True
        True: `predict_proba` returns class probabilities, which are corrected for the
        loss, label smoothing and class weights. False: it returns the softmax of the
        logits.
    solver : {"auto", "newton-cholesky", "newton-cg", "lbfgs"}, default="auto"
        "auto" uses the full Hessian for small problems, conjugate gradients for columns
        with very few entries and for some losses that are not convex, otherwise L-BFGS.
        It continues with conjugate gradients if L-BFGS is slow.
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most `tol`. The objective, a mean loss in
        nats, is then about tol² / 2 above its minimum.
    max_iter : int, default=100
        The maximum number of iterations. A fit that reaches it warns.
    warm_start : bool, default=False
        Start from the coefficients of the last fit. The solver's estimates of the
        curvature are not kept, so two fits with max_iter=1 differ from one with
        max_iter=2.
    multilabel : bool, default=False
        Whether a row may have several labels. y is then (n, K), 0 or 1 for each label:
        K problems of two classes with the results of MultiOutputClassifier, fitted in
        the same passes over X. Predictions, probabilities of 1 and log-odds are then
        (n, K). `class_weight` may also be a list with a dict for each label, or a dict
        that maps labels to dicts; it applies to the classes 0 and 1.
    n_jobs : int, default=None
        Number of threads of the kernels; None means all that OpenMP may use.
    verbose : int, default=0
        Print a line for every iteration.

    Attributes
    ----------
    {attributes}
    penalty : {"l1", "l2", "elasticnet"} or None
        The kind of penalty that l1_ratio and C mean; not a parameter.

    See Also
    --------
    FocalLogisticRegression : The same with focal loss.
    SmoothedSoftmaxClassifier : The same with cross-entropy of smoothed labels.
    cross_entropy_path : The coefficients for many values of C.
    skxent.losses.LOSSES : The names of losses.
    sklearn.linear_model.LogisticRegression : The same with cross-entropy.

    Notes
    -----
    Class weights change `decision_function` and `predict`, but not `predict_proba`.
    Focal loss is not convex: the solver starts from the cross-entropy solution and
    converges to a local minimum.

    For three or more classes, the loss does not change if the same number is added to
    the coefficients of a column in all classes. If the penalty does not determine this
    number, as for intercepts and for columns with a factor of 0, their sum over the
    classes is zero.

    Callbacks of scikit-learn 1.9 are called for every iteration. When an iteration
    begins, the estimator is still in its state before the fit; when it ends, callbacks
    get a fitted estimator with the coefficients of that iteration.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent import CrossEntropyClassifier
    >>> from skxent.losses import Focal
    >>> X, y = load_wine(return_X_y=True)
    >>> model = CrossEntropyClassifier(Focal(gamma=1.0)).fit(X, y)
    >>> model.predict_proba(X[:1]).shape
    (1, 3)
    """

    fit_starts_afresh = False  # warm_start reads the last fit
    _solver_options: ClassVar[SolverOptions] = SolverOptions()

    loss: str | Loss = "cross_entropy"
    _: KW_ONLY
    C: float = 1.0
    l1_ratio: float = 0.0
    penalty_factor: Any = None
    monotonic_cst: Any = None
    fit_intercept: bool = True
    class_weight: Any = None
    label_smoothing: float = 0.0
    posterior: bool = True
    solver: str = "auto"
    tol: float = 1e-4
    max_iter: int = 100
    warm_start: bool = False
    multilabel: bool = False
    n_jobs: int | None = None
    verbose: int = 0

    @with_callbacks
    def fit(
        self,
        X: MatrixLike | RowBlocks,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        """Fit the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d), or RowBlocks
            float32 and float64 are used as they are, C-ordered or CSR without a copy:
            nothing may write to them meanwhile.
            :class:`skxent.blocks.RowBlocks`, for tables larger than memory, bring y,
            weights and offsets with them, and are read once for every pass.
        y : array-like of shape (n,) or (n, K)
            Labels of any type; or soft labels, rows of K >= 2 non-negative numbers that
            sum to one, for the classes 0..K-1. Columns of a data frame that are named
            by these numbers go by name, others by position. With ``multilabel=True``
            indicators, 0 or 1 or between, dense, sparse or a data frame, whose columns
            of strings are the names of the labels.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, at least 0; None for ones.
        offset : array-like of shape (n,) or (n, K), default=None
            A fixed term of the logits, ``X coef_ᵀ + intercept_ + offset``; None for
            zeros. For two classes that of the log-odds of the second, or the logits
            (n, 2) of both. Columns of a data frame that are named by the classes, or
            with ``multilabel=True`` by the labels, go by name.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its domain, or X, y, weights or offset have
            missing values or shapes that do not match.
        """
        check_parameters(self)
        last = np.asarray(getattr(self, "classes_", ())).tolist()
        self._past = None
        objective, data = self._objective(LinearData(X, y, sample_weight, offset))
        start = np.zeros(objective.shape)
        if self.warm_start and last == self.classes_.tolist():
            start = objective.rows.without_origin(self._start(objective.shape))
        self._minimise(objective, start, data)
        return self

    def _objective(self, given: LinearData) -> tuple[Objective, LinearData]:
        """Return the objective of what a user has given, and the data as checked."""
        X, *others = given
        if is_row_blocks(X):
            if any(values is not None for values in others):
                raise ValueError(
                    "y, sample_weight and offset must come with the blocks of X, "
                    "got one of them as an argument, too. Pass X alone."
                )
            refuse_parts(self.multilabel)
            rows, plan = read_rows(self, X)
            return self._planned(rows, plan), LinearData(X)
        data = check_data(self, *given[:3])._replace(offset=given.offset)
        encoded = encode_target(self, data)
        self.__dict__.update(encoded.attributes)
        table = table_of(self, data, encoded)
        return objective_of(self, table, encoded.trained), data

    def _planned(self, rows: Rows, plan: Plan) -> Objective:
        """Return the objective of rows in blocks; set what their plan knows."""
        for name in ("feature_names_in_", "label_names_"):  # of the last fit
            self.__dict__.pop(name, None)
        self.__dict__.update(plan.attributes)
        return objective_of(self, rows, plan.encoded.trained)

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    @property
    def penalty(self) -> str | None:
        """The kind of penalty, "l1", "l2", "elasticnet" or None, from l1_ratio and C.

        scikit-learn looks at it: SelectFromModel keeps all coefficients but zeros of a
        model with an L1 penalty.
        """
        return penalty_of(self.l1_ratio, self.C)

    def _minimise(
        self, objective: Objective, start: Weights, data: LinearData
    ) -> Weights:
        """Solve, keep the coefficients, and tell callbacks."""
        at = partial(fitted_attributes, objective)
        # Labels that are not solved together have their own iterations.
        n_problems = objective.shape[1] if objective.rows.independent else 1
        most = int(self.max_iter) * n_problems
        task = FitTask(self, most, at, **data.for_callbacks)
        options = options_of(self, task.callback)
        solution = solve(objective, start, options, self.solver)
        self.__dict__.update(fitted_attributes(objective, solution.weights))
        self.n_iter_ = np.array([solution.n_iter], dtype=np.int32)
        task.end(solution.weights)
        return solution.weights
