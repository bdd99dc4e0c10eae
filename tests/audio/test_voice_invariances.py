"""Gain, polarity, offset and padding of the measures of voices, for any synthetic voice: what must not change does not.

A gain of a power of two and a change of sign are exact in floating point, so results keep their bits but for what is a level,
and the rounding of librosa's decibels.
An offset costs the samples bits, and silence around a clip changes which frames tell about the noise: there the tolerance is that of the fine errors
in noise.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from vowels import FORMANTS_HZ, add_noise, glide, vowel

from emotion_native import audio

RATE = 16000
HOP = 160
YIN: dict[str, Any] = {"fmin": 75, "fmax": 600, "sr": RATE, "frame_length": 1024, "hop_length": HOP}
Samples = NDArray[np.float32]


def make_voice(seed: int) -> Samples:
    """Return a gliding vowel of 0.4 s, 80 to 400 Hz, with jitter, shimmer and noise, between pauses with noise alone."""
    rng = np.random.default_rng(seed)
    start = float(80 * 5 ** rng.uniform())
    f0 = glide(start, float(np.clip(start * 2 ** rng.uniform(-0.3, 0.3), 80, 400)), 0.4)
    clip = vowel(f0, duration_s=0.4, formants_hz=str(rng.choice(list(FORMANTS_HZ))), jitter=0.005, shimmer_db=0.2, seed=seed % 1000).samples
    return add_noise(np.pad(clip, round(0.15 * RATE)), 25, colour="pink", seed=seed % 1000)


voices = st.integers(0, 2**32 - 1).map(make_voice)


def tracks(y: Samples) -> list[NDArray[Any]]:
    """Return pitch and voice quality."""
    track = audio.pitch(y, RATE)
    quality = audio.voice_quality(y, RATE, track=track)
    return [track.f0_hz, track.voiced_probability, quality.jitter_local, quality.shimmer_local, quality.shimmer_db, quality.hnr_db]


@settings(max_examples=10, deadline=None)
@given(y=voices, exponent=st.integers(-4, 12), sign=st.sampled_from([1, -1]))
def test_gain_and_polarity(y: Samples, exponent: int, sign: int) -> None:
    changed = y * np.float32(sign * 2.0**exponent)
    for before, after in zip(tracks(y), tracks(changed), strict=True):
        assert np.array_equal(before, after, equal_nan=True)
    assert np.array_equal(audio.yin(changed, **YIN), audio.yin(y, **YIN))
    for before, after in zip(audio.pyin(y, **YIN), audio.pyin(changed, **YIN), strict=True):
        assert np.array_equal(before, after, equal_nan=before.dtype == np.float64)
    assert np.array_equal(audio.effects.trim(changed, top_db=20)[1], audio.effects.trim(y, top_db=20)[1])
    assert np.array_equal(audio.effects.split(changed, top_db=20), audio.effects.split(y, top_db=20))
    active, expected = audio.voice_activity(changed, sr=RATE), audio.voice_activity(y, sr=RATE)
    assert np.array_equal(active.frames, expected.frames) and active.snr_db == pytest.approx(expected.snr_db, abs=1e-6)
    quality, known = audio.signal_quality(changed, sr=RATE), audio.signal_quality(y, sr=RATE)
    for name in ("speech_s", "speech_ratio", "segments", "snr_db", "snr_wada_db"):
        assert quality[name] == pytest.approx(known[name], abs=1e-4), name
    for name in ("peak_dbfs", "level_dbfs"):
        assert quality[name] - known[name] == pytest.approx(20 * np.log10(2) * exponent, abs=1e-4), name


def same_track(before: list[NDArray[Any]], after: list[NDArray[Any]], inner: slice, worst_cents: float) -> None:
    """Compare voicing but at the edges of the voice, f0, and the others to what cents of f0 change of their windows."""
    f0, other = before[0][inner], after[0][inner]
    both = np.isfinite(f0) & np.isfinite(other)
    assert np.mean(np.isfinite(f0) != np.isfinite(other)) < 0.05
    if both.any():
        cents = np.abs(1200 * np.log2(other[both] / f0[both]))
        assert cents.max() < worst_cents and np.percentile(cents, 90) < 1
    for index, atol in ((2, 1e-3), (3, 5e-3), (4, 0.05), (5, 0.5)):
        a, b = before[index][inner], after[index][inner]
        both = np.isfinite(a) & np.isfinite(b)
        if both.any():
            assert np.median(np.abs(a[both] - b[both])) < atol, index


@settings(max_examples=10, deadline=None)
@given(y=voices, offset=st.floats(-0.5, 0.5))
def test_an_offset(y: Samples, offset: float) -> None:
    same_track(tracks(y), tracks(y + np.float32(offset)), slice(None), 2)


@settings(max_examples=10, deadline=None)
@given(y=voices, before=st.integers(0, 30), after=st.integers(0, 30))
def test_silence_around_the_clip(y: Samples, before: int, after: int) -> None:
    padded = np.pad(y, (before * HOP, after * HOP))
    n = 1 + len(y) // HOP
    # The tenth of the frames that tells the slope of the noise is one of more frames: a single frame with a flat peak moves within it.
    same_track([v[4 : n - 4] for v in tracks(y)], [v[before + 4 : before + n - 4] for v in tracks(padded)], slice(None), 25)
    assert np.array_equal(audio.yin(padded, **YIN)[before + 4 : before + n - 4], audio.yin(y, **YIN)[4 : n - 4])
    trimmed, (start, end) = audio.effects.trim(y, top_db=20, hop_length=HOP)
    again, (first, last) = audio.effects.trim(padded, top_db=20, hop_length=HOP)
    assert (first, last) == (start + before * HOP, end + before * HOP) and np.array_equal(trimmed, again)
    moved = audio.effects.split(padded, top_db=20, hop_length=HOP) - before * HOP
    assert np.array_equal(moved, audio.effects.split(y, top_db=20, hop_length=HOP))


@pytest.mark.parametrize("feature_set", ["egemaps", "full"])
@settings(max_examples=8, deadline=None)
@given(y=voices, exponent=st.integers(-8, 12), sign=st.sampled_from([1, -1]))
def test_gain_and_polarity_of_vectors(feature_set: str, y: Samples, exponent: int, sign: int) -> None:
    """Spectra are taken of the clip with its peak in [0.5, 1): all but the levels keep their bits; those are rounded after the gain."""
    names = np.array(audio.feature_names(feature_set))
    base, changed = (audio.functionals(x, RATE, feature_set) for x in (y, y * np.float32(sign * 2.0**exponent)))
    of_level = np.array([re.match("loudness|equivalent|energy|melBand", name) is not None for name in names])
    assert np.array_equal(base[~of_level], changed[~of_level]), names[~of_level & (base != changed)]
    before, after = (dict(zip(names, x.astype(np.float64), strict=True)) for x in (base, changed))
    for name in names[of_level]:
        if name in ("loudness_sma3_stddevNorm", "loudnessPeaksPerSec"):
            assert after[name] == pytest.approx(before[name], rel=1e-5), name
        elif name.startswith("loudness_sma3"):
            assert after[name] == pytest.approx(before[name] * 4.0 ** (0.33 * exponent), rel=1e-4), name
        elif name.startswith("equivalent") or re.fullmatch(r"energy_(mean|percentile\d+|offset)", name):
            assert after[name] - before[name] == pytest.approx(20 * np.log10(2) * exponent, abs=1e-3), name
        elif re.fullmatch(r"melBand\d+_(mean|percentile\d+|offset)", name):
            assert after[name] - before[name] == pytest.approx(np.log(4) * exponent, abs=1e-4), name


@settings(max_examples=8, deadline=None)
@given(y=voices, exponent=st.integers(-3, 12), sign=st.sampled_from([1, -1]))
def test_gain_and_polarity_of_classic_vectors(y: Samples, exponent: int, sign: int) -> None:
    """librosa's decibels are of the clip as it is, so that a gain moves their rounding: 4e-6 dB a level, 128 levels a coefficient."""
    names = audio.feature_names("classic")
    base, negative, changed = (
        dict(zip(names, audio.functionals(x, RATE, "classic").astype(np.float64), strict=True)) for x in (y, -y, y * np.float32(sign * 2.0**exponent))
    )
    assert base == negative
    for name in names:
        if name.startswith(("chroma", "tonnetz", "spectral_centroid", "spectral_bandwidth", "spectral_rolloff", "zero_crossing_rate")):
            assert changed[name] == base[name], name
        elif name.startswith("rms"):
            assert changed[name] == pytest.approx(base[name] * 2.0**exponent, rel=1e-6), name
        elif name.startswith("log_mel") and not name.endswith("_std"):
            assert changed[name] - base[name] == pytest.approx(20 * np.log10(2) * exponent, abs=1e-4), name
        elif name.startswith("spectral_flatness"):
            continue  # librosa's floor of 1e-10 under the spectrum is no share of it: a gain of 2 moves the mean by 2e-4 where there is quiet
        elif not name.startswith("mfcc_01") or name.endswith("_std"):  # the first coefficient is the level
            assert changed[name] == pytest.approx(base[name], abs=1e-3), name


