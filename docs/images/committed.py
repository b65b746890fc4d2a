"""Draw the pictures that the repository keeps: README, "Which loss?" and logo.

    python -P docs/images/committed.py

They are SVG without a script, on no background, and read on light and on dark pages.
tests/test_pictures.py draws what is pure text again and compares.
"""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).parent
INK, BLUE, ORANGE = "#808080", "#3a8fc8", "#e07b20"
STYLE = {
    "svg.hashsalt": "skxent",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def probabilities(name, size, grid):
    """Draw what a loss and weights do to probabilities, and the same models after.

    The rows come from a logistic model, one in five is positive. Each model is fitted
    to half of them, and judged by the other half: how frequent the class really is
    among rows with about the same prediction.
    """
    import numpy as np
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from scipy.special import expit

    from skxent import CrossEntropyClassifier
    from skxent.losses import Focal
    from skxent.metrics import log_loss

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 4))
    y = (rng.random(200_000) < expit(X @ [2.0, -1.0, 0.5, 0.0] - 2.2)).astype(int)
    half = slice(100_000), slice(100_000, None)
    models = {
        "cross-entropy": (CrossEntropyClassifier(), INK, "o"),
        "focal loss, γ = 2": (CrossEntropyClassifier(Focal(2.0)), ORANGE, "s"),
        "balanced weights": (
            CrossEntropyClassifier(class_weight="balanced"),
            BLUE,
            "^",
        ),
    }
    titles = (
        "softmax: what libraries return",
        "predict_proba of skxent: the same models",
    )
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.12)
        axes = figure.subplots(*grid, sharey=True).ravel()
        for ax, title, posterior in zip(axes, titles, (False, True), strict=True):
            ax.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
            for label, (model, color, marker) in models.items():
                model.fit(X[half[0]], y[half[0]]).set_params(posterior=posterior)
                proba = model.predict_proba(X[half[1]])[:, 1]
                loss = log_loss(y[half[1]], proba)
                bins = np.minimum((15 * proba).astype(int), 14)
                rows = [bins == k for k in range(15) if (bins == k).sum() > 50]
                ax.plot(
                    [proba[r].mean() for r in rows],
                    [y[half[1]][r].mean() for r in rows],
                    color=color,
                    marker=marker,
                    markersize=4,
                    label=f"{label}: {loss:.3f}",
                )
            ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability")
            ax.set_title(title, fontsize=11)
            ax.set_aspect("equal")
            place = "lower right" if posterior else "upper left"
            ax.legend(
                frameon=False, fontsize=7 + 2 / grid[0], loc=place, title="log loss"
            )
        axes[0].set_ylabel("observed frequency of the class")
        figure.savefig(
            FOLDER / name,
            transparent=True,
            metadata={"Date": None, "Creator": None},
        )


# The height of a box, which holds two lines of text.
HEIGHT = 50
# Questions, answers, and the page of each answer, relative to that of the picture.
START = "Start: cross-entropy. Tune C, look at the log loss."
CHOICES = [
    (
        "Is a class rare, or do errors have different costs?",
        "Keep cross-entropy. Choose the threshold from the costs.",
        "recipes.html#a-threshold-from-costs",
    ),
    (
        "Does y hold votes, or probabilities of a teacher?",
        "Cross-entropy on soft labels.",
        "guide/cross_entropy.html#soft-labels",
    ),
    (
        "Are labels wrong, at a known rate?",
        "Cross-entropy, corrected for the noise.",
        "guide/noise.html#probabilities-of-the-true-labels",
    ),
    (
        "Are labels wrong, at an unknown rate?",
        "Find and check them first; then SymmetricCrossEntropy.",
        "recipes.html#wrong-labels",
    ),
    (
        "Is the model over-confident on new rows?",
        "A smaller C, a temperature, or label smoothing.",
        "guide/probabilities.html#temperature-and-vector-scaling",
    ),
    (
        "Do only the hard rows matter, as in detection?",
        "Focal loss: tune γ, with 0 in the grid.",
        "guide/focal.html#when-to-use-it-and-when-not",
    ),
    (
        "Was a model trained with focal loss or weights elsewhere?",
        "Keep it. Correct its probabilities: posterior.",
        "guide/probabilities.html#posterior-correcting-for-the-loss",
    ),
    (
        "Is the measure F1, Dice or Jaccard?",
        "Cross-entropy, and a tuned threshold.",
        "guide/f1.html",
    ),
    (
        "Do you have a loss in mind?",
        "Write it as a formula, and measure.",
        "guide/own_loss.html",
    ),
]


