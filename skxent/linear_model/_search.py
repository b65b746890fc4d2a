"""The search over C and one parameter of the loss that the CV estimators share."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import _check_method_params

from skxent._encoding import is_soft
from skxent._threads import blas_threads, effective_n_threads, processors
from skxent._undo import new_fit
from skxent._validation import check_bool, check_count
from skxent.linear_model._callbacks import (
    CallbackSupportMixin,
    SearchTask,
    with_callbacks,
)
from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._grid import Candidate, Fold, fit_fold, summary
from skxent.linear_model._input import check_data
from skxent.linear_model._predictor import LinearPredictor
from skxent.scorers import SCORERS, neg_log_loss_scorer

# Parameters of a search, which the plain estimators do not have.
OWN = ("Cs", "l1_ratios", "cv", "scoring", "refit", "n_jobs")


class GridCV(CallbackSupportMixin, LinearPredictor, BaseEstimator):
    """A search over C, l1_ratio and the parameter `varied` of the class `plain`."""

    plain: ClassVar[type[CrossEntropyClassifier]]
    varied: ClassVar[str]

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Search the grid, then fit the best to all of the data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
        y : array-like of shape (n,) or (n, K)
            Labels of any type; or soft labels, as the plain estimator takes them. The
            scorer must take them too, as all of skxent do; the default folds are
            stratified by the likeliest class.
        sample_weight : array-like of shape (n,), default=None
            For the fits; and for the scores, if the scorer takes weights.
        **params
            Metadata for the splitter and the scorer, with metadata routing enabled.

        Returns
        -------
        self
        """
        with new_fit(self):
            self._fit(X, y, sample_weight, params)
        return self

    @with_callbacks
    def _fit(self, X: Any, y: Any, sample_weight: Any, params: dict[str, Any]) -> None:
        check_bool("refit", self.refit)
        shared = {k: v for k, v in self.get_params(deep=False).items() if k not in OWN}
        del shared[f"{self.varied}s"]
        plain = self.plain(**shared)
        grid = self._grid()
        candidates: list[Candidate] = list(ParameterGrid(grid))
        tried = clone(plain)
        for candidate in candidates:
            vars(tried).update(candidate)  # set_params looks at signatures each time
            tried._check_parameters()
        X, y, weights = check_data(self, X, y, sample_weight)
        routed = self._route("fit", weights, params)
        scorer = self._scorer()
        likeliest = y.argmax(axis=1) if is_soft(y) else y
        splitter = check_cv(self.cv, likeliest, classifier=True)
        splits = list(splitter.split(X, likeliest, **routed.splitter.split))
        task = SearchTask(
            self,
            len(splits),
            len(candidates),
            X=X,
            y=y,
            metadata=None if weights is None else {"sample_weight": weights},
        )
        jobs = min(effective_n_jobs(self.n_jobs), len(splits))
        if jobs > 1:
            plain.set_params(n_jobs=max(1, effective_n_threads() // jobs))
        # Threads share X and let go of the interpreter in the kernels and in BLAS.
        limit = max(1, processors() // jobs)
        with blas_threads(limit) if jobs > 1 else nullcontext():
            folds: list[Fold] = Parallel(n_jobs=jobs, prefer="threads")(
                delayed(fit_fold)(
                    clone(plain),
                    self.varied,
                    candidates,
                    (X[train], y[train], None if weights is None else weights[train]),
                    (X[test], y[test]),
                    scorer,
                    _check_method_params(X, routed.scorer.score, indices=test),
                    task.fold(k),
                )
                for k, (train, test) in enumerate(splits)
            )
        self.cv_results_ = summary(candidates, folds)
        self.n_splits_ = len(folds)
        self._keep_paths(grid, folds)
        if self.refit:
            self._refit(plain, candidates, X, y, weights, task)
        else:
            self._average(plain, candidates, folds, X, y, weights)
        task.end()

    def _grid(self) -> dict[str, list[Any]]:
        if isinstance(self.Cs, (int, np.integer)):
            check_count("Cs", self.Cs)
            Cs = np.logspace(-4, 4, self.Cs).tolist()
        else:
            Cs = self.Cs
        values = getattr(self, f"{self.varied}s")
        grid = {"C": Cs, self.varied: values, "l1_ratio": self.l1_ratios}
        for name, values in grid.items():
            if np.ndim(values) != 1 or not len(values):
                raise ValueError(
                    f"{name}s must be a list of numbers that is not empty, "
                    f"got {values!r}."
                )
        return {name: list(values) for name, values in grid.items()}

    def _keep_paths(self, grid: dict[str, list[Any]], folds: list[Fold]) -> None:
        # ParameterGrid runs through the names in their order, the last one fastest.
        names = sorted(grid)
        shape = [len(folds), *(len(grid[name]) for name in names)]
        order = [0, *(1 + names.index(n) for n in ("l1_ratio", self.varied, "C"))]
        for name, rows in (
            ("scores_", [fold.scores for fold in folds]),
            ("n_iter_", [fold.n_iter for fold in folds]),
        ):
            setattr(self, name, np.reshape(rows, shape).transpose(order))
        for name, values in grid.items():
            setattr(self, f"{name}s_", np.array(values, dtype=np.float64))

    def _refit(
        self,
        plain: CrossEntropyClassifier,
        candidates: list[Candidate],
        X: Any,
        y: Any,
        weights: Any,
        task: SearchTask,
    ) -> None:
        """The best candidate, fitted as the plain estimator fits it."""
        best = int(self.cv_results_["rank_test_score"].argmin())
        self.best_index_, self.best_params_ = best, candidates[best]
        self.best_score_ = float(self.cv_results_["mean_test_score"][best])
        for name, value in self.best_params_.items():
            setattr(self, f"{name}_", float(value))
        model = clone(plain).set_params(**self.best_params_, n_jobs=None)
        with task.refit(model):
            model.fit(X, y, weights)
        self.classes_, self._fitted = model.classes_, model._fitted
        self.coef_, self.intercept_ = model.coef_, model.intercept_

    def _average(
        self,
        plain: CrossEntropyClassifier,
        candidates: list[Candidate],
        folds: list[Fold],
        X: Any,
        y: Any,
        weights: Any,
    ) -> None:
        """The mean of what was best on each fold: coefficients and parameters."""
        best = [candidates[int(np.nanargmax(fold.scores))] for fold in folds]
        mean = {name: float(np.mean([b[name] for b in best])) for name in best[0]}
        for name, value in mean.items():
            setattr(self, f"{name}_", value)
        model = clone(plain).set_params(**mean)
        model._target(X, y, weights)
        if any(not np.array_equal(fold.classes, model.classes_) for fold in folds):
            raise ValueError(
                "refit must be True where a fold lacks a class, got False."
            )
        self.classes_, self._fitted = model.classes_, model._fitted
        self.coef_ = np.mean([fold.coef for fold in folds], axis=0)
        self.intercept_ = np.mean([fold.intercept for fold in folds], axis=0)

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **score_params: Any,
    ) -> float:
        """The score of `scoring` on X and y."""
        routed = self._route("score", sample_weight, score_params)
        return float(self._scorer()(self, X, y, **routed.scorer.score))

    def _scorer(self) -> Any:
        if self.scoring is None:
            return neg_log_loss_scorer
        if isinstance(self.scoring, str) and self.scoring in SCORERS:
            return SCORERS[self.scoring]
        return check_scoring(self, scoring=self.scoring)

    def _route(self, caller: str, sample_weight: Any, params: dict[str, Any]) -> Any:
        """Which metadata go to the splitter and which to the scorer."""
        given = dict(params)
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, caller, **given)
        if params:
            raise ValueError(
                f"params must be empty without enable_metadata_routing, "
                f"got {sorted(params)}."
            )
        accepts = getattr(self._scorer(), "_accept_sample_weight", lambda: False)
        return Bunch(
            splitter=Bunch(split={}), scorer=Bunch(score=given if accepts() else {})
        )

    def get_metadata_routing(self) -> MetadataRouter:
        """Who gets what metadata: see scikit-learn's user guide."""
        to_score = MethodMapping().add(caller="fit", callee="score")
        return (
            MetadataRouter(owner=type(self).__name__)
            .add_self_request(self)
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
            .add(
                scorer=self._scorer(),
                method_mapping=to_score.add(caller="score", callee="score"),
            )
        )

    @property
    def _n_threads(self) -> int | None:
        return None  # n_jobs is for folds
