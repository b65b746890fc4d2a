"""Objectives and metrics by themselves: no boosting library is needed here."""

import copy
import inspect
import pickle
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from oracle import LOSS_INSTANCES, phi
from skxent.boosting import (
    catboost_metric,
    catboost_objective,
    hist_gradient_boosting_loss,
    lightgbm_metric,
    lightgbm_objective,
    predict_proba,
    xgboost_metric,
    xgboost_objective,
)
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import evaluate_loss

all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
OBJECTIVES = [xgboost_objective, lightgbm_objective]
both = pytest.mark.parametrize("make", OBJECTIVES, ids=lambda f: f.__name__)
ALL = [
    xgboost_objective,
    xgboost_metric,
    lightgbm_objective,
    lightgbm_metric,
    catboost_objective,
    catboost_metric,
    hist_gradient_boosting_loss,
]
everything = pytest.mark.parametrize("make", ALL, ids=lambda f: f.__name__)
SHAPES = [(), (3,), (7,)]
FACTORS = {
    xgboost_objective: lambda n_classes: 2.0,
    lightgbm_objective: lambda n_classes: n_classes / (n_classes - 1),
}


def table(shape, n=40, dtype=np.float64, seed=0):
    """Labels as boosters hand them over, margins and weights."""
    rng = np.random.default_rng(seed)
    n_classes = shape[0] if shape else 2
    y = rng.integers(0, n_classes, n).astype(np.float32)
    z = rng.normal(scale=3, size=(n, *shape)).astype(dtype)
    return y, z, rng.uniform(0.1, 3.0, n).astype(np.float32)


def autograd(loss, target, z):
    """Gradient and diagonal of the Hessian by torch, from the loss as defined."""
    torch = pytest.importorskip("torch", reason="autograd: pip install torch")
    from tensors import phi

    raw = torch.tensor(np.asarray(z, dtype=np.float64), requires_grad=True)
    logits = torch.stack([torch.zeros_like(raw), raw], 1) if raw.ndim == 1 else raw
    log_p = torch.log_softmax(logits, 1)
    value = torch.tensor(target) * phi(loss, log_p.exp(), 1 - log_p.exp(), -log_p)
    (gradient,) = torch.autograd.grad(value.sum(), raw, create_graph=True)
    flat = gradient.reshape(len(z), -1)
    diagonal = [
        torch.autograd.grad(flat[:, k].sum(), raw, retain_graph=True)[0].reshape(
            len(z), -1
        )[:, k]
        for k in range(flat.shape[1])
    ]
    return gradient.detach().numpy(), torch.stack(diagonal, 1).reshape(z.shape).numpy()


@both
@all_losses
@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_are_those_of_autograd(make, loss, shape):
    y, z, w = table(shape)
    n_classes = shape[0] if shape else 2
    class_weight = np.linspace(0.5, 2.0, n_classes)
    codes = y.astype(int)
    target = np.eye(n_classes)[codes] * (class_weight[codes] * w)[:, np.newaxis]
    eps = 0.1
    target = (1 - eps) * target + eps / n_classes * target.sum(axis=1, keepdims=True)
    objective = make(
        loss, hessian="exact", class_weight=class_weight, label_smoothing=eps
    )
    gradient, hessian = objective(y, z, w)
    expected, curvature = autograd(loss, target, z)
    assert_allclose(gradient, expected, rtol=1e-9, atol=1e-11)
    factor = FACTORS[make](n_classes) if shape else 1
    assert_allclose(hessian, factor * curvature, rtol=1e-8, atol=1e-10)
    if shape:
        assert_allclose(gradient.sum(axis=1), 0, atol=1e-13)
    clipped = make(loss, class_weight=class_weight, label_smoothing=eps)(y, z, w)[1]
    assert_allclose(clipped, np.maximum(hessian, 1e-16))


