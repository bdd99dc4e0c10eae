"""Arrays of samples as clips that enrol a speaker, or are predicted by many: each is the float WAV file that holds it, under every rule of clips."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import emotion_native as en
from emotion_native._samples import MOST_SAMPLES, samples_file
from emotion_native.exceptions import InvalidInputError, MediaDecodeError

from .conftest import RATE, voice, wav_bytes

Samples = npt.NDArray[np.float32]
KNOWN = "enrol of {} must be other clips of the speaker than those to be predicted; got the same samples"


@pytest.fixture(scope="module")
def voices() -> list[Samples]:
    """Return five clips of one speaker."""
    return [voice(150 + 20 * i, 0.1 + 0.05 * i, seed=i) for i in range(5)]


@pytest.fixture(scope="module")
def files(voices: list[Samples], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return files of the same clips."""
    folder = tmp_path_factory.mktemp("voices")
    for i, samples in enumerate(voices):
        (folder / f"{i}.wav").write_bytes(wav_bytes(samples))
    return [str(folder / f"{i}.wav") for i in range(len(voices))]


@pytest.fixture(scope="module")
def model() -> en.EmotionModel:
    """Return a model that takes enrolment."""
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.persistence import model_bytes
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import SpeakerNormalizer

    pairs = [(who, level) for who in range(4) for level in (0.1, 0.15, 0.4, 0.5)]
    X = np.stack([en.audio.functionals(voice(100 + 40 * who, level, seed=i), RATE) for i, (who, level) in enumerate(pairs)])
    y = ["calm" if level < 0.3 else "angry" for _, level in pairs]
    fitted: Any = make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(X, y, speaker=[who for who, _ in pairs])
    return en.load_model(model_bytes(fitted, extractor={"feature_set": "classic", "sample_rate_hz": RATE}))


def test_samples_are_the_file_that_holds_them(voices: list[Samples]) -> None:
    assert samples_file(voices[0], RATE) == wav_bytes(voices[0])
    assert samples_file(np.repeat(voices[0], 2)[::2], 44_100) == wav_bytes(voices[0], 44_100)


def test_every_door_takes_samples_that_enrol(model: en.EmotionModel, voices: list[Samples], files: list[str]) -> None:
    expected = model.predict(files[0], enrol=files[1:])
    for enrol in (voices[1:], tuple(voices[1:]), [voices[1].astype(np.float64), *files[2:4], np.repeat(voices[4], 2)[::2]]):
        assert model.predict(voices[0], sample_rate_hz=RATE, enrol=enrol) == expected
        assert model.predict(files[0], sample_rate_hz=RATE, enrol=enrol) == expected
        own = model.for_speaker(enrol, sample_rate_hz=RATE)
        assert own.enrolled == 4
        assert own.predict(files[0]) == own.predict(voices[0], sample_rate_hz=RATE) == expected
        assert model.predict_batch([files[0], voices[0]], sample_rate_hz=RATE, enrol=enrol) == [expected, expected]
    assert model.predict(voices[0], sample_rate_hz=RATE, enrol=files[1:]) == expected
    assert model.predict_batch(files[:1], sample_rate_hz=RATE, enrol=voices[1:]) == [expected]
    stream = own.stream(RATE, window_s=0.6, hop_s=0.6)
    (found,) = stream.push(voices[0])
    assert found.prediction.probabilities == expected.probabilities


def test_samples_of_another_rate_are_brought_to_that_of_the_model(model: en.EmotionModel, voices: list[Samples], tmp_path: Path) -> None:
    other = voice(190, 0.2, rate=22_050)
    (tmp_path / "other.wav").write_bytes(wav_bytes(other, 22_050))
    expected = model.predict(wav_bytes(voices[0]), enrol=[str(tmp_path / "other.wav")])
    assert model.predict(wav_bytes(voices[0]), sample_rate_hz=22_050, enrol=[other]) == expected


def test_a_clip_of_samples_is_never_normalised_by_itself(model: en.EmotionModel, voices: list[Samples]) -> None:
    alike = [voices[0], voices[0].copy(), voices[0].astype(np.float64), np.repeat(voices[0], 2)[::2]]
    for same in alike:
        with pytest.raises(InvalidInputError, match=KNOWN.format("predict")):
            model.predict(voices[0], sample_rate_hz=RATE, enrol=[voices[1], same])
        with pytest.raises(InvalidInputError, match=KNOWN.format("predict_batch")):
            model.predict_batch([voices[2], voices[0]], sample_rate_hz=RATE, enrol=[same])
        with pytest.raises(InvalidInputError, match=r"enrol of predict must be other clips .*; got the same bytes"):
            model.predict(wav_bytes(voices[0]), sample_rate_hz=RATE, enrol=[same])
        own = model.for_speaker([voices[1], same], sample_rate_hz=RATE)
        for one in (own, pickle.loads(pickle.dumps(own))):
            for call in (one.predict, one.explain):
                with pytest.raises(InvalidInputError, match=r"source of predict must be another clip than those that .*; got the same samples"):
                    call(voices[0], sample_rate_hz=RATE)
            with pytest.raises(InvalidInputError, match=r"sources of predict_batch must be other clips than those that .*; got the same samples"):
                one.predict_batch([voices[2], voices[0]], sample_rate_hz=RATE)
    assert own.predict(voices[0][:-1], sample_rate_hz=RATE).label is not None


