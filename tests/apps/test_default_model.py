"""The model that ships with the package: small, grouped, trained on the bundled corpus alone, and what the committed script builds."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

import emotion_native as en

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "build_default_model"


def script() -> Any:
    loader = importlib.machinery.SourceFileLoader("build_default_model", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_size_and_provenance() -> None:
    path = Path(en.runtime.DEFAULT_MODEL)
    assert path.stat().st_size < 1_000_000
    model = en.load_model()
    assert model.classes == ("angry", "happy", "neutral", "sad") and model.provenance["ungrouped"] is False
    assert model.provenance["n_speakers"] == 5 and "describes a performance" in model.provenance["intended_use"]
    assert 0 < (model.threshold or 0) < 1 and model.calibration == "temperature"


def test_the_script_builds_this_model(tmp_path: Path) -> None:
    """Same probabilities, bit for bit: the file's text may differ by the versions that it names."""
    sample = en.datasets.load_sample()
    X = en.features.extract(sample, progress=False, cache=False).X
    built = en.load_model(script().build(tmp_path))
    shipped = en.load_model()
    np.testing.assert_array_equal(built.predict_features(X).probabilities, shipped.predict_features(X).probabilities)
    assert built.threshold == shipped.threshold
