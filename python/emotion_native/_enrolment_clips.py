"""Clips that enrol a speaker: told apart by their content, and judged before they count. NumPy and the native core alone.

An array of samples is, in all of this, the file that `samples_file` makes of it: the same samples of the same rate have one content.

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
from ._model_inputs import check_clip, check_extractor, check_no_rate, check_rows
from ._speaker_statistics import repeated_rows
from ._threads import effective_n_jobs
from .exceptions import InvalidInputError, MediaDecodeError

__all__ = ["Content", "check_others", "distinct_clips", "enrolled_rows", "known_rows", "speaker_features"]

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


def _given_clips(enrol: Any) -> list[Any]:
    """Return the clips that were given to enrol a speaker, as they were given.

    Raises
    ------
    InvalidInputError
        If they are no sequence of clips, or none.
    """
    if isinstance(enrol, np.ndarray) and enrol.dtype.kind in "fiu":
        raise InvalidInputError(
            "enrol of for_speaker must be a sequence of clips, or rows of features; got one array of samples (give it as [samples])"
        )
    if isinstance(enrol, str | bytes | bytearray | memoryview | os.PathLike):
        raise InvalidInputError(f"enrol of for_speaker must be a sequence of clips; got one {type(enrol).__name__}")
    try:
        given = list(enrol)
    except TypeError:
        raise InvalidInputError(f"enrol of for_speaker must be a sequence of clips; got {type(enrol).__name__}") from None
    if not given:
        raise InvalidInputError("enrol of for_speaker must be at least one clip; got none (leave it out for an unknown speaker)")
    return given


def _of_given(few: int, total: int, one: str, many: str, what: str = "clips") -> str:
    """Return a note on some of the clips that were given: what is said of one of them, or of many."""
    return f"enrolment: {few} of {total} {what} given {one if few == 1 else many}"


def distinct_clips(given: Sequence[Any], rate: int | None, caller: str) -> tuple[list[str | bytes], list[Content | None], tuple[str, ...]]:
    """Return enrolment clips as paths or bytes, each content once, what they hold, and what to say of those that repeat another.

    Raises
    ------
    InvalidInputError
        If one of them is no clip, or an array without its rate.
    """
    clips: list[str | bytes] = []
    contents: list[Content | None] = []
    for i, one in enumerate(given):
        clip = check_clip(one, caller, rate, f"enrol[{i}]")
        content = content_of(clip)
        if content is None or content not in contents:
            clips.append(clip)
            contents.append(content)
    again = len(given) - len(clips)
    notes = (_of_given(again, len(given), *_REPEATS),) if again else ()
    return clips, contents, notes


def check_others(enrolled: Collection[Content | None], sources: Sequence[Any], rate: int | None, rule: str, caller: str) -> None:
    """Refuse a clip to be predicted that is, under whatever name, among those it would be normalised by.

    Raises
    ------
    InvalidInputError
        That begins with ``rule``.
    """
    known = {content for content in enrolled if content is not None}
    sizes = {size for size, _ in known}
    for source in sources if known else ():
        clip = check_clip(source, caller, rate)
        if content_of(clip, sizes) in known:
            same = "samples" if isinstance(source, np.ndarray) else "bytes"
            raise InvalidInputError(f"{rule}; got {repr(clip) if isinstance(clip, str) else f'the same {same}'}")


def speaker_features(
    model: Any, enrol: Any, sources: Sequence[Any], rate: int | None, caller: str, n_jobs: int | None
) -> tuple[npt.NDArray[np.float32], frozenset[Content], tuple[str, ...]]:
    """Return the rows of features by which a speaker is enrolled in a loaded model, none of the sources that it is to predict among them.

    Returns
    -------
    rows : ndarray of float32 of shape (n_rows, n_features)
        Of each clip that counts, once.
    contents : frozenset
        What these clips hold.
    notes : tuple of str
        What each prediction must say of the other clips, and of doubtful ones.

    Raises
    ------
    InvalidInputError
        If ``enrol`` is neither a sequence of clips nor rows of features, ``rate`` is not that of the arrays of samples among all clips, or a source
        enrols.
    MediaDecodeError
        If no clip counts.
    """
    is_rows = isinstance(enrol, np.ndarray) and enrol.ndim != 1
    given = [] if is_rows else _given_clips(enrol)
    among = {"for_speaker": "a clip of enrol", "predict": "source or a clip of enrol"}.get(caller, "a source or a clip of enrol")
    check_no_rate(rate, [*sources, *given], caller, among)
    if is_rows:
        rows, notes = known_rows(check_rows(enrol, "for_speaker"), len(model.feature_names))
        return rows, frozenset(), notes
    clips, contents, notes = distinct_clips(given, rate, caller)
    check_others(contents, sources, rate, f"enrol of {caller} must be other clips of the speaker than those to be predicted", caller)
    how = check_extractor(model.extractor, "for_speaker")
    rows, usable, more = enrolled_rows(clips, len(given), how, model.quality, effective_n_jobs(n_jobs, caller=caller))
    held = frozenset(content for content, counts in zip(contents, usable, strict=True) if counts and content is not None)
    return rows, held, (*notes, *more)


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
