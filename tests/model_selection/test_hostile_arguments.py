"""Splitters refuse what they cannot use by name and rule, in the package's class of error."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emotion_native.exceptions import EmotionNativeError, InvalidInputError
from emotion_native.model_selection import (
    CrossedGroupKFold,
    GroupKFold,
    GroupShuffleSplit,
    LeaveOneGroupOut,
    PredefinedGroupSplit,
    RepeatedGroupKFold,
    RepeatedStratifiedGroupKFold,
    StratifiedGroupKFold,
    joined_groups,
    published_folds,
    train_test_split,
)

X = np.zeros((60, 2))
Y = np.arange(60) % 3
GROUPS = np.arange(60) % 10
TEXTS = np.arange(60) // 20

SHUFFLED: dict[str, Callable[[Any], Any]] = {
    "GroupKFold": lambda seed: GroupKFold(3, shuffle=True, random_state=seed).split(X, Y, GROUPS),
    "StratifiedGroupKFold": lambda seed: StratifiedGroupKFold(3, shuffle=True, random_state=seed).split(X, Y, GROUPS),
    "CrossedGroupKFold": lambda seed: CrossedGroupKFold(2, 2, texts=TEXTS, shuffle=True, random_state=seed).split(X, Y, GROUPS),
    "GroupShuffleSplit": lambda seed: GroupShuffleSplit(2, random_state=seed).split(X, Y, GROUPS),
    "RepeatedGroupKFold": lambda seed: RepeatedGroupKFold(n_splits=3, n_repeats=2, random_state=seed).split(X, Y, GROUPS),
    "RepeatedStratifiedGroupKFold": lambda seed: RepeatedStratifiedGroupKFold(n_splits=3, n_repeats=2, random_state=seed).split(X, Y, GROUPS),
    "train_test_split": lambda seed: [train_test_split(np.arange(60), groups=GROUPS, random_state=seed)],
}


@pytest.mark.parametrize("name", SHUFFLED)
def test_random_states_of_every_kind(name: str) -> None:
    for seed in ("x", b"x", 1.0, -1, 2**64, 10**400, True, np.True_, float("nan"), Decimal(1), [], {}, np.array([1, 2]), object()):
        with pytest.raises(InvalidInputError, match=f"^random_state of {name} must be None, an integer from 0 to .*; got ") as caught:
            list(SHUFFLED[name](seed))
        assert len(str(caught.value)) < 250
    for seed in (0, np.uint8(3), 2**32 - 1, None, np.random, np.random.RandomState(0)):
        assert list(SHUFFLED[name](seed))
    once, again = (list(SHUFFLED[name](np.random.default_rng(5))) for _ in range(2))
    assert all(np.array_equal(a, b) for one, two in zip(once, again, strict=True) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("n_splits", ["3", None, True, 1.5, 0, -1, 10**400, [], np.array([1, 2]), float("nan")])
def test_numbers_of_splits(n_splits: Any) -> None:
    for make in (GroupKFold, StratifiedGroupKFold, CrossedGroupKFold, GroupShuffleSplit, lambda n: RepeatedGroupKFold(n_splits=n)):
        with pytest.raises(InvalidInputError, match=r"^n_splits of .* must be an integer of at least .*; got "):
            next(make(n_splits).split(X, Y, GROUPS))  # type: ignore[operator]  # classes and a function


@pytest.mark.parametrize("size", ["0.5", True, [], 0, -1, -0.5, float("nan"), 10**400, 1j])
def test_sizes_of_shuffled_splits(size: Any) -> None:
    for name in ("test_size", "train_size"):
        with pytest.raises(InvalidInputError, match=name):
            next(GroupShuffleSplit(1, **{name: size}).split(X, Y, GROUPS))
        with pytest.raises(InvalidInputError, match=name):
            train_test_split(X, groups=GROUPS, **{name: size})


@pytest.mark.parametrize("rows", [5, None, np.array(3.0), (row for row in X), object()])
def test_things_without_rows(rows: Any) -> None:
    splitters = (GroupKFold(3), StratifiedGroupKFold(3), LeaveOneGroupOut(), GroupShuffleSplit(1), CrossedGroupKFold(2, 2, texts=TEXTS),
                 RepeatedGroupKFold(n_splits=2), PredefinedGroupSplit([[0], list(range(1, 10))]))  # fmt: skip
    for splitter in splitters:
        with pytest.raises(InvalidInputError, match=f"^X of {type(splitter).__name__}.split must be an array with rows; got "):
            next(splitter.split(rows, Y, GROUPS))
    with pytest.raises(InvalidInputError, match=r"of train_test_split must have rows|of train_test_split must be an array with rows"):
        train_test_split(rows, groups=GROUPS)


@pytest.mark.parametrize("folds", [np.array(3), 5, "ab", None, [[0]], [0, 1], [np.array(1), [2]], [[], [1]]])
def test_lists_of_groups(folds: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^folds of PredefinedGroupSplit must "):
        PredefinedGroupSplit(folds)


def test_messages_stay_short_whatever_the_groups_are_called() -> None:
    with pytest.raises(InvalidInputError) as caught:
        next(published_folds("ravdess/luna-jimenez").split(X, Y, [f"{'x' * 10_000}{g}" for g in GROUPS]))
    assert len(str(caught.value)) < 1_000


def test_missing_and_endless_labels_are_no_strata() -> None:
    missing = pd.Series(["a", None, "b"] * 20, dtype="string")
    endless = np.where(Y == 1, np.inf, Y)
    for labels in (missing, endless):
        with pytest.raises(InvalidInputError, match=r"^y of "):
            next(StratifiedGroupKFold(3).split(X, labels, GROUPS))


def test_joined_groups_of_any_column() -> None:
    with pytest.raises(InvalidInputError, match="speaker of joined_groups must be one value a row"):
        joined_groups({"speaker": [[1], [2, 3], [3]] * 2})
    lists = np.empty(3, dtype=object)
    lists[:] = [[1], [2], [3]]
    with pytest.raises(InvalidInputError, match="speaker of joined_groups must be numbers, texts or other hashable values"):
        joined_groups({"speaker": lists})
    with pytest.raises(InvalidInputError, match="speaker of joined_groups must be known"):
        joined_groups({"speaker": np.ma.array([1, 2, 3], mask=[False, True, False])})
    assert joined_groups({"speaker": [1, "1", 2]}).tolist() == [0, 1, 2]
    with pytest.raises(EmotionNativeError, match="array with rows"):
        joined_groups({"speaker": 3})
