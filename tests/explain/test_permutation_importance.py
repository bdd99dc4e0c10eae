"""permutation_importance against scikit-learn and shuffles by hand; held-out rows only; intervals over speakers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance as sklearn_importance

from emotion_native import _core
from emotion_native.ensemble import RandomForestClassifier
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.explain import permutation_importance
from emotion_native.linear_model import LogisticRegression
from emotion_native.metrics import accuracy_score, balanced_accuracy_score, log_loss
from emotion_native.model_selection import StratifiedGroupKFold
from emotion_native.pipeline import make_pipeline
from emotion_native.preprocessing import StandardScaler


def make(n: int = 240, d: int = 6, speakers: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns 1 and 2 say the same thing, twice; column 4 is the speaker's own level; the rest is noise."""
    rng = np.random.default_rng(seed)
    speaker = np.arange(n) % speakers
    X = rng.normal(size=(n, d))
    X[:, 2] = X[:, 1] + 0.01 * rng.normal(size=n)
    X[:, 4] = speaker
    return X, np.where(X[:, 1] + 0.3 * rng.normal(size=n) > 0, "happy", "sad"), speaker


def test_columns_that_repeat_each_other_count_when_they_are_shuffled_together() -> None:
    X, y, speaker = make()
    model = RandomForestClassifier(30, random_state=0)
    alone = permutation_importance(model, X, y, groups=speaker, random_state=0)
    together = permutation_importance(model, X, y, groups=speaker, feature_groups={"twins": [1, 2], "noise": [0, 3, 5]}, random_state=0)
    assert together.importances_mean[0] > max(alone.importances_mean[1], alone.importances_mean[2]) + 0.05
    assert together.top(1)[0][0] == "twins" and together.intervals is not None
    assert together.intervals[0].low > 0 and together.intervals[1].low < 0.02
    assert together.intervals[0].estimate == pytest.approx(together.importances_mean[0], abs=1e-12)
    assert together.intervals[0].n_speakers == together.n_speakers == 12 and together.n_rows == 240
    assert together["importances"].shape == (2, 5) and together["importances_std"].shape == (2,)
    assert list(alone.feature_groups) == [f"x{j}" for j in range(6)] and not alone.ungrouped


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_importances_are_falls_of_the_score_of_held_out_rows_by_the_folds_own_models(scoring: str | None) -> None:
    """Each fold by hand: fitted on its training part, its held-out rows shuffled by the documented stream, all rows scored together."""
    X, y, speaker = make()
    cv = StratifiedGroupKFold(3)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    found = permutation_importance(
        model, X, y, groups=speaker, cv=cv, scoring=scoring, feature_groups={"a": [0], "b": [1, 2]}, n_repeats=2, random_state=7
    )
    for g, columns in enumerate(([0], [1, 2])):
        for repeat in range(2):
            truth, before, after = [], [], []
            for f, (train, test) in enumerate(cv.split(X, y, speaker)):
                fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[train], y[train])
                ask = fitted.predict if scoring is None else fitted.predict_proba
                mixed = X[test].copy()
                mixed[:, columns] = X[test[_core.shuffled_rows(len(test), None, 7, f * 2**32 + repeat, g)]][:, columns]
                truth.append(y[test])
                before.append(ask(X[test]))
                after.append(ask(mixed))
            score = accuracy_score if scoring is None else lambda t, p: -log_loss(t, p)
            fall = score(np.concatenate(truth), np.concatenate(before)) - score(np.concatenate(truth), np.concatenate(after))
            assert found.importances[g, repeat] == pytest.approx(fall, abs=1e-12)


def test_a_fitted_model_on_rows_it_never_saw_agrees_with_scikit_learn() -> None:
    """Other shuffles, so other noise: both means over 40 shuffles of 120 rows lie within 0.03 (four standard errors of their difference)."""
    X, y, speaker = make(n=480)
    seen = speaker < 9
    model = RandomForestClassifier(30, random_state=0).fit(X[seen], y[seen])
    found = permutation_importance(model, X[~seen], y[~seen], groups=speaker[~seen], cv="prefit", n_repeats=40, random_state=0)
    theirs = sklearn_importance(model, X[~seen], y[~seen], n_repeats=40, random_state=0)
    np.testing.assert_allclose(found.importances_mean, theirs.importances_mean, atol=0.03)
    assert found.baseline == pytest.approx(model.score(X[~seen], y[~seen]))
    assert found.intervals is not None and found.n_speakers == 3
    without = permutation_importance(model, X[~seen], y[~seen], cv="prefit", random_state=0)
    assert without.intervals is None and without.n_speakers == 0


