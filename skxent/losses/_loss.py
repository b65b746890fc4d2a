"""What all losses share: checking, evaluating, probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from skxent.inputs.labels import check_codes, mask_ignored
from skxent.inputs.targets import ClassWeightOn, Target, make_target
from skxent.inputs.weights import check_class_weight
from skxent.kernels.arrays import (
    Floats,
    as_raw_prediction,
    check_apart,
    clear_of,
    columns,
    output,
)
from skxent.kernels.checks import FRACTION, Interval, as_reals, check_unmasked, warn
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads


def parameter(default: float, domain: Interval) -> Any:
    """A field of a loss with the numbers it may take."""
    return field(default=default, metadata={"domain": domain})


class TargetKeywords(TypedDict, total=False):
    sample_weight: ArrayLike | None
    class_weight: Any
    class_weight_on: ClassWeightOn
    label_smoothing: float
    ignore_index: int | None
    multilabel: bool
    n_threads: int | None


class Arrays(TypedDict, total=False):
    """What a pass fills, the x of a Hessian product, and how it bends Hessians."""

    value: Floats | None
    gradient: Floats | None
    hessian: Floats | None
    x: Floats | None
    product: Floats | None
    matrix: Floats | None
    psd: bool
    floor: float


@dataclass(frozen=True)
class Loss:
    r"""A scalar function φ of the margin of the true class.

    The margin of class c is :math:`m_c = z_c - \log\sum_{j \ne c} e^{z_j}`, the
    log-odds that a row of logits z gives to c. A row's loss is
    :math:`w \sum_c t_c\, \varphi(m_c)`, in nats, where t is the one-hot or soft label
    after class weights and label smoothing.

    In all methods ``raw_prediction`` holds logits: (n, K), or (n,) for two classes, the
    log-odds of class 1. ``y`` holds integer codes (n,) or soft labels (n, K).
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

    formula: ClassVar[str]

    def __post_init__(self) -> None:
        for item in fields(self):
            item.metadata["domain"].check(item.name, getattr(self, item.name))

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle, which may be damaged, is checked as the constructor checks.
        self.__dict__.update(state)
        self.__post_init__()

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        """φ as defined, of p, q = 1 - p and L = -log p, for any type of number.

        The reference that the compiled formula is tested against, in mpmath.
        """
        raise NotImplementedError

    @property
    def convex(self) -> bool:
        """Is the loss convex in the logits, for every target?

        Then every minimum of a linear model is a global one. It is unique only with an
        L2 penalty, or where X determines it.
        """
        raise NotImplementedError

    @property
    def proper(self) -> bool:
        """Does softmax of the minimising logits give the class probabilities?"""
        raise NotImplementedError

    @property
    def has_posterior(self) -> bool:
        """Do the minimising logits tell the class probabilities?"""
        return True

    def warn_without_posterior(self) -> None:
        """What a model that is to answer with the posterior calls."""
        if not self.has_posterior:
            warn(
                f"{self!r} has no posterior: its minimiser tells the likeliest class "
                "alone, so that every class gets 1/K. Take the softmax "
                "(posterior=False) as a score, or another loss."
            )

    @property
    def parameters(self) -> tuple[float, ...]:
        """What the compiled formula takes, two numbers at most."""
        return tuple(float(getattr(self, item.name)) for item in fields(self))

    def loss(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Loss of every row, in nats: shape (n,)."""
        (value,) = self._fill(y, raw_prediction, target, value=("out", out))
        return value

    def gradient(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Derivative of every row's loss in its logits: shape of raw_prediction."""
        (gradient,) = self._fill(y, raw_prediction, target, gradient=("out", out))
        return gradient

    def loss_gradient(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        loss_out: Floats | None = None,
        gradient_out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> tuple[Floats, Floats]:
        """Loss and gradient in one pass."""
        value, gradient = self._fill(
            y,
            raw_prediction,
            target,
            value=("loss_out", loss_out),
            gradient=("gradient_out", gradient_out),
        )
        return value, gradient

    def gradient_hessian(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        gradient_out: Floats | None = None,
        hessian_out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> tuple[Floats, Floats]:
        """Gradient and the diagonal of the Hessian: shape of raw_prediction each."""
        gradient, hessian = self._fill(
            y,
            raw_prediction,
            target,
            gradient=("gradient_out", gradient_out),
            hessian=("hessian_out", hessian_out),
        )
        return gradient, hessian

    def hessian_product(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        v: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Every row's K x K Hessian times its row of v: shape of raw_prediction."""
        (product,) = self._fill(y, raw_prediction, target, v, product=("out", out))
        return product

    def hessian(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Every row's whole Hessian: (n, K, K), or (n, 1, 1) for logits (n,)."""
        n, *rest = np.shape(raw_prediction) or (0,)
        width = rest[0] if rest else 1
        z, binary = as_raw_prediction(raw_prediction)
        matrix = output("out", out, (n, width, width), z.dtype)
        if binary or target.get("multilabel"):
            diagonal = self.gradient_hessian(y, z, **target)[1]
            matrix[...] = 0
            np.einsum("ikk->ik", matrix)[...] = diagonal
            return matrix
        flat = matrix.reshape(n, width * width)
        self._fill(y, z, target, matrix=("out", flat))
        if not np.shares_memory(flat, matrix):
            matrix[...] = flat.reshape(matrix.shape)
        return matrix

    def best_constant(
        self,
        y: ArrayLike,
        n_classes: int | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Any:
        """The logits that, given to all rows alike, have the least loss.

        The start value of a boosting model, and the baseline of a skill score. For two
        classes a number, the log-odds of class 1; for more (K,), summing to zero; with
        `multilabel` (K,), one log-odds a column. Classes of no weight get the share eps
        of float64. `n_classes` is by default one more than the largest code in y.

        Where the loss is not convex this is the minimum next to the class frequencies.
        """
        check_unmasked("y", y)
        y = np.asarray(y)
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
        """The same for a checked target: (K,), or (1,) for two classes."""
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
        """Logits that minimise Σ mass_c φ(m_c)."""
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

    def predict_proba(
        self, raw_prediction: ArrayLike, *, n_threads: int | None = None
    ) -> Floats:
        """softmax (two classes: the logistic function): shape (n, K)."""
        return self._probabilities(raw_prediction, False, False, n_threads=n_threads)

    def predict_log_proba(
        self, raw_prediction: ArrayLike, *, n_threads: int | None = None
    ) -> Floats:
        """log softmax, computed in log space: shape (n, K)."""
        return self._probabilities(raw_prediction, False, True, n_threads=n_threads)

    def posterior(
        self,
        raw_prediction: ArrayLike,
        *,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        log: bool = False,
        n_threads: int | None = None,
    ) -> Floats:
        r"""Class probabilities that a minimiser of the loss implies: shape (n, K).

        .. math:: \tau_k \propto p_k q_k / |\varphi'(m_k)|, \quad
            \pi_k \propto \tau_k - \epsilon / K, \quad
            \eta_k \propto \pi_k / v_k

        with :math:`p` the softmax, :math:`q = 1 - p`, label smoothing ε and class
        weights v. It needs a model that reaches the minimum and can represent the class
        probabilities: under a wrong model the numbers need not be probabilities of
        anything, and a loss that is not proper (`proper`) tells nothing of how wrong
        they are. Compare :func:`skxent.metrics.log_loss` with and without it, or
        calibrate. For focal loss this is the map of Charoenphakdee et al. (2021,
        arXiv 2011.09172). A minimiser has τ >= ε/K. Where a model has less, π is
        τ / 100 and not zero: in cross-validation of smoothed models on scikit-learn's
        data sets that scored better than clipping. `log=True` gives log η, computed in
        log space.
        """
        return self._probabilities(
            raw_prediction,
            True,
            log,
            class_weight=class_weight,
            label_smoothing=label_smoothing,
            n_threads=n_threads,
        )

    def _probabilities(
        self,
        raw_prediction: ArrayLike,
        implied: bool,
        log: bool,
        *,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        n_threads: int | None = None,
    ) -> Floats:
        FRACTION.check("label_smoothing", label_smoothing)
        z, binary = as_raw_prediction(raw_prediction)
        n_classes = 2 if binary else z.shape[1]
        weights = check_class_weight(class_weight, n_classes)
        if (weights == 0).any():
            raise ValueError(f"class_weight must be positive, got {weights.tolist()}.")
        out: Floats = np.empty((len(z), n_classes), dtype=z.dtype)
        kernels.probabilities(
            (self.formula, self.parameters),
            z,
            out,
            (np.log(weights), label_smoothing) if implied else None,
            log,
            effective_n_threads(n_threads, out.size),
        )
        return out

    def _fill(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        keywords: TargetKeywords,
        v: ArrayLike | None = None,
        **outputs: tuple[str, Floats | None],
    ) -> list[Floats]:
        """Check everything, evaluate into new or given arrays, and return these."""
        z, binary = as_raw_prediction(raw_prediction)
        shape = np.shape(raw_prediction)
        settings: dict[str, Any] = dict(keywords)
        n_threads = settings.pop("n_threads", None)
        multilabel = settings.get("multilabel", False)
        n_classes = 2 if binary and not multilabel else z.shape[1]
        target = make_target(y, len(z), n_classes, dtype=z.dtype, **settings)
        target.check_range(z.dtype)
        x = as_reals("v", v, z.dtype) if "product" in outputs else None
        if x is not None and x.shape != shape:
            raise ValueError(f"v must be of shape {shape}, got {x.shape}.")
        shapes = {"value": (len(z),), "matrix": (len(z), z.shape[1] ** 2)}
        arrays: dict[str, Any] = {
            what: output(name, out, shapes.get(what, shape), z.dtype)
            for what, (name, out) in outputs.items()
        }
        given = {name: out for name, out in outputs.values() if out is not None}
        if given:
            check_apart(given)
            z, x = clear_of(z, given), clear_of(x, given)
            target = replace(
                target,
                codes=clear_of(target.codes, given),
                soft=clear_of(target.soft, given),
                sample_weight=clear_of(target.sample_weight, given),
                # Every row reads these, not its own alone.
                class_weight=target.class_weight.copy(),
            )
        self.evaluate(z, target, n_threads=n_threads, x=x, **arrays)
        return list(arrays.values())

    def evaluate(
        self,
        z: Floats,
        target: Target,
        *,
        n_threads: int | None = None,
        **arrays: Unpack[Arrays],
    ) -> None:
        """Fill the given arrays in one pass; all arguments already checked.

        With `psd` Hessians take max(φ'', -p φ') for φ'', which leaves them no negative
        eigenvalue: -p φ' is the curvature of a cross-entropy of the same gradient. The
        diagonal is at least `floor`.
        """
        given: dict[str, Any] = {**arrays}
        for name in ("value", "gradient", "hessian", "x", "product"):
            given[name] = columns(given.get(name))
        kernels.evaluate(
            (self.formula, self.parameters),
            target,
            z,
            given,
            effective_n_threads(n_threads, z.size),
        )
