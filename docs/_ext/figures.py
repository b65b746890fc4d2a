"""Draw the figures of the pages before they are read."""

import os
import subprocess
import sys
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def draw(app):
    script = Path(app.srcdir) / "images" / "render.py"
    drawn = [image.stat().st_mtime for image in script.parent.glob("*.png")]
    if not drawn or min(drawn) < script.stat().st_mtime:
        command = [sys.executable, "-P", script]
        subprocess.run(command, check=True, env=os.environ | ONE_THREAD)


def setup(app):
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True}
