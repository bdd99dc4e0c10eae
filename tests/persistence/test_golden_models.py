"""Model files of every kind that were written once, and what they must answer for ever; new formats must be able to read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native import _core
from emotion_native._model_format import FORMAT_VERSION
from emotion_native.exceptions import ModelFormatError

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "models").glob("*/*.emotion"))
# Kinds of the present format; a new one needs a golden file (scripts/make_golden_models.py).
STEPS = {
    "standard_scaler", "simple_imputer", "select_k_best", "logistic_regression", "random_forest_classifier", "extra_trees_classifier",
    "gradient_boosting_classifier", "voting_classifier", "one_vs_rest_classifier", "stacking_classifier", "one_vs_rest_members",
}  # fmt: skip
CALIBRATIONS = {"sigmoid", "temperature", "isotonic", "prior", "prior+sigmoid", "prior+temperature", "prior+isotonic"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_files_answer_as_when_they_were_written(path: Path) -> None:
    expected: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    model = en.load_model(path)
    assert model.model_hash == expected["model_hash"] and model.metadata["version"] == expected["format"]
    result = model.predict_features(np.array(expected["rows"], dtype=np.float32))  # null is NaN
    np.testing.assert_allclose(result.probabilities, expected["probabilities"], rtol=1e-12, atol=1e-15)  # exp and log differ between C libraries
    assert result.labels.tolist() == expected["labels"] and result.abstained.tolist() == expected["abstained"]
    assert ("indicators" in expected) == (result.indicators is not None)
    if result.indicators is not None:
        assert result.indicators.tolist() == expected["indicators"]
    assert model.takes_enrolment == ("speaker" in expected)
    if model.takes_enrolment:
        rows = np.array(expected["rows"], dtype=np.float32)
        together = model.predict_features(rows, speaker=expected["speaker"]).probabilities
        np.testing.assert_allclose(together, expected["of_speakers"], rtol=1e-10, atol=1e-15)  # sums of NumPy may change their order
        alone = model.for_speaker(rows[4:]).predict_features(rows[:4]).probabilities
        np.testing.assert_allclose(alone, expected["of_one_speaker"], rtol=1e-10, atol=1e-15)
    if "sets" in expected:
        assert model.predict_set(np.array(expected["rows"], dtype=np.float32)).tolist() == expected["sets"]


def test_there_is_a_golden_file_of_every_kind() -> None:
    models = [en.load_model(path) for path in GOLDEN]
    assert {step["kind"] for model in models for step in model.metadata["steps"]} >= STEPS
    assert {model.calibration for model in models} >= CALIBRATIONS | {None}
    assert any(model.threshold is not None for model in models)
    assert any(model.takes_enrolment for model in models)
    assert {len(model.classes) for model in models} == {2, 3, 4}
    assert {feature for model in models for feature in model.metadata["requires"]} == {"vote", "out_of_distribution_steps", "stack", "label_sets"}
    assert {model.metadata["label_sets"]["rule"] for model in models if "label_sets" in model.metadata} == {"margin", "probability"}
    sets = [model.metadata["prediction_sets"] for model in models if "prediction_sets" in model.metadata]
    assert {rule["score"] for rule in sets} == {"lac", "aps"} and {rule["allow_empty_sets"] for rule in sets} == {False, True}


def test_writer_and_reader_are_of_one_format_and_it_has_golden_files() -> None:
    assert tuple(_core.MODEL_FORMAT_VERSION) == FORMAT_VERSION
    assert ".".join(map(str, FORMAT_VERSION)) in {path.parent.name for path in GOLDEN}, "run scripts/make_golden_models.py for the new format"


@pytest.mark.parametrize("version", ["[2,0]", "[9,1]", "[0,9]"])
def test_files_of_another_major_version_are_refused(version: str) -> None:
    import hashlib

    content = GOLDEN[0].read_bytes()
    stated = json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["emotion_native"])["sha256"].encode()
    blank = content.replace(stated, b"0" * 64).replace(b'\\"version\\":[1,0]', b'\\"version\\":' + version.encode())
    changed = blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)
    assert changed != content
    with pytest.raises(ModelFormatError, match="version"):
        en.load_model(changed)


def test_a_later_minor_version_is_read() -> None:
    import hashlib

    content = GOLDEN[0].read_bytes()
    stated = json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["emotion_native"])["sha256"].encode()
    blank = content.replace(stated, b"0" * 64).replace(b'\\"version\\":[1,0]', b'\\"version\\":[1,7]')
    changed = blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)
    assert en.load_model(changed).metadata["version"] == [1, 7]
