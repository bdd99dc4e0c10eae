"""Rows that enrol a speaker: an odd one counts no more than a bound lets it, and one that repeats another does not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import emotion_native as en
from emotion_native import _speaker_statistics
from emotion_native._speaker_statistics import MOST_UNITS
from emotion_native.exceptions import EmotionNativeWarning
from emotion_native.linear_model import LogisticRegression
from emotion_native.persistence import model_bytes
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import SpeakerNormalizer

Rows = npt.NDArray[np.float32]


def speakers(seed: int = 0, n_speakers: int = 12, clips: int = 30) -> tuple[Rows, npt.NDArray[Any]]:
    """Return rows of four columns in which speakers differ by twice what clips of one do, and the speaker of each."""
    rng = np.random.default_rng(seed)
    offsets = np.repeat(rng.normal(size=(n_speakers, 4)) * 2, clips, axis=0)
    return (offsets + rng.normal(size=(n_speakers * clips, 4))).astype(np.float32), np.repeat([f"s{i:02}" for i in range(n_speakers)], clips)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    X, speaker = speakers()
    y = np.where(np.random.default_rng(1).random(len(X)) < 0.5, "calm", "happy")
    return make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(X, y, speaker=speaker)


# Odd rows.


def test_one_odd_row_counts_as_one_at_the_bound(pipeline: Pipeline) -> None:
    normalizer, (new, _) = pipeline[0], speakers(5, 1, 4)
    odd, at_bound = new[1:].copy(), new[1:].astype(np.float64)
    odd[1] = [1e6, -1e6, 3e38, -3e38]
    at_bound[1] = normalizer.mean_ + normalizer.scale_ * MOST_UNITS * [1, -1, 1, -1]
    got = normalizer.transform(new[:1], enrol=odd)
    np.testing.assert_allclose(got, normalizer.transform(new[:1], enrol=at_bound), rtol=1e-6)
    assert (abs(got) < MOST_UNITS).all()


def test_rows_named_by_their_speaker_are_bounded_alike(pipeline: Pipeline) -> None:
    normalizer, (new, who) = pipeline[0], speakers(5, 1, 4)
    new[2] = 1e6
    got = normalizer.transform(new, speaker=who)
    for i in range(4):
        np.testing.assert_allclose(got[i], normalizer.transform(new[[i]], enrol=np.delete(new, i, axis=0))[0], rtol=1e-5)
    assert (abs(got[[0, 1, 3]]) < MOST_UNITS).all()
    assert (got[2] > 1e4).all()  # what is normalised is not bounded: an odd clip stays odd


def test_training_holds_rows_within_the_same_bound() -> None:
    """The variances are those of the textbook for equal numbers of clips, of rows held within the bound."""
    X, speaker = speakers(n_speakers=40)
    X[7] = 1e5  # of 1,200 rows: 35 standard deviations of the population, which it makes wide
    fitted = SpeakerNormalizer().fit(X, speaker=speaker)
    assert abs((X[7] - fitted.mean_) / fitted.scale_).min() > 34
    units = np.clip((X.astype(np.float64) - fitted.mean_) / fitted.scale_, -MOST_UNITS, MOST_UNITS).reshape(40, 30, 4)
    within = units.var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(fitted.within_, within, rtol=1e-10)
    np.testing.assert_allclose(fitted.between_, np.maximum(units.mean(axis=1).var(axis=0, ddof=1) - within / 30, 0), rtol=1e-8, atol=1e-12)


def test_ordinary_rows_keep_their_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    X, speaker = speakers()
    new, who = speakers(5, 3, 6)

    def found() -> list[npt.NDArray[Any]]:
        fitted = SpeakerNormalizer()
        learned = fitted.fit_transform(X, speaker=speaker)
        rows = [fitted.transform(new, speaker=who), fitted.transform(new[:1], enrol=new[1:6])]
        return [learned, fitted.within_, fitted.between_, np.array(fitted.degrees_), *rows]

    bounded = found()
    monkeypatch.setattr(_speaker_statistics, "MOST_UNITS", np.inf)
    assert all(np.array_equal(one, other) for one, other in zip(bounded, found(), strict=True))


def test_a_model_file_bounds_odd_rows_as_its_pipeline_does(pipeline: Pipeline) -> None:
    model = en.load_model(model_bytes(pipeline))
    new, who = speakers(5, 2, 5)
    new[3], new[7, 0] = 1e6, -1e6
    assert np.array_equal(model.predict_features(new, speaker=who).probabilities, pipeline.predict_proba(new, speaker=who))
    own = model.for_speaker(new[1:5]).predict_features(new[:1]).probabilities
    assert np.array_equal(own, pipeline.predict_proba(new[:1], enrol=new[1:5]))


# Rows that repeat others.


@pytest.fixture
def repeating() -> tuple[Rows, Rows]:
    """Return four rows, two with a hole, and what repeats them: seven rows, zeros of either sign and NaN of two kinds."""
    rows, _ = speakers(5, 1, 4)
    rows[0, 1] = 0.0
    rows[1:3, 2] = np.nan
    again = rows[[0, 1, 0, 2, 3, 1, 0]].copy()
    again[2, 1] = -0.0
    again.view(np.uint32)[5, 2] ^= 1  # another NaN
    return rows, again


def test_rows_that_repeat_others_do_not_count(pipeline: Pipeline, repeating: tuple[Rows, Rows]) -> None:
    rows, again = repeating
    new, _ = speakers(6, 1, 3)
    with pytest.warns(EmotionNativeWarning, match="enrol of SpeakerNormalizer.transform: 3 of 7 rows given repeat others and do not count"):
        got = pipeline[0].transform(new, enrol=again)
    assert np.array_equal(got, pipeline[0].transform(new, enrol=rows))
    with pytest.warns(EmotionNativeWarning, match="enrol of SpeakerNormalizer.transform: 1 of 2 rows given repeats another and does not count"):
        pipeline[0].transform(new, enrol=rows[[3, 3]])


def test_a_model_counts_repeating_rows_once(pipeline: Pipeline, repeating: tuple[Rows, Rows]) -> None:
    rows, again = repeating
    model, new = en.load_model(model_bytes(pipeline)), speakers(6, 1, 3)[0]
    own = model.for_speaker(again)
    assert own.enrolled == 4
    assert np.array_equal(own.predict_features(new).probabilities, model.for_speaker(rows).predict_features(new).probabilities)
    assert model.for_speaker(rows[[1, 1, 1, 1]]).enrolled == 1


@pytest.mark.filterwarnings("error")
def test_rows_that_only_share_their_holes_are_others(pipeline: Pipeline) -> None:
    rows, _ = speakers(5, 1, 3)
    rows[:, 2] = np.nan
    unknown = np.full((2, 4), np.nan, dtype=np.float32)  # these say nothing, and so repeat nothing
    got = pipeline[0].transform(rows[:1], enrol=np.concatenate([unknown, rows[1:]]))
    assert np.array_equal(got, pipeline[0].transform(rows[:1], enrol=rows[1:]), equal_nan=True)
    assert en.load_model(model_bytes(pipeline)).for_speaker(rows).enrolled == 3
