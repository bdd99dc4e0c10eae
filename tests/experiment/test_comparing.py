"""Runs compared: the same clips, the same answer as the metrics give, warnings that cannot be overlooked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment import compare
from emotion_native.experiment.scored import Scored

pytestmark = pytest.mark.unsanitized  # files and pages of runs; training itself is in test_training.py

CLASSES = ["angry", "calm", "sad"]


def write(folder: Path, rng: np.random.Generator, truth: Any, speaker: Any, skill: float, *, order: Any = None, **record: Any) -> Path:
    """Write a run folder whose model is right more often with more skill; every 25th clip failed."""
    n = len(truth)
    codes = np.searchsorted(CLASSES, truth)
    proba = rng.dirichlet(np.ones(3), n)
    proba = (proba + skill * np.eye(3)[codes]) / (1 + skill)
    failed = np.arange(n) % 25 == 24
    proba[failed] = np.nan
    predicted = np.where(failed, "", np.asarray(CLASSES)[np.argmax(np.nan_to_num(proba), axis=1)])
    files = np.asarray([f"clip{i}.wav" for i in range(n)])
    scored = Scored(
        "t",
        CLASSES,
        files,
        truth,
        speaker,
        np.full(n, -1),
        proba,
        predicted,
        np.where(failed, np.nan, np.nan_to_num(proba).max(axis=1)),
        failed,
        [""] * n,
        {},
    )
    folder.mkdir()
    frame = scored.frame()
    (frame if order is None else frame.iloc[order]).to_csv(folder / "predictions_with_confidence.csv", index=False)
    kind = record.pop("kind", "evaluation")
    (folder / "run.json").write_text(json.dumps({"kind": kind, "classes": CLASSES, "ungrouped": False, **record}))
    (folder / "eval_metrics.json").write_text(json.dumps({"evaluation": {}, "cross_validated": {}}))
    return folder


@pytest.fixture
def runs(tmp_path: Path, rng: np.random.Generator) -> list[Path]:
    speaker = np.repeat([f"s{i}" for i in range(10)], 20)
    truth = np.asarray(CLASSES)[rng.integers(0, 3, 200)]
    order = rng.permutation(200)
    return [
        write(tmp_path / "strong", rng, truth, speaker, 1.2),
        write(tmp_path / "weak", rng, truth, speaker, 0.1, order=order),
        write(tmp_path / "weak too", rng, truth, speaker, 0.1, order=order[:180]),
    ]


def test_equals_the_metrics_on_common_clips_in_one_order(runs: list[Path], tmp_path: Path, documented_files: list[set[str]], files_of: Any) -> None:
    import pandas as pd

    found = compare(runs, metrics=["macro_f1", "log_loss"], output=tmp_path / "out")
    assert files_of(tmp_path / "out") == documented_files[1]
    assert (found.n_clips, found.n_left_out, found.n_speakers) == (180, 20, 10)
    frames = [pd.read_csv(run / "predictions_with_confidence.csv", keep_default_na=False).set_index("filepath") for run in runs]
    own = [path for path in frames[0].index if all(path in frame.index for frame in frames)]
    frames = [frame.loc[own] for frame in frames]
    labels, speaker = frames[0]["label"], frames[0]["speaker"]
    expected = en.metrics.paired_speaker_test("macro_f1", labels, frames[0]["predicted"], frames[1]["predicted"], speaker, labels=CLASSES)
    pair = found.pairs[0]
    assert (pair.a, pair.b, pair.result) == ("strong", "weak", expected)
    assert found.scores["macro_f1"][0].estimate == pytest.approx(expected.a)
    assert [p.real for p in found.pairs] == [True, True, False, True, True, False]
    p = [pair.result.p_value for pair in found.pairs]
    assert [pair.p_corrected for pair in found.pairs] == en.metrics.holm_correction(p).tolist()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"run.json", "comparison.png", "comparison.tex", "comparison.html"}
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["pairs"][0]["real"] is True
    # In words, whichever way a measure points: the strong run is better in F1 (higher) and in log loss (lower).
    rows = found.difference_table().rows
    assert [row[1] for row in rows] == ["strong", "strong", "not shown"] * 2
    findings = found.findings()
    assert len(findings) == 4 and all(line.startswith("strong is better than weak") for line in findings)
    n = max(pair.result.a_better, pair.result.b_better)
    assert findings[0].endswith(f"for {n} of 10 speakers.") and f"by {abs(expected.difference.estimate):.3f} (" in findings[0]
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert findings[0] in page and page.count("<img ") == 2
    assert "cannot be expected" in record["pairs"][2]["hint"]
    with pytest.raises(InvalidInputError, match="output of compare"):
        compare(runs, output=tmp_path / "out")
    compare(runs, output=tmp_path / "out", force=True)


def test_failed_clips_count_as_wrong(runs: list[Path]) -> None:
    found = compare(runs[:2], metrics=["accuracy"])
    assert found.scores["accuracy"][0].estimate <= 1 - 8 / 200


def test_five_speakers_never_suffice(tmp_path: Path, rng: np.random.Generator) -> None:
    truth, speaker = np.tile(CLASSES, 40), np.repeat(list("abcde"), 24)
    runs = [write(tmp_path / name, rng, truth, speaker, skill) for name, skill in (("x", 9.0), ("y", 0.0))]
    found = compare(runs)
    assert found.pairs[0].result.p_value == pytest.approx(2 / 32)
    assert not found.pairs[0].real
    assert math.isinf(found.pairs[0].result.detectable)
    assert any("p cannot be below 0.0625" in note for note in found.notes())
    assert found.warnings == ["Only 5 speakers: a demonstration, not evidence."]


def test_calibration_errors_of_clips_that_failed_in_no_run(runs: list[Path], tmp_path: Path) -> None:
    import pandas as pd

    found = compare(runs[:2], metrics=["expected_calibration_error"], output=tmp_path / "out")
    frames = [pd.read_csv(run / "predictions_with_confidence.csv", keep_default_na=False).set_index("filepath") for run in runs[:2]]
    kept = frames[0].index[(frames[0]["predicted"] != "") & (frames[1].loc[frames[0].index, "predicted"] != "")]
    assert (found.n_clips, found.n_predicted) == (200, 192) == (200, len(kept))
    frames = [frame.loc[kept] for frame in frames]
    proba = [frame[[f"probability_{name}" for name in CLASSES]].astype(float).to_numpy() for frame in frames]
    expected = en.metrics.paired_speaker_test("expected_calibration_error", frames[0]["label"], *proba, frames[0]["speaker"])
    assert found.pairs[0].result == expected
    assert [score.estimate for score in found.scores["expected_calibration_error"]] == pytest.approx([expected.a, expected.b])
    assert any("without the 8 clips that failed" in note for note in found.notes())
    assert found.difference_table().rows[0][2] == "Calibration error ↓"


def test_what_the_corrected_level_leaves(tmp_path: Path, rng: np.random.Generator) -> None:
    """Six speakers give p of 1/32 at least: enough for one comparison, not for the first of three, .05 / 3. Eight do, at a larger difference."""
    for n_speakers in (6, 8):
        truth, speaker = np.tile(CLASSES, 8 * n_speakers), np.repeat([f"s{i}" for i in range(n_speakers)], 24)
        runs = [write(tmp_path / f"{name}{n_speakers}", rng, truth, speaker, skill) for name, skill in (("x", 9.0), ("y", 0.0), ("z", 0.4))]
        two, three = compare(runs[:2], metrics=["accuracy"]), compare(runs, metrics=["accuracy"])
        assert two.pairs[0].real and "Corrected" not in two.hint("accuracy")
        assert all(pair.real for pair in three.pairs[:1]) == (n_speakers == 8)
        hint = three.hint("accuracy")
        assert hint in " ".join(three.notes()) and "Corrected for 3 comparisons, 1.7 % for the first of them" in hint
        assert three.figure().axes[0].get_title(loc="left").replace("\n", " ").endswith(hint)
        assert "after Holm's correction for 3 comparisons" in three.figure().legends[0].get_texts()[0].get_text()
        if n_speakers == 6:
            assert hint.endswith("none can be shown: p cannot be below 0.0312.")
        else:
            widest = max((pair.result for pair in three.pairs), key=lambda r: r.detectable)
            spread = widest.detectable / en.metrics.detectable_difference(1.0, 8)
            assert hint.endswith(f"under {en.metrics.detectable_difference(spread, 8, level=1 - 0.05 / 3):.3f}.")


@pytest.mark.parametrize(("tests", "level", "expected"), [(1, 0.95, 9_999), (25, 0.95, 9_999), (190, 0.95, 75_999), (10**6, 0.95, 999_999)])
def test_random_exchanges_grow_with_the_comparisons(tests: int, level: float, expected: int) -> None:
    """The least p-value, 1 / (exchanges + 1), stays at a twentieth of the level of the first comparison."""
    from emotion_native.experiment.comparing import _exchanges

    assert _exchanges(tests, level) == pytest.approx(expected, abs=1)


def test_what_makes_a_comparison_weak_is_said(tmp_path: Path, rng: np.random.Generator) -> None:
    truth, speaker = np.tile(CLASSES, 40), np.repeat([f"s{i}" for i in range(8)], 15)
    a = write(tmp_path / "a", rng, truth, speaker, 1.0, kind="training", split_hash="1", ungrouped=True)
    b = write(tmp_path / "b", rng, truth, speaker, 1.0, kind="training", split_hash="2")
    c = write(tmp_path / "c", rng, truth, speaker, 1.0, seen={"speakers": 3, "clips": 0})
    found = compare([a, b, c])
    assert [line.split(":")[0] for line in found.warnings] == ["UNGROUPED SPLIT", "SEEN DATA", "The runs were split in different ways"]
    assert found.difference_table().notes[0].startswith("UNGROUPED")


def test_messages(tmp_path: Path, rng: np.random.Generator, runs: list[Path]) -> None:
    with pytest.raises(InvalidInputError, match="runs of compare must be 2 to 20"):
        compare([runs[0], runs[0]])
    with pytest.raises(InvalidInputError, match="metrics of compare must be one or more of"):
        compare(runs, metrics=["f2"])
    with pytest.raises(InvalidInputError, match="run of report must be a folder"):
        compare([runs[0], tmp_path])
    truth, speaker = np.tile(CLASSES, 40), np.repeat(list("abcdefgh"), 15)
    one = write(tmp_path / "one", rng, truth, speaker, 1.0)
    with pytest.raises(InvalidInputError, match="agree about every clip's label"):
        compare([one, write(tmp_path / "two", rng, truth[::-1].copy(), speaker, 1.0)])
    with pytest.raises(InvalidInputError, match="agree about every clip's speaker"):
        compare([one, write(tmp_path / "three", rng, truth, speaker[::-1].copy(), 1.0)])
