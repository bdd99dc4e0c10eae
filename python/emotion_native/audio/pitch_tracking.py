"""The fundamental frequency of a voice."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._display import counted
from ._arrays import Float32, PadMode, each_channel, integer, number, padded, refuse, signal
from ._arrays import samples as _samples

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class PitchTrack:
    """The pitch of a clip, one value a frame.

    Attributes
    ----------
    times_s : ndarray of float64, shape (frames,)
        Centre of each frame in seconds.
    f0_hz : ndarray of float32, shape (frames,)
        Fundamental frequency in Hz; NaN where unvoiced.
    voiced_probability : ndarray of float32, shape (frames,), 0 to 1
        How clearly the frame by itself is voiced; the decision looks at its neighbours too.
    """

    times_s: Float64
    f0_hz: Float32
    voiced_probability: Float32

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Whether each frame is voiced."""
        return np.isfinite(self.f0_hz)

    def __repr__(self) -> str:
        voiced = self.f0_hz[self.voiced]
        found = f"median {np.median(voiced):.0f} Hz, {voiced.min():.0f} to {voiced.max():.0f} Hz" if len(voiced) else "no pitch"
        return f"PitchTrack({counted(len(self.f0_hz), 'frame')}, {len(voiced):,} voiced: {found})"


def pitch(
    samples: NDArray[Any],
    sample_rate_hz: float,
    *,
    fmin_hz: float = 55.0,
    fmax_hz: float = 1000.0,
    hop_s: float = 0.01,
    voicing_threshold: float = 0.45,
) -> PitchTrack:
    """Track the fundamental frequency of a voice: autocorrelation candidates, a path search, a voicing decision.

    Parameters
    ----------
    samples : ndarray of floats, shape (n,)
        Finite mono samples.
    sample_rate_hz : float
        4,000 to 768,000.
    fmin_hz, fmax_hz : float, default 55 and 1000
        Range of the pitch, 20 <= fmin_hz < fmax_hz, which is at most 3000 and sample_rate_hz / 4. A frame is three periods of ``fmin_hz`` long.
    hop_s : float, default=0.01
        Seconds between frames; frame t is centred on ``t * hop_s``.
    voicing_threshold : float, default=0.45
        Normalised autocorrelation at which a frame by itself is as likely voiced as not; higher gives fewer voiced frames.

    Returns
    -------
    PitchTrack
        With 1 + floor(duration / hop_s) frames.

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    References
    ----------
    Boersma, Proc. Institute of Phonetic Sciences Amsterdam 17, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> t = np.arange(16000) / 16000
    >>> voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 10))
    >>> track = audio.pitch(voice, 16000)
    >>> round(float(track.f0_hz[50]), 1), bool(track.voiced[50])
    (140.0, True)
    """
    checked = _samples(samples, "pitch", parameter="samples")
    rate = number(sample_rate_hz, "sample_rate_hz", "pitch", above=0.0)
    low, high = number(fmin_hz, "fmin_hz", "pitch", above=0.0), number(fmax_hz, "fmax_hz", "pitch", above=0.0)
    threshold = number(voicing_threshold, "voicing_threshold", "pitch")
    return PitchTrack(*_core.track_pitch(checked, rate, low, high, number(hop_s, "hop_s", "pitch", above=0.0), threshold))


@dataclass(frozen=True)
class VoiceQuality:
    """Measures of single glottal cycles, one value a frame of the track; NaN where the frame is unvoiced.

    Attributes
    ----------
    jitter_local : ndarray of float32, shape (frames,)
        Mean absolute difference of successive periods over the mean period: 0.01 is one per cent. NaN also with fewer than two periods.
    shimmer_local : ndarray of float32, shape (frames,)
        The same of the amplitudes of the cycles.
    shimmer_db : ndarray of float32, shape (frames,)
        Mean absolute level difference of successive cycles in dB.
    hnr_db : ndarray of float32, shape (frames,), -20 to 60
        Harmonics-to-noise ratio in dB.
    """

    jitter_local: Float32
    shimmer_local: Float32
    shimmer_db: Float32
    hnr_db: Float32

    def __repr__(self) -> str:
        known = [(name, values[np.isfinite(values)]) for name, values in vars(self).items()]
        medians = ", ".join(f"{name}={np.median(values):.3g}" if len(values) else f"{name}=nan" for name, values in known)
        return f"VoiceQuality({counted(len(self.hnr_db), 'frame')}, medians {medians})"


