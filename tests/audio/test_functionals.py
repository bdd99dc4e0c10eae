"""The feature vector: one clip and batches, threads, cancellation, bad input."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native import _core, audio
from emotion_native.exceptions import InvalidInputError, MediaDecodeError

NAN = float("nan")


def batch(paths: list[str], *, n_jobs: int = 2, starts: list[float] | None = None, ends: list[float] | None = None, progress: Any = None) -> Any:
    first = np.full(len(paths), NAN) if starts is None else np.array(starts)
    last = np.full(len(paths), NAN) if ends is None else np.array(ends)
    return _core.extract_functionals_batch(paths, first, last, "classic", 16000, n_jobs, progress)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty short clips of noise and tones of different rates and formats, and some bad ones."""
    path = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(1)
    for i in range(20):
        rate = (8000, 16000, 22050, 44100)[i % 4]
        x = 0.1 * rng.standard_normal(int(rate * (0.4 + 0.05 * i))) + 0.2 * np.sin(np.arange(int(rate * (0.4 + 0.05 * i))) * 0.05 * (i + 1))
        soundfile.write(path / f"{i:02d}.{('wav', 'flac', 'ogg')[i % 3]}", x, rate)
    soundfile.write(path / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(path / "short.wav", 0.1 * rng.standard_normal(2047), 16000)
    soundfile.write(path / "nan.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    (path / "text.wav").write_text("no sound " * 20)
    return path


def test_names() -> None:
    names = audio.feature_names("classic")
    assert len(names) == len(set(names)) == 1116
    assert names[:4] == ["mfcc_01_mean", "mfcc_01_std", "mfcc_01_min", "mfcc_01_max"]
    assert names[1088:1096:4] == ["rms_mean", "tonnetz_1_mean"] and names[-1] == "tonnetz_6_max"
    assert {name.rsplit("_", 1)[1] for name in names} == {"mean", "std", "min", "max"}
    assert _core.AUDIO_ALGORITHM_VERSION == 6


def test_the_vector_does_not_depend_on_the_way(folder: Path, voice: np.ndarray) -> None:
    soundfile.write(folder / "voice.wav", voice, 16000, subtype="FLOAT")
    vector, info = _core.extract_functionals(str(folder / "voice.wav"), "classic", 16000)
    assert np.array_equal(vector, audio.functionals(voice, 16000))
    assert np.array_equal(vector, _core.extract_functionals((folder / "voice.wav").read_bytes(), "classic", 16000)[0])
    assert np.array_equal(vector, audio.functionals(voice.astype(np.float64), 16000))
    assert np.array_equal(vector, audio.functionals(np.repeat(voice, 2)[::2], 16000))  # not contiguous
    assert (info["duration_s"], info["sample_rate_hz"], info["channels"], info["frames"]) == (2.0, 16000, 1, 32000)
    assert info["warnings"] == []


def test_a_part_equals_the_clip_cut_out(folder: Path, voice: np.ndarray) -> None:
    soundfile.write(folder / "voice.wav", voice, 16000, subtype="FLOAT")
    part, info = _core.extract_functionals(str(folder / "voice.wav"), "classic", 16000, 0.5, 1.25)
    assert np.array_equal(part, audio.functionals(voice[8000:20000], 16000))
    assert info["duration_s"] == 0.75


def test_a_batch_is_equal_for_any_number_of_threads(folder: Path) -> None:
    good = sorted(str(p) for p in folder.iterdir() if p.stem.isdigit())
    bad = [str(folder / name) for name in ("silent.wav", "short.wav", "nan.wav", "text.wav", "")]
    paths = [*good[:5], str(folder / "missing.wav"), *good[5:], *bad]
    done: list[int] = []
    results = [batch(paths, n_jobs=n_jobs, progress=done.append) for n_jobs in (1, 2, 7)]
    assert done[-1] == len(paths)
    X, status, messages, infos = results[0]
    assert X.shape == (len(paths), 1116) and X.dtype == np.float32 and X.flags.c_contiguous
    for other in results[1:]:
        assert np.array_equal(X, other[0], equal_nan=True)
        assert (status, messages) == (other[1], other[2])
    assert status[5] == "not_found"
    assert status[-5:] == ["silent", "too_short", "non_finite", "unsupported_format", "unsupported_format"]
    for i, path in enumerate(paths):
        if status[i] == "ok":
            assert np.array_equal(X[i], _core.extract_functionals(path, "classic", 16000)[0])
            assert messages[i] == "" and infos[i]["duration_s"] > 0
        else:
            assert np.isnan(X[i]).all() and path in messages[i]
            with pytest.raises(MediaDecodeError) as caught:
                _core.extract_functionals(path, "classic", 16000)
            assert caught.value.reason == status[i]
    upsampled = [info["warnings"] for i, info in enumerate(infos) if status[i] == "ok" and info["sample_rate_hz"] == 8000]
    assert all(any(w.startswith("upsampled") for w in ws) for ws in upsampled)


def test_a_part_beyond_the_end_fails_its_row_only(folder: Path) -> None:
    path = str(folder / "01.flac")
    _, status, messages, _ = batch([path] * 3, starts=[NAN, 99.0, 0.1], ends=[NAN, NAN, 0.11])
    assert status == ["ok", "too_short", "too_short"]
    assert messages[1].endswith("ends before the part that was asked for")


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (-1.0, NAN, r"start of extract_batch must be a number of seconds >= 0; got -1\.0+ for '.*01\.flac'"),
        (np.inf, NAN, r"start of extract_batch must be a number of seconds >= 0; got inf for '.*01\.flac'"),
        (0.3, 0.1, r"end of extract_batch must be greater than start \(0\.30*\); got 0\.10* for '.*01\.flac'"),
    ],
)
def test_times_that_are_none_are_refused_before_any_work(folder: Path, start: float, end: float, message: str) -> None:
    paths = [str(folder / "00.wav"), str(folder / "01.flac")]
    done: list[int] = []
    with pytest.raises(InvalidInputError, match=message):
        batch(paths, starts=[NAN, start], ends=[NAN, end], progress=done.append)
    assert not any(done)


