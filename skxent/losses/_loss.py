"""What a loss is: a formula with parameters in their domains, and what it promises."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from skxent.inputs.columns import by_code
from skxent.inputs.labels import as_array, check_codes, mask_ignored
from skxent.inputs.targets import Target, make_target
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import Interval, check_unmasked, warn
from skxent.losses._compiled import TargetKeywords
from skxent.losses._evaluation import Evaluation
from skxent.losses._probabilities import Probabilities


def parameter(default: float, domain: Interval) -> Any:
    """Return a field of a loss with the numbers that it may take."""
    return field(default=default, metadata={"domain": domain})


@dataclass(frozen=True)
class Loss(Evaluation, Probabilities):
    r"""Base class of the losses: a scalar function φ of the margin of the true class.

    The margin of class c is :math:`m_c = z_c - \log\sum_{j \ne c} e^{z_j}`, the
    log-odds that a row of logits z gives to c. A row's loss is
    :math:`w \sum_c t_c\, \varphi(m_c)`, in nats, where t is the one-hot or soft label
    after class weights and label smoothing.

    In all methods ``raw_prediction`` holds logits: (n, K), or (n,) for two classes, the
    log-odds of class 1. ``y`` holds integer codes (n,) or soft labels (n, K), a data
    frame whose columns are named 0..K-1 by name.
    Values are per row, not averaged. float32 gives float32, all else float64.

    Keywords shared by the methods that take y:

    sample_weight : array-like of shape (n,), default=None
        Multiplies the loss of a row.
    class_weight : array-like (K,), or dict or Series of code to weight, default=None
        Multiplies the loss of the rows of a class.
    class_weight_on : {"label", "target"}, default="label"
        "label" weighs the label that was observed, as ``sample_weight=v[y]`` does:
        smoothing then spreads its weight, ``t = (1 - eps) v[y] e_y + eps / K v[y]``.
        "target" weighs the smoothed target, ``t = v * ((1 - eps) e_y + eps / K)``. That
        is ``torch.nn.functional.cross_entropy`` with weight and label_smoothing, which
        then averages by the sum of v[y].
    label_smoothing : float in [0, 1), default=0
        The label becomes ``(1 - eps) y + eps / K``. Where eps is meant to go to the
        other K - 1 classes alone, pass ``eps * K / (K - 1)``.
    ignore_index : int, default=None
        Rows of this code have loss and derivatives zero, whatever their logits.
    multilabel : bool, default=False
        y holds K independent answers a row, each in [0, 1], and a row's loss is the sum
        of K two-class losses, smoothed by ``eps / 2``; class_weight weighs columns.
    n_threads : int, default=None
        None is all that OpenMP may use. The result does not depend on it.

    NaN logits give NaN in their row. An infinite logit is the limit.
    """

    def __post_init__(self) -> None:
        for item in fields(self):
            item.metadata["domain"].check(item.name, getattr(self, item.name))

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle, which may be damaged, is checked as the constructor checks.
        self.__dict__.update(state)
        self.__post_init__()

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        """Return φ as defined; the compiled formula is tested against it, in mpmath.

        Parameters
        ----------
        p, q, L : number of any type
            σ(m), 1 - p and -log p at the margin m.

        Returns
        -------
        number of that type
        """
        raise NotImplementedError

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the logits, for every target.

        Then every minimum of a linear model is a global one. It is unique only with an
        L2 penalty, or where X determines it.
        """
        raise NotImplementedError

    @property
    def proper(self) -> bool:
        """Whether softmax of the minimising logits gives the class probabilities."""
        raise NotImplementedError

    @property
    def has_posterior(self) -> bool:
        """Whether the minimising logits tell the class probabilities."""
        return True

    def warn_without_posterior(self) -> None:
        """Warn the user of a model whose posterior would be 1/K for every class."""
        if not self.has_posterior:
            warn(
                f"{self!r} has no posterior: its minimiser tells the likeliest class "
                "alone, so that every class gets 1/K. Take the softmax "
                "(posterior=False) as a score, or another loss."
            )

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
            sample_weight, class_weight, class_weight_on, label_smoothing, ignore_index
            and multilabel: see :class:`Loss`.

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
        check_unmasked("y", y)
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
                most = int(check_codes(codes, np.iinfo(np.intp).max).max())
                n_classes = max(n_classes, most + 1)
        best = self.best_constant_of(make_target(y, len(y), n_classes, **settings))
        return float(best[0]) if best.shape == (1,) else best

    def best_constant_of(self, target: Target) -> Floats:
        """Return the same for a checked target: (K,), or (1,) for two classes."""
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
