"""Training parts that take no memory until their fold runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

from ._splitters import Indices


class TrainingParts(Sequence[Indices]):
    """The training rows of each fold; where they are all rows outside the test part, in order, they are made anew each time they are asked for.

    With 2,000 folds of 1 million rows the arrays themselves would take 16 GB, their test parts take 8 MB.

    Parameters
    ----------
    given : iterable of ndarray of int64 or None
        None: all rows outside the test part.
    test : sequence of ndarray of int64
        Strictly increasing where ``given`` is None.
    n_samples : int
    """

    def __init__(self, given: Iterable[Indices | None], test: Sequence[Indices], n_samples: int) -> None:
        self.given = list(given)
        self.test = test
        self.n_samples = n_samples

    def __len__(self) -> int:
        return len(self.given)

    @overload
    def __getitem__(self, k: int) -> Indices: ...
    @overload
    def __getitem__(self, k: slice) -> TrainingParts: ...
    def __getitem__(self, k: int | slice) -> Indices | TrainingParts:
        if isinstance(k, slice):
            return TrainingParts(self.given[k], self.test[k], self.n_samples)
        rows = self.given[k]
        if rows is not None:
            return rows
        from .. import _core

        others: Indices = _core.other_rows(self.test[k], self.n_samples)
        return others

    def __iter__(self) -> Iterator[Indices]:
        return (self[k] for k in range(len(self)))

    def sizes(self) -> list[int]:
        """Return the number of training rows of each fold."""
        return [self.n_samples - len(test) if rows is None else len(rows) for rows, test in zip(self.given, self.test, strict=True)]


def joined(parts: Sequence[Sequence[Indices]], test: Sequence[Indices], n_samples: int) -> TrainingParts:
    """Return the training parts of several splits one after another; ``test`` has all their test parts."""
    return TrainingParts([rows for part in parts for rows in stored(part)], test, n_samples)


def stored(parts: Sequence[Indices]) -> Sequence[Indices | None]:
    """Return the arrays that are held; None for those that are made when asked for."""
    return parts.given if isinstance(parts, TrainingParts) else parts


def is_rest(train: Indices, test: Indices, n_samples: int) -> bool:
    """Return whether the training rows, none of which is a test row, are all the others in order, and the test rows in order too."""
    increasing = len(train) + len(test) == n_samples and bool((np.diff(test) > 0).all())
    return increasing and bool((np.diff(train) > 0).all())
