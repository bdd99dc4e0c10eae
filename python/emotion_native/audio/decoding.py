"""Sound files and bytes to samples, and resampling."""

from __future__ import annotations

import math
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import _core
from .._samples import LARGEST_SAMPLE, floating
from ..exceptions import MediaDecodeError
from ._arrays import Float32, finite, integer, kind_of, number, refuse, sampling_rate

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


def as_source(source: Any, caller: str) -> str | bytes:
    """Return what the core takes: a path as str, or bytes."""
    if isinstance(source, (str, bytes)):
        return source
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, os.PathLike):
        path = os.fspath(source)
        return os.fsdecode(path)
    if hasattr(source, "read"):
        content = source.read()
        if isinstance(content, bytes):
            return content
    raise refuse("path", caller, "a path, bytes or a binary file", type(source).__name__)


def load(
    path: Source,
    *,
    sr: float | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
    dtype: DTypeLike = np.float32,
    res_type: str = "kaiser_polyphase",
) -> tuple[NDArray[Any], int]:
    """Decode a sound file, as ``librosa.load``.

    Parameters
    ----------
    path : str, path-like, bytes or binary file
        WAV, FLAC, OGG, MP3, AIFF, AU or CAF, of any sampling rate and up to 64 channels. Bytes are the content of a file.
    sr : int or None, default=22050
        Sampling rate of the result in Hz; None keeps the file's.
    mono : bool, default=True
        Mix down by the mean over the channels.
    offset, duration : float, default 0.0 and None
        The part to read, in seconds. At most one hour and 200 million frames are read.
    dtype : float32 or float64
        Of the result. The samples have the precision of float32.
    res_type : "kaiser_polyphase"
        The only resampler: see `resample`.

    Returns
    -------
    y : ndarray of shape (n,) or (channels, n)
        Samples; full scale is -1 to 1.
    sr : int
        Sampling rate of ``y`` in Hz.

    Raises
    ------
    MediaDecodeError
        With ``reason`` not_found, no_permission, unsupported_format, corrupt, too_short, too_long or non_finite.
    InvalidInputError
        For arguments out of range.

    Examples
    --------
    >>> import io, wave
    >>> from emotion_native import audio
    >>> buffer = io.BytesIO()
    >>> with wave.open(buffer, "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     _ = file.writeframes(bytes(1600))
    >>> y, sr = audio.load(buffer.getvalue(), sr=16000)
    >>> y.shape, sr
    ((1600,), 16000)
    """
    target = None if sr is None else sampling_rate(sr, "sr", "load")
    kind = kind_of(dtype, "load", np.float32, np.float64)
    _check_res_type(res_type, "load")
    start = number(offset, "offset", "load", minimum=0.0)
    end = None if duration is None else start + number(duration, "duration", "load", above=0.0)
    samples, info = _core.decode_audio(as_source(path, "load"), start, end, bool(mono), target if mono else None)
    if info["non_finite"]:
        raise MediaDecodeError("the sound file given to load holds NaN or infinite samples, or some beyond 1e9", reason="non_finite")
    y: NDArray[Any] = samples if samples.ndim == 1 else np.ascontiguousarray(samples.T)
    native = int(info["sample_rate_hz"])
    if not mono and target is not None and target != native:
        y = resample(y, orig_sr=native, target_sr=target)
    return y.astype(kind, copy=False), target or native


def _check_res_type(res_type: str, caller: str) -> None:
    if res_type != "kaiser_polyphase":
        raise refuse("res_type", caller, "'kaiser_polyphase' (librosa's other resamplers are not offered)", repr(res_type))


