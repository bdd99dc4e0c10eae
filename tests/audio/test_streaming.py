"""Streams of features: the bits of the whole-signal functions for any chunks, bounds, refusals, threads, Ctrl-C."""

from __future__ import annotations

import copy
import pickle
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native import audio
from emotion_native.exceptions import InvalidInputError

RATE = 16_000
ALL = (
    "melspectrogram", "log_mel", "mfcc", "chroma_stft", "tonnetz", "spectral_centroid", "spectral_bandwidth", "spectral_rolloff",
    "spectral_flatness", "spectral_contrast", "zero_crossing_rate", "rms",
)  # fmt: skip


def streamed(stream: audio.FeatureStream, samples: np.ndarray, sizes: list[int]) -> audio.StreamedFeatures:
    """Everything that a stream gives for chunks of these sizes, over and over."""
    parts, at, i = [], 0, 0
    while at < len(samples):
        parts.append(stream.push(samples[at : at + sizes[i % len(sizes)]]))
        at, i = at + sizes[i % len(sizes)], i + 1
    assert stream.samples_seen == len(samples)
    parts.append(stream.flush())
    frames, times, windows, window_times = zip(*parts, strict=True)
    return audio.StreamedFeatures(np.concatenate(frames, axis=1), np.concatenate(times), np.concatenate(windows), np.concatenate(window_times))


def same(a: audio.StreamedFeatures, b: audio.StreamedFeatures) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def whole_frames(y: np.ndarray, *, n_fft: int, hop_length: int, center: bool, **mel: Any) -> np.ndarray:
    """The rows of `ALL` by the functions for whole signals."""
    framing: dict[str, Any] = {"n_fft": n_fft, "hop_length": hop_length, "center": center}
    bands = audio.melspectrogram(y=y, sr=RATE, **framing, **mel)
    level = audio.power_to_db(bands, top_db=None)
    shape = {"y": y, "sr": RATE, **framing}
    temporal: dict[str, Any] = {"frame_length": n_fft, "hop_length": hop_length, "center": center}
    return np.concatenate([
        bands,
        level,
        audio.mfcc(S=level, n_mfcc=20),
        audio.chroma_stft(**shape, tuning=0.1),
        audio.tonnetz(**shape, tuning=0.1),
        audio.spectral_centroid(**shape),
        audio.spectral_bandwidth(**shape),
        audio.spectral_rolloff(**shape),
        audio.spectral_flatness(y=y, **framing),
        audio.spectral_contrast(**shape, linear=True),
        audio.zero_crossing_rate(y, **temporal),
        audio.rms(y=y, **temporal),
    ])  # fmt: skip


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (1024, 1024), (1000, 160), (1023, 2000)])
def test_frames_have_the_bits_of_the_functions_for_whole_signals(voice: np.ndarray, n_fft: int, hop_length: int, center: bool) -> None:
    mel: dict[str, Any] = {"n_mels": 40, "fmin": 50.0, "fmax": 7000.0, "htk": True, "norm": None}
    stream = audio.FeatureStream(RATE, descriptors=ALL, n_fft=n_fft, hop_length=hop_length, center=center, tuning=0.1, **mel)
    found = streamed(stream, voice[:20_001], [333])
    expected = whole_frames(voice[:20_001], n_fft=n_fft, hop_length=hop_length, center=center, **mel)
    assert found.frames.dtype == np.float32 and found.frames.flags.c_contiguous
    assert np.array_equal(found.frames, expected)
    assert len(stream.frame_names) == len(set(stream.frame_names)) == len(expected)
    assert stream.frame_names[:2] == ("mel_001", "mel_002") and stream.frame_names[-1] == "rms"
    first = 0.0 if center else n_fft // 2 / RATE
    assert np.allclose(found.frame_times_s, first + np.arange(expected.shape[1]) * hop_length / RATE, rtol=0, atol=1e-12)
    assert found.windows.shape == (0, 0) and found.window_times_s.shape == (0, 2)


