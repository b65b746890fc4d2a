"""The documentation: sphinx-build -W -b html docs docs/_build/html"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

# If threads of the examples wait for each other on a busy machine, seconds become
# minutes. This must come before the import of a library that reads it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import skxent

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "skxent"
author = "The skxent developers"
project_copyright = author
version = release = skxent.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "elsewhere",
    "everything",
    "figures",
    "javascript",
    "losses",
    "mathml",
    "sources",
    "versions",
]
exclude_patterns = ["_build", "tables"]
templates_path = ["_templates"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Some pages are also in the root of the repository, where their links are valid.
suppress_warnings = ["myst.xref_missing"]

# torch is larger than all else together, so that the pages also build without it.
HAS_TORCH = find_spec("torch") is not None
autodoc_mock_imports = [] if HAS_TORCH else ["torch"]

autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

# The common modules come first, and others last.
SECTIONS = {
    "imbalance": "fraud_costs class_balanced_scorer missing_classes",
    "labels": "find_wrong_labels annotators distillation calibration_noisy_labels",
    "models": "search_over_losses formula_search blending torch_focal",
    "boosting": """boosting_hist_gradient boosting_xgboost boosting_lightgbm
        boosting_catboost boosting_in_a_notebook""",
    "scale": "text_sparse stream_partial_fit dask_blocks",
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$" if HAS_TORCH else r"(?<!torch_focal)\.py$",
    "abort_on_example_error": True,
    "subsection_order": ExplicitOrder([f"../examples/{name}" for name in SECTIONS]),
    "within_subsection_order": ExplicitOrder(
        [f"{name}.py" for names in SECTIONS.values() for name in names.split()] + ["*"]
    ),
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("skxent",),
    "thumbnail_size": (480, 336),
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
}

# Text that is copied from a session can be pasted.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = "skxent"
html_logo = html_favicon = "images/logo.svg"
html_static_path = ["_static"]
html_context = {"default_mode": "auto"}
html_css_files = ["skxent.css"]
html_js_files = ["versions.js", "switcher.js"]  # versions.js is written at the end
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    # None where wide tables need the room.
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        "benchmarks": [],
        "choosing": [],
        "gallery/index": [],
        "index": [],
        "migration": [],
        "numerics": [],
        "pitfalls": [],
    },
    "logo": {"text": "skxent", "alt_text": "skxent, first page"},
    "navbar_start": ["navbar-logo", "versions"],
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}


def only_ours(app, what, name, member, skip, options):
    """Skip what classes have from scikit-learn, whose pages are elsewhere."""
    module = getattr(getattr(member, "fget", member), "__module__", None)
    return True if module and not module.startswith("skxent") else None


def setup(app):
    app.connect("autodoc-skip-member", only_ours)