def resample(
    y: NDArray[Any], *, orig_sr: float, target_sr: float, res_type: str = "kaiser_polyphase", fix: bool = True, scale: bool = False, axis: int = -1
) -> Float32:
    """Resample band-limited signals by any rational ratio, as ``librosa.resample``.

    A Kaiser-windowed sinc: pass-band to 0.91 of the lower Nyquist frequency with a ripple below 0.0001 dB, stop-band from the lower Nyquist
    frequency on at least 115 dB down (the level of soxr's HQ), no delay (docs/reference/audio.md).

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples.
    orig_sr, target_sr : int
        Sampling rates in Hz, 1 to 768000.
    res_type : "kaiser_polyphase"
        The only resampler.
    fix : bool, default=True
        Without effect: the result has ceil(n * target_sr / orig_sr) samples without a correction.
    scale : bool, default=False
        Divide by sqrt(target_sr / orig_sr), so that the energy stays the same.
    axis : int, default=-1
        The axis of time.

    Returns
    -------
    ndarray of float32, shape (…, ceil(n * target_sr / orig_sr))

    Raises
    ------
    InvalidInputError
        For rates that are not whole numbers in range, and for samples that are not floating-point or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.resample(np.ones(48000, dtype=np.float32), orig_sr=48000, target_sr=16000).shape
    (16000,)
    """
    caller = "resample"
    _check_res_type(res_type, caller)
    source = sampling_rate(orig_sr, "orig_sr", caller)
    target = sampling_rate(target_sr, "target_sr", caller)
    array = floating(y, "y", caller)
    if array.ndim == 0 or array.size == 0:
        raise refuse("y", caller, "at least one sample long", f"an array of shape {array.shape}")
    place = integer(axis, "axis", caller, low=-array.ndim, high=array.ndim - 1)
    rows = finite(np.moveaxis(array, place, -1), "y", caller, largest=LARGEST_SAMPLE)
    if source == target:
        result = rows.copy()
    elif rows.ndim == 1:
        result = _core.resample(rows, source, target)
    else:
        flat = rows.reshape(-1, rows.shape[-1])
        result = np.stack([_core.resample(row, source, target) for row in flat]).reshape(*rows.shape[:-1], -1)
    if scale:
        result /= np.float32(math.sqrt(target / source))
    return np.ascontiguousarray(np.moveaxis(result, -1, place))


def probe(path: Source) -> dict[str, Any]:
    """Read the header of a sound file.

    Parameters
    ----------
    path : path, bytes or binary file
        As in `load`.

    Returns
    -------
    dict
        ``sample_rate_hz``, ``channels``, ``frames`` (the header's claim), ``format``, ``subtype``.

    Raises
    ------
    MediaDecodeError
        With ``reason`` not_found, no_permission, unsupported_format or corrupt.
    InvalidInputError
        For anything but a path, bytes or a binary file.

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.probe("no such file.wav")
    Traceback (most recent call last):
    emotion_native.exceptions.MediaDecodeError: 'no such file.wav' does not exist
    """
    result: dict[str, Any] = _core.probe_audio(as_source(path, "probe"))
    return result


def levels(path: Source) -> dict[str, Any]:
    """Decode a sound file in constant memory and report its levels.

    Parameters
    ----------
    path : path, bytes or binary file
        As in `load`.

    Returns
    -------
    dict
        What `probe` gives (``frames`` counted, not claimed), and ``duration_s``, ``peak`` (full scale is 1), ``rms_dbfs``, ``clipped_ratio``
        (share of the samples with a magnitude of at least 0.999), ``silent`` (peak below 1e-4) and ``non_finite`` (NaN, infinity or
        a magnitude above 1e9).

    Raises
    ------
    MediaDecodeError, InvalidInputError
        As `load`.

    Examples
    --------
    >>> from emotion_native import audio
    >>> audio.levels(b"no sound")
    Traceback (most recent call last):
    emotion_native.exceptions.MediaDecodeError: audio bytes is not a supported sound file (WAV, FLAC, OGG, MP3, AIFF, AU, CAF)
    """
    result: dict[str, Any] = _core.audio_levels(as_source(path, "levels"))
    return result
