"""Checks and conversions of samples, spectra and windows, shared by the functions of this package."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .._samples import LARGEST_SAMPLE, floating
from ..exceptions import EmotionNativeWarning, InvalidInputError

Float32: TypeAlias = NDArray[np.float32]
Window: TypeAlias = str | tuple[Any, ...] | float | ArrayLike | Callable[[int], ArrayLike]
PadMode: TypeAlias = str | Callable[..., Any]

_COSINES = {"hann": (0.5, 0.5, 0.0), "hamming": (0.54, 0.46, 0.0), "blackman": (0.42, 0.5, 0.08), "boxcar": (1.0, 0.0, 0.0), "ones": (1.0, 0.0, 0.0)}
FRAME_PAD_MODES = ("constant", "edge", "empty", "linear_ramp", "reflect", "symmetric")  # of the transform, as librosa
PAD_MODES = (*FRAME_PAD_MODES, "maximum", "mean", "median", "minimum", "wrap")
_LARGEST = float(np.finfo(np.float32).max)


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


def sampling_rate(value: Any, parameter: str, caller: str, *, low: int = 1) -> int:
    """Return a sampling rate, an int in Hz from ``low`` to the highest that any function takes."""
    return integer(value, parameter, caller, low=low, high=_core.HIGHEST_RATE_HZ)


def number(value: Any, parameter: str, caller: str, *, above: float = -math.inf, minimum: float = -math.inf) -> float:
    """Return ``value`` as a finite float that is greater than ``above`` and at least ``minimum``."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        raise refuse(parameter, caller, "a number", repr(value)) from None
    except OverflowError:
        result = math.inf
    if not math.isfinite(result) or result <= above or result < minimum:
        rule = "a finite number" + (f" > {above:g}" if above > -math.inf else "") + (f" >= {minimum:g}" if minimum > -math.inf else "")
        raise refuse(parameter, caller, rule, repr(value))
    return result


def finite(array: NDArray[Any], parameter: str, caller: str, *, largest: float = _LARGEST) -> Float32:
    """Return an array as C-contiguous float32, refused where a value is not finite or beyond ``largest``."""
    if array.dtype == np.float32:
        result = np.ascontiguousarray(array, dtype=np.float32)
    else:
        with np.errstate(over="ignore"):
            result = np.ascontiguousarray(array, dtype=np.float32)
    if not result.flags.aligned:
        result = result.copy()
    if not _core.all_finite(result, largest):
        found = "larger values" if np.isfinite(array).all() else "an array with NaN or infinity"
        raise refuse(parameter, caller, f"finite and within {-largest:.3g} to {largest:.3g}", found)
    return result


def kind_of(dtype: Any, caller: str, *allowed: type[np.generic]) -> np.dtype[Any]:
    """Return a dtype that is one of those allowed."""
    for kind in map(np.dtype, allowed):
        with contextlib.suppress(TypeError):  # what is no dtype at all
            if np.dtype(dtype) == kind:
                return kind
    raise refuse("dtype", caller, " or ".join(one.__name__ for one in allowed), repr(dtype))


def samples(y: Any, caller: str, *, parameter: str = "y") -> Float32:
    """Return mono samples as a C-contiguous finite float32 vector, without a copy where they already are one."""
    array = floating(y, parameter, caller)
    if array.ndim != 1:
        raise refuse(parameter, caller, "a 1-d array of mono samples (mix down with y.mean(axis=0))", f"an array of shape {array.shape}")
    return signal(y, caller, parameter=parameter)


def signal(y: Any, caller: str, *, parameter: str = "y") -> Float32:
    """Return samples of any number of channels, shape (…, n), as a C-contiguous finite float32 array."""
    array = floating(y, parameter, caller)
    if array.ndim < 1:
        raise refuse(parameter, caller, "at least one-dimensional", "an array without dimensions")
    if array.size == 0:
        raise refuse(parameter, caller, "at least one sample long", "an empty array")
    return finite(array, parameter, caller, largest=LARGEST_SAMPLE)


