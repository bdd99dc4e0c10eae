"""Measure what intervals of 95 % and prediction sets hold on simulated speakers: permutation importance, selective scores, conformal sets.

Run: python benchmarks/promise_coverage.py [--samples 2000] [--only importance|refitted|selective|sets] [--output FILE]

Speakers are drawn from a population, each with a level, a clearness and a number of clips of its own; the fitted model is held fixed.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from protocol import describe_machine
from sklearn.base import BaseEstimator, ClassifierMixin

from emotion_native.calibration import ConformalClassifier
from emotion_native.explain import permutation_importance
from emotion_native.linear_model import LogisticRegression
from emotion_native.metrics import selective_interval
from emotion_native.model_selection import GroupKFold

CENTRES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
METRICS = ("error", "uar", "area_under_risk_coverage", "excess_area_under_risk_coverage")
Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


class Fixed(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """The classifier of three Gaussian classes without speakers: fitted on nothing."""

    def __init__(self) -> None:
        self.classes_ = np.arange(3)

    def fit(self, X: Any, y: Any) -> Fixed:
        """Learn nothing."""
        return self

    def predict_proba(self, X: Any) -> Any:
        """Return the three shares."""
        closeness = np.exp(-0.5 * ((X[:, None, :2] - CENTRES) ** 2).sum(axis=2))
        return (closeness + 1e-9) / (closeness + 1e-9).sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        """Return the nearest class."""
        return np.argmin(((X[:, None, :2] - CENTRES) ** 2).sum(axis=2), axis=1)


def draw(rng: np.random.Generator, n_speakers: int, level: float, uneven: bool) -> Sample:
    """Return rows, classes and speakers; ``level`` is the deviation between speakers of what they speak like."""
    sizes = 1 + rng.poisson(14 * np.exp(rng.normal(-0.32, 0.8, n_speakers))) if uneven else np.full(n_speakers, 15)
    who = np.repeat(np.arange(n_speakers), sizes)
    y = rng.integers(0, 3, len(who))
    clear = np.exp(rng.normal(0, 0.3, n_speakers))[who, None]
    return CENTRES[y] + level * rng.normal(size=(n_speakers, 2))[who] + clear * rng.normal(size=(len(who), 2)), y, who


def samples_of(n: int, seed: int, *how: Any) -> Iterator[tuple[int, Sample]]:
    """Yield ``n`` numbered data sets."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        yield number, draw(rng, *how)


def held(found: list[tuple[float, float, float]], truth: float | None = None) -> dict[str, float]:
    """Return how often (estimate, low, high) holds the truth; None: the mean of all estimates, where that is what intervals speak of."""
    estimate, low, high = np.array(found).T
    true = float(estimate.mean()) if truth is None else truth
    inside = (low <= true) & (true <= high)
    return {"truth": true, "deviation": float(estimate.std()), "coverage": float(inside.mean()), "width": float(np.mean(high - low))}


