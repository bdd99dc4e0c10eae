"""Descriptors of the waveform, one value a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ._arrays import Float32, integer, number, refuse, samples, spectrum


def _frames(y: Any, frame_length: Any, hop_length: Any, center: bool, caller: str) -> tuple[Float32, int, int]:
    checked = samples(y, caller)
    length = integer(frame_length, "frame_length", caller)
    hop = integer(hop_length, "hop_length", caller)
    if len(checked) + (2 * (length // 2) if center else 0) < length:
        raise refuse("y", caller, f"at least frame_length ({length}) samples long", f"{len(checked)} samples")
    return checked, length, hop


def zero_crossing_rate(
    y: NDArray[Any], *, frame_length: int = 2048, hop_length: int = 512, center: bool = True, threshold: float = 1e-10
) -> Float32:
    """Share of the samples of a frame at which the sign changes, as ``librosa.feature.zero_crossing_rate``.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples.
    frame_length, hop_length : int
        In samples.
    center : bool, default=True
        Pad with the end values, so that frame t is centred on sample t * hop_length.
    threshold : float, default=1e-10
        Magnitudes up to it count as zero, and zero as positive.

    Returns
    -------
    ndarray of float32, shape (1, frames), 0 to 1

    Raises
    ------
    InvalidInputError
        For arrays that break the rules above and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> round(float(audio.zero_crossing_rate(tone)[0, 10]), 3)
    0.125
    """
    checked, length, hop = _frames(y, frame_length, hop_length, center, "zero_crossing_rate")
    return _core.zero_crossing_rate(checked, length, hop, bool(center), number(threshold, "threshold", "zero_crossing_rate", minimum=0.0))


def rms(
    *,
    y: NDArray[Any] | None = None,
    S: NDArray[Any] | None = None,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: str = "constant",
) -> Float32:
    """Root-mean-square of each frame, as ``librosa.feature.rms``.

    Parameters
    ----------
    y : ndarray of floats, shape (n,)
        Finite mono samples; or give ``S``.
    S : ndarray of floats, shape (1 + frame_length // 2, frames)
        Magnitude spectrogram of frames without a window.
    frame_length, hop_length, center
        As `zero_crossing_rate`.
    pad_mode : {"constant", "edge", "reflect", "symmetric"}
        How a centred signal is padded.

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
    >>> audio.rms(y=np.full(4096, 0.5, dtype=np.float32))[0, 4]
    np.float32(0.5)
    """
    if y is not None:
        checked, length, hop = _frames(y, frame_length, hop_length, center, "rms")
        if center and pad_mode != "constant":
            if pad_mode not in ("edge", "reflect", "symmetric"):
                raise refuse("pad_mode", "rms", "one of constant, edge, reflect, symmetric", repr(pad_mode))
            checked = np.pad(checked, length // 2, mode=pad_mode)  # type: ignore[call-overload]  # numpy's stubs list literals only
            center = False
        return _core.rms(checked, length, hop, bool(center))
    if S is None:
        raise refuse("y", "rms", "given when S is not", "None")
    given = spectrum(S, "rms")
    length = integer(frame_length, "frame_length", "rms", low=2)
    if given.shape[0] != length // 2 + 1:
        raise refuse("frame_length", "rms", f"{2 * given.shape[0] - 2} or {2 * given.shape[0] - 1}, as S has {given.shape[0]} bins", length)
    power = np.square(given, dtype=np.float64)
    power[0] *= 0.5
    if length % 2 == 0:
        power[-1] *= 0.5
    result: Float32 = np.sqrt(2 * power.sum(axis=0, keepdims=True) / length**2).astype(np.float32)
    return result
