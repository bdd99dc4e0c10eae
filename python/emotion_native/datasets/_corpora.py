"""Manifests of known corpora, built from their file names alone."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from .._validation import check_path
from ..exceptions import EmotionNativeWarning, InvalidInputError
from ._labels import canonical_label
from ._manifest import FIRST_COLUMNS, valid_path

# The last ones cannot be decoded: they stay in the manifest and fail with a reason, rather than vanish.
AUDIO_ENDINGS = frozenset((
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".voc", ".sph",
    ".nist", ".m4a", ".aac", ".wma", ".amr",
))
VIDEO_ENDINGS = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".flv", ".mpg", ".mpeg"))

OnUnmatched = Literal["error", "skip"]
Row = dict[str, str | int]
Root = str | os.PathLike[str]


def _media_files(root: Path, endings: frozenset[str]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        raise InvalidInputError(f"folders below root must be readable; got {error.filename!r}: {error.strerror}") from error

    seen: set[tuple[int, int]] = set()  # links to folders are followed, circles are not
    for folder, folders, names in os.walk(root, followlinks=True, onerror=unreadable):
        found = os.stat(folder)
        if (found.st_dev, found.st_ino) in seen:
            folders[:] = []
            continue
        seen.add((found.st_dev, found.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in endings:
                yield Path(folder, name)


def _report(unmatched: list[str], caller: str, example: str, on_unmatched: OnUnmatched) -> None:
    shown = ", ".join(ascii(name) for name in unmatched[:3]) + (", …" if len(unmatched) > 3 else "")
    text = f"{len(unmatched)} media file{'s' if len(unmatched) > 1 else ''} below root of {caller}"
    if on_unmatched == "error":
        raise InvalidInputError(f"{text} must be named like {example}; got {shown}. Remedy: move them away, or pass on_unmatched='skip'")
    warnings.warn(f"{text} skipped: not named like {example}: {shown}", EmotionNativeWarning, stacklevel=4)


def _build(root: Root, caller: str, endings: frozenset[str], example: str, parse: Callable[[Path], Row | None],
           on_unmatched: OnUnmatched) -> pd.DataFrame:
    """Return the manifest of all media files below root; parse gives the row of a file, or None for a name that is not the corpus's."""
    if on_unmatched not in ("error", "skip"):
        raise InvalidInputError(f"on_unmatched of {caller} must be 'error' or 'skip'; got {on_unmatched!r}")
    folder = check_path(root, parameter="root", caller=caller)
    if not folder.is_dir():
        raise InvalidInputError(f"root of {caller} must be an existing folder; got {str(root)!r}. Remedy: name the folder that holds the corpus")
    rows: list[Row] = []
    unmatched: list[str] = []
    for path in _media_files(folder, endings):
        row = parse(path) if valid_path(str(path)) else None
        if row is None:
            unmatched.append(str(path.relative_to(folder)))
        else:
            rows.append({"filepath": str(path), "emotion": canonical_label(str(row["label"])), "corpus": caller, **row})
    if unmatched:
        _report(unmatched, caller, example, on_unmatched)
    if not rows:
        raise InvalidInputError(f"root of {caller} must hold media files named like {example}; got none in {str(root)!r}. Remedy: check the folder")
    frame = pd.DataFrame(rows)
    return frame[[*FIRST_COLUMNS, *(name for name in frame.columns if name not in FIRST_COLUMNS)]]


_RAVDESS = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")
_RAVDESS_LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_RAVDESS_MODALITIES = {"01": "audio_video", "02": "video_only", "03": "audio_only"}
_RAVDESS_TEXTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def _ravdess_row(path: Path) -> Row | None:
    match = _RAVDESS.fullmatch(path.stem)
    folder = re.fullmatch(r"Actor_(\d\d)", path.parent.name)
    if match is None or (folder and folder[1] != match[7]):
        return None
    modality, channel, emotion, intensity, statement, repetition, actor = match.groups()
    return {
        "label": _RAVDESS_LABELS[int(emotion) - 1],
        "modality": _RAVDESS_MODALITIES[modality],
        "speaker": f"ravdess/{actor}",
        "recording": f"ravdess/{path.stem[3:]}",
        "gender": "male" if int(actor) % 2 else "female",
        "text_id": statement,
        "text": _RAVDESS_TEXTS[statement],
        "intensity": {"01": "normal", "02": "strong"}[intensity],
        "repetition": int(repetition),
        "channel": {"01": "speech", "02": "song"}[channel],
    }


