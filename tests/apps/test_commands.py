"""Each command: its result, its JSON, its exit codes; errors are one line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import emotion_native as en

COMMANDS = [
    *("demo", "manifest", "validate", "extract", "train", "evaluate", "predict", "explain"),
    *("report", "compare", "model-card", "export", "doctor"),
]
REFERENCE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "cli.md"


def test_version(command: Any) -> None:
    from emotion_native import __version__

    assert command("--version").out == f"emotion-native {__version__}\n"


def test_no_words_at_all_show_the_help(command: Any) -> None:
    """As the command line's library has it: the help as it stands, on stderr, and the exit code of a usage error."""
    bare, asked = command(), command("--help")
    assert bare.code == 2 and bare.out == "" and bare.err == asked.out and "\n  train " in bare.err and "Error" not in bare.err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_examples(command: Any, name: str) -> None:
    outcome = command(name, "--help")
    assert outcome.code == 0 and f"emotion-native {name}" in outcome.out and "Example" in outcome.out


def test_help_names_every_kind_of_model(command: Any) -> None:
    from typing import get_args

    from emotion_native.experiment.settings import Candidate

    kinds = get_args(Candidate)
    assert "ensemble" in kinds and f"{', '.join(kinds[:-1])} or {kinds[-1]}; repeat to compare" in " ".join(command("train", "--help").out.split())


def test_reference_page_names_every_command_and_exit_code(command: Any) -> None:
    from emotion_native.cli.entry import ExitCode

    page = REFERENCE.read_text(encoding="utf-8")
    listed = re.findall(r"^  ([\w-]+) ", command("--help").out.split("Commands:")[1].split("Start with")[0], flags=re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    for name in COMMANDS:
        assert f"| `{name}" in page
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.MULTILINE)] == [int(code) for code in ExitCode]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trian"], 2, "Did you mean 'train'"),
        (["train", "--foldz", "3"], 2, "foldz"),
        (["predict"], 2, "clips"),
        (["validate", "/no/such.csv"], 3, "existing file"),
        (["predict", "x.wav", "--model-file", "/no/such.emotion"], 3, "such.emotion"),
        (["train"], 3, "manifest of train must be named"),
        (["train", "m.csv", "--set", "foldz=3"], 3, "did you mean 'folds'?"),
        (["train", "m.csv", "--set", "folds"], 3, "NAME=VALUE"),
        (["train", "m.csv", "--folds", "1"], 3, "folds of the flags must be"),
        (["train", "m.csv", "--set", "folds=2024-99-99"], 3, "got '2024-99-99'"),
        (["train", "m.csv", "--set", "features=egemaps,qualty"], 3, "got 'qualty': did you mean 'quality'?"),
        (["train", "m.csv", "--test-speakers", ","], 2, "--test-speakers must name at least one"),
        (["train", "m.csv", "--labels", " "], 2, "--labels must name at least one"),
        (["demo", "--n-jobs", "0"], 3, "n_jobs of the flags must be a positive or a negative integer, or null; got 0"),
        (["demo", "--seed", "18446744073709551616"], 3, "seed of the flags must be"),
        (["validate", "/dev/zero"], 3, "must be a regular file; got '/dev/zero'"),
        (["train", "m.csv", "--model", "tree"], 3, "'forest', 'extra_trees', 'gradient_boosting', 'logistic' or 'ensemble'"),
        (["manifest", "ravdes", "."], 3, "got 'ravdes': did you mean 'ravdess'?"),
        (["report", "/no/such/run"], 3, "run of report"),
        (["train", "/no/such.csv"], 3, "existing file"),
        (["predict", "x.wav", "-m", "."], 3, "model_file of predict must be a model file or a run folder with a model.emotion; got the folder ."),
        (["predict", "x.wav", "-m", "classifier.pkl"], 3, "--trust-pickle"),
        (["explain", "x.wav", "-m", "classifier.pkl"], 3, "model_file of explain must be a model file unless --trust-pickle"),
        (["explain", "x.wav", "-m", "."], 3, "model_file of explain must be a model file or a run folder"),
        (["evaluate", ".", "x.csv"], 3, "model_file of evaluate must be a model file or a run folder"),
    ],
)
def test_errors_are_one_line_with_their_exit_code(command: Any, words: list[str], code: int, message: str) -> None:
    outcome = command(*words)
    assert outcome.code == code, outcome.err
    assert message in outcome.err and outcome.err.count("\n") == 1 and "Traceback" not in outcome.err
    as_json = command(*words, "--json")
    assert as_json.code == code and as_json.json["error"]["exit_code"] == code and message in as_json.json["error"]["message"]


