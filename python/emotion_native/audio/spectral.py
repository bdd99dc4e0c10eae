"""Descriptors of the shape of the spectrum, one value a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ._arrays import Float32, PadMode, Window, apart, frequencies, integer, magnitude_or_given, number, refuse


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
    pad_mode: PadMode = "constant",
) -> Float32:
    """Centre of mass of the magnitudes in Hz, as ``librosa.feature.spectral_centroid``; 0 for a silent frame.

    Parameters
    ----------
    y, sr, S
        Finite samples (…, n) and their rate in Hz, or a magnitude spectrogram (…, bins, frames).
    freq : array of one frequency a bin, or of the shape of ``S``, in Hz
        Default: those of the transform.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`.

    Returns
    -------
    ndarray of float32, shape (…, 1, frames)

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
    given = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    return apart(_centroid(given.values, frequencies(freq, sr, given, caller)), given.lead)


def _sums(values: Float32) -> NDArray[np.float64]:
    """Return the sum of each frame, 1 for a silent one."""
    total: NDArray[np.float64] = values.sum(axis=0, keepdims=True, dtype=np.float64)
    total[total < np.finfo(np.float32).tiny] = 1
    return total


def _centroid(values: Float32, hertz: Float32) -> Float32:
    if hertz.ndim == 1:
        return _core.spectral_centroid(values, hertz)
    result: Float32 = (np.sum(values * hertz.astype(np.float64), axis=0, keepdims=True) / _sums(values)).astype(np.float32)
    return result


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
    pad_mode: PadMode = "constant",
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
    p : float > 0, default=2
        Exponent of the distance to the centroid.

    Returns
    -------
    ndarray of float32, shape (…, 1, frames)

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
    exponent = number(p, "p", caller, above=0.0)
    given = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    hertz = frequencies(freq, sr, given, caller)
    frames = given.values.shape[1]
    if centroid is None:
        middle = _centroid(given.values, hertz)
    else:
        middle = np.ascontiguousarray(centroid, dtype=np.float32).reshape(-1)
        if middle.size != frames or not np.isfinite(middle).all():
            raise refuse("centroid", caller, f"{frames} finite values", f"an array of shape {np.shape(centroid)}")
    if hertz.ndim == 1 and exponent == 2.0:
        return apart(_core.spectral_bandwidth(given.values, hertz, middle, bool(norm)), given.lead)
    distance = np.abs((hertz if hertz.ndim == 2 else hertz[:, None]) - middle.reshape(1, -1).astype(np.float64)) ** exponent
    spread = np.sum(given.values * distance, axis=0, keepdims=True) / (_sums(given.values) if norm else 1.0)
    return apart((spread ** (1.0 / exponent)).astype(np.float32), given.lead)


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
    pad_mode: PadMode = "constant",
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
    ndarray of float32, shape (…, 1, frames)

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
    given = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    hertz = frequencies(freq, sr, given, caller)
    if hertz.ndim == 1:
        return apart(_core.spectral_rolloff(given.values, hertz, share), given.lead)
    running = np.cumsum(given.values, axis=0, dtype=np.float64)
    reached = running >= share * running[-1]
    return apart(np.where(reached, hertz, np.float32(np.inf)).min(axis=0, keepdims=True), given.lead)


def spectral_flatness(
    *,
    y: NDArray[Any] | None = None,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
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
    ndarray of float32, shape (…, 1, frames)

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
    given = magnitude_or_given(S, y, caller, power=exponent, framing=framing)
    values = given.values if S is None else np.power(given.values, np.float32(exponent))
    return apart(_core.spectral_flatness(values, floor), given.lead)


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
    pad_mode: PadMode = "constant",
    freq: ArrayLike | None = None,
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
    freq : array of one frequency a bin, ascending, in Hz
        Default: those of the transform.
    fmin, n_bands : float and int, default 200.0 and 6
        The bands are 0 to fmin and n_bands octaves from there; the last is open to the top. Each must start below half of ``sr``.
    quantile : float in (0, 1), default=0.02
        Share of the bins of a band that is averaged for its peak and its valley.
    linear : bool, default=False
        Give the difference of the magnitudes instead of decibels.

    Returns
    -------
    ndarray of float32, shape (…, n_bands + 1, frames)

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
    share = number(quantile, "quantile", caller, above=0.0)
    if share >= 1.0:
        raise refuse("quantile", caller, "between 0 and 1", quantile)
    low = number(fmin, "fmin", caller, above=0.0)
    count = integer(n_bands, "n_bands", caller, high=64)
    rate = number(sr, "sr", caller, above=0.0)
    given = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    bins = given.values.shape[0]
    given_hertz = np.fft.rfftfreq(given.n_fft, d=1.0 / rate) if freq is None else np.asarray(freq)
    hertz: NDArray[np.float64] = np.ascontiguousarray(given_hertz, dtype=np.float64)
    if hertz.shape != (bins,) or not np.isfinite(hertz).all() or (np.diff(hertz) < 0).any():
        raise refuse("freq", caller, f"{bins} finite frequencies in ascending order, one a bin", f"an array of shape {hertz.shape}")
    return apart(_core.spectral_contrast(given.values, hertz, rate, low, count, share, bool(linear)), given.lead)
