"""Rows of streams: 20 s of a voice at 16 kHz in chunks of 20 ms.

The `classic` vector of the last 2 s every 0.5 s, beside librosa on each window; real-time factors, and how long one push takes.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from librosa_features import RATE, SAMPLES, shared_transform
from protocol import Contender, Figures, Row

import emotion_native as en

SECONDS, CHUNK, WINDOW, HOP = 20, 320, 2 * RATE, RATE // 2
SIGNAL = np.tile(SAMPLES, SECONDS // 2)
SETTINGS: dict[str, dict[str, Any]] = {
    "13 MFCC and RMS of each frame": {"descriptors": ["mfcc", "rms"], "n_mfcc": 13},
    "classic, 2 s every 0.5 s": {"set": "classic"},
    "egemaps, 2 s every 0.5 s": {"set": "egemaps"},
    "full, 2 s every 0.5 s": {"set": "full"},
}


def streamed() -> np.ndarray:
    """The vectors of all whole windows."""
    stream = en.audio.FeatureStream(RATE, set="classic", window_s=WINDOW / RATE, hop_s=HOP / RATE)
    return np.concatenate([stream.push(SIGNAL[at : at + CHUNK]).windows for at in range(0, len(SIGNAL), CHUNK)])


def by_windows() -> np.ndarray:
    """The same by librosa, each window when it is whole, one transform for all families."""
    return np.stack([shared_transform(SIGNAL[begin : begin + WINDOW]) for begin in range(0, len(SIGNAL) - WINDOW + 1, HOP)])


def _check(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    assert ours.shape == theirs.shape
    error = np.abs(ours - theirs) / (np.abs(theirs) + 1e-2)
    assert np.mean(error > 1e-3) < 1e-3, float(error.max())  # as the row of one clip; contrasts sort bins that are nearly equal
    return {"windows": float(len(ours)), "largest_relative_difference": float(error.max())}


def stream_classic() -> Row:
    """A stream beside a loop over windows."""
    return Row(
        "stream_classic",
        f"Stream of {SECONDS} s: feature vector (1,116 columns) of the last 2 s every 0.5 s",
        "16 kHz, chunks of 20 ms",
        [Contender("emotion-native", streamed, 1), Contender("librosa, one shared transform a window", by_windows, 1, package="librosa", target=15)],
        _check,
    )


def stream_push() -> Figures:
    """Real-time factors and the time of single pushes."""

    def measure() -> list[dict[str, Any]]:
        figures = []
        for name, settings in SETTINGS.items():
            taken, cpu = [], []
            for _ in range(5):
                stream = en.audio.FeatureStream(RATE, **settings)
                begun = time.process_time()
                for at in range(0, len(SIGNAL), CHUNK):
                    before = time.perf_counter()
                    stream.push(SIGNAL[at : at + CHUNK])
                    taken.append(time.perf_counter() - before)
                cpu.append((time.process_time() - begun) / SECONDS)
            figures.append({"what": f"{name}: CPU for a second of sound", "value": 1e3 * float(np.median(cpu)), "unit": "ms"})
            figures.append({"what": f"{name}: real-time factor", "value": float(np.median(cpu)), "unit": ""})
            for share in (50, 99, 100):
                label = "longest" if share == 100 else f"p{share}"
                figures.append({"what": f"{name}: one push of 20 ms, {label}", "value": 1e6 * float(np.percentile(taken, share)), "unit": "µs"})
        return figures

    return Figures("stream_push", f"Stream of {SECONDS} s at 16 kHz in chunks of 20 ms", "five times through, one thread", measure)


ROWS = {"stream_classic": stream_classic, "stream_push": stream_push}
