"""The objects that own an inner split, and spies that see what reaches it.

Column 0 of the rows is the speaker: whoever sees rows can tell whose they are, and whether the groups that came with them are theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier

import emotion_native as en
from emotion_native import _core

c = en.calibration
ms = en.model_selection
N_SPEAKERS, ROWS = 18, 6


# The spies.


class Notes(list[Any]):
    """A list that clones share."""

    def __deepcopy__(self, memo: Any) -> Notes:
        return self


def check_aligned(X: Any, groups: Any) -> None:
    assert groups is not None, "no groups arrived"
    np.testing.assert_array_equal(np.asarray(X, dtype=float)[:, 0], np.asarray(groups, dtype=float), "groups of other rows arrived")


class Watch:
    """A grouped splitter that checks what it is given and notes the speakers of each part."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.notes = Notes()

    def __deepcopy__(self, memo: Any) -> Watch:
        return self

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        return int(self.inner.get_n_splits(X, y, groups))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Any]:
        check_aligned(X, groups)
        for train, test in self.inner.split(X, y, groups):
            self.notes.append((set(groups[train]), set(groups[test])))
            yield train, test


class Witness(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A classifier that demands the groups of its rows, and notes whom it was fitted on when it predicts whom."""

    def __init__(self, notes: Any = None, level: float = 0.6) -> None:
        self.notes = notes
        self.level = level

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Witness:
        X = np.asarray(X)
        check_aligned(X, groups)
        self.classes_ = np.unique(y)
        self.speakers_ = set(X[:, 0].tolist())
        self.n_features_in_ = X.shape[1]
        return self

    def predict_proba(self, X: Any) -> Any:
        X = np.asarray(X)
        self.notes.append((self.speakers_, set(X[:, 0].tolist())))
        k = len(self.classes_)
        proba = np.full((len(X), k), (1 - self.level) / max(k - 1, 1))
        proba[np.arange(len(X)), (X[:, 2] * 7).astype(int) % k] = self.level
        return proba / proba.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class MultiLabelWitness(Witness):
    """The same for two labels."""

    def predict_proba(self, X: Any) -> Any:
        X = np.asarray(X)
        self.notes.append((self.speakers_, set(X[:, 0].tolist())))
        return np.column_stack([X[:, 2], 1 - X[:, 2]])


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows whose column 0 is the speaker, labels and speakers; rows of a speaker are not together, classes are uneven."""
    rng = np.random.default_rng(3)
    speaker = rng.permutation(np.repeat(np.arange(N_SPEAKERS), ROWS)).astype(np.float64)
    y = np.full(len(speaker), "angry")
    for s in range(N_SPEAKERS):  # everybody has both, and SMOTE something to do
        y[np.flatnonzero(speaker == s)] = ["angry", "happy", "angry"] * (ROWS // 3)
    X = np.column_stack([speaker, np.arange(len(speaker)), rng.random((len(speaker), 3))])
    return X, y, speaker


@pytest.fixture
def holdouts(monkeypatch: Any) -> Notes:
    """Note what early stopping holds out: groups and flags."""
    notes = Notes()
    real = _core.group_holdout

    def spied(groups: Any, *rest: Any) -> Any:
        flags = real(groups, *rest)
        notes.append((np.asarray(groups).copy(), np.asarray(flags).astype(bool)))
        return flags

    monkeypatch.setattr(_core, "group_holdout", spied)
    return notes


def assert_apart(notes: Notes, everyone: set[float] | None = None) -> None:
    assert notes, "nothing was noted"
    for seen, asked in notes:
        assert seen and asked and not seen & asked
    if everyone is not None:
        assert set.union(*(asked for _, asked in notes)) == everyone


# The objects.

Run = Callable[..., Any]


def fitted(make: Callable[..., Any]) -> Run:
    def run(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
        return make(estimator, cv, **options).fit(X, y, groups=groups)

    return run


def grid(estimator: Any, cv: Any, **options: Any) -> Any:
    name = next((name for name in estimator.get_params(deep=True) if name.rpartition("__")[2] == "level"), None)
    return ms.GridSearchCV(estimator, {name: [0.6, 0.8]} if name else {}, cv=cv, **options)


def random_search(estimator: Any, cv: Any, **options: Any) -> Any:
    return ms.RandomizedSearchCV(estimator, {"level": [0.6, 0.7, 0.8]}, n_iter=2, random_state=0, cv=cv, **options)


def boosting(estimator: Any = None, cv: Any = None, **options: Any) -> Any:
    return en.ensemble.GradientBoostingClassifier(n_estimators=4, n_iter_no_change=2, validation_fraction=0.3, random_state=0, **options)


def detector(estimator: Any = None, cv: Any = None, **options: Any) -> Any:
    return c.OutOfDistributionDetector(cv=cv, **options)


def tuned(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    label = (np.asarray(y) == "happy").astype(int)
    two = np.column_stack([label, 1 - label])
    own = MultiLabelWitness(estimator.notes) if isinstance(estimator, Witness) else estimator
    return en.multilabel.TunedThresholdsClassifier(own, cv=cv, **options).fit(X, two, groups=groups)


def nested(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    outer = ms.GroupKFold(3) if groups is not None else 3
    return c.nested_evaluation({"one": estimator, "two": estimator}, X, y, groups=groups, cv=outer, inner_cv=cv, **options)


def abstaining(estimator: Any, cv: Any, **options: Any) -> Any:
    strange = c.OutOfDistributionDetector(cv=cv)
    return c.AbstainingClassifier(estimator, cv=cv, target_coverage=0.8, out_of_distribution=strange, **options)


def stacking(estimator: Any, cv: Any, **options: Any) -> Any:
    members = [("one", estimator), ("two", estimator)]
    return en.ensemble.StackingClassifier(members, KNeighborsClassifier(3), cv=cv, stack_method="predict_proba", **options)


def conformal(estimator: Any, cv: Any = None, **options: Any) -> Any:
    return c.ConformalClassifier(estimator, confidence_level=0.7, random_state=0, **options)


def divided(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    train, test, *_ = ms.train_test_split(X, y, groups=groups, test_size=0.4, random_state=0, **options)
    if groups is not None:
        Witness(estimator.notes).fit(train, [0, 1] * (len(train) // 2) + [0] * (len(train) % 2), groups=train[:, 0]).predict(test)
    return train, test


def importance(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    return en.explain.permutation_importance(
        estimator, X, y, groups=groups, cv=cv, n_repeats=1, feature_groups={"other": [3, 4]}, random_state=0, **options
    )


def folds_of(estimator: Any, cv: Any, X: Any, y: Any, groups: Any = None, **options: Any) -> Any:
    return ms.resolve_folds(cv, X, y, groups, **options)


OWNERS: dict[str, Run] = {
    "calibration.AbstainingClassifier": fitted(abstaining),
    "calibration.CalibratedClassifierCV": fitted(lambda e, cv, **o: c.CalibratedClassifierCV(e, cv=cv, **o)),
    "calibration.ConformalClassifier": fitted(conformal),
    "calibration.OutOfDistributionDetector": fitted(detector),
    "calibration.nested_evaluation": nested,
    "ensemble.GradientBoostingClassifier": fitted(boosting),
    "ensemble.StackingClassifier": fitted(stacking),
    "explain.permutation_importance": importance,
    "model_selection.BaseSearchCV": fitted(grid),  # the fit of all searches
    "model_selection.GridSearchCV": fitted(grid),
    "model_selection.RandomizedSearchCV": fitted(random_search),
    "model_selection.compare_estimators": lambda e, cv, X, y, **o: ms.compare_estimators({"a": e, "b": e}, X, y, cv=cv, error_score="raise", **o),
    "model_selection.cross_val_predict": lambda e, cv, X, y, **o: ms.cross_val_predict(e, X, y, cv=cv, **o),
    "model_selection.cross_val_score": lambda e, cv, X, y, **o: ms.cross_val_score(e, X, y, cv=cv, error_score="raise", **o),
    "model_selection.cross_validate": lambda e, cv, X, y, **o: ms.cross_validate(e, X, y, cv=cv, error_score="raise", **o),
    "model_selection.resolve_folds": folds_of,
    "model_selection.train_test_split": divided,
    "multilabel.TunedThresholdsClassifier": tuned,
}
WITHOUT_MODEL = {"calibration.OutOfDistributionDetector", "ensemble.GradientBoostingClassifier", "model_selection.resolve_folds"}
