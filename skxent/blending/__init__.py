"""Blends: weighted means of the probabilities of several models."""

from skxent.blending._apply import blend
from skxent.blending._beta import BetaPool, beta_pool
from skxent.blending._classifier import BlendClassifier
from skxent.blending._gain import BlendGain, blend_gain
from skxent.blending._weights import blend_weights

__all__ = [
    "BetaPool",
    "BlendClassifier",
    "BlendGain",
    "beta_pool",
    "blend",
    "blend_gain",
    "blend_weights",
]
