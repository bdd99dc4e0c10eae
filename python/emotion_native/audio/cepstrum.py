"""Mel-frequency cepstral coefficients and deltas."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import _core
from ._arrays import Float32, Framing, PadMode, Window, apart, finite, integer, number, refuse, spectrum
from .spectrum import filterbank_of, melspectrogram, result_type

_DCT_NORMS = {None: 0, "backward": 0, "ortho": 1, "forward": 2}
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
    mel_norm: str | float | None = "slaney",
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: PadMode = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Mel-frequency cepstral coefficients, as ``librosa.feature.mfcc``.

    Parameters
    ----------
    y, sr
        Finite samples, floats of shape (…, n), and their rate in Hz; or give ``S``.
    S : ndarray, shape (…, n_mels, frames)
        Log-power mel spectrogram in dB.
    n_mfcc : int, default=20
        Number of coefficients, at most the number of bands.
    dct_type : {1, 2, 3, 4}, default=2
        Type of the cosine transform.
    norm : {"ortho", None, "backward", "forward"}
        Its scaling, as ``scipy.fft.dct``.
    lifter : float, default=0
        Coefficient k is multiplied by 1 + lifter / 2 * sin(pi (k + 1) / lifter).
    mel_norm, n_fft, hop_length, win_length, window, center, pad_mode, power, n_mels, fmin, fmax, htk, dtype
        As `melspectrogram`. The floor of 80 dB is below the loudest value of all channels.

    Returns
    -------
    ndarray of dtype, shape (…, n_mfcc, frames)

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
    caller = "mfcc"
    if not (norm is None or (isinstance(norm, str) and norm in _DCT_NORMS)):
        raise refuse("norm", caller, "'ortho', None, 'backward' or 'forward'", repr(norm))
    kind = result_type(dtype, caller)
    lift = number(lifter, "lifter", caller, minimum=0.0)
    cosines = (integer(n_mfcc, "n_mfcc", caller, high=4096), integer(dct_type, "dct_type", caller, high=4), _DCT_NORMS[norm])
    lead: tuple[int, ...] = ()
    if S is None and power == 2.0 and getattr(y, "ndim", 0) == 1:  # in one pass: neither spectra nor mel bands are stored for Python
        framing = Framing(y, n_fft, hop_length, win_length, window, center, pad_mode, caller)
        bank = filterbank_of(sr, framing.n_fft, n_mels, fmin, fmax, htk, mel_norm, caller)
        result: Float32 = bank.mfcc(framing.y, framing.window, framing.hop_length, framing.center, *cosines)
    else:
        if S is None:
            mel = melspectrogram(
                y=y, sr=sr, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, center=center, pad_mode=pad_mode,
                power=power, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm,
            )  # fmt: skip
            S = _core.power_to_db(mel, 1e-10, 80.0)
        lead = S.shape[:-2]
        result = _core.dct(spectrum(S, caller, signed=True), *cosines)
    if lift > 0:
        result *= (1 + lift / 2 * np.sin(np.pi * np.arange(1, 1 + len(result)) / lift)).astype(np.float32)[:, None]
    return apart(result, lead).astype(kind, copy=False)


def delta(
    data: NDArray[Any],
    *,
    width: int = 9,
    order: int = 1,
    axis: int = -1,
    mode: str = "interp",
    polyorder: int | None = None,
    delta: float = 1.0,
    cval: float = 0.0,
) -> Float32:
    """Local derivative of features over time, as ``librosa.feature.delta`` (Savitzky-Golay).

    Parameters
    ----------
    data : ndarray
        Features.
    width : int, default=9
        Frames of the fit: odd, at least 3; at most the number of frames with mode "interp".
    order : int, default=1
        Order of the derivative.
    axis : int, default=-1
        The axis of time.
    mode : {"interp", "nearest", "mirror", "constant", "wrap"}
        What the fit sees at the ends: the first and last ``width`` frames, or the data padded.
    polyorder : int, default=order
        Degree of the polynomial, below ``width``.
    delta : float, default=1.0
        Distance of two frames.
    cval : float, default=0.0
        What "constant" pads with.

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
    values = np.atleast_1d(data)
    if values.dtype.kind not in "fiu" or values.size == 0:
        raise refuse("data", "delta", "a real and finite array with values", f"an array of {values.dtype}, shape {values.shape}")
    place = integer(axis, "axis", "delta", low=-values.ndim, high=values.ndim - 1)
    span = integer(width, "width", "delta", low=3)
    derivative = integer(order, "order", "delta")
    degree = derivative if polyorder is None else integer(polyorder, "polyorder", "delta", low=0)
    step = number(delta, "delta", "delta", above=0.0)
    moved = np.moveaxis(values, place, -1)
    rows = finite(moved.reshape(-1, moved.shape[-1]), "data", "delta")
    half = span // 2
    if mode != "interp":
        if mode not in _PAD:
            raise refuse("mode", "delta", f"'interp' or one of {', '.join(_PAD)}", repr(mode))
        constant = {"constant_values": number(cval, "cval", "delta")} if mode == "constant" else {}
        rows = np.pad(rows, ((0, 0), (half, half)), mode=_PAD[mode], **constant)  # type: ignore[call-overload]  # numpy's stubs list literals only
    result = _core.delta(rows, span, derivative, degree)
    if mode != "interp":
        result = result[:, half:-half]
    if step != 1.0:
        result = result / np.float32(step**derivative)
    return np.ascontiguousarray(np.moveaxis(result.reshape(moved.shape), -1, place))


__all__ = ["delta", "mfcc"]
