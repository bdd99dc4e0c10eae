"""The columns of "egemaps" against docs/reference/egemaps.md, written once more in plain NumPy: slow, in double precision, from the text alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_native import audio

SR, HOP = 16000, 160
Floats = NDArray[np.float64]
Stretches = list[tuple[int, int]]
RATIOS = ("F0semitoneFrom27.5Hz", "loudness", "spectralFlux", "jitterLocal", "shimmerLocaldB")  # and frequencies and bandwidths: s / mean


def clip(kind: str) -> Floats:
    t = np.arange(24001) / SR
    f0 = 140 + 20 * np.sin(4 * np.pi * t)
    phase = 2 * np.pi * np.cumsum(f0) / SR
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * 0.1 * (1 + np.sin(6 * np.pi * t))
    rng = np.random.default_rng(3)
    clips = {
        "voice": voice + 0.001 * rng.standard_normal(len(t)),
        "pauses": (voice + 0.003 * rng.standard_normal(len(t))) * (np.sin(2 * np.pi * t) > -0.2),
        "short": voice[:900],
        "noise": 0.1 * rng.standard_normal(8000) + 0.3,
        "one frame": voice[1000:1100],
        "silence": np.zeros(5000),
    }
    return clips[kind].astype(np.float32).astype(np.float64)


def short_power(x: Floats) -> Floats:
    window = 0.54 - 0.46 * np.cos(2 * np.pi * (np.arange(320) + 0.5) / 320)
    padded = np.pad(x, 160 + HOP)
    frames = np.stack([padded[HOP + t * HOP : HOP + t * HOP + 320] for t in range(1 + len(x) // HOP)])
    return (np.abs(np.fft.rfft(frames * window, 512)) * 2 / window.sum()) ** 2


def smoothed(x: Floats, counts: NDArray[np.bool_]) -> Floats:
    near = [[u for u in range(max(0, t - 1), min(len(x), t + 2)) if counts[u]] for t in range(len(x))]
    return np.array([x[near[t]].mean() if counts[t] else 0.0 for t in range(len(x))])


def gain_of(x: Floats) -> float:
    return float(2.0 ** max(-20, np.floor(np.log2(np.abs(x).max())) + 1)) if x.any() else 1.0  # the peak over it lies in [0.5, 1)


def counted(x: Floats) -> dict[str, NDArray[np.bool_]]:
    """Return the frames in which the descriptors of the spectrum exist, by name; those that are not named exist in all."""
    parts = [x[max(0, (t - 1) * HOP) : (t + 1) * HOP] for t in range(1 + len(x) // HOP)]
    sounding = np.array([np.ptp(part) > 2.0**-20 * gain_of(x) for part in parts])
    balance = dict.fromkeys(("alphaRatio", "hammarbergIndex", "slope0-500", "slope500-1500"), sounding)
    return balance | {"spectralFlux": sounding & np.concatenate([[False], sounding[:-1]])}


def spectral_descriptors(x: Floats) -> dict[str, Floats]:
    gain = gain_of(x)
    power, hz = short_power(x / gain), np.arange(257) * SR / 512
    edges = 700 * (10 ** (np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 8000 / 700), 28) / 2595) - 1)
    triangles = [np.maximum(0, np.minimum((hz - a) / (b - a), (c - hz) / (c - b))) for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)]
    energy = power @ np.array(triangles).T
    energy += max(1e-12, 1e-5 * energy.max())
    w, bands, rows = 2 * np.pi * edges[1:-1], np.arange(26), {}
    ear = (w**2 + 56.8e6) * w**4 / ((w**2 + 6.3e6) ** 2 * (w**2 + 0.38e9) * (1 + w**6 / 9.58e26))
    rows["loudness"] = ((ear * energy * gain**2) ** 0.33).sum(axis=1)
    for k in range(1, 5):
        cosines = np.sqrt(2 / 26) * np.cos(np.pi * k * (bands + 0.5) / 26)
        rows[f"mfcc{k}"] = np.log(energy) @ cosines * (1 + 11 * np.sin(np.pi * k / 22))
    magnitude = np.sqrt(power[:, 1:161])
    magnitude /= np.sqrt((magnitude**2).sum(axis=1, keepdims=True) + 1e-12)
    rows["spectralFlux"] = np.sqrt((np.diff(magnitude, axis=0, prepend=magnitude[:1]) ** 2).sum(axis=1))
    rows["alphaRatio"] = 10 * np.log10((power[:, 33:161].sum(axis=1) + 1e-12) / (power[:, 2:33].sum(axis=1) + 1e-12))
    rows["hammarbergIndex"] = 10 * np.log10((power[:, 1:65].max(axis=1) + 1e-12) / (power[:, 65:161].max(axis=1) + 1e-12))
    level = 10 * np.log10(power + 1e-12)
    rows["slope0-500"] = np.polyfit(hz[1:17], level[:, 1:17].T, 1)[0]
    rows["slope500-1500"] = np.polyfit(hz[16:49], level[:, 16:49].T, 1)[0]
    frames = counted(x)
    return {name: smoothed(row, frames.get(name, np.ones(len(row), dtype=bool))) for name, row in rows.items()}


def stretches(marks: NDArray[np.bool_]) -> Stretches:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def slopes(x: Floats, parts: Stretches, sign: int) -> tuple[float, float]:
    time, slope = [], []
    for a, b in parts:
        for first, last in stretches(sign * np.diff(x[a:b]) > 0):
            time.append((last - first) * 0.01)
            slope.append((x[a + last] - x[a + first]) / time[-1])
    if not time:
        return 0.0, 0.0
    mean = np.average(slope, weights=time)
    return float(mean), float(np.sqrt(np.average((np.array(slope) - mean) ** 2, weights=time)))


def peaks(x: Floats) -> int:
    step, low, high, found = 0.1 * (x.max() - x.min()), x[0], -np.inf, 0
    if step <= 1e-7 * abs(x.max()):
        return 0
    for value in x:
        if high == -np.inf:
            low = min(low, value)
            high = value if value >= low + step else high
        else:
            high = max(high, value)
            if value <= high - step:
                found, low, high = found + 1, value, -np.inf
    return found


def vector(x: Floats, rows: dict[str, Floats]) -> dict[str, float]:
    """Return the 88 columns from the descriptors."""
    voiced = rows["F0semitoneFrom27.5Hz"] > 0
    frames = {"all": np.ones_like(voiced), "V": voiced, "UV": ~voiced}
    sounding = counted(x - x.mean())
    result: dict[str, float] = {}
    for column in audio.feature_names("egemaps")[:81]:
        stem, functional = column.split("_sma3")[0], column.split("_")[-1]
        name = stem if stem in rows else stem.replace("UV", "").replace("V", "")
        which = "UV" if "UV" in stem else "V" if "sma3nz" in column else "all"
        parts = stretches(frames[which] & sounding.get(name, frames["all"]))
        values = np.concatenate([rows[name][a:b] for a, b in parts] or [np.zeros(1)])
        s, mean = values.std(), values.mean()
        if functional == "stddevNorm" and (name in RATIOS or name.endswith(("frequency", "bandwidth"))):
            result[column] = 0.0 if s <= 1e-6 * abs(mean) else min(10.0, s / abs(mean)) if mean else 10.0
        elif functional == "stddevNorm":
            result[column] = 0.0 if s <= 1e-6 * abs(mean) or mean == 0 else s / mean if abs(s / mean) <= 5 else 25 * mean / s
        elif functional == "amean":
            result[column] = mean
        elif functional == "pctlrange0-2":
            result[column] = float(np.percentile(values, 80) - np.percentile(values, 20))
        elif functional.startswith("percentile"):
            result[column] = float(np.percentile(values, float(functional[10:])))
        else:
            result[column] = slopes(rows[name], parts, 1 if "Rising" in functional else -1)[functional.startswith("stddev")]
    duration = len(x) / SR
    result["loudnessPeaksPerSec"] = peaks(rows["loudness"]) / duration
    result["VoicedSegmentsPerSec"] = len(stretches(voiced)) / duration
    for which, word, unit in (("V", "VoicedSegmentLength", "Sec"), ("UV", "UnvoicedSegmentLength", "")):
        lengths = np.array([(b - a) * 0.01 for a, b in stretches(frames[which])] or [0.0])
        result[f"Mean{word}{unit}"], result[f"Stddev{word}{unit}"] = lengths.mean(), lengths.std()
    result["equivalentSoundLevel_dBp"] = 10 * np.log10(max(np.mean((x - x.mean()) ** 2), 1e-12))
    return result


KINDS = ["voice", "pauses", "short", "noise", "one frame", "silence"]


@pytest.mark.parametrize("kind", KINDS)
def test_descriptors_of_the_spectrum_are_those_of_the_page(kind: str) -> None:
    x = clip(kind)
    rows = dict(zip(audio.descriptor_names(), audio.descriptors(x, SR).astype(np.float64), strict=True))
    for name, expected in spectral_descriptors(x - x.mean()).items():
        # Single precision: logarithms of powers near the floor of 1e-12 lose a few units.
        tolerance = 1e-5 * np.abs(expected).max() + (1e-3 if name == "hammarbergIndex" else 1e-4 if name.startswith("mfcc") else 2e-7)
        assert np.abs(rows[name] - expected).max() <= tolerance, name


@pytest.mark.parametrize("kind", KINDS)
def test_pitch_in_semitones_is_the_smoothed_track(kind: str) -> None:
    x = clip(kind)
    row = audio.descriptors(x, SR)[0].astype(np.float64)
    track = audio.pitch(x - x.mean(), SR, voicing_threshold=0.5)
    f0 = np.where(track.voiced, track.f0_hz.astype(np.float64), 27.5)[: len(row)]
    expected = smoothed(np.maximum(1.0, 12 * np.log2(f0 / 27.5)), track.voiced[: len(row)])
    assert np.abs(row - expected).max() < 2e-5


@pytest.mark.parametrize("kind", KINDS)
def test_functionals_are_those_of_the_page(kind: str) -> None:
    x = clip(kind)
    rows = dict(zip(audio.descriptor_names(), audio.descriptors(x, SR).astype(np.float64), strict=True))
    found = dict(zip(audio.feature_names("egemaps"), audio.functionals(x, SR, "egemaps").astype(np.float64), strict=True))
    expected = vector(x, rows)
    assert list(expected) == list(found)
    for column, value in expected.items():
        assert found[column] == pytest.approx(value, rel=2e-5, abs=2e-8), column
