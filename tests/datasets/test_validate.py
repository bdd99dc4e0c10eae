"""Validation: each fault is planted and must be found with its severity, its rows and an example."""

from __future__ import annotations

import json
import shutil
import struct
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emotion_native.datasets import ValidationReport, emodb, load_sample, ravdess, validate
from emotion_native.exceptions import InvalidInputError


def write_clip(path: Path, seed: int, *, seconds: float = 1.0, rate: int = 16_000, channels: int = 1, gain: float = 0.3) -> str:
    rng = np.random.default_rng(seed)
    samples = gain * np.sin(np.arange(int(seconds * rate) * channels) / 20) + gain * 0.1 * rng.standard_normal(int(seconds * rate) * channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return str(path)


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    """Sixteen sound clips: eight speakers with two emotions each."""
    rows = [(write_clip(tmp_path / f"{row:02d}.wav", row), "sad" if row % 2 else "joy", "audio_only", f"s{row // 2}") for row in range(16)]
    return pd.DataFrame(rows, columns=pd.Index(["filepath", "label", "modality", "speaker"]))


def rows_of(report: ValidationReport, code: str, severity: str) -> list[int]:
    found = [issue for issue in report.issues if issue.code == code]
    assert len(found) == 1 and found[0].severity == severity, [(i.code, i.severity) for i in report.issues]
    return list(found[0].rows)


def check(frame: pd.DataFrame) -> ValidationReport:
    return validate(frame, progress=False)


def test_a_sound_corpus_has_no_findings(frame: pd.DataFrame) -> None:
    report = check(frame)
    assert report.issues == () and report.ok and str(report).startswith("0 errors, 0 warnings")
    s = report.summary
    assert (s["rows"], s["files"], s["speakers"], s["recordings"], s["readable_files"]) == (16, 16, 8, 16, 16)
    assert s["labels"] == {"joy": 8, "sad": 8} and s["sample_rates_hz"] == {"16000": 16} and s["channels"] == {"1": 16}
    assert s["duration_s"]["median"] == 1.0 and s["duration_s"]["total"] == 16.0 and s["labels_by_speaker"]["s3"] == {"joy": 1, "sad": 1}


def test_the_order_of_files_and_threads_do_not_matter(frame: pd.DataFrame) -> None:
    reports = [validate(frame, n_jobs=jobs, progress=False).to_dict() for jobs in (1, 2, 7)]
    assert reports[0] == reports[1] == reports[2]


def test_files_that_cannot_be_used(frame: pd.DataFrame, tmp_path: Path) -> None:
    paths = frame["filepath"].tolist()
    Path(paths[1]).unlink()
    Path(paths[2]).write_bytes(b"")
    Path(paths[4]).unlink()
    Path(paths[4]).mkdir()
    report = check(frame)
    assert not report.ok and rows_of(report, "missing_file", "error") == [1]
    broken = sorted(row for issue in report.issues if issue.code.startswith("unreadable_") for row in issue.rows)
    assert broken == [2, 4] and all(issue.severity == "error" for issue in report.issues if issue.code.startswith("unreadable_"))
    assert "duplicate_content" not in {issue.code for issue in report.issues}
    assert report.table()[0][0] == "error" and "01.wav" in str(report)


def test_duplicates_by_content(frame: pd.DataFrame) -> None:
    paths = frame["filepath"].tolist()
    shutil.copyfile(paths[0], paths[2])  # another speaker, the same label
    shutil.copyfile(paths[5], paths[4])  # the same speaker, another label
    report = check(frame)
    found = [(issue.rows, issue.message) for issue in report.issues if issue.code == "duplicate_conflict"]
    assert [rows for rows, _ in found] == [(0, 2), (4, 5)] and "speakers s0, s1" in found[0][1] and "labels joy, sad" in found[1][1]
    shutil.copyfile(paths[6], paths[5])  # now rows 4 and 5 differ again; 5 and 6 meet
    twin = frame.iloc[[0]].assign(filepath=str(Path(paths[0]).with_name("twin.wav")))
    shutil.copyfile(paths[0], twin["filepath"].iloc[0])
    alone = pd.concat([frame.drop(index=[2]), twin])
    assert rows_of(check(alone), "duplicate_content", "warning") == [0, 15]


def test_segments_of_a_file_are_no_duplicates(frame: pd.DataFrame) -> None:
    both = pd.concat([frame.assign(start=0.0, end=0.4), frame.assign(start=0.5, end=np.nan)])
    assert check(both).issues == ()
    late = pd.concat([frame.assign(start=0.0, end=0.4), frame.head(2).assign(start=[0.5, 1.5], end=[3.0, np.nan])])
    assert rows_of(check(late), "segment_past_end", "error") == [16, 17]


def test_speakers_labels_and_recordings(frame: pd.DataFrame) -> None:
    rare = frame.assign(label=["calm" if row in (6, 7) else label for row, label in enumerate(frame["label"])])
    assert rows_of(check(rare), "single_speaker_class", "warning") == [6, 7]
    assert rows_of(check(rare), "single_class_speaker", "warning") == [6, 7]
    grouped = frame.assign(speaker=["x/unknown_speakers" if row < 4 else f"s{row // 2}" for row in range(16)])
    assert rows_of(check(grouped), "unknown_group", "warning") == [0, 1, 2, 3]
    several = frame.assign(speaker=["x/unknown_speakers", "x/unknown_speakers", "y/N/A", *frame["speaker"][3:]])
    (finding,) = [issue for issue in check(several).issues if issue.code == "unknown_group"]
    assert finding.rows == (0, 1, 2) and "3 rows of unknown speakers are 2 groups, one a corpus: each is always" in finding.message
    named = frame.assign(recording=["t"] * 4 + frame["filepath"].tolist()[4:])
    assert rows_of(check(named), "recording_two_speakers", "error") == [0, 1, 2, 3]
    unnamed = frame.assign(recording=["unknown"] * 4 + frame["filepath"].tolist()[4:])
    assert not [issue for issue in check(unnamed).issues if issue.code.startswith("recording_")]
    assert rows_of(check(frame.assign(speaker="only")), "one_speaker", "error") == []
    assert rows_of(check(frame.assign(speaker=[f"s{row % 3}" for row in range(16)])), "few_speakers", "warning") == []
    assert rows_of(check(frame.assign(label="joy")), "one_label", "error") == []
    assert rows_of(check(frame.assign(label=["joy"] * 14 + ["sad"] * 2)), "label_imbalance", "warning") == []
    odd = frame.assign(label=["jo\x07y" if row == 3 else "x" * 257 if row == 5 else label for row, label in enumerate(frame["label"])])
    assert rows_of(check(odd), "unusable_label", "error") == [3, 5]
    fits = check(frame.assign(label=["ä" * 128 if label == "joy" else label for label in frame["label"]]))
    assert "unusable_label" not in {issue.code for issue in fits.issues}
    unmapped = frame.assign(label=["hm" if label == "joy" else label for label in frame["label"]])
    assert rows_of(check(unmapped), "unmapped_label", "info") == list(range(0, 16, 2))
    assert rows_of(check(frame.assign(recording=[f"r{min(row, 14)}" for row in range(16)])), "recording_several_files", "info") == [14, 15]
    crossed = check(frame.assign(recording=["r" if row in (1, 2) else f"r{row}" for row in range(16)]))
    assert rows_of(crossed, "recording_two_speakers", "error") == [1, 2]


def test_rates_channels_levels_and_durations(frame: pd.DataFrame, tmp_path: Path) -> None:
    paths = [Path(path) for path in frame["filepath"]]
    write_clip(paths[1], 1, rate=48_000)
    write_clip(paths[2], 2, channels=2)
    write_clip(paths[3], 3, gain=30.0)
    write_clip(paths[4], 4, gain=0.0)
    write_clip(paths[5], 5, seconds=0.05)
    write_clip(paths[6], 6, seconds=20.0)
    report = check(frame)
    assert report.ok
    assert rows_of(report, "mixed_sample_rates", "warning") == [1] and rows_of(report, "mixed_channels", "warning") == [2]
    assert rows_of(report, "clipping", "warning") == [3] and rows_of(report, "silence", "warning") == [4]
    assert rows_of(report, "too_short", "warning") == [5] and rows_of(report, "duration_outlier", "info") == [5, 6]
    assert "too_short" not in {issue.code for issue in validate(frame, min_duration_s=0.01, progress=False).issues}


def test_samples_that_are_not_finite(frame: pd.DataFrame) -> None:
    samples = np.sin(np.arange(16_000) / 20).astype("<f4")
    samples[100] = np.nan
    data = samples.tobytes()
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 16_000, 64_000, 4, 32)
    Path(frame["filepath"].iloc[0]).write_bytes(head + b"data" + struct.pack("<I", len(data)) + data)
    report = check(frame)
    assert not report.ok and [list(issue.rows) for issue in report.issues if issue.severity == "error"] == [[0]]