def test_no_row_is_asked_of_a_model_that_saw_it() -> None:
    X, y, speaker = make()

    class Spy(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
        def fit(self, X: Any, y: Any) -> Spy:
            self.seen_ = {float(value) for value in X[:, 0]}
            self.classes_ = np.unique(y)
            return self

        def predict(self, X: Any) -> Any:
            assert not self.seen_ & {float(value) for value in X[:, 0]}
            return np.repeat(self.classes_[:1], len(X))

    found = permutation_importance(Spy(), X, y, groups=speaker, n_repeats=2, random_state=0)
    assert not found.importances.any()


def test_shuffles_within_speakers_leave_the_speakers_own_level_in_place() -> None:
    X, _, speaker = make(n=480)
    y = np.where(speaker % 2 == 0, "happy", "sad")  # what column 4 tells is who speaks, and nothing else
    X[:, 5] = speaker % 2
    model = LogisticRegression()
    between = permutation_importance(model, X, y, groups=speaker, feature_groups={"speaker": [4, 5]}, random_state=0)
    within = permutation_importance(model, X, y, groups=speaker, feature_groups={"speaker": [4, 5]}, shuffle="within", random_state=0)
    assert between.importances_mean[0] > 0.3 and within.importances_mean[0] == 0 and within.shuffle == "within"


def test_a_seed_gives_equal_bits_whatever_else_is_asked() -> None:
    X, y, speaker = make()
    model = RandomForestClassifier(5, random_state=0)
    whole = permutation_importance(model, X, y, groups=speaker, feature_groups={"a": [1], "b": [2, 3]}, random_state=5)
    for n_jobs in (2, 7):
        again = permutation_importance(model, X, y, groups=speaker, feature_groups={"a": [1], "b": [2, 3]}, random_state=5, n_jobs=n_jobs)
        assert np.array_equal(again.importances, whole.importances) and again.intervals == whole.intervals
    first = permutation_importance(model, X, y, groups=speaker, feature_groups={"a": [1]}, n_repeats=3, random_state=5)
    assert np.array_equal(first.importances[0], whole.importances[0, :3])


def test_frames_give_names_and_columns_may_be_chosen_by_them() -> None:
    X, y, speaker = make()
    frame = pd.DataFrame(X, columns=["f0", "mfcc_1", "mfcc_2", "rms", "level", "zcr"])
    named = permutation_importance(LogisticRegression(), frame, y, groups=speaker, feature_groups={"mfcc": ["mfcc_1", "mfcc_2"]}, random_state=0)
    placed = permutation_importance(LogisticRegression(), X, y, groups=speaker, feature_groups={"mfcc": [1, 2]}, random_state=0)
    masked = permutation_importance(LogisticRegression(), X, y, groups=speaker, feature_groups={"mfcc": np.arange(6) // 2 * 2 == 2}, random_state=0)
    assert np.array_equal(named.importances, placed.importances)
    assert masked.feature_groups["mfcc"].tolist() == [2, 3]
    by_name = permutation_importance(LogisticRegression(), frame, y, groups=speaker, feature_groups=lambda name: name.split("_")[0], random_state=0)
    assert {name: columns.tolist() for name, columns in by_name.feature_groups.items()} == {
        "f0": [0],
        "mfcc": [1, 2],
        "rms": [3],
        "level": [4],
        "zcr": [5],
    }


def test_without_groups_there_is_no_split() -> None:
    X, y, _ = make()
    with pytest.raises(LeakageError):
        permutation_importance(LogisticRegression(), X, y)
    found = permutation_importance(LogisticRegression(), X, y, allow_ungrouped=True, cv=2, n_repeats=1, random_state=0)
    assert found.ungrouped and found.intervals is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shuffle": "all"}, "^shuffle of permutation_importance must be"),
        ({"scoring": "r2"}, "^scoring of permutation_importance must be"),
        ({"n_repeats": 0}, "^n_repeats of permutation_importance must be"),
        ({"level": 95}, "^level of permutation_importance must be"),
        ({"random_state": "x"}, "^random_state of permutation_importance must be"),
        ({"groups": [1, 2]}, "^groups of permutation_importance must be one value a row"),
        ({"groups": None, "shuffle": "within"}, "^groups of permutation_importance must be the speakers"),
        ({"feature_groups": {}}, "^feature_groups of permutation_importance must be a mapping"),
        ({"feature_groups": {"a": [6]}}, "^feature_groups of permutation_importance must hold positions below 6"),
        ({"feature_groups": {"a": []}}, "^feature_groups of permutation_importance must hold"),
        ({"feature_groups": {"a": ["mfcc"]}}, "^feature_groups of permutation_importance must hold"),
        ({"feature_groups": {"a": [True, False]}}, "^feature_groups of permutation_importance must hold"),
        ({"cv": "prefit"}, "^estimator of permutation_importance must be fitted where cv is 'prefit'"),
        ({"y": [1, 2]}, "^y of permutation_importance must be one label a row"),
        ({"X": [["a"]]}, "^X of permutation_importance must"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    X, y, speaker = make()
    given = {"estimator": LogisticRegression(), "X": X, "y": y, "groups": speaker, **arguments}
    with pytest.raises(InvalidInputError, match=message):
        permutation_importance(given.pop("estimator"), given.pop("X"), given.pop("y"), **given)


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "neg_log_loss"])
@pytest.mark.parametrize("shuffle", ["between", "within"])
def test_intervals_leave_a_speaker_out_with_the_rows_that_were_lent_its_columns(scoring: str, shuffle: Any) -> None:
    """The jackknife by hand: without a speaker's rows, and without those of others that took its columns, before and after the shuffle."""
    X, y, speaker = make()
    speaker[-30:] = 0
    model = LogisticRegression().fit(X[::2], y[::2])
    found = permutation_importance(
        model, X, y, groups=speaker, cv="prefit", scoring=scoring, shuffle=shuffle, feature_groups={"b": [1, 2]}, n_repeats=3, random_state=7
    )
    strata = speaker.astype(np.int64) if shuffle == "within" else None
    score = {"accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score, "neg_log_loss": lambda t, p: -log_loss(t, p)}[scoring]
    ask = model.predict_proba if scoring == "neg_log_loss" else model.predict

    def fall(without: int | None) -> float:
        falls = []
        for repeat in range(3):
            source = _core.shuffled_rows(len(X), strata, 7, repeat, 0)
            kept = (speaker != without) & (speaker[source] != without)
            mixed = X.copy()
            mixed[:, [1, 2]] = X[source][:, [1, 2]]
            falls.append(score(y[kept], ask(X)[kept]) - score(y[kept], ask(mixed)[kept]))
        return float(np.mean(falls))

    deleted = np.array([fall(s) for s in range(12)])
    sizes = np.bincount(speaker)
    freedom = 11 if shuffle == "between" else 11 / 12 * sizes.sum() ** 2 / np.sum(sizes**2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(11 / 12 * np.sum((deleted - deleted.mean()) ** 2))
    assert found.intervals is not None
    assert found.intervals[0].estimate == pytest.approx(fall(None), abs=1e-12)
    assert found.intervals[0].low == pytest.approx(fall(None) - half, abs=1e-9)
    assert found.intervals[0].high == pytest.approx(fall(None) + half, abs=1e-9)


def test_intervals_know_that_speakers_lend_their_level() -> None:
    """A column that is the speaker's own level and nothing else: 95 % intervals over 400 data sets of 8 speakers, about the mean over data sets.

    Counting a shuffled row for its own speaker alone, intervals are narrower and hold it less often.
    """

    class Fixed(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
        classes_ = np.arange(2)

        def predict(self, X: Any) -> Any:
            return (X[:, 0] + X[:, 1] > 0).astype(int)

    rng = np.random.default_rng(0)
    found = []
    for seed in range(400):
        speaker = np.repeat(np.arange(8), 15)
        X = rng.normal(size=(120, 2))
        X[:, 0] += 2 * rng.normal(size=8)[speaker]
        y = (X[:, 0] + X[:, 1] + rng.logistic(size=120) > 0).astype(int)
        one = permutation_importance(Fixed(), X, y, groups=speaker, cv="prefit", feature_groups={"level": [0]}, random_state=seed)
        found.append((one.importances_mean[0], one.intervals[0].low, one.intervals[0].high))
    estimate, low, high = np.array(found).T
    assert 0.92 < np.mean((low <= estimate.mean()) & (estimate.mean() <= high)) < 0.99


def test_answers_that_are_no_classes_are_refused() -> None:
    X, y, speaker = make()

    class Other(LogisticRegression):
        def predict(self, X: Any) -> Any:
            return np.full(len(X), "angry")

    with pytest.raises(InvalidInputError, match=r"^estimator of permutation_importance must predict labels of its classes_"):
        permutation_importance(Other(), X, y, groups=speaker, random_state=0)


def test_names_of_columns_may_be_given() -> None:
    X, y, speaker = make()
    names = ["pitch mean", "pitch slope", "energy mean", "energy slope", "rate", "tilt"]
    options: dict[str, Any] = {"groups": speaker, "cv": 3, "n_repeats": 2, "random_state": 0}
    named = permutation_importance(LogisticRegression(), X, y, feature_names=names, **options)
    plain = permutation_importance(LogisticRegression(), X, y, **options)
    assert list(named.feature_groups) == names and list(plain.feature_groups) == [f"x{j}" for j in range(6)]
    assert np.array_equal(named.importances, plain.importances)
    together = permutation_importance(LogisticRegression(), X, y, feature_names=names, feature_groups=lambda name: name.split()[0], **options)
    found = {name: columns.tolist() for name, columns in together.feature_groups.items()}
    assert found == {"pitch": [0, 1], "energy": [2, 3], "rate": [4], "tilt": [5]}
    means = {"means": ["pitch mean", "energy mean"]}
    chosen = permutation_importance(LogisticRegression(), X, y, feature_names=names, feature_groups=means, **options)
    assert chosen.feature_groups["means"].tolist() == [0, 2]
    table = pd.DataFrame(X, columns=names)
    assert list(permutation_importance(LogisticRegression(), table, y, feature_names=names, **options).feature_groups) == names
    with pytest.raises(InvalidInputError, match=r"^feature_names of permutation_importance must be those that the columns have already; got 'x0'"):
        permutation_importance(LogisticRegression(), table, y, feature_names=[f"x{j}" for j in range(6)], **options)
    with pytest.raises(InvalidInputError, match=r"^feature_names of permutation_importance must be different texts, one for each of 6 columns"):
        permutation_importance(LogisticRegression(), X, y, feature_names=names[:5], **options)
