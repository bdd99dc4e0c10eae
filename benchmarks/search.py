"""A search of 40 settings x 5 grouped folds of a whole pipeline against scikit-learn's GridSearchCV: time, and memory beside one fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imblearn.over_sampling
import imblearn.pipeline
import memory
import numpy as np
import sklearn.ensemble
import sklearn.feature_selection
import sklearn.linear_model
import sklearn.model_selection
import sklearn.preprocessing
from datasets import Table
from imbalanced_learn import NAME
from protocol import Contender, Figures, Row, beside

import emotion_native as en

MARGIN = 0.03  # means over the same folds of the same rows; the random numbers differ
LEAVES = [1, 2, 4, 8, 16]
SETTINGS: dict[str, list[Any]] = {
    "select__k": [60, 120],
    "classify__n_estimators": [50, 100],
    "classify__max_features": ["sqrt", 0.2],
    "classify__min_samples_leaf": LEAVES,
}


def forest() -> Any:
    """Return our forest."""
    return en.ensemble.RandomForestClassifier(random_state=0, n_jobs=1)


def boosting(**parameters: Any) -> Any:
    """Return our boosting; its rounds are called as in the peer's gradient boosting."""
    return en.ensemble.GradientBoostingClassifier(max_depth=None, random_state=0, n_jobs=1, **{"max_leaf_nodes": 31, **parameters})


def logistic(C: float = 1.0) -> Any:
    """Return our logistic regression."""
    return en.linear_model.LogisticRegression(C=C, max_iter=1000)


def their_forest() -> Any:
    """Return scikit-learn's forest."""
    return sklearn.ensemble.RandomForestClassifier(random_state=0, n_jobs=1)


def their_boosting(max_iter: int = 20, **parameters: Any) -> Any:
    """Return scikit-learn's fastest boosting."""
    return sklearn.ensemble.HistGradientBoostingClassifier(max_iter=max_iter, random_state=0, early_stopping=False, min_samples_leaf=1, **parameters)


def their_logistic(C: float = 1.0) -> Any:
    """Return scikit-learn's logistic regression."""
    return sklearn.linear_model.LogisticRegression(C=C, max_iter=1000)


def model(classifier: Any = None) -> Any:
    """Return our pipeline."""
    steps = [
        ("scale", en.preprocessing.StandardScaler()),
        ("sample", en.over_sampling.RandomOverSampler(random_state=0)),
        ("select", en.feature_selection.SelectKBest(k=120)),
        ("classify", forest() if classifier is None else classifier),
    ]
    return en.pipeline.Pipeline(steps)


def their_model(classifier: Any) -> Any:
    """Return the same pipeline of the peers."""
    steps = [
        ("scale", sklearn.preprocessing.StandardScaler()),
        ("sample", imblearn.over_sampling.RandomOverSampler(random_state=0)),
        ("select", sklearn.feature_selection.SelectKBest(k=120)),
        ("classify", classifier),
    ]
    return imblearn.pipeline.Pipeline(steps)


@dataclass(frozen=True)
class Grid:
    """A grid of 40 settings for both sides, with equal settings in equal order."""

    what: str
    ours: Callable[[], tuple[Any, Any]]  # the pipeline and its grid
    theirs: Callable[[], tuple[Any, Any]]
    target: float = 0.0


def _three_kinds(a_forest: Any, a_boosting: Callable[..., Any], a_logistic: Callable[..., Any], rounds: str) -> list[dict[str, list[Any]]]:
    trees = {"classify": [a_forest], "select__k": [60, 120], "classify__max_features": ["sqrt", 0.2], "classify__min_samples_leaf": [1, 2, 4, 8]}
    rates = {"classify": [a_boosting()], "select__k": [60, 120], f"classify__{rounds}": [10, 20], "classify__learning_rate": [0.05, 0.1, 0.2]}
    lines = {"classify": [a_logistic()], "select__k": [60, 120], "classify__C": np.logspace(-3, 1, 6).tolist()}
    return [trees, rates, lines]


def _rounds(name: str) -> dict[str, list[Any]]:
    return {
        f"classify__{name}": [10, 20],
        "select__k": [60, 120],
        "classify__max_leaf_nodes": [15, 31],
        "classify__learning_rate": [0.02, 0.05, 0.1, 0.2, 0.4],
    }


