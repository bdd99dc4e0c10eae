"""Check a repaired wheel: at most 10 MB, the bundled libraries and their licences inside, nothing of the development tree."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

MAX_MEGABYTES = 10.0


def problems(path: Path) -> list[str]:
    """Return what is wrong with the wheel; empty if nothing is."""
    found = []
    size = path.stat().st_size / 1e6
    if size > MAX_MEGABYTES:
        found.append(f"{path.name} has {size:.1f} MB, more than {MAX_MEGABYTES:.0f} MB")
    names = zipfile.ZipFile(path).namelist()
    extensions = [name for name in names if name.startswith("emotion_native/_core") and name.endswith(".so")]
    if len(extensions) != 1:
        found.append(f"one extension module is expected; found {extensions}")
    for needed in ("emotion_native/py.typed", "emotion_native/_core.pyi"):
        if needed not in names:
            found.append(f"{needed} is missing")
    for licence in ("LICENSE", "THIRD_PARTY_LICENSES.md"):
        if not any(name.endswith(f".dist-info/licenses/{licence}") for name in names):
            found.append(f"{licence} is missing")
    found += [f"{name} does not belong into a wheel" for name in names if name.startswith(("tests/", "cpp/", "scripts/", "include/", "lib/"))]
    return found


if __name__ == "__main__":
    wheel = Path(sys.argv[1])
    wrong = problems(wheel)
    print("\n".join(wrong) or f"    {wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, contents as expected")
    sys.exit(1 if wrong else 0)
