"""Measure how often intervals that claim 95 % hold the truth, on simulated clips of simulated speakers.

Run: python benchmarks/interval_coverage.py [--samples 3000] [--speakers 4,6,8,12,24,40,80] [--output benchmarks/results/interval_coverage.json]

Speakers are drawn from a population, clips from speakers, probabilities from clips; the truth is the population's value of each score. Rows of other
numbers of speakers that the output already holds are kept, so that a long run can be done in parts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from protocol import describe_machine

from emotion_native.metrics import selective_interval
from emotion_native.metrics._calibration_error import default_bins
from emotion_native.metrics._intervals import Interval, bootstrap_interval, jackknife_interval
from emotion_native.metrics._paired import difference_of
from emotion_native.metrics._statistics import Statistic, of_calibration, of_counts, of_row_means

CLASSES, CLIPS, COVERAGE, POPULATION = 4, 5, 0.7, 30_000
SHARPNESS, CLASS_SPREAD, OWN, GAIN = 1.5, 0.2, 0.3, 0.2
SETTINGS = {
    # name: how far the true class's score is above the others', its deviation between speakers, deviation of the log of a speaker's number of clips
    "even": (1.5, 0.4, None),
    "uneven": (1.5, 0.6, 0.8),
    "high": (2.9, 0.4, None),
}
SPEAKERS = (4, 5, 6, 8, 12, 24, 40, 80)
SELECTIVE = {"error of the 70 % most confident": "error", "area under risk and coverage": "area_under_risk_coverage"}


@dataclass(frozen=True)
class Clips:
    """Rows of simulated clips with the probabilities of two models."""

    speaker: np.ndarray
    truth: np.ndarray
    proba: tuple[np.ndarray, np.ndarray]
    n_speakers: int

    def statistics(self, n_bins: int | None = None) -> dict[str, Statistic]:
        """Return the scores that are functions of speaker weights."""
        place = (self.speaker, self.n_speakers)
        rows = np.arange(len(self.truth))
        uar, loss = [], []
        for proba in self.proba:
            cell = (self.speaker * CLASSES + self.truth) * CLASSES + proba.argmax(axis=1)
            counts = np.bincount(cell, minlength=self.n_speakers * CLASSES**2).reshape(-1, CLASSES, CLASSES).astype(np.float64)
            uar.append((of_counts(counts, "uar", CLASSES), of_counts(counts, "macro_f1", CLASSES)))
            loss.append(of_row_means(-np.log(np.maximum(proba[rows, self.truth], 1e-15)), *place, high=float("inf")))
        first = self.proba[0]
        distance = first - np.eye(CLASSES)[self.truth]
        confidence, right = np.ascontiguousarray(first.max(axis=1)), (first.argmax(axis=1) == self.truth).astype(np.uint8)
        return {
            "balanced accuracy": uar[0][0],
            "macro F1": uar[0][1],
            "log loss": loss[0],
            "Brier score": of_row_means((distance**2).sum(axis=1), *place, high=2.0),
            "calibration error, debiased": of_calibration(confidence, right, *place, n_bins),
            "difference of balanced accuracies": difference_of(uar[0][0], uar[1][0]),
            "difference of log losses": difference_of(*loss),
        }

    def selective(self, metric: str) -> Interval:
        """Return a score of abstention with its interval."""
        coverage = COVERAGE if metric == "error" else 1.0
        first = self.proba[0]
        return selective_interval(metric, self.truth, first.argmax(axis=1), first.max(axis=1), self.speaker, coverage=coverage)


def draw(rng: np.random.Generator, n: int, ease: float, spread: float, clips: float | None) -> Clips:
    """Return the clips of n speakers; every speaker has at least one."""
    if clips is None:
        size = np.full((n, CLASSES), CLIPS)
    else:
        size = rng.poisson(CLIPS * np.exp(rng.normal(-(clips**2) / 2, clips, (n, 1))), (n, CLASSES))
        silent = np.flatnonzero(size.sum(axis=1) == 0)
        size[silent, rng.integers(0, CLASSES, len(silent))] = 1
    cell = np.repeat(np.arange(n * CLASSES), size.ravel())
    shift = ease + np.linspace(-0.3, 0.3, CLASSES) + rng.normal(0, spread, (n, 1)) + rng.normal(0, CLASS_SPREAD, (n, CLASSES))
    models = []
    for own in (np.zeros((n, 1)), rng.normal(-GAIN, OWN, (n, 1))):
        score = rng.normal(size=(len(cell), CLASSES))
        score[np.arange(len(cell)), cell % CLASSES] += (shift + own).ravel()[cell]
        proba = np.exp(SHARPNESS * (score - score.max(axis=1, keepdims=True)))
        models.append(proba / proba.sum(axis=1, keepdims=True))
    return Clips(cell // CLASSES, cell % CLASSES, (models[0], models[1]), n)


def truths(setting: str) -> Callable[[int], dict[str, float]]:
    """Return the population's scores, for a sample of so many rows: the number of bins of the calibration error depends on it."""
    population = draw(np.random.default_rng(99), POPULATION, *SETTINGS[setting])
    everybody = np.ones((1, POPULATION))
    scores = {name: float(statistic.values(everybody)[0]) for name, statistic in population.statistics(1).items()}
    first = population.proba[0]
    wrong = (first.argmax(axis=1) != population.truth)[np.argsort(-first.max(axis=1), kind="stable")]
    risk = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    scores["error of the 70 % most confident"] = float(risk[int(COVERAGE * len(risk)) - 1])
    scores["area under risk and coverage"] = float(risk.mean())
    errors = [float(population.statistics(bins)["calibration error, debiased"].values(everybody)[0]) for bins in range(1, 16)]
    return lambda n_rows: {**scores, "calibration error, debiased": errors[default_bins(n_rows) - 1]}


