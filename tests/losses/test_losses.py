"""The compiled losses against mpmath: value, gradient, Hessian, probabilities."""

import inspect
import math
import pickle
from functools import partial

import mpmath as mp
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax, softmax

from oracle import (
    DIGITS,
    DTYPES,
    LOSS_INSTANCES,
    definition,
    derivatives,
)
from promise import check_infinite_logits, check_rows, rows
from skxent.losses import (
    LOSSES,
    AlphaLoss,
    Focal,
    FormulaLoss,
    GeneralizedCrossEntropy,
    InverseFocal,
    JensenShannon,
    PartiallyHuberized,
    Poly1,
    SymmetricCrossEntropy,
    TaylorCrossEntropy,
)
from skxent.losses._shipped import as_loss

all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
all_dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)

TINY = math.ulp(0.0)
# The parameters at which they become convex or proper, and others just beyond.
AT_THE_EDGE = [
    Poly1(0.0),
    Poly1(1.2),
    Poly1(-1.0),
    SymmetricCrossEntropy(4.0, 1.0),
    SymmetricCrossEntropy(3.0, 1.0),
    SymmetricCrossEntropy(8.0, 2.0),
    SymmetricCrossEntropy(1.0, 0.0),
    GeneralizedCrossEntropy(1.0),
]


@all_dtypes
@all_losses
@pytest.mark.parametrize("n_classes", [2, 3])
def test_hard_labels_against_mpmath(loss, n_classes, dtype):
    z = rows(n_classes, dtype)
    for y in range(n_classes):
        codes = np.full(len(z), y)
        check_rows(loss, codes, np.eye(n_classes)[codes], z, dtype)


@all_dtypes
@all_losses
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_soft_labels_against_mpmath(loss, label_smoothing, dtype):
    z = rows(5, dtype)
    soft = np.array([[0.5, 0.25, 0.125, 0.125, 0], [1e-6, 0, 1 - 1e-6, 0, 0]])
    soft = soft.astype(dtype)
    check_rows(loss, soft, soft, z, dtype, label_smoothing=label_smoothing)


@all_losses
def test_smoothed_hard_labels_against_mpmath(loss):
    z = rows(3, np.float64)
    codes = np.arange(len(z)) % 3
    check_rows(loss, codes, codes, z, np.float64, label_smoothing=0.1)


@all_losses
def test_the_oracle_differentiates_the_definition(loss):
    with mp.workdps(DIGITS):
        for row, target in [
            ([0.3, -1.2, 2.5], [0, 1, 0]),
            ([1.0, 1.0, -7.0], [mp.mpf("0.25"), mp.mpf("0.75"), 0]),
        ]:
            value, gradient, hessian, *_ = derivatives(loss, target, row)

            def function(*z, target=target):
                return definition(loss, target, *z)

            assert mp.almosteq(value, function(*map(mp.mpf, row)), 1e-40)
            for k in range(3):
                order = [int(i == k) for i in range(3)]
                assert mp.almosteq(gradient[k], mp.diff(function, row, order), 1e-30)
                order[0] += 1
                assert mp.almosteq(hessian[0, k], mp.diff(function, row, order), 1e-25)


@all_dtypes
@all_losses
def test_binary_is_softmax_of_a_zero_and_the_logit(loss, dtype):
    z = rows(2, dtype)[:, 1]
    pair = np.column_stack([np.zeros_like(z), z])
    for y in (np.zeros(len(z), int), np.ones(len(z), int)):
        value, gradient = loss.loss_gradient(y, z)
        expected = loss.loss_gradient(y, pair)
        assert_allclose(value, expected[0], rtol=32 * np.finfo(dtype).eps)
        assert_allclose(gradient, expected[1][:, 1], rtol=64 * np.finfo(dtype).eps)
        hessian = loss.gradient_hessian(y, z)[1]
        assert_allclose(
            hessian, loss.gradient_hessian(y, pair)[1][:, 1], rtol=1e-3, atol=1e-7
        )
        assert_allclose(loss.hessian_product(y, z, np.ones_like(z)), hessian, rtol=1e-5)
    assert_allclose(loss.posterior(z), loss.posterior(pair), rtol=1e-5, atol=1e-30)
    assert_allclose(loss.predict_proba(z), loss.predict_proba(pair), rtol=1e-6)


