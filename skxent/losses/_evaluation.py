"""Losses of rows and their derivatives in the logits."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.columns import as_raw_prediction
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats, output
from skxent.losses._compiled import Compiled, TargetKeywords


class Evaluation(Compiled):
    """The methods of a loss that evaluate rows of logits and their targets."""

    def loss(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Return the weighted loss of every row, in nats.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, K)
            Integer codes in 0..K-1, soft labels, or with `multilabel` indicators.
        raw_prediction : array-like of shape (n, K), or (n,) for two classes
            Logits.
        out : ndarray of shape (n,), default=None
            Where the result is written, in the dtype of the logits.
        **target
            The keywords that :class:`Loss` lists: sample_weight, class_weight,
            class_weight_on, label_smoothing, ignore_index, multilabel and n_threads.

        Returns
        -------
        ndarray of shape (n,)
            The loss of each row times its weight.

        Examples
        --------
        >>> from skxent.losses import Focal
        >>> Focal(gamma=2.0).loss([1, 0], [0.0, 2.0], sample_weight=[1, 3]).round(4)
        array([0.1733, 4.9502])
        """
        (value,) = self._fill(y, raw_prediction, target, value=("out", out))
        return value

    @documented(loss)
    def gradient(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Return the derivative of every row's loss in its logits.

        Parameters
        ----------
        out : ndarray of the shape of raw_prediction, default=None
            Where the result is written, in the dtype of the logits.
        {parameters}

        Returns
        -------
        ndarray of the shape of raw_prediction
            The gradient of each row, as a row.

        Examples
        --------
        >>> from skxent.losses import Focal
        >>> Focal(gamma=2.0).gradient([1], [[0.0, 1.0, 2.0]]).round(3)
        array([[ 0.098, -0.824,  0.726]])
        """
        (gradient,) = self._fill(y, raw_prediction, target, gradient=("out", out))
        return gradient

    @documented(loss)
    def loss_gradient(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        loss_out: Floats | None = None,
        gradient_out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> tuple[Floats, Floats]:
        """Return the loss of every row and its gradient, in one pass.

        Parameters
        ----------
        loss_out : ndarray of shape (n,), default=None
            Where the result is written, in the dtype of the logits.
        gradient_out : ndarray of the shape of raw_prediction, default=None
            Where the result is written, in the dtype of the logits.
        {parameters}

        Returns
        -------
        loss : ndarray of shape (n,)
            The loss of each row times its weight.
        gradient : ndarray of the shape of raw_prediction
            The gradient of each row, as a row.
        """
        value, gradient = self._fill(
            y,
            raw_prediction,
            target,
            value=("loss_out", loss_out),
            gradient=("gradient_out", gradient_out),
        )
        return value, gradient

    @documented(loss_gradient)
    def gradient_hessian(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        gradient_out: Floats | None = None,
        hessian_out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> tuple[Floats, Floats]:
        """Return the gradient of every row and the diagonal of its Hessian.

        Parameters
        ----------
        hessian_out : ndarray of the shape of raw_prediction, default=None
            Where the result is written, in the dtype of the logits.
        {parameters}

        Returns
        -------
        gradient : ndarray of the shape of raw_prediction
            The gradient of each row, as a row.
        hessian : ndarray of the shape of raw_prediction
            The diagonal of the Hessian of each row, as a row.
        """
        gradient, hessian = self._fill(
            y,
            raw_prediction,
            target,
            gradient=("gradient_out", gradient_out),
            hessian=("hessian_out", hessian_out),
        )
        return gradient, hessian

    @documented(gradient)
    def hessian_product(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        v: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Return every row's K x K Hessian times its row of v, in O(K) a row.

        Parameters
        ----------
        v : array-like of the shape of raw_prediction
            The vector by which each row's Hessian is multiplied, as a row.
        {parameters}

        Returns
        -------
        ndarray of the shape of raw_prediction
            The product of each row, as a row.
        """
        (product,) = self._fill(y, raw_prediction, target, v, product=("out", out))
        return product

    @documented(loss)
    def hessian(
        self,
        y: ArrayLike,
        raw_prediction: ArrayLike,
        *,
        out: Floats | None = None,
        **target: Unpack[TargetKeywords],
    ) -> Floats:
        """Return every row's whole Hessian.

        Parameters
        ----------
        out : ndarray of the shape returned, default=None
            Where the result is written, in the dtype of the logits.
        {parameters}

        Returns
        -------
        ndarray of shape (n, K, K), or (n, 1, 1) for logits (n,)
            A symmetric matrix for each row.
        """
        n, *rest = np.shape(raw_prediction) or (0,)
        width = rest[0] if rest else 1
        z, binary = as_raw_prediction(raw_prediction)
        matrix = output("out", out, (n, width, width), z.dtype)
        if binary or target.get("multilabel"):
            diagonal = self.gradient_hessian(y, z, **target)[1]
            matrix[...] = 0
            np.einsum("ikk->ik", matrix)[...] = diagonal
            return matrix
        flat = matrix.reshape(n, width * width)
        self._fill(y, z, target, matrix=("out", flat))
        if not np.shares_memory(flat, matrix):
            matrix[...] = flat.reshape(matrix.shape)
        return matrix