def test_cepstra_equal_those_of_the_clip_where_its_floor_is_not_reached(voice: np.ndarray) -> None:
    found = streamed(audio.FeatureStream(RATE, descriptors=["mfcc"], n_mfcc=13), voice, [1000])
    level = audio.power_to_db(audio.melspectrogram(y=voice, sr=RATE), top_db=None)
    assert level.max() - level.min() < 80
    assert np.array_equal(found.frames, audio.mfcc(y=voice, sr=RATE, n_mfcc=13))


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6000), min_size=1, max_size=6),
    n=st.integers(1, 12_000),
    window=st.integers(500, 6000),
    hop=st.integers(700, 8000),
)
def test_any_chunks_give_the_same_bits(sizes: list[int], n: int, window: int, hop: int) -> None:
    samples = (0.3 * np.random.default_rng(n).standard_normal(n)).astype(np.float32)
    frames: dict[str, Any] = {"descriptors": ["mfcc", "rms"], "n_fft": 512, "hop_length": 160, "n_mels": 40}
    stream = audio.FeatureStream(RATE, set="classic", window_s=window / RATE, hop_s=hop / RATE, **frames)
    found = streamed(stream, samples, sizes)
    stream.reset()
    assert same(found, streamed(stream, samples, [n]))
    assert found.frames.shape[1] == 1 + n // 160
    begins = np.round(found.window_times_s * RATE).astype(int)
    assert begins[:, 0].tolist() == [k * hop for k in range(len(begins))]
    for (begin, end), vector in zip(begins, found.windows, strict=True):
        assert end == min(begin + window, n)
        assert np.array_equal(vector, audio.functionals(samples[begin:end], RATE))
    covered = begins[-1, 1] if len(begins) else 0
    assert covered == n or len(begins) * hop >= n  # all of it is in a window, or lies between two


