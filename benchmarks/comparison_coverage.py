"""Measure the promises of comparisons of two models on simulated speakers: false alarms of the tests, coverage of the interval, and power.

Run: python benchmarks/comparison_coverage.py [--samples 3000] [--speakers 5,6,8,12,24,40,80] [--only accuracy|calibration]
     [--output benchmarks/results/comparison_coverage.json]

Balanced accuracy of four classes, and the calibration error; speakers differ in how hard they are for both models and in which model suits them.
Without a gain both models are equal in the population; with one, the truth is the population's difference. What the output already holds of other
numbers of speakers and of the other measure is kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from protocol import describe_machine
from scipy import stats

from emotion_native import _core
from emotion_native.metrics import detectable_difference
from emotion_native.metrics._intervals import jackknife_interval, spread
from emotion_native.metrics._paired import EXACT_SPEAKERS, difference_of
from emotion_native.metrics._paired_calibration import TopLabels, influence
from emotion_native.metrics._statistics import of_counts

CLASSES = 4
SETTINGS = {
    # name: mean log-odds of a right answer, deviation between speakers, of that between models, of the log of a speaker's number of clips
    "even": (1.1, 0.5, 0.4, None),
    "uneven": (1.1, 0.8, 0.4, 0.8),
    "alike": (1.1, 0.8, 0.05, None),
}
GAIN = 0.3  # log-odds
CONFIDENCES = {
    # name: mean log-odds, deviation between speakers, of that between models, of the log of a speaker's number of clips, bias of each model;
    # "one": the first speaker has 200 clips, the others 5
    "even": (1.1, 0.5, 0.4, None, (0.6, 0.6)),
    "uneven": (1.1, 0.8, 0.4, 0.8, (0.6, 0.6)),
    "alike": (1.1, 0.8, 0.05, None, (0.6, 0.6)),
    "calibrated": (1.1, 0.5, 0.4, None, (0.0, 0.0)),
    "one talks": (1.1, 0.5, 0.4, "one", (0.6, 0.6)),
    "opposite": (0.0, 0.5, 0.4, None, (0.6, -0.6)),  # as much too sure as the other too little: equal errors, but no equal answers
}
CALIBRATED = 0.6  # log-odds of the first model's bias that a gain takes away


def two_models(rng: np.random.Generator, n: int, ease: float, spread: float, own: float, clips: float | None, gain: float) -> list[np.ndarray]:
    """Return each model's confusion counts by speaker, shape (n, 4, 4), over the same clips."""
    if clips is None:
        size = np.full((n, CLASSES), 5)
    else:
        size = rng.poisson(5 * np.exp(rng.normal(-(clips**2) / 2, clips, (n, 1))), (n, CLASSES))
    shared = ease + np.linspace(-0.5, 0.5, CLASSES) + rng.normal(0, spread, (n, 1)) + rng.normal(0, 0.25, (n, CLASSES))
    tables = []
    for extra in (gain, 0.0):
        right = rng.binomial(size, 1 / (1 + np.exp(-(shared + extra + rng.normal(0, own, (n, 1))))))
        counts = np.zeros((n, CLASSES, CLASSES))
        for c in range(CLASSES):
            counts[:, c, c] = right[:, c]
            counts[:, c, (c + 1) % CLASSES] = size[:, c] - right[:, c]
        tables.append(counts)
    return tables


def p_values(tables: list[np.ndarray], seed: int) -> tuple[float, float]:
    """Return the p-value over speakers, and that of two shares which takes clips for independent."""
    flat = [np.ascontiguousarray(table.reshape(len(table), -1)) for table in tables]
    p = _core.swap_test(flat[0], flat[1], CLASSES, CLASSES, "uar", EXACT_SPEAKERS, 999, seed, 1)[1]
    a, b = (table[:, range(CLASSES), range(CLASSES)].sum() for table in tables)
    total = tables[0].sum()
    share = (a + b) / (2 * total)
    z = (a - b) / np.sqrt(2 * total * share * (1 - share))
    return float(p), float(2 * stats.norm.sf(abs(z)))


def false_alarms(setting: str, n: int, samples: int) -> dict[str, float]:
    """Return the share of data sets without a difference in which each test sees one at 5 %."""
    rng = np.random.default_rng(21)
    found = np.array([p_values(two_models(rng, n, *SETTINGS[setting], gain=0.0), r) for r in range(samples)]) <= 0.05
    return {"over speakers": float(found[:, 0].mean()), "over clips": float(found[:, 1].mean())}


