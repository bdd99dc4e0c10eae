"""Read a CSV or Parquet file into a frame of cells, knowing the line of each row."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..exceptions import InvalidInputError

_DELIMITERS = (",", ";", "\t", "|")
_KNOWN = frozenset({"filepath", "label", "modality", "speaker", "recording", "start", "end", "text", "corpus", "gender", "age"})
Place = Callable[[int], str]


def read_table_rows(path: Path, *, encoding: str | None) -> tuple[pd.DataFrame, Place]:
    """Return the table of a CSV or Parquet file and a function that names the place of a row for people."""
    if not path.exists():
        raise InvalidInputError(f"path of read_manifest must be an existing file; got {str(path)!r}. Remedy: check the path")
    if not path.is_file():
        if not path.is_dir():
            raise InvalidInputError(f"path of read_manifest must be a regular file; got {str(path)!r}. Remedy: name a CSV or Parquet file")
        raise InvalidInputError(
            f"path of read_manifest must be a file; got the folder {str(path)!r}. Remedy: name the CSV or Parquet file in it; for clips without one, "
            "pandas.DataFrame({'filepath': …}) of their paths is a manifest for features.extract"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"path of read_manifest must be readable; got {str(path)!r}: {error.strerror}") from error
    if data[:4] == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path), lambda row: f"row {row + 1}"
    return _read_csv(path, data, encoding)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise InvalidInputError(f"path of read_manifest must be a whole Parquet file; got {str(path)!r}: {error}. Remedy: write it again") from error
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_header(list(frame.columns), path)
    return frame.reset_index(drop=True)


def _decode(path: Path, data: bytes, encoding: str | None) -> str:
    if encoding is None:
        encoding = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except LookupError:
        raise InvalidInputError(f"encoding of read_manifest must be a known encoding; got {encoding!r}") from None
    except UnicodeError as error:
        line = data[: getattr(error, "start", 0)].count(b"\n") + 1
        raise InvalidInputError(
            f"path of read_manifest must be text in {encoding.replace('-sig', '').upper()}; got other bytes in line {line} of {str(path)!r}. "
            "Remedy: save the file as UTF-8, or name its encoding, as in encoding='cp1252'"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InvalidInputError(f"path of read_manifest must be a text file; got a NUL in line {line} of {str(path)!r}. Remedy: save it as CSV")
    return text


def _delimiter(header: str) -> str:
    def score(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])]
        return len(_KNOWN.intersection(cells)), len(cells)

    return max(_DELIMITERS, key=score)


def _check_header(names: list[str], path: Path) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInputError(f"columns of {path} must have different names; got {repeated[0]!r} more than once. Remedy: rename one of them")
    if "" in names:
        raise InvalidInputError(f"columns of {path} must have names; got none for column {names.index('') + 1}. Remedy: name it or delete it")


def _read_csv(path: Path, data: bytes, encoding: str | None) -> tuple[pd.DataFrame, Place]:
    lines = list(io.StringIO(_decode(path, data, encoding), newline=""))
    skipped = 0
    delimiter = None
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:  # written by spreadsheets
        delimiter, skipped = lines[0].strip()[4], 1
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    if skipped == len(lines):
        raise InvalidInputError(
            f"path of read_manifest must be a table with a header; got the empty file {str(path)!r}. "
            "Remedy: start with the line filepath,label,modality,speaker"
        )
    reader = csv.reader(lines[skipped:], delimiter=delimiter or _delimiter(lines[skipped]), strict=True)
    numbers: list[int] = []
    cells: list[list[str]] = []
    names: list[str] = []
    try:
        names = [name.strip() for name in next(reader)]
        while names and not names[-1]:  # a delimiter at the end of the line
            names.pop()
        _check_header(names, path)
        before = reader.line_num
        for row in reader:
            line, before = before + 1 + skipped, reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if len(row) < len(names) or any(cell.strip() for cell in row[len(names):]):
                raise InvalidInputError(
                    f"rows of {path} must have {len(names)} cells as the header; got {len(row)} in line {line}. "
                    "Remedy: put cells that contain the separator in double quotes"
                )
            numbers.append(line)
            cells.append(row[: len(names)])
    except csv.Error as error:
        line = reader.line_num + skipped
        raise InvalidInputError(f"path of read_manifest must be well-formed CSV; got {error} in line {line} of {path}") from error
    frame = pd.DataFrame({name: [row[column] for row in cells] for column, name in enumerate(names)}, columns=pd.Index(names))
    return frame, lambda row: f"row {row + 1} (line {numbers[row]})"