@all_losses
def test_weights_multiply(loss):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    w, v = rng.uniform(size=40), np.array([0.5, 2.0, 3.0])
    plain = loss.loss_gradient(y, z, label_smoothing=0.1)
    weighted = loss.loss_gradient(
        y, z, sample_weight=w, class_weight=v, label_smoothing=0.1
    )
    assert_allclose(weighted[0], w * v[y] * plain[0])
    assert_allclose(weighted[1], (w * v[y])[:, None] * plain[1])
    by_dict = loss.loss(y, z, class_weight={0: 0.5, 1: 2.0, 2: 3.0})
    assert_allclose(by_dict, loss.loss(y, z, sample_weight=v[y]))


@all_losses
def test_soft_label_is_a_mixture_of_weighted_hard_labels(loss):
    rng = np.random.default_rng(1)
    z, soft = rng.normal(size=(9, 4)), rng.dirichlet(np.ones(4), 9)
    keywords = {"class_weight": [1.0, 2.0, 0.5, 3.0], "label_smoothing": 0.2}
    mixed = sum(
        loss.loss(np.full(9, c), z, sample_weight=soft[:, c], **keywords)
        for c in range(4)
    )
    assert_allclose(loss.loss(soft, z, **keywords), mixed, rtol=1e-13)


@all_losses
def test_zero_weight_silences_an_infinite_loss(loss):
    z = np.array([[0.0, -np.inf, 1.0]])
    at_zero = loss.phi(0.0, 1.0, 1e150)
    at_zero = at_zero if at_zero < 1e140 else np.inf  # the limit, if it is bounded
    np.testing.assert_allclose(loss.loss([1], z), at_zero)
    assert loss.loss([1], z, sample_weight=[0.0]) == 0
    assert loss.loss([[1.0, 0.0, 0.0]], z) == loss.loss([0], z) < np.inf


@all_dtypes
@all_losses
def test_infinite_and_nan_logits(loss, dtype):
    check_infinite_logits(loss, dtype)


WITH_POSTERIOR = [loss for loss in LOSS_INSTANCES if loss.has_posterior]


@pytest.mark.parametrize("loss", WITH_POSTERIOR, ids=repr)
def test_posterior_inverts_the_population_minimiser(loss):
    """Logits that minimise the expected loss under η give η back.

    For some η a loss that is not convex is least at infinity.
    """
    from scipy.optimize import minimize

    weights, eps = np.array([1.0, 2.0, 0.5]), 0.1
    for eta in ([0.7, 0.2, 0.1], [0.05, 0.9, 0.05]):

        def risk(z, eta=eta):
            keywords = {"class_weight": weights, "label_smoothing": eps}
            value, gradient = loss.loss_gradient([eta], [z], **keywords)
            return value[0], gradient[0]

        best = minimize(risk, np.zeros(3), jac=True, tol=1e-14).x
        if np.ptp(best) < 15 or loss.convex:
            found = loss.posterior([best], class_weight=weights, label_smoothing=eps)
            assert_allclose(found[0], eta, atol=2e-7)


@pytest.mark.parametrize("loss", WITH_POSTERIOR, ids=repr)
def test_the_expected_loss_under_the_posterior_is_stationary(loss):
    """The definition of the posterior, for any logits."""
    rng, weights, eps = np.random.default_rng(0), np.array([1.0, 2.0, 0.5]), 0.1
    z = rng.normal(size=(200, 3))
    eta = loss.posterior(z, class_weight=weights, label_smoothing=eps)
    # Smoothed targets are at least eps / K, but a model's probability may be smaller.
    z, eta = (a[loss.posterior(z).min(axis=1) > 1.02 * eps / 3] for a in (z, eta))
    gradient = loss.gradient(eta, z, class_weight=weights, label_smoothing=eps)
    assert len(z) > 20
    assert_allclose(gradient, 0, atol=1e-13)


