"""The structure of the source: who imports whom, how long, how often.

`python -P tests/helpers/structure.py -v` prints the lines that each count stands for.
"""

import ast

import pytest

import structure


@pytest.fixture(scope="module")
def counts():
    return structure.counts()


@pytest.mark.parametrize("name", structure.LIMITS)
def test_the_structure_keeps_its_limits(counts, name):
    count, lines = counts[name]
    assert count <= structure.LIMITS[name], "\n".join([name, *lines])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("void", 0),
        ("const floating[:, :] z, int rows", 2),
        ("int (*f)(int, int), int n,\n", 2),
    ],
)
def test_arguments_are_counted(text, count):
    assert structure.arguments_between(text) == count


def test_functions_in_c_and_cython_are_found():
    found = {where for _, where in structure.compiled_functions()}
    assert len(found) > 100
    assert "src/tiles.pxd load" in found
    assert "src/rowsums.h row_sums_##T" in found
    assert "src/vecmath.pxd vm_expm1f" in found  # declared in an extern block


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("def f(self): self.a = 1", 0),
        ("def f(self, other): other.a = 1", 1),
        ("def f(self): self.other.a = 1", 1),
        ("def f(self): new = copy(self); new.a = 1", 0),
        ("def f(self, other): new = copy(other); new.a += 1", 1),
        ("def f(self, other): setattr(other, 'a', 1)", 1),
        ("def f(self, X): X.flags.writeable = False", 0),
    ],
)
def test_assignments_from_outside_are_found(tmp_path, monkeypatch, method, count):
    path = structure.PACKAGE / "example.py"
    monkeypatch.setattr(structure, "modules", lambda: {"skxent.example": path})
    monkeypatch.setattr(structure, "tree", lambda _: ast.parse(method))
    assert len(structure.assignments_from_outside()) == count


def test_public_signatures_are_found():
    public = structure.public_definitions()
    assert ("skxent.metrics._log_loss", "log_loss") in public
    assert ("skxent.linear_model._classifier", "CrossEntropyClassifier.fit") in public
    assert ("skxent.inputs.targets", "make_target") not in public
