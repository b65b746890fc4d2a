"""The build configuration of the kernels, and the part that is in use."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal, overload

from skxent.kernels.checks import check_option
from skxent.kernels.dispatch import available, isa, kernels
from skxent.kernels.threads import effective_n_threads


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, Any] | None:
    """Print the compiler, the instruction sets and the threads, or return them.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default="stdout"
        Print, or return a dict, as in :func:`numpy.show_config`.

    Returns
    -------
    dict of str to object, or None
        The configuration for "dicts"; None if it is printed.

    Raises
    ------
    ValueError
        If mode is neither of these.

    See Also
    --------
    sklearn.show_versions : Versions of scikit-learn and what it needs.

    Examples
    --------
    >>> import skxent
    >>> sorted(skxent.show_config("dicts"))
    ['available_isas', 'compiler', 'isa', 'openmp', 'threads', 'version']
    """
    check_option("mode", mode, ("stdout", "dicts"))
    info = kernels.build_info()
    config = {
        "version": version("skxent"),
        "compiler": info["compiler"],
        "openmp": info["openmp"],
        "isa": isa,
        "available_isas": available(),
        "threads": effective_n_threads(),
    }
    if mode == "dicts":
        return config
    for name, value in config.items():
        print(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    return None
