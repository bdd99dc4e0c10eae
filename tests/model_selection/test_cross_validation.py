"""Cross-validation: scikit-learn as the oracle, the rules about groups, metadata, and the hand-over to estimators."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.model_selection import FitFailedWarning

ms = en.model_selection


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, 3, 90)]
    X = rng.normal(size=(90, 4)) + (y == "sad")[:, None]
    return X, y, np.arange(90) % 9


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers what fit was given."""

    seen: list[dict[str, Any]] = []  # noqa: RUF012 (shared by the clones on purpose)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, speaker: Any = None) -> Spy:
        self.classes_ = np.unique(y)
        Spy.seen.append({"X": X, "y": y, "sample_weight": sample_weight, "groups": groups, "speaker": speaker})
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X: Any) -> Any:
        return np.repeat(self.classes_[:1], len(X))


def test_scores_equal_scikit_learn(rows: Any) -> None:
    X, y, groups = rows
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    scoring = ["accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss"]
    options: dict[str, Any] = {"groups": groups, "scoring": scoring, "return_train_score": True, "return_estimator": True, "return_indices": True}
    ours = ms.cross_validate(estimator, X, y, cv=sk.StratifiedGroupKFold(3), **options)
    theirs = sk.cross_validate(estimator, X, y, cv=sk.StratifiedGroupKFold(3), **options)
    assert set(ours) == {*theirs, "ungrouped"}
    assert ours["ungrouped"] is False
    for name in scoring:
        assert np.array_equal(ours[f"test_{name}"], theirs[f"test_{name}"])
        assert np.array_equal(ours[f"train_{name}"], theirs[f"train_{name}"])
    assert all(np.array_equal(a, b) for a, b in zip(ours["indices"]["test"], theirs["indices"]["test"], strict=True))


@pytest.mark.parametrize("scoring", [None, "accuracy", "uar", lambda e, X, y: {"a": 1.0, "b": 2.0}, {"x": "accuracy", "y": "uar"}])
def test_forms_of_scoring(rows: Any, scoring: Any) -> None:
    X, y, groups = rows
    result = ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=3, scoring=scoring)
    names = [key for key in result if key.startswith("test_")]
    expected = {"a", "b"} if callable(scoring) else set(scoring) if isinstance(scoring, dict) else {"score"}
    assert {name.removeprefix("test_") for name in names} == expected
    assert all(result[name].shape == (3,) for name in names)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_predictions_equal_scikit_learn(rows: Any, method: str) -> None:
    X, y, groups = rows
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    ours = ms.cross_val_predict(estimator, X, y, groups=groups, cv=ms.GroupKFold(3), method=method)
    theirs = sk.cross_val_predict(estimator, X, y, groups=groups, cv=sk.GroupKFold(3), method=method)
    assert np.array_equal(ours, theirs) if method == "predict" else np.allclose(ours, theirs, rtol=1e-13, atol=0)  # log of equal probabilities


def test_frames_regressors_and_missing_y() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
    y = X["a"] * 2 + rng.normal(size=40)
    groups = pd.Series(np.arange(40) % 4)
    ours = ms.cross_val_predict(LinearRegression(), X, y, groups=groups, cv=4)
    assert np.array_equal(ours, sk.cross_val_predict(LinearRegression(), X, y, groups=groups, cv=sk.GroupKFold(4)))


def test_a_class_that_a_training_part_lacks_gets_probability_zero() -> None:
    y = np.array(["a", "b"] * 8 + ["c"] * 4)
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3] * 2 + [4] * 4)
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.warns(ms.MissingClassWarning, match="'c'"):
        proba = ms.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=ms.LeaveOneGroupOut(), method="predict_proba")
    assert proba.shape == (20, 3)
    assert (proba[groups == 4, 2] == 0).all()
    assert np.allclose(proba.sum(axis=1), 1)
    with pytest.warns(ms.MissingClassWarning):
        log_proba = ms.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=ms.LeaveOneGroupOut(), method="predict_log_proba")
    assert np.isneginf(log_proba[groups == 4, 2]).all()


@pytest.mark.parametrize("function", [ms.cross_validate, ms.cross_val_predict])
def test_without_groups(rows: Any, function: Any) -> None:
    X, y, _ = rows
    with pytest.raises(LeakageError, match=r"allow_ungrouped=True.*config_context\(ungrouped=\"allow\"\)"):
        function(GaussianNB(), X, y)
    function(GaussianNB(), X, y, allow_ungrouped=True)
    with en.config_context(ungrouped="allow"):
        function(GaussianNB(), X, y)
    with pytest.raises(LeakageError):
        function(GaussianNB(), X, y)


def test_ungrouped_splits_equal_scikit_learn_and_say_so(rows: Any) -> None:
    X, y, groups = rows
    result = ms.cross_validate(GaussianNB(), X, y, allow_ungrouped=True)
    assert result["ungrouped"] is True
    assert np.array_equal(result["test_score"], sk.cross_validate(GaussianNB(), X, y)["test_score"])
    for cv in (ms.KFold(3), ms.StratifiedKFold(3), sk.KFold(3), sk.StratifiedKFold(3, shuffle=True, random_state=0)):
        with pytest.raises(LeakageError, match="ignores them"):
            ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=cv)
        assert ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=cv, allow_ungrouped=True)["ungrouped"] is True
        with en.config_context(ungrouped="allow"):
            assert ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=cv)["ungrouped"] is True


