"""One split: groups stay whole, ungrouped ones are scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

split = en.model_selection.train_test_split


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 15), st.integers(0, 1000), st.booleans(), st.booleans())
def test_groups_stay_whole_and_all_rows_are_used(n_groups: int, seed: int, shuffle: bool, stratify: bool) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, 40)])
    rows, y = np.arange(len(groups)), rng.integers(0, 3, len(groups))
    labels = y if stratify and shuffle else None
    train, test, g_train, g_test = split(rows, groups, groups=groups, random_state=seed, shuffle=shuffle, stratify=labels)
    assert sorted([*train, *test]) == rows.tolist()
    assert not set(g_train) & set(g_test)
    assert len(set(g_test)) == int(np.ceil(0.25 * n_groups))


def test_ungrouped_needs_leave_and_equals_scikit_learn(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(40, 2)), rng.integers(0, 2, 40)
    with pytest.raises(LeakageError, match="allow_ungrouped"):
        split(X, y)
    ours = split(X, y, test_size=0.3, random_state=5, stratify=y, allow_ungrouped=True)
    assert all(np.array_equal(a, b) for a, b in zip(ours, sk.train_test_split(X, y, test_size=0.3, random_state=5, stratify=y), strict=True))
    with en.config_context(ungrouped="allow"):
        assert len(split(X, y)) == 4


def test_stratification_comes_close(rng: np.random.Generator) -> None:
    groups = np.repeat(np.arange(40), 10)
    y = (rng.random(400) < np.repeat(np.where(np.arange(40) < 20, 0.9, 0.1), 10)).astype(int)
    y_train, y_test = split(y, groups=groups, stratify=y, random_state=0)
    assert abs(y_train.mean() - y_test.mean()) < 0.05


def test_same_seed_same_rows_and_frames_stay_frames() -> None:
    frame = pd.DataFrame({"x": range(12)})
    groups = np.repeat(list("abcd"), 3)
    first, second = split(frame, groups=groups, random_state=3), split(frame, groups=groups, random_state=3)
    assert isinstance(first[0], pd.DataFrame)
    assert first[0].equals(second[0])
    assert first[1].equals(second[1])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"groups": ["a"] * 6}, LeakageError),
        ({"groups": ["a", "a", "b", "b", "c", None]}, InvalidInputError),
        ({"groups": list("aabbcc"), "test_size": 1.5}, InvalidInputError),
        ({"groups": list("aabbcc"), "test_size": 3}, InvalidInputError),
        ({"groups": list("aabbcc"), "test_size": "much"}, InvalidInputError),
        ({"groups": list("aabbcc"), "test_size": 2, "train_size": 2}, InvalidInputError),
        ({"groups": list("aabbcc"), "stratify": [0, 1]}, InvalidInputError),
        ({"groups": list("aabbcc"), "stratify": [0, 1] * 3, "shuffle": False}, InvalidInputError),
    ],
)
def test_bad_arguments(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        split(np.arange(6), **options)


def test_no_or_unequal_arrays() -> None:
    with pytest.raises(InvalidInputError):
        split(groups=["a"])
    with pytest.raises(InvalidInputError):
        split([1, 2], [1], groups=["a", "b"])
