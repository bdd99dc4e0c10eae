"""What an interrupted extraction left: a folder of Parquet parts beside the output, with a journal of the whole ones.

``<output>.parts/part-000000.parquet`` holds keys and vectors; ``journal.jsonl`` gets a line with the SHA-256 of a part after the part is on the disk.
A part without its line, or with another checksum, is ignored. Keys name the content and all settings, so a part of another run can be of no use,
but never wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._files import sync_path, write_whole
from ..exceptions import EmotionNativeWarning, InvalidInputError
from ._cache import Vector

try:
    import fcntl
except ImportError:  # Windows: two processes with one output are not noticed there
    fcntl = None  # type: ignore[assignment]  # the module is optional

Item = tuple[str, Vector, dict[str, Any]]


class Journal:
    """The parts of one output. Only one process may hold it at a time; the lock goes with the process, however that ends."""

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(output.name + ".parts")
        self._found: dict[str, tuple[Vector, dict[str, Any]]] = {}
        self._next = 0
        self._writable = True
        while not self._take_lock(output):
            pass
        self._load()

    def _take_lock(self, output: Path) -> bool:
        """Take the lock; False where another process finished and deleted the folder between opening and locking."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.folder / "lock", "ab")  # noqa: SIM115  # held until close()
        except OSError as error:
            raise InvalidInputError(f"output of extract must lie in a folder that can be written; got {str(output)!r}: {error.strerror}") from error
        if fcntl is None:
            return True
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise InvalidInputError(
                f"output of extract must not be in use; got {str(output)!r}, which another process is writing. Remedy: wait, or name another"
            ) from None
        try:
            if os.fstat(self._lock.fileno()).st_ino == os.stat(self.folder / "lock").st_ino:
                return True
        except OSError:
            pass
        self._lock.close()
        return False

    def _load(self) -> None:
        try:
            lines = (self.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        for line in lines:
            try:
                entry = json.loads(line)
                name, digest = str(entry["part"]), str(entry["sha256"])
                data = (self.folder / os.path.basename(name)).read_bytes()
                if hashlib.sha256(data).hexdigest() == digest:
                    self._take(pq.read_table(pa.BufferReader(data)))
            except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
                continue  # a torn line or a damaged part: its rows are computed again
        numbers = [int(path.stem[5:]) for path in self.folder.glob("part-*.parquet") if path.stem[5:].isdigit()]
        self._next = max(numbers, default=-1) + 1

    def _take(self, part: pa.Table) -> None:
        values = part.column("values").combine_chunks()
        width = values.type.list_size
        matrix = np.asarray(values.values, dtype=np.float32).reshape(-1, width)
        for key, row, info in zip(part.column("key").to_pylist(), matrix, part.column("info").to_pylist(), strict=True):
            self._found[key] = (row, json.loads(info))

    def get(self, key: str, n: int) -> tuple[Vector, dict[str, Any]] | None:
        """Return the vector and the info of a key, or None."""
        found = self._found.get(key)
        return found if found is not None and len(found[0]) == n else None

    def append(self, items: list[Item]) -> None:
        """Write vectors of one width as a part, then note it; when the disk is full, warn once and go on in memory."""
        if not items or not self._writable:
            return
        width = len(items[0][1])
        flat = pa.array(np.concatenate([vector for _, vector, _ in items]).astype(np.float32), type=pa.float32())
        table = pa.table({
            "key": [key for key, _, _ in items],
            "values": pa.FixedSizeListArray.from_arrays(flat, width),
            "info": [json.dumps(info) for _, _, info in items],
        })
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", use_dictionary=False)
        data = sink.getvalue().to_pybytes()
        name = f"part-{self._next:06d}.parquet"
        self._next += 1
        line = json.dumps({"part": name, "rows": len(items), "sha256": hashlib.sha256(data).hexdigest()})
        try:
            write_whole(self.folder / name, lambda file: file.write(data))
            with open(self.folder / "journal.jsonl", "a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")  # the first line break ends a line that a kill tore
                file.flush()
                os.fsync(file.fileno())
            sync_path(self.folder)
        except OSError as error:
            self._writable = False
            text = f"the parts of the output cannot be written ({error.strerror or error}); the work goes on, but cannot be resumed from here"
            warnings.warn(text, EmotionNativeWarning, stacklevel=3)

    def finish(self) -> None:
        """Delete the parts, once the output is whole on the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the lock."""
        with contextlib.suppress(OSError):
            self._lock.close()
