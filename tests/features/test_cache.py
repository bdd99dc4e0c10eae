"""The cache: never a stale row, damage is found, failures only cost time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import emotion_native as en
from emotion_native import _core
from emotion_native.datasets._content import Signature, read_content
from emotion_native.exceptions import EmotionNativeWarning
from emotion_native.features import _cache

from .conftest import Counter, MakeManifest, write_clip

REST_S = 10.0


def entries(folder: Path, part: str = "features") -> list[Path]:
    return sorted(path for path in (folder / part).rglob("*") if path.is_file())


def age(*paths: str) -> None:
    """Set the modification time back, as of files that have rested."""
    for path in paths:
        os.utime(path, (time.time() - REST_S, time.time() - REST_S))


def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the files as rested although their ctime, which nobody can set, is fresh."""
    monkeypatch.setattr("emotion_native.datasets._content.RACY_NS", -1_000_000_000_000)


def test_second_run_computes_nothing_and_gives_the_same_bits(make_manifest: MakeManifest, computed: Counter, own_cache: Path) -> None:
    frame = make_manifest(20)
    first = en.features.extract(frame, progress=False)
    assert len(computed.sources) == 20 and len(entries(own_cache)) == 20
    second = en.features.extract(frame.iloc[::-1], progress=False)
    assert len(computed.sources) == 20
    assert second.X[::-1].tobytes() == first.X.tobytes()
    assert second.info.iloc[::-1].reset_index(drop=True).equals(first.info)


def test_a_moved_file_is_still_known(make_manifest: MakeManifest, computed: Counter, tmp_path: Path) -> None:
    frame = make_manifest(1)
    en.features.extract(frame, progress=False)
    os.rename(frame["filepath"].iloc[0], tmp_path / "moved.wav")
    en.features.extract(frame.assign(filepath=[str(tmp_path / "moved.wav")]), progress=False)
    assert len(computed.sources) == 1


def test_changed_bytes_with_equal_size_and_time_are_never_stale(make_manifest: MakeManifest) -> None:
    """The row that a cache keyed by size and modification time would get wrong, ten times over."""
    frame = make_manifest(1)
    path = Path(frame["filepath"].iloc[0])
    times = (time.time_ns() - 10**10,) * 2
    for seed in range(10):
        write_clip(path, 100 + seed)
        os.utime(path, ns=times)
        got = en.features.extract(frame, progress=False).X[0]
        assert got.tobytes() == np.asarray(_core.extract_functionals(str(path), "classic", 16_000, None, None)[0]).tobytes()


def test_a_file_that_rested_is_not_hashed_again_until_it_changes(make_manifest: MakeManifest, monkeypatch: pytest.MonkeyPatch) -> None:
    resting(monkeypatch)
    frame = make_manifest(3)
    en.features.extract(frame, progress=False)
    hashed: list[str] = []

    def counted(path: str) -> object:
        hashed.append(path)
        return read_content(path)

    monkeypatch.setattr(_cache, "read_content", counted)
    en.features.extract(frame, progress=False)
    assert hashed == []
    path = frame["filepath"].iloc[1]
    before = os.stat(path)
    write_clip(Path(path), 77)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # size and mtime as before: ctime tells
    table = en.features.extract(frame, progress=False)
    assert hashed == [path]
    assert table.X[1].tobytes() == np.asarray(_core.extract_functionals(path, "classic", 16_000, None, None)[0]).tobytes()


def test_racy_signatures_prove_nothing() -> None:
    now = 10**18
    assert Signature(1, now, 0, 0).racy(now) and Signature(1, 0, now - 10**9, 0).racy(now) and Signature(1, now + 10**12, 0, 0).racy(now)
    assert not Signature(1, now - 3 * 10**9, now - 3 * 10**9, 0).racy(now)


def test_fresh_files_leave_no_hash_behind(make_manifest: MakeManifest, own_cache: Path) -> None:
    en.features.extract(make_manifest(2), progress=False)
    assert entries(own_cache, "hashes") == []


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:-1], lambda data: data[:40], lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    lambda data: bytes(len(data)), lambda data: b"x" + data[1:], lambda data: data + b"x",
])
def test_damaged_entries_are_computed_again_and_repaired(make_manifest: MakeManifest, computed: Counter, own_cache: Path, damage: object) -> None:
    assert callable(damage)
    frame = make_manifest(2)
    first = en.features.extract(frame, progress=False)
    for path in entries(own_cache):
        path.write_bytes(damage(path.read_bytes()))
    assert en.features.extract(frame, progress=False).X.tobytes() == first.X.tobytes() and len(computed.sources) == 4
    assert en.features.extract(frame, progress=False).X.tobytes() == first.X.tobytes() and len(computed.sources) == 4


