"""One feature table of the bundled corpus for all tests of experiments."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"
FilesOf = Callable[[Path], set[str]]


@pytest.fixture(scope="session")
def table() -> Any:
    """The features of the five training speakers of the sample corpus."""
    import emotion_native as en

    sample = en.datasets.load_sample()
    return en.features.extract(sample[sample["split"] == "train"].reset_index(drop=True), progress=False, cache=False)


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """Settings of a run that takes about a second."""
    return {"forest": {"n_estimators": 12}, "background_rows": 4, "leave_one_speaker_out": True, "target_coverage": 0.8}


@pytest.fixture(scope="session")
def documented_files() -> list[set[str]]:
    """The files that the reference page names: those of a training run, and those of `compare --output`."""
    section = REFERENCE.read_text(encoding="utf-8").split("## The run folder")[1].split("\n## ")[0]
    tables = section.split("| file | content |\n|---|---|\n")[1:]
    cells = [[line.split(" | ")[0] for line in table.split("\n\n")[0].splitlines()] for table in tables]
    return [set(re.findall(r"`([^`]+)`", " ".join(lines))) for lines in cells]


@pytest.fixture(scope="session")
def files_of() -> FilesOf:
    """What a folder holds, as the page names it: of numbered files the first."""
    return lambda folder: {re.sub(r"_\d+\.png$", "_1.png", path.name) for path in folder.iterdir()}
