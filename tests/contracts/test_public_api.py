"""What the package promises to a reader: ``__all__`` is right, everything public is documented, and every example runs."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

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


PUBLIC = all_public_objects()


@pytest.mark.parametrize("name", module_names())
def test_all_lists_what_exists_once(name: str) -> None:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    if listed is None:
        assert name.count(".") != 1 or name.endswith(".cli"), f"{name} is public and needs __all__"
        return
    assert len(listed) == len(set(listed)), "a name is listed twice"
    missing = [attribute for attribute in listed if not hasattr(module, attribute)]
    assert not missing


@pytest.mark.parametrize("name", top_modules())
def test_all_leaves_nothing_public_out(name: str) -> None:
    module = importlib.import_module(name)
    own = {
        attribute
        for attribute, value in vars(module).items()
        if not attribute.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and getattr(value, "__module__", "").startswith(name)
    }
    assert own <= set(getattr(module, "__all__", own)), "a public function or class is missing from __all__"


def test_the_package_lists_its_modules() -> None:
    for name in en.__all__:
        assert getattr(en, name) is not None
    assert set(dir(en)) >= set(en.__all__)
    with pytest.raises(AttributeError, match="no attribute 'no_such_module'"):
        getattr(en, "no_such" + "_module")


@pytest.mark.parametrize("name", module_names())
def test_every_module_says_what_it_is(name: str) -> None:
    assert (importlib.import_module(name).__doc__ or "").strip()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_and_classes_are_documented(name: str) -> None:
    value = PUBLIC[name]
    text = inspect.getdoc(value) or ""
    assert text, f"{name} has no docstring"
    if inspect.isclass(value) and (issubclass(value, (BaseException, tuple)) or dataclasses.is_dataclass(value) or hasattr(value, "model_fields")):
        return  # errors and records (dataclasses, named tuples, settings) are described by their attributes
    if name.startswith("cli."):
        return  # the command line shows its examples with --help
    assert "Examples\n--------" in text and ">>>" in text, f"{name} has no runnable example"


@pytest.mark.parametrize("name", PUBLIC)
def test_documented_parameters_are_the_real_ones(name: str) -> None:
    value = PUBLIC[name]
    text = inspect.getdoc(value) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    if section is None:
        return
    documented = {
        word.strip().lstrip("*")
        for line in re.findall(r"^(\S[^:\n]*?)(?: : .*)?$", section.group(1), re.MULTILINE)
        for word in line.split(",")
    }
    try:
        parameters = inspect.signature(value).parameters
    except ValueError:
        return
    unknown = {word for word in documented if word.isidentifier()} - set(parameters)
    assert not unknown, f"{name} documents parameters that it does not take: {sorted(unknown)}"


@pytest.mark.parametrize("name", module_names())
def test_docstring_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples of {name} failed; see the output"
