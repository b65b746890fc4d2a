"""What every fitted linear model answers: logits, labels, probabilities."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skxent.base.pickle import VersionedPickle
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import codes_of_logits
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_in_memory, check_unmasked
from skxent.losses._shipped import Loss
from skxent.typing import MatrixLike


def check_finite(**attributes: NDArray[Any]) -> None:
    """Raise a ValueError that names the attribute with a NaN or an infinite number."""
    for name, values in attributes.items():
        finite = np.isfinite(values)
        if not finite.all():
            raise ValueError(
                f"{name} must be finite, got {values[~finite].flat[0]}. "
                "Fit the model again."
            )


class LinearPredictor(VersionedPickle, ClassifierMixin):
    """Predictions from `coef_`, `intercept_`, `classes_` and what they were fitted to.

    `_fitted` is the loss, the class weights and the label smoothing, which the
    posterior undoes.
    """

    # predict_log_proba is computed in log space: scorers need not clip it.
    log_proba_is_exact = True

    classes_: NDArray[Any]
    coef_: Floats
    intercept_: Floats
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    _fitted: tuple[Any, Any, float]

    def decision_function(self, X: MatrixLike) -> Floats:
        """Logits: (n, K), or for two classes (n,), the log-odds of the second."""
        check_is_fitted(self)
        check_in_memory(X)
        check_unmasked("X", X)
        X = check_sparse("X", X)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )
        return self._logits(X)

    def _logits(self, X: Any) -> Floats:
        """decision_function of X that is checked."""
        coef, intercept = self._checked_weights(X.shape[1])
        numbers = coef.data if sp.issparse(coef) else coef
        dot = X @ coef.T
        z = (dot.toarray() if sp.issparse(dot) else dot) + intercept
        # X is finite, so finite logits come of finite coefficients: look at the fewer.
        seen = (numbers, intercept) if numbers.size < z.size else (z,)
        if not all(math.isfinite(np.vdot(array, array)) for array in seen):
            check_finite(coef_=numbers, intercept_=intercept)
        return z[:, 0] if z.shape[1] == 1 else z

    def _checked_weights(self, n_features: int) -> tuple[Any, NDArray[Any]]:
        """Return `coef_` and `intercept_`, which a pickle or a user may have changed.

        Raises
        ------
        ValueError
            If they do not fit `classes_` and the columns, or a sparse `coef_` has an
            index outside its shape.
        """
        n_classes = len(self.classes_)
        m = 1 if n_classes == 2 else n_classes
        coef, intercept = check_sparse("coef_", self.coef_), self.intercept_
        for name, values, shape in (
            ("coef_", coef, (m, n_features)),
            ("intercept_", intercept, (m,)),
        ):
            found = getattr(values, "shape", None)
            if found != shape or values.dtype.kind not in "fiu":
                got = f"{np.asarray(values).dtype} of shape {np.shape(values)}"
                raise ValueError(
                    f"{name} must be real numbers of shape {shape}, for {n_classes} "
                    f"classes_ and {n_features} columns, got {got}. "
                    "Fit the model again."
                )
        return coef, intercept

    def predict(self, X: MatrixLike) -> NDArray[Any]:
        """The class of the largest logit, for each row: shape (n,)."""
        return self.classes_[codes_of_logits(self.decision_function(X))]

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Probabilities of the classes: shape (n, K)."""
        return self._probabilities(self.decision_function(X), log=False)

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Their logarithms, computed in log space: shape (n, K)."""
        return self._probabilities(self.decision_function(X), log=True)

    def sparsify(self) -> Self:
        """Keep `coef_` as a sparse array, where most of it is zero."""
        check_is_fitted(self)
        self.coef_ = sp.csr_array(self.coef_)
        return self

    def densify(self) -> Self:
        """Keep `coef_` as an ndarray again."""
        check_is_fitted(self)
        coef: Any = self.coef_
        if sp.issparse(coef):
            self.coef_ = check_sparse("coef_", coef).toarray()
        return self

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    def _probabilities(self, z: Floats, log: bool) -> Floats:
        loss, class_weight, label_smoothing = self._fitted
        if not isinstance(loss, Loss):
            raise ValueError(
                f"The trained loss must be a Loss of skxent.losses, got {loss!r}. "
                "Fit the model again."
            )
        if self.posterior:
            loss.warn_without_posterior()
            return loss.posterior(
                z,
                class_weight=class_weight,
                label_smoothing=label_smoothing,
                log=log,
                n_threads=self._n_threads,
            )
        softmax = loss.predict_log_proba if log else loss.predict_proba
        return softmax(z, n_threads=self._n_threads)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def penalty_of(l1_ratio: float, C: float) -> str | None:
    """The name that scikit-learn has for a penalty."""
    if np.inf == C:
        return None
    if l1_ratio == 0:
        return "l2"
    return "l1" if l1_ratio == 1 else "elasticnet"