def test_broken_tables_are_reported_not_raised(frame: pd.DataFrame, tmp_path: Path) -> None:
    broken = frame.assign(label=["", *frame["label"][1:]], speaker=["unknown", *frame["speaker"][1:]])
    report = check(broken)
    assert rows_of(report, "empty_label", "error") == [0] and rows_of(report, "unknown_speaker", "error") == [0]
    assert rows_of(check(frame.drop(columns="speaker")), "missing_column", "error") == []
    assert rows_of(check(frame.head(0)), "no_rows", "error") == []
    assert rows_of(check(frame.assign(modality="radio")), "unknown_modality", "error") == list(range(16))
    (tmp_path / "m.csv").write_text("filepath,label,modality\n00.wav,sad,audio_only\nnone.wav,sad,audio_only\n")
    report = validate(tmp_path / "m.csv", progress=False)
    assert [issue.code for issue in report.issues if issue.severity == "error"] == ["missing_column", "one_label", "missing_file"]
    assert report.summary["readable_files"] == 1


def test_report_is_json(frame: pd.DataFrame) -> None:
    Path(frame["filepath"].iloc[0]).unlink()
    told = json.loads(json.dumps(check(frame).to_dict(), allow_nan=False))
    assert told["ok"] is False and told["n_errors"] == 1 and told["issues"][0]["rows"] == [0]


