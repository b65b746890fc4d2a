"""The mix of several models' probabilities that has the least loss."""

from skxent.blending._classifier import BlendClassifier
from skxent.blending._weights import blend_weights

__all__ = ["BlendClassifier", "blend_weights"]
