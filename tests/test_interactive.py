"""The numbers of the interactive page of the documentation, against the package."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent.losses import Focal

PAGE = Path(__file__).parents[1] / "docs" / "interactive.html"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="needs a browser: apt-get install chromium"
)

# Logits, label, gamma, smoothing, weights: what the sliders may be set to.
SETTINGS = [
    ([2.0, 0.0, -1.0], 0, 2.0, 0.0, [1.0, 1.0, 1.0]),
    ([2.0, 0.0, -1.0], 1, 0.0, 0.1, [1.0, 1.0, 1.0]),
    ([-10.0, 10.0, 10.0], 0, 5.0, 0.0, [0.1, 5.0, 1.0]),
    ([10.0, -10.0, -10.0], 0, 0.3, 0.9, [1.0, 0.5, 2.0]),
    ([10.0, -10.0, -9.9], 0, 5.0, 0.0, [5.0, 1.0, 1.0]),
    ([0.0, 0.0, 0.0], 2, 1.0, 0.25, [1.0, 2.0, 3.0]),
    ([3.3, -4.7, 1.1], 2, 2.5, 0.05, [1.0, 4.0, 0.2]),
]


def numbers_of_the_page(tmp_path, z, y, gamma, eps, w):
    """Loss, and an array of gradient, softmax and posterior, class by class."""
    values = {"y": y, "gamma": gamma, "eps": eps}
    for k in range(3):
        values |= {f"z{k}": z[k], f"w{k}": w[k]}
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={tmp_path}", "--dump-dom"]
    page = subprocess.run(
        [*command, f"{PAGE.as_uri()}#{urlencode(values)}"],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    loss, *cells = (float(x) for x in re.findall('data-value="([^"]+)"', page))
    return loss, np.array(cells).reshape(3, 3)


@pytest.mark.parametrize(("z", "y", "gamma", "eps", "w"), SETTINGS)
def test_the_page_shows_what_the_package_computes(tmp_path, z, y, gamma, eps, w):
    loss, cells = numbers_of_the_page(tmp_path, z, y, gamma, eps, w)
    focal, row = Focal(gamma), np.array([z])
    weighing = {"class_weight": w, "label_smoothing": eps}
    expected = [
        focal.gradient([y], row, **weighing)[0],
        focal.predict_proba(row)[0],
        focal.posterior(row, **weighing)[0],
    ]
    assert_allclose(loss, focal.loss([y], row, **weighing)[0], rtol=1e-12)
    assert_allclose(cells.T, expected, rtol=1e-12, atol=1e-16)
