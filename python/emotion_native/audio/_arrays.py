"""Checks and conversions of samples, spectra and windows, shared by the functions of this package."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..exceptions import InvalidInputError

Float32: TypeAlias = NDArray[np.float32]
Window: TypeAlias = str | ArrayLike | Callable[[int], ArrayLike]

_COSINES = {"hann": (0.5, 0.5, 0.0), "hamming": (0.54, 0.46, 0.0), "blackman": (0.42, 0.5, 0.08), "boxcar": (1.0, 0.0, 0.0), "ones": (1.0, 0.0, 0.0)}
_PAD_MODES = ("constant", "edge", "reflect", "symmetric")


def refuse(parameter: str, caller: str, rule: str, value: object) -> InvalidInputError:
    """Return the error that says what a parameter must be."""
    return InvalidInputError(f"{parameter} of {caller} must be {rule}; got {value}")


def integer(value: Any, parameter: str, caller: str, *, low: int = 1, high: int = 1 << 20) -> int:
    """Return ``value`` as an int between ``low`` and ``high``."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        if not (isinstance(value, float) and value.is_integer()):
            raise refuse(parameter, caller, f"an integer between {low} and {high}", repr(value))
        value = int(value)
    try:
        number = int(value.__index__())
    except TypeError:  # an array has __index__, and refuses
        raise refuse(parameter, caller, f"an integer between {low} and {high}", repr(value)) from None
    if not low <= number <= high:
        raise refuse(parameter, caller, f"an integer between {low} and {high}", number)
    return number


