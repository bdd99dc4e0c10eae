"""Comparisons on shared folds: each estimator's scores are those of its own cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.model_selection import compare_estimators, cross_validate

SCALED = en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression())
MODELS = {
    "forest": en.ensemble.RandomForestClassifier(8, random_state=0),
    "larger forest": en.ensemble.RandomForestClassifier(12, random_state=0),
    "boosting": en.ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
    "logistic": SCALED,
    "bayes": GaussianNB(),
}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 120)
    X = rng.normal(size=(120, 5))
    X[:, 0] += y
    return X, y, np.arange(120) // 10


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_scores_are_those_of_each_alone(rows: Any, n_jobs: int) -> None:
    X, y, speaker = rows
    scoring = ["accuracy", "neg_log_loss"]
    together = compare_estimators(MODELS, X, y, groups=speaker, scoring=scoring, cv=4, n_jobs=n_jobs, return_train_score=True)
    assert list(together) == list(MODELS)
    for name, model in MODELS.items():
        alone = cross_validate(model, X, y, groups=speaker, scoring=scoring, cv=4, return_train_score=True)
        assert set(alone) == set(together[name])
        for key, values in alone.items():
            if "time" not in key:
                assert np.array_equal(values, together[name][key])


def test_refusals(rows: Any) -> None:
    X, y, speaker = rows
    with pytest.raises(LeakageError, match="groups of compare_estimators must be given"):
        compare_estimators(MODELS, X, y)
    for wrong in ({}, [GaussianNB()], {"a": 3}):
        with pytest.raises(InvalidInputError, match="estimators of compare_estimators must be"):
            compare_estimators(wrong, X, y, groups=speaker)  # type: ignore[arg-type]  # wrong on purpose
