"""Files that are whole or absent: temporary name, fsync, rename."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any


def sync_path(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def refuse_special(path: Path) -> None:
    """Raise OSError for something that is there and no regular file; opening a pipe would wait for its other end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # absent, or whatever opening it will say
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))


def read_regular(path: Path) -> bytes:
    """Return the content of a regular file.

    Raises
    ------
    OSError
        If it cannot be read, or is a folder, a device or a pipe.
    """
    refuse_special(path)
    return path.read_bytes()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a regular file's content, read in blocks; empty where it cannot be read, or is a folder, a device or a pipe."""
    digest = hashlib.sha256()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return ""
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (OSError, ValueError):  # the latter for a NUL in the name
        return ""
    return digest.hexdigest()


def write_whole(path: str | os.PathLike[str], write: Callable[[Any], object], *, durable: bool = True, scratch: Path | None = None) -> None:
    """Call write(file) on a temporary file and rename it to path: a reader sees the old content or the new one, whole.

    What is there and no regular file (a folder, a device such as /dev/null, a pipe) is refused: the rename would put a file in its place.
    On an error (no space, no permission, an interrupt) the temporary file is removed and an old file stays as it was. A symbolic link is
    followed and an old file's mode is kept. ``durable=False`` leaves out fsync, for files whose readers detect damage. ``scratch`` is a folder
    on the same disk for the temporary file, which a kill leaves there; by default the folder of path.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written, or the disk is full.
    """
    target = Path(path)
    if target.is_symlink():
        target = Path(os.path.realpath(target))  # where Path.resolve raises RuntimeError for a loop, opening raises OSError
    refuse_special(target)
    temporary = (scratch or target.parent) / f".{target.name[:100]}.{secrets.token_hex(8)}.part"
    try:
        with open(temporary, "xb") as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (None, os.fspath(temporary)) and error.filename2 is None:
            # A full disk or a missing folder: name the file that was asked for.
            error.filename = os.fspath(target)
        raise
    if durable:
        sync_path(target.parent)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write bytes as `write_whole` does."""
    write_whole(path, lambda file: file.write(content))
