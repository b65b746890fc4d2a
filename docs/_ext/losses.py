"""The directive `losses`: a table of the shipped losses, with their formulas."""

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from skxent.losses import LOSSES
from skxent.losses._latex import formula


def row(cls):
    loss = cls()
    text, legend = formula(loss)
    own = [x for x in legend if x not in ("q", "L")]
    values = ", ".join(f"${x} = {legend[x]}$" for x in own)
    facts = ["yes" if x else "" for x in (loss.convex, loss.proper)]
    name = f"{{class}}`~skxent.losses.{cls.__name__}`"
    return "| " + " | ".join([name, f"${text}$", values, *facts]) + " |"


class Losses(Directive):
    def run(self):
        head = [
            "| loss | $\\varphi$ | default | convex | proper |",
            "|---|---|---|---|---|",
        ]
        lines = StringList([*head, *map(row, LOSSES.values())], "losses")
        table = nodes.container()
        self.state.nested_parse(lines, self.content_offset, table)
        return table.children


def setup(app):
    app.add_directive("losses", Losses)
    return {"parallel_read_safe": True}
