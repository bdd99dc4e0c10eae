"""Treelite: prediction with a forest that scikit-learn grew."""

from __future__ import annotations

from typing import Any

import numpy as np
import treelite

NAME = "treelite"


def one_row(forest: Any, row: np.ndarray) -> Any:
    """Return a call for one row with its general tree inference library, one thread."""
    model = treelite.sklearn.import_model(forest)
    return lambda: treelite.gtil.predict(model, row, nthread=1)
