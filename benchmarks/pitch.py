"""Rows against librosa: YIN and pYIN of a 2 s clip at 22,050 Hz with librosa's usual range of seven octaves."""

from __future__ import annotations

import librosa
import numpy as np
from protocol import Contender, Row

import emotion_native as en

RATE = 22_050
RANGE = {"fmin": float(librosa.note_to_hz("C2")), "fmax": float(librosa.note_to_hz("C7")), "sr": RATE}


def clip() -> np.ndarray:
    """Return 2 s of a gliding voice with noise."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.1 * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)) * voice + 0.003 * rng.normal(size=time.size)).astype(np.float32)


SAMPLES = clip()


def _check_yin(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    difference = np.abs(ours / theirs - 1)
    assert np.mean(difference > 1e-4) < 0.01, float(difference.max())
    return {"largest_relative_difference": float(difference.max())}


def _check_pyin(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> dict[str, float]:
    other = float(np.mean(ours[1] != theirs[1]))
    both = ours[1] & theirs[1]
    difference = np.abs(ours[0][both] / theirs[0][both] - 1)
    assert other < 0.01 and np.mean(difference > 1e-9) < 0.01, (other, float(difference.max()))
    return {"frames_of_other_voicing": other, "largest_relative_difference": float(difference.max())}


def pitch_yin() -> Row:
    """YIN of one clip."""
    return Row(
        "pitch_yin",
        "YIN of a 2 s clip",
        "22,050 Hz, frames of 2,048 every 512",
        [
            Contender("emotion-native", lambda: en.audio.yin(SAMPLES, **RANGE), 1),
            Contender("librosa", lambda: librosa.yin(SAMPLES, **RANGE), 1, package="librosa"),
        ],
        _check_yin,
        repeats=9,
    )


def pitch_pyin() -> Row:
    """PYIN of one clip."""
    return Row(
        "pitch_pyin",
        "pYIN of a 2 s clip",
        "22,050 Hz, frames of 2,048 every 512, 601 pitch bins",
        [
            Contender("emotion-native", lambda: en.audio.pyin(SAMPLES, **RANGE), 1),
            Contender("librosa", lambda: librosa.pyin(SAMPLES, **RANGE), 1, package="librosa"),
        ],
        _check_pyin,
        repeats=9,
    )


ROWS = {"pitch_yin": pitch_yin, "pitch_pyin": pitch_pyin}
