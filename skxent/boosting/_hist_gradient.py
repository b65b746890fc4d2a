"""The form of losses that scikit-learn's HistGradientBoostingClassifier takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn

from skxent.boosting._loss import BoosterLoss
from skxent.boosting._objective import BoosterObjective
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_bool
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss

try:
    from sklearn._loss.link import LogitLink, MultinomialLogit
    from sklearn._loss.loss import BaseLoss
except ImportError:  # private: a later scikit-learn may move it
    BaseLoss = object


class _Derivatives:
    """The derivatives to which scikit-learn's losses delegate, in its signatures."""

    def __init__(self, objective: BoosterObjective) -> None:
        self.objective = objective

    def loss(
        self,
        y_true: Any,
        raw_prediction: Any,
        sample_weight: Any,
        loss_out: Any,
        n_threads: int = 1,
    ) -> Any:
        loss_out[...], _ = self.objective.losses(y_true, raw_prediction, sample_weight)
        return loss_out

    def gradient_hessian(
        self,
        y_true: Any,
        raw_prediction: Any,
        sample_weight: Any,
        gradient_out: Any,
        hessian_out: Any,
        n_threads: int = 1,
    ) -> tuple[Any, Any]:
        gradient, hessian = self.objective.derivatives(
            y_true, raw_prediction, sample_weight
        )
        for out, values in ((gradient_out, gradient), (hessian_out, hessian)):
            # If y has fewer classes than n_classes, the last columns are not read.
            columns = values.reshape(len(values), -1)
            out.reshape(len(out), -1)[:, : columns.shape[1]] = columns
        return gradient_out, hessian_out


class HistGradientLoss(BaseLoss):
    """See :func:`hist_gradient_boosting_loss`."""

    is_multiclass: bool

    def __init__(
        self, objective: BoosterObjective, n_classes: int | None, posterior: bool
    ) -> None:
        super().__init__(_Derivatives(objective), LogitLink(), n_classes or 2)
        self.objective = objective
        self.posterior = posterior
        self.finds_classes = n_classes is None
        self._widen(n_classes or 2)

    def _widen(self, n_classes: int) -> None:
        """Make room for the derivatives of so many classes.

        scikit-learn may share a loss between models, and warm starts come back to one
        of them: columns that it has too many are not read.
        """
        self.n_classes = n_classes
        self.is_multiclass = n_classes > 2
        self.link = MultinomialLogit() if self.is_multiclass else LogitLink()

    def fit_intercept_only(self, y_true: Any, sample_weight: Any = None) -> Any:
        """Return the constant of least loss, from which boosting starts."""
        # The classifier numbers the classes that it finds.
        found = int(y_true.max()) + 1
        if self.finds_classes:
            self._widen(max(self.n_classes, found))
        if found > self.n_classes:
            raise ValueError(
                f"n_classes must be at least {found}, the number of classes in y, "
                f"got {self.n_classes}."
            )
        if found < self.n_classes and self.objective.loss.by_class:
            raise ValueError(
                f"loss must have the same parameters for every class, for a y of "
                f"{found} of {self.n_classes} classes, whose codes are not known, got "
                f"{self.objective.loss!r}."
            )
        if found < self.n_classes and self.objective.class_weight is not None:
            raise ValueError(
                f"class_weight must be None for a y of {found} of {self.n_classes} "
                f"classes, whose codes are not known, got "
                f"{self.objective.class_weight!r}. Give it by label to "
                "HistGradientBoostingClassifier."
            )
        return np.asarray(
            self.objective.init_score(y_true, sample_weight, n_classes=max(2, found))
        )

    def predict_proba(self, raw_prediction: Floats) -> Floats:
        """Return class probabilities of raw margins: (n, K)."""
        return self.objective.predict_proba(raw_prediction, posterior=self.posterior)


@documented(BoosterLoss)
def hist_gradient_boosting_loss(
    loss: str | Loss,
    n_classes: int | None = None,
    *,
    hessian: str = "psd",
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    posterior: bool = True,
    n_threads: int | None = None,
) -> HistGradientLoss:
    """Make a loss that HistGradientBoostingClassifier takes as its `loss`.

    The classifier then starts from the loss's best constant, stops early by the loss,
    and its predict_proba are class probabilities. With cross-entropy it is
    ``loss="log_loss"``.

    It uses scikit-learn's private ``sklearn._loss``, and is tested with every version
    from 1.6 that the package supports.

    Parameters
    ----------
    {parameters}
    n_classes : int, default=None
        The largest number of classes of y; None finds it. A y with fewer is fine, as in
        a fold of cross-validation that lacks one, unless the loss or class_weight
        differ between classes: then n_classes must be that of y.
    hessian : {"clip", "exact", "psd"}, default="psd"
        Treatment of negative second derivatives, which losses that are not convex have.
        "psd": put max(φ'', -p φ') in place of φ'' in the whole Hessian, which is the
        curvature of a cross-entropy with the same gradient. "clip": max(h, 1e-16).
        "exact": none. With these two and without l2_regularization, leaves of rows that
        the generalized or the symmetric cross-entropy puts on the wrong side can step
        much too far.
    class_weight : dict of code to weight or array-like of shape (K,), default=None
        Undone by predict_proba; that of HistGradientBoostingClassifier is not. y must
        have all of these classes.
    posterior : bool, default=True
        Whether predict_proba gives the class probabilities that a minimiser of the loss
        implies, with class weights and label smoothing undone. False: the softmax.

    Returns
    -------
    HistGradientLoss
        For ``HistGradientBoostingClassifier(loss=...)``.

    Raises
    ------
    ImportError
        A scikit-learn whose private losses are elsewhere.
    ValueError
        A parameter out of its domain; in fit, more classes than n_classes.

    See Also
    --------
    xgboost_objective, lightgbm_objective, catboost_objective : For other libraries.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from skxent.boosting import hist_gradient_boosting_loss
    >>> from skxent.losses import Focal
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> loss = hist_gradient_boosting_loss(Focal(1.0))
    >>> model = HistGradientBoostingClassifier(loss=loss, max_iter=20).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """
    if BaseLoss is object:
        raise ImportError(
            "scikit-learn must be a version that has sklearn._loss.loss.BaseLoss, "
            f"got {sklearn.__version__}."
        )
    if n_classes is not None and (
        not isinstance(n_classes, (int, np.integer)) or n_classes < 2
    ):
        raise ValueError(
            f"n_classes must be None or an integer >= 2, got {n_classes!r}."
        )
    check_bool("posterior", posterior)
    objective = BoosterObjective(
        as_loss(loss), class_weight, label_smoothing, None, n_threads, hessian
    )
    return HistGradientLoss(objective, n_classes and int(n_classes), bool(posterior))
