"""Losses whose parameters depend on the class, resolved by label."""

import pickle
from copy import deepcopy
from dataclasses import dataclass

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from stationarity import STEP, row_derivatives

from oracle import DIGITS, DTYPES
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
)
from skxent.blending import blend_weights
from skxent.boosting import hist_gradient_boosting_loss
from skxent.losses import (
    LDAM,
    AsymmetricLoss,
    CrossEntropy,
    Focal,
    FormulaLoss,
    GeneralizedCrossEntropy,
    Loss,
    Poly1,
    SymmetricCrossEntropy,
)
from skxent.losses._loss import WeightedSum
from skxent.metrics import d2_loss_score, evaluate_loss
from skxent.scorers import make_loss_scorer

OF_THREE = [
    Focal(gamma=(0.0, 1.5, 4.0)),
    GeneralizedCrossEntropy(q=(0.2, 0.7, 1.0)),
    SymmetricCrossEntropy(alpha=(1.0, 2.0, 0.5), beta=0.7),
    Poly1(epsilon=np.array([-1.0, 0.0, 3.0])),
    FormulaLoss("q**a * L + b * q", a=(0.0, 2.0, 1.0), b=0.5),
    0.5 * Focal(gamma=[2.0, 1.0, 0.5]) + 2 * Poly1(epsilon=1.0),
    LDAM(margin=(0.0, 0.5, 2.0)),
]
OF_TWO = [
    Focal(gamma=(0.0, 4.0)),
    Poly1(epsilon=(2.0, 0.0)) + Focal((1.0, 3.0)),
    LDAM((0.5, 0.1)),
    AsymmetricLoss(),
    AsymmetricLoss(0.0, 2.5, 0.2),
    AsymmetricLoss(0.5, 0.0, 0.1),
    AsymmetricLoss(3.0, 1.0, 0.0),
]
of_three = pytest.mark.parametrize("loss", OF_THREE, ids=repr)
of_two = pytest.mark.parametrize("loss", OF_TWO, ids=repr)
all_dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)

RNG = np.random.default_rng(0)
Z = RNG.normal(scale=3, size=(60, 3))
Y = np.arange(60) % 3
NAMES = np.array(["low", "mid", "top"])


def evaluations(loss, y, z, **keywords):
    value, gradient = loss.loss_gradient(y, z, **keywords)
    product = loss.hessian_product(y, z, np.ones_like(z) + z, **keywords)
    return [
        value,
        gradient,
        loss.gradient_hessian(y, z, **keywords)[1],
        loss.hessian(y, z, **keywords),
        product,
    ]


@all_dtypes
@of_three
def test_each_row_has_the_loss_of_its_class(loss, dtype):
    z = Z.astype(dtype)
    for c in range(3):
        y, scalar = np.full(len(z), c), loss.of_class(c)
        assert not scalar.by_class
        for ours, theirs in zip(
            evaluations(loss, y, z), evaluations(scalar, y, z), strict=True
        ):
            assert ours.dtype == dtype
            eps = np.finfo(dtype).eps
            assert_allclose(ours, theirs, rtol=300 * eps, atol=30 * eps)


@all_dtypes
@of_two
def test_two_classes_and_columns_of_yes_and_no(loss, dtype):
    z = Z[:, 0].astype(dtype)
    columns = Z.astype(dtype)
    eps = 300 * np.finfo(dtype).eps
    for c in range(2):
        y, scalar = np.full(len(z), c), loss.of_class(c)
        for ours, theirs in zip(
            evaluations(loss, y, z), evaluations(scalar, y, z), strict=True
        ):
            assert_allclose(ours, theirs, rtol=eps, atol=eps)
        y = np.full(columns.shape, c)
        for ours, theirs in zip(
            evaluations(loss, y, columns, multilabel=True),
            evaluations(scalar, y, columns, multilabel=True),
            strict=True,
        ):
            assert_allclose(ours, theirs, rtol=eps, atol=eps)