def lines(text, x, y, width):
    """Return text elements, centred on (x, y), of about `width` letters a line."""
    wrapped = textwrap.wrap(text, width)
    top = y - 9 * (len(wrapped) - 1) + 5
    return "".join(
        f'<text x="{x}" y="{top + 18 * k}">{escape(line)}</text>'
        for k, line in enumerate(wrapped)
    )


def box(kind, text, x, y, width, letters):
    """Return a box of two lines of text; that of an answer has round corners."""
    round_corners = ' rx="8"' if kind == "answer" else ""
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{HEIGHT}"'
        f"{round_corners}/>{lines(text, x + width / 2, y + HEIGHT / 2, letters)}"
    )


def which_loss(narrow=False):
    """Return the questions that lead to a loss, as SVG whose boxes are links.

    An answer is at the right of its question, or below it on the screen of a phone.
    """
    if narrow:
        kind, width, step, left, down, boxes = (
            "narrow",
            360,
            148,
            26,
            62,
            (348, 84, 270),
        )
    else:
        kind, width, step, left, down, boxes = "wide", 700, 78, 165, 0, (310, 380, 310)
    asked, begin, answered = boxes
    top = 24 + HEIGHT
    parts = [
        f'<svg class="which-loss {kind}"'
        f' viewBox="0 0 {width} {top + step * (len(CHOICES) - 1) + HEIGHT + down + 6}"'
        ' xmlns="http://www.w3.org/2000/svg" role="img"'
        ' aria-label="Which loss? The list below has the same in words.">',
        '<a href="guide/cross_entropy.html#when-to-use-it-and-when-not">',
        box("answer", START, 6, 6, width - 12, 80 if width > 400 else 40),
        "</a>",
        f'<path d="M {left} {6 + HEIGHT} V {top}"/>',
    ]
    for k, (question, answer, link) in enumerate(CHOICES):
        y = top + step * k
        middle = y + down + HEIGHT / 2
        start = 50 if narrow else 6 + asked
        path = f"M {start} {y + HEIGHT if narrow else middle} V {middle} H {begin}"
        parts += [
            box("question", question, 6, y, asked, asked // 8.5),
            f'<path d="{path}"/>',
            f'<text class="word" x="{(start + begin) / 2}" y="{middle - 6}">yes</text>',
            f'<a href="{link}">',
            box("answer", answer, begin, y + down, answered, answered // 8.5),
            "</a>",
        ]
        if k < len(CHOICES) - 1:
            parts += [
                f'<path d="M {left} {y + HEIGHT} V {y + step}"/>',
                f'<text class="word" x="{left + 16}" y="{y + step - 8}">no</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])


def logo():
    """Return a loss, a falling curve, that crosses the line of the true frequency."""
    curve = "M 14 12 C 16 60, 34 84, 88 86"
    return (
        '<svg viewBox="0 0 100 100" xmlns="http://www.w3.org/2000/svg">'
        f'<rect width="100" height="100" rx="22" fill="{BLUE}"/>'
        f'<path d="{curve}" fill="none" stroke="#fff" stroke-width="11"'
        ' stroke-linecap="round"/>'
        '<path d="M 38 38 L 72 72 M 72 38 L 38 72" transform="translate(12 -22)"'
        f' stroke="#ffd9b3" stroke-width="11" stroke-linecap="round"/>'
        "</svg>\n"
    )


TEXTS = {
    "which_loss.svg": which_loss,
    "which_loss_narrow.svg": partial(which_loss, narrow=True),
    "logo.svg": logo,
}


if __name__ == "__main__":
    probabilities("probabilities.svg", (8, 4.3), (1, 2))
    probabilities("probabilities_narrow.svg", (4, 8), (2, 1))
    for name, make in TEXTS.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
