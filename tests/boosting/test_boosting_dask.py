"""The objectives in xgboost.dask and lightgbm.dask: trees of memory, loss of memory."""

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent.boosting import (
    LGBMLossClassifier,
    XGBLossClassifier,
    lightgbm_objective,
    predict_proba,
    xgboost_metric,
    xgboost_objective,
)
from skxent.losses import Focal

lightgbm = pytest.importorskip("lightgbm", reason="pip install '.[lightgbm]'")
xgboost = pytest.importorskip("xgboost", reason="pip install '.[xgboost]'")
distributed = pytest.importorskip("distributed", reason="pip install '.[dask]'")
da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")

ROWS = 2000


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def table(n_classes, objective):
    """X, y, weights, the start value of each row, and of all rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 4))
    y = np.digitize(X[:, 0] + rng.normal(size=ROWS) / 2, [-1, 1][: n_classes - 1])
    w = rng.uniform(0.5, 2, ROWS)
    start = objective.init_score(y, w)
    rows = np.full(ROWS, start) if n_classes == 2 else np.tile(start, (ROWS, 1))
    return X, y, w, rows, start


def on_workers(partitions, *arrays):
    chunk = ROWS // partitions
    return [da.from_array(a, chunks=(chunk, *a.shape[1:])) for a in arrays]


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_xgboost(client, n_classes, partitions):
    objective = xgboost_objective(Focal(2.0))
    X, y, w, rows, start = table(n_classes, objective)
    parameters = {"nthread": 1, "disable_default_eval_metric": True}
    parameters |= {"num_class": n_classes} if n_classes > 2 else {}
    X_, y_, w_, rows_ = on_workers(partitions, X, y, w, rows)
    xgb_dask = import_module("xgboost.dask")
    train = xgb_dask.DaskDMatrix(client, X_, y_, weight=w_, base_margin=rows_)
    found = xgb_dask.train(
        client,
        parameters,
        train,
        num_boost_round=10,
        obj=objective,
        custom_metric=xgboost_metric(Focal(2.0)),
        evals=[(train, "train")],
    )
    local = xgboost.DMatrix(X, y, weight=w, base_margin=rows)
    expected = xgboost.train(parameters, local, 10, obj=objective)
    margins = expected.predict(local, output_margin=True)
    loss = objective.mean_loss(y, margins, w)
    assert_allclose(found["history"]["train"]["focal"][-1], loss, rtol=5e-2)
    if partitions == 1:
        proba = predict_proba(
            found["booster"], X, objective=objective, init_score=start
        )
        assert_allclose(proba, objective.predict_proba(margins), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Parameter n_jobs will be ignored")
@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_lightgbm(client, n_classes, partitions):
    objective = lightgbm_objective(Focal(2.0))
    X, y, w, rows, start = table(n_classes, objective)
    settings = {"n_estimators": 10, "n_jobs": 1, "verbosity": -1}
    settings |= {"num_class": n_classes} if n_classes > 2 else {}
    X_, y_, w_, rows_ = on_workers(partitions, X, y, w, rows)
    found = lightgbm.DaskLGBMClassifier(objective=objective, client=client, **settings)
    found.fit(X_, y_, sample_weight=w_, init_score=rows_)
    expected = lightgbm.LGBMClassifier(objective=objective, **settings)
    expected.fit(X, y, sample_weight=w, init_score=rows)
    z, z_local = (m.booster_.predict(X, raw_score=True) for m in (found, expected))
    losses = [objective.mean_loss(y, margins + start, w) for margins in (z, z_local)]
    assert_allclose(*losses, rtol=5e-2)
    if partitions == 1:
        assert_allclose(z, z_local, atol=1e-9)


def test_the_classifiers_are_for_memory():
    X, y = np.eye(4), [0, 1, 0, 1]
    xgb_dask = import_module("xgboost.dask")
    for cls, trees in [
        (XGBLossClassifier, xgb_dask.DaskXGBClassifier()),
        (LGBMLossClassifier, lightgbm.DaskLGBMClassifier()),
    ]:
        with pytest.raises(ValueError, match=r"On Dask, give it the objective"):
            cls(estimator=trees).fit(X, y)
