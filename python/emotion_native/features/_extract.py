"""Extract the features of a manifest: in order, in parallel, cached by content, resumable."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._progress import Advance, Progress, progress_reporter
from .._threads import effective_n_jobs
from .._validation import check_path
from ..audio import QualityRule
from ..datasets._content import Content, lone_key, read_content, signature, text_key
from ..datasets._manifest import SOUNDLESS, read_clips
from ..exceptions import EmotionNativeWarning, InvalidInputError
from ._cache import CacheArgument, FeatureCache, Vector, content_reader, open_cache
from ._extractors import Extractor, make_extractors, make_schema
from ._journal import Item, Journal
from ._quality import INFO_NAMES, check_rule, judged
from ._table import FeatureTable, check_row_columns

_CHUNK_S = (1.0, 4.0)  # a chunk is what an interruption may lose
_BATCH_ROWS = 512
_INFO = ("duration_s", "sample_rate_hz", "channels", "frames", "peak", "rms_dbfs", "clipped_ratio")


def extract(manifest: pd.DataFrame | str | os.PathLike[str], features: str | Sequence[str] = ("classic",), *, sample_rate_hz: int = 16_000,
            root: str | os.PathLike[str] | None = None, output: str | os.PathLike[str] | None = None, n_jobs: int | None = None,
            progress: Progress = None, cache: CacheArgument = None, quality: QualityRule | str | None = None) -> FeatureTable:
    """Extract features from every clip of a manifest.

    Rows that fail get NaN and a reason code; the rest goes on. A clip whose content, segment and settings were seen before comes from the
    cache with the same bits. After a kill or Ctrl-C the same call goes on where it was: from the cache, and from the parts beside `output`.

    Parameters
    ----------
    manifest : DataFrame or path
        As from `datasets.read_manifest`; only ``filepath`` is needed, ``start``, ``end`` and ``modality`` are honoured.
    features : sequence of str
        Names of feature sets: ``classic``, ``egemaps``, ``full``, ``quality``, or of several joined by ``+``. With several, columns are named
        ``set:column``.
    sample_rate_hz : int
        The rate to which clips are resampled.
    root : path, optional
        The folder that relative paths start from; by default the folder of the manifest's file, or the working folder for a DataFrame.
    output : path, optional
        A ``.parquet`` or ``.csv`` file to write. While the work goes on, finished parts lie in the folder ``<output>.parts``.
    n_jobs : int, optional
        Threads; None means the cores that this process may use. The values do not depend on it.
    progress : callable or bool, optional
        A callable of (done, total), True for a bar, False for none; by default a bar where the work takes over a second.
    cache : bool or path, optional
        None or True: the folder of `cache_folder`. A path: that folder. False: no cache.
    quality : QualityRule or its action, optional
        What becomes of clips that are clipped, noisy or nearly without speech. By default they are kept and flagged (``table.flags``);
        ``"drop"`` makes the reason their status, with NaN as features.

    Returns
    -------
    FeatureTable
        One row a manifest row, in order.

    Raises
    ------
    InvalidInputError
        If an argument or the manifest breaks a rule, or another process is writing the same output.
    OSError
        If the output cannot be written at the end; the parts remain, and the next call goes on from them.

    Warns
    -----
    EmotionNativeWarning
        If rows failed: forests and scalers take NaN, so train on ``table.X[table.ok]``.

    Examples
    --------
    >>> import emotion_native as en
    >>> table = extract(en.datasets.load_sample().head(2), progress=False, cache=False)
    >>> table
    FeatureTable(2 rows: 2 ok; 1092 columns: classic)
    """
    options: dict[str, Any] = {"root": root, "output": output, "n_jobs": n_jobs, "progress": progress, "cache": cache, "quality": quality}
    table = extract_silently(manifest, features, sample_rate_hz=sample_rate_hz, **options)
    failed = {status: count for status, count in table.summary().items() if status != "ok"}
    if failed:
        counts = ", ".join(f"{count} {status}" for status, count in failed.items())
        text = f"{sum(failed.values())} of {len(table)} rows failed ({counts}) and are NaN in table.X, which forests would train on"
        warnings.warn(f"{text}: use table.ok, as in table.select(table.ok); table.messages says why", EmotionNativeWarning, stacklevel=2)
    return table


def extract_silently(manifest: pd.DataFrame | str | os.PathLike[str], features: str | Sequence[str], *, sample_rate_hz: int,
                     root: str | os.PathLike[str] | None = None, output: str | os.PathLike[str] | None = None, n_jobs: int | None = None,
                     progress: Progress = None, cache: CacheArgument = None, quality: QualityRule | str | None = None) -> FeatureTable:
    """Do what `extract` does without the warning, for callers that count failed rows themselves."""
    rule = check_rule(quality, "extract")
    extractors = make_extractors(features, sample_rate_hz)
    rows, clips = read_clips(manifest, root, caller="extract")
    check_row_columns(rows, [column for e in extractors for column in e.columns], "manifest of extract")
    target = _checked_output(output)
    jobs = effective_n_jobs(n_jobs, caller="extract")
    store = open_cache(cache)
    journal = Journal(target) if target is not None else None
    try:
        with progress_reporter(progress, "Extracting features", len(rows), caller="extract") as advance:
            table = _Run(clips, extractors, jobs, store, journal, advance).table(rows)
        table = judged(table, rule)
        if target is not None and journal is not None:
            table._save(target, journal.folder)
            journal.finish()
        return table
    finally:
        if journal is not None:
            journal.close()


def _checked_output(output: str | os.PathLike[str] | None) -> Path | None:
    if output is None:
        return None
    target = check_path(output, parameter="output", caller="extract").absolute()
    if target.suffix.lower() not in (".parquet", ".csv") or target.is_dir():
        raise InvalidInputError(f"output of extract must be a file that ends in .parquet or .csv; got {str(output)!r}")
    return target


class _Run:
    """One extraction. A batch of rows goes through: hash the files, look the keys up, compute the misses, check the files again, store."""

    def __init__(self, clips: pd.DataFrame, extractors: Sequence[Extractor], jobs: int, store: FeatureCache | None, journal: Journal | None,
                 advance: Advance) -> None:
        n, width = len(clips), sum(len(e.columns) for e in extractors)
        self._paths: list[str] = clips["path"].tolist()
        self._starts = clips["start"].to_numpy(dtype=np.float64)
        self._ends = clips["end"].to_numpy(dtype=np.float64)
        self._modality: list[str] = clips["modality"].tolist()
        self._text: list[str] = clips["text"].tolist()
        self._extractors, self._jobs, self._store, self._journal, self._report = extractors, jobs, store, journal, advance
        self._reported = 0
        self._matrix = np.full((n, width), np.nan, dtype=np.float32)
        self._status = np.full(n, "ok", dtype=object)
        self._messages = np.full(n, "", dtype=object)
        self._content_keys = np.full(n, "", dtype=object)
        self._info: list[dict[str, Any]] = [{} for _ in range(n)]
        self._contents: dict[str, Content] = {}
        self._chunk = max(16, 4 * jobs)

    def table(self, rows: pd.DataFrame) -> FeatureTable:
        """Do the work and return its result."""
        n = len(self._paths)
        try:
            for first in range(0, n, _BATCH_ROWS):
                batch = range(first, min(n, first + _BATCH_ROWS))
                self._do(batch)
                self._advance(batch.stop)
        finally:
            if self._store is not None:
                self._store.save_index()
        failed = self._status != "ok"
        self._matrix[failed] = np.nan
        for row in np.flatnonzero(failed):
            self._content_keys[row] = lone_key(self._paths[row], int(row))
        schema = make_schema(self._extractors)
        info = {name: np.array([entry.get(name, np.nan) for entry in self._info], dtype=np.float64) for name in (*_INFO, *INFO_NAMES)}
        frame = pd.DataFrame({**info, "warnings": ["; ".join(entry.get("warnings", ())) for entry in self._info]})
        return FeatureTable(X=self._matrix, names=schema["name"].tolist(), schema=schema, rows=rows, status=self._status, messages=self._messages,
                            content_keys=self._content_keys, info=frame)

    def _advance(self, done: int) -> None:
        self._reported = max(self._reported, done)  # clips that are done again do not count back
        self._report(self._reported)

    def _fail(self, row: int, reason: str, message: str) -> None:
        self._status[row], self._messages[row] = reason, message

    def _do(self, batch: range) -> None:
        rows = []
        for row in batch:
            if self._modality[row] not in SOUNDLESS:
                rows.append(row)
                continue
            if self._modality[row] == "text":
                self._content_keys[row] = text_key(self._text[row])
            self._fail(row, "no_audio_track", SOUNDLESS[self._modality[row]])
        self._hash([self._paths[row] for row in rows], content_reader(self._store))
        column = 0
        for extractor in self._extractors:
            self._features(extractor, rows, column, batch.start)
            column += len(extractor.columns)
        for row in rows:
            content = self._contents[self._paths[row]]
            if content.reason:
                self._fail(row, content.reason, _explain(content.reason, self._paths[row]))
            self._content_keys[row] = content.sha256
        if self._store is not None:
            for path in {self._paths[row] for row in rows}:
                self._store.remember_content(path, self._contents[path])

    def _hash(self, paths: Sequence[str], read: Callable[[str], Content]) -> None:
        unique = [path for path in dict.fromkeys(paths) if path not in self._contents]
        if self._jobs == 1 or len(unique) < 8:
            self._contents.update((path, read(path)) for path in unique)
            return
        pool = ThreadPoolExecutor(max_workers=self._jobs)
        try:
            self._contents.update(zip(unique, pool.map(read, unique), strict=True))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _features(self, extractor: Extractor, rows: Sequence[int], column: int, before: int) -> None:
        """Fill the columns of one extractor for the rows; a file that changes under our hands is hashed and extracted again, twice at most."""
        waiting = [row for row in rows if not self._contents[self._paths[row]].reason]
        for _ in range(3):
            misses = list(self._from_stores(extractor, waiting, column).items())
            done, waiting = before + len(waiting) - len(misses), []
            while misses:
                chunk, misses = misses[: self._chunk], misses[self._chunk :]
                waiting += self._compute(extractor, chunk, column, done)
                done += len(chunk)
            if not waiting:
                return
            paths = {self._paths[row] for row in waiting}
            for path in paths:
                del self._contents[path]
            self._hash(sorted(paths), read_content)
            waiting = [row for row in waiting if not self._contents[self._paths[row]].reason]
        for row in waiting:
            self._fail(row, "corrupt", f"{self._paths[row]} changed while it was read")

    def _key(self, extractor: Extractor, row: int) -> str:
        return extractor.key(self._contents[self._paths[row]].sha256, self._starts[row], self._ends[row])

    def _put(self, row: int, column: int, vector: Vector, info: dict[str, Any]) -> None:
        self._matrix[row, column : column + len(vector)] = vector
        self._info[row] = info

    def _from_stores(self, extractor: Extractor, rows: Sequence[int], column: int) -> dict[str, list[int]]:
        """Fill what the journal or the cache holds; return the rows of each missing key."""
        misses: dict[str, list[int]] = {}
        width = len(extractor.columns)
        for row in rows:
            key = self._key(extractor, row)
            if key in misses:
                misses[key].append(row)
                continue
            found = self._journal.get(key, width) if self._journal is not None else None
            if found is None and self._store is not None:
                found = self._store.get(key, width)
            if found is None:
                misses[key] = [row]
            else:
                self._put(row, column, *found)
        return misses

    def _compute(self, extractor: Extractor, misses: list[tuple[str, list[int]]], column: int, before: int) -> list[int]:
        """Extract one clip a key and store it; return the rows whose file changed meanwhile."""
        from .. import _core

        began = time.monotonic()
        first = [rows[0] for _, rows in misses]
        values, status, messages, infos = _core.extract_functionals_batch(
            [self._paths[row] for row in first], self._starts[first], self._ends[first], extractor.name, extractor.sample_rate_hz, self._jobs,
            lambda done: self._advance(before + int(done)),
        )
        changed = self._changed({self._paths[row] for row in first})
        items: list[Item] = []
        again: list[int] = []
        for place, (key, rows) in enumerate(misses):
            if any(self._paths[row] in changed for row in rows):
                again += rows
                continue
            if status[place] == "ok":
                items.append((key, values[place], infos[place]))
            for row in rows:
                self._put(row, column, values[place], infos[place])
                if status[place] != "ok":
                    self._fail(row, status[place], messages[place])
        self._keep(items)
        took = time.monotonic() - began
        self._chunk = 2 * self._chunk if took < _CHUNK_S[0] else max(self._jobs, self._chunk // 2) if took > _CHUNK_S[1] else self._chunk
        return again

    def _keep(self, items: list[Item]) -> None:
        if self._journal is not None:
            self._journal.append(items)
        if self._store is not None:
            for key, vector, info in items:
                self._store.put(key, vector, info)

    def _changed(self, paths: set[str]) -> set[str]:
        """Return the files whose content differs from what was hashed before they were decoded.

        Equal times of a file that had rested prove that nothing changed; in doubt the content is read again: some file systems set times late.
        """
        changed = set()
        for path in paths:
            content = self._contents[path]
            try:
                now = signature(path)
            except OSError:
                now = None
            racy = content.signature is not None and content.signature.racy(content.read_at_ns)
            if (racy or now != content.signature) and read_content(path).sha256 != content.sha256:
                changed.add(path)
        return changed


def _explain(reason: str, path: str) -> str:
    return {
        "not_found": f"{path} does not exist",
        "no_permission": f"{path} may not be read",
        "unsupported_format": f"{path} is not a regular file",
    }.get(reason, f"{path}: {reason}")
