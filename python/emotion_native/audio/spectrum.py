"""The short-time Fourier transform and the mel spectrogram."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import _core
from ..exceptions import EmotionNativeWarning
from ._arrays import Float32, Framing, PadMode, Window, apart, integer, kind_of, magnitude_or_given, number, refuse


def fft_frequencies(*, sr: float = 22050, n_fft: int = 2048) -> NDArray[np.float64]:
    """Return the centre frequencies of the bins of `stft`, as ``librosa.fft_frequencies``.

    Parameters
    ----------
    sr : float, default=22050
        Sampling rate in Hz.
    n_fft : int, default=2048
        Points of the transform.

    Returns
    -------
    ndarray of float64, shape (1 + n_fft // 2,), in Hz, ascending from 0

    Raises
    ------
    InvalidInputError
        For arguments out of range.

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
    pad_mode: PadMode = "constant",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Short-time Fourier transform, as ``librosa.stft``.

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples, the channels on the leading axes.
    n_fft : int, default=2048
        Points of the transform, 1 to 2^20; powers of two are fastest.
    hop_length : int, default=win_length // 4
        Samples between frames.
    win_length : int, default=n_fft
        Length of the window, centred in the frame.
    window : str, tuple, number, array of win_length values, or callable
        Named windows are periodic; names, tuples and numbers as ``scipy.signal.get_window``.
    center : bool, default=True
        Frame t is centred on sample t * hop_length; the signal is padded by n_fft // 2 on both sides.
    pad_mode : {"constant", "edge", "empty", "linear_ramp", "reflect", "symmetric"} or callable
        How it is padded, as ``numpy.pad``.
    dtype : complex64 or complex128
        Default: complex128 for float64 samples (transformed in double precision, by NumPy), else complex64.
    out : complex ndarray
        Where to write: the shape of the result, or more frames.

    Returns
    -------
    ndarray of complex, shape (…, 1 + n_fft // 2, frames), C-contiguous

    Raises
    ------
    InvalidInputError
        For samples that are not floating-point and finite, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.stft(np.ones(4096, dtype=np.float32)).shape
    (1025, 9)
    """
    if dtype is None:
        kind = np.dtype(np.complex128 if isinstance(y, np.ndarray) and y.dtype.itemsize >= 8 else np.complex64)
    else:
        kind = kind_of(dtype, "stft", np.complex64, np.complex128)
    framing = Framing(y, n_fft, hop_length, win_length, window, center, pad_mode, "stft", double=kind == np.complex128)
    result = framing.transform()
    return result if out is None else _written(result, out)


def _written(result: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    fits = isinstance(out, np.ndarray) and out.ndim == result.ndim and out.shape[:-1] == result.shape[:-1] and out.shape[-1] >= result.shape[-1]
    if not fits or out.dtype.kind != "c":
        got = f"an array of {out.dtype}, shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise refuse("out", "stft", f"a complex array of shape {result.shape}, or with more frames", got)
    out[..., : result.shape[-1]] = result
    return out if out.shape == result.shape else out[..., : result.shape[-1]]


@lru_cache(maxsize=16)
def _filterbank(sr: float, n_fft: int, n_mels: int, fmin: float, fmax: float, htk: bool, slaney: bool, norm: float) -> tuple[Any, bool]:
    bank = _core.MelFilterbank(sr, n_fft, n_mels, fmin, fmax, htk, slaney, norm)
    return bank, bank.has_empty_bands()


def filterbank_of(sr: Any, n_fft: int, n_mels: Any, fmin: Any, fmax: Any, htk: bool, norm: Any, caller: str) -> Any:
    """Return the native filterbank of checked arguments; warn when a band above 0 Hz holds no bin."""
    exponent = 0.0
    if norm is not None and not (isinstance(norm, str) and norm == "slaney"):
        if isinstance(norm, bool) or not isinstance(norm, int | float | np.number) or np.iscomplexobj(norm) or not 0 < norm <= np.inf:
            raise refuse("norm", caller, "'slaney', a number > 0, inf or None", repr(norm))
        exponent = np.inf if norm > 1e300 else float(norm)
    rate = number(sr, "sr", caller, above=0.0)
    low = number(fmin, "fmin", caller, minimum=0.0)
    high = rate / 2 if fmax is None else number(fmax, "fmax", caller, above=0.0)
    bank, empty = _filterbank(rate, n_fft, integer(n_mels, "n_mels", caller, high=4096), low, high, bool(htk), isinstance(norm, str), exponent)
    if empty:
        words = f"n_mels of {caller} gives bands without a bin of the transform: fewer bands, a longer transform or a higher fmax fill them"
        warnings.warn(words, EmotionNativeWarning, stacklevel=3)
    return bank


def result_type(dtype: Any, caller: str) -> np.dtype[Any]:
    """Return float32 or float64."""
    return kind_of(dtype, caller, np.float32, np.float64)


def mel_filterbank(
    *,
    sr: float,
    n_fft: int,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | float | None = "slaney",
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Return the weights of the mel bands, as ``librosa.filters.mel``.

    Parameters
    ----------
    sr : float
        Sampling rate in Hz.
    n_fft : int
        Points of the transform.
    n_mels, fmin, fmax, htk, norm
        As `melspectrogram`.
    dtype : float32 or float64
        Type of the result; computed in double, stored in single precision.

    Returns
    -------
    ndarray of dtype, shape (n_mels, 1 + n_fft // 2)

    Raises
    ------
    InvalidInputError
        For arguments out of range.

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.mel_filterbank(sr=16000, n_fft=512, n_mels=40).shape
    (40, 257)
    """
    caller = "mel_filterbank"
    kind = result_type(dtype, caller)
    bank = filterbank_of(sr, integer(n_fft, "n_fft", caller, low=2), n_mels, fmin, fmax, htk, norm, caller)
    weights: NDArray[Any] = bank.dense().astype(kind, copy=False)
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
    pad_mode: PadMode = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | float | None = "slaney",
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Mel spectrogram, as ``librosa.feature.melspectrogram``.

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples; or give ``S``.
    sr : float, default=22050
        Sampling rate in Hz.
    S : ndarray, shape (…, 1 + n_fft // 2, frames)
        Spectrogram to map instead of computing one.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`.
    power : float, default=2.0
        Exponent of the magnitudes.
    n_mels, fmin, fmax, htk
        The bands: their number, edges in Hz (None: half of ``sr``), HTK's mel scale instead of Slaney's.
    norm : {"slaney", None} or float
        Triangles of unit area, of height 1, or of unit p-norm (inf: the largest weight is 1).
    dtype : float32 or float64
        Type of the result; computed in single precision.

    Returns
    -------
    ndarray of dtype, shape (…, n_mels, frames)

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
    kind = result_type(dtype, caller)
    exponent = number(power, "power", caller, above=0.0)
    if S is None and y is not None and exponent == 2.0 and getattr(y, "ndim", 0) == 1:  # in one pass, no spectrogram is stored
        framing = Framing(y, n_fft, hop_length, win_length, window, center, pad_mode, caller)
        bank = filterbank_of(sr, framing.n_fft, n_mels, fmin, fmax, htk, norm, caller)
        mel: Float32 = bank.melspectrogram(framing.y, framing.window, framing.hop_length, framing.center)
        return mel.astype(kind, copy=False)
    given = magnitude_or_given(S, y, caller, power=exponent, framing=(n_fft, hop_length, win_length, window, center, pad_mode), signed=True)
    bank = filterbank_of(sr, given.n_fft, n_mels, fmin, fmax, htk, norm, caller)
    return apart(bank.apply(given.values), given.lead).astype(kind, copy=False)
