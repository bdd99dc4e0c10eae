"""The MLflow wrapper: the runtime's answers as a frame, and a folder that MLflow loads without unpickling anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, MissingDependencyError
from emotion_native.export import PyfuncModel, save_mlflow
from emotion_native.persistence import model_bytes


@pytest.fixture
def model(fitted: Any) -> Any:
    return fitted("forest", "prepared", 4, "sigmoid")


def test_frames_arrays_and_reordered_columns_give_the_runtimes_answers(model: Any) -> None:
    estimator, X = model
    loaded = en.load_model(model_bytes(estimator))
    expected = loaded.predict_features(X)
    served = PyfuncModel(loaded)
    frame = pd.DataFrame(X, columns=list(loaded.feature_names), index=np.arange(len(X)) + 1000)
    frame["note"] = "ignored"
    for given in (X, frame, frame[frame.columns[::-1]]):
        got = served.predict(given, params={"n_jobs": 1})
        assert got.columns.tolist() == ["label", "confidence", "abstained", "reason", *(f"probability_{name}" for name in loaded.classes)]
        assert got["label"].tolist() == expected.labels.tolist()
        assert np.array_equal(got.filter(like="probability_").to_numpy(), expected.probabilities)
        assert np.array_equal(got["abstained"].to_numpy(), expected.abstained) and 0 < expected.abstained.sum() < len(X)
        assert set(got["reason"][got["abstained"]]) == {"low_confidence"} and set(got["reason"][~got["abstained"]]) == {""}
    assert served.predict(frame).index.tolist() == frame.index.tolist()


def test_bad_input_is_refused(model: Any) -> None:
    served = PyfuncModel(en.load_model(model_bytes(model[0])))
    with pytest.raises(InvalidInputError, match="must have the model's 7 columns or filepath; got none named x1"):
        served.predict(pd.DataFrame({"x0": [1.0]}))
    with pytest.raises(InvalidInputError, match="must be n_jobs alone"):
        served.predict(model[1], params={"temperature": 1})


def test_reasons_and_prediction_sets_are_named() -> None:
    from emotion_native.calibration import AbstainingClassifier, ConformalClassifier, OutOfDistributionDetector
    from emotion_native.ensemble import RandomForestClassifier

    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 3)).astype(np.float32)
    y, groups = np.where(X[:, 0] + generator.normal(size=120) > 0, "happy", "calm"), np.arange(120) % 12
    forest = RandomForestClassifier(n_estimators=10, random_state=0)
    guarded = AbstainingClassifier(forest, target_coverage=0.7, cv=3, out_of_distribution=OutOfDistributionDetector()).fit(X, y, groups=groups)
    rows = np.concatenate([X, X[:5] + 50])
    got = PyfuncModel(en.load_model(model_bytes(guarded))).predict(rows)
    assert got["reason"].tolist() == guarded.predict_abstain(rows)[2].tolist()
    assert set(got["reason"]) == {"", "low_confidence", "out_of_distribution"} and "prediction_set" not in got
    sets = ConformalClassifier(forest, confidence_level=0.7, random_state=0).fit(X, y, groups=groups)
    got = PyfuncModel(en.load_model(model_bytes(sets))).predict(rows)
    assert got["prediction_set"].tolist() == [sets.classes_[row].tolist() for row in sets.predict_set(rows)]


def corrected_model() -> tuple[Any, Any, Any]:
    """Return a fitted model that over-samples, takes that back, is calibrated and abstains, with its training rows and labels."""
    from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.over_sampling import RandomOverSampler
    from emotion_native.pipeline import make_pipeline

    generator = np.random.default_rng(3)
    X = generator.normal(size=(240, 3)).astype(np.float32)
    y, groups = np.where(X[:, 0] + generator.normal(size=240) > 1.4, "angry", "calm"), np.arange(240) % 12
    sampled = make_pipeline(RandomOverSampler(random_state=0), LogisticRegression())
    calibrated = CalibratedClassifierCV(sampled, method="temperature", prior_correction=True, cv=3)
    return AbstainingClassifier(calibrated, target_coverage=0.7, cv=3).fit(X, y, groups=groups), X, y


def test_a_prior_correction_and_a_threshold_are_served(tmp_path: Path) -> None:
    """The answers of the fitted classifier, and Bayes' rule by hand: log-odds are (those of the over-sampled pipeline + log of shares) / T."""
    estimator, X, y = corrected_model()
    got = PyfuncModel(en.load_model(model_bytes(estimator))).predict(X)
    labels, abstained, reasons = estimator.predict_abstain(X)
    served = got.filter(like="probability_").to_numpy()
    np.testing.assert_allclose(served, estimator.predict_proba(X), rtol=1e-12)
    assert got["abstained"].tolist() == abstained.tolist() and 0 < abstained.sum() < len(X)
    assert got["reason"].tolist() == list(reasons)
    # Abstained rows keep their best label.
    assert got["label"].tolist() == estimator.predict(X).tolist() and got["label"][~abstained].tolist() == labels[~abstained].tolist()
    pipeline = estimator.estimator_.estimator_
    inner = pipeline.predict_proba(X)
    kept = (inner.min(axis=1) > 1e-3) & (served.min(axis=1) > 1e-3)
    odds = [np.log(p[kept, 0] / p[kept, 1]) for p in (inner, served)]
    slope, shift = np.polyfit(*odds, 1)
    np.testing.assert_allclose(odds[1], slope * odds[0] + shift, atol=1e-6)
    counts = np.unique(y, return_counts=True)[1]  # over-sampling made them equal
    assert shift / slope == pytest.approx(np.log(counts[0] / counts[1]), abs=1e-6)
    pyfunc = pytest.importorskip("mlflow.pyfunc", reason="the extra mlflow is not installed")
    save_mlflow(estimator, tmp_path / "served")
    names = list(en.load_model(model_bytes(estimator)).feature_names)
    again = pyfunc.load_model(str(tmp_path / "served")).predict(pd.DataFrame(X, columns=names))
    pd.testing.assert_frame_equal(again, got)


def test_clips_are_predicted_by_the_models_own_extractor() -> None:
    clips = en.datasets.load_sample()["filepath"].tolist()[:2]
    served = PyfuncModel(en.load_model())
    got = served.predict(pd.DataFrame({"filepath": [*clips, "absent.wav"]}))
    expected = en.load_model().predict_batch(clips)
    assert got["label"].tolist()[:2] == [found.label for found in expected]
    assert got["abstained"].tolist()[2] and got["reason"].tolist()[2] == "not_found"


def test_mlflow_loads_what_was_saved(model: Any, tmp_path: Path) -> None:
    pyfunc = pytest.importorskip("mlflow.pyfunc", reason="the extra mlflow is not installed")
    estimator, X = model
    folder = tmp_path / "served"
    save_mlflow(estimator, folder, metadata={"purpose": "test"})
    with pytest.raises(InvalidInputError, match="path of save_mlflow must not exist yet"):
        save_mlflow(estimator, folder)
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle")]
    loaded = pyfunc.load_model(str(folder))
    assert loaded.metadata.metadata["purpose"] == "test"
    native = en.load_model(model_bytes(estimator))
    frame = pd.DataFrame(X, columns=list(native.feature_names))
    assert np.array_equal(loaded.predict(frame).filter(like="probability_").to_numpy(), native.predict_proba(X))


def test_without_mlflow_the_message_says_how_to_get_it(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    monkeypatch.setitem(__import__("sys").modules, "mlflow.pyfunc", None)
    with pytest.raises(MissingDependencyError, match=r"emotion-native\[mlflow\]"):
        save_mlflow(model[0], tmp_path / "served")
