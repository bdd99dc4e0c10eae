"""SpeakerNormalizer: the formulas by hand, what enrolment buys on data of known variances, folds, and model files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError, MediaDecodeError, ModelFormatError
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_predict, cross_validate
from emotion_native.over_sampling import SMOTE, RandomOverSampler
from emotion_native.persistence import model_bytes
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import SpeakerNormalizer, StandardScaler
from emotion_native.runtime import load_model


def speakers(rng: np.random.Generator, n_speakers: int, clips: int) -> tuple[Any, Any]:
    """Return rows whose columns vary by 4, 0.25 and 0 between speakers and by 1 within, and the speaker of each."""
    offsets = rng.normal(size=(n_speakers, 3)) * np.sqrt([4.0, 0.25, 0.0])
    X = np.repeat(offsets, clips, axis=0) + rng.normal(size=(n_speakers * clips, 3))
    return X + [10.0, -3.0, 0.5], np.repeat([f"s{i}" for i in range(n_speakers)], clips)


@pytest.fixture(scope="module")
def training() -> tuple[Any, Any]:
    return speakers(np.random.default_rng(1), 60, 40)


@pytest.fixture(scope="module")
def fitted(training: tuple[Any, Any]) -> SpeakerNormalizer:
    X, speaker = training
    return SpeakerNormalizer().fit(X, speaker=speaker)


def test_variances_are_recovered(fitted: SpeakerNormalizer) -> None:
    # 60 speakers: the standard error of a variance between them is about sqrt(2 / 59) = 18 %, within 2,340 degrees of freedom 3 %.
    np.testing.assert_allclose(fitted.within_ * fitted.scale_**2, 1.0, rtol=0.1)
    between = fitted.between_ * fitted.scale_**2
    np.testing.assert_allclose(between[:2], [4.0, 0.25], rtol=0.55)
    assert between[2] < 0.03
    assert fitted.degrees_ > 150  # the speakers' variances differ by chance alone
    assert fitted.n_speakers_ == 60


def test_balanced_variances_are_those_of_the_textbook(training: tuple[Any, Any], fitted: SpeakerNormalizer) -> None:
    X, _ = training
    parts = ((X - X.mean(axis=0)) / X.std(axis=0)).reshape(60, 40, 3)
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    between = np.maximum(parts.mean(axis=1).var(axis=0, ddof=1) - within / 40, 0)
    np.testing.assert_allclose(fitted.within_, within, rtol=1e-10)
    np.testing.assert_allclose(fitted.between_, between, rtol=1e-8, atol=1e-12)


def test_unequal_variances_of_speakers_show_in_the_degrees(rng: np.random.Generator) -> None:
    spread = np.sqrt(8 / rng.chisquare(8, size=(80, 30)))  # variances of 8 degrees of freedom
    X = (rng.normal(size=(80, 50, 30)) * spread[:, None, :]).reshape(4000, 30)
    degrees = SpeakerNormalizer().fit(X, speaker=np.repeat(np.arange(80), 50)).degrees_
    assert 7 < degrees < 9.2  # 2,400 variances: the standard error is about 4 %


def by_hand(fitted: SpeakerNormalizer, x: np.ndarray, others: np.ndarray) -> np.ndarray:
    u, n = (others - fitted.mean_) / fitted.scale_, len(others)
    w = n * fitted.between_ / (n * fitted.between_ + fitted.within_) if n else np.zeros(x.shape[-1])
    variance = fitted.within_
    if n >= 2 and np.isfinite(fitted.degrees_):
        variance = (fitted.degrees_ * fitted.within_ + ((u - u.mean(axis=0)) ** 2).sum(axis=0)) / (fitted.degrees_ + n - 1)
    own = u.mean(axis=0) if n else np.zeros(x.shape[-1])
    scale = fitted.scale_ * np.sqrt((variance + fitted.between_ * (1 - w)) / (fitted.within_ + fitted.between_))
    return np.asarray((x - fitted.mean_ - fitted.scale_ * w * own) / scale)


@pytest.mark.parametrize("clips", [1, 2, 3, 9])
def test_each_row_is_normalised_by_the_others(fitted: SpeakerNormalizer, rng: np.random.Generator, clips: int) -> None:
    X, speaker = speakers(rng, 3, clips)
    order = rng.permutation(len(X))
    got = fitted.transform(X[order], speaker=speaker[order])
    for i, row in enumerate(order):
        others = X[(speaker == speaker[row]) & (np.arange(len(X)) != row)]
        np.testing.assert_allclose(got[i], by_hand(fitted, X[row], others), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got[i], fitted.transform(X[[row]], enrol=others)[0], rtol=1e-9, atol=1e-9)


def test_a_lone_clip_and_an_unknown_speaker_get_the_population_bit_for_bit(fitted: SpeakerNormalizer, training: tuple[Any, Any]) -> None:
    X, speaker = training
    plain = StandardScaler().fit(X).transform(X[:50])
    assert np.array_equal(fitted.transform(X[:50]), plain)
    assert np.array_equal(fitted.transform(X[:50], speaker=np.arange(50)), plain)
    assert np.array_equal(fitted.transform(X[:50], speaker=[None, "", float("nan")] + [None] * 47), plain)
    assert np.array_equal(fitted.transform(X[:50], enrol=X[:0]), plain)
    assert np.array_equal(clone(fitted).set_params(enrolment=0).fit(X, speaker=speaker).transform(X[:50], speaker=speaker[:50]), plain)
    single = X.astype(np.float32)
    assert np.array_equal(clone(fitted).fit(single, speaker=speaker).transform(single), StandardScaler().fit_transform(single))


def test_error_falls_with_every_clip_and_is_never_above_that_of_none(fitted: SpeakerNormalizer) -> None:
    """How far the speaker's true mean is from the one that normalises: on average over 3,000 new speakers it falls with every clip."""
    rng = np.random.default_rng(3)
    between = np.array([4.0, 0.25, 0.0])
    offsets = rng.normal(size=(3000, 3)) * np.sqrt(between)
    errors = []
    for n in (0, 1, 2, 4, 8, 16):
        wrong = 0.0
        for offset in offsets:
            clips = offset + rng.normal(size=(n, 3)) + [10.0, -3.0, 0.5]
            # Rows at mean -/+ 1 show the mean and the scale that normalise.
            probe = fitted.transform(np.array([[10.0, -3.0, 0.5], [11.0, -2.0, 1.5]]), enrol=clips)
            scale = 1 / (probe[1] - probe[0])
            mean = np.array([10.0, -3.0, 0.5]) - probe[0] * scale
            wrong = wrong + (mean - offset - [10.0, -3.0, 0.5]) ** 2
        errors.append(wrong / len(offsets))
    errors = np.array(errors)
    ideal = between[None] / (1 + np.array([0, 1, 2, 4, 8, 16])[:, None] * between[None])  # of the weights from the true variances
    np.testing.assert_allclose(errors[:, :2], ideal[:, :2], rtol=0.12, atol=0.02)
    assert (np.diff(errors[:, 0]) < 0).all()
    assert (errors[1:, 2] < 0.03).all()  # a column in which speakers do not differ is left alone
    assert (errors[1] <= errors[0] + 0.01).all()  # one clip never hurts


