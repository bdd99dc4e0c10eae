"""A feature table has its features: settings that ask for others are refused, and the record tells what was learned from."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import Settings, train
from emotion_native.experiment.layers import settings_of_table

SMALL: dict[str, Any] = {"model": "logistic", "folds": 2, "inner_folds": 2, "explained_rows": 0, "n_jobs": 1}


@pytest.fixture(scope="module")
def quality() -> Any:
    sample = en.datasets.load_sample()
    return en.features.extract(sample[sample["split"] == "train"].reset_index(drop=True), "quality", progress=False, cache=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": ["egemaps"]}, r"^features of train must be the feature table's, \[quality\]; got \[egemaps\]: leave it out"),
        ({"features": ["quality", "egemaps"]}, r"got \[quality, egemaps\]"),
        ({"sample_rate_hz": 8000}, "^sample_rate_hz of train must be the feature table's, 16000; got 8000"),
    ],
)
def test_other_features_than_the_tables_are_refused(quality: Any, tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        train(quality, {**SMALL, **given}, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_defaults_give_way_and_the_record_has_what_the_table_holds(quality: Any, tmp_path: Path) -> None:
    run = train(quality, SMALL, output=tmp_path / "run")
    record = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["features"] == ["quality"] and record["features"]["extractor"]["feature_set"] == "quality"


def test_what_the_table_holds_may_be_named() -> None:
    table = SimpleNamespace(extractor={"feature_set": "egemaps+quality", "sample_rate_hz": 16000})
    chosen = settings_of_table(table, Settings(features=["quality", "egemaps"], sample_rate_hz=16000))
    assert chosen.features == ["egemaps", "quality"]


def test_a_manifest_changes_no_setting() -> None:
    settings = Settings(features=["egemaps"])
    assert settings_of_table(en.datasets.load_sample(), settings) is settings