def ravdess(root: Root, *, on_unmatched: OnUnmatched = "error") -> pd.DataFrame:
    """Build a manifest of RAVDESS (Livingstone & Russo 2018) from names such as ``Actor_12/03-01-06-01-02-01-12.wav``.

    The audio-only, video-only and audio-video files of one take share a ``recording``, so no split separates them.
    The column ``channel`` tells speech from song.

    Parameters
    ----------
    root : path
        A folder anywhere above the clips.
    on_unmatched : {"error", "skip"}
        What happens with media files of other names (and with clips in the folder of another actor): an error, or a warning with their number.

    Returns
    -------
    DataFrame
        A manifest with the further columns corpus, gender, text_id, text, intensity (``normal`` or ``strong``), repetition, channel; by path.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, has no such clip, or has media files of other names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "03-01-06-01-02-01-12.wav").touch()
    >>> ravdess(folder)[["label", "modality", "speaker", "gender"]].iloc[0].tolist()
    ['fearful', 'audio_only', 'ravdess/12', 'female']
    """
    return _build(root, "ravdess", AUDIO_ENDINGS | VIDEO_ENDINGS, "03-01-06-01-02-01-12.wav", _ravdess_row, on_unmatched)


_EMODB = re.compile(r"(03|08|09|1[0-6])([ab]\d\d)([WLEAFTN])([a-z])?")
_EMODB_LABELS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral"}
_EMODB_SPEAKERS = {
    "03": ("male", 31), "08": ("female", 34), "09": ("female", 21), "10": ("male", 32), "11": ("male", 26),
    "12": ("male", 30), "13": ("female", 32), "14": ("female", 35), "15": ("male", 25), "16": ("female", 31),
}
_EMODB_TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def _emodb_row(path: Path) -> Row | None:
    match = _EMODB.fullmatch(path.stem)
    if match is None or match[2] not in _EMODB_TEXTS:
        return None
    speaker, text, letter, version = match.groups()
    gender, age = _EMODB_SPEAKERS[speaker]
    return {
        "label": _EMODB_LABELS[letter],
        "modality": "audio_only",
        "speaker": f"emodb/{speaker}",
        "recording": f"emodb/{path.stem}",
        "gender": gender,
        "age": age,
        "text_id": text,
        "text": _EMODB_TEXTS[text],
        "version": version or "",
    }


def emodb(root: Root, *, on_unmatched: OnUnmatched = "error") -> pd.DataFrame:
    """Build a manifest of the Berlin Database of Emotional Speech (Burkhardt et al. 2005) from names such as ``03a01Fa.wav``.

    Speaker 03, text a01, emotion by its German letter (W anger, L boredom, E disgust, A fear, F happiness, T sadness, N neutral), version a.

    Parameters
    ----------
    root : path
        A folder anywhere above the clips.
    on_unmatched : {"error", "skip"}
        What happens with audio files of other names: an error, or a warning with their number.

    Returns
    -------
    DataFrame
        A manifest with the further columns corpus, gender, age, text_id, text and version; ordered by path.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, has no such clip, or has audio files of other names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "03a01Fa.wav").touch()
    >>> emodb(folder)[["label", "emotion", "speaker", "gender", "text_id"]].iloc[0].tolist()
    ['happiness', 'happy', 'emodb/03', 'male', 'a01']
    """
    return _build(root, "emodb", AUDIO_ENDINGS, "03a01Fa.wav", _emodb_row, on_unmatched)


_EMOVO = re.compile(r"(dis|gio|neu|pau|rab|sor|tri)-([fm][1-3])-([bdln]\d)")
_EMOVO_LABELS = {"dis": "disgust", "gio": "joy", "neu": "neutral", "pau": "fear", "rab": "anger", "sor": "surprise", "tri": "sadness"}


