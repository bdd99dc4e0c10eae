"""The content of files: what makes two clips the same one, and what a cache may trust."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass

RACY_NS = 2_000_000_000
"""A file changed less than this before it was hashed may change again without a visible change of its times (coarse file systems tick in 2 s)."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Signature:
    """What the file system says about a file without reading it; ``ctime_ns`` moves even where size and mtime are put back."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def racy(self, at_ns: int) -> bool:
        """Return whether the file was touched so shortly before `at_ns` (or after it) that equal signatures prove nothing."""
        return max(self.mtime_ns, self.ctime_ns) > at_ns - RACY_NS


@dataclass(frozen=True)
class Content:
    """The SHA-256 of a file, with its signature before reading and the time of reading; or the reason why there is none."""

    sha256: str
    signature: Signature | None
    read_at_ns: int
    reason: str = ""


def signature(path: str) -> Signature:
    """Return the signature of a regular file; raises OSError, and IsADirectoryError for a folder."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise IsADirectoryError(path)  # folders, pipes and devices: reading them fails or never ends
    return Signature(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def reason_of(error: OSError) -> str:
    """Return the reason code of an error of the file system."""
    if isinstance(error, PermissionError):
        return "no_permission"
    return "unsupported_format" if isinstance(error, IsADirectoryError) else "not_found"


def read_content(path: str) -> Content:
    """Hash a file; never raises OSError: the reason code is in the result. hashlib releases the GIL, so threads run in parallel."""
    now = time.time_ns()
    try:
        before = signature(path)
        digest = hashlib.sha256()
        with open(path, "rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return Content(digest.hexdigest(), before, now)
    except OSError as error:
        return Content("", None, now, reason_of(error))


def lone_key(path: str, row: int) -> str:
    """Return a content key for a row that could not be read: it joins the row with no other file."""
    return hashlib.sha256(f"unreadable\0{row if not path else os.path.normpath(path)}".encode()).hexdigest()


def text_key(text: str) -> str:
    """Return the content key of a row that consists of text."""
    return hashlib.sha256(f"text\0{' '.join(text.split()).casefold()}".encode()).hexdigest()
