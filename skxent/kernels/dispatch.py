"""Pick the kernels of the widest instruction set this processor has, once, at import.

The environment variable SKXENT_ISA (base, v3 or v4) forces one. The names are those
of the x86-64 psABI levels: v3 has AVX2 and FMA, v4 has AVX-512. Other processors have
base alone.

The modules are imported by statements, which programs that freeze a package can see.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import skxent.kernels._cyutility  # noqa: F401  # compiled modules import it unseen
import skxent.kernels._kernels_base as base

LEVELS = {"base": 1, "v3": 3, "v4": 4}


def available() -> list[str]:
    """Return the compiled instruction sets that this processor runs."""
    level = base.build_info()["cpu_level"]
    return [
        name
        for name, needed in LEVELS.items()
        if needed <= level and find_spec(f"skxent.kernels._kernels_{name}")
    ]


def choose() -> str:
    """Return the forced instruction set, or the widest one."""
    names = available()
    forced = os.environ.get("SKXENT_ISA") or names[-1]
    if forced not in names:
        raise ImportError(
            f"SKXENT_ISA must be one of {', '.join(names)} on this machine, "
            f"got {forced!r}."
        )
    return forced


__all__ = ["available", "isa", "kernels"]

isa: str = choose()
if TYPE_CHECKING or isa == "base":
    import skxent.kernels._kernels_base as kernels
elif isa == "v3":
    import skxent.kernels._kernels_v3 as kernels
else:
    import skxent.kernels._kernels_v4 as kernels
