"""Rows of one take in runs with `speaker_normalization`: twins and copies of a file are told to the normaliser, so that none normalises itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native._speaker_statistics import take_codes
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import evaluate, train
from emotion_native.experiment.augmenting import row_metadata
from emotion_native.experiment.preparing import check_takes, choose_labels, prepare, takes_of
from emotion_native.experiment.settings import Settings
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import joined_groups
from emotion_native.persistence import model_bytes
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import SpeakerNormalizer


def doubled(table: Any, **columns: Any) -> Any:
    """Return a table with each row twice."""
    rows = np.repeat(np.arange(len(table)), 2)
    twice = replace(
        table,
        X=table.X[rows],
        rows=table.rows.iloc[rows].reset_index(drop=True).assign(**columns),
        status=table.status[rows],
        messages=table.messages[rows],
        content_keys=table.content_keys[rows].copy(),
        info=table.info.iloc[rows].reset_index(drop=True),
    )
    return twice


@pytest.fixture(scope="module", params=["recording", "content"])
def twins(table: Any, request: pytest.FixtureRequest) -> Any:
    """Return each clip twice: two files of one recording, or two of the same bytes."""
    if request.param == "content":
        return doubled(table, recording=None)
    n = 2 * len(table)
    twice = doubled(table, recording=[f"take {i // 2}" for i in range(n)])
    twice.content_keys[1::2] = [f"{i:064x}" for i in range(len(table))]
    return twice


def test_takes_are_joined_by_recording_and_content(table: Any, twins: Any) -> None:
    settings = Settings(speaker_normalization=True)
    prepared = prepare(twins, settings)
    assert prepared.take is not None and prepared.take.tolist() == np.repeat(np.arange(len(table)), 2).tolist()
    told = row_metadata(prepared, np.array([1, 4, 5]))
    assert told["recording"].tolist() == [0, 2, 2] and set(told) == {"speaker", "recording"}
    assert prepare(table, settings).take is None and set(row_metadata(prepare(table, settings), np.array([0]))) == {"speaker"}
    chain = takes_of(np.array(["a", "a", "", "b"]), np.array(["x", "y", "y", "z"]))
    assert chain is not None and chain.tolist() == [0, 0, 0, 1]
    assert takes_of(np.array(["", ""]), np.array(["", ""])) is None


def test_a_run_on_twins_is_the_run_on_the_clips(table: Any, twins: Any, small: dict[str, Any], tmp_path: Any) -> None:
    settings = {**small, "model": "logistic", "speaker_normalization": True, "explained_rows": 4, "calibration": "none"}
    run = train(twins, settings, output=tmp_path / "run")
    proba = np.asarray(run.cross_validated.proba)
    # Twins are normalised by the same others, whatever the number that was drawn for each in training.
    np.testing.assert_allclose(proba[::2], proba[1::2], rtol=1e-9)
    model = en.load_model(run.model_path)
    scored = evaluate(model, twins, enrol=True, allow_seen=True).scored
    speaker, take = twins.rows["speaker"].to_numpy(), np.arange(len(twins)) // 2
    told = model.predict_features(twins.X, speaker=speaker, recording=take).probabilities
    assert np.array_equal(scored.proba, told)
    assert not np.allclose(told, model.predict_features(twins.X, speaker=speaker).probabilities, atol=1e-3)
    alone = model.predict_features(table.X, speaker=table.rows["speaker"].to_numpy()).probabilities
    np.testing.assert_allclose(told[::2], alone, atol=1e-9)


def test_a_column_of_labels_that_is_not_there_is_named_with_its_caller() -> None:
    rows = pd.DataFrame({"filepath": ["a"], "emotions": ["calm"]})
    with pytest.raises(InvalidInputError, match=r"label_column of train must be a column of the manifest; got 'emotion': did you mean 'emotions'\?"):
        choose_labels(rows, "emotion")
    with pytest.raises(InvalidInputError, match=r"manifest of evaluate must have the column label, or emotion; got filepath, emotions"):
        choose_labels(rows, "auto", known={"calm"}, caller="evaluate")


def test_a_report_says_how_many_clips_a_model_takes(table: Any, tmp_path: Any) -> None:
    fitted: Any = make_pipeline(SpeakerNormalizer(enrolment=2), LogisticRegression())
    fitted.fit(table.X, table.rows["emotion"].to_numpy(), speaker=table.rows["speaker"].to_numpy())
    model = en.load_model(model_bytes(fitted, extractor=table, feature_names=table.names))
    found = evaluate(model, table, enrol=True, output=tmp_path / "scores")
    assert found.record["enrolment"] == "at most 2 usable clips of its test speaker from other recordings"
    told = "ENROLMENT: each clip was normalised by at most 2 usable clips of its test speaker from other recordings, without their labels."
    assert told in (tmp_path / "scores" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("by", ["recording", "segments of a file", "left out", "held out"])
def test_speakers_of_one_recording_each_are_refused_before_extraction(by: str, small: dict[str, Any], tmp_path: Any) -> None:
    sample = en.datasets.load_sample()
    rows = sample[sample["split"] == "train"].reset_index(drop=True)
    settings = {**small, "model": "logistic", "speaker_normalization": True, "cache": False}
    once = rows.assign(recording=rows["speaker"])
    if by == "segments of a file":
        first = rows.groupby("speaker")["filepath"].transform("first")
        once = rows.assign(filepath=first, recording="", start=0.01 * rows.index)
    elif by != "recording":  # one speaker has several recordings, but nobody learns from them
        other = rows["speaker"] == rows["speaker"].iloc[0]
        once["recording"] = once["recording"].where(~other, rows["recording"])
        settings |= {"test_speakers": [rows["speaker"].iloc[0]]} if by == "held out" else {}
        once["label"] = once["label"].where(~other | (by == "held out"), "")
        settings["label_column"] = "label"
    stages: list[str] = []
    with pytest.raises(InvalidInputError, match=r"speaker of SpeakerNormalizer\.transform must be .* unless fit was given speakers with two takes"):
        train(once, settings, output=tmp_path / "run", progress=lambda stage, *_: stages.append(stage))
    assert stages == [] and not (tmp_path / "run").exists()


def test_speakers_of_one_content_each_are_refused_before_the_folds(table: Any, small: dict[str, Any], tmp_path: Any) -> None:
    lone = replace(table, content_keys=table.rows["speaker"].to_numpy(dtype=object))
    stages: list[str] = []
    with pytest.raises(InvalidInputError, match="unless fit was given speakers with two takes each"):
        train(lone, {**small, "speaker_normalization": True}, output=tmp_path / "run", progress=lambda stage, *_: stages.append(stage))
    assert stages == []
    assert prepare(lone, Settings()).take is not None  # without enrolment nobody needs a second take


def test_one_speaker_of_several_recordings_is_enough_to_begin(small: dict[str, Any]) -> None:
    sample = en.datasets.load_sample()
    first = sample["speaker"] == sample["speaker"].iloc[0]
    some = sample.assign(recording=sample["recording"].where(first, sample["speaker"]))
    check_takes(some, Settings(speaker_normalization=True))
    check_takes(some[~first], Settings())
    with pytest.raises(InvalidInputError, match="two takes each"):
        check_takes(some[~first], Settings(speaker_normalization=True))


WORDS = ["unknown", "N/A", "?", " - ", "emodb/none", "unknown_speakers", ""]


def test_an_unknown_recording_is_one_rule_in_training_and_in_the_normaliser(table: Any) -> None:
    named = np.array([*WORDS, *WORDS, "take 1", "take 1"])
    content = np.array([f"{i:064x}" for i in range(len(named))])
    alone = [*range(2 * len(WORDS) + 1), 2 * len(WORDS)]
    take = takes_of(named, content)
    assert take is not None and take.tolist() == alone
    told = take_codes(named, len(named), caller="test")
    assert len(np.unique(told)) == len(named) - 1 and told[-1] == told[-2]
    speaker = np.array([f"s{i}" for i in range(len(named))])
    assert joined_groups({"speaker": speaker, "recording": named}).tolist() == alone
    assert joined_groups({"speaker": ["a", "b"], "recording": np.array(["NaT", "NaT"], dtype="datetime64[s]")}).tolist() == [0, 1]
    unknown = replace(table, rows=table.rows.assign(recording="unknown"))
    assert prepare(unknown, Settings(speaker_normalization=True)).take is None
    assert len(set(prepare(unknown, Settings()).group.tolist())) == table.rows["speaker"].nunique()
