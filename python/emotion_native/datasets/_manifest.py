"""Read, check and write manifests. `docs/formats/manifest.md` is the description for users."""

from __future__ import annotations

import csv
import difflib
import math
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from .._files import write_whole
from .._unknown_speakers import UNKNOWN_GROUP, UNKNOWN_WORDS, is_unknown
from .._validation import check_path
from ..exceptions import InvalidInputError
from ._labels import canonical_label
from ._table_file import read_table_rows

MODALITIES = ("audio_only", "audio_video", "video_only", "text")
"""The vocabulary of the ``modality`` column."""

SOUNDLESS = {"text": "the row is text", "video_only": "the row is video without sound"}
"""Modalities without a track to extract from, and how a failed row says so."""

REQUIRED = ("filepath", "label", "modality", "speaker")
OPTIONAL = ("recording", "start", "end", "text", "corpus", "gender", "age")
FIRST_COLUMNS = ("filepath", "label", "emotion", "modality", "speaker", "recording")
_NUMBERS = ("start", "end", "duration")
_SPEAKER_REMEDY = (
    "give every row the id of its speaker, or pass unknown_speaker='one_group', which puts all rows of unknown speakers of a corpus into one group"
)

UnknownSpeaker = Literal["error", "one_group"]


@dataclass(frozen=True)
class Problem:
    """One rule that rows of a manifest break: a code, the column, the row positions, the rule, an example value, the remedy."""

    code: str
    column: str
    rows: tuple[int, ...]
    rule: str
    got: str
    remedy: str

    def message(self, source: str, place: Callable[[int], str]) -> str:
        """Return the error message: parameter, caller, rule, value, place and remedy."""
        where = f" in {place(self.rows[0])}" if self.rows else ""
        more = f" and {len(self.rows) - 1} more row{'s' if len(self.rows) > 2 else ''}" if len(self.rows) > 1 else ""
        return f"column {self.column!r} of {source} must {self.rule}; got {self.got}{where}{more}. Remedy: {self.remedy}"


def as_text(value: object) -> str:
    """Return a cell as stripped text; missing values as ``""``; whole floats without their point, so that 7.0 is speaker 7."""
    if isinstance(value, str):
        return value.strip()
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def as_paths(values: Iterable[object]) -> list[str]:
    """Return file paths as text; blanks inside and around a name belong to it."""
    return [value if isinstance(value, str) else os.fspath(value) if isinstance(value, Path) else as_text(value) for value in values]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one most likely means, or None."""
    options = list(known)
    found = difflib.get_close_matches(name.lower(), options, n=1, cutoff=0.6)
    if found:
        return found[0]
    return next((option for option in options if name and (name.lower() in option.lower() or option.lower() in name.lower())), None)


def valid_path(path: str) -> bool:
    """Return whether a path can be handed to the system: no NUL and valid UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in path


def missing_columns(columns: Sequence[Hashable], needed: Iterable[str]) -> list[Problem]:
    """Return a problem for each needed column that is absent, with the nearest name that is there."""
    names = [str(name) for name in columns]
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    problems = []
    for column in needed:
        if column in names:
            continue
        near = nearest(column, [name for name in names if name not in REQUIRED + OPTIONAL])
        remedy = f"rename the column {near!r} to {column!r}" if near else f"add the column {column!r}"
        if column == "speaker":
            remedy += "; or " + _SPEAKER_REMEDY
        problems.append(Problem("missing_column", column, (), "be present", f"the columns {shown or 'none'}", remedy))
    return problems


def _rows_where(mask: Iterable[bool]) -> tuple[int, ...]:
    return tuple(int(row) for row in np.flatnonzero(np.fromiter(mask, dtype=bool)))


def _path_problems(paths: Sequence[str], modality: Sequence[str], text: Sequence[str]) -> list[Problem]:
    problems = []
    empty = _rows_where(not p.strip() and not (m == "text" and t) for p, m, t in zip(paths, modality, text, strict=True))
    if empty:
        problems.append(Problem("empty_filepath", "filepath", empty, "name a file", "an empty value", "fill it in or delete the row"))
    bad = _rows_where(not valid_path(p) for p in paths)
    if bad:
        rule, remedy = "be valid UTF-8 without NUL", "rename the file"
        problems.append(Problem("invalid_filepath", "filepath", bad, rule, ascii(paths[bad[0]]), remedy))
    return problems


