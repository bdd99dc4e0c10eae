"""What a leak in an inner split would look like: labels that only the speaker's own voice gives away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

import emotion_native as en

from .conftest import Witness

c = en.calibration
ms = en.model_selection
pytestmark = pytest.mark.filterwarnings("ignore:confidence_level of ConformalClassifier", "ignore::emotion_native.exceptions.EmotionNativeWarning")

SPEAKER = np.random.default_rng(0).permutation(np.repeat(np.arange(24), 10))


def memorable(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of 24 speakers, each with a voice of its own and one label, drawn at random: known speakers are easy, new ones are chance."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat([0, 1], 12))
    X = rng.normal(size=(24, 6))[SPEAKER] + 0.05 * rng.normal(size=(240, 6))
    return X, label[SPEAKER]


def knn() -> Any:
    return KNeighborsClassifier(1)


def smoothed() -> Any:
    return KNeighborsClassifier(5)


def two_labels(y: np.ndarray) -> np.ndarray:
    return np.column_stack([y, 1 - y])


class TwoLabels(Witness):
    """The nearest neighbour's labels."""

    def fit(self, X: Any, y: Any) -> TwoLabels:  # type: ignore[override]
        self.model_ = KNeighborsClassifier(1).fit(X, y[:, 0])
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)[:, ::-1]


def calibrated_confidence(X: Any, y: Any, **o: Any) -> float:
    return float(c.CalibratedClassifierCV(smoothed(), method="sigmoid", **o).fit(X, y, **groups_of(o)).predict_proba(X).max(axis=1).mean())


def groups_of(options: dict[str, Any]) -> dict[str, Any]:
    return {"groups": None if options.get("allow_ungrouped") else SPEAKER}


def early_stopped(X: Any, y: Any, **o: Any) -> float:
    """Return the rounds as a share of those allowed: nothing that helps new speakers is learned, so that it stops at once."""
    options = {"n_estimators": 20, "n_iter_no_change": 5, "validation_fraction": 0.3, "learning_rate": 0.2, "random_state": 0}
    model = en.ensemble.GradientBoostingClassifier(**options, **o)
    return model.fit(X, y, **groups_of(o)).n_estimators_ / 20


def set_sizes(X: Any, y: Any, **o: Any) -> float:
    """Return 2 minus the mean number of classes in a set."""
    model = c.ConformalClassifier(smoothed(), confidence_level=0.75, random_state=0, **o).fit(X, y, **groups_of(o))
    return 2.0 - float(model.predict_set(X).sum(axis=1).mean())


GIVEN_AWAY: dict[str, tuple[Callable[..., float], float, float]] = {  # what is looked at, at most without a leak, at least with one
    "GridSearchCV": (lambda X, y, **o: float(ms.GridSearchCV(knn(), {"p": [1, 2]}, **o).fit(X, y, **groups_of(o)).best_score_), 0.75, 0.95),
    "RandomizedSearchCV": (
        lambda X, y, **o: float(ms.RandomizedSearchCV(knn(), {"p": [1, 2]}, n_iter=2, **o).fit(X, y, **groups_of(o)).best_score_),
        0.75,
        0.95,
    ),
    "compare_estimators": (
        lambda X, y, **o: float(np.mean(ms.compare_estimators({"a": knn()}, X, y, **groups_of(o), **o)["a"]["test_score"])),
        0.75,
        0.95,
    ),
    "cross_validate": (lambda X, y, **o: float(np.mean(ms.cross_validate(knn(), X, y, **groups_of(o), **o)["test_score"])), 0.75, 0.95),
    "AbstainingClassifier": (
        lambda X, y, **o: float(c.AbstainingClassifier(knn(), target_coverage=1.0, **o).fit(X, y, **groups_of(o)).inner_accuracy_),
        0.75,
        0.95,
    ),
    "CalibratedClassifierCV": (calibrated_confidence, 0.75, 0.9),
    "ConformalClassifier": (set_sizes, 0.6, 0.95),
    "TunedThresholdsClassifier": (
        lambda X, y, **o: float(
            en.multilabel.TunedThresholdsClassifier(TwoLabels(), **o).fit(X, two_labels(y), **groups_of(o)).out_of_fold_f1_.mean()
        ),
        0.8,
        0.95,
    ),
    "GradientBoostingClassifier": (early_stopped, 0.5, 0.9),
    "nested_evaluation": (
        lambda X, y, **o: float(np.mean([s["one"] for s in c.nested_evaluation({"one": knn()}, X, y, **groups_of(o), **o).inner_scores])),
        0.75,
        0.95,
    ),
    "permutation_importance": (
        lambda X, y, **o: float(en.explain.permutation_importance(knn(), X, y, n_repeats=1, random_state=0, **groups_of(o), **o).baseline),
        0.75,
        0.95,
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", list(GIVEN_AWAY))
def test_speakers_learned_by_heart_give_no_good_score_inside(name: str, seed: int) -> None:
    """With 12 speakers of each label that are guessed as wholes, accuracy has a standard deviation near 0.1: 0.75 is 2.5 of them away from 0.5,
    a leak makes it 1. The same call without groups shows that the leak would be seen."""
    X, y = memorable(seed)
    measure, at_most, at_least = GIVEN_AWAY[name]
    assert measure(X, y) <= at_most
    assert measure(X, y, allow_ungrouped=True) >= at_least
