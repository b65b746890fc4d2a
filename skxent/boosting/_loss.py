"""A loss and the meaning of a booster's labels, for objectives and metrics alike."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from skxent.base.classifier import TrainedLoss
from skxent.inputs.columns import as_raw_prediction, by_code
from skxent.inputs.labels import MAX_CLASSES, as_array, check_codes
from skxent.inputs.soft_labels import check_soft_labels
from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import check_sample_weight, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import FRACTION, check_count, check_is_data
from skxent.kernels.threads import effective_n_threads
from skxent.losses._loss import Loss
from skxent.metrics._rows import mean_of


class BoosterFunction:
    """A function that a booster calls in every round, immutable and for one library."""

    # The library, and its parameter for the number of classes.
    made_for: ClassVar[str] = "sklearn"
    n_classes_parameter: ClassVar[str] = "n_classes"

    # CatBoost copies its parameters whenever they are read, but scikit-learn clones
    # only estimators whose parameters stay the same objects.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def arguments(self, first: Any, second: Any, sample_weight: Any) -> Any:
        """Return y, the raw prediction and weights from the arguments of a library.

        Its estimators pass (y, raw), its function `train` (raw, DMatrix or Dataset).
        """
        if not hasattr(second, "get_label"):
            return first, second, sample_weight
        caller = type(second).__module__.partition(".")[0]
        if caller in ("xgboost", "lightgbm") and caller != self.made_for:
            raise ValueError(
                f"objectives and metrics must be those of skxent.boosting.{caller}_* "
                f"for {caller}, got a {type(self).__name__}."
            )
        y, weight = second.get_label(), second.get_weight()
        if not np.size(y) and np.size(first):
            raise ValueError(
                f"{type(second).__name__} must have labels, got one without: give it "
                "label=y."
            )
        return y, first, weight if weight is not None and np.size(weight) else None


@dataclass(frozen=True, eq=False)
class BoosterLoss(BoosterFunction):
    """A loss of the labels and margins that a booster passes.

    Parameters
    ----------
    loss : str or Loss
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default. Dicts
        among its parameters are of code to number.
    class_weight : dict of code to weight or array-like of shape (K,), default=None
        Undone by `predict_proba`.
    label_smoothing : float in [0, 1), default=0
        Each label becomes ``(1 - label_smoothing) * y + label_smoothing / K``.
    soft_labels : array-like of shape (n, K), default=None
        If given, y holds row numbers of this table in place of classes.
    n_threads : int, default=None
        Threads of the loss; None is all that OpenMP may use.
    """

    loss: Loss
    class_weight: Any = None
    label_smoothing: float = 0.0
    soft_labels: Any = field(default=None, repr=False)
    n_threads: int | None = None

    def __post_init__(self) -> None:
        FRACTION.check("label_smoothing", self.label_smoothing)
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight must be a dict of code to weight or of shape (K,), got "
                f"{self.class_weight!r}."
            )
        object.__setattr__(self, "class_weight", deepcopy(self.class_weight))
        effective_n_threads(self.n_threads)
        if self.soft_labels is None:
            return
        table = as_array(by_code(self.soft_labels), "soft_labels")
        if table.ndim != 2 or table.shape[1] < 2:
            raise ValueError(
                f"soft_labels must be of shape (n, K), K >= 2, got {table.shape}."
            )
        # XGBoost and CatBoost keep labels in float32, which counts to 2^24.
        if len(table) > 1 << 24:
            raise ValueError(f"soft_labels must have <= 2^24 rows, got {len(table)}.")
        table = check_soft_labels(table, table.shape[1], np.float64, "soft_labels")
        object.__setattr__(self, "soft_labels", table)

    def __getstate__(self) -> dict[str, Any]:
        # Leave out the compiled methods that CatBoost attaches: they do not pickle.
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def target(self, y: Any, n_classes: int, sample_weight: Any, dtype: Any) -> Target:
        """Return the booster's labels and weights in the form of the kernels."""
        check_is_data("y", y)
        y = np.asarray(y)
        if self.soft_labels is not None:
            y = self.soft_labels[check_codes(y, len(self.soft_labels))]
        elif y.ndim != 1:
            raise ValueError(f"y must be of shape (n,), got {y.shape}.")
        try:
            target = make_target(
                y,
                len(y),
                n_classes,
                sample_weight=sample_weight,
                class_weight=self.class_weight,
                label_smoothing=self.label_smoothing,
                dtype=dtype,
            )
        except ValueError:
            if y.ndim == 1:
                self._check_labels(y, n_classes)
            raise
        # All libraries keep the derivatives as float32, whatever they pass.
        target.check_range(np.float32)
        return target

    def _check_labels(self, y: NDArray[Any], n_classes: int) -> None:
        """Raise an error that says what to do about labels that are not codes."""
        if y.dtype.kind not in "fiu":
            return
        bad = y[y != np.trunc(y)]  # NaN too
        if bad.size:
            raise ValueError(
                f"y must be integer codes, got {bad[0]}. Soft labels are given as "
                "soft_labels, with their row numbers for y."
            )
        if y.max(initial=0) >= n_classes:
            raise ValueError(
                f"y must be codes in 0..{n_classes - 1}, got {y.max()}. For more "
                f"classes set {self.n_classes_parameter}."
            )

    def losses(
        self, y: Any, raw_prediction: Floats, sample_weight: Any
    ) -> tuple[Floats, Target]:
        """Return the weighted loss of every row (n,), in nats, and the target."""
        z, target = self._prepare(y, raw_prediction, sample_weight)
        value: Floats = np.empty(len(z), dtype=z.dtype)
        self.loss.evaluate(z, target, value=value, n_threads=self.n_threads)
        return value, target

    def mean_loss(self, y: Any, raw_prediction: Floats, sample_weight: Any) -> float:
        """Return the mean loss in nats over all weights, class weights included."""
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, len(np.atleast_1d(y)))
            sample_weight = moderate(sample_weight)
        value, target = self.losses(y, raw_prediction, sample_weight)
        return mean_of(value, target.total_weight())

    def init_score(
        self, y: Any, sample_weight: Any = None, *, n_classes: int | None = None
    ) -> Any:
        """Return the margin to start from: the constant of least loss.

        Boosters start a custom objective at zero, from where the first trees only learn
        the class frequencies.

        Parameters
        ----------
        y : array-like of shape (n,)
            Codes in 0..K-1; row numbers, with soft_labels.
        sample_weight : array-like of shape (n,), default=None
        n_classes : int, default=None
            K, where y lacks the last classes.

        Returns
        -------
        float for two classes, else ndarray of shape (K,)
        """
        check_is_data("y", y)
        y = np.asarray(y)
        if not y.size:
            raise ValueError("y must have at least one row, got none.")
        if self.soft_labels is not None:
            n_classes = self.soft_labels.shape[1]
        if n_classes is None:
            self._check_labels(y, MAX_CLASSES)
            n_classes = max(2, int(check_codes(y, MAX_CLASSES).max()) + 1)
        check_count("n_classes", n_classes, 2)
        target = self.target(y, n_classes, sample_weight, np.float64)
        best = self.loss.best_constant_of(target)
        return float(best[0]) if best.shape == (1,) else best

    def predict_proba(
        self, raw_prediction: Floats, *, posterior: bool = True, log: bool = False
    ) -> Floats:
        """Return class probabilities (n, K) of raw margins (n, K), or (n,).

        `posterior`: those that a minimiser of the loss implies, with class weights and
        label smoothing undone; False: the softmax. `log`: return their logarithms.
        """
        trained = TrainedLoss(self.loss, self.class_weight, self.label_smoothing)
        return trained.probabilities(
            raw_prediction, posterior=posterior, log=log, n_threads=self.n_threads
        )

    def _prepare(
        self, y: Any, raw_prediction: Any, sample_weight: Any
    ) -> tuple[Floats, Target]:
        z, binary = as_raw_prediction(raw_prediction)
        n_classes = 2 if binary else z.shape[1]
        target = self.target(y, n_classes, sample_weight, z.dtype)
        if target.n_samples != len(z):
            raise ValueError(f"y must have {len(z)} rows, got {target.n_samples}.")
        return z, target
