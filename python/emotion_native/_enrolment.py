"""Enrolment of one speaker: their clips, and the model file that normalises by them: the same bytes but for means and scales. NumPy alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._model_inputs import check_clip
from ._speaker_statistics import SpeakerPrior, moments_of, own_statistics
from .exceptions import InvalidInputError, MediaDecodeError, ModelFormatError

__all__ = [
    "Content",
    "behind_normalisation",
    "check_others",
    "enrolment_clips",
    "enrolment_places",
    "for_one_speaker",
    "known_rows",
    "prior_at",
    "read_content",
    "usable_rows",
    "with_statistics",
]

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


def for_one_speaker(content: Content, places: Sequence[str], rows: npt.NDArray[np.float32]) -> bytes:
    """Return the content whose steps at these places normalise by rows of one speaker."""
    statistics = {}
    for place in places:
        prior = prior_at(content, place)
        statistics[place] = own_statistics(prior, moments_of(prior.units(rows)))
    return with_statistics(content, statistics)


def behind_normalisation(content: Content, places: Sequence[str]) -> tuple[SpeakerPrior, bytes]:
    """Return what normalises rows, and the content of a model of what stands behind it.

    Raises
    ------
    InvalidInputError
        If members of a vote normalise differently.
    """
    priors = [prior_at(content, place) for place in places]
    if any(not prior.equals(priors[0]) for prior in priors):
        rule = "speaker of predict_features must be left out where the members of a vote normalise by other speakers"
        raise InvalidInputError(f"{rule}; got a model of {len(priors)} (for_speaker serves them)")
    same = {place: (np.zeros_like(priors[0].mean), np.ones_like(priors[0].scale)) for place in places}
    return priors[0], with_statistics(content, same)


def enrolment_clips(enrol: Any) -> list[str | bytes]:
    """Return enrolment clips as paths or bytes.

    Raises
    ------
    InvalidInputError
        If they are no sequence of clips, or none.
    """
    if isinstance(enrol, str | bytes | bytearray | memoryview | os.PathLike):
        raise InvalidInputError(f"enrol of for_speaker must be a sequence of clips; got one {type(enrol).__name__}")
    try:
        given = list(enrol)
    except TypeError:
        raise InvalidInputError(f"enrol of for_speaker must be a sequence of clips; got {type(enrol).__name__}") from None
    if not given:
        raise InvalidInputError("enrol of for_speaker must be at least one clip; got none (leave it out for an unknown speaker)")
    return [check_clip(clip, "for_speaker (enrol)") for clip in given]


def check_others(enrol: Any, sources: Sequence[Any], caller: str) -> None:
    """Refuse a clip that stands among those it would be normalised by.

    Raises
    ------
    InvalidInputError
        As said, and as `enrolment_clips`.
    """
    if isinstance(enrol, np.ndarray):
        return

    def key(clip: str | bytes) -> str | bytes:
        return os.path.realpath(clip) if isinstance(clip, str) else clip

    known = {key(clip) for clip in enrolment_clips(enrol)}
    for source in sources:
        clip = None if isinstance(source, np.ndarray) else check_clip(source, caller)
        if clip is not None and key(clip) in known:
            shown = repr(clip) if isinstance(clip, str) else "the same bytes"
            raise InvalidInputError(f"enrol of {caller} must be other clips of the speaker than those to be predicted; got {shown} among both")


def known_rows(rows: npt.NDArray[np.float32], n_features: int) -> npt.NDArray[np.float32]:
    """Return the rows of features that say anything.

    Raises
    ------
    InvalidInputError
        If none does, or they have other columns than the model.
    """
    if rows.shape[1] != n_features:
        raise InvalidInputError(f"enrol of for_speaker must have {n_features} columns; got {rows.shape[1]}")
    known = rows[np.isfinite(rows).any(axis=1)]
    if not len(known):
        raise InvalidInputError("enrol of for_speaker must have a row with known values; got none (leave it out for an unknown speaker)")
    return known


def usable_rows(rows: npt.NDArray[np.float32], status: Sequence[str], messages: Sequence[str]) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Return the features of the clips that can be used, and what to say of the others.

    Raises
    ------
    MediaDecodeError
        If no clip can be used.
    """
    usable = np.array([code == "ok" for code in status])
    lost = np.flatnonzero(~usable).tolist()
    if not usable.any():
        rule = f"enrol of for_speaker must have a clip that can be used; got {len(status)} that cannot"
        raise MediaDecodeError(f"{rule} ({status[lost[0]]}: {messages[lost[0]]})", reason=status[lost[0]])
    notes = (f"enrolment: {len(lost)} of {len(status)} clips cannot be used ({status[lost[0]]}: {messages[lost[0]]})",) if lost else ()
    return rows[usable], notes
