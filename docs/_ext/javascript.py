"""The shipped losses as JavaScript, for the interactive page.

python -P docs/_ext/javascript.py       # writes docs/_static/losses.js
"""

import json
import math
from dataclasses import fields
from pathlib import Path

from skxent.losses import LOSSES
from skxent.losses._derivative import differentiate
from skxent.losses._graph import fold
from skxent.losses._log_slope import log_slope
from skxent.losses._traced import trace

PAGE = Path(__file__).parents[1] / "_static" / "losses.js"


def number(x):
    return repr(x) if x >= 0 else f"({x!r})"


def powers(k, l):
    """Return p^k q^l."""
    if (k, l) in ((0, 0), (1, 0), (0, 1)):
        return {(0, 0): "1", (1, 0): "m.p", (0, 1): "m.q"}[k, l]
    return f"Math.exp({number(l)} * m.logQ - {number(k)} * m.L)"


# m has the margin's numbers, t the parameters: see numbers.js.
JAVASCRIPT = {
    "L": lambda: "m.L",
    "log_q": lambda: "m.logQ",
    "monomial": powers,
    "modulated_L": lambda k, l: f"({powers(k, l + 1)} * m.ratio)",
    "complement_p": lambda k: f"(-Math.expm1({number(-k)} * m.L))",
    "complement_q": lambda k: f"(-Math.expm1({number(k)} * m.logQ))",
    "constant": number,
    "class_constant": lambda j: f"t[{int(j)}]",
    "affine": lambda x, k, l: f"({number(k)} * {x} + {number(l)})",
    "combine": lambda x, y, k, l: f"({number(k)} * {x} + {number(l)} * {y})",
    "multiply": lambda x, y: f"({x} * {y})",
    "divide": lambda x, y: f"({x} / {y})",
    "power": lambda x, c: f"({x} ** {number(c)})",
    "exp": lambda x: f"Math.exp({x})",
    "expm1": lambda x: f"Math.expm1({x})",
    "log": lambda x: f"Math.log({x})",
    "log1p": lambda x: f"Math.log1p({x})",
    "maximum": lambda x, y: f"Math.max({x}, {y})",
    "less": lambda x, y: f"Number({x} < {y})",
    "select": lambda x, y, c: f"({c} ? {x} : {y})",
}


def javascript(graph):
    """Return a graph as an expression of JavaScript."""
    return fold(graph, JAVASCRIPT)


def point(graph):
    """Return a function of JavaScript: φ, φ' and log(-φ'/q) at a margin."""
    x, r = log_slope(graph)
    return (
        f"(m, t) => ({{ value: {javascript(graph)}, "
        f"slope: {javascript(differentiate(graph))}, "
        f"logSlope: {javascript(x)} + Math.log({javascript(r)}) }})"
    )


def slider(item):
    """Return what a slider for a parameter needs: its default, ends and step."""
    value, domain = float(item.default), item.metadata["domain"]
    reach = max(1.0, 1.5 * abs(value))
    low, high = max(domain.low, value - reach), min(domain.high, value + reach)
    step = 10.0 ** math.floor(math.log10((high - low) / 20))
    low, high = math.ceil(low / step), math.floor(high / step)
    low, high = low + (low * step not in domain), high - (high * step not in domain)
    return {
        "name": item.name,
        "value": value,
        "low": float(f"{low * step:.9g}"),
        "high": float(f"{high * step:.9g}"),
        "step": step,
    }


def moving(cls):
    """Return the parameters that may have sliders: those that the formula may trace."""
    return [
        item
        for item in fields(cls)
        if item.init and item.metadata.get("by_class") and "domain" in item.metadata
    ]


def losses():
    """Return the definition of LOSSES in JavaScript."""
    entries = []
    for name, cls in LOSSES.items():
        parameters = moving(cls)
        # A parameter of one class is a constant that the program reads from a table.
        loss = cls(**{item.name: (item.default,) for item in parameters})
        sliders = json.dumps([slider(item) for item in parameters])
        entries.append(
            f"  {name}: {{ title: {json.dumps(cls.__name__)}, parameters: {sliders},\n"
            f"    point: {point(trace(loss).result)} }},\n"
        )
    return (
        "// Written by docs/_ext/javascript.py from the formulas of skxent.losses.\n"
        '"use strict";\n\nconst LOSSES = {\n' + "".join(entries) + "};\n"
    )


def write(app=None):
    PAGE.write_text(losses(), encoding="utf-8")


def setup(app):
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    write()
