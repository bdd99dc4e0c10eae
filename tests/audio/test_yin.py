"""YIN and pYIN against a plain NumPy oracle, against librosa where it is installed, and on hostile input.

Tolerances: d' of ours has single-precision transforms, an error of about 1e-6. f0 of YIN therefore agrees to 1e-4 except where two lags are tied to
within that error; pYIN's probabilities jump by the mass of one threshold when a trough lies within that error of it (about one trough in ten
thousand), and its path follows such a jump where two paths are nearly tied.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vowels import glide, vowel

from emotion_native import audio
from emotion_native.exceptions import InvalidInputError


def difference_function(y: NDArray[Any], *, fmin: float, fmax: float, sr: float, frame_length: int, hop_length: int) -> tuple[NDArray[Any], int]:
    """Return (d', first lag) by its definition, librosa's rule for lag 1 included."""
    padded = np.pad(y.astype(np.float64), frame_length // 2)
    low, high = int(sr // fmax), min(int(np.ceil(sr / fmin)), frame_length - 1)
    rows = []
    for start in range(0, len(padded) - frame_length + 1, hop_length):
        frame = padded[start : start + frame_length]
        d = [0.0] + [float(np.sum((frame - np.append(frame[k:], np.zeros(k))) ** 2)) for k in range(1, high + 1)]
        d[1] += frame[0] ** 2
        mean = np.cumsum(d[1:]) / np.arange(1, high + 1)
        rows.append(np.array(d[low:]) / (mean[low - 1 :] + np.finfo(np.float32).tiny))
    return np.array(rows), low


def shifted(d: NDArray[Any], i: int) -> float:
    """Return lag i moved to the extremum of its parabola."""
    if i in (0, len(d) - 1):
        return float(i)
    a, b = d[i + 1] + d[i - 1] - 2 * d[i], (d[i + 1] - d[i - 1]) / 2
    return i - b / a if abs(b) < abs(a) else float(i)


def troughs(d: NDArray[Any]) -> list[int]:
    """Return the lags lower than the one before and not higher than the one after."""
    n = len(d)
    return [i for i in range(n) if (i == 0 or d[i] < d[i - 1]) and (i == n - 1 or (d[i] < d[1] if i == 0 else d[i] <= d[i + 1]))]


def plain_yin(y: NDArray[Any], **settings: Any) -> NDArray[Any]:
    """YIN, one frame after the other."""
    rows, low = difference_function(y, **settings)
    result = []
    for d in rows:
        below = [i for i in troughs(d) if d[i] < 0.1]
        result.append(settings["sr"] / (low + shifted(d, below[0] if below else int(np.argmin(d)))))
    return np.array(result)


def plain_pyin(y: NDArray[Any], **settings: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """PYIN with the defaults, the whole transition matrix included; f0 of voiced frames, NaN elsewhere."""
    sr, fmin, fmax, hop = settings["sr"], settings["fmin"], settings["fmax"], settings["hop_length"]
    rows, low = difference_function(y, **settings)
    thresholds = np.linspace(0, 1, 101)
    mass = np.diff(1 - (1 - thresholds) ** 19 - 19 * thresholds * (1 - thresholds) ** 18)  # the beta distribution (2, 18), in closed form
    bins = int(np.floor(120 * np.log2(fmax / fmin))) + 1
    tiny = np.finfo(np.float64).tiny
    observed = np.zeros((len(rows), 2 * bins))
    for t, d in enumerate(rows):
        found = troughs(d)
        probability = np.zeros(len(found))
        for s in range(100):
            below = [i for i, lag in enumerate(found) if d[lag] < thresholds[s + 1]]
            for rank, i in enumerate(below):
                probability[i] += mass[s] * (1 - np.exp(-2)) * np.exp(-2 * rank) / (1 - np.exp(-2 * len(below)))
            if not below and found:
                probability[np.argmin(d[found])] += 0.01 * mass[s]
        for lag, p in zip(found, probability, strict=True):
            place = int(np.clip(np.round(120 * np.log2(sr / (low + shifted(d, lag)) / fmin)), 0, bins))
            if p > 0:
                observed[t, place] = p
        observed[t, bins:] = (1 - np.clip(observed[t, :bins].sum(), 0, 1)) / bins
    width = round(35.92 * 12 * hop / sr) * 10 + 1
    apart = np.abs(np.subtract.outer(np.arange(bins), np.arange(bins)))
    local = np.maximum(1 - apart / ((width + 1) / 2), 0)
    step = np.log(np.kron([[0.99, 0.01], [0.01, 0.99]], local / local.sum(axis=1, keepdims=True)) + tiny)
    value = np.log(observed[0] + tiny) - np.log(2 * bins)
    back = np.zeros(observed.shape, dtype=int)
    for t in range(1, len(rows)):
        back[t] = np.argmax(value[:, None] + step, axis=0)
        value = np.max(value[:, None] + step, axis=0) + np.log(observed[t] + tiny)
    path = [int(np.argmax(value))]
    for t in range(len(rows) - 1, 0, -1):
        path.append(int(back[t, path[-1]]))
    states = np.array(path[::-1])
    f0 = np.where(states < bins, fmin * 2 ** ((states % bins) / 120), np.nan)
    return f0, states < bins, np.clip(observed[:, :bins].sum(axis=1), 0, 1)


SMALL: dict[str, Any] = {"fmin": 80.0, "fmax": 400.0, "sr": 8000.0, "frame_length": 400, "hop_length": 100}


@pytest.fixture(scope="module")
def phrase() -> NDArray[np.float32]:
    """A gliding vowel between two stretches of noise, 8 kHz."""
    voiced = vowel(glide(110, 180, 0.5), duration_s=0.5, sample_rate_hz=8000, hnr_db=15).samples
    noise = 0.02 * np.random.default_rng(1).standard_normal(1600)
    return np.concatenate([noise, voiced, noise]).astype(np.float32)


def test_yin_equals_its_definition(phrase: NDArray[np.float32]) -> None:
    ours, expected = audio.yin(phrase, **SMALL), plain_yin(phrase, **SMALL)
    assert ours.shape == expected.shape and ours.dtype == np.float64
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_pyin_equals_its_definition(phrase: NDArray[np.float32]) -> None:
    f0, voiced, probability = audio.pyin(phrase, **SMALL)
    expected_f0, expected_voiced, expected_probability = plain_pyin(phrase, **SMALL)
    assert np.array_equal(voiced, expected_voiced)
    np.testing.assert_allclose(f0, expected_f0, rtol=1e-12)
    np.testing.assert_allclose(probability, expected_probability, atol=1e-6)
    assert 0.4 < voiced.mean() < 0.7


OTHERS: list[dict[str, Any]] = [
    {"fmin": 65, "fmax": 2093},
    {"fmin": 60, "fmax": 500, "frame_length": 1024, "hop_length": 160},
    {"fmin": 80, "fmax": 400, "center": False},
]


@pytest.mark.parametrize("settings", OTHERS, ids=["default", "short", "plain"])
def test_against_librosa(settings: dict[str, Any], voice: NDArray[np.float32], real_clips: list[tuple[str, NDArray[np.float32]]]) -> None:
    librosa = pytest.importorskip("librosa", reason="librosa is the oracle of this test (pip install emotion-native[dev])")
    clips = [voice, vowel(glide(90, 250, 1.0), hnr_db=20).samples, *(samples[:40000] for _, samples in real_clips[::4])]
    frames = other_yin = other_flag = other_pitch = other_probability = 0
    for y in clips:
        expected = librosa.yin(y, sr=16000, **settings)
        ours = audio.yin(y, sr=16000, **settings)
        assert ours.shape == expected.shape and ours.dtype == expected.dtype
        other_yin += int(np.sum(np.abs(ours / expected - 1) > 1e-4))
        expected_f0, expected_voiced, expected_probability = librosa.pyin(y, sr=16000, **settings)
        f0, voiced, probability = audio.pyin(y, sr=16000, **settings)
        assert voiced.dtype == expected_voiced.dtype and f0.dtype == expected_f0.dtype and probability.dtype == expected_probability.dtype
        both = voiced & expected_voiced
        frames += len(f0)
        other_flag += int(np.sum(voiced != expected_voiced))
        other_pitch += int(np.sum(np.abs(np.log2(f0[both] / expected_f0[both])) > 1e-9))
        other_probability += int(np.sum(np.abs(probability - expected_probability) > 1e-6))
    assert other_yin <= 0.002 * frames, other_yin
    assert other_flag <= 0.002 * frames and other_pitch <= 0.002 * frames, (other_flag, other_pitch, frames)
    assert other_probability <= 0.01 * frames, other_probability


def test_channels_are_tracked_one_by_one(phrase: NDArray[np.float32]) -> None:
    both = np.stack([phrase, phrase[::-1], np.zeros_like(phrase), 0.5 * phrase]).reshape(2, 2, -1)
    for arguments in ({}, {"pad_mode": "reflect"}, {"center": False}):
        settings: dict[str, Any] = {"fmin": 80, "fmax": 600, "sr": 16000, "frame_length": 1024, **arguments}
        f0 = audio.yin(both, **settings)
        path = audio.pyin(both, **settings)
        for i, j in np.ndindex(2, 2):
            assert np.array_equal(f0[i, j], audio.yin(both[i, j], **settings))
            for found, expected in zip(path, audio.pyin(both[i, j], **settings), strict=True):
                assert found.dtype == expected.dtype and np.array_equal(found[i, j], expected, equal_nan=found.dtype == np.float64)


def test_gain_does_not_matter(phrase: NDArray[np.float32]) -> None:
    for gain in (2.0**-20, 2.0**20):  # exact scalings
        assert np.array_equal(audio.yin(phrase * np.float32(gain), **SMALL), audio.yin(phrase, **SMALL))
        assert np.array_equal(audio.pyin(phrase * np.float32(gain), **SMALL)[0], audio.pyin(phrase, **SMALL)[0], equal_nan=True)


@pytest.mark.parametrize("sr", [8000, 16000, 48000, 96000])
def test_sampling_rates_and_pad_modes(sr: int) -> None:
    y = vowel(200, duration_s=0.5, sample_rate_hz=sr).samples
    settings = {"fmin": 100.0, "fmax": 500.0, "sr": sr, "frame_length": sr // 25}
    for pad_mode in ("constant", "edge", "reflect", "symmetric"):
        f0 = audio.yin(y, pad_mode=pad_mode, **settings)
        assert np.median(np.abs(f0 / 200 - 1)) < 2e-3
    f0, voiced, _ = audio.pyin(y, **settings)
    assert voiced[3:-3].all() and np.all(np.abs(f0[3:-3] / 200 - 1) < 4e-3)  # half a bin of ten cents, and a little
    guess = audio.pyin(y, fill_na=None, **settings)[0]
    assert np.isfinite(guess).all()


@pytest.mark.parametrize("y", [np.zeros(8000), np.ones(8000), np.full(1, 0.5), np.sign(np.sin(np.arange(8000) * 0.1)), np.full(300, 1e-40)])
def test_degenerate_clips(y: NDArray[np.float64]) -> None:
    f0 = audio.yin(y, **SMALL)
    assert f0.shape == (1 + len(y) // 100,) and np.isfinite(f0).all() and (f0 > 0).all()
    _, voiced, probability = audio.pyin(y, **SMALL)
    assert voiced.shape == f0.shape and ((probability >= 0) & (probability <= 1)).all()


def test_bad_input() -> None:
    y = np.zeros(4000, dtype=np.float32)
    good: dict[str, Any] = {"fmin": 65, "fmax": 2093}
    for bad in (np.array([]), np.float32(0), np.zeros((2, 0)), np.array([np.nan] * 5000), np.zeros(5000, dtype=np.int16), [0.0] * 5000):
        for function in (audio.yin, audio.pyin):
            with pytest.raises(InvalidInputError, match=r"y of p?yin must be"):
                function(bad, **good)  # type: ignore[operator, arg-type]  # wrong types on purpose
    for name, value in (("fmin", 0), ("fmin", 3000), ("fmax", 12000), ("sr", -1), ("frame_length", 200), ("hop_length", 0), ("pad_mode", "glass")):
        for function in (audio.yin, audio.pyin):
            with pytest.raises(InvalidInputError):
                function(y, **{**good, name: value})  # type: ignore[operator]
    for name, value in (
        ("n_thresholds", 0),
        ("beta_parameters", (1,)),
        ("beta_parameters", (0, 1)),
        ("boltzmann_parameter", 0),
        ("resolution", 1.5),
        ("switch_prob", 0),
        ("no_trough_prob", 2),
        ("max_transition_rate", 0),
    ):
        with pytest.raises(InvalidInputError, match=f"{name} of pyin"):
            audio.pyin(y, **{**good, name: value})
    with pytest.raises(InvalidInputError, match="y of yin must be at least one frame long"):
        audio.yin(y[:1000], center=False, **good)


def test_warnings() -> None:
    y = np.zeros(4000, dtype=np.float32)
    with pytest.warns(UserWarning, match="fewer than two periods of fmin"):
        audio.yin(y, fmin=65, fmax=500, frame_length=512)
    with pytest.warns(FutureWarning, match="win_length of pyin is deprecated"):
        audio.pyin(y, fmin=65, fmax=500, win_length=1024)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio.yin(y, fmin=65, fmax=500)
