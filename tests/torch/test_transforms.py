"""LossModule under what must see operations of torch: compilers and transforms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent.losses import CrossEntropy, Focal, FormulaLoss, GeneralizedCrossEntropy

torch = pytest.importorskip("torch", reason="pip install '.[torch]'")

from torch.autograd import forward_ad  # noqa: E402

from skxent.torch import LossModule  # noqa: E402

# torch itself calls what it deprecates, under one category or another.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")
K = 4
MODULES = [
    LossModule(CrossEntropy(), label_smoothing=0.1),
    LossModule(Focal(2.0), class_weight=torch.tensor([1.0, 2.0, 0.5, 3.0])),
    LossModule(Focal((0.0, 1.0, 2.0, 3.0)), reduction="sum"),
    LossModule(FormulaLoss("minimum(L, 1.5) + (1 - p**a) / a", a=0.3)),
]
all_modules = pytest.mark.parametrize("module", MODULES, ids=repr)


def rows():
    random = torch.Generator().manual_seed(0)
    z = 3 * torch.randn(24, K, generator=random, dtype=torch.float64)
    return z, torch.randint(K, (24,), generator=random)


def gradient(module, z, target):
    z = z.detach().requires_grad_()
    value = module(z, target)
    return value.detach(), torch.autograd.grad(value, z)[0]


@pytest.mark.parametrize("module", MODULES[1:3], ids=repr)
def test_compile(module):
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    for found, expected in zip(
        gradient(compiled, *rows()), gradient(module, *rows()), strict=True
    ):
        assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@all_modules
def test_functional_transforms(module):
    z, target = rows()
    value, expected = gradient(module, z, target)
    found = torch.func.grad_and_value(module)(z, target)
    assert_allclose(found[1], value, rtol=1e-12)
    assert_allclose(found[0], expected, rtol=1e-12, atol=1e-15)
    # A gradient of each row, as for privacy.
    each = torch.func.vmap(torch.func.grad(module))(z, target)
    ones = [gradient(module, *pair)[1].numpy() for pair in zip(z, target, strict=True)]
    assert_allclose(each, np.stack(ones), rtol=1e-12, atol=1e-15)
    with_respect_to_z = torch.func.hessian(module)(z[0], target[0])
    expected = torch.autograd.functional.hessian(lambda z: module(z, target[0]), z[0])
    assert_allclose(with_respect_to_z, expected, rtol=1e-12, atol=1e-15)


@all_modules
def test_forward_mode(module):
    z, target = rows()
    direction = torch.ones_like(z).cumsum(1)
    _, expected = gradient(module, z, target)
    with forward_ad.dual_level():
        dual = module(forward_ad.make_dual(z, direction), target)
        tangent = forward_ad.unpack_dual(dual).tangent
    assert_allclose(tangent, (expected * direction).sum(), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Converting a tensor to a Python boolean")
def test_trace():
    module = LossModule(GeneralizedCrossEntropy())
    z, target = rows()
    traced = torch.jit.trace(module, (z, target))
    other = z + 1 / (1 + z**2)
    assert_allclose(traced(other, target), module(other, target), rtol=1e-12)
