"""What results look like in a console and in a notebook: short, and saying what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native._display import cell, counted, html_table, listed
from emotion_native.calibration import OutOfDistributionDetector, nested_evaluation
from emotion_native.datasets import ValidationReport
from emotion_native.explain import permutation_importance
from emotion_native.linear_model import LogisticRegression
from emotion_native.metrics import paired_speaker_test
from emotion_native.runtime import Prediction

SHORT = 400  # characters: what a reader takes in at a glance


def rows(n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.array(["angry", "calm", "happy", "sad"])[rng.integers(0, 4, n)]
    return rng.normal(size=(n, 6)) + 2 * (y[:, None] == np.unique(y)[[0, 1, 2, 3, 0, 1]]), y, np.arange(n) % 12


def check(result: Any, *words: str) -> None:
    text = repr(result)
    assert len(text) < SHORT and "\n" not in text, text
    for word in words:
        assert word in text, text


def test_pieces() -> None:
    assert cell(np.float64(0.12345)) == "0.123" and cell(float("nan")) == cell(None) == "" and cell(np.bool_(True)) == "yes" and cell(3) == "3"
    assert counted(0, "row") == "0 rows" and listed([]) == "" and listed(np.array([1, 2])) == "1, 2"
    shown = html_table("<b>", ["x"], [["<script>"]], 5)
    assert "<script>" not in shown and "<b>" not in shown and "… and 4 rows more" in shown


def test_nested_evaluation() -> None:
    X, y, speaker = rows()
    found = nested_evaluation(
        {"strong": LogisticRegression(), "weak": LogisticRegression(C=1e-6)}, X, y, groups=speaker, cv=4, target_coverage=0.8,
        out_of_distribution=OutOfDistributionDetector(),
    )  # fmt: skip
    check(found, "600 rows, 4 classes, 4 outer folds", "'strong' in 4", f"{int(found.abstained.sum())} abstained")
    table = found._repr_html_()
    assert table.count("<tr>") == 5 and "inner score of weak" in table
    check(nested_evaluation({"one": LogisticRegression()}, X, y, allow_ungrouped=True), "not grouped")


def test_predictions() -> None:
    X, y, _ = rows()
    model = en.load_model(en.persistence.model_bytes(LogisticRegression().fit(X, y)))
    found = model.predict_features(X)
    check(found, "600 rows, 4 classes: 'angry', 'calm', 'happy', …; 0 abstained")
    table = found._repr_html_()
    assert table.count("<tr>") == 11 and "… and 590 rows more" in table and "<th>sad</th>" in table
    one = Prediction("happy", {f"class {k}": 0.1 for k in range(8)} | {"happy": 0.75}, 0.75, True, "low_confidence", warnings=["a: b"])
    check(one, "label='happy'", "confidence=0.75", "abstained=True", "reason='low_confidence'", "'happy': 0.75, 'class 0': 0.1", "…", "1 warning")
    check(Prediction(None, {"a": float("nan"), "b": float("nan")}, float("nan"), True, "silent"), "label=None", "reason='silent'")
    assert json.loads(json.dumps(one.to_dict()))["label"] == "happy"


def test_importance_and_comparison() -> None:
    X, y, speaker = rows()
    found = permutation_importance(LogisticRegression(), X, y, groups=speaker, cv=4, random_state=0, n_repeats=2, scoring="macro_f1")
    check(found, "6 groups of columns, 600 rows, 12 speakers", "f1_macro", repr(found.top(1)[0][0]))
    assert found._repr_html_().count("<tr>") == 7 and "<th>low</th>" in found._repr_html_()
    pair = paired_speaker_test("uar", y, y, np.roll(y, 1), speaker)
    check(pair, "PairedComparison(uar: 1.000", "12 speakers")
    assert str(pair) in repr(pair)


def test_validation_report(tmp_path: Path) -> None:
    report = ValidationReport(
        (en.datasets.Issue("error", "duplicate_conflict", tuple(range(5000)), "two labels"), en.datasets.Issue("info", "one", (), "<i>")),
        {"rows": 9000, "labels": {str(k): k for k in range(500)}},
    )
    check(report, "1 error, 0 warnings, 1 note in 9,000 rows")
    check(report.issues[0], "Issue('error', 'duplicate_conflict', 5,000 rows: two labels)")
    assert "<i>" not in report._repr_html_() and report._repr_html_().count("<tr>") == 3


@pytest.mark.parametrize("kind", ["comparison", "scored"])
def test_runs(kind: str) -> None:
    from emotion_native.experiment.comparing import ComparedPair, RunComparison
    from emotion_native.experiment.scored import Scored
    from emotion_native.metrics import speaker_interval

    _, y, speaker = rows()
    names = np.char.add("speaker ", speaker.astype(str))
    if kind == "comparison":
        result = paired_speaker_test("macro_f1", y, y, np.roll(y, 1), names)
        interval = speaker_interval("macro_f1", y, y, names)
        scores, pairs = {"macro_f1": [interval] * 2}, [ComparedPair("a", "b", result, 0.01, True)]
        found = RunComparison(["a", "b"], ["macro_f1"], 0.95, 600, 12, 0, 600, scores, pairs, ["few"])
        check(found, "2 runs on 600 clips of 12 speakers; macro_f1; 1 of 1 difference shown to be real")
        assert found._repr_html_().count("<table") == 2
        return
    proba = np.full((600, 4), 0.25)
    scored = Scored("held out", sorted(set(y)), y, y, names, np.zeros(600, np.int64), proba, y, proba[:, 0], y == "sad", [""] * 600, {})
    check(scored, "'held out': 600 clips of 12 speakers, 4 classes", f"{int((y == 'sad').sum())} without an answer")
    assert scored._repr_html_().count("<tr") == 11