def voice_quality(samples: NDArray[Any], sample_rate_hz: float, *, track: PitchTrack | None = None) -> VoiceQuality:
    """Jitter, shimmer and harmonics-to-noise ratio along a pitch track.

    Parameters
    ----------
    samples : ndarray of floats, shape (n,)
        Finite mono samples.
    sample_rate_hz : float
        4,000 to 768,000.
    track : PitchTrack, optional
        Of these samples; by default ``pitch(samples, sample_rate_hz)``.

    Returns
    -------
    VoiceQuality

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above, and for a track that is not one of the samples.

    References
    ----------
    Talkin, RAPT, in Speech Coding and Synthesis, 1995; Titze, Workshop on acoustic voice analysis, 1995; Boersma 1993, eqs. 4, 8 and 9.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> t = np.arange(16000) / 16000
    >>> voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 10))
    >>> noisy = voice + 0.09 * np.random.default_rng(0).standard_normal(16000)  # 20 dB below
    >>> round(float(np.nanmean(audio.voice_quality(noisy, 16000).hnr_db[5:-5])))
    20
    """
    checked = _samples(samples, "voice_quality", parameter="samples")
    rate = number(sample_rate_hz, "sample_rate_hz", "voice_quality", above=0.0)
    if track is None:
        track = pitch(checked, rate)
    elif not isinstance(track, PitchTrack):
        raise refuse("track", "voice_quality", "a PitchTrack", type(track).__name__)
    times = np.ascontiguousarray(track.times_s, dtype=np.float64)
    return VoiceQuality(*_core.voice_quality(checked, rate, times, np.ascontiguousarray(track.f0_hz, dtype=np.float32)))


