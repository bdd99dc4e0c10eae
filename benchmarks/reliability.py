"""Calibration, abstention and prediction sets on real corpora: what they are worth for people that no part of a model has heard.

The questions, and the rules by which they are answered, fixed before the first run:

- Every corpus whose clips name their speakers, and three classifiers with the defaults of their classes (the forest with `TREES` trees): nothing is
  tuned. Outer folds of whole speakers, at most `OUTER_FOLDS`. Inner folds of whole speakers, as many as there are training speakers and at most
  `INNER_FOLDS`, so that the models whose predictions fit the calibration are nearly as well trained as the one that it is applied to.
- One map for all: the temperature, which has a single number to fit, keeps the answers as they are (Guo et al., ICML 2017), and is the default
  of the package. The threshold is for a coverage of `COVERAGE`. Both are fitted on inner out-of-fold predictions of each training part.
- Better means a paired difference (after less before, over the same clips) below zero; shown means that its 95 % interval over speakers lies below.
- Prediction sets for `LEVELS`: the higher is what one asks for, the lower the most that three training speakers can promise.

``python benchmarks/reliability.py [--corpus NAME …] [--model NAME …] [--data ../shared/data]`` writes benchmarks/results/reliability.json, keeping
the rows of corpora and models that are not named. Features are kept in ``--cache``: a second run does not extract them again.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from protocol import RESULTS, describe_machine, package_version
from sklearn.base import BaseEstimator, ClassifierMixin, clone

import emotion_native as en
from emotion_native.calibration import ConformalClassifier, nested_evaluation, prediction_set_report
from emotion_native.metrics import classification_summary, paired_speaker_test, selective_interval, speaker_interval
from emotion_native.metrics._calibration_error import top_label
from emotion_native.metrics._intervals import Interval, jackknife_interval
from emotion_native.metrics._paired import difference_of
from emotion_native.metrics._statistics import of_calibration

TREES = 300
OUTER_FOLDS = 6
INNER_FOLDS = 10
COVERAGE = 0.7
LEVELS = (0.9, 0.75)
MODELS = ("forest", "gradient_boosting", "logistic")
FACE_LABELS = {"01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fearful", "07": "disgust", "08": "surprised"}
Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def speech(corpus: str, data: Path, cache: Path | bool, n_jobs: int) -> Data:
    """Return features, labels and speakers of a corpus of sound files."""
    manifest = getattr(en.datasets, corpus)(data / corpus)
    # The clips proper; beside them lie originals of a few of the same takes, and videos.
    manifest = manifest[manifest["filepath"].astype(str).str.endswith(".flac")].reset_index(drop=True)
    table = en.features.extract(manifest, features=["classic"], n_jobs=n_jobs, cache=cache)
    ok = np.asarray(table.ok)
    return np.ascontiguousarray(table.X[ok]), *(np.asarray(table.rows[name])[ok].astype(str) for name in ("label", "speaker"))


def faces(data: Path) -> Data:
    """Return mean and deviation over the frames of each audio-video take of what a network says about the face."""
    frames = pd.read_csv(data / "ravdess" / "face_posteriors.csv.gz")
    frames = frames[frames["Video"].str.startswith("01-")]
    columns = ["Angry", "Disgust", "Fearful", "Happy", "Sad", "Surprised", "Neutral"]
    takes = frames.groupby("Video")[columns].agg(["mean", "std"]).fillna(0.0)
    parts = [name.split("-") for name in takes.index]
    return takes.to_numpy(np.float32), np.array([FACE_LABELS[part[2]] for part in parts]), np.array([part[6] for part in parts])


def dialogues(data: Path, kind: str) -> Data:
    """Return embeddings of the utterances of a television series, with who speaks."""
    stored = np.load(data / "meld" / "aligned_embeddings.npz")
    spoken = pd.read_csv(data / "meld" / "dev_sent_emo.csv").set_index(["Dialogue_ID", "Utterance_ID"])["Speaker"]
    speaker = spoken.loc[list(zip(stored["dialogue"].tolist(), stored["utterance"].tolist(), strict=True))].to_numpy().astype(str)
    return np.ascontiguousarray(stored[kind]), stored["label"].astype(str), speaker


def corpora(data: Path, cache: Path | bool, n_jobs: int) -> dict[str, Callable[[], Data]]:
    """Return what reads each corpus."""
    found: dict[str, Callable[[], Data]] = {name: (lambda name=name: speech(name, data, cache, n_jobs)) for name in ("emodb", "ravdess", "emovo")}
    found["ravdess_faces"] = lambda: faces(data)
    found["meld_text"] = lambda: dialogues(data, "text")
    found["meld_audio"] = lambda: dialogues(data, "audio")
    return found


def build(model: str, n_jobs: int) -> Any:
    """Return the unfitted classifier."""
    if model == "forest":
        return en.ensemble.RandomForestClassifier(n_estimators=TREES, random_state=0, n_jobs=n_jobs)
    if model == "gradient_boosting":
        return en.ensemble.GradientBoostingClassifier(random_state=0, n_jobs=n_jobs)
    return en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression(max_iter=2000))


def folds_of(speakers: np.ndarray) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
    """Return the outer folds, and the number of the inner ones."""
    splitter = en.model_selection.GroupKFold(min(OUTER_FOLDS, len(np.unique(speakers))))
    outer = list(splitter.split(np.zeros(len(speakers)), speakers, speakers))
    return outer, min(INNER_FOLDS, *(len(np.unique(speakers[train])) for train, _ in outer))


def plain(interval: Interval) -> dict[str, Any]:
    """Return an interval as the result file keeps it."""
    return {name: getattr(interval, name) for name in ("estimate", "low", "high", "method")}


def calibration_error(y: np.ndarray, proba: np.ndarray, speaker: np.ndarray, classes: np.ndarray) -> Any:
    """Return the debiased calibration error as a statistic over speakers, not cut at zero."""
    confidence, correct = top_label(y, proba, classes, "reliability")
    names, codes = np.unique(speaker, return_inverse=True)
    return of_calibration(confidence, correct, np.ascontiguousarray(codes, dtype=np.int64), len(names))


def calibrated(y: np.ndarray, before: np.ndarray, after: np.ndarray, speaker: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """Return the scores before and after calibration, and their paired differences."""
    found: dict[str, Any] = {}
    for name in ("log_loss", "brier", "expected_calibration_error"):
        if name == "expected_calibration_error":  # a bootstrap does not suit it: resamples are noisier than the sample, and noise adds to the error
            errors = [calibration_error(y, proba, speaker, classes) for proba in (before, after)]
            sides = [plain(jackknife_interval(error, 0.95)) for error in errors]
            for side in sides:  # a debiased error below zero is given as 0
                side["estimate"] = max(side["estimate"], 0.0)
            difference, p = jackknife_interval(difference_of(*errors[::-1]), 0.95), None
        else:
            sides = [plain(speaker_interval(name, y, proba, speaker, labels=classes)) for proba in (before, after)]
            test = paired_speaker_test(name, y, after, before, speaker, labels=classes)
            difference, p = test.difference, test.p_value
        found[name] = {"before": sides[0], "after": sides[1], "difference": plain(difference), "p": p}
    return found


def gain(truth: np.ndarray, answers: np.ndarray) -> float:
    """Return the error of the most confident rows less that of all; ``answers`` holds predicted codes and confidences."""
    wrong = answers[:, 0] != truth
    order = np.argsort(-answers[:, 1], kind="stable")
    ranked = answers[order, 1]
    last = ranked[int(np.ceil(COVERAGE * len(order) - 1e-9)) - 1]  # rows of equal confidence are answered together
    return float(wrong[order][ranked >= last].mean() - wrong.mean())


def abstaining(y: np.ndarray, result: Any, speaker: np.ndarray) -> dict[str, Any]:
    """Return errors of all clips, of the most confident, and of those that the nested thresholds answer."""
    truth = np.searchsorted(result.classes, y).astype(np.float64)
    answers = np.column_stack([np.argmax(result.proba, axis=1), result.confidence])
    shared = (y, result.predicted, result.confidence, speaker)
    scores = classification_summary(y, result.proba, classes=result.classes, speakers=speaker, abstained=result.abstained)["overall"]
    right = scores["selective_accuracy"]
    return {
        "error": plain(selective_interval("error", *shared)),
        "error_at_coverage": plain(selective_interval("error", *shared, coverage=COVERAGE)),
        "difference": plain(speaker_interval(gain, truth, answers, speaker)),
        "answered": {"estimate": scores["coverage"]["value"], "low": scores["coverage"]["low"], "high": scores["coverage"]["high"]},
        "error_of_answers": {"estimate": 1 - right["value"], "low": 1 - right["high"], "high": 1 - right["low"]},
        "excess_area": plain(selective_interval("excess_area_under_risk_coverage", *shared)),
    }


class Remembered(ClassifierMixin, BaseEstimator):
    """A classifier that is fitted once for each training set, however often it is asked for; with a folder, over interruptions."""

    models: ClassVar[dict[str, Any]] = {}
    folder: ClassVar[Path | None] = None

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any) -> Remembered:
        content = [repr(self.estimator).encode(), np.ascontiguousarray(X).tobytes(), "\0".join(map(str, y)).encode()]
        key = hashlib.sha256(b"\0\0".join(content)).hexdigest()
        if key not in self.models:
            self.models[key] = self._kept(key) or self._keep(key, clone(self.estimator).fit(X, y))
        self.model_ = self.models[key]
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)

    def _kept(self, key: str) -> Any:
        path = None if self.folder is None else self.folder / f"{key}.pkl"
        return pickle.loads(path.read_bytes()) if path is not None and path.exists() else None

    def _keep(self, key: str, model: Any) -> Any:
        if self.folder is not None:
            path = self.folder / f"{key}.pkl"
            path.with_suffix(".part").write_bytes(pickle.dumps(model))
            path.with_suffix(".part").rename(path)
        return model


def sets_of(estimator: Any, data: Data, options: dict[str, Any]) -> tuple[np.ndarray, float]:
    """Return the sets of all rows, each from the classifiers of its outer fold, and the least level that some of these could promise."""
    X, y, speaker = data
    classes = np.unique(y)
    member, attainable = np.ones((len(y), len(classes)), dtype=bool), []
    for train, test in folds_of(speaker)[0]:
        model = ConformalClassifier(estimator, random_state=0, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", en.exceptions.EmotionNativeWarning)  # too few speakers for the level: kept as `attainable`
            model.fit(X[train], y[train], groups=speaker[train])
        # A class that the training part lacks stays in every set, for nothing speaks against it.
        member[np.ix_(test, np.searchsorted(classes, model.classes_))] = model.predict_set(X[test])
        attainable.append(model.attainable_level_)
    return member, min(attainable)


def sets(estimator: Any, data: Data) -> list[dict[str, Any]]:
    """Return what prediction sets are worth: one row for each way of making them, all outer folds together."""
    _, y, speaker = data
    kinds = {"split": None, "cross-fitted": en.model_selection.GroupKFold(folds_of(speaker)[1])}
    rows = []
    for kind, level, score, conditional in itertools.product(kinds, LEVELS, ("lac", "aps"), (False, True)):
        options = {"cv": kinds[kind], "confidence_level": level, "conformity_score": score, "class_conditional": conditional}
        member, attainable = sets_of(estimator, data, options)
        report = prediction_set_report(y, member, classes=np.unique(y), speakers=speaker)
        kept = ("coverage_of_speakers", "coverage", "set_size", "single", "single_accuracy")
        figures = {name: {part: report[name][part] for part in ("estimate", "low", "high")} for name in kept}
        named = {"kind": kind, "level": level, "score": score, "class_conditional": conditional, "attainable": attainable}
        rows.append({**named, "worst_class": min(one["coverage"] for one in report["per_class"]), **figures})
    return rows


def evaluate(corpus: str, model: str, data: Data, n_jobs: int) -> dict[str, Any]:
    """Return the figures of one corpus and one classifier."""
    X, y, speaker = data
    outer, inner = folds_of(speaker)
    Remembered.models.clear()
    estimator = Remembered(build(model, n_jobs))  # evaluation and sets fit on the same parts
    nested = en.model_selection.GroupKFold(inner)
    result = nested_evaluation(
        {model: estimator}, X, y, groups=speaker, cv=outer, inner_cv=nested, target_coverage=COVERAGE, n_jobs=n_jobs, progress=False
    )
    assert not result.ungrouped
    return {
        "corpus": corpus,
        "model": model,
        "clips": len(y),
        "speakers": len(np.unique(speaker)),
        "classes": len(result.classes),
        "outer_folds": len(outer),
        "inner_folds": inner,
        "temperatures": [round(one.temperature_, 4) for one in result.calibrators],
        "calibration": calibrated(y, result.proba_raw, result.proba, speaker, result.classes),
        "abstention": abstaining(y, result, speaker),
        "sets": sets(estimator, data),
    }


def shortened(value: Any) -> Any:
    """Return figures with five digits after the point."""
    if isinstance(value, dict):
        return {name: shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shortened(one) for one in value]
    return round(value, 5) if isinstance(value, float) else value


def store(row: dict[str, Any], order: list[str]) -> None:
    """Put a row among those of the result file."""
    path = RESULTS / "reliability.json"
    known = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    rows = {(one["corpus"], one["model"]): one for one in [*known, row]}
    result: dict[str, Any] = {
        "rows": [rows[key] for key in itertools.product(order, MODELS) if key in rows],
        "trees": TREES,
        "coverage": COVERAGE,
        "versions": {name: package_version(name) for name in ("emotion-native", "scikit-learn", "numpy")},
        "machine": describe_machine(),
    }
    lines = ",\n".join(json.dumps(shortened(one)) for one in result.pop("rows"))  # a line a row: small, and changes are readable
    path.write_text(f'{{"rows": [\n{lines}\n],\n{json.dumps(result, indent=1)[2:]}\n', encoding="utf-8")


def main() -> None:
    """Evaluate what is asked for and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="folder with one folder a corpus")
    parser.add_argument("--cache", type=Path, help="folder to keep features in; default: the user's cache folder")
    parser.add_argument("--fits", type=Path, help="folder to keep fitted models in, so that an interrupted run goes on where it was")
    parser.add_argument("--corpus", action="append", help="only this one; repeat")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this one; repeat")
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.fits:
        arguments.fits.mkdir(parents=True, exist_ok=True)
        Remembered.folder = arguments.fits
    readers = corpora(arguments.data, arguments.cache or True, arguments.n_jobs)
    for corpus in arguments.corpus or readers:
        data = readers[corpus]()
        for model in arguments.model or MODELS:
            row = evaluate(corpus, model, data, arguments.n_jobs)
            store(row, list(readers))
            loss, error = row["calibration"]["log_loss"], row["abstention"]
            print(
                f"{corpus:14s} {model:18s} log loss {loss['before']['estimate']:.3f} to {loss['after']['estimate']:.3f}, "
                f"error {error['error']['estimate']:.3f}, of the confident {error['error_at_coverage']['estimate']:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
