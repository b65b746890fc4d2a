"""Loss and gradient of logits beside scikit-learn's private losses; one thread each."""

import numpy as np
import pytest
from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

from skxent.losses import LOSSES

SHAPES = [(1_000_000, 1), (100_000, 3), (100_000, 10), (10_000, 100)]
LIBRARIES = [*LOSSES, "scikit-learn", "copy"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("n", "n_classes"), SHAPES)
def test_loss_gradient(measure, n, n_classes, dtype, library):
    rng = np.random.default_rng(0)
    z = rng.normal(scale=3, size=(n, n_classes)).astype(dtype)
    z = z[:, 0] if n_classes == 1 else z
    y = rng.integers(0, max(2, n_classes), n)
    loss, gradient = np.empty(n, dtype), np.empty_like(z)
    if library in LOSSES:
        ours = LOSSES[library]()

        def call():
            ours.loss_gradient(y, z, loss_out=loss, gradient_out=gradient, n_threads=1)
    elif library == "copy":

        def call():
            np.copyto(gradient, z)
    else:
        theirs = (
            HalfBinomialLoss()
            if n_classes == 1
            else HalfMultinomialLoss(n_classes=n_classes)
        )
        target = y.astype(dtype)

        def call():
            theirs.loss_gradient(
                target, z, loss_out=loss, gradient_out=gradient, n_threads=1
            )

    name = "skxent" if library == "cross_entropy" else library
    measure(f"loss+gradient {n:.0e}x{n_classes} {dtype}", name, call)
