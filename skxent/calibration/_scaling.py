"""The fit of the scalings, which differ in how they move logits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skxent.base.classifier import LogitClassifier, TrainedLoss
from skxent.calibration._logits import given_logits, model_logits
from skxent.calibration._model import fit_model
from skxent.calibration._objective import ScalingObjective, Vector
from skxent.inputs.labels import check_labels, check_several, encode_labels
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import logits_per_row
from skxent.inputs.targets import make_target
from skxent.inputs.weights import check_sample_weight, check_some_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, POSITIVE, check_count, check_in_memory
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.optimize.solution import SolverOptions, warn_unless_converged
from skxent.typing import MatrixLike


@dataclass(eq=False, repr=False)
class LogitScaling(MetaEstimatorMixin, LogitClassifier):
    """A classifier whose logits are those of another, moved by a few parameters."""

    estimator: Any = None
    _: KW_ONLY
    loss: str | Loss = "cross_entropy"
    label_smoothing: float = 0.0
    cv: Any = 5
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
    ) -> Self:
        """Fit the estimator if it is neither frozen nor None, then the scaling.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d), or logits (n, K) or (n,)
            The columns of a data frame of logits go by name: their names must be the
            labels, or only count them.
        y : array-like of shape (n,)
            Labels of any type.
        sample_weight : array-like of shape (n,), default=None
            Also handed to the estimator, if its fit takes it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is out of its domain, y has one class, or X holds no logits
            of the labels in y.
        """
        loss = as_loss(self.loss)
        FRACTION.check("label_smoothing", self.label_smoothing)
        POSITIVE.check("tol", self.tol)
        check_count("max_iter", self.max_iter)
        effective_n_threads(self.n_jobs, name="n_jobs")
        check_in_memory(X)
        X, labels = check_sparse("X", X), check_labels(y)
        model, classes, z, rows = fit_model(self, X, labels, sample_weight)
        check_several(classes)
        if z.shape[1] != logits_per_row(len(classes)):
            raise ValueError(
                f"estimator must answer with logits of its {len(classes)} classes, "
                f"got {z.shape[1]} columns."
            )
        classes, codes = encode_labels(labels, classes, "y")
        weights = check_sample_weight(sample_weight, len(labels))
        if rows is not None:
            codes = codes[rows]
            weights = None if weights is None else weights[rows]
        target = make_target(
            codes,
            len(z),
            len(classes),
            sample_weight=weights,
            label_smoothing=self.label_smoothing,
        ).moderate()
        check_some_weight(target.total_weight())
        objective = self._objective(z, target, loss, self.n_jobs)
        options = SolverOptions(float(self.tol), int(self.max_iter))
        found = objective.minimise(options)
        warn_unless_converged(type(self).__name__, found, options.tol)
        self.classes_ = classes
        self.estimator_ = model
        self.n_iter_ = found.n_iter
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        self.trained_loss_ = TrainedLoss(loss, None, self.label_smoothing)
        self._parameters = found.weights
        self._name(found.weights)
        return self

    @abstractmethod
    def _name(self, t: Vector) -> None:
        """Set the public attributes from the parameters."""

    def _logits(self, X: Any) -> Floats:
        n_outputs = logits_per_row(len(self.classes_))
        t, expected = self._parameters, self._objective.n_parameters(n_outputs)
        if t.shape != (expected,) or not np.isfinite(t).all():
            raise ValueError(
                f"The fitted scaling must be {expected} finite numbers for "
                f"{len(self.classes_)} classes_, got {t.tolist()}. Fit it again."
            )
        check_in_memory(X)
        z = (
            given_logits(X, self.classes_)
            if self.estimator_ is None
            else model_logits(self.estimator_, X)
        )
        if z.shape[1] != n_outputs:
            raise ValueError(
                f"X must hold logits of {len(self.classes_)} classes, "
                f"got {z.shape[1]} columns."
            )
        return self._objective.transform(t.astype(z.dtype), z)

    @property
    def _n_threads(self) -> int | None:
        return self.n_jobs

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata routing: see scikit-learn's user guide."""
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=to_fit)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.estimator is not None:
            inner = get_tags(self.estimator).input_tags
            tags.input_tags.sparse = inner.sparse
            tags.input_tags.allow_nan = inner.allow_nan
        return tags
