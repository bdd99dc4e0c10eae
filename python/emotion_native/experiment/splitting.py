"""The folds of a run: drawn, published or read from a split file; always checked against the groups, and written as an artefact."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import InvalidInputError, LeakageError
from .preparing import Prepared
from .settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model_selection import Folds, SavedSplit

__all__ = ["Split", "numbered_keys", "save_folds", "split_rows"]

Split = tuple["Folds", Any, Any]  # outer folds over the usable training rows, the inner splitter, what made the outer folds
REMEDY = "Add speakers, or pass --allow-ungrouped and read the scores as inflated"


def split_rows(prepared: Prepared, settings: Settings) -> Split:
    """Return the outer folds over the usable training rows, the inner splitter, and the splitter that made the outer folds.

    Raises
    ------
    InvalidInputError
        If published folds do not name the speakers, or a split file was made for other rows.
    LeakageError
        With too few groups, or where a group is on both sides of a fold.
    """
    from ..model_selection import SavedSplit, StratifiedGroupKFold, StratifiedKFold, resolve_folds

    usable = ~prepared.test & prepared.ok
    y, group = prepared.y[usable], prepared.group[usable]
    seed = fold_seed(settings)
    outer = _outer(prepared, settings, usable, seed)
    groups = group if prepared.grouped else None
    if prepared.grouped and len(np.unique(group)) < 3:
        raise LeakageError(
            f"groups of train must be at least three (one to test on, two for calibration inside); got {len(np.unique(group))}. {REMEDY}"
        )
    cv = outer.folds if isinstance(outer, SavedSplit) else outer
    folds = resolve_folds(cv, np.zeros((len(y), 1)), y, groups, caller="train", allow_ungrouped=not prepared.grouped)
    if (folds.fold_of_rows() < 0).any():
        raise InvalidInputError("folds_file of train must test each row exactly once; got rows that no fold tests")
    if not prepared.grouped:
        rarest = int(np.unique(y, return_counts=True)[1].min())
        return folds, StratifiedKFold(max(2, min(settings.inner_folds, rarest - 1)), shuffle=True, random_state=seed), outer
    fewest = min(len(np.unique(group[rows])) for rows, _ in folds)
    if fewest < 2:
        raise LeakageError(f"training folds of train must hold at least two groups for calibration inside; got {fewest}. Use more folds")
    return folds, StratifiedGroupKFold(min(settings.inner_folds, fewest), shuffle=True, random_state=seed), outer


def fold_seed(settings: Settings) -> int:
    """Return the seed as scikit-learn's generators take it, below 2**32; a smaller one is itself."""
    return (settings.seed ^ settings.seed >> 32) & 0xFFFFFFFF


def _outer(prepared: Prepared, settings: Settings, usable: NDArray[np.bool_], seed: int) -> Any:
    """Return what makes the outer folds: a splitter, or folds that are given."""
    from ..model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

    y, group = prepared.y[usable], prepared.group[usable]
    if settings.published_folds is not None:
        return _published(prepared, settings.published_folds, usable)
    if settings.folds_file is not None:
        return _from_file(prepared, Path(settings.folds_file), usable)
    if not prepared.grouped:
        rarest = int(np.unique(y, return_counts=True)[1].min())
        return StratifiedKFold(max(2, min(settings.folds, rarest)), shuffle=True, random_state=seed)
    if settings.leave_one_speaker_out:
        return LeaveOneGroupOut()
    return StratifiedGroupKFold(max(2, min(settings.folds, len(np.unique(group)))), shuffle=True, random_state=seed)


def _given(pairs: Any, n: int, maker: str, **parameters: Any) -> SavedSplit:
    """Return folds that are given, with the name and parameters of what made them."""
    from ..model_selection import Folds, SavedSplit

    parts: list[Any] = [list(part) for part in zip(*pairs, strict=True)]
    folds = Folds(parts[0], parts[1], n)
    return SavedSplit(folds, {"name": maker, "parameters": parameters}, None, folds.hash)


def _published(prepared: Prepared, name: str, usable: NDArray[np.bool_]) -> SavedSplit:
    from ..model_selection import published_folds

    splitter = published_folds(name)
    speaker = prepared.speaker[usable]
    rule = f"published_folds of train ({name}) must fit the manifest's speakers"
    unknown = sorted(set(speaker.tolist()) - {str(known) for part in splitter.folds for known in part})
    if unknown:
        shown = ", ".join(map(repr, unknown[:3])) + (", …" if len(unknown) > 3 else "")
        remedy = f"leave their clips out, or name the speakers as `emotion-native manifest {name.partition('/')[0]}` does"
        raise InvalidInputError(f"{rule}, which are named like {splitter.folds[0][0]!r}; got {shown}: {remedy}")
    empty = [k for k, part in enumerate(splitter.folds) if not set(map(str, part)) & set(speaker.tolist())]
    if empty:
        speakers = ", ".join(map(repr, splitter.folds[empty[0]][:3]))
        remedy = "train on the whole corpus, or choose a number of folds (`folds`) instead of published ones for a part of it"
        found = f"no clip for fold {empty[0]} ({speakers}), {len(empty)} of {len(splitter.folds)} folds empty"
        raise InvalidInputError(f"{rule} in each fold; got {found}: {remedy}")
    pairs = list(splitter.split(np.zeros((len(speaker), 1)), None, speaker))
    return _given(pairs, len(speaker), "PredefinedGroupSplit", name=name, folds=splitter.folds)


