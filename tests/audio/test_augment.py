"""Augmentation: every change has exactly the size asked for, equal seeds give equal bits, and copies stay in their training fold."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from vowels import vowel

import emotion_native as en
from emotion_native.audio import augment
from emotion_native.augmentation import AugmentedCopies, augmented_features
from emotion_native.exceptions import InvalidInputError
from emotion_native.features._extract import extract_silently
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import LeaveOneGroupOut, cross_val_predict
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler

RATE = 16_000


def tone(hz: float, n: int = RATE, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(n) / rate)


def peak_hz(y: np.ndarray, rate: int = RATE) -> float:
    """Return the frequency of a tone, by the parabola through the largest bins' logarithms."""
    middle = y[len(y) // 5 : -len(y) // 5].astype(np.float64)
    spectrum = np.log(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) + 1e-12)
    k = int(spectrum.argmax())
    a, b, c = spectrum[k - 1 : k + 2]
    return float((k + 0.5 * (a - c) / (a - 2 * b + c)) * rate / len(middle))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5, 40.0])
@pytest.mark.parametrize("color", ["white", "pink"])
def test_noise_has_exactly_the_ratio(rng: np.random.Generator, snr_db: float, color: str) -> None:
    y = tone(300).astype(np.float32)
    noise = augment.add_noise(y, snr_db=snr_db, rng=rng, color=color).astype(np.float64) - y
    # float32 samples: the rounding is 140 dB down.
    assert abs(10 * np.log10((y.astype(np.float64) ** 2).sum() / (noise**2).sum()) - snr_db) < 0.01
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[200:400].mean(), power[3200:6400].mean()
    assert 10 * np.log10(low / high) == pytest.approx(12 if color == "pink" else 0, abs=1)  # four octaves: a factor of 16
    assert not augment.add_noise(np.zeros(100), snr_db=snr_db, rng=rng).any()


@pytest.mark.parametrize("offset", [-0.5, 0.01, 0.5])
@pytest.mark.parametrize("color", ["white", "pink"])
def test_an_offset_is_no_sound(rng: np.random.Generator, offset: float, color: str) -> None:
    """Noise, rooms and pitch are those of the sound without its offset, which stays."""
    y = 0.1 * tone(300)
    noise = augment.add_noise(y + offset, snr_db=7.3, rng=rng, color=color).astype(np.float64) - y - offset
    assert abs(10 * np.log10((y**2).sum() / (noise**2).sum()) - 7.3) < 0.01
    room = augment.impulse_response(sr=RATE, rt60_s=0.3, rng=rng)
    for change in (
        lambda z: augment.reverberate(z, response=room),
        lambda z: augment.shift_pitch(z, sr=RATE, semitones=3),
        lambda z: augment.band_limit(z, sr=RATE, high_hz=3400),
    ):
        middle = slice(2000, -2000)  # the phases of the ends, where a vocoder hears clicks, hang on the rounding of the samples
        np.testing.assert_allclose(change(y + offset)[middle], change(y)[middle] + np.float32(offset), atol=1e-5)
        np.testing.assert_allclose(change(np.full(900, offset)), offset, rtol=1e-6)
        assert not change(np.zeros(900)).any()


@pytest.mark.parametrize("speed", [0.8, 0.95, 1.1, 1.5])
def test_speed_changes_length_and_pitch(speed: float) -> None:
    y = augment.change_speed(tone(440), speed=speed)
    assert len(y) == int(np.ceil(RATE / speed - 1e-9))
    assert peak_hz(y) == pytest.approx(440 * speed, rel=1e-4)


