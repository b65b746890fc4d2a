"""The predictions of a fitted booster, with the options of its library."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skxent.base.classifier import LogitClassifier
from skxent.kernels.arrays import Floats
from skxent.typing import MatrixLike


class BoosterPredictions(LogitClassifier):
    """A classifier of the margins of `estimator_`."""

    # Arguments of the library's `predict` that ask for anything but classes.
    outputs: ClassVar[tuple[str, ...]]

    estimator_: Any

    @abstractmethod
    def _margins(self, X: Any, **options: Any) -> Floats:
        """Return the raw predictions of `estimator_`."""

    def decision_function(self, X: MatrixLike, **options: Any) -> Floats:
        """Return the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, d)
            The rows to predict.
        **options
            Arguments of the library's `predict`, such as the number of trees.

        Returns
        -------
        ndarray of shape (n, K), or (n,) for two classes
            For two classes the log-odds of the second.
        """
        check_is_fitted(self)
        return self._logits(self._checked(X), **options)

    def predict(self, X: MatrixLike, **options: Any) -> NDArray[Any]:
        """Return the class of the largest logit.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, d)
            The rows to predict.
        **options
            Arguments of the library's `predict`. If they ask for leaves, contributions
            or raw scores, the library's result is returned.

        Returns
        -------
        ndarray of shape (n,)
            A label of `classes_` for each row.
        """
        found = self._other_output(X, options)
        if found is not None:
            return found
        return self._labels_of(self.decision_function(X, **options))

    def predict_proba(self, X: MatrixLike, **options: Any) -> Floats:
        """Return the class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, d)
            The rows to predict.
        **options
            Arguments of the library's `predict`, such as the number of trees. If they
            ask for leaves, contributions or raw scores, its result is returned.

        Returns
        -------
        ndarray of shape (n, K)
            A column for each of `classes_`.
        """
        found = self._other_output(X, options)
        if found is not None:
            return found
        return self._probabilities(self.decision_function(X, **options), log=False)

    def _other_output(self, X: Any, options: dict[str, Any]) -> NDArray[Any] | None:
        """Return the library's result if options ask for it, and take these out."""
        given = {name: options.pop(name) for name in self.outputs if name in options}
        if not any(given.values()):
            return None
        check_is_fitted(self)
        rows = self._checked(X)
        return np.asarray(self.estimator_.predict(rows, **given, **options))

    def _logits(self, X: Any, **options: Any) -> Floats:
        n_classes = len(self.classes_)
        shape = () if n_classes == 2 else (n_classes,)
        z = self._margins(X, **options)
        if z.shape[1:] != shape:
            raise ValueError(
                f"estimator_ must have margins of {n_classes} classes_, "
                f"got an array of shape {z.shape}. Fit the model again."
            )
        return z

    @property
    def n_classes_(self) -> int:
        """The number of classes."""
        return len(self.classes_)