@both
@all_losses
@pytest.mark.parametrize("shape", SHAPES[:2])
def test_psd_keeps_the_curvature_of_a_cross_entropy_of_that_gradient(make, loss, shape):
    y, z, _ = table(shape, n=12)
    z[0] = np.eye(*shape)[0] * 6 if shape else 6.0
    y[0] = 1 if shape else 0
    hessian = make(loss, hessian="psd")(y, z)[1].reshape(len(z), -1)
    for i, c in enumerate(y.astype(int)):
        row = [0.0, z[i]] if not shape else z[i]
        e = [mp.exp(mp.mpf(float(x))) for x in row]
        rest = mp.fsum(e) - e[c]
        _, slope, curvature = phi(loss, mp.log(e[c] / rest))
        curvature = max(curvature, -slope * e[c] / (e[c] + rest))
        for k in range(len(row)):
            r = 0 if k == c else e[k] / rest
            expected = curvature * ((k == c) - r) ** 2 - slope * r * (1 - r)
            if shape:
                expected *= FACTORS[make](len(row))
            ours = hessian[i, k if shape else 0]
            if shape or k == 1:
                assert_allclose(ours, max(1e-16, float(expected)), rtol=1e-11)


def test_psd_leaves_no_negative_eigenvalue_of_soft_labels():
    rng = np.random.default_rng(0)
    for loss in LOSS_INSTANCES:
        objective = catboost_objective(loss, label_smoothing=0.2)
        exact = catboost_objective(loss, label_smoothing=0.2, hessian="exact")
        lowest = []
        for z in rng.normal(scale=4, size=(50, 4)):
            *_, matrix = objective.calc_ders_multi(z, 1.0, 1.0)
            assert np.linalg.eigvalsh(-matrix)[0] > -1e-12
            lowest.append(np.linalg.eigvalsh(-exact.calc_ders_multi(z, 1.0, 1.0)[1])[0])
        assert loss.convex == (min(lowest) > -1e-5)


@both
@all_losses
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_nan_far_out(make, loss, shape):
    """Margins up to 1e4 in float32, on either side, and labels of any class."""
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-3, 4, (2000, *shape))
    z = (sizes * rng.choice([-1, 1], sizes.shape)).astype(np.float32)
    z[0], z[1] = 1e4, -1e4
    y = rng.integers(0, shape[0] if shape else 2, len(z)).astype(np.float32)
    for hessian in ("clip", "exact", "psd"):
        gradient, curvature = make(loss, hessian=hessian)(y, z)
        assert gradient.dtype == curvature.dtype == np.float32
        assert np.isfinite(gradient).all() and np.isfinite(curvature).all()
        assert hessian == "exact" or (curvature > 0).all()


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_boosters_own_arrays_without_copies(make, dtype):
    """C- and F-order in, the same out: neither library then has to reorder."""
    y, z, w = table((3,), dtype=dtype)
    objective = make(Focal(2.0))
    expected = objective(y, z, w)
    F = np.asfortranarray(z)
    buffer = F.ravel(order="F")  # what LightGBM passes is a view of such
    for given in (F, buffer.reshape(z.shape, order="F")):
        for ours, truth in zip(objective(y, given, w), expected, strict=True):
            assert_array_equal(ours, truth)
            assert ours.flags.f_contiguous and ours.dtype == dtype
    assert all(array.flags.c_contiguous for array in expected)
    z.flags.writeable = y.flags.writeable = w.flags.writeable = False
    objective(y, z, w)


@all_losses
def test_catboost_maximises(loss):
    y, z, w = table(())
    gradient, hessian = xgboost_objective(loss)(y, z, w)
    ders = catboost_objective(loss).calc_ders_range(z, y, w)
    assert_array_equal(ders, np.column_stack([-gradient, -hessian]))
    y, z, w = table((3,))
    gradient, hessian = xgboost_objective(loss, hessian="exact")(y, z, w)
    objective = catboost_objective(loss, hessian="exact")
    for i in range(len(z)):
        first, second = objective.calc_ders_multi(z[i], float(y[i]), float(w[i]))
        assert_allclose(first, -gradient[i], rtol=1e-12)
        assert_allclose(np.diag(second), -hessian[i] / 2, rtol=1e-9, atol=1e-13)
        assert_allclose(second.sum(axis=1), 0, atol=1e-12)


