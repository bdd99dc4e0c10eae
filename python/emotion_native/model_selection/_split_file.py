"""Split files: the folds of a cross-validation as an artefact with a checksum (docs/formats/split-file.md)."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import model_selection as _sklearn

from .._files import read_regular, write_atomically
from .._validation import check_path, count_rows
from ..exceptions import InvalidInputError
from ._folds import Folds, _checked_rows, _crossed, resolve_folds, split_hash
from ._groups import Codes, Encoded, as_values, encode_groups, factorize, two_keys
from ._splitters import Indices

_FORMAT = "emotion-native split"
_VERSION = 1
_KEYS = {"folds", "format", "groups", "n_rows", "row_keys", "sha256", "split_hash", "splitter", "ungrouped", "version"}


@dataclass(frozen=True, repr=False, eq=False)
class SavedSplit(_sklearn.BaseCrossValidator):  # type: ignore[misc]  # scikit-learn has no type information
    """Folds that were read from a split file or written to one; a splitter for ``cv=`` everywhere.

    Attributes
    ----------
    folds : Folds
        Row numbers of the data at hand.
    splitter : dict
        ``name`` and ``parameters`` of what made the folds.
    row_keys : list of str or None
        What names each row of the data at hand.
    hash : str
        The `split_hash` of the folds as they were saved.
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012  a dataclass would make an annotated one a field; scikit-learn reads this name

    folds: Folds
    splitter: dict[str, Any]
    row_keys: list[str] | None
    hash: str

    def __repr__(self) -> str:
        return f"SavedSplit({self.splitter['name']}, {len(self.folds)} folds of {self.folds.n_samples} rows, hash {self.hash[:12]})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return len(self.folds)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Indices, Indices]]:
        """Yield training and test rows of each fold.

        Raises
        ------
        InvalidInputError
            If ``X`` has another number of rows than the split.
        LeakageError
            If a group of ``groups`` is on both sides of a fold.
        """
        n = count_rows(X, parameter="X", caller="SavedSplit.split")
        if n != self.folds.n_samples:
            raise InvalidInputError(f"X of SavedSplit.split must have the rows that were split, {self.folds.n_samples}; got {n}")
        if groups is not None and not self.folds.ungrouped:
            _check_apart(_keys_of(groups, n, "SavedSplit.split"), self.folds, "SavedSplit.split")
        for train, test in self.folds:
            yield train.copy(), test.copy()


def save_split(
    cv: Any, path: str | os.PathLike[str], *, X: Any = None, y: Any = None, groups: Any = None, row_keys: Any = None, allow_ungrouped: bool = False
) -> SavedSplit:
    """Write the folds of ``cv`` to a file, whole or not at all.

    Parameters
    ----------
    cv : None, int, splitter, Folds, or iterable of (train, test)
        As in `cross_validate`.
    path : path
        JSON, by custom ``….split.json``.
    X, y : array-like of shape (n_samples, …), optional
        What the splitter needs; without ``X``, rows are counted in ``y``, ``groups`` or ``row_keys``.
    groups : array-like of shape (n_samples,) or (n_samples, 2)
        Stored as numbers, never by name, so that any reader can check that no group is on both sides of a fold.
    row_keys : array-like of str of shape (n_samples,), optional
        What names a row wherever it stands: file paths, or ``content_key``. With them a reader finds out whether it has the same rows.
    allow_ungrouped : bool
        Save a split without groups on purpose; the file says so.

    Returns
    -------
    SavedSplit
        What `load_split` would return.

    Raises
    ------
    LeakageError
        Without groups, or if a group is on both sides of a fold, unless allowed.
    InvalidInputError
        If an argument breaks its rule.
    OSError
        If the file cannot be written; an old file stays as it was.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from emotion_native.model_selection import GroupKFold, load_split, save_split
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "folds.split.json"
    >>> saved = save_split(GroupKFold(2), path, groups=["a", "b", "b", "c"], row_keys=["1.wav", "2.wav", "3.wav", "4.wav"])
    >>> load_split(path).hash == saved.hash
    True
    """
    target = check_path(path, parameter="path", caller="save_split")
    sized = [value for value in (X, y, groups, row_keys) if value is not None]
    if not sized and not isinstance(cv, Folds):
        raise InvalidInputError("X of save_split must be given, or y, groups or row_keys, to count rows; got none of them")
    n = count_rows(sized[0], parameter="X, y, groups or row_keys", caller="save_split") if sized else cv.n_samples
    ungrouped_folds = isinstance(cv, Folds) and cv.ungrouped
    rows = np.empty((n, 0)) if X is None else X
    allowed = allow_ungrouped or ungrouped_folds
    folds = resolve_folds(cv, rows, y, groups, caller="save_split", classifier=y is not None, allow_ungrouped=allowed)
    names = None if row_keys is None else _row_keys(row_keys, n, "save_split")
    keys = [] if groups is None else _keys_of(groups, n, "save_split")
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "n_rows": n,
        "ungrouped": folds.ungrouped or ungrouped_folds,
        "splitter": _description(cv),
        "groups": [{"name": name, "codes": encoded.codes.tolist()} for name, encoded in keys],
        "row_keys": names,
        "folds": [_fold_document(train, test, n) for train, test in folds],
        "split_hash": folds.hash,
    }
    content = json.dumps({**document, "sha256": _checksum(document)}, sort_keys=True, separators=(",", ":"))
    write_atomically(target, content.encode("ascii") + b"\n")
    folds = Folds(folds.train, folds.test, n, bool(document["ungrouped"]))
    return SavedSplit(folds, _description(cv), names, folds.hash)


