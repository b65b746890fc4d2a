"""Formulas as operations of torch, for all devices, dtypes, compilers and transforms.

Everything is a function of the margin m of a class, and nothing cancels, neither in the
values nor in the derivatives that torch makes of these operations:

    L = max(-m, 0) + log1p(exp(-|m|))    log q = -L(-m)    p = exp(-L)    q = exp(log q)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from skxent.losses._graph import Node, fold
from skxent.losses._loss import Loss
from skxent.losses._traced import traced

# Numbers in place of infinity, so that 0 times it is 0, as in src/program.h.
STANDS_FOR_INFINITY = {torch.float64: 1e150, torch.float32: 1e15}


class Formula(NamedTuple):
    """A program in the types that compilers know: see `skxent.losses._program`."""

    result: Node
    theta: list[list[float]]
    shifted: bool


# Compilers take what it returns for a constant, and do not look inside.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def formula_of(loss: Loss, n_classes: int) -> Formula:
    """Return the formula of a loss."""
    program = traced(loss.for_classes(range(n_classes))).program
    return Formula(program.result, program.theta.tolist(), program.shifted)


def bounded(z: Tensor) -> Tensor:
    """Return logits without infinities."""
    big = STANDS_FOR_INFINITY[z.dtype]
    return z.clamp(-big, big)


def margins_of_codes(z: Tensor, codes: Tensor) -> Tensor:
    """Return the margin of one class of each row (n, K): (n,)."""
    at = codes.unsqueeze(1)
    others = (z - z.gather(1, at)).scatter(1, at, -torch.inf)
    return -others.logsumexp(1)


def margins_of_all(z: Tensor) -> Tensor:
    """Return the margins of all classes: (n, K).

    The sum of the others is formed without subtraction for the likeliest class, whose
    own term is most of the sum, and is at least 1 for the others.
    """
    top, at = z.detach().max(1, keepdim=True)
    d = z - top
    e = d.exp()
    is_top = torch.zeros_like(e, dtype=torch.bool).scatter(1, at, True)
    of_top = d.masked_fill(is_top, -torch.inf).logsumexp(1, keepdim=True)
    e_top = e.gather(1, at)
    others = (e.masked_fill(is_top, 0.0).sum(1, keepdim=True) - e) + e_top
    # Logarithms that are not taken must have a derivative, too.
    log_others = torch.where(is_top, 1.0, others).log()
    return d - torch.where(is_top, of_top, log_others)


def phi(formula: Formula, m: Tensor, codes: Tensor | None = None) -> Tensor:
    """Return φ at margins m, (n, K), or (n,) of the classes `codes` (n,)."""
    theta = None
    if formula.theta:
        theta = torch.tensor(formula.theta, dtype=m.dtype, device=m.device)
        theta = theta if codes is None else theta[:, codes]
        m = m - theta[0] if formula.shifted else m
    f = fold(formula.result, operations(m, theta))
    # A term that grows with L is infinite if L is.
    big = STANDS_FOR_INFINITY[m.dtype]
    return torch.where((m < -0.1 * big) & (f > 1e-9 * big), torch.inf, f)


def operations(m: Tensor, theta: Any) -> dict[str, Callable[..., Any]]:
    """Return the operations of a program as functions at margins m."""
    # Not m.abs(), whose derivative at 0 is 0.
    negative = m < 0
    far = torch.where(negative, m, -m).exp().log1p()
    L = torch.where(negative, -m, 0.0) + far
    log_q = -torch.where(negative, 0.0, m) - far

    def monomial(k: float, l: float) -> Tensor:
        if k == 0:
            return (l * log_q).exp()
        return (-k * L if l == 0 else l * log_q - k * L).exp()

    return {
        "L": lambda: L,
        "log_q": lambda: log_q,
        "monomial": monomial,
        "modulated_L": lambda k, l: monomial(k, l) * L,
        "complement_p": lambda k: complement(-k * L),
        "complement_q": lambda k: complement(k * log_q),
        "constant": lambda k: torch.full_like(m, k),
        "class_constant": lambda j: theta[int(j)],
        "affine": lambda x, k, l: k * x + l,
        "combine": lambda x, y, k, l: k * x + l * y,
        "multiply": torch.mul,
        "divide": torch.div,
        "power": power,
        "exp": torch.exp,
        "expm1": lambda x: -complement(x),
        "log": torch.log,
        "log1p": torch.log1p,
        # At a kink the derivative is the first one's, as in the kernels.
        "maximum": lambda x, y: torch.where(x >= y, x, y),
        "less": lambda x, y: (x < y).to(m.dtype),
        "select": lambda x, y, condition: torch.where(condition != 0, x, y),
    }


def complement(x: Tensor) -> Tensor:
    """Return 1 - e^x; torch's derivative of expm1 is 1 plus its value."""
    near = x > -1
    return torch.where(near, -torch.where(near, x, 0.0).expm1(), 1 - x.exp())


def power(x: Tensor, c: float) -> Tensor:
    """Return x^c, of slope 0 at 0."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0) ** c, 0.0)
