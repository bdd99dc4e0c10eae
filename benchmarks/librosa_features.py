"""Rows against librosa: the `classic` vector of a 2 s clip at 16 kHz, with one shared transform and as it is usually written."""

from __future__ import annotations

import librosa
import numpy as np
from protocol import Contender, Row

import emotion_native as en

RATE = 16_000


def clip() -> np.ndarray:
    """Return 2 s that resemble a voice: harmonics of a gliding tone, with breaths and noise."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)
    return (0.1 * envelope * voice + 0.003 * rng.normal(size=time.size)).astype(np.float32)


SAMPLES = clip()


def _summary(frames: np.ndarray) -> np.ndarray:
    return np.stack([frames.mean(axis=1), frames.std(axis=1), frames.min(axis=1), frames.max(axis=1)], axis=1).ravel()


def _families(y: np.ndarray, magnitude: np.ndarray) -> list[np.ndarray]:
    power = magnitude**2
    log_mel = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=RATE))
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=40)
    return [
        mfcc,
        librosa.feature.delta(mfcc),
        librosa.feature.delta(mfcc, order=2),
        log_mel,
        librosa.feature.chroma_stft(S=power, sr=RATE),
        librosa.feature.spectral_contrast(S=magnitude, sr=RATE),
        librosa.feature.spectral_centroid(S=magnitude, sr=RATE),
        librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE),
        librosa.feature.spectral_rolloff(S=magnitude, sr=RATE),
        librosa.feature.spectral_flatness(S=magnitude),
        librosa.feature.zero_crossing_rate(y),
        librosa.feature.rms(y=y),
    ]


def shared_transform() -> np.ndarray:
    """The careful way: one transform for all families."""
    return np.concatenate([_summary(family) for family in _families(SAMPLES, np.abs(librosa.stft(SAMPLES)))])


def usual_way() -> np.ndarray:
    """As most notebooks have it: each family from the samples."""
    mfcc = librosa.feature.mfcc(y=SAMPLES, sr=RATE, n_mfcc=40)
    families = [
        mfcc,
        librosa.feature.delta(mfcc),
        librosa.feature.delta(mfcc, order=2),
        librosa.power_to_db(librosa.feature.melspectrogram(y=SAMPLES, sr=RATE)),
        librosa.feature.chroma_stft(y=SAMPLES, sr=RATE),
        librosa.feature.spectral_contrast(y=SAMPLES, sr=RATE),
        librosa.feature.spectral_centroid(y=SAMPLES, sr=RATE),
        librosa.feature.spectral_bandwidth(y=SAMPLES, sr=RATE),
        librosa.feature.spectral_rolloff(y=SAMPLES, sr=RATE),
        librosa.feature.spectral_flatness(y=SAMPLES),
        librosa.feature.zero_crossing_rate(SAMPLES),
        librosa.feature.rms(y=SAMPLES),
    ]
    return np.concatenate([_summary(family) for family in families])


def _check(ours: np.ndarray, shared: np.ndarray, usual: np.ndarray) -> dict[str, float]:
    assert ours.shape == shared.shape == usual.shape == (1092,)
    error = np.abs(ours - shared) / (np.abs(shared) + 1e-2)
    # The same definitions, with float32 sums in another order; contrasts sort bins that are nearly equal.
    assert error.max() < 1e-3, float(error.max())
    return {"median_relative_difference": float(np.median(error)), "largest_relative_difference": float(error.max())}


def features_classic() -> Row:
    """1,092 columns of one clip."""
    return Row(
        "features_classic",
        "Feature vector (1,092 columns) of a 2 s clip",
        "16 kHz, samples already in memory",
        [
            Contender("emotion-native", lambda: en.audio.functionals(SAMPLES, RATE, "classic"), 1),
            Contender("librosa, one shared transform", shared_transform, 1, package="librosa"),
            Contender("librosa, as usually written", usual_way, 1, package="librosa"),
        ],
        _check,
        repeats=9,
    )


ROWS = {"features_classic": features_classic}
