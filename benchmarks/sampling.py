"""Samplers beside imbalanced-learn: time of SMOTE, memory of random over-sampling."""

from __future__ import annotations

from typing import Any

import imbalanced_learn
import memory
import numpy as np
from datasets import Table
from protocol import Contender, Figures, Row

import emotion_native as en


def smote(table: Table, key: str, n_jobs: int) -> Row:
    """Every class grown to the size of the largest, 5 neighbours, exact."""

    def ours() -> Any:
        return en.over_sampling.SMOTE(random_state=0, n_jobs=n_jobs).fit_resample(table.X, table.y)

    def check(mine: Any, theirs: Any, *_: Any) -> dict[str, Any]:
        assert mine[0].shape == theirs[0].shape and np.array_equal(np.bincount(mine[1]), np.bincount(theirs[1]))
        assert np.array_equal(mine[0][: table.y.size], table.X)
        # Other pairs are drawn; on average both sides' new rows have the same spread.
        spread = [float(result[0][table.y.size :].std()) for result in (mine, theirs)]
        assert abs(spread[0] / spread[1] - 1) < 0.01, spread
        return {"new_rows": int(mine[1].size - table.y.size), "spread_ours": spread[0], "spread_theirs": spread[1]}

    contenders = [
        Contender("emotion-native", ours, n_jobs),
        # On one thread and on as many as ours: more help it on a quiet machine and hurt it many times over on a busy one.
        *(
            Contender("imbalanced-learn", lambda threads=threads: imbalanced_learn.smote(table.X, table.y, threads), threads, target=3.0)
            for threads in sorted({1, n_jobs})
        ),
    ]
    return Row(f"smote_{key}_{n_jobs}", f"SMOTE, 5 neighbours: {key}", table.workload, contenders, check, 3, long=True)


def memory_of_over_sampling(key: str) -> Figures:
    """Peak memory of random over-sampling against its input and output together."""

    def measure() -> list[dict[str, Any]]:
        figures = []
        for side in ("ours", "theirs"):
            found = memory.peak(f"{side}_over_sampling", key)
            held, data = found.input + found.above, found.input + found.output
            limit = {"at_most": 1.2} if side == "ours" else {}
            figures += [
                {"what": f"{side}: input and all that the call added", "value": held, "unit": "MB"},
                {"what": f"{side}: input and output", "value": data, "unit": "MB"},
                {"what": f"{side}: ratio", "value": held / data, "unit": "x", **limit},
            ]
        return figures

    work = "in a fresh process, the interpreter and modules not counted"
    return Figures(f"over_sampling_memory_{key}", f"RandomOverSampler on {key}: peak memory", f"set {key}; {work}", measure)
