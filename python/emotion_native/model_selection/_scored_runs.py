"""Runs fitted and scored: natively in one call, or one by one; shared by cross-validation and the searches."""

from __future__ import annotations

import numbers
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from .._progress import Progress
from ..exceptions import EmotionNativeError, InvalidInputError, LeakageError
from ._fit import check_labels, each_fold, fit_rows, for_rows, native_probabilities, one_label_a_row, rows_of
from ._folds import Folds, resolve_folds
from ._routing import Routed
from ._runs import Runs
from ._scorers import FoldPredictions, NeedsModel, named_scorer, seen_by
from ._splitters import Indices
from ._warnings import FitFailedWarning

# fit_time, score_time, test and train (scores by name), failed (its error) where the fit did, and unscored (texts) where scorers did.
Result = dict[str, Any]
_MOST_NAMED = 50
Scorers = dict[str, Callable[..., Any]]


def scorers_of(estimator: Any, scoring: Any, classes: Any, *, caller: str) -> tuple[Scorers, bool]:
    """Return scorers by name, and whether there is only the one called ``score``."""
    if scoring is None or isinstance(scoring, str):
        return {"score": named_scorer(scoring, classes, caller=caller) if scoring else check_scoring(estimator)}, True
    if callable(scoring):
        return {"score": scoring}, True
    if isinstance(scoring, Mapping) and scoring and all(isinstance(k, str) for k in scoring):
        return {str(k): v if callable(v) else named_scorer(v, classes, caller=caller) for k, v in scoring.items()}, False
    if isinstance(scoring, (list, tuple, set)) and scoring and all(isinstance(name, str) for name in scoring):
        twice = [name for name, n in Counter(scoring).items() if n > 1]
        if twice:
            raise InvalidInputError(f"scoring of {caller} must be unique strings; got {twice[0]!r} twice (Duplicate)")
        return {name: named_scorer(name, classes, caller=caller) for name in scoring}, False
    rule = "None, a name, a callable, a list of names that must be unique strings, or a dict of scorers by name, not empty"
    raise InvalidInputError(f"scoring of {caller} must be {rule}; got {scoring!r}")


@dataclass(frozen=True)
class Scoring:
    """What scores a fold, and what failed meanwhile."""

    scorers: Scorers
    single: bool
    params: dict[str, dict[str, Any]]
    error_score: Any
    failures: list[str]
    classes: Any  # the sorted labels of a classifier's y, or None
    caller: str

    def of(self, model: Any, X: Any, y: Any, rows: npt.NDArray[np.int64], unscored: list[str]) -> dict[str, float]:
        """Return the scores of a model on some rows by name; what failed is noted, also in ``unscored``."""
        scores: dict[str, float] = {}
        n, own_X = _num_samples(X), _safe_indexing(X, rows)
        own_y = () if y is None else (_safe_indexing(y, rows),)
        for name, scorer in self.scorers.items():
            try:
                seen = seen_by(scorer, model, self.classes, own_X)
                value = scorer(seen, own_X, *own_y, **rows_of(self.params.get(name, {}), rows, n))
            except NeedsModel:
                raise
            except Exception as error:
                if self.error_score == "raise":
                    raise
                unscored.append(f"{name}: {type(error).__name__}: {error}")
                self.failures.append(unscored[-1])
                value = self.error_score
            scores |= self._numbers(name, value)
        return scores

    def _numbers(self, name: str, value: Any) -> dict[str, float]:
        if self.single and isinstance(value, Mapping):
            return {str(k): _number(str(k), v, self.caller) for k, v in value.items()}
        return {name: _number(name, value, self.caller)}

    def warn(self) -> None:
        """Tell about every failure at once."""
        if self.failures:
            text = f"Scoring failed; these scores of their folds are set to {self.error_score}: {_counted(self.failures)}"
            warnings.warn(text, FitFailedWarning, stacklevel=3)


def _number(name: str, value: Any, caller: str) -> float:
    value = value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
    if not isinstance(value, numbers.Real):
        raise InvalidInputError(f"scoring of {caller} must give one number; {name!r} gave {value!r:.60}")
    return float(value)


def _counted(texts: Sequence[str]) -> str:
    return "; ".join(f"{n} x {text}" for text, n in Counter(texts).items())


def classes_of(estimator: Any, y: Any, *, caller: str) -> Any:
    """Return the sorted labels of a classifier's ``y``; None where they are not one known label a row."""
    if y is None or not is_classifier(estimator):
        return None
    try:
        return check_labels(y, _num_samples(y), caller=caller).classes
    except (InvalidInputError, TypeError):
        return None


def resolver(
    estimator: Any, X: Any, y: Any, groups: Any, routed: Routed, allow_ungrouped: bool, *, caller: str
) -> Callable[[Any], Folds]:
    """Return what makes the checked folds of a splitter."""
    stratify = one_label_a_row(estimator, y)

    def resolve(splitter: Any) -> Folds:
        if routed.split:
            splitter = list(splitter.split(X, y, groups=groups, **routed.split))
        return resolve_folds(splitter, X, y, groups, caller=caller, classifier=stratify, allow_ungrouped=allow_ungrouped)

    return resolve


