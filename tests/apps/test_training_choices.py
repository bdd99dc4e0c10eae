"""Boosting with every sampler through the command line: train, predict, explain, report; folds by name and from another run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytestmark = pytest.mark.unsanitized  # what whole processes print and write; what they call has tests of its own


@pytest.fixture(scope="module")
def features(command: Any, manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "features.parquet"
    outcome = command("extract", manifest, "-o", path, "-q", "--no-cache")
    assert outcome.code == 0, outcome.err
    return path


@pytest.mark.parametrize("sampling", ["random_over", "smote", "borderline_smote", "random_under"])
def test_boosting_with_each_sampler_from_train_to_report(command: Any, features: Path, clip: str, tmp_path: Path, sampling: str) -> None:
    run, picture = tmp_path / "run", tmp_path / "why.png"
    words = ["--model", "gradient_boosting", "--sampling", sampling, "--folds", "5", "--repeats", "2", "--select-k-best", "60"]
    extra = ["gradient_boosting.n_estimators=8", "gradient_boosting.n_iter_no_change=4", "smote.within=speaker", "explained_rows=12"]
    trained = command("train", features, "-o", run, "-q", "--json", *words, *(part for name in extra for part in ("--set", name)))
    assert trained.code == 0, trained.err
    record = trained.json["run"]
    assert record["sampling"]["kind"] == sampling and record["seeds"] == {"seed": 0, "repeats": [0, 1]} and len(trained.json["repeats"]) == 2
    assert record["origins"]["sampling"] == "flag" and record["settings"]["gradient_boosting"]["n_iter_no_change"] == 4
    model = run / "model.emotion"
    (prediction,) = command("predict", clip, "-m", model, "--json").json["predictions"]
    assert prediction["label"] in record["classes"] and sum(prediction["probabilities"].values()) == pytest.approx(1.0)
    explained = command("explain", clip, "-m", model, "-o", picture, "--json").json
    assert explained["output"] == "margin" and picture.is_file()
    total = explained["base_value"] + sum(row["contribution"] for row in explained["features"]) + explained["rest"]
    assert total == pytest.approx(explained["value"], abs=1e-9)
    before = (run / "report.html").read_bytes()
    shown = command("report", run, "--rebuild")
    assert shown.code == 0 and "Repeated runs" in shown.out and f"Sampling inside the training folds: {sampling}" in shown.out
    assert (run / "report.html").read_bytes() == before


def test_folds_of_another_run(command: Any, features: Path, tmp_path: Path) -> None:
    fast = ["-q", "--json", "--set", "forest.n_estimators=3", "--set", "inner_folds=2", "--set", "explained_rows=0"]
    first = command("train", features, "-o", tmp_path / "a", "--folds", "3", "--seed", "9", *fast)
    folds = tmp_path / "a" / "folds.split.json"
    second = command("train", features, "-o", tmp_path / "b", "--folds-file", folds, "--sampling", "none", *fast)
    assert second.code == 0, second.err
    assert second.json["run"]["split"]["hash"] == first.json["run"]["split"]["hash"] == json.loads(folds.read_text())["split_hash"]
    frames = [pd.read_csv(tmp_path / name / "predictions_with_confidence.csv") for name in ("a", "b")]
    assert frames[0]["fold"].tolist() == frames[1]["fold"].tolist()


def test_abstention_by_flags(command: Any, features: Path, tmp_path: Path) -> None:
    """Each way to abstain has a flag, which takes the place of the default coverage; the screen counts the reasons."""
    fast = ["-q", "--set", "forest.n_estimators=20", "--set", "inner_folds=2", "--set", "explained_rows=0", "--force", "-o", tmp_path / "run"]
    ran = command("train", features, "--json", "--abstention-cost", "0.3", "--out-of-distribution-rate", "0.3", *fast)
    assert ran.code == 0, ran.err
    settings, reasons = ran.json["run"]["settings"], ran.json["cross_validated"]["reasons"]
    assert (settings["abstention_cost"], settings["out_of_distribution_rate"], settings["target_coverage"]) == (0.3, 0.3, None)
    assert set(reasons) <= {"low_confidence", "out_of_distribution"} and sum(reasons.values()) == ran.json["cross_validated"]["n_abstained"]
    shown = command("train", features, "--target-accuracy", "0.95", *fast)
    assert shown.code == 0 and "answers" in shown.out and "low confidence" in shown.out
    wrong = command("train", features, "--target-accuracy", "0.9", "--abstention-cost", "0.3", *fast)
    assert wrong.code == 3 and "target_accuracy and abstention_cost must not both be set" in wrong.err


def test_prior_correction_by_flag(command: Any, features: Path, tmp_path: Path) -> None:
    """The flag reaches the nested folds, the report and the model file; without it the report has the map alone."""
    fast = ["-q", "--json", "--model", "logistic", "--set", "inner_folds=2", "--set", "explained_rows=0", "--sampling", "random_over"]
    plain, corrected = (
        command("train", features, "-o", tmp_path / name, *words, *fast) for name, words in (("plain", []), ("corrected", ["--prior-correction"]))
    )
    assert corrected.code == 0, corrected.err
    assert plain.json["run"]["settings"]["prior_correction"] is False
    assert corrected.json["run"]["settings"]["prior_correction"] is True and corrected.json["run"]["origins"]["prior_correction"] == "flag"
    steps = [outcome.json["cross_validated"]["calibration"]["steps"] for outcome in (plain, corrected)]
    assert steps == [["temperature"], ["prior correction", "temperature"]]
    losses = [outcome.json["cross_validated"]["overall"] for outcome in (plain, corrected)]
    assert losses[0]["log_loss_uncalibrated"] == losses[1]["log_loss_uncalibrated"] and losses[0]["log_loss"] != losses[1]["log_loss"]
    (tables,) = (command("report", tmp_path / "corrected").out,)
    assert "before and after calibration" in tables
    assert "prior correction, then temperature" in (tmp_path / "corrected" / "report.html").read_text()
    assert "--prior-correction" in command("train", "--help").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--published-folds", "ravdess/luna"], "published_folds of the flags must be one of 'ravdess/luna-jimenez'"),
        (["--published-folds", "ravdess/luna-jimenez"], "must fit the manifest's speakers"),
        (["--folds-file", "/no/such.split.json"], "folds_file of train must be a readable split file"),
        (["--sampling", "smoote"], "'borderline_smote'"),
        (["--repeats", "0"], "repeats of the flags must be"),
        (["--features", "egemaps"], "features of train must be the feature table's, [classic]; got [egemaps]"),
        (["--features", "classic", "--set", "features=egemaps"], "--features and --set features= of train must not both be given"),
    ],
)
def test_wrong_choices_are_one_line(command: Any, features: Path, tmp_path: Path, words: list[str], message: str) -> None:
    outcome = command("train", features, "-o", tmp_path / "run", "-q", *words)
    assert outcome.code == 3 and message in outcome.err and outcome.err.count("\n") == 1
    assert not (tmp_path / "run").exists()
