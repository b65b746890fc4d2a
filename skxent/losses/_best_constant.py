"""The best constant prediction: the same logits for all rows."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from skxent.inputs.columns import by_code
from skxent.inputs.labels import MAX_CLASSES, as_array, check_codes, mask_ignored
from skxent.inputs.targets import Target, make_target
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_is_data
from skxent.losses._compiled import TargetKeywords
from skxent.losses._evaluation import Evaluation


class BestConstant(Evaluation):
    """The methods of a loss that need targets alone."""

    @property
    def proper(self) -> bool:
        """Whether softmax of the minimising logits gives the class probabilities."""
        raise NotImplementedError

    def best_constant(
        self,
        y: ArrayLike,
        n_classes: int | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Any:
        """Return the logits that, given to all rows alike, have the least loss.

        They are the start value of a boosting model, and the baseline of a skill score.
        Where the loss is not convex this is the minimum next to the class frequencies.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, K)
            Integer codes in 0..K-1, soft labels, or with `multilabel` indicators.
        n_classes : int, default=None
            K; by default the columns of y, or one more than its largest code.
        **target
            The keywords that :class:`Loss` lists: sample_weight, class_weight,
            class_weight_on, label_smoothing, ignore_index and multilabel.

        Returns
        -------
        float or ndarray of shape (K,)
            For two classes the log-odds of class 1, for more logits that sum to zero,
            with `multilabel` one log-odds a column. Classes of no weight get the share
            eps of float64.

        Examples
        --------
        >>> from skxent.losses import CrossEntropy
        >>> round(CrossEntropy().best_constant([0, 1, 1, 1]), 4)  # log 3
        1.0986
        """
        check_is_data("y", y)
        y = as_array(by_code(y))
        if y.ndim not in (1, 2):
            raise ValueError(f"y must be of shape (n,) or (n, K), got {y.shape}.")
        settings: dict[str, Any] = dict(target)
        settings.pop("n_threads", None)
        if n_classes is None:
            n_classes = y.shape[1] if y.ndim == 2 else 2
            ignored = settings.get("ignore_index")
            codes = y if ignored is None else mask_ignored(y, ignored)[0]
            if codes.ndim == 1 and codes.size:
                most = int(check_codes(codes, MAX_CLASSES).max())
                n_classes = max(n_classes, most + 1)
        best = self.best_constant_of(make_target(y, len(y), n_classes, **settings))
        return float(best[0]) if best.shape == (1,) else best

    def best_constant_of(self, target: Target) -> Floats:
        """Return the best constant for a target that is checked.

        Parameters
        ----------
        target : Target
            Labels, weights and smoothing in the form of the kernels.

        Returns
        -------
        ndarray of shape (K,), or (1,) for two classes
            The logits, as `best_constant` returns them.
        """
        mass = target.moderate().mass()
        if not mass.sum() > 0:
            raise ValueError(
                f"y must have rows of positive weight, got {target.n_samples} rows."
            )
        if target.multilabel:
            return np.array([self._best_of(column)[0] for column in mass])
        best = self._best_of(mass)
        return best if len(best) == 1 else best - best.mean()

    def _best_of(self, mass: Floats) -> Floats:
        """Return the logits that minimise Σ mass_c φ(m_c)."""
        share = np.clip(mass / mass.sum(), np.finfo(np.float64).eps, None)
        share /= share.sum()
        start: Floats = np.log(share)
        if len(share) == 2:
            start = start[1:] - start[:1]
        if self.proper:
            return start

        def row(z: Floats) -> Floats:
            return z if len(share) == 2 else z[np.newaxis]

        found = minimize(
            lambda z: self.loss(share[np.newaxis], row(z))[0],
            start,
            jac=lambda z: self.gradient(share[np.newaxis], row(z)).ravel(),
            hessp=lambda z, v: self.hessian_product(
                share[np.newaxis], row(z), row(v)
            ).ravel(),
            method="trust-ncg",
            options={"gtol": 1e-12},
        )
        return np.asarray(found.x)
