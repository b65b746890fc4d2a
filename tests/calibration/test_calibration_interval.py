"""Bootstrap intervals of calibration errors: how often they hold the truth."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent.calibration import calibration_error_interval
from skxent.metrics import expected_calibration_error


@pytest.mark.parametrize("truth", [0.5, 0.65])
def test_intervals_hold_the_truth(truth):
    """Confidence 1/2 throughout, so that the true error is |truth - 1/2|."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        y = rng.random(300) < truth
        error, low, high = calibration_error_interval(
            y,
            np.full(300, 0.5),
            labels=[False, True],
            confidence_level=0.8,
            n_resamples=200,
            random_state=rng.integers(2**31),
        )
        assert low <= error <= high
        held += low - 1e-12 <= truth - 0.5 <= high
    # 48 of 60 on average where the error is not 0, the end of the scale.
    assert held >= 40
    if truth > 0.5:
        assert held <= 56


def test_the_interval_is_around_the_debiased_error():
    rng = np.random.default_rng(1)
    z, y = 2 * rng.normal(size=(400, 3)), rng.integers(0, 3, 400)
    weight = rng.integers(0, 3, 400)
    for classwise in (False, True):
        keywords = {"from_logits": True, "classwise": classwise}
        keywords |= {"sample_weight": weight, "strategy": "quantile"}
        value = expected_calibration_error(y, z, norm="l2", debias=True, **keywords)
        found = calibration_error_interval(
            y, z, random_state=0, n_resamples=100, **keywords
        )
        again = calibration_error_interval(
            y, z, random_state=0, n_resamples=100, **keywords
        )
        assert found == again
        assert_allclose(found.error, value, rtol=1e-10)
        assert found.low < value < found.high
        wide = calibration_error_interval(
            y, z, random_state=0, n_resamples=100, confidence_level=0.99, **keywords
        )
        assert wide.low <= found.low and found.high < wide.high


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence_level": 1.0}, r"confidence_level must be a number in \(0, 1\)"),
        ({"n_resamples": 0}, "n_resamples must be an integer >= 1, got 0"),
        ({"n_bins": 0}, "n_bins must be an integer >= 1, got 0"),
        ({"strategy": "even"}, "strategy must be one of 'uniform', 'quantile', got"),
        ({"random_state": "x"}, "'x' cannot be used to seed"),
    ],
)
def test_bad_arguments_of_the_interval(settings, message):
    with pytest.raises(ValueError, match=message):
        calibration_error_interval([0, 1], [0.3, 0.6], **settings)


def test_bins_of_one_row_say_nothing():
    with pytest.warns(UserWarning, match="100% of the weight is in bins of one row"):
        found = calibration_error_interval([0, 1], [0.1, 0.9], random_state=0)
    assert found == (0, 0, 0)
