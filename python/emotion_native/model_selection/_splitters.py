"""Splitters with scikit-learn's names, arguments and results; the grouped ones on native kernels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn import model_selection as _sklearn

from .._remedies import missing_names, refuse_missing_labels, rows_found
from .._validation import check_flag, check_number, check_random, count_rows
from ..exceptions import EmotionNativeWarning, InvalidInputError, LeakageError
from ._groups import GIVE_GROUPS, WAYS_OUT, Codes, Encoded, as_values, encode_groups, factorize

Indices = npt.NDArray[np.int64]
Assignment = tuple[Codes, Codes, int]  # each row's group, each group's fold (empty: a fold a group), number of folds


class KFold(_sklearn.KFold):  # type: ignore[misc]  # scikit-learn has no type information
    """K-fold without groups: scikit-learn's class, here so that code runs with the import line changed.

    It counts as ungrouped: cross-validation accepts it only with its argument ``allow_ungrouped=True`` or inside
    ``config_context(ungrouped="allow")``.

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


def encode_labels_of_split(y: Any, n_samples: int, *, caller: str) -> Encoded:
    """Return the codes of one known class label a row.

    Raises
    ------
    InvalidInputError
        For another shape, fractions, NaN, or labels that cannot be compared.
    """
    if y is None:
        raise InvalidInputError(f"y of {caller} must be one label a row ({n_samples} rows); got None")
    if isinstance(y, np.ndarray) and y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    refuse_missing_labels(y, caller)
    labels = as_values(y, n_samples, parameter="y", caller=caller)
    if labels.dtype.kind == "c":
        raise InvalidInputError(f"y of {caller} must be labels: numbers, texts or other hashable values; got complex numbers")
    try:
        encoded = factorize(labels)
    except TypeError as error:
        raise InvalidInputError(f"y of {caller} must be labels: numbers, texts or other hashable values; got: {error}") from error
    if encoded.uniques.dtype.kind == "f" and not (np.isfinite(encoded.uniques) & (encoded.uniques == np.floor(encoded.uniques))).all():
        raise InvalidInputError(f"y of {caller} must be labels, not continuous numbers; got fractions, infinity or NaN: use GroupKFold")
    texts = np.array([isinstance(value, (str, bytes)) for value in encoded.uniques.tolist()], dtype=bool)
    missing = missing_names(encoded.uniques) & ~texts  # an empty text is a label
    if missing.any():
        raise InvalidInputError(f"y of {caller} must be known for every row; got missing labels in {rows_found(missing[encoded.codes])}")
    return encoded


def balanced_folds(groups: Encoded, n_splits: int) -> Codes:
    """Return a fold for each group such that folds have about equally many rows."""
    from .. import _core

    fold_of_group: Codes = _core.balanced_folds(np.bincount(groups.codes, minlength=len(groups)).astype(np.int64), n_splits)
    return fold_of_group


def stratified_folds(groups: Encoded, labels: Encoded, order: Codes, n_splits: int) -> Codes:
    """Return a fold for each group such that class shares are about equal; ties fall in ``order``."""
    from .. import _core

    fold_of_group: Codes = _core.stratified_folds(groups.codes, len(groups), labels.codes, len(labels), np.asarray(order, dtype=np.int64), n_splits)
    return fold_of_group


class _GroupSplitter(_sklearn.BaseCrossValidator):  # type: ignore[misc]  # scikit-learn has no type information
    """What the grouped splitters share: groups are a must, a fold is the set of rows of its groups."""

    __metadata_request__split: ClassVar[dict[str, bool]] = {"groups": True}  # scikit-learn's metadata routing hands groups over

    def _assign(self, X: Any, y: Any, groups: Any) -> Assignment:
        """Return each row's group, each group's fold and the number of folds."""
        raise NotImplementedError

    def _count(self, X: Any) -> int:
        return count_rows(X, parameter="X", caller=f"{type(self).__name__}.split")

    def _encode(self, groups: Any, n_samples: int) -> Encoded:
        caller = f"{type(self).__name__}.split"
        if groups is None:
            raise LeakageError(f"groups of {caller} must be given; got None: {WAYS_OUT}")
        return encode_groups(groups, n_samples, caller=caller)

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
        from .. import _core

        codes, fold_of_group, n_folds = self._assign(X, y, groups)
        rows, start = _core.rows_by_fold(codes, fold_of_group, n_folds)
        for k in range(n_folds):
            test = rows[start[k] : start[k + 1]].copy()
            yield _core.other_rows(test, len(codes)), test


def check_shuffle(shuffle: Any, random_state: Any, name: str) -> None:
    """Check a flag, without which there is nothing to seed.

    Raises
    ------
    InvalidInputError
        If it is no flag, or there is a seed without it.
    """
    check_flag(shuffle, "shuffle", name)
    if not shuffle and random_state is not None:
        raise InvalidInputError(f"random_state of {name} must be None: it has no effect since shuffle is False; got {random_state!r:.80}")


