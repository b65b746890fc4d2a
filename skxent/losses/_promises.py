"""Properties of the formula of a loss, found or declared by its class."""

from __future__ import annotations

from typing import Any

from skxent.losses._by_class import ByClass
from skxent.losses._parameters import ByLabel
from skxent.losses._rewriting import L
from skxent.losses._traced import Traced, traced

PROMISES = ("convex", "proper", "has_posterior")  # which a class may declare


class Promises(ByClass):
    """A loss whose formula is traced, unless its class has a compiled one."""

    phi: Any

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name in ("spec", *PROMISES):
            owner: Any = next(c for c in cls.__mro__ if name in c.__dict__)
            # The properties of a parent do not hold for another formula.
            if owner is not Promises and owner.phi is not cls.phi:
                setattr(cls, name, getattr(Promises, name))

    def _check_promises(self) -> None:
        """Trace the formula, and check the properties that the class declares."""
        if type(self).spec is not Promises.spec:
            return  # It is compiled, and checked by the tests.
        for promise in PROMISES:
            declared, true = getattr(self, promise), getattr(self._traced, promise)
            if declared != true:
                raise ValueError(
                    f"{promise} must be {true} for this phi, got {declared}. Omit it."
                )

    @property
    def spec(self: Any) -> tuple[Any, ...]:
        """The loss as the kernels take it."""
        if any(isinstance(value, ByLabel) for value in self._of_classes()):
            raise ValueError(
                f"loss must be resolved by for_classes(classes), got {self!r}."
            )
        return traced(self).spec

    @property
    def _traced(self: Any) -> Traced:
        """The trace of the formula, in any order of the classes."""
        return traced(self._in_some_order())

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the logits, for every target.

        Then every minimum of a linear model is a global one. It is unique only with an
        L2 penalty, or where X determines it.
        """
        return self._traced.convex

    @property
    def proper(self) -> bool:
        """Whether softmax of the minimising logits gives the class probabilities."""
        return self._traced.proper

    @property
    def is_log_loss(self) -> bool:
        """Whether φ is L = -log p: the loss is that of scikit-learn's ``log_loss``."""
        return self._traced.program.result is L

    @property
    def has_posterior(self) -> bool:
        """Whether the minimising logits tell the class probabilities."""
        return self._traced.has_posterior
