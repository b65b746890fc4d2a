"""scikit-learn's callbacks (1.9 and later): a fit is a task, an iteration a subtask."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from skxent.newton import Stopped
from skxent.problem import Weights

Method = TypeVar("Method", bound=Callable[..., Any])
library: Any = (
    import_module("sklearn.callback") if find_spec("sklearn.callback") else None
)


class NoCallbacks:
    """What stands for the mixin before scikit-learn 1.9."""


CallbackSupportMixin: Any = library.CallbackSupportMixin if library else NoCallbacks


def with_callbacks(method: Method) -> Method:
    """Callbacks are torn down after the method, whether it fails or not."""
    return library.with_callbacks(method) if library else method


class FitTask:
    """What callbacks are told of one fit.

    They see the estimator as if the fit had stopped where they are told of it: `at`
    gives its attributes for the weights of that moment.
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
        self.heard = hasattr(estimator, "_skl_callbacks")
        if self.root:
            self.root.call_on_fit_task_begin(estimator=estimator, **data)

    def iteration(self, W: Weights) -> None:
        """Tell of an iteration that ended at W."""
        if self.root is None or not self.heard:
            return
        self.n_iter += 1
        task = self.root.subcontext(task_name="iteration")
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
