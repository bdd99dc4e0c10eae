"""The README stays short and true: its links, files, commands and its Python examples exist and work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import emotion_native

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("benchmarks/*.md")])
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short_and_its_first_screen_names_the_two_commands() -> None:
    lines = README.splitlines()
    assert len(lines) <= 150
    first_screen = "\n".join(lines[:25])
    assert "scripts/demo" in first_screen and "scripts/test" in first_screen


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:", "#")):
            continue
        if not (page.parent / target.partition("#")[0]).exists():
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_named_files_of_the_repository_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/.-])((?:scripts|tests|benchmarks|configs|cpp|docs|licenses)/[\w./-]*[\w])(?![\w*]|/?[A-Z])", text))
    missing = [name for name in named if not re.search(r"[A-Z]{4}", name) and not (REPOSITORY / name).exists()]
    assert not missing


def commands() -> set[str]:
    from emotion_native.cli.app import app

    return {command.name or command.callback.__name__ for command in app.registered_commands if command.callback is not None}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_named_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```.*?```", text, re.DOTALL))
    named = set(re.findall(r"^emotion-native ([a-z][a-z-]*)", blocks, re.MULTILINE)) | set(re.findall(r"`emotion-native ([a-z][a-z-]*)[^`]*`", text))
    assert named <= commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_named_options_exist(page: Path) -> None:
    from typer.main import get_command

    from emotion_native.cli.app import app

    known = {name: {option for parameter in command.params for option in parameter.opts} for name, command in get_command(app).commands.items()}
    wrong = []
    blocks = "\n".join(re.findall(r"```.*?```", page.read_text(encoding="utf-8"), re.DOTALL))
    for name, rest in re.findall(r"^emotion-native ([a-z][a-z-]*)([^#\n]*)", blocks, re.MULTILINE):
        wrong += [f"{name} {option}" for option in re.findall(r"(?<=\s)--?[a-z][\w-]*", rest) if option not in known[name]]
    assert not wrong


def test_the_python_examples_of_the_readme_run_one_after_another(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(examples) >= 2
    whole = "\n".join(examples)
    package = Path(emotion_native.__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, "-c", whole], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    score = float(done.stdout.split()[0])
    assert 0.4 < score <= 1.0, "four classes: chance is 0.25"


WHOLE_EXAMPLES = [f"reference/{name}" for name in ("ensemble", "sampling", "model-selection", "explain", "export", "metrics")] + ["how-to/many-folds"]


@pytest.mark.parametrize("page", WHOLE_EXAMPLES)
def test_python_examples_that_stand_alone_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(import .*?)```", (REPOSITORY / "docs" / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, page, "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", ["splits", "model-to-clip", "calibration", "comparing-models", "search", "streaming"])
def test_python_examples_that_build_on_each_other_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 2
    names = {"__name__": "example"}
    for example in examples:
        exec(compile(example, page, "exec"), names)


def test_decision_records_are_short_and_numbered() -> None:
    records = sorted((REPOSITORY / "docs" / "adr").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 60
        assert all(part in text for part in ("**Context.**", "**Decision.**", "**Consequences.**"))


def test_the_index_lists_every_page() -> None:
    """A page that nothing leads to is a page that nobody keeps true."""
    docs = REPOSITORY / "docs"
    index = docs / "index.md"
    linked = {(docs / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", index.read_text(encoding="utf-8"))}
    assert sorted(str(page.relative_to(docs)) for page in docs.glob("**/*.md") if page != index and page.resolve() not in linked) == []
