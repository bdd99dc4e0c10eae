"""Searches: each setting equals its own cross-validation bit for bit, and everything else is as scikit-learn's searches have it."""

from __future__ import annotations

import pickle
import warnings
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn import model_selection as sk
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression as SkLogistic
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.tree import DecisionTreeClassifier

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.model_selection import (
    FitFailedWarning,
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    cross_validate,
    resolve_folds,
)
from emotion_native.model_selection import _settings as settings_module

GRID = [
    {"selectkbest__k": [3, 5], "randomforestclassifier__n_estimators": [4, 9], "randomforestclassifier__min_samples_leaf": [1, 3]},
    {"randomforestclassifier__max_features": [1, 0.5], "standardscaler": ["passthrough"]},
]


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers."""
    rng = np.random.default_rng(4)
    y = np.array(["angry", "happy", "sad"])[rng.choice(3, 180, p=[0.5, 0.3, 0.2])]
    X = rng.normal(size=(180, 7)).astype(np.float32)
    X[:, 0] += 1.3 * (y == "sad")
    X[:, 1] += 1.1 * (y == "angry")
    return X, y, np.repeat(np.arange(12), 15)


def own_pipeline() -> Any:
    return en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(),
        en.over_sampling.RandomOverSampler(random_state=3),
        en.feature_selection.SelectKBest(k=4),
        en.ensemble.RandomForestClassifier(n_estimators=5, random_state=7),
    )


def scores_of(search: Any) -> dict[str, Any]:
    return {name: values for name, values in search.cv_results_.items() if "time" not in name}


def assert_same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert list(a) == list(b)
    for name, values in a.items():
        if name == "params":
            assert values == b[name]
        else:
            np.testing.assert_array_equal(np.ma.getdata(values), np.ma.getdata(b[name]))


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_every_setting_equals_its_own_cross_validation(rows: Any, n_jobs: int) -> None:
    X, y, speaker = rows
    scoring = ["accuracy", "neg_log_loss", "uar"]
    search = GridSearchCV(own_pipeline(), GRID, scoring=scoring, refit="uar", n_jobs=n_jobs, return_train_score=True).fit(X, y, groups=speaker)
    assert len(search.cv_results_["params"]) == 10
    for k, setting in enumerate(search.cv_results_["params"]):
        alone = cross_validate(clone(own_pipeline()).set_params(**setting), X, y, groups=speaker, scoring=scoring, return_train_score=True)
        for part in ("test", "train"):
            for name in scoring:
                together = [search.cv_results_[f"split{f}_{part}_{name}"][k] for f in range(5)]
                assert together == alone[f"{part}_{name}"].tolist()
    best = clone(own_pipeline()).set_params(**search.best_params_).fit(X, y)
    assert np.array_equal(best.predict_proba(X), search.predict_proba(X))


def test_small_batches_and_one_by_one_fits_give_the_same_table(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, speaker = rows
    whole = GridSearchCV(own_pipeline(), GRID, scoring="neg_log_loss").fit(X, y, groups=speaker)
    monkeypatch.setattr(settings_module, "BATCH_BYTES", 3 * 40 * 3 * 8)
    cut = GridSearchCV(own_pipeline(), GRID, scoring="neg_log_loss").fit(X, y, groups=speaker)
    assert_same(scores_of(whole), scores_of(cut))
    monkeypatch.setattr(settings_module, "_has_plan", lambda estimator, data: False)
    fitted = GridSearchCV(own_pipeline(), GRID, scoring="neg_log_loss", n_jobs=2).fit(X, y, groups=speaker)
    assert_same(scores_of(whole), scores_of(fitted))


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3, None], "criterion": ["gini", "entropy"]}),
        (SkLogistic(max_iter=500), [{"C": [0.1, 10.0]}, {"fit_intercept": [False]}]),
    ],
)
def test_the_table_is_scikit_learns(rows: Any, estimator: Any, grid: Any) -> None:
    X, y, speaker = rows
    cv = sk.GroupKFold(4)
    options: dict[str, Any] = {"scoring": ["accuracy", "balanced_accuracy"], "refit": "accuracy", "cv": cv, "return_train_score": True}
    theirs = sk.GridSearchCV(estimator, grid, **options).fit(X, y, groups=speaker)
    ours = GridSearchCV(estimator, grid, **options).fit(X, y, groups=speaker)
    assert set(theirs.cv_results_) == set(ours.cv_results_)
    for name, values in theirs.cv_results_.items():
        if name == "params":
            assert values == ours.cv_results_[name]
        elif name.startswith("param_"):
            assert values.dtype == ours.cv_results_[name].dtype
            assert np.array_equal(values.mask, ours.cv_results_[name].mask)
            assert values.compressed().tolist() == ours.cv_results_[name].compressed().tolist()
        elif "time" not in name:
            np.testing.assert_allclose(ours.cv_results_[name], values, rtol=1e-12)  # means of the same numbers
    assert ours.best_index_ == theirs.best_index_ and ours.best_params_ == theirs.best_params_
    assert ours.score(X, y) == theirs.score(X, y)


def test_random_settings_are_scikit_learns(rows: Any) -> None:
    X, y, speaker = rows
    distributions = {"C": loguniform(0.01, 10), "fit_intercept": [True, False]}
    ours = RandomizedSearchCV(SkLogistic(max_iter=500), distributions, n_iter=4, random_state=1, cv=GroupKFold(3)).fit(X, y, groups=speaker)
    theirs = sk.RandomizedSearchCV(SkLogistic(max_iter=500), distributions, n_iter=4, random_state=1, cv=sk.GroupKFold(3)).fit(X, y, groups=speaker)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]


class Spy(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type information
    """A classifier that notes the speakers of each of its fits and predictions; column 0 holds the speaker."""

    fitted: ClassVar[list[set[int]]] = []
    predicted: ClassVar[list[tuple[set[int], set[int]]]] = []
    asked: ClassVar[list[set[int]]] = []

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Any, y: Any, groups: Any = None) -> Spy:
        """Note the speakers."""
        self.classes_ = np.unique(y)
        self.speakers_ = {int(s) for s in X[:, 0]}
        Spy.fitted.append(self.speakers_)
        Spy.asked.append({int(s) for s in groups})
        return self

    def predict(self, X: Any) -> Any:
        """Predict the first class, noting who is predicted by a model of whom."""
        Spy.predicted.append((self.speakers_, {int(s) for s in X[:, 0]}))
        return np.full(len(X), self.classes_[0])


def test_outer_groups_reach_every_inner_split(rows: Any) -> None:
    _, y, speaker = rows
    X = np.column_stack([speaker, np.zeros(len(y))])
    for notes in (Spy.fitted, Spy.predicted, Spy.asked):
        notes.clear()  # type: ignore[attr-defined]  # two kinds of lists
    outer = list(StratifiedGroupKFold(3).split(X, y, speaker))
    search = GridSearchCV(Spy(), {"alpha": [0.1, 1.0]}, cv=4)
    cross_validate(search, X, y, groups=speaker, cv=outer)
    assert len(Spy.fitted) == 3 * (2 * 4 + 1)
    assert Spy.fitted == Spy.asked  # the rows' own groups went to the estimator too
    for (train, test), at in zip(outer, range(0, 27, 9), strict=True):
        inside, outside = set(speaker[train].tolist()), set(speaker[test].tolist())
        for speakers in Spy.fitted[at : at + 8]:
            assert speakers < inside  # the inner test speakers are missing, and no outer test speaker was seen
        assert Spy.fitted[at + 8] == inside
        predicted = Spy.predicted[at : at + 9]
        for seen, asked in predicted[:8]:
            assert not seen & asked and asked <= inside
        assert predicted[8] == (inside, outside)


def test_without_groups_it_refuses(rows: Any) -> None:
    X, y, speaker = rows
    with pytest.raises(LeakageError, match=r"groups of GridSearchCV\.fit must be given"):
        GridSearchCV(own_pipeline(), GRID).fit(X, y)
    with pytest.raises(LeakageError, match=r"cv of GridSearchCV\.fit must keep groups whole"):
        GridSearchCV(own_pipeline(), GRID, cv=KFold(3)).fit(X, y, groups=speaker)
    with pytest.raises(LeakageError):
        cross_validate(GridSearchCV(own_pipeline(), GRID, cv=KFold(3)), X, y, groups=speaker, error_score="raise")
    search = GridSearchCV(SkLogistic(), {"C": [1.0]}, allow_ungrouped=True).fit(X, y)
    assert search.ungrouped_ and search.selection_split_["ungrouped"]
    assert "UNGROUPED" in search.selection_split_["statement"]


def test_the_selection_split_is_stated(rows: Any) -> None:
    X, y, speaker = rows
    search = GridSearchCV(SkLogistic(), {"C": [1.0, 2.0]}).fit(X, y, groups=speaker)
    split = search.selection_split_
    assert split["hash"] == resolve_folds(None, X, y, speaker).hash
    assert (split["n_splits"], split["n_groups"], split["n_rows"], split["n_settings"]) == (5, 12, 180, 2)
    assert "best of 2 settings was chosen on 5 folds of 12 whole groups" in split["statement"]
    assert not search.ungrouped_


def test_refit_by_name_by_callable_and_not_at_all(rows: Any) -> None:
    X, y, speaker = rows
    options: dict[str, Any] = {"cv": 3}
    several = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, scoring=["accuracy", "uar"], **options)
    with pytest.raises(InvalidInputError, match=r"refit of GridSearchCV\.fit must be, for multi-metric scoring"):
        several.fit(X, y, groups=speaker)
    assert not hasattr(clone(several).set_params(refit=False).fit(X, y, groups=speaker), "best_index_")
    last = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, refit=lambda table: len(table["params"]) - 1, **options)
    last.fit(X, y, groups=speaker)
    assert last.best_params_ == {"max_depth": 3} and not hasattr(last, "best_score_")
    none = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, refit=False, **options).fit(X, y, groups=speaker)
    assert none.best_score_ == none.cv_results_["mean_test_score"].max()
    with pytest.raises(AttributeError, match="has no attribute 'predict'") as caught:
        none.predict(X)
    assert "refit=False" in str(caught.value.__cause__)
    for wrong, error in ((lambda table: 1.5, TypeError), (lambda table: 9, IndexError)):
        with pytest.raises(error, match="best_index_"):
            clone(last).set_params(refit=wrong).fit(X, y, groups=speaker)


def test_one_setting_that_fails_costs_only_itself(rows: Any) -> None:
    X, y, speaker = rows
    grid = {"selectkbest__k": [3, 99, 4], "randomforestclassifier__min_samples_leaf": [1, 2]}
    good = GridSearchCV(own_pipeline(), {**grid, "selectkbest__k": [3, 4]}).fit(X, y, groups=speaker)
    grid["randomforestclassifier__min_samples_leaf"] = [1, 2, -1]
    grid["selectkbest__k"] = [3, 4]
    with pytest.warns(FitFailedWarning, match="10 of 30 fits failed"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One or more of the test scores")
        mixed = GridSearchCV(own_pipeline(), grid, error_score=-1.0).fit(X, y, groups=speaker)
    wrong = [setting["randomforestclassifier__min_samples_leaf"] == -1 for setting in mixed.cv_results_["params"]]
    assert (mixed.cv_results_["mean_test_score"][wrong] == -1).all()
    assert mixed.cv_results_["mean_test_score"][~np.array(wrong)].tolist() == good.cv_results_["mean_test_score"].tolist()
    with pytest.raises(ValueError, match="min_samples_leaf"):
        GridSearchCV(own_pipeline(), grid, error_score="raise").fit(X, y, groups=speaker)
    with pytest.raises(InvalidInputError, match="all 5 failed"):
        GridSearchCV(own_pipeline(), {"randomforestclassifier__min_samples_leaf": [-1]}).fit(X, y, groups=speaker)


def test_a_setting_may_put_in_another_step(rows: Any) -> None:
    X, y, speaker = rows
    steps = {"randomforestclassifier": [en.linear_model.LogisticRegression(C=0.5), DecisionTreeClassifier(max_depth=2, random_state=0)]}
    search = GridSearchCV(own_pipeline(), [steps, {"selectkbest__k": [2]}], scoring="accuracy").fit(X, y, groups=speaker)
    for k, setting in enumerate(search.cv_results_["params"]):
        alone = cross_validate(clone(own_pipeline()).set_params(**setting), X, y, groups=speaker, scoring="accuracy")["test_score"]
        assert search.cv_results_["mean_test_score"][k] == alone.mean()
    assert not hasattr(steps["randomforestclassifier"][1], "tree_")  # what the grid holds is never fitted


def test_scorers_that_ask_for_models(rows: Any) -> None:
    X, y, speaker = rows

    def size(model: Any, X: Any, y: Any) -> float:
        return float(model.named_steps["randomforestclassifier"].n_estimators)

    search = GridSearchCV(own_pipeline(), {"randomforestclassifier__n_estimators": [2, 3]}, scoring=size).fit(X, y, groups=speaker)
    assert search.cv_results_["mean_test_score"].tolist() == [2.0, 3.0]

    def both(model: Any, X: Any, y: Any) -> dict[str, float]:
        right = accuracy_score(y, model.predict(X))
        return {"right": right, "wrong": 1 - right}

    several = GridSearchCV(own_pipeline(), {"selectkbest__k": [2, 3]}, scoring=both, refit="right").fit(X, y, groups=speaker)
    assert several.multimetric_ and several.best_score_ == several.cv_results_["mean_test_right"].max()
    assert several.score(X, y) == accuracy_score(y, several.predict(X))


def test_weights_and_speakers_reach_the_steps(rows: Any) -> None:
    X, y, speaker = rows
    weight = np.random.default_rng(0).random(len(y))
    model = en.pipeline.make_pipeline(en.over_sampling.SMOTE(within="speaker", random_state=0), en.linear_model.LogisticRegression())
    grid = {"logisticregression__C": [0.1, 1.0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(model, grid).fit(X, y, groups=speaker, speaker=speaker, sample_weight=weight)
        params = {"speaker": speaker, "sample_weight": weight}
        alone = cross_validate(clone(model).set_params(logisticregression__C=0.1), X, y, groups=speaker, params=params)["test_score"]
        nested = cross_validate(search, X, y, groups=speaker, params=params, cv=3, error_score="raise")
    assert [search.cv_results_[f"split{f}_test_score"][0] for f in range(5)] == alone.tolist()
    assert np.isfinite(nested["test_score"]).all()


def test_it_is_an_estimator_like_any_other(rows: Any) -> None:
    X, y, speaker = rows
    search = GridSearchCV(own_pipeline(), {"selectkbest__k": [2, 3]}, scoring=make_scorer(accuracy_score)).fit(X, y, groups=speaker)
    again = pickle.loads(pickle.dumps(search))
    assert np.array_equal(again.predict_proba(X), search.predict_proba(X))
    assert search.classes_.tolist() == ["angry", "happy", "sad"] and search.n_features_in_ == 7
    calls: list[tuple[int, int]] = []
    clone(search).set_params(progress=lambda done, total: calls.append((done, total))).fit(X, y, groups=speaker)
    assert calls[-1] == (10, 10)

    class Interrupt(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Interrupt

    broken = clone(search).set_params(progress=stop)
    with pytest.raises(Interrupt):
        broken.fit(X, y, groups=speaker)
    assert not hasattr(broken, "cv_results_")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"param_grid": {"selectkbest__k": []}}, r"param_grid of GridSearchCV\.fit must be"),
        ({"param_grid": {"selectkbest__k": 3}}, r"param_grid of GridSearchCV\.fit must be"),
        ({"param_grid": {"unknown": [3]}}, "Invalid parameter"),
        ({"refit": 3}, r"refit of GridSearchCV\.fit must be"),
        ({"error_score": "warn"}, r"error_score of GridSearchCV\.fit must be"),
        ({"return_train_score": "yes"}, r"return_train_score of GridSearchCV\.fit must be"),
        ({"scoring": []}, r"scoring of GridSearchCV\.fit must be"),
        ({"estimator": 3}, r"estimator of GridSearchCV\.fit must be"),
    ],
)
def test_bad_arguments(rows: Any, change: dict[str, Any], message: str) -> None:
    X, y, speaker = rows
    search = GridSearchCV(own_pipeline(), GRID)
    for name, value in change.items():
        setattr(search, name, value)
    with pytest.raises((ValueError, TypeError), match=message):
        search.fit(X, y, groups=speaker)


def test_bad_arguments_of_the_random_search(rows: Any) -> None:
    X, y, speaker = rows
    with pytest.raises(InvalidInputError, match=r"n_iter of RandomizedSearchCV\.fit must be"):
        RandomizedSearchCV(own_pipeline(), {"selectkbest__k": [2]}, n_iter=0).fit(X, y, groups=speaker)
    with pytest.raises((ValueError, TypeError), match=r"param_distributions of RandomizedSearchCV\.fit must be"):
        RandomizedSearchCV(own_pipeline(), {"selectkbest__k": 2}).fit(X, y, groups=speaker)
