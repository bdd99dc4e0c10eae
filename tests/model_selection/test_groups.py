"""Joined groups: hand-worked cases, scipy's connected components as the oracle, and the errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

joined_groups = en.model_selection.joined_groups


def same_partition(a: Any, b: Any) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 60), st.integers(1, 30), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_components_equal_scipy(n: int, n_speakers: int, n_recordings: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    speaker, recording = rng.integers(0, n_speakers, n), rng.integers(0, n_recordings, n)
    # A bipartite graph of rows and key values.
    rows = np.arange(n)
    left = np.concatenate([rows, rows])
    right = np.concatenate([n + speaker, n + n_speakers + recording])
    size = n + n_speakers + n_recordings
    _, expected = connected_components(coo_matrix((np.ones(2 * n), (left, right)), shape=(size, size)), directed=False)
    if len(set(expected[:n])) == 1:
        with pytest.raises(LeakageError):
            joined_groups({"speaker": speaker, "recording": recording})
    else:
        assert same_partition(joined_groups({"speaker": speaker, "recording": recording}).tolist(), expected[:n].tolist())


def test_twins_and_duplicates_are_joined_in_a_frame() -> None:
    frame = pd.DataFrame({
        "speaker": ["a", "a", "b", "c", "d"],
        "recording": ["r1", "r2", "r2", None, np.nan],
        "content": ["h1", "h2", "h3", "h4", ""],
    })
    assert joined_groups(frame).tolist() == [0, 0, 0, 1, 2]
    frame.loc[4, "content"] = "h4"
    assert joined_groups(frame).tolist() == [0, 0, 0, 1, 1]
    assert joined_groups(frame, keys=["speaker"]).tolist() == joined_groups(frame, keys="speaker").tolist() == [0, 0, 1, 2, 3]


def test_permuting_rows_permutes_groups(rng: np.random.Generator) -> None:
    rows = {"speaker": rng.integers(0, 20, 50), "recording": rng.integers(0, 60, 50)}
    order = rng.permutation(50)
    plain = joined_groups(rows)
    assert same_partition(plain[order].tolist(), joined_groups({k: v[order] for k, v in rows.items()}).tolist())


@pytest.mark.parametrize(
    ("rows", "blame"),
    [
        ({"speaker": ["a", "a", "a"], "recording": [1, 2, 3]}, "'speaker' alone"),
        ({"speaker": ["a", "b", "c"], "recording": ["x", "x", "x"]}, "'recording' alone"),
        ({"speaker": ["a", "a", "b"], "content": ["x", "y", "y"]}, "'content' joins what the other keys keep apart"),
    ],
)
def test_one_component_names_the_key(rows: Any, blame: str) -> None:
    with pytest.raises(LeakageError, match=blame):
        joined_groups(rows)


def test_a_single_row_is_a_group() -> None:
    assert joined_groups({"speaker": ["a"]}).tolist() == [0]


def test_bad_rows() -> None:
    with pytest.raises(InvalidInputError, match="speaker of joined_groups must be known"):
        joined_groups({"speaker": ["a", None]})
    with pytest.raises(InvalidInputError, match="at least one of the columns"):
        joined_groups({"name": ["a"]})
    for rows in ("speaker", ["a", "b"], None, 3, np.zeros(2)):
        with pytest.raises(InvalidInputError, match=r"^rows of joined_groups must be a DataFrame or a mapping of names to columns; got "):
            joined_groups(rows)
    with pytest.raises(InvalidInputError, match=r"recording of joined_groups must be one value a row \(2 rows\)"):
        joined_groups({"speaker": ["a", "b"], "recording": ["x"]})


def test_kernel_refuses_what_python_would_have_caught() -> None:
    from emotion_native import _core

    with pytest.raises(InvalidInputError):
        _core.join_groups([])
    with pytest.raises(InvalidInputError):
        _core.join_groups([np.zeros(2, dtype=np.int64), np.zeros(3, dtype=np.int64)])
    with pytest.raises(InvalidInputError):
        _core.balanced_folds(np.ones(2, dtype=np.int64), 3)
    one, two = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
    order = np.arange(2)
    for groups, labels, orders, classes, splits in [
        (np.array([0, 2]), two, order, 1, 2),
        (np.array([0, -1]), two, order, 1, 2),
        (order, np.array([0, 1]), order, 1, 2),
        (order, one, order, 1, 2),
        (order, two, two, 1, 2),
        (order, two, one, 1, 2),
        (order, two, order, 2, 2),
        (order, two, order, 1, 3),
        (order, two, order, 1, 0),
    ]:
        with pytest.raises(InvalidInputError):
            _core.stratified_folds(groups, 2, labels, classes, orders, splits)
    for group, fold, n_folds in [(np.array([0, 3]), order, 2), (np.array([-1, 0]), order, 2), (order, np.array([0, 2]), 2), (order, order[:0], 1)]:
        with pytest.raises(InvalidInputError):
            _core.rows_by_fold(group, fold, n_folds)
    for part, n in [(np.array([0, 0]), 4), (np.array([2, 1]), 4), (np.array([4]), 4), (np.array([-1]), 4), (order, 1)]:
        with pytest.raises(InvalidInputError):
            _core.other_rows(part, n)
    for values in (np.zeros((2, 2)), np.zeros(4)[::2], np.array(1.0)):
        with pytest.raises(InvalidInputError):
            _core.factorize(values)
