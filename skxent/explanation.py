"""A cross-entropy in the terms that people ask for."""

from skxent.metrics._explanation import Explanation, SurprisingRow, explain

__all__ = ["Explanation", "SurprisingRow", "explain"]
