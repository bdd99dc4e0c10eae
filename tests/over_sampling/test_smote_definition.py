"""Every synthetic row of random tables against the definition of SMOTE and Borderline-SMOTE, by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emotion_native.over_sampling import SMOTE, BorderlineSMOTE


def nearest(X: np.ndarray, candidates: np.ndarray, base: int, k: int) -> tuple[np.ndarray, float]:
    """The k nearest candidates without the base itself, ties by row number, and the distance of the last."""
    others = candidates[candidates != base]
    distance = ((X[others].astype(np.float64) - X[base].astype(np.float64)) ** 2).sum(axis=1)
    order = np.lexsort((others, distance))[:k]
    return others[order], float(distance[order[-1]]) if len(order) else 0.0


@pytest.mark.parametrize("kind", ["plain", "borderline-1", "borderline-2"])
@pytest.mark.parametrize("within", [None, "groups"])
def test_every_row(kind: str, within: str | None) -> None:
    """Copies, ties on a grid, k beyond the class, groups without another row. Grids are of integers: distances are exact, ties are ties."""
    made = dangerous = copied = 0
    for seed in range(60):
        r = np.random.default_rng(seed)
        n, d, n_classes = int(r.integers(12, 90)), int(r.integers(1, 5)), int(r.integers(2, 5))
        y = np.concatenate([np.arange(n_classes), np.minimum(r.geometric(0.5, n - n_classes) - 1, n_classes - 1)])
        X = r.normal(size=(n, d)) + 0.4 * y[:, None]
        X = np.round(X) if seed % 3 == 0 else X
        X = (X[r.integers(0, n // 3, n)] if seed % 4 == 0 else X).astype(np.float32 if seed % 2 else np.float64)
        groups, k, m = r.integers(0, 4, n), int(r.integers(1, 8)), int(r.integers(1, 12))
        plain = SMOTE(random_state=seed, k_neighbors=k, within=within)
        sampler = plain if kind == "plain" else BorderlineSMOTE(random_state=seed, k_neighbors=k, m_neighbors=m, kind=kind, within=within)
        X_new, y_new = sampler.fit_resample(X, y, groups=groups)
        np.testing.assert_array_equal(X_new[:n], X)

        def near(base: int, rows: np.ndarray, groups: np.ndarray = groups) -> np.ndarray:
            return rows[groups[rows] == groups[base]] if within else rows

        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            bases = members
            if kind != "plain":
                found = [(base, nearest(X, near(base, np.arange(n)), base, m)[0]) for base in members]
                others = [(base, (y[rows] != label).sum(), len(rows)) for base, rows in found]
                bases = np.array([base for base, foreign, count in others if 2 * foreign >= count and foreign < count], dtype=int)
                dangerous += len(bases)
            new = np.flatnonzero(y_new[n:] == label) + n
            assert len(new) == (np.bincount(y).max() - len(members) if len(bases) else 0)
            for i in new:
                base, neighbour, weight = sampler.provenance_[i]
                assert base in bases
                rows, _ = nearest(X, near(base, np.arange(n) if kind == "borderline-2" else members), base, k)
                if len(rows) == 0:
                    copied += 1
                    assert neighbour == base and weight == 0
                else:
                    assert neighbour in rows
                assert 0 <= weight < (1 if y[neighbour] == label else 0.5)
                start = X[base].astype(np.float64)
                np.testing.assert_array_equal(X_new[i], (start + weight * (X[neighbour].astype(np.float64) - start)).astype(X.dtype))
                made += 1
    assert made > 500
    assert kind == "plain" or dangerous > 50
    assert (copied > 0) == (kind == "plain" and within is not None)  # a row in danger has a neighbour of its class


def test_bases_neighbours_and_weights_are_uniform() -> None:
    """60,000 draws; a right sampler fails one of the three tests at 1e-4 in 3,000 seeds."""
    X = np.random.default_rng(0).normal(size=(400, 3))
    y = (np.arange(400) >= 380).astype(int)
    sampler = SMOTE(random_state=1, sampling_strategy={1: 60_020})
    sampler.fit_resample(X, y)
    made = sampler.provenance_[400:]
    assert stats.kstest(made["weight"], "uniform").pvalue > 1e-4
    assert stats.chisquare(np.bincount(made["base"] - 380, minlength=20)).pvalue > 1e-4
    _, counts = np.unique(made["neighbour"][made["base"] == 380], return_counts=True)
    assert len(counts) == 5 and stats.chisquare(counts).pvalue > 1e-4
