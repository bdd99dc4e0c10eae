"""What a loaded model takes: clips, samples and rows of features, checked. NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ._samples import HIGHEST_RATE_HZ, MOST_SAMPLES, samples_file
from .exceptions import InvalidInputError

__all__ = [
    "check_clip",
    "check_clips",
    "check_count",
    "check_extractor",
    "check_names",
    "check_no_rate",
    "check_rate",
    "check_rows",
    "check_samples",
    "check_sources",
]


def check_count(value: int, caller: str) -> int:
    """Return how many top features are asked for.

    Raises
    ------
    InvalidInputError
        If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise InvalidInputError(f"top_features of {caller} must be a whole number from 0 up; got {value!r}")
    return min(int(value), 2**31 - 1)  # more than any model has


def check_rate(value: int | None, caller: str, where: str = "") -> int:
    """Return the sample rate of samples; ``where`` says when one is needed.

    Raises
    ------
    InvalidInputError
        If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= HIGHEST_RATE_HZ:
        raise InvalidInputError(f"sample_rate_hz of {caller} must be a whole number from 1 to {HIGHEST_RATE_HZ}{where}; got {value!r}")
    return int(value)


def check_no_rate(value: int | None, clips: Iterable[Any], caller: str, array: str) -> None:
    """Raise InvalidInputError for a sample rate where no clip is an array; ``array`` says which might be one."""
    if value is not None and not any(isinstance(clip, np.ndarray) for clip in clips):
        raise InvalidInputError(f"sample_rate_hz of {caller} must be None unless {array} is an array; got {value!r}")


def check_extractor(extractor: dict[str, Any] | None, caller: str) -> dict[str, Any]:
    """Return how a model's clips become columns.

    Raises
    ------
    InvalidInputError
        If the model takes rows of features alone.
    """
    if extractor is None:
        raise InvalidInputError(
            f"source of {caller} must be rows of features, since the model was saved without an extractor; got a clip: use predict_features, or "
            "save the model again with save_model(fitted, path, extractor=table), the feature table that it was trained on"
        )
    return extractor


def check_clip(source: Any, caller: str, rate: int | None = None, name: str = "source") -> str | bytes:
    """Return a clip as a path or bytes: an array of samples, of the rate that then is needed, as a file.

    Raises
    ------
    InvalidInputError
        If it is something else.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, np.ndarray):
        return samples_file(check_samples(source, caller, name), check_rate(rate, caller, f" when {name} is an array"))
    raise InvalidInputError(f"{name} of {caller} must be a path, bytes or an array of samples; got {type(source).__name__}")


def check_sources(sources: Any, caller: str) -> tuple[Any, ...]:
    """Return a sequence of clips, as they were given.

    Raises
    ------
    InvalidInputError
        If it is something else, such as one clip.
    """
    if isinstance(sources, str | bytes | os.PathLike) or (isinstance(sources, np.ndarray) and sources.dtype.kind in "fiu"):
        raise InvalidInputError(
            f"sources of {caller} must be a sequence of clips; got one {type(sources).__name__} (use predict, or predict_features for rows)"
        )
    try:
        return tuple(sources)
    except TypeError:
        raise InvalidInputError(f"sources of {caller} must be a sequence of clips; got {type(sources).__name__}") from None


def check_clips(sources: Iterable[Any], caller: str, rate: int | None) -> tuple[str | bytes, ...]:
    """Return clips as paths or bytes: arrays of samples as files.

    Raises
    ------
    InvalidInputError
        If one is something else.
    """
    return tuple(check_clip(source, caller, rate, f"sources[{i}]") for i, source in enumerate(sources))


def check_samples(source: npt.NDArray[Any], caller: str, name: str = "source") -> npt.NDArray[np.float32]:
    """Return mono samples as contiguous float32.

    Raises
    ------
    InvalidInputError
        If it is something else.
    """
    if source.ndim != 1 or source.dtype.kind != "f":
        raise InvalidInputError(
            f"{name} of {caller} must be a 1-d float array of mono samples (full scale is 1); got dtype {source.dtype} and shape {source.shape}"
        )
    if not 1 <= len(source) <= MOST_SAMPLES:
        raise InvalidInputError(f"{name} of {caller} must be an array of 1 to {MOST_SAMPLES} samples; got {len(source)} samples")
    return np.ascontiguousarray(source, dtype=np.float32)


def check_names(given: Any, names: tuple[str, ...], caller: str) -> None:
    """Raise InvalidInputError if a table names its columns otherwise than the model, whose names may be those of a matrix without any."""
    found = [name for name in given if isinstance(name, str)]
    if len(found) != len(given) or names == tuple(f"x{i}" for i in range(len(names))) or tuple(found) == names:
        return
    rule = f"have the columns of feature_names in their order, {list(names)!r:.80}"
    remedy = ": take X[list(model.feature_names)]" if set(names) <= set(found) else ""
    raise InvalidInputError(f"X of {caller} must {rule}; got {found!r:.80}{remedy}")


def check_rows(X: npt.ArrayLike, caller: str) -> npt.NDArray[np.float32]:
    """Return rows of features as contiguous float32, without a copy where they are.

    Raises
    ------
    InvalidInputError
        If it is something else.
    """
    try:
        array = np.asarray(X)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"dtype {array.dtype}")
        if array.dtype == np.float32 and array.flags.c_contiguous:
            matrix = array
        else:
            with np.errstate(over="ignore"):
                matrix = np.ascontiguousarray(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"X of {caller} must be a matrix of numbers; got {error}") from error
    if matrix.ndim != 2:
        raise InvalidInputError(f"X of {caller} must be a 2-d array; got shape {matrix.shape}")
    if np.isinf(matrix).any():
        raise InvalidInputError(f"X of {caller} must be free of infinity and within the range of float32; got infinity")
    return matrix
