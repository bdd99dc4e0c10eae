"""Real accuracy: our forest beside scikit-learn's, on the same features of real corpora, by speaker-grouped cross-validation.

The question, and the rule by which it is answered, fixed before the first run:

- Over `SEEDS` seeds, each seed growing one forest of each side a fold on the same rows, take the difference of the unweighted average recall
  (ours minus theirs), pooled over all held-out rows. Our forest is non-inferior on a corpus if the lower end of the 95 % interval of the mean paired
  difference (Student's t over seeds) lies above ``-MARGIN``.
- Logistic regression is deterministic on both sides: its two figures are shown, not tested here.

``python benchmarks/accuracy.py [--data ../shared/data]`` writes benchmarks/results/accuracy.json; the exit status is 1 if a corpus fails the rule.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.ensemble
import sklearn.linear_model
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
from protocol import RESULTS, describe_machine, package_version, unweighted_average_recall
from scipy import stats

import emotion_native as en

MARGIN = 0.02
SEEDS = 10
TREES = 300
FOLDS = 6  # at most; fewer where there are fewer speakers
CORPORA = ("emodb", "ravdess", "emovo")


def recall_of(estimator: Any, X: np.ndarray, y: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the pooled unweighted average recall; the loop over folds is the same plain one for both sides."""
    predicted = np.empty_like(y)
    for train, test in folds:
        predicted[test] = estimator.fit(np.ascontiguousarray(X[train]), y[train]).predict(np.ascontiguousarray(X[test]))
    return unweighted_average_recall(y, predicted)


def compare(corpus: str, folder: Path, n_jobs: int) -> dict[str, Any]:
    """Return the figures of one corpus."""
    manifest = getattr(en.datasets, corpus)(folder / corpus)
    # The clips proper; beside them lie originals of a few of the same takes, and videos.
    manifest = manifest[manifest["filepath"].astype(str).str.endswith(".flac")].reset_index(drop=True)
    table = en.features.extract(manifest, features=["classic"], n_jobs=n_jobs)
    ok = np.asarray(table.ok)
    X = np.ascontiguousarray(table.X[ok])
    labels, y = np.unique(np.asarray(table.rows["label"])[ok].astype(str), return_inverse=True)
    speakers, groups = np.unique(np.asarray(table.rows["speaker"])[ok].astype(str), return_inverse=True)
    cv = sklearn.model_selection.GroupKFold(min(FOLDS, len(speakers)))
    folds = list(cv.split(X, y, groups))
    ours, theirs = [], []
    for seed in range(SEEDS):
        for package, scores in ((en.ensemble, ours), (sklearn.ensemble, theirs)):
            forest = package.RandomForestClassifier(n_estimators=TREES, random_state=seed, n_jobs=n_jobs)
            scores.append(recall_of(forest, X, y, folds))
        print(f"  {corpus}: seed {seed}: ours {ours[-1]:.4f}, scikit-learn {theirs[-1]:.4f}", flush=True)
    difference = np.asarray(ours) - np.asarray(theirs)
    half = stats.t.ppf(0.975, SEEDS - 1) * difference.std(ddof=1) / np.sqrt(SEEDS)
    logistic_ours = en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression(max_iter=2000))
    plain = sklearn.linear_model.LogisticRegression(max_iter=2000)
    logistic_theirs = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(), plain)
    return {
        "corpus": corpus,
        "clips": int(ok.sum()),
        "failed_clips": int((~ok).sum()),
        "speakers": len(speakers),
        "classes": len(labels),
        "folds": len(folds),
        "forest_ours": float(np.mean(ours)),
        "forest_theirs": float(np.mean(theirs)),
        "by_seed_ours": ours,
        "by_seed_theirs": theirs,
        "difference": {"mean": float(difference.mean()), "low": float(difference.mean() - half), "high": float(difference.mean() + half)},
        "non_inferior": bool(difference.mean() - half > -MARGIN),
        "logistic_ours": recall_of(logistic_ours, X, y, folds),
        "logistic_theirs": recall_of(logistic_theirs, X, y, folds),
    }


def main() -> int:
    """Run all corpora and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="folder with one folder a corpus")
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    rows = [compare(corpus, arguments.data, arguments.n_jobs) for corpus in CORPORA]
    versions = {name: package_version(name) for name in ("emotion-native", "scikit-learn", "numpy")}
    result = {"corpora": rows, "margin": MARGIN, "seeds": SEEDS, "trees": TREES, "versions": versions, "machine": describe_machine()}
    (RESULTS / "accuracy.json").write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        difference = row["difference"]
        verdict = "within the margin" if row["non_inferior"] else "NOT within the margin"
        interval = f"{difference['mean']:+.4f} ({difference['low']:+.4f} to {difference['high']:+.4f})"
        print(f"{row['corpus']:8s} forest {row['forest_ours']:.3f} against {row['forest_theirs']:.3f}: {interval}, {verdict}")
        print(f"{'':8s} logistic {row['logistic_ours']:.3f} against {row['logistic_theirs']:.3f}")
    return 0 if all(row["non_inferior"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
