"""Draw the figures of the pages before they are read."""

import subprocess
import sys
from pathlib import Path


def draw(app):
    script = Path(app.srcdir) / "images" / "render.py"
    drawn = [image.stat().st_mtime for image in script.parent.glob("*.png")]
    if not drawn or min(drawn) < script.stat().st_mtime:
        subprocess.run([sys.executable, "-P", script], check=True)


def setup(app):
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True}
