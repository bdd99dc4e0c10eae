"""The detector against NumPy, on simulated speakers, and on other corpora."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

import emotion_native as en
from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV, OutOfDistributionDetector, choose_threshold
from emotion_native.calibration._conformal import hierarchical_quantile
from emotion_native.exceptions import InvalidInputError, LeakageError


def speakers(seed: int, n_speakers: int, columns: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of speakers with voices, noise and numbers of rows of their own."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_speakers), rng.integers(2, 25, n_speakers))
    y = rng.integers(0, 2, len(groups))
    voice, noise = rng.normal(size=(n_speakers, columns)), rng.gamma(4.0, 0.25, n_speakers)
    X = voice[groups] + rng.normal(size=(len(groups), columns)) * noise[groups, None]
    X[:, 0] += 2.0 * y
    return X, y, groups


def oracle_ranges(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    center = np.nanmedian(X, axis=0)
    return center, np.nanmedian(np.abs(X - center), axis=0) / 0.6744897501960817


def oracle_distance(X: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.nanmean(np.minimum(np.abs(X - center) / scale, 10.0), axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number_is_that_of_the_definition(dtype: Any) -> None:
    X, _, groups = speakers(0, 30)
    X = X.astype(dtype)
    X[::7, 3] = np.nan
    detector = OutOfDistributionDetector(false_alarm_rate=0.1, cv=en.model_selection.GroupKFold(4)).fit(X, groups=groups)
    wide = X.astype(np.float64)
    center, scale = oracle_ranges(wide)
    np.testing.assert_array_equal(detector.center_, center)
    np.testing.assert_allclose(detector.scale_, scale, rtol=1e-14)
    np.testing.assert_allclose(detector.distance(X), oracle_distance(wide, center, scale), rtol=1e-12)
    held_out = np.empty(len(X))
    for train, test in en.model_selection.GroupKFold(4).split(X, None, groups):
        held_out[test] = oracle_distance(wide[test], *oracle_ranges(wide[train]))
    assert detector.threshold_ == pytest.approx(hierarchical_quantile(held_out, groups, 0.9), rel=1e-12)
    assert np.array_equal(detector.is_strange(X), detector.distance(X) > detector.threshold_)
    assert np.array_equal(detector.predict(X), np.where(detector.distance(X) > detector.threshold_, -1, 1))
    assert detector.n_groups_ == 30 and detector.attainable_rate_ == 1 / 31 and detector.ungrouped_ is False


def test_false_alarms_on_new_speakers_stay_below_the_rate_and_strangers_are_found() -> None:
    """Means over data sets: the promise is about a row of a new speaker, each speaker weighing the same."""
    rate, alarms, found = 0.1, [], []
    for seed in range(300):
        X, _, groups = speakers(seed, 60)
        train = groups < 40
        detector = OutOfDistributionDetector(false_alarm_rate=rate).fit(X[train], groups=groups[train])
        strange = detector.is_strange(X[~train])
        alarms.append(np.mean([strange[groups[~train] == g].mean() for g in np.unique(groups[~train])]))
        found.append(detector.is_strange(X[~train] + 6.0).mean())
    error = np.std(alarms, ddof=1) / np.sqrt(len(alarms))
    assert rate - 0.05 < np.mean(alarms) < rate + 3 * error
    assert np.mean(found) > 0.95


def test_groups_weigh_the_same_however_many_rows_they_have() -> None:
    """A speaker with a thousand strange-sounding rows moves the threshold no more than one with ten."""
    X, _, groups = speakers(1, 40)
    own = groups == 7
    X[own] += 2.5
    detector = OutOfDistributionDetector(false_alarm_rate=0.1, cv=en.model_selection.LeaveOneGroupOut())
    # Copies of a held-out speaker's rows change the medians of the other folds a little, so that folds of few copies are compared.
    once = detector.fit(X, groups=groups).threshold_
    held_out = np.empty(len(X))
    for g in np.unique(groups):
        held_out[groups == g] = oracle_distance(X[groups == g], *oracle_ranges(X[groups != g]))
    assert once == pytest.approx(hierarchical_quantile(held_out, groups, 0.9), rel=1e-12)
    repeated = np.concatenate([np.arange(len(X)), np.repeat(np.flatnonzero(own), 50)])
    assert hierarchical_quantile(held_out[repeated], groups[repeated], 0.9) == pytest.approx(once, rel=1e-12)


def test_few_groups_take_the_largest_distance() -> None:
    X, _, groups = speakers(2, 6)
    detector = OutOfDistributionDetector(cv=en.model_selection.LeaveOneGroupOut()).fit(X, groups=groups)
    held_out = [oracle_distance(X[groups == g], *oracle_ranges(X[groups != g])).max() for g in range(6)]
    assert detector.threshold_ == pytest.approx(max(held_out), rel=1e-12)
    assert detector.attainable_rate_ == 1 / 7


def test_groups_reach_the_inner_split_and_ungrouped_is_remembered() -> None:
    X, _, groups = speakers(3, 8)
    detector = OutOfDistributionDetector()
    with pytest.raises(NotFittedError):
        clone(detector).distance(X)
    with pytest.raises(LeakageError, match=r"allow_ungrouped=True.*config_context"):
        clone(detector).fit(X)
    with pytest.raises(LeakageError, match="at least two"):
        clone(detector).fit(X, groups=np.zeros(len(X)))
    assert clone(detector).set_params(allow_ungrouped=True).fit(X).ungrouped_ is True
    seen = []

    class Spy(en.model_selection.GroupKFold):
        def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
            seen.append(np.asarray(groups))
            return super().split(X, y, groups)

    clone(detector).set_params(cv=Spy(2)).fit(X, groups=groups)
    assert len(seen) == 1 and np.array_equal(seen[0], groups)


@pytest.mark.parametrize("rate", [0, 1, -0.1, "low", True, np.nan])
def test_bad_rates(rate: Any) -> None:
    X, _, groups = speakers(3, 8)
    with pytest.raises(InvalidInputError, match="false_alarm_rate"):
        OutOfDistributionDetector(false_alarm_rate=rate).fit(X, groups=groups)


def test_bad_rows() -> None:
    X, _, groups = speakers(3, 8)
    detector = OutOfDistributionDetector().fit(X, groups=groups)
    for bad in (X[:, :3], X[0], [["a"] * 8], np.full((2, 8), np.inf)):
        with pytest.raises(InvalidInputError):
            detector.distance(bad)
    with pytest.raises(InvalidInputError, match="out_of_distribution"):
        AbstainingClassifier(GaussianNB(), out_of_distribution=0.1).fit(X, groups % 2, groups=groups)


def test_equal_bits_for_any_number_of_threads_and_after_pickling() -> None:
    X, _, groups = speakers(4, 50, columns=40)
    first = OutOfDistributionDetector(n_jobs=1).fit(X, groups=groups)
    for jobs in (2, 7):
        again = OutOfDistributionDetector(n_jobs=jobs).fit(X, groups=groups)
        assert again.threshold_ == first.threshold_
        assert np.array_equal(again.distance(X), first.distance(X))
    assert np.array_equal(pickle.loads(pickle.dumps(first)).distance(X), first.distance(X))


@parametrize_with_checks([OutOfDistributionDetector(allow_ungrouped=True)])
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_both_rules_together_meet_the_target_coverage() -> None:
    X, y, groups = speakers(5, 40)
    detector = OutOfDistributionDetector(false_alarm_rate=0.2)
    model = AbstainingClassifier(CalibratedClassifierCV(GaussianNB()), target_coverage=0.6, out_of_distribution=detector).fit(X, y, groups=groups)
    assert model.inner_coverage_ >= 0.6
    assert model.inner_coverage_ < 0.65
    assert not hasattr(detector, "threshold_")
    far = np.vstack([X[:50], X[:50] + 8.0])
    labels, abstained, reasons = model.predict_abstain(far)
    strange = model.detector_.is_strange(far)
    unsure = model.predict_proba(far).max(axis=1) < model.threshold_
    assert strange[50:].all()
    assert np.array_equal(abstained, strange | unsure)
    assert set(reasons[strange]) == {"out_of_distribution"}
    assert set(reasons[unsure & ~strange]) == {"low_confidence"}
    assert set(reasons[~abstained]) == {""}
    assert np.array_equal(labels, model.predict(far))
    assert set(reasons) - {""} <= set(en.calibration.ABSTENTION_REASONS)


def test_rows_that_are_given_up_as_strange_do_not_choose_the_threshold() -> None:
    X, y, groups = speakers(6, 30)
    detector = OutOfDistributionDetector(false_alarm_rate=0.2)
    model = AbstainingClassifier(GaussianNB(), target_accuracy=0.8, cv=5, out_of_distribution=detector).fit(X, y, groups=groups)
    familiar = ~clone(detector).fit(X, groups=groups)._training_strange
    proba = en.model_selection.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=5, method="predict_proba")
    expected = choose_threshold(proba.max(axis=1)[familiar], (proba.argmax(axis=1) == y)[familiar], target_accuracy=0.8)
    assert 0.5 < familiar.mean() < 1
    assert model.threshold_ == expected.value
    assert model.inner_coverage_ == pytest.approx(expected.coverage * familiar.mean())


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_model_file_keeps_the_detector(calibrated: bool) -> None:
    X, y, groups = speakers(7, 20)
    X = X.astype(np.float32)
    forest = en.ensemble.RandomForestClassifier(n_estimators=5, random_state=0)
    inner = CalibratedClassifierCV(forest) if calibrated else forest
    model = AbstainingClassifier(inner, target_coverage=0.8, out_of_distribution=OutOfDistributionDetector()).fit(X, y, groups=groups)
    rows = np.vstack([X, X + 6])
    rows[3, 2] = np.nan
    loaded = en.load_model(en.persistence.model_bytes(model)).predict_features(rows)
    _, abstained, reasons = model.predict_abstain(rows)
    assert np.array_equal(loaded.abstained, abstained)
    assert np.array_equal(loaded.out_of_distribution, reasons == "out_of_distribution")
    assert loaded.out_of_distribution.any() and not loaded.out_of_distribution.all()
    model.detector_ = None
    assert not en.load_model(en.persistence.model_bytes(model)).predict_features(rows).out_of_distribution.any()


def clips(folder: Path, every: int) -> tuple[np.ndarray, np.ndarray]:
    frame = pandas.read_csv(folder / "metadata.csv")[["filepath", "label", "modality", "speaker"]][::every]
    frame = frame.assign(filepath=[str(folder / path) for path in frame["filepath"]])
    table = en.features.extract(frame, features=["classic"], progress=False)
    ok = np.asarray(table.status) == "ok"
    return table.X[ok], frame["speaker"].astype(str).to_numpy()[ok]


def noises(n: int) -> np.ndarray:
    """Return features of white noise, brown noise, tones and clicks, at several levels."""
    rng, rate, rows = np.random.default_rng(0), 16000, []
    for i in range(n):
        t = np.arange(int(rate * rng.uniform(1.5, 4.0)))
        white = rng.standard_normal(len(t))
        sound = [white, np.cumsum(white), np.sin(2 * np.pi * rng.uniform(100, 3000) * t / rate), white * (rng.random(len(t)) < 0.001)][i % 4]
        sound = sound - sound.mean() + 1e-3 * white
        rows.append(en.audio.functionals((sound / np.abs(sound).max() * rng.uniform(0.05, 0.9)).astype(np.float32), rate, "classic"))
    return np.array(rows, dtype=np.float32)


@pytest.mark.slow
def test_other_corpora_and_noise_are_told_from_new_speakers_of_the_same_corpus(shared_data: Path) -> None:
    """Area under the ROC curve, mean over held-out speakers.

    Every third clip; the bounds lie under what all clips gave (docs/explanation/statistics.md) by more than the third's noise. EMOVO has four
    speakers: from three of them little can be said about strangers, and the bound only says that it is better than a guess.
    """
    data = {name: clips(shared_data / name, 3) for name in ("ravdess", "emodb", "emovo")}
    noise = noises(40)
    for name, bound in (("ravdess", 0.8), ("emodb", 0.9), ("emovo", 0.6)):
        X, groups = data[name]
        areas: dict[str, list[float]] = {}
        alarms = []
        for train, test in en.model_selection.LeaveOneGroupOut().split(X, None, groups):
            detector = OutOfDistributionDetector().fit(X[train], groups=groups[train])
            own = detector.distance(X[test])
            alarms.append(np.mean(own > detector.threshold_))
            for other, rows in [("noise", noise)] + [(k, v[0]) for k, v in data.items() if k != name]:
                far = detector.distance(rows)
                areas.setdefault(other, []).append(roc_auc_score(np.repeat([0, 1], [len(own), len(far)]), np.concatenate([own, far])))
        assert np.mean(areas.pop("noise")) > 0.98
        for other, values in areas.items():
            assert np.mean(values) > bound, (name, other)
        assert np.mean(alarms) < 0.05


@pytest.mark.parametrize("n_groups", [4, 40])
def test_training_rows_without_values_do_not_switch_the_detector_off(n_groups: int) -> None:
    """With few groups the threshold is the largest distance of a training row, which must not be the infinity of a failed clip."""
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(400, 5)), np.arange(400) % n_groups
    failed = X.copy()
    failed[::7] = np.nan
    detector = OutOfDistributionDetector().fit(failed, groups=groups)
    assert np.isfinite(detector.threshold_)
    assert detector.is_strange(np.vstack([np.full(5, np.nan), np.full(5, 50.0), np.zeros(5)])).tolist() == [True, True, False]
    assert detector._training_strange[::7].all()
    kept = np.arange(400) % 7 != 0
    folds = [(np.flatnonzero(groups % 4 != k), np.flatnonzero(groups % 4 == k)) for k in range(4)]
    whole = OutOfDistributionDetector(cv=folds).fit(failed, groups=groups)
    row_of = np.cumsum(kept) - 1
    own = [(row_of[train[kept[train]]], row_of[test[kept[test]]]) for train, test in folds]
    assert whole.threshold_ == OutOfDistributionDetector(cv=own).fit(failed[kept], groups=groups[kept]).threshold_
    with pytest.raises(InvalidInputError, match=r"^X of OutOfDistributionDetector\.fit must have rows with values"):
        OutOfDistributionDetector().fit(np.full((20, 3), np.nan), groups=np.arange(20) % 4)