def test_fit_transform_is_transform_of_the_training_rows(training: tuple[Any, Any]) -> None:
    X, speaker = training
    one = SpeakerNormalizer(training="all").fit_transform(X, speaker=speaker)
    assert np.array_equal(one, SpeakerNormalizer().fit(X, speaker=speaker).transform(X, speaker=speaker))
    assert np.array_equal(SpeakerNormalizer(enrolment=2, training="all").fit_transform(X, speaker=speaker), one)
    assert abs(one.mean()) < 0.01
    np.testing.assert_allclose(one.std(axis=0), 1.0, atol=0.05)  # each clip in units of its predictive distribution


def test_mixed_training_rows_are_each_normalised_by_some_number_of_others(training: tuple[Any, Any]) -> None:
    X, speaker = training
    mixed = SpeakerNormalizer().fit_transform(X, speaker=speaker)
    assert np.array_equal(mixed, SpeakerNormalizer().fit_transform(X, speaker=speaker))
    assert not np.array_equal(mixed, SpeakerNormalizer(random_state=1).fit_transform(X, speaker=speaker))
    views = [SpeakerNormalizer(enrolment=count).fit(X, speaker=speaker).transform(X, speaker=speaker) for count in (0, 1, 2, 4, 8, 16, "all")]
    same = np.array([(mixed == view).all(axis=1) for view in views])
    assert same.any(axis=0).all()
    shares = same.mean(axis=1)
    assert (np.abs(shares - 1 / 7) < 0.03).all()  # 2,400 rows: four standard errors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_column_that_a_speaker_never_changes_leaves_the_degrees_alone(training: tuple[Any, Any], dtype: Any) -> None:
    X, speaker = training
    for constant in (0.0, 0.1, 1 / 3, 17.3):
        odd = np.column_stack([X, np.random.default_rng(5).normal(size=len(X))])
        plain = SpeakerNormalizer().fit(odd.astype(dtype), speaker=speaker).degrees_
        assert plain > 150
        odd[speaker == "s3", 3] = constant
        odd[:7, 3] = constant
        changed = SpeakerNormalizer().fit(odd.astype(dtype), speaker=speaker).degrees_
        assert changed > 150  # rounding is no variance