def test_empty_batch() -> None:
    X, status, _, _ = batch([])
    assert X.shape == (0, 1116) and status == []


@given(
    n=st.integers(1, 6000),
    level=st.sampled_from([1e-30, 1e-5, 0.3, 1e8]),
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([100, 8000, 16000, 44100]),
)
@settings(max_examples=60, deadline=None)
def test_any_finite_clip_gives_finite_ordered_statistics(n: int, level: float, seed: int, rate: int) -> None:
    y = (level * np.random.default_rng(seed).uniform(-1, 1, n)).astype(np.float32)
    vector = audio.functionals(y, rate).reshape(-1, 4)
    assert np.isfinite(vector).all()
    mean, std, low, high = vector.T
    slack = 1e-5 * (1 + np.abs(vector).max(axis=1))
    assert (low <= mean + slack).all() and (mean <= high + slack).all() and (std >= 0).all() and (std <= high - low + slack).all()


def test_gain_shifts_the_levels_only(voice: np.ndarray) -> None:
    names = audio.feature_names()
    a, b = audio.functionals(voice, 16000), audio.functionals(4 * voice, 16000)
    for name in ("spectral_centroid_mean", "spectral_rolloff_mean", "zero_crossing_rate_mean", "chroma_05_mean", "tonnetz_4_mean"):
        assert a[names.index(name)] == b[names.index(name)]  # a power of two changes no rounding
    assert b[names.index("rms_mean")] == 4 * a[names.index("rms_mean")]
    assert b[names.index("log_mel_064_max")] - a[names.index("log_mel_064_max")] == pytest.approx(20 * np.log10(4), abs=1e-4)


def test_threads_do_not_disturb_each_other(voice: np.ndarray) -> None:
    expected = [audio.functionals(voice[: 20000 + 100 * i], 16000) for i in range(8)]
    failures: list[int] = []

    def work() -> None:
        for i in range(8):
            if not np.array_equal(audio.functionals(voice[: 20000 + 100 * i], 16000), expected[i]):
                failures.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_lock_is_released_while_a_batch_runs(folder: Path) -> None:
    paths = sorted(str(p) for p in folder.iterdir() if p.stem.isdigit()) * 20
    ticks = 0
    worker = threading.Thread(target=batch, args=(paths,), kwargs={"n_jobs": 1})
    worker.start()
    while worker.is_alive():
        ticks += 1
    assert ticks > 100


