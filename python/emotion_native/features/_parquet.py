"""Feature tables as Parquet. `docs/formats/feature-table.md` describes the format."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..exceptions import InvalidInputError
from ._table import RESERVED, SCHEMA_COLUMNS, FeatureTable

FORMAT_VERSION = 1
_KEY = b"emotion_native.feature_table"


def _arrow_column(values: pd.Series[Any]) -> pa.Array:
    try:
        return pa.Array.from_pandas(values)
    except (pa.ArrowException, TypeError, ValueError):  # a column of mixed kinds is stored as text
        return pa.array([None if value is None else str(value) for value in values], type=pa.string())


def _side_columns(table: FeatureTable) -> pa.Table:
    columns = {str(name): _arrow_column(table.rows[name]) for name in table.rows.columns}
    for name, values in zip(RESERVED, (table.status, table.messages, table.content_keys), strict=True):
        columns[name] = pa.array([str(value) for value in values], type=pa.string())
    columns |= {f"info.{name}": _arrow_column(table.info[name]) for name in table.info.columns}
    return pa.table(columns)


def _checksum(side: pa.Table, matrix: npt.NDArray[np.float32], described: str) -> str:
    """Return the SHA-256 of everything that the table says."""
    digest = hashlib.sha256(described.encode())
    for name in side.column_names:
        digest.update(json.dumps([name, side.column(name).to_pylist()], default=str).encode())
    digest.update(np.ascontiguousarray(matrix, dtype="<f4").data)
    return digest.hexdigest()


def write_parquet(table: FeatureTable, file: Any) -> None:
    """Write a table to an open file."""
    side = _side_columns(table)
    described = json.dumps({
        "format_version": FORMAT_VERSION,
        "n_rows": len(table),
        "rows": [str(name) for name in table.rows.columns],
        "info": [str(name) for name in table.info.columns],
        "schema": {name: table.schema[name].tolist() for name in SCHEMA_COLUMNS},
    }, sort_keys=True)
    stored = json.dumps({"described": described, "sha256": _checksum(side, table.X, described)})
    by_column = np.ascontiguousarray(table.X.T)
    names = [*side.column_names, *table.names]
    arrays = [*side.columns, *(pa.array(column, type=pa.float32(), from_pandas=False) for column in by_column)]
    whole = pa.table(dict(zip(names, arrays, strict=True))).replace_schema_metadata({_KEY: stored.encode()})
    # Dictionaries would merge values that compare equal but differ in bits (0.0 and -0.0), so features have none.
    pq.write_table(whole, file, compression="zstd", use_dictionary=side.column_names, write_statistics=side.column_names)


def _refuse(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(f"path of read_table must be a whole feature table; got {str(path)!r}: {why}. Remedy: extract the features again")


def read_parquet(path: Path) -> FeatureTable:
    """Read and verify a table."""
    if not path.is_file():
        raise InvalidInputError(f"path of read_table must be an existing file; got {str(path)!r}")
    try:
        whole = pq.ParquetFile(path).read()
    except Exception as error:  # pyarrow raises many kinds for damaged files
        raise _refuse(path, f"it is truncated or damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__})") from error
    stored = (whole.schema.metadata or {}).get(_KEY)
    if stored is None:
        raise _refuse(path, "it is a Parquet file of another kind")
    try:
        outer = json.loads(stored)
        described, checksum = str(outer["described"]), str(outer["sha256"])
        meta = json.loads(described)
        version, n = int(meta["format_version"]), int(meta["n_rows"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refuse(path, "its description is damaged") from error
    if version > FORMAT_VERSION:
        raise InvalidInputError(
            f"path of read_table must have a format version up to {FORMAT_VERSION}; got {version} in {str(path)!r}. Remedy: update emotion-native"
        )
    try:
        return _assemble(path, whole, meta, described, checksum, n)
    except InvalidInputError:
        raise
    except Exception as error:  # whatever a crafted description leads to
        raise _refuse(path, "its description does not fit its columns") from error


def _assemble(path: Path, whole: pa.Table, meta: dict[str, Any], described: str, checksum: str, n: int) -> FeatureTable:
    schema = pd.DataFrame({name: meta["schema"][name] for name in SCHEMA_COLUMNS})
    names = [str(name) for name in meta["schema"]["name"]]
    side_names = [*meta["rows"], *RESERVED, *(f"info.{name}" for name in meta["info"])]
    if whole.column_names != [*side_names, *names] or whole.num_rows != n:
        raise _refuse(path, "its columns or rows are not those it describes")
    matrix = np.empty((n, len(names)), dtype=np.float32)
    for column, name in enumerate(names):
        values = whole.column(name)
        if values.type != pa.float32() or values.null_count:
            raise _refuse(path, f"the column {name!r} is not float32")
        matrix[:, column] = values.to_numpy()
    side = whole.select(side_names)
    if _checksum(side, matrix, described) != checksum:
        raise _refuse(path, "its content does not match its checksum")
    frame = side.replace_schema_metadata(None).to_pandas()
    status = frame["status"].to_numpy(dtype=object)
    if not np.isfinite(matrix[status == "ok"]).all():
        raise _refuse(path, "rows with status ok hold NaN or infinity")
    info = frame[[f"info.{name}" for name in meta["info"]]]
    info.columns = pd.Index(meta["info"])
    messages, keys = (frame[name].to_numpy(dtype=object) for name in ("message", "content_key"))
    rows = frame[meta["rows"]]
    return FeatureTable(X=matrix, names=names, schema=schema, rows=rows, status=status, messages=messages, content_keys=keys, info=info)
