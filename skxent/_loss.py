"""What all losses share: checking, evaluating, probabilities."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields
from typing import Any, ClassVar, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from skxent._dispatch import kernels
from skxent._threads import effective_n_threads
from skxent._validation import FRACTION, Interval
from skxent.targets import Floats, Target, check_class_weight, make_target


def parameter(default: float, domain: Interval) -> Any:
    """A field of a loss with the numbers it may take."""
    return field(default=default, metadata={"domain": domain})


class TargetKeywords(TypedDict, total=False):
    sample_weight: ArrayLike | None
    class_weight: Any
    label_smoothing: float
    n_threads: int | None


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
    class_weight : array-like of shape (K,) or dict of code to weight, default=None
        Weighs the label that was observed: the same as ``sample_weight=v[y]``.
    label_smoothing : float in [0, 1), default=0
        The label becomes ``(1 - eps) y + eps / K``.
    n_threads : int, default=None
        None is all that OpenMP may use. The result does not depend on it.

    NaN logits give NaN in their row. An infinite logit is the limit.
    """

    formula: ClassVar[str]

    def __post_init__(self) -> None:
        for item in fields(self):
            item.metadata["domain"].check(item.name, getattr(self, item.name))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        """φ as defined, of p, q = 1 - p and L = -log p, for any type of number.

        The reference that the compiled formula is tested against, in mpmath.
        """
        raise NotImplementedError

    @property
    def convex(self) -> bool:
        """Is the loss convex in the logits, for every target?"""
        raise NotImplementedError

    @property
    def proper(self) -> bool:
        """Does softmax of the minimising logits give the class probabilities?"""
        raise NotImplementedError

    @property
    def parameters(self) -> tuple[float, ...]:
        """What the compiled formula takes, two numbers at most."""
        return tuple(float(value) for value in astuple(self))

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
        weights v. For focal loss this is the map of Charoenphakdee et al. (2021,
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
            self.formula,
            self.parameters,
            z,
            binary,
            implied,
            np.log(weights),
            label_smoothing,
            log,
            out,
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
        target = make_target(
            y, len(z), 2 if binary else z.shape[1], dtype=z.dtype, **settings
        )
        x = None if v is None else np.asarray(v, dtype=z.dtype)
        if x is not None and x.shape != shape:
            raise ValueError(f"v must be of shape {shape}, got {x.shape}.")
        if x is not None and not _whole_strides(x):
            x = x.copy()
        arrays = {
            what: _output(name, out, (len(z),) if what == "value" else shape, z.dtype)
            for what, (name, out) in outputs.items()
        }
        self.evaluate(z, target, binary, x=x, n_threads=n_threads, **arrays)
        return list(arrays.values())

    def evaluate(
        self,
        z: Floats,
        target: Target,
        binary: bool,
        *,
        value: Floats | None = None,
        gradient: Floats | None = None,
        hessian: Floats | None = None,
        x: Floats | None = None,
        product: Floats | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Fill the given arrays in one pass; all arguments already checked."""
        kernels.evaluate(
            self.formula,
            self.parameters,
            z,
            binary,
            target.codes,
            target.soft,
            target.sample_weight,
            target.class_weight if (target.class_weight != 1).any() else None,
            target.label_smoothing,
            _columns(value),
            _columns(gradient),
            _columns(hessian),
            _columns(x),
            _columns(product),
            effective_n_threads(n_threads, z.size),
        )


def as_raw_prediction(raw_prediction: ArrayLike) -> tuple[Floats, bool]:
    """Logits as (n, K), and whether the one column is that of class 1 of two."""
    z = np.asarray(raw_prediction)
    if z.dtype.kind not in "fiub":
        raise ValueError(f"raw_prediction must be real numbers, got {z.dtype}.")
    z = z.astype(np.float32 if z.dtype.str[1:] == "f4" else np.float64, copy=False)
    if z.ndim not in (1, 2) or (z.ndim == 2 and z.shape[1] == 0):
        raise ValueError(
            f"raw_prediction must be of shape (n,) or (n, K), got {z.shape}."
        )
    z = _columns(z if _whole_strides(z) else z.copy())
    return z, z.shape[1] == 1


def _whole_strides(array: Floats) -> bool:
    """Are all strides multiples of the item size, as the kernels need them?"""
    return array.flags.aligned and not any(s % array.itemsize for s in array.strides)


def _columns(array: Any) -> Any:
    return array[:, np.newaxis] if array is not None and array.ndim == 1 else array


def _output(
    name: str, out: Floats | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Floats:
    if out is None:
        return np.empty(shape, dtype=dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
        got = f"{getattr(out, 'dtype', type(out))} of shape {np.shape(out)}"
        raise ValueError(f"{name} must be {dtype} of shape {shape}, got {got}.")
    distinct = all(s or n < 2 for s, n in zip(out.strides, shape, strict=True))
    if not out.flags.writeable or not _whole_strides(out) or not distinct:
        raise ValueError(
            f"{name} must be a writeable array of distinct, aligned elements, "
            f"got strides {out.strides}, writeable={out.flags.writeable}."
        )
    return out
