"""Agreement between raters against published examples."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError

m = en.metrics
N = None
# Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, example C: four observers, twelve units, missing values.
RATINGS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]
# Fleiss, 1971, as worked in textbooks: fourteen raters, ten subjects, five categories; kappa = .210.
SUBJECTS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)])
def test_krippendorffs_own_example(level: str, alpha: float) -> None:
    assert m.krippendorff_alpha(RATINGS, level_of_measurement=level) == pytest.approx(alpha, abs=5e-4)  # printed with three digits


def test_two_observers_by_hand() -> None:
    """Krippendorff 2011, example A: two observers, binary, ten units: alpha = 1 - 19 * 4 / (14 * 6) / ... = .095."""
    a, b = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert m.krippendorff_alpha([a, b]) == pytest.approx(1 - 19 * 8 / (2 * 14 * 6), abs=1e-12)
    assert m.krippendorff_alpha([a, b]) == pytest.approx(0.095, abs=5e-4)


def test_fleiss_example() -> None:
    assert m.fleiss_kappa(SUBJECTS) == pytest.approx(0.210, abs=5e-4)  # printed with three digits


def test_properties(rng: np.random.Generator) -> None:
    codes = rng.integers(0, 4, (3, 40))
    labels = np.array(["angry", "calm", "happy", "sad"])[codes].astype(object)
    labels[0, :5] = None
    ratings = codes.astype(float)
    ratings[0, :5] = np.nan
    alpha = m.krippendorff_alpha(ratings)
    assert m.krippendorff_alpha(labels) == pytest.approx(alpha, abs=1e-13)
    assert m.krippendorff_alpha(ratings[::-1, ::-1]) == pytest.approx(alpha, abs=1e-13)
    lonely = np.hstack([ratings, [[1.0], [np.nan], [np.nan]]])  # a clip with one rating says nothing about agreement
    assert m.krippendorff_alpha(lonely) == pytest.approx(alpha, abs=1e-13)
    assert m.krippendorff_alpha([codes[0], codes[0]]) == 1.0
    assert m.krippendorff_alpha(ratings * 3 + 1, level_of_measurement="interval") == pytest.approx(
        m.krippendorff_alpha(ratings, level_of_measurement="interval"), abs=1e-12
    )
    assert m.krippendorff_alpha(np.exp(ratings), level_of_measurement="ordinal") == pytest.approx(
        m.krippendorff_alpha(ratings, level_of_measurement="ordinal"), abs=1e-12
    )
    assert m.fleiss_kappa([[3, 0, 0], [0, 3, 0]]) == 1.0


def test_undefined() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.isnan(m.fleiss_kappa([[3, 0], [3, 0]]))
        assert np.isnan(m.krippendorff_alpha([[1, 1], [1, 1]]))
    assert len(caught) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: m.fleiss_kappa([[1, 2], [2, 2]]), "table of fleiss_kappa must have the same number"),
        (lambda: m.fleiss_kappa([[1], [1]]), "table of fleiss_kappa"),
        (lambda: m.fleiss_kappa([[0.5, 1.5]]), "table of fleiss_kappa must be counts"),
        (lambda: m.fleiss_kappa([1, 2]), "table of fleiss_kappa must be counts"),
        (lambda: m.krippendorff_alpha([["a", "b"], ["a", "a"]], level_of_measurement="interval"), "ratings of krippendorff_alpha must be numbers"),
        (lambda: m.krippendorff_alpha([[1, None], [None, 2]]), "at least one subject with two ratings"),
        (lambda: m.krippendorff_alpha([[None], [None]]), "at least one subject with two ratings"),
        (lambda: m.krippendorff_alpha([1, 2]), "ratings of krippendorff_alpha must be of shape"),
        (lambda: m.krippendorff_alpha([[1], [1]], level_of_measurement="polar"), "level_of_measurement of krippendorff_alpha"),
    ],
)
def test_messages(call: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()
