"""A source-filter synthesiser of vowels with known pitch, jitter, shimmer, noise and formants: the oracle of the tests of voice measures.

Source: glottal pulses of the KLGLOTT88 model (Klatt & Klatt, J. Acoust. Soc. Am. 87, 1990, section II.B): during the open phase of length D
the flow is u(t) = t^2 (D - t), and closes abruptly at its end; the source is its derivative (radiation included). The instants of closure are the
reference: they are real numbers, c[i + 1] = c[i] + T (1 + e[i]) with T = 1 / f0 in the middle of the period and Gaussian e, and the open phase
follows f0, not e, so that for a constant f0 all pulses have one shape and jitter moves them exactly. Pulses are made at a multiple of the sampling
rate from differences of the flow (an exact average over each step), and brought to the sampling rate by a cut of the spectrum: nothing is rounded
to samples and nothing aliases.

Filter: a cascade of two-pole digital resonators (Klatt, J. Acoust. Soc. Am. 67, 1980, section I.B) with unit gain at 0 Hz, applied by their frequency
response: 1 / (1 - 2 r cos(2 pi F / fs) z^-1 + r^2 z^-2), r = exp(-pi B / fs). A linear predictor of the same order is the exact model of it.

Noise: Gaussian, white or pink (power falling with 1 / f above 20 Hz), scaled so that the energy of the vowel over that of the noise is exactly the
requested ratio.

NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Contour = float | Callable[[Float64], Float64]

# First three formants: Peterson & Barney, J. Acoust. Soc. Am. 24, 1952, table II, men. The two above are usual values for a tract of 17 cm.
FORMANTS_HZ: dict[str, tuple[float, ...]] = {
    "i": (270, 2290, 3010, 3500, 4500),
    "I": (390, 1990, 2550, 3500, 4500),
    "e": (530, 1840, 2480, 3500, 4500),
    "ae": (660, 1720, 2410, 3500, 4500),
    "a": (730, 1090, 2440, 3500, 4500),
    "o": (570, 840, 2410, 3500, 4500),
    "U": (440, 1020, 2240, 3500, 4500),
    "u": (300, 870, 2240, 3500, 4500),
    "V": (640, 1190, 2390, 3500, 4500),
    "er": (490, 1350, 1690, 3500, 4500),
}
BANDWIDTHS_HZ = (60.0, 90.0, 120.0, 175.0, 250.0)


@dataclass(frozen=True)
class Vowel:
    """A synthetic vowel and the truth about it."""

    samples: NDArray[np.float32]
    sample_rate_hz: int
    f0_hz: Callable[[Float64], Float64]  # of times in seconds
    closures_s: Float64  # instants of glottal closure
    amplitudes: Float64  # of the pulses
    formants_hz: tuple[float, ...]
    bandwidths_hz: tuple[float, ...]
    hnr_db: float  # infinite without noise

    @property
    def jitter_local(self) -> float:
        """Mean absolute difference of successive periods over the mean period, as drawn."""
        periods = np.diff(self.closures_s)
        return float(np.mean(np.abs(np.diff(periods))) / np.mean(periods))

    @property
    def shimmer_local(self) -> float:
        """Mean absolute difference of successive amplitudes of the source over the mean amplitude, as drawn."""
        return float(np.mean(np.abs(np.diff(self.amplitudes))) / np.mean(self.amplitudes))

    @property
    def shimmer_db(self) -> float:
        """Mean absolute level difference of successive pulses of the source in dB, as drawn."""
        return float(np.mean(np.abs(20 * np.diff(np.log10(self.amplitudes)))))


def contour(f0_hz: Contour) -> Callable[[Float64], Float64]:
    """Return f0 as a function of time."""
    if callable(f0_hz):
        return f0_hz
    value = float(f0_hz)
    return lambda times: np.full(np.shape(times), value)


def glide(start_hz: float, end_hz: float, duration_s: float) -> Callable[[Float64], Float64]:
    """Return a contour that moves at a constant rate in semitones."""
    return lambda times: start_hz * (end_hz / start_hz) ** (np.asarray(times, dtype=np.float64) / duration_s)


def vibrato(mean_hz: float, *, depth_semitones: float = 1.0, rate_hz: float = 5.0) -> Callable[[Float64], Float64]:
    """Return a contour that swings around its mean by the depth."""
    return lambda times: mean_hz * 2 ** (depth_semitones / 12 * np.sin(2 * np.pi * rate_hz * np.asarray(times, dtype=np.float64)))


def coloured_noise(n: int, *, colour: str, sample_rate_hz: float, seed: int) -> Float64:
    """Return Gaussian noise of unit power, ``"white"`` or ``"pink"``."""
    noise: Float64 = np.random.default_rng(seed).standard_normal(n)
    if colour == "pink":
        frequency = np.maximum(np.fft.rfftfreq(n, 1 / sample_rate_hz), 20.0)
        noise = np.fft.irfft(np.fft.rfft(noise) / np.sqrt(frequency), n)
    elif colour != "white":
        raise ValueError(colour)
    result: Float64 = noise / np.sqrt(np.mean(noise**2))
    return result


def add_noise(
    samples: NDArray[np.floating], snr_db: float, *, colour: str = "white", sample_rate_hz: float = 16000, seed: int = 0
) -> NDArray[np.float32]:
    """Return the samples with noise at exactly that ratio of energies."""
    clean = samples.astype(np.float64)
    noise = coloured_noise(len(clean), colour=colour, sample_rate_hz=sample_rate_hz, seed=seed)
    return (clean + noise * np.sqrt(np.mean(clean**2)) * 10 ** (-snr_db / 20)).astype(np.float32)


def resonators(
    frequency_hz: Float64, formants_hz: tuple[float, ...], bandwidths_hz: tuple[float, ...], sample_rate_hz: float
) -> NDArray[np.complex128]:
    """Return the frequency response of the cascade."""
    z = np.exp(-2j * np.pi * frequency_hz / sample_rate_hz)
    response = np.ones(len(frequency_hz), dtype=np.complex128)
    for formant, bandwidth in zip(formants_hz, bandwidths_hz, strict=True):
        r = np.exp(-np.pi * bandwidth / sample_rate_hz)
        b, c = 2 * r * np.cos(2 * np.pi * formant / sample_rate_hz), -(r**2)
        response *= (1 - b - c) / (1 - b * z - c * z**2)
    return response


def vowel(
    f0_hz: Contour,
    *,
    duration_s: float = 1.0,
    sample_rate_hz: int = 16000,
    formants_hz: str | tuple[float, ...] = "a",
    bandwidths_hz: tuple[float, ...] = BANDWIDTHS_HZ,
    jitter: float = 0.0,
    shimmer_db: float = 0.0,
    hnr_db: float = np.inf,
    noise: str = "white",
    open_quotient: float = 0.6,
    peak: float = 0.5,
    seed: int = 0,
) -> Vowel:
    """Synthesise a vowel.

    Parameters
    ----------
    f0_hz : float or callable
        Constant, or a function of an array of times in seconds.
    formants_hz, bandwidths_hz
        A key of `FORMANTS_HZ` or frequencies; those at or above 0.48 of the sampling rate are left out.
    jitter : float
        Expected local jitter (0.01 is one per cent); the drawn one is a property of the result.
    shimmer_db : float
        Expected mean level difference of successive pulses.
    hnr_db : float
        Energy of the vowel over that of the noise.
    noise : {"white", "pink"}
    open_quotient : float
        Open phase over period.
    peak : float
        Largest magnitude of the vowel before the noise.
    seed : int
        Of jitter, shimmer and noise, one stream each.
    """
    f0 = contour(f0_hz)
    rng = np.random.default_rng([seed, 1])
    sigma, sigma_db = jitter * np.sqrt(np.pi) / 2, shimmer_db * np.sqrt(np.pi) / 2  # mean |a - b| of two normal draws is 2 sigma / sqrt(pi)
    closures, opened = [], []
    now = 0.35 / float(f0(np.zeros(1))[0])
    while now < duration_s:
        period = 1 / float(f0(np.array([now]))[0])
        period = 1 / float(f0(np.array([now + period / 2]))[0])  # of the middle of the period: a glide is followed without lag
        closures.append(now)
        opened.append(open_quotient * period)
        now += period * (1 + sigma * rng.standard_normal())
    amplitudes = 10 ** (sigma_db * np.random.default_rng([seed, 2]).standard_normal(len(closures)) / 20)

    n = round(duration_s * sample_rate_hz)
    over = max(1, int(np.ceil(192_000 / sample_rate_hz)))
    tail = sample_rate_hz // 5  # the slowest resonator has fallen by 160 dB
    padded = n + 2 * tail
    step = 1 / (sample_rate_hz * over)
    flow = np.zeros(padded * over + 1)
    for closure, length, amplitude in zip(closures, opened, amplitudes, strict=True):
        first = int(np.ceil((closure - length) / step)) + tail * over
        last = int(np.floor(closure / step)) + tail * over
        t = (np.arange(first, last + 1) - tail * over) * step - (closure - length)
        flow[first : last + 1] += amplitude * t**2 * np.maximum(length - t, 0) * (6.75 / length**3) * length
    source = np.fft.rfft(np.diff(flow) / step)[: padded // 2 + 1]
    frequency = np.arange(len(source)) * (sample_rate_hz / padded)
    source *= np.exp(-1j * np.pi * frequency * step) * np.clip((0.5 * sample_rate_hz - frequency) / (0.04 * sample_rate_hz), 0, 1)
    names = FORMANTS_HZ[formants_hz] if isinstance(formants_hz, str) else formants_hz
    kept = [(f, b) for f, b in zip(names, bandwidths_hz, strict=False) if f < 0.48 * sample_rate_hz]
    used, widths = tuple(f for f, _ in kept), tuple(b for _, b in kept)
    samples = np.fft.irfft(source * resonators(frequency, used, widths, sample_rate_hz), padded)[tail : tail + n]
    samples *= peak / np.max(np.abs(samples))
    if np.isfinite(hnr_db):
        samples = add_noise(samples, hnr_db, colour=noise, sample_rate_hz=sample_rate_hz, seed=seed + 1000).astype(np.float64)
    return Vowel(samples.astype(np.float32), sample_rate_hz, f0, np.array(closures), amplitudes, used, widths, float(hnr_db))
