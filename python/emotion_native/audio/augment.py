"""Changes of a recording that leave what it expresses: noise, gain, speed, pitch, rooms and band limits, for training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ._arrays import Float32, finite, integer, number, refuse, samples, sampling_rate
from .decoding import resample

__all__ = ["Recipe", "add_noise", "apply", "band_limit", "change_gain", "change_speed", "impulse_response", "reverberate", "shift_pitch"]

Floats = NDArray[np.float64]
_SPEED_STEPS = 1000  # speeds are multiples of a thousandth
_LARGEST_GAIN = 2.0  # of `shift_pitch`: what was all moved beyond the Nyquist frequency does not come back as amplified remains
_FRAME_S = 0.054  # of `shift_pitch`; the power of two nearest to it holds three periods of 80 Hz at any rate, and twice as many cost steadiness
_BOUNDS = {"snr_db": (-200.0, 200.0), "gain_db": (-200.0, 200.0), "speed": (0.25, 4.0), "semitones": (-12.0, 12.0), "rt60_s": (0.02, 10.0)}
_NARROWEST_HZ = 300.0
_STEEPEST_HZ, _WIDEST_HZ = 1.0, 150.0  # half of the transition of an edge of `band_limit`
LOWEST_BAND_RATE_HZ = 1000  # of `band_limit`, and so of every recipe


def _finished(values: NDArray[Any], caller: str) -> Float32:
    return finite(values, "result", caller)


def _generator(rng: Any, caller: str) -> np.random.Generator:
    if not isinstance(rng, np.random.Generator):
        raise refuse("rng", caller, "a numpy.random.Generator", type(rng).__name__)
    return rng


def _about_mean(y: NDArray[Any]) -> tuple[Floats, float]:
    """Return the sound without its offset, and the offset."""
    mean = float(y.mean(dtype=np.float64))
    return y.astype(np.float64) - mean, mean


def _level(sound: Floats, changed: Floats) -> float:
    """Return the factor that brings a changed sound to the energy that it had; 1 for silence."""
    energy = float(changed @ changed)
    return math.sqrt(float(sound @ sound) / energy) if energy > 0 else 1.0


def _listed(values: Any) -> list[Any] | None:
    """Return what a list, a tuple or an array holds; None where it is none of them."""
    return list(values) if isinstance(values, list | tuple) or (isinstance(values, np.ndarray) and values.ndim > 0) else None


def _within(value: Any, name: str, caller: str, bounds: tuple[float, float]) -> float:
    result = number(value, name, caller)
    if not bounds[0] <= result <= bounds[1]:
        raise refuse(name, caller, f"from {bounds[0]:g} to {bounds[1]:g}", repr(value))
    return result


def add_noise(y: NDArray[Any], *, snr_db: float, rng: np.random.Generator, color: str = "white") -> Float32:
    """Add noise of exactly this signal-to-noise ratio, over the whole signal.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite samples.
    snr_db : float
        10 log10 of the signal's energy about its mean (an offset is no sound) over the noise's, -200 to 200.
    rng : Generator
        Its next ``n`` normal numbers are the noise.
    color : {"white", "pink"}
        Gaussian, of equal power in each Hz or in each octave (from 1/1000 of the Nyquist frequency on).

    Returns
    -------
    ndarray of float32, shape (n,)
        A constant signal, silence among them, stays as it is.

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> y = np.sin(np.arange(16000) / 10).astype(np.float32)
    >>> noise = augment.add_noise(y, snr_db=20, rng=np.random.default_rng(0)) - y
    >>> round(float(10 * np.log10((y**2).sum() / (noise**2).sum())), 2)
    20.0
    """
    signal = samples(y, "add_noise").astype(np.float64)
    ratio = _within(snr_db, "snr_db", "add_noise", _BOUNDS["snr_db"])
    if color not in ("white", "pink"):
        raise refuse("color", "add_noise", "'white' or 'pink'", repr(color))
    noise = _generator(rng, "add_noise").standard_normal(len(signal))
    if color == "pink":
        spectrum = np.fft.rfft(noise)
        bins = np.arange(len(spectrum), dtype=np.float64)
        noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(bins, max(1.0, len(bins) / 1000))), len(signal))
    energy = float(noise @ noise)
    sound, _ = _about_mean(signal)
    scale = math.sqrt(float(sound @ sound) / energy * 10 ** (-ratio / 10)) if energy > 0 else 0.0
    return _finished(signal + scale * noise, "add_noise")


def change_gain(y: NDArray[Any], *, gain_db: float) -> Float32:
    """Return the signal times ``10 ** (gain_db / 20)``; what exceeds full scale stays, as float samples may.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite samples.
    gain_db : float
        Of amplitude, in dB, -200 to 200; negative is softer.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> augment.change_gain(np.ones(2, dtype=np.float32), gain_db=-20.0).round(3).tolist()
    [0.10000000149011612, 0.10000000149011612]
    """
    gain = _within(gain_db, "gain_db", "change_gain", _BOUNDS["gain_db"])
    return _finished(samples(y, "change_gain").astype(np.float64) * 10 ** (gain / 20), "change_gain")


def change_speed(y: NDArray[Any], *, speed: float) -> Float32:
    """Play faster or slower, pitch and tempo together: ``ceil(n / speed)`` samples.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite samples.
    speed : float
        0.25 to 4, rounded to thousandths; 1.1 is 10 % faster and as much higher.

    Returns
    -------
    ndarray of float32, shape (ceil(n / speed),)

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> augment.change_speed(np.ones(1100, dtype=np.float32), speed=1.1).shape
    (1000,)
    """
    steps = round(_within(speed, "speed", "change_speed", _BOUNDS["speed"]) * _SPEED_STEPS)
    return resample(samples(y, "change_speed"), orig_sr=steps, target_sr=_SPEED_STEPS)


def _stretched(y: Floats, factor: float, frame: int) -> Floats:
    """Return a signal ``factor`` times as long at the same pitch, by a phase vocoder (Flanagan & Golden, 1966)."""
    hop = frame // 4
    window = np.hanning(frame + 1)[:-1]
    padded = np.pad(y, (frame // 2, frame + frame // 2))
    starts = range(0, len(padded) - frame + 1, hop)
    spectra = np.fft.rfft(np.stack([padded[s : s + frame] for s in starts]) * window, axis=1)
    advance = 2 * np.pi * hop * np.arange(frame // 2 + 1) / frame
    size = math.ceil(len(y) * factor)
    n_out = size // hop + frame // hop + 1
    out = np.zeros(n_out * hop + frame)
    weight = np.zeros_like(out)
    phase = np.angle(spectra[0])
    for k in range(n_out):
        place = min(k / factor, len(spectra) - 1.000001)
        first = int(place)
        a, b = spectra[first], spectra[min(first + 1, len(spectra) - 1)]
        magnitude = np.abs(a) + (place - first) * (np.abs(b) - np.abs(a))
        out[k * hop : k * hop + frame] += np.fft.irfft(magnitude * np.exp(1j * phase), frame) * window
        weight[k * hop : k * hop + frame] += window**2
        turn = np.angle(b) - np.angle(a) - advance
        phase = phase + advance + turn - 2 * np.pi * np.round(turn / (2 * np.pi))
    result: Floats = (out / np.maximum(weight, 0.1))[frame // 2 : frame // 2 + size]
    return result


def shift_pitch(y: NDArray[Any], *, sr: int, semitones: float) -> Float32:
    """Raise or lower the pitch, formants with it, at the same tempo, length and level: a phase vocoder, then a change of speed.

    The frames of the vocoder are 38 to 76 ms long, a power of two in samples (1024 at 16 kHz, 2048 at 44.1 and 48 kHz), and a quarter of that apart.
    A steady voice of 80 Hz or more stays steady. The result has the energy of the signal about its mean, whatever was moved beyond the Nyquist
    frequency, but no more than 6 dB are made up for; the mean, no sound, stays.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite samples.
    sr : int
        Sampling rate in Hz, 100 to 768000.
    semitones : float
        -12 to 12; the ratio is rounded to thousandths.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> augment.shift_pitch(np.ones(8000, dtype=np.float32), sr=16000, semitones=2).shape
    (8000,)
    """
    signal = samples(y, "shift_pitch")
    rate = sampling_rate(sr, "sr", "shift_pitch", low=_core.LOWEST_FEATURE_RATE_HZ)
    shift = _within(semitones, "semitones", "shift_pitch", _BOUNDS["semitones"])
    steps = round(2 ** (shift / 12) * _SPEED_STEPS)
    if steps == _SPEED_STEPS:
        return signal.copy()
    sound, mean = _about_mean(signal)
    if abs(mean) < 1e-3 * math.sqrt(float(sound @ sound) / len(sound)):  # digital silence stays silence: phases begin anew after it
        sound, mean = signal.astype(np.float64), 0.0
    longer = _stretched(sound, steps / _SPEED_STEPS, 1 << round(math.log2(_FRAME_S * rate)))
    shifted = resample(_finished(longer, "shift_pitch"), orig_sr=steps, target_sr=_SPEED_STEPS).astype(np.float64)
    shifted = np.pad(shifted, (0, max(0, len(signal) - len(shifted))))[: len(signal)]
    return _finished(mean + min(_level(sound, shifted), _LARGEST_GAIN) * shifted, "shift_pitch")


def _convolved(y: Floats, h: Floats) -> Floats:
    """Return the convolution, padded with zeros."""
    size = 1 << (len(y) + len(h) - 1).bit_length()
    result: Floats = np.fft.irfft(np.fft.rfft(y, size) * np.fft.rfft(h, size), size)
    return result


def impulse_response(*, sr: int, rt60_s: float, rng: np.random.Generator, direct_db: float = 0.0) -> Float32:
    """Return the response of a synthetic room: the direct sound, then Gaussian noise that decays by 60 dB in ``rt60_s``.

    Parameters
    ----------
    sr : int
        Sampling rate in Hz, 100 to 768000.
    rt60_s : float
        Reverberation time, 0.02 to 10 s.
    rng : Generator
        Its next normal numbers are the reverberation.
    direct_db : float, default=0
        Energy of the direct sound over that of the reverberation, in dB, -200 to 200 (the model: Moorer, "About this reverberation business", 1979).

    Returns
    -------
    ndarray of float32, shape (1 + 1.2 rt60_s sr,)
        The first sample is 1.

    Raises
    ------
    InvalidInputError
        For arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> augment.impulse_response(sr=16000, rt60_s=0.5, rng=np.random.default_rng(0)).shape
    (9601,)
    """
    caller = "impulse_response"
    rate = sampling_rate(sr, "sr", caller, low=_core.LOWEST_FEATURE_RATE_HZ)
    time = _within(rt60_s, "rt60_s", caller, _BOUNDS["rt60_s"])
    n = round(1.2 * time * rate)
    tail = _generator(rng, caller).standard_normal(n) * np.exp(-math.log(1000) / (time * rate) * np.arange(1, n + 1))
    tail *= 10 ** (-_within(direct_db, "direct_db", caller, (-200.0, 200.0)) / 20) / math.sqrt(float(tail @ tail))
    return _finished(np.concatenate([[1.0], tail]), caller)


def reverberate(y: NDArray[Any], *, response: NDArray[Any]) -> Float32:
    """Return the signal in a room of this impulse response, cut to its own length and brought to its own energy; the mean, no sound, stays.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite samples.
    response : ndarray of floats, shape (m,)
        The room's response to a click, at the rate of ``y``, as `impulse_response` gives it.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> augment.reverberate(np.array([1.0, 0, -1, 0]), response=np.array([3.0, 4.0])).round(2)
    array([ 0.6,  0.8, -0.6, -0.8], dtype=float32)
    """
    sound, mean = _about_mean(samples(y, "reverberate"))
    room = samples(response, "reverberate", parameter="response").astype(np.float64)
    wet = _convolved(sound, room)[: len(sound)]
    return _finished(mean + _level(sound, wet) * wet, "reverberate")


def _low_pass(edge_hz: float, width_hz: float, rate: int) -> Floats:
    """Return a Kaiser-windowed sinc: -6 dB at the edge, within 1e-4 of one and of zero from ``width_hz`` below and above it on."""
    half = math.ceil((80 - 7.95) / (14.36 * 2 * width_hz / rate) / 2)
    t = np.arange(-half, half + 1)
    taps: Floats = np.sinc(2 * edge_hz / rate * t) * 2 * edge_hz / rate * np.kaiser(2 * half + 1, 0.1102 * (80 - 8.7))
    return taps


def band_limit(y: NDArray[Any], *, sr: int, low_hz: float = 0.0, high_hz: float | None = None) -> Float32:
    """Keep a band, as a telephone does: a linear-phase filter without delay, -6 dB at the edges.

    Each edge falls from 0 to -80 dB within 150 Hz to either side. Nearer than that to 0 Hz or to the Nyquist frequency, it is as steep as it takes to
    have fallen there: an edge of 50 Hz falls within 50 Hz to either side, between 100 Hz and 0 Hz, and nothing steeper than 1 Hz.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite samples; beyond the ends the signal is continued by its mean, so that an offset makes no click there.
    sr : int
        Sampling rate in Hz, 1000 to 768000.
    low_hz, high_hz : float
        The edges, at least 300 Hz apart; 0 and None: no lower and no upper edge. With a lower edge the mean is taken away.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> tone = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    >>> bool(np.abs(augment.band_limit(tone, sr=16000, low_hz=300, high_hz=3400)[2000:-2000]).max() < 1e-3)
    True
    """
    caller = "band_limit"
    sound, mean = _about_mean(samples(y, caller))
    rate = sampling_rate(sr, "sr", caller, low=LOWEST_BAND_RATE_HZ)
    low = number(low_hz, "low_hz", caller, minimum=0.0)
    high = min(rate / 2, math.inf if high_hz is None else number(high_hz, "high_hz", caller, above=0.0))
    if high - low < _NARROWEST_HZ:
        raise refuse("high_hz", caller, f"at least {_NARROWEST_HZ:g} Hz above low_hz ({low:g}), as sr / 2 must be", repr(high_hz))
    for edge, sign in ((high, 1), (low, -1)):
        beyond = rate / 2 - edge if sign > 0 else edge  # to where the spectrum is mirrored, its other side with it
        if beyond <= 0:
            continue
        taps = sign * _low_pass(edge, min(max(beyond, _STEEPEST_HZ), _WIDEST_HZ), rate)
        half = len(taps) // 2
        taps[half] += sign < 0
        sound = _convolved(sound, taps)[half : half + len(sound)]
    return _finished(sound if low > 0 else mean + sound, caller)


@dataclass(frozen=True)
class Recipe:
    """What may be done to a clip, and within which bounds; each change is drawn with its probability, its size uniformly.

    Attributes
    ----------
    probability : float
        Of each change by itself, 0 to 1.
    snr_db, gain_db, speed, semitones, rt60_s : (float, float) or None
        Bounds; None leaves the change out. Lists and arrays of two numbers are kept as tuples.
    bands_hz : tuple of (float, float)
        Bands of which one is drawn; empty leaves band limits out. Those that do not fit the sampling rate are passed over. Lists and arrays of pairs
        are kept as tuples.

    Raises
    ------
    InvalidInputError
        For a probability that is none, bounds that are no two numbers, the lower first, within what `add_noise` and the others take, and bands
        narrower than 300 Hz.

    Examples
    --------
    >>> Recipe(speed=None).gain_db
    (-6.0, 6.0)
    """

    probability: float = 0.5
    snr_db: tuple[float, float] | None = (5.0, 30.0)
    gain_db: tuple[float, float] | None = (-6.0, 6.0)
    speed: tuple[float, float] | None = (0.9, 1.1)
    semitones: tuple[float, float] | None = (-1.0, 1.0)
    rt60_s: tuple[float, float] | None = (0.1, 0.6)
    bands_hz: tuple[tuple[float, float], ...] = ((300.0, 3400.0), (50.0, 7000.0))

    def __post_init__(self) -> None:
        if not 0 <= number(self.probability, "probability", "Recipe") <= 1:
            raise refuse("probability", "Recipe", "from 0 to 1", repr(self.probability))
        for name, possible in _BOUNDS.items():
            bounds = getattr(self, name)
            if bounds is None:
                continue
            pair = tuple(_within(one, name, "Recipe", possible) for one in _listed(bounds) or ())
            if len(pair) != 2 or pair[0] > pair[1]:
                raise refuse(name, "Recipe", "two bounds, the lower first, or None", repr(bounds))
            object.__setattr__(self, name, pair)
        given = _listed(self.bands_hz)
        bands = tuple(tuple(number(edge, "bands_hz", "Recipe", minimum=0.0) for edge in _listed(band) or ()) for band in given or ())
        if given is None or any(len(band) != 2 or band[1] - band[0] < _NARROWEST_HZ for band in bands):
            raise refuse("bands_hz", "Recipe", f"pairs of edges at least {_NARROWEST_HZ:g} Hz apart", repr(self.bands_hz))
        object.__setattr__(self, "bands_hz", bands)


def apply(
    y: NDArray[Any], *, sr: int, recipe: Recipe, seed: int, clip: int = 0, copy: int = 0, voice: int | None = None
) -> tuple[Float32, Mapping[str, float | str]]:
    """Return a changed copy of a clip, and what was done to it.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples.
    sr : int
        Sampling rate in Hz.
    recipe : Recipe
    seed, clip, copy : int
        Key a stream of random numbers of their own (counter-based: Philox), so that a copy does not depend on what else is made.
    voice : int, optional
        Keys what is done, and the room, instead of ``clip``: clips of one voice are changed alike, as if another person spoke them elsewhere. The
        noise stays each clip's own.

    Returns
    -------
    samples : ndarray of float32, shape (n,), or (ceil(n / speed),) where the speed was changed
    parameters : mapping
        The size of each change that was made, in the order speed, pitch, room, band, noise, gain.

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native.audio import augment
    >>> y, done = augment.apply(np.ones(8000, dtype=np.float32), sr=16000, recipe=augment.Recipe(probability=1.0), seed=0)
    >>> sorted(done)
    ['color', 'gain_db', 'high_hz', 'low_hz', 'rt60_s', 'semitones', 'snr_db', 'speed']
    """
    out = samples(y, "apply")
    if not isinstance(recipe, Recipe):
        raise refuse("recipe", "apply", "a Recipe", type(recipe).__name__)
    for name, value in (("seed", seed), ("clip", clip), ("copy", copy), ("voice", 0 if voice is None else voice)):
        integer(value, name, "apply", low=0 if name == "copy" else -(2**63), high=2**64 - 1)
    key = np.array([seed % 2**64, clip % 2**64], dtype=np.uint64)
    shared = key if voice is None else np.array([seed % 2**64, voice % 2**64], dtype=np.uint64)
    rng = np.random.Generator(np.random.Philox(key=shared, counter=[0, 0, 0, copy]))
    done: dict[str, float | str] = {}
    # Every number is drawn whether it is used or not: leaving a change out leaves the others as they are.
    wanted = rng.random(6) < recipe.probability
    sizes = rng.random(6)
    pink = bool(rng.random() < 0.5)

    def size(name: str, at: int) -> float:
        low, high = getattr(recipe, name)
        return float(low + sizes[at] * (high - low))

    if recipe.speed is not None and wanted[0]:
        done["speed"] = round(size("speed", 0) * _SPEED_STEPS) / _SPEED_STEPS
        out = change_speed(out, speed=float(done["speed"]))
    if recipe.semitones is not None and wanted[1]:
        done["semitones"] = size("semitones", 1)
        out = shift_pitch(out, sr=sr, semitones=float(done["semitones"]))
    if recipe.rt60_s is not None and wanted[2]:
        done["rt60_s"] = size("rt60_s", 2)
        room = np.random.Generator(np.random.Philox(key=shared, counter=[0, 0, 1, copy]))
        out = reverberate(out, response=impulse_response(sr=sr, rt60_s=float(done["rt60_s"]), rng=room))
    bands = [band for band in recipe.bands_hz if band[1] < sr / 2]
    if bands and wanted[3]:
        done["low_hz"], done["high_hz"] = bands[int(sizes[3] * len(bands))]
        out = band_limit(out, sr=sr, low_hz=float(done["low_hz"]), high_hz=float(done["high_hz"]))
    if recipe.snr_db is not None and wanted[4]:
        done["snr_db"], done["color"] = size("snr_db", 4), "pink" if pink else "white"
        hiss = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 2, copy]))
        out = add_noise(out, snr_db=float(done["snr_db"]), rng=hiss, color=str(done["color"]))
    if recipe.gain_db is not None and wanted[5]:
        done["gain_db"] = size("gain_db", 5)
        out = change_gain(out, gain_db=float(done["gain_db"]))
    return out, done
