"""The losses as modules of torch: extra `torch`.

They take the place of torch.nn.CrossEntropyLoss and torch.nn.BCEWithLogitsLoss.
"""

from skxent.kernels.checks import explain_missing

with explain_missing("torch", "skxent.torch needs torch: pip install torch"):
    from skxent.torch._module import LossModule

__all__ = ["LossModule"]
