"""The content-addressed cache of feature vectors, and the index that spares hashing a file that has not changed.

Layout below the cache folder, version 1: ``features/v1/ab/<key>`` holds one vector, ``hashes/v1/<folder>`` the hashes of the files of one folder.
Every file carries the SHA-256 of its own content, so a damaged one is found and computed again; files appear by rename, so processes may share it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .._files import write_whole
from .._validation import check_path
from ..datasets._content import Content, Signature, read_content, signature
from ..exceptions import EmotionNativeWarning, InvalidInputError

_MAGIC = b"emotion-native features 1\n"
_DIGEST = 32
Vector = npt.NDArray[np.float32]
CacheArgument = bool | str | os.PathLike[str] | None


def cache_folder() -> Path:
    """Return the folder of the cache: ``$EMOTION_NATIVE_CACHE``, or the platform's folder for caches of this user.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    given = os.environ.get("EMOTION_NATIVE_CACHE", "")
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        xdg = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(xdg) if xdg and os.path.isabs(xdg) else Path.home() / ".cache"
    return base / "emotion-native"


def clear_cache(folder: str | os.PathLike[str] | None = None) -> int:
    """Delete all cached features and hashes, and nothing else; return the number of files deleted.

    Parameters
    ----------
    folder : path, optional
        The folder of the cache; by default `cache_folder`.

    Examples
    --------
    >>> import tempfile
    >>> clear_cache(tempfile.mkdtemp())
    0
    """
    root = check_path(folder, parameter="folder", caller="clear_cache") if folder is not None else cache_folder()
    deleted = 0
    for part in ("features", "hashes"):
        for path in sorted((root / part).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.rmdir()
            else:
                path.unlink(missing_ok=True)
                deleted += 1
        with contextlib.suppress(OSError):
            (root / part).rmdir()
    return deleted


def pack(key: str, vector: Vector, info: dict[str, Any]) -> bytes:
    """Return the bytes of a cache entry: magic, checksum, length of the header, header, values."""
    header = json.dumps({"key": key, "n": len(vector), "info": info}).encode()
    body = len(header).to_bytes(4, "little") + header + np.ascontiguousarray(vector, dtype="<f4").tobytes()
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes, key: str, n: int) -> tuple[Vector, dict[str, Any]] | None:
    """Return vector and info of a cache entry, or None for bytes that are no whole entry of this key and length."""
    start = len(_MAGIC) + _DIGEST
    body = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != data[len(_MAGIC) : start]:
        return None
    try:
        length = int.from_bytes(body[:4], "little")
        header = json.loads(body[4 : 4 + length])
        vector = np.frombuffer(body, dtype="<f4", offset=4 + length).astype(np.float32)
        if header["key"] != key or header["n"] != n or len(vector) != n or not isinstance(header["info"], dict):
            return None
    except (ValueError, KeyError, TypeError):
        return None
    return vector, header["info"]


class FeatureCache:
    """Vectors and hashes on disk. Failing to write turns writing off with one warning; failing to read is a miss."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._writable = True
        self._index: dict[str, dict[str, list[Any]]] = {}
        self._new: dict[str, dict[str, list[Any]]] = {}

    def _write(self, path: Path, data: bytes) -> None:
        if not self._writable:
            return

        def write(file: Any) -> None:
            file.write(data)

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, write, durable=False)
        except OSError as error:
            self._writable = False
            text = f"the cache {self._root} cannot be written ({error.strerror or error}): results are right, but will be computed again next time"
            warnings.warn(f"{text}. Remedy: set EMOTION_NATIVE_CACHE to another folder, or pass cache=False", EmotionNativeWarning, stacklevel=4)

    def _entry(self, key: str) -> Path:
        return self._root / "features" / "v1" / key[:2] / key

    def get(self, key: str, n: int) -> tuple[Vector, dict[str, Any]] | None:
        """Return the vector and the info of a key, or None."""
        try:
            data = self._entry(key).read_bytes()
        except OSError:
            return None
        return unpack(data, key, n)

    def put(self, key: str, vector: Vector, info: dict[str, Any]) -> None:
        """Store a vector."""
        self._write(self._entry(key), pack(key, vector, info))

    def _index_path(self, folder: str) -> Path:
        return self._root / "hashes" / "v1" / hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()

    def _load_index(self, folder: str) -> dict[str, list[Any]]:
        try:
            digest, _, body = self._index_path(folder).read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() == digest:
                loaded = json.loads(body)
                return loaded if isinstance(loaded, dict) else {}
        except (OSError, ValueError):
            pass
        return {}

    def known_content(self, path: str) -> Content | None:
        """Return the content of a file whose signature is the one under which it was hashed, or None.

        An entry exists only where the file had rested for `RACY_NS` when it was hashed: a later change then shows in mtime or ctime.
        """
        folder, name = os.path.split(os.path.abspath(path))
        if folder not in self._index:
            self._index[folder] = self._load_index(folder)
        entry = self._index[folder].get(name)
        try:
            now = signature(path)
            if isinstance(entry, list) and len(entry) == 6 and Signature(*entry[:4]) == now and isinstance(entry[4], str) and len(entry[4]) == 64:
                return Content(entry[4], now, int(entry[5]))
        except (OSError, TypeError, ValueError):
            pass
        return None

    def remember_content(self, path: str, content: Content) -> None:
        """Note the hash of a file, unless the file was touched just before it was hashed."""
        if content.signature is None or content.signature.racy(content.read_at_ns):
            return
        folder, name = os.path.split(os.path.abspath(path))
        s = content.signature
        if self._index.get(folder, {}).get(name, [])[:5] == [s.size, s.mtime_ns, s.ctime_ns, s.inode, content.sha256]:
            return
        self._new.setdefault(folder, {})[name] = [s.size, s.mtime_ns, s.ctime_ns, s.inode, content.sha256, content.read_at_ns]

    def save_index(self) -> None:
        """Write the noted hashes; what other processes wrote meanwhile is kept, and losing a note costs one hashing only."""
        for folder, entries in self._new.items():
            body = json.dumps({**self._load_index(folder), **entries}).encode()
            self._write(self._index_path(folder), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        self._new = {}


def open_cache(cache: CacheArgument) -> FeatureCache | None:
    """Return the cache that the argument of `extract` names: None or True the user's, False none, a path that folder."""
    if cache is False:
        return None
    if cache is None or cache is True:
        try:
            return FeatureCache(cache_folder())
        except RuntimeError:  # the user has no home folder
            warnings.warn("no folder for the cache: set EMOTION_NATIVE_CACHE to one; going on without", EmotionNativeWarning, stacklevel=3)
            return None
    if isinstance(cache, (str, os.PathLike)):
        return FeatureCache(check_path(cache, parameter="cache", caller="extract").expanduser().absolute())
    raise InvalidInputError(f"cache of extract must be a folder, True, False or None; got {cache!r}")


def content_reader(cache: FeatureCache | None) -> Callable[[str], Content]:
    """Return a function from a path to its content that may be called from several threads, one path each."""
    if cache is None:
        return read_content
    held = cache

    def read(path: str) -> Content:
        return held.known_content(path) or read_content(path)

    return read
