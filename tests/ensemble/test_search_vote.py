"""Votes of the best: chosen from a search or a comparison, and inside a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import emotion_native as en
from emotion_native.ensemble import SearchVotingClassifier, VotingClassifier
from emotion_native.exceptions import InvalidInputError, LeakageError
from emotion_native.model_selection import GridSearchCV, compare_estimators, cross_validate

GRID = {"C": [0.0001, 0.01, 0.1, 1.0]}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 150)
    X = rng.normal(size=(150, 6))
    X[:, 0] += y
    return X, y, np.arange(150) // 10


def search(**options: Any) -> GridSearchCV:
    return GridSearchCV(en.linear_model.LogisticRegression(max_iter=500), GRID, **{"scoring": "uar", **options})


def test_the_best_settings_of_a_search_vote(rows: Any) -> None:
    X, y, speaker = rows
    found = search(refit=False).fit(X, y, groups=speaker)
    means = found.cv_results_["mean_test_score"]
    vote = VotingClassifier.from_search(found, 2, weights="score")
    order = np.argsort(-means, kind="stable")[:2]
    assert [name for name, _ in vote.estimators] == [f"setting_{k}" for k in order]
    assert vote.weights == [means[k] for k in order] and vote.voting == "soft"
    members = [clone(model).fit(X, y).predict_proba(X) for _, model in vote.estimators]
    np.testing.assert_allclose(vote.fit(X, y).predict_proba(X), np.average(members, axis=0, weights=vote.weights), rtol=1e-12)
    assert len(VotingClassifier.from_search(found, 99).estimators) == 4


def test_the_best_of_a_comparison_vote(rows: Any) -> None:
    X, y, speaker = rows
    models = {
        "forest": en.ensemble.RandomForestClassifier(10, random_state=0),
        "boosting": en.ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
        "logistic": en.linear_model.LogisticRegression(),
    }
    scores = compare_estimators(models, X, y, groups=speaker, scoring=["uar", "accuracy"])
    vote = VotingClassifier.from_comparison(models, scores, 2, score="uar")
    best = sorted(models, key=lambda name: -scores[name]["test_uar"].mean())[:2]
    assert [name for name, _ in vote.estimators] == best
    assert vote.fit(X, y).predict_proba(X).shape == (150, 3)


def test_the_choice_inside_the_fit_is_that_of_the_search(rows: Any) -> None:
    X, y, speaker = rows
    inside = SearchVotingClassifier(search(), n_best=2).fit(X, y, groups=speaker)
    outside = VotingClassifier.from_search(search(refit=False).fit(X, y, groups=speaker), 2).fit(X, y)
    assert np.array_equal(inside.predict_proba(X), outside.predict_proba(X))
    assert inside.selection_split_["n_groups"] == 15 and not inside.ungrouped_ and len(inside.search_.run_log()) == 20
    assert inside.n_features_in_ == 6
    nested = cross_validate(inside, X, y, groups=speaker, cv=3, error_score="raise")
    assert np.isfinite(nested["test_score"]).all()
    several = SearchVotingClassifier(search(scoring=["uar", "neg_log_loss"], refit="neg_log_loss"), n_best=1).fit(X, y, groups=speaker)
    alone = search(scoring="neg_log_loss").fit(X, y, groups=speaker)
    assert several.vote_.estimators[0][0] == f"setting_{alone.best_index_}"
    with pytest.raises(LeakageError):
        SearchVotingClassifier(search()).fit(X, y)


def test_bad_arguments(rows: Any) -> None:
    X, y, speaker = rows
    found = search(scoring="neg_log_loss").fit(X, y, groups=speaker)
    with pytest.raises(InvalidInputError, match=r"n_best of VotingClassifier\.from_search must be"):
        VotingClassifier.from_search(found, 0)
    with pytest.raises(InvalidInputError, match=r"weights of VotingClassifier\.from_search must be"):
        VotingClassifier.from_search(found, weights="score")  # negative scores
    with pytest.raises(InvalidInputError, match="must be a fitted search"):
        VotingClassifier.from_search(search())
    with pytest.raises(InvalidInputError, match="which of its scores decides"):
        VotingClassifier.from_search(search(scoring=["uar", "accuracy"], refit=False).fit(X, y, groups=speaker))
    with pytest.raises(InvalidInputError, match=r"search of SearchVotingClassifier\.fit must be"):
        SearchVotingClassifier(en.linear_model.LogisticRegression()).fit(X, y, groups=speaker)
    with pytest.raises(InvalidInputError, match="callable refit"):
        SearchVotingClassifier(search(refit=lambda table: 0)).fit(X, y, groups=speaker)
    models = {"a": en.linear_model.LogisticRegression()}
    scores = compare_estimators(models, X, y, groups=speaker)
    with pytest.raises(InvalidInputError, match=r"score of VotingClassifier\.from_comparison must be one of 'score'; got 'uar'"):
        VotingClassifier.from_comparison(models, scores, score="uar")
    with pytest.raises(InvalidInputError, match="got other names"):
        VotingClassifier.from_comparison({"b": models["a"]}, scores)
