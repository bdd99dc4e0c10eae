"""Explanations whose parts do not fit, and keys, rows and labels that are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emotion_native.exceptions import InvalidInputError
from emotion_native.explain import Explanation

PARTS: dict[str, Any] = {
    "values": np.zeros((5, 4, 3)),
    "base_values": np.zeros((5, 3)),
    "data": np.zeros((5, 4), np.float32),
    "feature_names": ["a", "b", "c", "d"],
    "classes": np.array(["x", "y", "z"]),
}
ONE = Explanation(**PARTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("values", np.zeros(3)), ("values", None), ("values", [[[0.0]]]), ("base_values", np.zeros(3)),
        ("data", np.zeros((2, 2))), ("data", None), ("feature_names", ["a"]),
        ("feature_names", None), ("classes", np.array(["a"])), ("classes", None),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"^{name} of Explanation must .*; got "):
        Explanation(**{**PARTS, name: value})


@pytest.mark.parametrize("key", [None, True, np.True_, 1.5, {}, "zz", 99, np.array([[0, 1]]), np.array([True] * 4), (0, 1, 2, 3)])
def test_keys_that_are_none(key: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^key of Explanation must "):
        ONE[key]


@pytest.mark.parametrize(
    ("row", "label", "k"),
    [("x", "x", 1), (1.5, "x", 1), (None, "x", 1), (True, "x", 1), (5, "x", 1), (-6, "x", 1), (2**70, "x", 1), (0, None, 1), (0, "zz", 1),
     (0, np.array(["x", "y"]), 1), (0, "x", "x"), (0, "x", None), (0, "x", 1.5), (0, "x", 10**400)],
)  # fmt: skip
def test_rows_labels_and_counts_that_are_none(row: Any, label: Any, k: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^(row|class_|k) of Explanation.top must .*; got "):
        ONE.top(row, label, k)