def numbered_keys(keys: list[str]) -> list[str]:
    """Return keys that differ: a second row of one key gets ``#2``, and so on.

    Examples
    --------
    >>> numbered_keys(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    seen: Counter[str] = Counter()
    result = []
    for key in keys:
        seen[key] += 1
        result.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return result


def _from_file(prepared: Prepared, path: Path, usable: NDArray[np.bool_]) -> SavedSplit:
    """Return the folds of a split file, its rows found again by content key or file path, whatever their order."""
    from ..model_selection import load_split

    if path.exists() and not path.is_file():  # a pipe or a device, whose end never comes
        raise InvalidInputError(f"folds_file of train must be a regular file; got {path}")
    try:
        saved = load_split(path)
    except OSError as error:
        raise InvalidInputError(f"folds_file of train must be a readable split file; got {path} ({error.strerror})") from None
    if saved.row_keys is None:
        raise InvalidInputError(f"folds_file of train must name its rows (row_keys of save_split); got {path}, which holds row numbers alone")
    if saved.folds.ungrouped and prepared.grouped:
        raise LeakageError(f"folds_file of train must be a split with groups; got {path}, which was made without. {REMEDY}")
    place = _places(prepared, path, usable, saved.row_keys)
    what = f"got {path} (hash {saved.hash[:12]})"
    missing = int(usable.sum()) - len(set(place.values()))
    if missing:
        row = sorted(set(range(int(usable.sum()))) - set(place.values()))[0]
        raise InvalidInputError(
            f"folds_file of train must be made for the rows of the manifest; {what}, which lacks {missing} of {int(usable.sum())} rows, "
            f"such as {str(prepared.filepath[usable][row])!r}"
        )
    others = _other_keys(prepared, usable)
    strange = [key for number, key in enumerate(saved.row_keys) if number not in place and not others & _names(key, path)]
    if strange:
        raise InvalidInputError(
            f"folds_file of train must be made for the rows of the manifest; {what}, whose row {strange[0]!r} the manifest does not have "
            f"({len(strange)} such rows)"
        )
    pairs = [[np.sort(np.asarray([place[row] for row in part.tolist() if row in place], dtype=np.int64)) for part in pair] for pair in saved.folds]
    return _given(pairs, int(usable.sum()), saved.splitter["name"], **{**saved.splitter["parameters"], "read_from_hash": saved.hash})


def _places(prepared: Prepared, path: Path, usable: NDArray[np.bool_], keys: list[str]) -> dict[int, int]:
    """Return the usable row of each of the file's rows that is one."""
    content = numbered_keys(np.asarray(prepared.content)[usable].tolist())
    files = prepared.filepath[usable].tolist()
    rows = {key: row for row, key in enumerate(content)}
    if not any(key in rows for key in keys):
        rows = {name: row for row, key in enumerate(files) for name in (key, str(Path(key).resolve()))}
    found = ((number, next((rows[name] for name in (key, *sorted(_names(key, path))) if name in rows), None)) for number, key in enumerate(keys))
    return {number: row for number, row in found if row is not None}


def _names(key: str, path: Path) -> set[str]:
    """Return what a row of a split file may be called in the manifest: its content key without a number, or its file."""
    return {key.partition("#")[0], str((path.resolve().parent / key).resolve())}


def _other_keys(prepared: Prepared, usable: NDArray[np.bool_]) -> set[str]:
    """Return what names rows that take no part in the folds: held out, failed or left out."""
    known = set(np.asarray(prepared.content)[~usable].tolist()) | set(prepared.filepath[~usable].tolist()) | prepared.left_out_keys
    return known | {str(Path(name).resolve()) for name in known}


def save_folds(splitter: Any, prepared: Prepared, path: Path) -> dict[str, Any]:
    """Write the outer folds as a split file and return what ``run.json`` says about it."""
    from ..model_selection import save_split

    usable = ~prepared.test & prepared.ok
    y, groups = prepared.y[usable], prepared.group[usable] if prepared.grouped else None
    keys = numbered_keys(np.asarray(prepared.content)[usable].tolist())
    saved = save_split(splitter, path, X=np.zeros((len(y), 1)), y=y, groups=groups, row_keys=keys, allow_ungrouped=not prepared.grouped)
    return {"file": path.name, "hash": saved.hash, "splitter": saved.splitter}