@of_three
def test_soft_and_smoothed_labels_are_mixtures(loss):
    soft = RNG.dirichlet(np.ones(3), len(Z))
    keywords = {"class_weight": [1.0, 2.0, 0.5]}
    mixed = [
        sum(
            loss.of_class(c).loss(
                np.full(len(Z), c), Z, sample_weight=soft[:, c], **keywords
            )
            for c in range(3)
        )
    ]
    assert_allclose(loss.loss(soft, Z, **keywords), *mixed, rtol=1e-12)
    smoothed = loss.loss(Y, Z, label_smoothing=0.3)
    target = 0.7 * np.eye(3)[Y] + 0.1
    assert_allclose(smoothed, loss.loss(target, Z), rtol=1e-12)


@of_three
def test_renaming_and_reordering_classes_permutes_the_parameters(loss):
    order = [2, 0, 1]
    permuted = loss.map_by_class(lambda name, value: tuple(value[c] for c in order))
    place = np.argsort(order)
    ours = evaluations(permuted, place[Y], Z[:, order])
    theirs = evaluations(loss, Y, Z)
    assert_allclose(ours[0], theirs[0], rtol=1e-12)
    assert_allclose(ours[1], theirs[1][:, order], rtol=1e-11, atol=1e-13)
    assert_allclose(
        permuted.posterior(Z[:, order]), loss.posterior(Z)[:, order], rtol=1e-11
    )


@of_three
def test_derivatives_against_differences(loss):
    target = np.eye(3)[Y]
    gradient, hessian = np.zeros((60, 3)), np.zeros((60, 3, 3))

    def value(z):
        return loss.loss(Y, z)

    for k in range(3):
        step = STEP * np.eye(3)[k]
        gradient[:, k] = (value(Z + step) - value(Z - step)) / (2 * STEP)
        rise = loss.gradient(Y, Z + step) - loss.gradient(Y, Z - step)
        hessian[:, k] = rise / (2 * STEP)
    assert_allclose(loss.gradient(Y, Z), gradient, atol=1e-8)
    assert_allclose(loss.hessian(Y, Z), hessian, atol=1e-8)
    if isinstance(loss, Focal | Poly1):  # phi of complex numbers
        parts = [
            row_derivatives(loss.of_class(c), Z, target * (np.arange(3) == c))
            for c in range(3)
        ]
        assert_allclose(loss.gradient(Y, Z), sum(g for g, _ in parts), atol=1e-9)


@pytest.mark.parametrize("loss", [*OF_THREE, *OF_TWO[:3], OF_TWO[-1]], ids=repr)
def test_posterior_inverts_the_population_minimiser(loss):
    K = 3 if loss in OF_THREE else 2
    if isinstance(loss, GeneralizedCrossEntropy):
        loss = GeneralizedCrossEntropy(q=(0.2, 0.7, 0.5))  # at q = 1 there is none
    for eta in ([0.6, 0.25, 0.15], [0.1, 0.7, 0.2]):
        eta = np.array(eta[:K]) / sum(eta[:K])

        def risk(z, eta=eta):
            return [x[0] for x in loss.loss_gradient([eta], z if K == 2 else [z])]

        start = np.atleast_1d(loss.best_constant([eta]))
        best = minimize(risk, start, jac=True, tol=1e-15).x
        found = loss.posterior(best if K == 2 else [best])
        assert_allclose(found[0], eta, atol=1e-6)


def test_posterior_of_far_logits_has_the_tails_of_each_class():
    gammas, z = (0.5, 3.0), np.array([-3000.0, -700.0, -40.0, 0.0, 5.0, 900.0, 3000.0])

    def log_slope(gamma, p, q, L):  # of φ = q^γ L
        return gamma * mp.log(q) + mp.log1p(gamma * p * L / q)

    for raw in (z, np.column_stack([0 * z, z])):
        log_eta = Focal(gammas).posterior(raw, log=True)
        with mp.workdps(3000):
            for x, row in zip(z, log_eta, strict=True):
                e = mp.exp(-mp.mpf(x))
                p, q = 1 / (1 + e), e / (1 + e)
                yes = mp.log(p) - log_slope(gammas[1], p, q, mp.log1p(e))
                no = mp.log(q) - log_slope(gammas[0], q, p, mp.log1p(1 / e))
                total = mp.log(mp.exp(yes) + mp.exp(no))
                for ours, exact in zip(row, (no - total, yes - total), strict=True):
                    assert abs(mp.mpf(ours) - exact) <= 1e-12 * (1 + abs(exact))


