"""Predictions from clips: one record whatever the clip comes as, equal bits whatever the threads, reasons where there is no answer."""

from __future__ import annotations

import json
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, MediaDecodeError, ModelFormatError

Clips = dict[str, npt.NDArray[np.float32]]
MODELS = ["forest", "logistic"]


@pytest.mark.parametrize("name", MODELS)
def test_a_clip_is_predicted_as_its_row_in_training(name: str, folder: Path, clips: Clips) -> None:
    model = en.load_model(folder / f"{name}.emotion")
    table = np.load(folder / "table.npz")
    for i, clip in enumerate(clips):
        prediction = model.predict(folder / f"{clip}.wav")
        assert list(prediction.probabilities.values()) == table[name][i].tolist()  # the same kernels on the same bits
        assert prediction.label == clip.split("_")[0]
        assert prediction.confidence == max(prediction.probabilities.values())
        assert prediction.model_hash == model.model_hash
        assert prediction.segments == []
        assert prediction.abstained == (model.threshold is not None and prediction.confidence < model.threshold)
        assert prediction.reason == ("low_confidence" if prediction.abstained else None)
    rows = model.predict_features(table["X"])
    assert np.array_equal(rows.probabilities, table[name])
    assert rows.labels.tolist() == [clip.split("_")[0] for clip in clips]


@pytest.mark.parametrize("name", MODELS)
def test_path_bytes_and_samples_give_one_record(name: str, folder: Path, clips: Clips) -> None:
    model = en.load_model(folder / f"{name}.emotion")
    path = folder / "calm_2.wav"
    expected = model.predict(path)
    content = path.read_bytes()
    samples = clips["calm_2"]
    strided = np.repeat(samples, 2)[::2]
    for source, rate in [
        (str(path), None),
        (content, None),
        (bytearray(content), None),
        (memoryview(content), None),
        (samples, 16_000),
        (samples.astype(np.float64), np.int64(16_000)),
        (strided, 16_000),
    ]:
        assert model.predict(source, sample_rate_hz=rate) == expected
    for n_jobs in (1, 2, 7):
        assert model.predict(path, n_jobs=n_jobs) == expected
    assert model.predict_batch([path, content], n_jobs=1) == [expected, expected]


def test_a_batch_keeps_order_and_survives_bad_clips(folder: Path, clips: Clips) -> None:
    model = en.load_model(folder / "forest.emotion")
    sources: list[Any] = [folder / f"{clip}.wav" for clip in clips]
    sources[2:2] = [folder / "broken.wav", folder / "absent.wav", b"", folder / "silent.wav", folder]
    seen: list[int] = []
    batch = model.predict_batch(sources, progress=lambda done, total: seen.append(done))
    assert [p.label for p in batch if p.label is not None] == [clip.split("_")[0] for clip in clips]
    failed = batch[2:7]
    assert all(p.label is None and p.abstained and p.top_features == [] and math.isnan(p.confidence) for p in failed)
    assert all(math.isnan(v) for p in failed for v in p.probabilities.values())
    assert failed[1].reason == "not_found" and failed[3].reason == "silent"
    assert all(p.warnings and p.warnings[-1].startswith(f"{p.reason}: ") for p in failed)
    assert seen[-1] == len(sources) and seen == sorted(seen)
    plain = [p.to_dict() for p in batch]  # records with NaN do not compare equal; their JSON does
    for n_jobs in (1, 2, 7):
        assert [p.to_dict() for p in model.predict_batch(sources, n_jobs=n_jobs)] == plain
    assert model.predict_batch([]) == []


def test_a_single_bad_clip_is_an_error_with_its_reason(folder: Path) -> None:
    model = en.load_model(folder / "forest.emotion")
    for source, reason in [(folder / "absent.wav", "not_found"), (folder / "silent.wav", "silent")]:
        with pytest.raises(MediaDecodeError) as caught:
            model.predict(source)
        assert caught.value.reason == reason
        assert source.name in str(caught.value)
    for samples in (np.zeros(16_000, np.float32), np.full(16_000, np.nan, np.float32), np.ones(3, np.float32)):
        with pytest.raises(MediaDecodeError):
            model.predict(samples, sample_rate_hz=16_000)


