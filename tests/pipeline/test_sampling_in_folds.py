"""Samplers inside the fold loop and in the pipeline: equal to a fit on copied rows, blind to test rows, and honest about row metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from emotion_native import _core
from emotion_native.ensemble import RandomForestClassifier
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.feature_selection import SelectKBest
from emotion_native.impute import SimpleImputer
from emotion_native.linear_model import LogisticRegression
from emotion_native.model_selection import cross_val_predict
from emotion_native.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from emotion_native.pipeline import Pipeline, make_pipeline
from emotion_native.preprocessing import StandardScaler
from emotion_native.under_sampling import RandomUnderSampler

N_CLASSES = 4
STEPS = {
    "scale": StandardScaler(),
    "mean": SimpleImputer(),
    "select": SelectKBest(k=4),
    "over": RandomOverSampler(random_state=1),
    "under": RandomUnderSampler(random_state=2, sampling_strategy="majority"),
    "redrawn": RandomUnderSampler(random_state=2, replacement=True),
    "smote": SMOTE(random_state=3, k_neighbors=3),
    "speaker": SMOTE(random_state=4, within="speaker"),
    "groups": SMOTE(random_state=4, within="groups", sampling_strategy="minority"),
    "border": BorderlineSMOTE(random_state=5, m_neighbors=6),
    "border2": BorderlineSMOTE(random_state=6, kind="borderline-2", within="speaker"),
}
ESTIMATORS = {
    "forest": RandomForestClassifier(n_estimators=4, random_state=3, class_weight="balanced_subsample"),
    "logistic": LogisticRegression(max_iter=15),
}
PIPELINES = [
    ("under",),
    ("scale", "redrawn", "select"),
    ("smote",),
    ("mean", "scale", "smote", "select", "scale2"),
    ("scale", "select", "speaker", "under"),
    ("over", "smote", "scale"),
    ("scale", "speaker", "speaker2"),
    ("border", "scale", "over"),
    ("mean", "border2", "groups"),
    ("groups", "mean", "select"),
]


@pytest.fixture
def data(rng: np.random.Generator) -> dict[str, Any]:
    y = rng.choice(N_CLASSES, size=240, p=[0.5, 0.3, 0.15, 0.05]).astype(np.int32)
    X = rng.normal(size=(240, 7))
    X[:, 0] += y
    X[:, 2] = np.round(X[:, 2])
    train = [np.flatnonzero(rng.random(240) < 0.7), rng.permutation(240)[:90]]
    train.append(train[0][y[train[0]] != 3])  # a class is absent
    return {"X": X, "y": y, "speaker": rng.integers(0, 6, 240), "train": train, "test": [np.setdiff1d(np.arange(240), rows) for rows in train]}


def build(steps: tuple[str, ...], estimator: str) -> Pipeline:
    chosen = [(name, clone(STEPS[name if name in STEPS else name.rstrip("2")])) for name in steps]
    return Pipeline([*chosen, ("classify", clone(ESTIMATORS[estimator]))])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("estimator", list(ESTIMATORS))
@pytest.mark.parametrize("steps", PIPELINES, ids=str)
def test_every_fold_equals_a_fit_on_copied_rows(data: dict[str, Any], steps: tuple[str, ...], estimator: str, weighted: bool, dtype: Any) -> None:
    X, y, speaker = data["X"].astype(dtype), data["y"], data["speaker"]
    if "mean" in steps and steps[0] == "mean":
        X[::7, 3] = np.nan
    weights = np.linspace(0.1, 2, len(y)) if weighted else None
    model = build(steps, estimator)
    codes = speaker.astype(np.int32)
    for n_jobs in (1, 2, 7):
        result = _core.run_folds(X, y, N_CLASSES, model._native_plan(), data["train"], data["test"], weights, n_jobs, groups=codes, speaker=codes)
        for k, (train, test) in enumerate(zip(data["train"], data["test"], strict=True)):
            given = {} if weights is None else {"sample_weight": weights[train]}
            fitted = clone(model).fit(X[train], y[train], speaker=speaker[train], groups=speaker[train], **given)
            expected = np.zeros((len(test), N_CLASSES))
            expected[:, fitted.classes_] = fitted.predict_proba(X[test])
            np.testing.assert_array_equal(result[k], expected)


@pytest.mark.parametrize("steps", [("scale", "smote"), ("border",), ("speaker",), ("under",)], ids=str)
def test_a_test_row_is_never_a_neighbour(data: dict[str, Any], rng: np.random.Generator, steps: tuple[str, ...]) -> None:
    X, y, train, test = data["X"].copy(), data["y"].copy(), data["train"][0], data["test"][0]
    codes = data["speaker"].astype(np.int32)
    plan = build(steps, "forest")._native_plan()
    probe = rng.normal(size=(5, X.shape[1]))
    X[test[:5]] = probe
    before = _core.run_folds(X, y, N_CLASSES, plan, [train], [test[:5]], speaker=codes)[0]
    rare = train[y[train] == 3]
    X[test[5:]] = X[rare[np.arange(len(test) - 5) % len(rare)]] + 1e-9  # nearer than any training row, and of the same class
    y[test] = 3
    codes[test[5:]] = codes[rare[np.arange(len(test) - 5) % len(rare)]]
    np.testing.assert_array_equal(_core.run_folds(X, y, N_CLASSES, plan, [train], [test[:5]], speaker=codes)[0], before)


def test_cross_validation_hands_the_speaker_on(data: dict[str, Any]) -> None:
    X, y, speaker = data["X"], data["y"], data["speaker"]
    model = make_pipeline(StandardScaler(), SMOTE(random_state=0, within="speaker"), RandomForestClassifier(n_estimators=5, random_state=0))
    options: dict[str, Any] = {"groups": speaker, "cv": 3, "params": {"speaker": speaker}, "method": "predict_proba"}
    native = cross_val_predict(model, X, y, **options)
    copied = cross_val_predict(Pipeline([*model.steps[:-1], ("last", Foreign(model[-1]))]), X, y, **options)
    np.testing.assert_array_equal(native, copied)
    with pytest.raises(InvalidInputError, match=r"speaker of SMOTE\.fit_resample must be given"):
        cross_val_predict(model, X, y, groups=speaker, cv=3)


class Foreign(ClassifierMixin, BaseEstimator):
    """A classifier that the native loop does not know."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def fit(self, X: Any, y: Any) -> Foreign:
        self.fitted_ = clone(self.inner).fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.fitted_.predict_proba(X)


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers the row metadata that it was given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Recorder:
        self.seen_ = {"n": len(y), "sample_weight": sample_weight, "groups": groups}
        self.classes_ = np.unique(y)
        return self


