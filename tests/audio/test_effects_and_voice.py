"""Silence cut off and out against librosa's definition, and voice activity and quality on signals of known make."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native import audio
from emotion_native.exceptions import InvalidInputError

RATE = 16_000


def by_definition(y: np.ndarray, top_db: float, frame_length: int, hop: int, ref: Any = np.max) -> np.ndarray:
    """Return which frames are not silent: centred frames of a signal padded with zeros, their level against the reference in dB."""
    padded = np.pad(y.astype(np.float64), frame_length // 2)
    starts = range(0, len(padded) - frame_length + 1, hop)
    levels = np.array([np.sqrt(np.mean(padded[s : s + frame_length] ** 2)) for s in starts])
    reference = ref(levels) if callable(ref) else ref
    return np.asarray(20 * np.log10(np.maximum(levels, 1e-5)) - 20 * math.log10(max(reference, 1e-5)) > -top_db)


def bursts(seed: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = 1e-4 * rng.normal(size=n)
    for _ in range(rng.integers(0, 4)):
        begin = int(rng.integers(0, n))
        y[begin : begin + int(rng.integers(1, n))] += rng.normal() * 0.3
    return y.astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(2, 9000),
    st.sampled_from([(2048, 512), (512, 128), (300, 77), (1, 1)]),
    st.sampled_from([10.0, 30.0, 60.0]),
)
def test_trim_and_split_follow_the_definition(seed: int, n: int, framing: tuple[int, int], top_db: float) -> None:
    y, (length, hop) = bursts(seed, n), framing
    loud = by_definition(y, top_db, length, hop)
    trimmed, index = audio.effects.trim(y, top_db=top_db, frame_length=length, hop_length=hop)
    places = np.flatnonzero(loud)
    expected = [places[0] * hop, min(n, (places[-1] + 1) * hop)] if places.size else [0, 0]
    assert index.tolist() == expected
    assert np.array_equal(trimmed, y[index[0] : index[1]])
    intervals = audio.effects.split(y, top_db=top_db, frame_length=length, hop_length=hop)
    covered = np.zeros(n, dtype=bool)
    for begin, end in intervals:
        covered[begin:end] = True
    frames = np.repeat(loud, hop)[:n]
    assert np.array_equal(covered[: len(frames)], frames)
    assert (np.diff(intervals.ravel()) >= 0).all()


def test_references_and_channels() -> None:
    y = bursts(3, 20_000)
    both = np.stack([y, np.zeros_like(y)])
    assert np.array_equal(audio.effects.trim(both)[1], audio.effects.trim(y)[1])
    assert audio.effects.trim(both)[0].shape[0] == 2
    assert np.array_equal(audio.effects.split(y, ref=np.mean), audio.effects.split(y, ref=float(audio.rms(y=y).astype(np.float64).mean())))
    assert audio.effects.trim(y, ref=1e6)[1].tolist() == [0, 0]
    assert audio.effects.split(y, ref=1e6).shape == (0, 2)
    assert audio.effects.trim(np.zeros(5000, dtype=np.float32))[1].tolist() == [0, 5000]  # the reference is silent too
    assert np.shares_memory(audio.effects.trim(y)[0], y)


@pytest.mark.parametrize("arguments", [{"top_db": "loud"}, {"hop_length": 0}, {"frame_length": -1}, {"ref": None}])
def test_what_trim_and_split_refuse(arguments: dict[str, Any]) -> None:
    for function in (audio.effects.trim, audio.effects.split):
        with pytest.raises(InvalidInputError, match=next(iter(arguments))):
            function(np.ones(3000, dtype=np.float32), **arguments)
        with pytest.raises(InvalidInputError, match="y of"):
            function([0.0, 1.0])


def voiced(n: int, rate: int = RATE) -> np.ndarray:
    t = np.arange(n) / rate
    return np.sum([np.cos(2 * np.pi * 130 * h * t + h * h) for h in range(1, 25)], axis=0) / np.sqrt(12)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("snr_db", [10, 25])
def test_speech_in_noise_is_found_at_its_place_and_level(rate: int, snr_db: float, rng: np.random.Generator) -> None:
    y = 0.01 * rng.normal(size=4 * rate)
    begin, end = rate, int(2.5 * rate)
    y[begin:end] += 0.01 * 10 ** (snr_db / 20) * voiced(end - begin, rate)
    found = audio.voice_activity(y, sr=rate)
    assert found.segments.shape == (1, 2)
    assert np.abs(found.segments[0] - [begin, end]).max() < 0.045 * rate
    spoken = np.abs(np.arange(len(found.frames)) * found.hop_length - (begin + end) / 2) < (end - begin) / 2
    assert (found.frames != spoken).sum() <= 4
    share = (min(4000, 0.45 * rate) - 100) / (rate / 2)  # of the noise, in the band
    inside = np.sum(np.arange(1, 25) * 130 < min(4000, 0.45 * rate)) / 24  # of the voice
    assert abs(found.snr_db - (snr_db + 10 * np.log10(inside / share))) < 1.0
    measured = audio.signal_quality(y, sr=rate)
    assert measured["reason"] == ""
    assert abs(measured["speech_s"] - 1.5) < 0.1
    assert measured["snr_db"] == found.snr_db


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_an_undistorted_tone_is_not_clipped_and_a_clipped_one_is(rate: int) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 120 * np.arange(rate) / rate)
    eight_bits = np.round(128 * tone) / 128
    assert audio.signal_quality(tone, sr=rate)["clipped_ratio"] == audio.signal_quality(eight_bits, sr=rate)["clipped_ratio"] == 0
    share = 1 - 2 / np.pi * np.arcsin(0.8)
    for gain in (0.01, 1.0, 7.0):
        found = audio.signal_quality(gain * np.clip(tone, -0.08, 0.08), sr=rate)["clipped_ratio"]
        assert abs(found - share) < 4 * 120 / rate  # a sample on either side of each top


def test_an_offset_changes_nothing_but_the_offset(rng: np.random.Generator) -> None:
    y = 1e-3 * rng.normal(size=3 * RATE)
    y[RATE : 2 * RATE] += 0.05 * voiced(RATE)
    plain, moved = (audio.signal_quality(y + offset, sr=RATE) for offset in (0.0, 0.2))
    assert moved.pop("offset") - plain.pop("offset") == pytest.approx(0.2, abs=1e-6)
    assert moved.pop("reason") == plain.pop("reason") == ""
    for name, value in plain.items():
        assert moved[name] == pytest.approx(value, abs=1e-3), name
    dead = audio.signal_quality(0.01 + 1e-5 * rng.normal(size=RATE), sr=RATE)
    assert dead["reason"] == "silent" and dead["level_dbfs"] == pytest.approx(-100, abs=0.2)


def test_any_number_of_seconds_may_be_bridged(rng: np.random.Generator) -> None:
    y = 1e-3 * rng.normal(size=4 * RATE)
    for second in (0, 3):
        y[second * RATE : (second + 1) * RATE] += 0.1 * voiced(RATE)
    assert len(audio.voice_activity(y, sr=RATE).segments) == 2
    assert len(audio.voice_activity(y, sr=RATE, bridge_s=1e300).segments) == 1
    assert len(audio.voice_activity(y, sr=RATE, shortest_s=1e300).segments) == 0


def test_reasons(rng: np.random.Generator) -> None:
    speech = np.zeros(3 * RATE)
    speech[RATE : 2 * RATE] = 0.3 * voiced(RATE)
    assert audio.signal_quality(speech + 1e-3 * rng.normal(size=len(speech)), sr=RATE)["reason"] == ""
    assert audio.signal_quality(0.1 * rng.normal(size=RATE), sr=RATE)["reason"] == "no_speech"
    assert audio.signal_quality(speech[RATE : RATE + 3000], sr=RATE)["reason"] == "too_short"
    assert audio.signal_quality(1e-5 * speech, sr=RATE)["reason"] == "silent"
    limited = np.clip(8 * speech, -1, 1) + 1e-4 * rng.normal(size=len(speech)) * (np.abs(speech) < 0.1)
    assert audio.signal_quality(limited, sr=RATE)["reason"] == "clipped"
    from emotion_native.calibration import ABSTENTION_REASONS

    assert {"too_short", "silent", "no_speech", "clipped", "noisy"} <= set(ABSTENTION_REASONS)
    with pytest.raises(InvalidInputError, match="sr of signal_quality"):
        audio.signal_quality(speech, sr=10)
    with pytest.raises(InvalidInputError, match="bridge_s of voice_activity"):
        audio.voice_activity(speech, sr=RATE, bridge_s=-1)