def test_copies_of_a_clip_are_not_clips_of_their_own(training: tuple[Any, Any]) -> None:
    X, speaker = (part[:400] for part in training)
    clip = np.arange(len(X)) * 3 + 5
    plain = SpeakerNormalizer(training="all")
    expected = plain.fit_transform(X, speaker=speaker)
    copies = X[::2] + 0.01
    both = SpeakerNormalizer(training="all").fit(np.concatenate([X, copies]), speaker=np.concatenate([speaker, speaker[::2]]))
    twice = SpeakerNormalizer(training="all")
    arguments = {"speaker": np.concatenate([speaker, speaker[::2]]), "clip": np.concatenate([clip, clip[::2]])}
    got = twice.fit_transform(np.concatenate([X, copies]), **arguments)
    for name in ("mean_", "scale_", "within_", "between_"):
        np.testing.assert_allclose(getattr(twice, name), getattr(plain, name), rtol=1e-9)
    assert twice.degrees_ == pytest.approx(plain.degrees_) and both.degrees_ < plain.degrees_
    for i in (0, 2, 11, 398):  # by hand: the speaker's other clips, copies left out
        others = (speaker == speaker[i]) & (np.arange(len(X)) != i)
        np.testing.assert_allclose(got[i], twice.transform(X[i : i + 1], enrol=X[others])[0], atol=1e-12)
        if i % 2 == 0:
            np.testing.assert_allclose(got[len(X) + i // 2], twice.transform(copies[i // 2 : i // 2 + 1], enrol=X[others])[0], atol=1e-12)
    assert got.shape == (600, 3) and expected.shape == (400, 3)
    mixed = SpeakerNormalizer().fit_transform(X, speaker=speaker, clip=clip)
    assert np.array_equal(mixed, SpeakerNormalizer().fit_transform(X, speaker=speaker))  # without copies nothing changes
    with pytest.raises(InvalidInputError, match=r"clip of SpeakerNormalizer.fit must be one whole number a row"):
        SpeakerNormalizer().fit(X, speaker=speaker, clip=clip[1:])


def test_every_kind_of_missing_speaker_is_unknown(training: tuple[Any, Any]) -> None:
    X, speaker = (part[:200] for part in training)
    expected = SpeakerNormalizer(training="all").fit_transform(X, speaker=[None, None, *speaker[2:]])
    for missing in (float("nan"), "", pd.NA, pd.NaT, "Unknown", " n/a ", "unknown_speakers", "corpus/unknown_speakers", "corpus/unknown"):
        got = SpeakerNormalizer(training="all").fit_transform(X, speaker=[missing, None, *speaker[2:]])
        assert np.array_equal(got, expected)
    both = SpeakerNormalizer(training="all").fit_transform(X, speaker=["corpus/unknown_speakers", "corpus/unknown_speakers", *speaker[2:]])
    assert np.array_equal(both, expected)  # they are one group of a split, and no voice: normalised by no other
    texts = pd.Series([pd.NA, pd.NA, *speaker[2:]], dtype="string")
    assert np.array_equal(SpeakerNormalizer(training="all").fit_transform(X, speaker=texts), expected)


def test_what_training_may_be() -> None:
    with pytest.raises(InvalidInputError, match="training of SpeakerNormalizer must be 'mixed' or 'all'; got 'some'"):
        SpeakerNormalizer(training="some").fit(np.ones((3, 1)))


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_number_of_clips_is_drawn_by_the_seed(fitted: SpeakerNormalizer, training: tuple[Any, Any], rng: np.random.Generator, count: int) -> None:
    X, speaker = training
    new, who = speakers(rng, 2, 9)
    few = SpeakerNormalizer(enrolment=count, random_state=4).fit(X, speaker=speaker)
    got = few.transform(new, speaker=who)
    assert np.array_equal(got, few.transform(new, speaker=who))
    if count == 8:
        np.testing.assert_allclose(got, fitted.transform(new, speaker=who), rtol=1e-12)
    else:
        other = SpeakerNormalizer(enrolment=count, random_state=5).fit(X, speaker=speaker).transform(new, speaker=who)
        assert not np.array_equal(got, other)
        for i in (0, 10):  # some set of `count` other rows gives the row's value
            from itertools import combinations

            rest = [j for j in np.flatnonzero(who == who[i]) if j != i]
            assert any(np.allclose(by_hand(fitted, new[i], new[list(chosen)]), got[i], rtol=1e-9) for chosen in combinations(rest, count))


def test_missing_values_are_passed_over(training: tuple[Any, Any], rng: np.random.Generator) -> None:
    X, speaker = training
    holes = X.copy()
    holes[rng.random(X.shape) < 0.1] = np.nan
    fitted = SpeakerNormalizer().fit(holes, speaker=speaker)
    new, who = speakers(rng, 1, 6)
    new[2, 0] = np.nan
    got = fitted.transform(new, speaker=who)
    assert np.isnan(got[2, 0])
    assert np.isfinite(np.delete(got.ravel(), 6)).all()
    np.testing.assert_allclose(got[0, 0], by_hand(fitted, new[0], new[[1, 3, 4, 5]])[0], rtol=1e-9)


def test_constant_columns_stay_finite() -> None:
    X = np.column_stack([np.ones(40), np.repeat([0.0, 1.0, 2.0, 3.0], 10), np.arange(40.0)])
    speaker = np.repeat(list("abcd"), 10)
    Z = SpeakerNormalizer(training="all").fit_transform(X, speaker=speaker)
    assert np.isfinite(Z).all()
    np.testing.assert_allclose(Z[:, :2], 0, atol=1e-12)  # constant, and constant within each speaker


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"speaker": ["a"]}, "speaker of SpeakerNormalizer.transform must be one value a row"),
        ({"speaker": ["a"] * 5, "enrol": np.ones((2, 3))}, "enrol of SpeakerNormalizer.transform must be left out where speaker is given"),
        ({"enrol": np.ones((2, 2))}, "enrol of SpeakerNormalizer.transform must have 3 columns; got 2"),
        ({"speaker": [["a"]] * 5}, "speaker of SpeakerNormalizer.transform must be"),
    ],
)
def test_what_transform_refuses(fitted: SpeakerNormalizer, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        fitted.transform(np.ones((5, 3)), **arguments)


@pytest.mark.parametrize("value", ["some", -1, 1.5, True])
def test_what_enrolment_may_be(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="enrolment of SpeakerNormalizer must be 'all' or a whole number from 0 up"):
        SpeakerNormalizer(enrolment=value).fit(np.ones((3, 1)))


def test_speakers_that_fit_was_not_told_are_refused() -> None:
    alone = SpeakerNormalizer().fit(np.arange(6.0).reshape(3, 2))
    with pytest.raises(InvalidInputError, match=r"speaker of SpeakerNormalizer.transform must be left out unless fit was given speakers"):
        alone.transform(np.ones((2, 2)), speaker=["a", "a"])


# Pipelines and folds.


def labelled(seed: int = 0, n_speakers: int = 12, clips: int = 30) -> tuple[Any, Any, Any]:
    """Return rows in which the label moves each clip less than the speaker does."""
    rng = np.random.default_rng(seed)
    y = np.array(["calm", "happy", "sad"])[rng.integers(0, 3, n_speakers * clips)]
    speaker = np.repeat([f"s{i:02}" for i in range(n_speakers)], clips)
    offsets = np.repeat(rng.normal(size=(n_speakers, 8)) * 3, clips, axis=0)
    shift = {"calm": 0.0, "happy": 1.0, "sad": -1.0}
    X = offsets + rng.normal(size=(len(y), 8)) + np.array([shift[label] for label in y])[:, None] * np.linspace(0.2, 1.0, 8)
    return X.astype(np.float32), y, speaker


def pipeline(**options: Any) -> Pipeline:
    return make_pipeline(SpeakerNormalizer(**options), LogisticRegression())


def test_folds_give_each_step_its_rows_speakers() -> None:
    X, y, speaker = labelled()
    got = cross_val_predict(pipeline(), X, y, groups=speaker, cv=LeaveOneGroupOut(), params={"speaker": speaker}, method="predict_proba")
    for who in ("s00", "s07"):
        test = speaker == who
        model = clone(pipeline()).fit(X[~test], y[~test], speaker=speaker[~test])
        assert np.array_equal(got[test], model.predict_proba(X[test], speaker=speaker[test]))
        by_hand = model[-1].predict_proba(model[0].transform(X[test], speaker=speaker[test]))
        assert np.array_equal(got[test], by_hand)
    labels = cross_val_predict(pipeline(), X, y, groups=speaker, cv=LeaveOneGroupOut(), params={"speaker": speaker}, n_jobs=2)
    assert np.array_equal(labels, np.array(["calm", "happy", "sad"])[got.argmax(axis=1)])
    scores = cross_validate(pipeline(), X, y, groups=speaker, cv=LeaveOneGroupOut(), params={"speaker": speaker}, scoring="accuracy")
    assert np.isclose(scores["test_score"].mean(), (labels == y).mean())
    search = GridSearchCV(pipeline(), {"logisticregression__C": [1.0]}, cv=LeaveOneGroupOut(), scoring="accuracy")
    search.fit(X, y, groups=speaker, speaker=speaker)
    assert np.isclose(search.best_score_, (labels == y).mean())
    assert np.array_equal(search.predict(X, speaker=speaker), search.best_estimator_.predict(X, speaker=speaker))


def test_enrolment_helps_from_the_second_clip_on_and_none_equals_a_lone_clip() -> None:
    X, y, speaker = labelled()
    accuracy = {}
    for count in (0, 1, 4, "all"):
        options: dict[str, Any] = {"groups": speaker, "cv": LeaveOneGroupOut(), "params": {"speaker": speaker}}
        accuracy[count] = (cross_val_predict(pipeline(enrolment=count), X, y, **options) == y).mean()
    assert accuracy["all"] > accuracy[4] > accuracy[0] + 0.1
    assert accuracy[1] > accuracy[0]
    plain = cross_val_predict(pipeline(), X, y, groups=speaker, cv=LeaveOneGroupOut())
    assert (plain == y).mean() <= accuracy["all"]


def test_nothing_of_the_test_speakers_reaches_the_fit() -> None:
    X, y, speaker = labelled()
    test = speaker == "s03"
    changed = X.copy()
    changed[test] += 100.0
    options: dict[str, Any] = {"groups": speaker, "cv": LeaveOneGroupOut(), "params": {"speaker": speaker}, "method": "predict_proba"}
    a, b = cross_val_predict(pipeline(enrolment=0), X, y, **options), cross_val_predict(pipeline(enrolment=0), changed, y, **options)
    assert not np.array_equal(a[~test], b[~test])  # s03 trains the others' folds
    folds = [(np.flatnonzero(~test), np.flatnonzero(test))]
    model = clone(pipeline()).fit(X[folds[0][0]], y[folds[0][0]], speaker=speaker[folds[0][0]])
    again = clone(pipeline()).fit(changed[folds[0][0]], y[folds[0][0]], speaker=speaker[folds[0][0]])
    assert np.array_equal(model[0].mean_, again[0].mean_)
    assert np.array_equal(model[1].coef_, again[1].coef_)


def test_behind_samplers() -> None:
    X, y, speaker = labelled()
    model = make_pipeline(RandomOverSampler(random_state=0), SpeakerNormalizer(), LogisticRegression()).fit(X, y, speaker=speaker)
    assert model[1].n_speakers_ == 12
    with pytest.raises(LeakageError, match=r"speaker of Pipeline.fit must be known"):
        make_pipeline(SMOTE(random_state=0), SpeakerNormalizer(), LogisticRegression()).fit(X[:-40], y[:-40], speaker=speaker[:-40])


# Model files.


@pytest.fixture(scope="module")
def trained() -> tuple[Pipeline, Any, Any, Any]:
    X, y, speaker = labelled()
    return pipeline().fit(X, y, speaker=speaker), X, y, speaker


def test_a_model_file_normalises_by_the_speaker(trained: tuple[Pipeline, Any, Any, Any], tmp_path: Path) -> None:
    fitted, _, _, _ = trained
    new, _, who = labelled(9, 3, 7)
    en.save_model(fitted, tmp_path / "m.emotion")
    model = en.load_model(tmp_path / "m.emotion")
    assert model.takes_enrolment
    assert np.array_equal(model.predict_features(new).probabilities, fitted.predict_proba(new))
    assert np.array_equal(model.predict_features(new, speaker=who).probabilities, fitted.predict_proba(new, speaker=who))
    own = model.for_speaker(new[1:7])
    expected = fitted[1].predict_proba(fitted[0].transform(new[:1], enrol=new[1:7]))
    assert np.array_equal(own.predict_features(new[:1]).probabilities, expected)
    assert own.enrolled == 6
    assert own.model_hash == model.model_hash
    again = pickle.loads(pickle.dumps(own))
    assert again.enrolled == 6
    assert np.array_equal(again.predict_features(new[:1]).probabilities, expected)
    with pytest.raises(InvalidInputError, match="enrol of for_speaker must have a row with known values; got none"):
        model.for_speaker(np.full((2, 8), np.nan, dtype=np.float32))
    with pytest.raises(InvalidInputError, match="enrol of for_speaker must be left out unless"):
        own.for_speaker(new[1:7])


def test_threshold_and_detector_of_an_enrolled_model(trained: tuple[Pipeline, Any, Any, Any]) -> None:
    from emotion_native.calibration import OutOfDistributionDetector

    fitted, X, _, speaker = trained
    detector = OutOfDistributionDetector().fit(X, groups=speaker)
    model = en.load_model(model_bytes(fitted, threshold=0.6, out_of_distribution=detector))
    new, _, who = labelled(9, 3, 7)
    new[0] += 1e4
    answers = model.predict_features(new, speaker=who)
    assert answers.out_of_distribution[0]
    assert np.array_equal(answers.out_of_distribution, detector.is_strange(new))
    assert np.array_equal(answers.abstained, (answers.confidence < 0.6) | answers.out_of_distribution)


def test_votes_normalise_too(trained: tuple[Pipeline, Any, Any, Any]) -> None:
    from emotion_native.ensemble import VotingClassifier

    _, X, y, speaker = trained
    vote = VotingClassifier([("a", pipeline()), ("b", pipeline())], voting="soft").fit(X, y, speaker=speaker)
    model = en.load_model(model_bytes(vote))
    new, _, who = labelled(9, 3, 7)
    single = vote.estimators_[0]
    np.testing.assert_allclose(model.predict_features(new, speaker=who).probabilities, single.predict_proba(new, speaker=who), rtol=1e-12)
    own = model.for_speaker(new[1:7]).predict_features(new[:1]).probabilities
    np.testing.assert_allclose(own, single[1].predict_proba(single[0].transform(new[:1], enrol=new[1:7])), rtol=1e-12)


def test_no_clips_are_refused(trained: tuple[Pipeline, Any, Any, Any]) -> None:
    model = en.load_model(model_bytes(trained[0]))
    with pytest.raises(InvalidInputError, match="enrol of for_speaker must be at least one clip; got none"):
        model.for_speaker([])


def test_models_without_it_refuse(trained: tuple[Pipeline, Any, Any, Any]) -> None:
    _, X, y, _ = trained
    model = en.load_model(model_bytes(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)))
    assert not model.takes_enrolment
    with pytest.raises(InvalidInputError, match="speaker of predict_features must be left out unless"):
        model.predict_features(X, speaker=["a"] * len(X))
    with pytest.raises(InvalidInputError, match="enrol of for_speaker must be left out unless"):
        model.for_speaker(X[:2])