@pytest.mark.parametrize("cv", [sk.ShuffleSplit(2, random_state=0), sk.LeaveOneOut(), sk.RepeatedKFold(n_splits=2, n_repeats=1, random_state=0)])
def test_a_group_on_both_sides_is_found_whatever_the_splitter(rows: Any, cv: Any) -> None:
    X, y, groups = rows
    with pytest.raises(LeakageError, match="on both sides of fold 0"):
        ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=cv)


def test_hand_made_folds_are_checked(rows: Any) -> None:
    X, y, groups = rows
    good = [(np.flatnonzero(groups != g), np.flatnonzero(groups == g)) for g in (1, 2)]
    assert len(ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=good)["test_score"]) == 2
    assert len(ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=[(groups != 1, groups == 1)])["test_score"]) == 1
    cases: list[tuple[Any, type[Exception], str]] = [
        ([(good[0][0], good[0][1]), (np.array([0, 9]), np.array([18, 1]))], LeakageError, "group 0 is on both sides of fold 1"),
        ([(np.array([0, 1]), np.array([1, 2]))], LeakageError, "row 1 is on both sides"),
        ([(np.array([0, 1]), np.array([], dtype=int))], InvalidInputError, "test part of fold 0 is empty"),
        ([(np.array([0, 1]), np.array([95]))], InvalidInputError, "rows from 0 to 89"),
        ([(np.array([-1, 1]), np.array([2]))], InvalidInputError, "rows from 0 to 89"),
        ([(np.array([0.5]), np.array([2]))], InvalidInputError, "pairs of row numbers"),
        ([], InvalidInputError, "at least one fold"),
        ([3], InvalidInputError, "pairs of row numbers"),
        ("five", InvalidInputError, "cv of"),
        (1, InvalidInputError, "at least 2"),
        (3.5, InvalidInputError, "cv of"),
    ]
    for cv, error, text in cases:
        with pytest.raises(error, match=text):
            ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=cv)


def test_too_few_groups(rows: Any) -> None:
    X, y, _ = rows
    with pytest.raises(LeakageError, match="at least two different values"):
        ms.cross_validate(GaussianNB(), X, y, groups=np.zeros(90))


def test_row_metadata_is_cut_to_the_training_rows(rows: Any) -> None:
    X, y, groups = rows
    weight, speaker = np.arange(90.0), np.array([f"s{g}" for g in groups])
    Spy.seen.clear()
    params = {"sample_weight": weight, "speaker": speaker, "recording": np.arange(90)}
    result = ms.cross_validate(Spy(), X, y, groups=groups, cv=ms.LeaveOneGroupOut(), params=params, return_indices=True, scoring="accuracy")
    assert len(Spy.seen) == 9
    for call, train in zip(Spy.seen, result["indices"]["train"], strict=True):
        assert np.array_equal(call["X"], X[train])
        assert np.array_equal(call["y"], y[train])
        assert np.array_equal(call["sample_weight"], weight[train])
        assert np.array_equal(call["groups"], groups[train])
        assert np.array_equal(call["speaker"], speaker[train])


def test_unknown_fit_parameters_are_refused_but_row_metadata_is_passed_over(rows: Any) -> None:
    X, y, groups = rows
    ms.cross_validate(DummyClassifier(), X, y, groups=groups, params={"speaker": groups, "recording": groups, "modality": groups})
    with pytest.raises(InvalidInputError, match="'wieght'"):
        ms.cross_validate(GaussianNB(), X, y, groups=groups, params={"wieght": np.ones(90)}, error_score="raise")


def test_failed_folds_get_error_score(rows: Any) -> None:
    class Sometimes(Spy):
        def fit(self, X: Any, y: Any) -> Sometimes:
            if len(X) == 80 and X[0, 0] == first:
                raise RuntimeError("no")
            return super().fit(X, y)

    X, y, groups = rows
    first = X[1, 0]  # the first training row of the fold that leaves group 0 out
    with pytest.warns(FitFailedWarning, match="fits failed"):
        scores = ms.cross_validate(Sometimes(), X, y, groups=groups, cv=ms.LeaveOneGroupOut())["test_score"]
    assert np.isnan(scores).tolist() == [True] + [False] * 8
    with pytest.warns(FitFailedWarning, match="fits failed") as caught:
        alone = ms.cross_val_score(Sometimes(), X, y, groups=groups, cv=ms.LeaveOneGroupOut())
    assert np.array_equal(alone, scores, equal_nan=True) and caught[0].filename == __file__
    with pytest.raises(RuntimeError):
        ms.cross_validate(Sometimes(), X, y, groups=groups, cv=ms.LeaveOneGroupOut(), error_score="raise")

    class Never(Spy):
        def fit(self, X: Any, y: Any) -> Never:
            raise RuntimeError("never")

    with pytest.raises(InvalidInputError, match="all 3 failed"):
        ms.cross_validate(Never(), X, y, groups=groups, cv=3)


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_threads_change_nothing_and_see_the_switches_of_the_caller(rows: Any, n_jobs: int) -> None:
    X, y, groups = rows
    threads = set()

    class Inner(Spy):
        def fit(self, X: Any, y: Any) -> Inner:
            threads.add(threading.get_ident())
            assert en.get_config() == {"ungrouped": "allow"}
            return super().fit(X, y)

    with en.config_context(ungrouped="allow"):
        ms.cross_validate(Inner(), X, y, groups=groups, cv=9, n_jobs=n_jobs, error_score="raise")
    assert len(threads) <= n_jobs
    proba = ms.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=9, method="predict_proba", n_jobs=n_jobs)
    assert np.array_equal(proba, ms.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=9, method="predict_proba"))


