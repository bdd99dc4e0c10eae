"""Augmentation in `train`: copies follow their clips through every fold, none is scored or trains against its own clip, and reports say so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.augmentation import AugmentedCopies, augmented_features
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import train
from emotion_native.experiment.augmenting import augmentation_statement
from emotion_native.experiment.settings import AugmentationSettings, Settings

TWO = {"copies": 2, "per": "clip", "speed": None, "semitones": None, "rt60_s": None}


@pytest.fixture(scope="module")
def run(table: Any, small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    held = str(table.rows["speaker"].iloc[-1])
    return train(table, {**small, "augmentation": TWO, "test_speakers": [held]}, output=tmp_path_factory.mktemp("augmented") / "run")


def test_the_reference_page_names_every_file(run: Any, documented_files: list[set[str]], files_of: Any) -> None:
    assert files_of(run.folder) == documented_files[0] - {"selection.csv", "classifier.pkl"}


def test_every_fit_sees_the_copies_of_its_own_rows_and_of_no_other(
    table: Any, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spy on each fit of outer folds, inner folds, the final model and the explanations."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    original = AugmentedCopies.fit_resample

    def spy(self: AugmentedCopies, X: Any, y: Any, clip: Any = None) -> Any:
        result = original(self, X, y, clip)
        assert self.copies is not None
        seen.append((np.asarray(clip), self.copies.source[self.copy_indices_[self.copy_indices_ >= 0]]))
        assert np.array_equal(result[1], np.asarray(y)[self.sample_indices_])
        return result

    monkeypatch.setattr(AugmentedCopies, "fit_resample", spy)
    speaker = table.rows["speaker"].to_numpy()
    held = str(speaker[-1])
    run = train(table, {**small, "model": ["forest", "logistic"], "augmentation": TWO, "test_speakers": [held]}, output=tmp_path / "run")
    n_speakers = run.cross_validated.n_speakers
    # Both candidates on the outer folds, each with its inner folds (4, or fewer speakers); the final model; the explained folds.
    assert len(seen) == 2 * n_speakers * (1 + min(4, n_speakers - 1)) + 1 + min(5, n_speakers)
    for trained, sources in seen:
        assert set(sources) == set(trained)
        assert held not in speaker[sources]
        absent = set(speaker) - set(speaker[trained])
        assert not absent & set(speaker[sources])
    assert len(run.cross_validated.label) == int((speaker != held).sum())  # copies are never scored


def test_copies_do_not_depend_on_what_else_is_trained(run: Any, table: Any) -> None:
    used = table.rows["speaker"].to_numpy() != table.rows["speaker"].iloc[-1]
    recipe = run.settings.augmentation.recipe()
    copies = augmented_features(table.rows[used], n_copies=2, recipe=recipe, progress=False)
    written = pd.read_csv(run.folder / "augmentation.csv")
    assert written["filepath"].tolist() == np.repeat(table.rows["filepath"][used].to_numpy(), 2).tolist()
    for name, values in copies.provenance().drop(columns="source").items():
        if name == "color":
            assert written[name].fillna("").tolist() == values.fillna("").tolist()
        else:
            np.testing.assert_allclose(written[name], values, rtol=1e-12)
    assert "speed" not in written and {"snr_db", "gain_db"} <= set(written)


def test_reports_and_the_model_say_so(run: Any) -> None:
    record = json.loads((run.folder / "run.json").read_text())
    n = int(record["rows"]["train"])
    assert record["augmentation"]["made"] == 2 * n and record["augmentation"]["failed"] == 0
    told = f"Augmentation inside the training folds: 2 copies a clip, {2 * n} in all (seed 0), each change with probability 0.5: noise at 5 to 30 dB"
    assert told in (run.folder / "report.html").read_text()
    assert told in (run.folder / "model_card.md").read_text()
    model = en.load_model(run.model_path)
    assert told in en.experiment.model_card(model).markdown()
    assert model.provenance["augmentation"]["recipe"]["speed"] is None


def test_columns_of_unknown_make_have_no_copies(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    schema = table.schema.assign(extractor="own")
    with pytest.raises(InvalidInputError, match=r"must be 0 unless the columns are those of one feature set, or of several joined by '\+'; got"):
        train(replace(table, schema=schema), {**small, "augmentation": TWO}, output=tmp_path / "run")


def test_without_copies_nothing_changes(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, small, output=tmp_path / "run")
    assert not (run.folder / "augmentation.csv").exists() and "augmentation" not in run.record
    assert "Augmentation" not in (run.folder / "report.html").read_text()


def test_same_seed_same_model_whatever_n_jobs(run: Any, table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    again = train(table, {**small, "augmentation": TWO, "test_speakers": run.settings.test_speakers, "n_jobs": 2}, output=tmp_path / "run")
    assert again.record["model_hash"] == run.record["model_hash"]
    other = {**TWO, "seed": 5}
    changed = train(table, {**small, "augmentation": other, "test_speakers": run.settings.test_speakers}, output=tmp_path / "other")
    assert changed.record["augmentation"]["seed"] == 5 and changed.record["model_hash"] != run.record["model_hash"]


def test_with_enrolment_copies_count_for_nobody(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, {**small, "model": ["logistic"], "augmentation": TWO, "speaker_normalization": True}, output=tmp_path / "run")
    model = en.load_model(run.model_path)
    plain = en.preprocessing.SpeakerNormalizer().fit(table.X, speaker=table.rows["speaker"])
    arrays = model.predict_features(table.X[:4], speaker=["a"] * 4)
    assert np.isfinite(arrays.probabilities).all()
    assert model.takes_enrolment and plain.n_speakers_ == run.cross_validated.n_speakers


def test_virtual_speakers_are_speakers_of_their_own(table: Any, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    original = en.preprocessing.SpeakerNormalizer.fit_transform

    def spy(self: Any, *arguments: Any, **options: Any) -> Any:
        result = original(self, *arguments, **options)
        counts.append(self.n_speakers_)
        return result

    monkeypatch.setattr(en.preprocessing.SpeakerNormalizer, "fit_transform", spy)
    options = {"model": "logistic", "augmentation": {**TWO, "per": None}, "speaker_normalization": True, "explained_rows": 0, "inner_folds": 2}
    run = train(table, {**small, **options}, output=tmp_path / "run")
    n = run.cross_validated.n_speakers
    assert counts[-1] == n and set(counts) <= set(range(1, n + 1))  # people, not their voices
    copies = pd.read_csv(run.folder / "augmentation.csv")
    speaker = dict(zip(table.rows["filepath"], table.rows["speaker"], strict=True))
    for _, own in copies.groupby([copies["filepath"].map(speaker), "copy"]):
        assert len(own[["snr_db", "gain_db"]].drop_duplicates()) == 1
    assert "alike for all clips of a speaker" in (run.folder / "report.html").read_text()


def test_clips_that_are_gone_are_an_error(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    gone = table.select(np.ones(len(table.rows), dtype=bool))
    gone.rows["filepath"] = "nowhere/" + gone.rows["filepath"].astype(str).str.rsplit("/", n=1).str[-1]
    with pytest.raises(InvalidInputError, match=r"augmentation.copies of train must be 0 unless all but 10% of the training clips"):
        train(gone, {**small, "augmentation": {"copies": 1}}, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        ({"copies": -1}, r"augmentation.copies of train must be"),
        ({"speed": [1.2, 0.9]}, r"augmentation.speed of train must be two bounds, the lower first, or None; got \[1.2, 0.9\]"),
        ({"speed": [0.1, 1.0]}, r"augmentation.speed of train must be from 0.25 to 4; got \[0.1, 1.0\]"),
        ({"snr_db": [-300, 0]}, r"augmentation.snr_db of train must be from -200 to 200; got \[-300, 0\]"),
        ({"gain_db": [0, 1e9]}, r"augmentation.gain_db of train must be from -200 to 200"),
        ({"semitones": [-40, 0]}, r"augmentation.semitones of train must be from -12 to 12"),
        ({"rt60_s": [0, 1]}, r"augmentation.rt60_s of train must be from 0.02 to 10"),
        ({"probability": 2}, r"augmentation.probability of train must be from 0 to 1; got 2"),
        ({"bands_hz": [[300, 400]]}, r"augmentation.bands_hz of train must be pairs of edges at least 300 Hz apart; got \[\[300, 400\]\]"),
        ({"semitone": [0, 1]}, r": did you mean 'augmentation.semitones'\?"),
    ],
)
def test_bad_settings(table: Any, tmp_path: Path, augmentation: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        train(table, {"augmentation": augmentation}, output=tmp_path / "run")


def test_what_a_model_file_says_of_its_copies_is_not_trusted() -> None:
    assert augmentation_statement({}) == "" and augmentation_statement({"augmentation": 3}) == ""
    for about in ({}, {"recipe": 3}, {"recipe": {"snr_db": [1]}, "copies": "x", "made": None}):
        assert augmentation_statement({"augmentation": about}).startswith("Augmented copies took part in the training")


def test_defaults_are_those_of_the_recipe() -> None:
    assert AugmentationSettings().recipe() == en.audio.augment.Recipe()
    assert Settings(augmentation={"snr_db": [10, 20]}).augmentation.snr_db == (10.0, 20.0)  # type: ignore[arg-type]  # pydantic makes sections of mappings