def test_interrupt_stops_a_batch_soon(folder: Path) -> None:
    paths = sorted(str(p) for p in folder.iterdir() if p.stem.isdigit()) * 2000
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        batch(paths)
    assert time.perf_counter() - start < 3.0


def test_an_error_of_progress_stops_the_batch(folder: Path) -> None:
    def progress(_: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        batch(sorted(str(p) for p in folder.iterdir() if p.stem.isdigit()) * 50, progress=progress)


GOOD = np.linspace(-0.5, 0.5, 5000, dtype=np.float32)
POISONED = np.where(np.arange(5000) == 77, np.nan, GOOD).astype(np.float32)
SAMPLE_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "stft": lambda y: audio.stft(y),
    "resample": lambda y: audio.resample(y, orig_sr=16000, target_sr=8000),
    "melspectrogram": lambda y: audio.melspectrogram(y=y),
    "mfcc": lambda y: audio.mfcc(y=y),
    "chroma_stft": lambda y: audio.chroma_stft(y=y),
    "tonnetz": lambda y: audio.tonnetz(y=y),
    "estimate_tuning": lambda y: audio.estimate_tuning(y=y),
    "spectral_centroid": lambda y: audio.spectral_centroid(y=y),
    "spectral_bandwidth": lambda y: audio.spectral_bandwidth(y=y),
    "spectral_rolloff": lambda y: audio.spectral_rolloff(y=y),
    "spectral_flatness": lambda y: audio.spectral_flatness(y=y),
    "spectral_contrast": lambda y: audio.spectral_contrast(y=y),
    "zero_crossing_rate": lambda y: audio.zero_crossing_rate(y),
    "rms": lambda y: audio.rms(y=y),
    "functionals": lambda y: audio.functionals(y, 16000),
}


@pytest.mark.parametrize("name", SAMPLE_FUNCTIONS)
@pytest.mark.filterwarnings("ignore:.* found no spectral peak")  # of a ramp
def test_bad_samples_are_named(name: str) -> None:
    function = SAMPLE_FUNCTIONS[name]
    function(GOOD)
    integers, infinite = (GOOD * 1000).astype(np.int16), np.full(5000, np.inf)
    for bad in (integers, [0.0, 1.0], np.array([]), np.array(0.5), POISONED, infinite, GOOD.astype(complex), "text"):
        with pytest.raises(InvalidInputError, match=r"(y|samples|S) of \w+ must be .*; got "):
            function(bad)
    if name == "functionals":
        with pytest.raises(InvalidInputError, match="1-d"):
            function(GOOD.reshape(2, -1))


