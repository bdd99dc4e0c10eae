"""Split files: what was saved is read again, and anything else is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection as sk

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, LeakageError

ms = en.model_selection
N = 60


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N)
    X = rng.normal(size=(N, 3))
    return X, y, np.array([f"anna{i}" for i in range(10)])[np.arange(N) % 10], [f"clips/{i:03d}.wav" for i in range(N)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folds.split.json"


def pairs(folds: Any) -> list[tuple[list[int], list[int]]]:
    return [(np.asarray(a).tolist(), np.asarray(b).tolist()) for a, b in folds]


def rewrite(path: Path, change: Any, *, resign: bool = True) -> None:
    """Change a split file; ``resign`` makes the checksum good again, as a forger would."""
    document = json.loads(path.read_bytes())
    change(document)
    if resign:
        text = json.dumps({k: v for k, v in document.items() if k != "sha256"}, sort_keys=True, separators=(",", ":"))
        document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "cv",
    [
        ms.GroupKFold(3),
        ms.StratifiedGroupKFold(4, shuffle=True, random_state=1),
        ms.LeaveOneGroupOut(),
        ms.GroupShuffleSplit(3, random_state=0),
        ms.RepeatedGroupKFold(n_splits=2, n_repeats=2, random_state=0),
        ms.CrossedGroupKFold(2, 2, texts=np.arange(N) // 10 % 3),
        ms.PredefinedGroupSplit([[f"anna{i}" for i in range(5)], [f"anna{i}" for i in range(5, 10)]], name="halves"),
        sk.GroupKFold(3),
        3,
    ],
    ids=lambda cv: type(cv).__name__,
)
def test_what_was_saved_is_read_again_and_serves_as_cv(cv: Any, rows: Any, path: Path) -> None:
    X, y, groups, names = rows
    expected = ms.resolve_folds(cv, X, y, groups)
    saved = ms.save_split(cv, path, X=X, y=y, groups=groups, row_keys=names)
    loaded = ms.load_split(path, groups=groups, row_keys=names)
    assert pairs(loaded.split(X, y, groups)) == pairs(expected) == pairs(saved.split(X))
    assert loaded.hash == saved.hash == expected.hash == loaded.folds.hash
    assert loaded.get_n_splits() == len(expected)
    assert loaded.splitter == saved.splitter
    model = en.ensemble.RandomForestClassifier(n_estimators=3, random_state=0)
    scores = [ms.cross_validate(model, X, y, groups=groups, cv=v)["test_score"] for v in (expected, loaded)]
    assert np.array_equal(*scores)
    first = path.read_bytes()
    ms.save_split(loaded, path, X=X, groups=groups, row_keys=names)
    assert path.read_bytes() == first
    assert type(cv).__name__ in repr(loaded) or cv == 3


def test_the_file_names_splitter_and_parameters_and_no_speaker(rows: Any, path: Path) -> None:
    _X, y, groups, names = rows
    ms.save_split(ms.StratifiedGroupKFold(3, shuffle=True, random_state=5), path, y=y, groups=groups, row_keys=names)
    document = json.loads(path.read_text())
    assert document["splitter"] == {"name": "StratifiedGroupKFold", "parameters": {"n_splits": 3, "shuffle": True, "random_state": 5}}
    assert document["n_rows"] == N and document["ungrouped"] is False and document["row_keys"] == names
    assert "anna" not in path.read_text()
    text = json.dumps({k: v for k, v in document.items() if k != "sha256"}, sort_keys=True, separators=(",", ":"))
    assert document["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_the_same_rows_in_another_order_are_found_again(rows: Any, path: Path) -> None:
    X, y, groups, names = rows
    folds = ms.resolve_folds(ms.GroupKFold(3), X, y, groups)
    ms.save_split(folds, path, groups=groups, row_keys=names)
    order = np.random.default_rng(1).permutation(N)
    shuffled = [names[i] for i in order]
    loaded = ms.load_split(path, groups=groups[order], row_keys=pd.Series(shuffled, index=range(N, 0, -1)))
    for (_, test), (train, moved) in zip(folds, loaded.split(X), strict=True):
        assert {names[i] for i in test} == {shuffled[i] for i in moved}
        assert np.array_equal(moved, np.sort(moved)) and len(train) + len(moved) == N
    assert loaded.row_keys == shuffled


def test_other_rows_are_refused(rows: Any, path: Path) -> None:
    X, _y, groups, names = rows
    ms.save_split(ms.GroupKFold(3), path, groups=groups, row_keys=names)
    with pytest.raises(InvalidInputError, match="must name the 60 rows that were split; got 59"):
        ms.load_split(path, row_keys=names[:-1])
    with pytest.raises(InvalidInputError, match=r"'clips/000.wav' is not among them"):
        ms.load_split(path, row_keys=["other.wav", *names[1:]])
    with pytest.raises(InvalidInputError, match=r"X of SavedSplit.split must have the rows that were split, 60; got 59"):
        list(ms.load_split(path).split(X[:-1]))
    with pytest.raises(InvalidInputError, match="groups of"):
        ms.load_split(path, groups=groups[:-1])
    for bad in ([None, *names[1:]], ["", *names[1:]], list(range(N))):
        with pytest.raises(InvalidInputError, match=r"row_keys of load_split.* must be one non-empty text a row"):
            ms.load_split(path, row_keys=bad)
    ms.save_split(ms.GroupKFold(3), path, groups=groups)
    with pytest.raises(InvalidInputError, match="must be left out for a file that names no rows"):
        ms.load_split(path, row_keys=names)
    twice = [*names[:-1], names[0]]
    ms.save_split(ms.GroupKFold(3), path, groups=groups, row_keys=twice)
    assert ms.load_split(path, row_keys=twice).row_keys == twice
    with pytest.raises(InvalidInputError, match="keys occur twice"):
        ms.load_split(path, row_keys=twice[::-1])


def test_a_group_on_both_sides_is_refused_when_saving_loading_and_splitting(rows: Any, path: Path) -> None:
    X, y, groups, _names = rows
    with pytest.raises(LeakageError):
        ms.save_split(ms.KFold(3), path, X=X, groups=groups)
    with pytest.raises(LeakageError):
        ms.save_split(ms.KFold(3), path, X=X)
    assert not path.exists()
    ms.save_split(ms.GroupKFold(3), path, groups=groups)
    with pytest.raises(LeakageError, match="groups whole"):
        ms.load_split(path, groups=np.arange(N) % 7)
    with pytest.raises(LeakageError, match="groups whole"):
        list(ms.load_split(path).split(X, y, np.arange(N) % 7))
    rewrite(path, lambda d: d["groups"][0].update(codes=[0] * N))
    with pytest.raises(LeakageError, match="on both sides of fold 0"):
        ms.load_split(path)
    ms.save_split(ms.KFold(3), path, X=X, allow_ungrouped=True)
    loaded = ms.load_split(path)
    assert loaded.folds.ungrouped
    with pytest.raises(LeakageError):
        ms.resolve_folds(loaded, X, y, groups)
    with pytest.raises(LeakageError):
        ms.resolve_folds(loaded, X, y)
    assert ms.resolve_folds(loaded, X, y, groups, allow_ungrouped=True).ungrouped


@pytest.mark.parametrize("keep", [0, 1, 100, -2, -1])
def test_truncated_files(rows: Any, path: Path, keep: int) -> None:
    ms.save_split(ms.GroupKFold(3), path, groups=rows[2])
    whole = path.read_bytes().rstrip()
    path.write_bytes(whole[:keep])
    with pytest.raises(InvalidInputError, match="must be a whole split file"):
        ms.load_split(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["folds"][0]["test"].pop(), "checksum"),
        (lambda d: d.update(ungrouped=True), "checksum"),
        (lambda d: d.update(sha256="0" * 64), "checksum"),
        (lambda d: d.update(more=1), "checksum"),
        (lambda d: d.pop("row_keys"), "checksum"),
        (lambda d: d.update(version=2), "must be of version 1; got 2"),
        (lambda d: d.update(format="other"), "another kind of file"),
    ],
)
def test_edited_files(rows: Any, path: Path, change: Any, message: str) -> None:
    ms.save_split(ms.GroupKFold(3), path, groups=rows[2])
    rewrite(path, change, resign=False)
    with pytest.raises(InvalidInputError, match=message):
        ms.load_split(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(n_rows=10**9),
        lambda d: d.update(n_rows=2**70),
        lambda d: d.update(n_rows=-1),
        lambda d: d.update(n_rows=True),
        lambda d: d.update(n_rows=N - 1),
        lambda d: d.update(folds=[]),
        lambda d: d.update(folds={}),
        lambda d: d.update(folds=[[[0], [1]]]),
        lambda d: d["folds"][0].update(test=[0.5]),
        lambda d: d["folds"][0].update(test=[N]),
        lambda d: d["folds"][0].update(test=[-1]),
        lambda d: d["folds"][0].update(test=[2**80]),
        lambda d: d["folds"][0].update(test=[]),
        lambda d: d["folds"][0].update(test=[True]),
        lambda d: d["folds"][0].update(train=d["folds"][0]["test"]),
        lambda d: d["folds"][0].update(other=[1]),
        lambda d: d.update(split_hash="0" * 64),
        lambda d: d.update(splitter=None),
        lambda d: d.update(row_keys=["a"]),
        lambda d: d.update(row_keys=[1] * N),
        lambda d: d.update(groups=None),
        lambda d: d.update(groups=[{"name": "groups"}]),
        lambda d: d["groups"][0].update(codes=[0]),
        lambda d: d["groups"][0].update(codes=["a"] * N),
        lambda d: d.update(ungrouped="no"),
    ],
)
def test_forged_files_with_a_good_checksum(rows: Any, path: Path, change: Any) -> None:
    ms.save_split(ms.GroupKFold(3), path, groups=rows[2])
    rewrite(path, change)
    with pytest.raises((InvalidInputError, LeakageError)):
        ms.load_split(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"null", b"{", b'{"format": NaN}', b"[" * 100_000, b'"emotion-native split"'])
def test_files_of_other_kinds(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="path of load_split"):
        ms.load_split(path)


def test_missing_files_and_bad_arguments(rows: Any, tmp_path: Path, path: Path) -> None:
    X, _y, groups, names = rows
    with pytest.raises(FileNotFoundError):
        ms.load_split(path)
    with pytest.raises(FileNotFoundError):
        ms.save_split(ms.GroupKFold(2), tmp_path / "no" / "folder.json", groups=groups)
    with pytest.raises(InvalidInputError, match="path of load_split"):
        ms.load_split(3)
    with pytest.raises(InvalidInputError, match="X of save_split must be given"):
        ms.save_split(ms.GroupKFold(2), path)
    with pytest.raises(InvalidInputError, match="groups of save_split"):
        ms.save_split(ms.GroupKFold(2), path, X=X, groups=groups[:-1])
    with pytest.raises(InvalidInputError, match="row_keys of save_split"):
        ms.save_split(ms.GroupKFold(2), path, X=X, groups=groups, row_keys=names[:-1])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(rows: Any, path: Path, monkeypatch: Any) -> None:
    ms.save_split(ms.GroupKFold(3), path, groups=rows[2])
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        ms.save_split(ms.GroupKFold(2), path, groups=rows[2])
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
