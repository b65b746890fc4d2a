"""
Sparse text classification
==========================

Which part of scikit-learn does a paragraph describe? The texts are the docstrings of
the installed library, so nothing is downloaded. Word counts are a sparse table with
thousands of columns. skxent reads CSR in float64 or float32 without making it dense,
scaling or copying it.
"""

import re
import time
from importlib import import_module
from inspect import getdoc

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit

from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.metrics import expected_calibration_error, log_loss

# %%
# Paragraphs
# ----------
# Paragraphs of one docstring are similar, so all of them are training rows or all of
# them are test rows.

AREAS = [
    "cluster",
    "datasets",
    "decomposition",
    "ensemble",
    "linear_model",
    "metrics",
    "model_selection",
    "neighbors",
    "preprocessing",
    "svm",
]
found = []
for area in AREAS:
    module = import_module(f"sklearn.{area}")
    for name in sorted(set(module.__all__) & set(dir(module))):
        paragraphs = re.split(r"\n\s*\n", getdoc(getattr(module, name)) or "")
        found += [(p, area, name) for p in paragraphs if len(p.split()) >= 8]
texts, areas, names = (np.array(column) for column in zip(*found, strict=True))
split = GroupShuffleSplit(1, test_size=0.4, random_state=0)
train, test = next(split.split(texts, areas, names))

words = TfidfVectorizer(sublinear_tf=True, min_df=2, token_pattern=r"[a-z]{2,}")
X, X_test = words.fit_transform(texts[train]), words.transform(texts[test])
y, y_test = areas[train], areas[test]
share = X.nnz / np.prod(X.shape)
print(f"{X.shape[0]} paragraphs, {X.shape[1]} words, {share:.2%} of the table\n")

# %%
# Models
# ------
# An L1 penalty uses only a few words; ``sparsify`` then stores only their coefficients.

models = {
    "LogisticRegression": LogisticRegression(C=10),
    "cross-entropy": CrossEntropyClassifier(C=10),
    "focal, gamma=2": FocalLogisticRegression(2.0, C=10),
    "cross-entropy, L1, C=1": CrossEntropyClassifier(C=1, l1_ratio=1.0),
}
print(f"{'':<26}log loss  accuracy     ECE  words used  seconds")
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    proba = model.predict_proba(X_test)
    print(
        f"{name:<26}{log_loss(y_test, proba):>8.3f}{model.score(X_test, y_test):>10.3f}"
        f"{expected_calibration_error(y_test, proba):>8.3f}"
        f"{np.count_nonzero(model.coef_.any(axis=0)):>12}{seconds:>9.2f}"
    )

# %%
# Results
# -------
# Cross-entropy is the same as LogisticRegression. Focal loss has a slightly larger log
# loss and a slightly smaller accuracy. The L1 model uses a fifth of the words and is
# less accurate, but its coefficients can be interpreted. These are the coefficients for
# four of the areas:

sparse = models["cross-entropy, L1, C=1"]
vocabulary = words.get_feature_names_out()
figure, axes = plt.subplots(1, 4, figsize=(10, 3.6), layout="constrained", sharex=True)
for ax, area in zip(axes, ("cluster", "metrics", "neighbors", "svm"), strict=True):
    weights = sparse.coef_[list(sparse.classes_).index(area)]
    largest = np.argsort(weights)[-10:]
    ax.barh(vocabulary[largest], weights[largest], color="#0072B2")
    ax.set(title=area, xlabel="coefficient")
plt.show()
