"""Rows against librosa: YIN and pYIN of a 2 s clip at 22,050 Hz, in librosa's usual range of five octaves and in that of speaking voices."""

from __future__ import annotations

import librosa
import numpy as np
from protocol import Contender, Row

import emotion_native as en

RATE = 22_050
RANGE = {"fmin": float(librosa.note_to_hz("C2")), "fmax": float(librosa.note_to_hz("C7")), "sr": RATE}


SPEECH = {"fmin": 80.0, "fmax": 400.0, "sr": RATE}


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
            Contender("librosa", lambda: librosa.yin(SAMPLES, **RANGE), 1, package="librosa", target=3.0),
        ],
        _check_yin,
        repeats=9,
    )


def _pyin(name: str, limits: dict[str, float], workload: str) -> Row:
    return Row(
        name,
        "pYIN of a 2 s clip",
        f"22,050 Hz, frames of 2,048 every 512, {workload}",
        [
            Contender("emotion-native", lambda: en.audio.pyin(SAMPLES, **limits), 1),
            Contender("librosa", lambda: librosa.pyin(SAMPLES, **limits), 1, package="librosa", target=50.0),
        ],
        _check_pyin,
        repeats=9,
    )


def pitch_pyin() -> Row:
    """PYIN of one clip, librosa's range."""
    return _pyin("pitch_pyin", RANGE, "C2 to C7, 601 pitch bins")


def pitch_pyin_speech() -> Row:
    """PYIN of one clip, the range of speaking voices."""
    return _pyin("pitch_pyin_speech", SPEECH, "80 to 400 Hz, 279 pitch bins")


ROWS = {"pitch_yin": pitch_yin, "pitch_pyin": pitch_pyin, "pitch_pyin_speech": pitch_pyin_speech}