def test_progress_counts_folds(rows: Any) -> None:
    X, y, groups = rows
    seen: list[tuple[int, int]] = []
    ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_progress_of_the_native_loop_ends_at_its_total(rows: Any) -> None:
    X, y, groups = rows
    forest = en.ensemble.RandomForestClassifier(n_estimators=7, random_state=0)
    for estimator, total in ((forest, 21), (en.linear_model.LogisticRegression(), 3)):
        seen: list[tuple[int, int]] = []
        ms.cross_validate(estimator, X, y, groups=groups, cv=3, progress=lambda done, total, seen=seen: seen.append((done, total)))
        assert seen[-1] == (total, total) and seen == sorted(seen)


def test_progress_of_another_kind_is_refused(rows: Any) -> None:
    X, y, groups = rows
    with pytest.raises(InvalidInputError, match="progress of cross_validate"):
        ms.cross_validate(GaussianNB(), X, y, groups=groups, cv=3, progress=3)


def test_rows_must_be_tested_once_for_predictions(rows: Any) -> None:
    X, y, groups = rows
    with pytest.raises(InvalidInputError, match="exactly once"):
        ms.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=ms.GroupShuffleSplit(1, random_state=0))
    with pytest.raises(InvalidInputError, match="at most once"):
        ms.cross_val_predict(GaussianNB(), X, y, groups=groups, cv=ms.GroupShuffleSplit(8, random_state=0))
    with pytest.raises(InvalidInputError, match="method of cross_val_predict"):
        ms.cross_val_predict(GaussianNB(), X, y, groups=groups, method="transform")


def test_split_hash_names_the_folds(rows: Any) -> None:
    X, y, groups = rows
    folds = ms.resolve_folds(3, X, y, groups)
    assert folds.hash == ms.split_hash(list(folds)) == ms.resolve_folds(3, X, y, groups).hash
    assert folds.hash != ms.resolve_folds(4, X, y, groups).hash
    # Golden: a change of this breaks every published split hash.
    assert ms.split_hash([([0, 1], [2]), ([2], [0, 1])]) == GOLDEN


GOLDEN = "67975764d14d68c482cceb549b1243ce8996343b4f07742bfe33e4059d62fd48"


@pytest.mark.parametrize("scoring", [None, "accuracy", "f1_macro", "neg_log_loss"])
@pytest.mark.parametrize("estimator", [GaussianNB(), make_pipeline(StandardScaler(), LogisticRegression()), en.linear_model.LogisticRegression()])
def test_cross_val_score_is_the_peers(rows: Any, estimator: Any, scoring: Any) -> None:
    X, y, groups = rows
    folds = list(ms.GroupKFold(3).split(X, y, groups))
    ours = ms.cross_val_score(estimator, X, y, groups=groups, scoring=scoring, cv=folds)
    assert ours.dtype == np.float64
    # The folds are given, and sums are of at most 30 rows; a native fold adds them in another order.
    np.testing.assert_allclose(ours, sk.cross_val_score(estimator, X, y, scoring=scoring, cv=folds), rtol=1e-12)
    assert np.array_equal(ours, ms.cross_validate(estimator, X, y, groups=groups, scoring=scoring, cv=folds)["test_score"])


def test_cross_val_score_wants_groups_and_one_score(rows: Any) -> None:
    X, y, groups = rows
    with pytest.raises(LeakageError, match=r"groups of cross_val_score must be given"):
        ms.cross_val_score(GaussianNB(), X, y)
    assert ms.cross_val_score(GaussianNB(), X, y, cv=4, allow_ungrouped=True).shape == (4,)
    for scoring in (["accuracy"], {"a": "accuracy"}, 3):
        with pytest.raises(InvalidInputError, match=r"^scoring of cross_val_score must be None, a name or a callable"):
            ms.cross_val_score(GaussianNB(), X, y, groups=groups, scoring=scoring)
    with pytest.raises(InvalidInputError, match=r"^scoring of cross_val_score must give one number"):
        ms.cross_val_score(GaussianNB(), X, y, groups=groups, scoring=lambda *_: {"a": 1.0, "b": 2.0})
    with pytest.raises(TypeError, match=r"^estimator of cross_val_score must be an estimator"):
        ms.cross_val_score(X, GaussianNB(), y, groups=groups)
