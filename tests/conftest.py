"""How tests run: a process a core for all of them, and hypothesis' examples.

The examples are the same in every run; more with --hypothesis-profile=long.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Take all cores for all tests; a part of them is quicker in one process."""
    whole = config.args == config.getini("testpaths")
    if whole and config.getoption("numprocesses", 0) is None:
        config.option.numprocesses = "auto"


unhurried = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile(
    "short", derandomize=True, database=None, max_examples=50, **unhurried
)
settings.register_profile(
    "few", derandomize=True, database=None, max_examples=10, **unhurried
)
settings.register_profile("long", max_examples=20_000, **unhurried)
settings.load_profile("short")
