"""The base class of losses: a formula, its parameters, and its properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from inspect import get_annotations
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from skxent.kernels.checks import POSITIVE, warn
from skxent.losses._best_constant import BestConstant
from skxent.losses._latex import latex
from skxent.losses._parameters import checked_parameter, parameter
from skxent.losses._probabilities import Probabilities
from skxent.losses._promises import Promises

NUMBERS = (float, int, "float", "int")  # as annotations, which may be strings


@dataclass(frozen=True)
class Loss(Promises, BestConstant, Probabilities):
    r"""Base class of the losses: a scalar function φ of the margin of the true class.

    The margin of class c is :math:`m_c = z_c - \log\sum_{j \ne c} e^{z_j}`, the
    log-odds that a row of logits z gives to c. A row's loss is
    :math:`w \sum_c t_c\, \varphi(m_c)`, in nats, where t is the one-hot or soft label
    after class weights and label smoothing.

    In all methods ``raw_prediction`` holds logits: (n, K), or (n,) for two classes, the
    log-odds of class 1. ``y`` holds integer codes (n,) or soft labels (n, K), a data
    frame whose columns are named 0..K-1 by name. A parameter is a number, K numbers, or
    a dict or Series of code to number. Estimators and metrics, which know the labels of
    the classes, take dicts of label to number: see `for_classes`.
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
        y holds K independent indicators a row, each in [0, 1], and a row's loss is the
        sum of K two-class losses, smoothed by ``eps / 2``; class_weight weighs columns.
    n_threads : int, default=None
        None is all that OpenMP may use. The result does not depend on it.

    NaN logits give NaN in their row. An infinite logit is the limit.

    Parameters
    ----------
    *args, **keywords : float, array-like of shape (K,) or dict
        The parameters of the loss, which are the fields of a subclass.

    See Also
    --------
    FormulaLoss : A loss from a formula as a string, without a class.
    parameter : Parameters with a domain.
    check_loss : Check a loss of one's own at length.
    LOSSES : The losses of this package by name.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from skxent.losses import Loss
    >>> @dataclass(frozen=True)
    ... class Mixed(Loss):
    ...     share: float = 0.1
    ...     def phi(self, p, q, L):
    ...         return (1 - self.share) * L + self.share * q
    >>> Mixed(share=0.5).loss([1], [0.0]).round(4)
    array([0.5966])
    """

    name: ClassVar[str] = "loss"
    # So that numpy's numbers leave products to `__rmul__`.
    __array_ufunc__ = None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        undeclared = get_annotations(cls).keys()
        decorated = cls.__dict__.get("__dataclass_params__")
        # Without its own equality, a loss would be equal whatever its parameters are.
        if undeclared and not (decorated and decorated.eq):
            raise TypeError(
                f"{cls.__name__} must be decorated with @dataclass(frozen=True), for "
                f"it has the fields {', '.join(undeclared)}."
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        values = self.parameters().values()
        if any(isinstance(value, NDArrayOperatorsMixin) for value in values):
            return  # It is made in the formula of another loss, which is being traced.
        for item in fields(self):
            value, domain = getattr(self, item.name), item.metadata.get("domain")
            by_class = item.metadata.get("by_class", True)
            if domain is not None and not by_class and item.type in NUMBERS:
                domain.check(item.name, value)
            value = checked_parameter(item.name, value, domain)
            object.__setattr__(self, item.name, value)
        self._check_promises()

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle, which may be damaged, is checked as the constructor checks.
        self.__dict__.update(state)
        self.__post_init__()

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        """Return φ: the one method that a loss has to define.

        It is called once with objects that record what is done to them, and what it did
        is then evaluated by the kernels, with exact derivatives. It may use numbers,
        the parameters, + - * / ** and numpy's exp, expm1, log, log1p, sqrt, where,
        maximum, minimum, clip and abs.

        Parameters
        ----------
        p : number or array
            The probability σ(m) of the true class, at the margin m.
        q : number or array
            The probability 1 - p of all other classes.
        L : number or array
            The cross-entropy -log p.

        Returns
        -------
        number or array
            The loss at that margin: finite, not growing in m, and 0 at p = 1.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define phi(self, p, q, L)."
        )

    def parameters(self) -> dict[str, Any]:
        """Return the parameters by name.

        Returns
        -------
        dict of str to object
            A number, a tuple or a dict for each parameter.
        """
        return {
            item.name: getattr(self, item.name) for item in fields(self) if item.init
        }

    def with_parameters(self, **changes: Any) -> Any:
        """Return this loss with other parameters.

        Parameters
        ----------
        **changes
            Numbers by the names of parameters.

        Returns
        -------
        Loss
            A loss of the same class; this one does not change.
        """
        self._check_names(changes)
        return replace(self, **changes)

    def _check_names(self, names: Iterable[str]) -> None:
        """Raise a ValueError unless all are names of parameters."""
        known = list(self.parameters())
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f"the parameters of {type(self).__name__} must be among {known}, got "
                f"{unknown[0]!r}."
            )

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Real) and other == 0:
            return self  # sum() begins with 0
        if not isinstance(other, Loss):
            return NotImplemented
        (losses, weights), (more, others) = terms(self), terms(other)
        return WeightedSum(losses + more, weights + others)

    __radd__ = __add__

    def __mul__(self, factor: Any) -> Any:
        if not isinstance(factor, Real):
            return NotImplemented
        POSITIVE.check("the factor of a loss", factor)
        losses, weights = terms(self)
        return WeightedSum(losses, tuple(float(factor) * w for w in weights))

    __rmul__ = __mul__

    def with_symbols(self, symbol: Callable[[str, Any], Any]) -> Any:
        """Return the loss with symbols in place of its parameters, to be printed.

        Parameters
        ----------
        symbol : callable
            Of the name and the value of a parameter.

        Returns
        -------
        Loss
            It is not checked.
        """
        values = self.parameters().items()
        return self._stand_in({name: symbol(name, value) for name, value in values})

    def _repr_latex_(self) -> str:
        """Return the formula as notebooks print it."""
        return rf"$\displaystyle {latex(self)}$"

    def warn_without_posterior(self) -> None:
        """Warn if the minimiser does not determine the class probabilities."""
        if not self.has_posterior:
            warn(
                f"{self!r} has no posterior: its minimiser does not determine the "
                "class probabilities. Use the softmax (posterior=False) as a score, or "
                "another loss."
            )


