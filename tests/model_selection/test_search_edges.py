"""Searches where something is odd: failed fits and scores, ties, interrupts, splits that say little; and the log of all fits."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn import model_selection as sk
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression as SkLogistic
from sklearn.tree import DecisionTreeClassifier

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError, LeakageError, LeakageWarning
from emotion_native.model_selection import FitFailedWarning, GridSearchCV, GroupKFold, MissingClassWarning, compare_estimators, cross_validate


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 150)
    X = rng.normal(size=(150, 6)).astype(np.float32)
    X[:, 0] += y
    return X, y, np.arange(150) // 15


class Fragile(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """A classifier whose fit fails without some speakers; column 0 holds the speaker."""

    def __init__(self, needs: int = -1, interrupt: bool = False) -> None:
        self.needs = needs
        self.interrupt = interrupt

    def fit(self, X: Any, y: Any) -> Fragile:
        """Fail without the speaker."""
        if self.needs >= 0 and self.needs not in X[:, 0]:
            raise RuntimeError(f"speaker {self.needs} is missing")
        if self.interrupt and len(np.unique(X[:, 0])) == 10:
            raise KeyboardInterrupt
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        """Predict the first class."""
        return np.full(len(X), self.classes_[0])


def test_every_fit_is_logged_with_the_reason_of_its_failure(rows: Any) -> None:
    _, y, speaker = rows
    X = np.column_stack([speaker, speaker]).astype(float)
    search = GridSearchCV(Fragile(), {"needs": [-1, 0, 3]}, cv=GroupKFold(5), scoring="accuracy")
    with pytest.raises(NotFittedError):
        search.run_log()
    with pytest.warns(FitFailedWarning, match="2 of 15 fits failed"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One or more of the test scores")
        search.fit(X, y, groups=speaker)
    log = search.run_log()
    assert log[["setting", "fold"]].to_numpy().tolist() == [[k, f] for k in range(3) for f in range(5)]
    assert log["param_needs"].tolist() == [-1] * 5 + [0] * 5 + [3] * 5
    failed = log[log["error"] != ""]
    assert failed["error"].tolist() == ["RuntimeError: speaker 0 is missing", "RuntimeError: speaker 3 is missing"]
    assert failed["test_score"].isna().all() and log["test_score"].notna().sum() == 13
    for k in range(3):
        own = log[log["setting"] == k]
        assert own["test_score"].tolist() == pytest.approx([search.cv_results_[f"split{f}_test_score"][k] for f in range(5)], nan_ok=True)
        assert (own["rank"] == search.cv_results_["rank_test_score"][k]).all()
    assert log.attrs["selection_split"] == search.selection_split_["statement"]
    again = pd.read_csv(io.StringIO(log.to_csv(index=False)), keep_default_na=False)
    assert again["error"].tolist() == log["error"].tolist()
    assert search.best_params_ == {"needs": -1}


def test_scorers_that_fail_are_logged_too(rows: Any) -> None:
    X, y, speaker = rows

    def picky(model: Any, X: Any, y: Any) -> float:
        if model.max_depth == 2:
            raise RuntimeError("too deep")
        return 1.0

    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2]}, scoring=picky, cv=3, return_train_score=True)
    with pytest.warns(EmotionNativeWarning), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One or more of the")
        log = search.fit(X, y, groups=speaker).run_log()
    assert log["error"].tolist() == [""] * 3 + ["score: RuntimeError: too deep"] * 3
    assert {"test_score", "train_score", "fit_time", "score_time"} <= set(log.columns)


def test_all_fits_fail_and_error_score_raise(rows: Any) -> None:
    _, y, speaker = rows
    X = np.column_stack([speaker, speaker]).astype(float)
    with pytest.raises(InvalidInputError, match=r"all 5 failed.*speaker 99 is missing"):
        GridSearchCV(Fragile(), {"needs": [99]}, scoring="accuracy").fit(X, y, groups=speaker)
    with pytest.raises(RuntimeError, match="speaker 99"):
        GridSearchCV(Fragile(), {"needs": [99]}, scoring="accuracy", error_score="raise").fit(X, y, groups=speaker)


def test_an_interrupted_last_fit_loses_no_score(rows: Any) -> None:
    _, y, speaker = rows
    X = np.column_stack([speaker, speaker]).astype(float)
    search = GridSearchCV(Fragile(interrupt=True), {"needs": [-1]}, scoring="accuracy")
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y, groups=speaker)
    assert len(search.fits_) == 5 and np.isfinite(search.cv_results_["mean_test_score"]).all()
    with pytest.raises(NotFittedError):
        search.predict(X)


def test_ties_and_scores_that_are_nan(rows: Any) -> None:
    X, y, speaker = rows

    def by_depth(model: Any, X: Any, y: Any) -> float:
        return {1: np.nan, 2: 0.5, 3: 0.7, 4: 0.7, 5: 0.1}[model.max_depth]

    grid = {"max_depth": [1, 2, 3, 4, 5]}
    with pytest.warns(UserWarning, match="non-finite"):
        ours = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, scoring=by_depth, cv=GroupKFold(3)).fit(X, y, groups=speaker)
    with pytest.warns(UserWarning, match="non-finite"):
        theirs = sk.GridSearchCV(DecisionTreeClassifier(random_state=0), grid, scoring=by_depth, cv=sk.GroupKFold(3)).fit(X, y, groups=speaker)
    assert ours.cv_results_["rank_test_score"].tolist() == theirs.cv_results_["rank_test_score"].tolist() == [5, 3, 1, 1, 4]
    assert ours.best_params_ == theirs.best_params_ == {"max_depth": 3}
    with pytest.warns(UserWarning, match="non-finite"):
        nothing = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1]}, scoring=by_depth, cv=3).fit(X, y, groups=speaker)
    assert nothing.best_index_ == 0 and np.isnan(nothing.best_score_)


def test_one_setting_and_an_empty_grid_of_settings(rows: Any) -> None:
    X, y, speaker = rows
    search = GridSearchCV(SkLogistic(), {}, cv=3).fit(X, y, groups=speaker)
    assert search.best_params_ == {} and len(search.run_log()) == 3
    with pytest.raises(InvalidInputError, match=r"settings of GridSearchCV\.fit must be at least one"):
        GridSearchCV(SkLogistic(), []).fit(X, y, groups=speaker)


def test_folds_may_come_from_a_generator_and_are_checked(rows: Any) -> None:
    X, y, speaker = rows
    splits = list(GroupKFold(3).split(X, y, speaker))
    one = GridSearchCV(SkLogistic(), {"C": [0.1, 1.0]}, cv=(pair for pair in splits)).fit(X, y, groups=speaker)
    other = GridSearchCV(SkLogistic(), {"C": [0.1, 1.0]}, cv=GroupKFold(3)).fit(X, y, groups=speaker)
    assert one.cv_results_["mean_test_score"].tolist() == other.cv_results_["mean_test_score"].tolist()
    torn = [(np.arange(10, 150), np.arange(10))]
    with pytest.raises(LeakageError, match="group 0 is on both sides of fold 0"):
        GridSearchCV(SkLogistic(), {"C": [1.0]}, cv=torn).fit(X, y, groups=speaker)

    class Liar(GroupKFold):
        def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
            return 7

    with pytest.raises(InvalidInputError, match=r"inconsistent results\. Expected 7 splits, got 3"):
        GridSearchCV(SkLogistic(), {"C": [1.0]}, cv=Liar(3)).fit(X, y, groups=speaker)


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_settings_of_all_kinds_share_and_keep_their_bits(rows: Any, n_jobs: int) -> None:
    X, y, speaker = rows
    model = en.pipeline.Pipeline([("scale", en.preprocessing.StandardScaler()), ("classify", en.linear_model.LogisticRegression())])
    boosting = en.ensemble.GradientBoostingClassifier(n_estimators=4, random_state=0)
    stopped = en.ensemble.GradientBoostingClassifier(n_estimators=9, n_iter_no_change=2, random_state=0)
    grid = [
        {"classify__C": [0.01, 1.0, 10.0]},
        {"classify": [boosting], "classify__learning_rate": [0.1, 0.4], "classify__max_bins": [4, 255], "classify__class_weight": [None, "balanced"]},
        {"classify": [stopped], "classify__learning_rate": [0.1, 0.4]},
        {"classify": [en.ensemble.RandomForestClassifier(5, random_state=0)], "scale": ["passthrough", en.preprocessing.StandardScaler()]},
    ]
    weight = np.random.default_rng(0).random(len(y))
    options = {"scoring": "neg_log_loss", "cv": 3}
    search = GridSearchCV(model, grid, n_jobs=n_jobs, refit=False, **options).fit(X, y, groups=speaker, sample_weight=weight)
    for k, setting in enumerate(search.cv_results_["params"]):
        own = clone(model).set_params(**clone(setting, safe=False))
        alone = cross_validate(own, X, y, groups=speaker, params={"sample_weight": weight}, **options)
        assert [search.cv_results_[f"split{f}_test_score"][k] for f in range(3)] == alone["test_score"].tolist()


def test_odd_splits_are_told(rows: Any) -> None:
    X, y, speaker = rows
    single = np.arange(150)
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    for call in (
        lambda groups, labels: GridSearchCV(tree, {"max_depth": [1]}, cv=GroupKFold(3)).fit(X, labels, groups=groups),
        lambda groups, labels: compare_estimators({"tree": tree}, X, labels, groups=groups, cv=GroupKFold(3)),
        lambda groups, labels: en.calibration.nested_evaluation({"tree": tree}, X, labels, groups=groups, cv=GroupKFold(3), inner_cv=GroupKFold(2)),
    ):
        with pytest.warns(LeakageWarning, match="has one row"):
            call(single, y)
        with pytest.warns(MissingClassWarning, match="test only classes that their training rows lack"):
            call(y, y)
        with warnings.catch_warnings():
            warnings.simplefilter("error", EmotionNativeWarning)
            call(speaker, y)


def test_a_wrong_argument_of_a_pipeline_is_told_before_the_first_fit(rows: Any) -> None:
    X, y, speaker = rows
    fits: list[int] = []

    class Counted(en.linear_model.LogisticRegression):  # type: ignore[misc]  # the base class is untyped through scikit-learn
        def fit(self, X: Any, y: Any, **params: Any) -> Any:
            fits.append(1)
            return super().fit(X, y, **params)

    model = en.pipeline.make_pipeline(en.preprocessing.StandardScaler(), Counted())
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            for call in (
                lambda: cross_validate(model, X, y, groups=speaker, params={"wieght": np.ones(150)}),
                lambda: GridSearchCV(model, {"counted__C": [1.0]}).fit(X, y, groups=speaker, wieght=np.ones(150)),
            ):
                with pytest.raises((InvalidInputError, TypeError), match="wieght"):
                    call()
    assert not fits


def test_verbose_prints_the_fits(rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    X, y, speaker = rows
    GridSearchCV(SkLogistic(), {"C": [0.1, 1.0]}, cv=3, verbose=2, return_train_score=True).fit(X, y, groups=speaker)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 3 folds for each of 2 candidates, totalling 6 fits" and len(lines) == 7
    assert lines[1].startswith("[CV 1/3] END C=0.1; score=(train=0.")
