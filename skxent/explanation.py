"""A cross-entropy in the terms that people ask for."""

from skxent.metrics._explain import explain
from skxent.metrics._explained_rows import LossShare, SurprisingRow
from skxent.metrics._explanation import Explanation

__all__ = ["Explanation", "LossShare", "SurprisingRow", "explain"]