def test_a_file_that_changed_is_refused(trained: tuple[Pipeline, Any, Any, Any], tmp_path: Path) -> None:
    fitted, X, y, _ = trained
    path = tmp_path / "m.emotion"
    en.save_model(fitted, path)
    model = en.load_model(path)
    en.save_model(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), path)
    with pytest.raises(ModelFormatError, match="has changed since it was loaded"):
        model.for_speaker(X[:2])
    path.write_bytes(b"short")
    with pytest.raises(ModelFormatError, match="has changed since it was loaded"):
        model.for_speaker(X[:2])


def test_enrolment_clips_of_another_rate_and_too_short_ones(tmp_path: Path) -> None:
    import wave

    sample = en.datasets.load_sample()
    training = sample[sample["split"] == "train"]
    table = en.features.extract(training, progress=False, cache=False)
    model = pipeline().fit(table.X, training["label"].to_numpy(), speaker=training["speaker"].to_numpy())
    loaded = en.load_model(model_bytes(model, extractor=table, provenance={"enrolment": "all other clips of the speaker"}))
    clip = str(sample[sample["split"] == "demo"]["filepath"].iloc[0])
    y, rate = en.audio.load(str(training["filepath"].iloc[0]), sr=None)
    paths = []
    other_rate = en.audio.resample(y, orig_sr=int(rate), target_sr=44_100)
    for name, samples, sr in (("same", y, int(rate)), ("other", other_rate, 44_100), ("short", y[:300], int(rate))):
        paths.append(str(tmp_path / f"{name}.wav"))
        with wave.open(paths[-1], "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sr)
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    same, other = (loaded.predict(clip, enrol=[path]) for path in paths[:2])
    rows = en.features.extract(pd.DataFrame({"filepath": [clip, *paths[:2]]}), progress=False, cache=False).X  # each brought to the model's rate
    for found, row in ((same, 1), (other, 2)):
        expected = model[1].predict_proba(model[0].transform(rows[:1], enrol=rows[row : row + 1]))[0]
        assert np.array_equal(list(found.probabilities.values()), expected)
    with pytest.raises(MediaDecodeError, match=r"got 1 that cannot \(too_short: "):
        loaded.predict(clip, enrol=paths[2:])
    assert any(note.startswith("enrolment: 1 of 2 clips given cannot be used") for note in loaded.predict(clip, enrol=paths[1:]).warnings)
    assert loaded.predict(clip).warnings[0].startswith("not_enrolled: ")
    assert not any(note.startswith("not_enrolled") for note in same.warnings)


def test_clips_enrol(tmp_path: Path) -> None:
    sample = en.datasets.load_sample()
    training = sample[sample["split"] == "train"]
    table = en.features.extract(training, progress=False, cache=False)
    model = pipeline().fit(table.X, training["label"].to_numpy(), speaker=training["speaker"].to_numpy())
    loaded = en.load_model(model_bytes(model, extractor=table))
    demo = sample[sample["split"] == "demo"]
    paths = [str(path) for path in demo["filepath"]][:4]
    found = loaded.predict(paths[0], enrol=paths[1:], top_features=2)
    rows = en.features.extract(demo.head(4), progress=False, cache=False).X
    expected = model[1].predict_proba(model[0].transform(rows[:1], enrol=rows[1:]))[0]
    assert np.array_equal(list(found.probabilities.values()), expected)
    assert "enrolled: normalised by 3 clips of the speaker" in found.warnings
    assert not any(note.startswith("enrolled") for note in loaded.predict(paths[0]).warnings)
    broken = loaded.predict(paths[0], enrol=[*paths[1:], b"no sound"], top_features=2)
    assert broken.probabilities == found.probabilities
    assert broken.warnings[1].startswith("enrolment: 1 of 4 clips given cannot be used and does not count (unsupported_format: ")
    batch = loaded.predict_batch([paths[0]], enrol=paths[1:], top_features=2)
    assert batch == [found]
    one = loaded.predict(paths[0], enrol=paths[1:2])
    assert "enrolled: normalised by 1 clip of the speaker" in one.warnings
    message = r"enrol of for_speaker must have a clip that can be used; got 2 that cannot \(unsupported_format: "
    with pytest.raises(MediaDecodeError, match=message) as caught:
        loaded.predict(paths[0], enrol=[b"no sound", "nowhere.wav"])
    assert caught.value.reason == "unsupported_format"
    for call in (loaded.predict, lambda clip, enrol: loaded.predict_batch([clip], enrol=enrol)):
        with pytest.raises(InvalidInputError, match="enrol of for_speaker must be at least one clip; got none"):
            call(paths[0], enrol=[])
        with pytest.raises(InvalidInputError, match=r"enrol of predict\w* must be other clips of the speaker than those to be predicted"):
            call(paths[0], enrol=paths)
    with pytest.raises(InvalidInputError, match=r"^enrol\[0\] of predict must be a path, bytes or an array of samples; got int"):
        loaded.predict(paths[0], enrol=[3])
    with pytest.raises(InvalidInputError, match="enrol of for_speaker must be a sequence of clips; got one str"):
        loaded.predict(paths[0], enrol=paths[1])


def test_altered_copies_are_normalised_as_their_clips_and_count_for_nobody(training: tuple[Any, Any]) -> None:
    X, speaker = training
    copies = X[::3] + 5.0
    rows, who = np.concatenate([X, copies]), np.concatenate([speaker, speaker[::3]])
    clip = np.concatenate([np.arange(len(X)), np.arange(len(X))[::3]])
    for training_kind in ("mixed", "all"):
        alone = SpeakerNormalizer(training=training_kind)
        expected = alone.fit_transform(X, speaker=speaker)
        normalizer = SpeakerNormalizer(training=training_kind)
        found = normalizer.fit_transform(rows, speaker=who, clip=clip)
        assert np.array_equal(normalizer.within_, alone.within_) and np.array_equal(normalizer.scale_, alone.scale_)
        if training_kind == "all":
            assert np.array_equal(found[: len(X)], expected)
            # The first clip and its copy are normalised by the speaker's 39 other clips.
            np.testing.assert_allclose(found[[0, len(X)]], alone.transform(rows[[0, len(X)]], enrol=X[1:40]), rtol=1e-9)
    with pytest.raises(InvalidInputError, match=r"clip of SpeakerNormalizer.fit must be one whole number a row"):
        SpeakerNormalizer().fit(X, speaker=speaker, clip=["a"] * len(X))


def test_voices_of_a_speaker_are_speakers(training: tuple[Any, Any]) -> None:
    X, speaker = training
    voice = np.arange(len(X)) % 2
    named = np.array([f"{name} {number}" for name, number in zip(speaker, voice, strict=True)])
    expected = SpeakerNormalizer(training="all").fit(X, speaker=named)
    normalizer = SpeakerNormalizer(training="all").fit(X, speaker=speaker, voice=voice)
    assert expected.n_speakers_ == 120
    assert normalizer.n_speakers_ == 60  # people
    np.testing.assert_allclose(normalizer.between_, expected.between_, rtol=1e-12)
    with pytest.raises(InvalidInputError, match=r"voice of SpeakerNormalizer.fit must be one whole number a row"):
        SpeakerNormalizer().fit(X, speaker=speaker, voice=[0.5] * len(X))


# Takes: twins, duplicates, segments.


def test_twins_count_as_the_one_clip_that_they_are(training: tuple[Any, Any], fitted: SpeakerNormalizer) -> None:
    X, speaker = training
    twice, who, recording = np.repeat(X, 2, axis=0), np.repeat(speaker, 2), np.repeat(np.arange(len(X)), 2)
    told = SpeakerNormalizer(training="all")
    rows = told.fit_transform(twice, speaker=who, recording=recording)
    for name in ("mean_", "scale_", "within_", "between_", "degrees_"):
        np.testing.assert_allclose(getattr(told, name), getattr(fitted, name), rtol=1e-9)
    assert told.n_speakers_ == 60
    np.testing.assert_allclose(rows, np.repeat(fitted.transform(X, speaker=speaker), 2, axis=0), rtol=1e-9, atol=1e-12)
    untold = SpeakerNormalizer(training="all").fit(twice, speaker=who)
    assert (untold.within_ < 0.99 * fitted.within_).all()  # the fault that this guards against


@pytest.mark.parametrize("count", [1, 3, "all"])
@pytest.mark.parametrize("mixed", [False, True])
def test_segments_of_one_take_never_normalise_each_other(training: tuple[Any, Any], count: Any, mixed: bool) -> None:
    X, speaker = (part[:800].copy() for part in training)
    recording = np.array([f"{who}/{i % 40 // 2}" for i, who in enumerate(speaker)])
    normalizer = SpeakerNormalizer(enrolment=count)

    def rows(values: Any) -> Any:
        if mixed:
            return normalizer.fit_transform(values, speaker=speaker, recording=recording)
        return normalizer.fit(X, speaker=speaker, recording=recording).transform(values, speaker=speaker, recording=recording)

    if mixed:  # the population stays, so that only enrolment can tell: two segments of another take trade places
        plain = rows(X)
        changed = X.copy()
        changed[[0, 1]] = changed[[1, 0]]
        np.testing.assert_allclose(rows(changed)[2:], plain[2:], rtol=1e-9, atol=1e-9)
        return
    plain = rows(X)
    changed = X.copy()
    changed[1] += 50.0  # the other segment of row 0
    got = rows(changed)
    np.testing.assert_allclose(got[0], plain[0], rtol=1e-13)  # its take is taken out of the sums of all, which rounds
    if count == "all":
        assert not np.isclose(got[2:40], plain[2:40]).any()
        means = np.stack([X[2:40:2], X[3:40:2]]).mean(axis=0)
        assert not np.allclose(got[0], normalizer.transform(X[:1], enrol=X[1:40])[0])
        # The mean that normalises is that of the means of the other takes.
        u = (means - normalizer.mean_) / normalizer.scale_
        w = 19 * normalizer.between_ / (19 * normalizer.between_ + normalizer.within_)
        probe = normalizer.transform(np.stack([X[0], X[0] + 1.0, *X[2:40]]), speaker=["a"] * 40, recording=[0, 0, *recording[2:40]])
        scale = 1.0 / (probe[1] - probe[0])
        np.testing.assert_allclose(X[0] - probe[0] * scale, normalizer.mean_ + normalizer.scale_ * w * u.mean(axis=0), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"enrolment": 3, "training": "all"}, {"enrolment": 0}])
