"""From a table in Python to a file that predicts clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
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
