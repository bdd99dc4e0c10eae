"""A model file with the speaker normalisation of one speaker: the same bytes but for the means and scales of its first steps. NumPy alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._speaker_statistics import SpeakerPrior
from .exceptions import ModelFormatError

__all__ = ["Content", "enrolment_places", "read_content", "with_statistics"]

Floats = npt.NDArray[np.float64]
_SHARES = ("mean", "scale", "within", "between")
_BLANK = b"0" * 64


class Content(NamedTuple):
    """The bytes of a model file, the place of each array in them, and the checksum that they state."""

    data: bytes
    arrays: dict[str, tuple[int, int]]
    sha256: str


def enrolment_places(description: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the place (``steps.0.``, ``steps.0.members.1.steps.0.``) of each step that normalises by the speaker and is given the input columns."""
    steps = description.get("steps") or [{}]
    first = steps[0]
    if isinstance(first.get("enrolment"), Mapping):
        yield f"{prefix}steps.0."
    for number, member in enumerate(first.get("members") or []):
        yield from enrolment_places(member, f"{prefix}steps.0.members.{number}.")


def read_content(data: bytes, model_hash: str) -> Content:
    """Return a model file's content, checked against the hash of the model that was loaded from it.

    Raises
    ------
    ModelFormatError
        If it is another file by now.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        stated = str(json.loads(header["__metadata__"]["emotion_native"])["sha256"])
        start = 8 + length
        arrays = {name: (start + one["data_offsets"][0], start + one["data_offsets"][1]) for name, one in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelFormatError("the model's file has changed since it was loaded; load it again with load_model") from error
    if stated != model_hash or hashlib.sha256(data.replace(stated.encode(), _BLANK, 1)).hexdigest() != stated:
        raise ModelFormatError("the model's file has changed since it was loaded; load it again with load_model")
    return Content(data, arrays, stated)


def _array(content: Content, name: str) -> Floats:
    if name not in content.arrays:
        raise ModelFormatError(f"the model names a speaker normalisation, but lacks the tensor {name}; save it again with save_model")
    begin, end = content.arrays[name]
    return np.frombuffer(content.data[begin:end], dtype="<f8").astype(np.float64)


def prior_at(content: Content, place: str) -> SpeakerPrior:
    """Return what a step knows of unknown speakers, every array checked.

    Raises
    ------
    ModelFormatError
        If the arrays do not fit each other.
    """
    mean, scale, within, between = (_array(content, f"{place}{name}") for name in _SHARES)
    degrees = _array(content, f"{place}degrees")
    fits = len(mean) == len(scale) == len(within) == len(between) and len(degrees) == 1
    sound = fits and all(bool((np.isfinite(values) & (values >= 0)).all()) for values in (within, between)) and bool(degrees[0] > 0)
    if not sound:
        raise ModelFormatError(f"the speaker normalisation of the model ({place}within, between, degrees) is not one; save it again with save_model")
    return SpeakerPrior(mean, scale, within, between, float(degrees[0]))


def with_statistics(content: Content, statistics: Mapping[str, tuple[Floats, Floats]]) -> bytes:
    """Return the content with other means and scales of the steps at these places, and the checksum that belongs to it."""
    data = bytearray(content.data)
    for place, values in statistics.items():
        for name, array in zip(("mean", "scale"), values, strict=True):
            begin, end = content.arrays[f"{place}{name}"]
            data[begin:end] = np.ascontiguousarray(array, dtype="<f8").tobytes()
    at = data.index(content.sha256.encode())
    data[at : at + 64] = _BLANK
    digest = hashlib.sha256(data).hexdigest().encode()
    data[at : at + 64] = digest
    return bytes(data)
