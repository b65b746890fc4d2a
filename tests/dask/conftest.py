"""Fixtures that several files use."""

from importlib import import_module

import pytest


@pytest.fixture
def stores(monkeypatch):
    """The first store of each fit from now on."""
    workers = import_module("skxent.dask._workers").Workers
    found = []
    of = workers.of.__func__

    def recorded(*arguments):
        found.append(of(*arguments))
        return found[-1]

    monkeypatch.setattr(workers, "of", classmethod(recorded))
    return found