@pytest.mark.parametrize(
    "loss",
    [
        GeneralizedCrossEntropy(1.0),
        TaylorCrossEntropy(1),
        PartiallyHuberized(1.0),
        FormulaLoss("minimum(1 - p**0.7, 1 - 0.5**0.7)"),
        FormulaLoss("minimum(1 - p**0.7, 1 - 0.01**0.7)"),
    ],
    ids=repr,
)
def test_losses_without_a_posterior_say_so(loss):
    z = np.random.default_rng(0).normal(scale=100, size=(500, 3))
    assert not loss.has_posterior
    assert_allclose(loss.posterior(z).sum(axis=1), 1)
    with pytest.warns(
        UserWarning, match=r"\) has no posterior: its minimiser does not"
    ):
        loss.warn_without_posterior()


@all_losses
def test_probabilities_are_the_softmax(loss):
    z = np.random.default_rng(0).normal(scale=20, size=(50, 4))
    for raw, pair in [(z, z), (z[:, 0], np.column_stack([0 * z[:, 0], z[:, 0]]))]:
        assert_allclose(loss.predict_proba(raw), softmax(pair, axis=1), rtol=1e-13)
        log_proba = loss.predict_log_proba(raw)
        assert_allclose(log_proba, log_softmax(pair, axis=1), rtol=1e-13, atol=1e-15)


def test_focal_posterior_closed_form():
    """logit η = γz + log(p + γ q L_q) - log(q + γ p L_p), two classes."""
    for gamma in (0.5, 1.0, 2.0, 5.0):
        z = np.array([-600.0, -40.0, -3.0, 0.0, 0.7, 12.0, 300.0])
        log_eta = Focal(gamma).posterior(z, log=True)
        with mp.workdps(DIGITS):
            for x, row in zip(z, log_eta, strict=True):
                e = mp.exp(-mp.mpf(x))
                p, q = 1 / (1 + e), e / (1 + e)
                loss_p, loss_q = mp.log1p(e), mp.log1p(1 / e)
                logit = gamma * mp.mpf(x) + mp.log(p + gamma * q * loss_q)
                logit -= mp.log(q + gamma * p * loss_p)
                assert mp.almosteq(mp.mpf(row[1]), -mp.log1p(mp.exp(-logit)), 1e-13)
                assert mp.almosteq(mp.mpf(row[0]), -mp.log1p(mp.exp(logit)), 1e-13)


@all_losses
def test_layouts_and_outputs(loss):
    rng = np.random.default_rng(2)
    z, y = rng.normal(size=(70, 6)), rng.integers(0, 3, 70)
    plain = np.ascontiguousarray(z[:, ::2])
    expected = loss.loss_gradient(y, plain)
    frozen = plain.copy()
    frozen.flags.writeable = False
    swapped = plain.astype(plain.dtype.newbyteorder())
    for other in (z[:, ::2], np.asfortranarray(plain), frozen, swapped, plain.tolist()):
        for ours, theirs in zip(loss.loss_gradient(y, other), expected, strict=True):
            assert_array_equal(ours, theirs)
    assert_array_equal(loss.loss(y[::-1], plain[::-1]), expected[0][::-1])
    gradient = np.empty((3, 70)).T
    assert loss.gradient(y, plain, out=gradient) is gradient
    assert_array_equal(gradient, expected[1])


