"""Feature sets, quality and enrolment through the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

from .conftest import Command


def test_extract_joins_sets_and_shows_what_is_flagged_and_dropped(command: Command, manifest: Path, tmp_path: Path) -> None:
    done = command("extract", manifest, "-o", tmp_path / "a.parquet", "--features", "egemaps+quality", "--quality", "off", "--json")
    assert done.code == 0 and done.json["columns"] == 98 and done.json["flagged"] == [] and done.json["failed"] == []
    table = en.features.read_table(tmp_path / "a.parquet")
    assert table.names == en.audio.feature_names("egemaps+quality")
    again = command("extract", manifest, "-o", tmp_path / "again.parquet", "--features", "egemaps, quality", "--json")
    assert again.code == 0 and en.features.read_table(tmp_path / "again.parquet").names == table.names
    plain = command("extract", manifest, "-o", tmp_path / "b.parquet", "--features", "quality", "--json")
    flags = en.features.read_table(tmp_path / "b.parquet").flags
    assert [entry["reason"] for entry in plain.json["flagged"]] == flags[flags != ""].tolist()
    options = ("--features", "quality", "--quality", "drop", "--fail-threshold", "1", "--json")
    dropped = command("extract", manifest, "-o", tmp_path / "c.parquet", *options)
    assert dropped.json["failed"] == plain.json["flagged"] and dropped.json["flagged"] == []
    wrong = command("extract", manifest, "-o", tmp_path / "d.parquet", "--features", "loudness")
    assert wrong.code == 3 and "features of extract must be names of feature sets ('classic', 'egemaps', 'full', 'quality'), or" in wrong.err
    wrong = command("extract", manifest, "-o", tmp_path / "d.parquet", "--quality", "some")
    assert wrong.code == 3 and "action of QualityRule must be" in wrong.err


def test_predict_and_evaluate_enrol(command: Command, tmp_path: Path) -> None:
    sample = en.datasets.load_sample()
    train, demo = sample[sample["split"] == "train"], sample[sample["split"] == "demo"]
    table = en.features.extract(train, progress=False, cache=False)
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import SpeakerNormalizer

    model: Any = make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(table.X, train["label"], speaker=train["speaker"])
    en.save_model(model, tmp_path / "m.emotion", extractor=table)
    clips = [str(path) for path in demo["filepath"]]
    done = command("predict", clips[0], "-m", tmp_path / "m.emotion", "--enrol", clips[1], "--enrol", clips[2], "--json")
    expected = en.load_model(tmp_path / "m.emotion").predict(clips[0], enrol=clips[1:3])
    found = done.json["predictions"][0]
    assert done.code == 0 and found["probabilities"] == expected.to_dict()["probabilities"]
    assert "enrolled: normalised by 2 clips of the speaker" in found["warnings"]
    both = command("predict", clips[0], "-m", tmp_path / "m.emotion", "--enrol", clips[0])
    assert both.code == 3 and "enrol of predict_batch must be other clips of the speaker" in both.err
    (tmp_path / "empty").mkdir()
    for words, parameter in ((("predict", clips[0], "--enrol", tmp_path / "empty"), "enrol"), (("predict", tmp_path / "empty"), "clips")):
        empty = command(*words, "-m", tmp_path / "m.emotion")
        assert empty.code == 3 and f"{parameter} of predict must be audio files or folders of them; got the folder" in empty.err
    unreadable = tmp_path / "x.wav"
    unreadable.write_bytes(b"no sound")
    broken = command("predict", clips[0], "-m", tmp_path / "m.emotion", "--enrol", unreadable)
    assert broken.code == 4 and "Error: --enrol must have a clip that can be used" in broken.err
    en.save_model(LogisticRegression().fit(table.X / 1000, train["label"]), tmp_path / "plain.emotion", extractor=table)
    refused = command("predict", clips[0], "-m", tmp_path / "plain.emotion", "--enrol", clips[1])
    assert refused.code == 3 and "must be left out unless the model normalises by the speaker" in refused.err
    demo.to_csv(tmp_path / "demo.csv", index=False)
    plain = command("evaluate", tmp_path / "m.emotion", tmp_path / "demo.csv", "--no-cache", "--json")
    enrolled = command("evaluate", tmp_path / "m.emotion", tmp_path / "demo.csv", "--no-cache", "--enrol", "--json")
    assert plain.code == enrolled.code == 0
    assert enrolled.json["run"]["enrolment"] == "all usable clips of its test speaker from other recordings" and "enrolment" not in plain.json["run"]
    assert not np.isnan(enrolled.json["evaluation"]["overall"]["accuracy"]["value"])
    note = "not_enrolled: the model normalises by speaker"
    assert sum(line.startswith(note) for line in plain.json["run"]["notes"]) == 1 and not any(note in line for line in enrolled.json["run"]["notes"])
    shown = command("evaluate", tmp_path / "m.emotion", tmp_path / "demo.csv", "--no-cache", "-o", tmp_path / "on-demo")
    assert note in shown.out and note in (tmp_path / "on-demo" / "report.html").read_text(encoding="utf-8")


def test_explain_enrols_and_warns(command: Command, tmp_path: Path) -> None:
    sample = en.datasets.load_sample()
    train, demo = sample[sample["split"] == "train"], sample[sample["split"] == "demo"]
    table = en.features.extract(train, progress=False, cache=False)
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import SpeakerNormalizer

    fitted: Any = make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(table.X, train["label"], speaker=train["speaker"])
    place = tmp_path / "m.emotion"
    en.save_model(fitted, place, extractor=table, provenance={"enrolment": "all other clips of the speaker"})
    clips = [str(path) for path in demo["filepath"]]
    model = en.load_model(place)
    expected, direct = model.for_speaker(clips[1:3]).explain(clips[0]), model.explain(clips[0], enrol=clips[1:3])
    assert np.array_equal(direct["values"], expected["values"]) and direct["prediction"] == expected["prediction"]
    assert not np.array_equal(direct["values"], model.explain(clips[0])["values"])
    words = ("explain", clips[0], "-m", place, "--enrol", clips[1], "--enrol", clips[2])
    done = command(*words, "--json")
    assert done.code == 0 and done.json["prediction"]["probabilities"] == expected["prediction"].to_dict()["probabilities"]
    assert "Warning: enrolled: normalised by 2 clips" in command(*words).err
    assert "Warning: not_enrolled: " in command(*words[:4]).err
    with pytest.raises(InvalidInputError, match="enrol of explain must be other clips of the speaker"):
        model.explain(clips[0], enrol=clips[:1])
    itself = command("explain", clips[0], "-m", place, "--enrol", clips[0])
    assert itself.code == 3 and "must be another clip than those that the model was enrolled with" in itself.err


def test_remedies_are_those_of_the_command_line(command: Command, tmp_path: Path) -> None:
    sample = en.datasets.load_sample()
    rows = sample[sample["split"] == "train"].drop(columns="split")
    rows.assign(speaker="").to_csv(tmp_path / "nobody.csv", index=False)
    rows.assign(speaker="anna").to_csv(tmp_path / "one.csv", index=False)
    nobody = command("train", tmp_path / "nobody.csv", "-o", tmp_path / "run", "-q")
    assert nobody.code == 3 and "one common name, such as the corpus" in nobody.err and "one_group" not in nobody.err
    one = command("train", tmp_path / "one.csv", "-o", tmp_path / "run", "-q", "--no-cache", "--set", "features=quality")
    assert one.code == 5 and "groups of the manifest must" in one.err and "--set group_by=" in one.err and "keys=" not in one.err
    absent = command("train", tmp_path / "absent.csv", "-o", tmp_path / "run", "-q")
    assert absent.code == 3 and "read_manifest" not in absent.err
