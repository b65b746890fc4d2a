"""From the scores of a model to probabilities that can be believed."""

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
