"""Linear classifiers that minimise a loss of :mod:`skxent.losses`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skxent._threads import effective_n_threads
from skxent._validation import (
    FRACTION,
    POSITIVE,
    Interval,
    check_bool,
    check_count,
    check_option,
)
from skxent.l1 import solve_l1
from skxent.losses import LOSSES, CrossEntropy, Focal, Loss
from skxent.objective import LinearObjective
from skxent.solvers import SOLVERS
from skxent.targets import (
    Floats,
    Target,
    balanced_class_weight,
    encode_labels,
    make_target,
)

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "SmoothedSoftmaxClassifier",
]


class CrossEntropyClassifier(ClassifierMixin, BaseEstimator):
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
        net. Above 0 coefficients become exactly zero, more of them for smaller C.
    fit_intercept : bool, default=True
        The intercept is not penalised.
    class_weight : dict of label to weight or "balanced", default=None
        Weigh the rows of each class. "balanced" lets every class count the same.
        Moves the decision; with ``posterior=True``, not the probabilities.
    label_smoothing : float in [0, 1), default=0.0
        Train against ``(1 - eps) y + eps / K``.
    posterior : bool, default=True
        predict_proba returns the class probabilities that a minimiser of the loss
        implies, with focal loss, label smoothing and class weights undone. False: the
        softmax of the logits.
    solver : {"auto", "newton-cholesky", "newton-cg"}, default="auto"
        "auto" takes the one that needs fewer operations: the whole Hessian for few
        features and classes, conjugate gradients for many. With ``l1_ratio > 0``, the
        proximal Newton method, its only solver.
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most this: the objective, a mean loss in
        nats, is then about tol² / 2 above its minimum.
    max_iter : int, default=100
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
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

    Notes
    -----
    `predict` follows `decision_function`, which class weights move; `predict_proba`
    tells probabilities, which they do not. Focal loss is not convex: the solver starts
    from the cross-entropy solution and ends in a local minimum.

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

    # predict_log_proba is computed in log space: scorers need not clip it.
    log_proba_is_exact = True

    def __init__(
        self,
        loss: str | Loss = "cross_entropy",
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        posterior: bool = True,
        solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int = 100,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.loss = loss
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.posterior = posterior
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            float32 and float64 are used as they are, C-ordered or CSR without a copy.
        y : array-like of shape (n,) or (n, K)
            Labels of any type; or soft labels, rows of K >= 2 non-negative numbers that
            sum to one, for the classes 0..K-1.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        self
        """
        before, done = dict(self.__dict__), False
        try:
            self._fit(X, y, sample_weight)
            done = True
        finally:
            # A fit that fails or is interrupted leaves the last one as it was.
            if not done:
                self.__dict__.clear()
                self.__dict__.update(before)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        loss = self._loss()
        self._check_parameters()
        X, y = self._check_data(X, y)
        if isinstance(sample_weight, Real):
            sample_weight = np.full(X.shape[0], float(sample_weight))
        if sample_weight is not None:
            sample_weight = check_array(
                sample_weight,
                ensure_2d=False,
                dtype=np.float64,
                input_name="sample_weight",
            )
        classes, class_weight, target = self._targets(y, X, sample_weight)
        C, l1_ratio = float(self.C), float(self.l1_ratio)
        objective = LinearObjective(
            X,
            target,
            loss,
            C=C / (1 - l1_ratio) if l1_ratio < 1 else np.inf,
            fit_intercept=bool(self.fit_intercept),
            n_threads=self.n_jobs,
        )
        solution = solve_l1(
            objective,
            objective.without_origin(self._start(objective.shape, classes)),
            l1_ratio / (C * target.total_weight()),
            solver=self.solver,
            tol=float(self.tol),
            max_iter=int(self.max_iter),
            verbose=int(self.verbose),
        )
        self.classes_ = classes
        self._fitted = loss, class_weight, self.label_smoothing
        d, m = self.n_features_in_, objective.n_outputs
        W = objective.with_origin(solution.weights).astype(X.dtype)
        self.coef_ = np.ascontiguousarray(W[:d].T)
        self.intercept_ = W[d].copy() if self.fit_intercept else np.zeros(m, X.dtype)
        self.n_iter_ = np.array([solution.n_iter], dtype=np.int32)

    def _loss(self) -> Loss:
        """The loss to train with."""
        if isinstance(self.loss, Loss):
            return self.loss
        check_option("loss", self.loss, LOSSES)
        return LOSSES[self.loss]()

    def _check_parameters(self) -> None:
        Interval(0.0, np.inf, "right").check("C", self.C)
        Interval(0.0, 1.0, "both").check("l1_ratio", self.l1_ratio)
        POSITIVE.check("tol", self.tol)
        FRACTION.check("label_smoothing", self.label_smoothing)
        check_option("solver", self.solver, ("auto", *SOLVERS))
        if self.l1_ratio > 0 and self.solver != "auto":
            raise ValueError(
                f"solver must be 'auto' if l1_ratio > 0, got {self.solver!r}."
            )
        for name in ("fit_intercept", "posterior", "warm_start"):
            check_bool(name, getattr(self, name))
        check_count("max_iter", self.max_iter)
        if not isinstance(self.verbose, Integral) or self.verbose < 0:
            raise ValueError(
                f"verbose must be a non-negative integer or bool, got {self.verbose!r}."
            )
        effective_n_threads(self.n_jobs, name="n_jobs")

    def _check_data(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        """X as floats, y as labels (n,) or soft labels (n, K)."""
        shape = np.asarray(y).shape
        soft = len(shape) == 2 and shape[1] > 1
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=soft,
        )
        if not soft:
            check_classification_targets(y)
        return X, y

    def _targets(
        self, y: NDArray[Any], X: Any, sample_weight: Any
    ) -> tuple[NDArray[Any], Any, Target]:
        """Classes, class weights in their order, and y as the kernels take it."""
        classes, codes = encode_labels(y) if y.ndim == 1 else (np.arange(y.shape[1]), y)
        if len(classes) < 2:
            raise ValueError(
                f"y must have at least 2 classes, got 1 class: {classes.tolist()}."
            )
        class_weight = self._class_weights(classes, codes, sample_weight)
        target = make_target(
            codes,
            X.shape[0],
            len(classes),
            sample_weight=sample_weight,
            class_weight=class_weight,
            label_smoothing=self.label_smoothing,
            dtype=X.dtype,
        )
        if target.total_weight() == 0:
            raise ValueError("sample_weight must have a positive sum, got all zeros.")
        return classes, class_weight, target

    def _class_weights(
        self, classes: NDArray[Any], codes: NDArray[Any], sample_weight: Any
    ) -> Any:
        if isinstance(self.class_weight, str):
            check_option("class_weight", self.class_weight, ("balanced",))
            return balanced_class_weight(codes, len(classes), sample_weight)
        if self.class_weight is None:
            return None
        if not isinstance(self.class_weight, Mapping):
            raise ValueError(
                "class_weight must be a dict, 'balanced' or None, "
                f"got {self.class_weight!r}."
            )
        labels = classes.tolist()
        unknown = [label for label in self.class_weight if label not in labels]
        if unknown:
            raise ValueError(
                f"class_weight must have keys in {labels}, got {unknown[0]!r}."
            )
        weights = [self.class_weight.get(label, 1.0) for label in labels]
        if self.posterior and not all(weight > 0 for weight in weights):
            raise ValueError(
                f"class_weight must be positive if posterior=True, got {weights}."
            )
        return weights

    def _start(
        self, shape: tuple[int, int], classes: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Zeros, or the last fit's coefficients if they are for the same classes."""
        start = np.zeros(shape)
        if not self.warm_start or not hasattr(self, "coef_"):
            return start
        d, m = self.n_features_in_, shape[1]
        if self.coef_.shape == (m, d) and np.array_equal(self.classes_, classes):
            start[:d] = self.coef_.T
            start[d:] = self.intercept_
        return start

    def decision_function(self, X: Any) -> Floats:
        """Logits: (n, K), or for two classes (n,), the log-odds of the second."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        z = np.asarray(X @ self.coef_.T) + self.intercept_
        return z[:, 0] if z.shape[1] == 1 else z

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class of the largest logit, for each row: shape (n,)."""
        z = self.decision_function(X)
        codes = (z > 0).astype(np.intp) if z.ndim == 1 else z.argmax(axis=1)
        return self.classes_[codes]

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probabilities of the classes: shape (n, K)."""
        return self._probabilities(X, log=False)

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Their logarithms, computed in log space: shape (n, K)."""
        return self._probabilities(X, log=True)

    def _probabilities(self, X: ArrayLike, log: bool) -> Floats:
        z = self.decision_function(X)
        loss, class_weight, label_smoothing = self._fitted
        if self.posterior:
            return loss.posterior(
                z,
                class_weight=class_weight,
                label_smoothing=label_smoothing,
                log=log,
                n_threads=self.n_jobs,
            )
        softmax = loss.predict_log_proba if log else loss.predict_proba
        return softmax(z, n_threads=self.n_jobs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class FocalLogisticRegression(CrossEntropyClassifier):
    r"""Logistic regression with focal loss.

    .. math:: \min_W \; C \sum_i w_i (1 - p_{i, y_i})^\gamma (-\log p_{i, y_i})
        + \tfrac12 \|W\|^2

    gamma=0 is :class:`sklearn.linear_model.LogisticRegression`. All but gamma is as in
    :class:`CrossEntropyClassifier`.

    Parameters
    ----------
    gamma : float in [0, inf), default=2.0
        How much less a row counts that is already classified well.
    C, l1_ratio, fit_intercept, class_weight, label_smoothing, posterior, solver, tol, \
max_iter, warm_start, n_jobs, verbose
        See :class:`CrossEntropyClassifier`.

    References
    ----------
    Lin et al. (2017), arXiv 1708.02002. The probabilities: Charoenphakdee et al.
    (2021), arXiv 2011.09172.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skxent import FocalLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(FocalLogisticRegression(gamma=2.0).fit(X, y).score(X, y), 2)
    0.96
    """

    def __init__(
        self,
        gamma: float = 2.0,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        posterior: bool = True,
        solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int = 100,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.gamma = gamma
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.posterior = posterior
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _loss(self) -> Loss:
        return Focal(self.gamma)


class SmoothedSoftmaxClassifier(CrossEntropyClassifier):
    r"""Softmax regression against smoothed labels.

    .. math:: \min_W \; C \sum_i w_i \sum_k \left((1 - \epsilon)\, y_{ik} + \epsilon / K
        \right) (-\log p_{ik}) + \tfrac12 \|W\|^2

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.1
    C, l1_ratio, fit_intercept, class_weight, posterior, solver, tol, max_iter, \
warm_start, n_jobs, verbose
        See :class:`CrossEntropyClassifier`.

    References
    ----------
    Szegedy et al. (2016), Rethinking the Inception Architecture, arXiv 1512.00567.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skxent import SmoothedSoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> round(SmoothedSoftmaxClassifier(0.05).fit(X, y).score(X, y), 2)
    0.97
    """

    def __init__(
        self,
        label_smoothing: float = 0.1,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        posterior: bool = True,
        solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int = 100,
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.label_smoothing = label_smoothing
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.posterior = posterior
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _loss(self) -> Loss:
        return CrossEntropy()
