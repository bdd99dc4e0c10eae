"""Decibels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..exceptions import EmotionNativeWarning
from ._arrays import number, refuse

Reference = float | Callable[[NDArray[Any]], Any]


def power_to_db(S: ArrayLike, *, ref: Reference = 1.0, amin: float = 1e-10, top_db: float | None = 80.0) -> NDArray[Any]:
    """Convert power to decibels, as ``librosa.power_to_db``: 10 log10(max(S, amin) / max(ref, amin)), not below the maximum minus ``top_db``.

    Parameters
    ----------
    S : array of floats, any shape
        Power; complex values are replaced by their magnitude, with a warning.
    ref : float or callable, default=1.0
        Power of 0 dB, or a function of ``S`` that gives it (``numpy.max``).
    amin : float, default=1e-10
        Smallest power that counts.
    top_db : float or None, default=80.0
        Dynamic range.

    Returns
    -------
    ndarray of the shape of S, float32 for float32 and complex64 input, float64 otherwise

    Raises
    ------
    InvalidInputError
        For NaN or infinity in ``S``, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.power_to_db(np.array([1.0, 10.0, 0.0]), top_db=None)
    array([   0.,   10., -100.])
    """
    return _to_db(_magnitude(S, "power_to_db"), ref, amin, top_db, "power_to_db", square=False)


def amplitude_to_db(S: ArrayLike, *, ref: Reference = 1.0, amin: float = 1e-5, top_db: float | None = 80.0) -> NDArray[Any]:
    """Convert amplitudes to decibels, as ``librosa.amplitude_to_db``: `power_to_db` of the squares, with ``ref`` and ``amin`` squared.

    Parameters
    ----------
    S : array of floats, any shape
        Amplitudes; complex values are replaced by their magnitude, with a warning.
    ref : float or callable, default=1.0
        Amplitude of 0 dB, or a function of ``S`` that gives it.
    amin : float, default=1e-5
        Smallest amplitude that counts.
    top_db : float or None, default=80.0
        Dynamic range.

    Returns
    -------
    ndarray of the shape of S, float32 for float32 and complex64 input, float64 otherwise

    Raises
    ------
    InvalidInputError
        For NaN or infinity in ``S``, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from emotion_native import audio
    >>> audio.amplitude_to_db(np.array([1.0, 10.0, 0.1]))
    array([  0.,  20., -20.])
    """
    return _to_db(_magnitude(S, "amplitude_to_db"), ref, amin, top_db, "amplitude_to_db", square=True)


def _magnitude(S: ArrayLike, caller: str) -> NDArray[Any]:
    array = np.asarray(S)
    if array.dtype.kind not in "fciu":
        raise refuse("S", caller, "an array of numbers", f"an array of {array.dtype}")
    if array.dtype.kind == "c":
        warnings.warn(f"S of {caller} is complex: its phase is dropped", EmotionNativeWarning, stacklevel=3)
    magnitude: NDArray[Any] = np.abs(array) if array.dtype.kind == "c" else array
    if magnitude.dtype != np.float32:  # squares of short integers and of half precision would not fit their type
        magnitude = magnitude.astype(np.float64)
    if not np.isfinite(magnitude).all():
        raise refuse("S", caller, "finite", "an array with NaN or infinity")
    return magnitude


def _square(value: float, name: str, caller: str) -> float:
    if value > 1e150:
        raise refuse(name, caller, "at most 1e150", repr(value))
    return max(value * value, 1e-300)


def _to_db(magnitude: NDArray[Any], ref: Reference, amin: float, top_db: float | None, caller: str, *, square: bool) -> NDArray[Any]:
    floor = number(amin, "amin", caller, above=0.0)
    reference = abs(number(ref(magnitude) if callable(ref) else ref, "ref", caller))
    if square:
        floor, reference = _square(floor, "amin", caller), _square(reference, "ref", caller)
    drop = None if top_db is None else number(top_db, "top_db", caller, minimum=0.0)
    offset = 10.0 * math.log10(max(floor, reference))
    power = magnitude
    if square:
        with np.errstate(over="ignore"):
            power = np.square(magnitude)
        if not np.isfinite(power).all():  # beyond single precision
            power = np.square(magnitude.astype(np.float64))
    if power.dtype == np.float32 and floor > 1.2e-38:
        db: NDArray[Any] = _core.power_to_db(np.array(power, order="C"), floor, -1.0 if drop is None else drop)
        return db if offset == 0.0 else db - np.float32(offset)
    db = 10.0 * np.log10(np.maximum(floor, power.astype(np.float64))) - offset
    return db if drop is None or db.size == 0 else np.maximum(db, db.max() - drop)