PENALTIES: dict[str, list[Any]] = {"select__k": [60, 120], "classify__C": np.logspace(-3, 2, 20).tolist()}
OTHER_TREES: dict[str, list[Any]] = {
    "select__k": [60, 120],
    "classify__max_features": ["sqrt", 0.05, 0.1, 0.2],
    "classify__min_samples_leaf": LEAVES,
}
GRIDS = {
    "": Grid("forest", lambda: (model(), SETTINGS), lambda: (their_model(their_forest()), SETTINGS), 10.0),
    "trees_": Grid("forest, all of 100 trees", lambda: (model(), OTHER_TREES), lambda: (their_model(their_forest()), OTHER_TREES)),
    "boosting_": Grid(
        "boosting", lambda: (model(boosting()), _rounds("n_estimators")), lambda: (their_model(their_boosting()), _rounds("max_iter"))
    ),
    "logistic_": Grid("logistic regression", lambda: (model(logistic()), PENALTIES), lambda: (their_model(their_logistic()), PENALTIES)),
    "kinds_": Grid(
        "forest (16 settings), boosting (12) or logistic regression (12)",
        lambda: (model(), _three_kinds(forest(), boosting, logistic, "n_estimators")),
        lambda: (their_model(their_forest()), _three_kinds(their_forest(), their_boosting, their_logistic, "max_iter")),
    ),
}


def ours(table: Table, n_jobs: int, kind: str = "") -> Any:
    """Return our fitted search."""
    pipeline, settings = GRIDS[kind].ours()
    cv = sklearn.model_selection.GroupKFold(5)
    search = en.model_selection.GridSearchCV(pipeline, settings, scoring="balanced_accuracy", cv=cv, n_jobs=n_jobs)
    return search.fit(table.X, table.y, groups=table.groups)


def theirs(table: Table, n_jobs: int, kind: str = "") -> Any:
    """Return scikit-learn's: its processes share the fits."""
    pipeline, settings = GRIDS[kind].theirs()
    cv = sklearn.model_selection.GroupKFold(5)
    search = sklearn.model_selection.GridSearchCV(pipeline, settings, scoring="balanced_accuracy", cv=cv, n_jobs=n_jobs)
    return search.fit(table.X, table.y, groups=table.groups)


def row(table: Table, key: str, n_jobs: int, kind: str = "") -> Row:
    """Time both; the settings are the same, and so are the folds."""
    grid = GRIDS[kind]

    def check(mine: Any, other: Any) -> dict[str, Any]:
        n = len(mine.cv_results_["params"])
        assert n == len(other.cv_results_["params"]) == 40
        scores, reference = (search.cv_results_["mean_test_score"] for search in (mine, other))
        return {"settings": n, **beside("mean_over_settings", float(scores.mean()), {"theirs": float(reference.mean())}, MARGIN)}

    contenders = [
        Contender("emotion-native", lambda: ours(table, n_jobs, kind), n_jobs),
        Contender(NAME, lambda: theirs(table, n_jobs, kind), n_jobs, "scikit-learn", grid.target),
    ]
    title = f"Search of 40 settings x 5 grouped folds of scaler, over-sampling, selection, {grid.what}, and the best fitted on all rows: {key}"
    return Row(f"search_{kind}{key}_{n_jobs}", title, table.workload, contenders, check, 3, long=True)


def peak(key: str) -> Figures:
    """Peak memory of the search with n_jobs=2 against one fit on all rows; each in a fresh process."""

    def measure() -> list[dict[str, Any]]:
        found = {job: memory.peak(job, key) for job in ("ours_one_setting", "ours_search")}
        figures = [{"what": f"peak memory, {job.replace('_', ', ')}", "value": peak.whole, "unit": "MB"} for job, peak in found.items()]
        ratio = found["ours_search"].whole / found["ours_one_setting"].whole
        return [*figures, {"what": "ours: search against one fit", "value": ratio, "unit": "x", "at_most": 1.5}]

    title = f"Peak memory of a search of 40 settings x 5 grouped folds with n_jobs=2, against one fit: {key}"
    return Figures(f"search_memory_{key}", title, f"set {key}, whole processes, the same pipeline", measure)
