"""Rows against soundfile and soxr: a 48 kHz file decoded and brought to 16 kHz at like quality; both filters' edges are measured."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import soundfile
import soxr
from protocol import Contender, Row

import emotion_native as en

FROM, TO, SECONDS = 48_000, 16_000, 10
PASS_EDGE = 0.91  # of the lower Nyquist frequency


@cache
def content(channels: int) -> bytes:
    """Return a 16-bit WAV file of tones below 7 kHz and noise below the least step."""
    rng = np.random.default_rng(0)
    time = np.arange(FROM * SECONDS) / FROM
    y = sum(0.05 * np.sin(2 * np.pi * hz * time + hz) for hz in (110, 440, 997, 2500, 4800, 7000))
    both = np.stack([y + 1e-5 * rng.normal(size=time.size) for _ in range(channels)], axis=1)
    buffer = io.BytesIO()
    soundfile.write(buffer, both, FROM, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def theirs(quality: str, channels: int) -> np.ndarray:
    """Decode, mix down and resample by soundfile and soxr."""
    samples, rate = soundfile.read(io.BytesIO(content(channels)), dtype="float32")
    mono = samples if samples.ndim == 1 else (samples[:, 0] + samples[:, 1]) * np.float32(0.5)  # ten times faster than mean(axis=1)
    return np.asarray(soxr.resample(mono, rate, TO, quality=quality))


def edges(resample: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Return the ripple of the pass-band and the highest gain from the lower Nyquist frequency on, in dB.

    Output m answers an impulse at sample i with h[3 m - i]; impulses at three neighbouring samples give every value of h.
    """
    size, step = FROM, FROM // TO
    h = np.zeros(size)
    for shift in range(step):
        x = np.zeros(size, dtype=np.float32)
        x[size // 2 + shift] = 1.0
        h[(step * np.arange(size // step) - shift) % size] = resample(x)
    h[: size // 8] = h[-size // 8 :] = 0.0  # where ours answers to the mean of the impulse, as it continues a signal beyond its ends by its mean
    hz = np.fft.rfftfreq(size, 1 / FROM)
    gain = 20 * np.log10(np.abs(np.fft.rfft(h)) + 1e-12)
    passed, stopped = hz <= PASS_EDGE * TO / 2, hz >= TO / 2
    return float(np.abs(gain[passed]).max()), float(gain[stopped].max())


def _check(ours: np.ndarray, *others: np.ndarray) -> dict[str, float]:
    middle = slice(TO // 2, -TO // 2)
    worst = [float(20 * np.log10(np.abs(ours[middle] - other[middle]).max())) for other in others]
    assert max(worst) < -80, worst  # all tones lie in every pass-band
    found = {f"largest_difference_db_{i}": value for i, value in enumerate(worst)}
    filters: dict[str, Callable[[np.ndarray], np.ndarray]] = {"ours": lambda x: en.audio.resample(x, orig_sr=FROM, target_sr=TO)}
    for quality in ("HQ", "MQ"):
        filters[f"soxr_{quality}"] = lambda x, quality=quality: np.asarray(soxr.resample(x, FROM, TO, quality=quality))
    for name, resample in filters.items():
        found[f"ripple_db_{name}"], found[f"stop_band_db_{name}"] = edges(resample)
    assert found["ripple_db_ours"] < 1e-4 and found["stop_band_db_ours"] <= found["stop_band_db_soxr_HQ"] + 1, found
    return found


def decode_resample(channels: int) -> Row:
    """10 s from memory."""
    kind = {1: "mono", 2: "stereo, mixed down"}[channels]
    return Row(
        "decode_resample" if channels == 1 else "decode_resample_stereo",
        f"Decode and resample 48 to 16 kHz, a 10 s clip, {kind}",
        f"16-bit WAV in memory, {kind}; ours: pass-band to 0.91 of the Nyquist frequency, stop-band from it on, 130 dB down by design, "
        "as soxr HQ (20 bits); soxr MQ is made for 16 bits; both filters' ripple and stop-band are measured and stand in the result file",
        [
            Contender("emotion-native", lambda: en.audio.load(content(channels), sr=TO)[0], 1),
            Contender("soundfile + soxr, HQ", lambda: theirs("HQ", channels), 1, package="soxr", target=2.0),
            Contender("soundfile + soxr, MQ", lambda: theirs("MQ", channels), 1, package="soxr"),
        ],
        _check,
        repeats=15,
    )


ROWS = {"decode_resample": lambda: decode_resample(1), "decode_resample_stereo": lambda: decode_resample(2)}
