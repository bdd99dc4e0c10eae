"""Samples and streams of samples as users give them: one rule for the functions of `audio` and for the runtime. NumPy alone."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exceptions import InvalidInputError

__all__ = [
    "HIGHEST_RATE_HZ",
    "LARGEST_SAMPLE",
    "LONGEST_WINDOW_S",
    "MOST_SAMPLES",
    "OneThread",
    "floating",
    "samples_file",
    "stream_chunk",
    "window_samples",
]

HIGHEST_RATE_HZ = 768_000  # that of the core, for those who load before it; a test compares them
LARGEST_SAMPLE = 1e9  # beyond, the power of a spectrum could overflow single precision
LONGEST_WINDOW_S = 600.0
MOST_SAMPLES = 1 << 29  # of a clip given as an array: as a file it keeps below 4 GiB


def floating(y: Any, parameter: str, caller: str) -> NDArray[Any]:
    """Return ``y`` when it is a floating-point array, as librosa demands.

    Raises
    ------
    InvalidInputError
        With the remedy for what is often given instead.
    """
    if isinstance(y, np.ma.MaskedArray):
        raise InvalidInputError(f"{parameter} of {caller} must be without masked values; got a masked array")
    if not isinstance(y, np.ndarray) or not np.issubdtype(y.dtype, np.floating):
        got = f"an array of {y.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        hint = " (scale integer samples to [-1, 1] first, for example y.astype(numpy.float32) / 32768)"
        if isinstance(y, (str, os.PathLike)):
            hint = " (audio.load reads a sound file: y, sr = audio.load(path, sr=None))"
        raise InvalidInputError(f"{parameter} of {caller} must be a floating-point numpy.ndarray{hint}; got {got}")
    return y


def samples_file(samples: NDArray[np.float32], sample_rate_hz: int) -> bytes:
    """Return mono samples as the float WAV file that the core makes of them: an array is in every respect the clip that this file holds."""
    data = np.ascontiguousarray(samples, dtype="<f4")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, sample_rate_hz, 4 * sample_rate_hz, 4, 32)
    head = struct.pack("<4sI4s", b"RIFF", 36 + data.nbytes, b"WAVE") + form + struct.pack("<4sI", b"data", data.nbytes)
    return b"".join((head, data.data))


def stream_chunk(samples: Any) -> NDArray[np.float32]:
    """Return what was pushed into a stream as contiguous float32, without a copy where it is that.

    Raises
    ------
    InvalidInputError
        For anything but mono samples that are finite and within ``LARGEST_SAMPLE``.
    """
    array = floating(samples, "samples", "push")
    if array.ndim != 1:
        rule = "a 1-d array of mono samples (mix down with samples.mean(axis=0))"
        raise InvalidInputError(f"samples of push must be {rule}; got an array of shape {array.shape}")
    with np.errstate(over="ignore"):
        chunk = np.ascontiguousarray(array, dtype=np.float32)
    if not (np.abs(chunk) <= LARGEST_SAMPLE).all():
        raise InvalidInputError("samples of push must be finite and within -1e9 to 1e9; got a value that is not")
    return chunk


def window_samples(seconds: Any, parameter: str, caller: str, rate: int) -> int:
    """Return the length of a stream's window, or of the way to the next, in samples.

    Raises
    ------
    InvalidInputError
        If it is shorter than a sample or longer than ``LONGEST_WINDOW_S``.
    """
    known = isinstance(seconds, int | float | np.integer | np.floating) and not isinstance(seconds, bool) and 0 < seconds <= LONGEST_WINDOW_S
    samples = round(float(seconds) * rate) if known else 0
    if samples < 1:
        rule = f"at least one sample and at most {LONGEST_WINDOW_S:g} s long"
        raise InvalidInputError(f"{parameter} of {caller} must be {rule}; got {seconds!r} at {rate} Hz")
    return samples


class OneThread:
    """Calls that one thread at a time may make: a second is refused, not kept waiting, in the words of a native stream."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def call(self, caller: str) -> Iterator[None]:
        """Run the body, or raise InvalidInputError while another call runs."""
        if not self._lock.acquire(blocking=False):
            raise InvalidInputError(f"stream of {caller} must be used by one thread at a time; got a call while another one runs")
        try:
            yield
        finally:
            self._lock.release()
