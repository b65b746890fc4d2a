"""A compiled formula with its parameters, evaluated on checked arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.columns import as_raw_prediction
from skxent.inputs.targets import ClassWeightOn, Target, make_target
from skxent.kernels.arrays import Floats, check_no_overlap, copy_if_overlapping, output
from skxent.kernels.cached import cached_by_identity
from skxent.kernels.checks import as_reals
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads
from skxent.losses._by_class import ByClass


class TargetKeywords(TypedDict, total=False):
    # They are described in Loss.
    sample_weight: ArrayLike | None
    class_weight: Any
    class_weight_on: ClassWeightOn
    label_smoothing: float
    ignore_index: int | None
    multilabel: bool
    n_threads: int | None


class Arrays(TypedDict, total=False):
    """The outputs of a pass, the x of a Hessian product, and limits of the Hessian."""

    value: Floats | None
    values: Floats | None
    gradient: Floats | None
    hessian: Floats | None
    x: Floats | None
    product: Floats | None
    matrix: Floats | None
    psd: bool
    floor: float


@cached_by_identity
def spec_for(loss: Any, n_classes: int) -> tuple[Any, ...]:
    """Return a loss as the kernels take it for so many classes."""
    spec: tuple[Any, ...] = loss.for_classes(range(n_classes)).spec
    return spec


class Compiled(ByClass):
    """A formula that the kernels can evaluate."""

    @property
    def spec(self) -> tuple[Any, ...]:
        """The loss as the kernels take it."""
        raise NotImplementedError

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
            check_no_overlap(given)
            z = copy_if_overlapping(z, given)
            x = copy_if_overlapping(x, given)
            target = replace(
                target,
                codes=copy_if_overlapping(target.codes, given),
                soft=copy_if_overlapping(target.soft, given),
                sample_weight=copy_if_overlapping(target.sample_weight, given),
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
        """Fill the given arrays in one pass; all arguments are checked already.

        With `psd` Hessians take max(φ'', -p φ') for φ'', which leaves them no negative
        eigenvalue: -p φ' is the curvature of a cross-entropy of the same gradient. The
        diagonal is at least `floor`.

        Parameters
        ----------
        z : ndarray of shape (n, K) or (n,)
            Logits.
        target : Target
            Labels, weights and smoothing in the form of the kernels.
        n_threads : int, default=None
            None is all that OpenMP may use.
        **arrays
            The outputs value, gradient, hessian (its diagonal), matrix (all of it) and
            product, with x for the product; psd and floor.
        """
        n_threads = effective_n_threads(n_threads, z.size)
        # A column of indicators has two classes of its own, no and yes.
        n_classes = 2 if target.multilabel else target.n_classes
        spec = spec_for(self, n_classes)
        kernels.evaluate(spec, target, z, dict(arrays), n_threads)
