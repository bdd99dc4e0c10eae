"""The quality of clips: columns, flags, statuses, limits that are settings, and what models do with them."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import emotion_native as en
from emotion_native import audio
from emotion_native.audio import QualityRule
from emotion_native.exceptions import InvalidInputError
from emotion_native.features import FeatureTable, extract, read_table
from emotion_native.linear_model import LogisticRegression
from emotion_native.persistence import model_bytes

from .conftest import Counter

RATE = 16_000
REASONS = ["", "clipped", "noisy", "no_speech", "little_speech", "silent"]


def voice(rng: np.random.Generator, seconds: float = 2.0, begin: float = 0.5, end: float = 1.5, noise: float = 1e-3) -> np.ndarray[Any, Any]:
    """Return harmonics of 120 Hz between two times, in Gaussian noise."""
    y = noise * rng.normal(size=int(seconds * RATE))
    t = np.arange(int((end - begin) * RATE)) / RATE
    y[int(begin * RATE) : int(begin * RATE) + len(t)] += sum(0.03 * np.cos(2 * np.pi * 120 * h * t + h * h) for h in range(1, 20))
    return y


def write(path: Path, y: np.ndarray[Any, Any], rate: int = RATE) -> Path:
    """Write 16-bit samples, or frames of channels, cut off at full scale."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if y.ndim == 1 else y.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(y, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def clips(tmp_path: Path, rng: np.random.Generator) -> pd.DataFrame:
    """One clip for each of REASONS, in this order."""
    made = [
        voice(rng),
        30 * voice(rng),  # most of the voice beyond full scale
        voice(rng, noise=0.05),
        0.1 * rng.normal(size=2 * RATE),
        voice(rng, seconds=8.0, end=1.0),
        np.zeros(RATE),
    ]
    paths = [str(write(tmp_path / f"{place}.wav", y)) for place, y in enumerate(made)]
    return pd.DataFrame({"filepath": paths, "label": ["a", "b"] * 3, "speaker": ["x", "y"] * 3})


def options(**more: Any) -> dict[str, Any]:
    return {"progress": False, "cache": False, **more}


LOOSE = QualityRule(least_snr_db=15.0)  # the noise of 0.05 leaves 8 dB in the band


def test_the_set_is_what_signal_quality_measures(clips: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="1 of 6 rows failed"):
        table = extract(clips, "quality", **options())
    names = audio.feature_names("quality")
    assert table.names == names == list(audio.voice.QUALITY_NAMES)
    assert table.extractor is not None and table.extractor["feature_set"] == "quality"
    assert dict(zip(names, table.schema["unit"], strict=True)) == {
        "duration_s": "s", "speech_s": "s", "speech_ratio": "1", "segments": "1", "snr_db": "dB", "snr_wada_db": "dB", "clipped_ratio": "1",
        "peak_dbfs": "dB", "level_dbfs": "dB", "offset": "1",
    }  # fmt: skip
    for row in range(5):
        y, rate = audio.load(clips["filepath"][row], sr=None)
        expected = audio.signal_quality(y, sr=int(rate))
        assert table.X[row].tolist() == [np.float32(expected[name]) for name in names]
        assert [table.info[f"quality_{name}"][row] for name in names] == [expected[name] for name in names]
        assert np.array_equal(audio.functionals(y, int(rate), "quality"), table.X[row])


def test_clipping_is_measured_before_resampling(tmp_path: Path, rng: np.random.Generator) -> None:
    t = np.arange(96_000) / 48_000
    path = write(tmp_path / "clip.wav", 2.0 * np.sin(2 * np.pi * 300 * t) + 0.01 * rng.normal(size=len(t)), 48_000)
    table = extract(pd.DataFrame({"filepath": [str(path)]}), "quality", **options())
    share = 1 - 2 / np.pi * np.arcsin(0.5)  # of a sine above half its amplitude
    assert table.info["quality_clipped_ratio"][0] == pytest.approx(share, abs=0.01)


