"""The search over C and one parameter of the loss that the CV estimators share."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.utils.validation import _check_method_params

from skxent.base.folds import check_splits
from skxent.inputs.tables import codes_of_logits
from skxent.kernels.checks import check_bool, warn
from skxent.kernels.threads import effective_n_threads
from skxent.linear_model._callbacks import (
    CallbackSupportMixin,
    SearchTask,
    with_callbacks,
)
from skxent.linear_model._choice import fit_folds
from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._cv_results import summary, warn_of_failures
from skxent.linear_model._data import LinearData
from skxent.linear_model._grid import Candidate, Fold, FoldFits, grouped
from skxent.linear_model._input import check_data, check_parameters
from skxent.linear_model._multilabel import (
    column_parameters,
    fold_offset,
    label_parameters,
)
from skxent.linear_model._predictor import LinearPredictor
from skxent.linear_model._scoring import (
    ALONE,
    FoldScorer,
    SearchScoring,
    warn_if_improper,
)
from skxent.linear_model._search_parameters import SearchParameters
from skxent.linear_model._training import class_parameters, encode_target, penalty_of
from skxent.metrics._loss_scorer import LossScorer
from skxent.typing import MatrixLike


class GridCV(CallbackSupportMixin, SearchParameters, SearchScoring, LinearPredictor):
    """A search over C, l1_ratio and one parameter of the loss of `estimator_class`."""

    estimator_class: ClassVar[type[CrossEntropyClassifier]]
    C_: float
    l1_ratio_: float
    Cs_: NDArray[np.float64]
    l1_ratios_: NDArray[np.float64]
    scores_: NDArray[np.float64]
    n_splits_: int
    cv_results_: dict[str, Any]
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float

    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Search the grid, then fit the best to all of the data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows of all folds.
        y : array-like of shape (n,) or (n, K)
            Labels of any type, or soft labels: rows of K >= 2 non-negative numbers that
            sum to one. The scorer must take them too, as all of skxent do; the default
            folds are stratified by the likeliest class.
        sample_weight : array-like of shape (n,), default=None
            For the fits; and for the scores, if the scorer takes weights. A warning is
            given if it does not.
        offset : array-like of shape (n,) or (n, K), default=None
            A fixed term of the logits, in fits and scores: see
            :meth:`CrossEntropyClassifier.fit`.
        **params
            `groups`, for the splitter; with scikit-learn's metadata routing enabled all
            that the splitter and the scorers ask for.

        Returns
        -------
        self
            The fitted estimator: the best candidate, fitted to all rows.

        Raises
        ------
        ValueError
            If a parameter is out of its domain, `refit` does not fit `scoring`, or no
            fit succeeds.
        """
        self._check_search()
        self._check_fits()
        grid = self._grid()
        candidates: list[Candidate] = list(ParameterGrid(grid))
        for candidate in candidates:
            check_parameters(self._estimator(**candidate))
        data = check_data(self, X, y, sample_weight)
        # Errors that are not of one fold alone come first.
        by_label = label_parameters(self, data.y)
        encoded = encode_target(self._estimator(**candidates[-1] | by_label), data)
        chosen_by = self._metric()
        if chosen_by is not None:
            n_classes = 2 if self.multilabel else len(encoded.classes)
            warn_if_improper(self._scorers()[chosen_by], n_classes)
        n, classes = data.X.shape[0], encoded.classes
        offset = fold_offset(self, offset, n, classes, data.X.dtype)
        columns = column_parameters(self, classes) | by_label
        columns |= class_parameters(self, encoded)
        data = data._replace(offset=offset)
        routed = self._route("fit", data.sample_weight, params)
        splits = self._splits(data, routed.splitter.split)
        task = SearchTask(self, len(splits), len(candidates), **data.for_callbacks)
        groups = grouped(candidates, self.loss_parameter)
        jobs = min(effective_n_jobs(self.n_jobs), len(splits))
        n_threads = max(1, effective_n_threads() // jobs) if jobs > 1 else None
        make = partial(self._estimator, n_jobs=n_threads, **columns)

        def fits(k: int) -> FoldFits:
            train, scorer = splits[k][0], self._fold_scorer(data, splits[k][1], routed)
            rows = data.rows(train)
            return FoldFits(make, candidates, groups, rows, scorer, self.error_score)

        folds = fit_folds(fits, task, len(splits), jobs, self._fold_tol, self.tol)
        warn_of_failures(folds, self.error_score)
        self.cv_results_ = summary(candidates, folds)
        self.n_splits_ = len(folds)
        self._keep_paths(grid, folds)
        if self.refit:
            best = self._choose(candidates) | columns
            self._refit(self._estimator(**best), data, task)
        else:
            self._average(candidates, folds, classes, data)
        task.end()
        return self

    def _estimator(self, **candidate: Any) -> CrossEntropyClassifier:
        """Return the unfitted estimator of a candidate."""
        shared = {item.name for item in fields(self.estimator_class)} - {"n_jobs"}
        given = {name: getattr(self, name) for name in shared if hasattr(self, name)}
        return self.estimator_class(**given | candidate)

    def _splits(self, data: LinearData, split_params: dict[str, Any]) -> list[Any]:
        """Return the rows for training and for the test of each fold."""
        # Soft labels are stratified by the likeliest class, many labels are not.
        one = data.y.ndim == 1 or self.multilabel
        y = data.y if one else codes_of_logits(data.y)
        splitter = check_cv(self.cv, y, classifier=True)
        splits = check_splits(list(splitter.split(data.X, y, **split_params)), len(y))
        if not splits:
            raise ValueError(
                f"cv must give at least one split, got none of {splitter}."
            )
        return splits

    def _fold_scorer(
        self, data: LinearData, test: NDArray[np.intp], routed: Any
    ) -> FoldScorer:
        scorers = self._scorers()
        params = {
            name: _check_method_params(
                data.X, routed[f"scorer {name}"].score, indices=test
            )
            for name in scorers
        }
        return FoldScorer(scorers, params, data.rows(test))

    def _check_search(self) -> None:
        names = list(self._scorers())
        if names != [ALONE] and not callable(self.refit) and self.refit not in names:
            raise ValueError(
                f"refit must be one of {names} or a function of cv_results_ where "
                f"scoring has several scorers, got {self.refit!r}."
            )
        if names == [ALONE] and isinstance(self.refit, str) and callable(self.scoring):
            raise ValueError(
                f"refit must be True or False, got {self.refit!r}. Several scorers are "
                "a list of names or a dict of name to scorer, not a function that "
                "returns a dict."
            )
        if names == [ALONE] and not callable(self.refit):
            check_bool("refit", self.refit)

    @property
    def _fold_tol(self) -> float | None:
        """The tolerance of the first fits in the folds, None for `tol`.

        `fold_tol` is for smooth scores only, because their error can be estimated.
        """
        (scorer, *more) = self._scorers().values()
        smooth = isinstance(scorer, LossScorer) and not more
        chooses = self.refit and not callable(self.refit)
        return self.fold_tol if smooth and chooses else None

    def _keep_paths(self, grid: dict[str, list[Any]], folds: list[Fold]) -> None:
        # ParameterGrid runs through the names in their order, the last one fastest.
        names = sorted(grid)
        shape = [len(folds), *(len(grid[name]) for name in names)]
        axes = ("l1_ratio", self.loss_parameter, "C")
        order = [0, *(1 + names.index(name) for name in axes)]

        def by_axes(rows: list[Any]) -> Any:
            return np.reshape(rows, shape).transpose(order)

        self.n_iter_ = by_axes([fold.n_iter for fold in folds])
        scores = {
            metric: by_axes([fold.scores[metric] for fold in folds])
            for metric in folds[0].scores
        }
        self.scores_ = scores.get(ALONE, scores)
        for name, values in grid.items():
            setattr(self, f"{name}s_", np.array(values, dtype=np.float64))

    def _choose(self, candidates: list[Candidate]) -> Candidate:
        """Return the best candidate, and set the attributes that describe it."""
        best = self.best_index_ = self._best_index()
        self.best_params_ = candidates[best]
        if not callable(self.refit):
            mean = self.cv_results_[f"mean_test_{self._metric()}"]
            self.best_score_ = float(mean[best])
        for name, value in self.best_params_.items():
            setattr(self, f"{name}_", float(value))
        return self.best_params_

    def _refit(self, model: Any, data: LinearData, task: SearchTask) -> None:
        """Fit the best estimator to all rows, as on its own."""
        with task.refit(model):
            model.fit(*data)
        self.classes_, self.trained_loss_ = model.classes_, model.trained_loss_
        self.coef_, self.intercept_ = model.coef_, model.intercept_

    def _best_index(self) -> int:
        results = self.cv_results_
        if not callable(self.refit):
            return int(results[f"rank_test_{self._metric()}"].argmin())
        index, n = self.refit(results), len(results["params"])
        if not isinstance(index, Integral) or int(index) not in range(n):
            raise ValueError(
                f"refit must return an index of cv_results_ in [0, {n}), got {index!r}."
            )
        return int(index)

    def _average(
        self,
        candidates: list[Candidate],
        folds: list[Fold],
        classes: NDArray[Any],
        data: LinearData,
    ) -> None:
        """Take the mean of what was best on each fold: coefficients and parameters."""
        best = [
            fold.best
            for fold in folds
            if fold.best and np.array_equal(fold.best.classes, classes)
        ]
        if not best:
            raise ValueError(
                "refit must be True where no fold has all classes and a score, "
                "got False."
            )
        if len(best) < len(folds):
            warn(
                f"refit=False takes the mean of {len(best)} of {len(folds)} folds: the "
                "others lack a class in training, or a score."
            )
        chosen = [candidates[b.candidate] for b in best]
        mean = {name: float(np.mean([c[name] for c in chosen])) for name in chosen[0]}
        for name, value in mean.items():
            setattr(self, f"{name}_", value)
        mean |= label_parameters(self, data.y)
        encoded = encode_target(self._estimator(**mean), data)
        self.__dict__.update(encoded.attributes)
        self.coef_ = np.mean([b.coef for b in best], axis=0)
        self.intercept_ = np.mean([b.intercept for b in best], axis=0)

    @property
    def penalty(self) -> str | None:
        """The kind of penalty that was chosen: "l1", "l2", "elasticnet" or None."""
        return penalty_of(self.l1_ratio_, self.C_)
