"""Many Python threads inside the core at once give what one gives alone, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import emotion_native as en
from emotion_native import _core

THREADS = 8


def table(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(4), 30)
    X = rng.normal(size=(120, 20)).astype(np.float32)
    X[np.arange(120), y] += 2
    return X, y


def forest(seed: int) -> np.ndarray:
    X, y = table(seed)
    model = en.ensemble.RandomForestClassifier(n_estimators=20, random_state=seed, n_jobs=2)
    return model.fit(X, y).predict_proba(X)


def logistic(seed: int) -> np.ndarray:
    X, y = table(seed)
    return en.linear_model.LogisticRegression(random_state=seed).fit(X, y).predict_proba(X)


def features(seed: int) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(scale=0.1, size=8000).astype(np.float32)
    return np.asarray(en.audio.functionals(samples, 16000, "classic"))


def digest(seed: int) -> np.ndarray:
    data = np.random.default_rng(seed).bytes(1 << 16)
    assert _core.sha256_hex(data) == hashlib.sha256(data).hexdigest()
    return np.zeros(1)


@pytest.mark.parametrize("work", [forest, logistic, features, digest], ids=lambda work: work.__name__)
def test_concurrent_calls_equal_serial_ones(work: Callable[[int], np.ndarray]) -> None:
    expected = [work(seed) for seed in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(3):
            for one, other in zip(expected, pool.map(work, range(THREADS)), strict=True):
                np.testing.assert_array_equal(one, other)


def test_one_model_serves_many_threads() -> None:
    X, y = table()
    model = en.ensemble.RandomForestClassifier(n_estimators=20, random_state=0, n_jobs=2).fit(X, y)
    expected = model.predict_proba(X)
    with ThreadPoolExecutor(THREADS) as pool:
        for result in pool.map(lambda _: model.predict_proba(X), range(32)):
            np.testing.assert_array_equal(result, expected)


def test_a_loaded_model_serves_many_threads() -> None:
    model = en.load_model()
    samples = [np.random.default_rng(seed).normal(scale=0.1, size=16000).astype(np.float32) for seed in range(4)]
    expected = [model.predict(one, sample_rate_hz=16000).probabilities for one in samples]
    with ThreadPoolExecutor(THREADS) as pool:
        for i, found in enumerate(pool.map(lambda one: model.predict(one, sample_rate_hz=16000).probabilities, samples * 4)):
            assert found == expected[i % 4]


def test_an_error_in_one_thread_leaves_the_others_alone() -> None:
    X, y = table()

    def work(i: int) -> np.ndarray | None:
        if i % 2:
            with pytest.raises(ValueError, match="X"):
                en.ensemble.RandomForestClassifier(n_estimators=5).fit(X[:0], y[:0])
            return None
        return forest(0)

    expected = forest(0)
    with ThreadPoolExecutor(THREADS) as pool:
        for result in pool.map(work, range(16)):
            assert result is None or np.array_equal(result, expected)
