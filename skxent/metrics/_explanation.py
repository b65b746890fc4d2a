"""A cross-entropy explained: its parts, baselines, sources and most surprising rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Literal, get_args

import numpy as np

from skxent.kernels.checks import check_option, explain_missing
from skxent.metrics._explained_rows import LossShare, SurprisingRow

BIT = float(np.log(2))  # in nats
MAX_SHARES = 10  # classes or groups that are printed

Part = Literal["rows", "parts", "classes", "groups"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """The parts of a cross-entropy; print it to read them. See :func:`explain`.

    Parameters
    ----------
    n_samples, n_classes : int
        The number of rows of positive weight, and of classes.
    cross_entropy, label_entropy, predicted_entropy, frequency_entropy : float
        In nats a row: the loss, and the entropies of the labels, of the predictions
        and of the class frequencies.
    gap_standard_error : float
        The standard error of ``cross_entropy - predicted_entropy``, the confidence gap;
        NaN for a single row.
    miscalibration : float
        What recalibration saves of the loss, as in :func:`decompose_loss`.
    chance_miscalibration : float
        What it would save on average if the predictions were calibrated: a
        recalibration fits the noise of the labels, too. 0 for soft labels.
    waste_standard_error : float
        The standard error of `wasted`, NaN for a single row. It takes the recalibration
        to be given, and is a little too large where little is wasted.
    rows : tuple of SurprisingRow
        The rows of the largest divergence.
    classes : tuple of LossShare
        Where the loss comes from, by class.
    groups : tuple of LossShare
        The same by the values of `groups`; empty without it.

    See Also
    --------
    skxent.explain : The function that returns it.

    Examples
    --------
    >>> from skxent import explain
    >>> found = explain(["ham", "spam", "ham"], [0.1, 0.2, 0.3])
    >>> round(found.cross_entropy, 4)
    0.6905
    """

    n_samples: int
    n_classes: int
    cross_entropy: float
    label_entropy: float
    predicted_entropy: float
    frequency_entropy: float
    gap_standard_error: float
    miscalibration: float
    chance_miscalibration: float
    waste_standard_error: float
    rows: tuple[SurprisingRow, ...]
    classes: tuple[LossShare, ...]
    groups: tuple[LossShare, ...] = ()

    @property
    def kl_divergence(self) -> float:
        """Cross-entropy minus the entropy of the labels.

        For soft labels, that hold the true class probabilities, this is what the
        predictions waste. Hard labels have no entropy, so it also contains the noise of
        the labels, which no prediction can save.
        """
        return self.cross_entropy - self.label_entropy

    @property
    def wasted(self) -> float:
        """The loss that recalibration would save, minus what it saves by chance.

        Negative for predictions that are better calibrated than chance leaves them.
        """
        return self.miscalibration - self.chance_miscalibration

    @property
    def noise(self) -> float:
        """The rest of the divergence: label noise, and what the model does not know.

        Only a model that tells more rows apart would save some of it.
        """
        return self.kl_divergence - self.wasted

    @property
    def uniform_entropy(self) -> float:
        """Entropy of equal probabilities, log K."""
        return float(np.log(self.n_classes))

    @property
    def skill(self) -> float | None:
        """Share of the divergence of the class frequencies that is saved.

        1 is perfect. None if the class frequencies have no divergence.
        """
        largest = self.frequency_entropy - self.label_entropy
        return 1 - self.kl_divergence / largest if largest > 0 else None

    def to_frame(self, part: Part = "rows") -> Any:
        """Return a part as a pandas DataFrame.

        Parameters
        ----------
        part : {"rows", "parts", "classes", "groups"}, default="rows"
            "rows": the most surprising rows, with the index of the table that was
            passed. "parts": the loss, its parts and baselines. "classes" and "groups":
            where the loss comes from.

        Returns
        -------
        pandas.DataFrame
            A row for each of its entries.

        Raises
        ------
        ValueError
            If there is no such part.
        ImportError
            If pandas is not installed.
        """
        check_option("part", part, get_args(Part))
        with explain_missing("pandas", "to_frame needs pandas: pip install pandas."):
            import pandas as pd
        if part == "parts":
            table = [(name.strip(" =+"), nats) for name, nats, _ in self._parts()]
            frame = pd.DataFrame(table, columns=["part", "nats"]).set_index("part")
            return frame.assign(bits=frame["nats"] / BIT)
        kind = SurprisingRow if part == "rows" else LossShare
        frame = pd.DataFrame(list(getattr(self, part)), columns=list(kind._fields))
        if part != "rows":
            return frame.set_index("name")
        index = pd.Index([row.index for row in self.rows], tupleize_cols=True)
        return frame.drop(columns="index").set_index(index)

    def _parts(self) -> Iterator[tuple[str, float, str]]:
        """Yield the name of each number in nats, and a remark."""
        gap = (self.cross_entropy - self.predicted_entropy) / BIT
        error = _plus_minus(self.gap_standard_error)
        confidence = (
            f"{'over' if gap > 0 else 'under'}-confident by {abs(gap):.4f}{error} bits"
        )
        skill = "no skill score" if self.skill is None else f"skill {self.skill:.1%}"
        soft = self.label_entropy > 0
        yield "cross-entropy", self.cross_entropy, ""
        yield "= entropy of the labels", self.label_entropy, "the floor"
        yield "+ KL divergence", self.kl_divergence, "wasted" if soft else ""
        spread = _plus_minus(self.waste_standard_error)
        saved = "recalibration saves it" + (f",{spread} bits" if spread else "")
        yield "  = wasted, miscalibrated", self.wasted, saved
        yield f"  + {'' if soft else 'noise, or '}not known", self.noise, ""
        yield "entropy of the predictions", self.predicted_entropy, confidence
        yield "class frequencies", self.frequency_entropy, skill
        yield "uniform, log K", self.uniform_entropy, ""

    def _tables(self) -> Iterator[tuple[list[str], list[list[str]]]]:
        """Yield the heads and lines of all tables."""
        title = f"{self.n_samples} rows of {self.n_classes} classes"
        parts = [
            [name, f"{nats:.4f}", f"{nats / BIT:.4f}", f"  {remark}"]
            for name, nats, remark in self._parts()
        ]
        yield [title, "nats", "bits", ""], parts
        for head, shares in (("class", self.classes), ("group", self.groups)):
            most = sorted(shares, key=lambda share: -share.loss_share)[:MAX_SHARES]
            if len(most) < len(shares):
                head = f"{head}, the first {MAX_SHARES} of {len(shares)}"
            lines = [
                [str(name), f"{rows:.1%}", f"{loss:.1%}", f"{nats / BIT:.4f}", plus]
                for name, rows, loss, nats, error in most
                for plus in [f" {_plus_minus(error)}"]
            ]
            if len(lines) > 1:
                yield [head, "of rows", "of loss", "bits", ""], lines
        lines = [
            [str(row.index), str(row.label), str(row.predicted), proba, bits]
            for row in self.rows
            for proba, bits in [(f"{row.proba:.3g}", f"{row.nats / BIT:.4g}")]
        ]
        if lines:
            yield ["row", "label", "predicted", "p(label)", "bits"], lines

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print itself where a notebook shows text."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """Return tables for a notebook."""

        def line(tag: str, cells: list[str]) -> str:
            inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
            return f"<tr>{inner}</tr>"

        return "".join(
            f"<table><thead>{line('th', head)}</thead>"
            f"<tbody>{''.join(line('td', cells) for cells in lines)}</tbody></table>"
            for head, lines in self._tables()
        )

    def __str__(self) -> str:
        lines = []
        for head, cells in self._tables():
            widths = WIDTHS[head[1]]
            for line in (head, *cells):
                padded = (
                    f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)
                )
                lines.append("".join(padded).rstrip())
        return "\n".join(lines)


# The formats of the columns of tables, by the first head after the names.
WIDTHS = {
    "nats": ["<28", ">9", ">10", ""],
    "of rows": ["<28", ">9", ">10", ">10", ""],
    "label": ["<10", "<14", "<14", ">8", ">10"],
}


def _plus_minus(nats: float) -> str:
    """Return a standard error in bits to print after a number."""
    return "" if np.isnan(nats) else f" ± {nats / BIT:.2g}"
