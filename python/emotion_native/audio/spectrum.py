"""The short-time Fourier transform and the mel spectrogram."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import _core
from ._arrays import Float32, Framing, Window, integer, number, refuse, spectrum


def fft_frequencies(*, sr: float = 22050, n_fft: int = 2048) -> NDArray[np.float64]:
    """Return the centre frequencies in Hz of the bins of `stft`, shape (1 + n_fft // 2,).

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.fft_frequencies(sr=16000, n_fft=4)
    array([   0., 4000., 8000.])
    """
    rate = number(sr, "sr", "fft_frequencies", above=0.0)
    result: NDArray[np.float64] = np.fft.rfftfreq(n=integer(n_fft, "n_fft", "fft_frequencies"), d=1.0 / rate).astype(np.float64)
    return result


def stft(
    y: NDArray[Any],
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    dtype: DTypeLike | None = None,
    pad_mode: str = "constant",
    out: None = None,
) -> NDArray[np.complex64]:
    """Short-time Fourier transform, as ``librosa.stft``.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples.
    n_fft : int, default=2048
        Points of the transform, 1 to 2^20; powers of two are fastest.
    hop_length : int, default=win_length // 4
        Samples between frames.
    win_length : int, default=n_fft
        Length of the window, centred in the frame.
    window : {"hann", "hamming", "blackman", "bartlett", "boxcar", "ones"}, array of win_length values, or callable
        Named windows are periodic.
    center : bool, default=True
        Frame t is centred on sample t * hop_length; the signal is padded by n_fft // 2 on both sides.
    pad_mode : {"constant", "edge", "reflect", "symmetric"}
        How it is padded.
    dtype, out : complex64 or None, None
        Other values are refused.

    Returns
    -------
    ndarray of complex64, shape (1 + n_fft // 2, frames), C-contiguous

    Raises
    ------
    InvalidInputError
        For samples that are not floating-point, finite and one-dimensional, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.stft(np.ones(4096, dtype=np.float32)).shape
    (1025, 9)
    """
    if dtype is not None and np.dtype(dtype) != np.complex64:
        raise refuse("dtype", "stft", "complex64 or None", str(np.dtype(dtype)))
    if out is not None:
        raise refuse("out", "stft", "None (writing into a given array is not offered)", type(out).__name__)
    framing = Framing(y, n_fft, hop_length, win_length, window, center, pad_mode, "stft")
    return _core.stft(framing.y, framing.window, framing.hop_length, framing.center)


@lru_cache(maxsize=16)
def _filterbank(sr: float, n_fft: int, n_mels: int, fmin: float, fmax: float, htk: bool, slaney: bool) -> Any:
    return _core.MelFilterbank(sr, n_fft, n_mels, fmin, fmax, htk, slaney)


def _checked_filterbank(sr: Any, n_fft: int, n_mels: Any, fmin: Any, fmax: Any, htk: bool, norm: Any, caller: str) -> Any:
    if norm not in ("slaney", None):
        raise refuse("norm", caller, "'slaney' or None", repr(norm))
    rate = number(sr, "sr", caller, above=0.0)
    low = number(fmin, "fmin", caller, minimum=0.0)
    high = rate / 2 if fmax is None else number(fmax, "fmax", caller, above=0.0)
    return _filterbank(rate, n_fft, integer(n_mels, "n_mels", caller, high=4096), low, high, bool(htk), norm == "slaney")


def mel_filterbank(
    *, sr: float, n_fft: int, n_mels: int = 128, fmin: float = 0.0, fmax: float | None = None, htk: bool = False, norm: str | None = "slaney"
) -> Float32:
    """Return the weights of the mel bands, as ``librosa.filters.mel``: float32 of shape (n_mels, 1 + n_fft // 2).

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.mel_filterbank(sr=16000, n_fft=512, n_mels=40).shape
    (40, 257)
    """
    caller = "mel_filterbank"
    bank = _checked_filterbank(sr, integer(n_fft, "n_fft", caller, low=2), n_mels, fmin, fmax, htk, norm, caller)
    weights: Float32 = bank.dense()
    return weights


def melspectrogram(
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
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
) -> Float32:
    """Mel spectrogram, as ``librosa.feature.melspectrogram``.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples; or give ``S``.
    sr : float, default=22050
        Sampling rate in Hz.
    S : ndarray of floats, shape (1 + n_fft // 2, frames)
        Spectrogram to map instead of computing one.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`.
    power : float, default=2.0
        Exponent of the magnitudes.
    n_mels, fmin, fmax, htk, norm
        The bands: their number, edges in Hz (None: half of ``sr``), HTK's mel scale instead of Slaney's, "slaney" for triangles of unit area or None.

    Returns
    -------
    ndarray of float32, shape (n_mels, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.melspectrogram(y=np.ones(16000, dtype=np.float32), sr=16000, n_mels=40).shape
    (40, 32)
    """
    caller = "melspectrogram"
    if S is not None:
        given = spectrum(S, caller)
        bank = _checked_filterbank(sr, max(2, 2 * (given.shape[0] - 1)), n_mels, fmin, fmax, htk, norm, caller)
        result: Float32 = bank.apply(given)
        return result
    if y is None:
        raise refuse("y", caller, "given when S is not", "None")
    exponent = number(power, "power", caller, above=0.0)
    framing = Framing(y, n_fft, hop_length, win_length, window, center, pad_mode, caller)
    bank = _checked_filterbank(sr, framing.n_fft, n_mels, fmin, fmax, htk, norm, caller)
    if exponent == 2.0:
        result = bank.melspectrogram(framing.y, framing.window, framing.hop_length, framing.center)
    else:
        result = bank.apply(np.power(framing.power(), np.float32(exponent / 2)))
    return result
