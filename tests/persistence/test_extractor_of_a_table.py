"""From a table in Python to a file that predicts clips."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.features import FeatureTable


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    return en.features.extract(en.datasets.load_sample().groupby("emotion").head(4), progress=False, cache=False)


@pytest.fixture(scope="module")
def model(table: FeatureTable) -> Any:
    forest = en.ensemble.RandomForestClassifier(10, random_state=0)
    return en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), forest).fit(table.X, table.rows["emotion"])


def test_the_table_is_the_extractor(table: FeatureTable, model: Any, tmp_path: Path) -> None:
    en.save_model(model, tmp_path / "m.emotion", extractor=table)
    loaded = en.load_model(tmp_path / "m.emotion")
    assert loaded.extractor == table.extractor
    assert list(loaded.feature_names) == table.names
    clips = table.rows["filepath"].tolist()
    expected = model.predict_proba(table.X)
    found = [list(loaded.predict(clip).probabilities.values()) for clip in clips[:3]]
    np.testing.assert_array_equal(found, expected[:3])


@pytest.mark.parametrize("rate", [100, 500])
def test_every_rate_of_extract_is_one_of_model_files(rate: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(4):
        with wave.open(str(tmp_path / f"{i}.wav"), "wb") as file:
            file.setparams((1, 2, 2000, 0, "NONE", ""))
            file.writeframes((rng.normal(size=50_000) * 1000 * (1 + i)).astype("<i2").tobytes())
    manifest = pd.DataFrame({"filepath": [str(tmp_path / f"{i}.wav") for i in range(4)], "emotion": list("abab")})
    table = en.features.extract(manifest, sample_rate_hz=rate, progress=False, cache=False)
    assert table.ok.all()
    forest = en.ensemble.RandomForestClassifier(3, random_state=0).fit(table.X, table.rows["emotion"])
    en.save_model(forest, tmp_path / "m.emotion", extractor=table)
    found = en.load_model(tmp_path / "m.emotion").predict(table.rows["filepath"].iloc[0])
    np.testing.assert_array_equal(list(found.probabilities.values()), forest.predict_proba(table.X[:1])[0])


def test_without_it_the_message_says_how(table: FeatureTable, model: Any, tmp_path: Path) -> None:
    en.save_model(model, tmp_path / "m.emotion")
    loaded = en.load_model(tmp_path / "m.emotion")
    clip = table.rows["filepath"].iloc[0]
    calls: list[Any] = [loaded.predict, loaded.explain, lambda clip: loaded.predict_batch([clip])]
    for call in calls:
        with pytest.raises(InvalidInputError, match=r"saved without an extractor; got a clip: .*save_model\(fitted, path, extractor=table\)"):
            call(clip)
    assert loaded.predict_features(table.X).labels.tolist() == model.predict(table.X).tolist()


def test_other_tables_and_objects_are_refused(table: FeatureTable, model: Any, tmp_path: Path) -> None:
    mixed = table.select(np.arange(len(table)))
    mixed.schema = table.schema.assign(extractor=["classic"] * 10 + ["other"] * (len(table.names) - 10))
    with pytest.raises(InvalidInputError, match=r"must be a table of one known feature set, or of several joined by '\+'; got FeatureTable\("):
        en.save_model(model, tmp_path / "m.emotion", extractor=mixed)
    with pytest.raises(InvalidInputError, match=r"^extractor of save_model must be the feature table .*; got str$"):
        en.save_model(model, tmp_path / "m.emotion", extractor="classic")  # type: ignore[arg-type]  # on purpose
    assert not (tmp_path / "m.emotion").exists()
