"""The general classifier: any loss, by name or as an object."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.base.classifier import TrainedLoss
from skxent.inputs.blocks import RowBlocks
from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import check_some_weight
from skxent.linear_model._callbacks import (
    CallbackSupportMixin,
    FitTask,
    with_callbacks,
)
from skxent.linear_model._input import check_data, check_parameters, encode
from skxent.linear_model._partial_fit import PartialFitMixin
from skxent.linear_model._plan import read_rows
from skxent.linear_model._predictor import LinearPredictor, penalty_of
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.optimize.objective import Objective
from skxent.optimize.penalties import elastic_net
from skxent.optimize.rows import table_rows
from skxent.optimize.rows.base import LEAST_WEIGHT, Rows
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import Callback, SolverOptions
from skxent.optimize.solve import solve
from skxent.typing import MatrixLike


@dataclass(eq=False, repr=False)
class CrossEntropyClassifier(CallbackSupportMixin, PartialFitMixin, LinearPredictor):
    r"""Linear classifier for any loss of :mod:`skxent.losses`.

    .. math:: \min_W \; C \sum_i w_i \, \ell(y_i, x_i W + b)
        + \rho \|W\|_1 + \tfrac{1 - \rho}{2} \|W\|^2

    With cross-entropy and no label smoothing this is the objective of
    :class:`sklearn.linear_model.LogisticRegression`. X need not be scaled: the solvers
    find the scale of the problem themselves.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default.
    C : float in (0, inf], default=1.0
        Inverse strength of the penalty; ``np.inf`` for none.
    l1_ratio : float in [0, 1], default=0.0
        ρ, the share of the L1 penalty: 0.0 is L2, 1.0 is L1, between them is elastic
        net. Above 0 coefficients become exactly zero, more of them for smaller C, and
        the proximal Newton method is the only solver.
    fit_intercept : bool, default=True
        The intercept is not penalised.
    class_weight : dict or Series of label to weight, or "balanced", default=None
        Weigh the rows of each class, 1 where a class is left out. "balanced" lets every
        class count the same.
        Moves the decision; with ``posterior=True``, not the probabilities.
    label_smoothing : float in [0, 1), default=0.0
        Train against ``(1 - eps) y + eps / K``.
    posterior : bool, default=True
        predict_proba returns the class probabilities that a minimiser of the loss
        implies, with focal loss, label smoothing and class weights undone. False: the
        softmax of the logits.
    solver : {"auto", "newton-cholesky", "newton-cg", "lbfgs"}, default="auto"
        "auto" takes the whole Hessian for few features and classes, else L-BFGS, and
        goes on with conjugate gradients where that is slow.
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most this: the objective, a mean loss in
        nats, is then about tol² / 2 above its minimum.
    max_iter : int, default=100
    warm_start : bool, default=False
        Start from the coefficients of the last fit. Only these are kept, not what a
        solver knows of the curvature: two fits of max_iter=1 end elsewhere than one of
        max_iter=2.
    n_jobs : int, default=None
        Threads of the kernels; None is all that OpenMP may use.
    verbose : int, default=0
        Print a line for every iteration.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    coef_ : ndarray of shape (1, d) for two classes, else (K, d)
    intercept_ : ndarray of shape (1,) or (K,)
    n_iter_ : ndarray of shape (1,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,), if X has column names
    trained_loss_ : TrainedLoss
        What the posterior undoes, a named tuple: loss, class_weight (ndarray of shape
        (K,), or None), label_smoothing.
    penalty : {"l1", "l2", "elasticnet"} or None
        The kind of penalty that l1_ratio and C mean; not a parameter.

    Notes
    -----
    `predict` follows `decision_function`, which class weights move; `predict_proba`
    tells probabilities, which they do not. Focal loss is not convex: the solver starts
    from the cross-entropy solution and ends in a local minimum.

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

    loss: str | Loss = "cross_entropy"
    _: KW_ONLY
    C: float = 1.0
    l1_ratio: float = 0.0
    fit_intercept: bool = True
    class_weight: Any = None
    label_smoothing: float = 0.0
    posterior: bool = True
    solver: str = "auto"
    tol: float = 1e-4
    max_iter: int = 100
    warm_start: bool = False
    n_jobs: int | None = None
    verbose: int = 0

    @with_callbacks
    def fit(
        self,
        X: MatrixLike | RowBlocks,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d), or RowBlocks
            float32 and float64 are used as they are, C-ordered or CSR without a copy:
            nothing may write to them meanwhile.
            :class:`skxent.blocks.RowBlocks`, for tables larger than memory, bring y and
            weights with them, and are read once for every pass.
        y : array-like of shape (n,) or (n, K)
            Labels of any type; or soft labels, rows of K >= 2 non-negative numbers that
            sum to one, for the classes 0..K-1. Columns of a data frame that are named
            by these numbers go by name, others by position.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        self
        """
        check_parameters(self)
        last = getattr(self, "classes_", ())
        self._past = None
        objective, X, y, weights = self._objective(X, y, sample_weight)
        start = np.zeros(objective.shape)
        if self.warm_start and np.array_equal(last, self.classes_):
            start = objective.rows.without_origin(self._start(objective.shape))
        self._minimise(objective, start, X, y, weights)
        return self

    def _objective(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Objective, Any, Any, Any]:
        """Return the objective, and the data as checked."""
        if hasattr(type(X), "row_blocks"):  # not a column of that name
            if y is not None or sample_weight is not None:
                raise ValueError(
                    "y and sample_weight must come with the blocks of X, "
                    "got another y or sample_weight."
                )
            return self._penalised(read_rows(self, X)), X, None, None
        X, y, weights = check_data(self, X, y, sample_weight)
        target = self._set_target(X, y, weights)
        rows = table_rows(X, target, **self._row_settings())
        return self._penalised(rows), X, y, weights

    def _set_target(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> Target:
        """Return y as the kernels take it; set the classes and the trained loss."""
        classes, codes = encode(y, classes)
        weights = self._class_weights(classes, codes, sample_weight)
        target = make_target(
            codes,
            X.shape[0],
            len(classes),
            sample_weight=sample_weight,
            class_weight=weights,
            label_smoothing=self.label_smoothing,
            dtype=X.dtype,
        ).with_finite_sum()
        check_some_weight(target.total_weight())
        self.classes_ = classes
        self.trained_loss_ = TrainedLoss(self._loss(), weights, self.label_smoothing)
        return target

    def _keep_columns(self, n_features: int, names: NDArray[Any] | None) -> None:
        """Set the number and the names of the columns of blocks."""
        self.n_features_in_ = n_features
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    @property
    def penalty(self) -> str | None:
        """The kind of penalty, "l1", "l2", "elasticnet" or None, as l1_ratio and C say.

        scikit-learn looks at it: SelectFromModel keeps all coefficients but zeros of a
        model with an L1 penalty.
        """
        return penalty_of(self.l1_ratio, self.C)

    def _row_settings(self) -> dict[str, Any]:
        """Return what sums over rows need to know besides the data."""
        return {"fit_intercept": bool(self.fit_intercept), "n_threads": self.n_jobs}

    def _penalised(self, rows: Rows) -> Objective:
        """Return the objective of such rows."""
        strength = 1.0 / max(float(self.C) * rows.weight_sum, LEAST_WEIGHT)
        penalty = elastic_net(rows, strength, float(self.l1_ratio))
        return Objective(rows, self._loss(), penalty)

    def _options(self, callback: Callback | None = None) -> SolverOptions:
        """Return how to solve."""
        tol, max_iter = float(self.tol), int(self.max_iter)
        return SolverOptions(tol, max_iter, int(self.verbose), callback)

    def _minimise(
        self, objective: Objective, start: Weights, X: Any, y: Any, weights: Any
    ) -> Weights:
        """Solve, keep the coefficients, and tell callbacks."""
        task = FitTask(
            self,
            int(self.max_iter),
            lambda W: self._attributes(objective, W),
            X=X,
            y=y,
            metadata=None if weights is None else {"sample_weight": weights},
        )
        options = self._options(task.callback)
        solution = solve(objective, start, options, self.solver)
        self._keep(objective, solution.weights)
        self.n_iter_ = np.array([solution.n_iter], dtype=np.int32)
        task.end(solution.weights)
        return solution.weights

    def _keep(self, objective: Objective, W: Weights) -> None:
        self.__dict__.update(self._attributes(objective, W))

    def _attributes(self, objective: Objective, W: Weights) -> dict[str, Any]:
        """Return the minimum, in the coordinates and the dtype of X."""
        W = objective.coefficients(W).astype(objective.dtype)
        d = objective.rows.n_features
        intercept = W[d] if len(W) > d else np.zeros(W.shape[1], W.dtype)
        return {
            "coef_": np.ascontiguousarray(W[:d].T),
            "intercept_": intercept,
            "n_features_in_": d,
        }

    def _loss(self) -> Loss:
        """Return the loss to train with."""
        return as_loss(self.loss)