@of_three
def test_threads_change_no_bit(loss):
    z = np.repeat(Z, 400, axis=0)
    y = np.repeat(Y, 400)
    for one, three in zip(
        evaluations(loss, y, z, n_threads=1),
        evaluations(loss, y, z, n_threads=3),
        strict=True,
    ):
        assert_array_equal(one, three)


@dataclass(frozen=True)
class Shifted(Loss):
    margin_shift: tuple[float, ...] = (0.0, 0.5, 2.0)

    def phi(self, p, q, L):
        return L


def test_shifted_margins():
    shifted, formula = Shifted(), LDAM((0.0, 0.5, 2.0))
    for ours, theirs in zip(
        evaluations(shifted, Y, Z), evaluations(formula, Y, Z), strict=True
    ):
        assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)
    assert shifted.by_class and shifted.for_classes(NAMES) is shifted
    for call, message in [
        (lambda: shifted.loss([0], [0.0]), r"margin_shift must be .* shape \(2,\)"),
        (lambda: shifted.of_class(1), "must shift margins in its formula"),
        (lambda: shifted + Focal(), "must shift margins in their formulas"),
        (lambda: Shifted(0.5), "margin_shift must be a tuple"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


# Labels

BY_NAME = Focal(gamma={"top": 4.0, "low": 0.0, "mid": 1.5})


def test_a_dict_by_label_is_a_value():
    same = Focal(gamma={"low": 0, "mid": 1.5, "top": 4})
    assert same == BY_NAME and hash(same) == hash(BY_NAME)
    assert Focal(pd.Series([4, 1.5, 0], index=["top", "mid", "low"])) == BY_NAME
    assert Focal(gamma={"low": 0.0, "mid": 1.5, "top": 3.0}) != BY_NAME
    for copy in (deepcopy(BY_NAME), pickle.loads(pickle.dumps(BY_NAME))):
        assert copy == BY_NAME and copy.for_classes(NAMES) == OF_THREE[0]
    assert eval(repr(BY_NAME), {"Focal": Focal}) == BY_NAME
    assert not BY_NAME.convex and not BY_NAME.proper and BY_NAME.has_posterior
    assert Poly1({"a": 1.0, "b": -0.5}).convex and Poly1({5: 0, 7: 0}).proper


def test_losses_of_numbers_are_their_own():
    for loss in (*OF_THREE, Focal(2.0), CrossEntropy(), FormulaLoss("a * L", a=2)):
        assert loss.for_classes(NAMES) is loss
    mixed = 0.5 * BY_NAME + FormulaLoss("a * L", a={"low": 1, "mid": 2, "top": 3})
    expected = 0.5 * OF_THREE[0] + FormulaLoss("a * L", a=(1, 2, 3))
    assert mixed.by_class and mixed.for_classes(NAMES) == expected
    assert isinstance(mixed, WeightedSum)
    assert BY_NAME.each_class() == [Focal(4.0), Focal(0.0), Focal(1.5)]


def test_the_policy_of_class_weights():
    spare = Focal(gamma={"low": 0.0, "mid": 1.0, "top": 2.0, "none": 9.0})
    assert spare.for_classes(["top", "low"]) == Focal((2.0, 0.0))
    assert Focal({1: 0.0, 0: 2.0}).for_classes(np.array([0, 1])) == Focal((2.0, 0.0))
    assert Focal({True: 0.0, False: 2.0}).for_classes([0.0, 1.0]) == Focal((2.0, 0.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BY_NAME.for_classes(["low", "mid", "tip"]), "keys in .*'tip'.*'top'"),
        (
            lambda: BY_NAME.for_classes(["low", "mid", "top", "x"]),
            "gamma must have a number for each of .*, got none for 'x'",
        ),
        (lambda: OF_THREE[0].for_classes([0, 1]), r"shape \(2,\).*got 3 numbers"),
        (lambda: OF_THREE[0].loss([0], [0.0]), r"gamma must be a number or of shape"),
        (lambda: OF_THREE[0].posterior([0.0]), r"gamma must be a number or of shape"),
        (lambda: BY_NAME.loss([0], [[0.0, 0, 0]]), r"gamma must have keys in 0\.\.2"),
        (lambda: Focal(gamma={"a": -1.0}), r"gamma\['a'\] must be a number in \[0"),
        (lambda: Focal(gamma=[1.0, -1.0]), r"gamma must be a number in \[0"),
        (lambda: Focal(gamma={}), "gamma must have a number for each class, got none"),
        (lambda: Focal(gamma=[]), r"gamma must be a number in .*, got \[\]"),
        (
            lambda: Focal(pd.Series([1.0, 2.0], index=["a", "a"])),
            "gamma must have each label once",
        ),
        (
            lambda: Poly1({"a": 1.0}) + Focal({"b": 1.0}),
            "parameters by label must have labels in common",
        ),
        (lambda: Poly1((1.0, 2.0)) + Focal((1.0, 2, 3)), "for the same classes, got"),
        (lambda: AsymmetricLoss().loss([0], [[0.0, 1, 2]]), "two classes, .*got 3"),
        (
            lambda: CrossEntropyClassifier(AsymmetricLoss()).fit(Z, Y),
            "AsymmetricLoss must be used with two classes",
        ),
        (lambda: AsymmetricLoss(clip=1.0), r"clip must be a number in \[0, 1\)"),
        (lambda: LDAM.from_counts([10, 0]), "counts must be a number in"),
        (lambda: LDAM.from_counts(7.0), "counts must be a number for each class"),
        (lambda: LDAM.from_counts([1, 2], 11), "max_margin must be a number in"),
        (
            lambda: CrossEntropyClassifier(BY_NAME).fit(Z, np.char.add(NAMES[Y], "x")),
            "gamma must have keys in",
        ),
        (
            lambda: FocalLogisticRegression(gamma=[1.0, 2.0]).fit(Z, Y),
            r"gamma must be a number or of shape \(3,\)",
        ),
        (
            lambda: hist_gradient_boosting_loss(
                Focal(gamma=(1.0, 2.0, 3.0)), 3
            ).fit_intercept_only(np.array([0.0, 1.0])),
            "loss must have the same parameters for every class",
        ),
        (
            lambda: FocalLogisticRegressionCV(gammas=[{0: 1.0, 1: 2.0}]).fit(Z, Y),
            "gammas must be a list of numbers",
        ),
        (lambda: BY_NAME.spec, "loss must be resolved by for_classes"),
        (lambda: WeightedSum((BY_NAME,), (1.0, 2.0)), "weights must be 1 numbers"),
        (lambda: WeightedSum((), ()), "losses must be a tuple of losses"),
        (lambda: BY_NAME.with_parameters(beta=1), "among .'gamma'., got 'beta'"),
    ],
)
def test_errors_name_the_parameter(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Models and metrics


def stationary(model, X, t, losses, C):
    """The largest entry of the gradient of the documented objective."""
    z = X @ model.coef_.T + model.intercept_
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    of_rows = sum(
        row_derivatives(loss, z, t * (np.arange(len(losses)) == c))[0]
        for c, loss in enumerate(losses)
    )[:, -len(model.coef_) :]
    gradient = C * of_rows.T @ X + model.coef_
    return max(np.abs(gradient).max(), np.abs(C * of_rows.sum(axis=0)).max())


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_fits_are_stationary_and_go_by_label(K, smoothing):
    X = RNG.normal(size=(300, 4))
    y = (X[:, :K] + RNG.gumbel(size=(300, K))).argmax(axis=1)
    gammas = (0.0, 2.0, 1.0)[:K]
    names = np.array(["z", "a", "m"])[y]
    by_label = dict(zip(["z", "a", "m"], gammas, strict=False))
    model = CrossEntropyClassifier(
        Focal(by_label), C=0.5, tol=1e-8, label_smoothing=smoothing
    ).fit(X, names)
    codes = np.searchsorted(model.classes_, names)
    resolved = tuple(by_label[label] for label in model.classes_)
    assert model.trained_loss_.loss == Focal(resolved)
    t = (1 - smoothing) * np.eye(K)[codes] + smoothing / K
    losses = [Focal(gamma) for gamma in resolved]
    assert stationary(model, X, t, losses, 0.5) < 1e-6
    codes_too = CrossEntropyClassifier(
        Focal(gammas), C=0.5, tol=1e-8, label_smoothing=smoothing
    ).fit(X, y)
    order = np.argsort(["z", "a", "m"][:K])
    assert_allclose(
        model.predict_proba(X), codes_too.predict_proba(X)[:, order], atol=1e-7
    )


def test_an_asymmetric_fit_is_stationary():
    X = RNG.normal(size=(400, 3))
    y = (X[:, 0] + RNG.logistic(size=400) > 1).astype(int)
    loss = AsymmetricLoss(0.5, 2.0, 0.0)
    model = CrossEntropyClassifier(loss, C=0.5, tol=1e-8).fit(X, y)
    assert stationary(model, X, np.eye(2)[y], loss.each_class(), 0.5) < 1e-6
    clipped = CrossEntropyClassifier(AsymmetricLoss(clip=0.2), C=0.5, tol=1e-8)
    with_clip = clipped.fit(X, y).decision_function(X)
    slope = AsymmetricLoss(clip=0.2).gradient(y, with_clip)
    assert np.abs(0.5 * slope @ X + clipped.coef_).max() < 1e-6


def test_metrics_and_scorers_go_by_label():
    names, columns = NAMES[Y], ["top", "low", "mid"]
    proba = RNG.dirichlet(np.ones(3), 60)
    keywords = {"labels": columns, "label_smoothing": 0.1}
    ours = evaluate_loss(BY_NAME, names, proba, **keywords)
    sorted_ = proba[:, [1, 2, 0]]
    theirs = evaluate_loss(OF_THREE[0], Y, sorted_, label_smoothing=0.1)
    assert_allclose(ours, theirs)
    assert_allclose(evaluate_loss(BY_NAME, names, sorted_, label_smoothing=0.1), theirs)
    skill = d2_loss_score(BY_NAME, names, proba, **keywords)
    assert_allclose(skill, d2_loss_score(OF_THREE[0], Y, sorted_, label_smoothing=0.1))
    model = CrossEntropyClassifier().fit(Z, names)
    score = make_loss_scorer(BY_NAME)(model, Z, names)
    log_proba = model.predict_log_proba(Z)
    assert_allclose(score, -evaluate_loss(OF_THREE[0], Y, log_proba, from_logits=True))
    assert not make_loss_scorer(BY_NAME).proper


@pytest.mark.parametrize("pooling", ["arithmetic", "log-linear"])
@pytest.mark.parametrize("soft", [False, True])
def test_blends_have_the_least_loss(pooling, soft):
    y = RNG.integers(0, 3, 200)
    tables = [
        RNG.dirichlet(1 + 3 * np.eye(3)[c] if i else np.ones(3))
        for i in range(2)
        for c in y
    ]
    tables = [np.array(tables[:200]), np.array(tables[200:])]
    target = 0.8 * np.eye(3)[y] + 0.2 / 3 if soft else NAMES[y]
    keywords = {"labels": NAMES}
    w = blend_weights(tables, target, BY_NAME, pooling=pooling, **keywords)

    def risk(share):
        a, b = tables
        if pooling == "arithmetic":
            mix = share * a + (1 - share) * b
        else:
            mix = a**share * b ** (1 - share)
            mix /= mix.sum(axis=1, keepdims=True)
        return evaluate_loss(BY_NAME, target, mix, **keywords)

    assert 0 < w[0] < 1 or np.isclose(w[0], [0, 1]).any()
    for other in np.clip([w[0] - 0.02, w[0] + 0.02], 0, 1):
        assert risk(w[0]) <= risk(other) + 1e-9


# The formulas of the authors


def test_asymmetric_loss_is_that_of_its_authors():
    z = np.linspace(-12, 12, 97)
    for gamma_pos, gamma_neg, clip in (
        (1, 4, 0.05),
        (0, 4, 0.05),
        (2, 2, 0),
        (0, 1, 0.3),
    ):
        loss = AsymmetricLoss(gamma_pos, gamma_neg, clip)
        p = expit(z)
        shifted = np.maximum(p - clip, 0)
        yes = (1 - p) ** gamma_pos * -np.log(p)
        no = shifted**gamma_neg * -np.log(1 - shifted)
        assert_allclose(loss.loss(np.ones(97, int), z), yes, rtol=1e-9)
        assert_allclose(loss.loss(np.zeros(97, int), z), no, rtol=1e-9, atol=1e-12)
        both = loss.loss(
            np.tile([1, 0], (97, 1)), np.column_stack([z, z]), multilabel=True
        )
        assert_allclose(both, yes + no, rtol=1e-9)
        fraction = loss.loss(np.full((97, 1), 0.3), z[:, None], multilabel=True)
        assert_allclose(fraction, 0.3 * yes + 0.7 * no, rtol=1e-9)


def test_asymmetric_loss_without_clip_is_focal_loss():
    z, y = np.array([-700.0, -30, 0, 30, 700]), [0, 1, 0, 1, 0]
    for ours, theirs in zip(
        evaluations(AsymmetricLoss(2.5, 2.5, 0.0), y, z),
        evaluations(Focal(2.5), y, z),
        strict=True,
    ):
        assert_array_equal(ours, theirs)
    assert AsymmetricLoss(0, 0, 0).proper and not AsymmetricLoss(0, 0, 0.1).proper


@all_dtypes
def test_asymmetric_loss_keeps_its_digits(dtype):
    limit = 600.0 if dtype == np.float64 else 80.0
    z = np.array([-limit, -40, -3, -1, 0.5, 3, 40, limit], dtype)
    loss = AsymmetricLoss(1.5, 2.5, 0.0625)
    with mp.workdps(DIGITS + 600):

        def no(x):
            shifted = max(1 / (1 + mp.exp(-x)) - mp.mpf(1) / 16, 0)
            return shifted**2.5 * -mp.log(1 - shifted)

        def yes(x):
            return (1 / (1 + mp.exp(x))) ** 1.5 * mp.log1p(mp.exp(-x))

        for y, exact in enumerate((no, yes)):
            value, slope = loss.loss_gradient([y] * len(z), z)
            curvature = loss.gradient_hessian([y] * len(z), z)[1]
            for i, x in enumerate(map(float, z)):
                f, f1, f2 = (mp.diff(exact, mp.mpf(x), order) for order in (0, 1, 2))
                bound = 64 * float(np.finfo(dtype).eps) * max(1, abs(x))
                tiny = float(np.finfo(dtype).tiny)
                assert abs(value[i] - f) <= bound * abs(f) + tiny
                assert abs(slope[i] - f1) <= bound * abs(f1) + tiny
                size = abs(f1) + abs(f2)
                assert abs(curvature[i] - f2) <= bound * size + tiny


def test_ldam_is_that_of_its_authors():
    counts = np.array([5000, 300, 20])
    loss = LDAM.from_counts(counts, max_margin=0.5)
    m = 1 / np.sqrt(np.sqrt(counts))
    m *= 0.5 / m.max()
    assert_allclose(loss.margin, m)
    moved = Z - m[Y][:, None] * np.eye(3)[Y]
    for ours, theirs in zip(
        evaluations(loss, Y, Z), evaluations(CrossEntropy(), Y, moved), strict=True
    ):
        if ours.shape != Z.shape or ours is None:
            assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    z = np.array([-700.0, -3, 0, 5, 700])
    assert_allclose(LDAM(2.0).loss([1] * 5, z), -log_expit(z - 2.0), rtol=1e-14, atol=0)
    by_label = LDAM.from_counts(pd.Series([20, 5000, 300], index=["low", "top", "mid"]))
    assert_allclose(by_label.for_classes(NAMES).margin, m[[2, 1, 0]])
    assert LDAM().convex and not LDAM().proper and LDAM(0.0).proper
