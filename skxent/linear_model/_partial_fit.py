"""partial_fit: learning from a stream of batches."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from types import MethodType
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from skxent.base.estimator import all_or_nothing
from skxent.inputs.columns import sorted_classes
from skxent.kernels.checks import ignore_overflow
from skxent.kernels.threads import one_blas_thread
from skxent.linear_model._callbacks import with_callbacks
from skxent.linear_model._columns import has_signs, penalty_factor_of
from skxent.linear_model._data import LinearData
from skxent.linear_model._input import check_data, check_parameters
from skxent.linear_model._training import encode_target, table_of
from skxent.losses._loss import Loss
from skxent.optimize.inverse import without_negative_curvature
from skxent.optimize.objective import Objective
from skxent.optimize.quadratic_penalty import MAX_COEFFICIENTS, QuadraticPenalty
from skxent.optimize.rows.base import LEAST_WEIGHT, Rows
from skxent.optimize.smooth import Weights
from skxent.typing import MatrixLike

Method = TypeVar("Method", bound=Callable[..., Any])


def reason_against(estimator: Any) -> str | None:
    """Return why the estimator, as it is set, cannot learn batch by batch."""
    if isinstance(estimator.class_weight, str):
        # Balanced weights need all of y.
        given = estimator.class_weight
        return f"class_weight must be a dict or None for partial_fit, got {given!r}."
    if isinstance(estimator.l1_ratio, Real) and float(estimator.l1_ratio) > 0:
        # The quadratic that remembers the past cannot hold an L1 penalty.
        return f"l1_ratio must be 0 for partial_fit, got {estimator.l1_ratio!r}."
    if estimator.multilabel:
        return "multilabel must be False for partial_fit, got True."
    if has_signs(estimator):
        given = estimator.monotonic_cst
        return f"monotonic_cst must be None for partial_fit, got {given!r}."
    return None


class OnlyForStreams:
    """A method that an estimator has only if it can learn batch by batch.

    As scikit-learn's `available_if`, with the reason in the message of the error and
    not in its cause alone.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        # By these the documentation and its examples are found.
        self.__doc__, self.__wrapped__ = method.__doc__, method

    def __get__(self, estimator: Any, owner: Any = None) -> Any:
        if estimator is None:
            return self.method  # what scikit-learn reads the signature of
        reason = reason_against(estimator)
        if reason:
            raise AttributeError(
                f"This {type(estimator).__name__!r} has no attribute "
                f"{self.method.__name__!r}: {reason}"
            ) from AttributeError(reason)
        return MethodType(self.method, estimator)


def only_for_streams(method: Method) -> Method:
    """Wrap `partial_fit`: see OnlyForStreams; a failure leaves the last fit whole."""
    return cast(Method, OnlyForStreams(all_or_nothing(method)))


