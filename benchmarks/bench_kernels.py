"""Loss and gradient from logits, compared with scikit-learn's private losses and torch.

One thread. torch runs forward and backward, with the loss summed over all rows. The
floor is a copy of the logits.
"""

import numpy as np
import pytest
from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

from reporting.record import shape
from skxent.losses import LOSSES, CrossEntropy, Focal

THREADS = 1
SHAPES = [(100_000, 3), (100_000, 10), (10_000, 100), (1_000_000, 1)]
each_shape = pytest.mark.parametrize(("n", "n_classes"), SHAPES)


def rows(n, n_classes, dtype):
    rng = np.random.default_rng(0)
    z = rng.normal(scale=3, size=(n, n_classes)).astype(dtype)
    y = rng.integers(0, max(2, n_classes), n)
    return (z[:, 0] if n_classes == 1 else z), y


def ours(loss, z, y, n_threads=1):
    value, gradient = np.empty(len(z), z.dtype), np.empty_like(z)
    return lambda: loss.loss_gradient(
        y, z, loss_out=value, gradient_out=gradient, n_threads=n_threads
    )


def scikit_learn(z, y):
    value, gradient = np.empty(len(z), z.dtype), np.empty_like(z)
    target = y.astype(z.dtype)
    binary = z.ndim == 1
    loss = HalfBinomialLoss() if binary else HalfMultinomialLoss(n_classes=z.shape[1])
    return lambda: loss.loss_gradient(
        target, z, loss_out=value, gradient_out=gradient, n_threads=1
    )


def torch_calls(z, y):
    """Forward and backward of torch, where it is installed."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    logits = torch.tensor(z, requires_grad=True)
    if z.ndim == 1:
        target = torch.tensor(y.astype(z.dtype))
        loss = torch.nn.functional.binary_cross_entropy_with_logits
    else:
        target = torch.tensor(y)
        loss = torch.nn.functional.cross_entropy

    def call():
        logits.grad = None
        loss(logits, target, reduction="sum").backward()

    return {"torch": call}


def copy(z):
    out = np.empty_like(z)
    return lambda: np.copyto(out, z)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each_shape
def test_cross_entropy(compare, n, n_classes, dtype):
    """Loss and gradient of cross-entropy"""
    z, y = rows(n, n_classes, dtype)
    calls = {"skxent": ours(CrossEntropy(), z, y), "scikit-learn": scikit_learn(z, y)}
    calls |= torch_calls(z, y) | {"copy": copy(z)}
    at_least = {"scikit-learn": 4.0} | ({"torch": 8.0} if n_classes > 1 else {})
    compare(
        f"{shape(n, n_classes)}, {dtype}",
        calls,
        floor="copy",
        at_least=at_least if dtype == "float64" else {},
        notes={} if "torch" in calls else {"torch": "not installed"},
    )


@pytest.mark.parametrize(("n", "n_classes"), [(100_000, 10), (1_000_000, 1)])
def test_beside_exp(compare, n, n_classes):
    """Loss and gradient, compared with exp alone of 1e6 numbers"""
    z, y = rows(n, n_classes, "float64")
    table = rows(100_000, 10, "float64")[0]
    shifted, out = table - table.max(axis=1, keepdims=True), np.empty_like(table)
    compare(
        f"{shape(n, n_classes)}, float64",
        {
            "skxent": ours(CrossEntropy(), z, y),
            "np.exp": lambda: np.exp(shifted, out=out),
            "copy": copy(z),
        },
        floor="copy",
        at_least={"np.exp": 1 / 1.6 if n_classes > 1 else 1 / 3.5},
    )


@each_shape
def test_other_losses(compare, n, n_classes):
    """Other losses, compared with cross-entropy"""
    z, y = rows(n, n_classes, "float64")
    others = {"Focal(1.7)": Focal(1.7)}
    others |= {cls.__name__: cls() for cls in LOSSES.values() if cls != CrossEntropy}
    calls = {"skxent": ours(CrossEntropy(), z, y)}
    calls |= {name: ours(loss, z, y) for name, loss in others.items()}
    compare(
        f"{shape(n, n_classes)}, float64",
        calls,
        at_most={"Focal": 1.3, "Focal(1.7)": 1.6},
    )


@each_shape
def test_float64_beside_float32(compare, n, n_classes):
    """Cross-entropy in float32, compared with float64"""
    calls = {
        name: ours(CrossEntropy(), *rows(n, n_classes, dtype))
        for name, dtype in (("skxent", "float32"), ("float64", "float64"))
    }
    compare(shape(n, n_classes), calls, at_least={"float64": 1.5})


@pytest.mark.parametrize("target", ["smoothed", "soft"])
def test_soft_targets(compare, target):
    """Soft targets, compared with hard ones"""
    z, y = rows(100_000, 10, "float64")
    soft = np.random.default_rng(1).dirichlet(np.ones(10), len(z))
    loss, out = CrossEntropy(), np.empty_like(z)
    keywords = {"gradient_out": out, "n_threads": 1}
    if target == "soft":
        y = soft
    else:
        keywords["label_smoothing"] = 0.1
    compare(
        f"{target} labels, 1e5 x 10",
        {
            "skxent": lambda: loss.loss_gradient(y, z, **keywords),
            "hard": ours(loss, z, soft.argmax(axis=1)),
            "copy": copy(z),
        },
        floor="copy",
    )
