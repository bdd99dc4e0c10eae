"""Who an unknown speaker is, and what an unknown recording: the words that stand for one, and the group that holds all of a corpus. NumPy alone.

A recording that is unknown (`is_unknown`) joins no rows: each is a take of its own. Of speakers, two questions have different answers. *Which rows
stay together in a split?* All rows of a corpus's unknown speakers do: their group is a group as any other. *Whose voice is this?* Nobody's that is
known: its rows are normalised by no other row, and changed as no other is (`is_unknown`).
"""

from __future__ import annotations

from typing import Any

from ._remedies import is_missing

__all__ = ["UNKNOWN_GROUP", "UNKNOWN_WORDS", "is_unknown"]

UNKNOWN_WORDS = frozenset({"", "nan", "na", "n/a", "none", "null", "unknown", "?", "-"})
UNKNOWN_GROUP = "unknown_speakers"
_NOBODY = UNKNOWN_WORDS | {UNKNOWN_GROUP}
_NOBODY_OF_A_CORPUS = tuple(f"/{word}" for word in sorted(_NOBODY))


def is_unknown(value: Any) -> bool:
    """Return whether a value names nobody and no recording: None, NaN, NaT, NA, a word for it, the unknown speakers' group, behind a corpus too.

    Examples
    --------
    >>> [is_unknown(value) for value in (None, "", "Unknown", "emodb/unknown_speakers", "emodb/03", 3)]
    [True, True, True, True, False, False]
    """
    if not isinstance(value, str):
        return is_missing(value)
    name = value.strip().casefold()
    return name in _NOBODY or name.endswith(_NOBODY_OF_A_CORPUS)
