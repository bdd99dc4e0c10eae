"""The findings of `validate` that need the files: content, decoding, durations, levels."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .._display import counted
from .._progress import Progress, progress_reporter
from .._threads import effective_n_jobs
from ..exceptions import EmotionNativeError, MediaDecodeError
from ._content import Content, read_content
from ._manifest import valid_path
from ._validate_rows import Finding, listing, rows_by

_OUTLIER_IQRS = 3.0


@dataclass(frozen=True)
class Probe:
    """What one file told: its content, the measured levels of its sound, or the reason code why there are none."""

    content: Content
    reason: str = ""
    message: str = ""
    levels: dict[str, Any] = field(default_factory=dict)


def _probe(path: str, with_audio: bool) -> Probe:
    from .. import _core

    if not valid_path(path):
        return Probe(Content("", None, 0, "not_found"), "not_found", "the name is not valid UTF-8")
    content = read_content(path)
    if content.reason or not with_audio:
        return Probe(content, content.reason, content.reason)
    try:
        return Probe(content, levels=dict(_core.audio_levels(path)))
    except MediaDecodeError as error:
        return Probe(content, error.reason, str(error))
    except EmotionNativeError as error:
        return Probe(content, "corrupt", str(error))


def probe_files(table: pd.DataFrame, *, n_jobs: int | None, progress: Progress) -> dict[str, Probe]:
    """Return the probe of each file of the table; files are read once, in threads (hashing and decoding release the GIL)."""
    wanted: dict[str, bool] = {}
    for path, modality in zip(table["filepath"], table["modality"], strict=True):
        if path:
            wanted[path] = wanted.get(path, False) or modality not in ("video_only", "text")
    probes: dict[str, Probe] = {}
    with progress_reporter(progress, "Checking files", len(wanted), caller="validate") as advance:
        pool = ThreadPoolExecutor(max_workers=effective_n_jobs(n_jobs, caller="validate"))
        try:
            for done, (path, probe) in enumerate(zip(wanted, pool.map(_probe, wanted.keys(), wanted.values()), strict=True), start=1):
                probes[path] = probe
                advance(done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return probes


def file_findings(table: pd.DataFrame, probes: dict[str, Probe], min_duration_s: float) -> Iterator[Finding]:
    """Yield the findings about the files."""
    yield from _unreadable(table, probes)
    yield from _duplicates(table, probes)
    yield from _mixed(table, probes)
    yield from _levels(table, probes)
    yield from _durations(table, probes, min_duration_s)


def _paths(table: pd.DataFrame, rows: Sequence[int]) -> str:
    return listing(dict.fromkeys(table["filepath"].iloc[row] for row in rows))


def _rows_of(table: pd.DataFrame, probes: dict[str, Probe], test: Any) -> tuple[int, ...]:
    return tuple(row for row, path in enumerate(table["filepath"]) if path in probes and test(probes[path]))


def _unreadable(table: pd.DataFrame, probes: dict[str, Probe]) -> Iterator[Finding]:
    missing = _rows_of(table, probes, lambda p: p.reason == "not_found")
    if missing:
        yield ("error", "missing_file", missing, f"files do not exist: {_paths(table, missing)}. Remedy: check the paths and the root folder")
    denied = _rows_of(table, probes, lambda p: p.reason == "no_permission")
    if denied:
        yield ("error", "no_permission", denied, f"files may not be read: {_paths(table, denied)}. Remedy: change their permissions")
    for reason in sorted({p.reason for p in probes.values()} - {"", "not_found", "no_permission"}):
        rows = _rows_of(table, probes, lambda p, reason=reason: p.reason == reason)
        video = [row for row in rows if table["modality"].iloc[row] == "audio_video" and reason == "unsupported_format"]
        audio = tuple(row for row in rows if row not in set(video))
        if audio:
            first = probes[table["filepath"].iloc[audio[0]]].message
            yield ("error", f"unreadable_{reason}", audio, f"files cannot be decoded ({reason}): {_paths(table, audio)}. The first says: {first}")
        if video:
            yield ("warning", "sound_not_read", tuple(video), f"sound in containers is not read: {_paths(table, video)}. Remedy: save it as WAV")


def _duplicates(table: pd.DataFrame, probes: dict[str, Probe]) -> Iterator[Finding]:
    """Rows of the same bytes and the same segment, in different files."""
    starts = table["start"] if "start" in table.columns else pd.Series(math.nan, index=table.index)
    ends = table["end"] if "end" in table.columns else pd.Series(math.nan, index=table.index)
    keys = []
    for row, path in enumerate(table["filepath"]):
        probe = probes.get(path)
        whole = probe is not None and probe.content.sha256 and not probe.reason
        keys.append(f"{probe.content.sha256} {starts.iloc[row]} {ends.iloc[row]}" if probe is not None and whole else f"row {row}")
    same: list[int] = []
    for rows in rows_by(keys).values():
        if len(rows) < 2:
            continue
        for column, word in (("speaker", "speakers"), ("label", "labels")):
            values = sorted({str(table[column].iloc[row]) for row in rows})
            if len(values) > 1:
                message = f"the same content has the {word} {listing(values)}: {_paths(table, rows)}. Remedy: keep the right row alone"
                yield ("error", "duplicate_conflict", tuple(rows), message)
                break
        else:
            same += rows
    if same:
        message = f"the same content in several files: {_paths(table, same)}; they stay on one side of every split. Remedy: delete the copies"
        yield ("warning", "duplicate_content", tuple(sorted(same)), message)


def _counts(probes: dict[str, Probe], key: str) -> Counter[int]:
    return Counter(int(p.levels[key]) for p in probes.values() if p.levels)


def _mixed(table: pd.DataFrame, probes: dict[str, Probe]) -> Iterator[Finding]:
    rates, channels = _counts(probes, "sample_rate_hz"), _counts(probes, "channels")
    if len(rates) > 1:
        usual = rates.most_common(1)[0][0]
        rows = _rows_of(table, probes, lambda p: bool(p.levels) and p.levels["sample_rate_hz"] != usual)
        seen = listing((f"{hz} Hz ({counted(n, 'file')})" for hz, n in rates.most_common()), 5)
        message = f"sampling rates differ: {seen}; all are resampled, but a narrow band stays narrow and may tell the label"
        yield ("warning", "mixed_sample_rates", rows, message)
    if len(channels) > 1:
        usual = channels.most_common(1)[0][0]
        rows = _rows_of(table, probes, lambda p: bool(p.levels) and p.levels["channels"] != usual)
        seen = listing(f"{c} ({counted(n, 'file')})" for c, n in channels.most_common())
        yield ("warning", "mixed_channels", rows, f"numbers of channels differ: {seen}; all are mixed down")


def _levels(table: pd.DataFrame, probes: dict[str, Probe]) -> Iterator[Finding]:
    from .. import _core

    broken = _rows_of(table, probes, lambda p: bool(p.levels.get("non_finite")))
    if broken:
        yield ("error", "non_finite", broken, f"samples are NaN, infinite or beyond 1e9: {_paths(table, broken)}. Remedy: export the clips again")
    clipped = _rows_of(table, probes, lambda p: p.levels.get("clipped_ratio", 0.0) > _core.MOST_FULL_SCALE)
    if clipped:
        yield ("warning", "clipping", clipped, f"more than {_core.MOST_FULL_SCALE:.1%} of the samples are at full scale: {_paths(table, clipped)}")
    silent = _rows_of(table, probes, lambda p: bool(p.levels.get("silent")))
    if silent:
        yield ("warning", "silence", silent, f"files are silent and will count as failed: {_paths(table, silent)}")


def row_durations(table: pd.DataFrame, probes: dict[str, Probe]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the duration of each row (NaN where unknown) and how far its segment reaches past the end of the file, in seconds."""
    whole = np.array([probes[p].levels.get("duration_s", math.nan) if p in probes else math.nan for p in table["filepath"]], dtype=np.float64)
    start = np.nan_to_num(table["start"].to_numpy(dtype=np.float64)) if "start" in table.columns else np.zeros(len(table))
    end = table["end"].to_numpy(dtype=np.float64) if "end" in table.columns else np.full(len(table), np.nan)
    past = np.where(np.isnan(end), np.where(start >= whole, start - whole, 0.0), end - whole)
    return np.minimum(np.where(np.isnan(end), whole, end), whole) - start, past


