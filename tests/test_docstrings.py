"""The docstrings of everything public pass the validation of numpydoc."""

import pytest

pytest.importorskip("numpydoc.validate", reason="needs numpydoc")
pytest.importorskip("torch", reason="needs torch: skxent.torch is public, too")
pytest.importorskip("dask.distributed", reason="needs dask")

import docstrings


def test_docstrings_are_complete():
    assert docstrings.found() == {}


def test_what_is_missing_is_found():
    def function(x, y, z):
        """computes something

        Parameters
        ----------
        x : int
        y : int
            The second.
        w : int
            Unknown.

        See Also
        --------
        nothing_of_this_name : A function.
        """
        return x

    public = docstrings.Public("skxent.function", function, True)
    codes = {code for code, _ in docstrings.errors(public)}
    assert codes >= {"PR01", "PR02", "PR07", "RT01", "EX01", "SS02", "SS03", "SS05"}
    assert "SA05" in codes
