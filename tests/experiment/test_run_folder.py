"""The run folder: whole or not there, never overwritten unasked."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from emotion_native.exceptions import InvalidInputError
from emotion_native.experiment.run_folder import json_text, new_folder, numbered
from emotion_native.experiment.writing import read_run

pytestmark = pytest.mark.unsanitized  # files and pages of runs; training itself is in test_training.py


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make(folder: Path, text: str = "new", *, force: bool = False) -> None:
    with new_folder(folder, force=force) as inside:
        (inside / "run.json").write_text(text)


def test_appears_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "run") as inside:
        (inside / "run.json").write_text("{}")
        assert not (tmp_path / "deep" / "run").exists()
    assert names(tmp_path / "deep") == ["run"] and names(tmp_path / "deep" / "run") == ["run.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), new_folder(tmp_path / "run") as inside:
        (inside / "run.json").write_text("{}")
        raise error
    assert names(tmp_path) == []


def test_existing_is_never_overwritten_unasked(tmp_path: Path) -> None:
    make(tmp_path / "run", "old")
    with pytest.raises(InvalidInputError, match="must not exist yet"):
        make(tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_force_replaces_a_run_folder_and_only_that(tmp_path: Path) -> None:
    make(tmp_path / "run", "old")
    (tmp_path / "run" / "stale.txt").write_text("x")
    make(tmp_path / "run", "new", force=True)
    assert names(tmp_path) == ["run"] and names(tmp_path / "run") == ["run.json"]
    assert (tmp_path / "run" / "run.json").read_text() == "new"
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for name in ("precious", "file", "link"):
        with pytest.raises(InvalidInputError, match="run folder to be replaced"):
            make(tmp_path / name, force=True)
    assert names(tmp_path) == ["file", "link", "precious", "run"]


def test_force_keeps_the_old_one_when_the_new_one_fails(tmp_path: Path) -> None:
    make(tmp_path / "run", "old")
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "run", force=True):
        raise ValueError("no")
    assert names(tmp_path) == ["run"] and (tmp_path / "run" / "run.json").read_text() == "old"


def test_somebody_else_made_it_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="must not exist yet"), new_folder(tmp_path / "run"):
        (tmp_path / "run").mkdir()
    assert names(tmp_path) == ["run"]


def test_parent_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInputError, match="can be written"):
        make(tmp_path / "file" / "run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(tmp_path: Path, number: int) -> None:
    """A process that is told to stop while it writes removes what it began."""
    code = (
        "import sys, time\n"
        "from emotion_native.cli.entry import _termination_as_exception as t\n"
        "from emotion_native.experiment.run_folder import new_folder\n"
        "with t(), new_folder(sys.argv[1]) as f:\n"
        "    (f / 'run.json').write_text('{}'); print('ready', flush=True); time.sleep(30)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    child.send_signal(number)
    deadline = time.monotonic() + 20
    assert child.wait(timeout=20) != 0 and time.monotonic() < deadline
    assert names(tmp_path) == []


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        make(tmp_path / "run")
    finally:
        os.umask(mask)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o750


def test_numbered(tmp_path: Path) -> None:
    assert numbered(tmp_path / "demo") == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").symlink_to(tmp_path / "nowhere")
    assert numbered(tmp_path / "demo") == tmp_path / "demo-3"


def test_json_text_is_valid_json_whatever_is_in_it() -> None:
    value = {
        "nan": float("nan"),
        "inf": -np.inf,
        "array": np.arange(2, dtype=np.float32),
        1: (True, None, Path("x")),
        "b": np.bool_(True),
        "t": "é\x00",
    }
    assert json.loads(json_text(value)) == {"nan": None, "inf": None, "array": [0.0, 1.0], "1": [True, None, "x"], "b": True, "t": "é\x00"}
    assert json_text({"b": 1, "a": 2}) == json_text({"a": 2, "b": 1})


def test_full_disk_names_the_folder_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^output of train must lie on a disk with room; got .*run \("), new_folder(tmp_path / "run"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_report_of_a_hostile_folder_neither_hangs_nor_breaks(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"^run of report must be .*RecursionError"):
        read_run(tmp_path)
    (tmp_path / "run.json").unlink()
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(InvalidInputError, match=r"run\.json is no regular file"):
        read_run(tmp_path)
