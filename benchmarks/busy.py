"""Fits on two threads while another process keeps one of two cores busy, against their own time on one thread of the quiet machine."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boosting
import forests
from datasets import Table
from protocol import Figures

LIMIT = 1.4
TIMES = 5
LONGEST = 8.0  # seconds of measurements after which no further one is begun: a spinning thread pool may take a hundred times as long
SPIN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
while os.getppid() == int(sys.argv[2]):
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def neighbour(core: int) -> Iterator[None]:
    """Keep a core busy with a process of its own, bound to it."""
    process = subprocess.Popen([sys.executable, "-c", SPIN, str(core), str(os.getpid())])
    time.sleep(0.3)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def two_cores() -> Iterator[tuple[int, int]]:
    """Keep this process, and the threads that it will start, on two cores."""
    before = os.sched_getaffinity(0)
    cores = sorted(before)[:2]
    if len(cores) < 2:
        raise RuntimeError("this needs two cores")
    os.sched_setaffinity(0, cores)
    try:
        yield cores[0], cores[1]
    finally:
        os.sched_setaffinity(0, before)


def _median(call: Callable[[], Any]) -> float:
    call()
    taken = []
    while len(taken) < TIMES and sum(taken) < LONGEST:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def row(table: Table, key: str) -> Figures:
    """Forest and boosting, all sides."""
    trees, rounds = 300, 10

    def measure() -> list[dict[str, Any]]:
        jobs: list[tuple[str, str, Callable[[int], Any]]] = []
        for name, side in forests.SIDES.items():
            jobs.append((name, f"forest of {trees}", lambda n, side=side: side(trees, n).fit(table.X_train, table.y_train)))
        for name, side in boosting.SIDES.items():
            jobs.append((name, f"boosting, {rounds} rounds", lambda n, side=side: side(rounds, boosting.LEAVES, n).fit(table.X_train, table.y_train)))
        figures = []
        with two_cores() as cores:
            for name, work, job in jobs:
                quiet = _median(lambda job=job: job(1))
                with neighbour(cores[1]):
                    disturbed = _median(lambda job=job: job(2))
                limit = {"at_most": LIMIT} if name == "emotion-native" else {}
                what = f"{name}: {work}, two threads disturbed against one thread quiet"
                figures.append({"what": what, "value": disturbed / quiet, "unit": "x", **limit})
        return figures

    return Figures(f"busy_{key}", f"Fits on two threads while another process keeps one of two cores busy: {key}", table.workload, measure)