def test_entries_under_a_wrong_name_are_refused(make_manifest: MakeManifest, own_cache: Path, computed: Counter) -> None:
    frame = make_manifest(2)
    first = en.features.extract(frame, progress=False)
    a, b = entries(own_cache)
    data_a, data_b = a.read_bytes(), b.read_bytes()
    a.write_bytes(data_b)
    b.write_bytes(data_a)
    assert en.features.extract(frame, progress=False).X.tobytes() == first.X.tobytes() and len(computed.sources) == 4


def test_damaged_hash_index_is_ignored(make_manifest: MakeManifest, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resting(monkeypatch)
    frame = make_manifest(2)
    first = en.features.extract(frame, progress=False)
    (index,) = entries(own_cache, "hashes")
    for data in (b"", b"\xff\n[", index.read_bytes()[:-5], index.read_bytes().replace(b'"000.wav"', b'"001.wav"')):
        index.write_bytes(data)
        assert en.features.extract(frame, progress=False).X.tobytes() == first.X.tobytes()


def test_a_new_algorithm_version_is_a_miss(make_manifest: MakeManifest, computed: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = make_manifest(1)
    en.features.extract(frame, progress=False)
    monkeypatch.setattr(_core, "AUDIO_ALGORITHM_VERSION", _core.AUDIO_ALGORITHM_VERSION + 1)
    en.features.extract(frame, progress=False)
    assert len(computed.sources) == 2


def test_no_cache_writes_nothing(make_manifest: MakeManifest, computed: Counter, own_cache: Path) -> None:
    frame = make_manifest(2)
    for _ in range(2):
        en.features.extract(frame, cache=False, progress=False)
    assert len(computed.sources) == 4 and list(own_cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_warning(make_manifest: MakeManifest, tmp_path: Path) -> None:
    frame = make_manifest(2)
    (tmp_path / "file").touch()
    with pytest.warns(EmotionNativeWarning, match="cannot be written.*EMOTION_NATIVE_CACHE"):
        table = en.features.extract(frame, cache=tmp_path / "file" / "below", progress=False)
    assert table.ok.all()


def test_full_disk_is_one_warning(make_manifest: MakeManifest, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_cache, "write_whole", full)
    with pytest.warns(EmotionNativeWarning, match="No space left") as caught:
        table = en.features.extract(make_manifest(20), progress=False)
    assert table.ok.all() and len(caught) == 1


def test_a_file_that_changes_while_it_is_decoded_is_done_again(make_manifest: MakeManifest, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    frame = make_manifest(2)
    path = Path(frame["filepath"].iloc[0])
    inner = _core.extract_functionals_batch
    seeds = iter([500, 501])

    def meddle(*arguments: object) -> object:
        result = inner(*arguments)
        seed = next(seeds, None)
        if seed is not None:
            write_clip(path, seed)
        return result

    monkeypatch.setattr(_core, "extract_functionals_batch", meddle)
    table = en.features.extract(frame, progress=False)
    truth = np.asarray(_core.extract_functionals(str(path), "classic", 16_000, None, None)[0])
    assert table.ok.all() and table.X[0].tobytes() == truth.tobytes() and len(entries(own_cache)) == 2
    assert table.content_keys[0] == read_content(str(path)).sha256
    seeds = iter(range(600, 700))
    with pytest.warns(EmotionNativeWarning, match="1 of 2 rows failed"):
        table = en.features.extract(frame.assign(filepath=[str(write_clip(path, 599)), frame["filepath"].iloc[1]]), progress=False)
    assert table.status.tolist() == ["corrupt", "ok"] and "changed while it was read" in table.messages[0]


PROCESS = """
import sys, pandas as pd, emotion_native as en
table = en.features.extract(pd.read_csv(sys.argv[1]), progress=False)
import hashlib; print(hashlib.sha256(table.X.tobytes()).hexdigest(), int(table.ok.sum()))
"""


def test_processes_share_a_cache(make_manifest: MakeManifest, tmp_path: Path) -> None:
    frame = make_manifest(60)
    frame.to_csv(tmp_path / "m.csv", index=False)
    running = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path / "m.csv")], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {process.communicate(timeout=120)[0].strip() for process in running}
    assert len(told) == 1 and told.pop().endswith(" 60")
    assert en.features.extract(frame, progress=False).ok.all()


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert en.features.cache_folder() == Path(os.environ["EMOTION_NATIVE_CACHE"])
    monkeypatch.delenv("EMOTION_NATIVE_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert en.features.cache_folder() == tmp_path / "emotion-native"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the standard says: ignore
    monkeypatch.setenv("HOME", str(tmp_path))
    assert en.features.cache_folder() == tmp_path / ".cache" / "emotion-native"


def test_clear_cache_deletes_its_own_files_only(make_manifest: MakeManifest, own_cache: Path) -> None:
    en.features.extract(make_manifest(3), progress=False)
    (own_cache / "mine.txt").touch()
    assert en.features.clear_cache() == 3
    assert [p.name for p in own_cache.iterdir()] == ["mine.txt"]
