"""A loss meets the kernels in two functions of a tile, and nowhere else."""

import re
from pathlib import Path

from skxent.losses import LOSSES

SOURCE = Path(__file__).parents[2] / "src"


def sources():
    files = [path for path in SOURCE.iterdir() if path.suffix in (".pxd", ".pyx", ".h")]
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def test_the_kernels_know_no_particular_loss():
    names = [name for name, cls in LOSSES.items()] + [
        c.__name__ for c in LOSSES.values()
    ]
    for file, text in sources().items():
        if file != "losses.pxd":
            assert not [name for name in names if re.search(name, text, re.I)], file


def test_all_that_is_called_of_a_loss_is_phi_and_log_slope():
    imported = set()
    for text in sources().values():
        for names in re.findall(r"^from losses cimport (.*)$", text, re.M):
            imported |= set(names.split(", "))
    assert imported == {"ROWS", "LossSpec", "spec_of", "by_class", "phi", "log_slope"}
