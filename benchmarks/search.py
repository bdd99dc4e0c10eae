"""A search of 40 settings x 5 grouped folds of a whole pipeline against scikit-learn's GridSearchCV: time, and memory beside one fit."""

from __future__ import annotations

from typing import Any

import imbalanced_learn
import memory
import sklearn.model_selection
from datasets import Table
from protocol import Contender, Figures, Row, beside

import emotion_native as en

TARGET = 10.0
MARGIN = 0.03  # means over the same folds of the same rows; the random numbers differ
SETTINGS: dict[str, list[Any]] = {
    "selectkbest__k": [60, 120],
    "randomforestclassifier__n_estimators": [50, 100],
    "randomforestclassifier__max_features": ["sqrt", 0.2],
    "randomforestclassifier__min_samples_leaf": [1, 2, 4, 8, 16],
}


def model() -> Any:
    """Return our pipeline."""
    return en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(),
        en.over_sampling.RandomOverSampler(random_state=0),
        en.feature_selection.SelectKBest(),
        en.ensemble.RandomForestClassifier(random_state=0, n_jobs=1),
    )


def ours(table: Table, n_jobs: int) -> Any:
    """Return our fitted search."""
    cv = sklearn.model_selection.GroupKFold(5)
    search = en.model_selection.GridSearchCV(model(), SETTINGS, scoring="balanced_accuracy", cv=cv, n_jobs=n_jobs)
    return search.fit(table.X, table.y, groups=table.groups)


def theirs(table: Table, n_jobs: int) -> Any:
    """Return scikit-learn's: its processes share the fits."""
    cv = sklearn.model_selection.GroupKFold(5)
    search = sklearn.model_selection.GridSearchCV(imbalanced_learn.pipeline(100, 10), SETTINGS, scoring="balanced_accuracy", cv=cv, n_jobs=n_jobs)
    return search.fit(table.X, table.y, groups=table.groups)


def row(table: Table, key: str, n_jobs: int) -> Row:
    """Time both; the settings are the same, and so are the folds."""

    def check(mine: Any, other: Any) -> dict[str, Any]:
        assert mine.cv_results_["params"] == other.cv_results_["params"]
        scores, reference = (search.cv_results_["mean_test_score"] for search in (mine, other))
        n = len(scores)
        return {"settings": n, **beside("mean_over_settings", float(scores.mean()), {"theirs": float(reference.mean())}, MARGIN)}

    contenders = [
        Contender("emotion-native", lambda: ours(table, n_jobs), n_jobs),
        Contender(imbalanced_learn.NAME, lambda: theirs(table, n_jobs), n_jobs, "scikit-learn", TARGET),
    ]
    title = f"Search of 40 settings x 5 grouped folds of scaler, over-sampling, selection, forest, and the best fitted on all rows: {key}"
    return Row(f"search_{key}_{n_jobs}", title, table.workload, contenders, check, 3, long=True)


def peak(key: str) -> Figures:
    """Peak memory of the search with n_jobs=2 against one fit on all rows; each in a fresh process."""

    def measure() -> list[dict[str, Any]]:
        found = {job: memory.peak(job, key) for job in ("ours_one_setting", "ours_search")}
        figures = [{"what": f"peak memory, {job.replace('_', ', ')}", "value": peak.whole, "unit": "MB"} for job, peak in found.items()]
        ratio = found["ours_search"].whole / found["ours_one_setting"].whole
        return [*figures, {"what": "ours: search against one fit", "value": ratio, "unit": "x", "at_most": 1.5}]

    title = f"Peak memory of a search of 40 settings x 5 grouped folds with n_jobs=2, against one fit: {key}"
    return Figures(f"search_memory_{key}", title, f"set {key}, whole processes, the same pipeline", measure)
