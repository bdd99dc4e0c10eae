"""A measure under any of its names, wherever one is named, and what is said to a name that is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as peer

import emotion_native as en
from emotion_native.calibration import nested_evaluation
from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import permutation_importance
from emotion_native.linear_model import LogisticRegression
from emotion_native.metrics import _rates, bootstrap_ci, paired_speaker_test, selective_interval, speaker_interval
from emotion_native.metrics._names import _SAME, check_measure, near_measures, same_measure
from emotion_native.model_selection import GridSearchCV, compare_estimators, cross_validate

SAME = [("macro_f1", "f1_macro"), ("weighted_f1", "f1_weighted"), ("balanced_accuracy", "uar"), ("balanced_accuracy", "unweighted_average_recall")]


def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth, speaker = rng.integers(0, 3, 120), np.arange(120) % 8
    predicted = np.where(rng.random(120) < 0.7, truth, rng.integers(0, 3, 120))
    return truth, predicted, rng.random(120), speaker


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth, _, _, speaker = answers()
    return np.random.default_rng(1).normal(size=(120, 3)) + np.eye(3)[truth], truth, speaker


def test_each_name_stands_for_one_measure() -> None:
    every = [name for row in _SAME for name in row]
    assert len(every) == len(set(every))
    assert set(_rates.BY_NAME) <= set(every)


@pytest.mark.parametrize(("ours", "other"), SAME)
def test_intervals_and_tests_take_both(ours: str, other: str) -> None:
    truth, predicted, confidence, speaker = answers()
    for name in (other, ours):
        assert speaker_interval(name, truth, predicted, speaker) == speaker_interval(ours, truth, predicted, speaker)
        assert bootstrap_ci(name, truth, predicted, speakers=speaker) == bootstrap_ci(ours, truth, predicted, speakers=speaker)
        assert selective_interval(name, truth, predicted, confidence, speaker) == selective_interval(ours, truth, predicted, confidence, speaker)
        found, expected = (paired_speaker_test(one, truth, predicted, truth, speaker) for one in (name, ours))
        assert (found.difference, found.p_value, found.a) == (expected.difference, expected.p_value, expected.a)


@pytest.mark.parametrize(("ours", "other"), [*SAME, ("cohen_kappa", "kappa"), ("matthews_corrcoef", "mcc")])
def test_scoring_selection_and_importance_take_both(ours: str, other: str) -> None:
    X, y, speaker = rows()
    both = cross_validate(LogisticRegression(), X, y, groups=speaker, cv=4, scoring=[ours, other])
    assert np.array_equal(both[f"test_{ours}"], both[f"test_{other}"])
    searches = [GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=name, cv=4).fit(X, y, groups=speaker) for name in (ours, other)]
    assert searches[0].best_score_ == searches[1].best_score_
    assert searches[0].score(X, y) == searches[1].score(X, y)
    options: dict[str, Any] = {"groups": speaker, "cv": 3}
    nested = [nested_evaluation({"a": LogisticRegression()}, X, y, selection_metric=name, **options).inner_scores for name in (ours, other)]
    assert nested[0] == nested[1]
    falls = [permutation_importance(LogisticRegression(), X, y, scoring=name, random_state=0, **options) for name in (ours, other)]
    assert np.array_equal(falls[0].importances, falls[1].importances)


def test_scoring_is_the_peers_measure() -> None:
    X, y, speaker = rows()
    measures = {"macro_f1": ("f1_macro", {"average": "macro"}, peer.f1_score), "cohen_kappa": ("", {}, peer.cohen_kappa_score)}
    for name, (_, options, measure) in measures.items():
        scores = cross_validate(LogisticRegression(), X, y, groups=speaker, cv=4, scoring={"m": name, "p": peer.make_scorer(measure, **options)})
        assert np.array_equal(scores["test_m"], scores["test_p"])
    models = {"a": LogisticRegression(), "b": LogisticRegression(C=0.01)}
    found = [compare_estimators(models, X, y, groups=speaker, scoring=name) for name in ("macro_f1", "f1_macro")]
    assert all(np.array_equal(found[0][name]["test_score"], found[1][name]["test_score"]) for name in models)


def test_a_loss_and_its_negative_are_two_measures() -> None:
    assert same_measure("log_loss", ["neg_log_loss"]) == "log_loss"
    X, y, speaker = rows()
    with pytest.raises(InvalidInputError, match=r"got 'log_loss', .*did you mean 'neg_log_loss'"):
        cross_validate(LogisticRegression(), X, y, groups=speaker, scoring="log_loss")


@pytest.mark.parametrize(
    ("given", "near"),
    [("f1_makro", "'f1_macro'"), ("macrof1", "'macro_f1'"), ("f1", "'macro_f1' or 'weighted_f1'"), ("UARR", ""), ("balanced", "'balanced_accuracy'")],
)
def test_near_names_are_listed(given: str, near: str) -> None:
    assert near in near_measures(given, tuple(_rates.BY_NAME))
    with pytest.raises(InvalidInputError, match=r"^metric of here must be one of accuracy, .*; got '") as error:
        check_measure(given, tuple(_rates.BY_NAME), "metric", "here")
    assert near in str(error.value)


def test_every_caller_lists_near_names() -> None:
    truth, predicted, confidence, speaker = answers()
    X, y, groups = rows()
    one = {"a": LogisticRegression()}
    calls: dict[str, Any] = {
        "metric of speaker_interval": lambda name: speaker_interval(name, truth, predicted, speaker),
        "metric of bootstrap_ci": lambda name: bootstrap_ci(name, truth, predicted, speakers=speaker),
        "metric of paired_speaker_test": lambda name: paired_speaker_test(name, truth, predicted, truth, speaker),
        "metric of selective_interval": lambda name: selective_interval(name, truth, predicted, confidence, speaker),
        "scoring of cross_validate": lambda name: cross_validate(LogisticRegression(), X, y, groups=groups, scoring=name),
        "scoring of cross_val_score": lambda name: en.model_selection.cross_val_score(LogisticRegression(), X, y, groups=groups, scoring=name),
        "scoring of GridSearchCV.fit": lambda name: GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=name).fit(X, y, groups=groups),
        "scoring of permutation_importance": lambda name: permutation_importance(LogisticRegression(), X, y, groups=groups, scoring=name),
        "selection_metric of nested_evaluation": lambda name: nested_evaluation(one, X, y, groups=groups, selection_metric=name),
        "metrics of compare": lambda name: en.experiment.compare(["a", "b"], metrics=[name]),
    }
    for place, call in calls.items():
        with pytest.raises(InvalidInputError, match=rf"^{place} must be .*f1_makro.*did you mean .*'f1_macro'"):
            call("f1_makro")
    for wrong in (None, 3, ["accuracy"]):
        with pytest.raises(InvalidInputError, match="metric of speaker_interval must be"):
            speaker_interval(wrong, truth, predicted, speaker)
