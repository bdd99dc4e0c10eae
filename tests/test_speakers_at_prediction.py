"""Classifiers around a pipeline that normalises by the speaker: they learn with speakers, hand them on, and refuse to predict without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV, ConformalClassifier, PriorCorrectedClassifier
from emotion_native.ensemble import SearchVotingClassifier, StackingClassifier, VotingClassifier
from emotion_native.exceptions import InvalidInputError, InvalidTypeError
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import GridSearchCV, cross_val_predict
from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import SpeakerNormalizer


def data(seed: int = 0, n_speakers: int = 8, clips: int = 15) -> tuple[Any, Any, Any]:
    """Return rows in which the label moves each clip less than the speaker does, the labels and the speakers."""
    rng = np.random.default_rng(seed)
    y = np.array(["calm", "happy", "sad"])[rng.integers(0, 3, n_speakers * clips)]
    offsets = np.repeat(rng.normal(size=(n_speakers, 4)) * 3, clips, axis=0)
    shift = {"calm": 0.0, "happy": 1.5, "sad": -1.5}
    X = offsets + rng.normal(size=(len(y), 4)) + np.array([shift[label] for label in y])[:, None]
    return X, y, np.repeat([f"s{i}" for i in range(n_speakers)], clips)


def pipeline() -> Pipeline:
    return make_pipeline(SimpleImputer(), SpeakerNormalizer(), LogisticRegression())


WRAPPERS: dict[str, Callable[[], Any]] = {
    "calibrated": lambda: CalibratedClassifierCV(pipeline(), cv=4),
    "calibrated, a map a fold": lambda: CalibratedClassifierCV(pipeline(), method="sigmoid", cv=4, ensemble=True),
    "abstaining": lambda: AbstainingClassifier(pipeline(), target_coverage=0.8, cv=4),
    "abstaining and calibrated": lambda: AbstainingClassifier(CalibratedClassifierCV(pipeline(), cv=4), target_coverage=0.8),
    "conformal": lambda: ConformalClassifier(pipeline(), confidence_level=0.5, random_state=0),
    "conformal, cross-fitted": lambda: ConformalClassifier(pipeline(), confidence_level=0.5, cv=4, random_state=0),
    "prior": lambda: PriorCorrectedClassifier(pipeline(), target_priors=[1, 2, 3]),
    "soft vote": lambda: VotingClassifier([("a", pipeline()), ("b", LogisticRegression())], voting="soft"),
    "hard vote": lambda: VotingClassifier([("a", pipeline())]),
    "stack": lambda: StackingClassifier([("a", pipeline()), ("b", LogisticRegression())], cv=4),
    "one against the rest": lambda: OneVsRestClassifier(pipeline()),
    "search": lambda: GridSearchCV(pipeline(), {"logisticregression__C": [0.1, 1.0]}, cv=4),
    "vote of a search": lambda: SearchVotingClassifier(GridSearchCV(pipeline(), {"logisticregression__C": [0.1, 1.0]}, cv=4), n_best=2),
    "in a pipeline": lambda: make_pipeline(SimpleImputer(), CalibratedClassifierCV(pipeline(), cv=4)),
    "two deep": lambda: VotingClassifier([("a", CalibratedClassifierCV(pipeline(), cv=4))], voting="soft"),
}


@pytest.mark.parametrize("name", list(WRAPPERS))
def test_speakers_reach_the_normaliser(name: str) -> None:
    X, y, speaker = data()
    new, _, who = data(5, 3, 6)
    model = WRAPPERS[name]().fit(X, y, groups=speaker, speaker=speaker)
    labels = model.predict(new, speaker=who)
    unknown = model.predict(new, speaker=[None] * len(new))
    assert labels.shape == unknown.shape == (18,)
    assert not np.array_equal(labels, unknown)  # speakers differ more than labels do
    enrolled = model.predict(new[:6], enrol=new[6:12])
    assert enrolled.shape == (6,)
    for method in ("predict", "predict_proba"):
        if not hasattr(model, method):
            continue
        with pytest.raises(InvalidInputError, match=r"speaker of \w+\.\w+ must be given as in fit.*speaker=\[None\] \* n_rows"):
            getattr(model, method)(new)
    if hasattr(model, "predict_proba"):
        proba = model.predict_proba(new, speaker=who)
        assert np.array_equal(model.classes_[proba.argmax(axis=1)], labels)
    with pytest.raises(TypeError):
        model.predict(new, speaker=who, nonsense=1)


@pytest.mark.parametrize("name", list(WRAPPERS))
def test_without_speakers_in_fit_nothing_is_asked(name: str) -> None:
    X, y, speaker = data()
    model = WRAPPERS[name]().fit(X, y, groups=speaker)
    assert model.predict(X).shape == y.shape


def test_the_calibration_is_learned_from_rows_with_their_speakers() -> None:
    X, y, speaker = data()
    model = CalibratedClassifierCV(pipeline(), cv=4).fit(X, y, groups=speaker, speaker=speaker)
    options: dict[str, Any] = {"groups": speaker, "cv": 4, "params": {"speaker": speaker}, "method": "predict_proba"}
    proba = cross_val_predict(pipeline(), X, y, **options)
    codes = np.searchsorted(model.classes_, y)
    again = type(model.calibrator_)().fit(proba, codes)
    assert again.temperature_ == pytest.approx(model.calibrator_.temperature_, rel=1e-12)
    plain = CalibratedClassifierCV(pipeline(), cv=4).fit(X, y, groups=speaker)
    assert plain.calibrator_.temperature_ != model.calibrator_.temperature_


def test_answers_are_those_of_the_pipeline_inside() -> None:
    X, y, speaker = data()
    new, _, who = data(5, 3, 6)
    inner = pipeline().fit(X, y, speaker=speaker)
    conformal = ConformalClassifier(pipeline(), cv=4, confidence_level=0.5, random_state=0)
    for wrapper in (VotingClassifier([("a", pipeline())], voting="soft"), conformal):
        fitted = wrapper.fit(X, y, groups=speaker, speaker=speaker)
        np.testing.assert_allclose(fitted.predict_proba(new, speaker=who), inner.predict_proba(new, speaker=who), rtol=1e-12)
        np.testing.assert_allclose(fitted.predict_proba(new[:6], enrol=new[6:]), inner.predict_proba(new[:6], enrol=new[6:]), rtol=1e-12)
    expected = inner[-1].predict_proba(inner[1].transform(new[:6], enrol=new[6:]))
    assert np.array_equal(inner.predict_proba(new[:6], enrol=new[6:]), expected)
    sets = fitted.predict_set(new, speaker=who)
    assert sets.shape == (18, 3)
    frozen = CalibratedClassifierCV(FrozenEstimator(inner)).fit(X, y, speaker=speaker)
    assert frozen.predict_proba(new, speaker=who).shape == (18, 3)
    abstaining = AbstainingClassifier(pipeline(), target_coverage=0.8, cv=4).fit(X, y, groups=speaker, speaker=speaker)
    assert np.array_equal(abstaining.predict_abstain(new, speaker=who)[0], abstaining.predict(new, speaker=who))


def test_several_labels_a_row() -> None:
    X, y, speaker = data()
    Y = np.column_stack([y == "happy", y != "sad"]).astype(int)
    new, _, who = data(5, 3, 6)
    for model in (OneVsRestClassifier(pipeline()), TunedThresholdsClassifier(OneVsRestClassifier(pipeline()), cv=4)):
        model.fit(X, Y, groups=speaker, speaker=speaker)
        assert model.predict(new, speaker=who).shape == (18, 2)
        assert not np.array_equal(model.predict_proba(new, speaker=who), model.predict_proba(new, speaker=[None] * 18))
        with pytest.raises(InvalidInputError, match="must be given as in fit"):
            model.predict(new)


def test_names_that_nobody_takes_are_refused() -> None:
    X, y, speaker = data()
    model = CalibratedClassifierCV(LogisticRegression(), cv=4).fit(X, y, groups=speaker)
    with pytest.raises(InvalidTypeError, match=r"arguments of CalibratedClassifierCV.predict_proba beside X must be left out.*got 'speaker'"):
        model.predict(X, speaker=speaker)


def test_cross_validation_hands_speakers_to_whatever_is_validated() -> None:
    X, y, speaker = data()
    options: dict[str, Any] = {"groups": speaker, "cv": 4, "params": {"speaker": speaker}, "method": "predict_proba"}
    got = cross_val_predict(CalibratedClassifierCV(pipeline(), cv=3), X, y, **options)
    assert got.shape == (120, 3)
    alone = cross_val_predict(CalibratedClassifierCV(pipeline(), cv=3), X, y, groups=speaker, cv=4, method="predict_proba")
    assert (got.argmax(axis=1) == np.searchsorted(np.unique(y), y)).mean() > (alone.argmax(axis=1) == np.searchsorted(np.unique(y), y)).mean()
