"""Weights applied to the probabilities of models."""

from __future__ import annotations

from typing import Any, get_args

from numpy.typing import ArrayLike

from skxent.blending._tables import Models
from skxent.blending._weights import Pooling
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option


def blend(
    probas: Any,
    weights: Any,
    pooling: Pooling = "arithmetic",
    *,
    labels: ArrayLike | None = None,
) -> Floats:
    r"""Return the blended probabilities of several models.

    .. math:: \sum_m w_m p_m \quad \text{or} \quad
        \mathrm{softmax}\Big(\sum_m w_m \log p_m\Big)

    Parameters
    ----------
    probas : sequence or dict of M array-likes of shape (n, K) or (n,)
        Probabilities of each model, a column for each label; (n,): of the second of
        two. For two classes also one DataFrame or array of shape (n, M), each column
        the (n,) of a model.
    weights : array-like of shape (M,), dict or Series
        Non-negative, with sum one, as :func:`blend_weights` returns them. A dict or
        Series goes by the keys or columns of probas.
    pooling : {"arithmetic", "log-linear"}, default="arithmetic"
        The mean of probabilities, or of their logarithms, normalised.
    labels : array-like of shape (K,), default=None
        The labels of the columns, for data frames that name them. None: those that the
        first data frame names.

    Returns
    -------
    ndarray of shape (n, K)
        A column for each label.

    Raises
    ------
    ValueError
        If weights are negative, do not sum to one or are not those of the models, or
        probas are no probabilities.

    See Also
    --------
    blend_weights : The weights with the least loss.

    Examples
    --------
    >>> from skxent.blending import blend
    >>> blend({"a": [0.2, 0.8], "b": [0.4, 1.0]}, {"a": 0.5, "b": 0.5}).round(3)
    array([[0.7, 0.3],
           [0.1, 0.9]])
    """
    check_option("pooling", pooling, get_args(Pooling))
    if not hasattr(weights, "__len__") or isinstance(weights, str):
        raise ValueError(f"weights must be one number for each model, got {weights!r}.")
    models = Models.of(probas, n_models=len(weights)).in_order(labels)
    return models.pool(models.weights(weights), pooling)
