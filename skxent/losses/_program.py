"""A traced formula as the instructions that the kernels run: see src/program.h."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skxent.kernels.arrays import Floats
from skxent.losses._graph import Node, in_order, node
from skxent.losses._log_slope import log_slope
from skxent.losses._rewriting import add, log

# In the order of `enum operation` in src/program.h; by their names in _rewriting.py.
OPERATIONS = (
    "margin_shift",
    "p",
    "q",
    "L",
    "log_q",
    "monomial",
    "modulated_L",
    "complement_p",
    "complement_q",
    "constant",
    "class_constant",
    "affine",
    "combine",
    "multiply",
    "divide",
    "power",
    "exp",
    "expm1",
    "log",
    "log1p",
    "maximum",
    "less",
    "select",
)
REGISTERS = 16
MOST_INSTRUCTIONS = 255
LAYOUT = struct.Struct("<5B3xdd")  # operation, to, three inputs; two constants


@dataclass(frozen=True)
class Instruction:
    """An operation on registers."""

    operation: str
    to: int
    inputs: tuple[int, ...]
    constants: tuple[float, ...]

    def pack(self) -> bytes:
        """Return the instruction as program.h reads it."""
        inputs, constants = self.inputs, self.constants
        if self.operation in ("margin_shift", "class_constant"):
            inputs, constants = (int(constants[0]),), ()
        return LAYOUT.pack(
            OPERATIONS.index(self.operation),
            self.to,
            *(*inputs, 0, 0, 0)[:3],
            *(*constants, 0.0, 0.0)[:2],
        )


def instructions(result: Node) -> Iterator[Instruction]:
    """Give each node of a graph a register, which is free again after its last use."""
    nodes = in_order(result)
    last_use = {x: at for at, one in enumerate(nodes) for x in one.inputs}
    free, place = list(range(REGISTERS)), dict[Node, int]()
    if len(nodes) >= MOST_INSTRUCTIONS:
        raise ValueError(
            f"phi must have at most {MOST_INSTRUCTIONS - 1} operations, got "
            f"{len(nodes)}."
        )
    for at, one in enumerate(nodes):
        inputs = tuple(place[x] for x in one.inputs)
        done = (x for x in dict.fromkeys(one.inputs) if last_use[x] == at)
        free.extend(place[x] for x in done)
        if not free:
            raise ValueError(
                f"phi must have at most {REGISTERS} values in use at once. Write sums "
                "so that each term is added as soon as it is computed."
            )
        free.sort()
        place[one] = free.pop(0)
        operation, constants = one.operation, one.constants
        if operation == "monomial" and sorted(constants) == [0.0, 1.0]:
            operation, constants = "p" if constants[0] else "q", ()
        yield Instruction(operation, place[one], inputs, constants)


@dataclass(frozen=True, eq=False)
class Program:
    """A traced formula.

    result : the graph, which readers other than the kernels go through.
    code : instructions.
    theta : (constants, classes), the constants that depend on the class.
    slope : instructions of log(-φ'/q); none if they are too many, or margins are
        shifted: the kernels then take the logarithm of φ'.
    """

    result: Node
    code: bytes
    theta: Floats
    slope: bytes

    @property
    def shifted(self) -> bool:
        """Return True if margins are first shifted by the first row of theta."""
        return self.code[0] == OPERATIONS.index("margin_shift")

    def spec(self, tails: Floats) -> tuple[bytes, bytes, bytes, bytes]:
        """Return the program as the kernels take it; see `Traced` for the tails."""
        return self.code, self.slope, self.theta.tobytes(), tails.tobytes()


def compile_graph(result: Node, theta: Floats, shifted: bool = False) -> Program:
    """Return the program of a graph, with the constants that depend on the class.

    shifted : the margins are first shifted by the first of these constants
    """
    shift = Instruction("margin_shift", 0, (), (0.0,)).pack() if shifted else b""
    theta = np.ascontiguousarray(theta, dtype=np.float64)
    slope = b"" if shifted else slope_code(result)
    return Program(result, shift + code_of(result), theta, slope)


def code_of(result: Node) -> bytes:
    """Return the instructions of a graph."""
    return b"".join(x.pack() for x in instructions(result))


def slope_code(result: Node) -> bytes:
    """Return the instructions of log(-φ'/q), or none if that does not fit."""
    try:
        # The logarithm is undefined if φ grows; such a φ is refused later.
        with np.errstate(all="ignore"):
            x, r = log_slope(result)
            slope = add(x, log(r))
        if not isinstance(slope, Node):
            slope = node("constant", constants=(slope,))
        return code_of(slope)
    except (ValueError, TypeError, ArithmeticError, RecursionError, struct.error):
        return b""  # It is too long, or has constants that are no real numbers.
