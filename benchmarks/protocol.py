"""How everything here is measured: the same work, in one run, by turns (ours, theirs, ours, theirs, …), and only after the results were compared.

A measurement is the wall time of one call; calls shorter than 0.2 s are repeated inside a measurement. The median of at least five measurements is
reported with the smallest and the largest, beside the CPU time of the process and its workers.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results"
SHORTEST = 0.2  # seconds a measurement


@dataclass
class Contender:
    """One side of a comparison. ``call`` does the whole timed work and returns what ``Row.check`` compares."""

    name: str
    call: Callable[[], Any]
    threads: int
    package: str = ""


@dataclass
class Row:
    """One comparison. ``check`` gets the results of all sides, ours first, and returns figures of agreement or raises AssertionError."""

    name: str
    title: str
    workload: str
    contenders: list[Contender]
    check: Callable[..., dict[str, float]]
    repeats: int = 5


@dataclass
class Timing:
    """Seconds a call."""

    name: str
    version: str
    threads: int
    median: float
    smallest: float
    largest: float
    cpu_median: float
    measurements: int
    calls_each: int
    wall: list[float] = field(default_factory=list)


def _descendant_cpu() -> float:
    """Return the CPU seconds of live child processes, as far as the system tells (Linux)."""
    ticks = 0
    parents: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    own = {os.getpid()}
    grown = True
    while grown:
        found = {pid for pid, (parent, _) in parents.items() if parent in own} - own
        grown = bool(found)
        own |= found
        ticks += sum(parents[pid][1] for pid in found)
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its live children."""
    return time.process_time() + _descendant_cpu()


def describe_machine() -> dict[str, Any]:
    """Return what a reader needs to judge the figures; nothing that names the machine itself."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def package_version(name: str) -> str:
    """Return the version of an installed package; ours may run from the source tree."""
    if name == "emotion-native":
        import emotion_native

        return emotion_native.__version__
    return version(name)


def _measure(call: Callable[[], Any], calls: int) -> tuple[float, float]:
    cpu, wall = cpu_seconds(), time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - wall) / calls, (cpu_seconds() - cpu) / calls


def run(row: Row) -> dict[str, Any]:
    """Compare the results, then time the contenders by turns, write the JSON file of the row and return its content."""
    machine = describe_machine()
    agreement = row.check(*(contender.call() for contender in row.contenders))
    calls = []
    for contender in row.contenders:
        begun = time.perf_counter()
        contender.call()
        calls.append(max(1, int(np.ceil(SHORTEST / (time.perf_counter() - begun)))))
    wall: list[list[float]] = [[] for _ in row.contenders]
    cpu: list[list[float]] = [[] for _ in row.contenders]
    for _ in range(row.repeats):
        for i, contender in enumerate(row.contenders):
            one_wall, one_cpu = _measure(contender.call, calls[i])
            wall[i].append(one_wall)
            cpu[i].append(one_cpu)
    timings = [
        Timing(
            contender.name,
            package_version(contender.package or contender.name),
            contender.threads,
            statistics.median(wall[i]),
            min(wall[i]),
            max(wall[i]),
            statistics.median(cpu[i]),
            row.repeats,
            calls[i],
            wall[i],
        )
        for i, contender in enumerate(row.contenders)
    ]
    result = {
        "name": row.name,
        "title": row.title,
        "workload": row.workload,
        "timings": [asdict(timing) for timing in timings],
        "speedups": [timing.median / timings[0].median for timing in timings[1:]],
        "agreement": agreement,
        "machine": machine,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{row.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def speech_table(
    rows: int = 1440, features: int = 180, speakers: int = 24, classes: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a table shaped like a speech corpus: X float32, y, groups; unbalanced classes, an offset for each speaker, many weak columns."""
    rng = np.random.default_rng(seed)
    weights = np.linspace(2.0, 0.6, classes)
    y = rng.choice(classes, size=rows, p=weights / weights.sum())
    groups = np.arange(rows) % speakers
    signal = rng.normal(scale=0.45, size=(classes, features)) * (rng.random(features) < 0.4)
    X = rng.normal(size=(rows, features)) + signal[y] + rng.normal(scale=0.7, size=(speakers, features))[groups]
    return np.ascontiguousarray(X, dtype=np.float32), y.astype(np.int64), groups.astype(np.int64)


def unweighted_average_recall(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean over the classes of the share of their rows that was recognised."""
    return float(np.mean([np.mean(predicted[y == label] == label) for label in np.unique(y)]))
