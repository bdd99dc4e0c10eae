"""Files that are none: nothing waits for a pipe, and no device is replaced by a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError
from emotion_native.model_selection import GroupKFold, load_split, save_split


def _save(path: Any) -> None:
    save_split(GroupKFold(2), path, groups=[0, 0, 1, 1])


def _save_model(path: Any) -> None:
    en.save_model(en.ensemble.RandomForestClassifier(2, random_state=0).fit(np.eye(4, dtype=np.float32), [0, 1, 0, 1]), path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are of POSIX systems")
@pytest.mark.parametrize("write", [_save, _save_model])
def test_a_pipe_stays_a_pipe(tmp_path: Path, write: Any) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OSError, match="not a regular file"):
            write(path)
        with pytest.raises(OSError, match="not a regular file"):
            load_split(path)
        with pytest.raises(OSError, match="not a regular file"):
            en.persistence.load_pickle(path, trust=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.parametrize("write", [_save, _save_model])
def test_a_folder_stays_a_folder_and_a_loop_of_links_a_loop(tmp_path: Path, write: Any) -> None:
    with pytest.raises(IsADirectoryError):
        write(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("path", [None, 5, b"x", "a\0b", object()])
@pytest.mark.parametrize("write", [_save, _save_model])
def test_paths_that_are_none(path: Any, write: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"path of save_.* must be a path; got "):
        write(path)