def test_a_clipped_channel_counts_and_tones_at_full_scale_do_not(tmp_path: Path) -> None:
    t = np.arange(96_000) / 48_000
    clipped = 1.3 * np.sin(2 * np.pi * 300 * t)
    share = 1 - 2 / np.pi * np.arcsin(1 / 1.3)  # of a sine above 1 / 1.3 of its amplitude
    beside = 0.02 * np.sin(2 * np.pi * 211 * t)  # enough that the mix-down has no flat tops
    expected = {"both": (clipped, clipped, share), "left": (clipped, beside, share / 2), "right": (beside, clipped, share / 2)}
    for hz in (30.0, 97.3, 440.0, 1000.0):
        expected[f"{hz} Hz"] = (np.sin(2 * np.pi * hz * t), np.sin(2 * np.pi * hz * t), 0.0)
        expected[f"{hz} Hz, apart"] = (np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t), 0.0)
    paths = [str(write(tmp_path / f"{name}.wav", np.stack((left, right), axis=1), 48_000)) for name, (left, right, _) in expected.items()]
    table = extract(pd.DataFrame({"filepath": paths}), "quality", **options())
    for found, name in zip(table.info["quality_clipped_ratio"], expected, strict=True):
        assert found == pytest.approx(expected[name][2], abs=0.01 if expected[name][2] else 0.0), name
    assert table.info["clipped_ratio"].iloc[-1] > 0.02  # levels, and the warning of full scale, count every sample there


@pytest.mark.parametrize("features", [["egemaps", "quality"], "egemaps+quality"])
def test_a_union_has_the_columns_and_bits_of_its_parts(clips: pd.DataFrame, features: Any) -> None:
    good = clips.head(3)
    both, one, other = (extract(good, wanted, **options()) for wanted in (features, "egemaps", "quality"))
    assert both.names == [f"egemaps:{name}" for name in one.names] + [f"quality:{name}" for name in other.names]
    assert both.names == audio.feature_names("egemaps+quality")
    assert np.array_equal(both.X, np.hstack([one.X, other.X]))
    assert both.extractor == {**one.extractor, "feature_set": "egemaps+quality"}
    y, rate = audio.load(good["filepath"][0], sr=None)
    assert np.array_equal(audio.functionals(y, int(rate), "egemaps+quality"), both.X[0])


@pytest.mark.parametrize("name", ["", "quality+", "quality+quality", "loudness", "classic quality"])
def test_what_is_no_set(name: str) -> None:
    with pytest.raises(InvalidInputError, match="features of extract must be"):
        extract(pd.DataFrame({"filepath": ["x.wav"]}), name, **options())
    with pytest.raises(InvalidInputError, match=r"^set of feature_names must be"):
        audio.feature_names(name)


def test_doubtful_clips_are_kept_flagged_and_counted(clips: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="1 of 6 rows failed"):
        table = extract(clips, **options(quality=LOOSE))
    assert table.flags.tolist() == [*REASONS[:5], ""]
    assert table.status.tolist() == ["ok"] * 5 + ["silent"]
    assert np.isfinite(table.X[:5]).all()
    assert table.flagged() == {"clipped": 1, "little_speech": 1, "no_speech": 1, "noisy": 1}
    assert "(flagged: 1 clipped, 1 little_speech, 1 no_speech, 1 noisy)" in repr(table)
    assert table.info["flag"][3] == "no_speech: speech of 0 s, below 0.2 s"
    assert table.select([3, 0]).flags.tolist() == ["no_speech", ""]


