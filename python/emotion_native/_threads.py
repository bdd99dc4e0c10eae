"""The one place that reads thread settings."""

from __future__ import annotations

import math
import os
from pathlib import Path

from .exceptions import InvalidInputError

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def _cgroup_cores() -> float:
    """Return the cores that the control group's CPU quota allows; infinity where there is none."""
    try:
        quota, period = _CGROUP_V2.read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        v1_quota = int((_CGROUP_V1 / "cpu.cfs_quota_us").read_text())
        return math.inf if v1_quota <= 0 else v1_quota / int((_CGROUP_V1 / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return math.inf


def available_cores() -> int:
    """Return the number of cores that this process may use: its affinity, bounded by its control group's quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(affinity, math.ceil(min(_cgroup_cores(), affinity))))


def effective_n_jobs(n_jobs: int | None, *, caller: str = "effective_n_jobs") -> int:
    """Return the number of threads for ``n_jobs``.

    ``None`` means `available_cores`; a negative number counts from there as in scikit-learn (-1: all, -2: all but one); zero is an error.
    """
    if n_jobs is None:
        return available_cores()
    if isinstance(n_jobs, bool):
        raise InvalidInputError(f"n_jobs of {caller} must be an integer or None; got {n_jobs!r}")
    if not isinstance(n_jobs, int):
        try:
            n_jobs = int(n_jobs.__index__())  # NumPy integers
        except (AttributeError, TypeError):  # an array has __index__, and refuses
            raise InvalidInputError(f"n_jobs of {caller} must be an integer or None; got {n_jobs!r}") from None
    if n_jobs == 0:
        raise InvalidInputError(f"n_jobs of {caller} must be a positive or a negative integer, or None; got 0")
    if n_jobs < 0:
        return max(1, available_cores() + 1 + n_jobs)
    return min(n_jobs, 256)  # the core has no more
