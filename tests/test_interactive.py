"""The numbers of the interactive page of the documentation, against the package."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent.losses import LOSSES, Focal, FormulaLoss
from skxent.losses._derivative import RULES

DOCS = Path(__file__).parents[1] / "docs"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
sys.path.insert(0, str(DOCS / "_ext"))

import javascript  # noqa: E402

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="needs a browser: apt-get install chromium"
)
needs_node = pytest.mark.skipif(NODE is None, reason="needs node: apt-get install node")

# Values of the sliders: logits, label, smoothing, weights.
SETTINGS = [
    ([2.0, 0.0, -1.0], 0, 0.0, [1.0, 1.0, 1.0]),
    ([2.0, 0.0, -1.0], 1, 0.1, [1.0, 1.0, 1.0]),
    ([-10.0, 10.0, 10.0], 0, 0.0, [0.1, 5.0, 1.0]),
    ([10.0, -10.0, -10.0], 0, 0.9, [1.0, 0.5, 2.0]),
    ([10.0, -10.0, -9.9], 0, 0.0, [5.0, 1.0, 1.0]),
    ([0.0, 0.0, 0.0], 2, 0.25, [1.0, 2.0, 3.0]),
    ([3.3, -4.7, 1.1], 2, 0.05, [1.0, 4.0, 0.2]),
]
# The meaning of each operator and function of formulas, and its precedence.
FORMULAS = [
    FormulaLoss("q**gamma * L", gamma=2.0),
    FormulaLoss("L + epsilon*q + 1.5e-1*q**2**0.5", epsilon=0.5),
    FormulaLoss("(1 + q)**2 - 1 - -q - +q"),
    FormulaLoss("where((p < 0.25) & (q > 0.), log(4) + 1 - 4 * p, L)"),
    FormulaLoss("L if p > 0.25 or q < 0.1 and 1 >= 2 else log(4) + 1 - 4 * p"),
    FormulaLoss("sqrt(q / p) + abs(-q) + log1p(a * q) + expm1(q) / 3", a=2.0),
    FormulaLoss("square(maximum(0, 1 + L + log(q))) + min(q, 2 * q * q) + L * .1"),
    FormulaLoss("exp(-p / a) - exp(-1 / a) + clip(q, 0, 1) - (q <= 0) * 3", a=0.5),
]


def expected_numbers(loss, z, y, eps, w):
    """Loss, and an array of gradient, softmax and posterior."""
    row, weighing = np.array([z]), {"class_weight": w, "label_smoothing": eps}
    rows = [
        loss.gradient([y], row, **weighing)[0],
        loss.predict_proba(row)[0],
        loss.posterior(row, **weighing)[0],
    ]
    return loss.loss([y], row, **weighing)[0], np.array(rows)


def numbers_of_the_page(tmp_path, loss, z, y, eps, w):
    """The text of the page for the settings in its address."""
    site = tmp_path / "site"
    shutil.copytree(DOCS / "_static", site / "_static")
    shutil.copy(DOCS / "interactive.html", site)
    (site / "_static" / "losses.js").write_text(javascript.losses())
    values = {"y": y, "eps": eps, "loss": getattr(loss, "name", "")}
    if isinstance(loss, FormulaLoss):
        values |= {"loss": "formula", "formula": loss.formula}
    values |= {f"loss__{name}": x for name, x in loss.parameters().items()}
    for k in range(3):
        values |= {f"z{k}": z[k], f"w{k}": w[k]}
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={tmp_path}", "--dump-dom"]
    address = f"{(site / 'interactive.html').as_uri()}#{urlencode(values)}"
    page = subprocess.run(
        [*command, address], capture_output=True, text=True, timeout=120
    ).stdout
    loss, *cells = (float(x) for x in re.findall('data-value="([^"]+)"', page))
    return loss, np.array(cells).reshape(3, 3).T


@needs_browser
@pytest.mark.parametrize(
    ("loss", "setting"),
    [
        *((Focal(gamma), at) for gamma, at in zip((2, 0, 5), SETTINGS, strict=False)),
        (LOSSES["generalized_cross_entropy"](q=0.31), SETTINGS[6]),
        (LOSSES["symmetric_cross_entropy"](beta=2.0), SETTINGS[5]),
        (FormulaLoss("q**gamma * L", gamma=3.5), SETTINGS[6]),
        (FormulaLoss("a*q + L**b / b", a=1.5, b=2.0), SETTINGS[1]),
    ],
    ids=repr,
)
def test_the_page_shows_what_the_package_computes(tmp_path, loss, setting):
    value, cells = numbers_of_the_page(tmp_path, loss, *setting)
    expected, rows = expected_numbers(loss, *setting)
    assert_allclose(value, expected, rtol=1e-12)
    assert_allclose(cells, rows, rtol=1e-12, atol=1e-16)


def run_node(*expressions):
    """Return the values of expressions of JavaScript, given the scripts of the page."""
    names = ("numbers.js", "formula.js")
    scripts = [(DOCS / "_static" / name).read_text(encoding="utf-8") for name in names]
    result = f"console.log(JSON.stringify([{', '.join(expressions)}]));"
    script = "\n".join([*scripts, javascript.losses(), result])
    done = subprocess.run([NODE, "-"], input=script, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def at_ends_of_sliders(name):
    """Losses of a class with each parameter at its default and at both ends."""
    cls = LOSSES[name]
    yield cls(), {}
    for item in javascript.moving(cls):
        slider = javascript.slider(item)
        for end in ("low", "high"):
            value = {item.name: slider[end]}
            yield cls(**value), value


def check_in_node(pairs, rtol):
    """Compare losses with expressions of JavaScript for the loss and its constants."""
    calls, expected = [], []
    for loss, (code, theta) in pairs:
        for z, y, eps, w in SETTINGS:
            given = json.dumps({"z": z, "y": y, "eps": eps, "w": w})
            calls.append(f"evaluate({{...{given}, loss: {code}, theta: {theta}}})")
            expected.append((loss, expected_numbers(loss, z, y, eps, w)))
    for found, (loss, (value, rows)) in zip(run_node(*calls), expected, strict=True):
        names = ["gradient", "softmax", "posterior"]
        atol = rtol * 1e-3
        assert_allclose(found["loss"], value, rtol=rtol, atol=atol, err_msg=repr(loss))
        cells = [found[name] for name in names[: 3 if loss.has_posterior else 2]]
        assert_allclose(
            cells, rows[: len(cells)], rtol=rtol, atol=atol, err_msg=repr(loss)
        )


@needs_node
@pytest.mark.parametrize("name", LOSSES)
def test_the_shipped_losses_are_exact(name):
    pairs = []
    for loss, changed in at_ends_of_sliders(name):
        items = javascript.moving(type(loss))
        theta = [changed.get(item.name, item.default) for item in items]
        pairs.append((loss, (f"LOSSES.{name}", theta)))
    check_in_node(pairs, rtol=1e-11)


@needs_node
def test_formulas_mean_what_they_mean_in_the_package():
    """To rounding: 1 - p and log p are formed as they are written."""
    check_in_node(
        [
            (loss, (f"formulaLoss({loss.formula!r})", list(loss.parameters().values())))
            for loss in FORMULAS
        ],
        rtol=1e-6,
    )


@needs_node
@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("", "The formula must have a value before the end."),
        ("q +", "The formula must have a value before the end."),
        ("(q", "The formula must have ) before the end."),
        ("q L", "The formula must have an operator before L."),
        ("q if p", "The formula must have else before the end."),
        ("0 < p < 1", "The formula must compare two values at a time."),
        ("p.real", "The formula must not contain ."),
        ("p[0]", "The formula must not contain ["),
        ("'p'", "The formula must not contain '"),
        ("lambda", "The formula must have a value before lambda."),
        ("alert(1)", "The formula must not call alert; it may call abs, clip, "),
        ("toString(1)", "The formula must not call toString; it may call "),
        ("max(p)", "max must have 2 values, got 1."),
        ("(" * 200 + "q" + ")" * 200, "The formula must have fewer brackets."),
        ("-" * 200 + "q", "The formula must have fewer signs in a row."),
        ("q" * 2001, "The formula must have at most 2000 characters."),
    ],
)
def test_wrong_formulas_are_refused(formula, message):
    call = f"(() => {{ try {{ formulaLoss({json.dumps(formula)}); return ''; }} "
    (found,) = run_node(call + "catch (error) { return error.message; } })()")
    assert found.startswith(message)
    if "fewer" not in message:  # Python allows more of them.
        with pytest.raises((ValueError, TypeError)):
            FormulaLoss(formula)


@needs_node
@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("p", "The formula must not grow with p."),
        ("q + 1", "The formula must vanish at p = 1."),
        ("1 / (p - 0.5)", "The formula and its derivative must be finite for every p"),
        ("0", "The formula must decrease with p somewhere."),
        ("constructor * q", ""),
    ],
)
def test_formulas_that_are_no_losses(formula, message):
    found = run_node(f"complaint(formulaLoss({json.dumps(formula)}), [1])")[0]
    assert found.startswith(message) and bool(found) == bool(message)


def test_the_reader_has_every_operation():
    assert set(javascript.JAVASCRIPT) == set(RULES)
