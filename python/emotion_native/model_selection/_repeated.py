"""K-fold splitters repeated with other shuffles: grouped ones keyed by a seed, and scikit-learn's ungrouped ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import model_selection as _sklearn

from .._validation import check_number, check_seed
from ._splitters import GroupKFold, Indices, StratifiedGroupKFold, _GroupKFolds, _GroupSplitter


class RepeatedKFold(_sklearn.RepeatedKFold):  # type: ignore[misc]  # scikit-learn has no type information
    """Repeated k-fold without groups: scikit-learn's class; it counts as ungrouped (see `KFold`).

    Examples
    --------
    >>> from emotion_native.model_selection import RepeatedKFold
    >>> RepeatedKFold(n_splits=2, n_repeats=3).get_n_splits()
    6
    """


class RepeatedStratifiedKFold(_sklearn.RepeatedStratifiedKFold):  # type: ignore[misc]  # scikit-learn has no type information
    """Repeated stratified k-fold without groups: scikit-learn's class; it counts as ungrouped (see `KFold`).

    Examples
    --------
    >>> from emotion_native.model_selection import RepeatedStratifiedKFold
    >>> RepeatedStratifiedKFold(n_splits=2, n_repeats=3).get_n_splits()
    6
    """


class _RepeatedGroupKFolds(_GroupSplitter):
    """A grouped k-fold splitter repeated with other shuffles."""

    _once: type[_GroupKFolds]

    def __init__(self, *, n_splits: int = 5, n_repeats: int = 10, random_state: Any = None) -> None:
        name = type(self).__name__
        check_number(n_splits, "n_splits", name, low=2, integer=True)
        check_number(n_repeats, "n_repeats", name, low=1, integer=True)
        self.n_splits = int(n_splits)
        self.n_repeats = int(n_repeats)
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds of all repeats."""
        return self.n_splits * self.n_repeats

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Yield training and test rows of each fold, repeat after repeat; arguments and errors as of the splitter that is repeated."""
        codes = self._encode(groups, self._count(X)).codes
        seed = check_seed(self.random_state, caller=type(self).__name__)
        for repeat in range(self.n_repeats):
            state = int(np.random.SeedSequence(seed, spawn_key=(repeat,)).generate_state(1)[0])
            yield from self._once(self.n_splits, shuffle=True, random_state=state).split(X, y, codes)


class RepeatedGroupKFold(_RepeatedGroupKFolds):
    """`GroupKFold` with ``shuffle``, repeated.

    Repeat r depends on the seed and r alone: more repeats add folds and change none of the earlier ones.

    Parameters
    ----------
    n_splits : int, at least 2
    n_repeats : int, at least 1
    random_state : int, RandomState, Generator or None
        An integer gives the same folds at every call; a generator is asked for one number a call.

    Examples
    --------
    >>> from emotion_native.model_selection import RepeatedGroupKFold
    >>> groups = ["a", "a", "b", "c"]
    >>> cv = RepeatedGroupKFold(n_splits=3, n_repeats=2, random_state=0)
    >>> cv.get_n_splits(), len(list(cv.split(groups, groups=groups)))
    (6, 6)
    """

    _once = GroupKFold


class RepeatedStratifiedGroupKFold(_RepeatedGroupKFolds):
    """`StratifiedGroupKFold` with ``shuffle``, repeated; parameters and seeding as of `RepeatedGroupKFold`.

    Examples
    --------
    >>> from emotion_native.model_selection import RepeatedStratifiedGroupKFold
    >>> y, groups = [0, 1, 0, 1], ["a", "a", "b", "b"]
    >>> len(list(RepeatedStratifiedGroupKFold(n_splits=2, n_repeats=3, random_state=0).split(y, y, groups)))
    6
    """

    _once = StratifiedGroupKFold
