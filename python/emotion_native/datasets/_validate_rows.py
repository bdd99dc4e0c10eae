"""The findings of `validate` that need the table alone: speakers, labels, recordings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import pandas as pd

from .._unknown_speakers import is_unknown
from ._labels import EMOTIONS, GREATEST_LABEL_BYTES, is_trainable_label

Finding = tuple[Literal["error", "warning", "info"], str, tuple[int, ...], str]
_IMBALANCE = 5.0


def listing(values: Iterable[object], limit: int = 3) -> str:
    """Return the first few values for a message."""
    items = list(values)
    return ", ".join(str(item) for item in items[:limit]) + (f" and {len(items) - limit} more" if len(items) > limit else "")


def rows_by(keys: Sequence[str]) -> dict[str, list[int]]:
    """Return the row positions of each key, in order of first appearance."""
    found: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        found[key].append(row)
    return dict(found)


def _known(table: pd.DataFrame) -> list[int]:
    """Return the rows with a label and a known speaker."""
    return [row for row, (label, speaker) in enumerate(zip(table["label"], table["speaker"], strict=True))
            if label and not is_unknown(speaker)]


def row_findings(table: pd.DataFrame, *, present: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings about speakers, labels and recordings; columns that are absent from the file are left out."""
    if "label" in present and "speaker" in present:
        yield from _speaker_findings(table)
    if "label" in present:
        yield from _label_findings(table)
    if "speaker" in present:
        yield from _recording_findings(table)


def _speaker_findings(table: pd.DataFrame) -> Iterator[Finding]:
    known = _known(table)
    grouped = tuple(row for row, speaker in enumerate(table["speaker"]) if is_unknown(speaker))
    if grouped:
        groups = len({table["speaker"].iloc[row] for row in grouped})
        many = "one group: they are" if groups == 1 else f"{groups} groups, one a corpus: each is"
        yield ("warning", "unknown_group", grouped, f"{len(grouped)} rows of unknown speakers are {many} always on one side of a split")
    labels, speakers = list(table["label"]), list(table["speaker"])
    speakers_of: dict[str, set[str]] = defaultdict(set)
    labels_of: dict[str, set[str]] = defaultdict(set)
    for row in known:
        speakers_of[labels[row]].add(speakers[row])
        labels_of[speakers[row]].add(labels[row])
    if len(labels_of) == 1:
        only = next(iter(labels_of))
        yield ("error", "one_speaker", (), f"all rows have the speaker {only}: no split can keep speakers apart. Remedy: add clips of other speakers")
    elif 1 < len(labels_of) <= 6:
        yield ("warning", "few_speakers", (), f"{len(labels_of)} speakers: scores on so few are a demonstration, not evidence")
    if len(labels_of) > 1:
        for label, who in sorted(speakers_of.items()):
            if len(who) == 1:
                rows = tuple(row for row in known if labels[row] == label)
                message = f"the label {label!r} is seen with one speaker only ({next(iter(who))}): no model trained without that speaker knows it"
                yield ("warning", "single_speaker_class", rows, message)
    if len(speakers_of) > 1:
        single = sorted(speaker for speaker, seen in labels_of.items() if len(seen) == 1)
        if single:
            rows = tuple(row for row in known if speakers[row] in set(single))
            message = f"speakers with a single label: {listing(single)}: the voice gives the label away"
            yield ("warning", "single_class_speaker", rows, message)


def _label_findings(table: pd.DataFrame) -> Iterator[Finding]:
    counts = Counter(label for label in table["label"] if label)
    refused = {label for label in counts if not is_trainable_label(label)}
    if refused:
        rows = tuple(row for row, label in enumerate(table["label"]) if label in refused)
        shown = listing([ascii(label[:40]) for label in sorted(refused)])
        rule = f"labels must be text of at most {GREATEST_LABEL_BYTES} bytes without control characters"
        yield ("error", "unusable_label", rows, f"{rule}: {shown}. Remedy: rename them")
    if len(counts) == 1:
        only = next(iter(counts))
        yield ("error", "one_label", (), f"all rows have the label {only!r}: there is nothing to learn. Remedy: add clips of other emotions")
    elif counts and max(counts.values()) >= _IMBALANCE * min(counts.values()):
        (most, n), (least, m) = counts.most_common()[0], counts.most_common()[-1]
        message = f"the label {most!r} has {n} rows and {least!r} {m}: use over-sampling or class weights, and read balanced accuracy"
        yield ("warning", "label_imbalance", (), message)
    pairs = zip(table["label"], table["emotion"], strict=True)
    unmapped = tuple(row for row, (label, emotion) in enumerate(pairs) if label and emotion not in EMOTIONS)
    if unmapped:
        names = sorted({str(table["label"].iloc[row]) for row in unmapped})
        yield ("info", "unmapped_label", unmapped, f"labels outside the common vocabulary: {listing(names, 5)}; they are used as they are")


def _recording_findings(table: pd.DataFrame) -> Iterator[Finding]:
    speakers, modality = list(table["speaker"]), list(table["modality"])
    several: list[int] = []
    for recording, rows in rows_by(list(table["recording"])).items():
        who = sorted({speakers[row] for row in rows})
        if len(who) > 1:
            message = f"the recording {recording!r} has the speakers {listing(who)}. Remedy: correct the speaker, or name each take apart"
            yield ("error", "recording_two_speakers", tuple(rows), message)
        files: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            files[modality[row]].add(str(table["filepath"].iloc[row]))
        if any(len(paths) > 1 for paths in files.values()):
            several += rows
    if several:
        takes = sorted({str(table["recording"].iloc[row]) for row in several})
        message = f"takes in several files of one modality: {listing(takes)}; they stay on one side of every split, and count more than others"
        yield ("info", "recording_several_files", tuple(several), message)


def row_summary(table: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of rows, speakers and labels, as JSON can hold them."""
    cells: dict[str, dict[str, int]] = {}
    for speaker, label in zip(table["speaker"], table["label"], strict=True):
        row = cells.setdefault(str(speaker), {})
        row[str(label)] = row.get(str(label), 0) + 1
    return {
        "rows": len(table),
        "files": int(table["filepath"].nunique()),
        "speakers": int(table["speaker"].nunique()),
        "recordings": int(table["recording"].nunique()),
        "labels": {str(k): int(v) for k, v in sorted(Counter(table["label"]).items())},
        "modalities": {str(k): int(v) for k, v in sorted(Counter(table["modality"]).items())},
        "labels_by_speaker": {speaker: dict(sorted(row.items())) for speaker, row in sorted(cells.items())},
    }