def importance(samples: int) -> list[dict[str, Any]]:
    """Intervals of a fixed model's permutation importance of one column of two."""
    rows = []
    for n_speakers in (4, 6, 12, 24, 40):
        for level, uneven, shuffle, scoring in (
            (0.3, False, "between", None),
            (2.0, False, "between", None),
            (2.0, True, "between", None),
            (2.0, True, "between", "balanced_accuracy"),
            (1.0, True, "between", "neg_log_loss"),
            (0.5, False, "within", None),
            (0.5, True, "within", None),
            (2.0, True, "within", None),
        ):
            found = []
            for number, (X, y, who) in samples_of(samples if n_speakers < 40 else samples // 2, 7, n_speakers, level, uneven):
                options: dict[str, Any] = {"cv": "prefit", "feature_groups": {"one": [0]}, "shuffle": shuffle, "scoring": scoring}
                one = permutation_importance(Fixed(), X, y, groups=who, random_state=number, **options).intervals[0]
                found.append((one.estimate, one.low, one.high))
            setting = {"n_speakers": n_speakers, "level": level, "uneven": uneven, "shuffle": shuffle, "scoring": scoring or "accuracy"}
            rows.append({**setting, **held(found), "samples": len(found)})
            print(*(f"{value:.3f}" if isinstance(value, float) else value for value in rows[-1].values()), flush=True)
    return rows


def refitted(samples: int) -> list[dict[str, Any]]:
    """Intervals of the importance that models of five grouped folds have: the truth is the mean of what these five models show on other speakers."""
    rows = []
    for n_speakers in (10, 20, 40):
        together = n_speakers // 5  # speakers in a fold, among whom columns are exchanged
        X, y, _ = draw(np.random.default_rng(3), 400 * together, 1.0, False)
        order = np.random.default_rng(4).permuted(np.arange(len(y)).reshape(400, -1), axis=1).ravel()
        mixed = X.copy()
        mixed[:, 0] = X[order, 0]
        gaps = []
        for number, (own, labels, speakers) in samples_of(samples // 2, 17, n_speakers, 1.0, False):
            folds = list(GroupKFold(5).split(own, labels, speakers))
            options: dict[str, Any] = {"groups": speakers, "cv": folds, "feature_groups": {"one": [0]}, "n_jobs": 1, "random_state": number}
            one = permutation_importance(LogisticRegression(), own, labels, **options).intervals[0]
            models = [LogisticRegression().fit(own[train], labels[train]) for train, _ in folds]
            truth = float(np.mean([np.mean(model.predict(X) == y) - np.mean(model.predict(mixed) == y) for model in models]))
            gaps.append((one.estimate - truth, one.low - truth, one.high - truth))
        rows.append({"n_speakers": n_speakers, **held(gaps, 0.0), "samples": len(gaps)})
        print(*(f"{value:.3f}" if isinstance(value, float) else value for value in rows[-1].values()), flush=True)
    return rows


def selective(samples: int) -> list[dict[str, Any]]:
    """Intervals of selective scores."""
    rows = []
    model = Fixed()
    for metric in METRICS:
        for level, uneven in ((0.5, False), (1.0, True)):
            X, y, _ = draw(np.random.default_rng(1), 60_000, level, uneven)
            proba = model.predict_proba(X)
            one_speaker = np.zeros(len(y), dtype=np.int64)
            truth = selective_interval(metric, y, proba.argmax(axis=1), proba.max(axis=1), one_speaker, coverage=0.7).estimate
            for n_speakers in (4, 6, 12, 24, 40):
                found = []
                for _, (X, y, who) in samples_of(samples if n_speakers < 40 else samples // 3, 11, n_speakers, level, uneven):
                    proba = model.predict_proba(X)
                    one = selective_interval(metric, y, proba.argmax(axis=1), proba.max(axis=1), who, coverage=0.7)
                    found.append((one.estimate, one.low, one.high))
                setting = {"metric": metric, "n_speakers": n_speakers, "level": level, "uneven": uneven}
                rows.append({**setting, **held(found, truth), "samples": len(found)})
                print(*(f"{value:.3f}" if isinstance(value, float) else value for value in rows[-1].values()), flush=True)
    return rows


def sets(samples: int) -> list[dict[str, Any]]:
    """Coverage of prediction sets for rows of new speakers, on average over speakers."""
    rows = []
    for n_held_out, promise in ((3, 0.7), (9, 0.8), (20, 0.9), (60, 0.9)):
        for score in ("lac", "aps", "randomized_aps"):
            for conditional in (False, True):
                covered, sizes, everything = [], [], 0
                for number, (X, y, who) in samples_of(samples, 13, n_held_out + 21, 1.0, True):
                    new = who > n_held_out
                    model = ConformalClassifier(
                        Fixed(), confidence_level=promise, conformity_score=score, class_conditional=conditional, calibration_size=n_held_out
                    ).set_params(random_state=number, allow_empty_sets=True)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        model.fit(X[~new], y[~new], groups=who[~new])
                    answer = model.predict_set(X[new])
                    hit = answer[np.arange(len(answer)), y[new]]
                    own = who[new] - n_held_out - 1
                    if conditional:  # the promise is for each class: rows of the last, over the speakers who have any
                        hit, own = hit[y[new] == 2], own[y[new] == 2]
                    count = np.bincount(own)
                    covered.append(float(np.mean(np.bincount(own, weights=hit)[count > 0] / count[count > 0])))
                    sizes.append(float(answer.sum(axis=1).mean()))
                    everything += not np.isfinite(model.quantiles_).all()
                error = float(np.std(covered, ddof=1) / np.sqrt(samples))
                setting = {"n_held_out": n_held_out, "promise": promise, "score": score, "class_conditional": conditional}
                found = {"coverage": float(np.mean(covered)), "error": error, "size": float(np.mean(sizes)), "all": everything / samples}
                rows.append({**setting, **found, "samples": samples})
                print(*(f"{value:.4f}" if isinstance(value, float) else value for value in rows[-1].values()), flush=True)
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--only", choices=["importance", "refitted", "selective", "sets"])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "promise_coverage.json")
    options = parser.parse_args()
    measures = {"importance": importance, "refitted": refitted, "selective": selective, "sets": sets}
    before = json.loads(options.output.read_text())["results"] if options.output.exists() else {}
    found = {name: measure(options.samples) for name, measure in measures.items() if options.only in (None, name)}
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps({"machine": describe_machine(), "claimed": 0.95, "results": {**before, **found}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
