"""LossModule in training: forward and backward, compared with torch's own losses.

All take the mean over the rows of leaf logits. `loss_gradient` is our kernel without
torch. "autograd" is torch's derivative of the same formula of softmax, as one writes
it. One thread, and in some rows two.
"""

import numpy as np
import pytest

from catalogue import CATALOGUE
from reporting.record import shape
from skxent.losses import LOSSES, CrossEntropy, Focal

torch = pytest.importorskip("torch", reason="pip install torch")

# Both import torch: they stand below the skip of this file where it is missing.
from skxent.torch import LossModule  # noqa: E402
from tensors import phi  # noqa: E402

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
    """The formula of p, 1 - p and -log p, as one writes it in torch."""

    def mean(z, y):
        L = torch.nn.functional.cross_entropy(z, y, reduction="none")
        p = torch.exp(-L)
        return phi(loss, p, 1 - p, L).mean()

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


@pytest.mark.parametrize("name", [*sorted(LOSSES), *CATALOGUE])
def test_autograd(compare, name):
    """Every loss and formula of papers, compared with torch's derivative"""
    torch.set_num_threads(1)
    loss = CATALOGUE[name][0] if name in CATALOGUE else LOSSES[name]()
    z, y = rows(N, K, "float64")
    try:
        LossModule(loss)(z, y)
    except ValueError as error:
        pytest.skip(f"not for {K} classes: {error}")
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
    """Log-odds, compared with BCEWithLogitsLoss"""
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
