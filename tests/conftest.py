"""Hypothesis: the same examples in every run; more with --hypothesis-profile=long."""

import os

from hypothesis import HealthCheck, settings

# One process for each core: threads of their own would only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

unhurried = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile(
    "short", derandomize=True, database=None, max_examples=50, **unhurried
)
settings.register_profile(
    "few", derandomize=True, database=None, max_examples=10, **unhurried
)
settings.register_profile("long", max_examples=20_000, **unhurried)
settings.load_profile("short")