def parse_time(value: object) -> float | None:
    """Return seconds, NaN for a missing value, None for something that is no finite number of at least zero."""
    if isinstance(value, str):
        value = value.strip()
    text = value if isinstance(value, str) else as_text(value)
    if text == "" or text.lower() == "nan":
        return math.nan
    try:
        seconds = float(value)  # type: ignore[arg-type]  # whatever float() refuses is caught
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def time_problems(frame: pd.DataFrame) -> list[Problem]:
    """Return the problems of the columns ``start`` and ``end``."""
    problems = []
    parsed: dict[str, list[float | None]] = {}
    for column in ("start", "end"):
        if column not in frame.columns:
            continue
        parsed[column] = [parse_time(value) for value in frame[column]]
        bad = _rows_where(value is None for value in parsed[column])
        if bad:
            got = repr(frame[column].iloc[bad[0]])
            remedy = "write seconds with a decimal point, or leave the cell empty for the whole clip"
            problems.append(Problem("bad_time", column, bad, "be seconds of at least 0", got, remedy))
    if not problems and len(parsed) == 2:
        pairs = [(s or 0.0 if s == s else 0.0, e if e is not None else math.nan) for s, e in zip(parsed["start"], parsed["end"], strict=True)]
        bad = _rows_where(s >= e for s, e in pairs)
        if bad:
            got = f"start {pairs[bad[0]][0]:g} and end {pairs[bad[0]][1]:g}"
            problems.append(Problem("bad_segment", "end", bad, "be greater than start", got, "correct the segment"))
    return problems


def _cell_problems(frame: pd.DataFrame) -> list[Problem]:
    problems = []
    if "label" in frame.columns:
        labels = [as_text(value) for value in frame["label"]]
        empty = _rows_where(not label for label in labels)
        if empty:
            problems.append(Problem("empty_label", "label", empty, "name an emotion", "an empty value", "fill it in or delete the row"))
    if "modality" in frame.columns:
        values = [as_text(value) for value in frame["modality"]]
        bad = _rows_where(value not in MODALITIES for value in values)
        if bad:
            near = nearest(values[bad[0]], MODALITIES)
            remedy = f"write {near!r}" if near else "write one of them"
            problems.append(Problem("unknown_modality", "modality", bad, f"be one of {', '.join(MODALITIES)}", repr(values[bad[0]]), remedy))
    if "speaker" in frame.columns:
        bad = _rows_where(is_unknown_speaker(value) for value in frame["speaker"])
        if bad:
            got = repr(as_text(frame["speaker"].iloc[bad[0]]))
            problems.append(Problem("unknown_speaker", "speaker", bad, "name the speaker", got, _SPEAKER_REMEDY))
    return problems


def is_unknown_speaker(value: object) -> bool:
    """Return whether a cell of the ``speaker`` column must be named or grouped: a word for an unknown person, not the group of them."""
    return as_text(value).casefold() in UNKNOWN_WORDS


def _duplicate_problem(frame: pd.DataFrame, paths: Sequence[str]) -> list[Problem]:
    n = len(frame)
    starts = [parse_time(v) for v in frame["start"]] if "start" in frame.columns else [math.nan] * n
    ends = [parse_time(v) for v in frame["end"]] if "end" in frame.columns else [math.nan] * n
    seen: dict[tuple[str, str, str], int] = {}
    bad: list[int] = []
    first = 0
    for row, (path, start, end) in enumerate(zip(paths, starts, ends, strict=True)):
        if not path:
            continue
        earlier = seen.setdefault((os.path.normpath(path), str(start), str(end)), row)
        if earlier != row:
            first = first if bad else earlier
            bad.append(row)
    if not bad:
        return []
    got = f"{paths[bad[0]]!r}, which row {first + 1} also names,"
    return [Problem("duplicate_row", "filepath", tuple(bad), "name each clip or segment once", got, "delete one of the rows, or give start and end")]


def find_problems(frame: pd.DataFrame, *, needed: Iterable[str] = REQUIRED) -> list[Problem]:
    """Return every rule of the format that a table breaks, columns first."""
    problems = missing_columns(list(frame.columns), needed)
    n = len(frame)
    if n == 0:
        problems.append(Problem("no_rows", "filepath", (), "have at least one row", "no rows", "add one row a clip"))
    modality = [as_text(v) for v in frame["modality"]] if "modality" in frame.columns else ["audio_only"] * n
    text = [as_text(v) for v in frame["text"]] if "text" in frame.columns else [""] * n
    if "filepath" in frame.columns:
        paths = as_paths(frame["filepath"])
        problems += _path_problems(paths, modality, text)
        problems += _cell_problems(frame) + time_problems(frame)
        problems += _duplicate_problem(frame, paths)
    return problems


