"""Every family against librosa, frame by frame and as functionals.

Tolerances: librosa transforms in float64 and rounds to float32, we transform in float32. The difference of a bin is about 2e-7 of the frame's
root-mean-square spectrum, so every family agrees to 1e-4, except where one tiny bin decides alone: the decibels of the valley of spectral contrast.
They are compared on the same transform, and the transform's error is measured where it does not diverge, in magnitudes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from emotion_native import audio
from emotion_native.exceptions import EmotionNativeWarning

librosa = pytest.importorskip("librosa", reason="librosa is the oracle of these tests (pip install emotion-native[dev])")
SR = 16000


def assert_close(ours: np.ndarray, reference: np.ndarray, rtol: float = 1e-4) -> None:
    """The difference is below ``rtol`` of the value, or of half of the row's standard deviation where the value is smaller than that."""
    assert ours.shape == reference.shape
    assert ours.flags.c_contiguous
    scale = np.maximum(np.abs(reference), 0.5 * np.std(reference, axis=-1, keepdims=True))
    error = np.abs(ours - reference)
    assert (error <= rtol * scale + 1e-30).all(), f"largest error {np.max(error / (scale + 1e-30)):.2e}"


@pytest.fixture(params=["voice", "real"])
def clips(request: pytest.FixtureRequest) -> list[np.ndarray]:
    if request.param == "voice":
        return [request.getfixturevalue("voice")]
    return [y for _, y in request.getfixturevalue("real_clips")]


OTHER_MEL: dict[str, Any] = {
    "sr": SR, "n_mels": 40, "fmin": 50, "fmax": 7000, "htk": True, "norm": None, "power": 1.0, "hop_length": 160, "n_fft": 512
}  # fmt: skip
FAMILIES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "melspectrogram": (lambda y: audio.melspectrogram(y=y, sr=SR), lambda y: librosa.feature.melspectrogram(y=y, sr=SR)),
    "melspectrogram_htk": (
        lambda y: audio.melspectrogram(y=y, **OTHER_MEL),
        lambda y: librosa.feature.melspectrogram(y=y, **OTHER_MEL),
    ),
    "mfcc": (lambda y: audio.mfcc(y=y, sr=SR, n_mfcc=40), lambda y: librosa.feature.mfcc(y=y, sr=SR, n_mfcc=40)),
    "mfcc_lifter": (
        lambda y: audio.mfcc(y=y, sr=SR, n_mfcc=13, lifter=22, norm=None, n_mels=64),
        lambda y: librosa.feature.mfcc(y=y, sr=SR, n_mfcc=13, lifter=22, norm=None, n_mels=64),
    ),
    "spectral_centroid": (lambda y: audio.spectral_centroid(y=y, sr=SR), lambda y: librosa.feature.spectral_centroid(y=y, sr=SR)),
    "spectral_bandwidth": (lambda y: audio.spectral_bandwidth(y=y, sr=SR), lambda y: librosa.feature.spectral_bandwidth(y=y, sr=SR)),
    "spectral_flatness": (lambda y: audio.spectral_flatness(y=y), lambda y: librosa.feature.spectral_flatness(y=y)),
    "zero_crossing_rate": (lambda y: audio.zero_crossing_rate(y), lambda y: librosa.feature.zero_crossing_rate(y)),
    "zero_crossing_rate_plain": (
        lambda y: audio.zero_crossing_rate(y, center=False, frame_length=400, hop_length=160, threshold=1e-3),
        lambda y: librosa.feature.zero_crossing_rate(y, center=False, frame_length=400, hop_length=160, threshold=1e-3),
    ),
    "rms": (lambda y: audio.rms(y=y), lambda y: librosa.feature.rms(y=y)),
    "rms_edge": (
        lambda y: audio.rms(y=y, frame_length=1000, hop_length=300, pad_mode="edge"),
        lambda y: librosa.feature.rms(y=y, frame_length=1000, hop_length=300, pad_mode="edge"),
    ),
    "chroma_stft": (lambda y: audio.chroma_stft(y=y, sr=SR, tuning=-0.13), lambda y: librosa.feature.chroma_stft(y=y, sr=SR, tuning=-0.13)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_family(family: str, clips: list[np.ndarray]) -> None:
    ours, reference = FAMILIES[family]
    for y in clips:
        assert_close(ours(y), reference(y))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"n_fft": 512, "hop_length": 100, "win_length": 400, "window": "hamming"},
        {"n_fft": 1000, "window": "blackman", "center": False},
        {"n_fft": 401, "hop_length": 160, "pad_mode": "reflect"},
        {"n_fft": 256, "window": np.linspace(0, 1, 256), "pad_mode": "edge"},
    ],
)
def test_stft(voice: np.ndarray, arguments: dict[str, Any]) -> None:
    ours, reference = audio.stft(voice, **arguments), librosa.stft(voice, **arguments)
    assert ours.shape == reference.shape
    assert ours.dtype == np.complex64
    # Single precision: a few rounding errors of the largest bin.
    assert np.abs(ours - reference).max() < 2e-6 * np.abs(reference).max()


