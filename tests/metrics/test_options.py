"""The keywords that metrics share: in signatures, in docstrings and in errors."""

import re
from dataclasses import fields
from inspect import Parameter, signature
from pickle import dumps, loads

import pytest

import skxent
from skxent import calibration, metrics
from skxent.metrics._options import LabelKeywords, Options, takes

PUBLIC = [getattr(metrics, name) for name in metrics.__all__]
PUBLIC = [metric for metric in PUBLIC if not isinstance(metric, type)]
PUBLIC += [skxent.explain, calibration.calibration_error_interval]
DEFAULTS = {field.name: field.default for field in fields(Options)}


@pytest.mark.parametrize("metric", PUBLIC, ids=lambda f: f.__name__)
def test_signature_and_docstring_list_the_same_parameters(metric):
    parameters = signature(metric).parameters
    assert all(p.kind is not Parameter.VAR_KEYWORD for p in parameters.values())
    lines = metric.__doc__.splitlines()
    described = [line.split(" : ")[0].strip() for line in lines if " : " in line]
    assert sorted(set(described) & set(parameters)) == sorted(parameters)
    assert not [line for line in lines if re.fullmatch(r"\s*\{\w+\}\s*", line)]
    for name, parameter in parameters.items():
        known = name in DEFAULTS and metric is not metrics.smoothed_log_loss
        assert not known or parameter.default == DEFAULTS[name]


@pytest.mark.parametrize("metric", PUBLIC, ids=lambda f: f.__name__)
def test_errors_are_those_of_a_written_signature(metric):
    message = rf"^{metric.__name__}\(\) got an unexpected keyword argument 'gama'"
    with pytest.raises(TypeError, match=message):
        metric([0, 1], [0.1, 0.9], gama=1.0)
    with pytest.raises(TypeError, match=r"missing .* required positional argument"):
        metric()
    assert loads(dumps(metric)) is metric


def test_own_parameters_and_documentation_come_first():
    @takes(LabelKeywords)
    def metric(y, *, other=1, label_smoothing=0.5, **keywords):
        """Return something.

        Parameters
        ----------
        other : int
        labels : of its own
        {keywords}
        """
        return keywords

    names = ["y", "other", "label_smoothing", "labels", "sample_weight"]
    names += ["class_weight", "from_logits", "ignore_index"]
    assert [*signature(metric).parameters] == names
    assert metric.__doc__.count("labels : ") == 1
    assert "label_smoothing : float in [0, 1), default=0" in metric.__doc__
    assert metric(0, labels=[1]) == {"labels": [1]}


def test_without_docstrings_there_is_nothing_to_fill_in():
    @takes(LabelKeywords)
    def metric(y, **keywords):
        return keywords

    assert metric.__doc__ is None