@pytest.mark.parametrize("semitones", [-7, -2, -0.5, 1, 4])
@pytest.mark.parametrize("hz", [220.0, 1000.0])
def test_pitch_changes_alone(semitones: float, hz: float) -> None:
    y = augment.shift_pitch(tone(hz), sr=RATE, semitones=semitones)
    assert len(y) == RATE
    assert peak_hz(y) == pytest.approx(hz * 2 ** (semitones / 12), rel=2e-3)  # ratios are rounded to thousandths
    middle = slice(RATE // 5, -RATE // 5)
    assert np.sqrt(np.mean(y[middle] ** 2)) == pytest.approx(np.sqrt(0.5), rel=0.01)  # the ends fade in and out
    assert np.array_equal(augment.shift_pitch(tone(hz), sr=RATE, semitones=0), tone(hz).astype(np.float32))


def energy(y: np.ndarray) -> float:
    return float((y.astype(np.float64) ** 2).sum())


@pytest.mark.parametrize("semitones", [-12, -4, -0.5, 0.5, 1, 7, 12])
def test_pitch_does_not_show_in_the_level(rng: np.random.Generator, semitones: float) -> None:
    bursts = rng.normal(size=RATE) * (tone(3) > 0)
    for y in (tone(220), vowel(120, duration_s=1.0, sample_rate_hz=RATE).samples, bursts):
        shifted = augment.shift_pitch(y - y.mean(), sr=RATE, semitones=semitones)
        assert 10 * np.log10(energy(shifted) / energy(y - y.mean())) == pytest.approx(0, abs=0.01)
    if semitones > 1:  # nothing is left of the tone but what leaks: 6 dB more of it at most
        assert 10 * np.log10(energy(augment.shift_pitch(tone(7500), sr=RATE, semitones=semitones)) / energy(tone(7500))) < -30
    assert not augment.shift_pitch(np.zeros(900), sr=RATE, semitones=semitones).any()


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("hz", [80, 150])
def test_shifted_voices_stay_steady_at_any_rate(rate: int, hz: int) -> None:
    """At least three periods of 80 Hz are in a frame: with fewer the harmonics run together, and the cycles come out unequal."""
    y = vowel(hz, duration_s=1.5, sample_rate_hz=rate).samples
    middle = slice(20, -20)
    own = float(np.nanmedian(en.audio.voice_quality(y, rate).hnr_db[middle]))
    for semitones in (-4, -0.5, 0.5, 4, 7):
        found = en.audio.voice_quality(augment.shift_pitch(y, sr=rate, semitones=semitones), rate)
        assert np.nanmedian(found.hnr_db[middle]) > own - (7 if semitones == -4 and hz == 150 else 1)
        assert np.nanmedian(found.shimmer_db[middle]) < 0.06


def test_tempo_stays_where_pitch_changes() -> None:
    y = np.zeros(2 * RATE)
    y[RATE // 2 : RATE // 2 + 4000] = tone(500, 4000)
    for semitones in (-4, 3):
        envelope = augment.shift_pitch(y, sr=RATE, semitones=semitones).astype(np.float64) ** 2
        centre = (envelope * np.arange(len(y))).sum() / envelope.sum()
        assert centre == pytest.approx(RATE // 2 + 2000, abs=0.03 * RATE)


@pytest.mark.parametrize("rt60_s", [0.1, 0.4, 1.0])
def test_rooms_decay_by_60_db_in_their_time(rt60_s: float) -> None:
    times = []
    for seed in range(8):
        h = augment.impulse_response(sr=RATE, rt60_s=rt60_s, rng=np.random.default_rng(seed))
        assert h[0] == 1
        tail = h[1:].astype(np.float64)
        assert (tail**2).sum() == pytest.approx(1, rel=1e-5)  # as much as the direct sound
        left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1])  # Schroeder's backward integration
        t = np.arange(len(left)) / RATE
        part = (left < -5) & (left > -35)
        times.append(-60 / np.polyfit(t[part], left[part], 1)[0])
    assert np.mean(times) == pytest.approx(rt60_s, rel=0.03)


def test_reverberation_is_the_convolution_at_equal_energy(rng: np.random.Generator) -> None:
    y, h = rng.normal(size=500), rng.normal(size=90)
    y -= y.mean()
    wet = np.convolve(y, h)[:500]
    expected = wet * np.sqrt((y**2).sum() / (wet**2).sum())
    np.testing.assert_allclose(augment.reverberate(y, response=h), expected, atol=1e-5)


def test_bands_are_kept_and_the_rest_is_80_db_down() -> None:
    for hz, kept in ((100, False), (145, False), (460, True), (1000, True), (3240, True), (3560, False), (7000, False)):
        y = augment.band_limit(tone(hz, 2 * RATE), sr=RATE, low_hz=300, high_hz=3400)[RATE // 2 : -RATE // 2].astype(np.float64)
        level = 20 * np.log10(np.sqrt(2 * np.mean(y**2)) + 1e-12)
        assert abs(level) < 0.02 if kept else level < -79
    y = tone(1000)
    np.testing.assert_allclose(augment.band_limit(y, sr=RATE), y, atol=1e-6)


def response_db(hz: list[float], rate: int, **band: float) -> list[float]:
    """Return the gain at some frequencies, from the answer to two opposite clicks (a single one has a mean)."""
    n = 8 * rate
    clicks = np.zeros(n)
    clicks[n // 2 : n // 2 + 2] = 1, -1
    found = augment.band_limit(clicks, sr=rate, **band).astype(np.float64)
    turns = [np.exp(-2j * np.pi * one / rate * np.arange(n)) for one in hz]
    return [float(20 * np.log10(abs(found @ turn) / abs(clicks @ turn) + 1e-12)) for turn in turns]


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("low_hz", [10.0, 50.0, 100.0, 300.0])
def test_low_edges_are_edges(rate: int, low_hz: float) -> None:
    """An edge nearer to 0 Hz than half of its transition met its own mirror image there, and let everything pass."""
    below, edge, above, top, beyond = response_db([0.02 * low_hz, low_hz, 2 * low_hz, 7000, 7160], rate, low_hz=low_hz, high_hz=7000)
    assert below < -40 and beyond < -79
    assert edge == pytest.approx(-6, abs=0.5) and top == pytest.approx(-6, abs=0.5) and abs(above) < 0.01
    assert np.abs(augment.band_limit(np.full(4000, 0.5), sr=rate, low_hz=low_hz, high_hz=7000)).max() < 1e-6


def test_high_edges_near_the_nyquist_frequency_are_edges() -> None:
    below, edge, above = response_db([7900, 7950, 7999], RATE, high_hz=7950)
    assert abs(below) < 0.01 and edge == pytest.approx(-6, abs=0.5) and above < -40


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y: augment.change_speed(y, speed=5), "speed of change_speed must be from 0.25 to 4"),
        (lambda y: augment.shift_pitch(y, sr=RATE, semitones=13), "semitones of shift_pitch must be from -12 to 12"),
        (lambda y: augment.shift_pitch(y, sr=16000.5, semitones=1), "sr of shift_pitch"),
        (lambda y: augment.band_limit(y, sr=RATE, low_hz=7900, high_hz=9000), "high_hz of band_limit"),
        (lambda y: augment.add_noise(y, snr_db=float("nan"), rng=np.random.default_rng()), "snr_db of add_noise"),
        (lambda y: augment.add_noise(y, snr_db=1, rng=np.random.default_rng(), color="blue"), "color of add_noise"),
        (lambda y: augment.band_limit(y, sr=RATE, low_hz=300, high_hz=400), "high_hz of band_limit"),
        (lambda y: augment.impulse_response(sr=RATE, rt60_s=0, rng=np.random.default_rng()), "rt60_s of impulse_response"),
        (lambda y: augment.Recipe(probability=2), "probability of Recipe"),
        (lambda y: augment.Recipe(speed=(2, 1)), "speed of Recipe"),
        (lambda y: augment.change_gain([1.0], gain_db=1), "y of change_gain"),
    ],
)
def test_what_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        call(tone(100))


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": (5.0, 10.0)}, {"speed": ("a", "b")}, {"speed": (0, 0)}, {"semitones": (-40.0, 40.0)}, {"rt60_s": (0.0, 0.0)},
        {"snr_db": (float("-inf"), 1.0)}, {"snr_db": (float("nan"), 1.0)}, {"gain_db": (0.0, 1e9)}, {"bands_hz": ((300.0, 400.0),)},
        {"bands_hz": (300.0, 3400.0)}, {"bands_hz": 5}, {"bands_hz": np.array(5.0)}, {"bands_hz": "ab"}, {"bands_hz": [[300, 3400, 5000]]},
        {"bands_hz": [[-5.0, 3400.0]]}, {"speed": [1.1, 0.9]}, {"speed": [0.9]}, {"speed": 1.0}, {"speed": "12"}, {"speed": np.array(1.0)},
        {"speed": []}, {"speed": [0.9, [1.1]]},
    ],
)  # fmt: skip
def test_recipes_that_no_clip_could_follow_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{next(iter(wrong))} of Recipe must be"):
        augment.Recipe(**wrong)


