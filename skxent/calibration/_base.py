"""The fit that all scalings share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skxent.base.classifier import LogitClassifier, TrainedLoss
from skxent.base.estimator import column_attributes
from skxent.calibration._described import DescribedScaling
from skxent.calibration._floor import fit_floor, with_floor
from skxent.calibration._model import (
    FittedModel,
    check_folds,
    fit_folds,
    fit_model,
    given_logits,
    is_probabilistic,
    model_logits,
    params_of_fit,
    response_method,
    together,
)
from skxent.calibration._objective import ScalingObjective, Vector
from skxent.inputs.columns import by_code, soft_by_class
from skxent.inputs.labels import (
    as_array,
    check_labels,
    check_several,
    encode_labels,
    is_soft,
)
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import logits_per_row, refuse_blocks_and_dates
from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import check_fit_weight, check_some_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, POSITIVE, check_bool, check_count
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.losses._shipped import CrossEntropy, as_loss
from skxent.metrics._predictions import classes_of_estimator, reorder_classes
from skxent.optimize.solution import SolverOptions, warn_unless_converged
from skxent.typing import MatrixLike


@dataclass(eq=False, repr=False)
class LogitScaling(DescribedScaling, MetaEstimatorMixin, LogitClassifier):
    """A classifier that moves the logits of another by a few parameters."""

    estimator: Any = None
    _: KW_ONLY
    loss: str | Loss = "cross_entropy"
    label_smoothing: float = 0.0
    cv: Any = 5
    ensemble: bool = False
    floor: float | None = None
    tol: float = 1e-4
    max_iter: int = 100
    n_jobs: int | None = None

    posterior = True
    _objective: ClassVar[type[ScalingObjective]]

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Fit the estimator if it is neither frozen nor None, then the scaling.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d), or logits (n, K) or (n,)
            The columns of a data frame of logits go by name: their names must be the
            labels, or only count them.
        y : array-like of shape (n,) or (n, K)
            Labels of any type; or soft labels, rows of K >= 2 non-negative numbers that
            sum to one, which an estimator that is fitted here has to take.
        sample_weight : array-like of shape (n,), default=None
            Also handed to the estimator, if its fit takes it.
        **params
            `groups` for the splitter; all else for the fit of the estimator. With
            metadata routing, what the two request.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its domain, y has one class, or X holds no logits
            of the labels in y.
        """
        self._check_parameters()
        refuse_blocks_and_dates(X)
        X, y = check_sparse("X", X), self._check_y(y)
        check_folds(self, params)
        weights = check_fit_weight(sample_weight, len(y))
        given = params_of_fit(self, weights, params)
        if not self.ensemble:
            found = fit_model(self, X, y, given)
            floor = self._choose_floor(found.model, found, y, weights)
            return self._fit_scaling(found, y, weights, floor)
        folds = fit_folds(self, X, y, given)
        floor = self._choose_floor(folds[0].model, together(folds), y, weights)
        members = [clone(self)._fit_scaling(fold, y, weights, floor) for fold in folds]
        self.calibrated_classifiers_ = members
        self.classes_, self.floor_ = members[0].classes_, floor
        self.n_iter_ = max(member.n_iter_ for member in members)
        self.__dict__.update(column_attributes(folds[0].model))
        # The posterior is in the probabilities that are averaged.
        self.trained_loss_ = TrainedLoss(CrossEntropy())
        return self

    def _check_parameters(self) -> None:
        as_loss(self.loss)
        FRACTION.check("label_smoothing", self.label_smoothing)
        POSITIVE.check("tol", self.tol)
        check_count("max_iter", self.max_iter)
        check_bool("ensemble", self.ensemble)
        if self.floor is not None:
            FRACTION.check("floor", self.floor)
        effective_n_threads(self.n_jobs, name="n_jobs")

    def _check_y(self, y: Any) -> NDArray[Any]:
        """Return labels (n,), or soft labels with columns in the order of the model."""
        if y is None or not is_soft(y):
            return check_labels(y)
        if isinstance(self.estimator, FrozenEstimator):
            model = self.estimator
            y = soft_by_class(
                y, classes_of_estimator(model, response_method(model)), "y"
            )
        return as_array(by_code(y))

    def _target(self, found: FittedModel, y: NDArray[Any], weights: Any) -> Target:
        """Return the target of the rows that a model has predicted."""
        codes = y if is_soft(y) else encode_labels(y, found.classes, "y")[1]
        if found.rows is not None:
            codes = codes[found.rows]
            weights = None if weights is None else weights[found.rows]
        target = make_target(
            codes,
            len(found.logits),
            len(found.classes),
            sample_weight=weights,
            label_smoothing=self.label_smoothing,
        ).moderate()
        if self.ensemble and target.total_weight() == 0:
            raise ValueError(
                "sample_weight must be positive in some test row of every fold with "
                "ensemble=True, got zeros in a fold."
            )
        check_some_weight(target.total_weight())
        return target

    def _check_logits(self, found: FittedModel) -> None:
        check_several(found.classes)
        if found.logits.shape[1] != logits_per_row(len(found.classes)):
            raise ValueError(
                f"estimator must return logits of its {len(found.classes)} "
                f"classes, got {found.logits.shape[1]} columns."
            )

    def _choose_floor(
        self, model: Any, found: FittedModel, y: NDArray[Any], weights: Any
    ) -> float | None:
        """Return the floor of probabilities; None for logits."""
        self._check_logits(found)
        if model is None or not is_probabilistic(model):
            if self.floor is not None:
                raise ValueError(
                    "floor must be None for logits, to which nothing is added, got "
                    f"{self.floor}."
                )
            return None
        if self.floor is not None:
            return float(self.floor)
        return fit_floor(found.logits, self._target(found, y, weights), self.n_jobs)

    def _fit_scaling(
        self, found: FittedModel, y: NDArray[Any], weights: Any, floor: float | None
    ) -> Self:
        """Fit the scaling to the logits of a model."""
        z, target = found.logits, self._target(found, y, weights)
        loss = as_loss(self.loss).for_classes(found.classes)
        z = z if floor is None else with_floor(z, floor)
        objective = self._objective(z, target, loss, self.n_jobs)
        options = SolverOptions(float(self.tol), int(self.max_iter))
        solution = objective.minimise(options)
        warn_unless_converged(type(self).__name__, solution, options.tol)
        self.classes_, self.estimator_ = found.classes, found.model
        self.floor_, self.n_iter_ = floor, solution.n_iter
        self.__dict__.update(column_attributes(found.model))
        self.trained_loss_ = TrainedLoss(loss, None, self.label_smoothing)
        self._parameters = solution.weights
        self._name(solution.weights)
        return self

    @abstractmethod
    def _name(self, t: Vector) -> None:
        """Set the public attributes from the parameters."""

    def _logits(self, X: Any) -> Floats:
        refuse_blocks_and_dates(X)
        if hasattr(self, "calibrated_classifiers_"):
            members = self.calibrated_classifiers_
            log = np.stack([member.predict_log_proba(X) for member in members])
            mean: Floats = logsumexp(log, axis=0) - log.dtype.type(np.log(len(log)))
            return mean[:, 1:] - mean[:, :1] if mean.shape[1] == 2 else mean
        n_outputs = logits_per_row(len(self.classes_))
        t, expected = self._parameters, self._objective.n_parameters(n_outputs)
        if t.shape != (expected,) or not np.isfinite(t).all():
            raise ValueError(
                f"The fitted scaling must be {expected} finite numbers for "
                f"{len(self.classes_)} classes_, got {t.tolist()}. Fit it again."
            )
        if self.estimator_ is None:
            z = given_logits(X, self.classes_)
        else:
            z = model_logits(self.estimator_, X)
            # Models of folds may have orders of their own.
            method = response_method(self.estimator_)
            own = classes_of_estimator(self.estimator_, method)
            z = reorder_classes(z, own, self.classes_)
        if z.shape[1] != n_outputs:
            raise ValueError(
                f"X must hold logits of {len(self.classes_)} classes, "
                f"got {z.shape[1]} columns."
            )
        z = z if self.floor_ is None else with_floor(z, self.floor_)
        return self._objective.transform(t.astype(z.dtype), z)

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata routing: see scikit-learn's user guide.

        Returns
        -------
        MetadataRouter
            The metadata that the estimator and the splitter ask for.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        to_split = MethodMapping().add(caller="fit", callee="split")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        router.add(estimator=self.estimator, method_mapping=to_fit)
        return router.add(splitter=self.cv, method_mapping=to_split)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            inner = get_tags(self.estimator).input_tags
            tags.input_tags.sparse = inner.sparse
            tags.input_tags.allow_nan = inner.allow_nan
        return tags
