"""A loss from a string, which is parsed and never evaluated by Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from skxent.losses._loss import Loss
from skxent.losses._parameters import checked_parameter, is_of_classes

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.And: operator.and_,
    ast.Or: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "clip": np.clip,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "max": np.maximum,
    "maximum": np.maximum,
    "min": np.minimum,
    "minimum": np.minimum,
    "sqrt": np.sqrt,
    "square": np.square,
    "where": np.where,
}
ARGUMENTS = {"where": 3, "clip": 3} | dict.fromkeys(("max", "min"), 2)
ARGUMENTS |= dict.fromkeys(("maximum", "minimum"), 2)
MARGIN = ("p", "q", "L")
REAL = Real | NDArrayOperatorsMixin  # which stands for one while a loss is traced
LONGEST = 2000  # characters: Python's parser is recursive, too


@dataclass(frozen=True, init=False, repr=False)
class FormulaLoss(Loss):
    """A loss given by its formula, as a string.

    Parameters
    ----------
    formula : str
        The formula of φ in terms of p, the probability of the true class, q = 1 - p,
        L = -log p, the names of constants, numbers, ``+ - * / **``, comparisons,
        ``a if condition else b`` and the functions exp, expm1, log, log1p, sqrt,
        square, where, maximum, minimum, clip and abs.
    **constants : float, array-like of shape (K,) or dict of label to float
        The values of the other names, which are the parameters of the loss.

    Raises
    ------
    ValueError
        If the string is no formula, or φ grows with p, is not finite or does not vanish
        at p = 1.

    See Also
    --------
    Loss : A class of one's own, with documentation and domains of parameters.

    Examples
    --------
    >>> from skxent.losses import FormulaLoss
    >>> FormulaLoss("q**gamma * L", gamma=2.0).loss([1, 1], [0.0, 2.0]).round(4)
    array([0.1733, 0.0018])
    """

    formula: str
    constants: tuple[tuple[str, Any], ...] = field(metadata={"by_class": False})

    def __init__(self, formula: str, /, **constants: Any) -> None:
        names = names_of(parse(formula)) - set(MARGIN)
        if missing := sorted(names - constants.keys()):
            hint = f"Pass {missing[0]}=, a number."
            if modules := {"np", "numpy", "math"}.intersection(missing):
                hint = f"Write the functions without {min(modules)}: log(p), exp(p)."
            raise ValueError(
                f"formula must be of p, q, L and constants that are given, got "
                f"{', '.join(missing)}. {hint}"
            )
        if surplus := constants.keys() - names:
            raise ValueError(
                f"constants must be of the formula, got {', '.join(sorted(surplus))}."
            )
        object.__setattr__(self, "formula", formula)
        kept = {name: checked(name, constants[name]) for name in sorted(constants)}
        object.__setattr__(self, "constants", tuple(kept.items()))
        self.__post_init__()

    def parameters(self) -> dict[str, Any]:
        return dict(self.constants)

    def with_parameters(self, **changes: Any) -> Any:
        self._check_names(changes)
        return FormulaLoss(self.formula, **self.parameters() | changes)

    def _by_class(self) -> Iterator[tuple[str, Any, bool]]:
        return ((name, value, True) for name, value in self.constants)

    def _stand_in(self, changes: dict[str, Any]) -> Any:
        constants = tuple((self.parameters() | changes).items())
        return super()._stand_in({"constants": constants})

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        values = {**self.parameters(), "p": p, "q": q, "L": L}
        return evaluate(parse(self.formula), values)

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.constants)
        return f"FormulaLoss({self.formula!r}{given})"


def checked(name: str, value: Any) -> Any:
    """Return a constant as it is kept."""
    value = checked_parameter(name, value)
    if isinstance(value, bool) or not (isinstance(value, REAL) or is_of_classes(value)):
        raise ValueError(f"{name} must be a number, got {repr(value)[:80]}.")
    return value


def parse(formula: str) -> ast.expr:
    """Return the tree of a formula."""
    if not isinstance(formula, str) or not 0 < len(formula) <= LONGEST:
        raise ValueError(
            f"formula must be a string of 1 to {LONGEST} characters, got "
            f"{formula!r:.80}."
        )
    try:
        return ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"formula must be an expression of Python, got {formula!r}: {error}."
        ) from None


def names_of(tree: ast.expr) -> set[str]:
    """Return the names that a formula reads, those of functions left out."""
    called = {id(x.func) for x in ast.walk(tree) if isinstance(x, ast.Call)}
    return {
        x.id for x in ast.walk(tree) if isinstance(x, ast.Name) and id(x) not in called
    }


def evaluate(tree: ast.AST, values: Mapping[str, Any]) -> Any:
    """Return the value of a tree that has only allowed parts."""

    def of(part: ast.AST) -> Any:
        return evaluate(part, values)

    match tree:
        case ast.Constant(value=int() | float() as number) if number is not True and (
            number is not False
        ):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=a, op=op, right=b) if type(op) in OPERATORS:
            return OPERATORS[type(op)](of(a), of(b))
        case ast.UnaryOp(op=op, operand=a) if type(op) in OPERATORS:
            return OPERATORS[type(op)](of(a))
        case ast.Compare(left=a, ops=[op], comparators=[b]) if type(op) in OPERATORS:
            return OPERATORS[type(op)](of(a), of(b))
        case ast.BoolOp(op=op, values=parts):
            result = of(parts[0])
            for part in parts[1:]:
                result = OPERATORS[type(op)](result, of(part))
            return result
        case ast.IfExp(test=condition, body=a, orelse=b):
            return np.where(of(condition), of(a), of(b))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if (
            name in FUNCTIONS and len(parts) == ARGUMENTS.get(name, 1)
        ):
            return FUNCTIONS[name](*map(of, parts))
    refuse(tree)


def refuse(tree: ast.AST) -> NoReturn:
    """Raise an error that says what a formula may be made of."""
    raise ValueError(
        "formula must be made of p, q, L, constants, numbers, + - * / **, comparisons, "
        f"`a if c else b` and the functions {', '.join(FUNCTIONS)}, got "
        f"{ast.unparse(tree)!r:.80}.{hint_for(tree)}"
    )


def hint_for(tree: ast.AST) -> str:
    """Return a hint about a common mistake."""
    match tree:
        case ast.BinOp(op=ast.BitXor()):
            return " A power is written **."
        case ast.Call(func=ast.Name(id="ln")):
            return " The natural logarithm is log."
    return ""