def test_recordings_of_one_row_each_change_no_bit(training: tuple[Any, Any], options: dict[str, Any]) -> None:
    X, speaker = training
    X = np.where(np.random.default_rng(2).random(X.shape) < 0.05, np.nan, X)
    clip = {"clip": np.arange(len(X)) // 2}
    for recording in (np.arange(len(X))[::-1], [None, "", float("nan"), pd.NA] * (len(X) // 4), [f"take {i}" for i in range(len(X))]):
        for extra in ({}, clip):
            plain, told = SpeakerNormalizer(**options), SpeakerNormalizer(**options)
            expected = plain.fit_transform(X, speaker=speaker, **extra)
            assert np.array_equal(told.fit_transform(X, speaker=speaker, recording=recording, **extra), expected, equal_nan=True)
            rows = told.transform(X, speaker=speaker, recording=recording)
            assert np.array_equal(rows, plain.transform(X, speaker=speaker), equal_nan=True)
            assert told.degrees_ == plain.degrees_ and np.array_equal(told.within_, plain.within_)


def test_what_recording_may_be(fitted: SpeakerNormalizer, training: tuple[Any, Any]) -> None:
    X, speaker = training
    with pytest.raises(InvalidInputError, match=r"recording of SpeakerNormalizer.fit must be one value a row \(2400 rows\); got shape \(2,\)"):
        SpeakerNormalizer().fit(X, speaker=speaker, recording=["a", "b"])
    with pytest.raises(InvalidInputError, match=r"recording of SpeakerNormalizer.transform must be texts or numbers; got list"):
        fitted.transform(X[:2], speaker=["a", "a"], recording=np.array([[1], [2, 3]], dtype=object))


def test_recordings_without_speakers_are_refused_at_every_door(fitted: SpeakerNormalizer, training: tuple[Any, Any]) -> None:
    X, speaker = training
    takes = np.arange(len(X)) // 2
    y = np.where(np.arange(len(X)) % 2, "calm", "happy")
    model = make_pipeline(SpeakerNormalizer(), LogisticRegression()).fit(X, y, speaker=speaker)
    loaded = load_model(model_bytes(model))
    plain = load_model(model_bytes(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)))
    rule = r"recording of {} must be left out unless speaker is given: it says which rows of a speaker are one take; got ndarray and speaker=None"
    doors: list[tuple[Callable[..., Any], str]] = [
        (SpeakerNormalizer().fit, "SpeakerNormalizer.fit"),
        (SpeakerNormalizer().fit_transform, "SpeakerNormalizer.fit_transform"),
        (fitted.transform, "SpeakerNormalizer.transform"),
        (lambda X, **told: fitted.transform(X, enrol=X[:2], **told), "SpeakerNormalizer.transform"),
        (lambda X, **told: model.predict_proba(X, **told), "SpeakerNormalizer.transform"),
        (loaded.predict_features, "predict_features"),
        (plain.predict_features, "predict_features"),
    ]
    for door, caller in doors:
        with pytest.raises(InvalidInputError, match=rule.format(caller)):
            door(X, recording=takes)


def test_takes_of_altered_copies_are_those_of_their_clips(training: tuple[Any, Any]) -> None:
    X, speaker = (part[:400] for part in training)
    recording = np.arange(400) // 2
    rows, who = np.concatenate([X, X + 0.1]), np.concatenate([speaker, speaker])
    arguments = {"speaker": who, "clip": np.tile(np.arange(400), 2), "recording": np.tile(recording, 2)}
    normalizer = SpeakerNormalizer(training="all")
    found = normalizer.fit_transform(rows, **arguments)
    np.testing.assert_allclose(found[:400], SpeakerNormalizer(training="all").fit_transform(X, speaker=speaker, recording=recording), rtol=1e-12)
    voices = SpeakerNormalizer(training="all").fit_transform(rows, speaker=who, voice=np.repeat([0, 1], 400), recording=arguments["recording"])
    named = np.array([f"{name} {number}" for name, number in zip(who, np.repeat([0, 1], 400), strict=True)])
    expected = SpeakerNormalizer(training="all").fit_transform(rows, speaker=named, recording=arguments["recording"])
    np.testing.assert_allclose(voices, expected, rtol=1e-12)


def test_recordings_travel_as_speakers_do() -> None:
    X, y, speaker = labelled()
    X = X + np.repeat(np.random.default_rng(1).normal(size=(len(X) // 2, 8)), 2, axis=0).astype(np.float32)
    recording = np.arange(len(X)) // 2
    params = {"speaker": speaker, "recording": recording}
    options: dict[str, Any] = {"groups": speaker, "cv": LeaveOneGroupOut(), "method": "predict_proba"}
    got = cross_val_predict(pipeline(), X, y, params=params, **options)
    test = speaker == "s03"
    model = clone(pipeline()).fit(X[~test], y[~test], speaker=speaker[~test], recording=recording[~test])
    rows = model[0].transform(X[test], speaker=speaker[test], recording=recording[test])
    assert np.array_equal(got[test], model[1].predict_proba(rows))
    assert np.array_equal(got[test], model.predict_proba(X[test], speaker=speaker[test], recording=recording[test]))
    assert not np.array_equal(got, cross_val_predict(pipeline(), X, y, params={"speaker": speaker}, **options))
    loaded = en.load_model(model_bytes(model))
    told = loaded.predict_features(X[test], speaker=speaker[test], recording=recording[test])
    assert np.array_equal(told.probabilities, got[test])
    with pytest.raises(InvalidInputError, match="recording of predict_features must be one value a row"):
        loaded.predict_features(X[test], speaker=speaker[test], recording=["a"])


def test_recordings_need_not_be_known_at_prediction() -> None:
    from emotion_native.calibration import CalibratedClassifierCV

    X, y, speaker = labelled()
    recording = np.arange(len(X)) // 2
    model = CalibratedClassifierCV(pipeline(), cv=4).fit(X, y, groups=speaker, speaker=speaker, recording=recording)
    assert model.predict_proba(X, speaker=speaker, recording=recording).shape == (len(X), 3)
    assert model.predict_proba(X, speaker=speaker).shape == (len(X), 3)
    assert model.predict_proba(X[:1], enrol=X[2:9]).shape == (1, 3)
    with pytest.raises(InvalidInputError, match=r"recording of SpeakerNormalizer.transform must be left out unless speaker is given"):
        model.predict_proba(X[:1], enrol=X[2:9], recording=[0])
    with pytest.raises(InvalidInputError, match=r"speaker of CalibratedClassifierCV.predict_proba must be given as in fit"):
        model.predict_proba(X, recording=recording)


def test_takes_behind_a_sampler_that_mixes_them() -> None:
    X, y, speaker = labelled()
    sampler = SMOTE(random_state=0, within="speaker", k_neighbors=2)
    recording = np.arange(len(X)) // 2
    model = make_pipeline(sampler, SpeakerNormalizer(), LogisticRegression()).fit(X[:-40], y[:-40], speaker=speaker[:-40], recording=recording[:-40])
    assert model[1].n_speakers_ > 0


# The number of clips of a model file.


@pytest.mark.parametrize("count", [0, 2, 5])
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_a_model_file_keeps_the_number_of_clips_and_their_draw(count: int, seed: int) -> None:
    X, y, speaker = labelled()
    new, _, who = labelled(9, 3, 7)
    fitted = pipeline(enrolment=count, random_state=seed).fit(X, y, speaker=speaker)
    content = model_bytes(fitted)
    model = en.load_model(content)
    expected = fitted.predict_proba(new, speaker=who)
    assert np.array_equal(model.predict_features(new, speaker=who).probabilities, expected)
    assert not np.array_equal(expected, pipeline().fit(X, y, speaker=speaker).predict_proba(new, speaker=who))
    own = model.for_speaker(new[1:7])  # all that are given, as transform(…, enrol=…)
    assert np.array_equal(own.predict_features(new[:1]).probabilities, fitted.predict_proba(new[:1], enrol=new[1:7]))
    assert model.metadata["steps"][0]["enrolment"] == {"n_speakers": 12, "clips": count, "seed": f"{seed:016x}"}
    assert en.load_model(model_bytes(pipeline().fit(X, y, speaker=speaker))).metadata["steps"][0]["enrolment"] == {"n_speakers": 12}


def test_members_that_take_other_numbers_of_clips_are_told_apart() -> None:
    from emotion_native.ensemble import VotingClassifier

    X, y, speaker = labelled()
    vote = VotingClassifier([("a", pipeline(enrolment=2)), ("b", pipeline())], voting="soft").fit(X, y, speaker=speaker)
    with pytest.raises(InvalidInputError, match=r"speaker of predict_features must be left out where the members .* by other numbers of clips"):
        en.load_model(model_bytes(vote)).predict_features(X, speaker=speaker)
