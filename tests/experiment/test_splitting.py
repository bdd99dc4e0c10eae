"""The folds of a run: published ones, split files, repeats; each written as an artefact that gives the same folds again."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.experiment import train
from emotion_native.model_selection import StratifiedGroupKFold, load_split, published_folds, save_split

pytestmark = pytest.mark.unsanitized  # files and pages of runs; training itself is in test_training.py

FAST = {"forest": {"n_estimators": 4}, "background_rows": 0, "explained_rows": 0, "calibration": "none", "target_coverage": None, "inner_folds": 2}


@pytest.fixture(scope="module")
def ravdess(table: Any) -> Any:
    """The sample's rows under the names of RAVDESS's 24 actors, four rows each."""
    kept = table.select(np.arange(len(table)) < 96)
    rows = kept.rows.copy()
    rows["speaker"] = [f"ravdess/{row % 24 + 1:02d}" for row in range(96)]
    rows["recording"] = ""
    rows["emotion"] = rows["label"] = [("angry", "happy", "sad")[row // 4 % 3] for row in range(96)]
    return replace(kept, rows=rows)


def fold_of_speaker(run: Any) -> dict[str, int]:
    return dict(zip(run.cross_validated.speaker.tolist(), run.cross_validated.fold.tolist(), strict=True))


def test_published_folds(ravdess: Any, tmp_path: Path) -> None:
    run = train(ravdess, {**FAST, "published_folds": "ravdess/luna-jimenez"}, output=tmp_path / "run")
    expected = {name: k for k, part in enumerate(published_folds("ravdess/luna-jimenez").folds) for name in part}
    assert fold_of_speaker(run) == expected
    splitter = run.record["split"]["splitter"]
    assert splitter["name"] == "PredefinedGroupSplit" and splitter["parameters"]["name"] == "ravdess/luna-jimenez"
    assert "published folds ravdess/luna-jimenez" in (run.folder / "report.html").read_text()


def test_published_folds_of_other_speakers(table: Any, ravdess: Any, tmp_path: Path) -> None:
    settings = {**FAST, "published_folds": "ravdess/luna-jimenez"}
    with pytest.raises(InvalidInputError, match=r"published_folds of train \(ravdess/luna-jimenez\) must fit .*got 'emodb/03'"):
        train(table, settings, output=tmp_path / "run")
    with pytest.raises(InvalidInputError, match=r"must fit the manifest's speakers in each fold; got no clip for fold 4 .*\(`folds`\)") as caught:
        train(
            ravdess.select(~ravdess.rows["speaker"].isin([f"ravdess/{k:02d}" for k in (1, 4, 9, 22)]).to_numpy()), settings, output=tmp_path / "run"
        )
    assert not any(word in str(caught.value) for word in ("drop_empty", "speaker_format", "PredefinedGroupSplit", "published_folds("))
    with pytest.raises(InvalidInputError, match=r"published_folds of train must be one of 'ravdess/luna-jimenez'; got 'ravdess/luna'"):
        train(table, {**FAST, "published_folds": "ravdess/luna"}, output=tmp_path / "run")
    rows = ravdess.rows.copy()
    rows.loc[[0, 1], "recording"] = "one take of two actors of different folds"
    with pytest.raises(LeakageError, match="cv of train must keep groups whole"):
        train(replace(ravdess, rows=rows), settings, output=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_the_artefact_gives_the_same_folds_whatever_the_order_of_the_rows(table: Any, tmp_path: Path) -> None:
    first = train(table, {**FAST, "folds": 3, "seed": 5}, output=tmp_path / "first")
    split = first.record["split"]
    assert split["file"] == "folds.split.json" and split["splitter"]["name"] == "StratifiedGroupKFold"
    assert load_split(first.folder / "folds.split.json").hash == split["hash"]
    order = np.random.default_rng(0).permutation(len(table))
    again = train(table.select(order), {**FAST, "folds_file": str(first.folder / "folds.split.json")}, output=tmp_path / "again")
    assert fold_of_speaker(again) == fold_of_speaker(first)
    assert again.record["split"]["splitter"]["parameters"]["read_from_hash"] == split["hash"]
    assert json.loads((again.folder / "run.json").read_text())["split"]["hash"] == again.record["split"]["hash"]


def test_a_split_file_by_file_names_passes_over_failed_and_held_out_rows(table: Any, tmp_path: Path) -> None:
    base = Path(os.path.commonpath([os.path.dirname(path) for path in table.rows["filepath"]]))
    names = [os.path.relpath(path, tmp_path) for path in table.rows["filepath"]]
    assert base.is_dir()
    path = tmp_path / "folds.split.json"
    save_split(StratifiedGroupKFold(5), path, y=table.rows["emotion"], groups=table.rows["speaker"], row_keys=names)
    status, X = table.status.copy(), table.X.copy()
    status[3], X[3] = "silent", np.nan
    broken = replace(table, status=status, X=X)
    with pytest.raises(LeakageError, match="groups"):  # the fold of the speaker who is held out is empty: five folds become four and an empty one
        train(broken, {**FAST, "folds_file": str(path), "test_speakers": table.rows["speaker"].unique()[1:].tolist()}, output=tmp_path / "none")
    run = train(broken, {**FAST, "folds_file": str(path)}, output=tmp_path / "run")
    expected = dict(zip(table.rows["speaker"], load_split(path).folds.fold_of_rows().tolist(), strict=True))
    assert fold_of_speaker(run) == expected


def test_a_split_file_of_other_rows_is_refused(table: Any, tmp_path: Path) -> None:
    path, keys, groups = tmp_path / "folds.split.json", [str(key) for key in table.content_keys], table.rows["speaker"]
    settings = {**FAST, "folds_file": str(path)}

    def saved(**changes: Any) -> None:
        save_split(StratifiedGroupKFold(3), path, **{"y": table.rows["emotion"], "groups": groups, "row_keys": keys, **changes})

    def refused(message: str, error: type[Exception] = InvalidInputError) -> None:
        with pytest.raises(error, match=message):
            train(table, settings, output=tmp_path / "run")
        assert not (tmp_path / "run").exists()

    saved(row_keys=[*keys[:-1], "another clip"])
    refused(r"must be made for the rows of the manifest; got .*\(hash [0-9a-f]{12}\), which lacks 1 of 98 rows, such as '.*flac'")
    y = table.rows["emotion"].tolist()
    saved(y=[*y, "sad"], groups=[*groups, "emodb/03"], row_keys=[*keys, "another clip"])
    refused("whose row 'another clip' the manifest does not have")
    saved(row_keys=None)
    refused("must name its rows")
    saved(groups=(groups.to_numpy() + np.arange(98).astype(str)))  # folds that part speakers
    refused("must keep groups whole", LeakageError)
    path.write_text(path.read_text().replace('"n_rows":98', '"n_rows":97'))
    refused("checksum that does not match")
    path.unlink()
    refused("No such file")
    os.mkfifo(path)
    refused("regular file")


def test_a_split_without_groups_needs_the_word(table: Any, tmp_path: Path) -> None:
    from emotion_native.model_selection import StratifiedKFold

    path = tmp_path / "folds.split.json"
    keys = [str(key) for key in table.content_keys]
    save_split(StratifiedKFold(3), path, y=table.rows["emotion"], row_keys=keys, allow_ungrouped=True)
    with pytest.raises(LeakageError, match="must be a split with groups"):
        train(table, {**FAST, "folds_file": str(path)}, output=tmp_path / "run")
    run = train(table, {**FAST, "folds_file": str(path), "allow_ungrouped": True}, output=tmp_path / "run")
    assert run.ungrouped_ and load_split(run.folder / "folds.split.json").folds.ungrouped


def test_repeats(table: Any, tmp_path: Path) -> None:
    """Each repeat is the run of its seed; the first stays the headline."""
    settings = {**FAST, "folds": 3}
    run = train(table, {**settings, "repeats": 3}, output=tmp_path / "run")
    alone = [train(table, {**settings, "seed": seed}, output=tmp_path / str(seed)) for seed in (0, 1, 2)]
    assert [repeat["seed"] for repeat in run.repeats] == [0, 1, 2] == run.record["seeds"]["repeats"]
    assert [repeat["summary"] for repeat in run.repeats] == [one.cross_validated.summary for one in alone]
    assert [repeat["split"]["hash"] for repeat in run.record["repeats"]] == [one.record["split"]["hash"] for one in alone]
    assert run.cross_validated.summary == alone[0].cross_validated.summary
    for repeat in run.record["repeats"]:
        assert load_split(run.folder / repeat["split"]["file"]).hash == repeat["split"]["hash"]
    assert run.record["repeats"][1]["split"]["file"] == "folds-1.split.json"
    metrics = json.loads((run.folder / "eval_metrics.json").read_text())
    scores = [repeat["summary"]["overall"]["balanced_accuracy"]["value"] for repeat in metrics["repeats"]]
    html = (run.folder / "report.html").read_text()
    assert "Repeated runs" in html and f"<td>{np.mean(scores):.3f}</td>" in html and f"<td>{np.std(scores, ddof=1):.3f}</td>" in html
    named = train(table, {**settings, "seeds": [2, 0]}, output=tmp_path / "named")
    assert named.settings.seed == 2 and named.cross_validated.summary == alone[2].cross_validated.summary


def test_repeats_over_given_folds_share_one_artefact(table: Any, tmp_path: Path) -> None:
    run = train(table, {**FAST, "leave_one_speaker_out": True, "repeats": 2}, output=tmp_path / "run")
    assert [path.name for path in run.folder.glob("*.split.json")] == ["folds.split.json"]
    assert len({repeat["split"]["hash"] for repeat in run.record["repeats"]}) == 1
