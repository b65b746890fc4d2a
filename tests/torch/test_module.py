"""LossModule: torch's own results with cross-entropy, the kernels' with every loss."""

import copy
import doctest
import io
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose

from oracle import LOSS_INSTANCES
from skxent.losses import (
    AsymmetricLoss,
    CrossEntropy,
    Focal,
    FormulaLoss,
    Loss,
    SymmetricCrossEntropy,
)

torch = pytest.importorskip("torch", reason="pip install '.[torch]'")

import skxent.torch._module  # noqa: E402
from skxent.torch import LossModule  # noqa: E402


@dataclass(frozen=True)
class Shifted(Loss):
    """LDAM's shifts of margins, and an exponent for each class."""

    margin_shift: tuple[float, ...] = (0.1, 0.5, 0.3, 0.2)
    gamma: tuple[float, ...] = (0.0, 1.0, 2.0, 0.5)

    def phi(self, p, q, L):
        return q**self.gamma * L


ALL = [
    *LOSS_INSTANCES,
    FormulaLoss("where(p < 0.3, 1.5 * L, 1.2 * q + L * 0.1) + (1 - p**a) / a", a=0.3),
    FormulaLoss("minimum(L, 1.5) + sqrt(q) + q / (1 + p) + log1p(L) + 1 - exp(-L**2)"),
]
K = 4
WEIGHT = [1.0, 2.0, 0.5, 3.0]
REDUCTIONS = ["none", "mean", "sum"]
# Arguments of CrossEntropyLoss, and whether targets are probabilities.
OPTIONS = [
    {},
    {"label_smoothing": 0.1},
    {"class_weight": WEIGHT},
    {"class_weight": WEIGHT, "label_smoothing": 0.3},
]
all_losses = pytest.mark.parametrize("loss", ALL, ids=repr)
all_options = pytest.mark.parametrize("options", OPTIONS, ids=str)
all_reductions = pytest.mark.parametrize("reduction", REDUCTIONS)


def rows(shape=(24, K), kind="codes", dtype=torch.float64, seed=0):
    """Logits of all classes at axis 1, and their targets."""
    random = torch.Generator().manual_seed(seed)
    z = 3 * torch.randn(shape, generator=random, dtype=dtype)
    if kind == "codes":
        target = torch.randint(shape[1], (shape[0], *shape[2:]), generator=random)
    else:
        target = torch.rand(shape, generator=random, dtype=dtype).softmax(1)
    return z.requires_grad_(), target


def weights(options, dtype=torch.float64):
    """Class weights as a tensor, which torch wants in the dtype of logits."""
    given = dict(options)
    if "class_weight" in given:
        given["class_weight"] = torch.tensor(given["class_weight"], dtype=dtype)
    return given


def as_torch(options):
    return {{"class_weight": "weight"}.get(k, k): v for k, v in options.items()}


def by_operations(module):
    """The module as it runs where kernels do not."""

    def call(z, target):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(skxent.torch._module, "in_reach", lambda *_: False)
            return module(z, target)

    return call


def both_ways(module):
    return [module, by_operations(module)]


def check_equal(ours, theirs, z, rtol=1e-12):
    """Values, and gradients of a sum in which each has another weight."""
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol)
    factor = torch.linspace(1, 2, ours.numel()).reshape(ours.shape).to(ours)
    found = torch.autograd.grad((ours * factor).sum(), z, retain_graph=True)
    expected = torch.autograd.grad((theirs * factor).sum(), z)
    torch.testing.assert_close(found, expected, rtol=rtol, atol=rtol)


@all_reductions
@all_options
@pytest.mark.parametrize("kind", ["codes", "probabilities"])
@pytest.mark.parametrize("shape", [(24, K), (6, K, 3), (2, K, 3, 5), (0, K)], ids=str)
def test_cross_entropy_is_that_of_torch(shape, kind, options, reduction):
    z, target = rows(shape, kind)
    if kind == "codes" and len(target) > 4:
        target[::5] = -100
    options = {"reduction": reduction, **weights(options)}
    theirs = torch.nn.CrossEntropyLoss(**as_torch(options))
    for ours in both_ways(LossModule(CrossEntropy(), **options)):
        with np.errstate(invalid="ignore"):
            expected = theirs(z, target)
            if expected.isnan().any():
                assert ours(z, target).isnan().all()
            else:
                check_equal(ours(z, target), expected, z)


