"""Calibration maps: one a class, fitted on a hundred thousand rows and applied to them, and one isotonic regression of a million points."""

from __future__ import annotations

import numpy as np
import sklearn.isotonic
from protocol import Contender, Row
from sklearn.calibration import _SigmoidCalibration
from threadpoolctl import threadpool_limits

import emotion_native as en

CLASSES, ROWS, POINTS = 8, 100_000, 1_000_000
FLOOR = 1e-4  # where our maps stop: the same in what scikit-learn's are given, and in what is made of their answers


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return overconfident probabilities, and labels drawn from the calibrated ones."""
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(n, CLASSES)) * 1.5
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    bold = np.exp(1.7 * logits)
    return bold / bold.sum(axis=1, keepdims=True), (true.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1)


def sigmoid_maps(quick: bool) -> Row:
    """Platt's sigmoid of each class on log-odds, normalised. scikit-learn's is the one inside its CalibratedClassifierCV.

    It is timed twice: as it runs unless told otherwise, with a BLAS thread a core, which its products of two vectors take badly; and at its best,
    with one.
    """
    n = ROWS // 10 if quick else ROWS
    proba, y = rows(n)
    clipped = np.clip(proba, FLOOR, 1 - FLOOR)

    def ours() -> np.ndarray:
        return en.calibration.SigmoidCalibrator().fit(proba, y).predict_proba(proba)

    def theirs() -> np.ndarray:
        odds = np.log(clipped / (1 - clipped))
        out = np.empty_like(odds)
        for k in range(CLASSES):
            out[:, k] = _SigmoidCalibration().fit(odds[:, k], (y == k).astype(float)).predict(odds[:, k])
        return out / out.sum(axis=1, keepdims=True)

    def as_it_comes() -> np.ndarray:
        with threadpool_limits(2):
            return theirs()

    def check(a: np.ndarray, *others: np.ndarray) -> dict[str, float]:
        worst = max(float(np.abs(a - b).max()) for b in others)
        assert worst < 1e-3, worst  # theirs stops at its own tolerance of the same convex problem
        return {"largest_difference_of_a_probability": worst}

    contenders = [
        Contender("emotion-native", ours, 1),
        Contender("scikit-learn, BLAS threads as they come", as_it_comes, 2, "scikit-learn", 30),
        Contender("scikit-learn, one BLAS thread", theirs, 1, "scikit-learn"),
    ]
    return Row("sigmoid_maps", "Sigmoid maps: fit and apply", f"{n:,} rows x {CLASSES} classes", contenders, check, repeats=7)


def isotonic_maps(quick: bool) -> Row:
    """An isotonic map of each class, normalised."""
    n = ROWS // 10 if quick else ROWS
    proba, y = rows(n)

    def ours() -> np.ndarray:
        return en.calibration.IsotonicCalibrator().fit(proba, y).predict_proba(proba)

    def theirs() -> np.ndarray:
        out = np.empty_like(proba)
        for k in range(CLASSES):
            out[:, k] = sklearn.isotonic.IsotonicRegression(out_of_bounds="clip").fit(proba[:, k], y == k).predict(proba[:, k])
        out = np.maximum(out, FLOOR)
        return out / out.sum(axis=1, keepdims=True)

    def check(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        worst = float(np.abs(a - b).max())
        assert worst < 1e-9, worst  # one solution; sums in another order
        return {"largest_difference_of_a_probability": worst}

    contenders = [Contender("emotion-native", ours, 1), Contender("scikit-learn", theirs, 1, target=5)]
    return Row("isotonic_maps", "Isotonic maps: fit and apply", f"{n:,} rows x {CLASSES} classes", contenders, check, repeats=7)


def isotonic(quick: bool) -> Row:
    """One isotonic regression: fit and predict."""
    n = POINTS // 10 if quick else POINTS
    rng = np.random.default_rng(6)
    x = rng.normal(size=n)
    y = x + rng.normal(size=n)

    def ours() -> np.ndarray:
        return np.asarray(en.isotonic.IsotonicRegression().fit(x, y).predict(x))

    def theirs() -> np.ndarray:
        return np.asarray(sklearn.isotonic.IsotonicRegression().fit(x, y).predict(x))

    def check(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        worst = float(np.abs(a - b).max())
        assert worst < 1e-9, worst  # one solution; sums in another order
        return {"largest_difference_of_a_value": worst}

    contenders = [Contender("emotion-native", ours, 1), Contender("scikit-learn", theirs, 1, target=4)]
    return Row("isotonic_1M", "Isotonic regression: fit and predict", f"{n:,} points", contenders, check, repeats=7)
