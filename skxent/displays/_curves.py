"""The table of a search as curves along one of its parameters, and their names."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from skxent.kernels.arrays import Floats

# Characters of a curve's name.
MAX_NAME = 60

# Values of the parameter, what is drawn, and its standard error.
Curve = tuple[Floats, Floats, Floats]


def curves_along(
    points: list[dict[str, Any]], name: str, mean: Floats, error: Floats
) -> tuple[list[dict[str, Any]], list[Curve]]:
    """Return points that differ only in the parameter `name` as curves along it."""
    curves: dict[str, tuple[dict[str, Any], dict[Real, int]]] = {}
    for place, point in enumerate(points):
        if name in point:
            value = point[name]
            if not isinstance(value, Real):
                raise ValueError(
                    "parameter must be one whose values are numbers, "
                    f"got {name}={value!r}."
                )
            others = {key: value for key, value in point.items() if key != name}
            # Successive halving repeats points, with more rows each time.
            curves.setdefault(repr(others), (others, {}))[1][value] = place
    every = [others for others, _ in curves.values()]
    varying = [
        key
        for key in dict.fromkeys(key for others in every for key in others)
        if len({repr(others.get(key)) for others in every}) > 1
    ]
    settings: list[dict[str, Any]] = []
    paths: list[Curve] = []
    for others, places in curves.values():
        at = np.array(list(places), dtype=np.float64)
        order = np.argsort(at, kind="stable")
        settings.append({key: others[key] for key in varying if key in others})
        at, rows = at[order], np.array(list(places.values()))[order]
        paths.append((at, mean[rows], error[rows]))
    return settings, paths


def label_of(setting: dict[str, Any]) -> str:
    """Return a name of a curve, without the steps of a Pipeline if it is unique."""
    short = [name.rpartition("__")[2] for name in setting]
    names = short if len(set(short)) == len(short) else list(setting)
    text = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in zip(names, setting.values(), strict=True)
    )
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"
