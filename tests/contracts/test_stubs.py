"""The stubs of the compiled module are those that the generator gives now: scripts/generate_stubs writes them."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

REPOSITORY = Path(__file__).resolve().parents[2]
STUBS = REPOSITORY / "python" / "emotion_native" / "_core.pyi"


def signatures(text: str) -> dict[str, list[str]]:
    """Return the parameter names of every function and method: what no version of the generator words differently."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            found[node.name] = sorted(item.name for item in node.body if isinstance(item, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = [argument.arg for argument in node.args.args]
    return found


def test_stubs_are_fresh() -> None:
    fresh = runpy.run_path(str(REPOSITORY / "scripts" / "generate_stubs.py"))["generate"]()
    stored = STUBS.read_text(encoding="utf-8")
    # The first line names the tools' versions; others may word the same type differently, but not change names.
    if fresh.splitlines()[0] == stored.splitlines()[0]:
        assert fresh == stored, "run scripts/generate_stubs"
    assert signatures(fresh) == signatures(stored), "run scripts/generate_stubs"