def load_split(path: str | os.PathLike[str], *, groups: Any = None, row_keys: Any = None) -> SavedSplit:
    """Read a split file and check all of it: checksum, row numbers, hash, groups, and that the data at hand are those that were split.

    Parameters
    ----------
    path : path
    groups : array-like of shape (n_samples,) or (n_samples, 2), optional
        Groups of the data at hand: none may be on both sides of a fold.
    row_keys : array-like of str of shape (n_samples,), optional
        What names the rows of the data at hand. The same rows in another order are found again, and the folds are given in that order.

    Raises
    ------
    InvalidInputError
        If the file is truncated, edited, of a newer version or no split file, or the rows are not those that were split.
    LeakageError
        If a group is on both sides of a fold of a split that is not marked as ungrouped.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from emotion_native.model_selection import GroupKFold, load_split, save_split
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "folds.split.json"
    >>> _ = save_split(GroupKFold(2), path, groups=["a", "b", "b"], row_keys=["1.wav", "2.wav", "3.wav"])
    >>> [test.tolist() for _, test in load_split(path).split([[0]] * 3)]
    [[1, 2], [0]]
    >>> [test.tolist() for _, test in load_split(path, row_keys=["2.wav", "1.wav", "3.wav"]).split([[0]] * 3)]
    [[0, 2], [1]]
    """
    source = check_path(path, parameter="path", caller="load_split")
    caller = f"load_split({source.name})"
    document = _parsed(read_regular(source), caller)
    n, ungrouped = document["n_rows"], document["ungrouped"]
    train, test = _checked_rows((_fold_rows(fold, n, caller) for fold in document["folds"]), n, caller)
    folds = Folds(train, test, n, ungrouped)
    if split_hash(folds) != document["split_hash"]:
        raise InvalidInputError(f"path of {caller} must be a file whose split_hash is that of its folds; got another: write it anew with save_split")
    if not ungrouped:
        _check_apart([(item["name"], _stored_groups(item, n, caller)) for item in document["groups"]], folds, caller)
    names = document["row_keys"]
    if row_keys is not None:
        folds, names = _in_order(folds, names, _row_keys(row_keys, count_rows(row_keys, parameter="row_keys", caller=caller), caller), caller)
    if groups is not None and not ungrouped:
        _check_apart(_keys_of(groups, n, caller), folds, caller)
    return SavedSplit(folds, document["splitter"], names, document["split_hash"])


def _keys_of(groups: Any, n: int, caller: str) -> list[tuple[str, Encoded]]:
    columns = two_keys(groups) or {"groups": groups}
    return [(str(name), encode_groups(column, n, caller=caller, parameter=str(name))) for name, column in columns.items()]


def _check_apart(keys: list[tuple[str, Encoded]], folds: Folds, caller: str) -> None:
    for name, encoded in keys:
        _crossed(encoded, name, folds.train, folds.test, caller, raise_error=True)


def _row_keys(row_keys: Any, n: int, caller: str) -> list[str]:
    names = [os.fspath(v) if isinstance(v, os.PathLike) else v for v in as_values(row_keys, n, parameter="row_keys", caller=caller).tolist()]
    for row, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"row_keys of {caller} must be one non-empty text a row; got {name!r} in row {row}")
    return names


def _description(cv: Any) -> dict[str, Any]:
    """Return name and parameters of a splitter as JSON can hold them."""
    if isinstance(cv, SavedSplit):
        return cv.splitter
    parameters = {}
    if hasattr(cv, "split"):
        for name in inspect.signature(type(cv).__init__).parameters:
            value = getattr(cv, name, None)
            if name not in ("self", "texts", "args", "kwargs"):
                try:
                    parameters[name] = json.loads(json.dumps(value, allow_nan=False))
                except (TypeError, ValueError):
                    parameters[name] = repr(value)[:200]
    name = type(cv).__name__ if hasattr(cv, "split") else "default" if cv is None or isinstance(cv, (int, np.integer)) else "rows"
    return {"name": name, "parameters": parameters}