@dataclass(frozen=True)
class WeightedSum(Loss):
    """A sum of losses times positive numbers: ``0.7 * CrossEntropy() + Focal(2.0)``."""

    losses: tuple[Loss, ...]
    weights: tuple[float, ...] = parameter(domain=POSITIVE, by_class=False)

    def __post_init__(self) -> None:
        losses = tuple(self.losses)
        if not losses or not all(isinstance(loss, Loss) for loss in losses):
            raise ValueError(f"losses must be a tuple of losses, got {self.losses!r}.")
        if np.shape(self.weights) != (len(losses),):
            raise ValueError(
                f"weights must be {len(losses)} numbers, one for each loss, got "
                f"{self.weights!r}."
            )
        if any(np.any(loss.margin_shift) for loss in losses):
            raise ValueError(
                "losses of a sum must shift margins in their formulas, as LDAM, got "
                f"{losses!r} with a margin_shift."
            )
        object.__setattr__(self, "losses", losses)
        super().__post_init__()

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        pairs = zip(self.weights, self.losses, strict=True)
        return sum(weight * loss.phi(p, q, L) for weight, loss in pairs)

    def __repr__(self) -> str:
        return " + ".join(
            repr(loss) if weight == 1 else f"{weight:g} * {loss!r}"
            for weight, loss in zip(self.weights, self.losses, strict=True)
        )


def terms(loss: Loss) -> tuple[tuple[Loss, ...], tuple[float, ...]]:
    """Return the losses that a loss is a sum of, and their weights."""
    if isinstance(loss, WeightedSum):
        return loss.losses, loss.weights
    return (loss,), (1.0,)
