"""scikit-learn's callbacks (1.9 and later): a fit is a task, an iteration a subtask.

A search has a subtask for each fold, which has a subtask for each candidate, and a
subtask for the refit.

When an iteration begins, no estimator is fitted yet: `on_fit_task_begin` gets the
estimator as it was before the fit. When the iteration ends, `on_fit_task_end` gets an
estimator with the coefficients of that iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from skxent.optimize.smooth import Weights
from skxent.optimize.solution import Callback, Stopped

Method = TypeVar("Method", bound=Callable[..., Any])
try:
    import sklearn.callback as library
except ModuleNotFoundError as error:
    if error.name != "sklearn.callback":
        raise
    library = None


class NoCallbacks:
    """The replacement for the mixin before scikit-learn 1.9."""


CallbackSupportMixin: Any = library.CallbackSupportMixin if library else NoCallbacks


def with_callbacks(method: Method) -> Method:
    """Tear callbacks down after the method, whether it fails or not."""
    return library.with_callbacks(method) if library else method


class FitTask:
    """The callback task of one fit.

    Callbacks get the estimator as if the fit had stopped at the current iteration: `at`
    returns the fitted attributes for the current weights.
    """

    def __init__(
        self,
        estimator: Any,
        max_iter: int,
        at: Callable[[Weights], dict[str, Any]],
        **data: Any,
    ) -> None:
        self.estimator, self.at, self.data = estimator, at, data
        self.n_iter = 0
        # Metaestimators look at the root task, callbacks or not.
        begin = getattr(estimator, "_init_callback_context", None)
        self.root = begin(max_subtasks=max_iter) if begin else None
        self.active = hasattr(estimator, "_skl_callbacks")
        if self.root:
            self.root.call_on_fit_task_begin(estimator=estimator, **data)

    @property
    def callback(self) -> Callback | None:
        """Return the function to call after every iteration, None without callbacks."""
        return self._iteration if self.root is not None and self.active else None

    def _iteration(self, W: Weights) -> None:
        self.n_iter += 1
        root: Any = self.root
        task = root.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        if self._end(task, W):
            raise Stopped(W, self.n_iter)

    def end(self, W: Weights) -> None:
        if self.root:
            self._end(self.root, W)

    def _end(self, task: Any, W: Weights) -> bool:
        return task.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: self.at(W),
            **self.data,
        )


def do_nothing() -> None:
    """Do nothing: unlike a lambda, this can be pickled for other processes."""


class SearchTask:
    """The callback task of one search.

    As in scikit-learn's searches, callbacks get no fitted estimator before the search
    ends, and cannot stop it. Callbacks that propagate are called for every iteration
    of the refit.
    """

    def __init__(
        self, estimator: Any, n_folds: int, n_candidates: int, **data: Any
    ) -> None:
        self.estimator, self.data = estimator, data
        self.n_candidates = n_candidates
        begin = getattr(estimator, "_init_callback_context", None)
        self.root: Any = None
        if begin:
            self.root = begin(max_subtasks=1 + bool(estimator.refit))
        self.active = self.root is not None and hasattr(estimator, "_skl_callbacks")
        if self.root:
            self._begin(self.root)
        if self.active:
            # Folds may run at the same time.
            self.search = self.root.subcontext(
                task_name="search", max_subtasks=n_folds, sequential_subtasks=False
            )
            self._begin(self.search)
            self.left = [n_candidates] * n_folds

    def fold(self, k: int) -> Callable[[], None]:
        """Return the function to call after every candidate of fold k."""
        if not self.active:
            return do_nothing
        task = self.search.subcontext(
            task_name="fold", task_id=k, max_subtasks=self.n_candidates
        )
        self._begin(task)

        def done() -> None:
            candidate = task.subcontext(task_name="candidate")
            self._begin(candidate)
            self._end(candidate)
            self.left[k] -= 1
            if not self.left[k]:
                self._end(task)

        return done

    @contextmanager
    def refit(self, model: Any) -> Iterator[None]:
        if self.root is None:
            yield
            return
        if self.active:
            self._end(self.search)
        task = self.root.subcontext(task_name="refit")
        with task.propagate_callback_context(model):
            self._begin(task)
            yield
        self._end(task)

    def end(self) -> None:
        if self.active and not self.estimator.refit:
            self._end(self.search)
        if self.root:
            self._end(self.root, reconstruction_attributes=dict)

    def _begin(self, task: Any) -> None:
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end(self, task: Any, **attributes: Any) -> None:
        task.call_on_fit_task_end(estimator=self.estimator, **self.data, **attributes)
