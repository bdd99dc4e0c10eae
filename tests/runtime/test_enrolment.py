"""Clips that enrol a speaker: which count, what is said of the others, and that none is ever normalised by itself."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, MediaDecodeError, ModelFormatError

from .conftest import RATE, voice, wav_bytes

# Only the length is judged: synthetic voices are no speech.
LIMITS = {"least_duration_s": 0.5, "least_speech_s": 0.0, "least_speech_ratio": 0.0, "most_clipped_ratio": 1.0, "least_snr_db": -100.0}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return five clips of one speaker, the last of 0.3 s."""
    folder = tmp_path_factory.mktemp("clips")
    for i in range(5):
        samples = voice(150 + 20 * i, 0.1 + 0.05 * i, seconds=0.3 if i == 4 else 0.6, seed=i)
        (folder / f"{i}.wav").write_bytes(wav_bytes(samples))
    return [str(folder / f"{i}.wav") for i in range(5)]


@pytest.fixture(scope="module")
def model_of() -> Callable[..., en.EmotionModel]:
    """Return what loads a model that takes enrolment, with a rule of quality."""
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.persistence import model_bytes
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import SpeakerNormalizer

    pairs = [(who, level) for who in range(4) for level in (0.1, 0.15, 0.4, 0.5)]
    X = np.stack([en.audio.functionals(voice(100 + 40 * who, level, seed=i), RATE) for i, (who, level) in enumerate(pairs)])
    y = ["calm" if level < 0.3 else "angry" for _, level in pairs]
    fitted: Any = make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(X, y, speaker=[who for who, _ in pairs])

    def load(action: str = "off") -> en.EmotionModel:
        extractor = {"feature_set": "classic", "sample_rate_hz": RATE}
        return en.load_model(model_bytes(fitted, extractor=extractor, quality={"action": action, **LIMITS}))

    return load


def enrolment_notes(prediction: en.Prediction) -> list[str]:
    return [note for note in prediction.warnings if note.startswith("enrol")]


def test_what_the_rule_of_quality_drops_enrols_nobody(model_of: Callable[..., en.EmotionModel], clips: list[str]) -> None:
    model = model_of("drop")
    found = model.predict(clips[0], enrol=clips[1:])
    assert found.probabilities == model.predict(clips[0], enrol=clips[1:4]).probabilities
    assert found.probabilities != model_of("off").predict(clips[0], enrol=clips[1:]).probabilities
    notes = enrolment_notes(found)
    assert notes[0] == "enrolled: normalised by 3 clips of the speaker"
    assert notes[1].startswith("enrolment: 1 of 4 clips given cannot be used and does not count (too_short: ") and len(notes) == 2
    with pytest.raises(MediaDecodeError, match=r"enrol of for_speaker must have a clip that can be used; got 1 that cannot \(too_short: ") as caught:
        model.for_speaker(clips[4:])
    assert caught.value.reason == "too_short"


def test_what_it_flags_counts_and_is_told(model_of: Callable[..., en.EmotionModel], clips: list[str]) -> None:
    found = model_of("flag").predict(clips[0], enrol=clips[1:])
    assert found.probabilities == model_of("off").predict(clips[0], enrol=clips[1:]).probabilities
    notes = enrolment_notes(found)
    assert notes[0] == "enrolled: normalised by 4 clips of the speaker"
    assert notes[1].startswith("enrolment: 1 of 4 clips given counts and is doubtful (too_short: ") and len(notes) == 2
    assert enrolment_notes(model_of("off").predict(clips[0], enrol=clips[1:])) == notes[:1]


@pytest.fixture(params=["path", "bytes", "copy", "hard link", "symbolic link"])
def disguised(request: pytest.FixtureRequest, clips: list[str], tmp_path: Path) -> str | bytes:
    """Return the first clip under another guise."""
    other = tmp_path / "other.wav"
    if request.param == "bytes":
        return Path(clips[0]).read_bytes()
    if request.param == "copy":
        shutil.copyfile(clips[0], other)
    elif request.param == "hard link":
        os.link(clips[0], other)
    elif request.param == "symbolic link":
        other.symlink_to(clips[0])
    else:
        return clips[0]
    return str(other)


def test_a_clip_is_never_normalised_by_itself(model_of: Callable[..., en.EmotionModel], clips: list[str], disguised: str | bytes) -> None:
    model = model_of()
    others = r"enrol of {} must be other clips of the speaker than those to be predicted; got "
    for source, enrol in ((disguised, clips[:2]), (clips[0], [clips[1], disguised])):
        with pytest.raises(InvalidInputError, match=others.format("predict")):
            model.predict(source, enrol=enrol)
        with pytest.raises(InvalidInputError, match=others.format("predict_batch")):
            model.predict_batch([clips[2], source], enrol=enrol)


def test_a_model_for_a_speaker_remembers_their_clips(model_of: Callable[..., en.EmotionModel], clips: list[str], disguised: str | bytes) -> None:
    own = model_of().for_speaker(clips[:2])
    for one in (own, pickle.loads(pickle.dumps(own))):
        for call in (one.predict, one.explain):
            with pytest.raises(InvalidInputError, match="source of predict must be another clip than those that the model was enrolled with; got "):
                call(disguised)
        with pytest.raises(InvalidInputError, match="sources of predict_batch must be other clips than those that the model was enrolled with; got "):
            one.predict_batch([clips[2], disguised])
        assert one.predict_batch([clips[2]])[0].label is not None


def test_clips_that_do_not_count_may_be_predicted(model_of: Callable[..., en.EmotionModel], clips: list[str]) -> None:
    own = model_of("drop").for_speaker(clips[1:])
    assert own.enrolled == 3
    assert own.predict(clips[4]).abstained