@all_reductions
def test_one_row_without_an_axis(reduction):
    for kind in ("codes", "probabilities"):
        z, target = rows((1, K), kind)
        z, target = z.detach()[0].requires_grad_(), target[0]
        theirs = torch.nn.CrossEntropyLoss(reduction=reduction)
        for ours in both_ways(LossModule("cross_entropy", reduction=reduction)):
            check_equal(ours(z, target), theirs(z, target), z)


@pytest.mark.parametrize("options", [{}, {"class_weight": WEIGHT}], ids=str)
def test_ignored_rows(options):
    z, target = rows()
    options = {"ignore_index": 2, **weights(options)}
    theirs = torch.nn.CrossEntropyLoss(**as_torch(options))
    for ours in both_ways(LossModule(CrossEntropy(), **options)):
        check_equal(ours(z, target), theirs(z, target), z)
        nothing = ours(z, torch.full_like(target, 2))
        assert nothing.isnan()
        assert not torch.autograd.grad(nothing, z)[0].any()


@all_reductions
@pytest.mark.parametrize("shape", [(24,), (24, K), (2, K, 3), ()], ids=str)
@pytest.mark.parametrize("weighted", [(), ("weight",), ("weight", "pos_weight")])
def test_binary_cross_entropy_is_that_of_torch(weighted, shape, reduction):
    random = torch.Generator().manual_seed(1)
    z = 3 * torch.randn(shape, generator=random, dtype=torch.float64)
    target = torch.rand(shape, generator=random, dtype=torch.float64)
    target = torch.where(target < 0.7, target.round(), target)
    given = {
        name: torch.rand(shape[-1:], generator=random, dtype=torch.float64)
        for name in weighted
    }
    theirs = torch.nn.BCEWithLogitsLoss(reduction=reduction, **given)
    if "weight" in given:
        given["class_weight"] = given.pop("weight")
    module = LossModule(CrossEntropy(), reduction=reduction, multilabel=True, **given)
    for ours in both_ways(module):
        z.requires_grad_()
        check_equal(ours(z, target), theirs(z, target), z)


def kernels(loss, target, z, options):
    """Loss, gradient and Hessian of rows, by the methods of the loss."""
    keywords = {**options, "class_weight_on": "target"}
    y, raw = target.numpy(), z.detach().numpy()
    value, gradient = loss.loss_gradient(y, raw, **keywords)
    return value, gradient, loss.hessian(y, raw, **keywords)


@all_options
@pytest.mark.parametrize("kind", ["codes", "probabilities"])
@pytest.mark.parametrize("loss", [*ALL, Shifted()], ids=repr)
def test_both_ways_equal_the_kernels(loss, kind, options):
    z, target = rows((24, K), kind)
    expected = kernels(loss, target, z, options)
    for call in both_ways(LossModule(loss, reduction="none", **weights(options))):
        value = call(z, target)
        assert_allclose(value.detach(), expected[0], rtol=1e-10)
        (gradient,) = torch.autograd.grad(value.sum(), z, create_graph=True)
        assert_allclose(gradient.detach(), expected[1], rtol=1e-10, atol=1e-12)
        for k in range(K):
            column = torch.autograd.grad(gradient[:, k].sum(), z, retain_graph=True)[0]
            assert_allclose(column, expected[2][:, k], rtol=1e-10, atol=1e-11)
        if value.grad_fn.name() == "WithGradientBackward":
            found = torch.autograd.grad(call(z, target).sum(), z)[0]
            assert_allclose(found, expected[1], rtol=1e-14)


