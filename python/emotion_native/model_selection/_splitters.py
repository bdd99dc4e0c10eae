"""Splitters with scikit-learn's names, arguments and results; the grouped ones on native kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn import model_selection as _sklearn
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from ..exceptions import InvalidInputError, LeakageError
from ._groups import WAYS_OUT, check_groups, encode

Indices = npt.NDArray[np.int64]


class KFold(_sklearn.KFold):  # type: ignore[misc]  # scikit-learn has no type information
    """K-fold without groups: scikit-learn's class, here so that code runs with the import line changed.

    It counts as ungrouped: cross-validation accepts it only with ``allow_ungrouped=True`` or inside ``config_context(ungrouped="allow")``.

    Examples
    --------
    >>> from emotion_native.model_selection import KFold
    >>> [test.tolist() for _, test in KFold(2).split([[0], [1], [2], [3]])]
    [[0, 1], [2, 3]]
    """


class StratifiedKFold(_sklearn.StratifiedKFold):  # type: ignore[misc]  # scikit-learn has no type information
    """Stratified k-fold without groups: scikit-learn's class; it counts as ungrouped (see `KFold`).

    Examples
    --------
    >>> from emotion_native.model_selection import StratifiedKFold
    >>> [test.tolist() for _, test in StratifiedKFold(2).split([[0], [1], [2], [3]], [0, 0, 1, 1])]
    [[0, 2], [1, 3]]
    """


class _GroupSplitter(_sklearn.BaseCrossValidator):  # type: ignore[misc]  # scikit-learn has no type information
    """What the grouped splitters share: groups are a must, a fold is the set of rows of its groups."""

    __metadata_request__split: ClassVar[dict[str, bool]] = {"groups": True}  # scikit-learn's metadata routing hands groups over

    def _fold_of_rows(self, X: Any, y: Any, groups: Any) -> tuple[Indices, int]:
        """Return each row's fold and the number of folds."""
        raise NotImplementedError

    def _codes(self, X: Any, groups: Any) -> tuple[Indices, int]:
        caller = f"{type(self).__name__}.split"
        if groups is None:
            raise LeakageError(f"groups of {caller} must be given; got None: {WAYS_OUT} and a splitter that ignores groups, such as KFold")
        return encode(check_groups(groups, _num_samples(X), caller=caller))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Yield training and test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, …)
            Only its length is used.
        y : array-like of shape (n_samples,), optional
            Labels; needed by the stratified splitter.
        groups : array-like of shape (n_samples,)
            The group of each row.

        Raises
        ------
        LeakageError
            Without groups.
        InvalidInputError
            With missing group values, or fewer groups than folds.
        """
        fold, n_folds = self._fold_of_rows(X, y, groups)
        for k in range(n_folds):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


class _GroupKFolds(_GroupSplitter):
    """Grouped splitters with a number of folds."""

    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None) -> None:
        name = type(self).__name__
        if isinstance(n_splits, (bool, np.bool_)) or not isinstance(n_splits, (int, np.integer)) or n_splits < 2:
            raise InvalidInputError(f"n_splits of {name} must be an integer of at least 2; got {n_splits!r}")
        if not isinstance(shuffle, (bool, np.bool_)):
            raise InvalidInputError(f"shuffle of {name} must be True or False; got {shuffle!r}")
        if not shuffle and random_state is not None:
            raise InvalidInputError(f"random_state of {name} must be None while shuffle is False, where it has no effect; got {random_state!r}")
        self.n_splits = int(n_splits)
        self.shuffle = bool(shuffle)
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def _enough(self, n_groups: int) -> None:
        if n_groups < self.n_splits:
            raise InvalidInputError(
                f"n_splits of {type(self).__name__} must be at most the number of groups, {n_groups}; got {self.n_splits}: "
                "lower n_splits, or use LeaveOneGroupOut"
            )


class GroupKFold(_GroupKFolds):
    """K folds of whole groups with about equally many rows.

    Without ``shuffle`` the groups go, from the largest to the smallest, each into the fold with the fewest rows; with it, a random permutation
    of the groups is cut into ``n_splits`` parts. Results equal scikit-learn's, shuffled ones included (they use NumPy's generator).

    Parameters
    ----------
    n_splits : int, at least 2
    shuffle : bool
    random_state : int, RandomState or None
        Only with ``shuffle``.

    Examples
    --------
    >>> from emotion_native.model_selection import GroupKFold
    >>> [test.tolist() for _, test in GroupKFold(2).split([[0]] * 4, groups=["a", "b", "b", "c"])]
    [[1, 2], [0, 3]]
    """

    def _fold_of_rows(self, X: Any, y: Any, groups: Any) -> tuple[Indices, int]:
        from .. import _core

        codes, n_groups = self._codes(X, groups)
        self._enough(n_groups)
        if self.shuffle:
            fold_of_group = np.empty(n_groups, dtype=np.int64)
            order = check_random_state(self.random_state).permutation(np.arange(n_groups))
            for k, part in enumerate(np.array_split(order, self.n_splits)):
                fold_of_group[part] = k
        else:
            fold_of_group = _core.balanced_folds(np.bincount(codes, minlength=n_groups).astype(np.int64), self.n_splits)
        return fold_of_group[codes], self.n_splits


class StratifiedGroupKFold(_GroupKFolds):
    """K folds of whole groups whose class shares are about equal.

    Groups go, from the most uneven in classes to the most even, each into the fold that keeps the class shares of the folds closest. Results
    equal scikit-learn's wherever all of its folds have rows; where it would leave a fold empty, the last groups are kept for empty folds.

    Parameters
    ----------
    n_splits : int, at least 2
    shuffle : bool
        Permute the groups first, which changes how ties fall.
    random_state : int, RandomState or None
        Only with ``shuffle``.

    Examples
    --------
    >>> from emotion_native.model_selection import StratifiedGroupKFold
    >>> folds = StratifiedGroupKFold(2).split([[0]] * 4, ["x", "y", "x", "y"], groups=["a", "a", "b", "b"])
    >>> sorted(test.tolist() for _, test in folds)
    [[0, 1], [2, 3]]
    """

    def __init__(self, n_splits: int = 5, shuffle: bool = False, random_state: Any = None) -> None:
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)

    def _fold_of_rows(self, X: Any, y: Any, groups: Any) -> tuple[Indices, int]:
        from .. import _core

        codes, n_groups = self._codes(X, groups)
        labels = np.asarray(y) if y is not None else np.empty(0)
        if labels.ndim and labels.size == len(labels):
            labels = labels.reshape(-1)
        if labels.ndim != 1 or len(labels) != len(codes):
            raise InvalidInputError(f"y of StratifiedGroupKFold.split must be one label a row ({len(codes)} rows); got shape {labels.shape}")
        if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
            raise InvalidInputError("y of StratifiedGroupKFold.split must be labels, not continuous numbers; got fractions: use GroupKFold")
        self._enough(n_groups)
        class_codes, n_classes = encode(labels)
        counts = np.bincount(codes * n_classes + class_codes, minlength=n_groups * n_classes).reshape(n_groups, n_classes).astype(np.float64)
        if np.all(self.n_splits > counts.sum(axis=0)):
            raise InvalidInputError(
                f"n_splits of StratifiedGroupKFold must be at most the number of rows of the largest class; got {self.n_splits}"
            )
        order = np.arange(n_groups)
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        order = order[np.argsort(-np.std(counts[order], axis=1), kind="stable")]
        fold_of_group = np.empty(n_groups, dtype=np.int64)
        fold_of_group[order] = _core.stratified_folds(np.ascontiguousarray(counts[order]), self.n_splits)
        return fold_of_group[codes], self.n_splits


class LeaveOneGroupOut(_GroupSplitter):
    """One fold a group, in sorted order of the groups.

    Examples
    --------
    >>> from emotion_native.model_selection import LeaveOneGroupOut
    >>> [test.tolist() for _, test in LeaveOneGroupOut().split([[0]] * 3, groups=["b", "a", "b"])]
    [[1], [0, 2]]
    """

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of groups."""
        if groups is None:
            raise LeakageError(f"groups of LeaveOneGroupOut.get_n_splits must be given; got None: {WAYS_OUT}")
        return encode(check_groups(groups, len(np.asarray(groups)), caller="LeaveOneGroupOut.get_n_splits"))[1]

    def _fold_of_rows(self, X: Any, y: Any, groups: Any) -> tuple[Indices, int]:
        codes, n_groups = self._codes(X, groups)
        if n_groups < 2:
            raise InvalidInputError(f"groups of LeaveOneGroupOut.split must have at least two different values; got {n_groups}")
        return codes, n_groups


class GroupShuffleSplit(_sklearn.GroupShuffleSplit):  # type: ignore[misc]  # scikit-learn has no type information
    """Random splits of whole groups; ``test_size`` and ``train_size`` count groups. Results equal scikit-learn's.

    Examples
    --------
    >>> from emotion_native.model_selection import GroupShuffleSplit
    >>> train, test = next(GroupShuffleSplit(1, test_size=0.5, random_state=0).split([[0]] * 4, groups=["a", "a", "b", "b"]))
    >>> len(train), len(test)
    (2, 2)
    """

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Yield training and test rows of each split; without groups: `LeakageError`."""
        if groups is None:
            raise LeakageError(f"groups of GroupShuffleSplit.split must be given; got None: {WAYS_OUT}")
        codes, _ = encode(check_groups(groups, _num_samples(X), caller="GroupShuffleSplit.split"))
        try:
            yield from super().split(X, y, codes)
        except ValueError as error:
            raise InvalidInputError(f"test_size and train_size of GroupShuffleSplit must leave groups on both sides; got: {error}") from error
