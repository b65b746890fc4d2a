"""Soft labels from the predictions of another model, for the `y` of any estimator."""

from skxent.inputs.soft_labels import distill

__all__ = ["distill"]
