"""Groups: codes of group labels, joined keys, and the rule about splits without groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._config import ungrouped_allowed
from ..exceptions import InvalidInputError, LeakageError

Codes = npt.NDArray[np.int64]

ON_PURPOSE = (
    'accept an inflated score on purpose with the argument allow_ungrouped=True or with emotion_native.config_context(ungrouped="allow")'
)
WAYS_OUT = f"pass groups= (one speaker, or other unit that must stay whole, a row), or {ON_PURPOSE}"
WHOLE_GROUPS = f"use GroupKFold, StratifiedGroupKFold or LeaveOneGroupOut, or {ON_PURPOSE}"


def is_missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where values are None, NaN, NaT, or an empty string."""
    if values.dtype.kind in "iub":
        return np.zeros(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind in "US":
        return np.asarray(values == values.dtype.type())
    return np.fromiter((_is_missing_object(v) for v in values), dtype=bool, count=len(values))


def _is_missing_object(value: Any) -> bool:
    if value is None or (isinstance(value, str) and value == ""):
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas' NA has no truth value
        return True


def encode(values: npt.NDArray[Any], *, missing: bool = False) -> tuple[Codes, int]:
    """Return int64 codes (in sorted order of the values where they can be sorted) and their number; missing values become -1 on request."""
    codes = np.full(len(values), -1, dtype=np.int64)
    known = ~is_missing(values) if missing else np.ones(len(values), dtype=bool)
    try:
        unique, inverse = np.unique(values[known], return_inverse=True)
        codes[known] = inverse
        return codes, len(unique)
    except TypeError:  # objects that cannot be sorted: in order of appearance
        seen: dict[Any, int] = {}
        codes[known] = [seen.setdefault(v, len(seen)) for v in values[known]]
        return codes, len(seen)


def check_groups(groups: Any, n_samples: int, *, caller: str) -> npt.NDArray[Any]:
    """Return ``groups`` as a one-dimensional array without missing values.

    Raises
    ------
    InvalidInputError
        If there is not one known group a row.
    """
    array = np.asarray(groups)
    if array.ndim != 1 or len(array) != n_samples:
        raise InvalidInputError(f"groups of {caller} must be one value a row ({n_samples} rows); got an array of shape {array.shape}")
    missing = is_missing(array)
    if missing.any():
        raise InvalidInputError(
            f"groups of {caller} must be known for every row; got {int(missing.sum())} missing values, the first in row {int(np.argmax(missing))}: "
            "fill in the speaker, give all rows of unknown speakers one common group, or drop those rows"
        )
    return array


def require_groups(groups: Any, *, caller: str, allow_ungrouped: bool) -> bool:
    """Return whether the split is ungrouped; raise LeakageError where that is not allowed."""
    if groups is not None:
        return False
    if allow_ungrouped or ungrouped_allowed():
        return True
    raise LeakageError(f"groups of {caller} must be given, or clips of one speaker land on both sides of the split; got None: {WAYS_OUT}")


def joined_groups(rows: Any, keys: Sequence[str] = ("speaker", "recording", "content")) -> Codes:
    """Return one group a row such that rows which share any key are in one group.

    Two clips of one speaker, two files of one recording (the audio-only and the audio-video twin) and two byte-identical files must be on
    one side of every split. Joining is transitive: the groups are the connected components.

    Parameters
    ----------
    rows : DataFrame or mapping of str to array-like of shape (n_rows,)
        Columns of a manifest. Keys that are absent are passed over, but one must be there. In ``recording`` and ``content`` a missing value
        (None, NaN, "") joins nothing; in ``speaker`` it is an error.
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

    present = [key for key in keys if key in rows]
    if not present:
        raise InvalidInputError(f"rows of joined_groups must have at least one of the columns {', '.join(map(repr, keys))}; got none of them")
    codes: dict[str, Codes] = {}
    for key in present:
        values = np.asarray(rows[key])
        if values.ndim != 1 or len(values) != len(np.asarray(rows[present[0]])):
            raise InvalidInputError(f"rows of joined_groups must have columns of one length; got {key!r} of shape {values.shape}")
        codes[key], _ = encode(values, missing=True)
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
