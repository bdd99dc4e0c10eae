"""Crossed splits: test rows are of new speakers who say new texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import check_flag, check_number, check_random
from ..exceptions import InvalidInputError, LeakageError
from ._groups import WAYS_OUT, Codes, Encoded, encode_groups, two_keys
from ._splitters import GroupKFold, Indices, _GroupSplitter, balanced_folds, encode_labels_of_split, stratified_folds


class CrossedGroupKFold(_GroupSplitter):
    """Folds over two keys at once: no speaker and no text of a test row is in its training rows.

    Speakers are cut into ``n_splits`` parts and texts into ``n_text_splits`` parts. Fold (i, j) tests the rows of part i of the speakers that
    say part j of the texts, and trains on the rows of other speakers that say other texts. Rows with one of both (a new speaker with a known
    text, a known speaker with a new text) are dropped from the fold. Each row is tested in exactly one of the ``n_splits * n_text_splits`` folds.

    Parameters
    ----------
    n_splits : int, at least 2
        Parts of the speakers.
    n_text_splits : int, at least 2
        Parts of the texts. A fold trains on about (1 - 1 / n_splits) (1 - 1 / n_text_splits) of the rows.
    texts : array-like of shape (n_samples,), optional
        The text of each row, where ``groups`` holds the speakers alone. Inner splits of a part of the rows need the two-column form instead.
    stratify : bool
        Make class shares even over the parts of the speakers (as `StratifiedGroupKFold`) rather than numbers of rows (as `GroupKFold`).
    shuffle : bool
    random_state : int, RandomState or None
        Only with ``shuffle``.

    Attributes
    ----------
    n_dropped_ : ndarray of shape (n_splits * n_text_splits,), int64
        Rows dropped from each fold, after the last call of `split` has begun.

    Examples
    --------
    >>> from emotion_native.model_selection import CrossedGroupKFold
    >>> speakers, texts = ["a", "a", "b", "b"], ["kids", "dogs", "kids", "dogs"]
    >>> cv = CrossedGroupKFold(2, 2, texts=texts)
    >>> [(train.tolist(), test.tolist()) for train, test in cv.split(texts, groups=speakers)][0]
    ([0], [3])
    >>> cv.n_dropped_
    array([2, 2, 2, 2])
    """

    def __init__(
        self,
        n_splits: int = 5,
        n_text_splits: int = 2,
        *,
        texts: Any = None,
        stratify: bool = False,
        shuffle: bool = False,
        random_state: Any = None,
    ) -> None:
        check_number(n_splits, "n_splits", "CrossedGroupKFold", low=2, integer=True)
        check_number(n_text_splits, "n_text_splits", "CrossedGroupKFold", low=2, integer=True)
        check_flag(stratify, "stratify", "CrossedGroupKFold")
        check_flag(shuffle, "shuffle", "CrossedGroupKFold")
        if not shuffle and random_state is not None:
            raise InvalidInputError(f"random_state of CrossedGroupKFold must be None while shuffle is False; got {random_state!r:.80}")
        self.n_splits = int(n_splits)
        self.n_text_splits = int(n_text_splits)
        self.texts = texts
        self.stratify = bool(stratify)
        self.shuffle = bool(shuffle)
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits * self.n_text_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Yield training and test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, …)
            Only its length is used.
        y : array-like of shape (n_samples,), optional
            Labels; needed with ``stratify``.
        groups : array-like of shape (n_samples,) or (n_samples, 2)
            Speakers; or speakers and texts: a DataFrame or array of two columns in this order.

        Raises
        ------
        LeakageError
            Without groups.
        InvalidInputError
            Without texts, with fewer speakers or texts than parts, or if a fold would have no test or no training rows.
        """
        n = self._count(X)
        speakers, texts = self._keys(groups, n)
        self._enough(len(speakers), self.n_splits, "n_splits", "speakers")
        self._enough(len(texts), self.n_text_splits, "n_text_splits", "texts")
        part = self._parts(speakers, texts, y)
        cells = np.zeros((self.n_splits, self.n_text_splits), dtype=np.int64)
        np.add.at(cells, part, 1)
        outside = cells.sum(axis=1, keepdims=True) + cells.sum(axis=0, keepdims=True) - 2 * cells
        for name, rows in (("test", cells), ("training", n - outside - cells)):
            if not rows.all():
                i, j = np.argwhere(rows == 0)[0]
                raise InvalidInputError(
                    f"groups of CrossedGroupKFold.split must leave rows on both sides of each fold; the {name} part of fold ({i}, {j}) is empty: "
                    "lower n_splits or n_text_splits, or shuffle with another random_state"
                )
        self.n_dropped_ = outside.ravel()
        for i in range(self.n_splits):
            for j in range(self.n_text_splits):
                yield np.flatnonzero((part[0] != i) & (part[1] != j)), np.flatnonzero((part[0] == i) & (part[1] == j))

    def _keys(self, groups: Any, n: int) -> tuple[Encoded, Encoded]:
        caller = "CrossedGroupKFold.split"
        if groups is None:
            raise LeakageError(f"groups of {caller} must be given; got None: {WAYS_OUT}")
        columns = two_keys(groups)
        if columns is None:
            if self.texts is None:
                raise InvalidInputError(
                    f"texts of {caller} must be given: as the second column of groups, or with CrossedGroupKFold(texts=…); got speakers alone"
                )
            columns = {"groups": groups, "texts": self.texts}
        elif self.texts is not None:
            raise InvalidInputError(f"texts of {caller} must be given once; got them in CrossedGroupKFold(texts=…) and in groups")
        first, second = (encode_groups(column, n, caller=caller, parameter=str(name)) for name, column in columns.items())
        return first, second

    def _enough(self, n_values: int, n_parts: int, parameter: str, name: str) -> None:
        if n_values < n_parts:
            raise InvalidInputError(f"{parameter} of CrossedGroupKFold must be at most the number of {name}, {n_values}; got {n_parts}")

    def _parts(self, speakers: Encoded, texts: Encoded, y: Any) -> tuple[Codes, Codes]:
        """Return for each row the part of its speaker and the part of its text."""
        random = check_random(self.random_state, caller="CrossedGroupKFold") if self.shuffle else None
        if self.stratify:
            labels = encode_labels_of_split(y, len(speakers.codes), caller="CrossedGroupKFold.split")
            order = np.arange(len(speakers))
            if random is not None:
                random.shuffle(order)
            of_speaker = stratified_folds(speakers, labels, order, self.n_splits)
        else:
            of_speaker = _parts_of(speakers, self.n_splits, random)
        return of_speaker[speakers.codes], _parts_of(texts, self.n_text_splits, random)[texts.codes]


def _parts_of(values: Encoded, n_parts: int, random: np.random.RandomState | None) -> npt.NDArray[np.int64]:
    """Return a part for each value: about equally many rows a part, or, at random, about equally many values."""
    if random is None:
        return balanced_folds(values, n_parts)
    splitter = GroupKFold(n_parts, shuffle=True, random_state=random)
    return splitter._assign(values.uniques, None, np.arange(len(values)))[1]