@pytest.mark.parametrize("kind", [tuple, list, np.array])
def test_bounds_are_any_two_numbers(kind: Any) -> None:
    recipe = augment.Recipe(speed=kind((0.9, 1.1)), semitones=kind((-1, 1)), bands_hz=kind([kind((300, 3400)), kind((50, 7000))]))
    assert recipe == augment.Recipe() and hash(recipe) == hash(augment.Recipe())
    assert isinstance(recipe.speed, tuple) and isinstance(recipe.speed[0], float) and isinstance(recipe.bands_hz[0], tuple)
    assert augment.Recipe(bands_hz=kind([])).bands_hz == ()


def test_copies_are_keyed_by_seed_clip_and_number_alone() -> None:
    y, recipe = tone(300).astype(np.float32), augment.Recipe(probability=1.0)
    one, done = augment.apply(y, sr=RATE, recipe=recipe, seed=3, clip=5, copy=1)
    again, _ = augment.apply(y, sr=RATE, recipe=recipe, seed=3, clip=5, copy=1)
    assert np.array_equal(one, again)
    for other in ({"seed": 4, "clip": 5, "copy": 1}, {"seed": 3, "clip": 6, "copy": 1}, {"seed": 3, "clip": 5, "copy": 2}):
        assert augment.apply(y, sr=RATE, recipe=recipe, **other)[1] != done
    _, less = augment.apply(y, sr=RATE, recipe=augment.Recipe(probability=1.0, speed=None), seed=3, clip=5, copy=1)
    assert less == {name: value for name, value in done.items() if name != "speed"}
    nothing, none = augment.apply(y, sr=RATE, recipe=augment.Recipe(probability=0.0), seed=3)
    assert none == {} and np.array_equal(nothing, y)


