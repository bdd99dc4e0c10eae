"""Extraction: order, failed rows, settings, progress, equality over threads."""

from __future__ import annotations

import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError

from .conftest import Counter, MakeManifest, write_clip


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def test_rows_stay_in_order_and_equal_the_single_extraction(make_manifest: MakeManifest) -> None:
    frame = make_manifest(40).sample(frac=1, random_state=1)
    table = en.features.extract(frame, cache=False, progress=False)
    assert table.names == _core.feature_names("classic") == table.schema["name"].tolist()
    assert table.X.dtype == np.float32 and table.X.flags.c_contiguous and table.ok.all() and np.isfinite(table.X).all()
    assert table.rows["filepath"].tolist() == frame["filepath"].tolist()
    for row in (0, 17, 39):
        one, info = _core.extract_functionals(frame["filepath"].iloc[row], "classic", 16_000, None, None)
        assert same(table.X[row], np.asarray(one))
        assert table.info["duration_s"].iloc[row] == info["duration_s"]
    assert len(set(table.content_keys)) == 40


def test_units_are_those_of_the_documentation(make_manifest: MakeManifest) -> None:
    """The columns of "classic" by family, with the units of docs/reference/audio.md."""
    schema = en.features.extract(make_manifest(1), cache=False, progress=False).schema
    family = schema["name"].str.replace(r"(_\d+)?_(mean|std|min|max)$", "", regex=True)
    assert {name: set(units) for name, units in schema["unit"].groupby(family)} == {
        "mfcc": {"dB"}, "mfcc_delta": {"dB/frame"}, "mfcc_delta2": {"dB/frame2"}, "log_mel": {"dB"}, "chroma": {"1"}, "spectral_contrast": {"dB"},
        "spectral_centroid": {"Hz"}, "spectral_bandwidth": {"Hz"}, "spectral_rolloff": {"Hz"}, "spectral_flatness": {"1"},
        "zero_crossing_rate": {"1"}, "rms": {"1"}, "tonnetz": {"1"},
    }  # fmt: skip


def test_threads_and_the_cache_do_not_change_a_bit(make_manifest: MakeManifest, tmp_path: Path) -> None:
    frame = make_manifest(50)
    plain = en.features.extract(frame, cache=False, n_jobs=1, progress=False)
    for jobs in (2, 7):
        assert same(en.features.extract(frame, cache=False, n_jobs=jobs, progress=False).X, plain.X)
    for _ in range(2):  # filling and reading
        assert same(en.features.extract(frame, cache=tmp_path / "c", progress=False).X, plain.X)
    through_file = en.features.extract(frame, output=tmp_path / "t.parquet", progress=False)
    assert same(through_file.X, plain.X) and same(en.features.read_table(tmp_path / "t.parquet").X, plain.X)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "clips", "t.parquet"]


