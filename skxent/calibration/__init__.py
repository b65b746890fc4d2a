"""Calibration: class probabilities from the scores of a model."""

from skxent.calibration._interval import (
    CalibrationErrorInterval,
    calibration_error_interval,
)
from skxent.calibration._posterior import posterior
from skxent.calibration._scaling import TemperatureScaling, VectorScaling

__all__ = [
    "CalibrationErrorInterval",
    "TemperatureScaling",
    "VectorScaling",
    "calibration_error_interval",
    "posterior",
]
