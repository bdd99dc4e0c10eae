"""The summary of a report: scikit-learn for clean rows, hand-worked cases for failed ones, and JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

summary_of = en.metrics.classification_summary


@pytest.fixture
def rows() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 4, 160)
    proba = rng.dirichlet(np.ones(4), 160) * 0.7 + 0.3 * np.eye(4)[y]
    names = np.array(["angry", "calm", "happy", "sad"])
    return {"y_true": names[y], "proba": proba, "classes": names, "speakers": np.array([f"s{i % 8}" for i in range(160)])}


def test_clean_rows_equal_scikit_learn(rows: dict[str, Any]) -> None:
    abstained = rows["proba"].max(axis=1) < 0.5
    summary = summary_of(**rows, abstained=abstained)
    y, proba = rows["y_true"], rows["proba"]
    predicted = rows["classes"][np.argmax(proba, axis=1)]
    expected = {
        "accuracy": sk.accuracy_score(y, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(y, predicted),
        "macro_f1": sk.f1_score(y, predicted, average="macro"),
        "weighted_f1": sk.f1_score(y, predicted, average="weighted"),
        "top_2_accuracy": sk.top_k_accuracy_score(y, proba, k=2),
        "top_3_accuracy": sk.top_k_accuracy_score(y, proba, k=3),
        "log_loss": sk.log_loss(y, proba),
        "cohen_kappa": sk.cohen_kappa_score(y, predicted),
        "matthews_corrcoef": sk.matthews_corrcoef(y, predicted),
        "brier": sk.brier_score_loss(y, proba),
        "expected_calibration_error": en.metrics.expected_calibration_error(y, proba),
        "coverage": 1 - abstained.mean(),
        "selective_accuracy": sk.accuracy_score(y[~abstained], predicted[~abstained]),
        "area_under_risk_coverage": en.metrics.area_under_risk_coverage(y, predicted, proba.max(axis=1)),
    }
    assert set(summary["overall"]) == set(expected)
    for name, value in expected.items():
        assert summary["overall"][name]["value"] == pytest.approx(value, abs=1e-12), name
    assert np.array_equal(summary["confusion_matrix"]["counts"], sk.confusion_matrix(y, predicted))
    recall = sk.recall_score(y, predicted, average=None)
    assert [row["recall"] for row in summary["per_class"]] == pytest.approx(recall.tolist())
    assert all(row["recall_low"] <= row["recall"] <= row["recall_high"] for row in summary["per_class"])
    for row in summary["per_speaker"]:
        own = rows["speakers"] == row["speaker"]
        assert row["accuracy"] == pytest.approx(sk.accuracy_score(y[own], predicted[own]))
        assert row["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y[own], predicted[own]))
        assert row["n_rows"] == own.sum()
    assert summary["note"] is None
    assert summary["n_speakers"] == 8


def test_failed_rows_are_wrong_and_abstained_by_hand() -> None:
    proba = [[0.8, 0.2], [np.nan, np.nan], [0.4, 0.6], [0.9, 0.1]]
    summary = summary_of(["a", "a", "b", "b"], proba, classes=["a", "b"], speakers=["x", "x", "y", "y"], prior=[0.75, 0.25])
    overall = {name: entry["value"] for name, entry in summary["overall"].items()}
    assert overall["accuracy"] == 0.5
    assert overall["balanced_accuracy"] == 0.5
    assert overall["coverage"] == 0.75
    assert overall["selective_accuracy"] == pytest.approx(2 / 3)
    assert overall["log_loss"] == pytest.approx(-np.log([0.8, 0.75, 0.6, 0.1]).mean())
    assert overall["brier"] == pytest.approx(2 * np.mean([0.2**2, 0.25**2, 0.4**2, 0.9**2]))
    assert overall["top_2_accuracy"] == 0.75
    assert overall["macro_f1"] == pytest.approx((2 * 1 / (2 + 2) + 2 * 1 / (2 + 1)) / 2)
    assert summary["confusion_matrix"] == {"labels": ["a", "b"], "counts": [[1, 0], [1, 1]], "failed": [1, 0]}
    assert (summary["n_failed"], summary["n_abstained"]) == (1, 1)
    assert summary["per_class"][0]["failed"] == 1
    assert summary["per_speaker"][0]["coverage"] == 0.5
    assert summary["note"] == "a demonstration, not evidence"
    # Kappa and correlation with "failed" as one more answer.
    assert overall["cohen_kappa"] == pytest.approx(sk.cohen_kappa_score([0, 0, 1, 1], [0, 2, 1, 0]))
    assert overall["matthews_corrcoef"] == pytest.approx(sk.matthews_corrcoef([0, 0, 1, 1], [0, 2, 1, 0]))


def test_a_failed_row_never_helps(rows: dict[str, Any]) -> None:
    """Marking a right row as failed lowers each score of right answers; marking a wrong one changes no accuracy."""
    proba, y = rows["proba"], rows["y_true"]
    right = rows["classes"][np.argmax(proba, axis=1)] == y
    base = summary_of(**rows)["overall"]
    for index, lower in ((np.flatnonzero(right)[0], True), (np.flatnonzero(~right)[0], False)):
        failed = np.arange(len(y)) == index
        changed = summary_of(**rows, failed=failed)["overall"]
        for name in ("accuracy", "balanced_accuracy"):
            assert changed[name]["value"] < base[name]["value"] if lower else changed[name]["value"] == base[name]["value"]


def test_json_and_extremes(rows: dict[str, Any]) -> None:
    json.dumps(summary_of(**rows), allow_nan=False)
    everything_failed = summary_of(**rows, failed=np.ones(160, dtype=bool))
    json.dumps(everything_failed, allow_nan=False)
    assert everything_failed["overall"]["accuracy"]["value"] == 0
    assert everything_failed["overall"]["selective_accuracy"]["value"] is None
    assert everything_failed["overall"]["expected_calibration_error"]["value"] is None
    alone = summary_of(**{**rows, "speakers": np.zeros(160, dtype=int)})
    json.dumps(alone, allow_nan=False)
    assert alone["overall"]["accuracy"]["low"] is None
    wider = np.column_stack([rows["proba"], np.zeros(160)])
    absent = summary_of(**{**rows, "classes": [*rows["classes"], "zzz"], "proba": wider})
    json.dumps(absent, allow_nan=False)
    assert absent["per_class"][4]["recall"] is None
    assert absent["overall"]["balanced_accuracy"]["value"] == summary_of(**rows)["overall"]["balanced_accuracy"]["value"]


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["sad", "happy", "calm", "angry"]},
        {"classes": ["angry", "calm", "happy", "other"]},
        {"proba": np.zeros((160, 3))},
        {"proba": np.full((160, 4), 2.0)},
        {"speakers": ["a"]},
        {"failed": np.zeros(160)},
        {"abstained": [True]},
        {"predicted": ["joy"] * 160},
        {"prior": [0.5, 0.5]},
        {"level": 0},
    ],
)
def test_bad_arguments(rows: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        summary_of(**{**rows, **change})