@pytest.fixture(scope="module")
def sample() -> Any:
    rows = en.datasets.load_sample()
    return rows.groupby("speaker").head(6).reset_index(drop=True)


@pytest.fixture(scope="module")
def copies(sample: Any) -> Any:
    return augmented_features(sample, n_copies=2, random_state=7, n_jobs=2, progress=False)


def test_copies_of_a_manifest(sample: Any, copies: Any) -> None:
    assert copies.X.shape == (2 * len(sample), 1116)
    assert np.isfinite(copies.X).all()
    assert copies.source.tolist() == np.repeat(np.arange(len(sample)), 2).tolist()
    one = augmented_features(sample, n_copies=2, random_state=7, n_jobs=1, progress=False)
    assert np.array_equal(one.X, copies.X) and one.parameters == copies.parameters
    part = augmented_features(sample.iloc[[5, 2]], n_copies=1, random_state=7, n_jobs=7, progress=False)
    assert np.array_equal(part.X, copies.X[[10, 4]])  # a clip's copies do not depend on the others
    told = copies.provenance()
    assert told["source"].tolist() == copies.source.tolist()
    assert {"snr_db", "gain_db", "speed", "semitones", "rt60_s"} <= set(told)
    y, _ = en.audio.load(str(sample["filepath"][3]), sr=RATE)
    import hashlib

    clip = int.from_bytes(hashlib.sha256(y.tobytes()).digest()[:8], "little")
    changed, done = augment.apply(y, sr=RATE, recipe=augment.Recipe(), seed=7, clip=clip, copy=1)
    assert done == copies.parameters[7]
    assert np.array_equal(en.audio.functionals(changed, RATE), copies.X[7])


def test_clips_that_cannot_be_read_are_told(sample: Any) -> None:
    rows = sample.head(2).assign(filepath=[sample["filepath"][0], "nowhere.wav"])
    found = augmented_features(rows, progress=False)
    assert found.source.tolist() == [0]
    assert list(found.failed) == [1]


@pytest.mark.parametrize("unknown", [None, np.nan, pd.NA, "", "x/unknown_speakers", "unknown"])
def test_clips_of_unknown_speakers_are_changed_each_in_its_own_way(sample: Any, unknown: Any) -> None:
    speaker = sample["speaker"].astype(object)
    speaker[:2] = unknown
    found = augmented_features(sample.assign(speaker=speaker).head(4), n_copies=1, random_state=7, per="speaker", progress=False)
    own = augmented_features(sample.head(4), n_copies=1, random_state=7, progress=False)
    assert found.parameters[:2] == own.parameters[:2] and found.parameters[0] != found.parameters[1]
    assert speaker[2] == speaker[3] and found.parameters[2] == found.parameters[3]


