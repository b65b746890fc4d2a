"""The kernels as an operation of torch: one pass for the loss and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from skxent.inputs.targets import Target
from skxent.losses._loss import Loss

DTYPES = (torch.float32, torch.float64)


def in_reach(z: Tensor, target: Tensor) -> bool:
    """Return True if kernels may read these tensors, and nobody else has to.

    Compilers, tracers and transforms must see operations of torch.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    for x in (z, target):
        if type(x) not in (Tensor, torch.nn.Parameter) or x.layout != torch.strided:
            return False
        if x.device.type != "cpu" or unpack_dual(x).tangent is not None:
            return False
    if z.dtype not in DTYPES or target.requires_grad:
        return False
    try:
        z.detach().numpy()
        target.detach().numpy()
    except RuntimeError:  # what torch.func passes has no memory of its own
        return False
    return True


@dataclass(frozen=True, eq=False)
class Pass:
    """A pass of the kernels over rows of logits."""

    loss: Loss
    target: Target
    summed: bool
    # The same as operations of torch, for derivatives of derivatives.
    as_operations: Callable[[Tensor], Tensor]

    def __call__(self, z: Tensor) -> Tensor:
        """Return the loss of every row, or their sum."""
        if z.requires_grad and torch.is_grad_enabled():
            result: Tensor = WithGradient.apply(z, self)
            return result
        return self.evaluate(z)

    def evaluate(self, z: Tensor, gradient: Tensor | None = None) -> Tensor:
        """Return the losses without a graph, and write the gradient."""
        value = z.new_empty(len(z))
        self.loss.evaluate(
            as_table(z),
            self.target,
            n_threads=torch.get_num_threads(),
            value=value.numpy(),
            gradient=None if gradient is None else as_table(gradient),
        )
        if not self.summed:
            return value
        return value.sum(dtype=torch.float64).to(value.dtype)


class WithGradient(torch.autograd.Function):
    """The loss, whose gradient is there when torch asks for it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, run: Pass) -> Tensor:
        """Return the loss, and keep its gradient."""
        gradient = torch.empty_like(z)
        result = run.evaluate(z, gradient)
        ctx.save_for_backward(z, gradient)
        ctx.run = run
        return result

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        """Return the gradient times `slope`, the derivative in the result."""
        z, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # this derivative will be differentiated
            result = ctx.run.as_operations(z)
            (product,) = torch.autograd.grad(result, z, slope, create_graph=True)
            return product, None
        if ctx.run.summed:
            return (gradient if slope.item() == 1 else gradient * slope), None
        return gradient * (slope.unsqueeze(1) if z.ndim == 2 else slope), None


def as_table(x: Tensor) -> Any:
    """Return the memory of a tensor as an array (n, columns)."""
    array = x.detach().numpy()
    return array if array.ndim == 2 else array[:, None]
