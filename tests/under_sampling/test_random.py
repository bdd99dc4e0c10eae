"""RandomUnderSampler against imbalanced-learn's rules, its properties, and what it refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.under_sampling import RandomUnderSampler as Reference

from emotion_native.exceptions import InvalidInputError
from emotion_native.under_sampling import RandomUnderSampler

LABELS = np.array(["calm"] * 6 + ["angry"] * 3 + ["sad"] * 2 + ["happy"] * 2)


def rows(y: np.ndarray) -> np.ndarray:
    return np.arange(2 * len(y), dtype=np.float32).reshape(len(y), 2)


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize(
    "strategy", ["auto", "not majority", "not minority", "majority", "all", {"calm": 4, "angry": 3}, lambda y: {"calm": 1, "sad": 0}]
)
def test_counts_and_layout_equal_imbalanced_learn(strategy: Any, replacement: bool) -> None:
    X = rows(LABELS)
    ours = RandomUnderSampler(sampling_strategy=strategy, random_state=1, replacement=replacement)
    theirs = Reference(sampling_strategy=strategy, random_state=1, replacement=replacement)
    X_new, y_new = ours.fit_resample(X, LABELS)
    _, y_expected = theirs.fit_resample(X, LABELS)
    np.testing.assert_array_equal(y_new, y_expected)  # which rows differs by the random numbers
    np.testing.assert_array_equal(X_new, X[ours.sample_indices_])
    np.testing.assert_array_equal(y_new, LABELS[ours.sample_indices_])
    assert ours.sampling_strategy_ == dict(theirs.sampling_strategy_)


def test_a_ratio_equals_imbalanced_learn() -> None:
    y = np.array([0] * 11 + [1] * 4)
    _, ours = RandomUnderSampler(sampling_strategy=0.6, random_state=0).fit_resample(rows(y), y)
    _, theirs = Reference(sampling_strategy=0.6, random_state=0).fit_resample(rows(y), y)
    assert Counter(ours.tolist()) == Counter(theirs.tolist())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(lambda y: len(set(y)) > 1), st.integers(0, 2**64 - 1))
def test_properties(labels: list[int], seed: int) -> None:
    y = np.array(labels)
    sampler = RandomUnderSampler(random_state=seed)
    _, y_new = sampler.fit_resample(rows(y), y)
    assert set(Counter(y_new.tolist()).values()) == {min(Counter(labels).values())}
    assert len(set(sampler.sample_indices_.tolist())) == len(y_new)
    again = RandomUnderSampler(random_state=seed)
    again.fit_resample(rows(y), np.array([f"class {k}" for k in labels]))  # names do not matter, only their order
    np.testing.assert_array_equal(again.sample_indices_, sampler.sample_indices_)


def test_frames_text_and_nan_keep_their_kind() -> None:
    frame = pd.DataFrame({"text": [f"t{i}" for i in range(len(LABELS))], "value": np.nan})
    X_new, y_new = RandomUnderSampler(random_state=0).fit_resample(frame, pd.Series(LABELS, name="label"))
    assert isinstance(X_new, pd.DataFrame)
    assert y_new.name == "label"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampling_strategy": "minority"}, "sampling_strategy of RandomUnderSampler must be one of"),
        ({"sampling_strategy": 0.5}, "for two classes"),
        ({"sampling_strategy": 1.5}, "at most 1"),
        ({"sampling_strategy": {"calm": 7}}, "at most the number of rows a class has"),
        ({"sampling_strategy": {"bored": 2}}, "sampling_strategy of RandomUnderSampler must be about classes present in the data"),
        ({"sampling_strategy": {"calm": 2.5}}, "numbers of rows"),
        ({"replacement": "no"}, "replacement of RandomUnderSampler must be True or False"),
        ({"random_state": -1}, "random_state of RandomUnderSampler must be"),
    ],
)
def test_bad_parameters_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        RandomUnderSampler(**arguments).fit_resample(rows(LABELS), LABELS)
