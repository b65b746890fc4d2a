"""A loss of one's own in scripts, notebooks, workers and pickles, as users have it."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

LOSS = """
from dataclasses import dataclass
from skxent.losses import Interval, Loss, parameter

@dataclass(frozen=True)
class Own(Loss):
    gamma: float = parameter(2.0, Interval(0.0, 100.0, "both"))

    def phi(self, p, q, L):
        return q**self.gamma * L
"""
DATA = """
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from skxent import CrossEntropyClassifier
from skxent.losses import Focal
X, y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
expected = CrossEntropyClassifier(Focal(1.0)).fit(X, y).predict_proba(X)
"""
SEARCH = """
grid = {"loss__gamma": [0.0, 1.0], "C": [0.1, 1.0]}
found = GridSearchCV(CrossEntropyClassifier(Own()), grid, n_jobs=2, cv=3,
                     scoring="neg_log_loss", error_score="raise").fit(X, y)
alone = GridSearchCV(CrossEntropyClassifier(Focal()), grid, cv=3,
                     scoring="neg_log_loss").fit(X, y)
ours, theirs = (g.cv_results_["mean_test_score"] for g in (found, alone))
np.testing.assert_allclose(ours, theirs, rtol=1e-4)
"""
COPIES = """
import copy, io, pickle, joblib
model = CrossEntropyClassifier(Own(1.0)).fit(X, y)
file = io.BytesIO()
joblib.dump(model, file)
file.seek(0)
copies = copy.deepcopy(model), pickle.loads(pickle.dumps(model)), joblib.load(file)
for other in copies:
    assert other.loss == Own(1.0) and other.trained_loss_ == model.trained_loss_
    np.testing.assert_allclose(other.predict_proba(X), expected, atol=1e-5)
"""
SPAWN = """
import multiprocessing

def value(loss):
    return loss.loss([1], [0.5]).tolist()

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(value, [Own(3.0)]) == [value(Focal(3.0))]
"""
DASK = """
from dask.distributed import Client, LocalCluster
import dask.array as da
import skxent.dask
from skxent.dask.metrics import evaluate_loss

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True,
                      dashboard_address=":0") as cluster, Client(cluster):
        rows = da.from_array(X, chunks=(60, 13)), da.from_array(y, chunks=60)
        model = skxent.dask.CrossEntropyClassifier(Own(1.0)).fit(*rows)
        proba = model.predict_proba(rows[0])
        np.testing.assert_allclose(proba.compute(), expected, atol=1e-3)
        ours, theirs = (float(evaluate_loss(loss, rows[1], proba))
                        for loss in (Own(1.0), Focal(1.0)))
        np.testing.assert_allclose(ours, theirs)
"""


def run(*arguments, cwd, code=None):
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", *arguments],
        input=code,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )


def succeed(*arguments, **keywords):
    outcome = run(*arguments, **keywords)
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    return outcome.stdout


def test_a_script_whose_class_is_in_main(tmp_path):
    (tmp_path / "script.py").write_text(LOSS + DATA + COPIES + SEARCH)
    succeed("script.py", cwd=tmp_path)


def test_a_spawned_process_imports_the_script(tmp_path):
    (tmp_path / "script.py").write_text(
        LOSS + "from skxent.losses import Focal\n" + SPAWN
    )
    succeed("script.py", cwd=tmp_path)


def test_a_notebook_has_no_file(tmp_path):
    # Cells are compiled one by one, in a namespace that is called __main__.
    cells = [LOSS, DATA, COPIES, SEARCH]
    succeed(
        "-", cwd=tmp_path, code=f"for cell in {cells!r}:\n    exec(cell, globals())"
    )


def test_a_dask_cluster_of_processes(tmp_path):
    if find_spec("distributed") is None:
        pytest.skip("dask is not installed")
    (tmp_path / "script.py").write_text(LOSS + DATA + DASK)
    succeed("script.py", cwd=tmp_path)


def test_a_pickle_is_loaded_where_its_module_can_be_imported(tmp_path):
    (tmp_path / "mine.py").write_text(LOSS)
    dump = "from mine import Own\nimport pickle\n" + DATA
    dump += "model = CrossEntropyClassifier(Own(1.0)).fit(X, y)\n"
    dump += "pickle.dump(model, open('model.pickle', 'wb'))"
    succeed("-c", dump, cwd=tmp_path)
    load = DATA + "import pickle\nmodel = pickle.load(open('model.pickle', 'rb'))\n"
    check = "np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)"
    succeed("-c", load + check, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "model.pickle").rename(elsewhere / "model.pickle")
    outcome = run("-c", load, cwd=elsewhere)
    assert outcome.returncode and "No module named 'mine'" in outcome.stderr


def test_a_pickle_of_a_class_in_main_names_what_is_missing(tmp_path):
    dump = LOSS + "import pickle\npickle.dump(Own(), open('loss.pickle', 'wb'))"
    succeed("-c", dump, cwd=tmp_path)
    load = "import pickle\npickle.load(open('loss.pickle', 'rb'))"
    outcome = run("-c", load, cwd=tmp_path)
    assert "AttributeError: Can't get attribute 'Own' on <module '__main__'" in (
        outcome.stderr
    )
    changed = LOSS.replace('100.0, "both"', '1.0, "both"')
    outcome = run("-c", changed + load, cwd=tmp_path)
    assert "gamma must be a number in [0, 1], got 2.0" in outcome.stderr
