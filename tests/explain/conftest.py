"""The definition of Shapley values: a weighted mean over all coalitions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

Worth = Callable[[list[int]], np.ndarray]


def _shapley(worth: Worth, d: int) -> np.ndarray:
    """Return values (d, outputs) of a game on the columns 0 … d - 1."""
    coalitions = [frozenset(chosen) for size in range(d + 1) for chosen in itertools.combinations(range(d), size)]
    worths = {known: np.atleast_1d(worth(sorted(known))) for known in coalitions}
    values = np.zeros((d, len(worths[frozenset()])))
    for j, known in itertools.product(range(d), coalitions):
        if j not in known:
            weight = math.factorial(len(known)) * math.factorial(d - 1 - len(known)) / math.factorial(d)
            values[j] += weight * (worths[known | {j}] - worths[known])
    return values


def _against_background(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, background: np.ndarray) -> Worth:
    """Return the worth of known columns where the others come from background rows."""

    def worth(known: list[int]) -> np.ndarray:
        rows = background.copy()
        rows[:, known] = x[known]
        return np.asarray(np.mean(f(rows), axis=0))

    return worth


@pytest.fixture
def shapley() -> Callable[[Worth, int], np.ndarray]:
    return _shapley


@pytest.fixture
def against_background() -> Callable[[Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray], Worth]:
    return _against_background
