"""Plots of losses and predictions, which need matplotlib."""

from skxent.displays._loss_by_class import LossByClassDisplay
from skxent.displays._loss_curve import LossCurveDisplay
from skxent.displays._modulation import ModulationDisplay
from skxent.displays._path import PathDisplay
from skxent.displays._posterior import PosteriorDisplay
from skxent.displays._reliability import ReliabilityDisplay

__all__ = [
    "LossByClassDisplay",
    "LossCurveDisplay",
    "ModulationDisplay",
    "PathDisplay",
    "PosteriorDisplay",
    "ReliabilityDisplay",
]
