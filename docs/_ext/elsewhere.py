"""Links to the references of other libraries, without a network and their inventories.

The address of an object's page follows from its name. An object that can be imported
here is linked, and nothing else.
"""

import sys
from pydoc import locate

from docutils import nodes

PAGES = {
    "sklearn": "https://scikit-learn.org/stable/modules/generated/{}.html",
    "numpy": "https://numpy.org/doc/stable/reference/generated/{}.html",
    "scipy": "https://docs.scipy.org/doc/scipy/reference/generated/{}.html",
    "pandas": "https://pandas.pydata.org/docs/reference/api/{}.html",
    "torch": "https://docs.pytorch.org/docs/stable/generated/{}.html",
}


GLOSSARY = "https://scikit-learn.org/stable/glossary.html#term-{}"


def link(app, env, node, contnode):
    name = node.get("reftarget", "")
    if node.get("reftype") == "term" and node.get("refdoc", "").startswith("api/"):
        # In a docstring that a class has from scikit-learn.
        address = GLOSSARY.format(name)
        return nodes.reference("", "", contnode, refuri=address, internal=False)
    page = PAGES.get(name.partition(".")[0])
    if node.get("refdomain") != "py" or not page or "." not in name:
        return None
    if name.partition(".")[0] not in sys.modules or locate(name) is None:
        return None
    return nodes.reference("", "", contnode, refuri=page.format(name), internal=False)


def setup(app):
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True}
