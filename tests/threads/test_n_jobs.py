"""How many threads a call uses: affinity and control groups are respected, and `n_jobs` counts as in scikit-learn."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from emotion_native import _threads
from emotion_native.exceptions import InvalidInputError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Pretend to be a machine of 16 cores; returns a function that writes a version 2 and a version 1 quota."""

    def setup(*, affinity: int = 16, v2: str | None = None, v1: tuple[str, str] | None = None) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
        v2_file, v1_folder = tmp_path / "cpu.max", tmp_path / "cpu"
        v1_folder.mkdir(exist_ok=True)
        if v2 is not None:
            v2_file.write_text(v2)
        if v1 is not None:
            (v1_folder / "cpu.cfs_quota_us").write_text(v1[0])
            (v1_folder / "cpu.cfs_period_us").write_text(v1[1])
        monkeypatch.setattr(_threads, "_CGROUP_V2", v2_file)
        monkeypatch.setattr(_threads, "_CGROUP_V1", v1_folder)

    return setup


@pytest.mark.parametrize(
    ("settings", "cores"),
    [
        ({}, 16),
        ({"affinity": 3}, 3),
        ({"v2": "max 100000\n"}, 16),
        ({"v2": "200000 100000\n"}, 2),
        ({"v2": "150000 100000\n"}, 2),  # one and a half cores: the half is worth a thread
        ({"v2": "10000 100000\n"}, 1),
        ({"v2": "6400000 100000\n", "affinity": 4}, 4),
        ({"v2": "nonsense"}, 16),
        ({"v1": ("-1\n", "100000\n")}, 16),
        ({"v1": ("300000\n", "100000\n")}, 3),
        ({"v2": "200000 100000\n", "v1": ("300000\n", "100000\n")}, 2),
    ],
)
def test_available_cores(machine, settings: dict, cores: int) -> None:
    machine(**settings)
    assert _threads.available_cores() == cores
    assert _threads.effective_n_jobs(None) == cores


@pytest.mark.parametrize(("n_jobs", "threads"), [(None, 4), (1, 1), (7, 7), (-1, 4), (-2, 3), (-4, 1), (-9, 1), (10**9, 256), (np.int64(2), 2)])
def test_n_jobs_counts_as_in_scikit_learn(machine, n_jobs: int | None, threads: int) -> None:
    machine(affinity=4)
    assert _threads.effective_n_jobs(n_jobs) == threads


@pytest.mark.parametrize("n_jobs", [0, 1.5, "2", True, [1]])
def test_wrong_n_jobs(n_jobs: object) -> None:
    with pytest.raises(InvalidInputError, match=r"^n_jobs of fit must be "):
        _threads.effective_n_jobs(n_jobs, caller="fit")
