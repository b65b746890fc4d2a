"""Where a report was made: the machine, the versions, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Distributions by the names that the tables use; several may provide the same.
LIBRARIES = {
    "skxent": ["skxent"],
    "numpy": ["numpy"],
    "scipy": ["scipy"],
    "scikit-learn": ["scikit-learn"],
    "scikit-learn-intelex": ["scikit-learn-intelex"],
    "torch": ["torch"],
    "glum": ["glum"],
    "celer": ["celer"],
    "skglm": ["skglm"],
    "statsmodels": ["statsmodels"],
    "imbalance-xgboost": ["imbalance-xgboost"],
    "xgboost": ["xgboost", "xgboost-cpu"],
    "lightgbm": ["lightgbm"],
    "catboost": ["catboost"],
    "dask": ["dask"],
}


def versions() -> dict[str, str]:
    """Of the libraries; "" where one is not installed."""
    return {name: installed(*names) for name, names in LIBRARIES.items()}


def installed(*names: str) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


def machine() -> dict[str, object]:
    import skxent

    config = skxent.show_config("dicts")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": f"{memory() / 2**30:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": config["compiler"],
        "isa": config["isa"],
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else "",
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()


def memory() -> float:
    if not hasattr(os, "sysconf"):
        return float("nan")
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def commit() -> str:
    """The commit of the checkout, with a + where files have changed since."""
    head = git("rev-parse", "--short=10", "HEAD")
    return head + "+" if head and git("status", "--porcelain", "-uno") else head


def git(*arguments: str) -> str:
    """The output of git, or nothing outside a checkout."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
