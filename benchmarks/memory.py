"""Peak memory of a job in a fresh process: proportional set size of it and its children, sampled, and the kernel's own peak of the process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

JOB = Path(__file__).resolve().parent / "memory_job.py"


@dataclass
class Peak:
    """Megabytes (10^6 bytes) of the whole tree; what the work added to it; the job's input, and its output. Seconds where the job tells them."""

    whole: float
    above: float
    input: float
    output: float
    cpu: float = 0.0
    wall: float = 0.0


def _tree(root: int) -> list[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _held(root: int) -> float:
    total = 0
    for pid in _tree(root):
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total / 1e6


def peak(job: str, key: str) -> Peak:
    """Run a job of memory_job.py and return its peak."""
    process = subprocess.Popen([sys.executable, str(JOB), job, key], stdout=subprocess.PIPE, text=True)  # one thread a BLAS: run.py set it
    assert process.stdout is not None
    before = float(process.stdout.readline() or 0)  # the data are made and the modules loaded
    sampled = 0.0
    while process.poll() is None:
        sampled = max(sampled, _held(process.pid))
        time.sleep(0.01)
    said = json.loads(process.stdout.read() or "{}")
    if process.returncode != 0 or not said:
        raise RuntimeError(f"{job} {key} failed")
    whole = max(sampled, said["own_peak"])
    return Peak(whole, whole - before, said["input"], said["output"], said.get("cpu", 0.0), said.get("wall", 0.0))
