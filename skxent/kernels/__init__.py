"""Compiled modules, threads, views of arrays and the form of errors."""

from importlib.util import find_spec as _find_spec
from pathlib import Path as _Path

if _find_spec("skxent.kernels._kernels_base") is None:
    raise ImportError(
        f"{_Path(__file__).parents[1]} has no compiled modules: it is source that is "
        "not built. Install it, and in the folder of the source start Python with -P."
    )