def number(value: Any, parameter: str, caller: str, *, above: float = -math.inf, minimum: float = -math.inf) -> float:
    """Return ``value`` as a finite float that is greater than ``above`` and at least ``minimum``."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise refuse(parameter, caller, "a number", repr(value)) from None
    if not math.isfinite(result) or result <= above or result < minimum:
        rule = "a finite number" + (f" > {above:g}" if above > -math.inf else "") + (f" >= {minimum:g}" if minimum > -math.inf else "")
        raise refuse(parameter, caller, rule, repr(value))
    return result


def floating(y: Any, parameter: str, caller: str) -> NDArray[Any]:
    """Return ``y`` when it is a floating-point array, as librosa demands."""
    if not isinstance(y, np.ndarray) or not np.issubdtype(y.dtype, np.floating):
        got = f"an array of {y.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        hint = " (scale integer samples to [-1, 1] first, for example y.astype(numpy.float32) / 32768)"
        raise refuse(parameter, caller, "a floating-point numpy.ndarray" + hint, got)
    return y


def samples(y: Any, caller: str, *, parameter: str = "y") -> Float32:
    """Return mono samples as a C-contiguous finite float32 vector, without a copy where they already are one."""
    array = floating(y, parameter, caller)
    if array.ndim != 1:
        raise refuse(parameter, caller, "a 1-d array of mono samples (mix down with y.mean(axis=0))", f"an array of shape {array.shape}")
    if array.size == 0:
        raise refuse(parameter, caller, "at least one sample long", "an empty array")
    result = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(result).all():
        raise refuse(parameter, caller, "finite", "an array with NaN or infinity")
    return result


def spectrum(S: Any, caller: str, *, parameter: str = "S", signed: bool = False) -> Float32:
    """Return a real spectrogram (bins x frames) as a C-contiguous finite float32 matrix."""
    if not isinstance(S, np.ndarray) or not np.issubdtype(S.dtype, np.floating):
        got = f"an array of {S.dtype}" if isinstance(S, np.ndarray) else type(S).__name__
        raise refuse(parameter, caller, "a real floating-point numpy.ndarray", got)
    if S.ndim != 2 or S.shape[0] < 1 or S.shape[1] < 1:
        raise refuse(parameter, caller, "a 2-d array (bins x frames)", f"an array of shape {S.shape}")
    result = np.ascontiguousarray(S, dtype=np.float32)
    if not np.isfinite(result).all():
        raise refuse(parameter, caller, "finite", "an array with NaN or infinity")
    if not signed and (result < 0).any():
        raise refuse(parameter, caller, "non-negative", "an array with negative values")
    return result


@lru_cache(maxsize=32)
def _named_window(name: str, win_length: int, n_fft: int) -> Float32:
    turn = 2 * np.pi * np.arange(win_length) / win_length
    if name == "bartlett":
        values = 1 - np.abs(2 * np.arange(win_length) / win_length - 1)
    else:
        a, b, c = _COSINES[name]
        values = a - b * np.cos(turn) + c * np.cos(2 * turn)
    return _centred(values, n_fft)


def _centred(values: NDArray[np.float64], n_fft: int) -> Float32:
    window = np.zeros(n_fft, dtype=np.float32)
    left = (n_fft - len(values)) // 2
    window[left : left + len(values)] = values
    window.flags.writeable = False
    return window


def make_window(window: Window, win_length: int | None, n_fft: int, caller: str) -> Float32:
    """Return the analysis window, ``win_length`` values (periodic) centred in ``n_fft`` zeros."""
    length = n_fft if win_length is None else integer(win_length, "win_length", caller, high=n_fft)
    if isinstance(window, str):
        if window not in _COSINES and window != "bartlett":
            names = ", ".join(sorted([*_COSINES, "bartlett"]))
            raise refuse("window", caller, f"one of {names}, or an array of win_length values", repr(window))
        return _named_window(window, length, n_fft)
    values = np.asarray(window(length) if callable(window) else window)
    if values.shape != (length,) or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise refuse("window", caller, f"a name or {length} finite values", f"an array of {values.dtype}, shape {values.shape}")
    return _centred(values.astype(np.float64), n_fft)


class Framing:
    """The samples and the settings of one short-time Fourier transform, checked."""

    def __init__(
        self, y: Any, n_fft: Any, hop_length: Any, win_length: Any, window: Window, center: bool, pad_mode: str, caller: str, *, parameter: str = "y"
    ) -> None:
        self.n_fft = integer(n_fft, "n_fft", caller)
        self.window = make_window(window, win_length, self.n_fft, caller)
        default = max(1, int(win_length if win_length is not None else self.n_fft) // 4)
        self.hop_length = default if hop_length is None else integer(hop_length, "hop_length", caller)
        self.y = samples(y, caller, parameter=parameter)
        self.center = bool(center)
        if not self.center:
            if len(self.y) < self.n_fft:
                raise refuse(parameter, caller, f"at least n_fft ({self.n_fft}) samples long when center=False", f"{len(self.y)} samples")
        elif pad_mode != "constant":
            if pad_mode not in _PAD_MODES:
                raise refuse("pad_mode", caller, f"one of {', '.join(_PAD_MODES)}", repr(pad_mode))
            self.y = np.pad(self.y, self.n_fft // 2, mode=pad_mode)  # type: ignore[call-overload]  # numpy's stubs list literals only
            self.center = False

    def power(self) -> Float32:
        """Return the power spectrogram."""
        return _core.power_spectrogram(self.y, self.window, self.hop_length, self.center)


def magnitude_or_given(S: Any, y: Any, caller: str, *, power: float, framing: tuple[Any, Any, Any, Window, bool, str]) -> tuple[Float32, int]:
    """Return (spectrogram, n_fft): ``S`` checked when given, else ``abs(stft(y)) ** power``."""
    if S is not None:
        given = spectrum(S, caller)
        if given.shape[0] < 2:
            raise refuse("S", caller, "at least 2 bins high", f"an array of shape {given.shape}")
        return given, 2 * (given.shape[0] - 1)
    if y is None:
        raise refuse("y", caller, "given when S is not", "None")
    frames = Framing(y, *framing, caller)
    result = frames.power()
    if power != 2.0:
        result = np.sqrt(result, out=result) if power == 1.0 else np.power(result, np.float32(power / 2), out=result)
    return result, frames.n_fft


def frequencies(freq: Any, sr: Any, n_bins: int, n_fft: int, caller: str) -> Float32:
    """Return one centre frequency a bin."""
    if freq is None:
        rate = number(sr, "sr", caller, above=0.0)
        return (np.arange(n_bins) * (rate / n_fft)).astype(np.float32)
    given = np.ascontiguousarray(freq, dtype=np.float32)
    if given.shape != (n_bins,) or not np.isfinite(given).all():
        raise refuse("freq", caller, f"{n_bins} finite frequencies, one a bin", f"an array of shape {given.shape}")
    return given