def measure(setting: str, n_speakers: int, samples: int, seed: int, truth: Callable[[int], dict[str, float]]) -> dict[str, Any]:
    """Return coverage and median width of each score's interval, and of two bootstraps of balanced accuracy in a fifth of the samples."""
    rng = np.random.default_rng([seed, n_speakers, len(setting)])
    found: dict[str, list[tuple[bool, float]]] = {}

    def note(name: str, interval: Interval, value: float) -> None:
        found.setdefault(name, []).append((interval.low <= value + 1e-12 and value - 1e-12 <= interval.high, interval.high - interval.low))

    for sample in range(samples):
        clips = draw(rng, n_speakers, *SETTINGS[setting])
        true = truth(len(clips.truth))
        statistics = clips.statistics()
        for name, statistic in statistics.items():
            note(name, jackknife_interval(statistic, 0.95), true[name])
        for name, metric in SELECTIVE.items():
            note(name, clips.selective(metric), true[name])
        if sample % 5 == 0:
            for method in ("percentile", "bca"):
                interval = bootstrap_interval(statistics["balanced accuracy"], 0.95, method, 1000, sample, 1)
                note(f"balanced accuracy, {method} bootstrap", interval, true["balanced accuracy"])
    return {name: {"coverage": float(np.mean([c for c, _ in v])), "width": float(np.median([w for _, w in v]))} for name, v in found.items()}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--speakers", default=",".join(map(str, SPEAKERS)))
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "interval_coverage.json")
    options = parser.parse_args()
    old = json.loads(options.output.read_text()) if options.output.exists() else {}
    rows = {(row["n_speakers"], row["setting"]): row for row in old.get("results", []) if "scores" in row}
    for setting in options.settings.split(","):
        truth = truths(setting)
        for n in map(int, options.speakers.split(",")):
            scores = measure(setting, n, options.samples, options.seed, truth)
            rows[n, setting] = {"n_speakers": n, "setting": setting, "samples": options.samples, "scores": scores}
            print(n, setting, *(f"{name} {100 * one['coverage']:.1f}" for name, one in scores.items()), sep="; ", flush=True)
            results = [rows[key] for key in sorted(rows, key=lambda key: (list(SETTINGS).index(key[1]), key[0]))]
            options.output.parent.mkdir(exist_ok=True)
            options.output.write_text(json.dumps({"machine": describe_machine(), "claimed": 0.95, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
