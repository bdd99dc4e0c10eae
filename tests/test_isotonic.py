"""Isotonic regression beside scikit-learn's, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.isotonic as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError
from emotion_native.isotonic import IsotonicRegression, check_increasing, isotonic_regression


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.sampled_from([1, 5, 10_000]))
def test_equals_the_peer(n: int, seed: int, increasing: bool, weighted: bool, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, distinct, n) / 7 - 3.0
    y = rng.normal(size=n) + (x if increasing else -x)
    weight = rng.integers(0, 3, n).astype(float) if weighted else None
    if weight is not None:
        weight[0] = 2.0
    bounds = {"y_min": -2.0, "y_max": 2.0} if seed % 2 else {}
    ours = IsotonicRegression(increasing=increasing, out_of_bounds="clip", **bounds).fit(x, y, weight)
    theirs = peer.IsotonicRegression(increasing=increasing, out_of_bounds="clip", **bounds).fit(x, y, weight)
    new = rng.normal(size=100) * 5
    # Sums of up to 200 numbers in another order, and values near 0 that cancel.
    np.testing.assert_allclose(ours.predict(new), theirs.predict(new), rtol=1e-9, atol=1e-12)
    assert (ours.X_min_, ours.X_max_) == (theirs.X_min_, theirs.X_max_)
    positive = None if weight is None else weight + 1
    mine = isotonic_regression(y, sample_weight=positive, increasing=increasing, **bounds)
    np.testing.assert_allclose(mine, peer.isotonic_regression(y, sample_weight=positive, increasing=increasing, **bounds), rtol=1e-9, atol=1e-12)


def test_direction_bounds_and_types() -> None:
    x, y = np.arange(10.0), -np.arange(10.0)
    model = IsotonicRegression(increasing="auto").fit(x, y)
    assert not model.increasing_
    assert np.isnan(model.predict([-1.0, 10.0])).all()
    assert IsotonicRegression().fit(x.astype(np.float32), y.astype(np.float32)).predict(x.astype(np.float32)).dtype == np.float32
    with pytest.raises(InvalidInputError, match=r"from 0\.0 to 9\.0; got 11\.0"):
        IsotonicRegression(out_of_bounds="raise").fit(x, x).predict([3.0, 11.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_increasing(x, x)
    with pytest.warns(EmotionNativeWarning, match="spans zero"):
        check_increasing([1, 2, 3, 4, 5, 6], [1, 5, 2, 4, 1, 3])


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"y_min": 2, "y_max": 1}, "y_min of IsotonicRegression must be at most y_max; got 2 and 1"),
        ({"y_min": "low"}, "y_min of IsotonicRegression must be a number"),
        ({"y_max": float("nan")}, "y_max of IsotonicRegression must be a number"),
        ({"out_of_bounds": "clamp"}, "out_of_bounds of IsotonicRegression must be one of"),
        ({"increasing": "down"}, "increasing of IsotonicRegression must be a bool or 'auto'"),
    ],
)
def test_bad_parameters(parameters: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        IsotonicRegression(**parameters).fit([1, 2], [1, 2])


def test_bad_arrays() -> None:
    for x, y in (([1, np.nan], [1, 2]), ([1, 2], [1, np.inf]), ([[1, 2], [3, 4]], [1, 2]), ([1, 2, 3], [1, 2]), ([], []), (["a", "b"], [1, 2])):
        with pytest.raises(ValueError):
            IsotonicRegression().fit(x, y)
    for weight in ([0, 0], [-1, 1], [1], [np.nan, 1]):
        with pytest.raises(InvalidInputError, match="sample_weight"):
            IsotonicRegression().fit([1, 2], [1, 2], weight)
    with pytest.raises(InvalidInputError, match="must be positive"):
        isotonic_regression([1, 2], sample_weight=[0, 1])
