"""The questions that are asked of the scores, all of them decided before measuring.

A question compares methods with a baseline under one condition by one score. All
comparisons of all questions are one family: their p values are adjusted together.
"""

from typing import NamedTuple

import numpy as np

from experiment import statistics, tables
from experiment.measure import TEST_SIZE


class Question(NamedTuple):
    """Methods, a score and a condition: a column of a table on the page.

    A method is (how it is called, whose scores, whose scores they are compared with);
    a name alone is compared with cross-entropy.
    """

    table: str
    title: str
    condition: str
    score: str
    methods: tuple
    # The unit of the effect: percent of a log loss, or points of a share.
    unit: str = "%"

    def rows(self):
        for method in self.methods:
            name, key, baseline = (
                (method, method, "cross-entropy") if isinstance(method, str) else method
            )
            yield name, f"{key}{self.score}", f"{baseline}{self.score}"


LOSSES = ("smoothing", "focal", "generalized", "symmetric")
SHARE, TUNED = "cross-entropy, share", "cross-entropy, tuned threshold"
UNDONE = ("noise undone (control)", "undone", "cross-entropy")
SHARPENED = ("sharpened (control)", "sharpened", "cross-entropy")
TRUE_LABELS = (
    "generalized",
    "symmetric",
    SHARPENED,
    UNDONE,
    ("generalized, compared with sharpened", "generalized", "sharpened"),
    ("generalized, compared with undone", "generalized", "undone"),
)
NOISES = {
    "random 20%": "20 % drawn at random",
    "random 40%": "40 % drawn at random",
    "next 20%": "20 % the next class",
}


def about_noise(table, score, methods, unit="%"):
    """The same question under each kind of wrong labels."""
    return [
        Question(table, title, condition, score, methods, unit)
        for condition, title in NOISES.items()
    ]


CORRECT = "Correct labels: log loss"
WEAK = "A penalty that is too weak: log loss"
ACCURACY = "Wrong labels: accuracy"
TRUE = "Wrong labels: log loss of the true labels"
GIVEN = "Wrong labels: log loss of the labels as given"
RARE = "A rare class"
DECISIONS = "A rare class: decisions"
BOOSTED = "A rare class, boosted trees"

QUESTIONS = [
    Question(CORRECT, "all rows", "clean", ", probabilities", LOSSES),
    Question(CORRECT, "all rows, plain softmax", "clean", ", softmax", LOSSES),
    Question(CORRECT, "ten rows a class", "few", ", probabilities", LOSSES),
    Question(
        WEAK,
        "compared with the same penalty",
        "weak",
        "",
        (
            "tuned C",
            "temperature",
            ("smoothing, plain softmax", "smoothing", "cross-entropy"),
            ("focal, plain softmax", "focal", "cross-entropy"),
            ("smoothing, compared with temperature", "smoothing", "temperature"),
        ),
    ),
    *about_noise(ACCURACY, ", accuracy", (*LOSSES, UNDONE), "points"),
    *about_noise(TRUE, ", true labels", TRUE_LABELS),
    *about_noise(GIVEN, ", given labels", ("generalized", "symmetric")),
    Question(
        RARE,
        "average precision",
        "rare",
        ", ranking",
        ("balanced", *LOSSES),
        "points",
    ),
    Question(RARE, "log loss", "rare", ", probabilities", ("balanced", *LOSSES)),
    Question(
        RARE, "log loss, plain softmax", "rare", ", softmax", ("balanced", "focal")
    ),
    Question(
        DECISIONS,
        "balanced accuracy",
        "rare",
        "",
        (
            ("cross-entropy, threshold 0.5", "cross-entropy, half", SHARE),
            ("cross-entropy, tuned threshold", TUNED, SHARE),
            ("balanced, threshold 0.5", "balanced, half", SHARE),
            ("focal, threshold 0.5", "focal, half", SHARE),
            ("focal, threshold of the costs", "focal, share", SHARE),
        ),
        "points",
    ),
    Question(
        BOOSTED, "average precision", "boosted", ", ranking", ("focal",), "points"
    ),
    Question(BOOSTED, "log loss", "boosted", ", probabilities", ("focal",)),
]


class Comparison(NamedTuple):
    """A method against its baseline: each table's effect, and what they make."""

    question: Question
    name: str
    effects: dict  # of each table, toys too
    p_values: dict  # of each table
    estimate: statistics.Estimate  # over the real tables
    adjusted: float  # Holm's p value of the estimate
    better: int  # real tables that are better, by Holm over all tables and comparisons
    worse: int

    @property
    def survives(self):
        return self.adjusted < 0.05


def effect(values, reference, unit):
    """A log ratio of means, or a difference in points."""
    if unit == "%":
        return float(np.log(np.mean(values) / np.mean(reference)))
    return float(100 * (np.mean(values) - np.mean(reference)))


def compare(scores):
    """All comparisons, with p values adjusted over all that were measured."""
    found = []
    for question in QUESTIONS:
        cells = scores.get(question.condition)
        for name, key, baseline in question.rows() if cells else ():
            effects = {
                table: effect(cell[key], cell[baseline], question.unit)
                for table, cell in cells.items()
            }
            p_values = {
                table: statistics.over_splits(
                    np.subtract(cell[key], cell[baseline]), TEST_SIZE / (1 - TEST_SIZE)
                ).p
                for table, cell in cells.items()
            }
            real = [e for table, e in effects.items() if not tables.is_toy(table)]
            estimate = statistics.over_tables(real or list(effects.values()))
            found.append((question, name, effects, p_values, estimate))
    adjusted = statistics.holm([row[-1].p for row in found])
    of_tables = iter(statistics.holm([p for row in found for p in row[3].values()]))
    comparisons = []
    for row, p in zip(found, adjusted, strict=True):
        question, _, effects, p_values, _ = row
        sure = {table for table in p_values if next(of_tables) < 0.05}
        sign = -1 if question.unit == "%" else 1
        real = [sign * effects[t] for t in sure if not tables.is_toy(t)]
        comparisons.append(
            Comparison(
                *row, float(p), sum(e > 0 for e in real), sum(e < 0 for e in real)
            )
        )
    return comparisons