@settings(max_examples=5, deadline=None)
@given(y=voices, offset=st.floats(-0.3, 0.3))
def test_an_offset_of_vectors(y: Samples, offset: float) -> None:
    """egemaps and full take the mean away; classic is librosa's and sees an offset in its two lowest bins."""
    for feature_set, share in (("egemaps", 0.97), ("full", 0.95)):
        base, shifted = (audio.functionals(x, RATE, feature_set) for x in (y, y + np.float32(offset)))
        assert np.mean(np.abs(base - shifted) / (np.abs(base) + 1e-2) < 2e-2) > share, feature_set


@settings(max_examples=5, deadline=None)
@given(y=voices, after=st.integers(1, 40))
def test_silence_around_the_clip_of_vectors(y: Samples, after: int) -> None:
    """Means over voiced frames stay; so do extremes of classic that silence cannot hold."""
    padded = np.pad(y, (0, after * 512))
    names = audio.feature_names("egemaps")
    base, longer = (dict(zip(names, audio.functionals(x, RATE, "egemaps"), strict=True)) for x in (y, padded))
    for name in ("F0semitoneFrom27.5Hz_sma3nz_percentile50.0", "F1frequency_sma3nz_amean", "HNRdBACF_sma3nz_amean", "hammarbergIndexV_sma3nz_amean"):
        assert longer[name] == pytest.approx(base[name], rel=0.05, abs=0.3), name
    names = audio.feature_names("classic")
    base, longer = (dict(zip(names, audio.functionals(x, RATE, "classic"), strict=True)) for x in (y, padded))
    for name in ("rms_max", "log_mel_020_max", "spectral_centroid_max", "zero_crossing_rate_max"):
        assert longer[name] >= base[name] * (1 - 1e-6) if base[name] > 0 else longer[name] >= base[name] * (1 + 1e-6), name
