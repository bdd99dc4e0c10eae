"""What all searches share: settings scored on grouped folds, the best one fitted on all rows."""

from __future__ import annotations

import numbers
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils._tags import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._progress import Progress
from .._validation import check_flag, check_sample_weight
from ..exceptions import InvalidInputError, InvalidTypeError
from ._asking import HandsOn, asked_names
from ._fit import check_lengths, fit_params_of
from ._folds import Folds
from ._notices import warn_of_odd_splits
from ._routing import route
from ._runs import single_run
from ._scored_runs import Scoring, classes_of, report_failed_fits, resolver, scorers_of
from ._settings import Setting, SharedData, fit_records, n_rows_and_groups, results_table, run_settings, with_setting
from ._splitters import GroupKFold, StratifiedGroupKFold

if TYPE_CHECKING:
    import pandas as pd

Evaluate = Callable[[Iterable[Setting]], dict[str, Any]]


def _best_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        if not self.refit:
            text = f"{method} is available only after refitting on the best parameters: fit an estimator with best_params_ yourself"
            raise AttributeError(f"This {type(self).__name__} instance was initialized with `refit=False`. {text}")
        if method == "score":
            return True  # the scorer's affair
        getattr(self.best_estimator_ if hasattr(self, "best_estimator_") else self.estimator, method)
        return True

    return check


def _cell(value: Any) -> Any:
    """Return a parameter's value as a table's cell."""
    plain = value is None or isinstance(value, (str, numbers.Number, np.generic))
    return value if plain else " ".join(repr(value).split())


def _refuse_unknown_labels(y: Any, caller: str) -> None:
    """Raise where ``y`` is no kind of target that scikit-learn knows: multi-label tables are, objects of mixed types are not."""
    try:
        type_of_target(y, input_name="y", raise_unknown=True)
    except ValueError as error:
        raise InvalidInputError(f"y of {caller} must be labels; got: {error}") from error