def each_channel(y: NDArray[Any], function: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """Return what the function gives for each channel of (…, n) samples, with the leading axes in front."""
    if y.ndim == 1:
        return function(y)
    results = [function(channel) for channel in y.reshape(-1, y.shape[-1])]
    return np.stack(results).reshape(y.shape[:-1] + results[0].shape)


def side_by_side(S: NDArray[Any]) -> NDArray[Any]:
    """Return (…, bins, frames) as one matrix (bins, frames of all channels)."""
    if S.ndim == 2:
        return S
    return np.moveaxis(S, -2, 0).reshape(S.shape[-2], -1)


def apart(rows: NDArray[Any], lead: tuple[int, ...]) -> NDArray[Any]:
    """Return the opposite of `side_by_side`: the leading axes again in front, C-contiguous."""
    if not lead:
        return rows
    return np.ascontiguousarray(np.moveaxis(rows.reshape(len(rows), *lead, -1), 0, -2))


def spectrum(S: Any, caller: str, *, parameter: str = "S", signed: bool = False) -> Float32:
    """Return a real spectrogram (…, bins, frames) as one C-contiguous finite float32 matrix, channels side by side."""
    if not isinstance(S, np.ndarray) or S.dtype.kind not in "fiu":
        got = f"an array of {S.dtype}" if isinstance(S, np.ndarray) else type(S).__name__
        raise refuse(parameter, caller, "a real numpy.ndarray", got)
    if S.ndim < 2 or S.size == 0:
        raise refuse(parameter, caller, "an array of bins x frames, or channels of them", f"an array of shape {S.shape}")
    result = finite(side_by_side(S), parameter, caller)
    if not signed and (result < 0).any():
        raise refuse(parameter, caller, "non-negative", "an array with negative values")
    return result


def _window_values(window: Any, length: int, caller: str) -> NDArray[np.float64]:
    if isinstance(window, str) and (window in _COSINES or window == "bartlett"):
        if length == 1:
            return np.ones(1)  # as SciPy: the formulas give the end of a window
        turn = 2 * np.pi * np.arange(length) / length
        if window == "bartlett":
            return 1 - np.abs(2 * np.arange(length) / length - 1)
        a, b, c = _COSINES[window]
        return np.asarray(a - b * np.cos(turn) + c * np.cos(2 * turn))
    if isinstance(window, str | tuple) or np.isscalar(window):
        from scipy.signal import get_window  # loaded for the less usual windows only

        try:
            window = get_window(window, length, fftbins=True)
        except (ValueError, TypeError) as error:
            raise refuse(
                "window", caller, "a window that scipy.signal.get_window knows, an array of win_length values or a function", repr(window)
            ) from error
    values = np.asarray(window(length) if callable(window) else window)
    if values.shape != (length,) or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise refuse("window", caller, f"a name or {length} finite values", f"an array of {values.dtype}, shape {values.shape}")
    return values.astype(np.float64)


def _centred(window: Any, length: int, n_fft: int, dtype: Any, caller: str) -> NDArray[Any]:
    values = _window_values(window, length, caller)
    result = np.zeros(n_fft, dtype=dtype)
    left = (n_fft - length) // 2
    result[left : left + length] = values
    result.flags.writeable = False
    return result


_named_window = lru_cache(maxsize=32)(_centred)


def make_window(window: Window, win_length: int | None, n_fft: int, caller: str, dtype: Any = np.float32) -> NDArray[Any]:
    """Return the analysis window, ``win_length`` values (periodic where named) centred in ``n_fft`` zeros."""
    length = n_fft if win_length is None else integer(win_length, "win_length", caller, high=n_fft)
    if isinstance(window, str):
        return _named_window(window, length, n_fft, dtype, caller)
    return _centred(window, length, n_fft, dtype, caller)


def padded(y: NDArray[Any], half: int, pad_mode: PadMode, caller: str, *, modes: tuple[str, ...] = PAD_MODES) -> NDArray[Any]:
    """Return (…, n) samples with ``half`` more on either side, as ``numpy.pad`` makes them in one of the modes or by a function."""
    if not callable(pad_mode) and pad_mode not in modes:
        raise refuse("pad_mode", caller, f"one of {', '.join(modes)}, or a function as numpy.pad takes it", repr(pad_mode))
    widths = [(0, 0)] * (y.ndim - 1) + [(half, half)]
    mode = "constant" if pad_mode == "empty" else pad_mode  # any values would do: zeros are the same in every call
    result: NDArray[Any] = np.pad(y, widths, mode=mode)  # type: ignore[call-overload]  # numpy's stubs list literals only
    if callable(pad_mode) and not np.isfinite(result).all():
        raise refuse("pad_mode", caller, "a function that writes finite values", "one that wrote NaN or infinity")
    return result


class Framing:
    """The samples and the settings of one short-time Fourier transform, checked."""

    def __init__(
        self,
        y: Any,
        n_fft: Any,
        hop_length: Any,
        win_length: Any,
        window: Window,
        center: bool,
        pad_mode: PadMode,
        caller: str,
        *,
        parameter: str = "y",
        double: bool = False,
    ) -> None:
        self.n_fft = integer(n_fft, "n_fft", caller)
        self.window = make_window(window, win_length, self.n_fft, caller, np.float64 if double else np.float32)
        default = max(1, int(win_length if win_length is not None else self.n_fft) // 4)
        self.hop_length = default if hop_length is None else integer(hop_length, "hop_length", caller)
        self.y: NDArray[Any] = signal(y, caller, parameter=parameter)
        if double:
            self.y = np.asarray(y, dtype=np.float64)
        self.lead = self.y.shape[:-1]
        self.center = bool(center)
        length = self.y.shape[-1]
        if not self.center:
            if length < self.n_fft:
                raise refuse(parameter, caller, f"at least n_fft ({self.n_fft}) samples long when center=False", f"{length} samples")
            return
        if length < self.n_fft:
            warnings.warn(f"n_fft of {caller} is {self.n_fft}, more than the {length} samples of {parameter}", EmotionNativeWarning, stacklevel=4)
        if pad_mode != "constant" or double:
            self.y = padded(self.y, self.n_fft // 2, pad_mode, caller, modes=FRAME_PAD_MODES)
            self.center = False

    def transform(self) -> NDArray[Any]:
        """Return the transform, (…, bins, frames)."""
        if self.y.dtype == np.float64:
            frames = np.lib.stride_tricks.sliding_window_view(self.y, self.n_fft, axis=-1)[..., :: self.hop_length, :]
            return np.ascontiguousarray(np.swapaxes(np.fft.rfft(frames * self.window, axis=-1), -1, -2))
        return each_channel(self.y, lambda y: _core.stft(y, self.window, self.hop_length, self.center))

    def power(self) -> Float32:
        """Return the power spectrogram, channels side by side."""
        if self.y.ndim == 1:
            return _core.power_spectrogram(self.y, self.window, self.hop_length, self.center)
        channels = self.y.reshape(-1, self.y.shape[-1])
        return np.concatenate([_core.power_spectrogram(y, self.window, self.hop_length, self.center) for y in channels], axis=1)


class Magnitudes(NamedTuple):
    """A spectrogram with the channels side by side, the points of its transform, and the shape of the channels."""

    values: Float32
    n_fft: int
    lead: tuple[int, ...]


def magnitude_or_given(
    S: Any, y: Any, caller: str, *, power: float, framing: tuple[Any, Any, Any, Window, bool, PadMode], signed: bool = False
) -> Magnitudes:
    """Return ``S`` checked when given, else ``abs(stft(y)) ** power``."""
    if S is not None:
        given = spectrum(S, caller, signed=signed)
        if given.shape[0] < 2:
            raise refuse("S", caller, "at least 2 bins high", f"an array of shape {given.shape}")
        n_fft = framing[0]
        odd = n_fft is not None and integer(n_fft, "n_fft", caller) == 2 * given.shape[0] - 1  # else the length follows from S
        return Magnitudes(given, 2 * given.shape[0] - 1 if odd else 2 * given.shape[0] - 2, S.shape[:-2])
    if y is None:
        raise refuse("y", caller, "given when S is not", "None")
    frames = Framing(y, *framing, caller)
    result = frames.power()
    if power != 2.0:
        result = np.sqrt(result, out=result) if power == 1.0 else np.power(result, np.float32(power / 2), out=result)
    return Magnitudes(result, frames.n_fft, frames.lead)


@lru_cache(maxsize=32)
def _bin_frequencies(rate: float, n_fft: int) -> Float32:
    result = np.fft.rfftfreq(n_fft, d=1.0 / rate).astype(np.float32)
    result.flags.writeable = False
    return result


def frequencies(freq: Any, sr: Any, given: Magnitudes, caller: str) -> Float32:
    """Return one centre frequency a bin, or one a bin and frame (of all channels) where ``freq`` varies."""
    n_bins, n_frames = given.values.shape
    if freq is None:
        return _bin_frequencies(number(sr, "sr", caller, above=0.0), given.n_fft)
    hertz = np.asarray(freq)
    shape = (*given.lead, n_bins, n_frames // max(1, math.prod(given.lead)))
    if hertz.dtype.kind not in "fiu" or not np.isfinite(hertz).all():
        raise refuse("freq", caller, "finite frequencies", f"an array of {hertz.dtype}")
    if hertz.ndim == 1 and hertz.shape == (n_bins,):
        if (np.diff(hertz) >= 0).all():
            return np.ascontiguousarray(hertz, dtype=np.float32)
        hertz = hertz[:, None]
    try:
        return np.ascontiguousarray(side_by_side(np.broadcast_to(hertz, shape)), dtype=np.float32)
    except ValueError:
        raise refuse("freq", caller, f"{n_bins} frequencies, one a bin, or an array like S", f"an array of shape {np.shape(freq)}") from None
