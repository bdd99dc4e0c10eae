"""Descriptors of the waveform, one value a frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import _core
from .._samples import floating
from ._arrays import Float32, PadMode, apart, each_channel, integer, number, padded, refuse, signal, spectrum
from .spectrum import result_type


def _framing(y: NDArray[Any], frame_length: Any, hop_length: Any, center: bool, caller: str) -> tuple[int, int]:
    length = integer(frame_length, "frame_length", caller)
    if y.shape[-1] + (2 * (length // 2) if center else 0) < length:
        raise refuse("y", caller, f"at least frame_length ({length}) samples long", f"{y.shape[-1]} samples")
    return length, integer(hop_length, "hop_length", caller)


def zero_crossing_rate(
    y: NDArray[Any],
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    threshold: float = 1e-10,
    ref_magnitude: float | Callable[[NDArray[Any]], Any] | None = None,
    pad: bool = False,
    zero_pos: bool = True,
) -> Float32:
    """Share of the samples of a frame at which the sign changes, as ``librosa.feature.zero_crossing_rate``.

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples.
    frame_length, hop_length : int
        In samples.
    center : bool, default=True
        Pad with the end values, so that frame t is centred on sample t * hop_length.
    threshold : float, default=1e-10
        Magnitudes up to it count as zero.
    ref_magnitude : float, callable or None
        The threshold is multiplied by it, or by its value for the magnitudes of all frames (frame_length x frames).
    pad : bool, default=False
        Count the first sample of each frame as a crossing.
    zero_pos : bool, default=True
        Zero counts as positive; else zero is a sign of its own.

    Returns
    -------
    ndarray of float32, shape (…, 1, frames), 0 to 1

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
    caller = "zero_crossing_rate"
    checked = signal(y, caller)
    length, hop = _framing(checked, frame_length, hop_length, center, caller)
    limit = number(threshold, "threshold", caller, minimum=0.0)
    if ref_magnitude is not None:
        limit *= number(_reference(ref_magnitude, checked, length, hop, center), "ref_magnitude", caller, minimum=0.0)
    rate: Float32 = each_channel(checked, lambda x: _core.zero_crossing_rate(x, length, hop, bool(center), limit, bool(zero_pos)))
    return rate + np.float32(1 / length) if pad else rate


def _reference(ref_magnitude: Any, y: Float32, length: int, hop: int, center: bool) -> Any:
    if not callable(ref_magnitude):
        return ref_magnitude
    if center:
        y = padded(y, length // 2, "edge", "zero_crossing_rate")
    frames = np.lib.stride_tricks.sliding_window_view(np.abs(y), length, axis=-1)[..., ::hop, :]
    return ref_magnitude(np.swapaxes(frames, -1, -2))


def rms(
    *,
    y: NDArray[Any] | None = None,
    S: NDArray[Any] | None = None,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: PadMode = "constant",
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Root-mean-square of each frame, as ``librosa.feature.rms``.

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples; or give ``S``.
    S : ndarray, shape (…, 1 + frame_length // 2, frames)
        Magnitudes, or complex values, of frames transformed without a window.
    frame_length, hop_length, center
        As `zero_crossing_rate`.
    pad_mode : str or callable
        How a centred signal is padded: any mode of ``numpy.pad`` (``"empty"`` writes zeros).
    dtype : float32 or float64
        Type of the result; float64 takes the samples in double precision too.

    Returns
    -------
    ndarray of dtype, shape (…, 1, frames)

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
    kind = result_type(dtype, "rms")
    if y is not None:
        checked: NDArray[Any] = signal(y, "rms")
        length, hop = _framing(checked, frame_length, hop_length, center, "rms")
        if kind == np.float64:
            checked = np.ascontiguousarray(floating(y, "y", "rms"), dtype=np.float64)
        if center and pad_mode != "constant":
            checked = padded(checked, length // 2, pad_mode, "rms")
            center = False
        native = _core.rms if kind == np.float32 else _core.rms_double
        return each_channel(checked, lambda x: native(x, length, hop, bool(center)))
    if S is None:
        raise refuse("y", "rms", "given when S is not", "None")
    magnitude = np.abs(S) if isinstance(S, np.ndarray) and S.dtype.kind == "c" else S
    given = spectrum(magnitude, "rms", signed=True)
    length = integer(frame_length, "frame_length", "rms", low=2)
    if given.shape[0] != length // 2 + 1:
        raise refuse("frame_length", "rms", f"{2 * given.shape[0] - 2} or {2 * given.shape[0] - 1}, as S has {given.shape[0]} bins", length)
    power = np.square(given, dtype=np.float64)
    power[0] *= 0.5
    if length % 2 == 0:
        power[-1] *= 0.5
    result = np.sqrt(2 * power.sum(axis=0, keepdims=True) / length**2).astype(kind)
    return apart(result, np.shape(S)[:-2])