@pytest.mark.parametrize("loss", [*ALL, AsymmetricLoss()], ids=repr)
def test_answers_equal_the_kernels(loss):
    random = torch.Generator().manual_seed(2)
    z = (3 * torch.randn(24, generator=random, dtype=torch.float64)).requires_grad_()
    target = torch.rand(24, generator=random, dtype=torch.float64).round()
    v = [1.0, 2.5]
    expected = loss.loss_gradient(target.numpy(), z.detach().numpy(), class_weight=v)
    curvature = loss.gradient_hessian(
        target.numpy(), z.detach().numpy(), class_weight=v
    )[1]
    module = LossModule(loss, reduction="none", multilabel=True, pos_weight=v[1])
    for call in both_ways(module):
        value = call(z, target)
        assert_allclose(value.detach(), expected[0], rtol=1e-10)
        (gradient,) = torch.autograd.grad(value.sum(), z, create_graph=True)
        assert_allclose(gradient.detach(), expected[1], rtol=1e-10)
        second = torch.autograd.grad(gradient.sum(), z)[0]
        assert_allclose(second, curvature, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["codes", "probabilities"])
@all_losses
def test_far_logits(loss, kind):
    """No NaN and nothing lost, up to where a loss or its derivative underflows."""
    z = torch.tensor(
        [
            [0.0, 0, 0, 0],
            [700, 0, 1, 2],
            [-700, 0, 0, 1],
            [40, -40, 38.5, 0],
            [300, 300, 0, 0],
            [0, 30, 29.9, -1],
            [1e-9, -1e-9, 0, 0],
        ],
        dtype=torch.float64,
    )
    z = z.repeat(2, 1).requires_grad_()
    target = torch.tensor([0] * 7 + [1] * 7)
    if kind != "codes":
        target = 0.5 * torch.eye(K, dtype=torch.float64)[target] + 0.125
    expected = kernels(loss, target, z, {})
    value = by_operations(LossModule(loss, reduction="none"))(z, target)
    assert_allclose(value.detach(), expected[0], rtol=1e-12)
    (gradient,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    tolerance = {"rtol": 1e-11, "atol": 1e-300 if kind == "codes" else 1e-14}
    assert_allclose(gradient.detach(), expected[1], **tolerance)
    for k in range(K):
        column = torch.autograd.grad(gradient[:, k].sum(), z, retain_graph=True)[0]
        assert_allclose(column, expected[2][:, k], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_infinite_logits(loss):
    inf = torch.inf
    z = torch.tensor([[0.0, -inf, 1.0], [-inf, 0.0, 1.0], [inf, 0.0, 1.0]])
    z.requires_grad_()
    target = torch.tensor([0, 0, 0])
    expected = loss.loss(target.numpy(), z.detach().numpy())
    for call in both_ways(LossModule(loss, reduction="none")):
        value = call(z, target)
        assert_allclose(value.detach(), expected, rtol=1e-6)
        gradient = torch.autograd.grad(value[[0, 2]].sum(), z)[0]
        assert gradient.isfinite().all()


@pytest.mark.parametrize("kind", ["codes", "probabilities"])
@all_losses
def test_gradcheck(loss, kind):
    z, target = rows((3, K), kind, seed=3)
    check = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    for call in both_ways(LossModule(loss, label_smoothing=0.1)):
        for each in check:
            assert each(lambda z, f=call: f(z, target), z, fast_mode=True)


def test_parameters_by_class_index():
    z, target = rows()
    by_index = LossModule(Focal({3: 0.5, 2: 2.0, 1: 1.0, 0: 0.0}))
    in_order = LossModule(Focal((0.0, 1.0, 2.0, 0.5)))
    for ours, theirs in zip(both_ways(by_index), both_ways(in_order), strict=True):
        check_equal(ours(z, target), theirs(z, target), z)
        with pytest.raises(ValueError, match=r"^gamma must "):
            theirs(z[:, :3], target.clip(max=2))


def test_a_gradient_for_the_target():
    z, target = rows(kind="probabilities")
    target.requires_grad_()
    theirs = torch.nn.functional.cross_entropy(z, target)
    check_equal(LossModule(CrossEntropy())(z, target), theirs, target)


@all_losses
def test_low_precision_is_computed_in_float32(loss):
    z, target = rows(dtype=torch.float32)
    module = LossModule(loss)
    for dtype in (torch.float16, torch.bfloat16):
        low = z.detach().to(dtype).requires_grad_()
        high = low.detach().float().requires_grad_()
        value, expected = module(low, target), module(high, target)
        assert value.dtype == dtype
        assert_allclose(value.item(), expected.to(dtype).item())
        value.backward()
        expected.backward()
        torch.testing.assert_close(low.grad, high.grad.to(dtype))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert module(low, target).dtype == torch.float32


def test_float32_targets_and_layouts():
    z, target = rows()
    module = LossModule(Focal(2.0), reduction="none")
    expected = module(z, target).detach()
    for other in (z.detach().T.contiguous().T, torch.cat([z, z], 1)[:, :K]):
        torch.testing.assert_close(module(other, target), expected, rtol=0, atol=0)
    for dtype in (torch.int32, torch.uint8):
        torch.testing.assert_close(module(z, target.to(dtype)), expected)
    strided = target.repeat_interleave(2)[::2]
    torch.testing.assert_close(module(z, strided), expected)
    soft = torch.eye(K)[target]
    torch.testing.assert_close(module(z, soft), expected)
    images = z.detach().reshape(2, 3, 4, K).permute(0, 3, 1, 2)  # channels last
    found = module(images, target.reshape(2, 3, 4))
    torch.testing.assert_close(found.ravel(), expected, rtol=0, atol=0)


def test_backward_twice_and_in_part():
    z, target = rows()
    loss = LossModule(Focal(2.0))(z, target)
    loss.backward(retain_graph=True)
    once = z.grad.clone()
    z.grad.mul_(3)  # it is not the memory of the graph
    (3 * loss).backward()
    torch.testing.assert_close(z.grad, 6 * once)
    with torch.no_grad():
        assert not LossModule(Focal(2.0))(z, target).requires_grad
    with torch.inference_mode():
        assert_allclose(LossModule(Focal(2.0))(z, target), loss.item())


def test_logits_are_not_copied(monkeypatch):
    z, target = rows()
    seen = []

    def evaluate(self, z, target, **arrays):
        seen.extend([z, arrays["gradient"]])

    monkeypatch.setattr(CrossEntropy, "evaluate", evaluate)
    loss = LossModule(CrossEntropy(), reduction="sum")(z, target)
    assert seen[0].ctypes.data == z.data_ptr()
    loss.backward()
    assert seen[1].ctypes.data == z.grad.data_ptr()


@all_losses
def test_posterior(loss):
    z, _ = rows((6, K, 3))
    raw = z.detach().movedim(1, -1).reshape(-1, K).numpy()
    for log in (False, True):
        found = LossModule(loss).posterior(z, log=log)
        assert found.shape == z.shape and not found.requires_grad
        expected = loss.posterior(raw, log=log)
        assert_allclose(found.movedim(1, -1).reshape(-1, K), expected, rtol=1e-9)
    assert_allclose(LossModule(loss).posterior(z[0, :, 0]), expected_of(loss, raw[0]))
    low = LossModule(loss).posterior(z.half())
    assert low.dtype == torch.float16
    odds = LossModule(loss, multilabel=True).posterior(z)
    assert_allclose(odds.ravel(), loss.posterior(z.detach().ravel().numpy())[:, 1])


def expected_of(loss, row):
    return loss.posterior(row[np.newaxis])[0]


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("loss", [Focal(2.0), SymmetricCrossEntropy()], ids=repr)
def test_posterior_of_the_minimiser(loss, multilabel):
    """Logits that are trained on frequencies tell these, whatever the weights."""
    if multilabel:
        share = torch.tensor([0.2, 0.7], dtype=torch.float64)
        options = {"pos_weight": torch.tensor([3.0, 0.5]), "multilabel": True}
    else:
        share = torch.tensor([[0.5, 0.2, 0.3]], dtype=torch.float64)
        options = {"class_weight": torch.tensor([1.0, 3.0, 0.5])}
    module = LossModule(loss, label_smoothing=0.2, reduction="sum", **options)
    z = torch.zeros_like(share, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [z], max_iter=200, tolerance_grad=1e-10, tolerance_change=0.0
    )

    def step():
        optimizer.zero_grad()
        loss = module(z, share)
        loss.backward()
        return loss

    optimizer.step(step)
    assert_allclose(module.posterior(z), share, atol=1e-7)


def test_it_is_a_module():
    module = LossModule(
        Focal(2.0), class_weight=[1, 2, 0.5], label_smoothing=0.1, reduction="sum"
    )
    assert repr(module) == (
        "LossModule(Focal(gamma=2.0), reduction='sum', class_weight=[1.0, 2.0, 0.5], "
        "label_smoothing=0.1)"
    )
    assert list(module.state_dict()) == ["class_weight"]
    assert not list(module.parameters()) and not LossModule("focal").state_dict()
    module.load_state_dict({"class_weight": torch.tensor([1.0, 1.0, 2.0])})
    assert module.double().class_weight.dtype == torch.float64
    assert module.to("meta").class_weight.device.type == "meta"


@pytest.mark.parametrize("loss", [CrossEntropy(), Shifted(), ALL[-1]], ids=repr)
def test_copies(loss):
    z, target = rows()
    module = LossModule(loss, class_weight=WEIGHT, ignore_index=1)
    expected = module(z, target)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    for other in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        torch.load(file, weights_only=False),
    ):
        assert repr(other) == repr(module)
        assert other(z, target) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "hinge"}, r"loss must be one of .*, got 'hinge'\."),
        ({"reduction": "max"}, r"reduction must be one of .*, got 'max'\."),
        ({"label_smoothing": 1.0}, r"label_smoothing must be a number in \[0, 1\), go"),
        ({"ignore_index": 0.5}, r"ignore_index must be an integer, got 0\.5\."),
        ({"multilabel": "yes"}, r"multilabel must be True or False, got 'yes'\."),
        ({"class_weight": [1.0, -1.0]}, r"class_weight must be finite and non-negat"),
        ({"class_weight": [1j]}, r"class_weight must be real numbers, got torch\.com"),
        ({"class_weight": "balanced"}, "class_weight must be real numbers, got 'bal"),
        ({"pos_weight": 2.0}, r"pos_weight must be None unless multilabel=True, got"),
    ],
)
def test_errors_of_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        LossModule(**{"loss": "focal", **arguments})


