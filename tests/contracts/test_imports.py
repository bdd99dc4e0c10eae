"""What an import costs, and what it must not bring along. Each check runs in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

PROBE = """
import json, sys, time
before = set(sys.modules)
begun = time.perf_counter()
{statement}
seconds = time.perf_counter() - begun
print(json.dumps([seconds, sorted(name.partition(".")[0] for name in set(sys.modules) - before)]))
"""


def loaded_by(statement: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROBE.format(statement=statement)], capture_output=True, text=True, check=True)
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    print(f"{statement}: {1000 * seconds:.0f} ms")
    return set(modules)


LEARNING = {"sklearn", "scipy", "pandas", "pyarrow", "matplotlib"}
HEAVY = LEARNING | {"torch", "streamlit", "fastapi", "typer", "rich", "pydantic", "yaml", "librosa", "imblearn"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import emotion_native") & HEAVY
    assert not loaded_by("import emotion_native") & {"numpy"}, "even NumPy waits for the first module that needs it"


def test_the_inference_runtime_needs_numpy_alone() -> None:
    loaded = loaded_by("import emotion_native as en; en.load_model; en.EmotionModel; en.audio.functionals")
    assert not loaded & HEAVY


def test_figures_are_drawn_late() -> None:
    assert "matplotlib" not in loaded_by("from emotion_native import reports, experiment")


def test_competitors_are_never_imported() -> None:
    modules = "calibration, datasets, ensemble, experiment, explain, feature_selection, features, impute, linear_model, metrics, model_selection"
    loaded = loaded_by(f"from emotion_native import {modules}, over_sampling, persistence, pipeline, preprocessing, reports, runtime")
    assert not loaded & {"imblearn", "librosa", "shap", "torch", "soundfile"}


def test_the_command_line_answers_help_without_the_learning_stack() -> None:
    assert not loaded_by("import emotion_native.cli") & LEARNING
