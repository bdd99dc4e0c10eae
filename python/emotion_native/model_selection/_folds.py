"""The folds of a cross-validation, made once, checked, and shared by every inner loop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import model_selection as _sklearn

from .._config import ungrouped_allowed
from .._remedies import refuse_class
from .._validation import check_flag, count_rows
from ..exceptions import InvalidInputError, LeakageError
from ._crossed import CrossedGroupKFold
from ._groups import Encoded, encode_groups, require_groups, two_keys, whole_groups
from ._parts import TrainingParts, is_rest, stored
from ._splitters import GroupKFold, Indices, KFold, StratifiedGroupKFold, StratifiedKFold

_DEFAULT_FOLDS = 5
_IGNORE_GROUPS = (
    _sklearn.KFold,
    _sklearn.StratifiedKFold,
    _sklearn.RepeatedKFold,
    _sklearn.RepeatedStratifiedKFold,
    _sklearn.ShuffleSplit,
    _sklearn.StratifiedShuffleSplit,
    _sklearn.LeaveOneOut,
    _sklearn.LeavePOut,
)


@dataclass(frozen=True, repr=False)
class Folds:
    """Training and test rows of each fold.

    Attributes
    ----------
    train, test : sequence of ndarray of int64
        Row numbers, in increasing order as splitters yield them. Training rows that are all those outside the test part are made when asked for.
    n_samples : int
    ungrouped : bool
        Whether clips of one speaker may be on both sides. Reports print this first.
    """

    train: Sequence[Indices]
    test: list[Indices]
    n_samples: int
    ungrouped: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.train)

    def __repr__(self) -> str:
        return f"Folds({len(self)} folds of {self.n_samples} rows, ungrouped={self.ungrouped})"

    @property
    def n_dropped(self) -> Indices:
        """For each fold the number of rows on neither side (mixed rows of a crossed split; with shuffled splits, rows that were not drawn)."""
        sizes = self.train.sizes() if isinstance(self.train, TrainingParts) else [len(rows) for rows in self.train]
        return np.array([self.n_samples - size - len(test) for size, test in zip(sizes, self.test, strict=True)], dtype=np.int64)

    def __iter__(self) -> Iterator[tuple[Indices, Indices]]:
        return iter(zip(self.train, self.test, strict=True))

    def fold_of_rows(self) -> Indices:
        """Return the fold that tests each row, -1 where none does.

        Raises
        ------
        InvalidInputError
            If a row is tested twice.
        """
        fold = np.full(self.n_samples, -1, dtype=np.int64)
        for k, test in enumerate(self.test):
            if (fold[test] >= 0).any() or len(np.unique(test)) != len(test):
                raise InvalidInputError("cv must test each row at most once here; got a row in several test parts (repeated or shuffled splits)")
            fold[test] = k
        return fold

    @property
    def hash(self) -> str:
        """The `split_hash` of these folds."""
        return split_hash(self)


def split_hash(folds: Iterable[tuple[Any, Any]]) -> str:
    """Return a SHA-256 that names a split: equal folds, in equal order, give equal hashes on every machine.

    Parameters
    ----------
    folds : Folds or iterable of (train, test) row numbers

    Returns
    -------
    str
        64 hexadecimal digits, over the lengths and the row numbers as little-endian 64-bit integers.

    Examples
    --------
    >>> from emotion_native.model_selection import split_hash
    >>> split_hash([([0, 1], [2])]) == split_hash([([0, 1], [2])])
    True
    >>> split_hash([([0, 1], [2])]) == split_hash([([0], [1, 2])])
    False
    """
    digest = hashlib.sha256(b"emotion-native folds 1")
    for fold in folds:
        for part in fold:
            rows = np.ascontiguousarray(part, dtype="<i8")
            digest.update(np.int64(rows.size).astype("<i8").tobytes())
            digest.update(rows.tobytes())
    return digest.hexdigest()


def _default_splitter(cv: Any, classifier: bool, n_groups: list[int], caller: str) -> Any:
    """Return the splitter for a number of folds (None: five, or as many as there are groups) and the number of groups of each key."""
    n_splits = cv if cv is not None else min([_DEFAULT_FOLDS, *n_groups[:1]])
    if isinstance(n_splits, (bool, np.bool_)) or n_splits < 2:
        raise InvalidInputError(f"cv of {caller} must be at least 2 folds; got {cv!r}")
    if len(n_groups) == 2:
        return CrossedGroupKFold(int(n_splits), 2, stratify=classifier)
    if n_groups:
        return StratifiedGroupKFold(int(n_splits)) if classifier else GroupKFold(int(n_splits))
    return StratifiedKFold(int(n_splits)) if classifier else KFold(int(n_splits))


def resolve_folds(
    cv: Any, X: Any, y: Any, groups: Any = None, *, caller: str = "resolve_folds", classifier: bool = True, allow_ungrouped: bool = False
) -> Folds:
    """Return the checked folds of ``cv``.

    Parameters
    ----------
    cv : None, int, splitter, or iterable of (train, test)
        None and integers mean stratified folds of whole groups (five, or as many as there are groups); with two keys, that many parts of the
        first, crossed with two of the second. Splitters may be scikit-learn's own.
    X : array-like of shape (n_samples, …)
    y : array-like of shape (n_samples,) or None
    groups : array-like of shape (n_samples,) or (n_samples, 2), or None
        Two columns (a DataFrame or array) are two keys, such as speaker and text, and both must be kept whole: see `CrossedGroupKFold`.
    caller : str
        For messages.
    classifier : bool
        Whether the default splitter stratifies.
    allow_ungrouped : bool
        Accept a split without groups, or one that ignores them.

    Raises
    ------
    LeakageError
        Without groups, with a splitter that ignores groups, or if a group is on both sides of a fold, unless allowed.
    InvalidInputError
        If ``cv`` is none of these, or yields empty, overlapping or impossible rows.

    Examples
    --------
    >>> from emotion_native.model_selection import resolve_folds
    >>> folds = resolve_folds(2, [[0]] * 4, [0, 1, 0, 1], groups=["a", "a", "b", "b"])
    >>> len(folds), folds.ungrouped
    (2, False)
    """
    n = count_rows(X, parameter="X", caller=caller)
    check_flag(allow_ungrouped, "allow_ungrouped", caller)
    refuse_class(cv, "cv", caller, "a splitter")
    allowed = allow_ungrouped or ungrouped_allowed()
    ungrouped = require_groups(groups, caller=caller, allow_ungrouped=allow_ungrouped)
    keys: list[tuple[str, Encoded]] = []
    if not ungrouped:
        columns = two_keys(groups) or {"groups": groups}
        keys = [(str(name), encode_groups(column, n, caller=caller, parameter=str(name))) for name, column in columns.items()]
    for _, encoded in keys:
        if len(encoded) < 2 and (not allowed or cv is None or isinstance(cv, (int, np.integer))):
            rule = "at least two different values to split"
            raise LeakageError(f"groups of {caller} must have {rule}; got {len(encoded)}: add clips of other speakers")
    if cv is None or isinstance(cv, (int, np.integer)):
        cv = _default_splitter(cv, classifier, [len(encoded) for _, encoded in keys], caller)
    ignores_groups = isinstance(cv, _IGNORE_GROUPS)
    if ignores_groups and not ungrouped:
        if not allowed and isinstance(cv, (_sklearn.KFold, _sklearn.StratifiedKFold)):
            raise LeakageError(f"cv of {caller} must keep groups whole; got {cv!r}, which ignores them: {whole_groups(caller)}")
        ungrouped = allowed
    if hasattr(cv, "split") and not isinstance(cv, (str, bytes)):
        pairs = cv.split(X, y, None if ignores_groups else groups)
    elif isinstance(cv, Iterable) and not isinstance(cv, (str, bytes)):
        pairs = cv
    else:
        raise InvalidInputError(f"cv of {caller} must be an integer, a splitter, or an iterable of (train, test) rows; got {cv!r}")
    train, test = _checked_rows(pairs, n, caller)
    if any([_crossed(encoded, name, train, test, caller, raise_error=not allowed) for name, encoded in keys]):
        ungrouped = True
    return Folds(train, test, n, ungrouped)


def _checked_rows(pairs: Iterable[Any], n: int, caller: str) -> tuple[TrainingParts, list[Indices]]:
    """Return training and test rows; of a training part that is all rows outside the test part nothing is kept."""
    train: list[Indices | None] = []
    test: list[Indices] = []
    for k, pair in enumerate(pairs):
        try:
            parts = [np.asarray(part) for part in pair]
        except TypeError:
            parts = []
        if len(parts) != 2 or any(part.ndim != 1 or (part.size and part.dtype.kind not in "iub") for part in parts):
            raise InvalidInputError(f"cv of {caller} must yield pairs of row numbers; fold {k} is {pair!r:.80}")
        rows = [np.flatnonzero(part) if part.dtype.kind == "b" else part.astype(np.int64) for part in parts]
        for name, part in zip(("training", "test"), rows, strict=True):
            if not part.size:
                raise InvalidInputError(f"cv of {caller} must leave rows on both sides; the {name} part of fold {k} is empty")
            if part.min() < 0 or part.max() >= n:
                raise InvalidInputError(f"cv of {caller} must yield rows from 0 to {n - 1}; got {int(part.min())} to {int(part.max())} in fold {k}")
        side = np.zeros(n, dtype=bool)
        side[rows[0]] = True
        if side[rows[1]].any():
            shared = int(rows[1][side[rows[1]]][0])
            raise LeakageError(f"cv of {caller} must keep training and test rows apart; row {shared} is on both sides of fold {k}")
        train.append(None if is_rest(rows[0], rows[1], n) else np.ascontiguousarray(rows[0]))
        test.append(np.ascontiguousarray(rows[1]))
    if not train:
        raise InvalidInputError(f"cv of {caller} must yield at least one fold; got none")
    return TrainingParts(train, test, n), test


def _crossed(groups: Encoded, name: str, train: Sequence[Indices], test: list[Indices], caller: str, *, raise_error: bool) -> bool:
    """Return whether a group is on both sides of a fold, or raise LeakageError."""
    size = np.bincount(groups.codes, minlength=len(groups))
    for k, (train_rows, test_rows) in enumerate(zip(stored(train), test, strict=True)):
        own = groups.codes[test_rows]
        if train_rows is None:  # all other rows: a group is on both sides unless the test part has all of it
            present, place, count = np.unique(own, return_inverse=True, return_counts=True)
            crossing = (count < size[present])[place]
        else:
            in_train = np.zeros(len(groups), dtype=bool)
            in_train[groups.codes[train_rows]] = True
            crossing = in_train[own]
        if crossing.any():
            if not raise_error:
                return True
            shared = groups.uniques[[groups.codes[test_rows[np.argmax(crossing)]]]].tolist()[0]
            key = "" if name == "groups" else f" of {name}"
            raise LeakageError(f"cv of {caller} must keep groups whole; group {shared!r}{key} is on both sides of fold {k}: {whole_groups(caller)}")
    return False
