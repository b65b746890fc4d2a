"""The probabilities of several models, in the forms in which people have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skxent.blending._objective import pool
from skxent.inputs.columns import align, by_class, by_code, column_names, named_classes
from skxent.inputs.labels import as_array, encode_labels, is_soft
from skxent.inputs.tables import check_proba
from skxent.inputs.targets import Target
from skxent.inputs.weights import by_label
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import as_reals
from skxent.metrics._options import Options
from skxent.metrics._rows import prepare_target


@dataclass(frozen=True, eq=False)
class Models:
    """Tables of probabilities, (n, K) or (n,), one a model, and names of the models.

    `named` returns weights (M,) with the names of the caller; None without names.
    """

    tables: list[Any]
    names: list[Any]
    named: Callable[[NDArray[np.float64]], Any] | None = None

    @classmethod
    def of(
        cls, probas: Any, n_rows: int | None = None, n_models: int | None = None
    ) -> Self:
        """Read a sequence, a dict, a data frame or an array of tables.

        An array or frame of two dimensions has the (n,) of each model in its columns or
        in its rows, according to the number of rows or of models.
        """
        if isinstance(probas, Mapping):
            names = list(probas)
            check_are_tables(probas.values())
            return cls(list(probas.values()), names, _as_dict(names))
        if hasattr(probas, "columns") and np.ndim(probas) == 2:
            columns = list(np.asarray(probas).T)
            names = column_names(probas) or list(range(len(columns)))
            if not hasattr(probas, "iloc"):
                return cls(columns, names, _as_dict(names))
            import pandas as pd  # the caller has it

            index = probas.columns
            return cls(columns, names, lambda w: pd.Series(w, index=index))
        if isinstance(probas, str) or not hasattr(probas, "__len__"):
            raise ValueError(f"probas must be tables of probabilities, got {probas!r}.")
        tables = list(probas)
        check_are_tables(tables)
        shape = np.shape(probas) if isinstance(probas, np.ndarray) else ()
        if len(shape) == 3 and n_rows == shape[0] != shape[1]:
            raise ValueError(
                f"probas must be of shape (M, {n_rows}, K), got {shape}. Move its axis "
                "of the M models to the front."
            )
        if len(shape) == 2:
            tables = list(_columns(probas, n_rows, n_models))
        return cls(tables, list(range(len(tables))))

    @classmethod
    def with_labels(
        cls, probas: Any, y_true: Any, labels: Any, ignore_index: Any = None
    ) -> tuple[NDArray[Any], Self]:
        """Return y_true as an array, and checked tables in the order of the classes."""
        models = cls.of(probas, len(labels_or_shares(y_true)))
        y_true, *tables = align(
            y_true,
            *models.tables,
            labels=labels,
            ignore_index=ignore_index,
            name="probas",
        )
        models = replace(models, tables=check_tables(tables))
        return labels_or_shares(y_true), models

    def in_order(self, labels: Any) -> Models:
        """Return checked tables in the order of labels, or of the names they have."""
        classes = named_classes(*self.tables) if labels is None else labels
        tables = [
            by_code(table) if classes is None else by_class(table, classes, "probas")
            for table in self.tables
        ]
        return replace(self, tables=check_tables(tables))

    def classes_of(self, y: NDArray[Any], labels: Any) -> Any:
        """Return the labels of the columns; y need not contain all of them."""
        if labels is not None or is_soft(y):
            return labels
        return encode_labels(y, name="y_true")[0]

    def target(
        self, y: NDArray[Any], sample_weight: Any, options: Options
    ) -> tuple[Target, NDArray[Any]]:
        """Return checked targets of the rows, and the classes."""
        return prepare_target(y, self.tables[0], sample_weight, options, "probas")

    def rows(self, index: NDArray[np.intp]) -> Models:
        """Return the tables of some rows."""
        return replace(self, tables=[table[index] for table in self.tables])

    def pool(self, weights: Any, pooling: str) -> Floats:
        """Return the blended probabilities (n, K)."""
        return pool(self.tables, weights, pooling)

    def weights(self, given: Any) -> NDArray[np.float64]:
        """Return checked weights of the models: by name, or in their order."""
        given = by_label(given, "weights")
        if isinstance(given, Mapping):
            if set(given) != set(self.names):
                raise ValueError(
                    f"weights must have the names {self.names} of probas, got "
                    f"{list(given)}."
                )
            given = [given[name] for name in self.names]
        w = as_reals("weights", given)
        if w.shape != (len(self.tables),):
            raise ValueError(
                f"weights must be of shape ({len(self.tables)},), one for each model, "
                f"got {w.shape}."
            )
        if not (w >= 0).all() or not abs(w.sum() - 1) < 1e-6:
            raise ValueError(
                f"weights must be non-negative, with sum one, got {w.tolist()}."
            )
        return w / w.sum()


def check_are_tables(given: Iterable[Any]) -> None:
    """Raise a ValueError where a model or its name is among the probabilities."""
    for table in given:
        if isinstance(table, tuple) and table and isinstance(table[0], str):
            raise ValueError(
                "probas must be tables of probabilities, got a tuple that begins with "
                f"{table[0]!r}. Pass names in a dict: {{name: table}}."
            )
        if hasattr(table, "fit"):
            raise ValueError(
                f"probas must be tables of probabilities, got {type(table).__name__}. "
                "Pass what cross_val_predict(..., method='predict_proba') returns."
            )
        if np.isscalar(table):
            raise ValueError(
                f"probas must be tables of probabilities, got the number {table!r}."
            )


def check_tables(given: Sequence[Any]) -> list[Floats]:
    """Return tables of probabilities, all of one shape."""
    if not given:
        raise ValueError("probas must be one table or more, got none.")
    tables = [check_proba(proba, "probas") for proba in given]
    for table in tables:
        if table.shape != tables[0].shape:
            raise ValueError(
                f"probas must be tables of one shape, got {tables[0].shape} and "
                f"{table.shape}."
            )
    return tables


def _as_dict(names: list[Any]) -> Callable[[NDArray[np.float64]], Any]:
    return lambda w: dict(zip(names, w.tolist(), strict=True))


def _columns(
    probas: NDArray[Any], n_rows: int | None, n_models: int | None
) -> NDArray[Any]:
    """Return the (n,) of each model as the rows of an array."""
    shape = probas.shape
    if shape in ((n_rows, n_rows), (n_models, n_models)):
        raise ValueError(
            "probas must be a list of arrays where there are as many models as rows, "
            f"got an array of shape {shape}."
        )
    if n_rows is None:
        if n_models not in shape:
            raise ValueError(
                f"probas must have a table for each of {n_models} weights, got an "
                f"array of shape {shape}."
            )
        return probas.T if shape[1] == n_models else probas
    if n_rows not in shape:
        raise ValueError(
            f"probas must have {n_rows} rows as y_true has, got an array of shape "
            f"{shape}."
        )
    return probas.T if shape[0] == n_rows else probas


def labels_or_shares(y_true: Any) -> NDArray[Any]:
    """Return labels (n,) or soft labels (n, K) as an array."""
    if isinstance(y_true, Mapping):
        raise ValueError("y_true must be labels, got a dict. Pass probas first.")
    y = as_array(y_true, "y_true")
    if y.ndim not in (1, 2):
        raise ValueError(f"y_true must be of shape (n,) or (n, K), got {y.shape}.")
    return y