def test_file_names_need_not_be_utf_8(folder: Path, tmp_path: Path) -> None:
    model = en.load_model(folder / "forest.emotion")
    odd = tmp_path / "cl\udcffip.wav"
    odd.write_bytes((folder / "calm_0.wav").read_bytes())
    assert model.predict(odd) == model.predict(folder / "calm_0.wav")
    odd.write_bytes(b"broken")
    record = model.predict_batch([odd])[0]
    assert record.label is None and "cl\\xffip.wav" in record.warnings[-1]
    with pytest.raises(MediaDecodeError, match=r"ip\.wav"):
        model.predict(odd)


def test_records_are_json(folder: Path) -> None:
    model = en.load_model(folder / "forest.emotion")
    for prediction in model.predict_batch([folder / "calm_0.wav", folder / "broken.wav"]):
        record = json.loads(json.dumps(prediction.to_dict(), allow_nan=False))
        assert set(record) == {
            "label", "probabilities", "confidence", "abstained", "reason", "segments", "top_features", "model_hash", "warnings",
        }  # fmt: skip
    assert record["label"] is None and record["confidence"] is None


@pytest.mark.parametrize("name", MODELS)
def test_contributions_add_up_and_the_top_ones_are_named(name: str, folder: Path) -> None:
    model = en.load_model(folder / f"{name}.emotion")
    explanation = model.explain(folder / "angry_1.wav")
    prediction = explanation["prediction"]
    X = np.load(folder / "table.npz")["X"]
    assert np.array_equal(explanation["data"], X[5])
    total = explanation["base_values"] + explanation["values"].sum(axis=0)
    expected = model._native.raw_output(X[5:6], 1)[0]
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-6)
    if name == "forest":
        assert explanation["output"] == "probability"
        np.testing.assert_allclose(total, np.load(folder / "table.npz")["forest"][5], atol=1e-6)
    label = model.classes.index(prediction.label)
    top = model.predict(folder / "angry_1.wav", top_features=7).top_features
    assert top == prediction.top_features[:7] and len(top) == 7
    sizes = np.abs(explanation["values"][:, label])
    assert [abs(feature.contribution) for feature in top] == np.sort(sizes)[::-1][:7].tolist()
    for feature in top:
        column = model.feature_names.index(feature.name)
        assert feature.value == X[5, column] and feature.contribution == explanation["values"][column, label]
    values, base = model.explain_features(X)
    assert np.array_equal(values[5], explanation["values"]) and np.array_equal(base, explanation["base_values"])
    assert model.predict(folder / "angry_1.wav", top_features=0).top_features == []


def test_a_logistic_model_is_explained_against_its_background(folder: Path) -> None:
    """The definition: coef * (z - mean z of the background), worked in NumPy."""
    model = en.load_model(folder / "logistic.emotion")
    X = np.load(folder / "table.npz")["X"]
    scaler, logistic = model.metadata["steps"]
    assert (scaler["kind"], logistic["kind"]) == ("standard_scaler", "logistic_regression")
    import safetensors.numpy

    tensors = safetensors.numpy.load_file(folder / "logistic.emotion")
    z = ((X.astype(np.float64) - tensors["steps.0.mean"]) / tensors["steps.0.scale"]).astype(np.float32).astype(np.float64)
    contributions = tensors["steps.1.coef"][0] * (z - z.mean(axis=0))
    values, base = model.explain_features(X)
    np.testing.assert_allclose(values[..., 1], contributions, rtol=1e-9, atol=1e-12)  # the order of the sum of 8 rows may differ
    assert np.array_equal(values[..., 0], -values[..., 1]) and base[0] == -base[1]


def test_warnings_say_what_weakens_a_prediction(folder: Path, clips: Clips) -> None:
    model = en.load_model(folder / "forest.emotion")
    samples = clips["calm_1"]

    def codes(array: npt.NDArray[np.float32]) -> set[str]:
        return {warning.split(":")[0] for warning in model.predict(array, sample_rate_hz=16_000).warnings}

    assert codes(samples) == set()
    assert "longer_than_training" in codes(np.tile(samples, 3))
    assert "shorter_than_training" in codes(samples[:4000])
    assert "quiet" in codes(samples * np.float32(0.01))
    assert "full_scale" in codes(np.clip(samples * 50, -1, 1))
    assert codes(np.clip(samples * 50, -1, 1) * np.float32(0.9)) == set()  # clipped, but the model judges no quality