def test_rolloff_is_the_same_bin(clips: list[np.ndarray]) -> None:
    for y in clips:
        ours, reference = audio.spectral_rolloff(y=y, sr=SR), librosa.feature.spectral_rolloff(y=y, sr=SR)
        # A running sum that meets the threshold to within rounding may end one bin (7.8 Hz) away.
        assert np.mean(ours == reference.astype(np.float32)) > 0.99
        assert np.abs(ours - reference).max() < SR / 2048 + 1e-3


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("mode", ["interp", "nearest", "mirror", "constant", "wrap"])
def test_delta(rng: np.random.Generator, order: int, mode: str) -> None:
    data = rng.standard_normal((5, 30)).astype(np.float32)
    for width in (5, 9, 11):
        assert_close(audio.delta(data, order=order, mode=mode, width=width), librosa.feature.delta(data, order=order, mode=mode, width=width))
    assert_close(audio.delta(data.T, axis=0, mode=mode, width=5).T.copy(), librosa.feature.delta(data, mode=mode, width=5))


@pytest.mark.parametrize("polyorder", [1, 2, 4])
def test_deltas_over_wide_windows(rng: np.random.Generator, polyorder: int) -> None:
    data = np.cumsum(rng.standard_normal((2, 5001)), axis=-1).astype(np.float32)
    for width in (4001, 5001):
        expected = scipy.signal.savgol_filter(data.astype(np.float64), width, polyorder, deriv=1, mode="interp")
        assert_close(audio.delta(data, width=width, order=1, polyorder=polyorder), expected.astype(np.float32))


