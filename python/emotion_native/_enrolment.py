"""What a model file knows of speakers, and the file for one of them: the same bytes but for means and scales. NumPy alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._speaker_statistics import SpeakerPrior, moments_of, normalised, own_statistics
from .exceptions import InvalidInputError, ModelFormatError

__all__ = [
    "Content",
    "SpeakerStep",
    "behind_normalisation",
    "check_enrolment",
    "enrolment_places",
    "for_one_speaker",
    "prior_at",
    "read_content",
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


class SpeakerStep(NamedTuple):
    """A step that normalises rows by others of their speaker: by how many (-1: all), drawn by which seed."""

    prior: SpeakerPrior
    most: int
    seed: int

    def rows(self, X: npt.NDArray[Any], speakers: npt.NDArray[np.int64], takes: npt.NDArray[np.int64] | None) -> npt.NDArray[Any]:
        """Return rows normalised by other takes of the same speaker."""
        return normalised(self.prior, X, speakers, self.most, self.seed, takes=takes)

    def equals(self, other: SpeakerStep) -> bool:
        """Return whether two steps normalise alike."""
        return self.prior.equals(other.prior) and (self.most, self.seed) == (other.most, other.seed)


def enrolment_places(description: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the place (``steps.0.``, ``steps.0.members.1.steps.0.``) of each step that normalises by the speaker and is given the input columns, and
    what the file says of its enrolment."""
    steps = description.get("steps") or [{}]
    first = steps[0]
    if isinstance(first.get("enrolment"), Mapping):
        yield f"{prefix}steps.0.", first["enrolment"]
    for number, member in enumerate(first.get("members") or []):
        yield from enrolment_places(member, f"{prefix}steps.0.members.{number}.")


def check_enrolment(model: Any, what: str) -> None:
    """Raise InvalidInputError if a loaded model takes no clips or rows of a speaker, which were given as ``what``."""
    if not model.takes_enrolment or model.enrolled:
        known = "a model without a SpeakerNormalizer (train --set speaker_normalization=true)"
        known = f"a model for one speaker already ({model.enrolled} clips)" if model.enrolled else known
        raise InvalidInputError(f"{what} must be left out unless the model normalises by the speaker; got {known}")


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


def _draws(place: str, said: Mapping[str, Any]) -> tuple[int, int]:
    """Return by how many other clips a step normalises rows, and the seed that draws them; all of them where the file says nothing.

    Raises
    ------
    ModelFormatError
        For what is neither.
    """
    clips, seed = said.get("clips"), said.get("seed", "0")
    if clips is None:
        return -1, 0
    if type(clips) is not int or clips < 0 or not isinstance(seed, str) or not re.fullmatch("[0-9a-f]{1,16}", seed):
        raise ModelFormatError(f"the speaker normalisation of the model ({place}enrolment: clips, seed) is not one; save it again with save_model")
    return clips, int(seed, 16)


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


def for_one_speaker(content: Content, places: Iterable[str], rows: npt.NDArray[np.float32]) -> bytes:
    """Return the content whose steps at these places normalise by rows of one speaker."""
    statistics = {}
    for place in places:
        prior = prior_at(content, place)
        statistics[place] = own_statistics(prior, moments_of(prior.units(rows)))
    return with_statistics(content, statistics)


def behind_normalisation(content: Content, places: Mapping[str, Mapping[str, Any]]) -> tuple[SpeakerStep, bytes]:
    """Return what normalises rows, and the content of a model of what stands behind it.

    Raises
    ------
    InvalidInputError
        If members of a vote normalise differently.
    ModelFormatError
        If what the file says of a step is none.
    """
    steps = [SpeakerStep(prior_at(content, place), *_draws(place, said)) for place, said in places.items()]
    first = steps[0]
    if any(not step.equals(first) for step in steps):
        rule = "speaker of predict_features must be left out where the members of a vote normalise by other speakers, or by other numbers of clips"
        raise InvalidInputError(f"{rule}; got a model of {len(steps)} (for_speaker serves them)")
    same = {place: (np.zeros_like(first.prior.mean), np.ones_like(first.prior.scale)) for place in places}
    return first, with_statistics(content, same)