class PartialFitMixin:
    """Training batch by batch, for :class:`CrossEntropyClassifier`."""

    _past: QuadraticPenalty | None
    _max_coefficients: ClassVar[int] = MAX_COEFFICIENTS

    @only_for_streams
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> Self:
        r"""Learn from one more batch of a stream; there is no learning rate to tune.

        .. math:: W_t = \mathrm{argmin}_W \; \tfrac12 \|W - W_{t-1}\|^2_{A_{t-1}}
            + \sum_i w_i \, \ell(y_i, x_i W + b), \quad A_t = A_{t-1} + H_t(W_t)

        The batches before are kept as one quadratic, of which the penalty is the first
        part: W = 0, A = I / C times `penalty_factor`, and zero for b. H is the Hessian
        of the batch's loss; of more than 2000 coefficients its diagonal, where b is the
        logit at the mean of the batch's columns (sparse X: at zero). One batch gives
        the result of `fit`, and many batches approach it. Since the change of a batch's
        curvature after it was seen is lost, the first batches should not be tiny. With
        the diagonal the approach is slow where columns are correlated, and a loss that
        is far from convex (generalized cross-entropy) may end in another minimum.

        After `fit` the penalty draws to its coefficients instead of zero; the rows of
        that fit are not remembered otherwise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows of the batch.
        y : array-like of shape (n,) or (n, K)
            Labels, or soft labels for `classes`, sorted. Columns of a data frame go by
            name, as in `fit`.
        classes : array-like of shape (K,), default=None
            All labels that may come. Needed in the first call.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, at least 0; None for ones.
        offset : array-like of shape (n,) or (n, K), default=None
            A fixed term of the logits of these rows, as in `fit`.

        Returns
        -------
        self
            The estimator, fitted to this batch and what it remembers of those before.

        Raises
        ------
        ValueError
            If `classes` are missing in the first call or others later, y has a label
            that is not in them.
        AttributeError
            If class_weight is "balanced", which needs all of y, or l1_ratio is above 0
            or monotonic_cst given, since no quadratic remembers an L1 penalty or signs:
            there is no such method then.

        References
        ----------
        Opper (1998), A Bayesian approach to on-line learning. With the diagonal this is
        implicit stochastic gradient descent: Toulis, Airoldi (2017), arXiv 1408.2923.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.utils import gen_batches, shuffle
        >>> from skxent import CrossEntropyClassifier
        >>> X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
        >>> model = CrossEntropyClassifier()
        >>> for batch in gen_batches(150, 30):
        ...     model = model.partial_fit(X[batch], y[batch], classes=[0, 1, 2])
        >>> round(model.score(X, y), 2)
        0.97
        """
        self._partial_fit(LinearData(X, y, sample_weight, offset), classes)
        return self

    @with_callbacks
    def _partial_fit(self: Any, given: LinearData, classes: Any) -> None:
        check_parameters(self)
        past = getattr(self, "_past", None)
        first = not hasattr(self, "classes_")
        if not first and self._many:
            raise ValueError(
                "multilabel must be False in the first fit for partial_fit, got a "
                "model of many labels. Clone it, or fit it again."
            )
        if first and classes is None:
            raise ValueError("classes must be given in the first call, got None.")
        if classes is not None:
            classes = sorted_classes(classes)
            if not first and classes.tolist() != self.classes_.tolist():
                raise ValueError(
                    f"classes must be {self.classes_.tolist()}, as in the first call, "
                    f"got {classes.tolist()}."
                )
        classes = classes if first else self.classes_
        data = check_data(self, *given[:3], reset=first, classes=classes)
        data = data._replace(offset=given.offset)
        encoded = encode_target(self, data, classes)
        self.__dict__.update(encoded.attributes)
        loss = encoded.trained.loss
        rows = table_of(self, data, encoded)
        if past is not None and past.center.shape != rows.shape:
            raise ValueError(
                "fit_intercept must stay as in the first call of partial_fit, got "
                f"{self.fit_intercept}."
            )
        penalty_factor_of(self, rows.n_features)  # its later values are checked alone
        if past is None:
            past = ridge_of(self, rows)
            if not first:
                past = past.recenter(rows.without_origin(self._start(rows.shape)))
        past = past.shift_origin(rows.origin, rows.constant)
        past_of_batch = past.scaled(1 / max(rows.weight_sum, LEAST_WEIGHT))
        objective = Objective(rows, loss, past_of_batch)
        W = self._minimise(objective, past.center, data)
        with one_blas_thread(objective.operations):
            curvature = batch_curvature(rows, loss, W, past.whole)
        self._past = past.updated(W, rows.weight_sum * curvature)


def ridge_of(model: Any, rows: Rows) -> QuadraticPenalty:
    """Return the penalty of a model as the quadratic with which a stream begins."""
    strength: Any = 1 / float(model.C)
    factor = penalty_factor_of(model, rows.n_features)
    if factor is not None:
        strength = strength * factor[:, np.newaxis]
    limit = model._max_coefficients
    return QuadraticPenalty.ridge(rows.shape, strength, rows.origin, limit)


@ignore_overflow
def batch_curvature(rows: Rows, loss: Loss, W: Weights, whole: bool) -> Weights:
    """Return the Hessian of a batch's mean loss at its minimum, or the diagonal."""
    if not whole:
        return rows.diagonal(loss, W)
    H = rows.hessian(loss, W)
    # Negative curvature could in the end leave no minimum.
    return H if loss.convex else without_negative_curvature(H)
