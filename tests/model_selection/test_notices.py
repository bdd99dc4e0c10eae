"""Splits that are allowed and tell little are named by a warning, and others are not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, LeakageWarning

ms = en.model_selection
ALL = pytest.mark.parametrize("call", [ms.cross_validate, ms.cross_val_score, ms.cross_val_predict])


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.array(["angry", "happy", "sad"])[np.arange(90) % 3]
    return rng.normal(size=(90, 3)), y, np.arange(90) // 9


@ALL
def test_groups_of_one_row_each(rows: Any, call: Any) -> None:
    X, y, speaker = rows
    with pytest.warns(LeakageWarning, match=f"each of the 90 groups of {call.__name__} has one row.*pass the speaker") as caught:
        call(GaussianNB(), X, y, groups=np.arange(90), cv=3)
    assert caught[0].filename == __file__
    with pytest.warns(LeakageWarning):
        call(GaussianNB(), X, y, groups=[f"clip{k}" for k in range(90)], cv=3)
    texts = np.arange(90) % 2
    with pytest.warns(LeakageWarning):
        call(GaussianNB(), X, y, groups=np.column_stack([np.arange(90), texts]), cv=3)
    call(GaussianNB(), X, y, groups=speaker, cv=3)
    call(GaussianNB(), X, y, groups=np.r_[np.arange(89), 0], cv=3)
    call(GaussianNB(), X, y, cv=3, allow_ungrouped=True)


@ALL
def test_groups_that_are_the_labels(rows: Any, call: Any) -> None:
    X, y, _ = rows
    for cv in (ms.LeaveOneGroupOut(), [(np.flatnonzero(y != label), np.flatnonzero(y == label)) for label in ("angry", "happy", "sad")]):
        with pytest.warns(ms.MissingClassWarning, match=f"3 of 3 folds of {call.__name__} test only classes that their training rows lack") as caught:
            call(GaussianNB(), X, y, groups=y, cv=cv)
        assert caught[0].filename == __file__
    one_new = [(np.flatnonzero(y != "sad"), np.flatnonzero(y == "sad"))]
    with pytest.warns(ms.MissingClassWarning, match="1 of 1 folds"):
        ms.cross_validate(GaussianNB(), X, y, groups=y, cv=one_new)


def test_a_class_that_is_only_partly_new_is_no_reason(rows: Any) -> None:
    X, y, _ = rows
    groups = np.where(y == "sad", 0, np.arange(90) % 5 + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ms.cross_validate(GaussianNB(), X, y, groups=np.where(np.arange(90) < 6, 0, groups), cv=ms.LeaveOneGroupOut())


def test_seeds_count_their_folds_once(rows: Any) -> None:
    X, y, _ = rows
    forest = en.ensemble.RandomForestClassifier(3)
    with pytest.warns(ms.MissingClassWarning, match="3 of 3 folds"):
        ms.cross_validate(forest, X, y, groups=y, cv=ms.LeaveOneGroupOut(), seeds=[0, 1])


@ALL
def test_one_class(rows: Any, call: Any) -> None:
    X, _, speaker = rows
    with pytest.warns(EmotionNativeWarning, match=f"y of {call.__name__} has one class \\('happy'\\)"):
        call(en.ensemble.RandomForestClassifier(2), X, ["happy"] * 90, groups=speaker, cv=3)


@ALL
def test_regressors_have_no_classes(rows: Any, call: Any) -> None:
    X, _, speaker = rows
    call(LinearRegression(), X, np.ones(90), groups=speaker, cv=3)
    call(LinearRegression(), X, speaker.astype(float), groups=speaker, cv=ms.LeaveOneGroupOut())