def test_samples_that_repeat_others_do_not_count(model: en.EmotionModel, voices: list[Samples], files: list[str]) -> None:
    found = model.predict(files[0], sample_rate_hz=RATE, enrol=[voices[1], voices[2], voices[1].astype(np.float64), files[2]])
    assert found.probabilities == model.predict(files[0], enrol=files[1:3]).probabilities
    assert "enrolment: 2 of 4 clips given repeat others and do not count" in found.warnings


def test_samples_that_cannot_be_used_are_told_as_files_are(model: en.EmotionModel, voices: list[Samples], files: list[str]) -> None:
    unknown = np.full(RATE, np.nan, dtype=np.float32)
    found = model.predict(files[0], sample_rate_hz=RATE, enrol=[voices[1], unknown])
    assert any(note.startswith("enrolment: 1 of 2 clips given cannot be used and does not count (non_finite: ") for note in found.warnings)
    with pytest.raises(MediaDecodeError, match=r"enrol of for_speaker must have a clip that can be used; got 1 that cannot \(non_finite: "):
        model.for_speaker([unknown], sample_rate_hz=RATE)


def test_a_batch_takes_samples(model: en.EmotionModel, voices: list[Samples], files: list[str]) -> None:
    silent = np.zeros(RATE, dtype=np.float32)
    found = model.predict_batch([files[0], voices[1], silent, wav_bytes(voices[2])], sample_rate_hz=RATE)
    assert found[:2] == model.predict_batch(files[:2]) and found[3] == model.predict(files[2])
    assert found[1] == model.predict(voices[1], sample_rate_hz=RATE)
    assert found[2].reason == "silent"


Calls = dict[str, tuple[Callable[[en.EmotionModel, Samples], Any], str]]
CALLS: Calls = {
    "no rate": (lambda m, y: m.predict(b"", enrol=[y]), r"sample_rate_hz of predict must be a whole number .* when enrol\[0\] is an array; got None"),
    "no rate for a speaker": (
        lambda m, y: m.for_speaker([b"", y]),
        r"sample_rate_hz of for_speaker must be .* when enrol\[1\] is an array; got None",
    ),
    "no rate in a batch": (
        lambda m, y: m.predict_batch([b"", y]),
        r"sample_rate_hz of predict_batch must be .* when sources\[1\] is an array; got None",
    ),
    "no rate of a batch": (lambda m, y: m.predict_batch([b""], enrol=[y]), r"sample_rate_hz of predict_batch must be .* when enrol\[0\] is an array"),
    "a wrong rate": (lambda m, y: m.for_speaker([y], sample_rate_hz=0), "sample_rate_hz of for_speaker must be a whole number from 1 to 768000"),
    "a rate of files": (
        lambda m, y: m.for_speaker([b""], sample_rate_hz=RATE),
        "sample_rate_hz of for_speaker must be None unless a clip of enrol is an array; got 16000",
    ),
    "a rate of rows": (
        lambda m, y: m.for_speaker(np.zeros((2, len(m.feature_names)), dtype=np.float32), sample_rate_hz=RATE),
        "sample_rate_hz of for_speaker must be None unless a clip of enrol is an array; got 16000",
    ),
    "a rate of files at once": (
        lambda m, y: m.predict(b"", sample_rate_hz=RATE, enrol=[b"a"]),
        "sample_rate_hz of predict must be None unless source or a clip of enrol is an array; got 16000",
    ),
    "a rate of a batch of files": (
        lambda m, y: m.predict_batch([b""], sample_rate_hz=RATE),
        "sample_rate_hz of predict_batch must be None unless a source is an array; got 16000",
    ),
    "one array": (
        lambda m, y: m.for_speaker(y, sample_rate_hz=RATE),
        r"enrol of for_speaker must be a sequence of clips, or rows of features; got one array of samples \(give it as \[samples\]\)",
    ),
    "one array as a batch": (
        lambda m, y: m.predict_batch(y, sample_rate_hz=RATE),
        r"sources of predict_batch must be a sequence of clips; got one ndarray \(use predict, or predict_features for rows\)",
    ),
    "stereo": (
        lambda m, y: m.for_speaker([y, np.stack([y, y])], sample_rate_hz=RATE),
        r"enrol\[1\] of for_speaker must be a 1-d float array of mono samples \(full scale is 1\); got dtype float32 and shape \(2, 9600\)",
    ),
    "integers": (
        lambda m, y: m.predict(b"", sample_rate_hz=RATE, enrol=[(y * 32767).astype(np.int16)]),
        r"enrol\[0\] of predict must be a 1-d float array of mono samples \(full scale is 1\); got dtype int16",
    ),
    "nothing": (
        lambda m, y: m.for_speaker([y[:0]], sample_rate_hz=RATE),
        rf"enrol\[0\] of for_speaker must be an array of 1 to {MOST_SAMPLES} samples; got 0 samples",
    ),
    "no clip": (
        lambda m, y: m.predict_batch([y, 3], sample_rate_hz=RATE),
        r"sources\[1\] of predict_batch must be a path, bytes or an array of samples",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_refused_is_named(name: str, model: en.EmotionModel, voices: list[Samples]) -> None:
    call, message = CALLS[name]
    with pytest.raises(InvalidInputError, match=f"^{message}"):
        call(model, voices[0])
