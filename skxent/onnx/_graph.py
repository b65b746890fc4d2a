"""Nodes of ONNX graphs, by the names of their operators."""

from __future__ import annotations

from typing import Any

import numpy as np


class Graph:
    """Add nodes to a container immediately, and refer to each by its output's name.

    skl2onnx would visit an operator once for each path that leads to it. The graph of a
    loss can have millions of paths.
    """

    ops: Any
    opset: int
    dtype: type[np.floating[Any]]
    onnx_type: Any

    def __init__(self, scope: Any, container: Any, dtype: Any) -> None:
        from onnx import TensorProto
        from skl2onnx.algebra import onnx_ops

        self.place = scope, container
        self.ops, self.opset, self.dtype = onnx_ops, container.target_opset, dtype
        is_double = dtype is np.float64
        self.onnx_type = TensorProto.DOUBLE if is_double else TensorProto.FLOAT
        self.limits: Any = np.finfo(dtype)
        # Numbers that have all their digits: comparisons, and with what.
        self.normal_numbers = (
            ("Greater", self.limits.tiny / self.limits.eps),
            ("Less", self.limits.max),
        )
        # exp of it is 0, and its products with parameters of losses are finite.
        self.lowest: float = -float(np.sqrt(self.limits.max))

    def const(self, value: Any) -> Any:
        """Return a constant in the type of the graph."""
        return np.atleast_1d(np.asarray(value, dtype=self.dtype))

    def reduce(self, name: str, values: Any) -> Any:
        """Return the maximum or the sum over the classes: (n, 1)."""
        # The axes were an attribute before they became an input.
        if self.opset < {"Max": 18, "Sum": 13}[name]:
            return self(f"Reduce{name}", values, axes=[1], keepdims=1)
        return self(f"Reduce{name}", values, np.array([1]), keepdims=1)

    def __call__(self, name: str, *inputs: Any, **settings: Any) -> str:
        """Add a node and return the name of its output."""
        output = self.place[0].get_unique_variable_name(name)
        return self.named(output, name, *inputs, **settings)

    def named(self, output: Any, name: str, *inputs: Any, **settings: Any) -> Any:
        """Add a node of this output and return the output."""
        settings = {"op_version": self.opset, "output_names": [output], **settings}
        getattr(self.ops, f"Onnx{name}")(*inputs, **settings).add_to(*self.place)
        return output

    def is_true(self, x: Any) -> Any:
        """Return whether x differs from 0."""
        return self("Greater", self("Abs", x), self.const(0.0))

    def expm1(self, x: Any) -> Any:
        """Return e^x - 1 = tanh(x / 2) (e^x + 1), without cancellation."""
        more = self("Add", self("Exp", x), self.const(1.0))
        return self("Mul", self("Tanh", self("Mul", x, self.const(0.5))), more)

    def log1p_over(self, x: Any) -> Any:
        """Return log(1 + x) / x as log(u) / (u - 1), whatever rounding made of u."""
        one = self.const(1.0)
        u = self("Add", x, one)
        added = self("Sub", u, one)
        counts = self.is_true(added)
        quotient = self("Div", self("Log", u), self("Where", counts, added, one))
        return self("Where", counts, quotient, one)

    def log1p(self, x: Any) -> Any:
        """Return log(1 + x)."""
        return self("Mul", x, self.log1p_over(x))
