"""Formulas as MathML, which browsers draw without a script and without a network."""

import re

from docutils import nodes
from latex2mathml.converter import convert

# latex2mathml sets a function's name right beside what follows.
FUNCTIONS = ("log", "exp", "min", "max")
# Fonts have primes high and small; browsers make them so once more in a superscript.
PRIME = re.compile(r"<msup>(<mi>[^<]*</mi>)<mi>(&#x0203[23];)</mi></msup>")


def mathml(latex, display):
    for name in FUNCTIONS:
        latex = latex.replace(rf"\{name} ", rf"\{name}\, ")
    return PRIME.sub(r"<mrow>\1<mo>\2</mo></mrow>", convert(latex, display=display))


def inline(writer, node):
    writer.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(writer, node):
    formula = mathml(node.astext(), "block")
    writer.body.append(f'<div class="math">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
