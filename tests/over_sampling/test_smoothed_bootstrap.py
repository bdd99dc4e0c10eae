"""RandomOverSampler with shrinkage: the smoothed bootstrap of Menardi and Torelli (2014)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler as Reference
from scipy import sparse
from sklearn.base import clone

from emotion_native.ensemble import RandomForestClassifier
from emotion_native.exceptions import InvalidInputError
from emotion_native.model_selection import cross_val_predict, resolve_folds
from emotion_native.over_sampling import RandomOverSampler
from emotion_native.pipeline import make_pipeline

LABELS = np.repeat(["angry", "happy", "sad"], [40, 12, 5])


def rows(dtype: Any = np.float64) -> np.ndarray:
    rng = np.random.default_rng(5)
    return (rng.standard_normal((57, 3)) * [1, 10, 0] + 7).astype(dtype)


def test_zero_and_none_are_the_plain_bootstrap() -> None:
    plain, labels = RandomOverSampler(random_state=3).fit_resample(rows(), LABELS)
    for shrinkage in (0, 0.0, {"happy": 0, "sad": 0}):
        sampler = RandomOverSampler(random_state=3, shrinkage=shrinkage)
        X, y = sampler.fit_resample(rows(), LABELS)
        np.testing.assert_array_equal(X, plain)
        np.testing.assert_array_equal(y, labels)
        assert sampler.shrinkage_ == {"happy": 0, "sad": 0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_has_the_width_of_the_definition(dtype: Any) -> None:
    X = rows(dtype)
    sampler = RandomOverSampler(random_state=3, sampling_strategy={"angry": 40, "happy": 40_000, "sad": 20_000}, shrinkage={"happy": 1.5, "sad": 0.5})
    out, y = sampler.fit_resample(X, LABELS)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out[:57], X)
    noise = (out - X[sampler.sample_indices_])[57:].astype(np.float64)
    for label, factor in (("happy", 1.5), ("sad", 0.5)):
        own = X[label == LABELS]
        width = factor * (4 / ((3 + 2) * len(own))) ** (1 / (3 + 4)) * own.std(axis=0, dtype=np.float64)
        found = noise[y[57:] == label]
        # The standard deviation of n normal draws is known to about 1 / sqrt(2 n): four of these.
        np.testing.assert_allclose(found.std(axis=0), width, rtol=4 / np.sqrt(2 * len(found)), atol=1e-12)
        assert (np.abs(found.mean(axis=0)) <= 4 * width / np.sqrt(len(found)) + 1e-12).all()
        assert (found[:, 2] == 0).all()  # a constant column stays constant


def test_the_class_alone_decides_about_its_noise() -> None:
    X = rows()
    one, _ = RandomOverSampler(random_state=3, shrinkage=1).fit_resample(X, LABELS)
    other = np.concatenate([X[:40] * 3, X[40:]])
    two, _ = RandomOverSampler(random_state=3, shrinkage=1).fit_resample(other, LABELS)
    np.testing.assert_array_equal(one[40:], two[40:])
    reference, y = Reference(random_state=3, shrinkage=1).fit_resample(X, LABELS)
    assert reference.shape == one.shape
    assert sorted(y) == sorted(RandomOverSampler(random_state=3, shrinkage=1).fit_resample(X, LABELS)[1])


def test_containers_are_kept() -> None:
    X = rows()
    dense, _ = RandomOverSampler(random_state=3, shrinkage=1).fit_resample(X, LABELS)
    frame, y = RandomOverSampler(random_state=3, shrinkage=1).fit_resample(pd.DataFrame(X, columns=list("abc")), pd.Series(LABELS, name="label"))
    assert list(frame.columns) == ["a", "b", "c"]
    assert y.name == "label"
    np.testing.assert_array_equal(frame.to_numpy(), dense)
    matrix, _ = RandomOverSampler(random_state=3, shrinkage=1).fit_resample(sparse.csr_matrix(X), LABELS)
    np.testing.assert_array_equal(matrix.toarray(), dense)


def test_folds_equal_fits_of_copied_rows_and_carry_weights() -> None:
    X, y = rows(), np.repeat(["angry", "happy"], [40, 17])
    groups = np.arange(57) % 6
    weights = np.linspace(0.5, 2, 57)
    model = make_pipeline(RandomOverSampler(random_state=1, shrinkage=1), RandomForestClassifier(10, random_state=2))
    found = cross_val_predict(model, X, y, groups=groups, cv=3, method="predict_proba", params={"sample_weight": weights})
    for train, test in resolve_folds(3, X, y, groups):
        fold = clone(model).fit(X[train], y[train], sample_weight=weights[train])
        np.testing.assert_array_equal(found[test], fold.predict_proba(X[test]))


@pytest.mark.parametrize("shrinkage", [-1, np.nan, "much", {"happy": -1, "sad": 1}, {"happy": 1}])
def test_bad_factors_are_refused(shrinkage: Any) -> None:
    with pytest.raises(InvalidInputError, match="shrinkage of RandomOverSampler must"):
        RandomOverSampler(shrinkage=shrinkage).fit_resample(rows(), LABELS)


@pytest.mark.parametrize("X", [np.full((57, 2), np.nan), np.full((57, 2), "a")])
def test_rows_must_be_numbers(X: Any) -> None:
    with pytest.raises(InvalidInputError, match="X of RandomOverSampler"):
        RandomOverSampler(shrinkage=1).fit_resample(X, LABELS)
    with pytest.raises(InvalidInputError, match="X of RandomOverSampler"):
        RandomOverSampler(shrinkage=1).fit(X, LABELS)
