"""Model cards: every section is there, says what is recorded and no more, and names from data do no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.datasets import licence_terms, training_sources
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import model_card, train
from emotion_native.experiment.writing import read_run, write_presentation
from emotion_native.persistence import model_bytes
from emotion_native.reports import ModelCard, Table

pytestmark = pytest.mark.unsanitized  # files and pages of runs; training itself is in test_training.py

HEADINGS = ["Model", "Intended use and limits", "Training data", "Scores", "Calibration", "Abstention", "Selection", "Versions and hashes"]


@pytest.fixture(scope="module")
def run(table: Any, small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = {**small, "model": ["forest", "logistic"], "forest": {"n_estimators": 8}}
    return train(table, {**settings, "output": str(tmp_path_factory.mktemp("card") / "run")})


def test_the_card_of_a_run_has_every_section_with_its_numbers(run: Any) -> None:
    text = model_card(run.folder).markdown()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert en.reports.INTENDED_USE[:40] in text and "Only 5 speakers: a demonstration, not evidence." in text
    assert "Grouped split" in text.splitlines()[4]
    clips = len(run.cross_validated.label)
    assert f"| emodb | CC0-1.0 | {clips} | 5 |" in text and "No conditions: all training data is dedicated to the public domain." in text
    uar = run.cross_validated.summary["overall"]["balanced_accuracy"]
    row = next(line for line in text.splitlines() if line.startswith("| Balanced accuracy"))
    assert f"{uar['value']:.3f}" in row and f"{uar['low']:.2f} to {uar['high']:.2f} (5 speakers)" in row
    assert "Expected calibration error" in text and "target coverage 0.8" in text
    assert "chosen by" in text and "| logistic |" in text and "| forest |" in text
    model = en.load_model(run.model_path)
    assert model.model_hash in text and model.provenance["data_hash"] in text and f"| Version: emotion\\_native | {en.__version__} |" in text
    assert f"{model.threshold:.4g}" in text


def test_train_leaves_the_card_and_rebuilding_writes_it_again(run: Any) -> None:
    card = model_card(run.folder)
    for name, content in (("model_card.md", card.markdown()), ("model_card.html", card.html())):
        assert (run.folder / name).read_text(encoding="utf-8") == content
        (run.folder / name).unlink()
    write_presentation(run.folder, *read_run(run.folder))
    assert (run.folder / "model_card.md").read_text(encoding="utf-8") == card.markdown()


def test_the_card_of_a_model_file_has_the_headline_scores(run: Any) -> None:
    text = model_card(run.model_path).markdown()
    uar = run.cross_validated.summary["overall"]["balanced_accuracy"]
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert f"{uar['low']:.2f} to {uar['high']:.2f} (5 speakers)" in text and "| emodb | CC0-1.0 |" in text


def test_what_is_not_recorded_is_said_to_be_so() -> None:
    X = np.arange(8, dtype=np.float32)[:, np.newaxis]
    forest = en.ensemble.RandomForestClassifier(n_estimators=3, random_state=0).fit(X, ["calm"] * 4 + ["<b>*happy*</b>"] * 4)
    card = model_card(en.load_model(model_bytes(forest)))
    text = card.markdown()
    assert text.count("not recorded") >= 4 and "No scores are recorded" in text and "It always answers." in text
    assert "<b>" not in text and r"&lt;b&gt;\*happy\*&lt;/b&gt;" in text and "<b>" not in card.html()
    strange = {"training_sources": "all", "label_counts": [1], "settings": 3, "n_speakers": "many", "cross_validated": {"accuracy": 1}, "rows": None}
    text = model_card(en.load_model(model_bytes(forest, provenance={**strange, "training_sources": ["x"], "ungrouped": True}))).markdown()
    assert text.splitlines()[4].startswith("**UNGROUPED SPLIT")


def test_folders_that_are_no_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="must be a folder that train, evaluate or demo made"):
        model_card(tmp_path)


def test_sources_come_from_the_manifest_first_and_then_from_the_corpora() -> None:
    rows = pd.DataFrame(
        {
            "corpus": ["ravdess", "ravdess", "own", "own", "", "ravdess"],
            "speaker": ["a", "b", "c", "c", "d", "a"],
            "licence": ["", None, "CC-BY-4.0", float("nan"), "", "by contract"],
        }
    )
    assert training_sources(rows) == [
        {"corpus": "own", "licence": "CC-BY-4.0", "clips": 1, "speakers": 1},
        {"corpus": "own", "licence": "unknown", "clips": 1, "speakers": 1},
        {"corpus": "ravdess", "licence": "CC-BY-NC-SA-4.0", "clips": 2, "speakers": 2},
        {"corpus": "ravdess", "licence": "by contract", "clips": 1, "speakers": 1},
        {"corpus": "unknown", "licence": "unknown", "clips": 1, "speakers": 1},
    ]
    assert training_sources(rows.rename(columns={"licence": "license"})) == training_sources(rows)
    assert training_sources(rows.drop(columns="licence"))[1]["clips"] == 3
    assert training_sources(rows[:0]) == []


def test_terms_that_are_not_known_at_first_hand_are_not_stated() -> None:
    rows = pd.DataFrame({"corpus": ["crema_d", "emodb"], "speaker": ["a", "b"]})
    sources = training_sources(rows)
    assert [item["licence"] for item in sources] == ["see the corpus's own licence", "CC0-1.0"]
    assert licence_terms(item["licence"] for item in sources) == [
        "Terms to be read with the corpus, since they are not recorded here: see the corpus's own licence."
    ]


def test_terms_are_the_strictest_first() -> None:
    lines = licence_terms(["CC-BY-NC-SA-4.0", "unknown", "free for research", "CC0-1.0", "by contract", "ODbL-1.0 with DbCL-1.0"])
    assert [line.split(":")[0].split(",")[0] for line in lines] == [
        "Terms that nobody has stated",
        "Research only",
        "No commercial use",
        "Derived works under the same terms",
        "Attribution",
        "Terms to be read",
    ]
    assert "by contract" in lines[-1] and "CC0" not in " ".join(lines)
    assert licence_terms([]) == [] and licence_terms(["CC0-1.0"])[0].startswith("No conditions")


def test_empty_parts_are_left_out_and_tables_stay_tables() -> None:
    card = ModelCard("T", first_line="F", warning=True)
    card.section("Nothing", "", [])
    card.section("Table", Table("Title", ["A", "B"], [["x|y", "1\n2"]], ["note"]), ["one", "two"])
    assert card.markdown() == "# T\n\n**F**\n\n## Table\n\nTitle:\n\n| A | B |\n|---|---:|\n| x\\|y | 1 2 |\n\nnote\n\n- one\n- two\n"
    assert "Nothing" not in card.html() and "x|y" in card.html()


def test_votes_detectors_and_sets_are_described() -> None:
    from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV, ConformalClassifier, OutOfDistributionDetector
    from emotion_native.ensemble import RandomForestClassifier, VotingClassifier
    from emotion_native.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    X = generator.normal(size=(90, 3)).astype(np.float32)
    y, groups = np.where(X[:, 0] > 0, "happy", "calm"), np.arange(90) % 9
    forest = RandomForestClassifier(n_estimators=4, random_state=0)
    vote = VotingClassifier([("trees", forest), ("linear", CalibratedClassifierCV(LogisticRegression(), method="sigmoid", cv=3))], voting="soft")
    guarded = AbstainingClassifier(vote, abstention_cost=0.4, cv=3, out_of_distribution=OutOfDistributionDetector()).fit(X, y, groups=groups)
    text = model_card(en.load_model(model_bytes(guarded))).markdown()
    assert "| Steps | soft vote of 2 members |" in text
    assert "- random\\_forest\\_classifier\n- logistic\\_regression → sigmoid calibration\n" in text
    assert "robust deviations, on average, from those of the training rows." in text
    assert "It gives no answer where the calibrated probability" in text
    assert "Sigmoid of some members, fitted on rows that it was not trained on;" in text
    sets = ConformalClassifier(forest, confidence_level=0.7, random_state=0).fit(X, y, groups=groups)
    text = model_card(en.load_model(model_bytes(sets))).markdown()
    assert "Its prediction sets (LAC) are to hold the true label for 70% of the rows of new speakers" in text


def test_maps_a_fold_stacks_and_sets_of_labels_are_described() -> None:
    from emotion_native.calibration import CalibratedClassifierCV
    from emotion_native.ensemble import RandomForestClassifier, StackingClassifier
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier

    generator = np.random.default_rng(0)
    X = generator.normal(size=(90, 3)).astype(np.float32)
    y, groups = np.where(X[:, 0] > 0, "happy", "calm"), np.arange(90) % 9
    forest = RandomForestClassifier(n_estimators=4, random_state=0)
    ensemble = CalibratedClassifierCV(forest, method="sigmoid", cv=3, ensemble=True).fit(X, y, groups=groups)
    text = model_card(en.load_model(model_bytes(ensemble))).markdown()
    assert "| Calibration | sigmoid of each member |" in text and "Sigmoid of each member, fitted on rows that it was not trained on;" in text
    stack = StackingClassifier([("trees", forest), ("linear", LogisticRegression())], cv=3).fit(X, y, groups=groups)
    text = model_card(en.load_model(model_bytes(stack))).markdown()
    assert "| Steps | stack of 2 members under logistic\\_regression |" in text
    assert "The members of its stack:" in text and "- the last one, which reads what they say: logistic\\_regression" in text
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0.5, np.ones(90)]).astype(int)
    with pytest.warns(en.exceptions.EmotionNativeWarning, match="present in all"):
        sets = TunedThresholdsClassifier(OneVsRestClassifier(forest), cv=3).fit(X, Y, groups=groups)
    text = model_card(en.load_model(model_bytes(sets, labels=["calm", "glad", "speech"]))).markdown()
    assert "| Labels of a clip | several, or none: calm above " in text
    assert "- calm: random\\_forest\\_classifier\n" in text and "- speech: always given\n" in text
