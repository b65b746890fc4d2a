"""Formulas of torch's tensors, for its autograd to differentiate."""

import torch
from numpy.lib.mixins import NDArrayOperatorsMixin


class Formula(NDArrayOperatorsMixin):
    """A tensor to which numpy's functions do what torch's of that name do."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __array_ufunc__(self, ufunc, method, *inputs):
        return self.apply(ufunc.__name__, inputs)

    def __array_function__(self, function, types, inputs, keywords):
        return self.apply(function.__name__, inputs)

    def apply(self, name, inputs):
        function = getattr(torch, {"power": "pow"}.get(name, name))
        plain = [getattr(x, "tensor", x) for x in inputs]
        if name in ("maximum", "minimum", "where"):
            plain = [torch.as_tensor(x, dtype=self.dtype_of(x)) for x in plain]
        return Formula(function(*plain))

    def dtype_of(self, x):
        return x.dtype if isinstance(x, torch.Tensor) else self.tensor.dtype


def phi(loss, *tensors):
    """Return φ of p, q and L, as the formula is written."""
    return loss.phi(*map(Formula, tensors)).tensor
