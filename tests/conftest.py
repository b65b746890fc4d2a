"""Hypothesis: the same examples in every run; more with --hypothesis-profile=long."""

from hypothesis import HealthCheck, settings

unhurried = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile(
    "short", derandomize=True, database=None, max_examples=50, **unhurried
)
settings.register_profile(
    "few", derandomize=True, database=None, max_examples=10, **unhurried
)
settings.register_profile("long", max_examples=20_000, **unhurried)
settings.load_profile("short")
