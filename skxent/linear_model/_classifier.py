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
    :class:`sklearn.linear_model.LogisticRegression`. X need not be scaled: the solvers
    find the scale of the problem themselves.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default. Its
        parameters may be dicts of label to number, or K numbers in the order of
        `classes_`. ``set_params(loss__gamma=3.0)`` and grids change them.
    C : float in (0, inf], default=1.0
        Inverse strength of the penalty; ``np.inf`` for none.
    l1_ratio : float in [0, 1], default=0.0
        The share ρ of the L1 penalty: 0.0 is L2, 1.0 is L1, between them is elastic
        net. Above 0 coefficients become exactly zero, more of them for smaller C, and
        the proximal Newton method is the only solver.
    penalty_factor : array-like of shape (d,), dict or Series, default=None
        The penalty of column j is multiplied by ψ_j >= 0: ones by default, and 0 for a
        column that is not penalised. A dict or Series maps columns, by name or
        position, to factors, and one that is left out has 1. Factors are used as they
        are, not scaled to a mean of 1 as in glmnet.
    monotonic_cst : array-like of shape (d,), dict or Series, default=None
        For two classes the sign of a column's coefficient, by name or position as in
        `penalty_factor`: 1 for at least zero, so that the probability of the second
        class does not fall as the column grows, -1 for at most zero, 0 for any. The
        proximal Newton method is the only solver then.
    fit_intercept : bool, default=True
        The intercept is not penalised.
    class_weight : dict or Series of label to weight, or "balanced", default=None
        The weight of each class, 1 for a class that is left out. "balanced" gives every
        class the same total weight. Weights move the decisions and, with
        ``posterior=True``, not the probabilities.
    label_smoothing : float in [0, 1), default=0.0
        Train against the labels ``(1 - eps) y + eps / K``, where eps is this value.
    posterior : bool, default=True
        Whether `predict_proba` returns the class probabilities that a minimiser of the
        loss implies, with focal loss, label smoothing and class weights undone. False:
        the softmax of the logits.
    solver : {"auto", "newton-cholesky", "newton-cg", "lbfgs"}, default="auto"
        "auto" takes the whole Hessian for few features and classes, else L-BFGS, and
        goes on with conjugate gradients where that is slow.
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most this: the objective, a mean loss in
        nats, is then about tol² / 2 above its minimum.
    max_iter : int, default=100
        The most iterations of the solver. A warning tells of a fit that ends there.
    warm_start : bool, default=False
        Start from the coefficients of the last fit. Only these are kept, not what a
        solver knows of the curvature: two fits of max_iter=1 end elsewhere than one of
        max_iter=2.
    multilabel : bool, default=False
        Whether y holds K answers a row, (n, K), 0 or 1 for each label: K problems of
        two classes, fitted in the same passes over X as MultiOutputClassifier would fit
        them. Predictions, probabilities of 1 and log-odds are (n, K) then.
        `class_weight` may also be a list of a dict for each label, or a dict of label
        to dict, and holds for the classes 0 and 1.
    n_jobs : int, default=None
        Threads of the kernels; None is all that OpenMP may use.
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
    `predict` follows `decision_function`, which class weights move; `predict_proba`
    tells probabilities, which they do not. Focal loss is not convex: the solver starts
    from the cross-entropy solution and ends in a local minimum.

    For three or more classes the loss does not change if a coefficient changes alike in
    all of them. Where the penalty does not determine that shift, for intercepts and for
    columns with a factor of 0, the sum over the classes is zero.

    Callbacks of scikit-learn 1.9 get every iteration. Where one begins the estimator is
    still that before the fit, without coefficients if it is the first; where it ends
    there is a fitted estimator with the coefficients of that iteration.

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
        last = getattr(self, "classes_", ())
        self._past = None
        objective, data = self._objective(LinearData(X, y, sample_weight, offset))
        start = np.zeros(objective.shape)
        if self.warm_start and np.array_equal(last, self.classes_):
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
            refuse_parts(self)
            rows, plan = read_rows(self, X)
            return self._planned(rows, plan), LinearData(X)
        data = check_data(self, *given[:3])._replace(offset=given.offset)
        encoded = encode_target(self, data)
        self.__dict__.update(encoded.attributes)
        table = table_of(self, data, encoded)
        return objective_of(self, table, encoded.trained), data

    def _planned(self, rows: Rows, plan: Plan) -> Objective:
        """Return the objective of rows in blocks; set what their plan knows."""
        self.__dict__.pop("feature_names_in_", None)
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
