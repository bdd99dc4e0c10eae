"""Write the golden model files of the present format: ``make_golden_models.py FOLDER``.

One small file for each kind of classifier, step and calibrator, with the numbers that it must give for ever. Files that exist are kept:
when the format gets a new version, or the package a new kind, this writes the new ones alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import emotion_native as en
from emotion_native._model_format import FORMAT_VERSION
from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV, OutOfDistributionDetector
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.multilabel import OneVsRestClassifier
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler

FORESTS = {"n_estimators": 4, "max_depth": 3, "random_state": 0}

MODELS: dict[str, Callable[[], Any]] = {
    "random_forest": lambda: RandomForestClassifier(**FORESTS),
    "extra_trees": lambda: ExtraTreesClassifier(**FORESTS),
    "gradient_boosting": lambda: GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0),
    "gradient_boosting_binary": lambda: GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0),
    "logistic": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    "logistic_binary": lambda: make_pipeline(SimpleImputer(strategy="median"), StandardScaler(with_mean=False), LogisticRegression()),
    "one_vs_rest": lambda: make_pipeline(SimpleImputer(), StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.5))),
    "selected_forest": lambda: make_pipeline(SimpleImputer(), SelectKBest(k=2), StandardScaler(with_std=False), RandomForestClassifier(**FORESTS)),
    "sigmoid": lambda: CalibratedClassifierCV(make_pipeline(SimpleImputer(), LogisticRegression()), method="sigmoid", cv=3),
    "temperature": lambda: CalibratedClassifierCV(RandomForestClassifier(**FORESTS), method="temperature", cv=3),
    "isotonic": lambda: CalibratedClassifierCV(RandomForestClassifier(**FORESTS), method="isotonic", cv=3),
    "out_of_distribution": lambda: AbstainingClassifier(
        CalibratedClassifierCV(make_pipeline(SimpleImputer(), LogisticRegression()), cv=3),
        target_coverage=0.8,
        out_of_distribution=OutOfDistributionDetector(),
    ),
    "abstaining": lambda: AbstainingClassifier(CalibratedClassifierCV(RandomForestClassifier(**FORESTS), cv=3), target_coverage=0.6),
}


def training_data(*, binary: bool) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return 90 rows of 4 columns, a tenth of the values missing, labels and groups."""
    generator = np.random.default_rng(7)
    z = generator.normal(size=(90, 4))
    X = (z * [1, 10, 0.1, 1000]).astype(np.float32)
    X[generator.random(X.shape) < 0.1] = np.nan
    score = z[:, 0] - z[:, 3] + 0.5 * generator.normal(size=90)
    names = np.array(["angry", "calm"] if binary else ["angry", "calm", "happy"])
    return X, names[np.digitize(score, [0.0] if binary else [-0.6, 0.6])], np.arange(90) % 9


def main(folder: Path) -> None:
    """Write every file that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in MODELS.items():
        path = folder / f"{name}.emotion"
        if path.exists():
            print(f"{path.name}: kept")
            continue
        X, y, groups = training_data(binary=name.endswith("_binary"))
        model = make()
        model.fit(X, y, groups=groups) if isinstance(model, (AbstainingClassifier, CalibratedClassifierCV)) else model.fit(X, y)
        model_hash = en.save_model(model, path)
        result = en.load_model(path).predict_features(X[:12])
        expected = {
            "format": list(FORMAT_VERSION),
            "model_hash": model_hash,
            "rows": [[None if np.isnan(value) else float(value) for value in row] for row in X[:12]],
            "labels": result.labels.tolist(),
            "abstained": result.abstained.tolist(),
            "probabilities": result.probabilities.tolist(),
        }
        path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