def _text_list(frame: pd.DataFrame, column: str) -> list[str]:
    return [as_text(value) for value in frame[column]] if column in frame.columns else [""] * len(frame)


def _namespaced(values: Sequence[str], corpora: Sequence[str]) -> list[str]:
    return [f"{c}/{v}" if c and v and not v.startswith(f"{c}/") else v for v, c in zip(values, corpora, strict=True)]


def _speakers(frame: pd.DataFrame, corpora: Sequence[str]) -> list[str]:
    raw = _text_list(frame, "speaker")
    return _namespaced([UNKNOWN_GROUP if is_unknown_speaker(value) else value for value in raw], corpora)


def complete(frame: pd.DataFrame, root: Path | None) -> pd.DataFrame:
    """Return a checked table in its final form: text cells, joined paths, canonical emotion, namespaced speakers, a recording a row."""
    given = as_paths(frame["filepath"])
    corpora = _text_list(frame, "corpus")
    takes = [os.path.normpath(path).replace(os.sep, "/") if path else f"row {row + 1}" for row, path in enumerate(given)]
    recordings = [take if is_unknown(name) else name for name, take in zip(_text_list(frame, "recording"), takes, strict=True)]
    labels = _text_list(frame, "label")
    columns: dict[Hashable, Any] = {
        "filepath": [os.path.join(root, path) if root is not None and path else path for path in given],
        "label": labels,
        "emotion": [given or canonical_label(label) for given, label in zip(_text_list(frame, "emotion"), labels, strict=True)],
        "modality": _text_list(frame, "modality"),
        "speaker": _speakers(frame, corpora),
        "recording": _namespaced(recordings, corpora),
    }
    for name in frame.columns:
        if name in columns:
            continue
        if name in _NUMBERS:
            times = [parse_time(value) for value in frame[name]]
            columns[name] = [math.nan if value is None else value for value in times]
        else:
            columns[name] = list(frame[name])
    return pd.DataFrame(columns)


def read_manifest(path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, *,
                  unknown_speaker: UnknownSpeaker = "error", encoding: str | None = None) -> pd.DataFrame:
    """Read a manifest: one row a clip or segment.

    Parameters
    ----------
    path : path
        A CSV file (comma, semicolon, tab or bar between cells; UTF-8 with or without byte order mark, or UTF-16 with it) or a Parquet file.
        Columns ``filepath, label, modality, speaker`` are required; ``recording, start, end, text, corpus, gender, age`` and any others are kept.
    root : path, optional
        The folder that relative file paths start from; by default the folder of the manifest.
    unknown_speaker : {"error", "one_group"}
        What happens where the speaker is empty or "unknown", or where the column is absent: an error, or one common group for each corpus.
    encoding : str, optional
        The encoding of a CSV file that is neither UTF-8 nor UTF-16.

    Returns
    -------
    DataFrame
        The columns ``filepath`` (joined with the root), ``label`` (as the corpus writes it), ``emotion`` (canonical, or ``""``), ``modality``,
        ``speaker`` (text: ``07`` stays ``07``; prefixed by ``corpus/`` where a corpus is named), ``recording`` (each file its own take where none is
        given), then all other columns as they are; ``start`` and ``end`` in seconds, NaN for a whole file. Rows keep their order.

    Raises
    ------
    InvalidInputError
        If a rule is broken; the message names the file, the row, the column, the rule and the remedy.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "manifest.csv").write_text("filepath,label,modality,speaker\\na.wav,joy,audio_only,07\\n")
    >>> read_manifest(folder / "manifest.csv")[["emotion", "speaker", "recording"]].iloc[0].tolist()
    ['happy', '07', 'a.wav']
    """
    if unknown_speaker not in ("error", "one_group"):
        raise InvalidInputError(f"unknown_speaker of read_manifest must be 'error' or 'one_group'; got {unknown_speaker!r}")
    if encoding is not None and (not isinstance(encoding, str) or "\0" in encoding):
        raise InvalidInputError(f"encoding of read_manifest must be the name of an encoding or None; got {encoding!r}")
    file = check_path(path, parameter="path", caller="read_manifest")
    folder = file.parent if root is None else check_path(root, parameter="root", caller="read_manifest")
    frame, place = read_table_rows(file, encoding=encoding)
    for problem in find_problems(frame):
        if unknown_speaker == "one_group" and problem.column == "speaker" and problem.code in ("unknown_speaker", "missing_column"):
            continue
        raise InvalidInputError(problem.message(str(path), place))
    return complete(frame, folder)


