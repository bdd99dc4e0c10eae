"""Cutting silence off, and out of, signals, as ``librosa.effects``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import integer, number, signal
from .temporal import rms

__all__ = ["split", "trim"]

_LEAST_AMPLITUDE = 1e-5


def _is_loud(
    y: Any, top_db: Any, ref: Any, frame_length: Any, hop_length: Any, aggregate: Callable[..., Any], caller: str
) -> tuple[NDArray[np.bool_], int]:
    """Return which frames are at most ``top_db`` below the reference, and the hop."""
    array = signal(y, caller)
    least = -number(top_db, "top_db", caller)
    length, hop = integer(frame_length, "frame_length", caller), integer(hop_length, "hop_length", caller)
    channels = array.reshape(-1, array.shape[-1])
    levels = np.concatenate([rms(y=one, frame_length=length, hop_length=hop) for one in channels]).astype(np.float64)
    levels = levels.reshape(*array.shape[:-1], -1)
    reference = abs(number(ref(levels) if callable(ref) else ref, "ref", caller))
    floor = _LEAST_AMPLITUDE**2
    decibels = 10 * np.log10(np.maximum(floor, levels**2)) - 10 * np.log10(max(floor, reference**2))
    joined = np.apply_over_axes(aggregate, decibels, range(array.ndim - 1)).reshape(-1)
    return np.asarray(joined > least), hop


def trim(
    y: NDArray[Any],
    *,
    top_db: float = 60,
    ref: float | Callable[..., Any] = np.max,
    frame_length: int = 2048,
    hop_length: int = 512,
    aggregate: Callable[..., Any] = np.max,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Cut silence off both ends, as ``librosa.effects.trim``.

    Parameters
    ----------
    y : ndarray of floats, shape (…, n)
        Finite samples.
    top_db : float, default=60
        A frame is silent where its root mean square is more than this below the reference.
    ref : float or callable, default=numpy.max
        The reference amplitude, or a function of the frames' root mean squares.
    frame_length, hop_length : int
        Samples a frame, and between frames.
    aggregate : callable, default=numpy.max
        Joins the levels of channels, axis by axis: called with an array and an axis, as ``numpy.apply_over_axes`` does.

    Returns
    -------
    trimmed : ndarray of shape (…, m)
        A view of ``y``.
    index : ndarray of int64 of shape (2,)
        ``trimmed`` is ``y[..., index[0]:index[1]]``; both 0 where all is silent.

    Raises
    ------
    InvalidInputError
        For samples that are not finite floats, and for arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> y = np.zeros(16384, dtype=np.float32)
    >>> y[6000:9000] = 0.5
    >>> audio.effects.trim(y)[1].tolist()
    [5120, 10240]
    """
    loud, hop = _is_loud(y, top_db, ref, frame_length, hop_length, aggregate, "trim")
    places = np.flatnonzero(loud)
    if places.size == 0:
        index = np.zeros(2, dtype=np.int64)
    else:
        index = np.array([places[0] * hop, min(y.shape[-1], (places[-1] + 1) * hop)], dtype=np.int64)
    return y[..., index[0] : index[1]], index


def split(
    y: NDArray[Any],
    *,
    top_db: float = 60,
    ref: float | Callable[..., Any] = np.max,
    frame_length: int = 2048,
    hop_length: int = 512,
    aggregate: Callable[..., Any] = np.max,
) -> NDArray[np.int64]:
    """Return the stretches that are not silent, as ``librosa.effects.split``.

    Parameters
    ----------
    y, top_db, ref, frame_length, hop_length, aggregate
        As `trim`.

    Returns
    -------
    ndarray of int64 of shape (m, 2)
        Stretch i is ``y[..., start:end]`` with row i's start and end.

    Raises
    ------
    InvalidInputError
        As `trim`.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> y = np.zeros(32768, dtype=np.float32)
    >>> y[6000:9000] = y[20000:22000] = 0.5
    >>> audio.effects.split(y).tolist()
    [[5120, 10240], [19456, 23040]]
    """
    loud, hop = _is_loud(y, top_db, ref, frame_length, hop_length, aggregate, "split")
    padded = np.concatenate([[False], loud, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2) * hop
    return np.minimum(edges, y.shape[-1]).astype(np.int64)
