"""A loss as a module of torch."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal, get_args

import torch
from torch import Size, Tensor

from skxent.kernels.checks import FRACTION, check_bool, check_option
from skxent.losses._loss import Loss
from skxent.losses._probabilities import unsmoothed
from skxent.losses._shipped import as_loss
from skxent.torch._kernels import DTYPES, Pass, in_reach
from skxent.torch._program import formula_of
from skxent.torch._targets import Classes, Indicators, as_weights, check_tensors, table

Reduction = Literal["none", "mean", "sum"]


class LossModule(torch.nn.Module):
    r"""A loss of networks, in the place of CrossEntropyLoss or BCEWithLogitsLoss.

    With :class:`~skxent.losses.CrossEntropy` the results are those of
    ``torch.nn.CrossEntropyLoss``, and with ``multilabel=True`` those of
    ``torch.nn.BCEWithLogitsLoss``: every reduction, weight and kind of target.

    Float32 and float64 logits in the memory of the processor are read by the kernels,
    which compute loss and gradient in one pass over them. On other devices, in other
    dtypes, for derivatives of derivatives, and under ``torch.compile`` and
    ``torch.func`` the same formula runs as operations of torch, which cancel nothing
    and compute float16 and bfloat16 in float32.

    Parameters
    ----------
    loss : str or Loss
        A loss, or its name in :data:`skxent.losses.LOSSES`.
    reduction : {"mean", "sum", "none"}, default="mean"
        The mean of class indices is divided by the sum of the weights of the targets,
        any other mean by the number of targets, as in torch.
    class_weight : Tensor or array-like of shape (K,), default=None
        The `weight` of torch: it multiplies the smoothed target. With `multilabel` it
        multiplies the losses of logits of the shape (..., K).
    label_smoothing : float in [0, 1), default=0
        The target becomes ``(1 - eps) target + eps / K``, K = 2 with `multilabel`.
    ignore_index : int, default=-100
        Class indices that do not count.
    multilabel : bool, default=False
        Whether each logit is the log-odds of an independent label, and the target of
        the shape of the logits, as in BCEWithLogitsLoss. A table of numbers could be
        the target of either form, so that shapes do not decide.
    pos_weight : Tensor or array-like, default=None
        With `multilabel` the weight of the positive part, as in BCEWithLogitsLoss; of
        a shape that broadcasts to that of the logits.

    Attributes
    ----------
    class_weight, pos_weight : Tensor or None
        Buffers: they are moved with the module, and are in its state_dict.

    Raises
    ------
    ValueError
        If an argument is outside its domain.

    See Also
    --------
    torch.nn.CrossEntropyLoss, torch.nn.BCEWithLogitsLoss : The losses of torch.

    Notes
    -----
    Class weights with label smoothing follow torch here: see `class_weight_on` of
    :class:`skxent.losses.Loss` for the other rule. Probabilities as targets are taken
    as they are, and need not sum to one.

    Examples
    --------
    >>> import torch
    >>> from skxent.losses import Focal
    >>> from skxent.torch import LossModule
    >>> criterion = LossModule(Focal(gamma=2.0))
    >>> logits = torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]], requires_grad=True)
    >>> loss = criterion(logits, torch.tensor([0, 2]))
    >>> loss.backward()
    >>> criterion.posterior(logits)
    tensor([[0.8838, 0.0287, 0.0875],
            [0.1124, 0.7752, 0.1124]])
    """

    loss: Loss
    reduction: Reduction
    class_weight: Tensor | None
    label_smoothing: float
    ignore_index: int
    multilabel: bool
    pos_weight: Tensor | None

    def __init__(
        self,
        loss: str | Loss,
        *,
        reduction: Reduction = "mean",
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        ignore_index: int = -100,
        multilabel: bool = False,
        pos_weight: Any = None,
    ) -> None:
        super().__init__()
        check_option("reduction", reduction, get_args(Reduction))
        FRACTION.check("label_smoothing", label_smoothing)
        check_bool("multilabel", multilabel)
        if not isinstance(ignore_index, Integral) or isinstance(ignore_index, bool):
            raise ValueError(f"ignore_index must be an integer, got {ignore_index!r}.")
        if pos_weight is not None and not multilabel:
            raise ValueError(
                f"pos_weight must be None unless multilabel=True, got {pos_weight!r}."
            )
        self.loss = as_loss(loss)
        self.reduction = reduction
        self.label_smoothing = float(label_smoothing)
        self.ignore_index = int(ignore_index)
        self.multilabel = bool(multilabel)
        self.register_buffer("class_weight", as_weights("class_weight", class_weight))
        self.register_buffer("pos_weight", as_weights("pos_weight", pos_weight))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        input : Tensor of shape (N, K), (K,) or (N, K, d1, ...); any with `multilabel`
            Logits.
        target : Tensor of shape (N,), () or (N, d1, ...), or of the shape of input
            Class indices, or probabilities; with `multilabel` indicators in [0, 1].

        Returns
        -------
        Tensor
            A number, or for ``reduction="none"`` a loss for each target. In the dtype
            of input, float32 for lower precision under autocast.
        """
        check_tensors(input=input, target=target)
        if not input.is_floating_point():
            raise ValueError(f"input must be floating point, got {input.dtype}.")
        dtype = input.dtype if input.dtype in DTYPES else torch.float32
        z, rows, shape = (self._indicators if self.multilabel else self._classes)(
            input.to(dtype), target
        )
        mean = self.reduction == "mean"
        n_classes = 2 if self.multilabel else z.shape[1]

        def as_operations(z: Tensor) -> Tensor:
            losses = rows.losses(formula_of(self.loss, n_classes), z)
            if self.reduction == "none":
                return losses
            return losses.sum() / rows.count() if mean else losses.sum()

        if in_reach(z, rows.target):
            kernel_target, any_row = rows.for_kernels(n_classes, mean)
            summed = self.reduction != "none"
            result = Pass(self.loss, kernel_target, summed, as_operations)(z)
            result = result if any_row or not mean else result + torch.nan
        else:
            result = as_operations(z)
        if self.reduction == "none":
            result = result.reshape(shape)
        if input.dtype == dtype or torch.is_autocast_enabled(input.device.type):
            return result
        return result.to(input.dtype)

    def _classes(self, z: Tensor, target: Tensor) -> tuple[Tensor, Classes, Size]:
        """Return logits (n, K), targets (n,) or (n, K), and the shape of the losses."""
        axis = 0 if z.ndim == 1 else 1
        if z.ndim == 0 or z.shape[axis] < 2:
            raise ValueError(
                f"input must be of shape (K,), (N, K) or (N, K, d1, ...) with K >= 2, "
                f"got {tuple(z.shape)}. Pass multilabel=True for log-odds."
            )
        shape = Size([*z.shape[:axis], *z.shape[axis + 1 :]])
        K = z.shape[axis]
        weight = self.class_weight
        if weight is not None:
            if weight.shape != (K,):
                raise ValueError(
                    f"class_weight must be of shape ({K},), got {tuple(weight.shape)}."
                )
            weight = weight.to(z.dtype)
        codes = soft = None
        if target.is_floating_point():
            soft = table(self._of_shape(z.shape, target).to(z.dtype), axis)
        elif target.is_complex() or target.dtype == torch.bool:
            raise ValueError(
                f"target must be class indices or probabilities, got {target.dtype}."
            )
        else:
            codes = self._of_shape(shape, target).long().reshape(-1)
        rows = Classes(codes, soft, weight, self.label_smoothing, self.ignore_index)
        return table(z, axis), rows, shape

    def _indicators(self, z: Tensor, target: Tensor) -> tuple[Tensor, Indicators, Size]:
        """Return logits (n,), targets (n,), and the shape of the losses."""

        def broadcast(name: str, weight: Tensor | None) -> Tensor | None:
            if weight is None:
                return None
            try:
                return weight.to(z.dtype).expand(z.shape).reshape(-1)
            except RuntimeError:
                raise ValueError(
                    f"{name} must be of a shape that broadcasts to that of input, "
                    f"{tuple(z.shape)}, got {tuple(weight.shape)}."
                ) from None

        rows = Indicators(
            self._of_shape(z.shape, target).to(z.dtype).reshape(-1),
            broadcast("class_weight", self.class_weight),
            broadcast("pos_weight", self.pos_weight),
            self.label_smoothing,
        )
        return z.reshape(-1), rows, z.shape

    def _of_shape(self, shape: Size, target: Tensor) -> Tensor:
        if target.shape != shape:
            raise ValueError(
                f"target must be of shape {tuple(shape)}, got {tuple(target.shape)}."
            )
        return target

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def posterior(self, logits: Tensor, *, log: bool = False) -> Tensor:
        """Return the class probabilities that the logits of a trained network imply.

        It undoes what the loss, the smoothing and the weights did to them, by the map
        of :meth:`skxent.losses.Loss.posterior`, where it is discussed. There is no
        gradient.

        Parameters
        ----------
        logits : Tensor of shape (N, K), (K,) or (N, K, d1, ...); any with `multilabel`
            The output of the network.
        log : bool, default=False
            Return logarithms.

        Returns
        -------
        Tensor of the shape and dtype of logits
            Rows that sum to one, or with `multilabel` the probabilities of yes.
        """
        self.loss.warn_without_posterior()
        dtype = logits.dtype if logits.dtype in DTYPES else torch.float32
        z = logits.detach().to("cpu", dtype)
        n_threads = torch.get_num_threads()

        # Weights were put on after smoothing, and come off before it.
        def of_loss(z: Tensor, class_weight: Any = None) -> Tensor:
            found = self.loss.posterior(
                z.numpy(), class_weight=class_weight, log=True, n_threads=n_threads
            )
            return torch.from_numpy(found)

        def smooth(z: Tensor) -> Tensor:
            found = unsmoothed(
                z.numpy(), self.label_smoothing, log=log, n_threads=n_threads
            )
            return torch.from_numpy(found)

        if self.multilabel:
            both = of_loss(z.reshape(-1))
            odds = (both[:, 1] - both[:, 0]).reshape(z.shape)
            if self.pos_weight is not None:
                odds -= self.pos_weight.to("cpu", dtype).log()
            found = smooth(odds.reshape(-1))[:, 1].reshape(z.shape)
        else:
            axis = 0 if z.ndim == 1 else 1
            weight = self.class_weight
            weight = None if weight is None else weight.to("cpu", dtype).numpy()
            rows = z.movedim(axis, -1)
            found = of_loss(table(z, axis), weight)
            found = smooth(found).reshape(rows.shape)
            found = found.movedim(-1, axis)
        return found.to(logits)

    def extra_repr(self) -> str:
        # The arguments that are not the default.
        given = {
            "reduction": (self.reduction, "mean"),
            "class_weight": (self.class_weight, None),
            "label_smoothing": (self.label_smoothing, 0.0),
            "ignore_index": (self.ignore_index, -100),
            "multilabel": (self.multilabel, False),
            "pos_weight": (self.pos_weight, None),
        }
        changed = (
            f"{name}={value.tolist() if isinstance(value, Tensor) else value!r}"
            for name, (value, default) in given.items()
            if value is not default and value != default
        )
        return ", ".join([repr(self.loss), *changed])