def read_clips(
    manifest: pd.DataFrame | str | os.PathLike[str], root: str | os.PathLike[str] | None, *, caller: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of a manifest as given, and a table of path, start, end, modality and text of the clip of each, all that extraction reads.

    Raises
    ------
    InvalidInputError
        If it is no manifest, or one of these columns breaks a rule of the format; a clip may be named twice.
    """
    folder = check_path(root, parameter="root", caller=caller) if root is not None else None
    if isinstance(manifest, (str, os.PathLike)):
        rows = read_manifest(manifest, folder)
        folder = None
    elif isinstance(manifest, pd.DataFrame):
        rows = manifest.reset_index(drop=True)
        read = [name for name in ("filepath", "start", "end", "modality", "text") if name in rows.columns]
        missing = missing_columns(list(rows.columns), ("filepath",))
        for problem in [*missing, *find_problems(rows[read], needed=())]:
            if problem.code != "duplicate_row":
                raise InvalidInputError(problem.message(f"manifest of {caller}", lambda row: f"row {row + 1}"))
    else:
        remedy = "Remedy: pandas.DataFrame({'filepath': clips}) makes a manifest of paths"
        raise InvalidInputError(f"manifest of {caller} must be a DataFrame or the path of a table; got {type(manifest).__name__}. {remedy}")
    n = len(rows)
    clips = pd.DataFrame({
        "path": [os.path.join(folder, path) if folder is not None and path else path for path in as_paths(rows["filepath"])],
        "start": [parse_time(value) for value in rows["start"]] if "start" in rows.columns else np.full(n, np.nan),
        "end": [parse_time(value) for value in rows["end"]] if "end" in rows.columns else np.full(n, np.nan),
        "modality": _text_list(rows, "modality") if "modality" in rows.columns else ["audio_only"] * n,
        "text": _text_list(rows, "text"),
    })
    return rows, clips


def write_manifest(manifest: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a manifest as CSV or Parquet (by the ending), with file paths relative to its folder where they lie below it.

    Parameters
    ----------
    manifest : DataFrame
        As from `read_manifest` or a corpus parser.
    path : path
        Ends in ``.csv``, ``.tsv`` or ``.parquet``.

    Raises
    ------
    InvalidInputError
        If the manifest breaks a rule of the format or the ending is another.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "manifest.csv"
    >>> frame = pd.DataFrame({"filepath": ["a.wav"], "label": ["joy"], "modality": ["audio_only"], "speaker": ["1"]})
    >>> write_manifest(frame, target)
    >>> target.read_text().splitlines()[0]
    'filepath,label,modality,speaker'
    """
    target = check_path(path, parameter="path", caller="write_manifest")
    if not isinstance(manifest, pd.DataFrame):
        raise InvalidInputError(f"manifest of write_manifest must be a DataFrame; got {type(manifest).__name__}")
    for problem in find_problems(manifest):
        raise InvalidInputError(problem.message("manifest of write_manifest", lambda row: f"row {row + 1}"))
    folder = os.path.abspath(target.parent)
    frame = manifest.copy()
    frame["filepath"] = [_relative(p, folder) if p else p for p in as_paths(manifest["filepath"])]
    ending = target.suffix.lower()
    if ending == ".parquet":
        write_whole(target, lambda file: frame.to_parquet(file, index=False))
    elif ending in (".csv", ".tsv"):
        returns = any("\r" in value for name in frame.columns for value in frame[name] if isinstance(value, str))
        quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL  # a bare carriage return is not quoted otherwise
        options: dict[str, Any] = {"sep": "\t" if ending == ".tsv" else ",", "encoding": "utf-8", "lineterminator": "\n", "quoting": quoting}
        write_whole(target, lambda file: frame.to_csv(file, index=False, **options))
    else:
        raise InvalidInputError(f"path of write_manifest must end in .csv, .tsv or .parquet; got {str(path)!r}")


def _relative(path: str, folder: str) -> str:
    absolute = os.path.abspath(path)
    inside = os.path.relpath(absolute, folder)
    return absolute if inside.startswith(os.pardir) else inside.replace(os.sep, "/")
