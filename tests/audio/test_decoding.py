"""Decoding and resampling: against libsndfile's own Python binding, hostile files, limits."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotion_native import _core, audio
from emotion_native.exceptions import InvalidInputError, MediaDecodeError


def encoded(samples: np.ndarray, rate: int, **arguments: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **arguments)
    return buffer.getvalue()


def tone(rate: int, seconds: float, channels: int = 1, hz: float = 440.0) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * hz * t + c) for c in range(channels)], axis=1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"format": "WAV", "subtype": "PCM_16"},
        {"format": "WAV", "subtype": "PCM_24"},
        {"format": "WAV", "subtype": "PCM_U8"},
        {"format": "WAV", "subtype": "FLOAT"},
        {"format": "WAV", "subtype": "DOUBLE"},
        {"format": "FLAC", "subtype": "PCM_16"},
        {"format": "OGG", "subtype": "VORBIS"},
        {"format": "MP3"},
        {"format": "AIFF", "subtype": "PCM_16"},
    ],
    ids=lambda a: "-".join(a.values()),
)
@pytest.mark.parametrize("channels", [1, 2])
def test_formats_equal_soundfile(tmp_path: Path, arguments: dict[str, str], channels: int) -> None:
    data = encoded(tone(22050, 0.5, channels), 22050, **arguments)
    expected, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    path = tmp_path / "clip"
    path.write_bytes(data)
    for source in (str(path), path, data, bytearray(data), io.BytesIO(data)):
        y, sr = audio.load(source, sr=None)
        assert sr == rate == 22050
        assert y.dtype == np.float32
        assert np.allclose(y, expected.mean(axis=1), rtol=0, atol=1e-6)  # the mean of two float32
    both, _ = audio.load(data, sr=None, mono=False)
    assert both.flags.c_contiguous
    # Lossy decoders differ in the last bit between versions of their libraries.
    assert np.allclose(both, expected[:, 0] if channels == 1 else expected.T, rtol=0, atol=1e-6 if arguments["format"] in ("OGG", "MP3") else 0)
    info = audio.probe(path)
    assert (info["sample_rate_hz"], info["channels"], info["format"]) == (22050, channels, arguments["format"])


def test_offset_and_duration_equal_librosa() -> None:
    librosa = pytest.importorskip("librosa", reason="librosa is the oracle of this test (pip install emotion-native[dev])")
    for arguments in ({"format": "WAV"}, {"format": "FLAC"}, {"format": "OGG"}):
        data = encoded(tone(16000, 1.0), 16000, **arguments)
        for offset, duration in ((0.25, None), (0.1, 0.5), (0.0, 0.33), (0.9, 5.0)):
            ours, _ = audio.load(data, sr=None, offset=offset, duration=duration)
            theirs, _ = librosa.load(io.BytesIO(data), sr=None, offset=offset, duration=duration)
            # Ogg Vorbis is decoded in float by two builds of libvorbis, whose last bits may differ: 1e-6 is a thirtieth of a step of 16 bits.
            assert ours.shape == theirs.shape and np.abs(ours - theirs).max() <= (1e-6 if arguments["format"] == "OGG" else 0.0)


@pytest.mark.parametrize(("source", "target"), [(48000, 16000), (44100, 16000), (8000, 16000), (16000, 22050)])
def test_resampling_equals_librosa_in_the_pass_band(source: int, target: int) -> None:
    librosa = pytest.importorskip("librosa", reason="librosa is the oracle of this test (pip install emotion-native[dev])")
    rng = np.random.default_rng(0)
    spectrum = np.zeros(source // 2 + 1, dtype=complex)
    edge = int(0.9 * min(source, target) / 2)
    spectrum[20:edge] = rng.standard_normal(edge - 20) + 1j * rng.standard_normal(edge - 20)
    y = np.fft.irfft(spectrum, n=source)
    y = (0.3 * y / np.abs(y).max()).astype(np.float32)
    ours, theirs = audio.resample(y, orig_sr=source, target_sr=target), librosa.resample(y, orig_sr=source, target_sr=target)
    assert ours.shape == theirs.shape
    middle = slice(len(ours) // 10, -len(ours) // 10)
    # soxr's high quality is specified to 0.01 dB and 20 bits.
    assert np.abs(ours - theirs)[middle].max() < 1e-3 * np.abs(theirs).max()


def test_resample_axes_scale_and_identity(rng: np.random.Generator) -> None:
    y = rng.standard_normal((3, 1000)).astype(np.float32)
    up = audio.resample(y, orig_sr=16000, target_sr=24000)
    assert up.shape == (3, 1500)
    assert np.array_equal(up[1], audio.resample(y[1], orig_sr=16000, target_sr=24000))
    assert np.array_equal(audio.resample(y.T, orig_sr=16000, target_sr=24000, axis=0), up.T)
    assert np.allclose(audio.resample(y, orig_sr=16000, target_sr=24000, scale=True), up / np.sqrt(1.5))
    same = audio.resample(y, orig_sr=8000, target_sr=8000)
    assert np.array_equal(same, y) and not np.shares_memory(same, y)


def reason(source: object, **arguments: object) -> str:
    with pytest.raises(MediaDecodeError) as caught:
        audio.load(source, **arguments)  # type: ignore[arg-type]  # bad sources on purpose
    assert str(caught.value)
    return caught.value.reason


def test_every_failure_has_its_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not a sound file " * 10)
    os.mkfifo(tmp_path / "pipe.wav")
    good = encoded(tone(8000, 0.5), 8000, format="WAV")
    assert reason(tmp_path / "missing.wav") == "not_found"
    assert reason("with\0nul") == "not_found"
    assert reason(tmp_path) == "unsupported_format"
    assert reason(tmp_path / "pipe.wav") == "unsupported_format"
    assert reason(tmp_path / "empty.wav") == "corrupt"
    assert reason(tmp_path / "text.wav") == "unsupported_format"
    assert reason(b"") == "corrupt"
    assert reason(good[:20]) == "corrupt"
    assert reason(good, offset=1.0) == "too_short"
    assert reason(encoded(np.array([0.0, np.nan, 1.0]), 8000, format="WAV", subtype="FLOAT")) == "non_finite"
    flac = encoded(tone(8000, 2.0), 8000, format="FLAC")
    assert reason(flac[: len(flac) // 2]) == "corrupt"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.wav"
    path.write_bytes(encoded(tone(8000, 0.1), 8000, format="WAV"))
    path.chmod(0)
    assert reason(path) == "no_permission"


def test_a_header_that_promises_gigabytes_costs_nothing() -> None:
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", 0xFFFFFFF0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    y, _ = audio.load(header + b"\x00\x10" * 1000, sr=None)
    assert len(y) == 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_a_small_file_that_expands_beyond_the_limit_is_refused() -> None:
    data = encoded(np.zeros(3601 * 1000, dtype=np.int16), 1000, format="FLAC", subtype="PCM_16")
    assert len(data) < 100_000
    assert reason(data) == "too_long"
    assert len(audio.load(data, sr=None, duration=3600)[0]) == 3_600_000


@pytest.mark.parametrize(
    "arguments",
    [
        {"sr": 0},
        {"sr": 16000.5},
        {"offset": -1.0},
        {"offset": float("nan")},
        {"duration": 0.0},
        {"duration": "x"},
        {"dtype": np.int16},
        {"res_type": "soxr_hq"},
    ],
)
def test_bad_arguments_of_load(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match=f"{next(iter(arguments))} of load must be"):
        audio.load(encoded(tone(8000, 0.1), 8000, format="WAV"), **arguments)  # type: ignore[arg-type]  # bad on purpose


def test_levels() -> None:
    x = tone(16000, 0.5)[:, 0]
    report = audio.levels(encoded(np.clip(4 * x, -1, 1), 16000, format="WAV"))
    assert report["duration_s"] == 0.5
    assert report["peak"] == pytest.approx(1.0, abs=1e-4)
    assert report["clipped_ratio"] == pytest.approx(np.mean(np.abs(4 * x) >= 0.999), abs=1e-3)
    assert report["rms_dbfs"] == pytest.approx(20 * np.log10(np.sqrt(np.mean(np.clip(4 * x, -1, 1) ** 2))), abs=1e-3)
    assert not report["silent"] and not report["non_finite"]
    assert audio.levels(encoded(np.zeros(100), 16000, format="WAV"))["silent"]
    assert audio.levels(encoded(np.array([np.inf, 0.0]), 16000, format="WAV", subtype="FLOAT"))["non_finite"]


@pytest.mark.parametrize("values", [[1e10], [3e38, 3e38], [2e9, -2e9], [3e38, 3e38, 0.1], [0.1, np.nan]])
@pytest.mark.parametrize("arguments", [{"sr": None}, {"sr": 16_000}, {"sr": None, "mono": False}])
def test_absurd_values_are_not_finite_samples(values: list[float], arguments: dict[str, object]) -> None:
    frames = np.tile(np.array(values, dtype=np.float32), (3000, 1))
    data = encoded(frames, 8000, format="WAV", subtype="FLOAT")
    assert reason(data, **arguments) == "non_finite"
    assert audio.levels(data)["non_finite"] and np.isnan(audio.levels(data)["peak"])
    with pytest.raises(MediaDecodeError, match="beyond 1e9") as caught:
        _core.extract_functionals(data, "classic", 16_000)
    assert caught.value.reason == "non_finite"


def test_what_is_no_absurd_value_is_read() -> None:
    y, _ = audio.load(encoded(np.full((100, 2), 1e9, dtype=np.float32), 8000, format="WAV", subtype="FLOAT"), sr=None)
    assert np.array_equal(y, np.full(100, 1e9, dtype=np.float32))


def test_mutated_files_never_crash(rng: np.random.Generator) -> None:
    for arguments in ({"format": "WAV"}, {"format": "FLAC"}, {"format": "OGG"}):
        original = np.frombuffer(encoded(tone(8000, 0.2), 8000, **arguments), dtype=np.uint8)
        for _ in range(150):
            changed = original.copy()
            at = rng.integers(0, min(len(changed), 300), size=4)
            changed[at] ^= rng.integers(1, 256, size=4).astype(np.uint8)
            try:
                vector, info = _core.extract_functionals(changed.tobytes(), "classic", 16000, None, 1.0)
            except MediaDecodeError as error:
                assert error.reason in {"corrupt", "unsupported_format", "too_short", "too_long", "silent", "non_finite"}
            else:
                assert np.isfinite(vector).all() and info["frames"] > 0


def test_audio_needs_numpy_and_the_core_only() -> None:
    code = (
        "import sys, emotion_native.audio; "
        "bad = {'scipy', 'sklearn', 'pandas', 'librosa', 'soundfile', 'matplotlib'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    name = str(tmp_path / "cl\udcffip.wav")
    with pytest.raises(MediaDecodeError, match=r"cl\\xffip.wav' does not exist"):
        audio.load(name)
    Path(name).write_bytes(b"no sound")
    for function in (audio.load, audio.probe, audio.levels):
        with pytest.raises(MediaDecodeError, match=r"cl\\xffip.wav' is not a supported sound file"):
            function(name)
    whole = np.full(2, np.nan)
    _, status, messages, _ = _core.extract_functionals_batch([name, name], whole, whole, "classic", 16000, 1)
    assert status == ["unsupported_format"] * 2 and "cl\\xffip.wav" in messages[0]
