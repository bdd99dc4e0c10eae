"""Manifests: what is read, what is refused and how the message helps."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from emotion_native.datasets import EMOTIONS, canonical_label, read_manifest, write_manifest
from emotion_native.exceptions import InvalidInputError

HEADER = "filepath,label,modality,speaker"


def written(tmp_path: Path, text: str | bytes, name: str = "manifest.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_cells_stay_text_and_paths_start_at_the_folder_of_the_manifest(tmp_path: Path) -> None:
    frame = read_manifest(written(tmp_path, f"{HEADER},note\nclips/a.wav,Joy,audio_only,07,x\n/else/b.wav,NA?,audio_only,8,\n"))
    assert frame["speaker"].tolist() == ["07", "8"]
    assert frame["filepath"].tolist() == [str(tmp_path / "clips/a.wav"), "/else/b.wav"]
    assert frame["label"].tolist() == ["Joy", "NA?"]
    assert frame["emotion"].tolist() == ["happy", ""]
    assert frame["recording"].tolist() == ["clips/a.wav", "/else/b.wav"]
    assert frame["note"].tolist() == ["x", ""]


def test_root_overrides_the_folder(tmp_path: Path) -> None:
    frame = read_manifest(written(tmp_path, f"{HEADER}\na.wav,sad,audio_only,1\n"), root="elsewhere")
    assert frame["filepath"].tolist() == [str(Path("elsewhere/a.wav"))]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_separators_encodings_and_line_ends(tmp_path: Path, separator: str, encoding: str, line_end: str) -> None:
    cells = [["filepath", "label", "modality", "speaker", "text"], ["ä b.wav", "Ärger", "audio_only", "07", "one, two; three | four\tfive"]]
    text = line_end.join(separator.join(f'"{cell}"' if row else cell for cell in line) for row, line in enumerate(cells)) + line_end
    frame = read_manifest(written(tmp_path, text.encode(encoding)))
    assert frame["filepath"].iloc[0] == str(tmp_path / "ä b.wav")
    assert frame["emotion"].iloc[0] == "angry"
    assert frame["text"].iloc[0] == "one, two; three | four\tfive"


def test_quoted_line_breaks_and_line_separators_stay_in_their_cell(tmp_path: Path) -> None:
    frame = read_manifest(written(tmp_path, f'{HEADER},text\na.wav,sad,audio_only,1,"two\nlines"\nb.wav,sad,audio_only,1,one\u2028cell\n'))
    assert frame["text"].tolist() == ["two\nlines", "one\u2028cell"]


def test_cp1252_needs_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER}\na.wav,Ärger,audio_only,1\n".encode("cp1252"))
    with pytest.raises(InvalidInputError, match=r"line 2 of .*manifest\.csv.*encoding='cp1252'"):
        read_manifest(path)
    assert read_manifest(path, encoding="cp1252")["emotion"].iloc[0] == "angry"
    with pytest.raises(InvalidInputError, match="known encoding"):
        read_manifest(path, encoding="klingon")


def test_spreadsheet_separator_line(tmp_path: Path) -> None:
    frame = read_manifest(written(tmp_path, f"sep=;\r\n{HEADER.replace(',', ';')}\r\na.wav;sad;audio_only;1\r\n"))
    assert len(frame) == 1


@pytest.mark.parametrize(("text", "message"), [
    ("", "empty file"),
    ("\n\n", "empty file"),
    (f"{HEADER}\n", "at least one row"),
    ("filepath,label,modality,speaker_id\na,b,audio_only,1\n", r"'speaker'.*be present.*rename the column 'speaker_id' to 'speaker'"),
    ("file,label,modality,speaker\na,b,audio_only,1\n", r"rename the column 'file' to 'filepath'"),
    ("filepath,emotion,modality,speaker\na,b,audio_only,1\n", r"add the column 'label'"),
    (f"{HEADER}\n,sad,audio_only,1\n", r"'filepath' of .*manifest\.csv must name a file; got an empty value in row 1 \(line 2\)"),
    (f"{HEADER}\na.wav, ,audio_only,1\nb.wav,,audio_only,1\n", r"'label'.*row 1 \(line 2\) and 1 more row\."),
    (f"{HEADER}\na.wav,sad,audio,1\n", r"be one of audio_only.*got 'audio' in row 1.*write 'audio_only'"),
    (f"{HEADER}\na.wav,sad,audio_only,unknown\n", r"'speaker'.*name the speaker; got 'unknown'.*one_group"),
    (f"{HEADER},start,end\na.wav,sad,audio_only,1,2,1.5\n", r"'end'.*greater than start; got start 2 and end 1\.5"),
    (f"{HEADER},start,end\na.wav,sad,audio_only,1,,0\n", r"greater than start"),
    (f'{HEADER},start\na.wav,sad,audio_only,1,"1,5"\n', r"'start'.*seconds.*got '1,5'.*decimal point"),
    (f"{HEADER},start\na.wav,sad,audio_only,1,inf\n", r"'start'.*got 'inf'"),
    (f"{HEADER},start\na.wav,sad,audio_only,1,-1\n", r"'start'.*got '-1'"),
    (f"{HEADER}\na.wav,sad,audio_only,1\n./a.wav,sad,audio_only,1\n", r"once; got '\./a\.wav', which row 1 also names, in row 2 \(line 3\)"),
    (f"{HEADER}\na.wav,sad,audio_only\n", r"4 cells as the header; got 3 in line 2"),
    (f"{HEADER}\n\na.wav,sad,audio_only,1,x\n", r"got 5 in line 3"),
    (f"{HEADER},label\na.wav,sad,audio_only,1,x\n", r"different names; got 'label'"),
    (f"{HEADER},,x\na.wav,sad,audio_only,1,x,y\n", r"must have names; got none for column 5"),
    (f'{HEADER}\n"a.wav,sad,audio_only,1\n', r"well-formed CSV"),
    (f"{HEADER}\na\0.wav,sad,audio_only,1\n", r"NUL in line 2"),
])
def test_broken_tables_are_refused_with_place_rule_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_manifest(written(tmp_path, text))


def test_line_numbers_count_quoted_line_breaks(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"row 2 \(line 4\)"):
        read_manifest(written(tmp_path, f'{HEADER},text\na.wav,sad,audio_only,1,"x\ny"\nb.wav,,audio_only,1,\n'))


def test_missing_and_odd_paths(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="existing file"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(InvalidInputError, match="folder"):
        read_manifest(tmp_path)
    with pytest.raises(InvalidInputError, match="whole Parquet file"):
        read_manifest(written(tmp_path, b"PAR1 and then nothing", "broken.parquet"))
    with pytest.raises(InvalidInputError, match="unknown_speaker of read_manifest"):
        read_manifest(tmp_path / "none.csv", unknown_speaker="each")  # type: ignore[arg-type]  # the wrong value is the test


def test_unknown_speakers_become_one_group_for_each_corpus_never_one_a_row(tmp_path: Path) -> None:
    text = f"{HEADER},corpus\na.wav,sad,audio_only,,x\nb.wav,sad,audio_only,N/A,x\nc.wav,sad,audio_only,,y\nd.wav,sad,audio_only,3,y\n"
    frame = read_manifest(written(tmp_path, text), unknown_speaker="one_group")
    assert frame["speaker"].tolist() == ["x/unknown_speakers", "x/unknown_speakers", "y/unknown_speakers", "y/3"]
    bare = read_manifest(written(tmp_path, "filepath,label,modality\na.wav,sad,audio_only\nb.wav,sad,audio_only\n"), unknown_speaker="one_group")
    assert bare["speaker"].tolist() == ["unknown_speakers", "unknown_speakers"]
    write_manifest(bare, tmp_path / "again.csv")
    assert read_manifest(tmp_path / "again.csv")["speaker"].tolist() == bare["speaker"].tolist()


@pytest.mark.parametrize("word", ["", "unknown", "N/A", "-"])
def test_an_unknown_recording_is_a_take_of_its_own(tmp_path: Path, word: str) -> None:
    text = f"{HEADER},recording\na.wav,sad,audio_only,1,{word}\nb.wav,sad,audio_only,2,{word}\nc.wav,sad,audio_only,2,t\n"
    assert read_manifest(written(tmp_path, text))["recording"].tolist() == ["a.wav", "b.wav", "t"]


def test_speakers_and_recordings_of_two_corpora_do_not_meet(tmp_path: Path) -> None:
    text = f"{HEADER},corpus,recording\na.wav,sad,audio_only,1,x,t\nb.wav,sad,audio_only,y/1,y,t\nc.wav,sad,audio_only,1,y,\n"
    frame = read_manifest(written(tmp_path, text))
    assert frame["speaker"].tolist() == ["x/1", "y/1", "y/1"]
    assert frame["recording"].tolist() == ["x/t", "y/t", "y/c.wav"]


def test_segments_of_one_file_share_its_recording(tmp_path: Path) -> None:
    text = f"{HEADER},start,end\na.wav,sad,audio_only,1,0,1\n./a.wav,sad,audio_only,1,1,\nb.wav,sad,audio_only,1,,2.5\n"
    frame = read_manifest(written(tmp_path, text))
    assert frame["recording"].tolist() == ["a.wav", "a.wav", "b.wav"]
    assert frame["start"].tolist()[:2] == [0.0, 1.0] and math.isnan(frame["start"].iloc[2])
    assert math.isnan(frame["end"].iloc[1]) and frame["end"].iloc[2] == 2.5


def test_text_rows_need_no_file(tmp_path: Path) -> None:
    frame = read_manifest(written(tmp_path, f"{HEADER},text\n,joy,text,1,fine\n,joy,text,1,fine\n"))
    assert frame["filepath"].tolist() == ["", ""]
    assert frame["recording"].nunique() == 2


def test_parquet_numbers_become_the_same_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"filepath": ["a", "b"], "label": ["sad", "joy"], "modality": "audio_only", "speaker": [7.0, 8.0], "start": [None, 1.5]})
    frame.to_parquet(tmp_path / "m.parquet")
    read = read_manifest(tmp_path / "m.parquet")
    assert read["speaker"].tolist() == ["7", "8"]
    assert math.isnan(read["start"].iloc[0]) and read["start"].iloc[1] == 1.5


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_written_manifests_read_back_the_same(tmp_path: Path, ending: str) -> None:
    text = f'{HEADER},corpus,text\nclips/ä.wav,joy,audio_only,07,x,"a, b\nc"\n/else/b.wav,sad,audio_only,08,x,\n'
    frame = read_manifest(written(tmp_path, text))
    write_manifest(frame, tmp_path / f"again.{ending}")
    pd.testing.assert_frame_equal(read_manifest(tmp_path / f"again.{ending}"), frame)
    assert "clips/ä.wav" in pd.read_parquet(tmp_path / "again.parquet")["filepath"].tolist() if ending == "parquet" else True


def test_write_refuses_other_endings_and_leaves_nothing_behind(tmp_path: Path) -> None:
    frame = read_manifest(written(tmp_path, f"{HEADER}\na.wav,sad,audio_only,1\n"))
    with pytest.raises(InvalidInputError, match="must end in"):
        write_manifest(frame, tmp_path / "x.xlsx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.csv"]


def test_label_table() -> None:
    assert len(EMOTIONS) == 10 and all(canonical_label(emotion) == emotion for emotion in EMOTIONS)
    names = ["anger", "HAPPINESS ", "fear", "sadness", "boredom", "surprise", "joy", "anxiety", "", "amusement"]
    assert [canonical_label(n) for n in names] == ["angry", "happy", "fearful", "sad", "bored", "surprised", "happy", "fearful", "", ""]
