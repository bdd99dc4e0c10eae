"""Rows against librosa: 13 MFCC and the `classic` vector of a 2 s clip at 16 kHz, a first call in a fresh process, many files on two threads."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import scipy.fft
import scipy.sparse
import soundfile
from protocol import Contender, Figures, Row

import emotion_native as en
from emotion_native import _core

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
    chroma = librosa.feature.chroma_stft(S=power, sr=RATE)
    return [
        mfcc,
        librosa.feature.delta(mfcc),
        librosa.feature.delta(mfcc, order=2),
        log_mel,
        chroma,
        librosa.feature.spectral_contrast(S=magnitude, sr=RATE),
        librosa.feature.spectral_centroid(S=magnitude, sr=RATE),
        librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE),
        librosa.feature.spectral_rolloff(S=magnitude, sr=RATE),
        librosa.feature.spectral_flatness(S=magnitude),
        librosa.feature.zero_crossing_rate(y),
        librosa.feature.rms(y=y),
        librosa.feature.tonnetz(chroma=chroma),
    ]


def shared_transform(y: np.ndarray = SAMPLES) -> np.ndarray:
    """The careful way: one transform for all families."""
    return np.concatenate([_summary(family) for family in _families(y, np.abs(librosa.stft(y)))])


def _from_samples(tonnetz: np.ndarray) -> np.ndarray:
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
        tonnetz,
    ]
    return np.concatenate([_summary(family) for family in families])


def from_samples() -> np.ndarray:
    """Each family from the samples, all by the definitions of `shared_transform`."""
    return _from_samples(librosa.feature.tonnetz(chroma=librosa.feature.chroma_stft(y=SAMPLES, sr=RATE)))


def usual_way() -> np.ndarray:
    """As most notebooks have it: each family from the samples, tonnetz as librosa's own example has it, of the harmonic part.

    That is another definition (a constant-Q chromagram after a median filter of the spectrogram), so these 24 columns hold other numbers than ours.
    `from_samples` stands beside it for the same numbers throughout.
    """
    return _from_samples(librosa.feature.tonnetz(y=librosa.effects.harmonic(SAMPLES), sr=RATE))


TONNETZ_COLUMNS = 6 * 4  # the last


def _check(ours: np.ndarray, shared: np.ndarray, single: np.ndarray, usual: np.ndarray) -> dict[str, float]:
    assert ours.shape == shared.shape == single.shape == usual.shape == (1116,)
    error = np.abs(ours - shared) / (np.abs(shared) + 1e-2)
    # The same definitions, with float32 sums in another order; contrasts sort bins that are nearly equal.
    for theirs, same in ((shared, len(ours)), (single, len(ours)), (usual, len(ours) - TONNETZ_COLUMNS)):
        worst = np.max(np.abs(ours - theirs)[:same] / (np.abs(theirs[:same]) + 1e-2))
        assert worst < 1e-3, float(worst)
    return {"median_relative_difference": float(np.median(error)), "largest_relative_difference": float(error.max())}


def features_classic() -> Row:
    """1,116 columns of one clip."""
    return Row(
        "features_classic",
        "Feature vector (1,116 columns) of a 2 s clip",
        "16 kHz, samples already in memory; as usually written, the 24 columns of tonnetz are of the constant-Q chromagram of the harmonic part: "
        "other numbers; all other columns, and all columns of the other two, are compared with ours",
        [
            Contender("emotion-native", lambda: en.audio.functionals(SAMPLES, RATE, "classic"), 1),
            Contender("librosa, one shared transform", shared_transform, 1, package="librosa", target=15),
            Contender("librosa, each family from the samples", from_samples, 1, package="librosa", target=150),
            Contender("librosa, as usually written: constant-Q tonnetz of the harmonic part", usual_way, 1, package="librosa", target=150),
        ],
        _check,
        repeats=9,
    )


def one_by_one() -> np.ndarray:
    """Our own functions, each from the samples."""
    a, y = en.audio, SAMPLES
    mfcc = a.mfcc(y=y, sr=RATE, n_mfcc=40)
    families = [
        mfcc,
        a.delta(mfcc),
        a.delta(mfcc, order=2),
        a.power_to_db(a.melspectrogram(y=y, sr=RATE)),
        a.chroma_stft(y=y, sr=RATE),
        a.spectral_contrast(y=y, sr=RATE),
        a.spectral_centroid(y=y, sr=RATE),
        a.spectral_bandwidth(y=y, sr=RATE),
        a.spectral_rolloff(y=y, sr=RATE),
        a.spectral_flatness(y=y),
        a.zero_crossing_rate(y),
        a.rms(y=y),
        a.tonnetz(y=y, sr=RATE),
    ]
    return np.concatenate([_summary(family) for family in families])


def _same_bits(plan: np.ndarray, functions: np.ndarray, transform: Any) -> dict[str, float]:
    del transform
    plan, functions = plan.reshape(-1, 4), functions.reshape(-1, 4)
    assert np.array_equal(plan[:, 2:], functions[:, 2:])  # extremes; the sums of mean and deviation are added in another order
    return {"largest_relative_difference": float(np.max(np.abs(plan - functions) / (np.abs(functions) + 1e-2)))}


def features_plan() -> Row:
    """What sharing every intermediate is worth, and how far the vector is from its transforms alone."""
    return Row(
        "features_plan",
        "The same vector by our functions one by one, and the transforms of its 63 frames alone",
        "16 kHz, samples already in memory; the last is the floor of any such vector",
        [
            Contender("emotion-native", lambda: en.audio.functionals(SAMPLES, RATE, "classic"), 1),
            Contender("emotion-native, functions one by one", one_by_one, 1, package="emotion-native"),
            Contender(
                "emotion-native, power spectra alone", lambda: _core.power_spectrogram(SAMPLES, WINDOW, 512, True), 1, package="emotion-native"
            ),
        ],
        _same_bits,
        repeats=9,
    )


WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)).astype(np.float32)


@cache
def _tables() -> tuple[Any, np.ndarray]:
    cosines = scipy.fft.dct(np.eye(128, dtype=np.float32), axis=0, norm="ortho")[:13]
    return scipy.sparse.csr_matrix(librosa.filters.mel(sr=RATE, n_fft=2048)), np.ascontiguousarray(cosines)


def vectorised() -> np.ndarray:
    """The 13 MFCC by NumPy and SciPy without a loop, in single precision and in place; window, sparse bands and cosines are made before."""
    padded = np.zeros(SAMPLES.size + 2048, dtype=np.float32)
    padded[1024:-1024] = SAMPLES
    spectra = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, 2048)[::512] * WINDOW, axis=1, overwrite_x=True)
    power = spectra.real * spectra.real
    power += spectra.imag * spectra.imag
    bands, cosines = _tables()
    decibels = bands @ power.T
    np.log10(np.maximum(decibels, np.float32(1e-10), out=decibels), out=decibels)
    decibels *= np.float32(10)
    return np.asarray(cosines @ np.maximum(decibels, decibels.max() - np.float32(80), out=decibels))


def _mfcc_check(ours: np.ndarray, *others: np.ndarray) -> dict[str, float]:
    worst = max(float(np.max(np.abs(ours - other)) / np.std(other)) for other in others)
    assert worst < 1e-4, worst
    return {"largest_difference_in_deviations": worst}


def mfcc_13() -> Row:
    """13 MFCC of one clip."""
    return Row(
        "mfcc_13",
        "13 MFCC of a 2 s clip",
        "16 kHz, 63 frames of 2,048 samples, 128 bands, samples already in memory",
        [
            Contender("emotion-native", lambda: en.audio.mfcc(y=SAMPLES, sr=RATE, n_mfcc=13), 1),
            Contender("NumPy and SciPy, vectorised", vectorised, 1, package="scipy", target=3),
            Contender("librosa", lambda: librosa.feature.mfcc(y=SAMPLES, sr=RATE, n_mfcc=13), 1, package="librosa", target=10),
            Contender(
                "emotion-native, power spectra alone", lambda: _core.power_spectrogram(SAMPLES, WINDOW, 512, True), 1, package="emotion-native"
            ),
        ],
        lambda ours, scipys, theirs, spectra: _mfcc_check(ours, scipys, theirs),
        repeats=9,
    )


FIRST_CALLS = {
    "emotion-native: import and 13 MFCC": "import numpy; from emotion_native import audio; audio.mfcc(y=numpy.ones(32000, 'f4'), n_mfcc=13)",
    "emotion-native: import and the classic vector": "import numpy; from emotion_native import audio; audio.functionals(numpy.ones(32000), 16000)",
    "librosa: import and 13 MFCC": "import numpy, librosa; librosa.feature.mfcc(y=numpy.ones(32000, 'f4'), n_mfcc=13)",
    "Python alone": "pass",
    "Python and NumPy alone": "import numpy",
}


def first_call() -> Figures:
    """Whole processes."""

    def measure() -> list[dict[str, Any]]:
        figures = []
        for what, code in FIRST_CALLS.items():
            taken = []
            for _ in range(5):
                begun = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True)
                taken.append(time.perf_counter() - begun)
            limit = {"at_most": 0.5} if what.startswith("emotion-native") else {}
            figures.append({"what": what, "value": float(np.median(taken)), "unit": "s", **limit})
        return figures

    return Figures("first_call", "First call in a fresh process, import included", "median of 5 processes, files of the packages in memory", measure)


def features_files(quick: bool) -> Row:
    """The classic vectors of many files, decoding included."""
    folder = Path(tempfile.mkdtemp(prefix="emotion-native-clips-"))
    count = 40 if quick else 400
    paths = [str(folder / f"{i}.wav") for i in range(count)]
    for i, path in enumerate(paths):
        soundfile.write(path, np.roll(SAMPLES, 997 * i), RATE, subtype="PCM_16")
    times = np.full(count, np.nan)

    def extracted(n_jobs: int) -> np.ndarray:
        matrix = _core.extract_functionals_batch(paths, times, times, "classic", RATE, n_jobs)[0]
        return np.asarray(matrix)

    def check(two: np.ndarray, one: np.ndarray) -> dict[str, float]:
        assert np.array_equal(two, one)
        return {"files": float(count)}

    return Row(
        "features_files_2",
        f"Feature vectors (1,116 columns) of {count} files of 2 s, decoding included",
        "16-bit WAV at 16 kHz",
        [
            Contender("emotion-native", lambda: extracted(2), 2),
            Contender("emotion-native, one thread", lambda: extracted(1), 1, package="emotion-native", target=1.9),
        ],
        check,
    )


ROWS = {
    "features_classic": features_classic,
    "features_plan": features_plan,
    "mfcc_13": mfcc_13,
    "first_call": first_call,
    "features_files_2": lambda: features_files(bool(os.environ.get("BENCHMARKS_QUICK"))),
}
