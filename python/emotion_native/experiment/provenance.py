"""Where results come from: versions of everything, hashes of the data and of the split."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import numpy as np

from .._threads import available_cores
from .._version import __version__

__all__ = ["data_hash", "environment", "split_hash", "utc_now"]

PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "matplotlib", "pydantic", "typer", "rich", "PyYAML", "safetensors")


def environment() -> dict[str, Any]:
    """Return the versions and the machine kind; nothing that names a person, a host or a place."""
    versions: dict[str, str | None] = {"emotion-native": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "versions": versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "implementation": sys.implementation.name,
        "cores": available_cores(),
    }


def data_hash(features: np.ndarray, names: Iterable[str], labels: Iterable[object], keys: Iterable[object]) -> str:
    """Return the SHA-256 of what a run learns from: column names, feature values, labels and the rows' content keys, in order."""
    digest = hashlib.sha256()
    for part in (names, labels, keys):
        digest.update("\x1f".join(map(str, part)).encode("utf-8", "surrogatepass") + b"\x1e")
    digest.update(str(features.shape).encode("ascii"))
    digest.update(np.ascontiguousarray(features, dtype="<f4").tobytes())
    return digest.hexdigest()


def split_hash(keys: Iterable[object], folds: Iterable[object], parts: Iterable[object]) -> str:
    """Return the SHA-256 of which row is in which fold and part, whatever the order of the rows."""
    lines = sorted(f"{key}\x1f{fold}\x1f{part}" for key, fold, part in zip(keys, folds, parts, strict=True))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0).isoformat()