def test_packed_fields():
    """Strides that are no multiple of the item size: copied, or refused as out."""
    rng = np.random.default_rng(4)
    packed = np.zeros(20, np.dtype([("a", "u1"), ("b", "f8", (3,))]))
    packed["b"] = rng.normal(size=(20, 3))
    y, plain = np.arange(20) % 3, np.ascontiguousarray(packed["b"])
    expected = Focal().gradient(y, plain)
    assert_array_equal(Focal().gradient(y, packed["b"]), expected)
    assert_array_equal(
        Focal().hessian_product(y, plain, packed["b"]),
        Focal().hessian_product(y, plain, plain),
    )
    for out in (packed["b"], np.broadcast_to(plain[:1], (20, 3))):
        with pytest.raises(ValueError, match=r"^out must be a writeable array of"):
            Focal().gradient(y, plain, out=out)


def test_byte_order_and_types_of_logits():
    assert Focal().loss([0], np.zeros(1, ">f4")).dtype == np.float32
    assert Focal().loss([0], np.zeros(1, np.int8)).dtype == np.float64
    with pytest.raises(ValueError, match=r"^raw_prediction must be real numbers, got"):
        Focal().loss([0], [1j])
    with pytest.raises(ValueError, match=r"real numbers, got csr_array\.$"):
        Focal().loss([0], sp.csr_array([[1.0, 2.0]]))


@all_losses
def test_threads_do_not_change_a_bit(loss):
    rng = np.random.default_rng(3)
    z, y = rng.normal(size=(20_000, 3)), rng.integers(0, 3, 20_000)
    soft = rng.dirichlet(np.ones(3), 20_000)
    logits = rng.normal(size=50_000)
    for target, raw in ((y, z), (soft, z), (logits > 0, logits)):
        one = loss.loss_gradient(target, raw, n_threads=1)
        for n_threads in (2, 3, 10**9):
            found = loss.loss_gradient(target, raw, n_threads=n_threads)
            for ours, theirs in zip(found, one, strict=True):
                assert_array_equal(ours, theirs)


@all_losses
def test_empty_and_single_rows(loss):
    assert loss.loss([], np.empty((0, 3))).shape == (0,)
    assert loss.gradient([], np.empty((0, 3))).shape == (0, 3)
    assert loss.loss([1], [0.0]).shape == loss.loss([1], [[0.0]]).shape == (1,)


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("loss", ([0], [1.0])),
        ("hessian", ([0], [[1.0, 2.0]])),
        ("hessian_product", ([0], [1.0], [1.0])),
        ("predict_proba", ([1.0],)),
        ("predict_log_proba", ([1.0],)),
        ("posterior", ([1.0],)),
    ],
)
def test_threads_are_asked_for_everywhere(method, args):
    with pytest.raises(ValueError, match=r"^n_threads must be None or an integer oth"):
        getattr(Focal(), method)(*args, n_threads=0)


def test_losses_by_name():
    for name, cls in LOSSES.items():
        assert as_loss(name) == cls() and as_loss(cls()) == cls()
    with pytest.raises(ValueError, match=r"^loss must be one of 'cross_entropy', 'foc"):
        as_loss("hinge")


@pytest.mark.parametrize(
    ("given", "write"),
    [
        ("Focal", "Did you mean 'focal'?"),
        ("FocalLoss", "Did you mean 'focal'?"),
        ("cross-entropy", "Did you mean 'cross_entropy'?"),
        ("CrossEntropyLoss", "Did you mean 'cross_entropy'?"),
        ("GeneralizedCrossEntropy", "Did you mean 'generalized_cross_entropy'?"),
        ("poly", "Did you mean 'poly1'?"),
        (Focal, "got <class 'skxent.losses._shipped.Focal'>. Write Focal()."),
        ("q**2 * L", "got 'q**2 * L'. A formula is written FormulaLoss('q**2 * L')."),
        ("binary:logistic", "got 'binary:logistic'."),
        (len, "Write a function as a FormulaLoss or a subclass of Loss."),
    ],
)
def test_a_name_that_is_nearly_right_is_told_the_right_one(given, write):
    with pytest.raises(ValueError, match=r"^loss must be ") as error:
        as_loss(given)
    assert str(error.value).endswith(write)


