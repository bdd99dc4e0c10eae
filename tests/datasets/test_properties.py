"""What holds for any manifest."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_native.datasets import read_manifest, write_manifest
from emotion_native.exceptions import InvalidInputError

words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
clean = words.map(str.strip).filter(lambda w: w and w.casefold() not in {"nan", "na", "n/a", "none", "null", "unknown", "?", "-"})
rows = st.lists(st.tuples(words.filter(lambda w: bool(w.strip())), clean, clean, words), min_size=1, max_size=6, unique_by=lambda r: Path("/", r[0]))


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from(["csv", "tsv", "parquet"]))
def test_what_is_written_is_read(cells: list[tuple[str, str, str, str]], ending: str) -> None:
    frame = pd.DataFrame({
        "filepath": [f"/corpus/clip {name}" for name, *_ in cells], "label": [c[1] for c in cells], "modality": "audio_only",
        "speaker": [c[2] for c in cells], "text": [c[3] for c in cells],
    })
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m.{ending}"
        try:
            write_manifest(frame, path)
        except InvalidInputError as error:  # two spellings of one path
            assert "once" in str(error)
            return
        again = read_manifest(path)
    for column in ("label", "speaker", "text"):
        assert again[column].tolist() == frame[column].tolist()
    assert [Path(p) for p in again["filepath"]] == [Path(p) for p in frame["filepath"]] or ".." in "".join(frame["filepath"])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | words.map(lambda t: ("filepath,label,modality,speaker\n" + t).encode()))
def test_any_bytes_give_a_manifest_or_a_clear_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"
        path.write_bytes(data)
        try:
            frame = read_manifest(path)
        except InvalidInputError as error:
            assert "must" in str(error)
        else:
            assert len(frame) > 0