def test_arguments_are_no_failures_of_clips(sample: Any) -> None:
    for rate in (-1, 16000.5, 10, "16000"):
        with pytest.raises(InvalidInputError, match=r"^sample_rate_hz of augmented_features must be"):
            augmented_features(sample.head(1), sample_rate_hz=rate, progress=False)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"^column 'start' of manifest of augmented_features must be seconds of at least 0; got 'soon'"):
        augmented_features(sample.head(1).assign(start="soon"), progress=False)
    with pytest.raises(InvalidInputError, match=r"^manifest of augmented_features must be a DataFrame or the path of a table; got list"):
        augmented_features([sample["filepath"][0]], progress=False)  # type: ignore[arg-type]  # the wrong value is the test


def test_quality_columns_of_copies_are_their_clips(sample: Any, tmp_path: Path) -> None:
    """They are measured at the file's own rate, where clipping shows; a copy has been resampled."""
    y, _ = en.audio.load(str(sample["filepath"][0]), sr=48_000)
    clipped = np.clip(20 * y / np.abs(y).max(), -1, 1)
    with wave.open(str(tmp_path / "clipped.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((clipped * 32767).astype("<i2").tobytes())
    rows = sample.head(2).assign(filepath=[str(tmp_path / "clipped.wav"), sample["filepath"][1]], start=[0.2, 0.0], end=[1.2, 1.0])
    for features in ("quality", "quality+egemaps"):
        table = en.features.extract(rows, features, progress=False, cache=False)
        copies = augmented_features(rows, n_copies=2, features=features, progress=False)
        own = [place for place, name in enumerate(table.names) if features == "quality" or name.startswith("quality:")]
        assert len(own) == 10 and table.X[0, own].tolist() != table.X[1, own].tolist()
        assert np.array_equal(copies.X[:, own], np.repeat(table.X[:, own], 2, axis=0))
    changed = np.setdiff1d(np.arange(len(table.names)), own)
    assert (copies.X[:, changed] != np.repeat(table.X[:, changed], 2, axis=0)).any(axis=1).all()


@pytest.mark.parametrize("features", ["classic", "egemaps"])
def test_rows_are_read_as_extraction_reads_them(sample: Any, features: str, tmp_path: Path) -> None:
    """A copy to which nothing was done has the features of its clip, to the bit; rows that extraction fails have no copies."""
    rows = sample.head(7).assign(
        filepath=[Path(sample["filepath"][0]), *sample["filepath"][1:6], "nowhere.wav"],
        start=["", " 0.25", "0.1", None, pd.NA, 0, ""],
        end=["", "1.25 ", 1.3, "nan", pd.NA, 1.5, ""],
        modality=["audio_only", "audio_video", "audio_only", "text", "video_only", "audio_only", "audio_only"],
        text="some words",
    )
    table = extract_silently(rows, [features], sample_rate_hz=RATE, progress=False, cache=False)
    copies = augmented_features(rows, features=features, recipe=augment.Recipe(probability=0.0), progress=False)
    assert copies.source.tolist() == np.flatnonzero(table.ok).tolist() == [0, 1, 2, 5]
    assert np.array_equal(copies.X, table.X[table.ok])
    assert [copies.failed[row] for row in (3, 4)] == table.messages[3:5].tolist() == ["the row is text", "the row is video without sound"]
    with pytest.raises(InvalidInputError, match=r"^column 'filepath' of manifest of augmented_features must name a file"):
        augmented_features(rows.assign(filepath=None), progress=False)
    en.datasets.write_manifest(sample.head(2), tmp_path / "manifest.csv")
    written = augmented_features(tmp_path / "manifest.csv", features=features, per="speaker", progress=False)
    assert np.array_equal(written.X, augmented_features(sample.head(2), features=features, per="speaker", progress=False).X)


class _Recorder(LogisticRegression):
    """Notes the rows that it is fitted on."""

    seen: ClassVar[list[np.ndarray]] = []

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        type(self).seen.append(np.asarray(X))
        return super().fit(X, y, sample_weight)

    def _native_step(self) -> Any:
        return None


@pytest.mark.filterwarnings("ignore:lbfgs failed")  # unscaled columns: what is fitted matters here, not how well
def test_copies_train_in_their_sources_folds_and_nowhere_else(sample: Any, copies: Any) -> None:
    table = en.features.extract(sample, progress=False, cache=False)
    speaker, label = sample["speaker"].to_numpy(), sample["label"].to_numpy()
    _Recorder.seen.clear()
    model = make_pipeline(AugmentedCopies(copies), _Recorder())
    params = {"clip": np.arange(len(sample)), "speaker": speaker}
    predicted = cross_val_predict(model, table.X, label, groups=speaker, cv=LeaveOneGroupOut(), params=params)
    assert predicted.shape == label.shape
    for fitted, who in zip(_Recorder.seen, np.unique(speaker), strict=True):
        train = np.flatnonzero(speaker != who)
        expected = np.concatenate([table.X[train], copies.X[np.isin(copies.source, train)]])
        assert np.array_equal(fitted, expected)
        held = copies.X[np.isin(copies.source, np.flatnonzero(speaker == who))]
        assert not (fitted[:, None, :5] == held[None, :, :5]).all(axis=2).any()


def test_labels_groups_and_speakers_are_the_sources(sample: Any, copies: Any) -> None:
    label, speaker = sample["label"].to_numpy(), sample["speaker"].to_numpy()
    table = en.features.extract(sample, progress=False, cache=False)
    sampler = AugmentedCopies(copies, n_copies=1)
    X, y = sampler.fit_resample(table.X, label, clip=np.arange(len(sample)))
    assert len(X) == 2 * len(sample)
    assert np.array_equal(y, np.concatenate([label, label]))
    assert np.array_equal(X[len(sample) :], copies.X[::2])
    assert clone(sampler).copies is copies
    normalizer = en.preprocessing.SpeakerNormalizer()
    fitted = make_pipeline(AugmentedCopies(copies), normalizer, LogisticRegression()).fit(
        table.X, label, clip=np.arange(len(sample)), speaker=speaker
    )
    assert fitted[1].n_speakers_ == len(np.unique(speaker))
    alone = en.preprocessing.SpeakerNormalizer().fit(table.X, speaker=speaker)
    variance = alone.within_ * alone.scale_**2  # copies count as the clips that they were made of
    np.testing.assert_allclose(fitted[1].within_ * fitted[1].scale_**2, variance, rtol=1e-6, atol=1e-12)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(table.X, label)
    assert not np.array_equal(plain.predict_proba(table.X), fitted.predict_proba(table.X))


@pytest.mark.parametrize("clip", [None, [0], ["a"] * 36])
def test_what_the_sampler_refuses(sample: Any, copies: Any, clip: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"clip of AugmentedCopies.fit_resample must be"):
        AugmentedCopies(copies).fit_resample(np.zeros((len(sample), 1116)), sample["label"], clip=clip)
    with pytest.raises(InvalidInputError, match=r"X of AugmentedCopies.fit_resample must have the 1116 columns"):
        AugmentedCopies(copies).fit_resample(np.zeros((2, 3)), ["a", "b"], clip=[0, 1])
    X, y = np.zeros((2, 1116)), ["a", "b"]
    for unknown in (-1, len(sample)):  # rows of another table, perhaps one that lost some
        with pytest.raises(InvalidInputError, match=rf"clip of .* must be rows of the manifest that the copies were made of; got {unknown}"):
            AugmentedCopies(copies).fit_resample(X, y, clip=[0, unknown])
    with pytest.raises(InvalidInputError, match=r"X of .* must have the columns of the copies in their order"):
        AugmentedCopies(copies).fit_resample(pd.DataFrame(X, columns=copies.names[::-1]), y, clip=[0, 1])
    with pytest.raises(InvalidInputError, match=r"y of .* must be one label a row \(2\)"):
        AugmentedCopies(copies).fit_resample(X, ["a"], clip=[0, 1])
    with pytest.raises(InvalidInputError, match="copies of AugmentedCopies must be"):
        AugmentedCopies().fit_resample(np.zeros((2, 3)), ["a", "b"], clip=[0, 1])


def test_feature_sets_of_copies_are_named_as_those_of_tables(sample: Any) -> None:
    rows = sample.head(1)
    listed = augmented_features(rows, features=["egemaps", "quality"], progress=False)
    joined = augmented_features(rows, features="egemaps+quality", progress=False)
    assert listed.names == joined.names == en.audio.feature_names("egemaps+quality") and np.array_equal(listed.X, joined.X)
    for wrong in ("modern", ["classic", "classic"], [], [3], 3, None):
        with pytest.raises(InvalidInputError, match=r"features of augmented_features must be different names of feature sets \('classic', .*; got "):
            augmented_features(rows, features=wrong, progress=False)  # type: ignore[arg-type]  # wrong on purpose