def native_results(
    runs: Runs,
    X: Any,
    y: Any,
    scored: Scoring,
    params: Mapping[str, Any],
    train_score: bool,
    n_jobs: int | None,
    progress: Progress,
) -> list[Result] | None:
    """Return the scores of every run from one native call; None where the estimators, their parameters or X do not allow it.

    Raises
    ------
    NeedsModel
        If a scorer asks for more than predictions.
    EmotionNativeError
        If some fit is refused: which one is not known.
    """
    start = time.perf_counter()
    labels = check_labels(y, _num_samples(X), caller=scored.caller)
    wanted = with_training_rows(runs) if train_score else runs
    proba = native_probabilities(wanted, X, labels, params, caller=scored.caller, n_jobs=n_jobs, progress=progress)
    if proba is None:
        return None
    seconds = (time.perf_counter() - start) / len(runs)
    results = []
    for k, (fold_proba, test_rows) in enumerate(zip(proba, runs.test, strict=True)):
        start = time.perf_counter()
        result: Result = {"fit_time": seconds, "unscored": []}
        parts = [("test", test_rows, fold_proba[: len(test_rows)])]
        if train_score:
            parts.append(("train", wanted.train[k], fold_proba[len(test_rows) :]))
        for part, rows, values in parts:
            result[part] = scored.of(FoldPredictions(values, labels.classes), X, labels.values, rows, result["unscored"])
        result["score_time"] = time.perf_counter() - start
        results.append(result)
    return results


def with_training_rows(runs: Runs) -> Runs:
    """Return runs whose test rows are followed by their training rows; equal folds share the arrays."""
    made: dict[int, tuple[Indices, Indices]] = {}
    for k, test in enumerate(runs.test):
        if id(test) not in made:
            train = runs.train[k]
            made[id(test)] = train, np.concatenate([test, train])
    return replace(runs, train=[made[id(test)][0] for test in runs.test], test=[made[id(test)][1] for test in runs.test])


def native_results_if_possible(runs: Runs, X: Any, y: Any, scored: Scoring, *rest: Any) -> list[Result] | None:
    """Return `native_results`, or None where each run must be fitted by itself: a scorer needs models, or a failed fit counts as ``error_score``."""
    try:
        return native_results(runs, X, y, scored, *rest)
    except NeedsModel:
        scored.failures.clear()
    except EmotionNativeError:
        if scored.error_score == "raise":
            raise
    return None


def fitted_results(
    runs: Runs,
    X: Any,
    y: Any,
    scored: Scoring,
    params: Mapping[str, Any],
    train_score: bool,
    keep_estimator: bool,
    n_jobs: int | None,
    progress: Progress,
) -> list[Result]:
    """Return the scores of every run, each cloned, fitted and scored by itself; a run that fails has its error under ``failed``."""

    def one(k: int) -> Result:
        model = clone(runs.estimators[runs.estimator_of[k]])
        start = time.perf_counter()
        result: Result = {"estimator": model if keep_estimator else None, "score_time": 0.0, "unscored": []}
        try:
            fit_rows(model, X, y, runs.train[k], params, caller=scored.caller)
        except Exception as error:
            if scored.error_score == "raise" or isinstance(error, LeakageError):  # a split without groups is no matter of one fold's luck
                raise
            failed = dict.fromkeys(scored.scorers, float(scored.error_score))
            return {**result, "fit_time": time.perf_counter() - start, "test": failed, "train": failed, "failed": error}
        result["fit_time"] = time.perf_counter() - start
        for part in ("test", "train") if train_score else ("test",):
            start = time.perf_counter()
            rows = runs.test[k] if part == "test" else runs.train[k]
            result[part] = scored.of(for_rows(model, params, rows, _num_samples(X)), X, y, rows, result["unscored"])
            result["score_time"] += time.perf_counter() - start if part == "test" else 0.0
        return result

    return each_fold(len(runs), one, caller=scored.caller, n_jobs=n_jobs, progress=progress)


def report_failed_fits(results: Sequence[Result], scored: Scoring, n_folds: int | None = None) -> None:
    """Tell about all fits that failed at once; where there are several settings of ``n_folds`` each, name the settings.

    Raises
    ------
    InvalidInputError
        If all of them did.
    """
    failed = {k: result["failed"] for k, result in enumerate(results) if "failed" in result}
    reasons = _counted([f"{type(error).__name__}: {error}" for error in failed.values()])
    if failed and len(failed) == len(results):
        raise InvalidInputError(f"estimator of {scored.caller} must be fitted on at least one fold; all {len(results)} failed: {reasons}")
    if failed:
        places = sorted(failed if n_folds is None else {k // n_folds for k in failed})
        which = ", ".join(map(str, places[:_MOST_NAMED])) + (", …" if len(places) > _MOST_NAMED else "")
        where = f"folds {which}" if n_folds is None else f"of settings {which}"
        text = f"{len(failed)} of {len(results)} fits failed ({where}); their scores are set to {scored.error_score}: {reasons}"
        warnings.warn(text, FitFailedWarning, stacklevel=3)
