"""One split into training and test rows that keeps groups whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import model_selection as _sklearn
from sklearn.utils import _safe_indexing, indexable

from .._validation import check_flag, check_random, count_rows
from ..exceptions import InvalidInputError, LeakageError
from ._groups import encode, encode_groups, require_groups
from ._splitters import Indices

_CANDIDATES = 64


def train_test_split(
    *arrays: Any,
    test_size: float | int | None = None,
    train_size: float | int | None = None,
    random_state: Any = None,
    shuffle: bool = True,
    stratify: Any = None,
    groups: Any = None,
    allow_ungrouped: bool = False,
) -> list[Any]:
    """Split arrays into training and test rows; no group is on both sides.

    Parameters
    ----------
    *arrays : array-likes of one length
    test_size, train_size : float, int or None
        With groups they count groups (as in `GroupShuffleSplit`; default: a quarter of them for testing), without they count rows.
    random_state : int, RandomState or None
    shuffle : bool
        Without it, the last groups in order of appearance (without groups: the last rows) are the test part.
    stratify : array-like of shape (n_samples,), optional
        Labels. With groups, 64 random choices of groups are drawn and the one whose class shares are closest on both sides is taken.
    groups : array-like of shape (n_samples,)
        Speakers, or the result of `joined_groups`.
    allow_ungrouped : bool
        Split rows without groups on purpose (scikit-learn's result).

    Returns
    -------
    list
        Training and test part of each array, as in scikit-learn.

    Raises
    ------
    LeakageError
        Without groups, unless allowed; or with fewer than two groups.
    InvalidInputError
        If sizes leave no group on a side, or arrays differ in length.

    Examples
    --------
    >>> from emotion_native.model_selection import train_test_split
    >>> clips, speakers = ["c1", "c2", "c3", "c4"], ["a", "a", "b", "b"]
    >>> train, test = train_test_split(clips, groups=speakers, test_size=0.5, random_state=0)
    >>> sorted([sorted(train), sorted(test)])
    [['c1', 'c2'], ['c3', 'c4']]
    """
    if not arrays:
        raise InvalidInputError("arrays of train_test_split must be at least one array; got none")
    ungrouped = require_groups(groups, caller="train_test_split", allow_ungrouped=allow_ungrouped)
    check_flag(shuffle, "shuffle", "train_test_split")
    for k, array in enumerate(arrays):
        if array is not None:
            count_rows(array, parameter=f"array {k}", caller="train_test_split")
    if arrays[0] is None:
        raise InvalidInputError("arrays of train_test_split must have rows; got None first")
    try:
        arrays = tuple(indexable(*arrays))
    except ValueError as error:
        raise InvalidInputError(f"arrays of train_test_split must be of one length; got: {error}") from error
    n = count_rows(arrays[0], parameter="array 0", caller="train_test_split")
    if ungrouped:
        options = {"test_size": test_size, "train_size": train_size, "random_state": random_state, "shuffle": shuffle, "stratify": stratify}
        return list(_sklearn.train_test_split(*arrays, **options))
    encoded = encode_groups(groups, n, caller="train_test_split")
    codes, n_groups = encoded.codes, len(encoded)
    if n_groups < 2:
        raise LeakageError(f"groups of train_test_split must have at least two different values; got {n_groups}: add clips of other speakers")
    n_train, n_test = _group_counts(n_groups, test_size, train_size)
    if shuffle:
        chosen = _random_choice(codes, n_groups, n_train, n_test, stratify, check_random(random_state, caller="train_test_split"))
    elif stratify is not None:
        raise InvalidInputError("stratify of train_test_split must be None while shuffle is False; got labels")
    else:
        _, first = np.unique(codes, return_index=True)
        in_order = np.argsort(first, kind="stable")
        chosen = in_order[:n_train], in_order[n_groups - n_test :]
    train, test = (np.flatnonzero(np.isin(codes, part)) for part in chosen)
    return [piece for array in arrays for piece in (_safe_indexing(array, train), _safe_indexing(array, test))]


def _group_counts(n_groups: int, test_size: Any, train_size: Any) -> tuple[int, int]:
    """Return the numbers of training and test groups."""

    def count(size: Any, name: str, rounding: Any) -> int | None:
        if size is None:
            return None
        if isinstance(size, (bool, np.bool_)) or not isinstance(size, (int, float, np.integer, np.floating)):
            raise InvalidInputError(f"{name} of train_test_split must be a share or a number of groups; got {size!r}")
        if isinstance(size, (int, np.integer)):
            return int(size)
        if not 0 < size < 1:
            raise InvalidInputError(f"{name} of train_test_split must be between 0 and 1 (a share) or an integer (groups); got {size!r}")
        return int(rounding(size * n_groups))

    n_test, n_train = count(test_size, "test_size", np.ceil), count(train_size, "train_size", np.floor)
    if n_test is None:
        n_test = int(np.ceil(0.25 * n_groups)) if n_train is None else n_groups - n_train
    if n_train is None:
        n_train = n_groups - n_test
    if n_train < 1 or n_test < 1 or n_train + n_test > n_groups:
        raise InvalidInputError(
            f"test_size and train_size of train_test_split must leave some of the {n_groups} groups on both sides; "
            f"got {n_train} for training and {n_test} for testing"
        )
    return n_train, n_test


def _random_choice(
    codes: npt.NDArray[np.int64], n_groups: int, n_train: int, n_test: int, stratify: Any, random: np.random.RandomState
) -> tuple[Indices, Indices]:
    """Return training and test groups, drawn at random; with labels, the best of several draws."""

    def draw() -> tuple[Indices, Indices]:
        order = random.permutation(n_groups).astype(np.int64)
        return order[n_test : n_test + n_train], order[:n_test]

    if stratify is None:
        return draw()
    labels = np.asarray(stratify)
    if labels.shape != codes.shape:
        raise InvalidInputError(f"stratify of train_test_split must be one label a row ({len(codes)} rows); got shape {labels.shape}")
    class_codes, n_classes = encode(labels)
    counts = np.bincount(codes * n_classes + class_codes, minlength=n_groups * n_classes).reshape(n_groups, n_classes)

    def distance(choice: tuple[Indices, Indices]) -> float:
        shares = [counts[part].sum(axis=0) / counts.sum(axis=0) for part in choice]
        wanted = [n_train / n_groups, n_test / n_groups]
        return float(sum(np.abs(share - want).sum() / want for share, want in zip(shares, wanted, strict=True)))

    return min((draw() for _ in range(_CANDIDATES)), key=distance)
