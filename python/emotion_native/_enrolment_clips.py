"""Clips that enrol a speaker: told apart by their content, and judged before they count. NumPy and the native core alone.

Every note counts out of the clips that were given: those that count, those that repeat another and those that cannot be used add up to them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._files import file_sha256
from ._model_inputs import check_clip
from ._speaker_statistics import repeated_rows
from .exceptions import InvalidInputError, MediaDecodeError

__all__ = ["Content", "check_others", "distinct_clips", "enrolled_rows", "known_rows"]

Content = tuple[int, str]  # size and SHA-256
_REPEATS = ("repeats another and does not count", "repeat others and do not count")


def content_of(clip: str | bytes, sizes: Collection[int] | None = None) -> Content | None:
    """Return what a clip holds; None where a file cannot be read, or has none of these sizes."""
    try:
        size = len(clip) if isinstance(clip, bytes) else os.stat(clip).st_size
    except (OSError, ValueError):  # the latter for a NUL in the name
        return None
    if sizes is not None and size not in sizes:
        return None
    digest = hashlib.sha256(clip).hexdigest() if isinstance(clip, bytes) else file_sha256(clip)
    return (size, digest) if digest else None


def _enrolment_clips(enrol: Any) -> list[str | bytes]:
    if isinstance(enrol, str | bytes | bytearray | memoryview | os.PathLike):
        raise InvalidInputError(f"enrol of for_speaker must be a sequence of clips; got one {type(enrol).__name__}")
    try:
        given = list(enrol)
    except TypeError:
        raise InvalidInputError(f"enrol of for_speaker must be a sequence of clips; got {type(enrol).__name__}") from None
    if not given:
        raise InvalidInputError("enrol of for_speaker must be at least one clip; got none (leave it out for an unknown speaker)")
    return [check_clip(clip, "for_speaker (enrol)") for clip in given]


def _of_given(few: int, total: int, one: str, many: str, what: str = "clips") -> str:
    """Return a note on some of the clips that were given: what is said of one of them, or of many."""
    return f"enrolment: {few} of {total} {what} given {one if few == 1 else many}"


def distinct_clips(enrol: Any) -> tuple[list[str | bytes], list[Content | None], int, tuple[str, ...]]:
    """Return enrolment clips as paths or bytes, each content once, what they hold, how many were given, and what to say of those that repeat another.

    Raises
    ------
    InvalidInputError
        If they are no sequence of clips, or none.
    """
    given = _enrolment_clips(enrol)
    clips: list[str | bytes] = []
    contents: list[Content | None] = []
    for clip in given:
        content = content_of(clip)
        if content is None or content not in contents:
            clips.append(clip)
            contents.append(content)
    again = len(given) - len(clips)
    notes = (_of_given(again, len(given), *_REPEATS),) if again else ()
    return clips, contents, len(given), notes


def check_others(enrolled: Collection[Content | None], sources: Sequence[Any], rule: str, caller: str) -> None:
    """Refuse a clip to be predicted that is, under whatever name, among those it would be normalised by.

    Raises
    ------
    InvalidInputError
        That begins with ``rule``.
    """
    known = {content for content in enrolled if content is not None}
    sizes = {size for size, _ in known}
    for source in sources if known else ():
        clip = None if isinstance(source, np.ndarray) else check_clip(source, caller)
        if clip is not None and content_of(clip, sizes) in known:
            raise InvalidInputError(f"{rule}; got {repr(clip) if isinstance(clip, str) else 'the same bytes'}")


def known_rows(rows: npt.NDArray[np.float32], n_features: int) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Return the rows of features that say anything, each once, and what to say of the others.

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
    lost, none = len(rows) - len(known), "no known value and"
    notes = [_of_given(lost, len(rows), f"has {none} does not count", f"have {none} do not count", "rows")] if lost else []
    repeats = repeated_rows(known)
    again = int(repeats.sum())
    notes += [_of_given(again, len(rows), *_REPEATS, "rows")] if again else []
    return known[~repeats] if again else known, tuple(notes)


def enrolled_rows(
    clips: list[str | bytes], given: int, extractor: Mapping[str, Any], quality: Mapping[str, Any], n_jobs: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], tuple[str, ...]]:
    """Return the features of the clips that count, which these are, and what to say of the others and of doubtful ones, out of those ``given``.

    ``quality`` is the model's rule: a clip that it would drop from training and prediction enrols nobody either.

    Raises
    ------
    MediaDecodeError
        If no clip counts.
    """
    from . import _core

    whole = np.full(len(clips), np.nan)
    rows, status, messages, infos = _core.extract_functionals_batch(
        clips, whole, whole, extractor["feature_set"], extractor["sample_rate_hz"], n_jobs
    )
    doubts = [""] * len(clips)
    if quality["action"] != "off":
        measures = np.array([[info.get(f"quality_{name}", np.nan) for name in _core.QUALITY_NAMES] for info in infos])
        doubts = _core.quality_messages(measures, {name: value for name, value in quality.items() if name != "action"})
    usable, notes = _usable_clips(status, messages, doubts, str(quality["action"]), given)
    return rows[usable], usable, notes


def _usable_clips(
    status: Sequence[str], messages: Sequence[str], doubts: Sequence[str], action: str, given: int
) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """Return which clips count, by their status and what the rule of quality says of them (``reason: text`` or ""), and the notes of the others."""
    dropped = doubts if action == "drop" else [""] * len(doubts)
    reasons = [doubt if code == "ok" else f"{code}: {text}" for code, text, doubt in zip(status, messages, dropped, strict=True)]
    lost = [reason for reason in reasons if reason]
    if len(lost) == len(reasons):
        rule = f"enrol of for_speaker must have a clip that can be used; got {given} that cannot"
        raise MediaDecodeError(f"{rule} ({lost[0]})", reason=lost[0].partition(":")[0])
    cannot = "cannot be used and {} not count".format
    notes = [f"{_of_given(len(lost), given, cannot('does'), cannot('do'))} ({lost[0]})"] if lost else []
    doubtful = [doubt for reason, doubt in zip(reasons, doubts, strict=True) if doubt and not reason]
    if action == "flag" and doubtful:
        notes.append(f"{_of_given(len(doubtful), given, 'counts and is doubtful', 'count and are doubtful')} ({doubtful[0]})")
    return np.array([not reason for reason in reasons]), tuple(notes)
