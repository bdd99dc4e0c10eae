"""Descriptors of the shape of the spectrum, one value a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ._arrays import Float32, Window, frequencies, integer, magnitude_or_given, number, refuse


def spectral_centroid(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    freq: ArrayLike | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
) -> Float32:
    """Centre of mass of the magnitudes in Hz, as ``librosa.feature.spectral_centroid``; 0 for a silent frame.

    Parameters
    ----------
    y, sr, S
        Finite mono samples and their rate in Hz, or a magnitude spectrogram (bins x frames).
    freq : array of one frequency a bin, in Hz
        Default: those of the transform.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`.

    Returns
    -------
    ndarray of float32, shape (1, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> round(float(audio.spectral_centroid(y=tone, sr=16000)[0, 10]))
    1000
    """
    caller = "spectral_centroid"
    given, points = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    return _core.spectral_centroid(given, frequencies(freq, sr, given.shape[0], points, caller))


def spectral_bandwidth(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    freq: ArrayLike | None = None,
    centroid: ArrayLike | None = None,
    norm: bool = True,
    p: float = 2,
) -> Float32:
    """Spread of the magnitudes around the centroid in Hz, as ``librosa.feature.spectral_bandwidth``.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq
        As `spectral_centroid`.
    centroid : array of one value a frame
        Default: `spectral_centroid`.
    norm : bool, default=True
        Divide the magnitudes of a frame by their sum.
    p : 2
        The only exponent.

    Returns
    -------
    ndarray of float32, shape (1, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.spectral_bandwidth(y=np.zeros(2048, dtype=np.float32))[0, 0]
    np.float32(0.0)
    """
    caller = "spectral_bandwidth"
    if p != 2:
        raise refuse("p", caller, "2", repr(p))
    given, points = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    hertz = frequencies(freq, sr, given.shape[0], points, caller)
    if centroid is None:
        middle = _core.spectral_centroid(given, hertz)
    else:
        middle = np.ascontiguousarray(centroid, dtype=np.float32)
        if middle.size != given.shape[1] or not np.isfinite(middle).all():
            raise refuse("centroid", caller, f"{given.shape[1]} finite values", f"an array of shape {middle.shape}")
    return _core.spectral_bandwidth(given, hertz, middle, bool(norm))


def spectral_rolloff(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    freq: ArrayLike | None = None,
    roll_percent: float = 0.85,
) -> Float32:
    """Lowest frequency in Hz below which ``roll_percent`` of the magnitude lies, as ``librosa.feature.spectral_rolloff``.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq
        As `spectral_centroid`.
    roll_percent : float in (0, 1), default=0.85
        The share.

    Returns
    -------
    ndarray of float32, shape (1, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> abs(float(audio.spectral_rolloff(y=tone, sr=16000)[0, 10]) - 1000) < 20
    True
    """
    caller = "spectral_rolloff"
    share = number(roll_percent, "roll_percent", caller, above=0.0)
    if share >= 1.0:
        raise refuse("roll_percent", caller, "between 0 and 1", roll_percent)
    given, points = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    return _core.spectral_rolloff(given, frequencies(freq, sr, given.shape[0], points, caller), share)


def spectral_flatness(
    *,
    y: NDArray[Any] | None = None,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    amin: float = 1e-10,
    power: float = 2.0,
) -> Float32:
    """Geometric over arithmetic mean of max(S ** power, amin), 0 (a tone) to 1 (noise, silence), as ``librosa.feature.spectral_flatness``.

    Parameters
    ----------
    y, S, n_fft, hop_length, win_length, window, center, pad_mode
        As `spectral_centroid`.
    amin : float, default=1e-10
        Smallest value that counts.
    power : float, default=2.0
        Exponent of the magnitudes.

    Returns
    -------
    ndarray of float32, shape (1, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.spectral_flatness(y=np.zeros(2048, dtype=np.float32))[0, 0].round(5)
    np.float32(1.0)
    """
    caller = "spectral_flatness"
    floor = max(number(amin, "amin", caller, above=0.0), float(np.finfo(np.float32).tiny))
    exponent = number(power, "power", caller, above=0.0)
    framing = (n_fft, hop_length, win_length, window, center, pad_mode)
    given, _ = magnitude_or_given(S, y, caller, power=exponent, framing=framing)
    return _core.spectral_flatness(given if S is None else np.power(given, np.float32(exponent)), floor)


def spectral_contrast(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    freq: None = None,
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
) -> Float32:
    """Distance between the peaks and the valleys of octave bands in dB, as ``librosa.feature.spectral_contrast``.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode
        As `spectral_centroid`.
    freq : None
        Other frequencies than those of the transform are refused.
    fmin, n_bands : float and int, default 200.0 and 6
        The bands are 0 to fmin and n_bands octaves from there; the last is open to the top. Each must start below half of ``sr``.
    quantile : float in (0, 1), default=0.02
        Share of the bins of a band that is averaged for its peak and its valley.
    linear : bool, default=False
        Give the difference of the magnitudes instead of decibels.

    Returns
    -------
    ndarray of float32, shape (n_bands + 1, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above, for arguments out of range, and for bands above half of ``sr`` or without a bin.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.spectral_contrast(y=np.ones(16000, dtype=np.float32), sr=16000).shape
    (7, 32)
    """
    caller = "spectral_contrast"
    if freq is not None:
        raise refuse("freq", caller, "None (the frequencies of the transform)", type(freq).__name__)
    share = number(quantile, "quantile", caller, above=0.0)
    if share >= 1.0:
        raise refuse("quantile", caller, "between 0 and 1", quantile)
    low = number(fmin, "fmin", caller, above=0.0)
    count = integer(n_bands, "n_bands", caller, high=64)
    rate = number(sr, "sr", caller, above=0.0)
    given, _ = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    return _core.spectral_contrast(given, rate, low, count, share, bool(linear))
