"""Interruptions: what was finished before a kill is not computed again, and the result is the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError
from emotion_native.features import _journal

from .conftest import Counter, MakeManifest, write_clip

KILLED = """
import os, signal, sys
import pandas as pd, emotion_native as en
def progress(done, total):
    if done > 40:
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))
en.features.extract(pd.read_csv(sys.argv[1]), output=sys.argv[2] or None, cache=sys.argv[3] or False, n_jobs=1, progress=progress)
"""


def run_until_killed(frame: pd.DataFrame, folder: Path, output: str, cache: str, how: str = "SIGKILL") -> int:
    frame.to_csv(folder / "m.csv", index=False)
    command = [sys.executable, "-c", KILLED, str(folder / "m.csv"), output, cache, how]
    return subprocess.run(command, timeout=120, stderr=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
@pytest.mark.parametrize("where", ["parts", "cache"])
def test_goes_on_after_a_kill(make_manifest: MakeManifest, tmp_path: Path, computed: Counter, where: str, how: str) -> None:
    frame = make_manifest(60)
    output = str(tmp_path / "out" / "t.parquet") if where == "parts" else ""
    cache = str(tmp_path / "c") if where == "cache" else ""
    code = run_until_killed(frame, tmp_path, output, cache, how)
    assert code == -signal.SIGKILL if how == "SIGKILL" else code != 0
    if output:
        assert not Path(output).exists() and Path(f"{output}.parts").is_dir()
    table = en.features.extract(frame, output=output or None, cache=cache or False, n_jobs=1, progress=False)
    assert 0 < len(computed.sources) <= 44  # at least the first batch of 16 was kept
    assert table.ok.all()
    assert table.X.tobytes() == en.features.extract(frame, cache=False, progress=False).X.tobytes()
    if output:
        assert [p.name for p in Path(output).parent.iterdir()] == ["t.parquet"]
        assert en.features.read_table(output).X.tobytes() == table.X.tobytes()


def test_a_clip_that_changed_after_the_kill_is_computed_again(make_manifest: MakeManifest, tmp_path: Path) -> None:
    frame = make_manifest(60)
    run_until_killed(frame, tmp_path, str(tmp_path / "t.parquet"), "")
    write_clip(Path(frame["filepath"].iloc[0]), 999)
    table = en.features.extract(frame, output=tmp_path / "t.parquet", cache=False, progress=False)
    assert table.X.tobytes() == en.features.extract(frame, cache=False, progress=False).X.tobytes()


@pytest.mark.parametrize("damage", ["part", "journal", "torn", "stray", "crafted"])
def test_damaged_parts_are_computed_again(make_manifest: MakeManifest, tmp_path: Path, computed: Counter, damage: str) -> None:
    frame = make_manifest(60)
    run_until_killed(frame, tmp_path, str(tmp_path / "t.parquet"), "")
    parts = tmp_path / "t.parquet.parts"
    first, journal = parts / "part-000000.parquet", parts / "journal.jsonl"
    if damage == "part":
        first.write_bytes(first.read_bytes()[:-7])
    elif damage == "journal":
        journal.write_bytes(b"\xff\xfe")
    elif damage == "torn":
        journal.write_text(journal.read_text().strip()[:-5])
    elif damage == "stray":
        (parts / ".part-000009.parquet.1.1.tmp").write_bytes(b"half")
        (parts / "part-000009.parquet").write_bytes(b"PAR1")
    else:
        journal.write_text('{"part": "../../m.csv", "sha256": "0"}\n[]\n{}\n' + journal.read_text())
    table = en.features.extract(frame, output=tmp_path / "t.parquet", cache=False, progress=False)
    assert len(computed.sources) == (60 if damage in ("part", "journal", "torn") else len(computed.sources)) and table.ok.all()
    assert len(computed.sources) <= 60
    assert not parts.exists() and en.features.read_table(tmp_path / "t.parquet").X.tobytes() == table.X.tobytes()


def test_a_kill_while_the_output_is_written_leaves_nothing_once_done(make_manifest: MakeManifest, tmp_path: Path) -> None:
    make_manifest(2).to_csv(tmp_path / "m.csv", index=False)
    code = """
import os, signal, sys
import pandas as pd, emotion_native as en
from emotion_native.features import _parquet
def kill(table, file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
_parquet.write_parquet = kill
en.features.extract(pd.read_csv(sys.argv[1]), output=sys.argv[2], progress=False)
"""
    folder = tmp_path / "out"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.csv"), str(folder / "t.parquet")], timeout=120).returncode == -signal.SIGKILL
    assert [p.name for p in folder.iterdir()] == ["t.parquet.parts"]
    assert en.features.extract(tmp_path / "m.csv", output=folder / "t.parquet", progress=False).ok.all()
    assert [p.name for p in folder.iterdir()] == ["t.parquet"]


def test_two_processes_do_not_write_one_output(make_manifest: MakeManifest, tmp_path: Path) -> None:
    held = _journal.Journal(tmp_path / "t.parquet")
    try:
        with pytest.raises(InvalidInputError, match=r"output of extract must not be in use.*wait"):
            en.features.extract(make_manifest(2), output=tmp_path / "t.parquet", progress=False)
    finally:
        held.close()
    assert en.features.extract(make_manifest(2), output=tmp_path / "t.parquet", progress=False).ok.all()


def test_output_in_a_place_that_cannot_be_written_fails_before_the_work(make_manifest: MakeManifest, tmp_path: Path, computed: Counter) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="can be written"):
        en.features.extract(make_manifest(2), output=tmp_path / "file" / "t.parquet", progress=False)
    assert computed.sources == []


def test_full_disk_while_writing_parts_and_output(make_manifest: MakeManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    frame = make_manifest(2)
    target = tmp_path / "t.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(_journal, "write_whole", full)
        with pytest.warns(EmotionNativeWarning, match="cannot be resumed"):
            assert en.features.extract(frame, output=target, cache=False, progress=False).ok.all()
    before = target.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("emotion_native.features._table.write_whole", full)
        with pytest.raises(OSError, match="No space left"):
            en.features.extract(frame, output=target, cache=False, progress=False)
    assert target.read_bytes() == before and target.with_name("t.parquet.parts").is_dir()


def test_failed_writes_leave_no_temporary_file(tmp_path: Path) -> None:
    from emotion_native._files import write_whole

    def half(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "x", half)
    assert list(tmp_path.iterdir()) == []
