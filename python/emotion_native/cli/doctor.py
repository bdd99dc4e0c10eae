"""The command ``doctor``: whether this installation can do its work, and what to do where it cannot."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer

from .console import print_json, safe
from .entry import ExitCode

__all__ = ["run_doctor"]

Finding = tuple[str, str]
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "safetensors", "typer", "rich", "pydantic", "matplotlib", "PyYAML")
LEAST_FREE_MB = 500


def run_doctor(*, as_json: bool) -> None:
    """Run every check; exit code 1 if one fails."""
    results = [{"check": name, "status": status, "detail": detail} for name, check in CHECKS.items() for status, detail in [_guarded(check)]]
    ok = all(result["status"] != "error" for result in results)
    if as_json:
        print_json({"ok": ok, "checks": results})
    else:
        marks = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}
        for result in results:
            print(f"{marks[result['status']]}  {result['check']:<14} {safe(result['detail'])}")
        print("Everything needed is there." if ok else "Something needed is missing: see the lines marked ERROR.")
    if not ok:
        raise typer.Exit(ExitCode.ERRORS_FOUND)


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # a check that breaks is a finding
        return "error", f"{type(error).__name__}: {error}"


def _python() -> Finding:
    version = platform.python_version()
    good = sys.version_info >= (3, 10)
    return ("ok" if good else "error"), f"{version} ({platform.system()} {platform.machine()}), {sys.executable}" + (
        "" if good else "; 3.10 or newer is needed"
    )


def _package() -> Finding:
    from .._version import __version__

    return "ok", f"emotion-native {__version__}"


def _core() -> Finding:
    audio = importlib.import_module("emotion_native.audio")
    count = len(audio.feature_names("classic"))
    return "ok", f"native core loads; classic feature set has {count} columns"


def _threads() -> Finding:
    from .._threads import available_cores

    return "ok", f"{available_cores()} of {os.cpu_count()} cores usable by this process"


def _packages() -> Finding:
    missing, found = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return "error", f"missing: {', '.join(missing)}; pip install {' '.join(missing)}"
    return "ok", ", ".join(found)


def _disk() -> Finding:
    free = {str(place): shutil.disk_usage(place).free // 1_000_000 for place in (Path.cwd(), Path(tempfile.gettempdir()))}
    least = min(free.values())
    return ("ok" if least >= LEAST_FREE_MB else "warning"), "; ".join(f"{place}: {megabytes:,} MB free" for place, megabytes in free.items())


def _cache() -> Finding:
    from ..features import cache_folder

    base = cache_folder()
    place = base
    while not place.exists() and place != place.parent:
        place = place.parent
    writable = os.access(place, os.W_OK)
    return ("ok" if writable else "warning"), f"{base} {'can be written' if writable else 'cannot be written: name a folder with --cache'}"


def _fonts() -> Finding:
    from matplotlib import font_manager

    path = font_manager.findfont("DejaVu Sans", fallback_to_default=True)
    return "ok", f"figures are set in {Path(path).stem}"


def _model() -> Finding:
    from ..runtime import load_model

    model = load_model(None)
    return "ok", f"default model knows {', '.join(map(str, model.classes))}"


def _sample() -> Finding:
    from .. import datasets

    frame = datasets.load_sample()
    absent = [path for path in frame["filepath"] if not Path(path).is_file()]
    if absent:
        return "error", f"{len(absent)} clips of the sample corpus are missing"
    return "ok", f"{len(frame)} clips of {frame['speaker'].nunique()} speakers"


CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "package": _package,
    "core": _core,
    "threads": _threads,
    "packages": _packages,
    "disk": _disk,
    "cache": _cache,
    "fonts": _fonts,
    "default model": _model,
    "sample corpus": _sample,
}
