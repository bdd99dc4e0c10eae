"""Writing the model file's layout: NumPy and the standard library alone. Reading is native (``cpp/include/emotion/runtime/model_file.hpp``)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .exceptions import InvalidInputError

FORMAT_VERSION = (1, 0)
_DTYPES = {"f8": "F64", "f4": "F32", "i8": "I64", "i4": "I32", "u1": "U8"}
_NO_DIGITS = "0" * 64


def encode_model(description: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Return the bytes of a model file; equal input gives equal bytes.

    Parameters
    ----------
    description : mapping
        The JSON object of the metadata string, without ``format``, ``version``, ``requires`` and ``sha256``, which are added here.
    tensors : mapping of str to ndarray
        Arrays of dtype float64, float32, int64, int32 or uint8.

    Raises
    ------
    InvalidInputError
        If an array has another dtype, or the description holds NaN, infinity or something that JSON cannot express.

    Examples
    --------
    >>> import numpy as np
    >>> len(encode_model({"classes": ["a", "b"]}, {"x": np.zeros(3)})) % 8
    0
    """
    arrays = {name: _little_endian(name, array) for name, array in tensors.items()}
    # Larger items first, so that every array lies aligned in the file; the buffer itself begins at a multiple of 8.
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": {"emotion_native": ""}}
    end = 0
    for name in order:
        array = arrays[name]
        header[name] = {"dtype": _DTYPES[array.dtype.str[1:]], "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    full = {"format": "emotion-native-model", "version": list(FORMAT_VERSION), "requires": [], "sha256": _NO_DIGITS, **description}
    header["__metadata__"]["emotion_native"] = _json(full)
    head = _json(header).encode("utf-8")
    head += b" " * (-len(head) % 8)
    buffer = b"".join(arrays[name].tobytes() for name in order)
    blank = len(head).to_bytes(8, "little") + head + buffer
    # The first run of the blank digits inside the description is the checksum: it stands before everything that the caller gives.
    at = blank.index(b'\\"sha256\\":\\"' + _NO_DIGITS.encode()) + len(b'\\"sha256\\":\\"')
    digest = hashlib.sha256(blank).hexdigest().encode()
    return blank[:at] + digest + blank[at + len(digest) :]


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"the description of save_model must be expressible in JSON without NaN and infinity; got {error}") from error


def _little_endian(name: str, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array = np.ascontiguousarray(array)
    if array.dtype.str[1:] not in _DTYPES:
        raise InvalidInputError(f"{name} of save_model must be an array of float64, float32, int64, int32 or uint8; got {array.dtype}")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, whole, whatever happens in between.

    The bytes go to a temporary name in the same folder, are flushed to the disk, and take the final name in one step. On an error (no space,
    no permission, an interrupt) the temporary file is removed and an old file stays as it was.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written, or the disk is full.
    """
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename is None:  # a full disk: say where
            error.filename = os.fspath(target)
        raise
    with contextlib.suppress(OSError):  # some file systems cannot flush a folder
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
