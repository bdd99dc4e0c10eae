"""Who may know whom: Python imports go downward, C++ rooms keep to themselves, third-party headers stay inside (docs/index.md, "Rooms")."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "python" / "emotion_native"
CPP = REPOSITORY / "cpp"

# Each row may import the rows above it and modules of its own row. A lazy import, inside a function, obeys the same rule;
# one under `if TYPE_CHECKING` does not run, and is free.
LAYERS: list[set[str]] = [
    {"exceptions", "_version", "_remedies", "_validation", "_threads", "_config", "_display", "_progress", "_files", "_model_format"}
    | {"_model_inputs", "_model_parts", "_prediction_sets", "_prediction_stream", "_predictions", "_samples", "_speaker_statistics"}
    | {"_enrolment", "_unknown_speakers"},
    {"_core"},
    {"audio", "video", "text", "metrics", "model_selection", "_enrolment_clips"},
    {"_sampling", "_row_metadata", "preprocessing", "impute", "over_sampling", "under_sampling", "feature_selection", "ensemble"}
    | {"linear_model", "isotonic"},
    {"calibration", "multilabel", "explain"},
    {"augmentation", "datasets", "features", "pipeline", "fusion"},
    {"persistence", "export", "reports", "monitoring", "distributed", "experiment"},
    {"cli", "server", "dashboard", "__main__"},
]
LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}
# The runtime needs NumPy and the compiled module only: it may not know the training half although that stands above it.
RUNTIME_MAY = LAYERS[0] | {"_core", "audio", "_enrolment_clips"}
# `experiment` drives the others of its row; they do not know it.
EXPERIMENT_ROW = {"persistence", "export", "reports", "monitoring", "distributed"}
# An exception is a thought-out one: (importing module, imported module, reason).
EXCEPTIONS: dict[tuple[str, str], str] = {}

LEAVES = {"audio", "video", "text", "preprocessing", "sampling", "model_selection", "trees", "linear", "calibration", "metrics"}
MAY_INCLUDE = {"core": {"core"}, **{room: {"core", room} for room in LEAVES}}
MAY_INCLUDE["explain"] = {"core", "explain", "trees", "linear"}
MAY_INCLUDE["runtime"] = {"core", "explain", "runtime"} | LEAVES
STANDARD = {"immintrin.h", "cpuid.h"}
THIRD_PARTY = {
    "tbb": {"core/parallel.cpp"},
    "sndfile.h": {"audio/sound_file.cpp"},
}


def top_module(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    """Return the top-level modules of the package that a file imports, also inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped.update(id(child) for statement in node.body for child in ast.walk(statement))
    package = ["emotion_native", *path.relative_to(PACKAGE).parent.parts]
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{stem}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "emotion_native" and len(parts) > 1:
                found.add(parts[1])
    return found & (set(LEVEL) | {"runtime"})


PYTHON_FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_python_imports_go_downward(path: Path) -> None:
    module = top_module(path)
    wrong = []
    for other in imported_modules(path) - {module}:
        if (module, other) in EXCEPTIONS:
            continue
        if module == "runtime":
            allowed = other in RUNTIME_MAY
        elif other == "runtime":
            allowed = LEVEL[module] >= LEVEL["persistence"]
        elif (module in EXPERIMENT_ROW and other == "experiment") or (LEVEL[module] == LEVEL["cli"] and other == "_core"):
            allowed = False
        else:
            allowed = LEVEL[other] <= LEVEL[module]
        if not allowed:
            wrong.append(other)
    assert not wrong, f"{module} must not import {sorted(wrong)}"


def test_every_module_has_its_place() -> None:
    modules = {top_module(path) for path in PYTHON_FILES}
    assert modules <= set(LEVEL) | {"runtime"}, "a new module needs a row in LAYERS, and a line in the design"


def test_the_documentation_shows_these_rows() -> None:
    shown = re.findall(r"^\| \d+ \| (.+?) \|", (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    present = {top_module(path) for path in PYTHON_FILES} | {"_core"}
    assert [set(re.findall(r"\w+", row)) for row in shown] == [row & present for row in LAYERS]


def includes(path: Path) -> list[tuple[str, bool]]:
    """Return the included names of a C++ file and whether each is in quotes."""
    found = re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', path.read_text(encoding="utf-8"), re.MULTILINE)
    return [(name, quote == '"') for quote, name in found]


def cpp_files(folder: str) -> list[Path]:
    return sorted(path for suffix in ("*.hpp", "*.cpp") for path in (CPP / folder).rglob(suffix))


@pytest.mark.parametrize("path", cpp_files("include/emotion") + cpp_files("src"), ids=lambda path: str(path.relative_to(CPP)))
def test_rooms_include_only_what_they_may(path: Path) -> None:
    root = CPP / ("src" if (CPP / "src") in path.parents else "include/emotion")
    room = path.relative_to(root).parts[0]
    wrong = []
    for name, quoted in includes(path):
        if name.startswith("emotion/"):
            if name.split("/")[1] not in MAY_INCLUDE[room]:
                wrong.append(name)
        elif quoted and "/" in name:
            wrong.append(name)  # a private header is named without a folder, and lies beside the file
    assert not wrong, f"room {room} must not include {wrong}"


@pytest.mark.parametrize("path", cpp_files("include/emotion"), ids=lambda path: str(path.relative_to(CPP)))
def test_public_headers_name_the_standard_library_only(path: Path) -> None:
    foreign = [name for name, _ in includes(path) if not name.startswith("emotion/") and ("/" in name or "." in name)]
    assert not foreign, "third-party headers appear in cpp/src only"


@pytest.mark.parametrize("path", cpp_files("src") + cpp_files("bindings"), ids=lambda path: str(path.relative_to(CPP)))
def test_single_door_libraries(path: Path) -> None:
    relative = str(path.relative_to(CPP / "src")) if (CPP / "src") in path.parents else f"../bindings/{path.name}"
    for name, _ in includes(path):
        door = THIRD_PARTY.get(name.split("/")[0])
        assert door is None or relative in door, f"{name} is included in {sorted(door or ())} only"
        assert "Python.h" not in name and (not name.startswith("pybind11") or "bindings" in relative), "the core knows no Python"


def unit_of(path: Path) -> str:
    return str(path.relative_to(CPP / "src").with_suffix(""))


@pytest.mark.parametrize("path", [path for path in cpp_files("src") if path.suffix == ".cpp"], ids=lambda path: str(path.relative_to(CPP)))
def test_every_unit_has_a_test(path: Path) -> None:
    assert (CPP / "tests" / f"{unit_of(path)}_test.cpp").is_file()


def test_no_globbing_in_cmake() -> None:
    for path in [REPOSITORY / "CMakeLists.txt", *CPP.rglob("CMakeLists.txt")]:
        assert "GLOB" not in path.read_text(encoding="utf-8"), f"{path.name}: sources are listed by name"


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    return [REPOSITORY / name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def test_tracked_files_name_no_path_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.$/~-])/(?:work|root|home|Users|farm)/[a-z]")
    wrong = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{path.relative_to(REPOSITORY)}: {line.strip()[:80]}" for line in text.splitlines() if pattern.search(line)]
    assert not wrong


def test_tracked_files_are_small() -> None:
    large = [str(path.relative_to(REPOSITORY)) for path in tracked_files() if path.stat().st_size > 4_000_000]
    assert not large
