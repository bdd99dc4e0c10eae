"""Write the golden model files of the present format: ``make_golden_models.py FOLDER``.

One small file for each kind of classifier, step and calibrator, with the numbers that it must give for ever. Files that exist are kept:
when the format gets a new version, or the package a new kind, this writes the new ones alone.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import emotion_native as en
from emotion_native._model_format import FORMAT_VERSION
from emotion_native.calibration import (
    AbstainingClassifier,
    CalibratedClassifierCV,
    ConformalClassifier,
    OutOfDistributionDetector,
    PriorCorrectedClassifier,
)
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import SpeakerNormalizer, StandardScaler

FORESTS = {"n_estimators": 4, "max_depth": 3, "random_state": 0}


def voting(kind: str, weights: list[float] | None) -> VotingClassifier:
    """Return a vote of a forest and a calibrated linear pipeline."""
    linear = CalibratedClassifierCV(make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), method="isotonic", cv=3)
    return VotingClassifier([("forest", RandomForestClassifier(**FORESTS)), ("linear", linear)], voting=kind, weights=weights)


def linear() -> Any:
    """Return a linear pipeline that fills missing values."""
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())


def stack(**options: Any) -> StackingClassifier:
    """Return a stack of a forest and a linear pipeline."""
    return StackingClassifier([("forest", RandomForestClassifier(**FORESTS)), ("linear", linear())], cv=3, **options)


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
    "prior": lambda: PriorCorrectedClassifier(RandomForestClassifier(**FORESTS, class_weight="balanced"), target_priors=[3, 2, 1]),
    **{
        f"prior_{method}": partial(
            CalibratedClassifierCV, RandomForestClassifier(**FORESTS, class_weight="balanced"), method=method, cv=3, prior_correction=True
        )
        for method in ("temperature", "sigmoid", "isotonic")
    },
    "map_a_fold": lambda: CalibratedClassifierCV(RandomForestClassifier(**FORESTS), method="sigmoid", cv=3, ensemble=True),
    "out_of_distribution": lambda: AbstainingClassifier(
        CalibratedClassifierCV(make_pipeline(SimpleImputer(), LogisticRegression()), cv=3),
        target_coverage=0.8,
        out_of_distribution=OutOfDistributionDetector(),
    ),
    "vote_soft": lambda: voting("soft", [1, 2]),
    "vote_hard": lambda: voting("hard", [1, 1]),
    "vote_of_votes": lambda: VotingClassifier([("soft", voting("soft", None)), ("hard", voting("hard", [2, 1]))], voting="hard"),
    "vote_calibrated": lambda: make_pipeline(SimpleImputer(), CalibratedClassifierCV(voting("soft", None), method="sigmoid", cv=3)),
    "calibrated_twice": lambda: CalibratedClassifierCV(
        CalibratedClassifierCV(RandomForestClassifier(**FORESTS), method="isotonic", cv=3), method="temperature", cv=3
    ),
    "out_of_distribution_behind_steps": lambda: make_pipeline(
        SimpleImputer(),
        StandardScaler(),
        SelectKBest(k=3),
        AbstainingClassifier(LogisticRegression(), target_coverage=0.8, cv=3, out_of_distribution=OutOfDistributionDetector()),
    ),
    "prediction_sets": lambda: ConformalClassifier(RandomForestClassifier(**FORESTS), confidence_level=0.6, random_state=0),
    "prediction_sets_aps": lambda: ConformalClassifier(
        CalibratedClassifierCV(RandomForestClassifier(**FORESTS), cv=3),
        confidence_level=0.6,
        conformity_score="aps",
        class_conditional=True,
        allow_empty_sets=True,
        random_state=0,
    ),
    "stack": stack,
    "stack_with_columns": lambda: make_pipeline(SimpleImputer(), stack(final_estimator=RandomForestClassifier(**FORESTS), passthrough=True)),
    "stack_of_margins_binary": lambda: StackingClassifier(
        [("linear", linear()), ("boosting", GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0))],
        stack_method="decision_function",
        cv=3,
    ),
    "one_vs_rest_forests": lambda: OneVsRestClassifier(RandomForestClassifier(**FORESTS)),
    "label_sets": lambda: make_pipeline(SimpleImputer(), StandardScaler(), OneVsRestClassifier(LogisticRegression())),
    "label_sets_forests": lambda: OneVsRestClassifier(RandomForestClassifier(**FORESTS)),
    "label_sets_tuned": lambda: TunedThresholdsClassifier(OneVsRestClassifier(linear()), cv=3),
    "label_sets_boosting": lambda: OneVsRestClassifier(GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0)),
    "speaker_normalizer": lambda: CalibratedClassifierCV(make_pipeline(SpeakerNormalizer(), SimpleImputer(), LogisticRegression()), cv=3),
    "abstaining": lambda: AbstainingClassifier(CalibratedClassifierCV(RandomForestClassifier(**FORESTS), cv=3), target_coverage=0.6),
}


def label_sets(y: np.ndarray[Any, Any], X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a label a class but the last, one that depends on a column, and one that all rows have."""
    return np.column_stack([y == "angry", y == "calm", X[:, 1] > 3, np.ones(len(y))]).astype(np.int64)


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
        if name.startswith("label_sets"):
            y = label_sets(y, X)[:, : 3 if name == "label_sets" else 4]
        takes_groups = {"groups", "metadata"} & set(inspect.signature(model.fit).parameters)
        speakers = {"speaker": groups} if name.startswith("speaker") else {}
        model.fit(X, y, groups=groups, **speakers) if takes_groups else model.fit(X, y)
        model_hash = en.save_model(model, path)
        loaded = en.load_model(path)
        result = loaded.predict_features(X[:12])
        expected = {
            "format": list(FORMAT_VERSION),
            "model_hash": model_hash,
            "rows": [[None if np.isnan(value) else float(value) for value in row] for row in X[:12]],
            "labels": result.labels.tolist(),
            "abstained": result.abstained.tolist(),
            "probabilities": result.probabilities.tolist(),
        }
        if speakers:
            expected["speaker"] = groups[:12].tolist()
            expected["of_speakers"] = loaded.predict_features(X[:12], speaker=groups[:12]).probabilities.tolist()
            expected["of_one_speaker"] = loaded.for_speaker(X[4:12]).predict_features(X[:4]).probabilities.tolist()
        if result.indicators is not None:
            expected["indicators"] = result.indicators.tolist()
        if loaded.metadata.get("prediction_sets"):
            expected["sets"] = loaded.predict_set(X[:12]).tolist()
        path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
