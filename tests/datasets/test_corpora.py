"""The parsers against the metadata that lies beside the real corpora, and against names that are not theirs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from emotion_native import datasets
from emotion_native.exceptions import EmotionNativeWarning, InvalidInputError


@pytest.mark.real_data
@pytest.mark.parametrize("corpus", ["ravdess", "emodb", "emovo"])
def test_parsers_agree_with_the_metadata(shared_data: Path, corpus: str) -> None:
    root = shared_data / corpus
    truth = pd.read_csv(root / "metadata.csv", dtype=str, keep_default_na=False)
    frame = getattr(datasets, corpus)(root)
    frame["filepath"] = [str(Path(p).relative_to(root)) for p in frame["filepath"]]
    assert not frame["filepath"].duplicated().any()
    both = truth.merge(frame, on="filepath", how="left", suffixes=("_truth", ""), validate="one_to_one")
    for column in ("label", "modality", "gender", "text_id"):
        assert both[column].tolist() == both[f"{column}_truth"].tolist(), column
    assert both["speaker"].tolist() == [f"{corpus}/{s}" for s in both["speaker_truth"]]
    if corpus == "ravdess":
        assert both["intensity"].tolist() == both["intensity_truth"].tolist()
        assert len(frame) == len(truth) + 4 + 5  # the untouched wavs and the videos
    else:
        assert len(frame) == len(truth)
    assert set(frame["emotion"]) <= set(datasets.EMOTIONS)


@pytest.mark.real_data
def test_real_ravdess_twins_share_their_recording(shared_data: Path) -> None:
    frame = datasets.ravdess(shared_data / "ravdess")
    copies = frame[[str(shared_data / "ravdess" / "original") in p for p in frame["filepath"]]]
    speech = frame[frame["filepath"].str.contains("Actor_")]
    shared = copies[copies["recording"].isin(speech["recording"])]
    assert len(shared) == sum((shared_data / "ravdess" / f"Actor_{p[-6:-4]}" / f"{Path(p).stem}.flac").exists() for p in copies["filepath"])


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_ravdess_modalities_channels_and_twins(tmp_path: Path) -> None:
    names = (
        "Actor_07/03-01-06-02-01-02-07.wav", "video/01-01-06-02-01-02-07.mp4", "video/02-01-06-02-01-02-07.mp4",
        "song/Actor_08/03-02-02-01-02-01-08.WAV",
    )
    frame = datasets.ravdess(touch(tmp_path, *names, "readme.txt", ".hidden/x.wav"))
    frame.index = pd.Index([str(Path(p).relative_to(tmp_path)) for p in frame["filepath"]])
    frame = frame.loc[list(names)]
    assert frame["modality"].tolist() == ["audio_only", "audio_video", "video_only", "audio_only"]
    assert frame["recording"].nunique() == 2 and frame["recording"].iloc[:3].nunique() == 1
    assert frame["channel"].tolist() == ["speech"] * 3 + ["song"]
    assert frame["gender"].tolist() == ["male"] * 3 + ["female"]
    assert frame["emotion"].tolist() == ["fearful"] * 3 + ["calm"]
    assert frame["intensity"].tolist() == ["strong"] * 3 + ["normal"]
    assert frame["text"].iloc[3] == "Dogs are sitting by the door"


@pytest.mark.parametrize("name", [
    "04-01-06-02-01-02-07.wav", "03-03-06-02-01-02-07.wav", "03-01-09-02-01-02-07.wav", "03-01-00-02-01-02-07.wav",
    "03-01-06-03-01-02-07.wav", "03-01-06-02-01-02-25.wav", "03-01-06-02-01-02-00.wav", "03-01-06-02-01-02.wav", "03-01-06-02-01-02-07-x.wav",
    "Actor_08/03-01-06-02-01-02-07.wav",
])
def test_names_that_are_not_ravdess_are_counted(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name, "03-01-01-01-01-01-01.wav")
    with pytest.raises(InvalidInputError, match=r"1 media file below root of ravdess must be named like .*on_unmatched='skip'"):
        datasets.ravdess(tmp_path)
    with pytest.warns(EmotionNativeWarning, match="1 media file below root of ravdess skipped"):
        assert len(datasets.ravdess(tmp_path, on_unmatched="skip")) == 1


def test_emodb_emotions_people_and_bad_names(tmp_path: Path) -> None:
    frame = datasets.emodb(touch(tmp_path, *(f"wav/16b10{letter}b.wav" for letter in "WLEAFTN"), "12a07Wc.ogg"))
    by_letter = {Path(p).stem[5]: e for p, e in zip(frame["filepath"], frame["emotion"], strict=True)}
    assert by_letter == {"W": "angry", "L": "bored", "E": "disgust", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral"}
    first = frame.iloc[0]
    assert (first["speaker"], first["gender"], first["age"], first["version"], first["text_id"]) == ("emodb/12", "male", 30, "c", "a07")
    touch(tmp_path, "07a01Fa.wav", "03c01Fa.wav", "03a03Fa.wav", "03a01Xa.wav")
    with pytest.raises(InvalidInputError, match=r"4 media files.*'03a01Xa\.wav'"):
        datasets.emodb(tmp_path)


def test_emovo_names(tmp_path: Path) -> None:
    frame = datasets.emovo(touch(tmp_path, *(f"m3/{e}-m3-n5.wav" for e in ("dis", "gio", "neu", "pau", "rab", "sor", "tri"))))
    assert frame["emotion"].tolist() == ["disgust", "happy", "neutral", "fearful", "angry", "surprised", "sad"]
    assert frame["speaker"].unique().tolist() == ["emovo/m3"] and frame["gender"].unique().tolist() == ["male"]


def test_crema_d_with_and_without_demographics(tmp_path: Path) -> None:
    names = ("1001_DFA_ANG_XX.wav", "1040_ITH_SAD_X.wav", "1091_IEO_HAP_LO.wav")
    audio = touch(tmp_path, *(f"AudioWAV/{name}" for name in names), "VideoFlash/1091_IEO_HAP_LO.flv") / "AudioWAV"
    bare = datasets.crema_d(audio)
    assert "gender" not in bare.columns
    assert bare["intensity"].tolist() == ["unspecified", "unspecified", "low"]
    (tmp_path / "VideoDemographics.csv").write_text('"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n')
    full = datasets.crema_d(tmp_path)
    assert full["gender"].tolist() == ["male", "", "", ""] and full["age"].tolist() == ["51", "", "", ""]
    assert full["modality"].tolist() == ["audio_only"] * 3 + ["audio_video"]
    assert full["recording"].iloc[2] == full["recording"].iloc[3] == "crema_d/1091_IEO_HAP_LO"
    (tmp_path / "VideoDemographics.csv").write_text("Actor;Age\n1001;51\n")
    with pytest.raises(InvalidInputError, match="ActorID, Age and Sex"):
        datasets.crema_d(tmp_path)


@pytest.mark.parametrize("parser", [datasets.ravdess, datasets.emodb, datasets.emovo, datasets.crema_d])
def test_wrong_roots_and_arguments(tmp_path: Path, parser: object) -> None:
    assert callable(parser)
    with pytest.raises(InvalidInputError, match="existing folder"):
        parser(tmp_path / "none")
    with pytest.raises(InvalidInputError, match="must hold media files"):
        parser(tmp_path)
    with pytest.raises(InvalidInputError, match="on_unmatched"):
        parser(tmp_path, on_unmatched="drop")


def test_file_names_that_are_not_utf8_are_counted(tmp_path: Path) -> None:
    name = b"\xff.wav".decode("utf-8", "surrogateescape")
    touch(tmp_path, "03a01Fa.wav", name)
    with pytest.raises(InvalidInputError, match="1 media file"):
        datasets.emodb(tmp_path)


def test_links_are_followed_once_and_undecodable_endings_stay(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/03a01Fa.wav", "corpus/03a01Na.m4a")
    (tmp_path / "corpus" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "corpus" / "circle").symlink_to(tmp_path / "corpus")
    names = [Path(p).name for p in datasets.emodb(tmp_path / "corpus")["filepath"]]
    assert sorted(names) == ["03a01Fa.wav", "03a01Na.m4a"]


def test_parsed_manifests_survive_a_round_trip(tmp_path: Path) -> None:
    frame = datasets.emodb(touch(tmp_path, "03a01Fa.wav", "08b10Tb.wav"))
    datasets.write_manifest(frame, tmp_path / "manifest.csv")
    again = datasets.read_manifest(tmp_path / "manifest.csv")
    for column in ("filepath", "label", "emotion", "speaker", "recording", "text_id", "text"):
        assert again[column].tolist() == frame[column].tolist()


def test_sample_corpus_is_whole_balanced_and_small() -> None:
    frame = datasets.load_sample()
    assert len(frame) == 102 and all(Path(p).is_file() for p in frame["filepath"])
    assert frame.groupby("split")["speaker"].nunique().to_dict() == {"demo": 1, "train": 5}
    assert not set(frame["speaker"][frame["split"] == "demo"]) & set(frame["speaker"][frame["split"] == "train"])
    cells = frame[frame["split"] == "train"].groupby(["speaker", "label"]).size()
    assert len(cells) == 20 and cells.min() >= 4 and cells.max() == 5
    folder = Path(frame["filepath"].iloc[0]).parents[1]
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 6_000_000
    assert "CC0-1.0" in (folder / "LICENSE").read_text() and (folder / "README.md").is_file()
    parsed = datasets.emodb(folder).set_index("filepath").loc[frame["filepath"]]
    for column in ("label", "speaker", "recording", "gender", "text_id"):
        assert parsed[column].tolist() == frame[column].tolist()


@pytest.mark.real_data
def test_sample_corpus_is_a_plain_copy(shared_data: Path) -> None:
    for path in datasets.load_sample()["filepath"]:
        assert Path(path).read_bytes() == (shared_data / "emodb" / "clips" / Path(path).name).read_bytes()
