"""Print the requirements of pyproject.toml, one a line: ``requirements.py build runtime dev``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

# Where the build runs without isolation, these two come from the environment instead of being fetched for each build.
BUILD_TOOLS = ["cmake>=3.22", "ninja>=1.5"]


def requirements(group: str) -> list[str]:
    """Return the requirements of one group."""
    with (Path(__file__).resolve().parent.parent / "pyproject.toml").open("rb") as file:
        settings: dict[str, Any] = tomllib.load(file)
    if group == "build":
        return [*settings["build-system"]["requires"], *BUILD_TOOLS]
    if group == "runtime":
        return list(settings["project"]["dependencies"])
    return list(settings["project"]["optional-dependencies"][group])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print("\n".join(requirements(name)))
