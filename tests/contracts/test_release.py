"""One version number, one list of system packages, small files, and licences that travel with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import emotion_native as en
from emotion_native import _core

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

REPOSITORY = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_there_is_one_version_number() -> None:
    changelog = re.search(r"^## \[?(\d+\.\d+\.\d+)", read("CHANGELOG.md"), re.MULTILINE)
    citation = re.search(r"^version: \"?(\d+\.\d+\.\d+)", read("CITATION.cff"), re.MULTILINE)
    assert changelog is not None and citation is not None
    assert en.__version__ == _core.__version__ == changelog.group(1) == citation.group(1)


def test_pyproject_and_cmake_take_the_version_from_its_one_place() -> None:
    assert 'input = "python/emotion_native/_version.py"' in read("pyproject.toml")
    assert "python/emotion_native/_version.py" in read("CMakeLists.txt")


def test_setup_and_cmake_name_the_same_system_packages() -> None:
    setup = re.search(r"^APT_PACKAGES=\(([^)]*)\)", read("scripts/setup.sh"), re.MULTILINE)
    tests_only = re.search(r"^begin .*\)\" (.*)$", read("scripts/test"), re.MULTILINE)
    cmake = re.search(r"--no-install-recommends ([^\"]*)\"", read("cmake/apt_line.cmake"))
    assert setup is not None and tests_only is not None and cmake is not None
    assert {*setup.group(1).split(), *tests_only.group(1).split()} == set(cmake.group(1).split())


def test_the_console_script_exists() -> None:
    import importlib

    target = re.search(r'^emotion-native = "([\w.]+):(\w+)"', read("pyproject.toml"), re.MULTILINE)
    assert target is not None
    assert callable(getattr(importlib.import_module(target.group(1)), target.group(2)))


LIMITS = {"python/emotion_native/**/*.py": 500, "cpp/bindings/*.cpp": 300, "cpp/src/**/*.cpp": 400, "cpp/include/**/*.hpp": 150}


def test_files_stay_small_enough_to_read() -> None:
    """The limits of the style guide are soft: past them a file is reported, at one and a half times the test fails."""
    over = []
    for pattern, limit in LIMITS.items():
        for path in sorted(REPOSITORY.glob(pattern)):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                print(f"{path.relative_to(REPOSITORY)}: {lines} lines, the style guide says about {limit}")
            if lines > 1.5 * limit:
                over.append(f"{path.relative_to(REPOSITORY)}: {lines} > {limit}")
    assert not over, "split these by concern"


def test_bundled_libraries_are_licensed_in_writing() -> None:
    note = read("THIRD_PARTY_LICENSES.md")
    bundled = ("libsndfile", "libFLAC", "libogg", "libvorbis", "libopus", "libmpg123", "libmp3lame", "oneTBB")
    for library in (*bundled, "pybind11", "Eigen", "nlohmann"):
        assert library.lower() in note.lower(), library
    assert '"LICENSE", "THIRD_PARTY_LICENSES.md", "licenses/*.txt"' in read("pyproject.toml")
