"""A small corpus on disk and a trained run, made once through the command line itself."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Outcome]


def run_command(*words: object) -> Outcome:
    """Run the command line in this process."""
    from emotion_native.cli import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def command() -> Command:
    return run_command


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings and no cache of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith("EMOTION_NATIVE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five training speakers of the sample corpus as a CSV file."""
    from emotion_native import datasets

    sample = datasets.load_sample()
    path = tmp_path_factory.mktemp("corpus") / "manifest.csv"
    datasets.write_manifest(sample[sample["split"] == "train"].reset_index(drop=True), path)
    return path


@pytest.fixture(scope="session")
def clip() -> str:
    """A clip of the sixth speaker."""
    from emotion_native import datasets

    sample = datasets.load_sample()
    return str(sample.loc[sample["split"] == "demo", "filepath"].iloc[0])


@pytest.fixture(scope="session")
def trained(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run folder and what the command printed."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    outcome = run_command(
        "train",
        manifest,
        "-o",
        folder,
        "--json",
        "--quiet",
        "--no-cache",
        "--format",
        "emotion",
        "--format",
        "pkl",
        "--test-speakers",
        "emodb/13",
        "--set",
        "forest.n_estimators=15",
    )
    assert outcome.code == 0, outcome.err
    return folder, outcome
