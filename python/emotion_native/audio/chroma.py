"""Chroma and tuning."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..exceptions import EmotionNativeWarning
from ._arrays import Float32, Magnitudes, PadMode, Window, apart, integer, magnitude_or_given, number, refuse, side_by_side, spectrum


def _tuning(given: Magnitudes, rate: float, caller: str, *, bins_per_octave: int, limits: tuple[float, float, float, float, int]) -> float:
    found: float = _core.estimate_tuning(given.values, rate, given.n_fft, bins_per_octave, *limits)
    if np.isnan(found):
        warnings.warn(f"{caller} found no spectral peak to estimate the tuning from: 0 is taken", EmotionNativeWarning, stacklevel=3)
        return 0.0
    return found


def estimate_tuning(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    n_fft: int = 2048,
    resolution: float = 0.01,
    bins_per_octave: int = 12,
    hop_length: int | None = None,
    fmin: float = 150.0,
    fmax: float = 4000.0,
    threshold: float = 0.1,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    ref: float | None = None,
) -> float:
    """Deviation from A440 tuning in fractions of a bin, as ``librosa.estimate_tuning``.

    Parameters
    ----------
    y, sr, S
        Samples (…, n) and their rate in Hz, or a magnitude or power spectrogram (…, bins, frames).
    resolution : float, default=0.01
        Width of a cell of the histogram of deviations.
    bins_per_octave : int, default=12
        Bins of an octave.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`; hop_length defaults to win_length // 4.
    fmin, fmax : float, default 150.0 and 4000.0
        Spectral peaks between them count, in Hz.
    threshold : float, default=0.1
        Peaks count above this share of the largest value of their frame.
    ref : float or None
        Peaks count above this value instead.

    Returns
    -------
    float in [-0.5, 0.5), a multiple of the resolution; 0 with a warning when there is no peak

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> abs(audio.estimate_tuning(y=tone, sr=16000)) < 0.05
    True
    """
    caller = "estimate_tuning"
    given = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    cell = number(resolution, "resolution", caller, above=0.0)
    limits = (
        max(0.0, number(fmin, "fmin", caller)),
        number(fmax, "fmax", caller),
        number(threshold, "threshold", caller) if ref is None else -1.0,
        0.0 if ref is None else abs(number(ref, "ref", caller)),
        integer(int(np.ceil(1.0 / cell)), "1 / resolution", caller, high=100_000),
    )
    rate = number(sr, "sr", caller, above=0.0)
    return _tuning(given, rate, caller, bins_per_octave=integer(bins_per_octave, "bins_per_octave", caller, high=1024), limits=limits)


def normalized(raw: Float32, norm: float | None, caller: str) -> Float32:
    """Return the columns divided by their norm: inf, -inf, 0 (how many are not 0) or any p > 0; columns of nothing are left alone."""
    if norm is None:
        return raw
    if not isinstance(norm, int | float | np.number) or isinstance(norm, bool) or not (norm in (-np.inf, 0) or norm > 0):
        raise refuse("norm", caller, "inf, -inf, 0, a number > 0 or None", repr(norm))
    if abs(norm) == np.inf:
        length = np.abs(raw).max(axis=0) if norm > 0 else np.abs(raw).min(axis=0)
    elif norm == 0:
        length = (raw != 0).sum(axis=0).astype(np.float64)
    else:
        length = np.sum(np.abs(raw.astype(np.float64)) ** norm, axis=0) ** (1.0 / norm)
    length[length < np.finfo(np.float32).tiny] = 1
    result: Float32 = (raw / length).astype(np.float32, copy=False)
    return result


def chroma_stft(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    norm: float | None = np.inf,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    tuning: float | None = None,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2,
    base_c: bool = True,
) -> Float32:
    """Chromagram from a power spectrogram, as ``librosa.feature.chroma_stft``.

    Parameters
    ----------
    y, sr, S
        Finite samples (…, n) and their rate in Hz, or a power spectrogram (…, bins, frames).
    norm : inf, -inf, 0, float > 0 or None
        Each frame is divided by its largest or smallest value, the number of its values that are not 0, its p-norm, or left alone.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`.
    tuning : float or None
        Deviation from A440 in fractions of a bin; None estimates it.
    n_chroma, ctroct, octwidth, base_c
        The filterbank: bins of an octave, its centre (in octaves above A0, 27.5 Hz) and width (None: flat), whether bin 0 is C (else A).

    Returns
    -------
    ndarray of float32, shape (…, n_chroma, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Notes
    -----
    The estimated tuning is the argmax of a histogram: where two cells are nearly tied, rounding decides, here as in librosa.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> int(audio.chroma_stft(y=tone, sr=16000)[:, 10].argmax())  # A
    9
    """
    caller = "chroma_stft"
    given = magnitude_or_given(S, y, caller, power=2.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    rate = number(sr, "sr", caller, above=0.0)
    count = integer(n_chroma, "n_chroma", caller, high=1024)
    if tuning is None:
        deviation = _tuning(given, rate, caller, bins_per_octave=count, limits=(150.0, 4000.0, 0.1, 0.0, 100))
    else:
        deviation = number(tuning, "tuning", caller)
    width = -1.0 if octwidth is None else number(octwidth, "octwidth", caller, above=0.0)
    raw = _core.chroma(given.values, rate, given.n_fft, count, deviation, number(ctroct, "ctroct", caller), width, bool(base_c))
    return apart(normalized(raw, norm, caller), given.lead)


def tonnetz(*, y: NDArray[Any] | None = None, sr: float = 22050, chroma: NDArray[Any] | None = None, **arguments: Any) -> NDArray[Any]:
    """Tonal centroids of Harte et al. (2006), as ``librosa.feature.tonnetz``, from the chromagram of the short-time Fourier transform.

    Parameters
    ----------
    y, sr
        Finite samples (…, n) and their rate in Hz; or give ``chroma``.
    chroma : ndarray, shape (…, n_chroma, frames)
        Any chromagram, non-negative. By default `chroma_stft` of the samples, where librosa takes its constant-Q chromagram.
    **arguments
        Further arguments of `chroma_stft`.

    Returns
    -------
    ndarray of float32, of float64 for chroma of float64, shape (…, 6, frames)
        Sine and cosine on the circles of fifths, minor thirds and major thirds (the last of radius 1/2), each frame's chroma summing to 1.

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.tonnetz(chroma=np.eye(12, 1, dtype=np.float32)).ravel().round(2)
    array([0. , 1. , 0. , 1. , 0. , 0.5], dtype=float32)
    """
    if chroma is None:
        if y is None:
            raise refuse("y", "tonnetz", "given when chroma is not", "None")
        chroma = chroma_stft(y=y, sr=sr, **arguments)
    single = spectrum(chroma, "tonnetz", parameter="chroma")
    double = chroma.dtype == np.float64  # sums that nearly cancel: nothing may be lost before them
    rows = _core.tonnetz_double(np.require(side_by_side(chroma), requirements=["C", "A"])) if double else _core.tonnetz(single)
    return apart(rows, chroma.shape[:-2])
