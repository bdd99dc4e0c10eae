"""Training on the bundled corpus: files, numbers against an independent count, leaks, determinism, failures."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

import emotion_native as en
from emotion_native.datasets import training_sources
from emotion_native.exceptions import InvalidInputError, LeakageError, LeakageWarning, MediaDecodeError
from emotion_native.experiment import Settings, evaluate, train
from emotion_native.experiment.calibrating import calibration_table
from emotion_native.experiment.preparing import prepare
from emotion_native.experiment.summary import answer_table

PREFIXES = ("uncalibrated_probability", "probability")  # of columns before and after calibration
FILES = {
    "eval_metrics.json",
    "confusion_matrix.png",
    "confusion_matrix_normalized.png",
    "predictions_with_confidence.csv",
    "metrics_table_summary.png",
    "metrics_table_classwise.png",
    "metrics_table.tex",
    "run.json",
    "report.html",
    "model.emotion",
}


@pytest.fixture(scope="module")
def run(table: Any, small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    return train(table, {**small, "format": ["emotion", "pkl"]}, output=tmp_path_factory.mktemp("runs") / "run")


def changed(table: Any, **changes: Any) -> Any:
    return replace(table, **changes)


def model_bytes(table: Any, settings: dict[str, Any], tmp_path: Path, name: str) -> bytes:
    return train(table, settings, output=tmp_path / name).model_path.read_bytes()


def test_all_files_are_there(run: Any) -> None:
    assert FILES | {"classifier.pkl"} <= {path.name for path in run.folder.iterdir()}


def test_the_reference_page_names_every_file(run: Any, table: Any, tmp_path: Path, documented_files: list[set[str]], files_of: Any) -> None:
    """Those that a run has only for several candidates, held-out speakers or copies are looked for in test_augmenting.py."""
    assert files_of(run.folder) == documented_files[0] - {"selection.csv", "held_out_predictions.csv", "augmentation.csv"}
    pickled = en.persistence.load_pickle(run.folder / "classifier.pkl", trust=True)
    assert {"calibrator_", "threshold_", "extractor_", "detector_"} <= set(vars(pickled))
    evaluate(run.model_path, table, output=tmp_path / "evaluation", allow_seen=True)
    trained = {name for name in documented_files[0] if name.startswith(("explanation", "model", "classifier", "folds"))}
    conditional = {"selection.csv", "held_out_predictions.csv", "augmentation.csv"}
    assert files_of(tmp_path / "evaluation") == documented_files[0] - trained - conditional


def test_predictions_are_out_of_fold_and_agree_with_the_scores(run: Any, table: Any) -> None:
    """The file alone gives the reported balanced accuracy, coverage and accuracy of answers, counted by other code."""
    frame = pd.read_csv(run.folder / "predictions_with_confidence.csv", dtype={"speaker": str})
    assert frame["filepath"].tolist() == table.rows["filepath"].tolist()
    assert frame.groupby("speaker")["fold"].nunique().max() == 1 and frame["fold"].nunique() == 5  # a fold a speaker
    columns = [name for name in frame.columns if name.startswith("probability_")]
    np.testing.assert_allclose(frame[columns].sum(axis=1), 1.0, atol=1e-6)  # nine digits are written
    best = frame[columns].to_numpy().argmax(axis=1)
    assert [columns[j].removeprefix("probability_") for j in best] == frame["predicted"].tolist()
    scores = json.loads((run.folder / "eval_metrics.json").read_text())["cross_validated"]["overall"]
    assert scores["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(frame["label"], frame["predicted"]), abs=1e-12)
    given = frame[~frame["abstained"]]
    assert scores["coverage"]["value"] == pytest.approx(len(given) / len(frame), abs=1e-12)
    assert scores["selective_accuracy"]["value"] == pytest.approx((given["label"] == given["predicted"]).mean(), abs=1e-12)
    assert set(frame.loc[frame["abstained"], "reason"]) <= {"low_confidence"}
    assert scores["balanced_accuracy"]["n_speakers"] == 5


def test_run_json(run: Any, table: Any) -> None:
    record = json.loads((run.folder / "run.json").read_text())
    assert record["ungrouped"] is False and record["seeds"] == {"seed": 0} and record["folds"] == 5
    assert record["settings"]["forest"]["n_estimators"] == 12
    assert {"data_hash", "split_hash", "environment", "thresholds_in_folds", "model_hash"} <= set(record)
    assert len(record["thresholds_in_folds"]) == 5
    assert record["rows"]["train"] == len(table)


def test_report_is_honest(run: Any) -> None:
    text = (run.folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "Grouped split",
        "a demonstration, not evidence",
        "5 speakers",
        "chance 0.25",
        "describes a performance",
        "Article 5(1)(f)",
        "unimodal",
    ):
        assert words in text
    assert text.count("data:image/png;base64,") >= 5 and "http://" not in text and "<script" not in text
    latex = (run.folder / "metrics_table.tex").read_text()
    assert "Chance" in latex and "5 speakers" in latex


def test_model_file_predicts_as_the_pickle(run: Any, table: Any) -> None:
    """The runtime's calibrated answer is the calibrator's map of the pickled pipeline's probabilities."""
    model = en.load_model(run.model_path)
    fitted = en.persistence.load_pickle(run.folder / "classifier.pkl", trust=True)
    expected = fitted.calibrator_.predict_proba(fitted.predict_proba(table.X))
    np.testing.assert_allclose(model.predict_features(table.X).probabilities, expected, atol=1e-12)
    assert model.threshold == fitted.threshold_
    assert model.provenance["data_hash"] == run.record["training_data_hash"]
    assert not any("emodb" in text for text in model.provenance["training_speakers"])  # hashed