def test_a_model_trained_without_groups_says_so_each_time(folder: Path, clips: Clips) -> None:
    from emotion_native.ensemble import RandomForestClassifier
    from emotion_native.persistence import model_bytes

    X = np.load(folder / "table.npz")["X"]
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, [clip.split("_")[0] for clip in clips])
    content = model_bytes(forest, extractor={"feature_set": "classic", "sample_rate_hz": 16_000}, provenance={"ungrouped": True})
    model = en.load_model(content)
    assert model.ungrouped and not en.load_model(folder / "forest.emotion").ungrouped
    assert model.predict(folder / "calm_0.wav").warnings[0].startswith("ungrouped: ")


def test_bad_arguments(folder: Path, clips: Clips) -> None:
    model = en.load_model(folder / "forest.emotion")
    path, samples = folder / "calm_0.wav", clips["calm_0"]
    for call, message in [
        (lambda: model.predict(samples), "sample_rate_hz of predict must be a whole number"),
        (lambda: model.predict(samples, sample_rate_hz=0), "sample_rate_hz of predict must be a whole number"),
        (
            lambda: model.predict(samples, sample_rate_hz=768_001),
            "sample_rate_hz of predict must be a whole number from 1 to 768000 when source is an array; got 768001",
        ),
        (lambda: model.predict(samples, sample_rate_hz=10**20), "sample_rate_hz of predict must be a whole number from 1 to 768000"),
        (lambda: model.predict(samples, sample_rate_hz=16_000.0), "sample_rate_hz of predict must be a whole number"),  # type: ignore[arg-type]
        (lambda: model.predict(path, sample_rate_hz=16_000), "must be None unless source is an array"),
        (lambda: model.predict(samples[:0], sample_rate_hz=16_000), "an array of 1 to"),
        (lambda: model.predict(samples.reshape(2, -1), sample_rate_hz=16_000), "must be a 1-d float array"),
        (lambda: model.predict((samples * 32767).astype(np.int16), sample_rate_hz=16_000), "must be a 1-d float array"),
        (lambda: model.predict([0.1, 0.2]), "source of predict must be a path"),  # type: ignore[arg-type]
        (lambda: model.predict(None), "source of predict must be a path"),  # type: ignore[arg-type]
        (lambda: model.predict(path, top_features=-1), "top_features of predict must be"),
        (lambda: model.predict(path, n_jobs=0), "n_jobs of predict must be"),
        (lambda: model.predict_batch(str(path)), "sources of predict_batch must be a sequence"),
        (lambda: model.predict_features(np.zeros((2, 3))), "X of predict_features must be a matrix of 1116 columns"),
        (lambda: model.predict_features(np.zeros(1116)), "X of predict_features must be a 2-d array"),
        (lambda: model.predict_features([["a"] * 1116]), "X of predict_features must be a matrix of numbers"),
        (lambda: model.predict_features(np.full((1, 1116), np.inf)), "free of infinity"),
        (lambda: model.predict_features(np.full((1, 1116), 1e300)), "within the range of float32"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            call()
    assert model.predict_features(np.zeros((0, 1116), np.float32)).labels.shape == (0,)


def test_a_model_of_rows_alone_takes_no_clips(folder: Path) -> None:
    from emotion_native.ensemble import RandomForestClassifier
    from emotion_native.persistence import model_bytes

    model = en.load_model(model_bytes(RandomForestClassifier(n_estimators=2, random_state=0).fit(np.eye(4, dtype=np.float32), [0, 1, 0, 1])))
    assert model.extractor is None and model.classes == (0, 1)
    with pytest.raises(InvalidInputError, match="saved without an extractor"):
        model.predict(folder / "calm_0.wav")


def test_one_model_in_many_threads(folder: Path, clips: Clips) -> None:
    model = en.load_model(folder / "forest.emotion")
    expected = {clip: model.predict(folder / f"{clip}.wav") for clip in clips}
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda clip: (clip, model.predict(folder / f"{clip}.wav", n_jobs=2)), list(clips) * 3))
    assert all(expected[clip] == prediction for clip, prediction in got)


def test_an_exception_from_progress_ends_the_call(folder: Path) -> None:
    model = en.load_model(folder / "forest.emotion")

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.predict_batch([folder / "calm_0.wav"] * 500, n_jobs=2, progress=stop)
    assert model.predict(folder / "calm_0.wav").label == "calm"


