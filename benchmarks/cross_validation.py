"""Grouped cross-validation of a whole pipeline: 5 folds and leave-one-speaker-out, on A and B, time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import imbalanced_learn
import memory
import numpy as np
import sklearn.model_selection
from datasets import Table
from protocol import Contender, Figures, Row, beside, unweighted_average_recall

import emotion_native as en

TREES = 300
TARGET = 8.0
UAR_MARGIN = 0.03  # the same folds of the same rows; the random numbers differ
SAMPLED = 6  # folds of B's 91 that both sides run by default; the times are multiplied up


class SomeFolds:
    """Evenly spaced folds of a splitter: the same ones for both sides."""

    def __init__(self, splitter: Any, count: int) -> None:
        self.splitter, self.count = splitter, count

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield them."""
        folds = list(self.splitter.split(X, y, groups))
        for i in np.linspace(0, len(folds) - 1, self.count).astype(int):
            yield folds[i]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return how many there are."""
        return self.count


def ours(table: Table, cv: Any, n_jobs: int) -> Any:
    """Return what our fold loop gives: fitted and scored folds with their predictions."""
    model = en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(),
        en.over_sampling.RandomOverSampler(random_state=0),
        en.feature_selection.SelectKBest(k=table.X.shape[1] // 2),
        en.ensemble.RandomForestClassifier(n_estimators=TREES, random_state=0),
    )
    if isinstance(cv, SomeFolds):
        # A part of the folds covers a part of the rows: their scores only, as the other side computes their predictions only.
        return en.model_selection.cross_validate(model, table.X, table.y, groups=table.groups, cv=cv, n_jobs=n_jobs, scoring="balanced_accuracy")
    return en.model_selection.cross_val_predict(model, table.X, table.y, groups=table.groups, cv=cv, n_jobs=n_jobs, method="predict_proba")


def _folds(kind: str) -> Any:
    return sklearn.model_selection.GroupKFold(5) if kind == "5fold" else sklearn.model_selection.LeaveOneGroupOut()


def row(table: Table, key: str, kind: str, n_jobs: int, full: bool) -> Row:
    """Time one kind of folds; folds are of one splitter object for both sides."""
    cv: Any = _folds(kind)
    total = cv.get_n_splits(table.X, table.y, table.groups)
    scale, note = 1.0, ""
    if kind == "loso" and total > 40 and not full:
        cv = SomeFolds(cv, SAMPLED)
        scale = total / SAMPLED
        note = f"; both sides run {SAMPLED} of {total} folds, times multiplied up (and with them our start, which the folds share)"

    def check(mine: Any, theirs: list[np.ndarray]) -> dict[str, Any]:
        tests = [test for _, test in cv.split(table.X, table.y, table.groups)]
        if isinstance(mine, dict):
            labels = [table.y[test] for test in tests]
            scores = [np.mean([np.mean(p.argmax(axis=1)[y == c] == c) for c in np.unique(y)]) for y, p in zip(labels, theirs, strict=True)]
            return {"folds": total, **beside("mean_balanced_accuracy", float(np.mean(mine["test_score"])), {"theirs": float(np.mean(scores))}, 0.05)}
        predicted = np.empty_like(table.y)
        for test, probability in zip(tests, theirs, strict=True):
            predicted[test] = probability.argmax(axis=1)
        uar = unweighted_average_recall(table.y, mine.argmax(axis=1))
        return {"folds": total, **beside("uar", uar, {"theirs": unweighted_average_recall(table.y, predicted)}, UAR_MARGIN)}

    def theirs() -> list[np.ndarray]:
        return imbalanced_learn.cross_validate(table.X, table.y, table.groups, cv, TREES, table.X.shape[1] // 2, n_jobs)

    folds = "5 folds" if kind == "5fold" else f"{total} speakers left out in turn"
    title = f"Grouped cross-validation ({folds}) of scaler, over-sampling, selection, {TREES} trees: {key}"
    long = not (kind == "5fold" and key == "A")
    contenders = [
        Contender("emotion-native", lambda: ours(table, cv, n_jobs), n_jobs, scale=scale),
        Contender(imbalanced_learn.NAME, theirs, n_jobs, "scikit-learn", TARGET, scale),
    ]
    return Row(f"cv_{kind}_{key}_{n_jobs}", title, table.workload + note, contenders, check, 3 if long else 5, long=long)


def peak(key: str) -> Figures:
    """Peak memory of the whole process tree: cross-validation with n_jobs=2 against one fit on all rows; each in a fresh process."""

    def measure() -> list[dict[str, Any]]:
        found = {job: memory.peak(job, key) for job in ("ours_fit", "ours_cv", "theirs_fit", "theirs_cv")}
        figures = [{"what": f"peak memory, {job.replace('_', ', ')}", "value": peak.whole, "unit": "MB"} for job, peak in found.items()]
        for side in ("ours", "theirs"):
            ratio = found[f"{side}_cv"].whole / found[f"{side}_fit"].whole
            limit = {"at_most": 1.5} if side == "ours" else {}
            figures.append({"what": f"{side}: cross-validation against one fit", "value": ratio, "unit": "x", **limit})
        return figures

    title = f"Peak memory of 5 grouped folds with n_jobs=2, against one fit: {key}"
    return Figures(f"cv_memory_{key}", title, f"set {key}, whole processes, the same pipeline", measure)


def many_folds(quick: bool) -> Figures:
    """Peak memory of a thousand folds of 200,000 rows, natively and fold by fold, beside one fit on as many rows."""
    rows = 20_000 if quick else 200_000

    def measure() -> list[dict[str, Any]]:
        found = {job: memory.peak(job, str(rows)) for job in ("one_fit", "many_folds", "many_folds_one_by_one")}
        figures = [{"what": f"memory above the input, {job.replace('_', ' ')}", "value": peak.above, "unit": "MB"} for job, peak in found.items()]
        ratio = found["many_folds"].whole / found["one_fit"].whole
        return [*figures, {"what": "a thousand folds against one fit, whole process", "value": ratio, "unit": "x", "at_most": 1.5}]

    return Figures(
        "cv_many_folds", f"Leave one group out, {rows // 200:,} groups: peak memory", f"{rows:,} rows x 4 columns, a tree of depth 1", measure
    )


def many_fits(quick: bool) -> Figures:
    """A thousand forests in one call: processor time, and memory beside a tenth of the fits."""
    seeds = 20 if quick else 200

    def measure() -> list[dict[str, Any]]:
        few, many = memory.peak("many_fits", str(seeds // 10)), memory.peak("many_fits", str(seeds))
        return [
            {"what": f"{5 * seeds:,} fits in one call, n_jobs=2", "value": many.wall, "unit": "s"},
            {"what": "processor time", "value": many.cpu, "unit": "s"},
            {"what": "memory above the input", "value": many.above, "unit": "MB"},
            {"what": "peak memory against a tenth of the fits, whole process", "value": many.whole / few.whole, "unit": "x", "at_most": 1.5},
        ]

    return Figures("cv_many_fits", f"Five grouped folds x {seeds} seeds of 50 trees in one call: A", "set A, whole processes", measure)
