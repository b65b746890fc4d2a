"""Sample weights on their way to the estimator that is calibrated."""

from __future__ import annotations

from typing import Any

from sklearn import get_config
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter

from skxent.kernels.checks import warn


def params_of_fit(
    calibrator: Any, estimator: Any, sample_weight: Any
) -> dict[str, Any]:
    """What goes on to the estimator's fit, as in CalibratedClassifierCV.

    With metadata routing the weights if it requests them, without if it takes them.
    """
    if sample_weight is None:
        return {}
    given = {"sample_weight": sample_weight}
    if get_config()["enable_metadata_routing"]:
        return dict(process_routing(calibrator, "fit", **given).estimator.fit)
    if has_fit_parameter(estimator, "sample_weight"):
        return given
    warn(
        f"{type(estimator).__name__} does not take sample_weight: the calibration is "
        "weighted, its fit is not."
    )
    return {}
