"""The feature sets of voice, timed.

The limits are a fifteenth and a fifth of what openSMILE takes for its sets of the same purpose on the same machine: eGeMAPS 14.5 ms a second of audio
plus 4.6 ms a clip, ComParE 8.8 ms a second plus 15.9 ms. It is not run here: its licence does not allow use in products.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from protocol import Contender, Row

import emotion_native as en

RATE, SECONDS = 16000, 2.0


@lru_cache(maxsize=1)
def clip() -> np.ndarray:
    """Return two seconds of syllables: a gliding harmonic sound with pauses over quiet noise."""
    t = np.arange(round(RATE * SECONDS)) / RATE
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(2 * np.pi * 1.5 * t)) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 20)) * np.clip(np.sin(2 * np.pi * 2 * t) + 0.5, 0, None)
    return (0.1 * sound + 1e-3 * np.random.default_rng(0).standard_normal(len(t))).astype(np.float32)


def _row(name: str, feature_set: str, columns: int, limit: float) -> Row:
    def check(ours: np.ndarray) -> dict[str, float]:
        assert ours.shape == (columns,) and np.isfinite(ours).all()
        return {"columns": float(columns)}

    call = Contender("emotion-native", lambda: en.audio.functionals(clip(), RATE, feature_set), 1)
    title = f"Feature vector {feature_set} ({columns:,} columns) of a 2 s clip"
    return Row(name, title, "16 kHz, samples already in memory", [call], check, 9, limit)


def features_egemaps() -> Row:
    """88 columns of one clip."""
    return _row("features_egemaps", "egemaps", 88, (14.5e-3 * SECONDS + 4.6e-3) / 15)


def features_full() -> Row:
    """5,188 columns of one clip."""
    return _row("features_full", "full", 5188, (8.8e-3 * SECONDS + 15.9e-3) / 5)


ROWS = {"features_egemaps": features_egemaps, "features_full": features_full}
