"""Folds that are given by lists of groups, and those that papers have published."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._validation import check_flag
from ..exceptions import InvalidInputError
from ._splitters import Assignment, _GroupSplitter

_SHOWN = 5
_PARTIAL = (
    "for part of a corpus use StratifiedGroupKFold, your own lists with PredefinedGroupSplit, or drop_empty=True, which leaves such folds out "
    "(scores then do not compare with those over all folds)"
)

# Luna-Jiménez, Griol, Callejas, Kleinlein, Montero & Fernández-Martínez, "Multimodal emotion recognition on RAVDESS dataset using transfer
# learning", Sensors 21(22):7665, 2021: five folds of the 24 actors, used by many papers since.
_PUBLISHED: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "ravdess/luna-jimenez": (
        "ravdess/{:02d}",
        ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24), (1, 4, 9, 22)),
    ),
}


class PredefinedGroupSplit(_GroupSplitter):
    """One fold for each given list of groups: fold k tests the rows of the groups in ``folds[k]`` and trains on those of all others.

    Parameters
    ----------
    folds : sequence of sequences of group labels
        At least two, each with at least one label, no label twice.
    name : str, optional
        What to call this split in messages and split files.
    drop_empty : bool, default False
        Leave folds without rows out, for a corpus of which some speakers are not there. Without it they are an error, since scores over fewer
        folds do not compare.

    Examples
    --------
    >>> from emotion_native.model_selection import PredefinedGroupSplit
    >>> cv = PredefinedGroupSplit([["anna", "ben"], ["cleo"]])
    >>> [test.tolist() for _, test in cv.split([[0]] * 4, groups=["cleo", "anna", "ben", "anna"])]
    [[1, 2, 3], [0]]
    """

    def __init__(self, folds: Any, *, name: str | None = None, drop_empty: bool = False) -> None:
        parts = list(folds) if _is_list(folds) else []
        if len(parts) < 2 or not all(_is_list(part) for part in parts):
            raise InvalidInputError(f"folds of PredefinedGroupSplit must be at least two lists of groups; got {folds!r:.80}")
        if name is not None and not isinstance(name, str):
            raise InvalidInputError(f"name of PredefinedGroupSplit must be a text or None; got {name!r}")
        self.folds = [_plain(part) for part in parts]
        check_flag(drop_empty, "drop_empty", "PredefinedGroupSplit")
        self.name = name
        self.drop_empty = bool(drop_empty)
        self._fold_of_group()

    def _fold_of_group(self) -> dict[Any, int]:
        fold_of: dict[Any, int] = {}
        for k, part in enumerate(self.folds):
            if not part:
                raise InvalidInputError(f"folds of PredefinedGroupSplit must name at least one group each; fold {k} is empty")
            for group in part:
                try:
                    earlier = fold_of.setdefault(group, k)
                except TypeError:
                    raise InvalidInputError(f"folds of PredefinedGroupSplit must hold numbers or texts; got {group!r}") from None
                if earlier != k or part.count(group) > 1:
                    raise InvalidInputError(f"folds of PredefinedGroupSplit must name each group once; got {group!r} twice")
        return fold_of

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds; with ``drop_empty``, of those with rows, for which groups are needed."""
        if not self.drop_empty:
            return len(self.folds)
        return self._assign(groups if X is None else X, y, groups)[2]

    def _assign(self, X: Any, y: Any, groups: Any) -> Assignment:
        encoded = self._encode(groups, self._count(X))
        what = f" ({self.name})" if self.name else ""
        fold_of = self._fold_of_group()
        present = encoded.uniques.tolist()
        unknown = [group for group in present if group not in fold_of]
        if unknown:
            shown = ", ".join(map(reprlib.repr, unknown[:_SHOWN])) + (", …" if len(unknown) > _SHOWN else "")
            raise InvalidInputError(
                f"groups of PredefinedGroupSplit.split must be named by its folds{what}, such as {reprlib.repr(self.folds[0][0])}; got {shown}: "
                f"leave those rows out, or correct their groups{self._naming}"
            )
        fold_of_group = np.array([fold_of[group] for group in present], dtype=np.int64)
        empty = np.setdiff1d(np.arange(len(self.folds)), fold_of_group)
        if self.drop_empty and len(empty) < len(self.folds) - 1:
            present_folds, fold_of_group = np.unique(fold_of_group, return_inverse=True)
            return encoded.codes, fold_of_group.astype(np.int64), len(present_folds)
        if empty.size:
            raise InvalidInputError(
                f"groups of PredefinedGroupSplit.split must have rows in each fold{what}; got none for fold {int(empty[0])} "
                f"({', '.join(map(reprlib.repr, self.folds[empty[0]][:_SHOWN]))}), {len(empty)} of {len(self.folds)} folds empty: {_PARTIAL}"
            )
        return encoded.codes, fold_of_group, len(self.folds)


    @property
    def _naming(self) -> str:
        """How to name speakers as published folds do, as the end of a message."""
        if self.name not in _PUBLISHED:
            return ""
        corpus = str(self.name).partition("/")[0]
        usual = _PUBLISHED[str(self.name)][0].format(7)
        return f" (`emotion-native manifest {corpus}` names speakers like {usual!r}; published_folds(…, speaker_format='{{:02d}}') takes '07')"


