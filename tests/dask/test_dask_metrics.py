"""Metrics of dask's rows are those of the same rows in memory, of any kind."""

import pickle
from importlib import import_module
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning

from skxent import metrics

reason = "pip install '.[dask]'"
dask = pytest.importorskip("dask", reason=reason)
da = pytest.importorskip("dask.array", reason=reason)
dd = pytest.importorskip("dask.dataframe", reason=reason)

skd = import_module("skxent.dask")  # which needs them


@pytest.fixture(autouse=True)
def here():
    with dask.config.set(scheduler="synchronous"):
        yield


def cut(array, rows):
    return da.from_array(array, chunks=(rows, *array.shape[1:]))


def frames(*tables, blocks=4):
    return [dd.from_pandas(table, npartitions=blocks) for table in tables]


@pytest.mark.parametrize("labels", [None, ["a", "b", "c"], ["c", "a", "b"]], ids=str)
def test_metrics_read_the_names_of_columns(labels):
    rng = np.random.default_rng(0)
    names = ["b", "c", "a"]
    proba = pd.DataFrame(rng.dirichlet(np.ones(3), 90), columns=names)
    y = pd.Series(np.array(["a", "b", "c"])[rng.integers(3, size=90)])
    soft = pd.DataFrame(rng.dirichlet(np.ones(3), 90), columns=["c", "a", "b"])
    lazy_p, lazy_y, lazy_soft = frames(proba, y, soft)
    cut_anew = lazy_soft.repartition(npartitions=3)
    delayed = [proba[names[::-1]][:30], proba[30:]]
    for name, settings in [
        ("cross_entropy", {"class_weight": "balanced"}),
        ("expected_calibration_error", {"n_bins": 4}),
        ("soft_fbeta_loss", {"beta": 2.0}),
        ("tversky_loss", {"alpha": 0.3, "average": "none"}),
        ("unified_focal_loss", {"delta": 0.7}),
    ]:
        settings = {"labels": labels, **settings}
        here, there = getattr(metrics, name), getattr(skd.metrics, name)
        expected = pytest.approx(here(y, proba, **settings), rel=1e-12)
        assert there(lazy_y, lazy_p, **settings) == expected
        blocks = [list(map(dask.delayed, d)) for d in ([y[:30], y[30:]], delayed)]
        assert there(*blocks, **settings) == expected
        expected = pytest.approx(here(soft, proba, **settings), rel=1e-12)
        assert there(lazy_soft, lazy_p, **settings) == expected
        assert there(cut_anew, lazy_p, **settings) == expected


@pytest.mark.parametrize("size", [1e307, 1e300, 1e-300, 5e-324])
def test_metrics_of_weights_of_any_size(size):
    rng = np.random.default_rng(0)
    y, proba = rng.integers(2, size=90), rng.uniform(size=90)
    w = rng.integers(1, 9, size=90) * 1.0
    w[:20] = 0  # a block without weight
    rows = [cut(column, 20) for column in (y, proba, w * size)]
    for name in (
        "cross_entropy",
        "expected_calibration_error",
        "log_loss",
        "tversky_loss",
        "unified_focal_loss",
    ):
        settings = {"class_weight": "balanced"} if name != "log_loss" else {}
        expected = getattr(metrics, name)(y, proba, sample_weight=w, **settings)
        found = getattr(skd.metrics, name)(*rows[:2], sample_weight=rows[2], **settings)
        assert found == pytest.approx(expected, rel=1e-12)


def test_the_sum_of_the_log_loss_is_that_in_memory():
    rng = np.random.default_rng(0)
    y, proba = rng.integers(2, size=90), rng.uniform(size=90)
    for w in (rng.uniform(size=90) * 1e200, np.zeros(90)):
        rows = [cut(column, 20) for column in (y, proba, w)]
        found = skd.metrics.log_loss(*rows[:2], sample_weight=rows[2], normalize=False)
        expected = metrics.cross_entropy(y, proba, sample_weight=w, reduction="sum")
        assert found == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="sample_weight must have a sum other"):
        skd.metrics.log_loss(*rows[:2], sample_weight=rows[2])


def test_metrics_without_rows_that_count():
    proba, y = np.full((90, 2), 0.5), np.full(90, -100)
    rows = cut(y, 20), cut(proba, 20)
    for labels in (None, [0, 1]):
        for name in ("cross_entropy", "expected_calibration_error"):
            with pytest.raises(ValueError, match="y_true must have labels other than"):
                getattr(skd.metrics, name)(*rows, labels=labels, ignore_index=-100)
    zeros, both = cut(np.zeros(90), 20), (cut(np.arange(90) % 2, 20), rows[1])
    for name in ("cross_entropy", "expected_calibration_error", "entropy"):
        columns = rows[1:] if name == "entropy" else both
        with pytest.raises(ValueError, match="sample_weight must have a sum other"):
            getattr(skd.metrics, name)(*columns, sample_weight=zeros)
    lone = cut(np.eye(90)[0], 20)
    with pytest.warns(UndefinedMetricWarning, match="less than two samples"):
        assert np.isnan(skd.metrics.d2_loss_score("focal", *both, sample_weight=lone))


@pytest.mark.parametrize("name", ["focal_loss", "entropy"])
def test_values_of_rows_have_the_dtype_that_is_said(name):
    rng = np.random.default_rng(0)
    proba, y = rng.uniform(size=90).astype("f4"), rng.integers(2, size=90)
    y[:30] = -100  # a block of which no row counts
    focal = name == "focal_loss"
    settings = {"reduction": "none", **({"ignore_index": -100} if focal else {})}
    rows = (y, proba) if focal else (proba,)
    expected = getattr(metrics, name)(*rows, **settings)
    for p in (cut(proba, 30), dd.from_dask_array(cut(proba, 30))):
        columns = (cut(y, 30), p) if focal else (p,)
        found = getattr(skd.metrics, name)(*columns, **settings)
        assert found.dtype == expected.dtype == (np.float32 if focal else np.float64)
        assert_allclose(found.compute(), expected, rtol=1e-6)
        assert found.compute().dtype == found.dtype


def test_signatures_are_those_of_the_metrics_in_memory():
    for name in set(skd.metrics.__all__) - {"log_loss"}:
        here, there = getattr(metrics, name), getattr(skd.metrics, name)
        assert signature(here) == signature(there)
        assert there.__doc__.startswith(here.__doc__.partition("\n")[0])
        assert "For rows of dask" in there.__doc__
        assert f">>> here = metrics.{name}" in there.__doc__
        assert pickle.loads(pickle.dumps(there)) is there
