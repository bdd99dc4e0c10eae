"""Writing the model file's layout: NumPy and the standard library alone. Reading is native (``cpp/include/emotion/runtime/model_file.hpp``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .exceptions import InvalidInputError

FORMAT_VERSION = (1, 2)
TRAINING_KEY_DIGITS = 16
_DTYPES = {"f8": "F64", "f4": "F32", "i8": "I64", "i4": "I32", "u1": "U8"}
_NO_DIGITS = "0" * 64


def encode_model(description: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]], requires: Sequence[str] = ()) -> bytes:
    """Return the bytes of a model file; equal input gives equal bytes.

    Parameters
    ----------
    description : mapping
        The JSON object of the metadata string, without ``format``, ``version``, ``requires`` and ``sha256``, which are added here.
    tensors : mapping of str to ndarray
        Arrays of dtype float64, float32, int64, int32 or uint8.
    requires : sequence of str
        Names of what a reader must know, since ignoring it would change the answers.

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
    full = {"format": "emotion-native-model", "version": list(FORMAT_VERSION), "requires": list(requires), "sha256": _NO_DIGITS, **description}
    header["__metadata__"]["emotion_native"] = _json(full)
    head = _json(header).encode("utf-8")
    head += b" " * (-len(head) % 8)
    buffer = b"".join(arrays[name].tobytes() for name in order)
    blank = len(head).to_bytes(8, "little") + head + buffer
    # The first run of the blank digits inside the description is the checksum: it stands before everything that the caller gives.
    at = blank.index(b'\\"sha256\\":\\"' + _NO_DIGITS.encode()) + len(b'\\"sha256\\":\\"')
    digest = hashlib.sha256(blank).hexdigest().encode()
    return blank[:at] + digest + blank[at + len(digest) :]


def training_key(sha256: str) -> str:
    """Return what a model file keeps of a training clip's SHA-256 (``training_content`` of its provenance): its leading digits.

    Examples
    --------
    >>> training_key("0123456789abcdef" * 4)
    '0123456789abcdef'
    """
    return sha256[:TRAINING_KEY_DIGITS]


def stated_hash(content: bytes) -> str:
    """Return the checksum that a model file states: its model's name in every prediction.

    Examples
    --------
    >>> import numpy as np
    >>> len(stated_hash(encode_model({"classes": ["a", "b"]}, {"x": np.zeros(3)})))
    64
    """
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return str(json.loads(header["__metadata__"]["emotion_native"])["sha256"])


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")  # a lone surrogate is no text
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"the description of save_model must be expressible in JSON without NaN and infinity; got {error}") from error
    return text


def _little_endian(name: str, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array = np.ascontiguousarray(array)
    if array.dtype.str[1:] not in _DTYPES:
        raise InvalidInputError(f"{name} of save_model must be an array of float64, float32, int64, int32 or uint8; got {array.dtype}")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
