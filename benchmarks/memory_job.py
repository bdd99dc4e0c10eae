"""One job whose memory `memory.py` measures: ``python benchmarks/memory_job.py JOB SET``. Prints the megabytes
held before the work, then JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import sklearn.model_selection
import sklearn.pipeline


def megabytes(field: str) -> float:
    """Return VmRSS or VmHWM of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(field)


FOLD_JOBS = ("one_fit", "many_folds", "many_folds_one_by_one")
FITS_A_SEED = 5


def many_fits(seeds: int) -> None:
    """Set A, 50 trees, five grouped folds with so many seeds in one call."""
    import emotion_native as en

    table = datasets.table("A", quick=bool(os.environ.get("BENCHMARKS_QUICK")))
    forest = en.ensemble.RandomForestClassifier(50)
    forest.fit(table.X[:100], table.y[:100])
    Path("/proc/self/clear_refs").write_text("5")
    print(megabytes("VmRSS"), flush=True)
    cpu, wall = time.process_time(), time.perf_counter()
    scores = en.model_selection.cross_validate(
        forest, table.X, table.y, groups=table.groups, cv=FITS_A_SEED, seeds=range(seeds), scoring="balanced_accuracy", n_jobs=2
    )
    assert len(scores["test_score"]) == FITS_A_SEED * seeds and len(set(scores["seed"].tolist())) == seeds and not scores["ungrouped"]
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps({"own_peak": megabytes("VmHWM"), "input": (table.X.nbytes + table.y.nbytes) / 1e6, "output": 0.0, **took}))


def many_folds(job: str, rows: int) -> None:
    """Leave one group out over `rows` rows in groups of 200, with a cheap tree: in the native loop, or fold by fold. Beside it one fit."""
    import emotion_native as en

    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 4)).astype(np.float32)
    groups = np.arange(rows) // 200
    y = (X[:, 0] + groups % 3 > 1).astype(np.int64)
    tree = en.ensemble.ExtraTreesClassifier(1, max_depth=1, max_features=1, random_state=0, n_jobs=1)
    model: Any = tree if job != "many_folds_one_by_one" else sklearn.pipeline.make_pipeline(tree)  # a pipeline that is not ours
    tree.fit(X[:400], y[:400])
    Path("/proc/self/clear_refs").write_text("5")
    print(megabytes("VmRSS"), flush=True)
    if job == "one_fit":
        tree.fit(X[:-200], y[:-200])
    else:
        cv = en.model_selection.LeaveOneGroupOut()
        scores = en.model_selection.cross_validate(model, X, y, groups=groups, cv=cv, scoring="accuracy", n_jobs=1)
        assert len(scores["test_score"]) == rows // 200
    print(json.dumps({"own_peak": megabytes("VmHWM"), "input": (X.nbytes + y.nbytes) / 1e6, "output": 0.0}))


def main() -> None:
    """Prepare, note the memory, work, note the peak."""
    job, key = sys.argv[1:3]
    if job == "many_fits":
        many_fits(int(key))
        return
    if job in FOLD_JOBS:
        many_folds(job, int(key))
        return
    table = datasets.table(key, quick=bool(os.environ.get("BENCHMARKS_QUICK")))
    cv = sklearn.model_selection.GroupKFold(5)
    half = table.X.shape[1] // 2
    if job.startswith("ours"):
        import cross_validation
        import search

        import emotion_native as en
    else:
        import imbalanced_learn
    X, y, groups = table.X, table.y, table.groups
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    print(megabytes("VmRSS"), flush=True)
    result: Any = None
    if job == "ours_fit":
        result = en.pipeline.make_pipeline(
            en.preprocessing.StandardScaler(),
            en.over_sampling.RandomOverSampler(random_state=0),
            en.feature_selection.SelectKBest(k=half),
            en.ensemble.RandomForestClassifier(n_estimators=cross_validation.TREES, random_state=0, n_jobs=1),
        ).fit(X, y)
    elif job == "ours_cv":
        result = cross_validation.ours(table, cv, 2)
    elif job == "ours_one_setting":
        result = search.model().set_params(select__k=120).fit(X, y)
    elif job == "ours_search":
        result = search.ours(table, 2)
    elif job == "theirs_fit":
        result = imbalanced_learn.pipeline(300, half).fit(X, y)
    elif job == "theirs_cv":
        result = imbalanced_learn.cross_validate(X, y, groups, cv, 300, half, 2)
    elif job == "ours_over_sampling":
        result = en.over_sampling.RandomOverSampler(random_state=0).fit_resample(X, y)
    elif job == "theirs_over_sampling":
        result = imbalanced_learn.random_over_sampling(X, y)
    output = sum(part.nbytes for part in result if isinstance(part, np.ndarray)) if isinstance(result, tuple) else 0
    print(json.dumps({"own_peak": megabytes("VmHWM"), "input": (X.nbytes + y.nbytes) / 1e6, "output": output / 1e6}))


if __name__ == "__main__":
    main()