def test_pickles_of_a_model_load_the_same_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.emotion"
    path.write_bytes((folder / "forest.emotion").read_bytes())
    model = en.load_model(path)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(folder / "calm_0.wav") == model.predict(folder / "calm_0.wav")
    from_bytes = en.load_model(path.read_bytes())
    assert pickle.loads(pickle.dumps(from_bytes)).model_hash == model.model_hash
    stored = pickle.dumps(model)
    path.write_bytes((folder / "logistic.emotion").read_bytes())
    with pytest.raises(ModelFormatError, match="another model"):
        pickle.loads(stored)
    assert "classes=['angry', 'calm']" in repr(model)


def test_tables_must_name_the_columns_of_the_model() -> None:
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(40, 3)), columns=["loudness", "pitch", "rate"])
    y = (table["pitch"] > 0).astype(int).to_numpy()
    fitted = en.linear_model.LogisticRegression().fit(table, y)
    model = en.load_model(en.persistence.model_bytes(fitted))
    plain = model.predict_features(table.to_numpy()).probabilities
    assert (model.predict_features(table).probabilities == plain).all()
    mixed = table[["rate", "pitch", "loudness"]]
    for call in (model.predict_features, model.predict_proba, model.explain_features):
        with pytest.raises(InvalidInputError, match=r"X of \w+ must have the columns of feature_names in their order.*: take X\[list"):
            call(mixed)
        with pytest.raises(InvalidInputError, match="must have the columns of feature_names"):
            call(table.rename(columns={"pitch": "f0"}))
    assert (model.predict_features(mixed[list(model.feature_names)]).probabilities == plain).all()
    unnamed = en.load_model(en.persistence.model_bytes(en.linear_model.LogisticRegression().fit(table.to_numpy(), y)))
    assert (unnamed.predict_features(table).probabilities == plain).all()


def test_a_clip_may_have_several_labels_or_none(folder: Path, clips: Clips) -> None:
    from emotion_native.ensemble import RandomForestClassifier
    from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier
    from emotion_native.persistence import model_bytes

    X = np.load(folder / "table.npz")["X"]
    Y = np.array([[0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 0, 1, 0, 0, 1], [0, 0, 0, 1, 1, 0, 1, 1]]).T
    forest = OneVsRestClassifier(RandomForestClassifier(n_estimators=25, random_state=0))
    fitted = TunedThresholdsClassifier(forest, cv=2).fit(X, Y, groups=np.arange(len(X)) % 4)
    names = ["angry", "near", "loud"]
    model = en.load_model(model_bytes(fitted, labels=names, extractor={"feature_set": "classic", "sample_rate_hz": 16_000}))
    proba, given = fitted.predict_proba(X), fitted.predict(X)
    for i, clip in enumerate(clips):
        prediction = model.predict(folder / f"{clip}.wav")
        assert prediction.probabilities == dict(zip(names, proba[i].tolist(), strict=True))
        assert prediction.labels == [name for name, has in zip(names, given[i], strict=True) if has]
        assert prediction.label == names[int(proba[i].argmax())] and prediction.confidence == proba[i].max()
        assert prediction.thresholds == model.label_thresholds == dict(zip(names, fitted.thresholds_.tolist(), strict=True))
        assert not prediction.abstained and prediction.reason is None and prediction.top_features == []
        record = json.loads(json.dumps(prediction.to_dict()))
        assert record["labels"] == prediction.labels and record["thresholds"] == prediction.thresholds
    found = model.predict_batch([folder / "broken.wav", folder / "angry_0.wav"])
    assert found[0].labels is None and found[0].label is None and found[0].reason == "corrupt" and found[1].labels is not None
    assert found[0].to_dict()["labels"] is None
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(folder / "angry_0.wav") == found[1]
    with pytest.raises(InvalidInputError, match=r"model of explain must be .*got several labels a row .*PermutationExplainer"):
        model.explain(folder / "angry_0.wav")
    single = en.load_model(folder / "forest.emotion")
    assert single.label_thresholds is None and "labels" not in single.predict(folder / "angry_0.wav").to_dict()


def test_the_highest_rate_is_that_of_the_core() -> None:
    from emotion_native import _core, _samples

    assert _samples.HIGHEST_RATE_HZ == _core.HIGHEST_RATE_HZ
