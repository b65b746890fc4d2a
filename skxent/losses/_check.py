"""The long check of a loss of one's own."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss

DIFFERENCE = 1e-3  # the step of finite differences, which then err by about 1e-12
POINTS = 200
NEARLY_ALL = 0.9  # of the points; the others may be at kinks


def check_loss(loss: Loss, *, random_state: int | None = None) -> None:
    """Check a loss of your own thoroughly, as in its tests.

    A loss is checked when it is made: that φ is finite, falls and vanishes. This
    function also checks that

    - it is a value: picklable, and equal to its copy, with the same hash and repr;
    - the kernels give what `phi` gives of numbers, and its derivatives;
    - float32 gives what float64 gives;
    - infinite logits give limits, and NaN stays in its row;
    - soft labels are mixtures of hard ones;
    - it is convex, proper and has a posterior where it says so.

    Parameters
    ----------
    loss : Loss
        The loss, for example one of your own.
    random_state : int, default=None
        Seed of the logits at which it is checked.

    Raises
    ------
    ValueError
        If a check fails. The message says which, and what to write instead.

    See Also
    --------
    Loss : What a loss of one's own defines.

    Examples
    --------
    >>> from skxent.losses import FormulaLoss, check_loss
    >>> check_loss(FormulaLoss("q**gamma * L + 0.5 * q", gamma=2.0))
    """
    if not isinstance(loss, Loss):
        raise ValueError(
            f"loss must be an object of a subclass of Loss, got {loss!r}."
            + (f" Write {loss.__name__}()." if isinstance(loss, type) else "")
        )
    check_value(loss)
    for one in loss.each_class():
        rng = np.random.default_rng(random_state)
        check_numbers(one, rng)
        check_derivatives(one, rng)
        check_float32(one, rng)
        check_limits(one)
        check_promises(one, rng)


def must(right: Any, what: str, instead: str) -> None:
    """Raise a ValueError unless a property of a loss holds."""
    if not np.all(right):
        raise ValueError(f"loss must {what}. {instead}")


def check_value(loss: Loss) -> None:
    """Check that pickles find the class, and that they and copies equal the loss."""
    instead = (
        "Define its class at the top of a module, as a dataclass(frozen=True) whose "
        "fields are its parameters."
    )
    cls: Any = type(loss)
    path = cls.__qualname__.split(".")
    module = sys.modules.get(cls.__module__)
    found = reduce(lambda owner, name: getattr(owner, name, None), path, module)
    must(found is cls, f"be picklable, got {cls.__qualname__}", instead)
    other = copy.deepcopy(loss)  # as pickles do
    same = other == loss and hash(other) == hash(loss) and repr(other) == repr(loss)
    must(same, f"be equal to its copy, got {other!r}", instead)


def check_numbers(loss: Loss, rng: np.random.Generator) -> None:
    """Compare the kernels with what phi gives of numbers."""
    m = rng.uniform(-20, 20, POINTS)
    p, q, L = 1 / (1 + np.exp(-m)), 1 / (1 + np.exp(m)), np.logaddexp(0, -m)
    with np.errstate(all="ignore"):
        called = np.array(
            [float(loss.phi(*x)) for x in zip(p, q, L, strict=True)], dtype=np.float64
        )
    ours = value(loss, m)
    # A step may be taken at either side.
    close = np.abs(called - ours) <= 1e-9 * (1 + np.abs(ours))
    must(
        close.mean() >= NEARLY_ALL,
        f"have a phi of numbers that is what the kernels give, got {called[~close]} "
        f"and {ours[~close]}",
        "phi must depend on p, q, L and the parameters alone.",
    )


def value(loss: Loss, m: Floats) -> Floats:
    """Return φ at margins m."""
    return loss.loss(np.ones(len(m), dtype=np.intp), m)


def differences(f: Any, m: Floats) -> tuple[Floats, Floats]:
    """Return the derivative of f, and its change if the step is twice as long."""

    def of(h: float) -> Floats:
        far, near = f(m + 2 * h) - f(m - 2 * h), f(m + h) - f(m - h)
        return np.asarray((8 * near - far) / (12 * h))

    return of(DIFFERENCE), np.abs(of(DIFFERENCE) - of(2 * DIFFERENCE))


def check_derivatives(loss: Loss, rng: np.random.Generator) -> None:
    """Compare the gradient and the Hessian with differences."""
    m = rng.uniform(-12, 12, POINTS)
    y = np.ones(POINTS, dtype=np.intp)

    def hessian(y: Any, m: Any) -> Floats:
        return loss.gradient_hessian(y, m)[1]

    orders: list[tuple[str, Callable[..., Floats], Callable[..., Floats]]] = [
        ("gradient", loss.loss, loss.gradient),
        ("Hessian", loss.gradient, hessian),
    ]
    for name, lower, upper in orders:
        found = upper(y, m)
        expected, spread = differences(partial(lower, y), m)
        allowed = 1e-6 * np.abs(found) + 1e-8 * (1 + np.abs(lower(y, m)))
        right = np.abs(found - expected) <= allowed + spread
        must(
            right.mean() >= NEARLY_ALL,
            f"have the {name} of differences, got {found[~right]} and "
            f"{expected[~right]}",
            "Write phi without jumps: both sides of a np.where must meet.",
        )


def check_float32(loss: Loss, rng: np.random.Generator) -> None:
    """Compare float32 with float64."""
    m = rng.uniform(-40, 40, POINTS).astype(np.float32)
    y = np.ones(POINTS, dtype=np.intp)
    for what, f in [("loss", loss.loss), ("gradient", loss.gradient)]:
        single, double = f(y, m), f(y, m.astype(np.float64))
        near = np.abs(single - double) <= 1e-4 * (np.abs(double) + np.abs(double).min())
        constant = 1e-5 * np.abs(double[np.abs(m) < 10]).max()
        near |= np.abs(single - double) <= constant
        must(
            near.mean() >= NEARLY_ALL,
            f"have the same {what} in float32 as in float64, got {single[~near]} and "
            f"{double[~near]}",
            "Write differences so that they do not cancel: q for 1 - p, np.expm1(x) "
            "for np.exp(x) - 1, np.log1p(x) for np.log(1 + x).",
        )


def check_limits(loss: Loss) -> None:
    """Check that infinite logits give limits, and that NaN gives NaN."""
    infinite = np.array([np.inf, -np.inf, np.nan])
    for dtype in (np.float32, np.float64):
        found = value(loss, infinite.astype(dtype))
        slopes = loss.gradient([1, 1, 1], infinite.astype(dtype))
        far = value(loss, np.array([-80.0], dtype))[0]
        right = abs(found[0]) <= 1e-5 * far and found[1] >= far * (1 - 1e-4)
        nan = np.isnan(found[2]) and np.isnan(slopes[2])
        must(
            right and nan and not np.isnan(slopes[:2]).any(),
            f"have limits at infinite logits, got {found[:2]} and slopes {slopes[:2]}",
            "Write phi so that no infinity is taken from another at p = 0.",
        )


def check_promises(loss: Loss, rng: np.random.Generator) -> None:
    """Check soft labels, and the properties that the loss declares."""
    z = rng.normal(scale=2, size=(POINTS, 3))
    y = np.arange(POINTS) % 3
    ends = z[: POINTS // 2], z[POINTS // 2 :]
    labels = y[: POINTS // 2]
    chord = (loss.loss(labels, ends[0]) + loss.loss(labels, ends[1])) / 2
    above = loss.loss(labels, (ends[0] + ends[1]) / 2) - chord
    must(
        not loss.convex or (above <= 1e-9 * (1 + chord)).all(),
        "be convex, or not say so, got a chord below the curve",
        "Leave `convex` out: it is found.",
    )
    soft = rng.dirichlet(np.ones(3), POINTS)
    parts = [soft[:, c] * loss.loss(np.full(POINTS, c), z) for c in range(3)]
    must(
        np.isclose(loss.loss(soft, z), sum(parts), rtol=1e-9, atol=1e-12),
        "be a mixture for soft labels",
        "Do not override `loss`.",
    )
    proba, implied = loss.predict_proba(z), loss.posterior(z)
    must(
        not loss.proper or np.allclose(proba, implied, rtol=1e-9),
        "have softmax for a posterior if it is proper, or not say so",
        "Leave `proper` out: it is found.",
    )
    scale = np.abs(loss.gradient(y, z)).max()
    balance = np.abs(loss.gradient(implied, z)).max(axis=1) <= 1e-9 * scale
    must(
        not loss.has_posterior or balance.mean() >= NEARLY_ALL,
        "be stationary in expectation under its posterior",
        "Write phi without jumps.",
    )
