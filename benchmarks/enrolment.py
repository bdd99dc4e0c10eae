"""What clips of the test speaker are worth: unweighted average recall over the number of enrolment clips.

The question, and how it is answered, fixed before the first run (``training="mixed"``, the default of `SpeakerNormalizer`, was not: taken after a
run with ``"all"`` on these same corpora fell behind the plain scaler without enrolment, so they are no independent test of that choice):

- Leave-one-speaker-out; `SpeakerNormalizer` and a multinomial logistic regression (C 0.1, the default of `train`) are fitted on the training
  speakers alone. Each test clip is normalised by 0, 1, 2, 4, 8, 16 or all other clips of its speaker, drawn without looking at labels, and then
  classified by the same classifier. `SEEDS` draws of the clips; all rows pooled.
- Beside it a plain `StandardScaler`, which knows of no speakers.
- The gain over no enrolment clips has a 95 % interval over speakers (Student's t over the speakers' own differences of recall, means over draws).

``python benchmarks/enrolment.py [--data ../shared/data]`` writes benchmarks/results/enrolment.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from protocol import RESULTS, describe_machine, package_version, unweighted_average_recall
from scipy import stats

import emotion_native as en

COUNTS: tuple[int | str, ...] = (0, 1, 2, 4, 8, 16, "all")
SEEDS = 10
CORPORA = ("ravdess", "emodb", "emovo")


def own_recall(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return one speaker's mean recall over the labels that the speaker has."""
    return float(np.mean([np.mean(predicted[y == label] == label) for label in np.unique(y)]))


def read_rows(corpus: str, folder: Path, feature_set: str, n_jobs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers of the clips that could be used."""
    manifest = getattr(en.datasets, corpus)(folder / corpus)
    manifest = manifest[manifest["filepath"].astype(str).str.endswith(".flac")].reset_index(drop=True)
    table = en.features.extract(manifest, features=[feature_set], n_jobs=n_jobs, progress=False)
    ok = np.asarray(table.ok)
    y = np.unique(np.asarray(table.rows["label"])[ok].astype(str), return_inverse=True)[1]
    return np.ascontiguousarray(table.X[ok]), y, np.asarray(table.rows["speaker"])[ok].astype(str)


def curve(corpus: str, folder: Path, feature_set: str, n_jobs: int) -> dict[str, Any]:
    """Return the figures of one corpus."""
    X, y, speaker = read_rows(corpus, folder, feature_set, n_jobs)
    names = np.unique(speaker)
    draws = {count: SEEDS if isinstance(count, int) and count > 0 else 1 for count in COUNTS}
    predicted = {count: np.empty((draws[count], len(y)), dtype=y.dtype) for count in COUNTS}
    plain = np.empty_like(y)
    for name in names:
        test = speaker == name
        scaler = en.preprocessing.StandardScaler().fit(X[~test])
        classifier = en.linear_model.LogisticRegression(C=0.1, max_iter=1000)
        plain[test] = classifier.fit(scaler.transform(X[~test]), y[~test]).predict(scaler.transform(X[test]))
        normalizer = en.preprocessing.SpeakerNormalizer()
        classifier = en.linear_model.LogisticRegression(C=0.1, max_iter=1000)
        classifier.fit(normalizer.fit_transform(X[~test], speaker=speaker[~test]), y[~test])
        for count in COUNTS:
            for seed in range(draws[count]):
                own = en.preprocessing.SpeakerNormalizer(enrolment=count, random_state=seed).fit(X[~test], speaker=speaker[~test])
                predicted[count][seed, test] = classifier.predict(own.transform(X[test], speaker=speaker[test]))
    by_speaker = {
        count: np.array([np.mean([own_recall(y[speaker == name], one[speaker == name]) for one in rows]) for name in names])
        for count, rows in predicted.items()
    }
    points = []
    for count in COUNTS:
        recall = [unweighted_average_recall(y, one) for one in predicted[count]]
        gain = by_speaker[count] - by_speaker[0]
        half = float(stats.t.ppf(0.975, len(names) - 1) * gain.std(ddof=1) / np.sqrt(len(names)))
        points.append({
            "clips": count,
            "uar": float(np.mean(recall)),
            "spread_of_draws": float(np.std(recall, ddof=1)) if len(recall) > 1 else None,
            "gain": {"mean": float(gain.mean()), "low": float(gain.mean()) - half, "high": float(gain.mean()) + half},
        })
    return {
        "corpus": corpus,
        "feature_set": feature_set,
        "clips": len(y),
        "speakers": len(names),
        "classes": len(np.unique(y)),
        "scaler": unweighted_average_recall(y, plain),
        "curve": points,
    }


def main() -> int:
    """Run all corpora and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="folder with one folder a corpus")
    parser.add_argument("--features", default="classic", help="feature set")
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    rows = []
    for corpus in CORPORA:
        rows.append(curve(corpus, arguments.data, arguments.features, arguments.n_jobs))
        shown = ", ".join(f"{point['clips']}: {point['uar']:.3f}" for point in rows[-1]["curve"])
        print(f"{corpus:8s} scaler {rows[-1]['scaler']:.3f}; enrolment clips {shown}", flush=True)
    versions = {name: package_version(name) for name in ("emotion-native", "numpy")}
    result = {"corpora": rows, "seeds": SEEDS, "versions": versions, "machine": describe_machine()}
    (RESULTS / "enrolment.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