@pytest.mark.filterwarnings("ignore:.* found no spectral peak")  # of a ramp
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: audio.stft(GOOD, n_fft=0), "n_fft of stft"),
        (lambda: audio.stft(GOOD, n_fft=2**21), "n_fft of stft"),
        (lambda: audio.stft(GOOD, hop_length=0), "hop_length of stft"),
        (lambda: audio.stft(GOOD, win_length=4096), "win_length of stft"),
        (lambda: audio.stft(GOOD, window="kaiser"), "window of stft"),
        (lambda: audio.stft(GOOD, window="glass"), "window of stft"),
        (lambda: audio.stft(GOOD, window=np.ones(3)), "window of stft"),
        (lambda: audio.stft(GOOD, pad_mode="wrap"), "pad_mode of stft"),
        (lambda: audio.stft(GOOD, dtype=np.float32), "dtype of stft"),
        (lambda: audio.stft(GOOD, n_fft=8192, center=False), "y of stft"),
        (lambda: audio.melspectrogram(y=GOOD, n_mels=0), "n_mels of melspectrogram"),
        (lambda: audio.melspectrogram(y=GOOD, fmin=9000, fmax=8000), "fmin and fmax of melspectrogram"),
        (lambda: audio.melspectrogram(y=GOOD, norm=-1), "norm of melspectrogram"),
        (lambda: audio.melspectrogram(), "y of melspectrogram"),
        (lambda: audio.melspectrogram(S=1j * np.ones((5, 5))), "S of melspectrogram"),
        (lambda: audio.melspectrogram(y=GOOD, dtype=np.int16), "dtype of melspectrogram"),
        (lambda: audio.mfcc(y=GOOD, dct_type=5), "dct_type of mfcc"),
        (lambda: audio.mfcc(y=GOOD, lifter=-1), "lifter of mfcc"),
        (lambda: audio.mfcc(y=GOOD, sr=0), "sr of mfcc"),
        (lambda: audio.delta(np.ones((2, 5))), "width of delta"),
        (lambda: audio.delta(np.ones((2, 20)), width=4), "width of delta"),
        (lambda: audio.delta(np.ones((2, 20)), order=0), "order of delta"),
        (lambda: audio.delta(np.ones((2, 20)), mode="zero"), "mode of delta"),
        (lambda: audio.chroma_stft(y=GOOD, norm=-3), "norm of chroma_stft"),
        (lambda: audio.chroma_stft(y=GOOD, n_chroma=0), "n_chroma of chroma_stft"),
        (lambda: audio.tonnetz(chroma=-np.ones((12, 3))), "chroma of tonnetz"),
        (lambda: audio.tonnetz(chroma=np.ones(12)), "chroma of tonnetz"),
        (lambda: _core.tonnetz(np.ones(12, np.float32)), "chroma of tonnetz"),
        (lambda: audio.spectral_contrast(y=GOOD, sr=8000), "fmin and n_bands of spectral_contrast"),
        (lambda: audio.spectral_contrast(y=GOOD, quantile=1.0), "quantile of spectral_contrast"),
        (lambda: audio.spectral_rolloff(y=GOOD, roll_percent=0), "roll_percent of spectral_rolloff"),
        (lambda: audio.spectral_bandwidth(y=GOOD, p=0), "p of spectral_bandwidth"),
        (lambda: audio.spectral_centroid(y=GOOD, freq=np.ones(3)), "freq of spectral_centroid"),
        (lambda: audio.spectral_flatness(y=GOOD, amin=0), "amin of spectral_flatness"),
        (lambda: audio.power_to_db(np.ones(3), amin=0), "amin of power_to_db"),
        (lambda: audio.power_to_db(np.array([np.nan])), "S of power_to_db"),
        (lambda: audio.power_to_db(np.array(["a"])), "S of power_to_db"),
        (lambda: audio.amplitude_to_db(np.ones(3), top_db=-1), "top_db of amplitude_to_db"),
        (lambda: audio.zero_crossing_rate(GOOD, frame_length=0), "frame_length of zero_crossing_rate"),
        (lambda: audio.rms(S=np.ones((5, 5))), "frame_length of rms"),
        (lambda: audio.resample(GOOD, orig_sr=16000.5, target_sr=8000), "orig_sr of resample"),
        (lambda: audio.functionals(GOOD, 50), "sample_rate_hz of functionals"),
        (lambda: audio.functionals(GOOD, 16000, "modern"), "set of functionals"),
        (lambda: audio.functionals(2e9 * GOOD / np.float32(0.5), 16000), "samples of functionals"),
        (lambda: audio.feature_names("modern"), "set of feature_names"),
        (lambda: _core.extract_functionals(5, "classic", 16000), "source of extract_functionals"),
        (lambda: _core.extract_functionals("x.wav", "classic", 50), "sample_rate_hz of extract"),
        (lambda: batch(["x.wav"], starts=[0.0, 1.0]), "starts and ends of extract_batch"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{message} must be .*; got "):
        call()


def test_no_copy_of_exact_input(voice: np.ndarray) -> None:
    from emotion_native.audio import _arrays

    assert np.shares_memory(_arrays.samples(voice, "f"), voice)
    S = np.ones((5, 4), dtype=np.float32)
    assert np.shares_memory(_arrays.spectrum(S, "f"), S)


def test_inputs_are_left_alone(voice: np.ndarray) -> None:
    before = voice.copy()
    audio.functionals(voice, 16000)
    audio.mfcc(y=voice)
    S = np.abs(audio.stft(voice)) ** 2
    kept = S.copy()
    audio.power_to_db(S)
    audio.chroma_stft(S=S)
    audio.spectral_contrast(S=S)
    assert np.array_equal(voice, before) and np.array_equal(S, kept)
