"""Stacking: scikit-learn's results on the same folds, and groups in every inner split."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn import ensemble as sk
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression as SkLogistic
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import emotion_native as en
from emotion_native.ensemble import StackingClassifier
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.model_selection import GroupKFold, KFold, StratifiedGroupKFold, cross_validate, resolve_folds

MODELS = [("tree", DecisionTreeClassifier(max_depth=2, random_state=0)), ("margin", LinearSVC(random_state=0)), ("bayes", GaussianNB())]


def problem(n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers."""
    rng = np.random.default_rng(1)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, n_classes, 160)]
    X = rng.normal(size=(160, 5))
    X[:, 0] += y == "happy"
    X[:, 1] += 2.0 * (y == "angry")
    return X, y, np.arange(160) // 8


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("stack_method", ["auto", "predict_proba"])
def test_results_are_scikit_learns_on_the_same_folds(n_classes: int, passthrough: bool, stack_method: str) -> None:
    X, y, speaker = problem(n_classes)
    folds = list(GroupKFold(4).split(X, y, speaker))
    models = MODELS if stack_method == "auto" else [MODELS[0], MODELS[2]]
    options = {"cv": folds, "passthrough": passthrough, "stack_method": stack_method}
    last = SkLogistic(max_iter=2000, tol=1e-8)
    ours = StackingClassifier(models, last, **options).fit(X, y, groups=speaker)
    theirs = sk.StackingClassifier(models, last, **options).fit(X, y)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-12)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)  # two fits of one problem, both to 1e-8
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()
    assert ours.stack_method_ == theirs.stack_method_
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    dropped = clone(ours).set_params(tree="drop").fit(X, y, groups=speaker)
    assert dropped.transform(X).shape[1] < ours.transform(X).shape[1]
    assert np.array_equal(pickle.loads(pickle.dumps(ours)).predict_proba(X), ours.predict_proba(X))


class Spy(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """A classifier that notes whom it learned from and whom it predicts; column 0 holds the speaker."""

    notes: ClassVar[list[tuple[set[int], set[int]]]] = []

    def fit(self, X: Any, y: Any, groups: Any = None) -> Spy:
        """Note the speakers."""
        assert sorted(X[:, 0].tolist()) == sorted(float(group) for group in groups)
        self.classes_ = np.unique(y)
        self.speakers_ = {int(speaker) for speaker in X[:, 0]}
        return self

    def predict_proba(self, X: Any) -> Any:
        """Note the speakers."""
        Spy.notes.append((self.speakers_, {int(speaker) for speaker in X[:, 0]}))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X: Any) -> Any:
        """Predict the first class."""
        return np.full(len(X), self.classes_[0])


def test_groups_reach_the_inner_split_inside_outer_folds() -> None:
    _, y, speaker = problem(3)
    X = np.column_stack([speaker, np.zeros(len(y))]).astype(float)
    Spy.notes.clear()
    outer = list(StratifiedGroupKFold(3).split(X, y, speaker))
    cross_validate(StackingClassifier([("spy", Spy())], cv=4), X, y, groups=speaker, cv=outer, error_score="raise", scoring="accuracy")
    assert len(Spy.notes) == 3 * 5  # four inner folds and the outer test part
    for (train, test), at in zip(outer, range(0, 15, 5), strict=True):
        inside, outside = set(speaker[train].tolist()), set(speaker[test].tolist())
        for learned, predicted in Spy.notes[at : at + 4]:
            assert learned | predicted == inside and not learned & predicted
        assert Spy.notes[at + 4] == (inside, outside)


def test_without_groups_it_refuses() -> None:
    X, y, speaker = problem(3)
    with pytest.raises(LeakageError, match=r"groups of StackingClassifier\.fit must be given"):
        StackingClassifier(MODELS).fit(X, y)
    with pytest.raises(LeakageError, match=r"cv of StackingClassifier\.fit must keep groups whole"):
        StackingClassifier(MODELS, cv=KFold(3)).fit(X, y, groups=speaker)
    loose = StackingClassifier(MODELS, cv=3, allow_ungrouped=True).fit(X, y)
    assert loose.ungrouped_ and loose.inner_split_["ungrouped"]
    kept = StackingClassifier(MODELS).fit(X, y, groups=speaker)
    assert not kept.ungrouped_ and kept.inner_split_["hash"] == resolve_folds(None, X, y, speaker).hash


def test_own_pipelines_weights_and_searches_inside() -> None:
    X, y, speaker = problem(3)
    forest = en.pipeline.make_pipeline(en.over_sampling.RandomOverSampler(random_state=0), en.ensemble.RandomForestClassifier(8, random_state=0))
    search = en.model_selection.GridSearchCV(en.linear_model.LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    weight = np.random.default_rng(0).random(len(y))
    results = []
    for n_jobs in (1, 2, 7):
        stack = StackingClassifier([("forest", forest), ("search", search)], cv=3, n_jobs=n_jobs)
        results.append(stack.fit(X, y, groups=speaker, sample_weight=weight).predict_proba(X))
    assert all(np.array_equal(result, results[0]) for result in results)
    assert set(stack.named_estimators_) == {"forest", "search"} and stack.n_features_in_ == 5


def test_fitted_members_are_taken_as_they_are() -> None:
    X, y, speaker = problem(3)
    fitted = [(name, clone(model).fit(X[:80], y[:80])) for name, model in MODELS]
    stack = StackingClassifier(fitted, cv="prefit").fit(X[80:], y[80:], groups=speaker[80:])
    assert stack.estimators_[0] is fitted[0][1] and stack.inner_split_ == {}
    assert stack.ungrouped_ is False
    # Without groups nobody says whose rows these are; nothing is split, so nothing is refused.
    assert StackingClassifier(fitted, cv="prefit").fit(X[80:], y[80:]).ungrouped_ is True


def test_a_member_that_split_without_groups_makes_the_stack_ungrouped() -> None:
    X, y, speaker = problem(3)
    loose = en.ensemble.GradientBoostingClassifier(n_estimators=5, n_iter_no_change=2, allow_ungrouped=True, random_state=0).fit(X[:80], y[:80])
    assert loose.ungrouped_
    assert StackingClassifier([("loose", loose)], cv="prefit").fit(X[80:], y[80:], groups=speaker[80:]).ungrouped_ is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimators": []}, "estimators of StackingClassifier.fit must be"),
        ({"estimators": [("a", 3)]}, "estimators of StackingClassifier.fit must be"),
        ({"final_estimator": 3}, "final_estimator of StackingClassifier.fit must be"),
        ({"stack_method": "loud"}, "stack_method of StackingClassifier.fit must be"),
        ({"stack_method": "decision_function"}, "must have decision_function"),
        ({"passthrough": "yes"}, "passthrough of StackingClassifier.fit must be"),
        ({"cv": [(np.arange(80), np.arange(80, 160))]}, "cv of StackingClassifier.fit must test each row exactly once"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    X, y, speaker = problem(3)
    with pytest.raises(InvalidInputError, match=message):
        StackingClassifier(**{"estimators": MODELS, **options}).fit(X, y, groups=speaker)
    with pytest.raises(InvalidInputError, match="at least two classes"):
        StackingClassifier(MODELS).fit(X, np.zeros(160), groups=speaker)
