"""The judge of scripts/peer_tests: nothing passes that is not listed for what it says, and nothing stays listed that no longer fails."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
RULES = {"sparse": {"text": "…", "messages": ["Sparse data"]}}
MODULE = {
    "module": "m",
    "swaps": {},
    "scope": {"sparse": ["test_sparse"]},
    "differences": [{"tests": ["test_draws"], "says": ["not equal"], "because": "…"}],
    "words": [{"tests": ["test_words"], "because": "…"}],
}


@pytest.fixture(scope="module")
def peer_tests() -> ModuleType:
    spec = importlib.util.spec_from_file_location("peer_tests", SCRIPTS / "peer_tests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["peer_tests"] = module
    spec.loader.exec_module(module)
    return module


def one(outcome: str, message: str = "", *, ours: bool = True, words: Any = ()) -> dict[str, Any]:
    return {"outcome": outcome, "message": message, "ours": ours, "words": list(words), "where": ""}


def outcomes() -> dict[str, dict[str, Any]]:
    return {
        "test_sparse[a]": one("failed", "TypeError: Sparse data was passed"),
        "test_sparse[b]": one("passed"),
        "test_draws": one("failed", "Arrays are not equal"),
        "test_words": one("passed", words=[["theirs", "ours"]]),
        "test_theirs": one("failed", "anything", ours=False),
        "test_skipped": one("skipped"),
    }


def test_listed_failures_pass(peer_tests: ModuleType) -> None:
    result = peer_tests.judge(MODULE, outcomes(), RULES)
    assert result["unlisted"] == {}
    assert result["stale"] == []
    assert result["counts"] == {"tests": 5, "passed": 2, "words": 1, "skipped": 1, "differences": 1, "scope": 1, "unlisted": 0, "others": 1}


def test_a_listed_test_that_fails_for_another_reason_is_not_listed(peer_tests: ModuleType) -> None:
    found = outcomes() | {"test_draws": one("failed", "KeyError: 'x'"), "test_new": one("failed", "Sparse data was passed")}
    result = peer_tests.judge(MODULE, found, RULES)
    assert sorted(result["unlisted"]) == ["test_draws", "test_new"]
    assert result["stale"] == ["test_draws"]


def test_entries_without_a_failure_are_stale(peer_tests: ModuleType) -> None:
    found = outcomes() | {"test_sparse[a]": one("passed"), "test_draws": one("passed"), "test_words": one("passed")}
    assert peer_tests.judge(MODULE, found, RULES)["stale"] == ["test_sparse", "test_draws", "test_words"]


def test_the_list_gives_a_reason_for_everything() -> None:
    listed = yaml.safe_load((SCRIPTS / "peer_differences.yaml").read_text(encoding="utf-8"))
    assert all(rule["text"] and rule["messages"] for rule in listed["rules"].values())
    for module in listed["modules"]:
        assert set(module.get("scope", {})) <= set(listed["rules"])
        for entry in module.get("differences", []):
            assert entry["tests"]
            assert entry["says"]
            assert len(entry["because"]) > 20
