"""Splitters against scikit-learn's, which are the oracle: equal folds, row by row."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection as sk

import emotion_native as en
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError, LeakageError

ms = en.model_selection
GROUPED = [ms.GroupKFold(2), ms.StratifiedGroupKFold(2), ms.LeaveOneGroupOut(), ms.GroupShuffleSplit(2, random_state=0)]


def folds_of(cv: Any, X: Any, y: Any, groups: Any) -> list[tuple[list[int], list[int]]]:
    return [(np.asarray(a).tolist(), np.asarray(b).tolist()) for a, b in cv.split(X, y, groups)]


@st.composite
def grouped_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    n = draw(st.integers(6, 60))
    n_groups = draw(st.integers(2, min(n, 12)))
    n_classes = draw(st.integers(2, 10))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    y = rng.integers(0, n_classes, n)
    return np.zeros((n, 1)), y, rng.permutation(groups), draw(st.integers(2, n_groups))


@settings(max_examples=150, deadline=None)
@given(grouped_rows(), st.booleans(), st.integers(0, 1000))
def test_group_k_fold_equals_scikit_learn(rows: Any, shuffle: bool, seed: int) -> None:
    X, y, groups, k = rows
    options = {"shuffle": True, "random_state": seed} if shuffle else {}
    assert folds_of(ms.GroupKFold(k, **options), X, y, groups) == folds_of(sk.GroupKFold(k, **options), X, y, groups)


def lacks(folds: Any, y: np.ndarray, groups: np.ndarray) -> int:
    """Count empty test parts, and pairs of class and fold that are absent although the class has groups enough."""
    missing = sum(
        min(len(folds), len(np.unique(groups[y == label]))) - sum(bool((y[np.asarray(test, dtype=int)] == label).any()) for _, test in folds)
        for label in np.unique(y)
    )
    return missing + sum(len(test) == 0 for _, test in folds)


def unevenness(folds: Any, y: np.ndarray) -> float:
    """Return the mean over classes of the standard deviation over folds of the class's share of rows: the criterion of the greedy rule."""
    shares = [[np.mean(np.isin(np.flatnonzero(y == label), test)) for _, test in folds] for label in np.unique(y)]
    return float(np.std(shares, axis=1).mean())


@settings(max_examples=300, deadline=None)
@given(grouped_rows(), st.booleans(), st.integers(0, 1000))
def test_stratified_group_k_fold_equals_scikit_learn_where_that_lacks_nothing(rows: Any, shuffle: bool, seed: int) -> None:
    X, y, groups, k = rows
    options = {"shuffle": True, "random_state": seed} if shuffle else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            expected = folds_of(sk.StratifiedGroupKFold(k, **options), X, y, groups)
        except ValueError:
            with pytest.raises(InvalidInputError):
                folds_of(ms.StratifiedGroupKFold(k, **options), X, y, groups)
            return
    found = folds_of(ms.StratifiedGroupKFold(k, **options), X, y, groups)
    assert all(test for _, test in found)
    if lacks(expected, y, groups) == 0:
        assert found == expected
    else:
        assert lacks(found, y, groups) <= lacks(expected, y, groups)


@settings(max_examples=60, deadline=None)
@given(grouped_rows(), st.integers(0, 1000))
def test_other_splitters_equal_scikit_learn(rows: Any, seed: int) -> None:
    X, y, groups, _ = rows
    assert folds_of(ms.LeaveOneGroupOut(), X, y, groups) == folds_of(sk.LeaveOneGroupOut(), X, y, groups)
    assert ms.LeaveOneGroupOut().get_n_splits(X, y, groups) == len(np.unique(groups))
    ours, theirs = (lib.GroupShuffleSplit(3, test_size=0.4, random_state=seed) for lib in (ms, sk))
    assert folds_of(ours, X, y, groups) == folds_of(theirs, X, y, groups)
    assert folds_of(ms.KFold(3), X, y, None) == folds_of(sk.KFold(3), X, y, None)


@settings(max_examples=60, deadline=None)
@given(grouped_rows())
def test_no_group_is_on_both_sides_and_every_row_is_tested_once(rows: Any) -> None:
    X, y, groups, k = rows
    for cv in (ms.GroupKFold(k), ms.GroupKFold(k, shuffle=True, random_state=1), ms.LeaveOneGroupOut()):
        tested = np.zeros(len(y), dtype=int)
        for train, test in cv.split(X, y, groups):
            assert not set(groups[train]) & set(groups[test])
            tested[test] += 1
        assert (tested == 1).all()


@pytest.mark.parametrize("seed", range(20))
def test_stratified_group_k_fold_does_not_depend_on_the_names_of_groups_or_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, y = rng.integers(0, 8, 50), rng.integers(0, 4, 50)
    names = np.array([f"s{i:02d}" for i in range(8)], dtype=object)
    expected = folds_of(ms.StratifiedGroupKFold(3), groups, y, groups)
    assert folds_of(ms.StratifiedGroupKFold(3), groups, np.array(["a", "b", "c", "d"])[y], names[groups]) == expected


