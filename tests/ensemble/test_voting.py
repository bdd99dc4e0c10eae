"""Votes: as scikit-learn's, and groups reach whatever splits rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import ensemble as sk
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression as SkLogistic
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import emotion_native as en
from emotion_native.ensemble import VotingClassifier
from emotion_native.exceptions import InvalidInputError, LeakageError

MODELS = [("tree", DecisionTreeClassifier(max_depth=2, random_state=0)), ("bayes", GaussianNB()), ("line", SkLogistic(max_iter=500))]


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and speakers."""
    rng = np.random.default_rng(1)
    y = np.array(["angry", "happy", "sad"])[rng.integers(0, 3, 120)]
    X = rng.normal(size=(120, 5))
    X[:, 0] += y == "sad"
    return X, y, np.arange(120) // 10


@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5]])
@pytest.mark.parametrize("dropped", [(), ("bayes",)])
def test_votes_are_scikit_learns(rows: Any, voting: str, weights: Any, dropped: tuple[str, ...]) -> None:
    X, y, _ = rows
    options = {"voting": voting, "weights": weights}
    ours = VotingClassifier(MODELS, **options).set_params(**dict.fromkeys(dropped, "drop")).fit(X, y)
    theirs = sk.VotingClassifier(MODELS, **options).set_params(**dict.fromkeys(dropped, "drop")).fit(X, y)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-12)
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    if voting == "soft":
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-12)
        stacked = ours.set_params(flatten_transform=False).transform(X)
        assert stacked.shape == (3 - len(dropped), len(X), 3)
    else:
        assert not hasattr(ours, "predict_proba")


def test_groups_reach_what_splits_rows(rows: Any) -> None:
    X, y, speaker = rows
    calibrated = en.calibration.CalibratedClassifierCV(GaussianNB())
    search = en.model_selection.GridSearchCV(SkLogistic(max_iter=500), {"C": [0.1, 1.0]}, cv=3)
    vote = VotingClassifier([("calibrated", calibrated), ("searched", search), ("plain", GaussianNB())], voting="soft")
    fitted = clone(vote).fit(X, y, groups=speaker)
    assert fitted.named_estimators_.searched.selection_split_["n_groups"] == 12
    expected = np.mean([clone(model).fit(X, y, groups=speaker).predict_proba(X) for model in (calibrated, search)], axis=0)
    expected = (2 * expected + GaussianNB().fit(X, y).predict_proba(X)) / 3
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-12)
    with pytest.raises(LeakageError):
        clone(vote).fit(X, y)
    scores = en.model_selection.cross_validate(vote, X, y, groups=speaker, cv=3, error_score="raise")
    assert np.isfinite(scores["test_score"]).all()


@pytest.mark.parametrize("n_jobs", [1, 2, 7])
def test_the_bits_do_not_depend_on_threads(rows: Any, n_jobs: int) -> None:
    X, y, _ = rows
    models = [("forest", en.ensemble.RandomForestClassifier(10, random_state=0)), ("line", en.linear_model.LogisticRegression())]
    one = VotingClassifier(models, voting="soft", n_jobs=1).fit(X, y).predict_proba(X)
    assert np.array_equal(one, VotingClassifier(models, voting="soft", n_jobs=n_jobs).fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimators": []}, "estimators of VotingClassifier.fit must be"),
        ({"estimators": [("a", GaussianNB()), ("a", GaussianNB())]}, "estimators of VotingClassifier.fit must be"),
        ({"estimators": [("a", "drop")]}, "not dropped"),
        ({"estimators": [("a", 3)]}, "estimators of VotingClassifier.fit must be"),
        ({"estimators": [("a", LinearSVC())], "voting": "soft"}, "must have predict_proba"),
        ({"voting": "loud"}, "voting of VotingClassifier.fit must be"),
        ({"weights": [1.0]}, "weights of VotingClassifier.fit must be"),
        ({"weights": [1.0, -1.0, 1.0]}, "weights of VotingClassifier.fit must be"),
        ({"weights": [0.0, 0.0, 0.0]}, "weights of VotingClassifier.fit must be"),
    ],
)
def test_bad_arguments(rows: Any, options: dict[str, Any], message: str) -> None:
    X, y, _ = rows
    with pytest.raises(InvalidInputError, match=message):
        VotingClassifier(**{"estimators": MODELS, **options}).fit(X, y)
