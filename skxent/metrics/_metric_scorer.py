"""Metrics of probabilities as scorers that know the classes of what they score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.columns import by_class, soft_by_class
from skxent.inputs.descriptions import documented
from skxent.inputs.labels import as_labels
from skxent.inputs.sparse import check_sparse
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_bool
from skxent.metrics._loss_scorer import labels_and_unseen
from skxent.metrics._predictions import (
    check_has_proba,
    classes_of_estimator,
    predict_by_class,
)
from skxent.metrics._scorer import ProbabilityScorer


class MetricScorer(ProbabilityScorer):
    """A scorer that returns a metric of probabilities: see :func:`make_metric_scorer`.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_proba, labels=..., sample_weight=..., **keywords)``, which
        returns a number.
    greater_is_better : bool, default=False
        False: the score is minus the metric.
    proper : bool, default=None
        Whether the true class probabilities have the best expected score; searches of
        skxent warn if they choose by a score of which they do not. None: as the metric
        says by an attribute of this name, which those of :mod:`skxent.metrics` have.
    **keywords
        Further arguments of the metric.

    Attributes
    ----------
    proper : bool or None
        Whether the true class probabilities have the best expected score. None: that is
        not known.

    See Also
    --------
    make_metric_scorer : The function that makes one, and says how it scores.
    LossScorer : A scorer of any loss, also of logits.

    Examples
    --------
    >>> from skxent.metrics import expected_calibration_error
    >>> from skxent.scorers import MetricScorer
    >>> MetricScorer(expected_calibration_error, n_bins=5)
    make_metric_scorer(expected_calibration_error, n_bins=5)
    """

    passed: ClassVar[set[str]] = {"labels", "sample_weight"}

    def __init__(
        self,
        metric: Callable[..., float],
        *,
        greater_is_better: bool = False,
        proper: bool | None = None,
        **keywords: Any,
    ) -> None:
        if proper is not None:
            check_bool("proper", proper)
        super().__init__(1 if greater_is_better else -1)
        for name in keywords.keys() & self.passed:
            raise ValueError(
                f"{name} must not be given to make_metric_scorer, for the scorer "
                f"passes it, got {keywords[name]!r}."
            )
        self.metric = metric
        self.keywords = keywords
        known = _is_proper(metric, keywords) if proper is None else bool(proper)
        self._proper = known

    @property
    def proper(self) -> bool | None:
        """Return whether the score is proper, None if that is not known."""
        return self._proper

    def __repr__(self) -> str:
        settings = [getattr(self.metric, "__name__", repr(self.metric))]
        if self._sign == 1:
            settings.append("greater_is_better=True")
        settings += [f"{name}={value!r}" for name, value in self.keywords.items()]
        return f"make_metric_scorer({', '.join(settings)})"

    def _score(
        self,
        method_caller: Any,
        estimator: Any,
        X: Any,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        y_true, proba, labels = self._read(estimator, X, y_true)
        given = {**self.keywords, "sample_weight": sample_weight, **labels}
        return self._sign * float(self.metric(y_true, proba, **given))

    def _read(self, estimator: Any, X: Any, y_true: Any) -> tuple[Any, Floats, Any]:
        """Return labels, probabilities and the classes of their columns."""
        classes = classes_of_estimator(estimator)
        y_true = as_labels(soft_by_class(y_true, classes, "y_true"), "y_true")
        labels, unseen = labels_and_unseen(y_true, classes)
        proba = predict_by_class(estimator, "predict_proba", X)
        if unseen.any():  # The estimator holds such a label to be impossible.
            classes = np.concatenate([classes, labels[unseen]])
            proba = np.hstack([proba, np.zeros((len(proba), unseen.sum()))])
        if len(classes) < 2:
            raise ValueError(
                "estimator must have at least 2 classes, or y_true another label, got "
                f"only {classes.tolist()}."
            )
        return y_true, proba, {"labels": classes}


class MultilabelScorer(MetricScorer):
    """A scorer of K indicators a row, 0 or 1, and of the probabilities of 1."""

    passed: ClassVar[set[str]] = {"sample_weight"}

    def _read(self, estimator: Any, X: Any, y_true: Any) -> tuple[Any, Floats, Any]:
        check_has_proba(estimator)
        names = getattr(estimator, "label_names_", None)
        if names is not None:
            y_true = by_class(y_true, names, "y_true")
        response = estimator.predict_proba(check_sparse("X", X))
        if not isinstance(response, list):
            return y_true, np.asarray(response), {}
        # MultiOutputClassifier, forests and trees return a table for each column of y.
        columns = [
            table[:, np.flatnonzero(np.asarray(classes) == 1)].sum(axis=1)
            for table, classes in zip(response, estimator.classes_, strict=True)
        ]
        return y_true, np.stack(columns, axis=1), {}


@documented(MetricScorer)
def make_metric_scorer(
    metric: Callable[..., float],
    *,
    greater_is_better: bool = False,
    multilabel: bool = False,
    proper: bool | None = None,
    **keywords: Any,
) -> MetricScorer:
    """Return a scorer of a metric of probabilities, for cross_val_score and so on.

    Unlike :func:`sklearn.metrics.make_scorer` it passes the classes of the estimator as
    `labels`, so that a fold may lack a class, and passes all columns for two classes,
    too. A label that the estimator was never trained on has the probability 0.

    Parameters
    ----------
    {parameters}
    multilabel : bool, default=False
        Whether y has K indicators a row, 0 or 1, and the probabilities of 1 are scored;
        `labels` are not passed then. predict_proba may be (n, K), or a list of tables
        of two columns, as of :class:`sklearn.multioutput.MultiOutputClassifier`.

    Returns
    -------
    MetricScorer
        A scorer for ``scoring``, whose higher values are better.

    See Also
    --------
    make_loss_scorer : A scorer of any loss, also of logits.
    get_scorer : The ready scorers by name.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skxent.metrics import expected_calibration_error
    >>> from skxent.scorers import make_metric_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = make_metric_scorer(expected_calibration_error, n_bins=5)
    >>> model = LogisticRegression(max_iter=1000)
    >>> bool((cross_val_score(model, X, y, scoring=scorer) < 0).all())
    True
    """
    if not callable(metric):
        raise ValueError(f"metric must be a function, got {metric!r}.")
    make = MultilabelScorer if multilabel else MetricScorer
    return make(metric, greater_is_better=greater_is_better, proper=proper, **keywords)


def _is_proper(metric: Any, keywords: dict[str, Any]) -> bool | None:
    """Return whether a metric with these arguments is proper, None if not known."""
    if not hasattr(metric, "proper"):
        return None
    changed = keywords.get("class_weight") is not None
    if changed or keywords.get("label_smoothing"):
        return False
    known: bool | None = metric.proper
    return known
