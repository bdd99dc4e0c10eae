"""The run folder: written beside its place under another name and renamed when whole, so that a half-written one never exists."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._files import sync_path
from ..exceptions import InvalidInputError

__all__ = ["json_text", "new_folder", "numbered"]


@contextlib.contextmanager
def new_folder(target: str | Path, *, force: bool = False, caller: str = "train") -> Iterator[Path]:
    """Give a temporary folder that becomes ``target`` when the block ends well, and vanishes when it does not (Ctrl-C included).

    Parameters
    ----------
    target : path
        The folder to make. Its parent folders are made.
    force : bool
        Replace a folder that exists; otherwise that is an error, raised before any work. Only a folder that holds a ``run.json``, or is
        empty, is replaced.
    caller : str
        For messages.

    Raises
    ------
    InvalidInputError
        If the target exists and may not be replaced, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     with new_folder(Path(place) / "run") as folder:
    ...         _ = (folder / "run.json").write_text("{}")
    ...     sorted(path.name for path in (Path(place) / "run").iterdir())
    ['run.json']
    """
    final = Path(target)
    check_target(final, force=force, caller=caller)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    except OSError as error:
        raise InvalidInputError(f"output of {caller} must be a folder that can be written; got {final} ({error.strerror})") from None
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                sync_path(path)
        check_target(final, force=force, caller=caller)
        _put_in_place(temporary, final)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InvalidInputError(f"output of {caller} must lie on a disk with room; got {final} ({error.strerror})") from None
        raise


def check_target(final: Path, *, force: bool, caller: str = "train") -> None:
    """Raise unless ``final`` may be made."""
    if not os.path.lexists(final):
        return
    if not force:
        hint = "name another with --output" if caller == "demo" else "--force replaces a run folder"
        raise InvalidInputError(f"output of {caller} must not exist yet; got {final} ({hint})")
    replaceable = final.is_dir() and not final.is_symlink() and ((final / "run.json").is_file() or not any(final.iterdir()))
    if not replaceable:
        raise InvalidInputError(f"output of {caller} must be a run folder to be replaced; got {final}, which holds no run.json")


def _put_in_place(temporary: Path, final: Path) -> None:
    if not final.exists():
        temporary.rename(final)
        sync_path(final.parent)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".old", dir=final.parent))
    final.rename(old)  # over an empty folder: one step
    try:
        temporary.rename(final)
    except BaseException:
        old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)
    sync_path(final.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def numbered(target: str | Path) -> Path:
    """Return ``target``, or the first of ``target-2``, ``target-3``, … that does not exist."""
    first = Path(target)
    number, candidate = 1, first
    while os.path.lexists(candidate):
        number += 1
        candidate = first.with_name(f"{first.name}-{number}")
    return candidate


def json_text(value: Any) -> str:
    """Return JSON with sorted keys; NaN and infinities become null, NumPy values become plain ones."""
    return json.dumps(_plain(value), indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist") and not isinstance(value, str):
        return _plain(value.tolist())
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(value)
