"""LossModule in training: forward and backward, beside torch's own losses.

All take the mean over the rows of leaf logits. `loss_gradient` is our kernel without
torch. "autograd" is torch's derivative of the same formula of softmax, as one writes
it. One thread, and in some rows two.
"""

import numpy as np
import pytest

from reporting.record import shape
from skxent.losses import LOSSES, CrossEntropy, Focal
from skxent.losses._graph import fold
from skxent.losses._traced import traced

torch = pytest.importorskip("torch", reason="pip install torch")

from skxent.torch import LossModule  # noqa: E402

THREADS = 1
N, K = 100_000, 10


def rows(n, n_classes, dtype):
    rng = np.random.default_rng(0)
    z = torch.tensor(rng.normal(scale=3, size=(n, n_classes)).astype(dtype))
    return z.requires_grad_(), torch.tensor(rng.integers(0, n_classes, n))


def step(loss, z, y):
    def call():
        z.grad = None
        loss(z, y).backward()

    return call


def kernel(loss, z, y, n_threads):
    z, y = z.detach().numpy(), y.numpy()
    value, gradient = np.empty(len(z), z.dtype), np.empty_like(z)
    return lambda: loss.loss_gradient(
        y, z, loss_out=value, gradient_out=gradient, n_threads=n_threads
    )


def autograd(loss):
    """The formula of p, 1 - p and log p, as one writes it in torch."""
    result = traced(loss).program.result

    def scaled(k, x):
        return x if k == 1 else k * x

    def mean(z, y):
        L = torch.nn.functional.cross_entropy(z, y, reduction="none")
        p = torch.exp(-L)
        q = 1 - p

        def powers(k, l):
            return p**k if l == 0 else q**l if k == 0 else p**k * q**l

        meanings = {
            "L": lambda: L,
            "log_q": lambda: torch.log(q),
            "monomial": powers,
            "modulated_L": lambda k, l: powers(k, l) * L,
            "complement_p": lambda k: 1 - p**k,
            "complement_q": lambda k: 1 - q**k,
            "constant": lambda k: torch.tensor(k, dtype=z.dtype),
            "affine": lambda x, k, l: scaled(k, x) + l if l else scaled(k, x),
            "combine": lambda x, y, k, l: scaled(k, x) + scaled(l, y),
            "multiply": torch.mul,
            "divide": torch.div,
            "power": torch.pow,
            "exp": torch.exp,
            "expm1": torch.expm1,
            "log": torch.log,
            "log1p": torch.log1p,
            "maximum": torch.maximum,
            "less": torch.less,
            "select": lambda x, y, condition: torch.where(condition, x, y),
        }
        return fold(result, meanings).mean()

    return mean


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("n", "n_classes"), [(N, K), (10_000, 100), (200, 10)])
def test_cross_entropy(compare, n, n_classes, dtype, n_threads):
    """Cross-entropy, forward and backward"""
    torch.set_num_threads(n_threads)
    z, y = rows(n, n_classes, dtype)
    asked = (n, dtype) == (N, "float64")
    compare(
        f"{shape(n, n_classes)}, {dtype}, n_threads={n_threads}",
        {
            "skxent": step(LossModule(CrossEntropy()), z, y),
            "torch": step(torch.nn.CrossEntropyLoss(), z, y),
            "loss_gradient": kernel(CrossEntropy(), z, y, n_threads),
        },
        at_least={"torch": 4.0, "loss_gradient": 1 / 1.3} if asked else {},
    )


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_autograd(compare, name):
    """Every loss, beside torch's derivative of its formula"""
    torch.set_num_threads(1)
    loss = LOSSES[name]()
    z, y = rows(N, K, "float64")
    if traced(loss.for_classes(range(K))).program.theta.size:
        pytest.skip("it differs between classes")
    compare(
        f"{loss!r}, {shape(N, K)}",
        {
            "skxent": step(LossModule(loss), z, y),
            "autograd": step(autograd(loss), z, y),
        },
        at_least={"autograd": 2.0},
    )


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_binary(compare, loss):
    """Log-odds, beside BCEWithLogitsLoss"""
    torch.set_num_threads(1)
    z, y = rows(N * K, 2, "float64")
    z, y = z.detach()[:, 0].clone().requires_grad_(), y.to(z.dtype)
    compare(
        f"{loss!r}, {shape(N * K)}",
        {
            "skxent": step(LossModule(loss, multilabel=True), z, y),
            "torch": step(torch.nn.BCEWithLogitsLoss(), z, y),
        },
    )
