"""RandomOverSampler against imbalanced-learn's rules, its properties, and what it refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import RandomOverSampler as Reference
from imblearn.pipeline import make_pipeline as make_foreign_pipeline
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from emotion_native.exceptions import InvalidInputError
from emotion_native.over_sampling import RandomOverSampler

LABELS = np.array(["calm"] * 6 + ["angry"] * 3 + ["sad"] * 2 + ["happy"] * 2)


def rows(y: np.ndarray) -> np.ndarray:
    return np.arange(2 * len(y), dtype=np.float32).reshape(len(y), 2)


@pytest.mark.parametrize("strategy", ["auto", "not majority", "minority", "not minority", "all", {"sad": 5, "angry": 3}, lambda y: {"calm": 9}])
def test_counts_and_layout_equal_imbalanced_learn(strategy: Any) -> None:
    X = rows(LABELS)
    ours, theirs = RandomOverSampler(sampling_strategy=strategy, random_state=1), Reference(sampling_strategy=strategy, random_state=1)
    X_new, y_new = ours.fit_resample(X, LABELS)
    _, y_expected = theirs.fit_resample(X, LABELS)
    np.testing.assert_array_equal(y_new, y_expected)  # the same classes in the same places; which copies differs by the random numbers
    np.testing.assert_array_equal(X_new, X[ours.sample_indices_])
    np.testing.assert_array_equal(y_new, LABELS[ours.sample_indices_])
    np.testing.assert_array_equal(ours.sample_indices_[: len(X)], np.arange(len(X)))
    assert {k: v for k, v in ours.sampling_strategy_.items() if v} == {k: v for k, v in theirs.sampling_strategy_.items() if v}
    assert X_new.dtype == np.float32


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.0])
def test_a_ratio_equals_imbalanced_learn(ratio: float) -> None:
    y = np.array([0] * 11 + [1] * 4)
    _, ours = RandomOverSampler(sampling_strategy=ratio, random_state=0).fit_resample(rows(y), y)
    _, theirs = Reference(sampling_strategy=ratio, random_state=0).fit_resample(rows(y), y)
    assert Counter(ours.tolist()) == Counter(theirs.tolist())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(lambda y: len(set(y)) > 1), st.integers(0, 2**64 - 1))
def test_properties(labels: list[int], seed: int) -> None:
    y = np.array(labels)
    sampler = RandomOverSampler(random_state=seed)
    X_new, y_new = sampler.fit_resample(rows(y), y)
    assert set(Counter(y_new.tolist()).values()) == {max(Counter(labels).values())}
    again = RandomOverSampler(random_state=seed)
    np.testing.assert_array_equal(again.fit_resample(rows(y), y)[0], X_new)
    # Names of the classes do not matter, only their order.
    named = np.array([f"class {k}" for k in labels])
    again.fit_resample(rows(y), named)
    np.testing.assert_array_equal(again.sample_indices_, sampler.sample_indices_)


def test_frames_series_sparse_text_and_nan_keep_their_kind() -> None:
    frame = pd.DataFrame({"text": [f"t{i}" for i in range(len(LABELS))], "value": np.nan})
    X_new, y_new = RandomOverSampler(random_state=0).fit_resample(frame, pd.Series(LABELS, name="label"))
    assert isinstance(X_new, pd.DataFrame)
    assert isinstance(y_new, pd.Series)
    assert y_new.name == "label"
    assert X_new["text"].iloc[0] == "t0"
    X_sparse, _ = RandomOverSampler(random_state=0).fit_resample(sparse.csc_matrix(rows(LABELS)), LABELS)
    assert X_sparse.format == "csc"


def test_a_generator_and_none_give_seeds() -> None:
    X = rows(LABELS)
    first = RandomOverSampler(random_state=np.random.RandomState(3)).fit_resample(X, LABELS)[0]
    second = RandomOverSampler(random_state=np.random.RandomState(3)).fit_resample(X, LABELS)[0]
    np.testing.assert_array_equal(first, second)
    assert RandomOverSampler().fit_resample(X, LABELS)[0].shape == (24, 2)


def test_imbalanced_learns_pipeline_takes_it(rng: np.random.Generator) -> None:
    X = rng.normal(size=(len(LABELS), 2))
    model = make_foreign_pipeline(RandomOverSampler(random_state=0), LogisticRegression()).fit(X, LABELS)
    X_new, y_new = RandomOverSampler(random_state=0).fit_resample(X, LABELS)
    np.testing.assert_allclose(model[-1].coef_, LogisticRegression().fit(X_new, y_new).coef_)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("majority", "sampling_strategy of RandomOverSampler must be one of"),
        (7, "sampling_strategy of RandomOverSampler must be one of"),
        (0.0, "above 0"),
        (1.5, "at most 1"),
        (0.5, "for two classes"),
        ({"calm": 2}, "at least the number of rows a class has"),
        ({"bored": 2}, "present in the data"),
        ({"calm": -2}, "numbers of rows"),
        ({"calm": 2.5}, "numbers of rows"),
    ],
)
def test_bad_strategies_are_refused(strategy: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        RandomOverSampler(sampling_strategy=strategy).fit_resample(rows(LABELS), LABELS)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((3, 1)), [0, 1]),
        (np.zeros((0, 1)), []),
        (np.zeros(3), [0, 1, 1]),
        (np.zeros((2, 1)), [0, 0]),
        (np.zeros((2, 1)), None),
        (np.zeros((2, 1)), [[0, 1], [1, 0]]),
        (np.zeros((2, 1)), [0.0, np.nan]),
        (np.zeros((3, 1)), [0.1, 0.2, 0.35]),
    ],
)
def test_bad_rows_are_refused(X: Any, y: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"[Xy] of RandomOverSampler\.fit_resample must"):
        RandomOverSampler().fit_resample(X, y)


def test_seeds_are_checked() -> None:
    for seed in (-1, 2**64, 1.5, "x", True):
        with pytest.raises(InvalidInputError, match="random_state of RandomOverSampler must be"):
            RandomOverSampler(random_state=seed).fit_resample(rows(LABELS), LABELS)