def test_metadata_behind_samplers(data: dict[str, Any]) -> None:
    X, y, speaker = data["X"], data["y"], data["speaker"]
    weights = np.arange(240.0) + 1
    for sampler in (SMOTE(random_state=0, within="speaker"), RandomUnderSampler(random_state=0)):
        model = make_pipeline(sampler, Recorder()).fit(X, y, sample_weight=weights, groups=speaker, speaker=speaker)
        np.testing.assert_array_equal(model[-1].seen_["sample_weight"], weights[sampler.sample_indices_])
        np.testing.assert_array_equal(model[-1].seen_["groups"], speaker[sampler.sample_indices_])


def test_mixed_groups_are_refused_where_they_are_needed(data: dict[str, Any]) -> None:
    X, y, speaker = data["X"], data["y"], data["speaker"]
    with pytest.raises(LeakageError, match=r"groups of Pipeline\.fit must be known .* step 'recorder'.*give that sampler within='groups'"):
        make_pipeline(SMOTE(random_state=0), Recorder()).fit(X, y, groups=speaker)
    first, second = SMOTE(random_state=0, sampling_strategy="minority"), SMOTE(random_state=0, within="speaker")
    two = make_pipeline(first, second, LogisticRegression(max_iter=200))
    with pytest.raises(LeakageError, match="within='speaker'"):
        two.fit(X, y, speaker=speaker)
    with pytest.raises(LeakageError, match="within='speaker'"):
        _core.run_folds(X, y, N_CLASSES, two._native_plan(), data["train"], data["test"], speaker=speaker.astype(np.int32))
    make_pipeline(SMOTE(random_state=0), SMOTE(random_state=1), LogisticRegression(max_iter=200)).fit(X, y, speaker=speaker, groups=speaker)


def test_rows_that_smote_refuses(data: dict[str, Any]) -> None:
    X = data["X"].copy()
    X[data["train"][0][0], 0] = np.nan
    with pytest.raises(InvalidInputError, match=r"X of SMOTE\.fit_resample must be free of NaN"):
        _core.run_folds(X, data["y"], N_CLASSES, build(("smote",), "forest")._native_plan(), data["train"], data["test"])
