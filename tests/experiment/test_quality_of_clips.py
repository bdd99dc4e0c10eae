"""Clips of poor quality in a training run: what is kept, flagged and dropped is counted in the record, the report and the model's answers."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import evaluate, train
from emotion_native.experiment.preparing import TableOptions, load_table

SMALL: dict[str, Any] = {"model": "logistic", "folds": 2, "inner_folds": 2, "explained_rows": 0, "n_jobs": 1, "cache": False, "fail_threshold": 0.5}
RULE = {"least_duration_s": 0.25, "least_speech_s": 0.0, "least_speech_ratio": 0.0, "least_snr_db": -50.0, "most_clipped_ratio": 0.1}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The sample's training clips, and a badly clipped one of two speakers."""
    sample = en.datasets.load_sample()
    rows = sample[sample["split"] == "train"].reset_index(drop=True)
    folder = tmp_path_factory.mktemp("clips")
    poor = rows.groupby("speaker").head(1).head(2).copy()
    for place, path in enumerate(poor["filepath"].tolist()):
        y, rate = en.audio.load(str(path), sr=None)
        with wave.open(str(folder / f"{place}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(int(rate))
            file.writeframes((np.clip(100 * y / np.abs(y).max(), -1, 1) * 32767).astype("<i2").tobytes())
    poor["filepath"] = [str(folder / f"{place}.wav") for place in range(len(poor))]
    if "recording" in poor:
        poor["recording"] = [f"poor {place}" for place in range(len(poor))]
    return pd.concat([rows, poor], ignore_index=True)


def test_flagged_clips_are_kept_and_counted(clips: pd.DataFrame, tmp_path: Path) -> None:
    run = train(clips, {**SMALL, "features": "egemaps+quality", "quality": RULE}, output=tmp_path / "run")
    assert run.record["rows"]["flagged"] == {"clipped": 2} and run.record["rows"]["failed"] == 0
    assert "2 clips were flagged for quality and kept (clipped 2)" in (run.folder / "report.html").read_text(encoding="utf-8")
    model = en.load_model(run.model_path)
    assert model.extractor is not None and model.extractor["feature_set"] == "egemaps+quality"
    assert len(model.feature_names) == 98 and model.quality == {"action": "flag", "least_peak_dbfs": -80.0, **RULE}
    found = model.predict(clips["filepath"].iloc[-1], top_features=0)
    assert found.warnings[-1].startswith("clipped: a share of clipped samples of 0.") and found.reason != "clipped"
    again = evaluate(model, clips, allow_seen=True)
    assert again.record["rows"]["flagged"] == {"clipped": 2}


def test_dropped_clips_are_not_learned_from_and_count_as_unanswered(clips: pd.DataFrame, tmp_path: Path) -> None:
    run = train(clips, {**SMALL, "quality": {**RULE, "action": "drop"}}, output=tmp_path / "run")
    assert run.record["rows"]["failed"] == 2 and run.record["rows"]["flagged"] == {}
    scored = run.cross_validated
    assert scored.reason[-2:] == ["clipped", "clipped"] and scored.abstained[-2:].all() and not scored.ok[-2:].any()
    assert scored.summary["reasons"]["clipped"] == 2
    assert "2 clips failed (clipped 2). They count as wrong and as abstained." in (run.folder / "report.html").read_text(encoding="utf-8")
    model = en.load_model(run.model_path)
    found = model.predict(clips["filepath"].iloc[-1], top_features=0)
    assert (found.abstained, found.reason) == (True, "clipped") and found.label is not None
    assert evaluate(model, clips, allow_seen=True, fail_threshold=0.5).scored.summary["reasons"]["clipped"] == 2


def test_a_table_without_measures_is_noted_and_cannot_be_dropped_from(clips: pd.DataFrame, tmp_path: Path) -> None:
    table = en.features.extract(clips, progress=False, cache=False, quality="off")
    older = replace(table, info=table.info.drop(columns=[name for name in table.info.columns if name.startswith("quality_")]))
    note = "No clip is flagged: the table has no measures of their quality."
    run = train(older, SMALL, output=tmp_path / "run")
    assert note in run.record["notes"] and note in (run.folder / "report.html").read_text(encoding="utf-8")
    assert note not in train(table, SMALL, output=tmp_path / "measured").record["notes"]
    assert note not in train(older, {**SMALL, "quality": {"action": "off"}}, output=tmp_path / "off").record["notes"]
    with pytest.raises(InvalidInputError, match=r"quality\.action of train must be 'flag' or 'off'"):
        train(older, {**SMALL, "quality": {**RULE, "action": "drop"}}, output=tmp_path / "refused")
    model = en.load_model(run.model_path)
    assert evaluate(model, older, allow_seen=True).record["notes"] == [note]
    assert evaluate(model, table, allow_seen=True).record["notes"] == []
    strict = train(table, {**SMALL, "quality": {**RULE, "action": "drop"}}, output=tmp_path / "strict")
    rule = r"data of evaluate must tell the quality of every usable clip, since the model drops .*; got a table where {} of {} were not measured"
    n = len(clips)
    with pytest.raises(InvalidInputError, match=rule.format(n, n) + r"\. Remedy: extract the clips again with features\.extract, .* on$"):
        evaluate(en.load_model(strict.model_path), older, allow_seen=True)
    half = half_measured(table)
    with pytest.raises(InvalidInputError, match=rule.format(3, n)):
        evaluate(en.load_model(strict.model_path), half, allow_seen=True)


def half_measured(table: Any) -> Any:
    """Return a table that does not tell the quality of its first three clips, as one that was joined of two."""
    names = [name for name in table.info.columns if name.startswith("quality_")]
    info = table.info.copy()
    info.loc[:2, names] = np.nan
    return replace(table, info=info)


def test_a_partly_measured_table_is_no_measured_one(clips: pd.DataFrame, tmp_path: Path) -> None:
    half = half_measured(en.features.extract(clips, progress=False, cache=False, quality="off"))
    n = len(clips)
    run = train(half, SMALL, output=tmp_path / "run")
    note = f"3 of {n} usable clips could not be flagged: the table has no measures of their quality."
    assert note in run.record["notes"] and note in (run.folder / "report.html").read_text(encoding="utf-8")
    model = en.load_model(run.model_path)
    assert evaluate(model, half, allow_seen=True).record["notes"] == [note]
    few = replace(half, rows=half.rows.assign(label=["other", *half.rows["label"][1:]], emotion=["other", *half.rows["emotion"][1:]]))
    assert evaluate(model, few, allow_seen=True).record["notes"] == [note.replace(f"3 of {n}", f"2 of {n - 1}")]  # of the rows that are scored
    with pytest.raises(InvalidInputError, match=rf"quality\.action of train must be 'flag' or 'off' .* measured \(3 of {n}\); got 'drop'\. Remedy"):
        train(half, {**SMALL, "quality": {**RULE, "action": "drop"}}, output=tmp_path / "refused")


def test_a_manifest_that_cannot_be_measured_at_the_model_s_rate_is_told_as_the_data(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "slow.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(900)
        file.writeframes(np.random.default_rng(0).normal(0.0, 3000.0, 8000).astype("<i2").tobytes())
    slow = TableOptions(["classic"], 900, en.audio.QualityRule(action="drop"), False, 1)
    with pytest.raises(InvalidInputError, match="data of evaluate must tell the quality of every usable clip"):
        load_table(pd.DataFrame({"filepath": [str(tmp_path / "slow.wav")]}), slow, caller="evaluate")


def test_off_judges_nothing(clips: pd.DataFrame, tmp_path: Path) -> None:
    run = train(clips, {**SMALL, "quality": {"action": "off"}}, output=tmp_path / "run")
    assert run.record["rows"]["flagged"] == {} and run.record["rows"]["failed"] == 0
    assert en.load_model(run.model_path).quality == {"action": "off"}
    assert "flagged for quality" not in (run.folder / "report.html").read_text(encoding="utf-8")