def test_failed_rows_have_a_reason_and_the_rest_goes_on(make_manifest: MakeManifest, tmp_path: Path) -> None:
    frame = make_manifest(3)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound at all, but long enough to be looked at by a decoder")
    (tmp_path / "folder.wav").mkdir()
    whole = Path(frame["filepath"].iloc[0]).read_bytes()
    (tmp_path / "header.wav").write_bytes(whole[:20])
    with wave.open(str(tmp_path / "silent.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    write_clip(tmp_path / "short.wav", 1, seconds=0.01)
    names = ["empty.wav", "text.wav", "folder.wav", "header.wav", "silent.wav", "short.wav", "absent.wav"]
    bad = pd.DataFrame({"filepath": [str(tmp_path / n) for n in names], "label": "sad", "modality": "audio_only", "speaker": "1"})
    for cache in (False, None, None):
        text = r"^7 of 10 rows failed \(.*1 not_found, 1 silent, 1 too_short.*table\.select\(table\.ok\)"
        with pytest.warns(EmotionNativeWarning, match=text) as caught:
            table = en.features.extract(pd.concat([frame.head(2), bad, frame.tail(1)]), cache=cache, progress=False)
        assert len(caught) == 1 and caught[0].filename == __file__
        assert table.ok.tolist() == [True, True, *[False] * 7, True]
        status = dict(zip(names, table.status[2:9], strict=True))
        assert status["silent.wav"] == "silent" and status["short.wav"] == "too_short" and status["absent.wav"] == "not_found"
        assert status["folder.wav"] == "unsupported_format"
        assert {status[n] for n in ("empty.wav", "text.wav", "header.wav")} <= {"corrupt", "unsupported_format", "no_audio_track", "too_short"}
        assert np.isnan(table.X[2:9]).all() and all(table.messages[2:9]) and not any(table.messages[:2])
        assert len(set(table.content_keys)) == len(table)  # failed rows never join each other, not even two empty files


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may read every file")
def test_files_without_permission(make_manifest: MakeManifest) -> None:
    frame = make_manifest(2)
    os.chmod(frame["filepath"].iloc[0], 0)
    with pytest.warns(EmotionNativeWarning, match="1 no_permission"):
        assert en.features.extract(frame, progress=False).status.tolist() == ["no_permission", "ok"]


def test_permission_errors_become_a_reason(make_manifest: MakeManifest, monkeypatch: pytest.MonkeyPatch) -> None:
    from emotion_native.datasets import _content

    frame = make_manifest(2)
    denied = frame["filepath"].iloc[0]
    inner = _content.signature

    def refuse(path: str) -> object:
        if path == denied:
            raise PermissionError(13, "Permission denied")
        return inner(path)

    monkeypatch.setattr(_content, "signature", refuse)
    with pytest.warns(EmotionNativeWarning, match="1 of 2 rows failed"):
        table = en.features.extract(frame, cache=False, progress=False)
    assert table.status.tolist() == ["no_permission", "ok"] and "may not be read" in table.messages[0]


def test_odd_names(make_manifest: MakeManifest, tmp_path: Path) -> None:
    source = make_manifest(1)["filepath"].iloc[0]
    names = ["ü 漢字 🙂.wav", " blank .wav", "new\nline.wav", "-dash.wav", "%s'\".wav", "UPPER.WAV", "no_ending"]
    for name in names:
        shutil.copyfile(source, tmp_path / name)
    frame = pd.DataFrame({"filepath": [str(tmp_path / name) for name in names]})
    table = en.features.extract(frame, output=tmp_path / "ü 漢.parquet", progress=False)
    assert table.ok.all() and len(set(table.content_keys)) == 1
    assert en.features.read_table(tmp_path / "ü 漢.parquet").rows["filepath"].tolist() == frame["filepath"].tolist()


def test_segments_differ_and_modalities_without_sound_fail(make_manifest: MakeManifest) -> None:
    path = make_manifest(1)["filepath"].iloc[0]
    frame = pd.DataFrame({
        "filepath": [path, path, path, path, path, ""],
        "start": [np.nan, 0.0, 0.1, 0.0, 0.05, np.nan],
        "end": [np.nan, 0.2, np.nan, 0.3, 9.0, np.nan],
        "modality": ["audio_only"] * 3 + ["video_only", "audio_video", "text"], "text": ["", "", "", "", "", "hello"],
    })
    with pytest.warns(EmotionNativeWarning, match="2 of 6 rows failed"):
        table = en.features.extract(frame, progress=False)
    assert table.status[:4].tolist() == ["ok", "ok", "ok", "no_audio_track"] and table.status[5] == "no_audio_track"
    assert not same(table.X[0], table.X[1]) and not same(table.X[1], table.X[2])
    assert len(set(table.content_keys[:3])) == 1  # segments of one file belong to one group
    with pytest.warns(EmotionNativeWarning, match="2 of 6 rows failed"):
        again = en.features.extract(frame, progress=False)
    assert same(again.X, table.X)
    for row in (1, 2):
        one, _ = _core.extract_functionals(path, "classic", 16_000, *(None if np.isnan(t) else t for t in frame.loc[row, ["start", "end"]]))
        assert same(np.asarray(one), table.X[row])


def test_sampling_rate_is_part_of_the_result_and_of_the_key(make_manifest: MakeManifest, computed: Counter) -> None:
    frame = make_manifest(2)
    low = en.features.extract(frame, sample_rate_hz=8_000, progress=False)
    high = en.features.extract(frame, sample_rate_hz=16_000, progress=False)
    assert len(computed.sources) == 4 and not same(low.X, high.X)
    assert set(low.schema["hash"]).isdisjoint(high.schema["hash"])


def test_equal_clips_are_computed_once(make_manifest: MakeManifest, computed: Counter) -> None:
    frame = make_manifest(3)
    table = en.features.extract(pd.concat([frame, frame.head(1)]), cache=False, progress=False)
    assert len(computed.sources) == 3 and same(table.X[0], table.X[3]) and table.content_keys[0] == table.content_keys[3]


@pytest.mark.parametrize(("change", "arguments", "message"), [
    (lambda f: f.assign(filepath=[np.nan, *f["filepath"][1:]]), {}, r"'filepath' of manifest of extract must name a file.*row 1"),
    (lambda f: f.assign(filepath=["a\0b", *f["filepath"][1:]]), {}, "valid UTF-8 without NUL"),
    (lambda f: pd.DataFrame({"filepath": pd.Series(["\udcff", "a.wav"], dtype=object)}), {}, "valid UTF-8 without NUL"),
    (lambda f: f.rename(columns={"filepath": "path"}), {}, r"rename the column 'path' to 'filepath'"),
    (lambda f: f.head(0), {}, "at least one row"),
    (lambda f: f.assign(start=[2.0, 0.0], end=[1.0, 1.0]), {}, r"greater than start.*row 1"),
    (lambda f: f.assign(modality="radio"), {}, "audio_only"),
    (lambda f: f.assign(status="x"), {}, r"differ from those of the feature table; got 'status'"),
    (lambda f: 3, {}, "DataFrame or the path"),
    (lambda f: f, {"features": []}, "features of extract"),
    (lambda f: f, {"features": ["classical"]}, r"'classic'.*got 'classical'"),
    (lambda f: f, {"features": ["classic", "classic"]}, "different names"),
    (lambda f: f, {"sample_rate_hz": 0}, "sample_rate_hz"),
    (lambda f: f, {"sample_rate_hz": 16e3}, "sample_rate_hz"),
    (lambda f: f, {"n_jobs": 0}, "n_jobs of extract"),
    (lambda f: f, {"progress": 3}, "progress of extract"),
    (lambda f: f, {"cache": 3}, "cache of extract"),
    (lambda f: f, {"output": "x.xlsx"}, "output of extract"),
])
def test_bad_arguments(make_manifest: MakeManifest, change: object, arguments: dict[str, object], message: str) -> None:
    assert callable(change)
    with pytest.raises(InvalidInputError, match=message):
        en.features.extract(change(make_manifest(2)), **{"progress": False, **arguments})


def test_progress_rises_to_the_total(make_manifest: MakeManifest) -> None:
    seen: list[tuple[int, int]] = []
    en.features.extract(make_manifest(40), cache=False, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40) and all(total == 40 for _, total in seen)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_errors_in_progress_stop_the_work(make_manifest: MakeManifest) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        en.features.extract(make_manifest(4), progress=stop)


def test_manifest_files_are_read(make_manifest: MakeManifest, tmp_path: Path) -> None:
    frame = make_manifest(3)
    en.datasets.write_manifest(frame, tmp_path / "manifest.csv")
    table = en.features.extract(tmp_path / "manifest.csv", progress=False)
    assert table.ok.all() and table.rows["emotion"].tolist() == ["happy", "sad", "happy"]
    relative = frame.assign(filepath=[os.path.relpath(p, tmp_path) for p in frame["filepath"]])
    assert same(en.features.extract(relative, root=tmp_path, progress=False).X, table.X)
