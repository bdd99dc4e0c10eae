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
        Power, negative values count as ``amin``; complex values are replaced by their magnitude, with a warning.
    ref : float or callable, default=1.0
        Power of 0 dB, of which the magnitude counts, or a function of ``S`` that gives it (``numpy.max``), whose values below ``amin`` count as that.
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
    return _to_db(_finite(S, "power_to_db"), ref, amin, top_db, "power_to_db", square=False)


def amplitude_to_db(S: ArrayLike, *, ref: Reference = 1.0, amin: float = 1e-5, top_db: float | None = 80.0) -> NDArray[Any]:
    """Convert amplitudes to decibels, as ``librosa.amplitude_to_db``: `power_to_db` of the squares, with ``ref`` and ``amin`` squared.

    Parameters
    ----------
    S : array of floats, any shape
        Amplitudes, of which the magnitudes count; complex values with a warning.
    ref : float or callable, default=1.0
        Amplitude of 0 dB, or a function of the magnitudes that gives it.
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
    return _to_db(np.abs(_finite(S, "amplitude_to_db")), ref, amin, top_db, "amplitude_to_db", square=True)


def _finite(S: ArrayLike, caller: str) -> NDArray[Any]:
    """Return real values as they are, complex ones as their magnitudes, in floating point."""
    array = np.asarray(S)
    if array.dtype.kind not in "fciu":
        raise refuse("S", caller, "an array of numbers", f"an array of {array.dtype}")
    if array.dtype.kind == "c":
        warnings.warn(f"S of {caller} is complex: its phase is dropped", EmotionNativeWarning, stacklevel=3)
    values: NDArray[Any] = np.abs(array) if array.dtype.kind == "c" else array
    if values.dtype != np.float32:  # squares of short integers and of half precision would not fit their type
        values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise refuse("S", caller, "finite", "an array with NaN or infinity")
    return values


def _square(value: float, name: str, caller: str) -> float:
    if abs(value) > 1e150:
        raise refuse(name, caller, "at most 1e150", repr(value))
    return max(value * value, 1e-300)


def _to_db(values: NDArray[Any], ref: Reference, amin: float, top_db: float | None, caller: str, *, square: bool) -> NDArray[Any]:
    floor = number(amin, "amin", caller, above=0.0)
    reference = number(ref(values), "ref", caller) if callable(ref) else abs(number(ref, "ref", caller))  # below the floor: the floor
    if square:
        floor, reference = _square(floor, "amin", caller), _square(reference, "ref", caller)
    drop = None if top_db is None else number(top_db, "top_db", caller, minimum=0.0)
    offset = 10.0 * math.log10(max(floor, reference))
    power = values
    if square:
        with np.errstate(over="ignore"):
            power = np.square(values)
        if not np.isfinite(power).all():  # beyond single precision
            power = np.square(values.astype(np.float64))
    if power.dtype == np.float32 and floor > 1.2e-38:
        db: NDArray[Any] = _core.power_to_db(np.array(power, order="C"), floor, -1.0 if drop is None else drop)
        return db if offset == 0.0 else db - np.float32(offset)
    db = 10.0 * np.log10(np.maximum(floor, power.astype(np.float64))) - offset
    return db if drop is None or db.size == 0 else np.maximum(db, db.max() - drop)
