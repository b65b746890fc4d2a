"""The directive `everything`: a table of all public names of each module."""

from importlib import import_module

from docutils.parsers.rst import Directive
from docutils.statemachine import StringList


class Everything(Directive):
    """Its content is a list of modules."""

    has_content = True

    def run(self):
        # Parsed as it stands, so that each table is a section of the page.
        lines = []
        for module in filter(None, (line.strip() for line in self.content)):
            try:
                names = sorted(import_module(module).__all__, key=str.lower)
            except ImportError:  # torch
                continue
            lines += [
                f".. rubric:: {module}",
                "",
                ".. autosummary::",
                "   :nosignatures:",
                "",
            ]
            lines += [f"   {module}.{name}" for name in names] + [""]
        self.state_machine.insert_input(StringList(lines, "everything"), "everything")
        return []


def setup(app):
    app.add_directive("everything", Everything)
    return {"parallel_read_safe": True}