@pytest.mark.parametrize(
    "method",
    [
        "loss",
        "gradient",
        "loss_gradient",
        "gradient_hessian",
        "hessian_product",
        "hessian",
        "best_constant",
        "predict_proba",
        "predict_log_proba",
        "posterior",
    ],
)
def test_methods_document_their_arguments(method):
    function = getattr(Focal(), method)
    sections = inspect.getdoc(function).split("\nParameters\n")[1].split("\nReturns\n")
    described = sections[0].splitlines()
    for name, argument in inspect.signature(function).parameters.items():
        stars = "**" if argument.kind is argument.VAR_KEYWORD else ""
        assert [line for line in described if line.split(" :")[0] == stars + name]


def test_losses_are_values():
    assert Focal(2.0) == Focal(2.0) != Focal(1.0)
    assert repr(Focal(2.0)) == "Focal(gamma=2.0)"
    assert set(LOSSES) == {cls.name for cls in LOSSES.values()}
    for loss in LOSS_INSTANCES:
        assert pickle.loads(pickle.dumps(loss)) == loss


@pytest.mark.parametrize("loss", [*LOSS_INSTANCES, *AT_THE_EDGE], ids=repr)
def test_convex_and_proper_are_facts(loss):
    """Proper: softmax is the posterior. Convex: no eigenvalue is negative."""
    z = np.random.default_rng(0).normal(scale=3, size=(2000, 3))
    p = loss.predict_proba(z)
    assert loss.proper == np.allclose(loss.posterior(z), p, rtol=1e-6, atol=0)
    lowest = np.linalg.eigvalsh(loss.hessian(np.arange(2000) % 3, z))[:, 0].min()
    # Kinks are between the points of Hessians.
    y, ends = np.arange(1000) % 3, (z[:1000], z[1000:])
    chord = (loss.loss(y, ends[0]) + loss.loss(y, ends[1])) / 2
    above = loss.loss(y, (ends[0] + ends[1]) / 2) - chord
    assert loss.convex == (lowest > -1e-9 and above.max() < 1e-9)


@pytest.mark.parametrize(
    ("cls", "name", "least", "most"),
    [
        (Focal, "gamma", 0.0, 1e6),
        (GeneralizedCrossEntropy, "q", 1e-6, 1.0),
        (SymmetricCrossEntropy, "alpha", 1e-6, 1e6),
        (SymmetricCrossEntropy, "beta", 0.0, 1e6),
        (SymmetricCrossEntropy, "log_zero", -1e6, -TINY),
        (Poly1, "epsilon", -1.0, 1e6),
        (AlphaLoss, "alpha", 0.5, 1e6),
        (InverseFocal, "gamma", 0.0, 3.5),
        (JensenShannon, "weight", 0.01, 0.99),
        (PartiallyHuberized, "tau", 1.0, 1e6),
    ],
)
def test_domains_of_parameters(cls, name, least, most):
    for value in (least, most):
        assert getattr(cls(**{name: value}), name) == value
    for value in (math.nextafter(least, -math.inf), math.nextafter(most, math.inf)):
        with pytest.raises(ValueError, match=rf"^{name} must be a number in "):
            cls(**{name: value})


def test_an_order_is_an_integer_of_any_type():
    for order in (3, 3.0, np.int64(3), np.float32(3)):
        assert TaylorCrossEntropy(order) == TaylorCrossEntropy(3)
    for order in (0, 51, 2.5, np.nan, True, "2", [1, 2]):
        with pytest.raises(ValueError, match=r"^order must be an integer in \[1, 50\]"):
            TaylorCrossEntropy(order)


@pytest.mark.parametrize("shift", [0, 1, 3, 40])
@pytest.mark.parametrize("shape", [(200,), (200, 3)])
def test_outputs_across_what_is_read(shape, shift):
    """An output may take the place of an input, or part of it."""
    rng = np.random.default_rng(0)
    size, loss = int(np.prod(shape)), Focal(2.0)
    y = rng.integers(2, size=shape[0])
    memory = rng.normal(size=size + shift)
    z, out = memory[:size].reshape(shape), memory[shift:].reshape(shape)
    expected = loss.gradient(y, z)
    assert loss.gradient(y, z, out=out) is out
    assert_array_equal(out, expected)
    weights = rng.uniform(size=shape[0] + shift)
    w, out = weights[: shape[0]], weights[shift:]
    z = rng.normal(size=shape)
    expected = loss.loss(y, z, sample_weight=w)
    loss.loss(y, z, sample_weight=w, out=out)
    assert_array_equal(out, expected)


