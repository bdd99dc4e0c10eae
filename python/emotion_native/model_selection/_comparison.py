"""Several estimators on the same folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _num_samples

from .._progress import Progress
from .._validation import check_flag
from ..exceptions import InvalidInputError
from ._fit import check_lengths
from ._notices import warn_of_odd_splits
from ._routing import route
from ._runs import single_run
from ._scored_runs import Scoring, classes_of, report_failed_fits, resolver, scorers_of
from ._settings import SharedData, run_settings


def compare_estimators(
    estimators: Mapping[str, Any],
    X: Any,
    y: Any = None,
    *,
    groups: Any = None,
    scoring: Any = None,
    cv: Any = None,
    n_jobs: int | None = None,
    params: Mapping[str, Any] | None = None,
    return_train_score: bool = False,
    error_score: Any = np.nan,
    allow_ungrouped: bool = False,
    progress: Progress = None,
) -> dict[str, dict[str, Any]]:
    """Cross-validate several estimators on the same folds: forest, boosting, logistic regression, and what else may be the best.

    Own pipelines of all estimators run inside one native call that shares the rank codes of the matrix and the steps that several begin with.
    Each estimator's scores are, bit for bit, those of `cross_validate` for it alone with the same ``cv``.

    Parameters
    ----------
    estimators : dict of str to estimator
        Never fitted themselves; all classifiers, or none.
    X, y, groups, scoring, cv, n_jobs, params, return_train_score, error_score, allow_ungrouped, progress
        As in `cross_validate`; ``scoring=None`` takes the first estimator's ``score``.

    Returns
    -------
    dict of str to dict
        By name what `cross_validate` returns.

    Raises
    ------
    LeakageError
        Without groups, or if a group is on both sides of a fold.
    InvalidInputError
        If an argument breaks its rule, or every fit of an estimator fails.

    Notes
    -----
    The folds are the same, so scores are compared in pairs, fold by fold or speaker by speaker. The best of many has been chosen: its score is
    too good by the luck of the choice; cross-validate the choice itself for an honest one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from emotion_native.ensemble import RandomForestClassifier
    >>> from emotion_native.linear_model import LogisticRegression
    >>> from emotion_native.model_selection import compare_estimators
    >>> X, y = load_iris(return_X_y=True)
    >>> models = {"forest": RandomForestClassifier(20, random_state=0), "logistic": LogisticRegression(max_iter=1000)}
    >>> scores = compare_estimators(models, X, y, groups=np.arange(150) % 10, scoring="uar")
    >>> {name: len(result["test_score"]) for name, result in scores.items()}
    {'forest': 5, 'logistic': 5}
    """
    caller = "compare_estimators"
    if not isinstance(estimators, Mapping) or not estimators or not all(hasattr(model, "fit") for model in estimators.values()):
        raise InvalidInputError(f"estimators of {caller} must be a dict of names to estimators, not empty; got {estimators!r:.80}")
    check_flag(return_train_score, "return_train_score", caller)
    models = list(estimators.values())
    classes = classes_of(models[0], y, caller=caller)
    scorers, single = scorers_of(models[0], scoring, classes, caller=caller)
    routed = route(models[0], cv, scorers, params, groups, caller=caller)
    X, y, groups = check_lengths(X, y, routed.groups, caller=caller)
    folds = resolver(models[0], X, y, groups, routed, allow_ungrouped, caller=caller)(cv)
    warn_of_odd_splits(models[0], y, groups, single_run(models[0], folds), _num_samples(X), caller=caller, each_fold=True)
    scored = Scoring(scorers, single, routed.score, error_score, [], classes, caller)
    data = SharedData(X, y, {**routed.fit, "groups": groups}, folds, scored, return_train_score, n_jobs)
    found = run_settings([clone(model) for model in models], data, progress)
    tables: dict[str, dict[str, Any]] = {}
    for name, results in zip(estimators, found, strict=True):
        report_failed_fits(results, scored)
        table: dict[str, Any] = {time: np.array([result[time] for result in results]) for time in ("fit_time", "score_time")}
        for part in ("test", "train") if return_train_score else ("test",):
            whole = next(result for result in results if "failed" not in result)
            for score in whole[part]:
                table[f"{part}_{score}"] = np.array([result[part].get(score, np.nan) for result in results])
        table["ungrouped"] = folds.ungrouped
        if folds.n_dropped.any():
            table["n_dropped"] = folds.n_dropped
        tables[name] = table
    scored.warn()
    return tables