def test_debug_shows_the_traceback(command: Any) -> None:
    assert "Traceback" in command("validate", "/no/such.csv", "--debug").err


def test_a_defect_is_said_to_be_one(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import emotion_native.cli.doctor as doctor

    def fail(*, as_json: bool) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "run_doctor", fail)
    outcome = command("doctor")
    assert outcome.code == 70 and "RuntimeError: boom (a defect" in outcome.err


def test_unknown_variable_is_an_error(command: Any, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_NATIVE_FOLD", "3")
    outcome = command("train", manifest)
    assert outcome.code == 3 and "did you mean 'EMOTION_NATIVE_FOLDS'?" in outcome.err


def test_manifest_and_validate(command: Any, tmp_path: Path, clip: str) -> None:
    source, output = Path(clip).parent, tmp_path / "emodb.csv"
    made = command("manifest", "emodb", source, "-o", output, "--json")
    assert made.code == 0 and made.json["speakers"] == 6 and len(pd.read_csv(output)) == made.json["rows"]
    assert command("manifest", "emodb", source, "-o", output).code == 3  # exists
    report = command("validate", output, "--json")
    assert report.code == 0 and report.json["ok"] is True
    assert "No errors" in command("validate", output).out


def test_validate_finds_errors(command: Any, manifest: Path) -> None:
    broken = manifest.parent / "broken.csv"
    frame = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    frame.loc[0, "filepath"] = "missing.wav"
    frame.to_csv(broken, index=False)
    outcome = command("validate", broken, "--json")
    assert outcome.code == 1 and outcome.json["ok"] is False
    assert any(issue["severity"] == "error" and issue["rows"] == [0] for issue in outcome.json["issues"])


def test_extract_and_train_on_the_table(command: Any, manifest: Path, tmp_path: Path) -> None:
    table = tmp_path / "features.parquet"
    outcome = command("extract", manifest, "-o", table, "--json", "--no-cache")
    assert outcome.code == 0 and outcome.json["columns"] == 1116 and outcome.json["failed"] == []
    run = command("train", table, "-o", tmp_path / "run", "-q", "--set", "forest.n_estimators=5")
    assert run.code == 0, run.err
    assert (tmp_path / "run" / "model.emotion").is_file()


def test_media_failures(command: Any, manifest: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    frame["filepath"] = [str(manifest.parent / path) for path in frame["filepath"]]
    for row in range(20):
        bad = tmp_path / f"bad{row}.wav"
        bad.write_bytes(b"RIFF, not really")
        frame.loc[row, "filepath"] = str(bad)
    frame.to_csv(tmp_path / "m.csv", index=False)
    outcome = command("extract", tmp_path / "m.csv", "-o", tmp_path / "t.parquet", "--json", "--no-cache")
    assert outcome.code == 4 and len(outcome.json["failed"]) == 20 and (tmp_path / "t.parquet").is_file()
    assert command("train", tmp_path / "t.parquet", "-o", tmp_path / "run").code == 4
    assert not (tmp_path / "run").exists()


def test_train_json(trained: tuple[Path, Any]) -> None:
    folder, outcome = trained
    result = outcome.json
    assert outcome.err == ""
    assert set(result) == {"folder", "model_file", "report", "ungrouped", "enrolment", "cross_validated", "held_out", "candidates", "repeats", "run"}
    assert Path(result["model_file"]).is_file() and result["ungrouped"] is False
    assert result["held_out"]["n_speakers"] == 1 and result["cross_validated"]["n_speakers"] == 4
    assert result["run"]["origins"]["forest.n_estimators"] == "flag"
    assert json.loads((folder / "run.json").read_text()) == result["run"]


def test_train_prints_settings_and_chance(command: Any, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"manifest: {manifest}\noutput: {tmp_path / 'run'}\nforest:\n  n_estimators: 5\nfolds: 4\ncache: false\n")
    monkeypatch.setenv("EMOTION_NATIVE_SEED", "5")
    outcome = command("train", "--config", config, "--folds", "3")
    assert outcome.code == 0, outcome.err
    lines = {" ".join(line.split()) for line in outcome.err.splitlines()}
    assert {"folds 3 flag", "seed 5 EMOTION_NATIVE_SEED", f"forest.n_estimators 5 {config}"} <= lines
    assert not any(line.startswith(("inner_folds ", "sampling ")) for line in lines)  # left at their defaults
    assert outcome.out.startswith("Grouped split: 3 folds") and "Chance: guessing among 4 labels" in outcome.out
    assert "Only 5 speakers: a demonstration, not evidence." in outcome.out
    assert "Cross-validating" in outcome.err  # progress, also where nobody watches
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"]["folds"] == 3 and record["origins"]["seed"] == "EMOTION_NATIVE_SEED"
    again = command("train", "--config", config)
    assert again.code == 3 and "must not exist yet" in again.err


def test_settings_are_printed_in_columns_after_the_inputs_were_found(command: Any, manifest: Path, tmp_path: Path) -> None:
    words = ["--set", "gradient_boosting.validation_fraction=0.2", "--set", "forest.n_estimators=5", "--no-cache", "--target-accuracy", "0.5"]
    missing = command("train", manifest, "--folds-file", tmp_path / "none.json", "-o", tmp_path / "run", *words)
    assert missing.code == 3 and missing.err.count("\n") == 1 and "folds_file of train must be" in missing.err
    outcome = command("train", manifest, "--verbose", "-o", tmp_path / "run", "--set", "explained_rows=0", *words)
    assert outcome.code == 0, outcome.err
    lines = [line for line in outcome.err.splitlines() if line.startswith("  ")]
    assert len(lines) > 50 and any(line.split() == ["inner_folds", "4", "default"] for line in lines)
    assert any(line.split() == ["target_coverage", "null", "default"] for line in lines)  # not given, yet not its default
    origins = [re.search(r"(default|flag)$", line) for line in lines]
    assert len({found.start() for found in origins if found}) == 1


def test_leakage_is_refused(command: Any, manifest: Path, trained: tuple[Path, Any], tmp_path: Path) -> None:
    outcome = command("evaluate", trained[0] / "model.emotion", manifest, "--json", "--no-cache", "-q")
    assert outcome.code == 5 and outcome.json["error"]["kind"] == "LeakageError"
    allowed = command("evaluate", trained[0] / "model.emotion", manifest, "--allow-seen", "--no-cache", "-q")
    assert allowed.code == 0 and allowed.out.startswith("SEEN DATA")
    frame = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    frame["filepath"] = [str(manifest.parent / path) for path in frame["filepath"]]
    frame[frame["speaker"].str.endswith(("03", "08"))].to_csv(tmp_path / "two.csv", index=False)
    assert command("train", tmp_path / "two.csv", "-o", tmp_path / "run", "-q").code == 5


def test_evaluate_on_new_speakers(command: Any, manifest: Path, trained: tuple[Path, Any], tmp_path: Path) -> None:
    frame = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    frame["filepath"] = [str(manifest.parent / path) for path in frame["filepath"]]
    frame[frame["speaker"] == "emodb/13"].to_csv(tmp_path / "new.csv", index=False)
    outcome = command("evaluate", trained[0] / "model.emotion", tmp_path / "new.csv", "-o", tmp_path / "e", "--json", "--no-cache", "-q")
    assert outcome.code == 0, outcome.err
    assert outcome.json["evaluation"]["overall"] == trained[1].json["held_out"]["overall"]
    assert command("report", tmp_path / "e").code == 0


def test_evaluate_refuses_a_wrong_number_of_threads(command: Any, manifest: Path, trained: tuple[Path, Any]) -> None:
    outcome = command("evaluate", trained[0], manifest, "--n-jobs", "0")
    assert outcome.code == 3 and "n_jobs of evaluate must be a positive or a negative integer, or None; got 0" in outcome.err


@pytest.mark.parametrize("rate", [3000, 250_000])
def test_evaluate_takes_any_rate_that_a_model_file_may_have(command: Any, rate: int, tmp_path: Path) -> None:
    """Rates of models that were made in Python; the settings of a training run allow fewer."""
    sample = en.datasets.load_sample()
    rows = pd.concat([part.head(2) for _, part in sample.groupby(["speaker", "label"])]).reset_index(drop=True)
    train, new = rows[rows["split"] == "train"], rows[rows["split"] == "demo"]
    table = en.features.extract(train.head(6), "quality", sample_rate_hz=rate, progress=False, cache=False)
    rule = en.audio.QualityRule(least_peak_dbfs=-300.0, least_snr_db=-100.0)
    fitted = en.ensemble.RandomForestClassifier(5, random_state=0).fit(table.X, table.rows["emotion"])
    en.save_model(fitted, tmp_path / "m.emotion", extractor=table, quality=rule)
    new.to_csv(tmp_path / "new.csv", index=False)
    outcome = command("evaluate", tmp_path / "m.emotion", tmp_path / "new.csv", "--no-cache", "--json")
    assert outcome.code == 0, outcome.err
    known = int(new["emotion"].isin(table.rows["emotion"]).sum())
    assert outcome.json["run"]["rows"]["test"] == known and outcome.json["run"]["rows"]["failed"] == 0


def test_predict(command: Any, trained: tuple[Path, Any], clip: str, tmp_path: Path) -> None:
    model = trained[0] / "model.emotion"
    outcome = command("predict", clip, "-m", model, "--json")
    assert outcome.code == 0
    (prediction,) = outcome.json["predictions"]
    assert {"filepath", "label", "probabilities", "confidence", "abstained", "reason", "segments", "top_features", "model_hash", "warnings"} == set(
        prediction
    )
    assert sum(prediction["probabilities"].values()) == pytest.approx(1.0) and len(prediction["top_features"]) == 3
    assert prediction["model_hash"] == outcome.json["model"]["hash"]
    text = command("predict", clip, "-m", model)
    assert text.code == 0 and f"confidence {prediction['confidence']:.0%}" in text.out
    pickled = command("predict", clip, "-m", trained[0] / "classifier.pkl", "--trust-pickle", "--json")
    assert pickled.json["predictions"][0]["probabilities"] == pytest.approx(prediction["probabilities"], abs=1e-12)


def test_predict_takes_folders_and_says_which_clips_the_model_knows(
    command: Any, trained: tuple[Path, Any], manifest: Path, clip: str, tmp_path: Path
) -> None:
    """A clip of the training is named as one; one of a held-out speaker and a new one are not."""
    frame = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    paths = {speaker: str(manifest.parent / path) for speaker, path in zip(frame["speaker"], frame["filepath"], strict=True)}
    clips = {"a.wav": clip, "b/c.WAV": paths["emodb/03"], "b/d.wav": paths["emodb/13"]}
    for name, source in clips.items():
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clips" / name).write_bytes(Path(source).read_bytes())
    for name in ("notes.txt", ".hidden.wav"):
        (tmp_path / "clips" / name).write_text("no audio")
    outcome = command("predict", tmp_path / "clips", "-m", trained[0], "--json")
    assert outcome.code == 0, outcome.err
    found = {str(Path(p["filepath"]).relative_to(tmp_path / "clips")): p["warnings"] for p in outcome.json["predictions"]}
    assert list(found) == list(clips) and outcome.json["model"]["file"] == str(trained[0] / "model.emotion")
    seen = {name for name, warnings in found.items() if any(text.startswith("seen: the model was trained on this clip") for text in warnings)}
    assert seen == {"b/c.WAV"}
    assert "warning: seen: the model was trained on this clip" in command("predict", paths["emodb/03"], "-m", trained[0]).out
    assert "seen" in command("explain", paths["emodb/03"], "-m", trained[0]).err and "seen" not in command("explain", clip, "-m", trained[0]).err
    (tmp_path / "empty").mkdir()
    empty = command("predict", tmp_path / "empty", "-m", trained[0])
    assert empty.code == 3 and "which holds none" in empty.err


def test_predict_with_the_default_model(command: Any, clip: str) -> None:
    outcome = command("predict", clip, "--json")
    assert outcome.code == 0 and outcome.json["model"]["file"] == "default"
    assert outcome.json["model"]["classes"] == ["angry", "happy", "neutral", "sad"] and outcome.json["model"]["ungrouped"] is False


def test_predict_goes_on_after_a_bad_clip(command: Any, trained: tuple[Path, Any], clip: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m.wav"
    bad.write_bytes(b"no audio")
    outcome = command("predict", bad, clip, "-m", trained[0] / "model.emotion")
    assert outcome.code == 4 and "\x1b" not in outcome.out and "confidence" in outcome.out
    as_json = command("predict", bad, clip, "-m", trained[0] / "model.emotion", "--json", "--fail-threshold", "0.5")
    assert as_json.code == 0 and [p["label"] is None for p in as_json.json["predictions"]] == [True, False]


def test_explain(command: Any, trained: tuple[Path, Any], clip: str, tmp_path: Path) -> None:
    model, picture = trained[0] / "model.emotion", tmp_path / "why.png"
    result = command("explain", clip, "-m", model, "--label", "sad", "--top", "4", "-o", picture, "--json").json
    assert result["label"] == "sad" and len(result["features"]) == 4
    total = result["base_value"] + sum(row["contribution"] for row in result["features"]) + result["rest"]
    assert total == pytest.approx(result["value"], abs=1e-9)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "other columns" in command("explain", clip, "-m", model).out
    assert command("explain", clip, "-m", model, "--label", "glad").code == 3
    assert command("explain", clip, "-m", model, "-o", tmp_path / "why.pdf").code == 3
    assert command("explain", "/no/such.wav", "-m", model).code == 4


def test_explain_calibrated_adds_up_to_the_calibrated_probability(command: Any, trained: tuple[Path, Any], clip: str) -> None:
    model = trained[0] / "model.emotion"
    result = command("explain", clip, "-m", model, "--calibrated", "--json").json
    total = result["base_value"] + sum(row["contribution"] for row in result["features"]) + result["rest"]
    assert result["output"] == "calibrated_probability"
    assert total == pytest.approx(result["prediction"]["confidence"], abs=1e-9)
    assert "Calibrated probability of" in command("explain", clip, "-m", model, "--calibrated").out


def test_explain_reads_a_pickle_where_it_is_trusted(command: Any, trained: tuple[Path, Any], clip: str) -> None:
    pickled = command("explain", clip, "-m", trained[0] / "classifier.pkl", "--trust-pickle", "--label", "sad", "--json").json
    of_file = command("explain", clip, "-m", trained[0] / "model.emotion", "--label", "sad", "--json").json
    assert pickled["features"] == of_file["features"] and pickled["value"] == pytest.approx(of_file["value"], abs=1e-12)
    outcome = command("explain", clip, "-m", trained[0] / "classifier.pkl", "--trust-pickle", "--calibrated")
    assert outcome.code == 3 and "background rows" in outcome.err


def test_report(command: Any, trained: tuple[Path, Any]) -> None:
    outcome = command("report", trained[0], "--json")
    assert outcome.json["metrics"]["cross_validated"] == trained[1].json["cross_validated"]
    assert "Held-out speakers" in command("report", trained[0]).out


def test_model_card(command: Any, trained: tuple[Path, Any], tmp_path: Path) -> None:
    folder = trained[0]
    printed = command("model-card", folder)
    assert printed.code == 0 and printed.out == (folder / "model_card.md").read_text(encoding="utf-8")
    for name in ("card.md", "card.html"):
        assert command("model-card", folder / "model.emotion", "-o", tmp_path / name).code == 0
    assert (tmp_path / "card.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert command("model-card", folder, "-o", tmp_path / "card.md").code == 3
    assert command("model-card", folder, "-o", tmp_path / "card.md", "--force", "--json").json["markdown"] == printed.out
    assert command("model-card", folder, "-o", tmp_path / "card.pdf").code == 3


def test_export(command: Any, trained: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    target = tmp_path / "m.onnx"
    done = command("export", trained[0] / "model.emotion", "-o", target, "--json")
    assert done.code == 0 and done.json["bytes"] == target.stat().st_size
    assert command("export", trained[0] / "model.emotion", "-o", target).code == 3
    assert command("export", trained[0] / "model.emotion", "-o", tmp_path / "m.bin").code == 3
    monkeypatch.setitem(sys.modules, "onnx", None)
    missing = command("export", trained[0] / "model.emotion", "-o", tmp_path / "n.onnx")
    assert missing.code == 6 and "emotion-native[onnx]" in missing.err


def test_compare(command: Any, trained: tuple[Path, Any], manifest: Path, tmp_path: Path) -> None:
    other = tmp_path / "logistic"
    made = command("train", manifest, "-o", other, "--model", "logistic", "--test-speakers", "emodb/13", "--no-cache", "--quiet")
    assert made.code == 0, made.err
    outcome = command("compare", trained[0], other, "--metric", "balanced_accuracy", "--metric", "log_loss", "--json", "-o", tmp_path / "comparison")
    assert outcome.code == 0, outcome.err
    found = outcome.json["comparison"]
    assert found["n_speakers"] == 4 and [pair["real"] for pair in found["pairs"]] == [False, False]
    assert found["warnings"] == ["Only 4 speakers: a demonstration, not evidence."]  # the same seed gives both the same folds
    overall = trained[1].json["cross_validated"]["overall"]
    for metric in ("balanced_accuracy", "log_loss"):
        assert found["scores"][metric][0]["estimate"] == pytest.approx(overall[metric]["value"], abs=1e-12)
    shown = command("compare", trained[0], other).out
    assert "Which" not in shown and "With 4 speakers no difference can be shown" in shown and "not shown" in shown
    assert (tmp_path / "comparison" / "comparison.html").is_file()
    assert command("compare", trained[0]).code == 3


def test_doctor(command: Any) -> None:
    outcome = command("doctor", "--json")
    assert outcome.code == 0, outcome.out
    checks = {check["check"]: check["status"] for check in outcome.json["checks"]}
    assert {"python", "core", "threads", "packages", "disk", "cache", "fonts", "default model"} <= set(checks) and outcome.json["ok"]
    assert "Everything needed is there." in command("doctor").out


def test_doctor_names_what_is_missing(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import emotion_native.cli.doctor as doctor

    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package-at-all"))
    outcome = command("doctor")
    assert outcome.code == 1 and "missing: no-such-package-at-all" in outcome.out


def test_models_of_several_labels_predict_and_say_what_they_cannot(command: Any, clip: str, tmp_path: Path) -> None:
    import numpy as np

    import emotion_native as en
    from emotion_native.audio import feature_names

    generator = np.random.default_rng(0)
    X = generator.normal(size=(40, len(feature_names("classic")))).astype(np.float32)
    Y = np.column_stack([np.arange(40) % 2, np.arange(40) % 3 == 0]).astype(int)
    forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0)
    model = en.multilabel.OneVsRestClassifier(forest).fit(X, Y)
    file = tmp_path / "several.emotion"
    en.save_model(model, file, labels=["glad", "tense"], extractor={"feature_set": "classic", "sample_rate_hz": 16_000})
    (record,) = json.loads(command("predict", clip, "--model-file", str(file), "--json").out)["predictions"]
    assert record["thresholds"] == {"glad": 0.5, "tense": 0.5}
    assert record["labels"] == [name for name, share in record["probabilities"].items() if share > 0.5]
    shown = command("predict", clip, "--model-file", str(file))
    assert shown.code == 0 and shown.out.count("(given above 50%)") == 2
    refused = command("explain", clip, "--model-file", str(file))
    assert refused.code == 3 and "got several labels a row" in refused.err and "PermutationExplainer" in refused.err
    card = command("model-card", str(file))
    assert card.code == 0 and "several, or none: glad above 0.5, tense above 0.5" in card.out
    scored = command("evaluate", str(file), "/no/such.csv")
    assert scored.code == 3 and "got one of several labels a clip (score predict_features(X).indicators" in scored.err
