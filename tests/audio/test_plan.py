"""The plan behind a feature vector shares one transform and every intermediate; the functions one by one give the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_native import audio


def families(y: np.ndarray, sr: int) -> dict[str, np.ndarray]:
    """The frames of the classic set by the public functions, each from the samples."""
    mfcc = audio.mfcc(y=y, sr=sr, n_mfcc=40)
    return {
        "mfcc": mfcc,
        "mfcc_delta": audio.delta(mfcc),
        "mfcc_delta2": audio.delta(mfcc, order=2),
        "log_mel": audio.power_to_db(audio.melspectrogram(y=y, sr=sr)),
        "chroma": audio.chroma_stft(y=y, sr=sr),
        "spectral_contrast": audio.spectral_contrast(y=y, sr=sr),
        "spectral_centroid": audio.spectral_centroid(y=y, sr=sr),
        "spectral_bandwidth": audio.spectral_bandwidth(y=y, sr=sr),
        "spectral_rolloff": audio.spectral_rolloff(y=y, sr=sr),
        "spectral_flatness": audio.spectral_flatness(y=y),
        "zero_crossing_rate": audio.zero_crossing_rate(y),
        "rms": audio.rms(y=y),
        "tonnetz": audio.tonnetz(y=y, sr=sr),
    }


@pytest.mark.parametrize("sr", [16000, 22050])
@pytest.mark.parametrize("length", [4608, 32000, 31999])
def test_functions_and_plan_give_equal_bits(sr: int, length: int, voice: np.ndarray) -> None:
    y = voice[:length]
    vector = audio.functionals(y, sr, "classic")
    at = 0
    for name, frames in families(y, sr).items():
        mean, std, low, high = vector[at : at + 4 * len(frames)].reshape(-1, 4).T
        at += 4 * len(frames)
        assert np.array_equal(low, frames.min(axis=1)), name
        assert np.array_equal(high, frames.max(axis=1)), name
        exact = frames.astype(np.float64)
        # The statistics are summed in float64 and rounded once; NumPy adds in another order.
        assert np.allclose(mean, exact.mean(axis=1), rtol=1e-6, atol=1e-7 * np.abs(exact).max()), name
        assert np.allclose(std, exact.std(axis=1), rtol=1e-6, atol=1e-7 * np.abs(exact).max()), name
    assert at == vector.size


def test_mfcc_equals_its_steps(voice: np.ndarray) -> None:
    steps = audio.mfcc(S=audio.power_to_db(audio.melspectrogram(y=voice, sr=16000)), n_mfcc=13)
    assert np.array_equal(audio.mfcc(y=voice, sr=16000, n_mfcc=13), steps)
    power = np.abs(audio.stft(voice)) ** 2  # a complex magnitude squared: other roundings than re^2 + im^2
    assert np.allclose(audio.melspectrogram(S=power, sr=16000), audio.melspectrogram(y=voice, sr=16000), rtol=1e-5)