def test_outputs_across_each_other_are_refused():
    y, z, memory = [0, 1, 1], np.zeros(3), np.empty(8)
    with pytest.raises(ValueError, match="gradient_out and hessian_out must not share"):
        Focal().gradient_hessian(y, z, gradient_out=memory[:3], hessian_out=memory[2:5])
    pair = Focal().gradient_hessian(
        y, z, gradient_out=memory[:6:2], hessian_out=memory[1:6:2]
    )
    assert_array_equal(pair, Focal().gradient_hessian(y, z))


@pytest.mark.parametrize(
    ("strides", "distinct"),
    [((24, 8), True), ((8, 80), True), ((8, 8), False), ((16, 8), False)],
)
def test_an_output_must_not_lie_across_itself(strides, distinct):
    y, z = np.arange(10) % 3, np.linspace(-2, 2, 30).reshape(10, 3)
    memory = np.zeros(40)
    out = np.lib.stride_tricks.as_strided(memory, (10, 3), strides)
    if distinct:
        assert_array_equal(Focal().gradient(y, z, out=out), Focal().gradient(y, z))
    else:
        with pytest.raises(ValueError, match=r"^out must be .* of distinct"):
            Focal().gradient(y, z, out=out)


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("loss", ["out"]),
        ("gradient", ["out"]),
        ("loss_gradient", ["loss_out", "gradient_out"]),
        ("gradient_hessian", ["gradient_out", "hessian_out"]),
        ("hessian_product", ["out"]),
        ("hessian", ["out"]),
    ],
)
@pytest.mark.parametrize("z", [np.zeros(4), np.eye(4)[:, :3]], ids=["binary", "three"])
def test_outputs_are_filled_or_refused_by_name(method, names, z):
    call = getattr(Focal(), method)
    args = ([1, 0, 1, 1], z) + ((z + 1,) if method == "hessian_product" else ())
    found = call(*args)
    expected = found if len(names) > 1 else (found,)
    for name, values in zip(names, expected, strict=True):
        out = np.full_like(values, np.nan)
        assert not np.isnan(values).any()
        again = call(*args, **{name: out})
        assert any(each is out for each in (again if len(names) > 1 else (again,)))
        assert_array_equal(out, values)
        for wrong in (values[1:], values.astype("f4"), values.tolist()):
            with pytest.raises(ValueError, match=rf"^{name} must be float64 of shape"):
                call(*args, **{name: wrong})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Focal(-1.0),
            r"^gamma must be a number in \[0, 1e\+06\], got -1\.0\.$",
        ),
        (
            lambda: Focal(np.nan),
            r"^gamma must be a number in \[0, 1e\+06\], got nan\.$",
        ),
        (lambda: Focal().loss(None, [1.0]), r"^y must be of shape \(n,\) or \(n, K\)"),
        (
            lambda: Focal().posterior([1.0], label_smoothing=2.0),
            r"^label_smoothing must be a number in \[0, 1\), got 2\.0\.$",
        ),
        (
            lambda: Focal().posterior([1.0], class_weight=[1, 0]),
            r"^class_weight must be positive, got \[1\.0, 0\.0\]\.$",
        ),
        (lambda: Focal("2"), r"^gamma must be a number in \[0, 1e\+06\], got '2'\.$"),
        (
            lambda: Focal().loss([3], [[0.0, 1, 2]]),
            r"^y must be codes in 0\.\.2, got 3\.$",
        ),
        (
            lambda: Focal().loss([-1], [[0.0, 1, 2]]),
            r"^y must be codes in 0\.\.2, got -1\.$",
        ),
        (
            lambda: Focal().loss([0.5], [1.0]),
            r"^y must be integer codes or soft labels",
        ),
        (lambda: Focal().loss([0, 1], [1.0]), r"^y must have 1 rows, got 2\.$"),
        (
            lambda: Focal().loss([[1, 1]], [[0.0, 1]]),
            r"^y must have rows that sum to one, got 2\. If a .* multilabel=True to",
        ),
        (
            lambda: Focal().loss([[0.5, 1]], [[0.0, 1]]),
            r"^y must have rows that sum to one, got 1\.5\.$",
        ),
        (lambda: Focal().loss([[2, -1]], [[0.0, 1]]), r"^y must be finite and non-neg"),
        (
            lambda: Focal().loss([[1.0, 0]], [[0.0, 1, 2]]),
            r"^y must have 3 columns, got 2",
        ),
        (lambda: Focal().loss([0], 1.0), r"^raw_prediction must be of shape"),
        (
            lambda: Focal().loss([0], [1.0], label_smoothing=1.0),
            r"^label_smoothing must be a number in \[0, 1\), got 1\.0\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], sample_weight=[-1.0]),
            r"^sample_weight must be finite and non-negative, got -1\.0\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], class_weight=[1, 2, 3]),
            r"^class_weight must be of shape \(2,\), got \(3,\)\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], class_weight={2: 1.0}),
            r"^class_weight must have keys in 0\.\.1, got 2\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], n_threads=0),
            r"^n_threads must be None or an integer other than 0, got 0\.$",
        ),
        (
            lambda: Focal().loss([0], [1.0], out=np.empty(2)),
            r"^out must be float64 of shape \(1,\), got float64 of shape \(2,\)\.$",
        ),
        (
            lambda: Focal().hessian_product([0], [1.0], [1.0, 2.0]),
            r"^v must be of shape \(1,\), got \(2,\)\.$",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("K", [2, 3, 7, 40])
@pytest.mark.parametrize("where", ["label", "target"])
def test_out_may_lie_across_class_weight(K, where):
    """Every row reads the weights, so not even the very same place will do."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(K, K)), np.arange(K)[::-1].copy()
    loss = Focal(1.5)
    for method, shape, name in (
        ("loss", (K,), "out"),
        ("gradient", (K, K), "out"),
        ("hessian", (K, K, K), "out"),
        ("hessian_product", (K, K), "out"),
        ("loss_gradient", (K, K), "gradient_out"),
        ("loss_gradient", (K,), "loss_out"),
        ("gradient_hessian", (K, K), "hessian_out"),
    ):
        v = (z,) if method == "hessian_product" else ()
        call = partial(getattr(loss, method), y, z, *v, class_weight_on=where)
        for offset in (0, 1):
            store = np.zeros(np.prod(shape) + K)
            weights = store[offset : offset + K]
            weights[...] = rng.random(K) + 0.5
            expected = call(class_weight=weights.copy())
            out = store[: np.prod(shape)].reshape(shape)
            found = call(class_weight=weights, **{name: out})
            for ours, theirs in zip(
                *(a if isinstance(a, tuple) else (a,) for a in (found, expected)),
                strict=True,
            ):
                assert_array_equal(ours, theirs)


def test_equal_losses_of_the_package_are_traced_once():
    assert Focal(2.5)._traced is Focal(2.5)._traced
    assert Focal(2.5)._traced is not Focal(2.25)._traced
    by_class = Focal(gamma=[0.5, 2.0])
    assert by_class._traced.program.theta.tolist() == [[0.5, 2.0]]

    factor = 1.0

    class Own(Focal):
        def phi(self, p, q, L):
            return factor * super().phi(p, q, L)

    before = Own(2.5).loss([1], [0.5])
    factor = 3.0  # which equal losses of this class read
    assert_allclose(Own(2.5).loss([1], [0.5]), 3 * before)