def test_a_model_whose_target_was_not_reached_never_answers(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    """One tree votes with a confidence of 1, which a threshold of 1 would let through; the report counts such rows as abstained."""
    settings = {**small, "forest": {"n_estimators": 1}, "calibration": "none", "target_coverage": None, "target_accuracy": 1.0}
    run = train(table, settings, output=tmp_path / "run")
    assert run.cross_validated.abstained.all()
    answers = en.load_model(run.model_path).predict_features(table.X)
    assert answers.confidence.max() == 1.0
    assert answers.abstained.all()
    n = len(run.record["target_reached_in_folds"])
    assert f"In {n} of {n} folds the target accuracy of 1 is not reached by any threshold" in (run.folder / "report.html").read_text()


def test_same_seed_same_model_whatever_n_jobs(run: Any, table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    for jobs in (1, 2, 7):
        assert model_bytes(table, {**small, "n_jobs": jobs}, tmp_path, f"jobs{jobs}") == run.model_path.read_bytes()
    assert model_bytes(table, {**small, "seed": 1}, tmp_path, "seed") != run.model_path.read_bytes()


def test_a_seed_of_64_bits_trains_and_splits_otherwise(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    settings = {**small, "leave_one_speaker_out": False, "folds": 3}
    folds = [train(table, {**settings, "seed": seed}, output=tmp_path / str(seed)).cross_validated.fold.tolist() for seed in (2**64 - 1, 2**63 + 5)]
    assert folds[0] != folds[1]


def test_held_out_speakers_take_part_in_nothing(table: Any, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is fitted ever sees a held-out row, and changing, relabelling or deleting those rows leaves the model's bytes as they were."""
    import emotion_native.calibration as calibration
    from emotion_native.pipeline import Pipeline

    seen: list[np.ndarray] = []
    nested, fit = calibration.nested_evaluation, Pipeline.fit

    def spy_nested(candidates: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(np.asarray(X))
        return nested(candidates, X, *args, **kwargs)

    def spy_fit(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(np.asarray(X))
        return fit(self, X, *args, **kwargs)

    monkeypatch.setattr(calibration, "nested_evaluation", spy_nested)
    monkeypatch.setattr(Pipeline, "fit", spy_fit)
    settings = {**small, "test_speakers": ["emodb/03"]}
    held = (table.rows["speaker"] == "emodb/03").to_numpy()
    with_test = train(table, settings, output=tmp_path / "held")
    assert with_test.held_out is not None and with_test.held_out.n_speakers == 1 and len(with_test.held_out.label) == held.sum()
    assert "emodb/03" not in set(with_test.cross_validated.speaker.tolist())
    test_rows = {row.tobytes() for row in table.X[held]}
    assert len(seen) >= 2 and not any(row.tobytes() in test_rows for X in seen for row in X)
    monkeypatch.undo()
    original = with_test.model_path.read_bytes()
    noise = table.X.copy()
    noise[held] = 1e6
    assert model_bytes(changed(table, X=noise), settings, tmp_path, "noise") == original
    rows = table.rows.copy()
    rows.loc[held, ["emotion", "label"]] = rows.loc[held, ["emotion", "label"]].to_numpy()[::-1]
    assert model_bytes(changed(table, rows=rows), settings, tmp_path, "labels") == original
    assert model_bytes(table.select(~held), small, tmp_path, "without") == original


def test_held_out_scores_are_those_of_evaluate(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, {**small, "test_speakers": ["emodb/13"]}, output=tmp_path / "run")
    held = table.select((table.rows["speaker"] == "emodb/13").to_numpy())
    separate = evaluate(run.model_path, held, output=tmp_path / "evaluation")
    assert run.held_out is not None
    np.testing.assert_array_equal(separate.scored.proba, run.held_out.proba)
    assert separate.scored.summary == run.held_out.summary
    assert (tmp_path / "evaluation" / "report.html").is_file()


def test_evaluate_refuses_speakers_and_clips_of_the_training(run: Any, table: Any) -> None:
    with pytest.raises(LeakageError, match="1 speakers and 20 clips"):
        evaluate(run.model_path, table.select((table.rows["speaker"] == "emodb/03").to_numpy()))
    renamed = table.rows.copy()
    renamed["speaker"] = "somebody/else"
    with pytest.raises(LeakageError, match=r"0 speakers and \d+ clips"):
        evaluate(run.model_path, changed(table, rows=renamed))
    seen = evaluate(run.model_path, table, allow_seen=True)
    assert seen.record["ungrouped"] and seen.seen["speakers"] == 5


def test_a_model_with_too_many_clips_to_name_says_that_they_were_not_looked_for(
    table: Any, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion_native.experiment.training.MOST_CONTENT_KEYS", 10)
    run = train(table, {**small, "test_speakers": ["emodb/13"]}, output=tmp_path / "run")
    assert "training_content" not in en.load_model(run.model_path).provenance
    renamed = table.rows.copy()
    renamed["speaker"] = "somebody/else"
    found = evaluate(run.model_path, changed(table, rows=renamed), output=tmp_path / "evaluation")
    assert found.seen == {"speakers": 0, "clips": None}
    assert "does not tell which clips it was trained on: NOT CHECKED" in (tmp_path / "evaluation" / "report.html").read_text()


def test_names_are_read_as_manifests_read_them(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    """A table of Python's own making too: blanks around a name, a number with a point and kinds of nothing make no other speaker."""
    number = {name: float(place) for place, name in enumerate(sorted(set(table.rows["speaker"])), start=7)}
    numbers = table.rows["speaker"].map(number)
    run = train(changed(table, rows=table.rows.assign(speaker=numbers)), {**small, "explained_rows": 0}, output=tmp_path / "run")
    with pytest.raises(LeakageError, match="got 5 speakers and"):
        evaluate(run.model_path, changed(table, rows=table.rows.assign(speaker=[str(int(value)) for value in numbers])))
    odd = [f"anna{' ' * (row % 2)}" if value == 7.0 else value for row, value in enumerate(numbers)]
    prepared = prepare(changed(table, rows=table.rows.assign(speaker=odd)), Settings())
    assert sorted(set(prepared.speaker.tolist())) == ["10", "11", "8", "9", "anna"]
    assert len(set(prepared.group.tolist())) == 5
    (tmp_path / "split.csv").write_text("speaker,split\nanna ,test\n" + "".join(f"{name},train\n" for name in (8, 9, 10, 11)))
    held = prepare(changed(table, rows=table.rows.assign(speaker=odd)), Settings(split_file=str(tmp_path / "split.csv")))
    assert set(held.speaker[held.test].tolist()) == {"anna"}
    missing = [pd.NA, *odd[1:]]
    with pytest.raises(LeakageError, match="speaker of the manifest must be known for every row; got an empty cell"):
        prepare(changed(table, rows=table.rows.assign(speaker=missing)), Settings())
    assert training_sources(pd.DataFrame({"speaker": missing, "corpus": [pd.NA] * len(missing)}))[0]["speakers"] == 5


def test_ungrouped_split_needs_a_word_and_is_said_first(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, {**small, "leave_one_speaker_out": False, "allow_ungrouped": True}, output=tmp_path / "run")
    assert run.ungrouped_ and run.record["ungrouped"] and en.load_model(run.model_path).provenance["ungrouped"]
    html = (run.folder / "report.html").read_text()
    assert html.index("UNGROUPED SPLIT") < html.index("<h1>")
    assert "UNGROUPED" in (run.folder / "metrics_table.tex").read_text()
    assert run.cross_validated.summary["ungrouped"]


def test_too_few_groups_are_refused(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    two = table.select(table.rows["speaker"].isin(["emodb/03", "emodb/08"]).to_numpy())
    with pytest.raises(LeakageError, match="at least three"):
        train(two, small, output=tmp_path / "run")
    one = table.select((table.rows["speaker"] == "emodb/03").to_numpy())
    with pytest.raises(LeakageError):
        train(one, small, output=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_shared_recording_joins_speakers_and_cannot_be_held_out(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    rows = table.rows.copy()
    first = [int(np.flatnonzero(rows["speaker"] == name)[0]) for name in ("emodb/03", "emodb/08")]
    rows.loc[first, "recording"] = "the same take"
    with pytest.raises(LeakageError, match="held-out rows"):
        train(changed(table, rows=rows), {**small, "test_speakers": ["emodb/03"]}, output=tmp_path / "run")
    run = train(changed(table, rows=rows), small, output=tmp_path / "run")
    assert run.record["groups"] == 4


@pytest.mark.drawn
def test_failed_rows_stay_in_the_denominator(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    status, X = table.status.copy(), table.X.copy()
    bad = np.array([0, 30])
    status[bad], X[bad] = "silent", np.nan
    broken = changed(table, status=status, X=X)
    with pytest.raises(MediaDecodeError, match="2 of 98 failed"):
        train(broken, {**small, "fail_threshold": 0.01}, output=tmp_path / "none")
    run = train(broken, small, output=tmp_path / "run")
    scored = run.cross_validated
    assert len(scored.label) == 98 and scored.summary["n_failed"] == 2
    assert scored.abstained[bad].all() and [scored.reason[row] for row in bad] == ["silent", "silent"]
    assert (scored.fold[bad] >= 0).all()  # the fold of their speakers
    predicted = scored.predicted.copy()
    assert set(predicted[bad]) == {""}
    overall = scored.summary["overall"]
    assert overall["accuracy"]["value"] == pytest.approx((predicted == scored.label).sum() / 98, abs=1e-12)
    matrix, failed = scored.confusion()
    assert matrix.sum() == 96 and failed.sum() == 2
    frame = pd.read_csv(run.folder / "predictions_with_confidence.csv")
    assert frame["reason"][0] == "silent" and np.isnan(frame["confidence"][0])
    assert "2 clips failed (silent 2)" in (run.folder / "report.html").read_text()


def test_the_prior_of_failed_rows_is_that_of_their_training_rows(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    """A failed clip scores the log loss and Brier score of the class shares outside its speaker, whose other labels it must not know."""
    status, X = table.status.copy(), table.X.copy()
    status[0], X[0] = "silent", np.nan
    run = train(changed(table, status=status, X=X), small, output=tmp_path / "run")
    speaker, label = table.rows["speaker"].to_numpy(), table.rows["emotion"].to_numpy()
    outside = label[speaker != speaker[0]]
    shares = np.array([(outside == name).mean() for name in run.cross_validated.classes])
    proba = run.cross_validated.proba.copy()
    proba[0] = shares
    overall = run.cross_validated.summary["overall"]
    truth = np.searchsorted(run.cross_validated.classes, label)
    assert overall["log_loss"]["value"] == pytest.approx(-np.log(proba[np.arange(98), truth]).mean(), abs=1e-12)
    assert overall["brier"]["value"] == pytest.approx(((proba - np.eye(4)[truth]) ** 2).sum(axis=1).mean(), abs=1e-12)


def test_held_out_clips_are_no_copies_of_training_clips_without_groups_either(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    speaker = table.rows["speaker"].to_numpy()
    content = np.asarray(table.content_keys, dtype=object).copy()
    content[np.argmax(speaker == "emodb/03")] = content[np.argmax(speaker != "emodb/03")]
    settings = {**small, "leave_one_speaker_out": False, "allow_ungrouped": True, "test_speakers": ["emodb/03"]}
    with pytest.raises(LeakageError, match="got a shared content at '"):
        train(changed(table, content_keys=content), settings, output=tmp_path / "run")


def test_chance_counts_the_labels_that_are_there(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    from emotion_native.experiment.summary import summary_table

    kept = ~((table.rows["speaker"] == "emodb/03") & (table.rows["emotion"] == "sad")).to_numpy()
    run = train(table.select(kept), {**small, "test_speakers": ["emodb/03"]}, output=tmp_path / "run")
    assert run.held_out is not None
    assert ["Chance: guessing among 3 labels", "0.333", ""] in summary_table(run.held_out).rows


def test_a_label_whose_clips_all_failed_is_refused_before_any_work(
    table: Any, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = (table.rows["emotion"] == "sad").to_numpy()
    X, status = table.X.copy(), table.status.copy()
    X[lost], status[lost] = np.nan, "corrupt"
    monkeypatch.setattr("emotion_native.calibration.nested_evaluation", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(InvalidInputError, match=r"got none for 'sad', whose clips all failed.*--labels angry,happy,neutral"):
        train(changed(table, X=X, status=status), {**small, "fail_threshold": 0.5}, output=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_enrolment_is_told_in_the_first_line_of_every_report(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    options = {**small, "model": ["logistic"], "speaker_normalization": True, "test_speakers": [str(table.rows["speaker"].iloc[-1])]}
    run = train(table, options, output=tmp_path / "run")
    told = "ENROLMENT: each clip was normalised by all usable clips of its test speaker from other recordings, without their labels."
    assert told in (run.folder / "report.html").read_text()
    for name in ("model_card.md", "model_card.html"):
        assert told in (run.folder / name).read_text()
    assert "ENROLMENT: test speakers" in (run.folder / "metrics_table.tex").read_text()
    assert run.record["enrolment"] == "all usable clips of its test speaker from other recordings"
    model = en.load_model(run.model_path)
    assert model.takes_enrolment and told in en.experiment.model_card(model).markdown()
    # Held-out speakers were normalised by their own other clips, and cross-validation is what a pipeline by hand gives.
    held = table.rows["speaker"] == table.rows["speaker"].iloc[-1]
    expected = model.predict_features(table.X[held], speaker=table.rows["speaker"][held])
    assert run.held_out is not None and np.array_equal(run.held_out.proba, expected.probabilities)
    again = en.experiment.evaluate(model, table.select(held.to_numpy()), enrol=True, output=tmp_path / "evaluation")
    assert np.array_equal(again.scored.proba, expected.probabilities)
    assert told in (tmp_path / "evaluation" / "report.html").read_text()
    plain = en.experiment.evaluate(model, table.select(held.to_numpy()), output=tmp_path / "plain")
    assert not np.array_equal(plain.scored.proba, expected.probabilities)
    both = en.experiment.compare([tmp_path / "evaluation", tmp_path / "plain"])
    assert any(line.startswith("ENROLMENT: evaluation used test speakers' own clips, which the others do without") for line in both.warnings)
    assert "ENROLMENT" not in (tmp_path / "plain" / "report.html").read_text().split("Data, split")[0]


def test_candidates_are_compared_and_chosen_inside_the_folds(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    names = ["forest", "extra_trees", "logistic"]
    run = train(table, {**small, "model": names, "extra_trees": {"n_estimators": 12}, "select_k_best": 50}, output=tmp_path / "run")
    assert set(run.candidates) == set(names)
    assert sum(result["chosen_in_folds"] for result in run.candidates.values()) == 5
    assert "Candidates" in (run.folder / "report.html").read_text()
    assert run.record["final"]["candidate"] in run.candidates
    selection = run.record["selection"]
    assert [fold["chosen"] for fold in selection["folds"]] == run.record["chosen_in_folds"]
    log = pd.read_csv(run.folder / "selection.csv")
    assert len(log) == (5 + 1) * len(names) and log["chosen"].sum() == 5 + 1
    for k, fold in enumerate(selection["folds"]):
        own = log[log["outer_fold"] == str(k)]
        assert own["balanced_accuracy"].tolist() == [fold["scores"][name] for name in names]
        assert (own["inner_split_hash"] == fold["hash"]).all() and (own["groups"] == fold["n_groups"]).all()
        assert own.loc[own["balanced_accuracy"].idxmax(), "chosen"]
    report = (run.folder / "report.html").read_text()
    assert "was chosen by balanced_accuracy on" in report and "selection.csv" in report


def test_groups_of_one_clip_each_are_a_note_of_the_report(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    rows = table.rows.assign(speaker=[f"s{k}" for k in range(len(table.rows))], recording="")
    settings = {**small, "group_by": ["speaker"], "explained_rows": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        run = train(changed(table, rows=rows), settings, output=tmp_path / "run")
    assert any("Each group has one clip" in note for note in run.record["notes"])


def test_without_target_and_calibration_nothing_abstains(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, {**small, "calibration": "none", "target_coverage": None}, output=tmp_path / "run")
    assert not run.cross_validated.abstained.any() and run.record["final"]["threshold"] is None
    model = en.load_model(run.model_path)
    assert model.threshold is None and model.calibration is None


def test_split_file(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    split = tmp_path / "split.csv"
    names = sorted(table.rows["speaker"].unique())
    split.write_text(
        "speaker,split\n" + "".join(f"{name},{part}\n" for name, part in zip(names, ["test", "unused", "train", "train", "train"], strict=True))
    )
    run = train(table, {**small, "split_file": str(split)}, output=tmp_path / "run")
    assert run.held_out is not None and set(run.held_out.speaker) == {names[0]}
    assert set(run.cross_validated.speaker) == set(names[2:])
    assert run.record["rows"]["left_out"] == {"split is unused": int((table.rows["speaker"] == names[1]).sum())}
    split.write_text("speaker,split\n" + "".join(f"{name},train\n" for name in names[1:]))
    with pytest.raises(InvalidInputError, match="must name every speaker"):
        train(table, {**small, "split_file": str(split)}, output=tmp_path / "other")
    clips = table.rows["filepath"].tolist()
    split.write_text("filepath,split\n" + "".join(f"{clip},{'test' if row % 7 == 0 else 'train'}\n" for row, clip in enumerate(clips)))
    with pytest.raises(LeakageError, match="shared speaker"):
        train(table, {**small, "split_file": str(split)}, output=tmp_path / "other")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_speakers": ["emdb/03"]}, "did you mean 'emodb/03'"),
        ({"test_speakers": ["03"]}, "did you mean 'emodb/03'"),
        ({"labels": ["angri", "sad"]}, "did you mean 'angry'"),
        ({"labels": ["sad"]}, "at least two"),
        ({"foldz": 3}, "^foldz of train must be a known setting; got an unknown name: did you mean 'folds'"),
        ({"model": "tree"}, "^model of train must be 'forest', .* or 'ensemble'; got 'tree'"),
        ({"n_jobs": 0}, "^n_jobs of train must be a positive or a negative integer, or null; got 0"),
        ({"repeats": 2, "seeds": [0, 1]}, "^settings of train must be consistent: repeats and seeds must not both be set; got repeats = 2, seeds = "),
        ({"split_file": "/no/such.csv"}, "^split_file of train must be a readable CSV file; got /no/such.csv"),
        ({"select_k_best": 5000}, "at most the number of columns, 1116"),
    ],
)
def test_bad_settings(table: Any, small: dict[str, Any], tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        train(table, {**small, **settings}, output=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_one_model_may_be_named_by_a_text(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    run = train(table, {**small, "model": "forest", "explained_rows": 0}, output=tmp_path / "run")
    assert run.settings.model == ["forest"]


def test_one_repeated_clip_is_told_in_the_singular(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    keys = table.content_keys.copy()
    same = np.flatnonzero((table.rows["speaker"] == table.rows["speaker"].iloc[0]).to_numpy())[:2]
    keys[same[1]] = keys[same[0]]
    run = train(changed(table, content_keys=keys), {**small, "explained_rows": 0}, output=tmp_path / "run")
    assert "1 clip repeats the content of another clip; clips of equal content stay on one side of every split." in run.record["notes"]


@pytest.mark.drawn
def test_hostile_labels_and_file_names_reach_every_file(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    """Labels that are markup, formulas or LaTeX are shown, not run; the files stay whole."""
    names = {"angry": "<script>alert('x')</script>", "happy": "$\\input{/etc/passwd}$ & 50 %", "neutral": 'a,"b";c', "sad": "日本"}
    rows = table.rows.copy()
    rows["label"] = rows["emotion"].map(names)
    rows["filepath"] = [f"{path}</pre><img src=x>" for path in rows["filepath"]]
    run = train(changed(table, rows=rows), {**small, "label_column": "label"}, output=tmp_path / "run")
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html and "<img src=x" not in html and "&lt;script&gt;" in html
    assert r"\input" not in (run.folder / "metrics_table.tex").read_text(encoding="utf-8").replace(r"\textbackslash{}input", "")
    frame = pd.read_csv(run.folder / "predictions_with_confidence.csv")
    assert set(frame["label"]) == set(names.values())
    assert set(en.load_model(run.model_path).classes) == set(names.values())


@pytest.mark.parametrize("label", ["a\nb", "x" * 257, "\x1b[31m"])
def test_labels_that_no_model_file_can_hold_are_refused_at_once(table: Any, small: dict[str, Any], tmp_path: Path, label: str) -> None:
    rows = table.rows.copy()
    rows["label"] = rows["emotion"].replace("sad", label)
    with pytest.raises(InvalidInputError, match="labels of train must be text of 1 to 256 bytes"):
        train(changed(table, rows=rows), {**small, "label_column": "label"}, output=tmp_path / "run")


def test_existing_folder_is_refused_before_any_work(table: Any, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import emotion_native.calibration as calibration

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(calibration, "nested_evaluation", lambda *a, **k: pytest.fail("work began"))
    with pytest.raises(InvalidInputError, match="must not exist yet"):
        train(table, small, output=tmp_path / "run")


@pytest.mark.parametrize("stage", ["Cross-validating", "Fitting the final model", "Writing the report"])
def test_interruption_at_any_stage_leaves_nothing(table: Any, small: dict[str, Any], tmp_path: Path, stage: str) -> None:
    def interrupt(name: str, done: int, total: int) -> None:
        if name == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(table, small, output=tmp_path / "run", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.drawn
def test_report_can_be_built_again_from_the_numbers(run: Any, tmp_path: Path) -> None:
    """Pictures and pages made from the stored numbers are those of the run, byte for byte."""
    import shutil

    from emotion_native.experiment.writing import read_run, write_presentation

    copy = tmp_path / "copy"
    shutil.copytree(run.folder, copy)
    write_presentation(copy, *_with_scores(read_run(copy)))
    for name in ("report.html", "confusion_matrix.png", "metrics_table.tex", "metrics_table_summary.png"):
        assert (copy / name).read_bytes() == (run.folder / name).read_bytes(), name


def _with_scores(parts: Any) -> Any:
    record, metrics, scored, held_out = parts
    return record, metrics, scored, held_out


@pytest.mark.unsanitized  # statistics over many runs
def test_chance_with_shuffled_labels(table: Any, tmp_path: Path) -> None:
    """With labels that have nothing to do with the clips the balanced accuracy is at chance (.25): mean of 6 shuffles within .25 ± .07, which is
    about four standard errors of a mean of six such scores over 98 clips."""
    scores = []
    for seed in range(6):
        rows = table.rows.copy()
        rows["emotion"] = np.random.default_rng(seed).permutation(rows["emotion"].to_numpy())
        settings = {"forest": {"n_estimators": 30}, "leave_one_speaker_out": True, "seed": seed}
        run = train(changed(table, rows=rows), settings, output=tmp_path / str(seed))
        scores.append(run.cross_validated.summary["overall"]["balanced_accuracy"]["value"])
    assert abs(np.mean(scores) - 0.25) < 0.07, scores


def test_scores_and_answers_before_calibration_are_written(run: Any, table: Any) -> None:
    """Temperature scaling changes confidences and the three scores of probabilities, and no answer."""
    frame = pd.read_csv(run.folder / "predictions_with_confidence.csv")
    assert frame["predicted_uncalibrated"].tolist() == frame["predicted"].tolist()
    assert not np.allclose(frame["confidence_uncalibrated"], frame["confidence"])
    overall = run.cross_validated.summary["overall"]
    for name in ("log_loss", "brier", "expected_calibration_error"):
        before, after = overall[f"{name}_uncalibrated"], overall[name]
        assert before["value"] != after["value"] and before["low"] <= before["value"] <= before["high"]
    page = (run.folder / "report.html").read_text()
    assert "before and after calibration" in page and (run.folder / "reliability_classes.png").is_file()
    plain = train(table, {"forest": {"n_estimators": 2}, "calibration": "none", "explained_rows": 0}, output=run.folder.parent / "plain")
    columns = pd.read_csv(plain.folder / "predictions_with_confidence.csv").columns
    assert not [name for name in columns if "uncalibrated" in name] and calibration_table(plain.cross_validated) is None


@pytest.mark.parametrize("model", ["forest", "gradient_boosting", "logistic"])
def test_what_calibration_was_worth(model: str, table: Any, tmp_path: Path) -> None:
    """The table is that of the predictions in the file, compared by the metrics; failed clips have the prior on both sides."""
    status = np.asarray(table.status).copy()
    status[3] = "silent"
    X = table.X.copy()
    X[3] = np.nan
    settings = {"model": model, "forest": {"n_estimators": 20}, "gradient_boosting": {"n_estimators": 5}, "inner_folds": 2, "explained_rows": 0}
    run = train(changed(table, X=X, status=status), settings, output=tmp_path / "run")
    frame = pd.read_csv(run.folder / "predictions_with_confidence.csv", dtype={"speaker": str}, keep_default_na=False)
    ok = (frame["predicted"] != "").to_numpy()
    assert (~ok).sum() == 1
    classes = run.cross_validated.classes
    before, after = (frame.loc[ok, [f"{prefix}_{name}" for name in classes]].astype(float).to_numpy() for prefix in PREFIXES)
    assert np.asarray(classes)[before.argmax(axis=1)].tolist() == frame.loc[ok, "predicted_uncalibrated"].tolist()
    known = run.cross_validated.summary["calibration"]
    assert known["steps"] == ["temperature"]
    error = en.metrics.paired_speaker_test("expected_calibration_error", frame["label"][ok], after, before, frame["speaker"][ok])
    found = known["measures"]["expected_calibration_error"]
    assert found["difference"]["estimate"] == pytest.approx(error.difference.estimate, abs=1e-9)
    assert found["difference"]["low"] == pytest.approx(error.difference.low, abs=1e-9) and found["p_value"] == error.p_value
    labels = frame["label"][ok].to_numpy()
    gap = [np.log(p[np.arange(len(labels)), np.searchsorted(classes, labels)]).sum() for p in (before, after)]
    assert known["measures"]["log_loss"]["difference"]["estimate"] == pytest.approx((gap[0] - gap[1]) / len(frame), abs=1e-9)
    p = [known["measures"][name]["p_value"] for name in known["measures"]]
    assert [known["measures"][name]["p_corrected"] for name in known["measures"]] == en.metrics.holm_correction(p).tolist()
    shown = calibration_table(run.cross_validated)
    assert shown is not None and [row[0] for row in shown.rows] == ["Log loss", "Brier score", "Expected calibration error (debiased)"]
    overall = run.cross_validated.summary["overall"]
    assert shown.rows[0][1].startswith(f"{overall['log_loss_uncalibrated']['value']:.3f} (")
    assert shown.rows[0][2].startswith(f"{overall['log_loss']['value']:.3f} (")
    assert any("1 failed clip has the shares" in note for note in shown.notes)
    for name in ("model_card.html", "report.html"):
        assert shown.title in (run.folder / name).read_text()


def test_clips_unlike_those_of_other_speakers_get_no_answer(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    X = table.X.copy()
    odd = np.array([1, 50, 90])
    X[odd] = X[odd] * 4 + 20
    settings = {**small, "target_coverage": None, "abstention_cost": 0.5, "out_of_distribution_rate": 0.3}
    run = train(changed(table, X=X), settings, output=tmp_path / "run")
    scored = run.cross_validated
    assert scored.abstained[odd].all() and [scored.reason[row] for row in odd] == ["out_of_distribution"] * 3
    assert set(scored.reason) <= {"", "low_confidence", "out_of_distribution"}
    assert (np.array(scored.reason) != "").tolist() == scored.abstained.tolist()
    answers = en.load_model(run.model_path).predict_features(X)
    assert answers.out_of_distribution[odd].all() and answers.abstained[odd].all()
    again = evaluate(run.model_path, changed(table, X=X), allow_seen=True)
    assert [again.scored.reason[row] for row in odd] == ["out_of_distribution"] * 3
    card = (run.folder / "model_card.md").read_text()
    assert "abstention cost 0.5" in card and "a false alarm rate of 0.3 on new speakers" in card


def test_the_report_counts_the_reasons(table: Any, small: dict[str, Any], tmp_path: Path) -> None:
    """Answers and reasons add up to all clips, and agree with the scores and the file of predictions."""
    rows = table.rows.copy()
    status = np.asarray(table.status).copy()
    X = table.X.copy()
    for row, code in ((3, "silent"), (40, "too_short"), (41, "too_short")):
        status[row], X[row] = code, np.nan
    X[70] = X[70] * 4 + 20
    settings = {**small, "target_coverage": 0.6, "out_of_distribution_rate": 0.3, "fail_threshold": 0.5}
    run = train(changed(table, X=X, rows=rows, status=status), settings, output=tmp_path / "run")
    reasons = run.cross_validated.summary["reasons"]
    assert list(reasons) == ["low_confidence", "out_of_distribution", "too_short", "silent"]
    assert reasons["too_short"] == 2 and reasons["silent"] == 1
    frame = pd.read_csv(run.folder / "predictions_with_confidence.csv", keep_default_na=False)
    assert {name: (frame["reason"] == name).sum() for name in reasons} == reasons
    assert sum(reasons.values()) == run.cross_validated.summary["n_abstained"]
    shown = {row[0]: row for row in answer_table(run.cross_validated).rows}
    assert int(shown["answered"][1]) == len(table.X) - sum(reasons.values())
    given = ~run.cross_validated.abstained
    right = (run.cross_validated.predicted == run.cross_validated.label)[given].mean()
    assert shown["answered"][3] == f"{right:.3f}" == f"{run.cross_validated.summary['overall']['selective_accuracy']['value']:.3f}"
    assert shown["silent"][3] == "–"
    page = (run.folder / "report.html").read_text()
    assert "Best label right" in page and "the clip, or the part asked for, is too short for features" in page
    assert json.loads((run.folder / "eval_metrics.json").read_text())["cross_validated"]["reasons"] == reasons