def _framing(
    y: Any, fmin: Any, fmax: Any, sr: Any, frame_length: Any, hop_length: Any, win_length: object, center: bool, pad_mode: PadMode, caller: str
) -> tuple[Float32, float, float, float, int, int, bool]:
    """Return the checked (y, fmin, fmax, sr, frame_length, hop_length, center) of YIN."""
    checked = signal(y, caller)
    low = number(fmin, "fmin", caller, above=0.0)
    high = number(fmax, "fmax", caller, above=0.0)
    rate = number(sr, "sr", caller, above=0.0)
    length = integer(frame_length, "frame_length", caller, low=4, high=1 << 19)
    hop = max(1, length // 4) if hop_length is None else integer(hop_length, "hop_length", caller)
    if win_length is not None:
        warnings.warn(f"win_length of {caller} is deprecated and has no effect, as in librosa 0.11", FutureWarning, stacklevel=3)
    if rate / low >= length // 2 and rate / low < length - 1:
        warnings.warn(
            f"fewer than two periods of fmin ({low:g} Hz) fit into frame_length ({length}) of {caller}: pitch can come out wrong. "
            f"Use fmin >= {rate / (length / 2):g} or frame_length >= {2 * math.ceil(rate / low) + 1}",
            stacklevel=3,
        )
    if center and pad_mode != "constant":
        checked, center = padded(checked, length // 2, pad_mode, caller), False
    return checked, low, high, rate, length, hop, bool(center)


def yin(
    y: NDArray[Any],
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    win_length: object = None,
    hop_length: int | None = None,
    trough_threshold: float = 0.1,
    center: bool = True,
    pad_mode: PadMode = "constant",
) -> Float64:
    """Fundamental frequency of each frame by YIN, as ``librosa.yin``; every frame gets a frequency, voiced or not.

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples; leading axes are channels, each tracked by itself.
    fmin, fmax : float
        Range in Hz, 0 < fmin < fmax <= sr / 2. Two periods of ``fmin`` should fit into a frame.
    sr : float, default=22050
        Sampling rate of ``y`` in Hz.
    frame_length : int, default=2048
        Samples a frame.
    win_length
        Without effect, as in librosa 0.11.
    hop_length : int, optional
        Samples between frames; a quarter of ``frame_length`` by default.
    trough_threshold : float, default=0.1
        The first lag whose normalised difference is a trough below it is the period.
    center : bool, default=True
        Pad, so that frame t is centred on sample t * hop_length.
    pad_mode : str or callable
        How a centred signal is padded: any mode of ``numpy.pad`` (``"empty"`` writes zeros).

    Returns
    -------
    ndarray of float64, shape (…, frames)
        In Hz.

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    References
    ----------
    de Cheveigné & Kawahara, J. Acoust. Soc. Am. 111, 2002, sections II.B to II.E.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 220 * np.arange(22050) / 22050)
    >>> round(float(audio.yin(tone, fmin=65, fmax=2093)[20]))
    220
    """
    framing = _framing(y, fmin, fmax, sr, frame_length, hop_length, win_length, center, pad_mode, "yin")
    threshold = number(trough_threshold, "trough_threshold", "yin")
    return each_channel(framing[0], lambda row: _core.yin(row, *framing[1:6], threshold, framing[6]))


def pyin(
    y: NDArray[Any],
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    win_length: object = None,
    hop_length: int | None = None,
    n_thresholds: int = 100,
    beta_parameters: tuple[float, float] = (2, 18),
    boltzmann_parameter: float = 2,
    resolution: float = 0.1,
    max_transition_rate: float = 35.92,
    switch_prob: float = 0.01,
    no_trough_prob: float = 0.01,
    fill_na: float | None = np.nan,
    center: bool = True,
    pad_mode: PadMode = "constant",
) -> tuple[Float64, NDArray[np.bool_], Float64]:
    """Fundamental frequency and voicing by probabilistic YIN, as ``librosa.pyin``.

    Parameters
    ----------
    y, fmin, fmax, sr, frame_length, win_length, hop_length, center, pad_mode
        As `yin`.
    n_thresholds : int, default=100
        Thresholds between 0 and 1.
    beta_parameters : tuple of float, default=(2, 18)
        Shape of the beta distribution of the thresholds.
    boltzmann_parameter : float, default=2
        The greater, the more the first trough below a threshold is preferred.
    resolution : float, default=0.1
        Width of the pitch bins in semitones, below 1.
    max_transition_rate : float, default=35.92
        Octaves a second.
    switch_prob : float, default=0.01
        Probability of a change between voiced and unvoiced from one frame to the next.
    no_trough_prob : float, default=0.01
        Share of the probability of thresholds that no trough meets which goes to the lowest trough.
    fill_na : float or None, default=nan
        Value of unvoiced frames; None leaves the best guess.

    Returns
    -------
    f0 : ndarray of float64, shape (…, frames)
        In Hz, centres of the pitch bins.
    voiced_flag : ndarray of bool, shape (…, frames)
    voiced_prob : ndarray of float64, shape (…, frames)
        0 to 1.

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    References
    ----------
    Mauch & Dixon, ICASSP 2014, sections 2.1 and 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 220 * np.arange(22050) / 22050)
    >>> f0, voiced, probability = audio.pyin(tone, fmin=55, fmax=880)
    >>> round(float(f0[20]), 1), bool(voiced[20])
    (220.0, True)
    """
    framing = _framing(y, fmin, fmax, sr, frame_length, hop_length, win_length, center, pad_mode, "pyin")
    try:
        first, second = beta_parameters
    except (TypeError, ValueError):
        raise refuse("beta_parameters", "pyin", "two numbers", repr(beta_parameters)) from None
    options = (
        *framing[1:6],
        integer(n_thresholds, "n_thresholds", "pyin", high=100_000),
        (number(first, "beta_parameters", "pyin", above=0.0), number(second, "beta_parameters", "pyin", above=0.0)),
        number(boltzmann_parameter, "boltzmann_parameter", "pyin", above=0.0),
        number(resolution, "resolution", "pyin", above=0.0),
        number(max_transition_rate, "max_transition_rate", "pyin", above=0.0),
        number(switch_prob, "switch_prob", "pyin"),
        number(no_trough_prob, "no_trough_prob", "pyin", minimum=0.0),
        framing[6],
    )
    found = each_channel(framing[0], lambda row: np.stack(_core.pyin(row, *options)))
    f0, voiced, probability = np.ascontiguousarray(np.moveaxis(found, -2, 0))
    flag = voiced.astype(np.bool_)
    if fill_na is not None:
        f0[~flag] = fill_na
    return f0, flag, probability
