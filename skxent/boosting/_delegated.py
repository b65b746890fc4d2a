"""Public names of a library's classifier, on the classifier that takes its place."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from functools import wraps
from typing import Any, ClassVar

from sklearn.utils.validation import check_is_fitted


class DelegatedNames:
    """A classifier with the public names of `estimator_` that it does not define."""

    # Names that the library's classifier has without the underscore.
    renamed: ClassVar[dict[str, str]] = {}
    # Methods whose first argument is rows, which get the form that the library reads.
    of_rows: ClassVar[tuple[str, ...]] = ()
    # Methods that would mislead, and what to do instead.
    withheld: ClassVar[dict[str, str]] = {}
    # The same, unless the library's objective is the loss and has no class weights.
    of_softmax: ClassVar[dict[str, str]] = {}

    estimator: Any
    estimator_: Any

    @abstractmethod
    def _classifier(self) -> Any:
        """Return the class of the library's classifier."""

    @abstractmethod
    def _checked(self, X: Any) -> Any:
        """Return rows in the form that the library reads."""

    @abstractmethod
    def _is_built_in(self) -> bool:
        """Return True if the library's own objective trained the model."""

    def __getattr__(self, name: str) -> Any:
        """Return what the library's fitted classifier has under this name."""
        cls = type(self)
        missing = f"{cls.__name__!r} object has no attribute {name!r}"
        # scikit-learn takes the presence of feature_names_in_ for names of columns.
        if name.startswith("_") or name == "feature_names_in_":
            raise AttributeError(missing)
        advice = self.withheld.get(name)
        if advice is not None:
            raise AttributeError(f"{missing}. {advice.format(cls=cls.__name__)}")
        theirs = self.renamed.get(name, name)
        known = hasattr(cls, name) or hasattr(self._library_class(), theirs)
        if not known:
            held: Any = getattr(vars(self).get("estimator"), "get_params", dict)()
            advice = f". Use estimator.get_params()[{name!r}]." if name in held else ""
            raise AttributeError(missing + advice)
        check_is_fitted(self)
        advice = self.of_softmax.get(name)
        if advice is not None and not self._is_built_in():
            raise AttributeError(f"{missing} with this loss. {advice}")
        if self.estimator_ is None:
            raise AttributeError(
                f"{missing}: the library found no column that it could split."
            )
        found = getattr(self.estimator_, theirs)
        return self._of_rows(found) if name in self.of_rows else found

    def __dir__(self) -> Iterable[str]:
        """Return the names that complete in a notebook."""
        names = set(super().__dir__())
        if "estimator_" in vars(self):
            found = {n for n in dir(self._library_class()) if not n.startswith("_")}
            names |= self.renamed.keys() | found - self.withheld.keys()
        return sorted(names)

    def _library_class(self) -> Any:
        """Return the class whose names are delegated, None if it is not installed."""
        estimator = vars(self).get("estimator")
        if estimator is not None:
            return type(estimator)
        try:
            return self._classifier()
        except ImportError:
            return None

    def _of_rows(self, method: Any) -> Any:
        """Return a method of the library that reads rows as `predict` does."""

        @wraps(method)
        def converted(X: Any, *args: Any, **keywords: Any) -> Any:
            return method(self._checked(X), *args, **keywords)

        return converted
