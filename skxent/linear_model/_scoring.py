"""The scorers of a search, one or several by name, and their metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isfunction, signature
from numbers import Real
from typing import Any, ClassVar

from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from skxent.inputs.columns import by_class
from skxent.inputs.labels import as_labels, is_soft
from skxent.kernels.checks import warn
from skxent.linear_model._data import LinearData
from skxent.linear_model._multilabel import are_many
from skxent.linear_model._predictor import LinearPredictor
from skxent.linear_model._with_offset import WithOffset, with_offset
from skxent.metrics._loss_scorer import LossScorer
from skxent.metrics._scorer import ProbabilityScorer
from skxent.metrics._scorers import SCORERS, neg_log_loss_scorer

# The name of a scorer that is alone, as in the keys of cv_results_.
ALONE = "score"


def scorers_of(estimator: Any, scoring: Any) -> dict[str, Any]:
    """Return the scorers that `scoring` means, by name."""
    if scoring is None:
        name = "neg_multilabel_log_loss"
        return {ALONE: SCORERS[name] if estimator.multilabel else neg_log_loss_scorer}
    if isinstance(scoring, str) or callable(scoring):
        return {ALONE: scorer_of(estimator, scoring)}
    if isinstance(scoring, Mapping):
        named = dict(scoring)
    elif isinstance(scoring, (list, tuple, set)) and all(
        isinstance(name, str) for name in scoring
    ):
        named = {name: name for name in scoring}
    else:
        named = {}
    kinds = all(isinstance(s, str) or callable(s) for s in named.values())
    if not named or not kinds or not all(isinstance(name, str) for name in named):
        raise ValueError(
            "scoring must be None, a name, a scorer, a list of names or a dict of name "
            f"to scorer, got {scoring!r}."
        )
    return {name: scorer_of(estimator, one) for name, one in named.items()}


def scorer_of(estimator: Any, scoring: Any) -> Any:
    """Return the scorer that one name or callable means."""
    if isinstance(scoring, str) and scoring in SCORERS:
        return SCORERS[scoring]
    if isinstance(scoring, str) and scoring not in get_scorer_names():
        raise ValueError(
            f"scoring must be one of {sorted(SCORERS)} or a name that scikit-learn's "
            f"get_scorer_names() has, got {scoring!r}."
        )
    if isfunction(scoring) and 0 < scoring.__code__.co_argcount < 3:
        raise ValueError(
            "scoring must be a scorer, which is called with an estimator, X and y, got "
            f"the function {scoring.__name__}. Make a scorer of it: "
            "sklearn.metrics.make_scorer, or make_metric_scorer for probabilities."
        )
    return check_scoring(estimator, scoring=scoring)


def warn_if_improper(scorer: Any, n_classes: int) -> None:
    """Warn if a search would choose by a score of skxent that is not proper.

    A scorer such as accuracy has another aim than probabilities, so it gets no warning.
    """
    ours = isinstance(scorer, ProbabilityScorer)
    if ours and scorer.is_proper_for(n_classes) is False:
        warn(
            f"scoring has {scorer!r}, which is not proper: probabilities other than "
            "the true ones may score best, so the search may choose a model whose "
            "probabilities are worse. 'neg_log_loss' is proper."
        )


def takes_weights(scorer: Any) -> bool:
    """Return True if the scorer can be called with sample_weight."""
    accepts = getattr(scorer, "_accept_sample_weight", None)  # not in scikit-learn 1.6
    if accepts is not None:
        return bool(accepts())
    score = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in signature(score).parameters


class SearchScoring:
    """The method `score` and the metadata of an estimator with `cv` and `scoring`.

    A single scorer is named "score". `refit` names the one of several that chooses.
    """

    cv: Any
    scoring: Any
    refit: Any
    multilabel: bool

    # `score` hands its weights to the scorer or refuses them, and uses none itself.
    __metadata_request__score: ClassVar[dict[str, str]] = {"sample_weight": UNUSED}

    def score(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        **score_params: Any,
    ) -> float:
        """Return the score by `scoring`, or by the scorer of it that `refit` names.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n, d)
            The rows to predict.
        y : array-like of shape (n,) or (n, K)
            The true labels, or soft labels if the scorer takes them.
        sample_weight : array-like of shape (n,), default=None
            For the scorer, which must take weights.
        offset : array-like of shape (n,) or (n, K), default=None
            A fixed term of the logits from which the scorer is given predictions.
        **score_params
            Metadata for the scorer, with metadata routing enabled.

        Returns
        -------
        float
            The score of the scorer; higher is better.

        Raises
        ------
        ValueError
            If `scoring` has several scorers and `refit` names none, or the scorer does
            not take what is given.
        """
        name = self._metric()
        if name is None:
            raise ValueError(
                "refit must be the name of a scorer for score, where scoring has "
                f"several, got {self.refit!r}."
            )
        if not (is_soft(y) or self.multilabel):  # Scorers read names of columns.
            y = as_labels(y)
        elif hasattr(self, "label_names_"):
            y = by_class(y, self.label_names_, "y")
        routed = self._route("score", sample_weight, score_params)
        scorer = self._scorers()[name]
        params = routed[f"scorer {name}"].score
        model = with_offset(self, offset)
        if not (
            isinstance(scorer, ProbabilityScorer) or hasattr(scorer, "_score_func")
        ):
            model = WithOffset(self, offset, LinearPredictor.score)
        return float(scorer(model, X, y, **params))

    def _scorers(self) -> dict[str, Any]:
        return scorers_of(self, self.scoring)

    def _metric(self) -> str | None:
        """Return the name of the scorer that chooses and that `score` uses."""
        if list(self._scorers()) == [ALONE]:
            return ALONE
        return self.refit if isinstance(self.refit, str) else None

    def _route(self, caller: str, sample_weight: Any, params: dict[str, Any]) -> Any:
        """Return the metadata for the splitter and for each scorer."""
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        scorers = self._scorers()
        without = [scorer for scorer in scorers.values() if not takes_weights(scorer)]
        if given and without and caller == "fit":
            warn(
                f"{without[0]} does not take sample_weight: the fits are weighted, its "
                "scores are not."
            )
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, caller, **given, **params)
        allowed = {"groups"} if caller == "fit" else set()
        if params.keys() - allowed:
            raise ValueError(
                f"params must be {'groups alone' if allowed else 'empty'} unless "
                "metadata routing is enabled by "
                "sklearn.set_config(enable_metadata_routing=True), "
                f"got {sorted(params)}."
            )
        if given and without and caller == "score":
            raise ValueError(
                f"sample_weight must be None for {without[0]}, which does not take it, "
                "got weights."
            )
        routed = Bunch(splitter=Bunch(split=params))
        for name, scorer in scorers.items():
            used = given if takes_weights(scorer) else {}
            routed[f"scorer {name}"] = Bunch(score=used)
        return routed

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata routing: see scikit-learn's user guide.

        Returns
        -------
        MetadataRouter
            The metadata that the splitter and the scorers ask for.
        """
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        router.add(
            splitter=self.cv,
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )
        for name, scorer in self._scorers().items():
            callers = ("fit", "score") if name == self._metric() else ("fit",)
            mapping = MethodMapping()
            for caller in callers:
                mapping.add(caller=caller, callee="score")
            router.add(method_mapping=mapping, **{f"scorer {name}": scorer})
        return router