class BaseSearchCV(HandsOn, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """What the searches share; subclasses say in ``_run_search(evaluate_candidates)`` which settings are tried.

    Examples
    --------
    >>> from emotion_native.model_selection import BaseSearchCV, GridSearchCV
    >>> issubclass(GridSearchCV, BaseSearchCV)
    True
    """

    _takes_row_metadata = True  # speaker, recording and the like reach the estimator inside

    def __init__(
        self,
        estimator: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        allow_ungrouped: bool = False,
        progress: Progress = False,
    ) -> None:
        self.estimator = estimator
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.allow_ungrouped = allow_ungrouped
        self.progress = progress

    @abstractmethod
    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        """Call ``evaluate_candidates`` with settings, once or more often; it returns the table of all settings so far."""

    # Fitting.

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, groups: Any = None, **params: Any) -> Any:
        """Score every setting on the folds, then fit the best one on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            For the fits of the estimator.
        groups : array-like of shape (n_samples,)
            What every inner fold keeps whole: speakers, or the result of `joined_groups`. Also handed to an estimator that asks for them.
        **params
            Handed to the estimator's ``fit``; values with one entry a row are cut down to the training rows.

        Raises
        ------
        LeakageError
            Without groups, or if a group is on both sides of a fold.
        InvalidInputError
            If an argument breaks its rule, or every fit fails.
        """
        caller = f"{type(self).__name__}.fit"
        self._check_arguments(caller)
        classes = classes_of(self.estimator, y, caller=caller)
        scorers, single = scorers_of(self.estimator, self.scoring, classes, caller=caller)
        if not single:
            self._check_refit_name(scorers, caller)
        routed = route(self.estimator, self.cv, scorers, {**params, "sample_weight": sample_weight}, groups, caller=caller)
        X, y, groups = check_lengths(X, y, routed.groups, caller=caller)
        check_sample_weight(sample_weight, _num_samples(X), caller=caller)
        if is_classifier(self.estimator) and y is not None and np.ndim(y) == 1:
            _refuse_unknown_labels(y, caller)
        folds = resolver(self.estimator, X, y, groups, routed, self.allow_ungrouped, caller=caller)(self.cv)
        self._check_number_of_folds(folds, X, y, groups, caller)
        warn_of_odd_splits(self.estimator, y, groups, single_run(self.estimator, folds), _num_samples(X), caller=caller, each_fold=True)
        scored = Scoring(scorers, single, routed.score, self.error_score, [], classes, caller)
        data = SharedData(X, y, {**routed.fit, "groups": groups}, folds, scored, self.return_train_score, self.n_jobs)
        settings, table, records = self._evaluated(data)
        names = [name.removeprefix("mean_test_") for name in table if name.startswith("mean_test_")]
        multimetric = not single or names != ["score"]
        if multimetric:
            self._check_refit_name(names, caller)
        self._choose(settings, table, "score" if not multimetric else self.refit)
        self.multimetric_ = multimetric
        self.n_splits_ = len(folds)
        self.ungrouped_ = folds.ungrouped
        self.selection_split_ = self._described(folds, X, groups, len(settings))
        self.scorer_ = scorers["score"] if single else scorers
        self.cv_results_ = table
        self.fits_ = records
        self._remember_metadata(routed.fit)
        if self.refit:  # last: the scores are kept where this fit fails or is interrupted
            self._refit(X, y, data, caller)
        return self

    def _check_arguments(self, caller: str) -> None:
        if not isinstance(self.refit, (bool, str)) and not callable(self.refit):
            raise InvalidInputError(f"refit of {caller} must be True, False, the name of a score, or a callable of cv_results_; got {self.refit!r}")
        number = isinstance(self.error_score, numbers.Real) and not isinstance(self.error_score, bool)
        if self.error_score != "raise" and not number:
            raise InvalidInputError(f"error_score of {caller} must be 'raise' or a number; got {self.error_score!r}")
        check_flag(self.return_train_score, "return_train_score", caller)
        if not hasattr(self.estimator, "fit") or isinstance(self.estimator, type):
            raise InvalidTypeError(f"estimator of {caller} must be an estimator with fit; got {self.estimator!r:.80}")

    def _check_number_of_folds(self, folds: Folds, X: Any, y: Any, groups: Any, caller: str) -> None:
        if not hasattr(self.cv, "get_n_splits"):
            return
        try:
            said = self.cv.get_n_splits(X, y, groups)
        except Exception:  # it is the user's, and what it cannot say is no contradiction
            return
        if said != len(folds):
            rule = "yield as many folds as it says: cv.split and cv.get_n_splits return inconsistent results"
            raise InvalidInputError(f"cv of {caller} must {rule}. Expected {said} splits, got {len(folds)}")

    def _print_fits(self, settings: Sequence[Setting], results: Sequence[Sequence[Any]]) -> None:
        """Print a line a fit when all are done, as fits of the native loop overlap."""
        for record in fit_records(settings, results, self.error_score):
            named = ", ".join(f"{name}={value!r:.60}" for name, value in record["params"].items())
            scores = []
            for name in [key.removeprefix("test_") for key in record if key.startswith("test_")]:
                parts = [f"{part}={record[f'{part}_{name}']:.3f}" for part in ("train", "test") if f"{part}_{name}" in record]
                scores.append(f"{name}={parts[0].partition('=')[2] if len(parts) == 1 else '(' + ', '.join(parts) + ')'}")
            seconds = record["fit_time"] + record["score_time"]
            print(f"[CV {record['fold'] + 1}/{len(results[0])}] END {named}; {', '.join(scores)} total time={seconds:6.1f}s")

    def _check_refit_name(self, names: Iterable[str], caller: str) -> None:
        """Several scores: which one decides must be said."""
        known = list(names)
        if self.refit is not False and not callable(self.refit) and self.refit not in known:
            rule = f"False, a callable, or the name of the score that decides, one of {', '.join(map(repr, known))}"
            raise InvalidInputError(f"refit of {caller} must be, for multi-metric scoring, {rule}; got {self.refit!r}")

    def _evaluated(self, data: SharedData) -> tuple[list[Setting], dict[str, Any], list[dict[str, Any]]]:
        """Return all settings, the table of their scores, and the record of every fit."""
        settings: list[Setting] = []
        results: list[Any] = []
        table: dict[str, Any] = {}

        def evaluate_candidates(candidates: Iterable[Setting]) -> dict[str, Any]:
            nonlocal table
            new = list(candidates)
            if not new:
                raise InvalidInputError(f"settings of {data.scored.caller} must be at least one: no fits were performed; got none")
            if self.verbose:
                print(f"Fitting {len(data.folds)} folds for each of {len(new)} candidates, totalling {len(data.folds) * len(new)} fits")
            found = run_settings([with_setting(self.estimator, setting) for setting in new], data, self.progress)
            report_failed_fits([result for row in found for result in row], data.scored, len(data.folds))
            if self.verbose > 1:
                self._print_fits(new, found)
            settings.extend(new)
            results.extend(found)
            table = results_table(settings, results, self.error_score, self.return_train_score)
            return table

        self._run_search(evaluate_candidates)
        data.scored.warn()
        if not settings:
            raise InvalidInputError(f"settings of {data.scored.caller} must be at least one: no fits were performed; got none")
        return settings, table, fit_records(settings, results, self.error_score)

    def _choose(self, settings: list[Setting], table: dict[str, Any], score: Any) -> None:
        for name in ("best_index_", "best_score_", "best_params_", "best_estimator_", "refit_time_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if callable(self.refit):
            index = self.refit(table)
            rule = f"refit of {type(self).__name__}.fit must return an index below {len(settings)}"
            if not isinstance(index, (int, np.integer)) or isinstance(index, bool):
                raise InvalidTypeError(f"{rule}: best_index_ returned is not an integer; got {index!r}")
            if not 0 <= index < len(settings):
                raise IndexError(f"{rule}: best_index_ index out of range; got {index}")
            self.best_index_ = int(index)
        elif score is False:  # several scores and none that decides
            return
        else:
            self.best_index_ = int(table[f"rank_test_{score}"].argmin())
            self.best_score_ = table[f"mean_test_{score}"][self.best_index_]
        self.best_params_ = settings[self.best_index_]

    def _refit(self, X: Any, y: Any, data: SharedData, caller: str) -> None:
        best = with_setting(self.estimator, self.best_params_)
        arguments = fit_params_of(best, data.params, None, _num_samples(X), caller=caller)
        start = time.perf_counter()
        best.fit(X, *(() if y is None else (y,)), **arguments)
        self.refit_time_ = time.perf_counter() - start
        self.best_estimator_ = best
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_

    def _described(self, folds: Folds, X: Any, groups: Any, n_settings: int) -> dict[str, Any]:
        n_rows, n_groups = n_rows_and_groups(X, groups)
        kept = "single rows (UNGROUPED)" if folds.ungrouped else f"{n_groups} whole groups" if n_groups else "whole groups"
        statement = (
            f"The best of {n_settings} settings was chosen on {len(folds)} folds of {kept}, {n_rows} rows. "
            "Its score there is a maximum, too good as an estimate for new speakers: for that, cross-validate the search itself."
        )
        return {
            "cv": repr(self.cv),
            "n_splits": len(folds),
            "n_rows": n_rows,
            "n_groups": n_groups,
            "n_settings": n_settings,
            "ungrouped": folds.ungrouped,
            "hash": folds.hash,
            "statement": statement,
        }

    def run_log(self) -> pd.DataFrame:
        """Return every fit of the search as a table, one row a setting and fold: ``search.run_log().to_csv("search.csv")`` keeps it.

        Returns
        -------
        DataFrame
            ``setting`` (row of ``cv_results_``), ``fold``, ``rank`` (of the setting; with several scores of the one that ``refit`` names),
            one ``param_…`` a parameter (empty where the setting does not name it; what is no number or text as its ``repr``), ``fit_time`` and
            ``score_time`` in seconds, the scores, and ``error`` (why the fit or a scorer failed; empty where neither did). ``attrs`` holds
            the statement of the split.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from emotion_native.linear_model import LogisticRegression
        >>> from emotion_native.model_selection import GridSearchCV
        >>> X, y = load_iris(return_X_y=True)
        >>> search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0]}).fit(X, y, groups=np.arange(150) % 10)
        >>> log = search.run_log()
        >>> len(log), log["param_C"].tolist()[:2]
        (10, [0.1, 0.1])
        """
        import pandas as pd

        if not hasattr(self, "fits_"):
            raise NotFittedError(f"This {type(self).__name__} instance is not fitted yet: call fit first")
        names = list(dict.fromkeys(name for record in self.fits_ for name in record["params"]))
        ranks = self.cv_results_.get(f"rank_test_{self.refit}" if isinstance(self.refit, str) and self.multimetric_ else "rank_test_score")
        rows = []
        for record in self.fits_:
            row: dict[str, Any] = {"setting": record["setting"], "fold": record["fold"]}
            if ranks is not None:
                row["rank"] = int(ranks[record["setting"]])
            row |= {f"param_{name}": _cell(record["params"].get(name)) for name in names}
            rows.append(row | {name: value for name, value in record.items() if name not in ("setting", "fold", "params", "error")})
            rows[-1]["error"] = record["error"] or ""
        log = pd.DataFrame(rows)
        log.attrs["selection_split"] = self.selection_split_["statement"]
        return log

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_estimator_") or (not self.refit and hasattr(self, "cv_results_"))

    # Use of the best estimator.

    def _best(self, method: str, X: Any, params: Mapping[str, Any] | None = None) -> Any:
        check_is_fitted(self)
        given = dict(params or {})
        if given or self._fitted_with:
            names = asked_names(self)
            self._handed_on({name: value for name, value in given.items() if name in names}, method)  # other arguments are the estimator's own
        return getattr(self.best_estimator_, method)(X, **given)

    def _asked(self) -> list[Any]:
        return [getattr(self, "best_estimator_", self.estimator)]

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the best estimator's score by ``scoring``; with several, by the one that ``refit`` names.

        ``params`` go to that scorer, with scikit-learn's metadata routing switched on only.
        """
        _best_has("score")(self)
        check_is_fitted(self)
        if params and not get_config().get("enable_metadata_routing"):
            rule = f"params of {type(self).__name__}.score must be none; passing them to a scorer is only supported if metadata routing is enabled"
            raise InvalidInputError(f"{rule}; got {', '.join(params)}")
        scorer = self.scorer_[self.refit] if isinstance(self.scorer_, Mapping) else self.scorer_
        value = scorer(self.best_estimator_, X, y, **params)
        return float(value[self.refit] if isinstance(value, Mapping) else value)

    @available_if(_best_has("predict"))  # type: ignore[untyped-decorator]  # scikit-learn is untyped
    def predict(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the best estimator's predictions; ``params`` go to its ``predict`` (``speaker``, for a `SpeakerNormalizer`), and so below."""
        values: npt.NDArray[Any] = self._best("predict", X, params)
        return values

    @available_if(_best_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the best estimator's probabilities (n_samples, n_classes)."""
        values: npt.NDArray[Any] = self._best("predict_proba", X, params)
        return values

    @available_if(_best_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the logarithms of the best estimator's probabilities."""
        values: npt.NDArray[Any] = self._best("predict_log_proba", X, params)
        return values

    @available_if(_best_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any, **params: Any) -> npt.NDArray[Any]:
        """Return the best estimator's margins."""
        values: npt.NDArray[Any] = self._best("decision_function", X, params)
        return values

    @available_if(_best_has("score_samples"))  # type: ignore[untyped-decorator]
    def score_samples(self, X: Any) -> npt.NDArray[Any]:
        """Return the best estimator's score of each row."""
        values: npt.NDArray[Any] = self._best("score_samples", X)
        return values

    @available_if(_best_has("transform"))  # type: ignore[untyped-decorator]
    def transform(self, X: Any) -> Any:
        """Return the rows as the best estimator transforms them."""
        return self._best("transform", X)

    @available_if(_best_has("inverse_transform"))  # type: ignore[untyped-decorator]
    def inverse_transform(self, X: Any) -> Any:
        """Return rows as they were before the best estimator's transform."""
        return self._best("inverse_transform", X)

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The class labels of the best estimator."""
        _best_has("classes_")(self)
        classes: npt.NDArray[Any] = self.best_estimator_.classes_
        return classes

    @property
    def n_features_in_(self) -> int:
        """The number of columns that the best estimator was fitted on."""
        if not hasattr(self, "best_estimator_"):
            raise AttributeError(f"{type(self).__name__} object has no n_features_in_ attribute: it has no fitted best estimator")
        return int(self.best_estimator_.n_features_in_)

    @property
    def _estimator_type(self) -> Any:
        return getattr(self.estimator, "_estimator_type", None)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        tags.estimator_type = own.estimator_type
        tags.classifier_tags = deepcopy(own.classifier_tags)
        tags.regressor_tags = deepcopy(own.regressor_tags)
        tags.input_tags.pairwise = own.input_tags.pairwise
        tags.input_tags.sparse = own.input_tags.sparse
        tags.input_tags.allow_nan = own.input_tags.allow_nan
        return tags

    def get_metadata_routing(self) -> Any:
        """Return who takes which metadata: the estimator, the splitter and the scorers, as scikit-learn's searches say it."""
        router = MetadataRouter(owner=type(self).__name__)
        router.add(estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        scorers, _ = scorers_of(self.estimator, self.scoring, None, caller=type(self).__name__)
        for name, scorer in scorers.items():
            mapping = MethodMapping().add(caller="fit", callee="score").add(caller="score", callee="score")
            if hasattr(scorer, "get_metadata_routing"):
                router.add(**{f"scorer_{name}": scorer}, method_mapping=mapping)
        splitter = self.cv
        if splitter is None or isinstance(splitter, numbers.Integral):
            splitter = StratifiedGroupKFold() if is_classifier(self.estimator) else GroupKFold()
        if hasattr(splitter, "get_metadata_routing"):
            router.add(splitter=splitter, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        return router
