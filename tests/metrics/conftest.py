"""What the comparisons with scikit-learn share."""

from __future__ import annotations

from typing import Any

import numpy as np


def same(ours: Any, theirs: Any, rtol: float = 1e-12) -> None:
    """Raise AssertionError unless two numbers or arrays are equal up to sums in another order."""
    np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=rtol, atol=rtol / 10)