def test_progress_and_arguments(frame: pd.DataFrame) -> None:
    seen: list[tuple[int, int]] = []
    validate(frame, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 16) for done in range(1, 17)]
    for arguments, message in (({"min_duration_s": -1.0}, "min_duration_s"), ({"min_duration_s": float("nan")}, "min_duration_s"),
                               ({"n_jobs": 0}, "n_jobs of validate"), ({"progress": "x"}, "progress of validate")):
        with pytest.raises(InvalidInputError, match=message):
            validate(frame, **arguments)  # type: ignore[arg-type]  # wrong values are the test
    with pytest.raises(InvalidInputError, match="manifest of validate"):
        validate(3)  # type: ignore[arg-type]  # a wrong value is the test
    with pytest.raises(InvalidInputError, match="existing file"):
        validate("none.csv")


def test_the_bundled_sample_is_valid() -> None:
    report = validate(load_sample(), progress=False)
    assert report.ok and {issue.code for issue in report.issues} <= {"few_speakers", "duration_outlier"}
    assert report.summary["labels"] == {"anger": 26, "happiness": 25, "neutral": 26, "sadness": 25}


@pytest.mark.real_data
def test_real_corpora(shared_data: Path) -> None:
    report = check(ravdess(shared_data / "ravdess"))
    frame = ravdess(shared_data / "ravdess")
    twins = [Path(frame["filepath"].iloc[row]).name for row in rows_of(report, "duplicate_content", "warning")]
    assert twins == ["03-01-03-01-02-01-07.flac", "03-01-03-01-02-02-07.flac"]  # RAVDESS holds this clip under two names
    assert len(rows_of(report, "sound_not_read", "warning")) == 4 and rows_of(report, "mixed_channels", "warning")
    assert report.summary["sample_rates_hz"] == {"16000": 720, "48000": 4}
    assert check(emodb(shared_data / "emodb")).ok