def coverage(setting: str, n: int, samples: int) -> dict[str, float]:
    """Return how often the interval holds the population's difference, its mean width, and the power of the test."""
    rng = np.random.default_rng(22)

    def statistic(tables: list[np.ndarray]) -> Any:
        return difference_of(*(of_counts(table, "uar", CLASSES) for table in tables))

    truth = float(statistic(two_models(rng, 400_000, *SETTINGS[setting], gain=GAIN)).values(np.ones((1, 400_000)))[0])
    found, width, power, detectable = 0, 0.0, 0, []
    for r in range(samples):
        tables = two_models(rng, n, *SETTINGS[setting], gain=GAIN)
        gap = statistic(tables)
        interval = jackknife_interval(gap, 0.95)
        found += interval.low <= truth <= interval.high
        width += interval.high - interval.low
        power += p_values(tables, r)[0] <= 0.05
        detectable.append(detectable_difference(spread(gap)[0] * np.sqrt(n), n) if r % 10 == 0 else np.nan)
    return {
        "coverage": found / samples,
        "width": width / samples,
        "truth": truth,
        "power": power / samples,
        "detectable": float(np.nanmedian(detectable)) if n > 5 else float("nan"),
    }


def two_confidences(
    rng: np.random.Generator, n: int, ease: float, spread: float, own: float, clips: float | str | None, bias: tuple[float, float], gain: float
) -> list[TopLabels]:
    """Return each model's confidences and right answers over the same clips; both see how hard a clip is, neither how hard a speaker."""
    if isinstance(clips, str):
        size = np.where(np.arange(n) == 0, 200, 5)
    else:
        size = np.full(n, 20) if clips is None else np.maximum(rng.poisson(20 * np.exp(rng.normal(-(clips**2) / 2, clips, n))), 1)
    speaker = np.repeat(np.arange(n), size)
    shared, clip = rng.normal(0, spread, n)[speaker], ease + rng.normal(0, 1, len(speaker))
    sides = []
    for extra in (bias[0] - gain, bias[1]):
        seen = clip + rng.normal(0, 0.3, len(speaker))
        right = rng.random(len(speaker)) < 1 / (1 + np.exp(-(seen + shared + rng.normal(0, own, n)[speaker])))
        sides.append(TopLabels(1 / (1 + np.exp(-(seen + extra))), right.astype(np.uint8), speaker, n))
    return sides


def calibration(setting: str, n: int, samples: int) -> dict[str, float]:
    """Return false alarms and coverage without a difference, and coverage and power with one, of calibration errors."""
    found: dict[str, float] = {}
    for kind, gain in (("equal", 0.0), ("better", CALIBRATED)):
        if gain and setting in ("calibrated", "opposite", "one talks"):
            continue
        rng = np.random.default_rng(23)
        sides = two_confidences(rng, 100_000, *CONFIDENCES[setting], gain=gain)
        truth = float(np.subtract(*(float(side.statistic().values(np.ones((1, 100_000)))[0]) for side in sides))) if gain else 0.0
        below, covered = 0, 0
        for r in range(samples):
            a, b = two_confidences(rng, n, *CONFIDENCES[setting], gain=gain)
            gap = difference_of(a.statistic(), b.statistic())
            interval = jackknife_interval(gap, 0.95)
            covered += interval.low <= truth <= interval.high
            below += _core.sign_flip_test(influence(gap), 15, 9999, r, 1)[1] <= 0.05
        found |= {f"{kind}: truth": truth, f"{kind}: coverage": covered / samples, f"{kind}: found": below / samples}
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--speakers", default="5,6,8,12,24,40,80")
    parser.add_argument("--only", choices=("accuracy", "calibration"))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "comparison_coverage.json")
    options = parser.parse_args()
    old = json.loads(options.output.read_text()) if options.output.exists() else {}
    rows = {row["n_speakers"]: row for row in old.get("results", [])}
    for n in map(int, options.speakers.split(",")):
        row: dict[str, Any] = {"n_speakers": n, **rows.get(n, {})}
        if options.only != "accuracy":
            row["calibration"] = {"samples": options.samples}
            for setting in CONFIDENCES:
                row["calibration"][setting] = calibration(setting, n, options.samples)
                shown = ", ".join(f"{name} {100 * value:.1f}" for name, value in row["calibration"][setting].items())
                print(n, setting, f"calibration error: {shown}", flush=True)
        if options.only != "calibration":
            row |= {"samples": options.samples, "settings": {}}
        for setting in SETTINGS if options.only != "calibration" else ():
            part: dict[str, Any] = {"false alarms": false_alarms(setting, n, options.samples), "interval": coverage(setting, n, options.samples)}
            row["settings"][setting] = part
            alarms = ", ".join(f"{name} {100 * value:.1f}" for name, value in part["false alarms"].items())
            interval = part["interval"]
            print(n, setting, f"false alarms {alarms}; coverage {100 * interval['coverage']:.1f}; power {100 * interval['power']:.0f}", flush=True)
        rows[n] = row
        options.output.parent.mkdir(exist_ok=True)
        results = [rows[key] for key in sorted(rows)]
        options.output.write_text(json.dumps({"machine": describe_machine(), "claimed": 0.95, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
