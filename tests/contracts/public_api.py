"""What counts as public: the modules without an underscore in their dotted name, and what their ``__all__`` lists."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import emotion_native as en


def module_names() -> list[str]:
    """Return the dotted names of the public modules, the package itself first."""
    found = [info.name for info in pkgutil.walk_packages(en.__path__, "emotion_native.")]
    return ["emotion_native", *sorted(name for name in found if not any(part.startswith("_") for part in name.split(".")[1:]))]


def top_modules() -> list[str]:
    """Return the public modules that users import: directly below the package."""
    return [name for name in module_names() if name.count(".") == 1]


def public_objects(module: ModuleType) -> dict[str, object]:
    """Return the functions and classes that a module lists in ``__all__``."""
    listed = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    return {name: value for name, value in listed.items() if inspect.isfunction(value) or inspect.isclass(value)}


def all_public_objects() -> dict[str, object]:
    """Return every public function and class, by the shortest dotted name."""
    found: dict[str, object] = {}
    for name in top_modules():
        for attribute, value in public_objects(importlib.import_module(name)).items():
            found[f"{name.removeprefix('emotion_native.')}.{attribute}"] = value
    return found
