"""Losses whose parameters depend on the class."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skxent.losses._parameters import (
    ByLabel,
    OfClasses,
    common_labels,
    is_of_classes,
    resolved,
)


class ByClass:
    """A loss whose parameters are numbers, or numbers for each class."""

    # Δ of each class, if margins are shifted before the formula sees them.
    margin_shift: ClassVar[float | tuple[float, ...]] = 0.0

    def for_classes(self, classes: Sequence[Any] | NDArray[Any]) -> Any:
        """Return this loss with its parameters in the order of the classes.

        Parameters
        ----------
        classes : sequence of label, of length K
            For codes ``range(K)``.

        Returns
        -------
        Loss
            The loss itself, unless a parameter is a dict of label to number.

        Raises
        ------
        ValueError
            If a dict lacks a class, or a parameter has another number of numbers than
            K. A dict may have labels that are not classes if it has every class.

        Examples
        --------
        >>> from skxent.losses import Focal
        >>> Focal(gamma={"fraud": 0.0, "ok": 4.0}).for_classes(["ok", "fraud"])
        Focal(gamma=(4.0, 0.0))
        """
        if isinstance(self.margin_shift, tuple):
            resolved("margin_shift", self.margin_shift, classes)
        return self.map_by_class(lambda name, value: resolved(name, value, classes))

    def of_class(self, code: int) -> Any:
        """Return the loss of the rows of one class, whose parameters are numbers.

        Parameters
        ----------
        code : int
            The place of the class.

        Returns
        -------
        Loss
            The loss whose parameters are those of this class.
        """
        if np.any(self.margin_shift):
            raise ValueError(
                "loss must shift margins in its formula, as LDAM does, to be one loss "
                f"for each class, got {self!r} with a margin_shift."
            )
        return self.map_by_class(lambda name, value: value[code])

    def each_class(self) -> list[Any]:
        """Return the different losses of the classes.

        Returns
        -------
        list of Loss
            The loss itself, or if it depends on the class the different `of_class`.
        """
        loss = self._in_some_order()
        found = loss._of_classes()
        codes = range(len(found[0]) if found else 1)
        return list(dict.fromkeys(map(loss.of_class, codes)))

    def _in_some_order(self) -> Any:
        """Return the loss for the labels that its dicts have, in their order."""
        found = [x for x in self._of_classes() if isinstance(x, ByLabel)]
        return self.for_classes(common_labels(found)) if found else self

    @property
    def by_class(self) -> bool:
        """Whether a parameter depends on the class."""
        return bool(self._of_classes()) or bool(np.any(self.margin_shift))

    def _of_classes(self) -> list[OfClasses]:
        """Return the parameters that depend on the class."""
        found: list[OfClasses] = []

        def see(name: str, value: OfClasses) -> OfClasses:
            found.append(value)
            return value

        self.map_by_class(see)
        return found

    def map_by_class(self, function: Callable[[str, OfClasses], Any]) -> Any:
        """Return the loss with each parameter of the classes replaced by a function.

        Parameters of losses among its fields are replaced as well. Nothing is checked,
        for a formula is traced with what stands for numbers.

        Parameters
        ----------
        function : callable
            Of the name and the value of a parameter.

        Returns
        -------
        Loss
            The loss itself if no parameter changes.
        """

        def mapped(name: str, value: Any, by_class: bool) -> Any:
            if isinstance(value, ByClass):
                return value.map_by_class(function)
            if isinstance(value, tuple) and any(isinstance(x, ByClass) for x in value):
                new = tuple(mapped(name, x, by_class) for x in value)
                return value if all(map(operator.is_, new, value)) else new
            if by_class and is_of_classes(value):
                return function(name, value)
            return value

        changes = {}
        for name, value, by_class in self._by_class():
            new = mapped(name, value, by_class)
            if new is not value:
                changes[name] = new
        return self._stand_in(changes) if changes else self

    def _by_class(self) -> Iterator[tuple[str, Any, bool]]:
        """Yield names, values, and whether an array is a number for each class."""
        loss: Any = self  # a dataclass
        for item in fields(loss):
            by_class = item.metadata.get("by_class", True)
            yield item.name, getattr(self, item.name), by_class

    def _stand_in(self, changes: dict[str, Any]) -> Any:
        """Return an unchecked copy."""
        loss: Any = self  # a dataclass, whose fields may be slots
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        values = {item.name: getattr(loss, item.name) for item in fields(loss)}
        for name, value in (values | changes).items():
            object.__setattr__(made, name, value)
        return made
