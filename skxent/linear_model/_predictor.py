"""The predictions of linear models, whose logits are X coef_ᵀ + intercept_."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from skxent.base.classifier import Form, right_predictions
from skxent.inputs.descriptions import documented
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import logits_for, refuse_blocks_and_dates
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_given, check_is_data
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads
from skxent.linear_model._kernel_rows import check_finite, kernel_rows
from skxent.linear_model._multilabel import (
    MultilabelClassifier,
    offset_of,
    share_of_right_rows,
)
from skxent.typing import MatrixLike


class LinearPredictor(MultilabelClassifier):
    """A classifier of the logits X coef_ᵀ + intercept_.

    Attributes
    ----------
    coef_ : ndarray of shape (1, d) for two classes, else (K, d)
        The coefficients. For two classes they give the log-odds of the second.
    intercept_ : ndarray of shape (1,) for two classes, else (K,)
        The intercepts; zeros with ``fit_intercept=False``.
    n_iter_ : ndarray of shape (1,)
        The number of iterations of the solver.
    """

    coef_: Floats
    intercept_: Floats
    n_iter_: NDArray[Any]

    def decision_function(
        self, X: MatrixLike, offset: ArrayLike | None = None
    ) -> Floats:
        """Return the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.
        offset : array-like of shape (n,) or (n, K), default=None
            A fixed term of the logits, as in `fit`; None for zeros.

        Returns
        -------
        ndarray of shape (n, K), or (n,) for two classes
            For two classes the log-odds of the second; with `multilabel` those of 1.
        """
        check_is_fitted(self)
        z = self._in_one_pass(X, "logit") if offset is None else None
        if z is None:
            z = self._logits_at(self._checked(X), offset)
        return z if z.shape[1] > 1 or self._many else z[:, 0]

    @documented(decision_function)
    def predict(self, X: MatrixLike, offset: ArrayLike | None = None) -> NDArray[Any]:
        """Return the class of the largest logit.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        ndarray of shape (n,)
            A label of `classes_` for each row; with `multilabel` K of them.
        """
        return self._labels_of(self.decision_function(X, offset))

    @documented(decision_function)
    def predict_proba(self, X: MatrixLike, offset: ArrayLike | None = None) -> Floats:
        """Return the class probabilities.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        ndarray of shape (n, K)
            A column for each of `classes_`; with `multilabel` the probability of 1.
        """
        if offset is None:
            return self._predicted(X, "probability")
        return self._probabilities(self.decision_function(X, offset), log=False)

    @documented(decision_function)
    def predict_log_proba(
        self, X: MatrixLike, offset: ArrayLike | None = None
    ) -> Floats:
        """Return the logarithms of the class probabilities, computed in log space.

        Parameters
        ----------
        {parameters}

        Returns
        -------
        ndarray of shape (n, K)
            A column for each of `classes_`.
        """
        if offset is None:
            return self._predicted(X, "log probability")
        return self._probabilities(self.decision_function(X, offset), log=True)

    @documented(decision_function)
    def score(
        self,
        X: MatrixLike,
        y: Any,
        sample_weight: Any = None,
        offset: ArrayLike | None = None,
    ) -> float:
        """Return the accuracy: the share of rows, by weight, predicted correctly.

        Parameters
        ----------
        {parameters}
        y : array-like of shape (n,)
            The true labels. One that is not in `classes_` counts as a wrong prediction.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows; None for ones.

        Returns
        -------
        float
            Between 0 and 1; 1 if all labels are predicted.

        Raises
        ------
        ValueError
            If y has missing values or another length than X.
        """
        check_given(y, "score")
        if self._many:
            predicted = self.predict(X, offset)
            return share_of_right_rows(self, y, predicted, sample_weight)
        return right_predictions(self, X, y, sample_weight, offset=offset).mean()

    def _checked(self, X: MatrixLike) -> Any:
        refuse_blocks_and_dates(X)
        check_is_data("X", X)
        X = check_sparse("X", X)
        return validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False
        )

    def _logits(self, X: Any) -> Floats:
        coef, intercept = self._checked_weights(X.shape[1])
        numbers = coef.data if sp.issparse(coef) else coef
        dot = X @ coef.T
        z = (dot.toarray() if sp.issparse(dot) else dot) + intercept
        # X is finite, so finite logits mean finite coefficients.
        if not math.isfinite(np.vdot(z, z)):
            check_finite(coef_=numbers, intercept_=intercept)
            # For two classes an infinite logit decides; of more, several may be.
            defined = ~np.isnan(z) if z.shape[1] == 1 else np.isfinite(z)
            if not defined.all():
                raise ValueError(
                    "X must be of a size whose products with coef_ are finite, "
                    f"got a logit of {z[~defined][0]}."
                )
        return z

    def _logits_at(self, X: Any, offset: Any) -> Floats:
        """Return the logits of checked rows with an offset, if there is one."""
        z = self._logits(X)
        checked = offset_of(self, offset, len(z), self.classes_, z.dtype)
        return z if checked is None else z + checked

    def _in_one_pass(self, X: Any, form: Form) -> Floats | None:
        kind = type(self)
        if (
            kind.decision_function is not LinearPredictor.decision_function
            or kind._logits is not LinearPredictor._logits
        ) or (self._many and form != "logit"):
            return None
        numbers = kernel_rows(self, X)
        if numbers is None:
            return None
        (n, d), own = numbers.shape, numbers.dtype
        coef, intercept = self._checked_weights(d)
        if sp.issparse(coef):
            return None
        # Integers become doubles, as in the product of an array that was checked.
        dtype = np.result_type(
            own if own.kind == "f" else np.float64,
            *(
                w.dtype if w.dtype.kind == "f" else np.float64
                for w in (coef, intercept)
            ),
        )
        compiled = self._compiled(form)
        if dtype not in (np.float64, np.float32) or compiled is None:
            return None
        weights = np.empty((d + 1, len(coef)))
        weights[:d], weights[d] = coef.T, intercept
        out: Floats = np.empty(
            (n, len(coef if form == "logit" else self.classes_)), dtype
        )
        entries = numbers
        if sp.issparse(numbers):
            data = np.asarray(numbers.data, dtype=np.float64)
            entries = data, numbers.indices, numbers.indptr
        # About eight entries of X are read in the time that a logit takes.
        work = out.size + (numbers.nnz if sp.issparse(numbers) else numbers.size) // 8
        n_threads = effective_n_threads(self._n_threads, work)
        spec, implied = compiled
        finite = kernels.linear_predictions(
            spec, entries, weights, out, implied, form, n_threads
        )
        return out if finite else None

    def _checked_weights(self, n_features: int) -> tuple[Any, NDArray[Any]]:
        """Return the checked `coef_` and `intercept_`, which users may change."""
        n_classes, m = len(self.classes_), logits_for(self.classes_)
        coef, intercept = check_sparse("coef_", self.coef_), np.asarray(self.intercept_)
        coef = coef if sp.issparse(coef) else np.asarray(coef)
        for name, values, shape in (
            ("coef_", coef, (m, n_features)),
            ("intercept_", intercept, (m,)),
        ):
            if values.shape != shape or values.dtype.kind not in "fiu":
                raise ValueError(
                    f"{name} must be real numbers of shape {shape}, for {n_classes} "
                    f"classes_ and {n_features} columns, got {values.dtype} of shape "
                    f"{values.shape}. Fit the model again."
                )
        return coef, intercept

    def _start(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return the last coefficients, or zeros where they have another shape."""
        start, d = np.zeros(shape), self.n_features_in_
        found = getattr(check_sparse("coef_", self.coef_), "shape", ())
        if len(found) == 2 and found != (shape[1], d):
            return start
        try:
            coef, intercept = self._checked_weights(d)
            coef = coef.toarray() if sp.issparse(coef) else coef
            check_finite(coef_=coef, intercept_=intercept)
        except ValueError as error:
            raise ValueError(f"{str(error)[:-1]}, with warm_start=False.") from error
        start[:d], start[d:] = coef.T, intercept
        return start

    def sparsify(self) -> Self:
        """Keep `coef_` as a sparse array: worth it where most coefficients are zero.

        Returns
        -------
        self
            The fitted estimator, which predicts as before.
        """
        check_is_fitted(self)
        self.coef_ = sp.csr_array(self.coef_)
        return self

    def densify(self) -> Self:
        """Keep `coef_` as an ndarray again.

        Returns
        -------
        self
            The fitted estimator, which predicts as before.
        """
        check_is_fitted(self)
        coef: Any = self.coef_
        if sp.issparse(coef):
            self.coef_ = check_sparse("coef_", coef).toarray()
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
