"""The base class of the classifiers of all boosting libraries."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length

from skxent.base.classifier import TrainedLoss, training_weights
from skxent.base.estimator import TrainingData
from skxent.boosting._delegated import DelegatedNames
from skxent.boosting._described import DescribedBooster
from skxent.boosting._evaluation import as_metrics, evaluation_pairs, prefixed
from skxent.boosting._fit import (
    Fit,
    as_list,
    check_counts,
    check_options,
    check_parameters,
    either,
    previous_model,
)
from skxent.boosting._objective import BoosterMetric, BoosterObjective
from skxent.boosting._pools import unpack
from skxent.boosting._predictions import BoosterPredictions
from skxent.boosting._rows import training_rows
from skxent.boosting._tables import validate
from skxent.inputs.labels import as_labels, encode_labels, is_soft
from skxent.inputs.weights import check_sample_weight
from skxent.kernels.checks import check_bool
from skxent.losses._shipped import CrossEntropy, as_loss
from skxent.typing import MatrixLike


@dataclass(eq=False, repr=False)
class LossBoostingClassifier(DescribedBooster, DelegatedNames, BoosterPredictions):
    """Any loss for a booster: labels, start value, evaluation sets, predictions."""

    objective_class: ClassVar[type[BoosterObjective]]
    metric_class: ClassVar[type[BoosterMetric]]
    # The library's parameters for the objective, for metrics, for threads and for the
    # number of classes, and the objectives that a loss may take the place of. Two of
    # these are cross-entropy, for two classes and for more.
    objective_names: ClassVar[tuple[str, ...]] = ("objective",)
    metric_names: ClassVar[tuple[str, ...]]
    # Whether metrics get margins also beside an objective of the library.
    reads_margins: ClassVar[bool] = False
    threads_name: ClassVar[str] = "n_jobs"
    count_names: ClassVar[tuple[str, ...]] = ("num_class", "num_classes")
    built_in: ClassVar[tuple[str, ...]]
    cross_entropy: ClassVar[tuple[str, str]]
    # Parameters that a custom objective ignores: allowed values, and what to do.
    refused: ClassVar[dict[str, tuple[tuple[Any, ...], str]]]
    refused_in_fit: ClassVar[dict[str, str]]

    loss: Any = "cross_entropy"
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
    def _train(self, fit: Fit) -> Any:
        """Return the library's classifier, trained with `objective_` from the start."""

    def _starts_at_zero(self, parameters: dict[str, Any], is_built_in: bool) -> bool:
        """Return True if boosting starts at zero, not at the constant of least loss."""
        return False

    def _built_in(self, trained: TrainedLoss) -> str | None:
        """Return the library's objective for the loss, which is exact and faster."""
        if type(trained.loss) is not CrossEntropy:
            return None
        if trained.class_weight is not None or trained.label_smoothing:
            return None
        return self.cross_entropy[len(self.classes_) > 2]

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: Any = None,
        eval_X: Any = None,
        eval_y: Any = None,
        eval_sample_weight: Any = None,
        eval_metric: Any = None,
        init_model: Any = None,
        callbacks: list[Any] | None = None,
        **options: Any,
    ) -> Self:
        """Fit the trees.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, d)
            NaN is a missing value. Columns of a DataFrame of pandas or polars keep
            their names; those of categories go to the library as such.
        y : array-like of shape (n,) or (n, K)
            Labels of any type; or soft labels, rows of K numbers that sum to one, of
            the classes 0..K-1. A row of soft labels is trained on as K rows with its
            numbers for weights, which limits on the rows of a leaf count.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, at least 0; None for ones.
        eval_set : (X, y) or list of (X, y), default=None
            Rows on which the metrics are evaluated after every tree.
        eval_X, eval_y : table and labels, or tuples of them, default=None
            The same in the form of LightGBM 4.7.
        eval_sample_weight : array-like, or list of one for each set, default=None
            Weights of the rows of the evaluation sets.
        eval_metric : str, callable or list, default=None
            Metrics of the library beside the loss, as are those that `estimator` holds.
            Early stopping, a parameter of `estimator`, goes by these if there are any,
            otherwise by the loss. A callable gets class probabilities.
        init_model : classifier of this class, or what the library takes, default=None
            A model whose trees are continued.
        callbacks : list, default=None
            Callbacks of the library.
        **options
            Further arguments of the fit of the library's classifier.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError
            If a parameter is out of its domain, `estimator` or an option sets what this
            class replaces, y has one class or an evaluation set a label that y lacks.
        """
        check_bool("posterior", self.posterior)
        y, sample_weight = unpack(X, y, sample_weight)
        parameters = self._parameters()
        options = self._checked_options(options)
        init_model = either(options, "xgb_model", "init_model", init_model)
        weights = "sample_weight_eval_set", "eval_sample_weight", eval_sample_weight
        read = self._read(X, y, options)
        classes, train = training_rows(*read, sample_weight)
        pairs = evaluation_pairs(eval_set, eval_X, eval_y, either(options, *weights))
        same = (X, y) if train.X is read[0] else ()
        evaluation = self._evaluation_rows(classes, *pairs, train, same)
        check_counts(parameters, self.count_names, len(classes))
        class_weight = training_weights(self, classes, train.y, train.sample_weight)
        loss = as_loss(self.loss).for_classes(classes)
        trained = TrainedLoss(loss, class_weight, self.label_smoothing)
        keywords = trained._asdict()
        keywords["n_threads"] = parameters.get(self.threads_name) or None
        self.objective_ = self.objective_class(
            hessian=self.hessian, even=True, **keywords
        )
        # Weights beyond float32 are refused before the library wraps the error.
        self.objective_.target(train.y, len(classes), train.sample_weight, np.float32)
        self.classes_, self.trained_loss_ = classes, trained
        named = [parameters.pop(name, None) for name in self.metric_names]
        metrics = as_metrics(*named, eval_metric)
        built_in = self._built_in(trained)
        if not self.reads_margins and any(
            isinstance(m, BoosterMetric) for m in metrics
        ):
            built_in = None  # whose metrics get probabilities, but ours read margins
        zero: Any = 0.0 if len(classes) == 2 else np.zeros(len(classes))
        start = None
        if init_model is None:
            start = zero
            if not self._starts_at_zero(parameters, built_in is not None):
                start = self.objective_.init_score(train.y, train.sample_weight)
            self.init_score_ = start
        else:
            self.init_score_ = getattr(init_model, "init_score_", zero)
        self.estimator_ = self._train(
            Fit(
                parameters,
                built_in or self.objective_,
                train,
                None if built_in else self.metric_class(**keywords),
                start,
                evaluation,
                metrics,
                previous_model(init_model, self),
                as_list("callbacks", callbacks),
                options,
            )
        )
        return self

    def _read(self, X: Any, y: Any, options: dict[str, Any]) -> tuple[Any, Any]:
        """Return the checked rows and their labels, or soft labels as they are."""
        if y is not None and is_soft(y):
            # check_consistent_length alone looks at them, so that they may be floats.
            X, _ = self._validate(X, y=np.zeros(np.shape(y)[0]))
            return X, y
        return self._validate(X, y=y if y is None else as_labels(y))

    def _evaluation_rows(
        self,
        classes: Any,
        pairs: list[tuple[Any, Any]],
        weights: list[Any],
        train: TrainingData,
        same: tuple[Any, ...],
    ) -> list[TrainingData]:
        """Return the checked sets. Those that are `same` are `train`, also checked."""
        rows = []
        for (X, y), w in zip(pairs, weights, strict=True):
            if same and X is same[0] and y is same[1]:
                with prefixed("eval_"):
                    w = check_sample_weight(w, len(train.y))
                rows.append(train._replace(sample_weight=w))
                continue
            y, w = unpack(X, y, w, "eval_")
            _, codes = encode_labels(y, classes, "eval_set")
            with prefixed("eval_"):
                w = check_sample_weight(w, len(codes))
            with prefixed("eval_set: "):
                X = self._validate(X)
                check_consistent_length(X, codes)
            rows.append(TrainingData(X, codes, w))
        return rows

    def _checked(self, X: MatrixLike) -> Any:
        return self._validate(X)

    def _is_built_in(self) -> bool:
        return self._built_in(self.trained_loss_) is not None

    @property
    def _n_threads(self) -> int | None:
        return self.objective_.n_threads

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters of `estimator`, all of which have an effect."""
        cls = self._classifier()
        if self.estimator is None:
            return self._defaults()
        on_dask = type(self.estimator).__module__.endswith(".dask")
        if not isinstance(self.estimator, cls) or on_dask:
            advice = " On Dask, give it the objective of skxent.boosting." * on_dask
            raise ValueError(
                f"estimator must be None or a {cls.__name__}, got {self.estimator!r}."
                f"{advice}"
            )
        # Not copies: callbacks tell their owner what they see.
        given = self.estimator.get_params(deep=False)
        return check_parameters(
            given, self.refused, self.objective_names, self.built_in, self._name
        )

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _model(self, parameters: dict[str, Any]) -> Any:
        """Return an unfitted classifier of the class of `estimator`."""
        given = self.estimator is not None
        return (type(self.estimator) if given else self._classifier())(**parameters)

    def _defaults(self) -> dict[str, Any]:
        """Return the parameters where `estimator` is None."""
        return dict(self._classifier()().get_params(deep=False))

    def _checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of fit, all of which the library's fit knows."""
        fit = self._classifier().fit
        return check_options(options, fit, self.refused_in_fit, self._name)

    def _reads_text(self) -> bool:
        """Return True if columns may hold what are neither numbers nor categories."""
        return False

    def _validate(self, X: Any, **fit: Any) -> Any:
        """Return X for the library; in fit, with y=y, return both."""
        return validate(self, X, self._reads_text(), **fit)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
