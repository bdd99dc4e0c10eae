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


def neighbours(value: float, steps: int, dtype: type) -> np.ndarray:
    """Return a value and the next ones that its type can hold."""
    found = [dtype(value)]
    for _ in range(steps):
        found.append(np.nextafter(found[-1], dtype(np.inf)))
    return np.array(found, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("value", [1e-9, 0.1, 0.3, 0.999, 7.5])
def test_values_some_last_bits_apart_are_one_point_as_in_the_peer(dtype: type, weighted: bool, value: float) -> None:
    rng = np.random.default_rng(3)
    for steps in (1, 2, 20, 200):
        x = np.concatenate([np.array([value / 2, value * 2], dtype=dtype), neighbours(value, steps, dtype)])
        x = rng.permutation(np.repeat(x, 3))
        y = rng.integers(0, 2, len(x)).astype(dtype)
        weight = rng.integers(0, 3, len(x)).astype(dtype) + (np.arange(len(x)) == 0) if weighted else None
        for increasing in (True, False):
            ours = IsotonicRegression(increasing=increasing, out_of_bounds="clip").fit(x, y, weight)
            theirs = peer.IsotonicRegression(increasing=increasing, out_of_bounds="clip").fit(x, y, weight)
            # The points are the very same numbers; their means are of sums of ones, which float32 holds exactly, so only one division is rounded.
            assert ours.X_thresholds_.dtype == theirs.X_thresholds_.dtype == dtype
            assert (ours.X_min_, ours.X_max_) == (theirs.X_min_, theirs.X_max_)
            np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=4 * float(np.finfo(dtype).eps), atol=float(np.finfo(dtype).eps))
            if ours.X_thresholds_.shape == theirs.X_thresholds_.shape:
                np.testing.assert_array_equal(ours.X_thresholds_, theirs.X_thresholds_)
            assert (np.diff(ours.X_thresholds_) > 0).all()


def test_two_values_one_last_bit_apart_are_the_smaller_one_with_both_weights() -> None:
    low, high = neighbours(0.3, 1, np.float64)
    model = IsotonicRegression(out_of_bounds="clip").fit([low, high, 0.9], [0.0, 1.0, 1.0], [3.0, 1.0, 1.0])
    assert model.X_thresholds_.tolist() == [low, 0.9]
    assert model.y_thresholds_.tolist() == [0.25, 1.0]
    apart = IsotonicRegression(out_of_bounds="clip").fit([0.3, 0.3 + 2e-15, 0.9], [0.0, 1.0, 1.0])
    assert apart.predict([0.3, 0.3 + 2e-15]).tolist() == [0.0, 1.0]
    last = IsotonicRegression().fit([0.1, low, high], [0.0, 1.0, 1.0])
    assert last.X_max_ == low  # and what lies behind is out of bounds, as in the peer
    assert np.isnan(last.predict([high])).all()
    assert np.isnan(peer.IsotonicRegression().fit([0.1, low, high], [0.0, 1.0, 1.0]).predict([high])).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_crowds_of_values_are_parted_as_in_the_peer(n: int, seed: int, dtype: type, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    unit = dtype(np.finfo(dtype).resolution)
    x = (rng.integers(0, 3, n) / 3 + unit * rng.uniform(0, 6, n)).astype(dtype)  # chains that reach over several points
    y = rng.integers(0, 4, n).astype(dtype)
    weight = rng.integers(1, 4, n).astype(dtype) if weighted else None
    ours, theirs = (kind(out_of_bounds="clip").fit(x, y, weight) for kind in (IsotonicRegression, peer.IsotonicRegression))
    assert (ours.X_min_, ours.X_max_) == (theirs.X_min_, theirs.X_max_)
    assert set(ours.X_thresholds_.tolist()) <= set(x.tolist())
    # Beside a crowd the function is so steep that a rounded difference of x shows; at the values of the points themselves it does not.
    at = theirs.X_thresholds_
    np.testing.assert_allclose(ours.predict(at), theirs.y_thresholds_, rtol=8 * float(np.finfo(dtype).eps), atol=1e-12)


@pytest.mark.parametrize("out_of_bounds", ["nan", "clip", "raise"])
def test_one_point_is_a_constant_everywhere_as_in_scikit_learn(out_of_bounds: str) -> None:
    ours, theirs = (
        kind(out_of_bounds=out_of_bounds).fit([1.0, 1.0], [0.0, 1.0]).predict([0.0, 1.0, 2.0])
        for kind in (IsotonicRegression, peer.IsotonicRegression)
    )
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(ours, 0.5)