@all_losses
@pytest.mark.parametrize("shape", SHAPES)
def test_metrics_are_the_mean_loss(loss, shape):
    y, z, w = table(shape)
    keywords = {"class_weight": [1.0, 2.0] + [0.5] * (len(shape) and shape[0] - 2)}
    keywords["label_smoothing"] = 0.05
    expected = evaluate_loss(
        loss, y.astype(int), z, from_logits=True, sample_weight=w, **keywords
    )
    assert_allclose(xgboost_metric(loss, **keywords)(y, z, w), expected)
    name, value, higher_is_better = lightgbm_metric(loss, **keywords)(y, z, w)
    assert (name, higher_is_better) == (loss.name, False)
    assert_allclose(value, expected)
    metric = catboost_metric(loss, **keywords)
    approxes = tuple(z.T) if shape else (z,)
    assert_allclose(
        metric.get_final_error(*metric.evaluate(approxes, y, w)), expected, rtol=1e-6
    )
    assert not metric.is_max_optimal()


@all_losses
@pytest.mark.parametrize("shape", [(), (3,)])
def test_the_start_value_has_no_gradient(loss, shape):
    y, z, w = table(shape)
    objective = xgboost_objective(loss, label_smoothing=0.1, hessian="exact")
    start = objective.init_score(y, w)
    assert np.shape(start) == shape
    gradient, _ = objective(y, np.broadcast_to(start, z.shape), w)
    assert_allclose(gradient.sum(axis=0), 0, atol=1e-5)


@both
@pytest.mark.parametrize("shape", [(), (3,)])
def test_soft_labels_are_looked_up_by_row_number(make, shape):
    _, z, w = table(shape)
    n_classes = shape[0] if shape else 2
    soft = np.random.default_rng(1).dirichlet(np.ones(n_classes), len(z))
    objective = make(Focal(1.5), soft_labels=soft, hessian="exact")
    rows = np.array([5, 0, 39, 5], dtype=np.float32)
    at = rows.astype(int)
    gradient, hessian = objective(rows, z[at], w[at])
    expected, curvature = autograd(Focal(1.5), soft[at] * w[at, np.newaxis], z[at])
    assert_allclose(gradient, expected, rtol=1e-9)
    factor = FACTORS[make](n_classes) if shape else 1
    assert_allclose(hessian, factor * curvature, rtol=1e-8, atol=1e-12)
    assert np.shape(objective.init_score(rows)) == shape
    with pytest.raises(ValueError, match=r"^y must be codes in 0..39, got 40\.0\.$"):
        objective(np.array([40.0]), z[:1])


@everything
def test_pickle(make):
    made = make(Focal(1.3), label_smoothing=0.1)
    again = pickle.loads(pickle.dumps(made))
    # scikit-learn's losses have a method where ours have the loss
    made, again = (getattr(one, "objective", one) for one in (made, again))
    assert again.loss == Focal(1.3) and again.label_smoothing == 0.1


def test_signatures_are_those_that_the_libraries_inspect():
    for make in (xgboost_objective, xgboost_metric):
        assert "sample_weight" in inspect.signature(make(Focal())).parameters
    for make in (lightgbm_objective, lightgbm_metric):
        assert len(inspect.signature(make(Focal())).parameters) == 3
    # Older versions of CatBoost read the source of the class.
    assert "calc_ders_range" in inspect.getsource(type(catboost_objective(Focal())))