class FoldScorer:
    """Score models of the same classes on the test part of one fold, by each scorer.

    `params` are the metadata of each scorer.
    """

    def __init__(
        self,
        scorers: Mapping[str, Any],
        params: Mapping[str, dict[str, Any]],
        test: LinearData,
    ) -> None:
        self.scorers, self.params, self.test = scorers, params, test
        self.ready: dict[str, Callable[[Any], Any]] = {}

    def __call__(self, name: str, model: Any) -> Any:
        if name not in self.ready:
            self.ready[name] = self._prepare(name, model)
        return self.ready[name](model)

    def _prepare(self, name: str, model: Any) -> Callable[[Any], Any]:
        scorer, params = self.scorers[name], self.params[name]
        X, y, _, offset = self.test  # X is checked
        if isinstance(scorer, LossScorer) and not are_many(model.classes_):
            score = scorer.scoring_of(y, model.classes_, **params)
            if score is not None:
                return lambda m: score(
                    m._probabilities(m._logits_at(X, offset), log=True)
                )
        return lambda m: scorer(with_offset(m, offset), X, y, **params)


def check_score(value: Any, name: str) -> float:
    """Return the score as a float; like GridSearchCV, refuse what is not a number."""
    value = value.item() if getattr(value, "shape", None) == () else value
    if not isinstance(value, Real):
        which = "scoring" if name == ALONE else f"scoring[{name!r}]"
        raise ValueError(
            f"{which} must be a scorer that gives a number, got {value!r} from it. "
            "For several scores pass a list of names or a dict of name to scorer."
        )
    return float(value)
