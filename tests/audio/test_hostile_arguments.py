"""Audio functions under attack: values of odd kinds and sizes give an error that names parameter, rule and value, or the right answer."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from emotion_native import _core, audio
from emotion_native.audio import augment, effects
from emotion_native.exceptions import InvalidInputError

RATE = 16000
Y = (0.1 * np.random.default_rng(0).standard_normal(RATE // 2)).astype(np.float32)

CALLS: dict[str, Callable[[Any], Any]] = {
    "stft": audio.stft,
    "melspectrogram": lambda y: audio.melspectrogram(y=y),
    "mfcc": lambda y: audio.mfcc(y=y),
    "chroma_stft": lambda y: audio.chroma_stft(y=y, tuning=0.0),
    "spectral_centroid": lambda y: audio.spectral_centroid(y=y),
    "zero_crossing_rate": audio.zero_crossing_rate,
    "rms": lambda y: audio.rms(y=y),
    "yin": lambda y: audio.yin(y, fmin=65, fmax=2000),
    "trim": lambda y: effects.trim(y)[1],
    "split": effects.split,
    "resample": lambda y: audio.resample(y, orig_sr=22050, target_sr=RATE),
    "functionals": lambda y: audio.functionals(y, RATE, "egemaps"),
    "descriptors": lambda y: audio.descriptors(y, RATE),
    "change_speed": lambda y: augment.change_speed(y, speed=1.1),
}


@pytest.mark.parametrize("name", CALLS)
def test_samples_beyond_the_bound_are_refused_without_warnings(name: str) -> None:
    rule = rf"^(y|samples) of {name} must be finite and within -1e\+09 to 1e\+09"
    for y in (Y.astype(np.float64) * 1e300, np.sign(Y) * np.float32(3e38), Y * np.float32(1e20)):
        with warnings.catch_warnings(), pytest.raises(InvalidInputError, match=rule):
            warnings.simplefilter("error")
            CALLS[name](y)


@pytest.mark.parametrize("name", CALLS)
def test_the_layout_in_memory_does_not_matter(name: str) -> None:
    unaligned = np.ndarray(Y.shape, dtype=np.float32, buffer=bytearray(b"x" + Y.tobytes()), offset=1)
    frozen = Y.copy()
    frozen.flags.writeable = False
    expected = CALLS[name](Y)
    for y in (unaligned, frozen, Y.astype(">f4"), np.repeat(Y, 2)[::2], Y[::-1].copy()[::-1]):
        np.testing.assert_array_equal(CALLS[name](y), expected)


@pytest.mark.parametrize("name", CALLS)
def test_masked_samples_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="without masked values"):
        CALLS[name](np.ma.masked_greater(Y, 0.1))


def test_features_beyond_single_precision_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^data of delta must be finite"):
        audio.delta(np.full((2, 20), 1e300))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint8, np.float16, np.float32])
def test_squares_of_amplitudes_fit(dtype: Any) -> None:
    S = np.array([1, 50, 100, 120], dtype=dtype)
    np.testing.assert_allclose(audio.amplitude_to_db(S), 20 * np.log10(S.astype(np.float64)), rtol=1e-6, atol=1e-6)
    if np.finfo(np.float32).dtype == dtype:
        np.testing.assert_allclose(audio.amplitude_to_db(np.float32([1e20, 1e22])), [400.0, 440.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: audio.power_to_db(Y, ref="max"), "ref of power_to_db must be a number"),
        (lambda: audio.power_to_db(Y, ref=lambda S: S), "ref of power_to_db must be a number"),
        (lambda: audio.amplitude_to_db(Y, ref=1e300), "ref of amplitude_to_db must be at most"),
        (lambda: audio.mfcc(y=Y, norm=[]), "norm of mfcc must be"),
        (lambda: audio.mfcc(y=Y, mel_norm=1j), "norm of mfcc must be"),
        (lambda: audio.mfcc(y=Y, sr=10**400), "sr of mfcc must be"),
        (lambda: audio.mfcc(y=Y, sr="16000"), "sr of mfcc must be a number"),
        (lambda: audio.stft(Y, dtype="nonsense"), "dtype of stft must be complex64 or complex128"),
        (lambda: audio.rms(y=Y, dtype=3), "dtype of rms must be float32 or float64"),
        (lambda: audio.delta(np.ones((3, 20)), axis=None), "axis of delta must be an integer"),
        (lambda: audio.delta(np.ones((3, 20)), axis=2), "axis of delta must be an integer"),
        (lambda: audio.delta(np.ones((3, 400)), width=301, order=90), "polyorder of delta must be so low"),
        (lambda: audio.resample(Y, orig_sr=3, target_sr=2, axis="x"), "axis of resample must be an integer"),
        (lambda: effects.trim(Y, ref=lambda levels: np.nan), "ref of trim must be a finite number"),
        (lambda: augment.add_noise(Y, snr_db=3, rng=None), "rng of add_noise must be a numpy.random.Generator; got NoneType"),
        (lambda: augment.change_gain(Y, gain_db=1e6), "gain_db of change_gain must be from -200 to 200"),
        (lambda: augment.apply(Y, sr=RATE, recipe=None, seed=0), "recipe of apply must be a Recipe; got NoneType"),
        (lambda: augment.apply(Y, sr=RATE, recipe=augment.Recipe(), seed=0, copy=None), "copy of apply must be an integer"),
    ],
)
def test_the_error_names_parameter_and_rule(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{message}"):
        call()


LONG: dict[str, Callable[[], Any]] = {
    "functionals": lambda: audio.functionals(np.tile(Y, 7200), RATE, "full"),  # an hour
    "stft of long transforms": lambda: audio.melspectrogram(y=np.tile(Y, 50), n_fft=1 << 16, hop_length=1, n_mels=8),
    "rms of long frames": lambda: audio.rms(y=np.tile(Y, 60), frame_length=1 << 18, hop_length=3, center=False),
    "yin of long frames": lambda: audio.yin(np.tile(Y, 20), fmin=20, fmax=2000, sr=RATE, frame_length=1 << 16, hop_length=1),
    "pyin with fine bins and wide steps": lambda: audio.pyin(
        Y, fmin=20, fmax=11025, sr=22050, frame_length=4096, resolution=0.001, max_transition_rate=1e6
    ),
    "pyin with many thresholds": lambda: audio.pyin(np.tile(Y, 1000), fmin=60, fmax=2000, sr=RATE, n_thresholds=100_000),
    "delta over wide windows": lambda: audio.delta(np.zeros(60_001, np.float32), width=60_001, polyorder=9),
    "cosines of many bands": lambda: audio.mfcc(S=np.zeros((20_000, 1), np.float32), n_mfcc=4096),
    "bands of long transforms": lambda: _core.MelFilterbank(48000.0, 1 << 25, 2, 0.0, 24000.0, False, False, 3.0),
    "tonnetz of many classes": lambda: audio.tonnetz(chroma=np.ones((1 << 22, 1), np.float32)),
    "quality of half an hour": lambda: audio.signal_quality(np.tile(Y, 3600), sr=RATE),
    "chroma of long transforms": lambda: audio.chroma_stft(S=np.zeros(((1 << 17) + 1, 1), np.float32), n_chroma=1024, tuning=0.0),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.filterwarnings("ignore::emotion_native.exceptions.EmotionNativeWarning")
def test_long_calls_can_be_stopped(name: str) -> None:
    main, returned = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        if not returned.wait(0.3):  # a call that is too short must not interrupt what comes after it
            signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            LONG[name]()
    finally:
        returned.set()
        thread.join()


@pytest.mark.parametrize("polyorder", [1, 2])
def test_wide_deltas_need_little_memory(polyorder: int) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    audio.delta(np.zeros(8_001, np.float32), width=8_001, polyorder=polyorder)  # a square of weights would be 512 MB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


def test_fine_bins_of_pyin_need_little_memory() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    audio.pyin(Y, fmin=60, fmax=8000, sr=RATE, resolution=0.001, hop_length=16)  # 500 frames of 1.3 MB of path values
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


def test_a_filterbank_costs_little_more_with_many_bands() -> None:
    def seconds(n_mels: int) -> float:
        begun = time.process_time()
        _core.MelFilterbank(48000.0, 1 << 20, n_mels, 0.0, 24000.0, False, True, 0.0)
        return time.process_time() - begun

    assert min(seconds(4096) for _ in range(3)) < 20 * max(seconds(16) for _ in range(3))  # 256 times, if each band looked at each bin