@pytest.mark.parametrize("feature_set", ["classic", "egemaps", "full"])
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_windows_have_the_bits_of_functionals(voice: np.ndarray, feature_set: str, rate: int) -> None:
    samples = voice if rate == RATE else audio.resample(voice, orig_sr=RATE, target_sr=rate)
    stream = audio.FeatureStream(rate, set=feature_set, window_s=0.9, hop_s=0.6)
    found = streamed(stream, samples, [rate // 10])
    assert stream.feature_names == tuple(audio.feature_names(feature_set))
    assert found.frames.shape == (0, 0)
    assert len(found.windows) == 3
    for (begin, end), vector in zip(np.round(found.window_times_s * rate).astype(int), found.windows, strict=True):
        assert np.array_equal(vector, audio.functionals(samples[begin:end], rate, feature_set))


def test_windows_at_the_rate_of_a_model(voice: np.ndarray) -> None:
    samples = audio.resample(voice, orig_sr=RATE, target_sr=48_000)
    found = streamed(audio.FeatureStream(48_000, set="egemaps", window_s=1.0, hop_s=0.5, feature_rate_hz=RATE), samples, [4801])
    for (begin, end), vector in zip(np.round(found.window_times_s * 48_000).astype(int), found.windows, strict=True):
        assert np.array_equal(vector, audio.functionals(audio.resample(samples[begin:end], orig_sr=48_000, target_sr=RATE), RATE, "egemaps"))


def test_single_samples_and_double_precision(voice: np.ndarray) -> None:
    stream = audio.FeatureStream(RATE, descriptors=["log_mel"], n_fft=256, hop_length=100, n_mels=12, fmax=4000.0)
    found = streamed(stream, voice[:1500].astype(np.float64), [1])
    stream.reset()
    assert same(found, streamed(stream, np.repeat(voice[:1500], 2)[::2], [1500]))  # not contiguous


def test_a_frame_comes_with_its_last_sample(voice: np.ndarray) -> None:
    stream = audio.FeatureStream(RATE, descriptors=["rms"], n_fft=1024, hop_length=400, set="egemaps", window_s=0.1, hop_s=0.1)
    assert stream.latency_s == 512 / RATE
    seen = 0
    for end in range(1, 4000):
        result = stream.push(voice[end - 1 : end])
        for centre in result.frame_times_s:
            assert end / RATE == pytest.approx(centre + stream.latency_s, abs=1e-12)
            seen += 1
        for _, last in result.window_times_s:
            assert last == end / RATE
    assert seen == 1 + (3999 - 512) // 400


def test_empty_pushes_the_end_and_a_new_beginning(voice: np.ndarray) -> None:
    stream = audio.FeatureStream(RATE, descriptors=["rms"])
    assert repr(stream) == "FeatureStream(16000 Hz, 1 rows every 512 samples, 0 samples seen)"
    assert stream.push(np.empty(0, dtype=np.float32)).frames.shape == (1, 0)
    assert stream.flush().frames.shape == (1, 0)  # nothing came
    assert stream.ended and stream.flush().frames.shape == (1, 0)
    with pytest.raises(InvalidInputError, match=r"stream of push must be reset after flush"):
        stream.push(voice)
    stream.reset()
    assert not stream.ended and stream.samples_seen == 0
    stream.push(voice)
    assert repr(stream) == "FeatureStream(16000 Hz, 1 rows every 512 samples, 32000 samples seen)"
    windows = audio.FeatureStream(sample_rate_hz=RATE)
    assert repr(windows) == "FeatureStream(16000 Hz, 1116 features of 2 s every 0.5 s, 0 samples seen)"
    assert len(windows.flush().windows) == 0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.full(700, np.nan, dtype=np.float32), "samples of push must be finite and within -1e9 to 1e9"),
        (np.append(np.zeros(699), np.inf), "samples of push must be finite"),
        (np.full(700, 1.1e9), "samples of push must be finite and within -1e9 to 1e9"),
        (np.zeros((2, 700), dtype=np.float32), r"samples of push must be a 1-d array of mono samples .* got an array of shape \(2, 700\)"),
        (np.zeros(700, dtype=np.int16), "samples of push must be a floating-point numpy.ndarray .* got an array of int16"),
        ([0.0] * 700, "samples of push must be a floating-point numpy.ndarray .* got list"),
        (None, "samples of push must be a floating-point"),
    ],
    ids=["nan", "infinity", "huge", "two channels", "integers", "list", "none"],
)
def test_a_refused_push_leaves_the_stream_unchanged(voice: np.ndarray, samples: Any, message: str) -> None:
    def make() -> audio.FeatureStream:
        return audio.FeatureStream(RATE, set="classic", window_s=0.5, hop_s=0.25, descriptors=["rms", "mfcc"])

    stream, before = make(), make()
    expected = [before.push(voice[:9000]), before.push(voice[9000:]), before.flush()]
    results = [stream.push(voice[:9000])]
    with np.errstate(over="ignore"), pytest.raises(InvalidInputError, match=message):
        stream.push(samples)
    assert stream.samples_seen == 9000
    results += [stream.push(voice[9000:]), stream.flush()]
    assert all(same(a, b) for a, b in zip(results, expected, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_rate_hz": 99}, "sample_rate_hz of FeatureStream must be an integer between 100 and 768000; got 99"),
        ({"sample_rate_hz": 768_001}, "sample_rate_hz of FeatureStream"),
        ({"sample_rate_hz": "16000"}, "sample_rate_hz of FeatureStream"),
        ({"set": "emobase"}, "^set of FeatureStream must be 'classic'"),
        ({"set": 3}, "set of FeatureStream must be the name of a feature set"),
        ({"window_s": 0.0}, "window_s of FeatureStream"),
        ({"window_s": 601}, "window_s of FeatureStream must be at least one sample and at most 600 s long; got 601 at 16000 Hz"),
        ({"hop_s": 1e-6}, "hop_s of FeatureStream must be at least one sample"),
        ({"hop_s": float("nan")}, "hop_s of FeatureStream"),
        ({"feature_rate_hz": 5}, "feature_rate_hz of FeatureStream"),
        ({"descriptors": "rms"}, "descriptors of FeatureStream must be a sequence of names among melspectrogram"),
        ({"descriptors": [3]}, "descriptors of FeatureStream must be a sequence of names"),
        ({"descriptors": ["pyin"]}, "descriptors of FeatureStream must be names among melspectrogram, .*; got 'pyin'"),
        ({"descriptors": ["rms", "rms"]}, "descriptors of FeatureStream must be different names; got rms twice"),
        ({"descriptors": ["rms"], "n_fft": 0}, "n_fft of FeatureStream"),
        ({"descriptors": ["rms"], "hop_length": 0}, "hop_length of FeatureStream"),
        ({"descriptors": ["rms"], "window": "no window"}, "window of FeatureStream"),
        ({"descriptors": ["rms"], "win_length": 4096}, "win_length of FeatureStream"),
        ({"descriptors": ["mfcc"], "n_mfcc": 0}, "n_mfcc of FeatureStream"),
        ({"descriptors": ["mfcc"], "fmin": 9000.0}, "fmin"),
        ({"descriptors": ["chroma_stft"], "tuning": "flat"}, "tuning of FeatureStream"),
        ({"descriptors": ["spectral_contrast"], "sample_rate_hz": 8000}, "fmin and n_bands of spectral_contrast"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        audio.FeatureStream(**{"sample_rate_hz": RATE, **arguments})


def test_streams_are_not_pickled_or_copied() -> None:
    stream = audio.FeatureStream(RATE)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="make one in each"):
            attempt(stream)


def test_streams_of_several_threads_do_not_disturb_each_other(voice: np.ndarray) -> None:
    def make() -> audio.FeatureStream:
        return audio.FeatureStream(RATE, set="egemaps", window_s=0.8, hop_s=0.4, descriptors=["mfcc", "zero_crossing_rate"])

    expected = streamed(make(), voice, [len(voice)])
    found: list[audio.StreamedFeatures] = []
    threads = [threading.Thread(target=lambda size=size: found.append(streamed(make(), voice, [size]))) for size in (700, 1111, 16_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and all(same(one, expected) for one in found)


def test_a_second_thread_is_refused() -> None:
    stream = audio.FeatureStream(RATE, set="full", window_s=1.0, hop_s=0.25)
    samples = (0.1 * np.random.default_rng(0).standard_normal(20 * RATE)).astype(np.float32)
    refused: list[str] = []

    def push(chunk: np.ndarray) -> None:
        try:
            stream.push(chunk)
        except InvalidInputError as error:
            refused.append(str(error))

    thread = threading.Thread(target=push, args=(samples,))
    thread.start()
    while thread.is_alive() and not refused:
        push(samples[:1])
    thread.join()
    assert set(refused) <= {"stream of push must be used by one thread at a time; got a call while another one runs"}
    assert refused or stream.samples_seen > len(samples)  # a machine that runs one after the other has nothing to refuse


def test_ctrl_c_leaves_the_stream_as_it_was(voice: np.ndarray) -> None:
    stream = audio.FeatureStream(RATE, set="full", window_s=2.0, hop_s=0.001)  # some 30,000 windows: far longer than the wait
    stream.push(voice[:9000])
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        stream.push(np.tile(voice, 15))
        time.sleep(60)  # the signal may also come here
    timer.join()
    assert stream.samples_seen == 9000 and time.monotonic() - began < 50
    assert len(stream.push(voice[9000:9100]).windows) == 0


@pytest.mark.unsanitized  # the sanitizer keeps what was freed for a while
def test_memory_is_that_of_the_window_and_not_of_the_signal() -> None:
    resource = pytest.importorskip("resource")
    stream = audio.FeatureStream(RATE, descriptors=["rms"], n_fft=512, hop_length=512)
    chunk = np.zeros(1 << 20, dtype=np.float32)
    stream.push(chunk)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(60):  # 250 MB of samples
        stream.push(chunk)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB
