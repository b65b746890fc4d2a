"""The parts of a cross-entropy, which `explain` returns."""

from skxent.metrics._explain import explain
from skxent.metrics._explained_rows import LossShare, SurprisingRow
from skxent.metrics._explanation import Explanation

__all__ = ["Explanation", "LossShare", "SurprisingRow", "explain"]
