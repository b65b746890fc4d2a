"""The base class of the focal classifiers of all boosting libraries."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from skxent.base.classifier import LogitClassifier, TrainedLoss, training_weights
from skxent.base.estimator import TrainingData
from skxent.boosting._objective import BoosterMetric, BoosterObjective
from skxent.inputs.labels import as_labels, check_several, check_targets, encode_labels
from skxent.inputs.sparse import check_sparse
from skxent.inputs.weights import check_sample_weight, check_some_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_bool
from skxent.losses._shipped import Focal
from skxent.typing import MatrixLike


@dataclass(eq=False, repr=False)
class FocalBoostingClassifier(LogitClassifier):
    """Focal loss for a booster: labels, start value, evaluation sets, predictions."""

    objective_class: ClassVar[type[BoosterObjective]]
    metric_class: ClassVar[type[BoosterMetric]]
    # Parameters of the library's classifier that have no effect with a custom
    # objective, or that this estimator sets.
    reserved: ClassVar[tuple[str, ...]]

    gamma: Any = 2.0
    _: KW_ONLY
    estimator: Any = None
    class_weight: Any = None
    label_smoothing: float = 0.0
    posterior: bool = True
    hessian: str = "clip"

    @abstractmethod
    def _classifier(self) -> Any:
        """Return the class of the library's classifier."""

    @abstractmethod
    def _train(
        self,
        model: Any,
        metric: BoosterMetric,
        train: TrainingData,
        evaluation: list[TrainingData],
    ) -> Any:
        """Fit the library's classifier with `objective_` and this metric."""

    @abstractmethod
    def _margins(self, X: Any) -> Floats:
        """Return raw predictions on top of `init_score_`."""

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: list[tuple[MatrixLike, ArrayLike]] | None = None,
        eval_sample_weight: list[ArrayLike | None] | None = None,
    ) -> Self:
        """Fit the trees.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            NaN is a missing value. A DataFrame with columns of dtype category is given
            to the library as it is.
        y : array-like of shape (n,)
            Labels of any type.
        sample_weight : array-like of shape (n,), default=None
        eval_set : list of (X, y), default=None
            Rows on which the loss is evaluated after every tree; the library's early
            stopping, a parameter of `estimator`, goes by the last.
        eval_sample_weight : list of array-like, default=None
            Sample weights of each of eval_set.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of its domain, `estimator` sets what this class
            replaces, y has one class or eval_set has a label that y lacks.
        """
        check_bool("posterior", self.posterior)
        model = self._unfitted()
        classes, train = self._training_rows(X, y, sample_weight)
        evaluation = self._evaluation_rows(classes, eval_set, eval_sample_weight)
        class_weight = training_weights(self, classes, train.y, train.sample_weight)
        loss = Focal(self.gamma).for_classes(classes)
        trained = TrainedLoss(loss, class_weight, self.label_smoothing)
        keywords = trained._asdict()
        keywords["n_threads"] = model.get_params().get("n_jobs") or None
        objective = self.objective_class(hessian=self.hessian, even=True, **keywords)
        self.objective_ = objective
        self.init_score_ = objective.init_score(train.y, train.sample_weight)
        self.estimator_ = self._train(
            model, self.metric_class(**keywords), train, evaluation
        )
        self.classes_, self.trained_loss_ = classes, trained
        return self

    def _training_rows(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[NDArray[Any], TrainingData]:
        """Return the classes and the checked rows that have a weight."""
        X, y = self._validate(X, y=y if y is None else as_labels(y))
        check_targets(y)
        weights = check_sample_weight(sample_weight, len(y))
        if weights is not None and not weights.all():
            # Rows without weight would still move the borders of the bins.
            kept = np.flatnonzero(weights)
            check_some_weight(len(kept))
            X, y, weights = _safe_indexing(X, kept), y[kept], weights[kept]
        largest = float(np.finfo(np.float32).max)
        if weights is not None and weights.max() > largest:
            raise ValueError(
                f"sample_weight must be at most {largest:.3g}, the largest number that "
                f"boosters keep, got {weights.max():.3g}."
            )
        classes, codes = encode_labels(y)
        check_several(classes)
        return classes, TrainingData(X, codes, weights)

    def _evaluation_rows(
        self,
        classes: NDArray[Any],
        eval_set: list[tuple[Any, Any]] | None,
        eval_sample_weight: list[Any] | None,
    ) -> list[TrainingData]:
        sets = eval_set or []
        weights: list[Any] = [None] * len(sets)
        if eval_sample_weight is not None:
            weights = list(eval_sample_weight)
        if len(weights) != len(sets):
            raise ValueError(
                f"eval_sample_weight must have {len(sets)} entries, one for each of "
                f"eval_set, got {len(weights)}."
            )
        rows = []
        for (X, y), w in zip(sets, weights, strict=True):
            _, codes = encode_labels(y, classes, "eval_set")
            w = check_sample_weight(w, len(codes))
            rows.append(TrainingData(self._validate(X), codes, w))
        return rows

    def _checked(self, X: MatrixLike) -> Any:
        return self._validate(X)

    def _logits(self, X: Any) -> Floats:
        n_classes = len(self.classes_)
        shape = () if n_classes == 2 else (n_classes,)
        if (
            np.shape(self.init_score_) != shape
            or not np.isfinite(self.init_score_).all()
        ):
            raise ValueError(
                f"init_score_ must be finite and of shape {shape} for {n_classes} "
                f"classes_, got {self.init_score_!r}. Fit the model again."
            )
        z = self._margins(X)
        if z.shape[1:] != shape:
            raise ValueError(
                f"estimator_ must have margins of {n_classes} classes_, "
                f"got an array of shape {z.shape}. Fit the model again."
            )
        return z

    @property
    def _n_threads(self) -> int | None:
        return self.objective_.n_threads

    @property
    def feature_importances_(self) -> Floats:
        """The importances of the library's classifier: ndarray of shape (d,)."""
        check_is_fitted(self)
        if self.estimator_ is None:
            return np.zeros(self.n_features_in_)
        return np.asarray(self.estimator_.feature_importances_)

    def _unfitted(self) -> Any:
        """Return a copy of `estimator`, which may set nothing that has no effect."""
        cls = self._classifier()
        if self.estimator is None:
            return cls()
        if not isinstance(self.estimator, cls):
            raise ValueError(
                f"estimator must be None or a {cls.__name__}, got {self.estimator!r}."
            )
        given, default = self.estimator.get_params(), cls().get_params()
        for name in self.reserved:
            if given.get(name) != default.get(name):
                raise ValueError(
                    f"{name} of estimator must be {default.get(name)!r}, which "
                    f"{type(self).__name__} replaces, got {given[name]!r}."
                )
        return clone(self.estimator)

    def _validate(self, X: Any, **fit: Any) -> Any:
        """Return X for the library; in fit, with y=y, return both."""
        if any(str(dtype) == "category" for dtype in getattr(X, "dtypes", ())):
            validate_data(self, X, reset=bool(fit), skip_check_array=True)
            if not fit:
                return X
            check_consistent_length(X, fit["y"])
            return X, column_or_1d(fit["y"], warn=True)
        valid = validate_data(
            self,
            check_sparse("X", X),
            **fit,
            reset=bool(fit),
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        X, *y = valid if fit else (valid,)
        # LightGBM knows no sparse arrays.
        X = csr_matrix(X) if issparse(X) else X
        return (X, *y) if fit else X

    def _start(self, n: int) -> Floats:
        """Return the start value for each of n rows."""
        shape = (n, *np.shape(self.init_score_))
        return np.broadcast_to(self.init_score_, shape).copy()

    def _starts(self, evaluation: list[TrainingData]) -> list[Floats] | None:
        return [self._start(len(rows.y)) for rows in evaluation] or None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
