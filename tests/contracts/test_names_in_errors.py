"""Errors of Python's own and representations name what users know, in a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import emotion_native as en

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

CLASSES: list[Any] = [
    en.ensemble.RandomForestClassifier,
    en.ensemble.ExtraTreesClassifier,
    en.ensemble.GradientBoostingClassifier,
    en.over_sampling.SMOTE,
    en.over_sampling.BorderlineSMOTE,
    en.over_sampling.RandomOverSampler,
    en.under_sampling.RandomUnderSampler,
]


@pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.__name__)
def test_type_errors_name_no_private_class(make: Any) -> None:
    X, y = np.eye(4, dtype=np.float32), [0, 1, 0, 1]
    for method in ("fit", "fit_resample", "predict"):
        if hasattr(make, method):
            with pytest.raises(TypeError, match=rf"^[A-Z]\w*\.{method}\(\) got an unexpected keyword argument 'bogus'"):
                getattr(make(), method)(X, *(() if method == "predict" else (y,)), bogus=1)


def test_folds_are_one_line() -> None:
    folds = en.model_selection.resolve_folds(2, np.zeros((1000, 1)), np.arange(1000) % 2, np.arange(1000) % 10)
    assert repr(folds) == "Folds(2 folds of 1000 rows, ungrouped=False)"