def _emovo_row(path: Path) -> Row | None:
    match = _EMOVO.fullmatch(path.stem)
    if match is None:
        return None
    emotion, speaker, text = match.groups()
    return {
        "label": _EMOVO_LABELS[emotion],
        "modality": "audio_only",
        "speaker": f"emovo/{speaker}",
        "recording": f"emovo/{path.stem}",
        "gender": "female" if speaker[0] == "f" else "male",
        "text_id": text,
    }


def emovo(root: Root, *, on_unmatched: OnUnmatched = "error") -> pd.DataFrame:
    """Build a manifest of EMOVO (Costantini et al. 2014) from names such as ``dis-f1-b1.wav``: emotion, actor, sentence.

    Parameters
    ----------
    root : path
        A folder anywhere above the clips.
    on_unmatched : {"error", "skip"}
        What happens with audio files of other names: an error, or a warning with their number.

    Returns
    -------
    DataFrame
        A manifest with the further columns corpus, gender and text_id; ordered by path.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, has no such clip, or has audio files of other names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "gio-m2-l4.wav").touch()
    >>> emovo(folder)[["label", "emotion", "speaker"]].iloc[0].tolist()
    ['joy', 'happy', 'emovo/m2']
    """
    return _build(root, "emovo", AUDIO_ENDINGS, "dis-f1-b1.wav", _emovo_row, on_unmatched)


_CREMA = re.compile(r"(1\d{3})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")
_CREMA_LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_CREMA_INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
_CREMA_TEXTS = {
    "DFA": "Don't forget a jacket", "IEO": "It's eleven o'clock", "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment", "ITS": "I think I've seen this before", "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about", "MTI": "Maybe tomorrow it will be cold", "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened", "TSI": "The surface is slick", "WSI": "We'll stop in a couple of minutes",
}


def _crema_people(root: Path) -> dict[str, tuple[str, str]]:
    for folder in (root, root.parent):
        table = folder / "VideoDemographics.csv"
        if not table.is_file():
            continue
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        needed = {"ActorID", "Age", "Sex"}
        if not rows or not needed.issubset(rows[0]):
            raise InvalidInputError(f"columns of {table} must include ActorID, Age and Sex; got {', '.join(rows[0]) if rows else 'none'}")
        return {row["ActorID"].strip(): (row["Sex"].strip().lower(), row["Age"].strip()) for row in rows}
    return {}


def crema_d(root: Root, *, on_unmatched: OnUnmatched = "error") -> pd.DataFrame:
    """Build a manifest of CREMA-D (Cao et al. 2014) from names such as ``1001_DFA_ANG_XX.wav``: actor, sentence, emotion, intensity.

    Gender and age come from ``VideoDemographics.csv`` where it lies in `root` or in the folder above. The video of a clip shares its ``recording``.

    Parameters
    ----------
    root : path
        A folder anywhere above the clips.
    on_unmatched : {"error", "skip"}
        What happens with media files of other names: an error, or a warning with their number.

    Returns
    -------
    DataFrame
        A manifest with the further columns corpus, text_id, text and intensity, and gender and age where they are known; ordered by path.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, has no such clip, or has media files of other names.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "1001_DFA_ANG_XX.wav").touch()
    >>> crema_d(folder)[["label", "speaker", "intensity"]].iloc[0].tolist()
    ['anger', 'crema_d/1001', 'unspecified']
    """
    people = _crema_people(check_path(root, parameter="root", caller="crema_d"))

    def row(path: Path) -> Row | None:
        match = _CREMA.fullmatch(path.stem)
        if match is None or match[2] not in _CREMA_TEXTS:
            return None
        actor, text, emotion, intensity = match.groups()
        found: Row = {
            "label": _CREMA_LABELS[emotion],
            "modality": "audio_video" if path.suffix.lower() in VIDEO_ENDINGS else "audio_only",
            "speaker": f"crema_d/{actor}",
            "recording": f"crema_d/{path.stem}",
            "text_id": text,
            "text": _CREMA_TEXTS[text],
            "intensity": _CREMA_INTENSITIES[intensity],
        }
        if people:
            found["gender"], found["age"] = people.get(actor, ("", ""))
        return found

    return _build(root, "crema_d", AUDIO_ENDINGS | VIDEO_ENDINGS, "1001_DFA_ANG_XX.wav", row, on_unmatched)
