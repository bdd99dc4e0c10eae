"""The tables that everything is measured on: A to D, made here, and the features of real corpora.

| set | rows | columns | speakers | shaped like |
|---|---|---|---|---|
| A | 1,440 | 180 | 24 | RAVDESS with a small feature set |
| B | 7,442 | 376 | 91 | CREMA-D with a larger one |
| C | 100,000 | 100 | 500 | a collected corpus |
| D | 1,000,000 | 50 | 2,000 | segments of one |

A row is noise, plus the mean of its class in a part of the columns, plus the offset of its speaker; the other columns say nothing. Columns share a
few common factors, as spectral features do; some are skewed (an exponential), some coarse (a count). The classes are unbalanced, 3.3 to 1. The last
third of the speakers is held out. The strength of the signal was set for each size so that scikit-learn's forest recognises well above chance (.125)
and well below everything: unweighted average recall .44 to .56 with 60 trees on at most 20,000 rows. The same seed gives the same table on any
machine with the same NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

CLASSES = 8


@dataclass(frozen=True)
class Shape:
    """What a set is made of. ``signal`` is the spread of a class's mean, ``informative`` the share of columns that have one."""

    rows: int
    columns: int
    speakers: int
    signal: float
    informative: float = 0.4
    offset: float = 0.7


SHAPES = {
    "A": Shape(1_440, 180, 24, 0.45),
    "B": Shape(7_442, 376, 91, 0.38),
    "C": Shape(100_000, 100, 500, 0.50),
    "D": Shape(1_000_000, 50, 2_000, 0.60),
}


@dataclass(frozen=True, eq=False)
class Table:
    """A matrix with its labels and speakers: float32 (n_rows, n_columns), int64, int64."""

    name: str
    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray

    @property
    def workload(self) -> str:
        """What the reader of a result needs to know."""
        speakers, classes = np.unique(self.groups).size, np.unique(self.y).size
        return f"{self.name}: {self.X.shape[0]:,} rows x {self.X.shape[1]} columns, {speakers:,} speakers, {classes} classes"

    @cached_property
    def train(self) -> np.ndarray:
        """Positions of the first two thirds of the speakers."""
        speakers = np.unique(self.groups)
        return np.flatnonzero(self.groups < speakers[len(speakers) - len(speakers) // 3])

    @cached_property
    def held_out(self) -> np.ndarray:
        """Positions of the last third of the speakers, 20,000 of them at most (evenly spaced)."""
        rows = np.setdiff1d(np.arange(self.y.size), self.train, assume_unique=True)
        return rows[:: -(-rows.size // 20_000)]

    @cached_property
    def X_train(self) -> np.ndarray:
        """The training rows, copied once so that nobody's time includes the copy."""
        return np.ascontiguousarray(self.X[self.train])

    @property
    def y_train(self) -> np.ndarray:
        """Their labels."""
        return self.y[self.train]

    @cached_property
    def X_held_out(self) -> np.ndarray:
        """The held-out rows."""
        return np.ascontiguousarray(self.X[self.held_out])

    @property
    def y_held_out(self) -> np.ndarray:
        """Their labels."""
        return self.y[self.held_out]


@cache
def table(name: str, seed: int = 0, quick: bool = False) -> Table:
    """Return set A, B, C or D; ``quick`` gives a tenth of the rows, to try a benchmark out."""
    shape = SHAPES[name]
    rows = max(1_000, shape.rows // 10) if quick else shape.rows
    rng = np.random.default_rng([seed, ord(name)])
    share = np.linspace(2.0, 0.6, CLASSES)
    y = rng.choice(CLASSES, size=rows, p=share / share.sum())
    groups = np.arange(rows) % shape.speakers
    means = rng.normal(scale=shape.signal, size=(CLASSES, shape.columns)) * (rng.random(shape.columns) < shape.informative)
    offsets = rng.normal(scale=shape.offset, size=(shape.speakers, shape.columns))
    loadings = rng.normal(scale=0.35, size=(6, shape.columns)).astype(np.float32)
    X = rng.standard_normal((rows, shape.columns), dtype=np.float32)
    X += rng.standard_normal((rows, 6), dtype=np.float32) @ loadings
    X += means.astype(np.float32)[y]
    X += offsets.astype(np.float32)[groups]
    kind = rng.random(shape.columns)
    skewed, coarse = kind < 0.2, kind > 0.9
    X[:, skewed] = np.exp(0.5 * X[:, skewed])
    X[:, coarse] = np.floor(4 * X[:, coarse])
    return Table(name + (" (a tenth of the rows)" if quick else ""), X, y.astype(np.int64), groups.astype(np.int64))


@cache
def corpus(name: str, folder: Path) -> Table:
    """Return the ``classic`` features of a shared corpus: clips that could be read, labels and speakers numbered in sorted order."""
    import emotion_native as en

    manifest = getattr(en.datasets, name)(folder / name)
    # The clips proper; beside them lie originals of a few of the same takes, and videos.
    manifest = manifest[manifest["filepath"].astype(str).str.endswith(".flac")].reset_index(drop=True)
    features = en.features.extract(manifest, features=["classic"], n_jobs=2)
    ok = np.asarray(features.ok)
    y = np.unique(np.asarray(features.rows["label"])[ok].astype(str), return_inverse=True)[1]
    groups = np.unique(np.asarray(features.rows["speaker"])[ok].astype(str), return_inverse=True)[1]
    return Table(name, np.ascontiguousarray(features.X[ok]), y.astype(np.int64), groups.astype(np.int64))