def _durations(table: pd.DataFrame, probes: dict[str, Probe], min_duration_s: float) -> Iterator[Finding]:
    seconds, past = row_durations(table, probes)
    known = np.isfinite(seconds)
    late = tuple(int(row) for row in np.flatnonzero(known & ((past > 0.05) | (seconds <= 0))))
    if late:
        yield ("error", "segment_past_end", late, f"segments end after their file: {_paths(table, late)}. Remedy: correct start and end")
    short = tuple(int(row) for row in np.flatnonzero(known & (seconds < min_duration_s)) if int(row) not in set(late))
    if short:
        yield ("warning", "too_short", short, f"clips are shorter than {min_duration_s:g} s: {_paths(table, short)}")
    if known.sum() >= 8:
        low, high = np.percentile(seconds[known], [25, 75])
        reach = _OUTLIER_IQRS * (high - low)
        far = tuple(int(row) for row in np.flatnonzero(known & ((seconds < low - reach) | (seconds > high + reach))))
        if far:
            yield ("info", "duration_outlier", far, f"durations far from the others (usual {low:.1f} to {high:.1f} s): {_paths(table, far)}")


def file_summary(table: pd.DataFrame, probes: dict[str, Probe]) -> dict[str, Any]:
    """Return the distributions of durations, rates and channels, as JSON can hold them."""
    seconds = row_durations(table, probes)[0]
    seconds = seconds[np.isfinite(seconds)]
    names = ("min", "p5", "median", "p95", "max")
    quantiles = np.percentile(seconds, [0, 5, 50, 95, 100]) if len(seconds) else np.zeros(5)
    return {
        "readable_files": sum(not p.reason for p in probes.values()),
        "megabytes": round(sum(p.content.signature.size for p in probes.values() if p.content.signature) / 1e6, 3),
        "sample_rates_hz": {str(k): v for k, v in sorted(_counts(probes, "sample_rate_hz").items())},
        "channels": {str(k): v for k, v in sorted(_counts(probes, "channels").items())},
        "formats": dict(sorted(Counter(os.path.splitext(path)[1].lower() for path in probes).items())),
        "duration_s": {**{name: round(float(q), 3) for name, q in zip(names, quantiles, strict=True)}, "total": round(float(seconds.sum()), 3)},
    }
