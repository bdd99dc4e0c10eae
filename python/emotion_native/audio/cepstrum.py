"""Mel-frequency cepstral coefficients and deltas."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ._arrays import Float32, Window, floating, integer, number, refuse, spectrum
from .spectrum import melspectrogram

_PAD = {"nearest": "edge", "mirror": "reflect", "constant": "constant", "wrap": "wrap"}


def mfcc(
    *,
    y: NDArray[Any] | None = None,
    sr: float = 22050,
    S: NDArray[Any] | None = None,
    n_mfcc: int = 20,
    dct_type: int = 2,
    norm: str | None = "ortho",
    lifter: float = 0,
    mel_norm: str | None = "slaney",
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
) -> Float32:
    """Mel-frequency cepstral coefficients, as ``librosa.feature.mfcc``.

    Parameters
    ----------
    y, sr
        Finite mono samples, floats of shape (n,), and their rate in Hz; or give ``S``.
    S : ndarray of floats, shape (n_mels, frames)
        Log-power mel spectrogram in dB.
    n_mfcc : int, default=20
        Number of coefficients.
    dct_type : 2
        The only type.
    norm : {"ortho", None}
        Scaling of the cosine transform.
    lifter : float, default=0
        Coefficient k is multiplied by 1 + lifter / 2 * sin(pi (k + 1) / lifter).
    mel_norm, n_fft, hop_length, win_length, window, center, pad_mode, power, n_mels, fmin, fmax, htk
        As `melspectrogram`.

    Returns
    -------
    ndarray of float32, shape (n_mfcc, frames)

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.mfcc(y=np.ones(16000, dtype=np.float32), sr=16000, n_mfcc=13).shape
    (13, 32)
    """
    if dct_type != 2:
        raise refuse("dct_type", "mfcc", "2", repr(dct_type))
    if norm not in ("ortho", None):
        raise refuse("norm", "mfcc", "'ortho' or None", repr(norm))
    count = integer(n_mfcc, "n_mfcc", "mfcc", high=4096)
    lift = number(lifter, "lifter", "mfcc", minimum=0.0)
    if S is None:
        mel = melspectrogram(
            y=y, sr=sr, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, center=center, pad_mode=pad_mode,
            power=power, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm,
        )  # fmt: skip
        S = _core.power_to_db(mel, 1e-10, 80.0)
    else:
        S = spectrum(S, "mfcc", signed=True)
    result = _core.dct(S, count, norm == "ortho")
    if lift > 0:
        result *= (1 + lift / 2 * np.sin(np.pi * np.arange(1, 1 + len(result)) / lift)).astype(np.float32)[:, None]
    return result


def delta(data: NDArray[Any], *, width: int = 9, order: int = 1, axis: int = -1, mode: str = "interp") -> Float32:
    """Local derivative of features over time, as ``librosa.feature.delta`` (Savitzky-Golay, polynomial of degree ``order``).

    Parameters
    ----------
    data : ndarray of floats
        Features.
    width : int, default=9
        Frames of the fit: odd, at least 3; at most the number of frames with mode "interp".
    order : int, default=1
        Order of the derivative.
    axis : int, default=-1
        The axis of time.
    mode : {"interp", "nearest", "mirror", "constant", "wrap"}
        What the fit sees at the ends: the first and last ``width`` frames, or the data padded.

    Returns
    -------
    ndarray of float32 of the shape of ``data``, change a frame to the power of ``order``

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.delta(2 * np.arange(10, dtype=np.float32))[:3]
    array([2., 2., 2.], dtype=float32)
    """
    values = np.atleast_1d(floating(data, "data", "delta"))
    if not np.isfinite(values).all():
        raise refuse("data", "delta", "finite", "an array with NaN or infinity")
    if not -values.ndim <= axis < values.ndim or values.size == 0:
        raise refuse("axis", "delta", "an axis of a non-empty array", f"{axis} for shape {values.shape}")
    span = integer(width, "width", "delta", low=3)
    degree = integer(order, "order", "delta")
    moved = np.moveaxis(values, axis, -1)
    rows = np.ascontiguousarray(moved.reshape(-1, moved.shape[-1]), dtype=np.float32)
    if mode == "interp":
        result = _core.delta(rows, span, degree)
    elif mode in _PAD:
        half = span // 2
        padded = np.pad(rows, ((0, 0), (half, half)), mode=_PAD[mode])  # type: ignore[call-overload]  # numpy's stubs list literals only
        result = np.ascontiguousarray(_core.delta(padded, span, degree)[:, half:-half])
    else:
        raise refuse("mode", "delta", f"'interp' or one of {', '.join(_PAD)}", repr(mode))
    return np.ascontiguousarray(np.moveaxis(result.reshape(moved.shape), -1, axis))


__all__ = ["delta", "mfcc"]