def test_dropped_clips_have_the_reason_as_status(clips: pd.DataFrame) -> None:
    rule = QualityRule(action="drop", least_snr_db=15.0)
    with pytest.warns(UserWarning, match="5 of 6 rows failed"):
        table = extract(clips, **options(quality=rule))
    assert table.status.tolist() == ["ok", *REASONS[1:]]
    assert table.flags.tolist() == [""] * 6
    assert np.isnan(table.X[1:]).all()
    assert table.messages[1].startswith("quality: a share of clipped samples of 0.")
    kept = extract(clips.head(5), **options(quality="off"))
    assert kept.ok.all() and not any(kept.flags)


def test_flags_are_the_same_from_the_cache_and_from_files(clips: pd.DataFrame, computed: Counter, tmp_path: Path) -> None:
    first = extract(clips.head(5), progress=False, quality=LOOSE)
    assert len(computed.sources) == 5
    again = extract(clips.head(5), progress=False, output=tmp_path / "table.parquet", quality=LOOSE)
    assert len(computed.sources) == 5
    read = read_table(tmp_path / "table.parquet")
    assert first.flags.tolist() == again.flags.tolist() == read.flags.tolist() == REASONS[:5]
    pd.testing.assert_frame_equal(first.info, again.info)


def test_a_table_is_judged_anew_and_older_ones_are_left_alone(clips: pd.DataFrame) -> None:
    from emotion_native.features._quality import judged

    table = extract(clips.head(5), **options(quality="off"))
    drop = QualityRule(action="drop", least_snr_db=15.0)
    assert judged(table, LOOSE, "train").flags.tolist() == REASONS[:5]
    assert judged(judged(table, LOOSE, "train"), QualityRule(action="off"), "train").flags.tolist() == [""] * 5
    assert judged(table, drop, "train").status.tolist() == ["ok", *REASONS[1:5]]
    assert table.status.tolist() == ["ok"] * 5
    older = FeatureTable(table.X, table.names, table.schema, table.rows, table.status, table.messages, table.content_keys)
    assert judged(older, LOOSE, "train") is older and older.flags.tolist() == [""] * 5
    with pytest.raises(InvalidInputError, match=r"quality\.action of train must be 'flag' or 'off' .* not measured \(5 of 5\); got 'drop'\. Remedy"):
        judged(older, drop, "train")
    failed = replace(older, status=np.full(5, "silent", dtype=object))
    assert judged(failed, drop, "train") is failed  # nothing is left to judge