class _GroupKFolds(_GroupSplitter):
    """Grouped splitters with a number of folds."""

    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None) -> None:
        name = type(self).__name__
        check_number(n_splits, "n_splits", name, low=2, integer=True)
        check_shuffle(shuffle, random_state, name)
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
    of the groups is cut into ``n_splits`` parts. Results equal scikit-learn's, shuffled ones included (they use NumPy's generator); where groups
    of equal size abound, scikit-learn's order among them depends on the processor, ours does not, and fold sizes are the same.

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

    def _assign(self, X: Any, y: Any, groups: Any) -> Assignment:
        encoded = self._encode(groups, self._count(X))
        self._enough(len(encoded))
        if self.shuffle:
            fold_of_group = np.empty(len(encoded), dtype=np.int64)
            order = check_random(self.random_state, caller=type(self).__name__).permutation(np.arange(len(encoded)))
            for k, part in enumerate(np.array_split(order, self.n_splits)):
                fold_of_group[part] = k
        else:
            fold_of_group = balanced_folds(encoded, self.n_splits)
        return encoded.codes, fold_of_group, self.n_splits


class StratifiedGroupKFold(_GroupKFolds):
    """K folds of whole groups whose class shares are about equal.

    Groups go, from the most uneven in classes to the most even, each into the fold that keeps the class shares of the folds closest. That is
    scikit-learn's rule, and results equal its results wherever they leave no fold empty and no fold without a class that it could have had.
    Where they do, groups are moved and exchanged until no fold is empty and every class is in as many folds as can be found (a class with
    rows in G groups is in ``min(n_splits, G)`` folds where the groups allow it), and then until class shares are as even as such steps make
    them. Up to about a dozen groups the number of folds without a class is proven smallest; beyond it is the best of a long search.

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

    def _assign(self, X: Any, y: Any, groups: Any) -> Assignment:
        encoded = self._encode(groups, self._count(X))
        self._enough(len(encoded))
        labels = encode_labels_of_split(y, len(encoded.codes), caller="StratifiedGroupKFold.split")
        rows_of_class = np.bincount(labels.codes)
        if self.n_splits > rows_of_class.max():
            raise InvalidInputError(
                f"n_splits of StratifiedGroupKFold must be at most the number of rows of the largest class; got {self.n_splits}"
            )
        if self.n_splits > rows_of_class.min():
            fewest = int(rows_of_class.min())
            message = f"The least populated class of y has {fewest} rows, fewer than n_splits={self.n_splits}: some folds must lack it"
            warnings.warn(message, EmotionNativeWarning, stacklevel=3)  # who asks for the folds
        order = np.arange(len(encoded))
        if self.shuffle:
            check_random(self.random_state, caller=type(self).__name__).shuffle(order)
        return encoded.codes, stratified_folds(encoded, labels, order, self.n_splits), self.n_splits


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
        caller = "LeaveOneGroupOut.get_n_splits"
        if groups is None:
            raise LeakageError(f"groups of {caller} must be given; got None: {GIVE_GROUPS}")
        return len(encode_groups(groups, count_rows(groups, parameter="groups", caller=caller), caller=caller))

    def _assign(self, X: Any, y: Any, groups: Any) -> Assignment:
        encoded = self._encode(groups, self._count(X))
        if len(encoded) < 2:
            raise InvalidInputError(f"groups of LeaveOneGroupOut.split must have at least two different values; got {len(encoded)}")
        return encoded.codes, np.empty(0, dtype=np.int64), len(encoded)


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
        from .. import _core

        if groups is None:
            raise LeakageError(f"groups of GroupShuffleSplit.split must be given; got None: {WAYS_OUT}")
        check_number(self.n_splits, "n_splits", "GroupShuffleSplit", low=1, integer=True)
        for parameter in ("test_size", "train_size"):
            if getattr(self, parameter) is not None:
                check_number(getattr(self, parameter), parameter, "GroupShuffleSplit", low=0, open_low=True)
        random = self.random_state if self.random_state is None else check_random(self.random_state, caller="GroupShuffleSplit")
        encoded = encode_groups(groups, count_rows(X, parameter="X", caller="GroupShuffleSplit.split"), caller="GroupShuffleSplit.split")
        test_size = self._default_test_size if self.test_size is None and self.train_size is None else self.test_size
        choice = _sklearn.ShuffleSplit(self.n_splits, test_size=test_size, train_size=self.train_size, random_state=random)
        side = np.empty(len(encoded), dtype=np.int64)
        try:
            for train_groups, test_groups in choice.split(side):
                side[:] = -1
                side[train_groups] = 0
                side[test_groups] = 1
                rows, start = _core.rows_by_fold(encoded.codes, side, 2)
                yield rows[: start[1]].copy(), rows[start[1] :].copy()
        except ValueError as error:
            raise InvalidInputError(f"test_size and train_size of GroupShuffleSplit must leave groups on both sides; got: {error}") from error
