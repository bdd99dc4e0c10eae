"""Feature tables: selection, storage bit for bit, and damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emotion_native.exceptions import InvalidInputError
from emotion_native.features import FeatureTable, read_table


def make_table(n: int = 5) -> FeatureTable:
    names = ["a_mean", "b_mean", "c_mean"]
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((n, 3)).astype(np.float32)
    matrix[0] = [0.0, -0.0, np.float32(1e-45)]
    matrix[1, 0] = np.nextafter(np.float32(1), np.float32(2))
    status = np.array(["ok"] * n, dtype=object)
    status[2] = "silent"
    matrix[2] = np.nan
    schema = pd.DataFrame({"name": names, "unit": "1", "extractor": "classic", "parameters": "{}", "hash": "0"})
    rows = pd.DataFrame({
        "filepath": [f"ü{row}.wav" for row in range(n)], "speaker": [f"0{row}" for row in range(n)], "age": [31, None, 2, 3, 4][:n],
        "when": pd.Timestamp("2020-01-01"), "mixed": [1, "x", None, 2.5, True][:n], "start": [0.1, np.nan, 0.0, 1e-9, 2.0][:n],
    })
    keys = np.array([f"{row:064x}" for row in range(n)], dtype=object)
    info = pd.DataFrame({"duration_s": np.arange(n, dtype=float), "warnings": ""})
    return FeatureTable(matrix, names, schema, rows, status, np.array([""] * n, dtype=object), keys, info)


def test_parquet_keeps_every_bit(tmp_path: Path) -> None:
    table = make_table()
    table.save(tmp_path / "t.parquet")
    again = read_table(tmp_path / "t.parquet")
    assert again.X.tobytes() == table.X.tobytes() and again.X.flags.c_contiguous and again.names == table.names
    assert again.status.tolist() == table.status.tolist() and again.content_keys.tolist() == table.content_keys.tolist()
    pd.testing.assert_frame_equal(again.schema, table.schema, check_dtype=False)
    pd.testing.assert_frame_equal(again.info, table.info, check_dtype=False)
    assert again.rows["speaker"].tolist() == table.rows["speaker"].tolist()
    assert again.rows["mixed"].tolist()[:2] == ["1", "x"]
    again.save(tmp_path / "u.parquet")
    assert read_table(tmp_path / "u.parquet").X.tobytes() == table.X.tobytes()


def test_csv_holds_the_same_numbers(tmp_path: Path) -> None:
    table = make_table()
    table.save(tmp_path / "t.csv")
    read = pd.read_csv(tmp_path / "t.csv", dtype=str)
    assert np.array_equal(read[table.names].to_numpy(dtype=object, na_value="nan").astype(np.float32), table.X, equal_nan=True)
    assert read["status"].tolist() == table.status.tolist()


def test_select_frame_and_text() -> None:
    table = make_table()
    assert len(table.select(table.ok)) == 4 and table.select(table.ok).ok.all()
    assert table.select([3, 0]).rows["filepath"].tolist() == ["ü3.wav", "ü0.wav"]
    assert len(table.select([])) == 0 and table.select(np.zeros(5, dtype=bool)).X.shape == (0, 3)
    assert not np.shares_memory(table.select([0]).X, table.X)
    assert repr(table) == "FeatureTable(5 rows: 4 ok, 1 silent; 3 columns: classic)"
    assert "<table" in table._repr_html_() and "ü0.wav" in table._repr_html_()
    assert table.to_frame().columns.tolist() == [*table.rows.columns, "status", "message", "content_key", *table.names]
    for bad in ([True], [5], [-1], [0.5], [[0]], "ok"):
        with pytest.raises(InvalidInputError, match="mask of select"):
            table.select(bad)


def test_wrong_parts_are_refused() -> None:
    t = make_table()
    with pytest.raises(InvalidInputError, match="float32"):
        FeatureTable(t.X.astype(np.float64), t.names, t.schema, t.rows, t.status, t.messages, t.content_keys)  # type: ignore[arg-type]  # the test
    with pytest.raises(InvalidInputError, match="names"):
        FeatureTable(t.X, t.names[:2], t.schema, t.rows, t.status, t.messages, t.content_keys)
    with pytest.raises(InvalidInputError, match="status of FeatureTable must have 5 entries"):
        FeatureTable(t.X, t.names, t.schema, t.rows, t.status[:4], t.messages, t.content_keys)
    with pytest.raises(InvalidInputError, match="'a_mean'"):
        FeatureTable(t.X, t.names, t.schema, t.rows.assign(a_mean=1), t.status, t.messages, t.content_keys)
    with pytest.raises(InvalidInputError, match="path of save"):
        t.save("x.npz")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    make_table().save(tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    for length in [*range(0, 16), *range(16, len(data), 97), len(data) - 1]:
        (tmp_path / "cut.parquet").write_bytes(data[:length])
        with pytest.raises(InvalidInputError, match=r"whole feature table.*Remedy"):
            read_table(tmp_path / "cut.parquet")


def test_flipped_bits_never_give_other_values(tmp_path: Path) -> None:
    table = make_table()
    table.save(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for place in rng.choice(len(whole), 300, replace=False):
        data = bytearray(whole)
        data[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "flipped.parquet").write_bytes(data)
        try:
            again = read_table(tmp_path / "flipped.parquet")
        except InvalidInputError:
            refused += 1
        else:  # a bit of no meaning, such as a name of the writing library
            assert again.X.tobytes() == table.X.tobytes() and again.rows["speaker"].tolist() == table.rows["speaker"].tolist()
    assert refused > 100


def rewrite(source: Path, target: Path, change: object) -> None:
    """Store the same Parquet with changed content but the old description."""
    whole = pq.read_table(source)
    assert callable(change)
    metadata = whole.schema.metadata
    pq.write_table(change(whole).replace_schema_metadata(metadata), target)


@pytest.mark.parametrize("change", [
    lambda t: t.slice(1),
    lambda t: t.drop_columns(["a_mean"]),
    lambda t: t.drop_columns(["status"]),
    lambda t: t.set_column(t.column_names.index("a_mean"), "a_mean", pa.array(np.zeros(5, np.float32))),
    lambda t: t.set_column(t.column_names.index("a_mean"), "a_mean", pa.array(np.zeros(5, np.float64))),
    lambda t: t.set_column(t.column_names.index("speaker"), "speaker", pa.array(["x"] * 5)),
    lambda t: t.set_column(t.column_names.index("status"), "status", pa.array(["ok"] * 5)),
])
def test_altered_tables_are_refused(tmp_path: Path, change: object) -> None:
    make_table().save(tmp_path / "t.parquet")
    rewrite(tmp_path / "t.parquet", tmp_path / "u.parquet", change)
    with pytest.raises(InvalidInputError, match="whole feature table"):
        read_table(tmp_path / "u.parquet")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="existing file"):
        read_table(tmp_path / "none.parquet")
    with pytest.raises(InvalidInputError, match="existing file"):
        read_table(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InvalidInputError, match="another kind"):
        read_table(tmp_path / "other.parquet")
    for description in (b"", b"[]", b'{"described": "{}", "sha256": ""}', b'{"described": 3, "sha256": ""}'):
        crafted = pa.table({"a": [1]}).replace_schema_metadata({b"emotion_native.feature_table": description})
        pq.write_table(crafted, tmp_path / "crafted.parquet")
        with pytest.raises(InvalidInputError, match="description is damaged"):
            read_table(tmp_path / "crafted.parquet")
    description = json.dumps({"described": json.dumps({"format_version": 99, "n_rows": 1}), "sha256": ""}).encode()
    newer = pa.table({"a": [1]}).replace_schema_metadata({b"emotion_native.feature_table": description})
    pq.write_table(newer, tmp_path / "newer.parquet")
    with pytest.raises(InvalidInputError, match="update emotion-native"):
        read_table(tmp_path / "newer.parquet")
