"""Measure how often intervals that claim 95 % hold the truth, on simulated clips of simulated speakers.

Run: python benchmarks/interval_coverage.py [--samples 3000] [--output benchmarks/results/interval_coverage.json]

Balanced accuracy of four classes; speakers are drawn from a population, the truth is the population's value.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from protocol import describe_machine

from emotion_native.metrics._intervals import Interval, bootstrap_interval, jackknife_interval
from emotion_native.metrics._statistics import Statistic, of_counts

CLASSES = 4
SETTINGS = {
    # name: mean log-odds of a right answer, deviation between speakers, deviation of the log of a speaker's number of clips (None: 5 a class)
    "even": (1.1, 0.5, None),
    "uneven": (1.1, 0.8, 0.8),
    "high": (3.0, 0.5, None),
}


def confusion_counts(rng: np.random.Generator, n_speakers: int, ease: float, spread: float, clips: float | None) -> np.ndarray:
    """Return the confusion counts of each speaker, shape (n_speakers, 4, 4)."""
    odds = ease + np.linspace(-0.5, 0.5, CLASSES) + rng.normal(0, spread, (n_speakers, 1)) + rng.normal(0, 0.25, (n_speakers, CLASSES))
    p = 1 / (1 + np.exp(-odds))
    if clips is None:
        n = np.full((n_speakers, CLASSES), 5)
    else:
        n = rng.poisson(5 * np.exp(rng.normal(-(clips**2) / 2, clips, (n_speakers, 1))), (n_speakers, CLASSES))
    right = rng.binomial(n, p)
    counts = np.zeros((n_speakers, CLASSES, CLASSES))
    for c in range(CLASSES):
        counts[:, c, c] = right[:, c]
        counts[:, c, (c + 1) % CLASSES] = n[:, c] - right[:, c]
    return counts


def measure(setting: str, n_speakers: int, samples: int, interval: Callable[[Statistic], Interval]) -> dict[str, float]:
    """Return coverage and mean width of an interval."""
    rng = np.random.default_rng(12)
    options = SETTINGS[setting]
    truth = float(of_counts(confusion_counts(rng, 400_000, *options), "uar", CLASSES).values(np.ones((1, 400_000)))[0])
    found, width = 0, 0.0
    for _ in range(samples):
        result = interval(of_counts(confusion_counts(rng, n_speakers, *options), "uar", CLASSES))
        found += result.low <= truth <= result.high
        width += result.high - result.low
    return {"coverage": found / samples, "width": width / samples, "truth": truth}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "interval_coverage.json")
    options = parser.parse_args()
    methods = {
        "jackknife": (lambda s: jackknife_interval(s, 0.95), options.samples),
        "percentile bootstrap": (lambda s: bootstrap_interval(s, 0.95, "percentile", 1000, 0, 1), max(1, options.samples // 5)),
        "bca bootstrap": (lambda s: bootstrap_interval(s, 0.95, "bca", 1000, 0, 1), max(1, options.samples // 5)),
    }
    results = []
    for n_speakers in (4, 6, 12, 24, 40, 80):
        for method, (interval, samples) in methods.items():
            row = {setting: measure(setting, n_speakers, samples, interval) for setting in SETTINGS}
            results.append({"n_speakers": n_speakers, "method": method, "samples": samples, "settings": row})
            print(n_speakers, method, *(f"{name} {100 * r['coverage']:.1f} (width {r['width']:.2f})" for name, r in row.items()), flush=True)
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps({"machine": describe_machine(), "claimed": 0.95, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