def test_scikit_learn_can_leave_a_fold_empty_where_ours_does_not() -> None:
    """Three groups with (27, 21), (10, 0) and (0, 16) rows of two classes: the greedy rule puts the small ones together."""
    groups = np.repeat([0, 1, 2], [48, 10, 16])
    y = np.repeat([0, 1, 0, 1], [27, 21, 10, 16])
    assert sorted(len(test) for _, test in sk.StratifiedGroupKFold(3).split(groups, y, groups)) == [0, 26, 48]
    assert sorted(len(test) for _, test in ms.StratifiedGroupKFold(3).split(groups, y, groups)) == [10, 16, 48]


def skewed_problem(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return labels, groups and a number of folds; sizes and class shares run from even to wildly skewed."""
    rng = np.random.default_rng(seed)
    n_groups, n_classes = int(rng.integers(2, (12, 30, 60)[seed % 3])), int(rng.integers(1, 10))
    sizes = np.ceil(rng.pareto(1.0, n_groups) * 3).clip(1, 200).astype(int) if seed % 2 else rng.integers(1, 12, n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    shares = rng.dirichlet(np.full(n_classes, (0.3, 1, 5)[seed // 6 % 3]))
    return rng.choice(n_classes, len(groups), p=shares), groups, int(rng.integers(2, min(n_groups, 10) + 1))


def test_balance_and_coverage_beside_scikit_learn() -> None:
    """Never less coverage; never less balance where scikit-learn's folds are complete; where ours had to be repaired, better balance as a rule."""
    balance = {"win": 0, "tie": 0, "loss": 0}
    for seed in range(240):
        y, groups, k = skewed_problem(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                theirs = list(sk.StratifiedGroupKFold(k).split(groups, y, groups))
            except ValueError:
                continue
        ours = list(ms.StratifiedGroupKFold(k).split(groups, y, groups))
        assert lacks(ours, y, groups) <= lacks(theirs, y, groups)
        gain = unevenness(theirs, y) - unevenness(ours, y)
        result = "win" if gain > 1e-12 else "tie" if gain >= -1e-12 else "loss"
        assert result != "loss" or lacks(theirs, y, groups) > lacks(ours, y, groups)
        balance[result] += 1
    assert balance["win"] > 4 * balance["loss"]


@pytest.mark.parametrize("cv", GROUPED, ids=lambda cv: type(cv).__name__)
def test_without_groups_the_error_names_both_ways_out(cv: Any) -> None:
    with pytest.raises(LeakageError, match=r"pass groups=.* a splitter that ignores groups, such as KFold$"):
        list(cv.split(np.zeros((4, 1)), [0, 1, 0, 1]))


@pytest.mark.parametrize("cv", GROUPED, ids=lambda cv: type(cv).__name__)
@pytest.mark.parametrize("groups", [["a", "a", None, "b"], [0.0, 1.0, np.nan, 1.0], ["a", "b"], [["a"], ["b"], ["a"], ["b"]], ["a", "", "b", "b"]])
def test_bad_groups(cv: Any, groups: Any) -> None:
    with pytest.raises(InvalidInputError, match="groups of"):
        list(cv.split(np.zeros((4, 1)), [0, 1, 0, 1], np.asarray(groups, dtype=object if None in groups else None)))


@pytest.mark.parametrize("n_splits", [1, 0, -3, 2.5, "5", True, None])
@pytest.mark.parametrize("splitter", [ms.GroupKFold, ms.StratifiedGroupKFold])
def test_bad_n_splits(splitter: Any, n_splits: Any) -> None:
    with pytest.raises(InvalidInputError, match="n_splits of"):
        splitter(n_splits)


def test_more_folds_than_groups_and_continuous_labels_are_refused() -> None:
    X, groups = np.zeros((4, 1)), ["a", "a", "b", "b"]
    for cv in (ms.GroupKFold(3), ms.StratifiedGroupKFold(3)):
        with pytest.raises(InvalidInputError, match="at most the number of groups, 2; got 3"):
            list(cv.split(X, [0, 1, 0, 1], groups))
    with pytest.raises(InvalidInputError, match="continuous"):
        list(ms.StratifiedGroupKFold(2).split(X, [0.5, 1.5, 0.1, 2.0], groups))
    with pytest.raises(InvalidInputError, match="y of StratifiedGroupKFold"):
        list(ms.StratifiedGroupKFold(2).split(X, None, groups))
    with pytest.raises(InvalidInputError, match="at least two"):
        list(ms.LeaveOneGroupOut().split(X, None, ["a"] * 4))
    with pytest.raises(InvalidInputError, match="random_state"):
        ms.GroupKFold(2, random_state=1)


def test_scikit_learn_accepts_our_splitters() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(60, 3)), rng.integers(0, 2, 60), np.arange(60) % 6
    for ours, theirs in ((ms.GroupKFold(3), sk.GroupKFold(3)), (ms.StratifiedGroupKFold(3), sk.StratifiedGroupKFold(3))):
        scores = [sk.cross_val_score(LogisticRegression(), X, y, groups=groups, cv=cv) for cv in (ours, theirs)]
        assert np.array_equal(*scores)


def test_a_class_with_fewer_rows_than_folds_is_named_in_a_warning() -> None:
    y, groups = [0] * 9 + [1], np.arange(10)
    with pytest.warns(EmotionNativeWarning, match="least populated class of y has 1 rows, fewer than n_splits=3"):
        list(ms.StratifiedGroupKFold(3).split(groups, y, groups))


@pytest.mark.parametrize("seed", range(6))
def test_groups_and_labels_of_every_kind_give_the_same_folds(seed: int) -> None:
    """Codes follow the sorted order of the values, so order-preserving names change nothing; numpy.unique is the oracle."""
    rng = np.random.default_rng(seed)
    numbers, y = rng.integers(0, 40, 300), rng.integers(0, 4, 300)
    kinds: list[Any] = [
        numbers.astype(np.uint8),
        numbers.astype(np.int32)[::-1][::-1],
        numbers * (2**55) - 2**61,
        numbers.astype(np.uint64) + np.uint64(2**63),
        numbers.astype(np.float32) - 20,
        np.where(numbers == 0, -0.0, numbers.astype(float)),
        np.array([f"{i:03d}" for i in numbers]),
        np.array([f"{i:03d}".encode() for i in numbers]),
        np.array([f"{i:03d}" for i in numbers], dtype=object),
        np.array([f"speaker-with-a-long-name-{i:03d}" for i in numbers]).tolist(),
        numbers.astype("datetime64[D]"),
        numbers.astype("timedelta64[s]"),
        pd.Series(numbers, index=rng.permutation(300) + 7),
        pd.Categorical([f"{i:03d}" for i in numbers]),
        pd.Series(numbers, dtype="Int64"),
        pd.Series([f"{i:03d}" for i in numbers], dtype="string"),
        pd.Series([(i, "a") for i in numbers]),
        np.ma.array(numbers, mask=False),
    ]
    fixed = numbers.copy()
    fixed.flags.writeable = False
    kinds.append(fixed)
    for cv in (ms.GroupKFold(5), ms.StratifiedGroupKFold(4), ms.LeaveOneGroupOut(), ms.GroupShuffleSplit(2, random_state=0)):
        expected = folds_of(cv, y, y, numbers)
        for groups in kinds:
            assert folds_of(cv, y, y, groups) == expected
        assert folds_of(cv, y, np.array(["a", "b", "c", "d"])[y].astype(object), numbers) == expected
        assert folds_of(cv, y, y.astype(np.float32), numbers) == expected


def test_groups_that_cannot_be_sorted_are_taken_in_order_of_appearance() -> None:
    groups = pd.Series(["b", 1, "a", 1, "b", (2, 3)])
    assert [test for _, test in folds_of(ms.LeaveOneGroupOut(), groups, None, groups)] == [[0, 4], [1, 3], [2], [5]]


@pytest.mark.parametrize(
    "groups",
    [
        np.ma.array([1, 2, 1, 2], mask=[0, 1, 0, 0]),
        pd.Series([1, None, 2, 2], dtype="Int64"),
        pd.Categorical(["a", None, "b", "b"]),
        np.array(["2020-01-01", "NaT", "2021-01-01", "2021-01-01"], dtype="datetime64[D]"),
        [1, float("nan"), "a", "b"],
        pd.Series([["a"], ["b"], ["a"], {}]),
        [[1], [2, 3], [1], [2]],
        "abcd",
        3,
        {"a": 1},
    ],
    ids=lambda g: type(g).__name__,
)
@pytest.mark.parametrize("cv", GROUPED, ids=lambda cv: type(cv).__name__)
def test_hostile_groups(cv: Any, groups: Any) -> None:
    with pytest.raises(InvalidInputError, match="groups of"):
        list(cv.split(np.zeros((4, 1)), [0, 1, 0, 1], groups))


@pytest.mark.parametrize("y", [[0, np.nan, 1, 1], [0, None, 1, 1], [[0, 1]] * 4, [0, 1], "abcd", [[0], [1], [0, 1], [1]], [0, 1j, 0, 1], 3])
def test_hostile_labels(y: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"y of StratifiedGroupKFold.split"):
        list(ms.StratifiedGroupKFold(2).split(np.zeros((4, 1)), y, [0, 1, 2, 3]))


def test_every_row_its_own_group_and_as_many_folds_as_groups() -> None:
    groups, y = np.arange(50), np.arange(50) % 5
    for cv in (ms.GroupKFold(50), ms.StratifiedGroupKFold(10), ms.LeaveOneGroupOut()):
        assert sorted(row for _, test in folds_of(cv, y, y, groups) for row in test) == list(range(50))


def test_memory_of_a_split_is_that_of_its_arrays() -> None:
    """Peak while iterating: one fold's arrays, the rows in order of folds, and the codes; 100 bytes a row leave room for tables of groups."""
    import tracemalloc

    rng = np.random.default_rng(0)
    n = 200_000
    groups, y = rng.integers(0, 20_000, n), rng.integers(0, 8, n)
    tracemalloc.start()
    for _ in ms.StratifiedGroupKFold(5).split(groups, y, groups):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * n
