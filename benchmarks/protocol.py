"""How everything here is measured: the same work, in one run, by turns (ours, theirs, ours, theirs, …), and only after the results were compared.

A measurement is the wall time of one call; calls shorter than 0.2 s are repeated inside a measurement. The median of at least five measurements is
reported with the smallest and the largest, beside the CPU time of the process and its workers. Rows whose calls take many seconds are ``long``: at
least three measurements, of which the call that was compared is the first.

Quality is never assumed: a row prints both sides' held-out figures and whether ours is within the stated margin of theirs; a row outside its margin
is marked, and `run.py` ends with an error.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
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
    target: float = 0.0  # how many times faster ours shall be; 0: shown for context
    scale: float = 1.0  # the call does 1 / scale of the work (fewer folds): all of its times are multiplied by this, and the workload says so


@dataclass
class Row:
    """One comparison. ``check`` gets the results of all sides, ours first, and returns figures of agreement or raises AssertionError.

    ``limit``: seconds a call of ours may take at most, where a target is absolute.
    """

    name: str
    title: str
    workload: str
    contenders: list[Contender]
    check: Callable[..., dict[str, float]]
    repeats: int = 5
    limit: float = 0.0
    long: bool = False


@dataclass
class Figures:
    """A row that is no duel of times: ``measure`` returns a list of {what, value, unit, and where there is one target, at_most}."""

    name: str
    title: str
    workload: str
    measure: Callable[[], list[dict[str, Any]]]


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
    cpu_smallest: float = 0.0
    target: float = 0.0
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
    try:
        return version(name)
    except PackageNotFoundError:  # XGBoost's package without a GPU half has another name than its module
        return str(importlib.import_module(name).__version__)


def _measure(call: Callable[[], Any], calls: int) -> tuple[float, float]:
    cpu, wall = cpu_seconds(), time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - wall) / calls, (cpu_seconds() - cpu) / calls


def _compared(row: Row) -> tuple[dict[str, float], list[tuple[float, float]]]:
    """Return the agreement of the results, and the time of the call that gave each."""
    results, first = [], []
    for contender in row.contenders:
        cpu, begun = cpu_seconds(), time.perf_counter()
        results.append(contender.call())
        first.append((time.perf_counter() - begun, cpu_seconds() - cpu))
    return row.check(*results), first


def _timed(row: Row, first: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Return (wall, CPU) of each measurement of each contender, taken by turns."""
    taken: list[list[tuple[float, float]]] = [[one] if row.long else [] for one in first]
    while len(taken[0]) < row.repeats:
        for i, contender in enumerate(row.contenders):
            taken[i].append(_measure(contender.call, calls_each(first[i][0])))
    return taken


def calls_each(first: float) -> int:
    """Return how often a call of that duration is repeated inside a measurement."""
    return max(1, min(100_000, int(np.ceil(SHORTEST / max(first, 1e-7)))))


def _settled(row: Row, first: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the duration of a second call where the first was short: a first call pays for imports and caches."""
    return [_measure(contender.call, 1) if one[0] < 2 * SHORTEST else one for contender, one in zip(row.contenders, first, strict=True)]


def run(row: Row) -> dict[str, Any]:
    """Compare the results, then time the contenders by turns, write the JSON file of the row and return its content."""
    machine = describe_machine()
    agreement, first = _compared(row)
    first = _settled(row, first)
    timings = []
    for contender, taken, one in zip(row.contenders, _timed(row, first), first, strict=True):
        wall = [contender.scale * seconds for seconds, _ in taken]
        cpu = [contender.scale * seconds for _, seconds in taken]
        timings.append(
            Timing(
                contender.name,
                package_version(contender.package or contender.name),
                contender.threads,
                statistics.median(wall),
                min(wall),
                max(wall),
                statistics.median(cpu),
                len(wall),
                calls_each(one[0]),
                min(cpu),
                contender.target,
                wall,
            )
        )
    return write(
        {
            "name": row.name,
            "title": row.title,
            "workload": row.workload,
            "timings": [asdict(timing) for timing in timings],
            "speedups": [timing.median / timings[0].median for timing in timings[1:]],
            "speedups_of_minima": [timing.smallest / timings[0].smallest for timing in timings[1:]],
            "speedups_of_cpu": [timing.cpu_smallest / max(timings[0].cpu_smallest, 1e-9) for timing in timings[1:]],
            "limit": row.limit,
            "long": row.long,
            "agreement": agreement,
            "machine": machine,
        }
    )


def measure(row: Figures) -> dict[str, Any]:
    """Take the figures of a row, write its JSON file and return its content."""
    machine = describe_machine()
    return write({"name": row.name, "title": row.title, "workload": row.workload, "figures": row.measure(), "machine": machine})


def write(result: dict[str, Any]) -> dict[str, Any]:
    """Write the JSON file of a row, unless it was only tried out."""
    if not os.environ.get("BENCHMARKS_QUICK"):
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{result['name']}.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def beside(what: str, ours: float, others: dict[str, float], margin: float, larger_is_better: bool = True) -> dict[str, Any]:
    """Return the held-out figures of all sides, and whether ours is within the margin of the best of them."""
    best = max(others.values()) if larger_is_better else min(others.values())
    within = ours >= best - margin if larger_is_better else ours <= best + margin
    figures = {f"{what}_{name}": value for name, value in {"ours": ours, **others}.items()}
    return {**figures, f"{what}_margin": margin, f"{what}_within": bool(within)}


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


def log_loss(y: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean negative log of the probability of the true label (labels are column numbers), clipped at 1e-15."""
    return float(-np.mean(np.log(np.clip(probability[np.arange(y.size), y], 1e-15, 1.0))))