def test_dropping_what_cannot_be_measured_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(tmp_path / "slow.wav", 0.1 * rng.normal(size=8000), 900)
    manifest = pd.DataFrame({"filepath": [str(path)]})
    assert extract(manifest, sample_rate_hz=900, **options()).flags.tolist() == [""]
    with pytest.raises(InvalidInputError, match=r"quality\.action of extract must be .*; got 'drop'.*from 1000 Hz on"):
        extract(manifest, sample_rate_hz=900, **options(quality="drop"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"action": "delete"}, "action of QualityRule must be 'flag', 'drop' or 'off'; got 'delete'"),
        ({"least_snr_db": float("nan")}, "least_snr_db of QualityRule must be a finite number; got nan"),
        ({"least_speech_s": "much"}, "least_speech_s of QualityRule must be a finite number; got 'much'"),
        ({"most_clipped_ratio": True}, "most_clipped_ratio of QualityRule must be a finite number; got True"),
        ({"most_clipped_ratio": 1.5}, "most_clipped_ratio of QualityRule must be a share, from 0 to 1; got 1.5"),
        ({"least_speech_ratio": -1}, "least_speech_ratio of QualityRule must be a share, from 0 to 1; got -1"),
        ({"least_duration_s": -0.1}, "least_duration_s of QualityRule must be seconds, from 0 up; got -0.1"),
    ],
)
def test_what_a_rule_may_be(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        QualityRule(**given)


def test_what_quality_may_be(clips: pd.DataFrame) -> None:
    with pytest.raises(InvalidInputError, match="quality of extract must be a QualityRule, 'flag', 'drop', 'off' or None; got float"):
        extract(clips, **options(quality=0.5))
    with pytest.raises(InvalidInputError, match="action of QualityRule"):
        extract(clips, **options(quality="some"))
    with pytest.raises(InvalidInputError, match="rule of signal_quality must be a QualityRule or None"):
        audio.signal_quality(np.ones(RATE, dtype=np.float32), sr=RATE, rule="drop")  # type: ignore[arg-type]


def test_the_defaults_stand_in_one_place() -> None:
    from emotion_native import _core
    from emotion_native.experiment import Settings

    assert QualityRule().limits == _core.default_quality_limits()
    assert Settings().quality.model_dump() == {"action": "flag", **QualityRule().limits}


@pytest.mark.parametrize("action", ["flag", "drop"])
def test_a_model_file_holds_the_rule(clips: pd.DataFrame, action: str) -> None:
    table = extract(clips.head(5), ["classic", "quality"], **options())
    fitted = LogisticRegression(C=1e-6).fit(table.X / 1000, clips["label"].head(5))
    rule = QualityRule(action=action, least_snr_db=15.0)
    model = en.load_model(model_bytes(fitted, extractor=table, quality=rule))
    assert model.quality == {"action": action, **rule.limits}
    found = model.predict_batch(clips["filepath"].tolist(), top_features=0)
    for prediction, reason in zip(found[:5], REASONS[:5], strict=True):
        assert prediction.label is not None
        assert any(warning.startswith(f"{reason}: ") for warning in prediction.warnings) == bool(reason)
        assert (prediction.abstained, prediction.reason) == ((True, reason) if reason and action == "drop" else (False, None))
    assert (found[5].label, found[5].reason) == (None, "silent")
    y, rate = audio.load(clips["filepath"][3], sr=None)
    alone = model.predict(y, sample_rate_hz=int(rate), top_features=0)
    assert alone.warnings[-1].startswith("no_speech: speech of 0 s") and alone.abstained == (action == "drop")
    silent = en.load_model(model_bytes(fitted, extractor=table))
    assert silent.quality == {"action": "off"}
    assert not any(warning.startswith("no_speech") for warning in silent.predict(clips["filepath"][3], top_features=0).warnings)


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ({"actions": "drop"}, "quality of save_model must have the parameters of audio.QualityRule; got 'actions'"),
        ("drop", "quality of save_model must be an audio.QualityRule, a mapping"),
    ],
)
def test_what_a_model_file_refuses(quality: Any, message: str) -> None:
    fitted = LogisticRegression().fit(np.arange(8.0).reshape(4, 2), ["a", "b", "a", "b"])
    with pytest.raises(InvalidInputError, match=message):
        model_bytes(fitted, quality=quality)
    with pytest.raises(InvalidInputError, match="quality of save_model must be None without an extractor"):
        model_bytes(fitted, quality=QualityRule())
    assert "quality" not in en.load_model(model_bytes(fitted, quality=QualityRule(action="off"))).metadata


def test_abstention_takes_the_reasons() -> None:
    from emotion_native.calibration import ABSTENTION_REASONS, AbstainingClassifier

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.tile(["a", "b"], 30)
    model = AbstainingClassifier(LogisticRegression(), target_coverage=0.5).fit(X, y, groups=np.arange(60) % 6)
    plain = model.predict_abstain(X)
    quality = np.where(np.arange(60) % 7 == 0, "noisy", "")
    labels, abstained, reasons = model.predict_abstain(X, quality=quality)
    assert np.array_equal(labels, plain[0])
    assert np.array_equal(abstained, plain[1] | (quality != ""))
    assert np.array_equal(reasons, np.where(quality != "", quality, plain[2]))
    assert set(REASONS[1:]) <= set(ABSTENTION_REASONS)
    for wrong in (["noisy"], [None] * 60):
        with pytest.raises(InvalidInputError, match=r"quality of AbstainingClassifier.predict_abstain must be one reason a row"):
            model.predict_abstain(X, quality=wrong)
