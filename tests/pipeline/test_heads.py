"""Pipelines that begin with a SpeakerNormalizer in the native fold loop: bit for bit ``clone(pipeline).fit`` on the copied rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from emotion_native import _core
from emotion_native.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut, cross_val_predict, cross_validate
from emotion_native.over_sampling import SMOTE, RandomOverSampler
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import SpeakerNormalizer, StandardScaler


def data(dtype: Any = np.float32) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    y = np.array(["calm", "happy", "sad"])[rng.integers(0, 3, 140)]
    X = np.repeat(rng.normal(size=(7, 5)) * 2, 20, axis=0) + rng.normal(size=(140, 5)) + (y == "happy")[:, None]
    return X.astype(dtype), y, np.repeat([f"s{k}" for k in range(7)], 20)


PIPELINES: dict[str, Callable[[], Pipeline]] = {
    "logistic": lambda: make_pipeline(SpeakerNormalizer(), LogisticRegression()),
    "few clips": lambda: make_pipeline(SpeakerNormalizer(enrolment=3, training="all", random_state=4), LogisticRegression()),
    "forest": lambda: make_pipeline(SpeakerNormalizer(), RandomForestClassifier(7, random_state=0)),
    "selected trees": lambda: make_pipeline(SpeakerNormalizer(), SelectKBest(k=3), ExtraTreesClassifier(5, random_state=0)),
    "oversampled": lambda: make_pipeline(SpeakerNormalizer(), RandomOverSampler(random_state=0), LogisticRegression()),
    "synthetic": lambda: make_pipeline(SpeakerNormalizer(), SMOTE(random_state=0, within="speaker"), LogisticRegression()),
    "early stopping": lambda: make_pipeline(
        SpeakerNormalizer(), GradientBoostingClassifier(n_estimators=20, n_iter_no_change=2, validation_fraction=0.3, random_state=0)
    ),
    "imputed first": lambda: make_pipeline(SimpleImputer(), StandardScaler(), SpeakerNormalizer(), StandardScaler(), LogisticRegression()),
}


@pytest.fixture
def native_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of fits of each call of the native loop."""
    calls: list[int] = []
    inner = _core.run_folds

    def counted(X: Any, y: Any, n_classes: int, steps: Any, train: Any, *rest: Any, **named: Any) -> Any:
        calls.append(len(train))
        return inner(X, y, n_classes, steps, train, *rest, **named)

    monkeypatch.setattr(_core, "run_folds", counted)
    return calls


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(PIPELINES))
def test_each_fold_is_the_fit_on_its_copied_rows(name: str, dtype: Any, native_calls: list[int]) -> None:
    X, y, speaker = data(dtype)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y)) if name in ("logistic", "forest", "imputed first") else None
    params = {"speaker": speaker, "sample_weight": weight}
    options: dict[str, Any] = {"groups": speaker, "cv": GroupKFold(4), "params": params, "method": "predict_proba"}
    got = cross_val_predict(PIPELINES[name](), X, y, n_jobs=2, **options)
    assert native_calls == [1] * 4
    for train, test in GroupKFold(4).split(X, y, speaker):
        own = {} if weight is None else {"sample_weight": weight[train]}
        model = clone(PIPELINES[name]()).fit(X[train], y[train], groups=speaker[train], speaker=speaker[train], **own)
        assert np.array_equal(got[test], model.predict_proba(X[test], speaker=speaker[test]))
    for n_jobs in (1, 7):
        assert np.array_equal(got, cross_val_predict(PIPELINES[name](), X, y, n_jobs=n_jobs, **options))


def test_without_speakers_it_is_a_scaler() -> None:
    X, y, speaker = data()
    options: dict[str, Any] = {"groups": speaker, "cv": LeaveOneGroupOut(), "method": "predict_proba"}
    plain = cross_val_predict(make_pipeline(StandardScaler(), LogisticRegression()), X, y, **options)
    assert np.array_equal(plain, cross_val_predict(PIPELINES["logistic"](), X, y, **options))


def test_settings_of_a_search_share_the_normalised_rows(native_calls: list[int]) -> None:
    X, y, speaker = data()
    grid = {"logisticregression__C": [0.1, 1.0, 10.0]}
    search = GridSearchCV(PIPELINES["logistic"](), grid, cv=GroupKFold(4), scoring="accuracy").fit(X, y, groups=speaker, speaker=speaker)
    assert sorted(native_calls) == [3] * 4
    for C, mean in zip(grid["logisticregression__C"], search.cv_results_["mean_test_score"], strict=True):
        model = PIPELINES["logistic"]().set_params(logisticregression__C=C)
        scores = cross_validate(model, X, y, groups=speaker, cv=GroupKFold(4), params={"speaker": speaker}, scoring="accuracy")
        assert scores["test_score"].mean() == mean
    native_calls.clear()
    wide = GridSearchCV(PIPELINES["logistic"](), {"speakernormalizer__enrolment": [0, "all"]}, cv=GroupKFold(4), scoring="accuracy")
    wide.fit(X, y, groups=speaker, speaker=speaker)
    assert native_calls == [1] * 8


def test_scores_of_training_rows_are_those_of_their_own_part() -> None:
    X, y, speaker = data()
    params = {"speaker": speaker}
    got = cross_validate(PIPELINES["few clips"](), X, y, groups=speaker, cv=GroupKFold(4), params=params, scoring="accuracy", return_train_score=True)
    for k, (train, test) in enumerate(GroupKFold(4).split(X, y, speaker)):
        model = PIPELINES["few clips"]().fit(X[train], y[train], speaker=speaker[train])
        assert got["test_score"][k] == (model.predict(X[test], speaker=speaker[test]) == y[test]).mean()
        assert got["train_score"][k] == (model.predict(X[train], speaker=speaker[train]) == y[train]).mean()


def test_what_the_steps_refuse_is_refused() -> None:
    X, y, speaker = data()
    X[3, 2] = np.nan
    with pytest.raises(InvalidInputError, match=r"X of LogisticRegression.fit must be free of NaN"):
        cross_val_predict(PIPELINES["logistic"](), X, y, groups=speaker, cv=GroupKFold(4), params={"speaker": speaker})
    with pytest.raises(TypeError, match="nonsense"):
        cross_val_predict(PIPELINES["logistic"](), X, y, groups=speaker, cv=GroupKFold(4), params={"nonsense": 1})


def test_copies_of_rows_act_as_copied_rows() -> None:
    X, y, speaker = data()
    rows = np.concatenate([np.arange(140), np.arange(140)])
    train, test = rows[np.isin(speaker[rows], ["s0", "s1", "s2", "s3"])], np.flatnonzero(speaker == "s5")
    model = clone(PIPELINES["logistic"]()).fit(X[train], y[train], speaker=speaker[train])
    from emotion_native.model_selection._fit import check_labels, fold_probabilities

    labels = check_labels(y, len(y), caller="test")
    got = fold_probabilities(PIPELINES["logistic"](), X, labels, [train], [test], {"speaker": speaker}, caller="test")
    assert np.array_equal(got[0], model.predict_proba(X[test], speaker=speaker[test]))
