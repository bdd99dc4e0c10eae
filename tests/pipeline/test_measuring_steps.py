"""Calibrations, thresholds and conformal sets behind a sampler: the pipeline's fit warns, since they are measured on resampled rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from emotion_native.calibration import AbstainingClassifier, CalibratedClassifierCV, ConformalClassifier, PriorCorrectedClassifier
from emotion_native.exceptions import EmotionNativeWarning
from emotion_native.linear_model import LogisticRegression
from emotion_native.metrics import log_loss
from emotion_native.model_selection import GridSearchCV, cross_validate
from emotion_native.over_sampling import RandomOverSampler
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler


@pytest.fixture
def rows() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [360, 40])
    rng.shuffle(y)
    return rng.normal(size=(400, 2)) + y[:, None], y, np.arange(400) % 10


def said(record: list[Any]) -> list[str]:
    return [str(one.message) for one in record if "behind the sampler" in str(one.message)]


@pytest.mark.parametrize(
    "step",
    [
        CalibratedClassifierCV(LogisticRegression(), method="sigmoid", prior_correction=True),
        AbstainingClassifier(LogisticRegression(), target_coverage=0.8),
        ConformalClassifier(LogisticRegression(), confidence_level=0.5, random_state=0),
        PriorCorrectedClassifier(LogisticRegression()),
        make_pipeline(StandardScaler(), CalibratedClassifierCV(LogisticRegression())),
        GridSearchCV(CalibratedClassifierCV(LogisticRegression()), {"method": ["sigmoid"]}, cv=2),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_measuring_step_behind_a_sampler_is_named_once_with_the_remedy(rows: Any, step: Any) -> None:
    X, y, groups = rows
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        make_pipeline(StandardScaler(), RandomOverSampler(random_state=0), step).fit(X, y, groups=groups)
    (text,) = said(record)
    assert type(step).__name__.lower() in text and "'randomoversampler'" in text
    assert "put the pipeline inside it, " in text and "(make_pipeline(RandomOverSampler(), LogisticRegression()))" in text
    assert [one.filename for one in record if str(one.message) == text] == [__file__]


def test_scikit_learns_calibration_counts_too(rows: Any) -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    X, y, _ = rows
    with pytest.warns(EmotionNativeWarning, match="behind the sampler"):
        make_pipeline(RandomOverSampler(random_state=0), calibration.CalibratedClassifierCV(LogisticRegression())).fit(X, y)


def test_cross_validation_says_so(rows: Any) -> None:
    X, y, groups = rows
    model = make_pipeline(RandomOverSampler(random_state=0), CalibratedClassifierCV(LogisticRegression()))
    with pytest.warns(EmotionNativeWarning, match="behind the sampler 'randomoversampler'"):
        cross_validate(model, X, y, groups=groups, cv=2)


def test_the_remedy_and_pipelines_without_a_sampler_before_are_silent(rows: Any) -> None:
    X, y, groups = rows
    sampled = make_pipeline(RandomOverSampler(random_state=0), LogisticRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("error", EmotionNativeWarning)
        right = CalibratedClassifierCV(sampled, method="sigmoid", prior_correction=True).fit(X, y, groups=groups)
        make_pipeline(StandardScaler(), CalibratedClassifierCV(LogisticRegression())).fit(X, y, groups=groups)
        make_pipeline(StandardScaler(), CalibratedClassifierCV(sampled)).fit(X, y, groups=groups)
        known = PriorCorrectedClassifier(LogisticRegression(), target_priors=[0.9, 0.1], trained_priors="balanced")
        make_pipeline(RandomOverSampler(random_state=0), known).fit(X, y)
    wrong = make_pipeline(RandomOverSampler(random_state=0), CalibratedClassifierCV(LogisticRegression(), method="sigmoid", prior_correction=True))
    with pytest.warns(EmotionNativeWarning, match="behind the sampler"):
        wrong.fit(X, y, groups=groups)
    assert log_loss(y, right.predict_proba(X)) < log_loss(y, wrong.predict_proba(X)) - 0.1