@everything
@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("loss", "hinge", "loss must be one of 'cross_entropy', .*, got 'hinge'"),
        ("loss", Focal, "loss must be one of .*, got <class 'skxent.losses.*Focal'>"),
        ("label_smoothing", 1.0, r"label_smoothing must be a number in \[0, 1\)"),
        (
            "class_weight",
            "balanced",
            r"class_weight must be a dict of code to weight or",
        ),
        ("n_threads", 0, "n_threads must be None or an integer other than 0, got 0"),
        ("hessian", "abs", "hessian must be one of 'clip', 'exact', 'psd', got 'abs'"),
        ("soft_labels", [1, 2], r"soft_labels must be of shape \(n, K\), K >= 2"),
        ("soft_labels", [[0.5, 0.6]], "soft_labels must have rows that sum to one"),
        ("n_classes", 1, "n_classes must be None or an integer >= 2, got 1"),
        ("posterior", 2, "posterior must be True or False, got 2"),
    ],
)
def test_bad_parameters(make, argument, value, message):
    if argument not in inspect.signature(make).parameters:
        return
    with pytest.raises(ValueError, match=f"^{message}"):
        make(**{"loss": Focal(), argument: value})


@both
@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.0, 2.0], r"^y must be codes in 0..1, got 2\.0\. For more classes set \w+"),
        ([0.0, -1.0], r"^y must be codes in 0..1, got -1\.0\.$"),
        ([0.0, 0.5], r"^y must be integer codes, got 0\.5\. Soft labels are given as"),
        ([0.0, np.nan], r"^y must be integer codes, got nan\."),
        ([[0.0, 1.0]] * 2, r"^y must be of shape \(n,\), got \(2, 2\)\.$"),
    ],
)
def test_bad_labels(make, y, message):
    with pytest.raises(ValueError, match=message):
        make(Focal())(np.array(y, dtype=np.float32), np.zeros(2, dtype=np.float32))


def test_bad_labels_of_a_start_value():
    objective = xgboost_objective(Focal())
    for y, message in [
        ([], r"^y must have at least one row, got none\.$"),
        ([0, np.nan], r"^y must be integer codes, got nan\."),
        ([0, 0.5], r"^y must be integer codes, got 0\.5\."),
        ([-1, 1], r"^y must be codes in 0\.\."),
        ([1, 10**9], r"^y must be codes in 0\.\.1048575, got 1000000000\."),
    ]:
        with pytest.raises(ValueError, match=message):
            objective.init_score(y)
    with pytest.raises(ValueError, match=r"^n_classes must be an integer >= 2, got 1"):
        objective.init_score([0, 0], n_classes=1)


def test_the_number_of_classes_is_set_by_the_librarys_own_parameter():
    for make, name in [
        (xgboost_objective, "num_class"),
        (lightgbm_metric, "num_class"),
        (catboost_objective, "classes_count or class_names"),
        (catboost_metric, "classes_count or class_names"),
    ]:
        with pytest.raises(ValueError, match=f"For more classes set {name}\\.$"):
            make(Focal()).target(np.arange(3.0), 2, None, np.float64)


@everything
def test_copies_are_the_same_object(make):
    """Else scikit-learn cannot clone a CatBoostClassifier that holds it."""
    made = make(Focal(1.3), label_smoothing=0.1)
    made = getattr(made, "objective", made)
    assert copy.copy(made) is made
    assert copy.deepcopy({"loss_function": made})["loss_function"] is made
    assert clone(made, safe=False) is made


def test_a_model_of_no_library():
    with pytest.raises(ValueError, match=r"^model must be one of xgboost, lightgbm or"):
        predict_proba(object(), np.zeros((1, 2)))


def test_a_missing_library_is_named():
    code = """
import sys
for name in ("xgboost", "lightgbm", "catboost"):
    sys.modules[name] = None
from skxent import boosting
for cls in (boosting.FocalXGBClassifier, boosting.FocalLGBMClassifier):
    try:
        cls().fit([[0.0], [1.0]], [0, 1])
    except ImportError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        f"{name} must be installed for this: pip install {name}."
        for name in ("xgboost", "lightgbm")
    ]


def test_cross_entropy_needs_no_inverse():
    z = table((3,))[1]
    objective = lightgbm_objective(CrossEntropy())
    assert_allclose(objective.predict_proba(z), np.exp(z) / np.exp(z).sum(1)[:, None])
