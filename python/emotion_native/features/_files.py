"""Files that are whole or absent: temporary name, fsync, rename."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_whole(path: Path, write: Callable[[Any], None], *, durable: bool = True, scratch: Path | None = None) -> None:
    """Call write(file) on a temporary file and rename it to path; on any error nothing is left behind.

    ``durable=False`` leaves out fsync, for files whose readers detect damage. ``scratch`` is a folder on the same disk for the temporary file,
    which a kill leaves there; by default the folder of path.
    """
    temporary = (scratch or path.parent).joinpath(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename is None:  # a full disk: say where
            error.filename = os.fspath(path)
        raise
    if durable:
        sync_folder(path.parent)
