"""StratifiedGroupKFold of a million rows in 100,000 groups, beside scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import scikit_learn
import sklearn.model_selection
from protocol import Contender, Row

import emotion_native as en


def imbalance(folds: list[tuple[np.ndarray, np.ndarray]], y: np.ndarray) -> float:
    """Return the standard deviation over folds of a class's share of its rows, averaged over the classes."""
    counts = np.array([np.bincount(y[test], minlength=y.max() + 1) for _, test in folds])
    return float((counts / counts.sum(axis=0)).std(axis=0).mean())


def row(quick: bool) -> Row:
    """Five folds."""
    rows, count = (100_000, 10_000) if quick else (1_000_000, 100_000)
    rng = np.random.default_rng(0)
    groups = rng.integers(count, size=rows)
    share = np.linspace(2.0, 0.6, 8)
    y = rng.choice(8, size=rows, p=share / share.sum())
    X = np.zeros((rows, 1), dtype=np.float32)

    def call(package: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(package.StratifiedGroupKFold(5).split(X, y, groups))

    def check(mine: Any, theirs: Any) -> dict[str, Any]:
        for train, test in mine:
            assert np.intersect1d(groups[train], groups[test]).size == 0 and train.size + test.size == rows
        found = imbalance(mine, y), imbalance(theirs, y)
        return {"imbalance_ours": found[0], "imbalance_theirs": found[1], "balance_within": bool(found[0] <= found[1] * 1.0001)}

    return Row(
        "stratified_group_k_fold",
        "StratifiedGroupKFold, 5 folds",
        f"{rows:,} rows, {count:,} groups, 8 classes",
        [
            Contender("emotion-native", lambda: call(en.model_selection), 1),
            Contender(scikit_learn.NAME, lambda: call(sklearn.model_selection), 1, target=100.0),
        ],
        check,
        3,
        long=True,
    )