@pytest.mark.parametrize(
    ("shape", "target", "message"),
    [
        ((3, 4), torch.zeros(2, dtype=torch.long), r"target must be of shape \(3,\), "),
        ((3, 4), torch.zeros(3), r"target must be of shape \(3, 4\), got \(3,\)\."),
        ((3, 4), torch.tensor([0, 4, 1]), r"target must be classes in 0\.\.3 or igno"),
        ((3, 4), torch.tensor([0, -1, 1]), r"target must be classes in .*, got -1\."),
        ((3, 4), torch.zeros(3, dtype=torch.bool), r"target must be class indices or"),
        ((3, 1), torch.zeros(3, dtype=torch.long), r"input must be of shape \(K,\), "),
        ((3, 2), torch.zeros(3, dtype=torch.long), r"class_weight must be of shape \("),
    ],
)
def test_errors_of_tensors(shape, target, message):
    weight = [1.0, 2.0, 3.0] if shape == (3, 2) else None
    with pytest.raises(ValueError, match=f"^{message}"):
        LossModule("focal", class_weight=weight)(torch.zeros(shape), target)


def test_arrays_are_no_tensors():
    z, y = torch.zeros(3, 2), torch.zeros(3, dtype=torch.long)
    with pytest.raises(TypeError, match=r"^input must be a Tensor, got ndarray"):
        LossModule("focal")(z.numpy(), y)
    with pytest.raises(TypeError, match=r"^target must be a Tensor, got list"):
        LossModule("focal")(z, [0, 1, 0])


def test_errors_of_answers():
    module = LossModule("focal", multilabel=True, pos_weight=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^pos_weight must be of a shape that broad"):
        module(torch.zeros(3, 2), torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"^target must be of shape \(3,\), got \(1,"):
        module(torch.zeros(3), torch.zeros(1))
    with pytest.raises(ValueError, match=r"^input must be floating point, got torch."):
        module(torch.zeros(3, dtype=torch.long), torch.zeros(3))


def test_examples_in_docstrings_run():
    found = doctest.testmod(skxent.torch._module)
    assert found.attempted and not found.failed


def test_class_weights_go_by_label():
    pd = pytest.importorskip("pandas", reason="pip install pandas")
    given = {2: 3.0, 0: 1.0, 1: 2.0}
    for weights in (given, pd.Series(given)):
        module = LossModule("focal", class_weight=weights)
        assert module.class_weight.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match=r"^class_weight must have keys in 0\.\.1"):
        LossModule("focal", class_weight={0: 1.0, 2: 1.0})
