"""What the feature sets of a clip are worth: leave-one-speaker-out recall of a plain classifier on real corpora.

The protocol, fixed before the first run: standardisation fitted in the fold, multinomial logistic regression (scikit-learn's defaults but for the
number of iterations), every speaker held out once, unweighted average recall pooled over all clips, with its standard error over speakers. Nothing is
chosen here; what was chosen with these corpora in view: docs/accuracy.md. The reference figures are
those of openSMILE's sets under the same protocol on the same clips.

``python benchmarks/voice_features.py [--data ../shared/data]`` writes benchmarks/results/voice_features.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
from protocol import RESULTS, describe_machine, package_version, unweighted_average_recall

import emotion_native as en

# openSMILE's eGeMAPS (88 columns) and ComParE (6373), the same protocol and clips.
REFERENCE = {"ravdess": {"egemaps": 0.460, "full": 0.521}, "emodb": {"egemaps": 0.820, "full": 0.880}, "emovo": {"egemaps": 0.304, "full": 0.260}}


def leave_one_speaker_out(X: np.ndarray, y: np.ndarray, speakers: np.ndarray) -> tuple[float, list[float]]:
    """Return the pooled unweighted average recall, and that of each speaker."""
    predicted = np.empty_like(y)
    for speaker in np.unique(speakers):
        test = speakers == speaker
        classifier = sklearn.linear_model.LogisticRegression(max_iter=3000)
        model = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(), classifier)
        predicted[test] = model.fit(X[~test], y[~test]).predict(X[test])
    each = [unweighted_average_recall(y[speakers == speaker], predicted[speakers == speaker]) for speaker in np.unique(speakers)]
    return unweighted_average_recall(y, predicted), each


def measure(corpus: str, folder: Path, feature_sets: list[str], n_jobs: int) -> list[dict[str, Any]]:
    """Return one row a feature set."""
    manifest = getattr(en.datasets, corpus)(folder / corpus)
    # The clips proper; beside them lie originals of a few of the same takes, and videos.
    manifest = manifest[manifest["filepath"].astype(str).str.endswith(".flac")].reset_index(drop=True)
    rows = []
    for feature_set in feature_sets:
        table = en.features.extract(manifest, features=[feature_set], n_jobs=n_jobs, cache=False)
        ok = np.asarray(table.ok)
        X = np.asarray(table.X[ok], dtype=np.float64)
        labels, y = np.unique(np.asarray(table.rows["label"])[ok].astype(str), return_inverse=True)
        speakers = np.asarray(table.rows["speaker"])[ok].astype(str)
        recall, each = leave_one_speaker_out(X, y, speakers)
        row = {
            "corpus": corpus,
            "feature_set": feature_set,
            "columns": X.shape[1],
            "clips": int(ok.sum()),
            "failed_clips": int((~ok).sum()),
            "speakers": len(np.unique(speakers)),
            "classes": len(labels),
            "recall": recall,
            "recall_of_each_speaker": each,
            "standard_error": float(np.std(each, ddof=1) / np.sqrt(len(each))),
            "reference": REFERENCE[corpus].get(feature_set),
        }
        spread = f"{row['recall']:.3f} +- {row['standard_error']:.3f} over speakers"
        print(f"{corpus:8s} {feature_set:8s} {spread} (reference {row['reference']})", flush=True)
        rows.append(row)
    return rows


def main() -> None:
    """Run all corpora and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data", help="folder with one folder a corpus")
    parser.add_argument("--sets", nargs="+", default=["classic", "egemaps", "full"])
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    rows = [row for corpus in REFERENCE for row in measure(corpus, arguments.data, arguments.sets, arguments.n_jobs)]
    versions = {name: package_version(name) for name in ("emotion-native", "scikit-learn", "numpy")}
    (RESULTS / "voice_features.json").write_text(json.dumps({"rows": rows, "versions": versions, "machine": describe_machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