def _fold_document(train: Indices, test: Indices, n: int) -> dict[str, list[int]]:
    rest = np.ones(n, dtype=bool)
    rest[test] = False
    fold = {"test": test.tolist()}
    return fold if np.array_equal(np.flatnonzero(rest), train) else {**fold, "train": train.tolist()}


def _fold_rows(fold: Any, n: int, caller: str) -> tuple[Codes, Codes]:
    if not isinstance(fold, dict) or not {"test"} <= set(fold) <= {"test", "train"}:
        raise InvalidInputError(f"path of {caller} must hold folds with the keys test and train; got {fold!r:.80}")
    test = _integers(fold["test"], caller)
    if "train" in fold:
        return _integers(fold["train"], caller), test
    rest = np.ones(n, dtype=bool)
    rest[test[(test >= 0) & (test < n)]] = False  # rows out of range are refused later
    return np.flatnonzero(rest), test


def _integers(values: Any, caller: str) -> Codes:
    if not isinstance(values, list) or any(type(v) is not int or not -(2**63) <= v < 2**63 for v in values):
        raise InvalidInputError(f"path of {caller} must hold lists of whole numbers; got {values!r:.80}")
    return np.array(values, dtype=np.int64)


def _stored_groups(item: Any, n: int, caller: str) -> Encoded:
    codes = _integers(item["codes"], caller)
    if len(codes) != n:
        raise InvalidInputError(f"path of {caller} must hold one group a row ({n}); got {len(codes)}")
    return factorize(codes)


def _checksum(document: dict[str, Any]) -> str:
    text = json.dumps({k: v for k, v in document.items() if k != "sha256"}, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _parsed(content: bytes, caller: str) -> dict[str, Any]:
    """Return the document after all checks of its form."""
    remedy = "make the split anew, or fetch the file again"
    try:
        document = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"path of {caller} must be a whole split file; got text that is not JSON ({error!s:.80}): {remedy}") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise InvalidInputError(f'path of {caller} must be a split file ("format": "{_FORMAT}"); got another kind of file')
    if type(document.get("version")) is not int or document["version"] != _VERSION:
        version = repr(document.get("version"))[:40]
        raise InvalidInputError(f"path of {caller} must be of version {_VERSION}; got {version}: a newer emotion-native may read it")
    if set(document) != _KEYS or document["sha256"] != _checksum(document):
        raise InvalidInputError(f"path of {caller} must be as it was written; got a checksum that does not match (edited or damaged): {remedy}")
    splitter, names, groups = document["splitter"], document["row_keys"], document["groups"]
    n = document["n_rows"]
    sound = (
        type(n) is int
        and 0 < n < 2**40
        and type(document["ungrouped"]) is bool
        and isinstance(document["folds"], list)
        and isinstance(splitter, dict)
        and isinstance(splitter.get("name"), str)
        and (names is None or (isinstance(names, list) and len(names) == n and all(isinstance(v, str) for v in names)))
        and (names is not None or n <= len(content))  # a small file cannot ask for much memory
        and isinstance(groups, list)
        and all(isinstance(g, dict) and set(g) == {"name", "codes"} and isinstance(g["name"], str) for g in groups)
    )
    if not sound:
        raise InvalidInputError(f"path of {caller} must follow the format of split files; got fields of wrong types: {remedy}")
    return document


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _in_order(folds: Folds, stored: list[str] | None, given: list[str], caller: str) -> tuple[Folds, list[str]]:
    """Return the folds in the order of the rows at hand."""
    if stored is None:
        raise InvalidInputError(f"row_keys of {caller} must be left out for a file that names no rows; got {len(given)} keys")
    if stored == given:
        return folds, given
    if len(stored) != len(given):
        raise InvalidInputError(f"row_keys of {caller} must name the {len(stored)} rows that were split; got {len(given)}")
    place = {key: row for row, key in enumerate(given)}
    absent = next((key for key in stored if key not in place), None)
    if absent is not None:
        raise InvalidInputError(f"row_keys of {caller} must name the rows that were split; {absent!r} is not among them")
    if len(place) < len(given) or len(set(stored)) < len(stored):
        raise InvalidInputError(f"row_keys of {caller} must be in the order of the file where keys occur twice; got another order")
    row_of = np.array([place[key] for key in stored], dtype=np.int64)
    train, test = ([np.sort(row_of[part]) for part in side] for side in (folds.train, folds.test))
    return Folds(train, test, folds.n_samples, folds.ungrouped), given
