"""Groups: codes of group labels, joined keys, and the rule about splits without groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._config import ungrouped_allowed
from .._remedies import missing_names, refuse_text
from .._unknown_speakers import is_unknown
from .._validation import count_rows
from ..exceptions import InvalidInputError, LeakageError

Codes = npt.NDArray[np.int64]

_ONE_KEY = (
    ": give one key, such as the speaker (joined_groups joins several into one; texts beside speakers are an argument of CrossedGroupKFold)"
)
GIVE_GROUPS = "pass groups= (one speaker, or other unit that must stay whole, a row)"
WAYS_OUT = f"{GIVE_GROUPS}, or use, on purpose, a splitter that ignores groups, such as KFold"  # of the methods of splitters


@dataclass(frozen=True)
class Encoded:
    """Values as codes in sorted order of the values, or in order of appearance where they cannot be sorted.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), int64
    uniques : ndarray of shape (n_values,)
        The different values.
    first : ndarray of shape (n_values,), int64
        A row of each.
    """

    codes: Codes
    uniques: npt.NDArray[Any]
    first: Codes

    def __len__(self) -> int:
        return len(self.uniques)


def factorize(values: npt.NDArray[Any]) -> Encoded:
    """Return codes of equal values: one pass of hashing, then a sort of the different values only.

    Raises
    ------
    TypeError
        If an object can be neither sorted nor hashed.
    """
    from .. import _core

    kind, width = values.dtype.kind, values.dtype.itemsize
    if kind in "bi" or (kind == "u" and width < 8):
        codes, first = _core.factorize_sorted(np.ascontiguousarray(values, dtype=np.int64))
        return Encoded(codes, values[first], first)
    if kind == "O":
        return _factorize_objects(values)
    if kind == "f" and width <= 8:
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values) + values.dtype.type(0)  # one NaN, one zero
    elif kind not in "uUSmM":
        return _factorize_objects(values.astype(object))
    codes, first = _core.factorize(np.ascontiguousarray(values))
    uniques = values[first]
    order = np.argsort(uniques, kind="stable")
    return Encoded(_ranks(order)[codes], uniques[order], first[order])


def _factorize_objects(values: npt.NDArray[Any]) -> Encoded:
    """Compare objects by equality, each distinct object once."""
    from .. import _core

    by_identity, first = _core.factorize(np.ascontiguousarray(values))
    objects = values[first].tolist()
    seen: dict[Any, int] = {}
    merged = np.fromiter((seen.setdefault(v, len(seen)) for v in objects), dtype=np.int64, count=len(objects))
    rows = first[np.unique(merged, return_index=True)[1]]
    distinct = list(seen)
    try:
        order = np.array(sorted(range(len(distinct)), key=distinct.__getitem__), dtype=np.int64)
    except TypeError:  # of several kinds: in order of appearance
        order = np.arange(len(distinct))
    return Encoded(_ranks(order)[merged][by_identity], values[rows[order]], rows[order])


def _ranks(order: npt.NDArray[np.int64]) -> Codes:
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def encode(values: npt.NDArray[Any], *, missing: bool = False) -> tuple[Codes, int]:
    """Return int64 codes (in sorted order of the values where they can be sorted) and their number; missing values become -1 on request."""
    encoded = factorize(values)
    if not missing:
        return encoded.codes, len(encoded)
    known = ~missing_names(encoded.uniques)
    return _known_codes(encoded, known), int(known.sum())


def recording_codes(values: npt.NDArray[Any]) -> Codes:
    """Return int64 codes of recordings, -1 where one is unknown (`is_unknown`), which joins nothing."""
    encoded = factorize(values)
    return _known_codes(encoded, np.array([not is_unknown(value) for value in encoded.uniques], dtype=bool))


def _known_codes(encoded: Encoded, known: npt.NDArray[np.bool_]) -> Codes:
    """Return the codes of rows with known values, renumbered; -1 for the others."""
    number: Codes = np.where(known, np.cumsum(known) - 1, -1)
    return number[encoded.codes]


def as_values(values: Any, n_samples: int, *, parameter: str, caller: str, several: str = "") -> npt.NDArray[Any]:
    """Return one value a row as a one-dimensional array; masked values become None. ``several`` is the remedy for several columns.

    Raises
    ------
    InvalidInputError
        If there is not one value a row.
    """
    if isinstance(values, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(values)
        values = values.data
        if hidden.any():
            values = values.astype(object)
            values[hidden] = None
    refuse_text(values, parameter, caller)
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.empty((0, 0))
    if array.ndim == 1 and array.dtype.kind in "US" and isinstance(values, (list, tuple)) and not all(isinstance(v, (str, bytes)) for v in values):
        array = np.array(values, dtype=object)  # numbers, NaN among them, do not become texts
    if array.ndim != 1 or len(array) != n_samples:
        found = f"an array of shape {array.shape}" + (several if array.ndim == 2 and len(array) == n_samples else "")
        raise InvalidInputError(f"{parameter} of {caller} must be one value a row ({n_samples} rows); got {found}")
    return array


def encode_groups(groups: Any, n_samples: int, *, caller: str, parameter: str = "groups") -> Encoded:
    """Return the codes of groups that are known for every row.

    Raises
    ------
    InvalidInputError
        If there is not one known, comparable group a row.
    """
    array = as_values(groups, n_samples, parameter=parameter, caller=caller, several=_ONE_KEY)
    try:
        encoded = factorize(array)
    except TypeError as error:
        raise InvalidInputError(f"{parameter} of {caller} must be numbers, texts or other hashable values; got: {error}") from error
    unknown = missing_names(encoded.uniques)
    if unknown.any():
        rows = unknown[encoded.codes]
        raise InvalidInputError(
            f"{parameter} of {caller} must be known for every row; got {int(rows.sum())} missing values, the first in row {int(np.argmax(rows))}: "
            "fill in the speaker, give all rows of unknown speakers one common group, or drop those rows"
        )
    return encoded


def check_groups(groups: Any, n_samples: int, *, caller: str, parameter: str = "groups") -> npt.NDArray[Any]:
    """Return ``groups`` as a one-dimensional array without missing values (see `encode_groups`)."""
    array = as_values(groups, n_samples, parameter=parameter, caller=caller, several=_ONE_KEY)
    encode_groups(array, n_samples, caller=caller, parameter=parameter)
    return array


def _on_purpose(caller: str) -> str:
    """Return how to do without groups in a function, or in the ``fit`` of a class, whose constructor is told."""
    owner, _, method = caller.partition(".")
    way = f"{owner}(…, allow_ungrouped=True)" if method == "fit" else "the argument allow_ungrouped=True"
    return f'accept an inflated score on purpose with {way} or with emotion_native.config_context(ungrouped="allow")'


def whole_groups(caller: str) -> str:
    """Return the ways out of a split that takes groups apart."""
    return f"use GroupKFold, StratifiedGroupKFold or LeaveOneGroupOut, or {_on_purpose(caller)}"


def require_groups(groups: Any, *, caller: str, allow_ungrouped: bool) -> bool:
    """Return whether the split is ungrouped; raise LeakageError where that is not allowed."""
    if groups is not None:
        return False
    if allow_ungrouped or ungrouped_allowed():
        return True
    ways_out = f"{GIVE_GROUPS}, or {_on_purpose(caller)}"
    raise LeakageError(f"groups of {caller} must be given, or clips of one speaker land on both sides of the split; got None: {ways_out}")


def joined_groups(rows: Any, keys: Sequence[str] = ("speaker", "recording", "content")) -> Codes:
    """Return one group a row such that rows which share any key are in one group.

    Two clips of one speaker, two files of one recording (the audio-only and the audio-video twin) and two byte-identical files must be on
    one side of every split. Joining is transitive: the groups are the connected components.

    Parameters
    ----------
    rows : DataFrame or mapping of str to array-like of shape (n_rows,)
        Columns of a manifest. Keys that are absent are passed over, but one must be there. In ``recording`` and ``content`` a missing value
        (None, NaN, "") joins nothing, nor does a word for an unknown recording ("unknown", "n/a", …); in ``speaker`` a missing value is an error.
    keys : sequence of str
        Column names that join rows.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        Component numbers from 0, in order of the first row of each.

    Raises
    ------
    InvalidInputError
        If no key is a column, columns differ in length, or a speaker is missing.
    LeakageError
        If one component is left although there are several rows: the message names the key that joins everything.

    Examples
    --------
    >>> from emotion_native.model_selection import joined_groups
    >>> joined_groups({"speaker": ["a", "a", "b", "c"], "recording": ["r1", "r2", "r2", None]})
    array([0, 0, 0, 1])
    """
    from .. import _core

    if not hasattr(rows, "keys") or not hasattr(rows, "__getitem__"):
        raise InvalidInputError(f"rows of joined_groups must be a DataFrame or a mapping of names to columns; got {type(rows).__name__}")
    keys = [keys] if isinstance(keys, str) else list(keys)
    present = [key for key in keys if key in rows]
    if not present:
        raise InvalidInputError(f"rows of joined_groups must have at least one of the columns {', '.join(map(repr, keys))}; got none of them")
    codes: dict[str, Codes] = {}
    for key in present:
        n = count_rows(rows[present[0]], parameter=present[0], caller="joined_groups")
        values = as_values(rows[key], n, parameter=key, caller="joined_groups")
        try:
            codes[key] = recording_codes(values) if key == "recording" else encode(values, missing=True)[0]
        except TypeError as error:
            raise InvalidInputError(f"{key} of joined_groups must be numbers, texts or other hashable values; got: {error}") from error
        if key == "speaker" and (codes[key] < 0).any():
            unknown = int((codes[key] < 0).sum())
            raise InvalidInputError(
                f"speaker of joined_groups must be known for every row; got {unknown} missing values: fill them in, or give the rows of unknown "
                "speakers one common name (for instance the corpus), which keeps them together"
            )
    groups: Codes = _core.join_groups(list(codes.values()))
    if len(groups) > 1 and groups[-1] == 0 and int(groups.max()) == 0:
        raise LeakageError(_one_component(codes))
    return groups


def _one_component(codes: dict[str, Codes]) -> str:
    """Return the message for keys that join all rows, naming the key to blame."""
    from .. import _core

    alone = [key for key, values in codes.items() if int(_core.join_groups([values]).max()) == 0]
    if alone:
        blame = f"{alone[0]!r} alone joins all rows (every row has the same value)"
    else:
        needed = [key for key in codes if int(_core.join_groups([v for k, v in codes.items() if k != key]).max()) > 0]
        every = ", ".join(map(repr, codes))
        blame = f"{needed[-1]!r} joins what the other keys keep apart" if needed else f"each of {every} joins what the others part"
    return (
        f"groups of joined_groups must be at least two; got one: {blame}. No split keeps such rows apart: correct that column, "
        "leave it out of keys=, or add rows of other speakers"
    )


def two_keys(groups: Any) -> dict[Any, Any] | None:
    """Return the columns of groups with two keys (a DataFrame, an array of two columns, a structured array of two fields); None for one key."""
    if hasattr(groups, "columns") and hasattr(groups, "iloc"):
        if len(groups.columns) == 2 and len(set(groups.columns)) == 2:
            return {name: groups[name] for name in groups.columns}
        return None
    if isinstance(groups, np.ndarray) and groups.dtype.names is not None:
        return {name: groups[name] for name in groups.dtype.names} if len(groups.dtype.names) == 2 else None
    try:
        array = np.asarray(groups)
    except ValueError:  # rows of different lengths
        return None
    if array.ndim == 2 and array.shape[1] == 2:
        return {"the first column of groups": array[:, 0], "the second column of groups": array[:, 1]}
    return None