def test_functions_of_a_spectrum(voice: np.ndarray) -> None:
    S = np.abs(librosa.stft(voice))
    for name in ("spectral_centroid", "spectral_bandwidth", "spectral_contrast"):
        assert_close(getattr(audio, name)(S=S, sr=SR), getattr(librosa.feature, name)(S=S, sr=SR))
    other = {"linear": True, "quantile": 0.2, "n_bands": 4}
    assert_close(audio.spectral_contrast(S=S, sr=SR, **other), librosa.feature.spectral_contrast(S=S, sr=SR, **other))
    assert_close(audio.spectral_flatness(S=S), librosa.feature.spectral_flatness(S=S))
    assert_close(audio.chroma_stft(S=S**2, sr=SR), librosa.feature.chroma_stft(S=S**2, sr=SR))
    other = {"norm": 2, "n_chroma": 24, "base_c": False, "octwidth": None}
    assert_close(audio.chroma_stft(S=S**2, sr=SR, **other), librosa.feature.chroma_stft(S=S**2, sr=SR, **other))
    assert_close(audio.rms(S=S), librosa.feature.rms(S=S))
    mel = librosa.feature.melspectrogram(S=S**2, sr=SR)
    assert_close(audio.melspectrogram(S=S**2, sr=SR), mel)
    assert_close(audio.mfcc(S=librosa.power_to_db(mel)), librosa.feature.mfcc(S=librosa.power_to_db(mel)))
    assert np.array_equal(audio.spectral_rolloff(S=S, sr=SR), librosa.feature.spectral_rolloff(S=S, sr=SR).astype(np.float32))
    assert np.allclose(audio.mel_filterbank(sr=22050, n_fft=1024), librosa.filters.mel(sr=22050, n_fft=1024), rtol=1e-5, atol=1e-9)
    assert np.array_equal(audio.fft_frequencies(sr=SR, n_fft=401), librosa.fft_frequencies(sr=SR, n_fft=401))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decibels(rng: np.random.Generator, dtype: type) -> None:
    S = rng.exponential(size=(7, 5)).astype(dtype) ** 8
    for arguments in ({}, {"ref": np.max}, {"ref": 2.0, "amin": 1e-3}, {"top_db": None}, {"top_db": 10.0}):
        for name in ("power_to_db", "amplitude_to_db"):
            ours, reference = getattr(audio, name)(S, **arguments), getattr(librosa, name)(S.copy(), **arguments)
            assert ours.dtype == reference.dtype
            # 10 log10 in single precision: 2e-7 relative of values up to 200.
            assert np.allclose(ours, reference, rtol=1e-6, atol=5e-5)
    with pytest.warns(EmotionNativeWarning, match="complex"):
        assert np.allclose(audio.power_to_db(np.array([3 + 4j])), 10 * np.log10(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("ref", [np.max, np.median, np.min, np.mean, lambda S: -1e3, -2.0, 0.0])
@pytest.mark.parametrize("name", ["power_to_db", "amplitude_to_db"])
@pytest.mark.filterwarnings("ignore:.*complex")
def test_decibels_of_signed_values(rng: np.random.Generator, name: str, ref: Any, dtype: type) -> None:
    """Amplitudes lose their sign before the reference sees them; powers keep it, and a negative reference of a function counts as ``amin``."""
    for shift in (-3.0, 0.0, 3.0):
        S = (rng.normal(size=(7, 5)) + shift).astype(dtype)
        for arguments in ({}, {"top_db": None}, {"amin": 0.3}):
            ours, reference = getattr(audio, name)(S, ref=ref, **arguments), getattr(librosa, name)(S.copy(), ref=ref, **arguments)
            assert ours.dtype == reference.dtype
            assert np.allclose(ours, reference, rtol=1e-6, atol=5e-5)


def test_decibels_of_a_waveform() -> None:
    np.testing.assert_allclose(audio.amplitude_to_db(np.array([-3.0, 1.0]), ref=np.max), [0.0, -20 * np.log10(3)], rtol=1e-12)
    assert audio.power_to_db(-1.0, ref=np.max) == librosa.power_to_db(-1.0, ref=np.max) == 0.0
    np.testing.assert_allclose(audio.power_to_db(np.array([-3.0, 1.0]), ref=np.median), librosa.power_to_db(np.array([-3.0, 1.0]), ref=np.median))


def histogram(y: np.ndarray) -> np.ndarray:
    """The counts behind librosa's tuning estimate."""
    pitch, magnitude = librosa.piptrack(S=np.abs(librosa.stft(y)) ** 2, sr=SR)
    chosen = pitch[(pitch > 0) & (magnitude >= np.median(magnitude[pitch > 0]))]
    residual = np.mod(12 * librosa.hz_to_octs(chosen), 1.0)
    residual[residual >= 0.5] -= 1
    return np.histogram(residual, np.linspace(-0.5, 0.5, 101))[0]


def test_tuning_is_the_same_wherever_the_histogram_decides(clips: list[np.ndarray]) -> None:
    for y in clips:
        power = np.abs(librosa.stft(y)) ** 2
        # The same spectrogram: the same estimate.
        assert audio.estimate_tuning(S=power, sr=SR) == pytest.approx(librosa.estimate_tuning(S=power, sr=SR), abs=1e-9)
        ours = audio.estimate_tuning(S=np.abs(audio.stft(y)) ** 2, sr=SR)
        if ours != pytest.approx(librosa.estimate_tuning(S=power, sr=SR), abs=1e-9):
            counts = histogram(y)
            assert counts.max() - counts[round((ours + 0.5) * 100)] <= 0.2 * counts.max()  # nearly tied


def reference_functionals(y: np.ndarray) -> dict[str, np.ndarray]:
    """The classic set by librosa, one transform."""
    S = np.abs(librosa.stft(y))
    mel = librosa.power_to_db(librosa.feature.melspectrogram(S=S**2, sr=SR))
    mfcc = librosa.feature.mfcc(S=mel, n_mfcc=40)
    rows = {
        "mfcc": mfcc,
        "mfcc_delta": librosa.feature.delta(mfcc),
        "mfcc_delta2": librosa.feature.delta(mfcc, order=2),
        "log_mel": mel,
        "chroma": librosa.feature.chroma_stft(S=S**2, sr=SR),
        "spectral_contrast": librosa.feature.spectral_contrast(S=np.abs(audio.stft(y)), sr=SR),  # see the note on tolerances
        "spectral_centroid": librosa.feature.spectral_centroid(S=S, sr=SR),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(S=S, sr=SR),
        "spectral_rolloff": librosa.feature.spectral_rolloff(S=S, sr=SR),
        "spectral_flatness": librosa.feature.spectral_flatness(S=S),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y),
        "rms": librosa.feature.rms(y=y),
        "tonnetz": librosa.feature.tonnetz(chroma=librosa.feature.chroma_stft(S=S**2, sr=SR)),
    }
    return {name: np.stack([r.mean(axis=1), r.std(axis=1), r.min(axis=1), r.max(axis=1)], axis=1) for name, r in rows.items()}


def test_functionals(clips: list[np.ndarray]) -> None:
    names = audio.feature_names("classic")
    for y in clips:
        ours = audio.functionals(y, SR, "classic")
        reference = reference_functionals(y)
        same_tuning = audio.estimate_tuning(S=np.abs(audio.stft(y)) ** 2, sr=SR) == pytest.approx(
            librosa.estimate_tuning(S=np.abs(librosa.stft(y)) ** 2, sr=SR), abs=1e-9
        )
        start = 0
        for name, expected in reference.items():
            got = ours[start : start + expected.size].reshape(expected.shape)
            assert names[start].startswith(name)
            start += expected.size
            if name in ("chroma", "tonnetz") and not same_tuning:
                continue  # a tie in the histogram of tunings: see the test above
            # A statistic near zero (a mean delta) is measured against the spread of its own row.
            scale = np.maximum(np.abs(expected), expected[:, 1:2])
            assert (np.abs(got - expected) <= 1e-4 * scale + 1e-6).all(), name
        assert start == ours.size


def test_contrast_is_as_exact_as_a_single_precision_transform_allows(clips: list[np.ndarray]) -> None:
    # The valley is often one bin that is near zero by chance. Put a single-precision FFT of another author into librosa's own definition: its error
    # against float64 is of the size of ours, so the difference is the precision of the transform, not the definition.
    for y in clips:
        exact, exact_db = (librosa.feature.spectral_contrast(S=np.abs(librosa.stft(y)), sr=SR, linear=linear) for linear in (True, False))
        window = np.hanning(2049)[:-1].astype(np.float32)
        frames = librosa.util.frame(np.pad(y, 1024), frame_length=2048, hop_length=512)
        single = np.abs(scipy.fft.rfft(frames * window[:, None], axis=0))
        assert single.dtype == np.float32
        theirs = np.abs(librosa.feature.spectral_contrast(S=single, sr=SR, linear=True) - exact)
        ours = np.abs(audio.spectral_contrast(y=y, sr=SR, linear=True) - exact)
        assert np.sqrt(np.mean(ours**2)) < 2 * np.sqrt(np.mean(theirs**2))
        assert np.median(np.abs(audio.spectral_contrast(y=y, sr=SR) - exact_db) / exact_db.clip(1)) < 1e-4


def test_degenerate_signals_follow_librosa() -> None:
    for y in (np.zeros(8000, np.float32), np.full(8000, 0.5, np.float32), np.eye(1, 8000, 4000, dtype=np.float32)[0], np.ones(100, np.float32)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # librosa: n_fft is larger than the signal, an empty set of pitches
            for name in ("spectral_centroid", "spectral_bandwidth", "spectral_flatness", "melspectrogram", "mfcc"):
                arguments = {} if name == "spectral_flatness" else {"sr": SR}
                ours, reference = getattr(audio, name)(y=y, **arguments), getattr(librosa.feature, name)(y=y, **arguments)
                assert np.isfinite(ours).all()
                # The spectrum of a constant is zero but for rounding, which bandwidth weighs by the squared distance in Hz.
                slack = 2e-3 if name == "spectral_bandwidth" else 1e-4
                assert np.allclose(ours, reference, rtol=1e-4, atol=slack * np.abs(reference).max() + 1e-12), name


@pytest.mark.parametrize("top_db", [15, 30, 60])
@pytest.mark.parametrize(("frame_length", "hop_length"), [(2048, 512), (1024, 200)])
def test_trim_and_split(clips: list[np.ndarray], top_db: float, frame_length: int, hop_length: int) -> None:
    options = {"top_db": top_db, "frame_length": frame_length, "hop_length": hop_length}
    for y in clips:
        padded = np.concatenate([np.zeros(3000, dtype=np.float32), y, np.zeros(5000, dtype=np.float32), y, np.zeros(1000, dtype=np.float32)])
        assert np.array_equal(audio.effects.trim(padded, **options)[1], librosa.effects.trim(padded, **options)[1])
        assert np.array_equal(audio.effects.split(padded, **options), librosa.effects.split(padded, **options))


@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_tonnetz_keeps_the_precision_of_the_chroma(kind: type, tolerance: float) -> None:
    chroma = np.random.default_rng(0).uniform(0.9, 1.1, (2, 24, 300)).astype(kind)  # nearly equal shares: sums that nearly cancel
    ours = audio.tonnetz(chroma=chroma)
    assert ours.dtype == kind
    assert np.abs(ours - librosa.feature.tonnetz(chroma=chroma.astype(np.float64))).max() < tolerance