def _is_list(values: Any) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, (str, bytes)) and getattr(values, "shape", None) != ()


def _plain(part: Iterable[Any]) -> list[Any]:
    return [group.item() if isinstance(group, np.generic) else group for group in part]


def published_names() -> list[str]:
    """Return the names that `published_folds` knows.

    Examples
    --------
    >>> published_names()
    ['ravdess/luna-jimenez']
    """
    return list(_PUBLISHED)


def published_folds(name: str, *, speaker_format: str | None = "", drop_empty: bool = False) -> PredefinedGroupSplit:
    """Return the folds of a publication, to compare results with those of other papers.

    ``"ravdess/luna-jimenez"``: five folds of the 24 actors of RAVDESS (Luna-Jiménez et al., Sensors 21(22):7665, 2021).

    Parameters
    ----------
    name : str
    speaker_format : str or None
        How groups name a speaker: a format of the speaker's number. By default as `emotion_native.datasets` names them (``ravdess/02``); None
        for the number itself.
    drop_empty : bool, default False
        Leave folds without rows out, where some speakers of the corpus are not there; see `PredefinedGroupSplit`.

    Raises
    ------
    InvalidInputError
        For an unknown name, or a format that does not tell speakers apart. Splitting raises it for speakers that the folds do not name.

    Examples
    --------
    >>> from emotion_native.model_selection import published_folds
    >>> published_folds("ravdess/luna-jimenez").folds[0]
    ['ravdess/02', 'ravdess/05', 'ravdess/14', 'ravdess/15', 'ravdess/16']
    >>> published_folds("ravdess/luna-jimenez", speaker_format=None).folds[4]
    [1, 4, 9, 22]
    """
    if not isinstance(name, str) or name not in _PUBLISHED:
        raise InvalidInputError(f"name of published_folds must be one of {', '.join(map(repr, _PUBLISHED))}; got {name!r}")
    usual, folds = _PUBLISHED[name]
    if speaker_format is None:
        return PredefinedGroupSplit(folds, name=name, drop_empty=drop_empty)
    try:
        named = [[(speaker_format or usual).format(number) for number in part] for part in folds]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        rule = f"a format of one number, such as {usual!r}"
        raise InvalidInputError(f"speaker_format of published_folds must be {rule}; got {speaker_format!r}") from error
    if len({speaker for part in named for speaker in part}) < sum(map(len, folds)):
        raise InvalidInputError(f"speaker_format of published_folds must tell speakers apart; got {speaker_format!r}")
    return PredefinedGroupSplit(named, name=name, drop_empty=drop_empty)
