"""Properties that hold for any clip: gain, offset, padding, time order; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native import audio
from emotion_native.exceptions import InvalidInputError

SR = 16000
clips = st.integers(0, 2**32 - 1).map(lambda seed: make_clip(seed))


def make_clip(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(rng.integers(4096, 12000)) / SR
    tones = sum(a * np.sin(2 * np.pi * f * t) for a, f in zip(rng.uniform(0.02, 0.2, 4), rng.uniform(80, 5000, 4), strict=True))
    return (tones + 0.01 * rng.standard_normal(t.size)).astype(np.float32)


# A clip of few samples may hold no spectral peak to tune by, which is said.
@pytest.mark.filterwarnings("ignore:chroma_stft found no spectral peak")
@settings(max_examples=15, deadline=None)
@given(y=clips, exponent=st.integers(-6, 6))
def test_a_gain_of_a_power_of_two(y: np.ndarray, exponent: int) -> None:
    """Scaling by a power of two is exact, so shapes of spectra keep their bits and levels scale exactly."""
    gain = np.float32(2.0**exponent)
    louder = y * gain
    for name in ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff"):
        assert np.array_equal(getattr(audio, name)(y=louder, sr=SR), getattr(audio, name)(y=y, sr=SR)), name
    assert np.array_equal(audio.chroma_stft(y=louder, sr=SR), audio.chroma_stft(y=y, sr=SR))
    assert np.array_equal(audio.tonnetz(y=louder, sr=SR), audio.tonnetz(y=y, sr=SR))
    assert np.array_equal(audio.spectral_flatness(y=louder, amin=1e-30), audio.spectral_flatness(y=y, amin=1e-30)) or np.allclose(
        audio.spectral_flatness(y=louder, amin=1e-30), audio.spectral_flatness(y=y, amin=1e-30), rtol=1e-5
    )
    assert np.array_equal(audio.zero_crossing_rate(louder, threshold=0.0), audio.zero_crossing_rate(y, threshold=0.0))
    assert np.array_equal(audio.rms(y=louder), audio.rms(y=y) * gain)
    assert np.array_equal(audio.stft(louder), audio.stft(y) * gain)
    assert np.array_equal(audio.melspectrogram(y=louder, sr=SR), audio.melspectrogram(y=y, sr=SR) * gain**2)
    # A gain adds the same decibels to every band, which only the first cosine sees: sqrt(128) * 6.02 dB a doubling. Loud enough for no floor of amin.
    base, changed = (audio.mfcc(S=audio.power_to_db(audio.melspectrogram(y=z, sr=SR), amin=1e-30, top_db=None), n_mfcc=13) for z in (y, louder))
    assert np.allclose(changed[0] - base[0], np.sqrt(128) * 20 * np.log10(2) * exponent, atol=2e-2)
    assert np.allclose(changed[1:], base[1:], atol=5e-3)


@settings(max_examples=15, deadline=None)
@given(y=clips, offset=st.floats(-0.5, 0.5))
def test_an_offset_stays_in_the_lowest_bins(y: np.ndarray, offset: float) -> None:
    """A constant under a periodic Hann window is in bins 0 and 1 only, but for rounding and the edges of the padded signal."""
    inner = {"center": False}
    before, after = np.abs(audio.stft(y, **inner)), np.abs(audio.stft(y + np.float32(offset), **inner))
    assert np.abs(after[2:] - before[2:]).max() < 2e-6 * max(after.max(), before.max())
    deltas = audio.delta(audio.rms(y=y), width=3), audio.delta(audio.rms(y=y) + 1, width=3)
    assert np.allclose(*deltas, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(y=clips, frames=st.integers(1, 9))
def test_padding_by_whole_hops_moves_the_frames(y: np.ndarray, frames: int) -> None:
    """Silence in front shifts every frame: equal bits, whatever the frames of a batch."""
    padded = np.concatenate([np.zeros(512 * frames, dtype=np.float32), y])
    cases: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (audio.stft, {"hop_length": 512}),
        (lambda z, **a: audio.melspectrogram(y=z, **a), {"sr": SR}),
        (lambda z, **a: audio.spectral_centroid(y=z, **a), {"sr": SR}),
        (lambda z, **a: audio.rms(y=z, **a), {}),
        (lambda z, **a: audio.mfcc(y=z, **a), {"sr": SR, "n_mfcc": 13}),
        (lambda z, **a: audio.spectral_bandwidth(y=z, **a), {"sr": SR}),
        (lambda z, **a: audio.spectral_rolloff(y=z, **a), {"sr": SR}),
        (lambda z, **a: audio.spectral_flatness(y=z, **a), {}),
        (lambda z, **a: audio.spectral_contrast(y=z, **a), {"sr": SR}),
        (lambda z, **a: audio.chroma_stft(y=z, **a), {"sr": SR, "tuning": 0.0}),
        (audio.zero_crossing_rate, {}),
    ]
    for function, arguments in cases:
        assert np.array_equal(function(padded, **arguments)[..., frames + 4 :], function(y, **arguments)[..., 4:])
    assert not audio.melspectrogram(y=padded, sr=SR)[:, : max(0, frames - 2)].any()


@settings(max_examples=10, deadline=None)
@given(y=clips)
def test_frames_do_not_depend_on_later_samples(y: np.ndarray) -> None:
    whole, half = audio.stft(y), audio.stft(y[: len(y) // 2])
    same = (len(y) // 2 - 1024) // 512
    assert np.array_equal(whole[:, :same], half[:, :same])


WAVEFORM: dict[str, Callable[..., Any]] = {
    "stft": audio.stft,
    "zero_crossing_rate": audio.zero_crossing_rate,
    **{
        name: (lambda y, _name=name, **arguments: getattr(audio, _name)(y=y, **arguments))
        for name in ("melspectrogram", "mfcc", "chroma_stft", "tonnetz", "rms", "spectral_centroid", "spectral_bandwidth", "spectral_contrast",
                     "spectral_flatness", "spectral_rolloff")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", WAVEFORM)
def test_hostile_samples_are_refused(name: str) -> None:
    good = np.ones(4096, dtype=np.float32)
    bad: list[Any] = [
        np.zeros(0, dtype=np.float32), np.full(4096, np.nan, dtype=np.float32), np.append(good, np.float32(np.inf)), np.ones(4096, dtype=np.int16),
        np.float32(1.0), "clip.wav", [0.0] * 4096, np.ones(4096, dtype=complex), np.array(["a"]), np.full(4096, 1e300),
    ]  # fmt: skip
    for y in bad:
        with np.errstate(over="ignore"), pytest.raises(InvalidInputError, match=r"^y of \w+ must be "):
            WAVEFORM[name](y)


@pytest.mark.parametrize("name", WAVEFORM)
@pytest.mark.parametrize("value", [0, -1, 1.5, "x", None, True, 2**40, np.nan, [512]])
def test_hostile_lengths_are_refused(name: str, value: Any) -> None:
    y = np.ones(4096, dtype=np.float32)
    lengths = ("frame_length", "hop_length") if name in ("rms", "zero_crossing_rate") else ("n_fft", "hop_length")
    for length in lengths:
        if value is None and length == "hop_length":
            continue  # means the default
        with pytest.raises(InvalidInputError, match=rf"^{length} of \w+ must be "):
            WAVEFORM[name](y, **{length: value})


@pytest.mark.parametrize("name", [name for name in WAVEFORM if name != "tonnetz"])
@pytest.mark.filterwarnings("ignore::emotion_native.exceptions.EmotionNativeWarning")  # n_fft above the length; silence has no tuning
def test_one_sample_and_silence_are_finite(name: str) -> None:
    for y in (np.ones(1, dtype=np.float32), np.zeros(3000, dtype=np.float32), np.full(3000, 1e-30, dtype=np.float32)):
        assert np.isfinite(WAVEFORM[name](y)).all()


def test_hostile_spectrograms_are_refused() -> None:
    bad: list[Any] = [np.ones(4), np.zeros((0, 3)), np.full((1025, 2), np.nan), np.ones((1025, 2), dtype=complex), [[1.0]], np.ones((1, 3))]
    for S in bad:
        for name in ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff", "spectral_flatness", "spectral_contrast", "chroma_stft"):
            with pytest.raises(InvalidInputError, match=r"^S of \w+ must be "):
                getattr(audio, name)(S=S)
    with pytest.raises(InvalidInputError, match=r"^S of spectral_centroid must be non-negative"):
        audio.spectral_centroid(S=-np.ones((1025, 2)))
    with pytest.raises(InvalidInputError, match=r"^freq of spectral_contrast must be 1025 finite frequencies in ascending order"):
        audio.spectral_contrast(S=np.ones((1025, 2)), freq=np.zeros(3))
    with pytest.raises(InvalidInputError, match=r"^freq of spectral_centroid must be 1025 frequencies"):
        audio.spectral_centroid(S=np.ones((1025, 2)), freq=np.zeros((3, 2)))
