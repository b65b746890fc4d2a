"""Losses of a set of rows as objectives: their gradients, and what they train."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.datasets import make_classification

from skxent.boosting import lightgbm_set_objective, xgboost_set_objective
from skxent.metrics import soft_fbeta_loss, tversky_loss, unified_focal_loss

CASES = [
    ("soft_fbeta", {}, soft_fbeta_loss),
    ("soft_fbeta", {"beta": 2.0}, soft_fbeta_loss),
    ("tversky", {}, tversky_loss),
    ("tversky", {"alpha": 0.3, "beta": 0.7}, tversky_loss),
    ("unified_focal", {}, unified_focal_loss),
    (
        "unified_focal",
        {"delta": 0.7, "gamma": 0.2, "focal_weight": 0.8},
        unified_focal_loss,
    ),
]
each = pytest.mark.parametrize(("name", "parameters", "metric"), CASES)


def rows(n_classes, n=30):
    rng = np.random.default_rng(n_classes)
    z = 2 * rng.normal(size=(n,) if n_classes == 2 else (n, n_classes))
    return rng.permutation(np.arange(n) % n_classes), z, rng.uniform(0.5, 2, n)


def value(metric, y, z, w, parameters):
    proba = expit(z) if z.ndim == 1 else softmax(z, axis=1)
    return w.sum() * metric(y, proba, sample_weight=w, **parameters)


def test_labels_that_are_no_codes_have_no_start():
    with pytest.raises(ValueError, match=r"^y must be codes in 0\.\.1048575, got 1"):
        xgboost_set_objective("tversky").init_score([1, 10**9])


@each
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_gradient_is_that_of_the_metric(name, parameters, metric, n_classes):
    y, z, w = rows(n_classes)
    gradient, hessian = xgboost_set_objective(name, **parameters)(y, z, w)
    found = np.empty_like(z)
    for place in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[place] = 1e-5
        ends = [value(metric, y, z + s, w, parameters) for s in (step, -step)]
        found[place] = (ends[0] - ends[1]) / 2e-5
    assert_allclose(gradient, found, rtol=1e-6, atol=1e-7)
    assert (hessian > 0).all()
    p = expit(z) if n_classes == 2 else softmax(z, axis=1)
    curvature = np.abs(gradient) * np.where(gradient < 0, p, 1 - p)
    assert_allclose(hessian, curvature * (1 if n_classes == 2 else 2))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_gradient_is_that_of_autograd(n_classes):
    torch = pytest.importorskip("torch", reason="pip install torch")
    y, z, w = rows(n_classes)
    weight, logits = torch.tensor(w), torch.tensor(z, requires_grad=True)
    proba = torch.sigmoid(logits)
    proba = proba[:, None] if n_classes == 2 else torch.softmax(logits, 1)
    t = torch.tensor(np.eye(n_classes)[y])
    t = t[:, 1:] if n_classes == 2 else t
    hits, sums, labels = ((weight[:, None] * x).sum(0) for x in (proba * t, proba, t))
    index = hits / (hits + 0.3 * (sums - hits) + 0.7 * (labels - hits))
    (weight.sum() * (1 - index).mean()).backward()
    for make in (xgboost_set_objective, lightgbm_set_objective):
        gradient, _ = make("tversky", alpha=0.3, beta=0.7)(y, z, w)
        assert_allclose(gradient, logits.grad.numpy(), rtol=1e-10)


@each
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_training_lowers_the_loss(name, parameters, metric, n_classes, library):
    module = pytest.importorskip(library, reason=f"pip install '.[{library}]'")
    X, y = make_classification(
        600, n_informative=5, n_classes=n_classes, flip_y=0.1, random_state=0
    )
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    make = xgboost_set_objective if library == "xgboost" else lightgbm_set_objective
    objective = make(name, **parameters)
    start = objective.init_score(y, w)
    starts = np.full(len(y), start) if n_classes == 2 else np.tile(start, (len(y), 1))
    if library == "xgboost":
        model = module.XGBClassifier(n_estimators=20, objective=objective, n_jobs=1)
        model.fit(X, y, sample_weight=w, base_margin=starts)
        z = model.predict(X, output_margin=True, base_margin=starts)
    else:
        quiet = {"verbosity": -1, "n_jobs": 1}
        model = module.LGBMClassifier(n_estimators=20, objective=objective, **quiet)
        model.fit(X, y, sample_weight=w, init_score=starts)
        z = model.predict(X, raw_score=True) + starts
    before, after = (value(metric, y, m, w, parameters) for m in (starts, z))
    assert after < 0.6 * before
    again = pickle.loads(pickle.dumps(objective))
    assert_allclose(again(y, z, w), objective(y, z, w))
    assert deepcopy(objective) is objective


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"^loss must be one of"):
        xgboost_set_objective("focal")
    with pytest.raises(TypeError, match="no parameter 'alpha'"):
        lightgbm_set_objective("soft_fbeta", alpha=1.0)
    with pytest.raises(ValueError, match=r"^gamma must be"):
        lightgbm_set_objective("unified_focal", gamma=1.0)
    with pytest.raises(ValueError, match=r"^alpha and beta must not both be 0"):
        xgboost_set_objective("tversky", alpha=0.0, beta=0.0)
    with pytest.raises(ValueError, match=r"^y must be"):
        xgboost_set_objective("tversky")([0, 2], np.zeros(2))
