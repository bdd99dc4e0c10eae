"""Every argument of the librosa family beyond the defaults, against librosa: channels, windows, types, frequencies, norms.

Tolerances: as in test_against_librosa.py, single precision against librosa's double; complex128 transforms agree to double precision.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from emotion_native import audio
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError

librosa = pytest.importorskip("librosa", reason="librosa is the oracle of these tests (pip install emotion-native[dev])")
SR = 16000


def close(ours: Any, reference: Any, rtol: float = 1e-4) -> bool:
    assert ours.shape == reference.shape
    scale = np.maximum(np.abs(reference), np.std(reference))
    return bool((np.abs(ours - reference) <= rtol * scale + 1e-7).all())


@pytest.fixture(scope="module")
def channels() -> np.ndarray:
    rng = np.random.default_rng(3)
    tone = np.sin(2 * np.pi * 300 * np.arange(9000) / SR)
    return (np.stack([[tone, 0.2 * tone], [0.5 * tone, tone]]) + 0.1 * rng.standard_normal((2, 2, 9000))).astype(np.float32)


WITH_Y: dict[str, dict[str, Any]] = {
    "melspectrogram": {"sr": SR},
    "mfcc": {"sr": SR},
    "chroma_stft": {"sr": SR, "tuning": 0.1},
    "spectral_centroid": {"sr": SR},
    "spectral_bandwidth": {"sr": SR},
    "spectral_rolloff": {"sr": SR},
    "spectral_flatness": {},
    "spectral_contrast": {"sr": SR},
    "rms": {},
    "zero_crossing_rate": {},
}


@pytest.mark.parametrize("name", WITH_Y)
def test_leading_axes_are_channels(name: str, channels: np.ndarray) -> None:
    ours = getattr(audio, name)(y=channels, **WITH_Y[name])
    reference = getattr(librosa.feature, name)(y=channels, **WITH_Y[name])
    # The valley of contrast is one bin near zero: see test_against_librosa.py.
    assert close(ours, reference, 2e-2 if name == "spectral_contrast" else 2e-3 if name == "spectral_rolloff" else 1e-4)
    assert ours.flags.c_contiguous
    if name not in ("mfcc", "spectral_contrast"):  # their floors of 80 dB are below the loudest value of all channels
        assert np.array_equal(ours[1, 0], getattr(audio, name)(y=channels[1, 0], **WITH_Y[name]))


@pytest.mark.parametrize("name", [name for name in WITH_Y if name != "zero_crossing_rate"])
def test_spectrograms_of_channels(name: str, channels: np.ndarray) -> None:
    S = np.abs(librosa.stft(channels)).astype(np.float32)
    S = librosa.power_to_db(librosa.feature.melspectrogram(S=S**2, sr=SR)) if name == "mfcc" else S**2 if name == "chroma_stft" else S
    ours = getattr(audio, name)(S=S, **WITH_Y[name])
    assert close(ours, getattr(librosa.feature, name)(S=S, **WITH_Y[name]), 1e-3 if name == "spectral_rolloff" else 1e-4)


@pytest.mark.parametrize("window", ["hann", "nuttall", ("kaiser", 8.0), 14.0, np.hanning(400), list(np.hamming(400)), np.bartlett, "flattop"])
@pytest.mark.parametrize("pad_mode", ["constant", "reflect", "linear_ramp"])
def test_windows_and_padding(window: Any, pad_mode: str, channels: np.ndarray) -> None:
    arguments = {"n_fft": 512, "win_length": 400, "hop_length": 130, "window": window, "pad_mode": pad_mode}
    ours, reference = audio.stft(channels, **arguments), librosa.stft(channels, **arguments)
    assert ours.shape == reference.shape
    assert np.abs(ours - reference).max() < 2e-6 * np.abs(reference).max()
    double = channels.astype(np.float64)
    exact, reference = audio.stft(double, **arguments), librosa.stft(double, **arguments)
    assert exact.dtype == reference.dtype == np.complex128
    assert np.abs(exact - reference).max() < 1e-14 * np.abs(reference).max()


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "bartlett", "boxcar", "ones", "nuttall"])
def test_windows_of_one_sample(window: str, channels: np.ndarray) -> None:
    y = channels[0, 0]
    for n_fft in (1, 8):
        arguments = {"n_fft": n_fft, "win_length": 1, "hop_length": 3, "window": window}
        reference = librosa.stft(y, **arguments)
        assert np.abs(reference).max() > 0.1
        np.testing.assert_allclose(audio.stft(y, **arguments), reference, rtol=0, atol=1e-6)


def test_stft_writes_into_out(channels: np.ndarray) -> None:
    expected = audio.stft(channels)
    out = np.empty((*expected.shape[:-1], expected.shape[-1] + 3), dtype=np.complex128)
    result = audio.stft(channels, out=out)
    assert np.shares_memory(result, out)
    assert np.array_equal(result, expected)
    same = np.empty_like(expected)
    assert audio.stft(channels, out=same) is same
    assert audio.stft(channels, dtype=np.complex128).dtype == np.complex128
    for bad in (np.empty((3, 3), dtype=np.complex64), np.empty(expected.shape, dtype=np.float32), 3):
        with pytest.raises(InvalidInputError, match=r"^out of stft must be a complex array of shape"):
            audio.stft(channels, out=bad)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_frequencies_and_exponents(varying: bool, p: float, rng: np.random.Generator) -> None:
    S = rng.exponential(size=(2, 65, 9))
    freq = np.sort(rng.uniform(0, 8000, 65)) if not varying else np.sort(rng.uniform(0, 8000, (2, 65, 9)), axis=1)
    for name, arguments in (
        ("spectral_centroid", {}),
        ("spectral_bandwidth", {"p": p}),
        ("spectral_bandwidth", {"p": p, "norm": False}),
        ("spectral_rolloff", {}),
    ):
        assert close(getattr(audio, name)(S=S, freq=freq, **arguments), getattr(librosa.feature, name)(S=S, freq=freq, **arguments))
    middle = rng.uniform(100, 4000, (2, 1, 9))
    assert close(
        audio.spectral_bandwidth(S=S, freq=freq, centroid=middle, p=p), librosa.feature.spectral_bandwidth(S=S, freq=freq, centroid=middle, p=p)
    )
    if not varying:
        bands = {"freq": freq, "sr": SR, "linear": True, "quantile": 0.2}
        assert close(audio.spectral_contrast(S=S, **bands), librosa.feature.spectral_contrast(S=S, **bands))


def test_spectrograms_of_odd_transforms(channels: np.ndarray) -> None:
    y = channels[0, 0]
    S = np.abs(librosa.stft(y, n_fft=801))
    assert close(audio.spectral_centroid(S=S, n_fft=801), librosa.feature.spectral_centroid(S=S, n_fft=801))
    assert close(audio.melspectrogram(S=S, n_fft=801, n_mels=40), librosa.feature.melspectrogram(S=S, n_fft=801, n_mels=40))
    assert close(audio.chroma_stft(S=S**2, n_fft=801, tuning=0), librosa.feature.chroma_stft(S=S**2, n_fft=801, tuning=0))
    assert close(audio.spectral_centroid(y=y, n_fft=801), librosa.feature.spectral_centroid(y=y, n_fft=801))


@pytest.mark.parametrize("norm", [np.inf, -np.inf, 0, 1, 2, 3.5, None])
def test_norms_of_chroma(norm: Any, channels: np.ndarray) -> None:
    S = np.abs(librosa.stft(channels)) ** 2
    assert close(audio.chroma_stft(S=S, norm=norm, tuning=0.2), librosa.feature.chroma_stft(S=S, norm=norm, tuning=0.2))


@pytest.mark.parametrize("norm", ["slaney", None, 1, 2, 3.0, np.inf])
def test_norms_of_mel_bands(norm: Any) -> None:
    for htk in (False, True):
        ours = audio.mel_filterbank(sr=22050, n_fft=2048, norm=norm, htk=htk)
        assert np.allclose(ours, librosa.filters.mel(sr=22050, n_fft=2048, norm=norm, htk=htk), rtol=1e-5, atol=1e-9)
    assert audio.mel_filterbank(sr=22050, n_fft=512, n_mels=20, dtype=np.float64).dtype == np.float64
    with pytest.warns(EmotionNativeWarning, match="bands without a bin"):
        audio.mel_filterbank(sr=44100, n_fft=1024, fmax=2000, htk=True)


@pytest.mark.parametrize("dct_type", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", [None, "ortho", "backward", "forward"])
def test_types_of_the_cosine_transform(dct_type: int, norm: Any, rng: np.random.Generator) -> None:
    S = rng.normal(size=(2, 40, 7)) * 20
    arguments = {"n_mfcc": 50, "dct_type": dct_type, "norm": norm}
    assert close(audio.mfcc(S=S, **arguments), librosa.feature.mfcc(S=S, **arguments))
    y = rng.standard_normal(4000).astype(np.float32)
    whole = {**arguments, "n_mfcc": 13, "n_mels": 40, "lifter": 22, "sr": SR}
    assert close(audio.mfcc(y=y, **whole), librosa.feature.mfcc(y=y, **whole))


@pytest.mark.parametrize(("order", "polyorder"), [(1, 2), (1, 3), (2, 3), (2, 4), (2, 1), (1, 0)])
@pytest.mark.parametrize("mode", ["interp", "constant", "mirror"])
def test_degrees_of_delta(order: int, polyorder: int, mode: str, rng: np.random.Generator) -> None:
    data = rng.standard_normal((2, 3, 20))
    arguments = {"width": 7, "order": order, "polyorder": polyorder, "mode": mode, "delta": 0.25}
    extra = {"cval": 2.0} if mode == "constant" else {}
    assert close(audio.delta(data, **arguments, **extra), librosa.feature.delta(data, **arguments, **extra))


def test_options_of_zero_crossings_and_rms(channels: np.ndarray) -> None:
    y = np.round(channels, 1)
    cases: list[dict[str, Any]] = [
        {"zero_pos": False},
        {"pad": True},
        {"ref_magnitude": 2.0, "threshold": 0.1},
        {"ref_magnitude": np.max, "threshold": 0.2},
    ]
    for arguments in cases:
        assert close(audio.zero_crossing_rate(y, **arguments), librosa.feature.zero_crossing_rate(y, **arguments))
    double = y.astype(np.float64)
    exact = audio.rms(y=double, dtype=np.float64, pad_mode="reflect")
    assert exact.dtype == np.float64
    assert np.allclose(exact, librosa.feature.rms(y=double, dtype=np.float64, pad_mode="reflect"), rtol=1e-13)
    D = librosa.stft(y, window="boxcar")
    assert close(audio.rms(S=D), librosa.feature.rms(S=D))


MODES = ("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")


def ramp(row: np.ndarray, width: tuple[int, int], axis: int, options: Any) -> None:
    row[: width[0]], row[-width[1] :] = 0.25, -0.5


@pytest.mark.parametrize("mode", [*MODES, ramp])
def test_padding_of_frames_of_samples(mode: Any, channels: np.ndarray) -> None:
    """Every mode of numpy.pad; frames that reach over the ends more than once too."""
    for y in (channels, channels[0, 0, :300]):
        for length in (512, 2048):
            ours, reference = (f(y=y, frame_length=length, hop_length=100, pad_mode=mode) for f in (audio.rms, librosa.feature.rms))
            assert close(ours, reference)
        double = y.astype(np.float64)
        exact, reference = (f(y=double, dtype=np.float64, pad_mode=mode) for f in (audio.rms, librosa.feature.rms))
        assert np.allclose(exact, reference, rtol=1e-13)
    voice = channels[0].astype(np.float64)
    settings: dict[str, Any] = {"fmin": 80, "fmax": 900, "sr": SR, "frame_length": 1024, "pad_mode": mode}
    assert np.allclose(audio.yin(voice, **settings), librosa.yin(voice.astype(np.float32), **settings), rtol=1e-5)
    for ours, reference in zip(audio.pyin(voice, **settings), librosa.pyin(voice.astype(np.float32), **settings), strict=True):
        assert np.allclose(ours, reference, rtol=1e-6, atol=1e-6, equal_nan=True)


def test_padding_with_anything_is_the_same_each_time(channels: np.ndarray) -> None:
    y = channels[0, 0]
    for call in (lambda m: audio.rms(y=y, pad_mode=m), lambda m: audio.yin(y, fmin=80, fmax=900, pad_mode=m), lambda m: audio.stft(y, pad_mode=m)):
        assert np.array_equal(call("empty"), call("constant"))

    def broken(row: np.ndarray, width: tuple[int, int], axis: int, options: Any) -> None:
        row[0] = np.nan

    for name, arguments in (("rms", {"y": y}), ("yin", {"y": y, "fmin": 80, "fmax": 900}), ("stft", {"y": y})):
        with pytest.raises(InvalidInputError, match=f"^pad_mode of {name} must be a function that writes finite values"):
            getattr(audio, name)(**arguments, pad_mode=broken)
        with pytest.raises(InvalidInputError, match=f"^pad_mode of {name} must be one of constant, edge"):
            getattr(audio, name)(**arguments, pad_mode="glass")


def test_options_of_the_tuning(channels: np.ndarray) -> None:
    S = np.abs(librosa.stft(channels))
    for arguments in ({}, {"resolution": 0.05}, {"fmin": 50, "fmax": 2000}, {"threshold": 0.3}, {"ref": 1.5}, {"bins_per_octave": 24}):
        assert audio.estimate_tuning(S=S, sr=SR, **arguments) == pytest.approx(librosa.estimate_tuning(S=S, sr=SR, **arguments), abs=1e-9)
    with pytest.warns(EmotionNativeWarning, match="^estimate_tuning found no spectral peak"):
        assert audio.estimate_tuning(S=np.zeros((1025, 3)), sr=SR) == 0.0


def test_tonnetz(channels: np.ndarray, rng: np.random.Generator) -> None:
    for chroma in (rng.uniform(size=(12, 5)), rng.uniform(size=(2, 36, 5)), np.zeros((12, 2))):
        assert close(audio.tonnetz(chroma=chroma), librosa.feature.tonnetz(chroma=chroma))
    ours = audio.tonnetz(y=channels, sr=SR, tuning=0)
    assert np.array_equal(ours, audio.tonnetz(chroma=audio.chroma_stft(y=channels, sr=SR, tuning=0)))
    with pytest.raises(InvalidInputError, match=r"^y of tonnetz must be given"):
        audio.tonnetz()


def test_warnings_follow_librosa() -> None:
    with pytest.warns(EmotionNativeWarning, match="^n_fft of stft is 2048, more than the 100 samples of y"):
        audio.stft(np.ones(100, dtype=np.float32))
    with pytest.warns(EmotionNativeWarning, match="^S of power_to_db is complex"):
        audio.power_to_db(np.array([1j]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio.stft(np.ones(2048, dtype=np.float32))


@pytest.mark.parametrize("aggregate", [np.max, np.min, np.mean, np.median])
@pytest.mark.parametrize("lead", [(5,), (2, 3), (3, 2, 2)])
def test_levels_of_channels_are_joined_axis_by_axis(aggregate: Any, lead: tuple[int, ...], rng: np.random.Generator) -> None:
    loudness = 10 ** (rng.uniform(-3, 0, 40) + rng.uniform(-0.4, 0.4, (*lead, 40)))  # stretches quiet for all, more so for some
    y = (np.repeat(loudness, 400, axis=-1) * rng.standard_normal((*lead, 16000))).astype(np.float32)
    arguments = {"top_db": 20, "frame_length": 512, "hop_length": 128, "aggregate": aggregate}
    expected = librosa.effects.split(y, **arguments)
    assert len(expected) > 2
    assert np.array_equal(audio.effects.split(y, **arguments), expected)
    assert np.array_equal(audio.effects.trim(y, **arguments)[1], librosa.effects.trim(y, **arguments)[1])


S_NEGATIVE = -np.ones((1025, 3), dtype=np.float32)
NO_SAMPLES, NO_CHANNELS = np.zeros(0, dtype=np.float32), np.zeros((0, 4000), dtype=np.float32)
SOUND = np.sin(np.arange(4000, dtype=np.float32) / 9)
REFUSED: list[tuple[str, dict[str, Any]]] = [
    *[("resample", {"y": SOUND, **rates}) for rates in ({"orig_sr": 16000, "target_sr": 11025.5}, {"orig_sr": 22050.5, "target_sr": 16000})],
    *[("resample", {"y": SOUND, "orig_sr": 2, "target_sr": 1, "res_type": name}) for name in ("soxr_hq", "soxr_vhq", "soxr_qq", "fft", "polyphase")],
    ("resample", {"y": NO_SAMPLES, "orig_sr": 2, "target_sr": 1}),
    *[("melspectrogram", {"y": SOUND, **bands}) for bands in ({"n_mels": 0}, {"fmin": 4000, "fmax": 100}, {"fmin": 400, "fmax": 400}, {"fmin": -5})],
    ("mfcc", {"y": SOUND, "n_mfcc": 0}),
    *[(name, {"S": S_NEGATIVE}) for name in ("chroma_stft", "spectral_contrast", "estimate_tuning")],
    *[(name, {"y": NO_SAMPLES}) for name in ("stft", "melspectrogram", "mfcc", "chroma_stft", "spectral_centroid", "spectral_contrast", "rms")],
    *[(name, {"y": NO_SAMPLES, "fmin": 65, "fmax": 500}) for name in ("yin", "pyin")],
    *[(name, {"y": NO_CHANNELS}) for name in ("stft", "melspectrogram", "spectral_centroid", "rms")],
    ("rms", {"y": np.arange(4000, dtype=np.int16)}),
    *[(name, {"S": np.array([np.nan, 1.0])}) for name in ("power_to_db", "amplitude_to_db")],
    *[(name, {"S": np.ones(3), "ref": ref}) for name in ("power_to_db", "amplitude_to_db") for ref in (np.inf, np.ones(3), lambda S: S)],
    ("power_to_db", {"S": np.array([True, False])}),
]
BOTH: list[tuple[str, dict[str, Any]]] = [
    *[(name, {"S": S_NEGATIVE}) for name in ("melspectrogram", "mfcc", "rms", "power_to_db")],
    *[(name, {"S": np.zeros(0), "top_db": None}) for name in ("power_to_db", "amplitude_to_db")],
]


def theirs(name: str) -> Any:
    return getattr(librosa.feature, name, None) or getattr(librosa, name)


@pytest.mark.filterwarnings("ignore")  # of librosa, about what it computes here
def test_refusals_are_those_of_the_reference_page() -> None:
    """docs/reference/audio.md lists what librosa computes and this package refuses; if either changes, so must the page."""
    for name, arguments in REFUSED:
        theirs(name)(**arguments)
        with pytest.raises(InvalidInputError):
            getattr(audio, name)(**arguments)
    for name, arguments in BOTH:
        own = {key: np.copy(one) if key == "S" else one for key, one in arguments.items()}  # librosa's amplitude_to_db writes into S
        assert theirs(name)(**own).shape == getattr(audio, name)(**arguments).shape
    for name in ("power_to_db", "amplitude_to_db"):
        with pytest.raises(ValueError, match="zero-size"):
            theirs(name)([])
        assert getattr(audio, name)([]).shape == (0,)
    for name in ("spectral_centroid", "spectral_bandwidth", "spectral_rolloff", "spectral_flatness"):
        with pytest.raises(librosa.ParameterError):
            theirs(name)(S=S_NEGATIVE)
        with pytest.raises(InvalidInputError):
            getattr(audio, name)(S=S_NEGATIVE)
