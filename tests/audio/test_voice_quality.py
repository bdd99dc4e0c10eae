"""Jitter, shimmer and HNR of synthetic vowels with known values, and what must not change them.

Tolerances of jitter and shimmer: each cycle of a vowel still holds the ringing of the cycles before it (a formant 60 Hz wide has fallen to a fifth
after 8 ms), so the perturbation of the waveform is not that of the source: the more so, the shorter the period and the nearer the first formant to
a harmonic. Up to 120 Hz the two agree to 35 % for every vowel, up to 300 Hz on the average of the vowels to 20 %; at 400 Hz a cycle (2.5 ms) rings on
over three others, whose instants are averaged, and jitter comes out at 0.7. The source without formants has no ringing: there jitter is recovered to
10 % at any pitch (each frame weighs the cycles of its own window). Its peaks are too sharp for a sampled shimmer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vowels import FORMANTS_HZ, vibrato, vowel

from emotion_native import audio
from emotion_native.exceptions import InvalidInputError

RATE = 16000


def means(samples: NDArray[Any], rate: int = RATE) -> NDArray[np.float64]:
    """Return the means of jitter, shimmer, shimmer in dB and HNR away from the ends."""
    q = audio.voice_quality(samples, rate)
    return np.array([np.nanmean(v[5:-5]) for v in (q.jitter_local, q.shimmer_local, q.shimmer_db, q.hnr_db)], dtype=np.float64)


@pytest.mark.parametrize("f0_hz", [80, 120, 200, 300, 400])
@pytest.mark.parametrize("jitter", [0.002, 0.01, 0.03])
def test_jitter(f0_hz: float, jitter: float) -> None:
    ratios = []
    for seed, formants in enumerate([*FORMANTS_HZ, ()]):
        clip = vowel(f0_hz, formants_hz=formants, jitter=jitter, seed=seed)
        ratios.append(means(clip.samples)[0] / clip.jitter_local)
    source = ratios.pop()
    assert 0.9 < source < 1.1
    assert (0.8 if f0_hz < 400 else 0.6) < np.mean(ratios) < 1.2, ratios
    if f0_hz <= 120 and jitter < 0.03:  # of 3 % some pairs differ by more than counts
        assert min(ratios) > 0.65 and max(ratios) < 1.35, ratios


@pytest.mark.parametrize("f0_hz", [80, 120, 200, 300, 400])
@pytest.mark.parametrize("shimmer_db", [0.1, 0.3, 1.0])
def test_shimmer(f0_hz: float, shimmer_db: float) -> None:
    ratios = []
    for seed, formants in enumerate(FORMANTS_HZ):
        clip = vowel(f0_hz, formants_hz=formants, shimmer_db=shimmer_db, seed=seed)
        _, local, in_db, _ = means(clip.samples)
        ratios.append(in_db / clip.shimmer_db)
        assert local / in_db == pytest.approx(clip.shimmer_local / clip.shimmer_db, rel=0.05)
    assert 0.8 < np.mean(ratios) < 1.2, ratios
    if f0_hz <= 120:
        assert min(ratios) > 0.65 and max(ratios) < 1.35, ratios


def test_jitter_and_shimmer_add_to_those_of_noise() -> None:
    """Independent perturbations add as squares, here to a quarter: with little noise (30 dB) the drawn values come back."""
    for formants in ("a", "i", "u", "e", "o"):
        clip = vowel(120, formants_hz=formants, jitter=0.02, shimmer_db=0.8, hnr_db=30, seed=3)
        jitter, _, shimmer_db, _ = means(clip.samples)
        assert 0.65 < jitter / clip.jitter_local < 1.35 and 0.65 < shimmer_db / clip.shimmer_db < 1.35, formants


@pytest.mark.parametrize("f0_hz", [70, 80, 120, 200, 330, 400, 500])
@pytest.mark.parametrize("hnr_db", [0, 5, 10, 15, 20, 25, 30])
def test_hnr(f0_hz: float, hnr_db: float) -> None:
    # Above 20 dB what a Hann window of 4.5 periods leaks counts too.
    tolerance = {0: 0.8, 5: 0.6, 10: 0.6, 15: 0.6, 20: 0.8, 25: 3.0, 30: 4.0}[hnr_db]
    for seed, formants in enumerate(("a", "i", "u", "er", "e")):
        clip = vowel(f0_hz, formants_hz=formants, hnr_db=hnr_db, seed=seed)
        assert abs(means(clip.samples)[3] - hnr_db) < tolerance, formants


@pytest.mark.parametrize("formants", ["a", "i", "u"])
def test_a_perfect_voice_has_no_perturbation_and_noise_adds_little(formants: str) -> None:
    for f0_hz in (70, 120, 200, 330, 500):
        jitter, _, shimmer_db, hnr_db = means(vowel(f0_hz, formants_hz=formants).samples)
        assert jitter < 2e-4 and shimmer_db < 0.01 and hnr_db > 25
    for f0_hz in (70, 120):
        jitter, _, shimmer_db, _ = means(vowel(f0_hz, formants_hz=formants, hnr_db=20).samples)
        # The peak of a cycle is that of vowel plus noise: 0.1 of the root-mean-square is 2 to 4 % of it, and 8.7 dB x 2 / sqrt(pi) times as much.
        assert jitter < 2e-3 and shimmer_db < 0.5


def test_invariances() -> None:
    clip = vowel(vibrato(140), jitter=0.01, shimmer_db=0.3, hnr_db=25, seed=1).samples
    expected = audio.voice_quality(clip, RATE)
    for other, rtol in ((-clip, 1e-5), (clip * np.float32(1e-6), 2e-3), (clip * np.float32(1e6), 2e-3), (clip + np.float32(0.25), 1e-2)):
        q = audio.voice_quality(other, RATE)  # an offset costs the samples bits
        for name in ("jitter_local", "shimmer_local", "shimmer_db", "hnr_db"):
            # 0.2 dB: at 47 dB one minus the correlation is 2e-5, and single precision shows.
            np.testing.assert_allclose(getattr(q, name), getattr(expected, name), rtol=rtol, atol=0.2 if name == "hnr_db" else 1e-4)
    again = audio.voice_quality(clip, RATE, track=audio.pitch(clip, RATE))
    assert np.array_equal(again.jitter_local, expected.jitter_local, equal_nan=True)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_sampling_rates(rate: int) -> None:
    clip = vowel(120, sample_rate_hz=rate, formants_hz="e", jitter=0.01, shimmer_db=0.4, seed=2)
    jitter, _, shimmer_db, _ = means(clip.samples, rate)
    assert 0.7 < jitter / clip.jitter_local < 1.3 and 0.7 < shimmer_db / clip.shimmer_db < 1.3
    noisy = vowel(120, sample_rate_hz=rate, formants_hz="e", hnr_db=15)
    assert abs(means(noisy.samples, rate)[3] - 15) < 1


@pytest.mark.parametrize("clip", [np.zeros(8000), np.ones(8000), np.full(1, 0.5), np.random.default_rng(0).standard_normal(8000)])
def test_no_voice(clip: NDArray[np.float64]) -> None:
    q = audio.voice_quality(clip, RATE)
    frames = 1 + len(clip) // 160
    for values in (q.jitter_local, q.shimmer_local, q.shimmer_db, q.hnr_db):
        assert values.shape == (frames,) and values.dtype == np.float32 and np.isnan(values).all()


def test_bad_input() -> None:
    clip = vowel(120, duration_s=0.3).samples
    track = audio.pitch(clip, RATE)
    for bad in (np.array([]), np.zeros((2, 100)), np.array([np.nan] * 5000), np.zeros(5000, dtype=np.int16)):
        with pytest.raises(InvalidInputError, match="samples of voice_quality must be"):
            audio.voice_quality(bad, RATE)
    with pytest.raises(InvalidInputError, match="track of voice_quality must be a PitchTrack"):
        audio.voice_quality(clip, RATE, track=track.f0_hz)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="times_s of voice_quality"):
        audio.voice_quality(clip[:1000], RATE, track=track)
    with pytest.raises(InvalidInputError, match="f0_hz of voice_quality"):
        audio.voice_quality(clip, 200.0 * 20, track=audio.PitchTrack(track.times_s, track.f0_hz * 20, track.voiced_probability))
