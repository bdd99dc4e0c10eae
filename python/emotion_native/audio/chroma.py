"""Chroma and tuning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ._arrays import Float32, Window, integer, magnitude_or_given, number, refuse


def estimate_tuning(
    *, y: NDArray[Any] | None = None, sr: float = 22050, S: NDArray[Any] | None = None, n_fft: int = 2048, hop_length: int | None = None,
    bins_per_octave: int = 12,
) -> float:  # fmt: skip
    """Deviation from A440 tuning in fractions of a bin, as ``librosa.estimate_tuning`` with its resolution of 0.01.

    Parameters
    ----------
    y, sr, S, n_fft, hop_length
        Samples and their rate in Hz, or a magnitude or power spectrogram; hop_length defaults to n_fft // 4.
    bins_per_octave : int, default=12
        Bins of an octave.

    Returns
    -------
    float in [-0.5, 0.5)

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    >>> abs(audio.estimate_tuning(y=tone, sr=16000)) < 0.05
    True
    """
    caller = "estimate_tuning"
    given, _ = magnitude_or_given(S, y, caller, power=1.0, framing=(n_fft, hop_length, None, "hann", True, "constant"))
    rate = number(sr, "sr", caller, above=0.0)
    return float(_core.estimate_tuning(given, rate, integer(bins_per_octave, "bins_per_octave", caller, high=1024)))


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
    pad_mode: str = "constant",
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
        Finite mono samples and their rate in Hz, or a power spectrogram (bins x frames).
    norm : {inf, 1, 2, None}
        Each frame is divided by its largest value, its sum, its Euclidean length, or left alone.
    n_fft, hop_length, win_length, window, center, pad_mode
        As `stft`.
    tuning : float or None
        Deviation from A440 in fractions of a bin; None estimates it.
    n_chroma, ctroct, octwidth, base_c
        The filterbank: bins of an octave, its centre (in octaves) and width (None: flat), whether bin 0 is C (else A).

    Returns
    -------
    ndarray of float32, shape (n_chroma, frames)

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
    if norm not in (None, 1, 2, np.inf):
        raise refuse("norm", caller, "inf, 1, 2 or None", repr(norm))
    given, _ = magnitude_or_given(S, y, caller, power=2.0, framing=(n_fft, hop_length, win_length, window, center, pad_mode))
    rate = number(sr, "sr", caller, above=0.0)
    count = integer(n_chroma, "n_chroma", caller, high=1024)
    deviation = _core.estimate_tuning(given, rate, count) if tuning is None else number(tuning, "tuning", caller)
    width = -1.0 if octwidth is None else number(octwidth, "octwidth", caller, above=0.0)
    raw = _core.chroma(given, rate, count, deviation, number(ctroct, "ctroct", caller), width, bool(base_c))
    if norm is None:
        return raw
    length = raw.max(axis=0) if norm == np.inf else np.linalg.norm(raw.astype(np.float64), ord=norm, axis=0)
    length[length < np.finfo(np.float32).tiny] = 1
    result: Float32 = (raw / length).astype(np.float32)
    return result
