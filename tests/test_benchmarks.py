"""The benchmark report: its pages are what was measured, and its judgements hold."""

import ast
import re
from dataclasses import replace

import numpy as np
import optimise_f1
import pytest
from scipy.special import expit

import simulate_scaling
from reporting import changes, render, run
from reporting.record import Record, load, newest, shape
from skxent.metrics import soft_fbeta_loss


@pytest.fixture(scope="module")
def report():
    return load(newest())


def test_the_page_is_what_was_measured(report):
    assert render.PAGE.read_text(encoding="utf-8") == render.page(report)


def test_the_tables_of_the_readme_are_what_was_measured(report):
    text = render.README.read_text(encoding="utf-8")
    assert text == render.readme(report, text)
    for name in render.IN_README:
        for found in render.in_readme(report, name):
            assert render.readme_row(found) in text


def test_the_readme_says_which_rows_are_older(report):
    dates = {"kernels": report.date, "log_loss": report.date, "linear": "2020-01-02"}
    mixed = replace(report, benchmarks={n: {"date": d} for n, d in dates.items()})
    text = f'Measured on {report.date}, "fit" rows on 2020-01-02.'
    assert text in render.readme(mixed, render.README.read_text(encoding="utf-8"))


def test_the_tables_of_the_scaling_page_are_what_was_simulated():
    assert simulate_scaling.TABLE.read_text(encoding="utf-8") == simulate_scaling.page()


def test_the_table_of_f1_is_what_was_measured():
    written = optimise_f1.TABLE.read_text(encoding="utf-8")
    assert written == optimise_f1.page(optimise_f1.read())


def test_the_soft_dice_model_of_the_table_is_at_a_minimum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] + rng.logistic(size=200) > 1.5).astype(int)
    model = optimise_f1.SoftDice().fit(X, y)

    def objective(w):
        proba = expit(X @ w[:3] + w[3])
        return soft_fbeta_loss(y, proba) + w[:3] @ w[:3] / 400

    best = np.r_[model.coef_, model.intercept_]
    for step in 0.01 * np.r_[np.eye(4), -np.eye(4)]:
        assert objective(best) < objective(best + step)


@pytest.mark.parametrize("name", run.names())
def test_each_benchmark_says_what_it_is(name):
    facts = run.facts(name)
    assert facts["about"] and facts["threads"] in (1, 2)


def test_full_runs_come_before_quick_ones(tmp_path):
    for name in ("2026-01-02", "2026-01-01", "2026-01-03-quick"):
        (tmp_path / f"{name}.json").touch()
    assert newest(tmp_path).stem == "2026-01-02"


def case(figures, **facts):
    return Record("kernels", "table", "case", 1, figures, **facts)


def test_verdicts():
    found = case(
        {"skxent": 2.0, "slow": 7.0, "near": 2.5, "copy": 1.0},
        at_least={"slow": 4.0, "near": 1.25, "absent": 9.0, "copy": 0.5},
        at_most={"near": 1.2},
        limit=1.9,
    )
    assert found.verdicts() == [
        ("slow", 4.0, 3.5, False),
        ("near", 1.25, 1.25, True),
        ("copy", 0.5, 0.5, True),
        ("near", 1.2, 1.25, False),
        ("skxent", 1.9, 2.0, False),
    ]
    assert render.asked(found) == (
        "**slow ≥ 4x**, near ≥ 1.25x, absent ≥ 9x, ≤ 2x copy, **near ≤ 1.2x**, "
        "**≤ 1.9 s**"
    )


def test_a_row():
    found = case(
        {"skxent": 0.0021, "scikit-learn": 0.0105, "copy": 4e-5},
        floor="copy",
        notes={"torch": "not installed", "scikit-learn": "lbfgs"},
        values={"passes": 14},
    )
    assert render.table([found]).splitlines()[-1] == (
        "| case | 2.1 ms | 10.5 ms (5.0x), lbfgs | not installed | 40 µs (0.019x) "
        "| 14 |"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(123.4, "123 s"), (1.0, "1 s"), (0.9999, "1 s"), (2.5e-7, "0.25 µs")],
)
def test_a_quantity(seconds, text):
    assert render.quantity(seconds, "s") == text


def test_a_readme_without_a_place_for_a_table(report):
    with pytest.raises(ValueError, match="one place for times"):
        render.readme(report, "# skxent\n")


@pytest.mark.parametrize(
    ("ours", "theirs", "mark"),
    [(2.0, 1.0, "-"), (0.5, 1.0, "+"), (2.0, 2.0, " "), (1.04, 1.0, " ")],
)
def test_changes_are_told_from_a_slower_machine(ours, theirs, mark):
    before = case({"skxent": 1.0, "torch": 3.0, "scikit-learn": 4.0})
    after = case(
        {"skxent": ours, "torch": 3.0 * theirs, "scikit-learn": 4.0 * theirs},
        noise={"skxent": 0.01},
    )
    (line,) = [
        line
        for line in changes.compare([before], [after]).splitlines()
        if "kernels:" in line
    ]
    assert line.split("%")[1].startswith(f"  {mark} kernels")


def test_our_own_code_tells_nothing_of_the_machine():
    before, after = ({"skxent": t, "one thread": 2 * t} for t in (1.0, 2.0))
    assert changes.change(case(before), case(after)) == (2.0, 1.0, changes.LEAST)


def test_rounds_are_pooled():
    rounds = [[case({"skxent": value})] for value in (1.0, 3.0, 2.0)]
    (found,) = changes.pooled(rounds)
    assert found.figures == {"skxent": 2.0}
    assert found.noise["skxent"] == pytest.approx((2 / 3) ** 0.5 / 2 / 2**0.5)


def test_shapes():
    assert shape(100_000, 3) == "1e5 x 3"
    assert shape(25_000, 500, 1) == "2.5e4 x 500 x 1"


def test_what_only_one_of_two_commits_measures_is_named():
    both, other = case({"skxent": 1.0}), replace(case({"skxent": 1.0}), case="other")
    assert "Only before" not in changes.compare([both], [both])
    for sides in (([both, other], [both]), ([both], [both, other])):
        side = "before" if len(sides[0]) == 2 else "after"
        text = changes.compare(*sides)
        assert text.splitlines()[-1] == f"Only {side}: kernels: table: other"


def test_a_commit_whose_package_lacks_what_benchmarks_import_is_refused(tmp_path):
    package = tmp_path / "skxent"
    package.mkdir()
    (package / "__init__.py").touch()
    environment = {"PYTHONPATH": str(tmp_path)}
    with pytest.raises(SystemExit, match=r"(?s)skxent\.losses.* run with v0\.0\."):
        run.check_collected(["kernels"], environment, "v0.0")
    run.check_collected(["kernels"], {})


@pytest.mark.parametrize("path", sorted(run.FOLDER.glob("*.py")), ids=lambda p: p.stem)
def test_what_benchmarks_import_is_public(path):
    """Private modules move, and then two commits cannot be compared."""
    page = render.PAGE.with_name("api.md").read_text(encoding="utf-8")
    public = set(re.findall(r"skxent\.[.\w]+", page))
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("skxent."):
            assert node.module in public
