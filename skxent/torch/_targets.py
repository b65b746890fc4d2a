"""Targets of torch's two forms: one class of several a row, or independent indicators.

Each form has its losses as operations of torch, its target for the kernels, and the
divisor of its mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skxent.inputs import targets as inputs
from skxent.inputs.weights import by_label, in_class_order
from skxent.kernels.dispatch import kernels
from skxent.torch._program import (
    Formula,
    bounded,
    margins_of_all,
    margins_of_codes,
    phi,
)


@dataclass(frozen=True)
class Classes:
    """Targets as of torch.nn.CrossEntropyLoss: codes (n,), or soft labels (n, K).

    class_weight : (K,). ignore_index : rows of this code do not count.
    """

    codes: Tensor | None
    soft: Tensor | None
    class_weight: Tensor | None
    label_smoothing: float
    ignore_index: int

    @property
    def target(self) -> Tensor:
        """Return whichever of codes and soft there is."""
        target = self.soft if self.codes is None else self.codes
        assert target is not None
        return target

    def losses(self, formula: Formula, z: Tensor) -> Tensor:
        """Return the loss of every row of logits (n, K), as operations of torch."""
        z, v, eps = bounded(z), self.class_weight, self.label_smoothing
        if self.codes is None:
            assert self.soft is not None
            t = (1 - eps) * self.soft + eps / z.shape[1]
            return weighted_sum(
                t if v is None else t * v, phi(formula, margins_of_all(z))
            )
        kept, codes = self._kept(self.codes)
        if eps == 0:
            f = phi(formula, margins_of_codes(z, codes), codes)
            return torch.where(kept, f if v is None else v[codes] * f, 0.0)
        t = torch.full_like(z, eps / z.shape[1])
        t = t.scatter_add(1, codes.unsqueeze(1), t.new_full((len(t), 1), 1 - eps))
        t = kept.unsqueeze(1) * (t if v is None else t * v)
        return weighted_sum(t, phi(formula, margins_of_all(z)))

    def count(self) -> Tensor | int:
        """Return the divisor of the mean, by torch's rule."""
        if self.codes is None:
            return len(self.target)
        kept, codes = self._kept(self.codes)
        if self.class_weight is None:
            return kept.sum()
        return torch.where(kept, self.class_weight[codes], 0.0).sum()

    def for_kernels(self, n_classes: int, mean: bool) -> tuple[inputs.Target, bool]:
        """Return the target of the kernels, and whether any row counts.

        mean : divide the weights by their sum.
        """
        codes = weights = soft = None
        v = np.ones(n_classes)
        if self.class_weight is not None:
            v = self.class_weight.numpy().astype(np.float64)
        total: float = len(self.target)
        if self.codes is None:
            assert self.soft is not None
            soft = self.soft.detach().numpy()
        else:
            codes = np.ascontiguousarray(self.codes.numpy(), dtype=np.intp)
            codes, weights = self._checked(codes, n_classes)
            if self.class_weight is not None:
                total = float(np.bincount(codes, weights, n_classes) @ v)
            elif weights is not None:
                total = float(weights.sum())
        target = inputs.Target(
            codes,
            soft,
            v * scale_of(total, mean),
            weights,
            label_smoothing=self.label_smoothing,
            # Without smoothing it is the same, and slower.
            weight_after_smoothing=codes is None or self.label_smoothing > 0,
        )
        return target, total != 0

    def _kept(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return which rows count, and codes in which those that do not are 0."""
        kept = codes != self.ignore_index
        return kept, torch.where(kept, codes, 0)

    def _checked(
        self, codes: NDArray[np.intp], n_classes: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
        """Return codes of classes, and weights of rows if some do not count."""
        # As an unsigned number a negative code is too large: one pass finds both.
        largest = codes.view(np.uintp).max(initial=0)
        if largest < n_classes and not 0 <= self.ignore_index < n_classes:
            return codes, None
        kept = codes != self.ignore_index
        codes = np.where(kept, codes, 0)
        bad = codes[(codes < 0) | (codes >= n_classes)]
        if len(bad):
            raise ValueError(
                f"target must be classes in 0..{n_classes - 1} or ignore_index = "
                f"{self.ignore_index}, got {bad[0]}."
            )
        return codes, kept.astype(np.float64)


@dataclass(frozen=True)
class Indicators:
    """Targets as of torch.nn.BCEWithLogitsLoss.

    yes : (n,), how much each label is present, in [0, 1].
    weight, pos_weight : (n,), the weight of each loss, and of its part for yes.
    """

    yes: Tensor
    weight: Tensor | None
    pos_weight: Tensor | None
    label_smoothing: float

    @property
    def target(self) -> Tensor:
        """Return the indicators."""
        return self.yes

    def losses(self, formula: Formula, z: Tensor) -> Tensor:
        """Return the loss of every logit (n,), as operations of torch."""
        z = bounded(z)
        f = phi(formula, torch.stack([-z, z], dim=1))
        t = self._terms()
        return weighted_sum(
            t if self.weight is None else t * self.weight.unsqueeze(1), f
        )

    def count(self) -> int:
        """Return the divisor of the mean."""
        return len(self.yes)

    def for_kernels(self, n_classes: int, mean: bool) -> tuple[inputs.Target, bool]:
        """Return the target of the kernels, and whether any row counts."""
        yes, weight, pos_weight = self.yes, self.weight, self.pos_weight
        codes = np.empty(len(yes), np.intp)
        array = np.ascontiguousarray(yes.detach().numpy())
        hard = self.label_smoothing == 0 and kernels.codes_of_floats(array, 2, codes)
        if hard and pos_weight is not None:
            of_yes = torch.where(yes == 1, pos_weight, 1.0)
            weight = of_yes if weight is None else weight * of_yes
        target = inputs.Target(
            codes if hard else None,
            None if hard else self._terms().detach().numpy(),
            np.full(2, scale_of(len(yes), mean)),
            None if weight is None else weight.numpy().astype(np.float64),
        )
        return target, len(yes) > 0

    def _terms(self) -> Tensor:
        """Return the weights of no and of yes: (n, 2)."""
        yes = (1 - self.label_smoothing) * self.yes + self.label_smoothing / 2
        weighted = yes if self.pos_weight is None else yes * self.pos_weight
        return torch.stack([1 - yes, weighted], dim=1)


def scale_of(total: float, mean: bool) -> float:
    """Return the factor of all weights."""
    return 1 / total if mean and total else 1.0


def weighted_sum(t: Tensor, f: Tensor) -> Tensor:
    """Return Σ t f of each row; an infinite loss of no weight does not count."""
    return (t * f.masked_fill((t == 0) & f.isinf(), 0.0)).sum(1)


def table(z: Tensor, axis: int) -> Tensor:
    """Return rows (n, K): a view if the classes of all rows have one stride."""
    return z if z.ndim == 2 else z.movedim(axis, -1).reshape(-1, z.shape[axis])


def check_tensors(**given: Any) -> None:
    """Raise a TypeError that names what is no tensor, as torch does."""
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a Tensor, got {type(value).__name__}.")


def as_weights(name: str, weights: Any) -> Tensor | None:
    """Return weights as a tensor of floats: those of lists in torch's default dtype."""
    if weights is None:
        return None
    table = weights if isinstance(weights, Tensor) else by_label(weights, name)
    if isinstance(table, Mapping):  # a Series goes by label, too
        weights = in_class_order(name, table, range(len(table)))
    try:
        given = torch.as_tensor(weights).detach()
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be real numbers, got {weights!r}: {error}."
        ) from error
    if given.is_complex():
        raise ValueError(f"{name} must be real numbers, got {given.dtype}.")
    if not given.is_floating_point():
        given = given.to(torch.get_default_dtype())
    if not bool((given.isfinite() & (given >= 0)).all()):
        raise ValueError(
            f"{name} must be finite and non-negative, got {given.tolist()}."
        )
    return given