def test_a_content_counts_once(model_of: Callable[..., en.EmotionModel], clips: list[str], disguised: str | bytes) -> None:
    model = model_of()
    found = model.predict(clips[3], enrol=[clips[0], clips[1], disguised])
    assert found.probabilities == model.predict(clips[3], enrol=clips[:2]).probabilities
    assert enrolment_notes(found) == [
        "enrolled: normalised by 2 clips of the speaker",
        "enrolment: 1 of 3 clips given repeats another and does not count",
    ]


def test_all_notes_count_out_of_the_clips_given(model_of: Callable[..., en.EmotionModel], clips: list[str]) -> None:
    given = [clips[1], clips[1], clips[1], clips[4], clips[4], clips[2]]
    assert [note.partition(" (")[0] for note in enrolment_notes(model_of("drop").predict(clips[0], enrol=given))] == [
        "enrolled: normalised by 2 clips of the speaker",
        "enrolment: 3 of 6 clips given repeat others and do not count",
        "enrolment: 1 of 6 clips given cannot be used and does not count",
    ]
    flagged = enrolment_notes(model_of("flag").predict(clips[0], enrol=given))
    assert [note.partition(" (")[0] for note in flagged] == [
        "enrolled: normalised by 3 clips of the speaker",
        "enrolment: 3 of 6 clips given repeat others and do not count",
        "enrolment: 1 of 6 clips given counts and is doubtful",
    ]
    with pytest.raises(MediaDecodeError, match=r"must have a clip that can be used; got 2 that cannot \(too_short: "):
        model_of("drop").for_speaker([clips[4], clips[4]])


def test_rows_that_say_nothing_are_told_as_clips_are(model_of: Callable[..., en.EmotionModel], clips: list[str]) -> None:
    rows = np.stack([en.audio.functionals(*en.audio.load(clip, sr=None)) for clip in clips[1:4]])
    unknown = np.full((2, rows.shape[1]), np.nan, dtype=np.float32)
    own = model_of().for_speaker(np.concatenate([unknown, rows]))
    assert enrolment_notes(own.predict(clips[0])) == [
        "enrolled: normalised by 3 clips of the speaker",
        "enrolment: 2 of 5 rows given have no known value and do not count",
    ]
    one = model_of().for_speaker(np.concatenate([unknown[:1], rows]))
    assert enrolment_notes(one.predict(clips[0]))[1] == "enrolment: 1 of 4 rows given has no known value and does not count"
    assert len(enrolment_notes(model_of().for_speaker(rows).predict(clips[0]))) == 1


def test_rows_that_repeat_others_are_told_as_clips_are(model_of: Callable[..., en.EmotionModel], clips: list[str]) -> None:
    rows = np.stack([en.audio.functionals(*en.audio.load(clip, sr=None)) for clip in clips[1:4]])
    unknown = np.full((1, rows.shape[1]), np.nan, dtype=np.float32)
    found = model_of().for_speaker(np.concatenate([rows, unknown, rows[[1, 1]]])).predict(clips[0])
    assert enrolment_notes(found) == [
        "enrolled: normalised by 3 clips of the speaker",
        "enrolment: 1 of 6 rows given has no known value and does not count",
        "enrolment: 2 of 6 rows given repeat others and do not count",
    ]
    assert found.probabilities == model_of().predict(clips[0], enrol=clips[1:4]).probabilities
    one = model_of().for_speaker(rows[[0, 0]])
    assert enrolment_notes(one.predict(clips[1]))[1:] == ["enrolment: 1 of 2 rows given repeats another and does not count"]


def test_clips_without_content_are_told_by_their_reason(model_of: Callable[..., en.EmotionModel], clips: list[str], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = model_of().predict(clips[0], enrol=[clips[1], str(pipe), str(tmp_path), str(tmp_path / "absent.wav"), "a\0b"])
    notes = enrolment_notes(found)
    assert notes[0] == "enrolled: normalised by 1 clip of the speaker"
    assert notes[1].startswith("enrolment: 4 of 5 clips given cannot be used and do not count (")
    with pytest.raises(MediaDecodeError):
        model_of().predict(str(pipe), enrol=[clips[1]])


def test_progress_may_be_a_callable_a_bar_or_nothing(
    model_of: Callable[..., en.EmotionModel], clips: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_of()
    seen: list[tuple[int, int]] = []
    expected = [one.to_dict() for one in model.predict_batch(clips)]
    for progress in (True, False, None, lambda done, total: seen.append((done, total))):
        assert [one.to_dict() for one in model.predict_batch(clips, progress=progress)] == expected
        assert len(model.predict_batch(clips[:2], progress=progress, enrol=clips[2:])) == 2
    assert seen[-1] == (2, 2)
    assert "Predicting" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match=r"progress of predict_batch must be a callable of \(done, total\), True, False or None; got 3"):
        model.predict_batch(clips, progress=3)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("said", [{"clips": -1}, {"clips": True}, {"clips": 1.5}, {"clips": 2, "seed": 5}, {"clips": 2, "seed": "0x"}])
def test_a_hostile_number_of_clips_is_refused(said: dict[str, Any]) -> None:
    from emotion_native._enrolment import behind_normalisation, read_content
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.persistence import model_bytes
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import SpeakerNormalizer

    X = np.random.default_rng(0).normal(size=(12, 2))
    data = model_bytes(make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(X, list("ab") * 6, speaker=[0, 0, 1, 1, 2, 2] * 2))
    content = read_content(data, en.load_model(data).model_hash)
    with pytest.raises(ModelFormatError, match=r"the speaker normalisation of the model \(steps.0.enrolment: clips, seed\) is not one"):
        behind_normalisation(content, {"steps.0.": said})
